package arrowio

import (
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/internal/fault"
)

// compactType is the type in which a column is written as IPC: views become
// plain text, dictionary indices int32. Nested types but lists are refused.
func compactType(t arrow.DataType) (arrow.DataType, error) {
	switch t := t.(type) {
	case *arrow.StringViewType:
		return arrow.BinaryTypes.String, nil
	case *arrow.BinaryViewType:
		return arrow.BinaryTypes.Binary, nil
	case *arrow.DictionaryType:
		v, err := compactType(t.ValueType)
		if err != nil {
			return nil, err
		}
		return &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: v}, nil
	case *arrow.ListType:
		elem, err := compactType(t.Elem())
		if err != nil {
			return nil, err
		}
		if id := elem.ID(); id == arrow.DICTIONARY || id == arrow.LIST {
			break
		}
		return arrow.ListOf(elem), nil
	case *arrow.NullType, *arrow.StringType, *arrow.LargeStringType, *arrow.BinaryType, *arrow.LargeBinaryType:
		return t, nil
	case arrow.NestedType, arrow.ExtensionType, *arrow.RunEndEncodedType:
		break
	case arrow.FixedWidthDataType:
		return t, nil
	}
	return nil, fault.Planf("type %v can't be written; leave the column out or make it text", t)
}

// writtenSchema is the schema of what is written: names, types and
// nullability, no metadata.
func writtenSchema(s *arrow.Schema) (*arrow.Schema, error) {
	fields := make([]arrow.Field, s.NumFields())
	for i, f := range s.Fields() {
		t, err := compactType(f.Type)
		if err != nil {
			return nil, fault.Planf("column %q: %w", f.Name, err)
		}
		fields[i] = arrow.Field{Name: f.Name, Type: t, Nullable: f.Nullable}
	}
	return arrow.NewSchema(fields, nil), nil
}

// compact copies an array that has no dictionary into buffers that hold its
// values and nothing else: zeros under nulls, no bytes before or after. The
// result is the caller's to release.
func compact(a arrow.Array) arrow.Array {
	n := a.Len()
	if a.DataType().ID() == arrow.NULL {
		return array.NewNull(n)
	}
	var valid *memory.Buffer
	if a.NullN() > 0 {
		b := make([]byte, (n+7)/8)
		bitutil.CopyBitmap(a.NullBitmapBytes(), a.Data().Offset(), n, b, 0)
		valid = memory.NewBufferBytes(b)
	}
	switch a := a.(type) {
	case *array.String:
		return compactText(a, arrow.BinaryTypes.String, valid, a.Value)
	case *array.StringView:
		return compactText(a, arrow.BinaryTypes.String, valid, a.Value)
	case *array.Binary:
		return compactText(a, arrow.BinaryTypes.Binary, valid, a.Value)
	case *array.BinaryView:
		return compactText(a, arrow.BinaryTypes.Binary, valid, a.Value)
	case *array.LargeString:
		return compactLarge(a, valid, a.Value)
	case *array.LargeBinary:
		return compactLarge(a, valid, a.Value)
	case *array.List:
		return compactList(a, valid)
	}
	width := a.DataType().(arrow.FixedWidthDataType).BitWidth()
	out := make([]byte, (n*width+7)/8)
	src, off := []byte(nil), a.Data().Offset()
	if n > 0 {
		src = a.Data().Buffers()[1].Bytes()
	}
	switch {
	case width == 1:
		for i := range n {
			if a.IsValid(i) && bitutil.BitIsSet(src, off+i) {
				bitutil.SetBit(out, i)
			}
		}
	case valid == nil:
		copy(out, src[off*width/8:])
	default:
		w := width / 8
		for i := range n {
			if a.IsValid(i) {
				copy(out[i*w:(i+1)*w], src[(off+i)*w:])
			}
		}
	}
	return makeArray(a.DataType(), n, a.NullN(), []*memory.Buffer{valid, memory.NewBufferBytes(out)})
}

func compactText[T string | []byte](a arrow.Array, t arrow.DataType, valid *memory.Buffer, at func(int) T) arrow.Array {
	offsets := make([]int32, 1, a.Len()+1)
	var data []byte
	for i := range a.Len() {
		if a.IsValid(i) {
			data = append(data, at(i)...)
		}
		if len(data) > math.MaxInt32 {
			panic("arrowio: a batch of more than 2 GiB of text")
		}
		offsets = append(offsets, int32(len(data)))
	}
	return makeArray(t, a.Len(), a.NullN(), []*memory.Buffer{valid, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets)), memory.NewBufferBytes(data)})
}

func compactLarge[T string | []byte](a arrow.Array, valid *memory.Buffer, at func(int) T) arrow.Array {
	offsets := make([]int64, 1, a.Len()+1)
	var data []byte
	for i := range a.Len() {
		if a.IsValid(i) {
			data = append(data, at(i)...)
		}
		offsets = append(offsets, int64(len(data)))
	}
	return makeArray(a.DataType(), a.Len(), a.NullN(), []*memory.Buffer{valid, memory.NewBufferBytes(arrow.Int64Traits.CastToBytes(offsets)), memory.NewBufferBytes(data)})
}

