package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/oboro-data/oboro/anon"
	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/arrowio/parquet"
	"github.com/oboro-data/oboro/internal/fault"
)

type verifyCommand struct {
	Dir   string   `arg:"" help:"Release folder."`
	Input []string `help:"The table it was made from, if at hand; more can then be checked." placeholder:"FILE" sep:"none"`
	More  []string `arg:"" optional:"" name:"input" help:"Further inputs, as a shell expands a pattern behind --input."`
	JSON  bool     `help:"Print the checks as JSON."`
	csvFlags
}

// Run checks a release folder and prints how each claim was checked.
func (c *verifyCommand) Run(ctx context.Context, s *session) error {
	o := anon.VerifyOptions{Formats: []arrowio.Format{parquet.Format}}
	inputs, err := allInputs(c.Input, c.More)
	if err != nil {
		return err
	}
	if len(inputs) > 0 {
		policy, err := anon.FolderPolicy(c.Dir)
		if err != nil {
			return err
		}
		csv, err := c.csvFlags.apply(policy.CSVOptions())
		if err != nil {
			return err
		}
		if o.Input, err = openInput(ctx, inputs, csv); err != nil {
			return err
		}
	}
	v, err := anon.VerifyDir(ctx, c.Dir, o)
	if err != nil {
		return err
	}
	if c.JSON {
		text, err := json.MarshalIndent(map[string]any{"verified": true, "checks": v.Checks}, "", "  ")
		if err != nil {
			return fault.Inputf("the checks can't be written: %w", err)
		}
		return s.print(string(text) + "\n")
	}
	return s.print(verification(c.Dir, v))
}

// verification lists the checks of each release: how each was made, and what
// was looked at.
func verification(dir string, v *anon.Verification) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is verified.\n", dir)
	release, first := "", true
	for _, c := range v.Checks {
		if first || c.Release != release {
			release, first = c.Release, false
			name := release
			if name == "" {
				name = "the folder"
			}
			fmt.Fprintf(&b, "\n%s\n", name)
		}
		by := map[string]string{"output": "from the output", "input": "from the input"}[c.By]
		if by == "" {
			by = "not checkable"
		}
		fmt.Fprintf(&b, "  %-16s %s\n", by, c.Claim)
		if c.Note != "" {
			fmt.Fprintf(&b, "  %-16s %s\n", "", c.Note)
		}
	}
	return b.String()
}
