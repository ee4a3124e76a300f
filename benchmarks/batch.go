package main

import (
	"context"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/arrowio"
)

// A batch is a record batch whose columns are found by name.
type batch struct{ arrow.Record }

// each calls f with every batch of a table.
func each(ctx context.Context, table arrowio.Source, f func(batch)) error {
	r, err := table.Open(ctx)
	if err != nil {
		return err
	}
	defer r.Release()
	for r.Next() {
		f(batch{r.Record()})
	}
	return r.Err()
}

func (b batch) column(name string) arrow.Array {
	return b.Record.Column(b.Schema().FieldIndices(name)[0])
}

// ints are the values of an int64 or a timestamp column.
func (b batch) ints(name string) []int64 {
	switch c := b.column(name).(type) {
	case *array.Timestamp:
		return arrow.Int64Traits.CastFromBytes(arrow.TimestampTraits.CastToBytes(c.TimestampValues()))
	case *array.Int64:
		return c.Int64Values()
	}
	panic("column " + name + " holds no 64-bit integers")
}

// days are the values of a date column.
func (b batch) days(name string) []arrow.Date32 { return b.column(name).(*array.Date32).Date32Values() }

// text returns the text of a row of a dictionary column.
func (b batch) text(name string) func(i int) string {
	c := b.column(name).(*array.Dictionary)
	words := c.Dictionary().(*array.String)
	return func(i int) string { return words.Value(c.GetValueIndex(i)) }
}