func compactList(a *array.List, valid *memory.Buffer) arrow.Array {
	offsets := make([]int32, 1, a.Len()+1)
	var parts []arrow.Array
	var end int64
	for i := range a.Len() {
		if a.IsValid(i) {
			from, to := a.ValueOffsets(i)
			if from < to {
				part := array.NewSlice(a.ListValues(), from, to)
				defer part.Release()
				c := compact(part)
				defer c.Release()
				parts = append(parts, c)
			}
			end += to - from
		}
		offsets = append(offsets, int32(end))
	}
	var values arrow.Array
	if len(parts) == 0 {
		none := array.NewSlice(a.ListValues(), 0, 0)
		defer none.Release()
		values = compact(none)
	} else {
		var err error
		if values, err = array.Concatenate(parts, memory.NewGoAllocator()); err != nil {
			panic(err)
		}
	}
	defer values.Release()
	data := array.NewData(arrow.ListOf(values.DataType()), a.Len(), []*memory.Buffer{valid, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets))}, []arrow.ArrayData{values.Data()}, a.NullN(), 0)
	defer data.Release()
	return array.MakeFromData(data)
}

// A dictionaryTable gives the entries of a column's dictionaries codes in the
// order in which rows use them first, over all batches.
type dictionaryTable struct {
	codes   map[string]int32 // by the bytes of the value
	entries array.Builder    // nil for fixed widths
	fixed   []byte
	n       int

	last  arrow.ArrayData // the dictionary last seen
	remap []int32         // its entries' codes, unseen, or null
}

const (
	entryUnseen = -1
	entryNull   = -2
)

// take returns the codes of an array as int32, null where the row or its entry
// is null. The result is the caller's to release.
func (t *dictionaryTable) take(a *array.Dictionary) arrow.Array {
	dict := a.Dictionary()
	if t.last != dict.Data() {
		t.last = dict.Data()
		t.remap = make([]int32, dict.Len())
		for i := range t.remap {
			t.remap[i] = entryUnseen
		}
	}
	n := a.Len()
	out := make([]int32, n)
	valid := make([]byte, (n+7)/8)
	nulls := 0
	for i := range n {
		c := int32(entryNull)
		if a.IsValid(i) {
			x := a.GetValueIndex(i)
			if c = t.remap[x]; c == entryUnseen {
				c = t.code(dict, x)
				t.remap[x] = c
			}
		}
		if c == entryNull {
			nulls++
			continue
		}
		bitutil.SetBit(valid, i)
		out[i] = c
	}
	return makeArray(arrow.PrimitiveTypes.Int32, n, nulls, []*memory.Buffer{memory.NewBufferBytes(valid), memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(out))})
}

// code returns the code of an entry.
func (t *dictionaryTable) code(dict arrow.Array, x int) int32 {
	if dict.IsNull(x) {
		return entryNull
	}
	one := array.NewSlice(dict, int64(x), int64(x+1))
	defer one.Release()
	whole := compact(one)
	defer whole.Release()
	bufs := whole.Data().Buffers()
	key := string(bufs[len(bufs)-1].Bytes())
	c, ok := t.codes[key]
	if !ok {
		c = int32(t.n)
		t.n++
		t.codes[key] = c
		t.add(whole.DataType(), key)
	}
	return c
}

func (t *dictionaryTable) add(dt arrow.DataType, key string) {
	if t.entries == nil && isVarText(dt) {
		t.entries = array.NewBuilder(memory.NewGoAllocator(), dt)
	}
	switch b := t.entries.(type) {
	case *array.StringBuilder:
		b.Append(key)
	case *array.LargeStringBuilder:
		b.Append(key)
	case *array.BinaryBuilder:
		b.AppendString(key)
	default:
		t.fixed = append(t.fixed, key...)
	}
}

func isVarText(t arrow.DataType) bool {
	switch t.ID() {
	case arrow.STRING, arrow.LARGE_STRING, arrow.BINARY, arrow.LARGE_BINARY:
		return true
	}
	return false
}

// array returns the entries.
func (t *dictionaryTable) array(dt arrow.DataType) arrow.Array {
	switch {
	case t.entries != nil:
		return t.entries.NewArray()
	case isVarText(dt):
		b := array.NewBuilder(memory.NewGoAllocator(), dt)
		defer b.Release()
		return b.NewArray()
	case dt.ID() == arrow.BOOL: // a byte each until now
		b := array.NewBooleanBuilder(memory.NewGoAllocator())
		defer b.Release()
		for _, x := range t.fixed {
			b.Append(x != 0)
		}
		return b.NewArray()
	}
	return makeArray(dt, t.n, 0, []*memory.Buffer{nil, memory.NewBufferBytes(t.fixed)})
}
