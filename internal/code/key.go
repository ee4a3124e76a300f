package code

import (
	"encoding/binary"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// FixedKey reports whether AppendKey writes 8 bytes for every value of a type;
// for the others it writes their bytes, of any length.
func FixedKey(dt arrow.DataType) bool {
	switch ValueType(dt).ID() {
	case arrow.STRING, arrow.LARGE_STRING, arrow.STRING_VIEW,
		arrow.BINARY, arrow.LARGE_BINARY, arrow.BINARY_VIEW, arrow.FIXED_SIZE_BINARY,
		arrow.DECIMAL128, arrow.DECIMAL256:
		return false
	}
	return true
}

// AppendKey appends bytes that identify the value of a code among the values
// of its type, whatever encoder made the code; their bytewise order is the
// order of the type. The value is not null.
func (e *Encoder) AppendKey(dst []byte, c uint32) []byte {
	if e.text {
		return append(dst, e.strings.at(c)...)
	}
	return binary.BigEndian.AppendUint64(dst, e.numbers.keys[c])
}

// CodeOfKey returns the code of the value with a key of 8 bytes, read as a
// big-endian number, and gives it one at first sight.
func (e *Encoder) CodeOfKey(key uint64) uint32 { return e.numbers.find(key) }

// CodeOfNull returns the code of null, and gives it one at first sight.
func (e *Encoder) CodeOfNull() uint32 { return e.nullCode() }

// AppendFromKey appends the value that has a key to a builder of its type. A
// key of the wrong length appends a null.
func AppendFromKey(b array.Builder, key []byte) {
	switch fixed := FixedKey(b.Type()); {
	case fixed && len(key) == 8:
		appendKey(b, binary.BigEndian.Uint64(key))
	case fixed || !fits(b.Type(), len(key)):
		b.AppendNull()
	default:
		appendBytes(b, key)
	}
}

// fits reports whether values of a type can have keys of n bytes.
func fits(dt arrow.DataType, n int) bool {
	switch dt := dt.(type) {
	case *arrow.Decimal128Type:
		return n == 16
	case *arrow.Decimal256Type:
		return n == 32
	case *arrow.FixedSizeBinaryType:
		return n == dt.ByteWidth
	}
	return true
}

// IsNull reports whether a code is that of null or of NaN.
func (e *Encoder) IsNull(c uint32) bool {
	if int64(c) == e.null {
		return true
	}
	switch e.value.ID() {
	case arrow.FLOAT16, arrow.FLOAT32, arrow.FLOAT64:
		return math.IsNaN(keyFloat(e.numbers.keys[c]))
	}
	return false
}

// ValuesFrom returns the distinct values of codes from on, in the order of
// their codes.
func (e *Encoder) ValuesFrom(from int) arrow.Array {
	codes := make([]uint32, 0, e.Len()-from)
	for c := from; c < e.Len(); c++ {
		codes = append(codes, uint32(c))
	}
	return e.build(codes)
}
