// Command accuracy compares the errors of oboro's statistics with those of
// Google's differential privacy library at the same privacy, by simulation, and
// writes a page with a table and a chart.
//
//	go run ./accuracy -out ../docs
//
// oboro's statistics come out of dp.Run, the library's out of its package
// dpagg. Both draw noise from the operating system, so figures vary a little
// from run to run; the data are seeded.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

func main() {
	out := flag.String("out", "", "folder for accuracy.md and accuracy.svg; empty: print only")
	trials := flag.Int("trials", 10_000, "trials of mean, variance and count; quantiles get a twentieth, counts five times as many")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *trials, *out); err != nil {
		fmt.Fprintln(os.Stderr, "accuracy:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, trials int, out string) error {
	start := time.Now()
	var results []comparison
	for _, group := range experiments(trials) {
		for _, e := range group {
			c, err := e(ctx)
			if err != nil {
				return err
			}
			fmt.Fprintf(os.Stderr, "%-12s %-44s %9.4g %9.4g  %6.2f ± %.2f\n", c.Statistic, c.Setting, c.Ours.figure, c.Theirs.figure, c.ratio(), c.margin())
			results = append(results, c)
		}
	}
	page := markdown(results, time.Since(start))
	if out == "" {
		fmt.Print(page)
		return nil
	}
	if err := os.WriteFile(filepath.Join(out, "accuracy.svg"), []byte(chart(results)), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "accuracy.md"), []byte(page), 0o644)
}
