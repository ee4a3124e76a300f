//go:build cgo

package cdata

// #include <stdlib.h>
// #include "abi.h"
import "C"

import (
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/internal/fault"
)

// LiveBytes is the C memory that outputs hold and have not yet released.
func LiveBytes() int64 { return int64(C.oboro_cdata_live_bytes()) }

// LiveBlocks counts the pieces of that memory.
func LiveBlocks() int64 { return int64(C.oboro_cdata_live_blocks()) }

// Alloc returns zeroed C memory, counted in LiveBytes, or nil.
func Alloc(size int) unsafe.Pointer { return C.oboro_cdata_alloc(C.size_t(size)) }

// Free gives memory of Alloc back.
func Free(p unsafe.Pointer) { C.oboro_cdata_free(p) }

// ExportStream reads r to its end into C memory and fills the foreign struct
// ArrowArrayStream at p with a stream of its batches. The stream and all that
// comes from it is released by C code. Only the rows of each batch are copied,
// not what lies around them in the buffers. On error nothing is left at p.
func ExportStream(r array.RecordReader, p unsafe.Pointer) (err error) {
	var batches []*C.struct_ArrowArray
	defer func() {
		for _, b := range batches {
			if err != nil {
				C.oboro_cdata_release_array(b)
			}
			C.oboro_cdata_free(unsafe.Pointer(b))
		}
	}()
	for r.Next() {
		b := (*C.struct_ArrowArray)(C.oboro_cdata_alloc(C.sizeof_struct_ArrowArray))
		if b == nil {
			return fault.Inputf("out of memory")
		}
		batches = append(batches, b)
		if err := exportRecord(r.Record(), b); err != nil {
			return err
		}
	}
	if err := r.Err(); err != nil {
		return err
	}
	schema := (*C.struct_ArrowSchema)(C.oboro_cdata_alloc(C.sizeof_struct_ArrowSchema))
	if schema == nil {
		return fault.Inputf("out of memory")
	}
	defer C.oboro_cdata_free(unsafe.Pointer(schema))
	if err := ExportSchema(r.Schema(), unsafe.Pointer(schema)); err != nil {
		return err
	}
	moved := (*C.struct_ArrowArray)(C.oboro_cdata_alloc(C.size_t(len(batches)) * C.sizeof_struct_ArrowArray))
	if moved == nil {
		C.oboro_cdata_release_schema(schema)
		return fault.Inputf("out of memory")
	}
	for i, b := range batches {
		unsafe.Slice(moved, len(batches))[i] = *b
	}
	if C.oboro_cdata_stream((*C.struct_ArrowArrayStream)(p), schema, moved, C.int64_t(len(batches))) != 0 {
		C.oboro_cdata_free(unsafe.Pointer(moved))
		C.oboro_cdata_release_schema(schema)
		return fault.Inputf("out of memory")
	}
	return nil
}

// ExportSchema fills the foreign struct ArrowSchema at p with the schema of a
// table. Metadata is not carried over.
func ExportSchema(s *arrow.Schema, p unsafe.Pointer) error {
	out := (*C.struct_ArrowSchema)(p)
	if err := newSchema(out, "+s", "", 0, s.NumFields(), false); err != nil {
		return err
	}
	for i, f := range s.Fields() {
		if err := exportField(f, unsafe.Slice(out.children, s.NumFields())[i]); err != nil {
			C.oboro_cdata_release_schema(out)
			return err
		}
	}
	return nil
}

