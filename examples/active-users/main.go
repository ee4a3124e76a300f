// Command active-users counts the members who log in each day, by prefecture,
// age and sex, from the log.
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

func main() { os.Exit(show.Main(run, 400_000)) }

func run(ctx context.Context, w io.Writer, rows int64, out string) error {
	logins := demo.NewLogins(demo.Seed, rows)
	release, err := show.Release(ctx, w, policy, logins, out)
	if err != nil {
		return err
	}
	defer release.Close()

	days, err := show.Rows(ctx, release, "by_day", "at", "members")
	if err != nil {
		return err
	}
	cells, err := show.Rows(ctx, release, "by_day_and_place", "at", "prefecture", "members")
	if err != nil {
		return err
	}
	all, err := show.Total(days)
	if err != nil {
		return err
	}
	shown, err := show.Total(cells)
	if err != nil {
		return err
	}
	byPlace, err := show.Totals(cells, 1)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%d days, %.0f thousand members on a day; the cells large enough to be shown hold %.0f tenths of them, most of these in %s\n\n",
		len(days), all/float64(len(days))/1000, 10*shown/all, show.Largest(byPlace))
	return show.Refused(w, refused, logins)
}
