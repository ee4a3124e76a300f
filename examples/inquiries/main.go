// Command inquiries counts what members write about, where a few topics are
// common and many are rare.
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

func main() { os.Exit(show.Main(run, 5_000)) }

func run(ctx context.Context, w io.Writer, rows int64, out string) error {
	inquiries := demo.NewInquiries(demo.Seed, rows)
	release, err := show.Release(ctx, w, policy, inquiries, out)
	if err != nil {
		return err
	}
	defer release.Close()

	topics, err := show.Rows(ctx, release, "by_topic", "topic", "people")
	if err != nil {
		return err
	}
	people, err := show.Totals(topics, 0)
	if err != nil {
		return err
	}
	first := show.Largest(people)
	delete(people, first)
	fmt.Fprintf(w, "most people write about %s, then %s; ", first, show.Largest(people))
	if len(topics) < 40 {
		fmt.Fprint(w, "some of the 40 topics are too rare to appear\n\n")
	} else {
		fmt.Fprint(w, "all 40 topics appear\n\n")
	}
	return show.Refused(w, refused, inquiries)
}
