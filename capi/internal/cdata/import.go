//go:build cgo

package cdata

// #include "abi.h"
import "C"

import (
	"sync/atomic"
	"unicode/utf8"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/internal/fault"
)

// maxDepth bounds the nesting of foreign schemas, which could be circular.
const maxDepth = 8

// ImportSchema reads a foreign struct ArrowSchema, whose fields are the columns
// of a table, without releasing it.
func ImportSchema(p unsafe.Pointer) (*arrow.Schema, error) {
	s := (*C.struct_ArrowSchema)(p)
	if s == nil || s.release == nil {
		return nil, fault.Planf("the schema has been released; export it again")
	}
	if s.format == nil || C.GoString(s.format) != "+s" {
		return nil, fault.Planf("the schema is not that of a table; pass a record batch or a stream of them")
	}
	n, err := childCount(s)
	if err != nil {
		return nil, err
	}
	fields := make([]arrow.Field, n)
	for i, c := range unsafe.Slice(s.children, n) {
		if fields[i], err = importField(c, 1); err != nil {
			return nil, err
		}
	}
	return arrow.NewSchema(fields, nil), nil
}

func childCount(s *C.struct_ArrowSchema) (int, error) {
	n := int64(s.n_children)
	if n < 0 || n > 1<<20 || n > 0 && s.children == nil {
		return 0, fault.Planf("the schema's number of columns is impossible; it is damaged")
	}
	return int(n), nil
}

func importField(s *C.struct_ArrowSchema, depth int) (arrow.Field, error) {
	if s == nil || s.format == nil || s.release == nil || depth > maxDepth {
		return arrow.Field{}, fault.Planf("the schema is damaged: a column has no type")
	}
	f := arrow.Field{Nullable: s.flags&C.ARROW_FLAG_NULLABLE != 0}
	if s.name != nil {
		f.Name = C.GoString(s.name)
	}
	if !utf8.ValidString(f.Name) {
		return f, fault.Planf("the schema is damaged: a column's name is not UTF-8")
	}
	var child arrow.DataType
	n, err := childCount(s)
	if err != nil {
		return f, err
	}
	if n == 1 {
		c, err := importField(*s.children, depth+1)
		if err != nil {
			return f, err
		}
		child = c.Type
	}
	if f.Type, err = parseFormat(C.GoString(s.format), child); err != nil {
		return f, fault.Planf("column %q: %w", f.Name, err)
	}
	if s.dictionary == nil {
		return f, nil
	}
	if !arrow.IsInteger(f.Type.ID()) {
		return f, fault.Planf("column %q: a dictionary needs an integer index type", f.Name)
	}
	values, err := importField(s.dictionary, depth+1)
	if err != nil {
		return f, err
	}
	f.Type = &arrow.DictionaryType{IndexType: f.Type, ValueType: values.Type, Ordered: s.flags&C.ARROW_FLAG_DICTIONARY_ORDERED != 0}
	return f, nil
}

// ImportStream takes over a foreign struct ArrowArrayStream and returns a
// reader of its batches, which point into the producer's memory. The struct is
// marked released at once, also on error, as the specification asks of whoever
// moves it; the stream itself is released with the reader.
func ImportStream(p unsafe.Pointer) (array.RecordReader, error) {
	in := (*C.struct_ArrowArrayStream)(p)
	if in == nil || in.release == nil {
		return nil, fault.Planf("the stream has been released or was consumed before; export it again")
	}
	r := &reader{stream: (*C.struct_ArrowArrayStream)(C.oboro_cdata_alloc(C.sizeof_struct_ArrowArrayStream))}
	if r.stream == nil {
		return nil, fault.Inputf("out of memory")
	}
	*r.stream = *in
	in.release = nil
	r.refs.Store(1)
	if r.stream.get_schema == nil || r.stream.get_next == nil {
		r.Release()
		return nil, fault.Planf("the stream is damaged: it has no functions")
	}
	schema := (*C.struct_ArrowSchema)(C.oboro_cdata_alloc(C.sizeof_struct_ArrowSchema))
	if schema == nil {
		r.Release()
		return nil, fault.Inputf("out of memory")
	}
	defer C.oboro_cdata_free(unsafe.Pointer(schema))
	if rc := C.oboro_cdata_get_schema(r.stream, schema); rc != 0 {
		r.Release()
		return nil, fault.Inputf("the stream gave no schema (its error number is %d)", int(rc))
	}
	defer C.oboro_cdata_release_schema(schema)
	var err error
	if r.schema, err = ImportSchema(unsafe.Pointer(schema)); err != nil {
		r.Release()
		return nil, err
	}
	return r, nil
}

