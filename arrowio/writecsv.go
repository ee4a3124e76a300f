package arrowio

import (
	"bytes"
	"context"
	"io"
	"runtime"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"golang.org/x/sync/errgroup"

	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/fault"
)

// CSVFormat writes RFC 4180 text in UTF-8: a header, commas, LF, fields in
// quotes where needed, every value as its canonical text (the text that
// hierarchies and policies know it by). Null is the empty field and the empty
// text is two quotes; a reader may take both for null, as OpenCSV does.
//
// Text is written as it is, also where it begins with =, +, - or @, which a
// spreadsheet may take for a formula: open such a file there as text. Nested
// types are errors of kind Plan.
var CSVFormat Format = csvFormat{}

type csvFormat struct{}

func (csvFormat) Ext() string { return ".csv" }

func (csvFormat) Write(ctx context.Context, w io.Writer, r array.RecordReader) error {
	var header []byte
	for i, f := range r.Schema().Fields() {
		t := f.Type
		if d, ok := t.(*arrow.DictionaryType); ok {
			t = d.ValueType
		}
		if _, nested := t.(arrow.NestedType); nested {
			return fault.Planf("column %q: type %v can't be written as CSV; choose another format", f.Name, f.Type)
		}
		if i > 0 {
			header = append(header, ',')
		}
		header = appendField(header, []byte(f.Name))
	}
	if _, err := w.Write(append(header, '\n')); err != nil {
		return outputError(err)
	}
	workers := runtime.GOMAXPROCS(0)
	parts := make([][]byte, workers)
	return RecoveredWrite(func() error {
		entries := make([]csvEntries, r.Schema().NumFields())
		for r.Next() {
			if err := ctx.Err(); err != nil {
				return err
			}
			rec := r.Record()
			for i, c := range rec.Columns() {
				entries[i].use(c)
			}
			// Rows become text side by side, and go out in order.
			n := int(rec.NumRows())
			var g errgroup.Group
			for k := range parts {
				g.Go(func() error {
					return RecoveredWrite(func() error {
						parts[k] = appendRows(parts[k][:0], rec, entries, n*k/workers, n*(k+1)/workers)
						return nil
					})
				})
			}
			if err := g.Wait(); err != nil {
				return err
			}
			for _, p := range parts {
				if _, err := w.Write(p); err != nil {
					return outputError(err)
				}
			}
		}
		return r.Err()
	})
}

// csvEntries holds the fields that the entries of a dictionary are written as.
type csvEntries struct {
	dict   arrow.ArrayData
	fields [][]byte // nil: null
}

// use readies the fields of a column's dictionary, if it is not the last one.
func (e *csvEntries) use(c arrow.Array) {
	d, ok := c.(*array.Dictionary)
	if !ok || e.dict == d.Dictionary().Data() {
		return
	}
	dict := d.Dictionary()
	e.dict, e.fields = dict.Data(), make([][]byte, dict.Len())
	for i := range e.fields {
		if dict.IsValid(i) {
			e.fields[i] = appendField(nil, code.AppendText(nil, dict, i))
		}
	}
}

// appendRows appends rows [from, to).
func appendRows(dst []byte, rec arrow.Record, entries []csvEntries, from, to int) []byte {
	cols := rec.Columns()
	var text []byte
	for i := from; i < to; i++ {
		start := len(dst)
		for j, c := range cols {
			if j > 0 {
				dst = append(dst, ',')
			}
			if code.IsNull(c, i) {
				continue
			}
			switch c := c.(type) {
			case *array.Dictionary:
				dst = append(dst, entries[j].fields[c.GetValueIndex(i)]...)
			default:
				text = code.AppendText(text[:0], c, i)
				dst = appendField(dst, text)
			}
		}
		if len(dst) == start { // an empty line would be no row
			dst = append(dst, '"', '"')
		}
		dst = append(dst, '\n')
	}
	return dst
}

// appendField appends a text that is not null, in quotes if need be.
func appendField(dst, text []byte) []byte {
	if len(text) > 0 && bytes.IndexAny(text, ",\"\r\n") < 0 {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	for {
		i := bytes.IndexByte(text, '"')
		if i < 0 {
			break
		}
		dst = append(dst, text[:i+1]...)
		dst = append(dst, '"')
		text = text[i+1:]
	}
	return append(append(dst, text...), '"')
}
