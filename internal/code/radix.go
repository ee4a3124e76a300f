package code

import (
	"slices"
	"unsafe"
)

// radix collects keys in buckets by their top bits, without hashing, and sorts
// each bucket by the bits that remain, which fit the type K. A key of 42 bits
// with 1024 buckets so takes four bytes.
//
// The bits 11 0110 of a key, with four buckets, put 0110 into bucket 3:
//
//	bucket 0  chunks …   1  chunks …   2  chunks …   3  … 0110
type radix[K uint32 | uint64] struct {
	bits  uint // bits of a key
	heads [buckets]head[K]
	full  [buckets][]*chunk[K]
	free  []*chunk[K]
	keys  int // keys held

	sorted, scratch []K
}

const (
	bucketBits = 10
	buckets    = 1 << bucketBits
	chunkKeys  = 256
)

type chunk[K uint32 | uint64] [chunkKeys]K

// head is the chunk that a bucket fills, and how many keys it has; a bucket
// without a chunk counts as full.
type head[K uint32 | uint64] struct {
	c *chunk[K]
	n uint32
}

func newRadix[K uint32 | uint64](bits uint) *radix[K] {
	r := &radix[K]{bits: bits}
	for b := range r.heads {
		r.heads[b].n = chunkKeys // full: the first key turns to a chunk
	}
	return r
}

// rest is the number of bits that a bucket's keys keep.
func (r *radix[K]) rest() uint { return max(r.bits, bucketBits) - bucketBits }

// add appends keys.
func (r *radix[K]) add(keys []uint64) {
	shift := r.rest()
	for _, k := range keys {
		h := &r.heads[k>>shift&(buckets-1)]
		if h.n == chunkKeys {
			r.turn(int(k >> shift & (buckets - 1)))
		}
		h.c[h.n&(chunkKeys-1)] = K(k)
		h.n++
	}
	r.keys += len(keys)
}

// slab is how many chunks are allocated together.
const slab = 256

// turn gives a bucket an empty chunk.
func (r *radix[K]) turn(b int) {
	h := &r.heads[b]
	if h.c != nil {
		r.full[b] = append(r.full[b], h.c)
	}
	if len(r.free) == 0 {
		chunks := make([]chunk[K], slab)
		for i := range chunks {
			r.free = append(r.free, &chunks[i])
		}
	}
	h.c, h.n = r.free[len(r.free)-1], 0
	r.free = r.free[:len(r.free)-1]
}

// drain empties the radix and returns the distinct keys, sorted, with the number
// of times each came.
func (r *radix[K]) drain() tuples {
	shift := r.rest()
	mask := K(1)<<shift - 1
	var out tuples
	done := 0
	for b := range r.heads {
		h := &r.heads[b]
		if h.c == nil {
			continue
		}
		n := len(r.full[b])*chunkKeys + int(h.n)
		if cap(r.sorted) < n {
			r.sorted, r.scratch = make([]K, n+n/2), make([]K, n+n/2)
		}
		list, at := r.sorted[:n], 0
		for _, c := range r.full[b] {
			at += copyMasked(list[at:], c[:], mask)
			r.free = append(r.free, c)
		}
		copyMasked(list[at:], h.c[:h.n], mask)
		r.free = append(r.free, h.c)
		*h = head[K]{n: chunkKeys}
		r.full[b] = r.full[b][:0]
		if len(out.keys)+n > cap(out.keys) {
			// Room for as many distinct keys among the keys to come as among those before.
			distinct := 1.05 * float64(len(out.keys)+1) / float64(done+1)
			out.grow(n + min(int(float64(r.keys-done)*distinct), r.keys-done))
		}
		done += n
		out = appendRuns(out, sortKeys(list, r.scratch[:n], shift), uint64(b)<<shift)
	}
	r.keys = 0
	return out
}

// copyMasked copies keys and cuts them to the bits that the buckets keep: they
// were cut to K only, which may be wider.
func copyMasked[K uint32 | uint64](to, from []K, mask K) int {
	to = to[:len(from)]
	for i, k := range from {
		to[i] = k & mask
	}
	return len(from)
}

