package kanon

import (
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/internal/fault"
)

// cell names one value: a position in one of several arrays of one type.
type cell struct{ chunk, at uint32 }

// checkTake reports whether columns of a type can be copied row by row: all
// but unions, maps, views of lists, run-end encoded and extension types, which
// are refused by name with an error of kind Plan.
func checkTake(dt arrow.DataType) error {
	switch dt := dt.(type) {
	case *arrow.ListType:
		return checkTake(dt.Elem())
	case *arrow.LargeListType:
		return checkTake(dt.Elem())
	case *arrow.FixedSizeListType:
		return checkTake(dt.Elem())
	case *arrow.StructType:
		for _, f := range dt.Fields() {
			if err := checkTake(f.Type); err != nil {
				return err
			}
		}
		return nil
	case *arrow.NullType, *arrow.StringType, *arrow.BinaryType, *arrow.LargeStringType, *arrow.LargeBinaryType, *arrow.StringViewType, *arrow.BinaryViewType:
		return nil
	case *arrow.DictionaryType, arrow.ExtensionType:
	case arrow.FixedWidthDataType:
		return nil
	}
	return fault.Planf("columns of type %s can't be copied row by row; cast the column, or leave it out", dt.Name())
}

// take makes an array of the cells named. Nothing else of the chunks is in its
// buffers: what lies under a null is zero, and offsets start at 0.
func take(dt arrow.DataType, chunks []arrow.Array, cells []cell) (arrow.Array, error) {
	n := len(cells)
	valid, nulls := takeValidity(chunks, cells)
	isNull := func(i int) bool { return valid != nil && !bitutil.BitIsSet(valid.Bytes(), i) }
	finish := func(children []arrow.ArrayData, buffers ...*memory.Buffer) arrow.Array {
		d := array.NewData(dt, n, append([]*memory.Buffer{valid}, buffers...), children, nulls, 0)
		defer d.Release()
		return array.MakeFromData(d)
	}
	switch dt := dt.(type) {
	case *arrow.NullType:
		return array.NewNull(n), nil
	case *arrow.BooleanType:
		out := make([]byte, bitutil.BytesForBits(int64(n)))
		for i, c := range cells {
			if !isNull(i) && chunks[c.chunk].(*array.Boolean).Value(int(c.at)) {
				bitutil.SetBit(out, i)
			}
		}
		return finish(nil, memory.NewBufferBytes(out)), nil
	case *arrow.StringType, *arrow.BinaryType:
		offsets, data, err := takeBytes[int32](chunks, cells, isNull)
		if err != nil {
			return nil, err
		}
		return finish(nil, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets)), memory.NewBufferBytes(data)), nil
	case *arrow.LargeStringType, *arrow.LargeBinaryType:
		offsets, data, err := takeBytes[int64](chunks, cells, isNull)
		if err != nil {
			return nil, err
		}
		return finish(nil, memory.NewBufferBytes(arrow.Int64Traits.CastToBytes(offsets)), memory.NewBufferBytes(data)), nil
	case *arrow.StringViewType:
		b := array.NewStringViewBuilder(memory.DefaultAllocator)
		defer b.Release()
		for i, c := range cells {
			if isNull(i) {
				b.AppendNull()
			} else {
				b.Append(chunks[c.chunk].(*array.StringView).Value(int(c.at)))
			}
		}
		return b.NewArray(), nil
	case *arrow.BinaryViewType:
		b := array.NewBinaryViewBuilder(memory.DefaultAllocator)
		defer b.Release()
		for i, c := range cells {
			if isNull(i) {
				b.AppendNull()
			} else {
				b.Append(chunks[c.chunk].(*array.BinaryView).Value(int(c.at)))
			}
		}
		return b.NewArray(), nil
	case *arrow.StructType:
		children := make([]arrow.ArrayData, dt.NumFields())
		for f := range children {
			fields := make([]arrow.Array, len(chunks))
			for k, c := range chunks {
				fields[k] = c.(*array.Struct).Field(f)
			}
			// A null row takes its fields from nowhere.
			child, err := takeChild(dt.Field(f).Type, fields, cells, isNull)
			if err != nil {
				return nil, err
			}
			defer child.Release()
			children[f] = child.Data()
		}
		return finish(children), nil
	case *arrow.FixedSizeListType:
		items := make([]arrow.Array, len(chunks))
		for k, c := range chunks {
			items[k] = c.(*array.FixedSizeList).ListValues()
		}
		size := uint32(dt.Len())
		inner := make([]cell, 0, n*int(size))
		for _, c := range cells {
			from := (uint32(chunks[c.chunk].Data().Offset()) + c.at) * size
			for j := range size {
				inner = append(inner, cell{c.chunk, from + j})
			}
		}
		child, err := takeChild(dt.Elem(), items, inner, func(i int) bool { return isNull(i / int(size)) })
		if err != nil {
			return nil, err
		}
		defer child.Release()
		return finish([]arrow.ArrayData{child.Data()}), nil
	case *arrow.ListType, *arrow.LargeListType:
		return takeList(dt, chunks, cells, isNull, finish)
	case arrow.FixedWidthDataType:
		width := dt.BitWidth() / 8
		out := make([]byte, n*width)
		takeFixed(out, width, chunks, cells, isNull, valid != nil)
		return finish(nil, memory.NewBufferBytes(out)), nil
	}
	return nil, checkTake(dt)
}

