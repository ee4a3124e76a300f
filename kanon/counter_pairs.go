package kanon

import "slices"

// numberPairs sorts pairs, each person<<32 | tuple, by person and tuple, and
// numbers the persons from 0.
func numberPairs(pairs []uint64) []personTuple {
	slices.Sort(pairs)
	out := make([]personTuple, len(pairs))
	next := uint32(0)
	for i, p := range pairs {
		if i > 0 && p>>32 != pairs[i-1]>>32 {
			next++
		}
		out[i] = personTuple{next, uint32(p)}
	}
	return out
}