func newSchema(out *C.struct_ArrowSchema, format, name string, flags int64, children int, dict bool) error {
	cf, cn := C.CString(format), C.CString(name)
	defer C.free(unsafe.Pointer(cf))
	defer C.free(unsafe.Pointer(cn))
	if C.oboro_cdata_schema(out, cf, cn, C.int64_t(flags), C.int64_t(children), C.int(flag(dict))) != 0 {
		return fault.Inputf("out of memory")
	}
	return nil
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

func exportField(f arrow.Field, out *C.struct_ArrowSchema) error {
	var flags int64
	if f.Nullable {
		flags |= C.ARROW_FLAG_NULLABLE
	}
	dt := plainType(f.Type)
	dict, isDict := dt.(*arrow.DictionaryType)
	storage := dt
	if isDict {
		storage = dict.IndexType
		if dict.Ordered {
			flags |= C.ARROW_FLAG_DICTIONARY_ORDERED
		}
	}
	format, err := formatOf(storage)
	if err != nil {
		return fault.Planf("column %q: %w", f.Name, err)
	}
	item, isList := storage.(arrow.ListLikeType)
	if err := newSchema(out, format, f.Name, flags, flag(isList), isDict); err != nil {
		return err
	}
	if isDict {
		err = exportField(arrow.Field{Type: dict.ValueType, Nullable: true}, out.dictionary)
	} else if isList {
		err = exportField(arrow.Field{Name: "item", Type: item.Elem(), Nullable: true}, *out.children)
	}
	if err != nil {
		C.oboro_cdata_release_schema(out)
	}
	return err
}

// plainType is the type in which a column is handed out: views become plain
// text, whose buffers hold the column's own rows and nothing else.
func plainType(dt arrow.DataType) arrow.DataType {
	switch dt.ID() {
	case arrow.STRING_VIEW:
		return arrow.BinaryTypes.LargeString
	case arrow.BINARY_VIEW:
		return arrow.BinaryTypes.LargeBinary
	}
	return dt
}

func exportRecord(rec arrow.Record, out *C.struct_ArrowArray) error {
	n := int(rec.NumCols())
	if C.oboro_cdata_array(out, C.int64_t(rec.NumRows()), 0, 1, C.int64_t(n), 0) != 0 {
		return fault.Inputf("out of memory")
	}
	for i := range n {
		if err := exportArray(rec.Column(i), unsafe.Slice(out.children, n)[i]); err != nil {
			return fault.Planf("column %q: %w", rec.ColumnName(i), err)
		}
	}
	return nil
}

// exportArray copies the rows of a, not their surroundings, into C memory.
// A failed export leaves out in a state that its parent's release can handle.
func exportArray(a arrow.Array, out *C.struct_ArrowArray) error {
	switch v := a.(type) {
	case *array.StringView:
		return exportView(a, v.Value, out)
	case *array.BinaryView:
		return exportView(a, v.ValueString, out)
	}
	d := a.Data()
	n := a.Len()
	dict, isDict := a.(*array.Dictionary)
	storage := a.DataType()
	if isDict {
		storage = storage.(*arrow.DictionaryType).IndexType
	}
	want, err := wantBuffers(storage)
	if err != nil {
		return err
	}
	_, isList := storage.(arrow.ListLikeType)
	if C.oboro_cdata_array(out, C.int64_t(n), C.int64_t(a.NullN()), C.int64_t(want), C.int64_t(flag(isList)), C.int(flag(isDict))) != 0 {
		return fault.Inputf("out of memory")
	}
	if storage.ID() == arrow.NULL {
		return nil
	}
	if a.NullN() > 0 {
		if err := exportBits(a.NullBitmapBytes(), d.Offset(), n, out, 0); err != nil {
			return err
		}
	}
	switch storage.ID() {
	case arrow.STRING, arrow.BINARY, arrow.LIST:
		err = exportVariable(a, arrow.Int32Traits.CastFromBytes(bytesOf(d.Buffers()[1])), out)
	case arrow.LARGE_STRING, arrow.LARGE_BINARY, arrow.LARGE_LIST:
		err = exportVariable(a, arrow.Int64Traits.CastFromBytes(bytesOf(d.Buffers()[1])), out)
	case arrow.BOOL:
		err = exportBits(bytesOf(d.Buffers()[1]), d.Offset(), n, out, 1)
	default:
		width := storage.(arrow.FixedWidthDataType).Bytes()
		err = exportFixed(a, bytesOf(d.Buffers()[1])[d.Offset()*width:(d.Offset()+n)*width], width, out)
	}
	if err == nil && isDict {
		err = exportArray(dict.Dictionary(), out.dictionary)
	}
	return err
}

func bytesOf(b *memory.Buffer) []byte {
	if b == nil {
		return nil
	}
	return b.Bytes()
}

func buffer(out *C.struct_ArrowArray, i, size int) ([]byte, error) {
	p := C.oboro_cdata_buffer(out, C.int64_t(i), C.int64_t(size))
	if p == nil {
		return nil, fault.Inputf("out of memory")
	}
	return unsafe.Slice((*byte)(p), size), nil
}

func exportBits(bits []byte, offset, n int, out *C.struct_ArrowArray, i int) error {
	dst, err := buffer(out, i, (n+7)/8)
	if err != nil {
		return err
	}
	for j := range n {
		if bits[(offset+j)/8]>>((offset+j)%8)&1 != 0 {
			dst[j/8] |= 1 << (j % 8)
		}
	}
	return nil
}

// exportFixed copies values of fixed width; slots under a null are zero.
func exportFixed(a arrow.Array, src []byte, width int, out *C.struct_ArrowArray) error {
	dst, err := buffer(out, 1, len(src))
	if err != nil {
		return err
	}
	copy(dst, src)
	if a.NullN() > 0 {
		for i := range a.Len() {
			if a.IsNull(i) {
				clear(dst[i*width : (i+1)*width])
			}
		}
	}
	return nil
}

// exportVariable copies text, bytes or list items with offsets from zero;
// nulls are empty.
func exportVariable[O int32 | int64](a arrow.Array, offsets []O, out *C.struct_ArrowArray) error {
	n := a.Len()
	var zero O
	size := int(unsafe.Sizeof(zero))
	raw, err := buffer(out, 1, (n+1)*size)
	if err != nil {
		return err
	}
	dst := unsafe.Slice((*O)(unsafe.Pointer(unsafe.SliceData(raw))), n+1)
	var total O
	if n > 0 {
		offsets = offsets[a.Data().Offset():]
	}
	for i := range n {
		if a.IsValid(i) {
			total += offsets[i+1] - offsets[i]
		}
		dst[i+1] = total
	}
	if items, ok := a.(array.ListLike); ok {
		return exportItems(a, items.ListValues(), offsets, out)
	}
	text, err := buffer(out, 2, int(total))
	if err != nil {
		return err
	}
	data := bytesOf(a.Data().Buffers()[2])
	for i := range n {
		if a.IsValid(i) {
			copy(text[dst[i]:dst[i+1]], data[offsets[i]:offsets[i+1]])
		}
	}
	return nil
}

// exportItems hands out the items of the lists that are not null.
func exportItems[O int32 | int64](a arrow.Array, items arrow.Array, offsets []O, out *C.struct_ArrowArray) error {
	var parts []arrow.Array
	defer func() {
		for _, p := range parts {
			p.Release()
		}
	}()
	for i := range a.Len() {
		if a.IsValid(i) && offsets[i+1] > offsets[i] {
			parts = append(parts, array.NewSlice(items, int64(offsets[i]), int64(offsets[i+1])))
		}
	}
	if len(parts) == 0 {
		parts = append(parts, array.NewSlice(items, 0, 0))
	}
	joined, err := array.Concatenate(parts, memory.DefaultAllocator)
	if err != nil {
		return fault.Inputf("the lists can't be joined")
	}
	defer joined.Release()
	return exportArray(joined, *out.children)
}

func exportView(a arrow.Array, value func(int) string, out *C.struct_ArrowArray) error {
	b := array.NewBuilder(memory.DefaultAllocator, arrow.BinaryTypes.LargeString).(*array.LargeStringBuilder)
	defer b.Release()
	for i := range a.Len() {
		if a.IsNull(i) {
			b.AppendNull()
		} else {
			b.Append(value(i))
		}
	}
	plain := b.NewArray()
	defer plain.Release()
	return exportArray(plain, out)
}

// StreamSize and SchemaSize are the sizes of the C structs in bytes.
const (
	StreamSize = int(C.sizeof_struct_ArrowArrayStream)
	SchemaSize = int(C.sizeof_struct_ArrowSchema)
)
