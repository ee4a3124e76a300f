package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/oboro-data/oboro/benchmarks/measure"
)

// A row is one contender's figures in one piece of work.
type row struct {
	Work      string
	Contender string
	Clock     string  // "CPU" or "wall"
	Seconds   float64 // median
	Spread    float64 // half the quartile distance over the median
	PerRow    float64 // nanoseconds, 0 where rows mean nothing
	Ratio     float64 // oboro's median over this one's; 1 for oboro
	Rounds    int
}

// compare makes rows of results whose first is oboro's.
func compare(work string, rows int, clock string, c measure.Clock, results []measure.Result) []row {
	var out []row
	for _, r := range results {
		x := row{Work: work, Contender: r.Name, Clock: clock, Rounds: len(r.Samples), Spread: r.Spread(c)}
		x.Seconds = r.Median(c).Seconds()
		if rows > 0 {
			x.PerRow = x.Seconds * 1e9 / float64(rows)
		}
		x.Ratio = measure.Ratio(results[0], r, c)
		out = append(out, x)
	}
	return out
}

func markdown(rows []row) string {
	var b strings.Builder
	fmt.Fprintln(&b, "| work | contender | median s | ± | ns/row | oboro / contender |")
	fmt.Fprintln(&b, "|---|---|---|---|---|---|")
	for _, r := range rows {
		perRow := ""
		if r.PerRow > 0 {
			perRow = fmt.Sprintf("%.1f", r.PerRow)
		}
		fmt.Fprintf(&b, "| %s (%s) | %s | %.4g | %.0f %% | %s | %.3g |\n", r.Work, r.Clock, r.Contender, r.Seconds, 100*r.Spread, perRow, r.Ratio)
	}
	return b.String()
}

// writeResults writes results.json, ratios.svg and README.md into a folder.
func writeResults(dir string, cfg config, rows []row) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "results.json"), append(raw, '\n'), 0o644); err != nil {
		return err
	}
	if err := drawChart(filepath.Join(dir, "ratios.svg"), rows); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "README.md"), []byte(page(cfg, rows)), 0o644)
}

// page is the text around the table.
func page(cfg config, rows []row) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Benchmarks\n\nMade by `make bench` on %s.\n\n", machine(cfg))
	b.WriteString(`Contenders run in turn in one process; every figure is the median of several rounds, ± half the distance of the
quartiles. CPU time is that of the whole process: all threads, garbage collection and kernel included. Read the last
column: oboro's time over the other's. Times marked as recorded were not measured in this run.

![ratios](ratios.svg)

`)
	b.WriteString(markdown(rows))
	return b.String()
}

// machine describes where the figures were taken.
func machine(cfg config) string {
	model := "an unknown processor"
	if raw, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for _, l := range strings.Split(string(raw), "\n") {
			if name, value, ok := strings.Cut(l, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	load := ""
	if raw, err := os.ReadFile("/proc/loadavg"); err == nil {
		load = ", load average " + strings.Fields(string(raw))[0] + " at the end"
	}
	return fmt.Sprintf("%s, %d threads, %s %s/%s%s", model, cfg.workers, runtime.Version(), runtime.GOOS, runtime.GOARCH, load)
}

// short writes a number of rows as people say it.
func short(n int) string {
	switch {
	case n >= 1_000_000:
		return fmt.Sprintf("%g M", float64(n)/1e6)
	case n >= 1000:
		return fmt.Sprintf("%g k", float64(n)/1e3)
	}
	return fmt.Sprint(n)
}
