// Command microdata releases rows of members to a research group.
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

func main() { os.Exit(show.Main(run, 100_000)) }

func run(ctx context.Context, w io.Writer, rows int64, out string) error {
	members := demo.NewMembers(demo.Seed, rows)
	release, err := show.Release(ctx, w, policy, members, out)
	if err != nil {
		return err
	}
	defer release.Close()

	// Rows carry no noise, so all of this is the same in every run.
	m := release.Report().Releases[0].Microdata
	fmt.Fprintf(w, "%d of %d rows in %d classes, of %d people or more\n", m.Rows, m.InputRows, m.Classes, m.SmallestClass)
	for _, c := range m.Columns {
		if c.Level != nil {
			fmt.Fprintf(w, "  %-10s  level %d of %d, %s\n", c.Name, *c.Level, *c.MaxLevel, c.LevelName)
		}
	}
	bySex, err := show.Rows(ctx, release, "members", "sex", "usage_minutes")
	if err != nil {
		return err
	}
	minutes, err := show.Total(bySex)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "mean of usage_minutes: %.0f\n\n", minutes/float64(m.Rows))
	return show.Refused(w, refused, members)
}
