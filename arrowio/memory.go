package arrowio

import (
	"context"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/internal/fault"
)

// A Memory is a table held as record batches.
type Memory struct {
	schema  *arrow.Schema
	records []arrow.Record
}

// NewMemory returns the table of the records, in order. It retains them;
// Release gives them up. Records of another schema than the one given make
// Open fail with an error of kind Plan.
func NewMemory(schema *arrow.Schema, records ...arrow.Record) *Memory {
	for _, r := range records {
		r.Retain()
	}
	return &Memory{schema, records}
}

// ReadAll reads what is left of a reader into memory. The reader stays the
// caller's to release.
func ReadAll(r array.RecordReader) (*Memory, error) {
	m := &Memory{schema: r.Schema()}
	for r.Next() {
		rec := r.Record()
		rec.Retain()
		m.records = append(m.records, rec)
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
	for _, r := range m.records {
		r.Release()
	}
	m.records = nil
}

// Schema returns the columns of the table.
func (m *Memory) Schema() *arrow.Schema { return m.schema }

// NumRows returns the number of rows.
func (m *Memory) NumRows() int64 {
	var n int64
	for _, r := range m.records {
		n += r.NumRows()
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
	for i, r := range m.records {
		if err := sameSchema(m.schema, r.Schema()); err != nil {
			return nil, fault.Planf("%s: record %d: %w", name, i, err)
		}
	}
	// The reader keeps its own references, so that Release may come first.
	records := append([]arrow.Record(nil), m.records...)
	for _, r := range records {
		r.Retain()
	}
	at := 0
	next := func() (arrow.Record, error) {
		if at == len(records) {
			return nil, nil
		}
		at++
		return project(records[at-1], schema, indices), nil
	}
	return NewReader(ctx, name, schema, next, func() {
		for _, r := range records {
			r.Release()
		}
	}), nil
}

// Splits returns tables of consecutive records; a record longer than a split
// is cut without copying. A split of a Memory shares its records, which stay
// the whole's to release.
func (m *Memory) Splits(n int) []Source {
	rows := m.NumRows()
	n = int(min(int64(max(n, 1)), max(rows, 1)))
	splits := make([]Source, 0, n)
	rest := m.records
	var from int64 // row of rest[0] at which the next split starts
	for i := range n {
		need := rows*int64(i+1)/int64(n) - rows*int64(i)/int64(n)
		part := &Memory{schema: m.schema}
		for need > 0 {
			take := min(need, rest[0].NumRows()-from)
			if take > 0 {
				part.records = append(part.records, rest[0].NewSlice(from, from+take))
			}
			need -= take
			if from += take; from == rest[0].NumRows() {
				rest, from = rest[1:], 0
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
