package code

import (
	"math/bits"
	"slices"
)

// A sorter sorts buckets, for one goroutine at a time. Its lists and counters
// fit the second level cache.
type sorter[K uint32 | uint64] struct {
	list, other *[mostSorted]K
	counts      [2]digits
	free        []*chunk[K]
	spare       []*radix[K] // empty, for splitting
}

// mostSorted is the number of keys that are sorted at a time, less one: they are
// counted in 16 bits. Larger buckets are split first.
const mostSorted = 1 << 16

// maxDigit is the widest digit: 2¹² counters of two bytes leave room for the
// keys in the first level cache.
const maxDigit = 12

type digits [1 << maxDigit]uint16

func newSorter[K uint32 | uint64]() *sorter[K] {
	return &sorter[K]{list: new([mostSorted]K), other: new([mostSorted]K)}
}

// A run is keys in order, in chunks all of which but the last are full.
type run[K uint32 | uint64] struct {
	chunks   []*chunk[K]
	n        int
	distinct int
	last     K
}

// arrange moves bucket b of r to the end of a run, in order, cut to the bits of
// mask. What a bucket needs beyond its own chunks does not follow its size.
func (s *sorter[K]) arrange(r *radix[K], b int, out *run[K], mask K) {
	n := r.len(b)
	if out.chunks == nil {
		out.chunks = make([]*chunk[K], 0, n/chunkKeys+1)
	}
	switch {
	case r.rest == 0: // all keys are equal
		r.each(b, &s.free, func(keys []K) { s.append(out, keys, mask) })
	case n < mostSorted:
		at := 0
		r.each(b, &s.free, func(keys []K) { at += copy(s.list[at:], keys) })
		s.append(out, s.sort(n, r.rest), mask)
	default:
		sub := s.split(r, b, n)
		for i := range sub.heads {
			s.arrange(sub, i, out, mask)
		}
		s.spare = append(s.spare, sub) // empty again
	}
}

// split moves the keys of a bucket, n of them, to buckets by so many of the next
// bits that these have some thousand keys each. The bits above are the same in
// all keys, so that buckets lie side by side.
func (s *sorter[K]) split(r *radix[K], b, n int) *radix[K] {
	var sub *radix[K]
	if last := len(s.spare) - 1; last >= 0 {
		sub, s.spare = s.spare[last], s.spare[:last]
	} else {
		sub = newRadix[K](0)
	}
	sub.rest = r.rest - min(r.rest, bucketBits, uint(bits.Len(uint(n/8192))))
	sub.free = s.free
	r.each(b, &sub.free, func(keys []K) { addKeys(sub, keys) })
	s.free, sub.free = sub.free, nil
	return sub
}

// append appends keys in order to a run.
func (s *sorter[K]) append(out *run[K], keys []K, mask K) {
	for len(keys) > 0 {
		used := out.n % chunkKeys
		if used == 0 {
			out.chunks = append(out.chunks, takeChunk(&s.free))
		}
		to := out.chunks[len(out.chunks)-1][used:]
		n := min(len(to), len(keys))
		to = to[:n]
		last, fresh := out.last, 0
		for i, k := range keys[:n] {
			k &= mask
			to[i] = k
			if k != last {
				fresh++
			}
			last = k
		}
		if out.n == 0 && to[0] == out.last { // the first key is new though it is 0
			fresh++
		}
		out.last = last
		out.distinct += fresh
		out.n += n
		keys = keys[n:]
	}
}

// sort sorts the first n keys of the list by their low bits, least significant
// digit first, and returns them; they lie in one of the two lists. The bits
// above are the same in all.
func (s *sorter[K]) sort(n int, bits uint) []K {
	if n < 64 {
		slices.Sort(s.list[:n])
		return s.list[:n]
	}
	digit := digitBits(n, bits)
	from, to := s.list, s.other
	now, next := &s.counts[0], &s.counts[1]
	clear(now[:1<<digit])
	countDigit(from[:n], now, 0, 1<<digit-1)
	for shift := uint(0); shift < bits; shift += digit {
		mask := K(1)<<digit - 1
		sum := uint16(0)
		for i, c := range now[:1<<digit] {
			now[i] = sum
			sum += c
		}
		if shift+digit < bits {
			clear(next[:1<<digit])
			moveAndCount(from[:n], to, now, shift, next, digit, mask)
		} else {
			move(from[:n], to, now, shift, mask)
		}
		from, to = to, from
		now, next = next, now
	}
	return from[:n]
}

// digitBits returns the width of the digits for n keys: so many passes that
// moving keys and summing counters take least together.
func digitBits(n int, bits uint) uint {
	best, width := 0, uint(0)
	for passes := (bits + maxDigit - 1) / maxDigit; passes == 0 || passes <= bits; passes++ {
		d := max(1, (bits+passes-1)/max(1, passes))
		work := int(passes) * (4*n + 1<<d)
		if width > 0 && work >= best {
			break
		}
		best, width = work, d
	}
	return width
}

func countDigit[K uint32 | uint64](list []K, c *digits, shift uint, mask K) {
	shift &= 63
	for _, k := range list {
		c[k>>shift&mask&(1<<maxDigit-1)]++
	}
}

// move puts the keys where the counters of their digit say.
func move[K uint32 | uint64](list []K, to *[mostSorted]K, c *digits, shift uint, mask K) {
	shift &= 63
	for _, k := range list {
		at := &c[k>>shift&mask&(1<<maxDigit-1)]
		to[*at] = k
		*at++
	}
}

// moveAndCount is move, and counts the next digit.
func moveAndCount[K uint32 | uint64](list []K, to *[mostSorted]K, c *digits, shift uint, next *digits, digit uint, mask K) {
	shift &= 63
	digit &= 63
	for _, k := range list {
		d := k >> shift
		at := &c[d&mask&(1<<maxDigit-1)]
		to[*at] = k
		*at++
		next[d>>digit&mask&(1<<maxDigit-1)]++
	}
}