func takeValidity(chunks []arrow.Array, cells []cell) (*memory.Buffer, int) {
	some := false
	for _, c := range chunks {
		some = some || c.NullN() > 0
	}
	if !some {
		return nil, 0
	}
	bits := make([]byte, bitutil.BytesForBits(int64(len(cells))))
	nulls := 0
	for i, c := range cells {
		if chunks[c.chunk].IsNull(int(c.at)) {
			nulls++
		} else {
			bitutil.SetBit(bits, i)
		}
	}
	if nulls == 0 {
		return nil, 0
	}
	return memory.NewBufferBytes(bits), nulls
}

// takeChild takes the children of rows, null where the row is.
func takeChild(dt arrow.DataType, chunks []arrow.Array, cells []cell, isNull func(int) bool) (arrow.Array, error) {
	some := false
	for i := range cells {
		some = some || isNull(i)
	}
	if !some {
		return take(dt, chunks, cells)
	}
	empty := array.MakeArrayOfNull(memory.DefaultAllocator, dt, 1)
	defer empty.Release()
	chunks = append(append([]arrow.Array(nil), chunks...), empty)
	moved := make([]cell, len(cells))
	for i, c := range cells {
		moved[i] = c
		if isNull(i) {
			moved[i] = cell{uint32(len(chunks) - 1), 0}
		}
	}
	return take(dt, chunks, moved)
}

func takeFixed(out []byte, width int, chunks []arrow.Array, cells []cell, isNull func(int) bool, nulls bool) {
	data := make([][]byte, len(chunks))
	for k, c := range chunks {
		if b := c.Data().Buffers()[1]; b != nil {
			data[k] = b.Bytes()[c.Data().Offset()*width:]
		}
	}
	switch {
	case nulls:
		for i, c := range cells {
			if !isNull(i) {
				copy(out[i*width:(i+1)*width], data[c.chunk][int(c.at)*width:])
			}
		}
	case width == 8:
		takeWords(arrow.Uint64Traits.CastFromBytes(out), cells, castAll(data, arrow.Uint64Traits.CastFromBytes))
	case width == 4:
		takeWords(arrow.Uint32Traits.CastFromBytes(out), cells, castAll(data, arrow.Uint32Traits.CastFromBytes))
	default:
		for i, c := range cells {
			copy(out[i*width:(i+1)*width], data[c.chunk][int(c.at)*width:])
		}
	}
}

func castAll[T any](data [][]byte, cast func([]byte) []T) [][]T {
	out := make([][]T, len(data))
	for k, b := range data {
		out[k] = cast(b)
	}
	return out
}

func takeWords[T any](out []T, cells []cell, data [][]T) {
	for i, c := range cells {
		out[i] = data[c.chunk][c.at]
	}
}

func takeBytes[O int32 | int64](chunks []arrow.Array, cells []cell, isNull func(int) bool) ([]O, []byte, error) {
	type source struct {
		offsets []O
		data    []byte
	}
	from := make([]source, len(chunks))
	for k, c := range chunks {
		d := c.Data()
		if c.Len() == 0 || d.Buffers()[1] == nil {
			continue
		}
		switch offsets := any(&from[k].offsets).(type) {
		case *[]int32:
			*offsets = arrow.Int32Traits.CastFromBytes(d.Buffers()[1].Bytes())[d.Offset():]
		case *[]int64:
			*offsets = arrow.Int64Traits.CastFromBytes(d.Buffers()[1].Bytes())[d.Offset():]
		}
		if b := d.Buffers()[2]; b != nil {
			from[k].data = b.Bytes()
		}
	}
	offsets := make([]O, len(cells)+1)
	size := int64(0)
	for i, c := range cells {
		if !isNull(i) {
			s := &from[c.chunk]
			size += int64(s.offsets[c.at+1] - s.offsets[c.at])
		}
		if int64(O(size)) != size || size > math.MaxInt32 && int64(O(math.MaxInt32)+1) < 0 {
			return nil, nil, fault.Inputf("a batch of 65,536 rows holds more than 2 GiB of text in one column; cast the column to large text")
		}
		offsets[i+1] = O(size)
	}
	data := make([]byte, size)
	for i, c := range cells {
		if !isNull(i) {
			s := &from[c.chunk]
			copy(data[offsets[i]:], s.data[s.offsets[c.at]:s.offsets[c.at+1]])
		}
	}
	return offsets, data, nil
}

func takeList(dt arrow.DataType, chunks []arrow.Array, cells []cell, isNull func(int) bool, finish func([]arrow.ArrayData, ...*memory.Buffer) arrow.Array) (arrow.Array, error) {
	items := make([]arrow.Array, len(chunks))
	for k, c := range chunks {
		items[k] = c.(array.ListLike).ListValues()
	}
	offsets := make([]int64, len(cells)+1)
	var inner []cell
	for i, c := range cells {
		if !isNull(i) {
			from, to := chunks[c.chunk].(array.ListLike).ValueOffsets(int(c.at))
			for j := from; j < to; j++ {
				inner = append(inner, cell{c.chunk, uint32(j)})
			}
		}
		offsets[i+1] = int64(len(inner))
	}
	elem := dt.(arrow.ListLikeType).Elem()
	child, err := take(elem, items, inner)
	if err != nil {
		return nil, err
	}
	defer child.Release()
	if dt.ID() == arrow.LARGE_LIST {
		return finish([]arrow.ArrayData{child.Data()}, memory.NewBufferBytes(arrow.Int64Traits.CastToBytes(offsets))), nil
	}
	if len(inner) > math.MaxInt32 {
		return nil, fault.Inputf("a batch of 65,536 rows holds more than 2³¹ list items in one column; cast the column to a large list")
	}
	short := make([]int32, len(offsets))
	for i, o := range offsets {
		short[i] = int32(o)
	}
	return finish([]arrow.ArrayData{child.Data()}, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(short))), nil
}
