// Command advertisers counts members by age, sex and prefecture, for people
// who buy advertisements.
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

func main() { os.Exit(show.Main(run, 200_000)) }

func run(ctx context.Context, w io.Writer, rows int64, out string) error {
	members := demo.NewMembers(demo.Seed, rows)
	release, err := show.Release(ctx, w, policy, members, out)
	if err != nil {
		return err
	}
	defer release.Close()

	// The noise of a cell, about 1.4 people, all but vanishes in sums over
	// hundreds of cells.
	cells, err := show.Rows(ctx, release, "reach", "sex", "prefecture", "members")
	if err != nil {
		return err
	}
	bySex, err := show.Totals(cells, 0)
	if err != nil {
		return err
	}
	byPrefecture, err := show.Totals(cells, 1)
	if err != nil {
		return err
	}
	most := show.Largest(byPrefecture)
	all := bySex["女性"] + bySex["男性"] + bySex["無回答"]
	fmt.Fprintf(w, "%d cells, %.0f thousand members, %.0f thousand of them women; %.0f %% live in %s\n\n",
		len(cells), all/1000, bySex["女性"]/1000, 100*byPrefecture[most]/all, most)
	return show.Refused(w, refused, members)
}
