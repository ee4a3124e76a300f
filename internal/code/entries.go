package code

import "slices"

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
	if bits <= 2*widestDigit || len(list) < 4096 {
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
	digit := entryDigit(len(list), bits)
	var counts [1 << widestDigit]uint32
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

// widestDigit is the widest digit of entries: 2¹¹ counters of four bytes stay in
// the first level cache.
const widestDigit = 11

// entryDigit returns the width of the digits for n entries: as few passes as 11
// bits allow (8 where few entries would not pay for 2¹¹ counters), of equal
// width.
func entryDigit(n int, bits uint) uint {
	widest := uint(widestDigit)
	if n < 2048 {
		widest = 8
	}
	passes := max(1, (bits+widest-1)/widest)
	return max(1, (bits+passes-1)/passes)
}
