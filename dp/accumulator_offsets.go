package dp

import (
	"encoding/binary"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/internal/code"
)

// Where groups are the values of one integer or date column, nothing is looked
// up while rows are added: a group's number is its key's distance from a base,
// which is the same for most accumulators, so that merging changes nothing
// either. When the rows are all there, the distances that occurred are numbered
// from 0 on if they lie close together; a group in between that nobody is in
// costs a few bytes. If they do not, or if there is need for groups that came
// from elsewhere or for numbers that stay the same as more rows come, distances
// are turned into the codes that other columns have from the start
// (Accumulator.leaveOffsets).
//
// The keys 5, 3 and 9 have the numbers 3, 1 and 7 in the end, counted from 2,
// had there been a 2.
type offsets struct {
	set    bool
	base   uint64 // key of number 0
	lo, hi uint32 // least and greatest number, lo > hi before there is one
	null   bool   // a row had null
}

// nullOffset is the number of null.
const nullOffset = noGroup - 1

// noOffsets is before the first row.
var noOffsets = offsets{lo: nullOffset}

// offsetKeys reports whether groups of a type can be distances.
func offsetKeys(dt arrow.DataType) bool {
	switch id := dt.ID(); id {
	case arrow.DATE32, arrow.TIME32, arrow.TIME64, arrow.TIMESTAMP, arrow.DURATION:
		return true
	default:
		return arrow.IsInteger(id)
	}
}

// number writes the numbers of a column's values to dst. It reports false, and
// has changed nothing, where a value is out of reach or the column is of
// another form.
func (o *offsets) number(arr arrow.Array, dst []uint32) bool {
	const flip = 1 << 63
	switch a := arr.(type) {
	case *array.Int8:
		return numberAll(o, a.Int8Values(), flip, arr, dst)
	case *array.Int16:
		return numberAll(o, a.Int16Values(), flip, arr, dst)
	case *array.Int32:
		return numberAll(o, a.Int32Values(), flip, arr, dst)
	case *array.Int64:
		return numberAll(o, a.Int64Values(), flip, arr, dst)
	case *array.Uint8:
		return numberAll(o, a.Uint8Values(), 0, arr, dst)
	case *array.Uint16:
		return numberAll(o, a.Uint16Values(), 0, arr, dst)
	case *array.Uint32:
		return numberAll(o, a.Uint32Values(), 0, arr, dst)
	case *array.Uint64:
		return numberAll(o, a.Uint64Values(), 0, arr, dst)
	case *array.Date32:
		return numberAll(o, a.Date32Values(), flip, arr, dst)
	case *array.Time32:
		return numberAll(o, a.Time32Values(), flip, arr, dst)
	case *array.Time64:
		return numberAll(o, a.Time64Values(), flip, arr, dst)
	case *array.Timestamp:
		return numberAll(o, a.TimestampValues(), flip, arr, dst)
	case *array.Duration:
		return numberAll(o, a.DurationValues(), flip, arr, dst)
	}
	return false
}

// numberAll is number for the values of an array; mask turns them into keys
// whose order is theirs (code.Encoder.AppendKey).
func numberAll[T ~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64](o *offsets, values []T, mask uint64, arr arrow.Array, dst []uint32) bool {
	if len(values) == 0 {
		return true
	}
	base, nulls := o.base, arr.NullN() > 0
	if !o.set {
		first := 0
		for nulls && first < len(values)-1 && arr.IsNull(first) {
			first++
		}
		key := uint64(values[first]) ^ mask
		base = key >> 31 << 31
		base -= min(base, 1<<30)
	}
	lo, hi := uint64(o.lo), uint64(o.hi)
	if nulls {
		for i, v := range values {
			if dst[i] = nullOffset; arr.IsNull(i) {
				continue
			}
			k := uint64(v) ^ mask - base
			lo, hi = min(lo, k), max(hi, k)
			dst[i] = uint32(k)
		}
	} else {
		for i, v := range values {
			k := uint64(v) ^ mask - base // below the base: very large
			lo, hi = min(lo, k), max(hi, k)
			dst[i] = uint32(k)
		}
	}
	if hi >= nullOffset || hi > ^base { // past the greatest key, where numbers would begin anew at the least one
		return false
	}
	o.set, o.base, o.lo, o.hi, o.null = true, base, uint32(lo), uint32(hi), o.null || nulls
	return true
}

