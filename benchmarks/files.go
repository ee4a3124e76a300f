package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/oboro-data/oboro/arrowio/parquet"
	"github.com/oboro-data/oboro/benchmarks/measure"
	"github.com/oboro-data/oboro/benchmarks/workload"
)

// fileToFile runs the command line on the enlarged census table: from a Parquet
// and a CSV file to an anonymised, verified release folder. A process's peak of
// resident memory is at least what its parent held when it was started, so this
// experiment holds next to nothing.
func fileToFile(ctx context.Context, cfg config) (out []row, err error) {
	base := references[0].path(cfg)
	if _, err := os.Stat(base); err != nil {
		fmt.Fprintln(os.Stderr, "adult: reference table absent, left out")
		return nil, nil
	}
	a, err := workload.NewAdult(base, cfg.rows)
	if err != nil {
		return nil, err
	}
	bin := filepath.Join(cfg.dir, "oboro")
	build := exec.CommandContext(ctx, "go", "build", "-o", bin, "./cmd/oboro")
	build.Dir = cfg.root
	if text, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w\n%s", err, text)
	}
	policy := filepath.Join(cfg.dir, "policy.yaml")
	if err := os.WriteFile(policy, []byte(adultPolicy(cfg)), 0o644); err != nil {
		return nil, err
	}
	inputs := map[string]string{"Parquet": filepath.Join(cfg.dir, "adult.parquet"), "CSV": filepath.Join(cfg.dir, "adult.csv")}
	if err := parquet.WriteFile(ctx, inputs["Parquet"], a); err != nil {
		return nil, err
	}
	f, err := os.Create(inputs["CSV"])
	if err != nil {
		return nil, err
	}
	if err := a.WriteCSV(f); err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	debug.FreeOSMemory()
	for _, name := range []string{"Parquet", "CSV"} {
		var samples []measure.Sample
		var peaks []float64
		for range cfg.rounds {
			cmd := exec.CommandContext(ctx, bin, "run", policy, "--input", inputs[name], "--out", filepath.Join(cfg.dir, "out"), "--replace", "--workers", fmt.Sprint(cfg.workers))
			start := time.Now()
			if text, err := cmd.CombinedOutput(); err != nil {
				return out, fmt.Errorf("oboro run: %w\n%s", err, text)
			}
			use := cmd.ProcessState.SysUsage().(*syscall.Rusage)
			peaks = append(peaks, float64(use.Maxrss<<10))
			samples = append(samples, measure.Sample{Wall: time.Since(start), CPU: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()})
		}
		work := fmt.Sprintf("oboro run, census × %s × 9, 2 %%, from %s", short(cfg.rows), name)
		rows := compare(work, cfg.rows, "wall", measure.Wall, []measure.Result{{Name: "oboro", Samples: samples}})
		rows[0].Allocs = elsewhere
		out = append(out, rows...)
		if name == "Parquet" && cfg.rows == 10_000_000 {
			// Recorded on a machine of the same kind: the whole process, from CSV, before anything is written.
			out = append(out, row{Work: work, Contender: "ARX, from CSV, nothing written", Clock: "wall", Value: 32, PerRow: 3200, Ratio: rows[0].Value / 32, Rounds: 1, Recorded: true})
		}
		out = append(out, memoryRow(work+", resident", cfg.rows, peaks))
	}
	return out, nil
}

func adultPolicy(cfg config) string {
	var b strings.Builder
	b.WriteString("oboro: 1\ntitle: census\nunit: row\ninput: {delimiter: \";\"}\ncolumns:\n")
	for _, c := range adultColumns {
		fmt.Fprintf(&b, "  %s: {role: quasi-identifier, hierarchy: {file: %s}}\n", c, references[0].hierarchyPath(cfg, c))
	}
	b.WriteString("releases:\n  - name: census\n    kind: microdata\n    basis: benchmark\n    models: [{k-anonymity: {k: 5}}]\n    suppression-limit: 0.02\n")
	return b.String()
}
