package arrowio

import (
	"context"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// commonSchema returns the schema of two sources that are read as one table:
// that of the first, with text plain where only one holds it as a dictionary,
// and types undeclared where they are so in one of them.
func commonSchema(want, got *arrow.Schema) (*arrow.Schema, error) {
	if want.NumFields() != got.NumFields() {
		return want, sameSchema(want, got)
	}
	fields := want.Fields()
	others := got.Fields()
	for i := range fields {
		if Undeclared(others[i]) && !Undeclared(fields[i]) {
			fields[i].Metadata = others[i].Metadata
		}
		if a, b := fields[i].Type, others[i].Type; !arrow.TypeEqual(a, b) && isUTF8(a) && isUTF8(b) {
			fields[i].Type, others[i].Type = arrow.BinaryTypes.String, arrow.BinaryTypes.String
		}
	}
	meta := want.Metadata()
	common := arrow.NewSchema(fields, &meta)
	return common, sameSchema(common, arrow.NewSchema(others, nil))
}

// isUTF8 reports whether a type is utf8, or a dictionary of it.
func isUTF8(t arrow.DataType) bool {
	if d, ok := t.(*arrow.DictionaryType); ok {
		t = d.ValueType
	}
	return t.ID() == arrow.STRING
}

// plainText is a source whose dictionaries of text are read plainly where the
// schema says utf8.
type plainText struct {
	Source
	schema *arrow.Schema
}

func (p plainText) Schema() *arrow.Schema { return p.schema }

func (p plainText) Open(ctx context.Context, columns ...string) (array.RecordReader, error) {
	schema, _, err := Resolve("input", p.schema, columns)
	if err != nil {
		return nil, err
	}
	in, err := p.Source.Open(ctx, columns...)
	if err != nil {
		return nil, err
	}
	next := func() (arrow.Record, error) {
		if !in.Next() {
			return nil, in.Err()
		}
		rec := in.Record()
		cols := make([]arrow.Array, rec.NumCols())
		for i := range cols {
			cols[i] = rec.Column(i)
			if d, ok := cols[i].(*array.Dictionary); ok && schema.Field(i).Type.ID() == arrow.STRING {
				cols[i] = unpackText(d)
				defer cols[i].Release()
			}
		}
		return array.NewRecord(schema, cols, rec.NumRows()), nil
	}
	return NewReader(ctx, "input", schema, next, in.Release), nil
}

// Splits splits the source, where it can be, into sources of the same schema.
func (p plainText) Splits(n int) []Source {
	sp, ok := p.Source.(Splitter)
	if !ok {
		return []Source{p}
	}
	splits := sp.Splits(n)
	for i, s := range splits {
		splits[i] = plainText{s, p.schema}
	}
	return splits
}

func unpackText(d *array.Dictionary) arrow.Array {
	values := d.Dictionary().(*array.String)
	b := array.NewStringBuilder(memory.DefaultAllocator)
	defer b.Release()
	b.Reserve(d.Len())
	for i := range d.Len() {
		if v := d.GetValueIndex; d.IsNull(i) || values.IsNull(v(i)) {
			b.AppendNull()
		} else {
			b.Append(values.Value(v(i)))
		}
	}
	return b.NewArray()
}
