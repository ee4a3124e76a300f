package dp

import (
	"encoding/binary"
	"math"
	"sort"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/prf"
)

// identity turns the values of a column into words that tell them apart: types
// of up to 64 bits into one word, exactly; all others into the two words of a
// 128-bit keyed hash, which two of n values share with a probability below
// n²/2¹²⁹. Floats: -0 is 0, NaN is null.
type identity struct {
	words int
	key   *prf.Key
	dict  dictCache
}

// identityWords is the number of words for a type.
func identityWords(dt arrow.DataType) int {
	if code.FixedKey(dt) {
		return 1
	}
	return 2
}

// dictCache holds what was computed for the values of the last dictionary.
type dictCache struct {
	data  arrow.ArrayData
	hold  arrow.Array // keeps data in memory, so that no other dictionary takes its address
	words []uint64
	null  []bool
}

// values returns the cached words of a's dictionary, filled anew by fill where
// the dictionary is another than last time.
func (c *dictCache) values(a *array.Dictionary, width int, fill func(arrow.Array, []uint64, []bool)) ([]uint64, []bool) {
	if data := a.Data().Dictionary(); data != c.data {
		if c.hold != nil {
			c.hold.Release()
		}
		c.data, c.hold = data, array.MakeFromData(data)
		n := c.hold.Len()
		c.words = make([]uint64, n*width)
		c.null = make([]bool, n)
		fill(c.hold, c.words, c.null)
	}
	return c.words, c.null
}

// spreadDict copies the words of dictionary entries to the rows that have them.
func (c *dictCache) spread(a *array.Dictionary, width int, dst []uint64, null []bool, fill func(arrow.Array, []uint64, []bool)) {
	words, nulls := c.values(a, width, fill)
	for i := range null {
		if a.IsNull(i) {
			null[i] = true
			continue
		}
		j := a.GetValueIndex(i)
		null[i] = nulls[j]
		copy(dst[i*width:], words[j*width:(j+1)*width])
	}
}

// fill writes the words of every row to dst and whether it is null to null.
func (id *identity) fill(arr arrow.Array, dst []uint64, null []bool) {
	switch a := arr.(type) {
	case *array.Dictionary:
		id.dict.spread(a, id.words, dst, null, id.fill)
		return
	case *array.Int8:
		widen(a.Int8Values(), dst)
	case *array.Int16:
		widen(a.Int16Values(), dst)
	case *array.Int32:
		widen(a.Int32Values(), dst)
	case *array.Int64:
		widen(a.Int64Values(), dst)
	case *array.Uint8:
		widen(a.Uint8Values(), dst)
	case *array.Uint16:
		widen(a.Uint16Values(), dst)
	case *array.Uint32:
		widen(a.Uint32Values(), dst)
	case *array.Uint64:
		widen(a.Uint64Values(), dst)
	case *array.Date32:
		widen(a.Date32Values(), dst)
	case *array.Date64:
		widen(a.Date64Values(), dst)
	case *array.Time32:
		widen(a.Time32Values(), dst)
	case *array.Time64:
		widen(a.Time64Values(), dst)
	case *array.Timestamp:
		widen(a.TimestampValues(), dst)
	case *array.Duration:
		widen(a.DurationValues(), dst)
	case *array.Boolean:
		for i := range dst {
			if dst[i] = 0; a.Value(i) {
				dst[i] = 1
			}
		}
	case *array.Float16, *array.Float32, *array.Float64:
		for i := range dst {
			f := floatAt(arr, i)
			null[i] = f != f
			dst[i] = math.Float64bits(f + 0) // -0 + 0 is 0
		}
		orNull(arr, null)
		return
	default:
		id.hash(arr, dst, null)
		return
	}
	clear(null)
	orNull(arr, null)
}

// hash writes 128-bit keyed hashes of values that have bytes.
func (id *identity) hash(arr arrow.Array, dst []uint64, null []bool) {
	var b [32]byte
	for i := range null {
		if null[i] = arr.IsNull(i); null[i] {
			continue
		}
		var msg []byte
		switch a := arr.(type) {
		case *array.String:
			msg = textBytes(a.Value(i))
		case *array.LargeString:
			msg = textBytes(a.Value(i))
		case *array.StringView:
			msg = textBytes(a.Value(i))
		case *array.Binary:
			msg = a.Value(i)
		case *array.LargeBinary:
			msg = a.Value(i)
		case *array.BinaryView:
			msg = a.Value(i)
		case *array.FixedSizeBinary:
			msg = a.Value(i)
		case *array.Decimal128:
			v := a.Value(i)
			binary.LittleEndian.PutUint64(b[:], v.LowBits())
			binary.LittleEndian.PutUint64(b[8:], uint64(v.HighBits()))
			msg = b[:16]
		case *array.Decimal256:
			for j, w := range a.Value(i).Array() {
				binary.LittleEndian.PutUint64(b[8*j:], w)
			}
			msg = b[:]
		default: // the null type
			null[i] = true
			continue
		}
		dst[2*i], dst[2*i+1] = id.key.Sum128(msg)
	}
}

