package arrowio

import (
	"bytes"
	"context"
	"io"
	"runtime"
	"unsafe"

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

// CheckSchema refuses nested types.
func (csvFormat) CheckSchema(schema *arrow.Schema) error {
	for _, f := range schema.Fields() {
		t := f.Type
		if d, ok := t.(*arrow.DictionaryType); ok {
			t = d.ValueType
		}
		if _, nested := t.(arrow.NestedType); nested {
			return fault.Planf("column %q: type %v can't be written as CSV; choose another format", f.Name, f.Type)
		}
	}
	return nil
}

func (c csvFormat) Write(ctx context.Context, w io.Writer, r array.RecordReader) error {
	if err := c.CheckSchema(r.Schema()); err != nil {
		return err
	}
	var header []byte
	for i, f := range r.Schema().Fields() {
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
		cols := make([]csvColumn, r.Schema().NumFields())
		for r.Next() {
			if err := ctx.Err(); err != nil {
				return err
			}
			rec := r.Record()
			for i, c := range rec.Columns() {
				cols[i].use(c)
			}
			// Rows become text side by side, and go out in order.
			n := int(rec.NumRows())
			var g errgroup.Group
			for k := range parts {
				g.Go(func() error {
					return RecoveredWrite(func() error {
						parts[k] = appendRows(parts[k][:0], cols, n*k/workers, n*(k+1)/workers)
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

// A csvColumn is a column of a batch, ready to be written. A column with a
// dictionary is written through the fields that its entries become.
type csvColumn struct {
	arr    arrow.Array
	text   *array.String // not nil: the column is plain text
	dict   arrow.ArrayData
	fields [][]byte
	coded  bool
	codes  []int32 // entry of every row, -1 for null
}

func (c *csvColumn) use(arr arrow.Array) {
	c.arr = arr
	c.text, _ = arr.(*array.String)
	d, ok := arr.(*array.Dictionary)
	if c.coded = ok; !ok {
		return
	}
	dict := d.Dictionary()
	if c.dict != dict.Data() {
		c.dict, c.fields = dict.Data(), make([][]byte, dict.Len())
		for i := range c.fields {
			if dict.IsValid(i) { // else no field: null
				c.fields[i] = appendField(nil, code.AppendText(nil, dict, i))
			}
		}
	}
	c.codes = c.codes[:0]
	if idx, ok := d.Indices().(*array.Int32); ok && d.NullN() == 0 {
		c.codes = append(c.codes, idx.Int32Values()...)
		return
	}
	for i := range d.Len() {
		k := int32(-1)
		if d.IsValid(i) {
			k = int32(d.GetValueIndex(i))
		}
		c.codes = append(c.codes, k)
	}
}

// append appends the field of row i, nothing for null. scratch is for its own
// use.
func (c *csvColumn) append(dst []byte, i int, scratch *[]byte) []byte {
	switch {
	case c.coded:
		if k := c.codes[i]; k >= 0 {
			dst = append(dst, c.fields[k]...)
		}
	case c.text != nil:
		if c.text.IsValid(i) {
			s := c.text.Value(i)
			dst = appendField(dst, unsafe.Slice(unsafe.StringData(s), len(s)))
		}
	case !code.IsNull(c.arr, i):
		*scratch = code.AppendText((*scratch)[:0], c.arr, i)
		dst = appendField(dst, *scratch)
	}
	return dst
}

// appendRows appends rows [from, to).
func appendRows(dst []byte, cols []csvColumn, from, to int) []byte {
	var scratch []byte
	for i := from; i < to; i++ {
		start := len(dst)
		for j := range cols {
			if j > 0 {
				dst = append(dst, ',')
			}
			dst = cols[j].append(dst, i, &scratch)
		}
		if len(dst) == start { // an empty line would be no row
			dst = append(dst, '"', '"')
		}
		dst = append(dst, '\n')
	}
	return dst
}

// quoted tells the bytes for which a field is put in quotes.
var quoted = [256]bool{',': true, '"': true, '\r': true, '\n': true}

// appendField appends a text that is not null, in quotes if need be.
func appendField(dst, text []byte) []byte {
	special := len(text) == 0
	for _, c := range text {
		special = special || quoted[c]
	}
	if !special {
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
