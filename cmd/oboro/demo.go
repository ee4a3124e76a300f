package main

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/width"

	"github.com/oboro-data/oboro/anon"
	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/arrowio/parquet"
	"github.com/oboro-data/oboro/internal/demo"
	"github.com/oboro-data/oboro/internal/fault"
)

type demoCommand struct {
	Rows    int64  `help:"Visits to make." default:"1000000"`
	Out     string `help:"Release folder to write." placeholder:"DIR" default:"oboro-demo"`
	Replace bool   `help:"Replace an earlier release folder."`
	Format  string `help:"Format of the released tables: parquet, csv or ipc." enum:"parquet,csv,ipc" default:"parquet"`
	Table   string `help:"Also write the synthetic table, as a Parquet file." placeholder:"FILE"`
	Policy  bool   `help:"Print the policy of the demonstration and stop."`
}

// Run releases a synthetic table by the policy of the demonstration.
func (c *demoCommand) Run(ctx context.Context, s *session) error {
	began := time.Now()
	if c.Policy {
		return s.print(demo.Policy)
	}
	if c.Rows < 0 {
		return fault.Planf("--rows: give a number from 0 up")
	}
	if err := checkOut(c.Out, c.Replace); err != nil {
		return err
	}
	policy, err := anon.ParsePolicy([]byte(demo.Policy), ".")
	if err != nil {
		return err
	}
	src := demo.NewVisits(demo.Seed, c.Rows)
	plan, err := policy.Plan(src.Schema())
	if err != nil {
		return err
	}
	if c.Table != "" {
		if err := parquet.WriteFile(ctx, c.Table, src); err != nil {
			return err
		}
	}
	text := fmt.Sprintf("%s visits of %s synthetic members of a Japanese social network, made on the fly.\n", thousands(c.Rows), thousands(src.Members()))
	if err := s.print(text); err != nil {
		return err
	}
	return s.release(ctx, plan, src, releaseOptions{out: c.Out, replace: c.Replace, format: formats[c.Format], began: began, peek: 4})
}

// peek shows some rows of a released table, spread over it. They are public:
// they are what was released.
func peek(ctx context.Context, name string, src arrowio.Source, rows int) string {
	total, at := 0, 0
	count, err := src.Open(ctx)
	if err != nil {
		return ""
	}
	for count.Next() {
		total += int(count.Record().NumRows())
	}
	count.Release()
	r, err := src.Open(ctx)
	if err != nil {
		return ""
	}
	defer r.Release()
	table := [][]string{{}}
	for _, f := range r.Schema().Fields() {
		table[0] = append(table[0], f.Name)
	}
	for r.Next() {
		rec := r.Record()
		for i := range int(rec.NumRows()) {
			if k := len(table) - 1; k < rows && at+i == (2*k+1)*total/(2*rows) {
				cells := make([]string, rec.NumCols())
				for c := range cells {
					cells[c] = rec.Column(c).ValueStr(i)
				}
				table = append(table, cells)
			}
		}
		at += int(rec.NumRows())
	}
	if r.Err() != nil {
		return ""
	}
	widths := make([]int, len(table[0]))
	for _, row := range table {
		for c, cell := range row {
			widths[c] = max(widths[c], columns(cell))
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", name)
	for _, row := range table {
		line := " "
		for c, cell := range row {
			line += " " + cell + strings.Repeat(" ", widths[c]-columns(cell)+1)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

// columns is the width of a text on a terminal, where East Asian characters
// take two columns.
func columns(s string) int {
	n := utf8.RuneCountInString(s)
	for _, r := range s {
		if k := width.LookupRune(r).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
			n++
		}
	}
	return n
}