// join takes over the numbers of another accumulator's groups, if they mean the
// same here.
func (o *offsets) join(other *offsets) bool {
	switch {
	case !other.set:
	case !o.set:
		*o = *other
	case o.base != other.base:
		return false
	default:
		o.lo, o.hi, o.null = min(o.lo, other.lo), max(o.hi, other.hi), o.null || other.null
	}
	return true
}

// minCompact is the number of groups up to which distances are close together
// however few rows there are.
const minCompact = 1 << 12

// compact reports whether the numbers of some rows are close enough together,
// and how many there are, null's included.
func (o *offsets) compact(rows int64) (n int64, ok bool) {
	if n = 1; o.lo <= o.hi {
		n += int64(o.hi-o.lo) + 1
	}
	return n, n <= max(minCompact, 2*rows)
}

// A denseTable is the groups whose keys are consecutive, and null after them.
type denseTable struct {
	first uint64 // key of group 0
	null  uint32 // group of null
}

func (d *denseTable) key(g uint32) []byte {
	if g == d.null {
		return nullCell
	}
	return binary.BigEndian.AppendUint64([]byte{1}, d.first+uint64(g))
}

// seal hands all chunks over to their buckets and settles the groups, before
// buckets are read; final: no row will follow.
func (a *Accumulator) seal(final bool) {
	a.closeAll()
	if o := a.groups.offsets; o != nil && final {
		rows := 0
		for i := range a.buckets {
			rows += a.buckets[i].records(a.layout.words)
		}
		if n, ok := o.compact(int64(rows)); ok {
			names := &numbering{first: o.lo, null: uint32(n - 1)}
			for i := range a.buckets {
				for j := range a.buckets[i].chunks {
					a.buckets[i].chunks[j].names = names
				}
			}
			a.groups.dense = &denseTable{o.base + uint64(o.lo), names.null}
			a.groups.offsets = nil
			return
		}
	}
	a.leaveOffsets()
	a.groups.settle()
}

// leaveOffsets turns distances into codes of the column's encoder, once and for
// all.
func (a *Accumulator) leaveOffsets() {
	o := a.groups.offsets
	if o == nil {
		return
	}
	a.closeAll()
	a.groups.offsets = nil
	a.groups.direct = true
	e := a.groups.columns[0].encoder
	w, u := a.layout.words, a.layout.unitWords
	for i := range a.buckets {
		for _, c := range a.buckets[i].chunks {
			for j := u; j < len(c.words); j += w {
				g := uint32(c.words[j])
				var to uint32
				if g == nullOffset {
					to = e.CodeOfNull()
				} else {
					to = e.CodeOfKey(o.base + uint64(g))
				}
				c.words[j] = c.words[j]&^(1<<32-1) | uint64(to)
			}
		}
	}
}

// wordOf is what stands for a group in keyed hashes of units and groups: the
// key of a number that is the only key column, else the keyed hash of the key
// bytes.
func (t *groupTable) wordOf(key []byte) uint64 {
	if t.number && key[0] == 1 {
		return binary.BigEndian.Uint64(key[1:])
	}
	return t.prf.Sum64(key)
}

// word is wordOf of a group, once rows are all there.
func (t *groupTable) word(g uint32) uint64 {
	if d := t.dense; d != nil {
		if g == d.null {
			return t.wordOf(nullCell)
		}
		return d.first + uint64(g)
	}
	return t.words[g]
}

// wordsOf writes the words of some groups to dst.
func (t *groupTable) wordsOf(groups []uint32, dst []uint64) {
	if o := t.offsets; o != nil {
		for i, g := range groups {
			if dst[i] = o.base + uint64(g); g == nullOffset {
				dst[i] = t.wordOf(nullCell)
			}
		}
		return
	}
	if t.dense == nil {
		for i, g := range groups {
			dst[i] = t.words[g]
		}
		return
	}
	for i, g := range groups {
		if dst[i] = t.dense.first + uint64(g); g == t.dense.null {
			dst[i] = t.wordOf(nullCell)
		}
	}
}

// isNumber reports whether the only key column is a number.
func isNumber(types []arrow.DataType, levels []*GroupLevel) bool {
	return len(types) == 1 && levels[0] == nil && code.FixedKey(types[0])
}
