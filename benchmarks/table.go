package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
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

// writeResults writes results.json and README.md into a folder.
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
	return os.WriteFile(filepath.Join(dir, "results.md"), []byte(markdown(rows)), 0o644)
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