// A reader reads batches from a foreign stream.
type reader struct {
	stream *C.struct_ArrowArrayStream // in C memory
	schema *arrow.Schema
	rec    arrow.Record
	err    error
	refs   atomic.Int64
}

func (r *reader) Schema() *arrow.Schema { return r.schema }
func (r *reader) Record() arrow.Record  { return r.rec }
func (r *reader) Err() error            { return r.err }
func (r *reader) Retain()               { r.refs.Add(1) }

func (r *reader) Release() {
	if r.refs.Add(-1) != 0 {
		return
	}
	r.drop()
	C.oboro_cdata_release_stream(r.stream)
	C.oboro_cdata_free(unsafe.Pointer(r.stream))
	r.stream = nil
}

func (r *reader) drop() {
	if r.rec != nil {
		r.rec.Release()
		r.rec = nil
	}
}

func (r *reader) Next() bool {
	r.drop()
	if r.err != nil {
		return false
	}
	a := (*C.struct_ArrowArray)(C.oboro_cdata_alloc(C.sizeof_struct_ArrowArray))
	if a == nil {
		r.err = fault.Inputf("out of memory")
		return false
	}
	if rc := C.oboro_cdata_get_next(r.stream, a); rc != 0 {
		C.oboro_cdata_free(unsafe.Pointer(a))
		r.err = fault.Inputf("the stream failed while it was read (its error number is %d)", int(rc))
		return false
	}
	if a.release == nil { // the end of the stream
		C.oboro_cdata_free(unsafe.Pointer(a))
		return false
	}
	b := &batch{root: a}
	b.refs.Store(1)
	defer b.release()
	r.rec, r.err = b.record(r.schema)
	return r.err == nil
}

// A batch owns one foreign array; each buffer over its memory holds a
// reference, and the last to go releases the array.
type batch struct {
	root *C.struct_ArrowArray // in C memory
	refs atomic.Int64
}

func (b *batch) release() {
	if b.refs.Add(-1) == 0 {
		C.oboro_cdata_release_array(b.root)
		C.oboro_cdata_free(unsafe.Pointer(b.root))
		b.root = nil
	}
}

// Allocate, Reallocate and Free make a batch the owner of the buffers over its
// memory. Foreign memory is never grown.
func (b *batch) Allocate(int) []byte           { panic("cdata: foreign memory is read-only") } // a programming error
func (b *batch) Reallocate(int, []byte) []byte { panic("cdata: foreign memory is read-only") } // a programming error
func (b *batch) Free([]byte)                   { b.release() }

func (b *batch) buffer(p unsafe.Pointer, size int64) *memory.Buffer {
	if p == nil || size == 0 {
		return memory.NewBufferBytes(nil)
	}
	b.refs.Add(1)
	return memory.NewBufferWithAllocator(unsafe.Slice((*byte)(p), size), b)
}

func damaged(column, what string) error {
	return fault.Inputf("column %q of a batch is damaged: %s", column, what)
}

