package code

import (
	"crypto/rand"
	"encoding/binary"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"

	"github.com/oboro-data/oboro/internal/fault"
)

// seed keys the hash tables, fresh in every process: who prepares the data
// can't know which values collide. Codes never depend on it.
var seed = func() (s [4]uint64) {
	var b [32]byte
	rand.Read(b[:])
	for i := range s {
		s[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	s[1] |= 1
	s[3] |= 1
	return s
}()

// An Encoder gives the values of one column dense codes, in the order of first
// sight; null is a value like any other. It is used by one goroutine at a
// time. The column flu, cold, null, flu becomes 0 1 2 0.
//
// Equal values are told exactly, whatever the type. All NaNs are one value, -0
// equals 0, a date64 counts as its day, a dictionary entry as its value.
type Encoder struct {
	value arrow.DataType
	null  int64 // code of null, -1 until one is seen
	text  bool  // values live in strings, else in numbers

	numbers numbers
	strings strings

	// The dictionary of the last batch, and its index to code+1, 0 where the
	// index was not yet met. Only values that occur get codes.
	dictionary arrow.ArrayData
	remap      []uint32
	entries    arrow.Array // the values of dictionary, while a batch is at hand
}

// NewEncoder returns an encoder for columns of a type, or the error of
// CheckType.
func NewEncoder(dt arrow.DataType) (*Encoder, error) {
	if err := CheckType(dt); err != nil {
		return nil, err
	}
	e := &Encoder{value: ValueType(dt), null: -1}
	switch e.value.ID() {
	case arrow.STRING, arrow.LARGE_STRING, arrow.STRING_VIEW,
		arrow.BINARY, arrow.LARGE_BINARY, arrow.BINARY_VIEW, arrow.FIXED_SIZE_BINARY,
		arrow.DECIMAL128, arrow.DECIMAL256:
		e.text = true
	}
	return e, nil
}

// Len returns the number of codes given so far, that of null included.
func (e *Encoder) Len() int {
	if e.text {
		return len(e.strings.ends)
	}
	return len(e.numbers.keys)
}

// Null returns the code of null, or -1 if none was seen.
func (e *Encoder) Null() int { return int(e.null) }

// Memory returns the bytes that the dictionary takes.
func (e *Encoder) Memory() int64 {
	return e.numbers.memory() + e.strings.memory() + int64(4*cap(e.remap))
}

// nullCode returns the code of null, giving it one at first sight.
func (e *Encoder) nullCode() uint32 {
	if e.null < 0 {
		if e.text {
			e.null = int64(e.strings.next(nil))
		} else {
			e.null = int64(e.numbers.next(0)) - 1
		}
	}
	return uint32(e.null)
}

// Encode appends the codes of arr to dst. The array's type, or its
// dictionary's value type, is that of NewEncoder.
func (e *Encoder) Encode(dst []uint32, arr arrow.Array) ([]uint32, error) {
	return e.EncodeRange(dst, arr, 0, arr.Len())
}

// EncodeRange appends the codes of the values from ≤ i < to of arr to dst. It
// takes a nanosecond a value for small integers, dates and dictionaries, some
// nanoseconds for short strings.
func (e *Encoder) EncodeRange(dst []uint32, arr arrow.Array, from, to int) ([]uint32, error) {
	if from == to {
		return dst, nil
	}
	if uint64(e.Len())+uint64(to-from) >= math.MaxUint32 {
		return dst, fault.Dataf("more than %d distinct values", uint32(math.MaxUint32-1))
	}
	if d, ok := arr.(*array.Dictionary); ok {
		return e.encodeDictionary(dst, d, from, to)
	}
	return e.encodePlain(dst, arr, from, to)
}

// validity tells which of some consecutive values are not null; bits is nil
// when all are.
type validity struct {
	bits   []byte
	offset int
}

func (v validity) at(i int) bool { return bitutil.BitIsSet(v.bits, v.offset+i) }

func validityOf(arr arrow.Array, from int) validity {
	if arr.NullN() == 0 {
		return validity{}
	}
	return validity{arr.NullBitmapBytes(), arr.Data().Offset() + from}
}

func (e *Encoder) encodePlain(dst []uint32, arr arrow.Array, from, to int) ([]uint32, error) {
	if arr.DataType().ID() != e.value.ID() {
		return dst, fault.Inputf("a batch has type %s where the schema says %s", arr.DataType().Name(), e.value.Name())
	}
	valid := validityOf(arr, from)
	switch a := arr.(type) {
	case *array.Int8:
		return encodeIntegers(e, dst, a.Int8Values()[from:to], flip, valid), nil
	case *array.Int16:
		return encodeIntegers(e, dst, a.Int16Values()[from:to], flip, valid), nil
	case *array.Int32:
		return encodeIntegers(e, dst, a.Int32Values()[from:to], flip, valid), nil
	case *array.Int64:
		return encodeIntegers(e, dst, a.Int64Values()[from:to], flip, valid), nil
	case *array.Uint8:
		return encodeIntegers(e, dst, a.Uint8Values()[from:to], 0, valid), nil
	case *array.Uint16:
		return encodeIntegers(e, dst, a.Uint16Values()[from:to], 0, valid), nil
	case *array.Uint32:
		return encodeIntegers(e, dst, a.Uint32Values()[from:to], 0, valid), nil
	case *array.Uint64:
		return encodeIntegers(e, dst, a.Uint64Values()[from:to], 0, valid), nil
	case *array.Date32:
		return encodeIntegers(e, dst, a.Date32Values()[from:to], flip, valid), nil
	case *array.Time32:
		return encodeIntegers(e, dst, a.Time32Values()[from:to], flip, valid), nil
	case *array.Time64:
		return encodeIntegers(e, dst, a.Time64Values()[from:to], flip, valid), nil
	case *array.Timestamp:
		return encodeIntegers(e, dst, a.TimestampValues()[from:to], flip, valid), nil
	case *array.Duration:
		return encodeIntegers(e, dst, a.DurationValues()[from:to], flip, valid), nil
	case *array.String:
		return encodeOffsets(e, dst, a.ValueOffsets()[from:to+1], bufferBytes(a), valid), nil
	case *array.LargeString:
		return encodeOffsets(e, dst, a.ValueOffsets()[from:to+1], bufferBytes(a), valid), nil
	case *array.Binary:
		return encodeOffsets(e, dst, a.ValueOffsets()[from:to+1], bufferBytes(a), valid), nil
	case *array.LargeBinary:
		return encodeOffsets(e, dst, a.ValueOffsets()[from:to+1], bufferBytes(a), valid), nil
	}
	for i := from; i < to; i++ {
		if IsNull(arr, i) {
			dst = append(dst, e.nullCode())
		} else {
			dst = append(dst, e.findValue(arr, i))
		}
	}
	return dst, nil
}

// bufferBytes returns the text of an array of strings.
func bufferBytes(arr arrow.Array) []byte {
	if b := arr.Data().Buffers()[2]; b != nil {
		return b.Bytes()
	}
	return nil
}

// findValue returns the code of a value of one of the less frequent types.
func (e *Encoder) findValue(arr arrow.Array, i int) uint32 {
	switch a := arr.(type) {
	case *array.Boolean:
		if a.Value(i) {
			return e.numbers.find(1)
		}
		return e.numbers.find(0)
	case *array.Date64:
		return e.numbers.find(uint64(floorDiv(int64(a.Value(i)), millisPerDay)) ^ flip)
	case *array.Float16:
		return e.numbers.find(floatKey(float64(a.Value(i).Float32())))
	case *array.Float32:
		return e.numbers.find(floatKey(float64(a.Value(i))))
	case *array.Float64:
		return e.numbers.find(floatKey(a.Value(i)))
	case *array.StringView:
		return e.strings.find([]byte(a.Value(i)))
	case *array.BinaryView:
		return e.strings.find(a.Value(i))
	case *array.FixedSizeBinary:
		return e.strings.find(a.Value(i))
	case *array.Decimal128:
		// Big-endian with the sign bit flipped, so that bytewise order is the order of the numbers.
		var b [16]byte
		v := a.Value(i)
		binary.BigEndian.PutUint64(b[:], uint64(v.HighBits())^flip)
		binary.BigEndian.PutUint64(b[8:], v.LowBits())
		return e.strings.find(b[:])
	case *array.Decimal256:
		var b [32]byte
		words := a.Value(i).Array() // least significant first
		for j, w := range words {
			binary.BigEndian.PutUint64(b[24-8*j:], w)
		}
		b[0] ^= 0x80
		return e.strings.find(b[:])
	}
	panic("code: a type that CheckType accepts has no encoding: " + arr.DataType().Name()) // a programming error here
}

func (e *Encoder) encodeDictionary(dst []uint32, d *array.Dictionary, from, to int) ([]uint32, error) {
	data := d.Data().Dictionary()
	if data != e.dictionary || data.Len() != len(e.remap) {
		// The dictionary is remembered by its address and not retained: while
		// it is remembered nothing else can have that address, and its values
		// are read only while an array that holds it is at hand.
		e.dictionary = data
		if n := data.Len(); cap(e.remap) >= n {
			e.remap = e.remap[:n]
			clear(e.remap)
		} else {
			e.remap = make([]uint32, n)
		}
	}
	e.entries = array.MakeFromData(data)
	defer func() {
		e.entries.Release()
		e.entries = nil
	}()
	valid := validityOf(d, from)
	switch ix := d.Indices().(type) {
	case *array.Int8:
		return encodeIndices(e, dst, ix.Int8Values()[from:to], valid)
	case *array.Int16:
		return encodeIndices(e, dst, ix.Int16Values()[from:to], valid)
	case *array.Int32:
		return encodeIndices(e, dst, ix.Int32Values()[from:to], valid)
	case *array.Int64:
		return encodeIndices(e, dst, ix.Int64Values()[from:to], valid)
	case *array.Uint8:
		return encodeIndices(e, dst, ix.Uint8Values()[from:to], valid)
	case *array.Uint16:
		return encodeIndices(e, dst, ix.Uint16Values()[from:to], valid)
	case *array.Uint32:
		return encodeIndices(e, dst, ix.Uint32Values()[from:to], valid)
	case *array.Uint64:
		return encodeIndices(e, dst, ix.Uint64Values()[from:to], valid)
	}
	return dst, fault.Inputf("a dictionary has indices of type %s", d.Indices().DataType().Name())
}

func encodeIndices[T signed | unsigned](e *Encoder, dst []uint32, indices []T, valid validity) ([]uint32, error) {
	n := len(dst)
	dst = append(dst, make([]uint32, len(indices))...)
	out := dst[n:]
	remap := e.remap
	for i, v := range indices {
		if valid.bits != nil && !valid.at(i) {
			out[i] = e.nullCode()
			continue
		}
		j := uint64(v) // a negative index becomes huge
		if j >= uint64(len(remap)) {
			return dst[:n], fault.Inputf("a dictionary index lies outside its dictionary of %d values", len(remap))
		}
		c := remap[j]
		if c == 0 {
			var one [1]uint32
			got, err := e.encodePlain(one[:0], e.entries, int(j), int(j)+1)
			if err != nil {
				return dst[:n], err
			}
			c = got[0] + 1
			remap[j] = c
		}
		out[i] = c - 1
	}
	return dst, nil
}

// Clone returns an encoder that gives the values of e the same codes, and goes
// on by itself from there.
func (e *Encoder) Clone() *Encoder {
	c := &Encoder{value: e.value, null: e.null, text: e.text, numbers: e.numbers, strings: e.strings}
	c.numbers.keys, c.numbers.window, c.numbers.slots = slices.Clone(e.numbers.keys), slices.Clone(e.numbers.window), slices.Clone(e.numbers.slots)
	c.strings.text, c.strings.ends = slices.Clone(e.strings.text), slices.Clone(e.strings.ends)
	c.strings.short, c.strings.long = slices.Clone(e.strings.short), slices.Clone(e.strings.long)
	return c
}

// Merge gives codes to the values of another encoder of the same type and
// returns other's code to code.
func (e *Encoder) Merge(other *Encoder) []uint32 {
	remap := make([]uint32, other.Len())
	for c := range remap {
		switch {
		case int64(c) == other.null:
			remap[c] = e.nullCode()
		case e.text:
			remap[c] = e.strings.find(other.strings.at(uint32(c)))
		default:
			remap[c] = e.numbers.find(other.numbers.keys[c])
		}
	}
	return remap
}
