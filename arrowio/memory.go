package arrowio

import (
	"context"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/internal/fault"
)

// A Memory is a table held as record batches.
type Memory struct {
	schema *arrow.Schema
	pieces []piece
}

// A piece is the rows from ≤ i < to of a record. It is cut out only when it is
// read, so that a split holds no references of its own.
type piece struct {
	arrow.Record
	from, to int64
}

// NewMemory returns the table of the records, in order. It retains them;
// Release gives them up. Records of another schema than the one given make
// Open fail with an error of kind Plan.
func NewMemory(schema *arrow.Schema, records ...arrow.Record) *Memory {
	m := &Memory{schema: schema}
	for _, r := range records {
		m.add(r)
	}
	return m
}

func (m *Memory) add(r arrow.Record) {
	r.Retain()
	m.pieces = append(m.pieces, piece{r, 0, r.NumRows()})
}

// ReadAll reads what is left of a reader into memory. The reader stays the
// caller's to release.
func ReadAll(r array.RecordReader) (*Memory, error) {
	m := &Memory{schema: r.Schema()}
	for r.Next() {
		m.add(r.Record())
	}
	if err := r.Err(); err != nil {
		m.Release()
		return nil, err
	}
	return m, nil
}

// Release gives up the records. Neither the table nor its splits are used
// afterwards; readers that are open stay valid.
func (m *Memory) Release() {
	for _, p := range m.pieces {
		p.Release()
	}
	m.pieces = nil
}

// Schema returns the columns of the table.
func (m *Memory) Schema() *arrow.Schema { return m.schema }

// NumRows returns the number of rows.
func (m *Memory) NumRows() int64 {
	var n int64
	for _, p := range m.pieces {
		n += p.to - p.from
	}
	return n
}

// Open starts a read; see Source.
func (m *Memory) Open(ctx context.Context, columns ...string) (array.RecordReader, error) {
	const name = "table in memory"
	schema, indices, err := Resolve(name, m.schema, columns)
	if err != nil {
		return nil, err
	}
	for i, r := range m.pieces {
		if err := sameSchema(m.schema, r.Schema()); err != nil {
			return nil, fault.Planf("%s: record %d: %w", name, i, err)
		}
	}
	// The reader keeps its own references, so that Release may come first.
	pieces := slices.Clone(m.pieces)
	for _, p := range pieces {
		p.Retain()
	}
	at := 0
	next := func() (arrow.Record, error) {
		if at == len(pieces) {
			return nil, nil
		}
		at++
		cut := pieces[at-1].NewSlice(pieces[at-1].from, pieces[at-1].to)
		defer cut.Release()
		return project(cut, schema, indices), nil
	}
	return NewReader(ctx, name, schema, next, func() {
		for _, p := range pieces {
			p.Release()
		}
	}), nil
}

// Splits returns tables of consecutive records; a record longer than a split
// is cut without copying. A split shares the records, which stay the whole's to
// release.
func (m *Memory) Splits(n int) []Source {
	rows := m.NumRows()
	n = int(min(int64(max(n, 1)), max(rows, 1)))
	splits := make([]Source, 0, n)
	rest := slices.Clone(m.pieces)
	for i := range n {
		need := rows*int64(i+1)/int64(n) - rows*int64(i)/int64(n)
		part := &Memory{schema: m.schema}
		for need > 0 {
			p := &rest[0]
			take := min(need, p.to-p.from)
			if take > 0 {
				part.pieces = append(part.pieces, piece{p.Record, p.from, p.from + take})
			}
			need -= take
			if p.from += take; p.from == p.to {
				rest = rest[1:]
			}
		}
		splits = append(splits, part)
	}
	return splits
}

// sameSchema compares names and types, not metadata.
func sameSchema(want, got *arrow.Schema) error {
	if want.NumFields() != got.NumFields() {
		return fault.Planf("it has %d columns where the first has %d; inputs read as one table need one schema", got.NumFields(), want.NumFields())
	}
	for i, f := range want.Fields() {
		g := got.Field(i)
		if f.Name != g.Name {
			return fault.Planf("column %d is named %q where the first has %q; inputs read as one table need one schema", i+1, g.Name, f.Name)
		}
		if !arrow.TypeEqual(f.Type, g.Type) {
			return fault.Planf("column %q is %v where the first has %v; inputs read as one table need one schema: declare its `type:`", f.Name, g.Type, f.Type)
		}
	}
	return nil
}
