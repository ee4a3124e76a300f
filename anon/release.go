package anon

import (
	"runtime/debug"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/report"
)

// A Release is what a run has made: a table per declared release, and the
// report. Nothing of it has been written yet.
type Release struct {
	plan   *Plan
	tables []table
	report *report.Report
}

// A table is one finished release.
type table struct {
	step    *step
	source  arrowio.Source
	input   arrowio.Source // of rows: what they were made of, perhaps a sample
	fitted  arrow.Record   // of statistics: the table once its totals add up; nil before
	release func()         // may be nil
}

// Names returns the names of the releases, in the order of the policy.
func (r *Release) Names() []string {
	var out []string
	for _, t := range r.tables {
		out = append(out, t.step.Name)
	}
	return out
}

// Table returns the table of a release, nil if there is none of the name.
func (r *Release) Table(name string) arrowio.Source {
	for _, t := range r.tables {
		if t.step.Name == name {
			return t.source
		}
	}
	return nil
}

// Report returns what the release says about itself. It may be published. The
// files and hashes of the tables are in it once WriteDir has written them.
func (r *Release) Report() *report.Report { return r.report }

// Close gives up the memory of the tables, which are not used again. The
// report stays.
func (r *Release) Close() {
	for _, t := range r.tables {
		if t.release != nil {
			t.release()
		}
	}
	r.tables = nil
}

// newReport begins the report with what the policy alone says.
func (p *Plan) newReport() *report.Report {
	r := &report.Report{Oboro: report.Format, Title: p.policy.Title, Software: software(), PolicySHA256: p.policy.sha256, Files: map[string]string{}, Warnings: p.warnings}
	for path, f := range p.policy.Files {
		r.Files[path] = f.SHA256
	}
	if !p.total.IsZero() {
		r.Total = &report.Total{Epsilon: orNil(p.total.Epsilon()), Delta: orNil(p.total.Delta()), Rho: orNil(p.total.Rho())}
	}
	return r
}

func orNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// software names the version of this library in the running program.
func software() string {
	const module = "github.com/oboro-data/oboro"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range append(info.Deps, &info.Main) {
			if m.Path == module && m.Version != "" && m.Version != "(devel)" {
				return "oboro " + m.Version
			}
		}
	}
	return "oboro (development version)"
}