func (b *batch) record(schema *arrow.Schema) (rec arrow.Record, err error) {
	defer func() {
		if recover() != nil {
			err = fault.Inputf("a batch is damaged: the Arrow library rejected it")
		}
	}()
	rows := int64(b.root.length)
	if int64(b.root.n_children) != int64(schema.NumFields()) || schema.NumFields() > 0 && b.root.children == nil {
		return nil, fault.Inputf("a batch has %d columns and the schema %d", int64(b.root.n_children), schema.NumFields())
	}
	if rows < 0 || b.root.offset != 0 && int64(b.root.offset) < 0 {
		return nil, fault.Inputf("a batch is damaged: its length is negative")
	}
	cols := make([]arrow.Array, schema.NumFields())
	defer func() {
		for _, c := range cols {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i, c := range unsafe.Slice(b.root.children, len(cols)) {
		f := schema.Field(i)
		d, err := b.data(c, f.Type, f.Name, 1)
		if err != nil {
			return nil, err
		}
		cols[i] = array.MakeFromData(d)
		d.Release()
		if off := int64(b.root.offset); off != 0 || int64(cols[i].Len()) != rows {
			if int64(cols[i].Len()) < off+rows {
				return nil, damaged(f.Name, "it is shorter than the batch")
			}
			whole := cols[i]
			cols[i] = array.NewSlice(whole, off, off+rows)
			whole.Release()
		}
		if err := checkText(cols[i], f.Name); err != nil {
			return nil, err
		}
	}
	return array.NewRecord(schema, cols, rows), nil
}

// data checks one foreign array against its type and wraps its buffers.
func (b *batch) data(a *C.struct_ArrowArray, dt arrow.DataType, name string, depth int) (*array.Data, error) {
	if a == nil || a.release == nil || depth > maxDepth {
		return nil, damaged(name, "it has been released")
	}
	length, offset, nulls := int64(a.length), int64(a.offset), int64(a.null_count)
	const most = int64(1) << 40
	if length < 0 || offset < 0 || length > most || offset > most || nulls < -1 || nulls > length {
		return nil, damaged(name, "its length, offset or number of nulls is impossible")
	}
	end := offset + length
	n := int64(a.n_buffers)
	if n < 0 || n > 1<<20 || n > 0 && a.buffers == nil {
		return nil, damaged(name, "its number of buffers is impossible")
	}
	foreign := unsafe.Slice((*unsafe.Pointer)(unsafe.Pointer(a.buffers)), n)
	var bufs []*memory.Buffer
	defer func() { memory.ReleaseBuffers(bufs) }()
	take := func(i int, size int64) error {
		if foreign[i] == nil && size > 0 {
			return damaged(name, "a buffer is missing")
		}
		bufs = append(bufs, b.buffer(foreign[i], size))
		return nil
	}
	validity := func() error {
		if foreign[0] == nil {
			if nulls > 0 {
				return damaged(name, "it has nulls and no validity buffer")
			}
			nulls = 0
			bufs = append(bufs, nil)
			return nil
		}
		return take(0, (end+7)/8)
	}
	storage := dt
	dict, isDict := dt.(*arrow.DictionaryType)
	if isDict {
		storage = dict.IndexType
	}
	want, err := wantBuffers(storage)
	if err != nil {
		return nil, err
	}
	view := storage.ID() == arrow.STRING_VIEW || storage.ID() == arrow.BINARY_VIEW
	if n != want && !(view && n > want) {
		return nil, damaged(name, "its number of buffers does not fit its type")
	}
	if storage.ID() == arrow.NULL {
		return array.NewData(dt, int(length), []*memory.Buffer{nil}, nil, int(length), int(offset)), nil
	}
	if err := validity(); err != nil {
		return nil, err
	}
	switch t := storage.(type) {
	case *arrow.StringType, *arrow.BinaryType, *arrow.ListType:
		err = variable[int32](b, &bufs, foreign, end, name, t.ID() == arrow.LIST)
	case *arrow.LargeStringType, *arrow.LargeBinaryType, *arrow.LargeListType:
		err = variable[int64](b, &bufs, foreign, end, name, t.ID() == arrow.LARGE_LIST)
	case *arrow.StringViewType, *arrow.BinaryViewType:
		err = views(b, &bufs, foreign, offset, end, name)
	case *arrow.BooleanType:
		err = take(1, (end+7)/8)
	case arrow.FixedWidthDataType:
		err = take(1, end*int64(t.Bytes()))
	}
	if err != nil {
		return nil, err
	}
	if isDict {
		values, err := b.data(a.dictionary, dict.ValueType, name, depth+1)
		if err != nil {
			return nil, err
		}
		defer values.Release()
		out := array.NewDataWithDictionary(dt, int(length), bufs, int(nulls), int(offset), values)
		if err := checkIndices(out, dict, int64(values.Len()), name); err != nil {
			out.Release()
			return nil, err
		}
		return out, nil
	}
	if item, ok := storage.(arrow.ListLikeType); ok {
		if a.n_children != 1 || a.children == nil {
			return nil, damaged(name, "a list has no items")
		}
		child, err := b.data(*a.children, item.Elem(), name, depth+1)
		if err != nil {
			return nil, err
		}
		defer child.Release()
		if last := lastOffset(bufs[1].Bytes(), storage.ID() == arrow.LARGE_LIST); last > int64(child.Len()) {
			return nil, damaged(name, "its offsets point behind its items")
		}
		return array.NewData(dt, int(length), bufs, []arrow.ArrayData{child}, int(nulls), int(offset)), nil
	}
	return array.NewData(dt, int(length), bufs, nil, int(nulls), int(offset)), nil
}

// wantBuffers is the number of buffers that the specification lays down.
func wantBuffers(dt arrow.DataType) (int64, error) {
	switch dt.ID() {
	case arrow.NULL:
		return 0, nil
	case arrow.STRING, arrow.BINARY, arrow.LARGE_STRING, arrow.LARGE_BINARY:
		return 3, nil
	case arrow.STRING_VIEW, arrow.BINARY_VIEW:
		return 3, nil // validity, views, sizes of the data buffers in between
	case arrow.LIST, arrow.LARGE_LIST:
		return 2, nil
	}
	if _, ok := dt.(arrow.FixedWidthDataType); ok {
		return 2, nil
	}
	return 0, fault.Planf("type %s can't be read through the C data interface", dt)
}

// variable checks the offsets of a text, binary or list column, which must not
// fall, and takes the buffers that they measure.
func variable[O int32 | int64](b *batch, bufs *[]*memory.Buffer, foreign []unsafe.Pointer, end int64, name string, list bool) error {
	var zero O
	size := int64(unsafe.Sizeof(zero))
	if foreign[1] == nil {
		if end > 0 {
			return damaged(name, "its offsets are missing")
		}
		*bufs = append(*bufs, memory.NewBufferBytes(make([]byte, size)))
		if !list {
			*bufs = append(*bufs, memory.NewBufferBytes(nil))
		}
		return nil
	}
	offsets := unsafe.Slice((*O)(foreign[1]), end+1)
	last := O(0)
	if end >= 0 {
		last = offsets[0]
	}
	for _, o := range offsets {
		if o < last {
			return damaged(name, "its offsets fall")
		}
		last = o
	}
	if offsets[0] < 0 {
		return damaged(name, "its offsets are negative")
	}
	*bufs = append(*bufs, b.buffer(foreign[1], (end+1)*size))
	if list {
		return nil
	}
	if foreign[2] == nil && last > 0 {
		return damaged(name, "its data buffer is missing")
	}
	*bufs = append(*bufs, b.buffer(foreign[2], int64(last)))
	return nil
}

func lastOffset(raw []byte, large bool) int64 {
	if large {
		o := arrow.Int64Traits.CastFromBytes(raw)
		return o[len(o)-1]
	}
	o := arrow.Int32Traits.CastFromBytes(raw)
	return int64(o[len(o)-1])
}

// views checks every view of a string view column against the sizes of its
// data buffers, which come last.
func views(b *batch, bufs *[]*memory.Buffer, foreign []unsafe.Pointer, offset, end int64, name string) error {
	if foreign[1] == nil && end > 0 {
		return damaged(name, "its views are missing")
	}
	n := len(foreign) - 3
	if n > 0 && foreign[len(foreign)-1] == nil {
		return damaged(name, "the sizes of its data buffers are missing")
	}
	var sizes []int64
	if n > 0 {
		sizes = unsafe.Slice((*int64)(foreign[len(foreign)-1]), n)
	}
	*bufs = append(*bufs, b.buffer(foreign[1], end*int64(arrow.ViewHeaderSizeBytes)))
	if end > 0 {
		for _, v := range unsafe.Slice((*arrow.ViewHeader)(foreign[1]), end)[offset:] {
			if v.Len() < 0 {
				return damaged(name, "a view has a negative length")
			}
			if v.IsInline() {
				continue
			}
			if int64(v.BufferIndex()) >= int64(n) || v.BufferIndex() < 0 || v.BufferOffset() < 0 ||
				int64(v.BufferOffset())+int64(v.Len()) > sizes[v.BufferIndex()] {
				return damaged(name, "a view points outside its data")
			}
		}
	}
	for i := range n {
		if sizes[i] < 0 || foreign[2+i] == nil && sizes[i] > 0 {
			return damaged(name, "a data buffer is missing")
		}
		*bufs = append(*bufs, b.buffer(foreign[2+i], sizes[i]))
	}
	return nil
}

// checkIndices refuses dictionary indices outside the dictionary; the index of
// a null may be anything.
func checkIndices(d *array.Data, dict *arrow.DictionaryType, n int64, name string) error {
	idx := array.NewData(dict.IndexType, d.Len(), d.Buffers(), nil, d.NullN(), d.Offset())
	defer idx.Release()
	a := array.MakeFromData(idx)
	defer a.Release()
	ok := true
	switch a := a.(type) {
	case *array.Int8:
		ok = within(a, a.Int8Values(), n)
	case *array.Int16:
		ok = within(a, a.Int16Values(), n)
	case *array.Int32:
		ok = within(a, a.Int32Values(), n)
	case *array.Int64:
		ok = within(a, a.Int64Values(), n)
	case *array.Uint8:
		ok = within(a, a.Uint8Values(), n)
	case *array.Uint16:
		ok = within(a, a.Uint16Values(), n)
	case *array.Uint32:
		ok = within(a, a.Uint32Values(), n)
	case *array.Uint64:
		ok = within(a, a.Uint64Values(), n)
	}
	if !ok {
		return damaged(name, "an index points outside its dictionary")
	}
	return nil
}

func within[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64](a arrow.Array, values []T, n int64) bool {
	limit := uint64(n)
	for i, v := range values {
		if uint64(int64(v)) >= limit && (a.NullN() == 0 || a.IsValid(i)) {
			return false
		}
	}
	return true
}

// checkText refuses text that is not UTF-8, dictionaries included.
func checkText(a arrow.Array, name string) error {
	ok := true
	switch a := a.(type) {
	case *array.Dictionary:
		return checkText(a.Dictionary(), name)
	case *array.List:
		return checkText(a.ListValues(), name)
	case *array.LargeList:
		return checkText(a.ListValues(), name)
	case *array.String:
		ok = validText(a, a.Value)
	case *array.LargeString:
		ok = validText(a, a.Value)
	case *array.StringView:
		ok = validText(a, a.Value)
	}
	if !ok {
		return damaged(name, "its text is not UTF-8")
	}
	return nil
}

func validText(a arrow.Array, value func(int) string) bool {
	for i := range a.Len() {
		if a.IsValid(i) && !utf8.ValidString(value(i)) {
			return false
		}
	}
	return true
}