func widen[T ~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64](values []T, dst []uint64) {
	for i, v := range values {
		dst[i] = uint64(v)
	}
}

func orNull(arr arrow.Array, null []bool) {
	if arr.NullN() == 0 {
		return
	}
	for i := range null {
		null[i] = null[i] || arr.IsNull(i)
	}
}

// A mixer maps 64-bit numbers one to one to words whose leading bits are
// evenly used, under a secret key: whoever chooses unit numbers can't make them
// fall into one bucket.
type mixer struct{ a, b, c uint64 }

func newMixer(k *prf.Key) mixer {
	return mixer{k.Sum64([]byte("mix a")), k.Sum64([]byte("mix b")) | 1, k.Sum64([]byte("mix c")) | 1}
}

// mix is one to one: xor with a constant, multiplication by an odd number and
// x ^ x>>32 all are.
func (m mixer) mix(x uint64) uint64 {
	x = (x ^ m.a) * m.b
	x ^= x >> 32
	x *= m.c
	x ^= x >> 29
	return x * m.b
}

// A sampleColumn turns a numeric column into steps or bins for one input.
type sampleColumn struct {
	in   *input
	dict dictCache
}

// fill writes the input's value of every row to dst: a step, or a bin.
func (c *sampleColumn) fill(arr arrow.Array, dst []uint64, null []bool) {
	if a, ok := arr.(*array.Dictionary); ok {
		c.dict.spread(a, 1, dst, null, c.fill)
		return
	}
	in := c.in
	if in.edges != nil {
		for i := range dst {
			b := bin(in.edges, floatAt(arr, i))
			null[i] = b < 0
			dst[i] = uint64(b)
		}
		orNull(arr, null)
		return
	}
	steps := asInts(dst)
	in.grid.steps(arr, steps)
	for i, s := range steps {
		if null[i] = s == nullStep; !null[i] && in.kind == samples {
			steps[i] = min(max(s, in.lower), in.upper)
		}
	}
}

func (c *sampleColumn) read(columns []arrow.Array, dst []uint64, null []bool) error {
	c.fill(columns[0], dst, null)
	return nil
}

func (id *identity) read(columns []arrow.Array, dst []uint64, null []bool) error {
	id.fill(columns[0], dst, null)
	return nil
}

// jointReader packs the steps of several columns into one word, the first
// column in the highest bits. A row with a null in any column has no value.
type jointReader struct {
	parts []*sampleColumn
	words []uint64
	nulls []bool
}

func (j *jointReader) read(columns []arrow.Array, dst []uint64, null []bool) error {
	clear(dst)
	clear(null)
	if len(j.words) < len(dst) {
		j.words, j.nulls = make([]uint64, len(dst)), make([]bool, len(dst))
	}
	words, nulls := j.words[:len(dst)], j.nulls[:len(dst)]
	for i, p := range j.parts {
		p.fill(columns[i], words, nulls)
		for r, w := range words {
			null[r] = null[r] || nulls[r]
			dst[r] = dst[r]<<jointBits | uint64(int64(w)-p.in.lower)
		}
	}
	return nil
}

// bin returns the index of the bin that holds v, -1 for none. Bin i is
// [edges[i], edges[i+1]), the last one closed.
func bin(edges []float64, v float64) int {
	last := len(edges) - 1
	if !(v >= edges[0] && v <= edges[last]) {
		return -1
	}
	return min(sort.Search(last, func(i int) bool { return v < edges[i+1] }), last-1)
}

// floatAt is the float64 nearest to a number, NaN for what is none.
func floatAt(arr arrow.Array, i int) float64 {
	switch a := arr.(type) {
	case *array.Float64:
		return a.Value(i)
	case *array.Float32:
		return float64(a.Value(i))
	case *array.Float16:
		return float64(a.Value(i).Float32())
	case *array.Int8:
		return float64(a.Value(i))
	case *array.Int16:
		return float64(a.Value(i))
	case *array.Int32:
		return float64(a.Value(i))
	case *array.Int64:
		return float64(a.Value(i))
	case *array.Uint8:
		return float64(a.Value(i))
	case *array.Uint16:
		return float64(a.Value(i))
	case *array.Uint32:
		return float64(a.Value(i))
	case *array.Uint64:
		return float64(a.Value(i))
	case *array.Decimal128:
		return a.Value(i).ToFloat64(a.DataType().(arrow.DecimalType).GetScale())
	case *array.Decimal256:
		return a.Value(i).ToFloat64(a.DataType().(arrow.DecimalType).GetScale())
	}
	return math.NaN()
}
