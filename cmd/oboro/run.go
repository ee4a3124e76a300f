package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/oboro-data/oboro/anon"
	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/fault"
)

type planCommand struct {
	Policy string   `arg:"" help:"Policy file."`
	Input  []string `help:"Input file, or a pattern; repeatable." placeholder:"FILE" sep:"none"`
	More   []string `arg:"" optional:"" name:"input" help:"Further inputs, as a shell expands a pattern behind --input."`
	csvFlags
}

// Run prints the plan.
func (c *planCommand) Run(ctx context.Context, s *session) error {
	policy, err := anon.LoadPolicy(c.Policy)
	if err != nil {
		return err
	}
	inputs, err := allInputs(c.Input, c.More)
	if err != nil {
		return err
	}
	plan, err := policy.Plan(nil)
	if err != nil {
		return err
	}
	if len(inputs) > 0 {
		if plan, _, err = planFor(ctx, policy, inputs, c.csvFlags); err != nil {
			return err
		}
	}
	return s.print(strings.TrimRight(plan.String(), "\n") + "\n")
}

type runCommand struct {
	Policy   string   `arg:"" help:"Policy file."`
	Input    []string `help:"Input file, or a pattern; repeatable: .parquet, .csv, .csv.gz, .csv.zst, .arrow, .arrows." placeholder:"FILE" sep:"none" required:""`
	More     []string `arg:"" optional:"" name:"input" help:"Further inputs, as a shell expands a pattern behind --input."`
	Out      string   `help:"Release folder to write." placeholder:"DIR" required:""`
	Format   string   `help:"Format of the released tables: parquet, csv or ipc." enum:"parquet,csv,ipc" default:"parquet"`
	Replace  bool     `help:"Replace an earlier release folder."`
	Internal string   `help:"Write risk and utility measured on the input to this file: a page with pictures if it ends in .html, else JSON. It must not be published." placeholder:"FILE"`
	Ledger   string   `help:"Pay for the statistics from this budget, which is kept over runs (oboro ledger create)." placeholder:"FILE"`
	Workers  int      `help:"Goroutines; 0 is one per processor." default:"0"`
	Memory   byteSize `help:"Memory beyond the input, as 2GiB." placeholder:"SIZE"`
	Temp     string   `help:"Folder of temporary files under --memory; the one that holds --out if not given." placeholder:"DIR"`
	JSON     bool     `help:"Print the report as JSON."`
	csvFlags
}

// Run carries out the policy.
func (c *runCommand) Run(ctx context.Context, s *session) error {
	began := time.Now()
	if c.Workers < 0 {
		return fault.Planf("--workers: give a number from 0 up")
	}
	if err := checkTemp(c.Temp); err != nil {
		return err
	}
	inputs, err := allInputs(c.Input, c.More)
	if err != nil {
		return err
	}
	policy, err := anon.LoadPolicy(c.Policy)
	if err != nil {
		return err
	}
	if err := checkOut(c.Out, c.Replace); err != nil {
		return err
	}
	if err := checkInternal(c.Internal, c.Out); err != nil {
		return err
	}
	plan, src, err := planFor(ctx, policy, inputs, c.csvFlags)
	if err != nil {
		return err
	}
	if err := plan.CheckFormat(formats[c.Format]); err != nil {
		return err
	}
	return s.release(ctx, plan, src, releaseOptions{
		out: c.Out, replace: c.Replace, format: formats[c.Format], internal: c.Internal, ledger: c.Ledger,
		workers: c.Workers, memory: int64(c.Memory), temp: c.Temp, json: c.JSON, began: began,
	})
}

// allInputs joins the values of --input with what a shell's pattern left
// behind it: --input visits-*.csv arrives as one value and further arguments.
func allInputs(flag, more []string) ([]string, error) {
	if len(more) > 0 && len(flag) == 0 {
		return nil, fault.Planf("unexpected argument %s; inputs follow --input", filepath.Base(more[0]))
	}
	return append(flag[:len(flag):len(flag)], more...), nil
}

// planFor opens the input and checks the policy against its schema.
func planFor(ctx context.Context, policy *anon.Policy, inputs []string, flags csvFlags) (*anon.Plan, arrowio.Source, error) {
	csv, err := flags.apply(policy.CSVOptions())
	if err != nil {
		return nil, nil, err
	}
	src, err := openInput(ctx, inputs, csv)
	if errors.Is(err, fault.Plan) {
		return nil, nil, explained(ctx, policy, inputs, csv, err)
	}
	if err != nil {
		return nil, nil, err
	}
	plan, err := policy.Plan(src.Schema())
	return plan, src, err
}

// explained adds what the policy itself says of an input that can't be
// opened with its types, such as the place of a column that the header lacks.
func explained(ctx context.Context, policy *anon.Policy, inputs []string, csv arrowio.CSVOptions, was error) error {
	types := csv.Types
	for _, name := range inputs {
		csv.Types = nil
		src, err := openInput(ctx, []string{name}, csv)
		if err != nil || src.Schema().NumFields() < 2 { // perhaps the delimiter is another one
			continue
		}
		csv.Types = maps.Clone(types)
		maps.DeleteFunc(csv.Types, func(column string, _ arrowio.ColumnType) bool { return !src.Schema().HasField(column) })
		if src, err = openInput(ctx, []string{name}, csv); err != nil {
			continue
		}
		if _, err := policy.Plan(src.Schema()); err != nil {
			return fault.Planf("%w\n%w", was, err)
		}
	}
	return was
}

type releaseOptions struct {
	out, internal string
	ledger        string
	replace, json bool
	format        arrowio.Format
	workers       int
	memory        int64
	temp          string
	began         time.Time
	peek          int // released rows to show of each table
}

// limitMemory makes the runtime collect garbage in time to stay below a limit,
// less what is not under its control; 0 is none.
func limitMemory(limit int64) {
	if limit > 0 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit - limit/8)
	}
}

// release runs a plan, writes the folder and says what was released.
func (s *session) release(ctx context.Context, plan *anon.Plan, src arrowio.Source, o releaseOptions) error {
	if o.temp == "" {
		o.temp = filepath.Dir(filepath.Clean(o.out)) // a disk, which the system's folder need not be
	}
	limitMemory(o.memory)
	bar := s.newBar()
	rel, err := plan.Run(ctx, src, anon.RunOptions{Workers: o.workers, Memory: o.memory, Temp: o.temp, Backend: backend(), Progress: bar.show, Ledger: o.ledger})
	bar.clear()
	if err != nil {
		return err
	}
	defer rel.Close()
	if o.internal != "" {
		if err := writeInternal(ctx, o.internal, src, rel); err != nil {
			return err
		}
	}
	if err := rel.WriteDir(ctx, o.out, o.format, anon.WriteOptions{Replace: o.replace}); err != nil {
		if o.internal != "" {
			os.Remove(o.internal)
		}
		return err
	}
	if o.json {
		text, err := rel.Report().JSON()
		if err != nil {
			return err
		}
		return s.print(string(text))
	}
	text := fmt.Sprintf("Released into %s in %.1f s.\n\n%s", o.out, time.Since(o.began).Seconds(), rel.Report().Summary())
	for _, name := range rel.Names() {
		if o.peek > 0 {
			text += "\n" + peek(ctx, name, rel.Table(name), o.peek)
		}
	}
	text += fmt.Sprintf("\nRead    %s\nCheck   oboro verify %s\n", filepath.Join(o.out, "report.html"), o.out)
	return s.print(text)
}
