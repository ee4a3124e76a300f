// Command page-views counts the members that pages of each category reach, by
// device, from a log in which three views in ten are of nobody known.
package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"os"

	"github.com/oboro-data/oboro/examples/internal/show"
	"github.com/oboro-data/oboro/internal/demo"
)

var (
	//go:embed policy.yaml
	policy string
	//go:embed refused.yaml
	refused string
)

func main() { os.Exit(show.Main(run, 1_200_000)) }

func run(ctx context.Context, w io.Writer, rows int64, out string) error {
	views := demo.NewViews(demo.Seed, rows)
	release, err := show.Release(ctx, w, policy, views, out)
	if err != nil {
		return err
	}
	defer release.Close()

	devices, err := show.Rows(ctx, release, "devices", "device", "members")
	if err != nil {
		return err
	}
	cells, err := show.Rows(ctx, release, "reach", "category", "device", "members")
	if err != nil {
		return err
	}
	members, err := show.Total(devices)
	if err != nil {
		return err
	}
	byDevice, err := show.Totals(devices, 0)
	if err != nil {
		return err
	}
	byCategory, err := show.Totals(cells, 0)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%.0f thousand members, most of them by %s; of %d categories %s reaches most\n\n",
		members/1000, show.Largest(byDevice), len(byCategory), show.Largest(byCategory))
	return show.Refused(w, refused, views)
}
