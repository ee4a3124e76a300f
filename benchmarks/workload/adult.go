package workload

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/arrowio"
)

// Adult is an enlarged census table: its rows are perturbed copies of the rows
// of the UCI Adult table, made on the fly. Marginals are kept, new combinations
// appear. It is an arrowio.Source of utf8 columns.
type Adult struct {
	schema *arrow.Schema
	base   [][]string
	rows   int
	redraw uint64 // percent of cells drawn anew
}

// NewAdult reads the ;-separated base table and enlarges it to n rows, a tenth
// of whose cells are drawn anew from their column.
func NewAdult(path string, n int) (*Adult, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	lines := strings.Fields(string(raw))
	names := strings.Split(lines[0], ";")
	fields := make([]arrow.Field, len(names))
	for i, n := range names {
		fields[i] = arrow.Field{Name: n, Type: arrow.BinaryTypes.String, Nullable: true}
	}
	a := &Adult{schema: arrow.NewSchema(fields, nil), rows: n, redraw: 10}
	for _, l := range lines[1:] {
		a.base = append(a.base, strings.Split(l, ";"))
	}
	return a, nil
}

// splitMix is the SplitMix64 generator (Steele, Lea, Flood 2014).
type splitMix uint64

func (s *splitMix) next() uint64 {
	*s += 0x9E3779B97F4A7C15
	z := uint64(*s)
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// row draws the next row: a base row, then for every column perhaps the cell of
// another.
func (a *Adult) row(s *splitMix, cells []string) {
	n := uint64(len(a.base))
	from := a.base[s.next()%n]
	for c := range cells {
		cells[c] = from[c]
		if s.next()%100 < a.redraw {
			cells[c] = a.base[s.next()%n][c]
		}
	}
}

const adultSeed splitMix = 0x5DEECE66D

// WriteCSV writes the table as ;-separated text.
func (a *Adult) WriteCSV(w io.Writer) error {
	out := bufio.NewWriterSize(w, 1<<20)
	cells := make([]string, a.schema.NumFields())
	for i, f := range a.schema.Fields() {
		cells[i] = f.Name
	}
	s := adultSeed
	for i := 0; ; i++ {
		fmt.Fprintln(out, strings.Join(cells, ";"))
		if i == a.rows {
			return out.Flush()
		}
		a.row(&s, cells)
	}
}

// Schema returns the columns, all text.
func (a *Adult) Schema() *arrow.Schema { return a.schema }

// Open draws the rows again from the beginning.
func (a *Adult) Open(ctx context.Context, columns ...string) (array.RecordReader, error) {
	schema, at, err := arrowio.Resolve("adult", a.schema, columns)
	if err != nil {
		return nil, err
	}
	s, left := adultSeed, a.rows
	cells := make([]string, a.schema.NumFields())
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	next := func() (arrow.Record, error) {
		if left == 0 {
			return nil, io.EOF
		}
		rows := min(left, BatchRows)
		left -= rows
		for range rows {
			a.row(&s, cells)
			for i, c := range at {
				b.Field(i).(*array.StringBuilder).Append(cells[c])
			}
		}
		return b.NewRecord(), nil
	}
	return arrowio.NewReader(ctx, "adult", schema, next, b.Release), nil
}
