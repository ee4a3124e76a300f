package arrow18

import (
	"context"
	"sync/atomic"

	arrow18 "github.com/apache/arrow-go/v18/arrow"
	array18 "github.com/apache/arrow-go/v18/arrow/array"
	arrow17 "github.com/apache/arrow/go/v17/arrow"
	array17 "github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/arrowio"
)

// NewReader17 returns a v17 reader over a v18 reader, batch by batch and
// without copying. It takes over the reference to r: releasing the new reader
// releases r. The reading stops with ctx's error soon after ctx is done, and
// with an error at a batch that can't be carried over.
func NewReader17(ctx context.Context, r array18.RecordReader) (array17.RecordReader, error) {
	schema, err := SchemaTo17(r.Schema())
	if err != nil {
		return nil, err
	}
	next := func() (arrow17.Record, error) {
		if !r.Next() {
			return nil, r.Err()
		}
		return RecordTo17(r.RecordBatch(), schema)
	}
	return arrowio.NewReader(ctx, "the Arrow v18 reader", schema, next, r.Release), nil
}

// NewReader18 returns a v18 reader over a v17 reader, such as the one that an
// oboro release opens. It takes over the reference to r.
func NewReader18(r array17.RecordReader) (array18.RecordReader, error) {
	schema, err := SchemaTo18(r.Schema())
	if err != nil {
		return nil, err
	}
	x := &reader18{in: r, schema: schema}
	x.refs.Store(1)
	return x, nil
}

// A reader18 carries the batches of a v17 reader over.
type reader18 struct {
	in     array17.RecordReader
	schema *arrow18.Schema
	rec    arrow18.RecordBatch
	err    error
	refs   atomic.Int64
}

func (x *reader18) Schema() *arrow18.Schema          { return x.schema }
func (x *reader18) RecordBatch() arrow18.RecordBatch { return x.rec }
func (x *reader18) Record() arrow18.RecordBatch      { return x.rec }
func (x *reader18) Retain()                          { x.refs.Add(1) }

func (x *reader18) Release() {
	if x.refs.Add(-1) == 0 {
		x.drop()
		x.in.Release()
	}
}

func (x *reader18) drop() {
	if x.rec != nil {
		x.rec.Release()
		x.rec = nil
	}
}

func (x *reader18) Next() bool {
	x.drop()
	if x.err != nil || !x.in.Next() {
		return false
	}
	x.rec, x.err = RecordTo18(x.in.Record(), x.schema)
	return x.err == nil
}

func (x *reader18) Err() error {
	if x.err != nil {
		return x.err
	}
	return x.in.Err()
}

// Open reads some columns of a table on v18 from the beginning: it runs a
// query, or opens a file. With no names it reads all columns. The reader's
// columns must be those named, in that order.
type Open func(ctx context.Context, columns ...string) (array18.RecordReader, error)

// NewSource returns an oboro source over a table that can be read on v18 again
// and again. A reader that can be read only once goes through NewReader17 and
// arrowio.Spool instead.
func NewSource(schema *arrow18.Schema, open Open) (arrowio.Source, error) {
	s, err := SchemaTo17(schema)
	if err != nil {
		return nil, err
	}
	return &source{schema: s, open: open}, nil
}

type source struct {
	schema *arrow17.Schema
	open   Open
}

func (s *source) Schema() *arrow17.Schema { return s.schema }

func (s *source) Open(ctx context.Context, columns ...string) (array17.RecordReader, error) {
	if _, _, err := arrowio.Resolve("the Arrow v18 table", s.schema, columns); err != nil {
		return nil, err
	}
	in, err := s.open(ctx, columns...)
	if err != nil {
		return nil, err
	}
	r, err := NewReader17(ctx, in)
	if err != nil {
		in.Release()
	}
	return r, err
}
