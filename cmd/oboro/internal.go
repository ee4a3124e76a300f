package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/oboro-data/oboro/anon"
	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/internal/measure"
	"github.com/oboro-data/oboro/kanon/risk"
	"github.com/oboro-data/oboro/report"
)

// internalReport is what --internal writes: risk and utility measured on the
// input, for its owner.
type internalReport struct {
	Warning  string            `json:"warning"`
	Title    string            `json:"title"`
	Releases []internalRelease `json:"releases"`
}

type internalRelease struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
	// Input is how far the columns single people out as they are: the
	// quasi-identifiers of microdata, no column for statistics (which counts
	// rows and people only).
	Columns []string          `json:"columns"`
	Input   *measure.Exposure `json:"input"`
	// InputRisk supposes an attacker who knows that a person is in the input.
	InputRisk *prosecutorRisk `json:"input_risk,omitempty"`
	// Released is the same of the released rows, which hold no people.
	Released       *measure.Exposure `json:"released,omitempty"`
	ReleasedRisk   *prosecutorRisk   `json:"released_risk,omitempty"`
	SuppressedRows *int64            `json:"suppressed_rows,omitempty"`
	ReleasedGroups *int64            `json:"released_groups,omitempty"`
}

// A prosecutorRisk is the risk of risk.Prosecutor, with shares between 0 and 1.
type prosecutorRisk struct {
	Highest   float64 `json:"highest"`
	Average   float64 `json:"average"`
	Threshold float64 `json:"threshold"`
	AtRisk    float64 `json:"at_risk"` // share of those whose risk is above the threshold
}

// riskThreshold is a class of five.
const riskThreshold = 0.2

func prosecutor(e *measure.Exposure) *prosecutorRisk {
	r := risk.Prosecutor(e.Sizes, riskThreshold)
	return &prosecutorRisk{r.Highest, r.Average, riskThreshold, r.AtRisk}
}

// writeInternal measures the input and writes the file, readable by its owner
// only.
func writeInternal(ctx context.Context, file string, policy *anon.Policy, src arrowio.Source, rel *anon.Release) error {
	out := internalReport{Warning: "Measured on the input. Do not publish.", Title: policy.Title}
	for _, r := range rel.Report().Releases {
		in, err := measureRelease(ctx, policy.Unit, src, rel, &r)
		if err != nil {
			return err
		}
		out.Releases = append(out.Releases, *in)
	}
	text, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return fault.Inputf("--internal: the figures can't be written: %w", err)
	}
	name := filepath.Base(file)
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fault.Planf("--internal %s: it exists already; name a new file", name)
	}
	if err != nil {
		return fault.Inputf("--internal %s: the file can't be written", name)
	}
	_, err = f.Write(append(text, '\n'))
	if err := errors.Join(err, f.Close()); err != nil {
		os.Remove(file)
		return fault.Inputf("--internal %s: the file can't be written", name)
	}
	return nil
}

func measureRelease(ctx context.Context, unit string, src arrowio.Source, rel *anon.Release, r *report.Release) (out *internalRelease, err error) {
	out = &internalRelease{Name: r.Name, Kind: r.Kind, Columns: []string{}}
	if m := r.Microdata; m != nil {
		for _, c := range m.Columns {
			if c.Role == string(anon.QuasiIdentifier) && c.MaxLevel != nil {
				out.Columns = append(out.Columns, c.Name)
			}
		}
		out.SuppressedRows = &m.SuppressedRows
		if out.Released, err = measure.Expose(ctx, rel.Table(r.Name), "", out.Columns); err != nil {
			return nil, err
		}
		out.ReleasedRisk = prosecutor(out.Released)
	}
	if s := r.Statistics; s != nil {
		out.ReleasedGroups = &s.Groups
	}
	if out.Input, err = measure.Expose(ctx, src, unit, out.Columns); err != nil {
		return nil, err
	}
	if r.Microdata != nil {
		out.InputRisk = prosecutor(out.Input)
	}
	return out, nil
}
