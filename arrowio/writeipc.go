package arrowio

import (
	"context"
	"errors"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/internal/fault"
)

// IPCFormat writes the Arrow IPC file format: uncompressed record batches of
// 65,536 rows, text views as plain text, dictionaries with int32 indices and
// one dictionary a column, as the file format wants it. Since that must be
// known before the first batch, a table with dictionaries is spooled first
// (see Spool). Nested types but lists of flat types are errors of kind Plan.
var IPCFormat Format = ipcFormat{}

type ipcFormat struct{}

func (ipcFormat) Ext() string { return ".arrow" }

func (ipcFormat) Write(ctx context.Context, w io.Writer, r array.RecordReader) error {
	out, err := writtenSchema(r.Schema())
	if err != nil {
		return err
	}
	return RecoveredWrite(func() error { return writeIPC(ctx, w, r, out) })
}

func writeIPC(ctx context.Context, w io.Writer, r array.RecordReader, out *arrow.Schema) error {
	c := &ipcCompactor{ctx: ctx, in: r, out: out, tables: make([]*dictionaryTable, out.NumFields())}
	fields := out.Fields()
	coded := false
	for i, f := range fields {
		if f.Type.ID() == arrow.DICTIONARY {
			c.tables[i] = &dictionaryTable{codes: map[string]int32{}}
			fields[i].Type = arrow.PrimitiveTypes.Int32
			fields[i].Nullable = true
			coded = true
		}
	}
	c.coded = arrow.NewSchema(fields, nil)
	batches := NewReader(ctx, "output", c.coded, c.next, c.drop)
	defer batches.Release()
	if coded {
		s, err := Spool(ctx, batches, SpoolOptions{})
		if err != nil {
			return err
		}
		defer s.Close()
		again, err := s.Open(ctx)
		if err != nil {
			return err
		}
		defer again.Release()
		batches = again
	}
	dicts := make([]arrow.Array, len(fields))
	for i, t := range c.tables {
		if t != nil {
			dicts[i] = t.array(out.Field(i).Type.(*arrow.DictionaryType).ValueType)
			defer dicts[i].Release()
		}
	}
	fw, err := ipc.NewFileWriter(&placeWriter{w: w}, ipc.WithSchema(out))
	if err != nil {
		return outputError(err)
	}
	for batches.Next() {
		rec := withDictionaries(batches.Record(), out, dicts)
		err := fw.Write(rec)
		rec.Release()
		if err != nil {
			return outputError(err)
		}
	}
	if err := batches.Err(); err != nil {
		return err
	}
	if err := fw.Close(); err != nil {
		return outputError(err)
	}
	return nil
}

// A placeWriter counts what it writes. The library asks for a seeker and only
// ever asks it for its place.
type placeWriter struct {
	w io.Writer
	n int64
}

func (p *placeWriter) Write(b []byte) (int, error) {
	n, err := p.w.Write(b)
	p.n += int64(n)
	return n, err
}

func (p *placeWriter) Seek(offset int64, whence int) (int64, error) {
	if offset != 0 || whence != io.SeekCurrent {
		return 0, errors.New("the output is written in order")
	}
	return p.n, nil
}

func outputError(err error) error {
	if isOurs(err) {
		return err
	}
	return fault.Inputf("writing the output: %w", err)
}

// withDictionaries puts the columns' dictionaries behind their codes.
func withDictionaries(rec arrow.Record, out *arrow.Schema, dicts []arrow.Array) arrow.Record {
	cols := make([]arrow.Array, len(dicts))
	for i, c := range rec.Columns() {
		cols[i] = c
		if dicts[i] != nil {
			d := c.Data()
			data := array.NewDataWithDictionary(out.Field(i).Type, d.Len(), d.Buffers(), d.NullN(), d.Offset(), dicts[i].Data().(*array.Data))
			cols[i] = array.MakeFromData(data)
			data.Release()
			defer cols[i].Release()
		}
	}
	return array.NewRecord(out, cols, rec.NumRows())
}

// An ipcCompactor cuts what a reader gives into batches of batchRows rows that
// hold nothing but these, with codes in place of dictionary entries.
type ipcCompactor struct {
	ctx        context.Context
	in         array.RecordReader
	out, coded *arrow.Schema
	tables     []*dictionaryTable
	pieces     []arrow.Record // less than batchRows rows
	rows       int64
	rec        arrow.Record // the record being cut
	from       int64
}

func (c *ipcCompactor) drop() {
	for _, p := range c.pieces {
		p.Release()
	}
	c.pieces, c.rows = nil, 0
}

func (c *ipcCompactor) next() (arrow.Record, error) {
	for c.rows < batchRows {
		if c.rec == nil {
			if !c.in.Next() {
				if err := c.in.Err(); err != nil {
					return nil, err
				}
				break
			}
			c.rec, c.from = c.in.Record(), 0
		}
		to := min(c.rec.NumRows(), c.from+batchRows-c.rows)
		piece := c.rec.NewSlice(c.from, to)
		c.pieces = append(c.pieces, c.clean(piece))
		piece.Release()
		c.rows += to - c.from
		if c.from = to; to == c.rec.NumRows() {
			c.rec = nil
		}
	}
	if c.rows == 0 {
		return nil, nil
	}
	defer c.drop()
	if len(c.pieces) == 1 {
		c.pieces[0].Retain()
		return c.pieces[0], nil
	}
	cols := make([]arrow.Array, c.coded.NumFields())
	for i := range cols {
		parts := make([]arrow.Array, len(c.pieces))
		for k, p := range c.pieces {
			parts[k] = p.Column(i)
		}
		var err error
		if cols[i], err = array.Concatenate(parts, memory.NewGoAllocator()); err != nil {
			return nil, err
		}
		defer cols[i].Release()
	}
	return array.NewRecord(c.coded, cols, c.rows), nil
}

func (c *ipcCompactor) clean(rec arrow.Record) arrow.Record {
	cols := make([]arrow.Array, rec.NumCols())
	for i, col := range rec.Columns() {
		if d, ok := col.(*array.Dictionary); ok {
			cols[i] = c.tables[i].take(d)
		} else {
			cols[i] = compact(col)
		}
		defer cols[i].Release()
	}
	return array.NewRecord(c.coded, cols, rec.NumRows())
}
