package arrowio

import (
	"context"
	"encoding/binary"
	"errors"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/internal/fault"
)

// isOurs reports whether an error text was written by this project, or by a
// context, and so holds nothing of a file's bytes.
func isOurs(err error) bool {
	for _, kind := range []error{fault.Input, fault.Plan, fault.Data, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

var errDamaged = errors.New("buffers of a record do not fit together")

// checked passes a record on when every offset and index in it stays inside
// its buffers, so that nobody downstream can panic on a damaged file. Arrow's
// own readers check lengths only. It takes over the record.
func checked(rec arrow.Record) (arrow.Record, error) {
	for _, c := range rec.Columns() {
		if int64(c.Len()) != rec.NumRows() || !valid(c.Data()) {
			rec.Release()
			return nil, errDamaged
		}
	}
	return rec, nil
}

// valid checks the buffers of one array and of its children.
func valid(d arrow.ArrayData) bool {
	n, off := d.Len(), d.Offset()
	if n < 0 || off < 0 || d.NullN() > n {
		return false
	}
	bufs := d.Buffers()
	if len(bufs) > 0 && bufs[0] != nil && bufs[0].Len() > 0 && bufs[0].Len() < (off+n+7)/8 {
		return false
	}
	buf := func(i int) []byte {
		if i >= len(bufs) || bufs[i] == nil {
			return nil
		}
		return bufs[i].Bytes()
	}
	switch t := d.DataType().(type) {
	case *arrow.StringType, *arrow.BinaryType:
		return validOffsets32(buf(1), off, n, len(buf(2)))
	case *arrow.LargeStringType, *arrow.LargeBinaryType:
		return validOffsets64(buf(1), off, n, len(buf(2)))
	case *arrow.StringViewType, *arrow.BinaryViewType:
		return validViews(d, buf(1), off, n)
	case *arrow.DictionaryType:
		dict := d.Dictionary()
		return dict != nil && valid(dict) && validIndices(d, t, buf(1), off, n, dict.Len())
	case *arrow.ListType, *arrow.MapType:
		kids := d.Children()
		return len(kids) == 1 && valid(kids[0]) && validOffsets32(buf(1), off, n, kids[0].Len())
	case *arrow.LargeListType:
		kids := d.Children()
		return len(kids) == 1 && valid(kids[0]) && validOffsets64(buf(1), off, n, kids[0].Len())
	case arrow.FixedWidthDataType:
		return len(buf(1)) >= (t.BitWidth()*(off+n)+7)/8
	}
	for _, k := range d.Children() {
		if !valid(k) {
			return false
		}
	}
	return true
}

func validOffsets32(b []byte, off, n, limit int) bool {
	if n == 0 {
		return true
	}
	if len(b) < 4*(off+n+1) {
		return false
	}
	offs := arrow.Int32Traits.CastFromBytes(b)[off : off+n+1]
	last := offs[0]
	ok := last >= 0
	for _, o := range offs {
		ok = ok && o >= last
		last = o
	}
	return ok && int(last) <= limit
}

func validOffsets64(b []byte, off, n, limit int) bool {
	if n == 0 {
		return true
	}
	if len(b) < 8*(off+n+1) {
		return false
	}
	offs := arrow.Int64Traits.CastFromBytes(b)[off : off+n+1]
	last := offs[0]
	ok := last >= 0
	for _, o := range offs {
		ok = ok && o >= last
		last = o
	}
	return ok && last <= int64(limit)
}

// validViews checks views of 16 bytes: length; then up to 12 bytes in place,
// or prefix, buffer number and offset.
func validViews(d arrow.ArrayData, b []byte, off, n int) bool {
	if len(b) < 16*(off+n) {
		return false
	}
	data := d.Buffers()[2:]
	for i := off; i < off+n; i++ {
		v := b[16*i:]
		size := int64(int32(binary.LittleEndian.Uint32(v)))
		if size <= 12 {
			if size < 0 {
				return false
			}
			continue
		}
		at, o := int64(int32(binary.LittleEndian.Uint32(v[8:]))), int64(int32(binary.LittleEndian.Uint32(v[12:])))
		if at < 0 || at >= int64(len(data)) || data[at] == nil || o < 0 || o+size > int64(data[at].Len()) {
			return false
		}
	}
	return true
}

// validIndices checks that every index that is not null names an entry. Nulls
// are looked at only where some index is out of range.
func validIndices(d arrow.ArrayData, t *arrow.DictionaryType, b []byte, off, n, entries int) bool {
	width := t.IndexType.(arrow.FixedWidthDataType).BitWidth() / 8
	if len(b) < width*(off+n) {
		return false
	}
	inRange := func(i int) bool { return false }
	all := true
	switch t.IndexType.ID() {
	case arrow.INT32, arrow.UINT32:
		v := arrow.Uint32Traits.CastFromBytes(b)[off : off+n]
		var most uint32
		for _, x := range v {
			most = max(most, x)
		}
		all = n == 0 || int64(most) < int64(entries)
		inRange = func(i int) bool { return int64(v[i]) < int64(entries) }
	case arrow.INT8, arrow.UINT8:
		v := b[off : off+n]
		inRange = func(i int) bool { return int(v[i]) < entries }
		all = entries > math.MaxUint8
	case arrow.INT16, arrow.UINT16:
		v := arrow.Uint16Traits.CastFromBytes(b)[off : off+n]
		inRange = func(i int) bool { return int(v[i]) < entries }
		all = entries > math.MaxUint16
	default:
		v := arrow.Uint64Traits.CastFromBytes(b)[off : off+n]
		inRange = func(i int) bool { return v[i] < uint64(entries) }
		all = false
	}
	if all {
		return true
	}
	arr := array.MakeFromData(d)
	defer arr.Release()
	for i := range n {
		if !inRange(i) && arr.IsValid(i) {
			return false
		}
	}
	return true
}
