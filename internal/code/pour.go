package code

import "slices"

// relayout moves the keys in buckets to buckets for a wider layout.
func (t *Tally) relayout(l layout) {
	old := Tally{layout: t.layout, narrow: t.narrow, mid: t.mid, sizes: t.sizes}
	t.narrow, t.mid = nil, nil
	t.makeBuckets(l)
	t.pour(&old, make([][]uint32, t.columns))
}

// pour moves the keys that other holds in buckets to t's buckets, mapped by
// remap; t's layout holds all codes. Where codes agree whole chunks change
// hands.
func (t *Tally) pour(other *Tally, remap [][]uint32) {
	sizes := slices.Clone(other.sizes)
	for c, n := range sizes { // codes not yet counted may not fit
		sizes[c] = min(n, 1<<other.layout.widths[c])
	}
	r := newRekeyer(&other.layout, &t.layout, remap, sizes)
	r.ordered = true // nobody asks which keys are late
	switch {
	case r.same && t.narrow != nil && other.narrow != nil:
		t.narrow.absorb(other.narrow)
	case r.same && t.mid != nil && other.mid != nil:
		t.mid.absorb(other.mid)
	case t.narrow != nil && other.narrow != nil:
		pourBuckets(other.narrow, &t.narrow.free, r, t.count)
	case t.mid != nil && other.mid != nil:
		pourBuckets(other.mid, &t.mid.free, r, t.count)
	case other.narrow != nil:
		pourBuckets(other.narrow, &other.narrow.free, r, t.count)
	case other.mid != nil:
		pourBuckets(other.mid, &other.mid.free, r, t.count)
	}
}

// pourBuckets passes all keys of a radix, mapped, to count, and its chunks to
// free as they get empty.
func pourBuckets[K uint32 | uint64](from *radix[K], free *[]*chunk[K], r *rekeyer, count func([]uint64)) {
	var keys [chunkKeys]uint64
	shift, mask := from.rest, from.mask()
	for b := range from.heads {
		base := uint64(b) << shift
		from.each(b, free, func(list []K) {
			for i, k := range list {
				keys[i] = base | uint64(k&mask)
			}
			r.rekey(keys[:len(list)], nil)
			count(keys[:len(list)])
		})
	}
	from.keys = 0
}
