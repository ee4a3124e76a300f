package arrowio

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"sync/atomic"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/internal/fault"
)

// NewReader makes a record reader of a function. next returns a record that
// the reader takes over and releases, or nil at the end; after an error or
// the end it is not called again. release, which may be nil, runs once, when
// the last reference is given up.
//
// The reader stops with ctx's error before the next record once ctx is done.
// A panic in next, as Arrow's readers have on damaged input, becomes an error
// of kind Input that names what was read and holds nothing of the panic's
// value. An io.EOF from next is the end, not an error.
func NewReader(ctx context.Context, name string, schema *arrow.Schema, next func() (arrow.Record, error), release func()) array.RecordReader {
	r := &funcReader{ctx: ctx, name: name, schema: schema, next: next, release: release}
	r.refs.Store(1)
	return r
}

// A funcReader is the one implementation of array.RecordReader that all
// sources share.
type funcReader struct {
	refs    atomic.Int64
	ctx     context.Context
	name    string
	schema  *arrow.Schema
	next    func() (arrow.Record, error)
	release func()
	rec     arrow.Record
	err     error
	done    bool
}

func (r *funcReader) Retain() { r.refs.Add(1) }

func (r *funcReader) Release() {
	if r.refs.Add(-1) != 0 {
		return
	}
	r.drop()
	r.done = true
	if r.release != nil {
		r.release()
	}
}

func (r *funcReader) Schema() *arrow.Schema { return r.schema }
func (r *funcReader) Record() arrow.Record  { return r.rec }
func (r *funcReader) Err() error            { return r.err }

func (r *funcReader) drop() {
	if r.rec != nil {
		r.rec.Release()
		r.rec = nil
	}
}

func (r *funcReader) Next() bool {
	r.drop()
	if r.done {
		return false
	}
	if r.err = r.ctx.Err(); r.err == nil {
		r.err = Recovered(r.name, func() (err error) {
			r.rec, err = r.next()
			return err
		})
	}
	if errors.Is(r.err, io.EOF) {
		r.err = nil
	}
	if r.err != nil {
		r.drop()
	}
	r.done = r.rec == nil
	return !r.done
}

// Recovered calls f and turns a panic, as the readers of Arrow v17 have on
// damaged input, into an error of kind Input that names the file.
func Recovered(name string, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = Damaged(name)
		}
	}()
	return f()
}

// RecoveredWrite calls f, which writes records, and turns a panic, as malformed
// records cause, into an error of kind Input.
func RecoveredWrite(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.Inputf("writing the output: a record batch does not fit its schema; hand over whole records")
		}
	}()
	return f()
}

// Damaged is the error for input that is no well-formed file of its format.
// It holds nothing of what the file holds.
func Damaged(name string) error {
	return fault.Inputf("%s: the file is damaged or truncated, or not of the format that its name says; write or copy it again", name)
}

// fileError names a file as the user knows it and says what the operating
// system said, without the path that a *fs.PathError repeats.
func fileError(name string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, fault.Input) {
		return err
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return fault.Inputf("%s: %s: %w", name, pe.Op, pe.Err)
	}
	return fault.Inputf("%s: %w", name, err)
}

// baseName is how errors name a file.
func baseName(path string) string { return filepath.Base(path) }

// Resolve returns the schema of the named columns of a table, in the order
// named, and their positions; all columns when none is named. A name that the
// schema lacks, or has twice, is an error of kind Plan. table is the name that
// errors give the table.
func Resolve(table string, schema *arrow.Schema, columns []string) (*arrow.Schema, []int, error) {
	if len(columns) == 0 {
		indices := make([]int, schema.NumFields())
		for i := range indices {
			indices[i] = i
		}
		return schema, indices, nil
	}
	fields := make([]arrow.Field, len(columns))
	indices := make([]int, len(columns))
	for i, c := range columns {
		at := schema.FieldIndices(c)
		switch {
		case len(at) == 0:
			return nil, nil, fault.Planf("%s: there is no column %q; name a column of the table", table, c)
		case len(at) > 1:
			return nil, nil, fault.Planf("%s: column %q appears %d times; give every column its own name", table, c, len(at))
		}
		indices[i] = at[0]
		fields[i] = schema.Field(at[0])
	}
	meta := schema.Metadata()
	return arrow.NewSchema(fields, &meta), indices, nil
}

// project picks columns of a record; the result is the caller's to release.
func project(rec arrow.Record, schema *arrow.Schema, indices []int) arrow.Record {
	cols := make([]arrow.Array, len(indices))
	for i, at := range indices {
		cols[i] = rec.Column(at)
	}
	return array.NewRecord(schema, cols, rec.NumRows())
}
