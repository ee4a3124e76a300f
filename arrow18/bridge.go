package arrow18

import (
	"bytes"
	"fmt"

	arrow18 "github.com/apache/arrow-go/v18/arrow"
	array18 "github.com/apache/arrow-go/v18/arrow/array"
	ipc18 "github.com/apache/arrow-go/v18/arrow/ipc"
	memory18 "github.com/apache/arrow-go/v18/arrow/memory"
	arrow17 "github.com/apache/arrow/go/v17/arrow"
	array17 "github.com/apache/arrow/go/v17/arrow/array"
	ipc17 "github.com/apache/arrow/go/v17/arrow/ipc"
	memory17 "github.com/apache/arrow/go/v17/arrow/memory"
)

// SchemaTo17 returns the schema as v17 knows it. A type that v17 lacks (list
// views, 32- and 64-bit decimals) is an error that names the first such field.
// An extension type that is not registered with v17 becomes its storage type.
func SchemaTo17(s *arrow18.Schema) (out *arrow17.Schema, err error) {
	defer catch(&err, "the schema can't be carried to Arrow v17")
	for _, f := range s.Fields() {
		if t := unknownTo17(f.Type); t != nil {
			return nil, fmt.Errorf("column %q: Arrow v17 has no type %s; cast the column before it is passed on", f.Name, t)
		}
	}
	var buf bytes.Buffer
	w := ipc18.NewWriter(&buf, ipc18.WithSchema(s))
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("the schema can't be encoded by Arrow v18: %w", err)
	}
	r, err := ipc17.NewReader(&buf)
	if err != nil {
		return nil, fmt.Errorf("the schema can't be read by Arrow v17: %w", err)
	}
	defer r.Release()
	return r.Schema(), nil
}

// SchemaTo18 returns the schema as v18 knows it.
func SchemaTo18(s *arrow17.Schema) (out *arrow18.Schema, err error) {
	defer catch(&err, "the schema can't be carried to Arrow v18")
	var buf bytes.Buffer
	w := ipc17.NewWriter(&buf, ipc17.WithSchema(s))
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("the schema can't be encoded by Arrow v17: %w", err)
	}
	r, err := ipc18.NewReader(&buf)
	if err != nil {
		return nil, fmt.Errorf("the schema can't be read by Arrow v18: %w", err)
	}
	defer r.Release()
	return r.Schema(), nil
}

// unknownTo17 returns the first type within t that v17 lacks, or nil.
func unknownTo17(t arrow18.DataType) arrow18.DataType {
	switch t.ID() {
	case arrow18.DECIMAL32, arrow18.DECIMAL64, arrow18.LIST_VIEW, arrow18.LARGE_LIST_VIEW:
		return t
	case arrow18.DICTIONARY:
		return unknownTo17(t.(*arrow18.DictionaryType).ValueType)
	case arrow18.EXTENSION:
		return unknownTo17(t.(arrow18.ExtensionType).StorageType())
	}
	if n, ok := t.(arrow18.NestedType); ok {
		for _, f := range n.Fields() {
			if u := unknownTo17(f.Type); u != nil {
				return u
			}
		}
	}
	return nil
}

// catch turns a panic of either Arrow version into an error: damaged batches
// are inputs like any other.
func catch(err *error, what string) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%s: the Arrow library rejected it", what)
	}
}

// held18 is the owner of a v17 buffer that points into a v18 buffer: freeing
// the one releases the other. It never allocates.
type held18 struct{ buf *memory18.Buffer }

func (held18) Allocate(int) []byte           { panic("arrow18: a bridged buffer is read-only") }
func (held18) Reallocate(int, []byte) []byte { panic("arrow18: a bridged buffer is read-only") }
func (h held18) Free([]byte)                 { h.buf.Release() }

// held17 is the same the other way round.
type held17 struct{ buf *memory17.Buffer }

func (held17) Allocate(int) []byte           { panic("arrow18: a bridged buffer is read-only") }
func (held17) Reallocate(int, []byte) []byte { panic("arrow18: a bridged buffer is read-only") }
func (h held17) Free([]byte)                 { h.buf.Release() }