// appendRuns appends the distinct keys of a sorted list, each with base added,
// and how often each comes. The loop has no branch that depends on the keys,
// which no processor could foresee: it writes to one place until the key
// changes, and keeps where runs end.
func appendRuns[K uint32 | uint64](t tuples, list []K, base uint64) tuples {
	if len(list) == 0 {
		return t
	}
	n := len(t.keys)
	if cap(t.keys)-n < len(list) {
		t.grow(len(list))
	}
	keys, ends := t.keys[n:n+len(list)], t.rows[n:n+len(list)]
	keys[0] = base + uint64(list[0])
	at := 0
	for i := 1; i < len(list); i++ {
		ends[at] = int64(i)
		step := 0
		if list[i] != list[i-1] {
			step = 1
		}
		at += step
		keys[at] = base + uint64(list[i])
	}
	ends[at] = int64(len(list))
	for i := at; i > 0; i-- {
		ends[i] -= ends[i-1]
	}
	t.keys, t.rows = t.keys[:n+at+1], t.rows[:n+at+1]
	return t
}

// sortKeys sorts keys of the given number of bits by least significant digit
// first and returns the sorted keys, in list or in scratch of the same length.
func sortKeys[K uint32 | uint64](list, scratch []K, bits uint) []K {
	if len(list) < 96 {
		slices.Sort(list)
		return list
	}
	digit := digitBits(len(list), bits)
	var counts [1 << maxDigit]uint32
	for shift := uint(0); shift < bits; shift += digit {
		d := min(digit, bits-shift)
		mask := K(1)<<d - 1
		c := counts[:1<<d]
		clear(c)
		for _, k := range list {
			c[k>>shift&mask]++
		}
		sum := uint32(0)
		for i, n := range c {
			c[i] = sum
			sum += n
		}
		for _, k := range list {
			at := &c[k>>shift&mask]
			scratch[*at] = k
			*at++
		}
		list, scratch = scratch, list
	}
	return list
}

// maxDigit is the widest digit: 2¹¹ counters of four bytes stay in the first
// level cache.
const maxDigit = 11

// digitBits returns the width of the digits for n keys: as few passes as 11
// bits allow (8 where few keys would not pay for 2¹¹ counters), of equal width.
func digitBits(n int, bits uint) uint {
	widest := uint(maxDigit)
	if n < 2048 {
		widest = 8
	}
	passes := max(1, (bits+widest-1)/widest)
	return max(1, (bits+passes-1)/passes)
}

// An entry is a key with a number of rows.
type entry struct {
	key  uint64
	rows int64
}

// sortEntries sorts entries by keys of the given number of bits: by the top
// bits into buckets, then each bucket by least significant digit first.
func sortEntries(list []entry, bits uint) []entry {
	if len(list) < 2 {
		return list
	}
	scratch := make([]entry, len(list))
	if bits <= 2*maxDigit || len(list) < 4096 {
		return sortDigits(list, scratch, bits)
	}
	shift := bits - bucketBits
	var starts [buckets + 1]int
	for _, e := range list {
		starts[e.key>>shift&(buckets-1)+1]++
	}
	for b := range buckets {
		starts[b+1] += starts[b]
	}
	next := starts
	for _, e := range list {
		at := &next[e.key>>shift&(buckets-1)]
		scratch[*at] = e
		*at++
	}
	for b := range buckets {
		from, to := starts[b], starts[b+1]
		part, other := scratch[from:to], list[from:to]
		if sorted := sortDigits(part, other, shift); to > from && &sorted[0] == &part[0] {
			copy(other, part)
		}
	}
	return list
}

func sortDigits(list, scratch []entry, bits uint) []entry {
	if len(list) < 64 {
		slices.SortFunc(list, func(a, b entry) int {
			switch {
			case a.key < b.key:
				return -1
			case a.key > b.key:
				return 1
			}
			return 0
		})
		return list
	}
	digit := digitBits(len(list), bits)
	var counts [1 << maxDigit]uint32
	for shift := uint(0); shift < bits; shift += digit {
		d := min(digit, bits-shift)
		mask := uint64(1)<<d - 1
		c := counts[:1<<d]
		clear(c)
		for _, e := range list {
			c[e.key>>shift&mask]++
		}
		sum := uint32(0)
		for i, n := range c {
			c[i] = sum
			sum += n
		}
		for _, e := range list {
			at := &c[e.key>>shift&mask]
			scratch[*at] = e
			*at++
		}
		list, scratch = scratch, list
	}
	return list
}

// memory returns the bytes that the chunks take.
func (r *radix[K]) memory() int {
	chunks := len(r.free)
	for b := range r.full {
		chunks += len(r.full[b])
		if r.heads[b].c != nil {
			chunks++
		}
	}
	return (chunks*chunkKeys + 2*cap(r.sorted)) * int(unsafe.Sizeof(K(0)))
}
