package code

import (
	"unsafe"
)

// radix collects keys in buckets by their top bits, without hashing, and sorts
// each bucket by the bits that remain, which fit the type K. A key of 42 bits
// with 1024 buckets so takes four bytes.
//
// The bits 11 0110 of a key, with four buckets, put 0110 into bucket 3:
//
//	bucket 0  chunks …   1  chunks …   2  chunks …   3  … 0110
//
// A bucket is a list of chunks. It is what is sorted, handed to another worker
// or written away as one; the order of its keys means nothing until it is
// sorted. A chunk may hold bits of the bucket number too, above those that
// remain, so readers cut keys by mask.
type radix[K uint32 | uint64] struct {
	rest  uint // bits that a bucket's keys keep
	heads [buckets]head[K]
	full  [buckets][]*chunk[K]
	free  []*chunk[K]
	keys  int // keys held
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
	r := &radix[K]{rest: max(bits, bucketBits) - bucketBits}
	for b := range r.heads {
		r.heads[b].n = chunkKeys // full: the first key turns to a chunk
	}
	return r
}

// mask cuts keys to the bits that a bucket's keys keep.
func (r *radix[K]) mask() K { return K(1)<<r.rest - 1 }

// add appends keys.
func (r *radix[K]) add(keys []uint64) {
	addKeys(r, keys)
}

// addKeys appends keys of which the bits above those of the radix don't count.
func addKeys[K, L uint32 | uint64](r *radix[K], keys []L) {
	shift := r.rest & 63
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
	h.c, h.n = takeChunk(&r.free), 0
}

// takeChunk takes an empty chunk from a list, making more where it has none.
func takeChunk[K uint32 | uint64](free *[]*chunk[K]) *chunk[K] {
	if len(*free) == 0 {
		chunks := make([]chunk[K], slab)
		for i := range chunks {
			*free = append(*free, &chunks[i])
		}
	}
	last := len(*free) - 1
	c := (*free)[last]
	*free = (*free)[:last]
	return c
}

// len returns the number of keys of a bucket.
func (r *radix[K]) len(b int) int {
	if r.heads[b].c == nil {
		return 0
	}
	return len(r.full[b])*chunkKeys + int(r.heads[b].n)
}

// each passes the keys of a bucket to do, chunk by chunk, gives each chunk to
// free before the next, and leaves the bucket empty. The caller sees to r.keys:
// several workers may take a bucket each.
func (r *radix[K]) each(b int, free *[]*chunk[K], do func(keys []K)) {
	h := &r.heads[b]
	if h.c == nil {
		return
	}
	for _, c := range r.full[b] {
		do(c[:])
		*free = append(*free, c)
	}
	do(h.c[:h.n])
	*free = append(*free, h.c)
	*h = head[K]{n: chunkKeys}
	r.full[b] = r.full[b][:0]
}

// absorb takes over the chunks of other, which has as many bits and is not used
// again. No full chunk is copied.
func (r *radix[K]) absorb(other *radix[K]) {
	for b := range other.heads {
		r.full[b] = append(r.full[b], other.full[b]...)
		r.keys += len(other.full[b]) * chunkKeys
		if h := other.heads[b]; h.c != nil {
			r.addTo(b, h.c[:h.n])
			r.free = append(r.free, h.c)
		}
	}
	r.free = append(r.free, other.free...)
	*other = radix[K]{}
}

// addTo appends keys to a bucket.
func (r *radix[K]) addTo(b int, keys []K) {
	h := &r.heads[b]
	r.keys += len(keys)
	for len(keys) > 0 {
		if h.n == chunkKeys {
			r.turn(b)
		}
		n := copy(h.c[h.n:], keys)
		h.n += uint32(n)
		keys = keys[n:]
	}
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
	return chunks * chunkKeys * int(unsafe.Sizeof(K(0)))
}
