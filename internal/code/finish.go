package code

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/decimal256"
	"github.com/apache/arrow/go/v17/arrow/float16"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Finish returns the distinct values in their final order, the old code to the
// new one, and the new code of null (-1 if there is none). Values named in
// order, by canonical text, come first, as named; then the others in the order
// of the type: numbers and times by size (NaN last), false before true, text
// bytewise; null is last. The encoder is unchanged.
//
// The column flu, cold, null, flu was encoded as 0 1 2 0. Finish(nil) returns
// the values cold, flu, null and the codes 1 0 2.
func (e *Encoder) Finish(order []string) (values arrow.Array, remap []uint32, null int) {
	sorted := e.sorted(order)
	null = -1
	if e.null >= 0 {
		null = len(sorted) - 1
	}
	return e.build(sorted), inverse(sorted), null
}

// Renumber gives the values seen so far the codes that Finish would give them,
// and returns the old code to the new one. Values not yet seen get codes after
// them. Codes are then nearly in the order of the values, if most values have
// been seen.
func (e *Encoder) Renumber(order []string) (remap []uint32) {
	sorted := e.sorted(order)
	remap = inverse(sorted)
	if e.text {
		e.strings.renumber(sorted, remap)
	} else {
		values := len(sorted)
		if e.null >= 0 {
			values-- // null is last
		}
		e.numbers.renumber(sorted, remap, values)
	}
	if e.null >= 0 {
		e.null = int64(remap[e.null])
	}
	for j, c := range e.remap {
		if c != 0 {
			e.remap[j] = remap[c-1] + 1
		}
	}
	return remap
}

// inverse turns a list of codes into their places in it.
func inverse(sorted []uint32) []uint32 {
	places := make([]uint32, len(sorted))
	for i, c := range sorted {
		places[c] = uint32(i)
	}
	return places
}

// sorted returns all codes in the final order of their values.
func (e *Encoder) sorted(order []string) []uint32 {
	n := e.Len()
	sorted := make([]uint32, 0, n)
	if e.text {
		for c := range uint32(n) {
			sorted = append(sorted, c)
		}
		slices.SortFunc(sorted, func(a, b uint32) int {
			return bytes.Compare(e.strings.at(a), e.strings.at(b))
		})
	} else {
		type pair struct {
			key  uint64
			code uint32
		}
		pairs := make([]pair, n)
		for c, k := range e.numbers.keys {
			pairs[c] = pair{k, uint32(c)}
		}
		slices.SortFunc(pairs, func(a, b pair) int { return cmp.Compare(a.key, b.key) })
		for _, p := range pairs {
			sorted = append(sorted, p.code)
		}
	}
	if e.null >= 0 {
		i := slices.Index(sorted, uint32(e.null))
		copy(sorted[i:], sorted[i+1:])
		sorted[n-1] = uint32(e.null)
	}
	if len(order) == 0 {
		return sorted
	}
	place := make(map[string]int, len(order))
	for i, s := range order {
		if _, twice := place[s]; !twice {
			place[s] = i
		}
	}
	values := e.build(sorted)
	defer values.Release()
	rank := make([]int, n) // code to its place
	for i, c := range sorted {
		rank[c] = len(order) + i
		if r, ok := place[Text(values, i)]; ok && int64(c) != e.null {
			rank[c] = r
		}
	}
	slices.SortFunc(sorted, func(a, b uint32) int { return cmp.Compare(rank[a], rank[b]) })
	return sorted
}

// Values returns the distinct values in the order of their codes.
func (e *Encoder) Values() arrow.Array {
	codes := make([]uint32, e.Len())
	for c := range codes {
		codes[c] = uint32(c)
	}
	return e.build(codes)
}

// build makes an array of the values of some codes.
func (e *Encoder) build(codes []uint32) arrow.Array {
	b := array.NewBuilder(memory.DefaultAllocator, e.value)
	defer b.Release()
	b.Reserve(len(codes))
	for _, c := range codes {
		switch {
		case int64(c) == e.null:
			b.AppendNull()
		case e.text:
			appendBytes(b, e.strings.at(c))
		default:
			appendKey(b, e.numbers.keys[c])
		}
	}
	return b.NewArray()
}

func appendBytes(b array.Builder, s []byte) {
	switch b := b.(type) {
	case *array.StringBuilder:
		b.BinaryBuilder.Append(s)
	case *array.LargeStringBuilder:
		b.BinaryBuilder.Append(s)
	case *array.StringViewBuilder:
		b.Append(string(s))
	case *array.BinaryViewBuilder:
		b.Append(s)
	case *array.BinaryBuilder: // large too
		b.Append(s)
	case *array.FixedSizeBinaryBuilder:
		b.Append(s)
	case *array.Decimal128Builder:
		hi := binary.BigEndian.Uint64(s) ^ flip
		b.Append(decimal128.New(int64(hi), binary.BigEndian.Uint64(s[8:])))
	case *array.Decimal256Builder:
		b.Append(decimal256.New(binary.BigEndian.Uint64(s)^flip, binary.BigEndian.Uint64(s[8:]),
			binary.BigEndian.Uint64(s[16:]), binary.BigEndian.Uint64(s[24:])))
	}
}

func appendKey(b array.Builder, key uint64) {
	v := int64(key ^ flip)
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(key != 0)
	case *array.Int8Builder:
		b.Append(int8(v))
	case *array.Int16Builder:
		b.Append(int16(v))
	case *array.Int32Builder:
		b.Append(int32(v))
	case *array.Int64Builder:
		b.Append(v)
	case *array.Uint8Builder:
		b.Append(uint8(key))
	case *array.Uint16Builder:
		b.Append(uint16(key))
	case *array.Uint32Builder:
		b.Append(uint32(key))
	case *array.Uint64Builder:
		b.Append(key)
	case *array.Float16Builder:
		b.Append(float16.New(float32(keyFloat(key))))
	case *array.Float32Builder:
		b.Append(float32(keyFloat(key)))
	case *array.Float64Builder:
		b.Append(keyFloat(key))
	case *array.Date32Builder:
		b.Append(arrow.Date32(v))
	case *array.Date64Builder:
		b.Append(arrow.Date64(v * millisPerDay))
	case *array.Time32Builder:
		b.Append(arrow.Time32(v))
	case *array.Time64Builder:
		b.Append(arrow.Time64(v))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(v))
	case *array.DurationBuilder:
		b.Append(arrow.Duration(v))
	}
}