// RecordTo17 returns rec as a v17 record of the given schema, which must come
// from SchemaTo17 of rec's schema. Both point at the same buffers; the caller
// releases both.
func RecordTo17(rec arrow18.RecordBatch, schema *arrow17.Schema) (out arrow17.Record, err error) {
	defer catch(&err, "the record batch can't be carried to Arrow v17")
	if int(rec.NumCols()) != schema.NumFields() {
		return nil, fmt.Errorf("the batch has %d columns and the schema %d", rec.NumCols(), schema.NumFields())
	}
	cols := make([]arrow17.Array, rec.NumCols())
	defer func() {
		for _, c := range cols {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i := range cols {
		d, err := dataTo17(rec.Column(i).Data(), schema.Field(i).Type)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", rec.ColumnName(i), err)
		}
		cols[i] = array17.MakeFromData(d)
		d.Release()
	}
	return array17.NewRecord(schema, cols, rec.NumRows()), nil
}

// RecordTo18 is RecordTo17 the other way round.
func RecordTo18(rec arrow17.Record, schema *arrow18.Schema) (out arrow18.RecordBatch, err error) {
	defer catch(&err, "the record batch can't be carried to Arrow v18")
	if int(rec.NumCols()) != schema.NumFields() {
		return nil, fmt.Errorf("the batch has %d columns and the schema %d", rec.NumCols(), schema.NumFields())
	}
	cols := make([]arrow18.Array, rec.NumCols())
	defer func() {
		for _, c := range cols {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i := range cols {
		d, err := dataTo18(rec.Column(i).Data(), schema.Field(i).Type)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", rec.ColumnName(i), err)
		}
		cols[i] = array18.MakeFromData(d)
		d.Release()
	}
	return array18.NewRecordBatch(schema, cols, rec.NumRows()), nil
}

// dataTo17 carries the buffers, children and dictionary of one column over.
func dataTo17(d arrow18.ArrayData, dt arrow17.DataType) (*array17.Data, error) {
	bufs := make([]*memory17.Buffer, len(d.Buffers()))
	for i, b := range d.Buffers() {
		if b != nil {
			b.Retain()
			bufs[i] = memory17.NewBufferWithAllocator(b.Bytes(), held18{b})
		}
	}
	defer memory17.ReleaseBuffers(bufs)
	storage := dt
	if e, ok := dt.(arrow17.ExtensionType); ok {
		storage = e.StorageType()
	}
	if dict, ok := storage.(*arrow17.DictionaryType); ok {
		values, err := dataTo17(d.Dictionary(), dict.ValueType)
		if err != nil {
			return nil, err
		}
		defer values.Release()
		return array17.NewDataWithDictionary(dt, d.Len(), bufs, d.NullN(), d.Offset(), values), nil
	}
	children := make([]arrow17.ArrayData, 0, len(d.Children()))
	defer func() {
		for _, c := range children {
			c.Release()
		}
	}()
	if n, ok := storage.(arrow17.NestedType); ok {
		if len(n.Fields()) != len(d.Children()) {
			return nil, fmt.Errorf("type %s has %d children and the data %d", dt, len(n.Fields()), len(d.Children()))
		}
		for i, c := range d.Children() {
			child, err := dataTo17(c, n.Fields()[i].Type)
			if err != nil {
				return nil, err
			}
			children = append(children, child)
		}
	}
	return array17.NewData(dt, d.Len(), bufs, children, d.NullN(), d.Offset()), nil
}

// dataTo18 is dataTo17 the other way round.
func dataTo18(d arrow17.ArrayData, dt arrow18.DataType) (*array18.Data, error) {
	bufs := make([]*memory18.Buffer, len(d.Buffers()))
	for i, b := range d.Buffers() {
		if b != nil {
			b.Retain()
			bufs[i] = memory18.NewBufferWithAllocator(b.Bytes(), held17{b})
		}
	}
	defer memory18.ReleaseBuffers(bufs)
	storage := dt
	if e, ok := dt.(arrow18.ExtensionType); ok {
		storage = e.StorageType()
	}
	if dict, ok := storage.(*arrow18.DictionaryType); ok {
		values, err := dataTo18(d.Dictionary(), dict.ValueType)
		if err != nil {
			return nil, err
		}
		defer values.Release()
		return array18.NewDataWithDictionary(dt, d.Len(), bufs, d.NullN(), d.Offset(), values), nil
	}
	children := make([]arrow18.ArrayData, 0, len(d.Children()))
	defer func() {
		for _, c := range children {
			c.Release()
		}
	}()
	if n, ok := storage.(arrow18.NestedType); ok {
		if len(n.Fields()) != len(d.Children()) {
			return nil, fmt.Errorf("type %s has %d children and the data %d", dt, len(n.Fields()), len(d.Children()))
		}
		for i, c := range d.Children() {
			child, err := dataTo18(c, n.Fields()[i].Type)
			if err != nil {
				return nil, err
			}
			children = append(children, child)
		}
	}
	return array18.NewData(dt, d.Len(), bufs, children, d.NullN(), d.Offset()), nil
}
