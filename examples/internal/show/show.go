// Package show is what the example programs have in common: it releases a
// table by a policy, says what came of it, and shows why another policy is
// refused.
package show

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/oboro-data/oboro/anon"
	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/arrowio/parquet"
)

// A Program is what an example does with so many synthetic rows: it writes
// what it finds to w, and leaves the release in the folder out, or nothing if
// out is empty.
type Program func(ctx context.Context, w io.Writer, rows int64, out string) error

// Main runs a program as a command with the arguments [ROWS [FOLDER]] and
// returns its exit code. Without arguments there are so many rows, and the
// folder is temporary.
func Main(program Program, rows int64) int {
	out := ""
	if len(os.Args) > 1 {
		n, err := strconv.ParseInt(os.Args[1], 10, 64)
		if err != nil || n < 0 || len(os.Args) > 3 {
			fmt.Fprintf(os.Stderr, "usage: %s [ROWS [FOLDER]]\n", filepath.Base(os.Args[0]))
			return 2
		}
		rows = n
	}
	if len(os.Args) > 2 {
		out = os.Args[2]
	}
	err := program(context.Background(), os.Stdout, rows, out)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return anon.ExitCode(err)
}

// Release makes the releases that a policy declares of src, writes them as a
// folder, and verifies the folder. It prints what is claimed. The caller closes
// the release.
func Release(ctx context.Context, w io.Writer, policy string, src arrowio.Source, out string) (*anon.Release, error) {
	if out == "" {
		dir, err := os.MkdirTemp("", "oboro-example-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		out = filepath.Join(dir, "release")
	}
	p, err := anon.ParsePolicy([]byte(policy), ".")
	if err != nil {
		return nil, err
	}
	plan, err := p.Plan(src.Schema()) // no row has been read
	if err != nil {
		return nil, err
	}
	release, err := plan.Run(ctx, src)
	if err != nil {
		return nil, err
	}
	if err := write(ctx, w, release, out); err != nil {
		release.Close()
		return nil, err
	}
	return release, nil
}

// write writes a release, reads it again as a sceptic would, and prints its
// claims.
func write(ctx context.Context, w io.Writer, release *anon.Release, out string) error {
	if err := release.WriteDir(ctx, out, parquet.Format); err != nil {
		return err
	}
	if _, err := anon.VerifyDir(ctx, out, anon.VerifyOptions{Formats: []arrowio.Format{parquet.Format}}); err != nil {
		return err
	}
	for _, r := range release.Report().Releases {
		fmt.Fprintf(w, "%s, verified:\n", r.File)
		for _, c := range r.Claims {
			fmt.Fprintf(w, "  %s\n", c.Text)
		}
	}
	return nil
}

// Rows returns the rows of a released table as text, without its header. A
// released table is small enough for that, or public enough to be read by
// other means.
func Rows(ctx context.Context, release *anon.Release, name string, columns ...string) ([][]string, error) {
	r, err := release.Table(name).Open(ctx, columns...)
	if err != nil {
		return nil, err
	}
	defer r.Release()
	var rows [][]string
	for r.Next() {
		rec := r.Record()
		for i := range int(rec.NumRows()) {
			row := make([]string, rec.NumCols())
			for c := range row {
				row[c] = rec.Column(c).ValueStr(i)
			}
			rows = append(rows, row)
		}
	}
	return rows, r.Err()
}

// Totals adds up the last column of rows by the values of their column at.
func Totals(rows [][]string, at int) (map[string]float64, error) {
	sums := map[string]float64{}
	for _, row := range rows {
		n, err := strconv.ParseFloat(row[len(row)-1], 64)
		if err != nil {
			return nil, errors.New("the last column holds no numbers")
		}
		sums[row[at]] += n
	}
	return sums, nil
}

// Total adds up the last column of rows.
func Total(rows [][]string) (float64, error) {
	sums, err := Totals(rows, 0)
	sum := 0.0
	for _, v := range sums {
		sum += v
	}
	return sum, err
}

// Largest returns the key of the largest value.
func Largest(sums map[string]float64) (key string) {
	for k, v := range sums {
		if key == "" || v > sums[key] {
			key = k
		}
	}
	return key
}

// Refused prints why a policy is refused for the schema of src, before any
// row is read. That it is not refused is an error.
func Refused(w io.Writer, policy string, src arrowio.Source) error {
	p, err := anon.ParsePolicy([]byte(policy), ".")
	if err == nil {
		_, err = p.Plan(src.Schema())
	}
	if err == nil {
		return errors.New("the policy should have been refused")
	}
	fmt.Fprintf(w, "refused.yaml, exit code %d:\n", anon.ExitCode(err))
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintf(w, "  %s\n", line)
	}
	return nil
}
