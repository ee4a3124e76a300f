package code

import (
	"cmp"
	"slices"
)

// tuples are keys with their rows.
type tuples struct {
	keys []uint64
	rows []int64
}

// grow makes room for n more keys.
func (t *tuples) grow(n int) {
	keys, rows := make([]uint64, len(t.keys), len(t.keys)+n), make([]int64, len(t.rows), len(t.rows)+n)
	copy(keys, t.keys)
	copy(rows, t.rows)
	t.keys, t.rows = keys, rows
}

// A segment is a part of what a tally counted: keys of one layout.
type segment struct {
	tuples
	sorted bool // keys are distinct and in order
	layout layout
	sizes  []int      // greater than every code in the keys
	remap  [][]uint32 // per column, codes in the keys to the tally's codes; nil: the same
}

// compose maps codes by first, then by second; nil maps nothing.
func compose(first, second [][]uint32) [][]uint32 {
	switch {
	case first == nil:
		return second
	case second == nil:
		return first
	}
	out := make([][]uint32, len(first))
	for c := range first {
		switch {
		case first[c] == nil:
			out[c] = second[c]
		case second[c] == nil:
			out[c] = first[c]
		default:
			out[c] = make([]uint32, len(first[c]))
			for k, m := range first[c] {
				out[c][k] = second[c][m]
			}
		}
	}
	return out
}

// combine joins segments into distinct keys of layout to, in order, their codes
// mapped by remap. Keys that keep their order under the mapping stay in their
// sorted lists, which are merged; only the others are sorted. The segments are
// used up unless keep is set.
func combine(segments []segment, remap [][]uint32, to layout, keep bool) tuples {
	var lists []tuples
	var loose []entry
	for _, s := range segments {
		if keep {
			s.keys, s.rows = slices.Clone(s.keys), slices.Clone(s.rows)
		}
		m := compose(s.remap, remap)
		if m == nil {
			m = make([][]uint32, len(s.sizes))
		}
		r := newRekeyer(&s.layout, &to, m, s.sizes)
		var lates []uint8
		if !r.ordered {
			lates = make([]uint8, len(s.keys))
		}
		r.rekey(s.keys, lates)
		if !s.sorted {
			for i, k := range s.keys {
				loose = append(loose, entry{k, s.rows[i]})
			}
			continue
		}
		n := 0
		for i, l := range lates {
			if l != 0 {
				loose = append(loose, entry{s.keys[i], s.rows[i]})
				continue
			}
			s.keys[n], s.rows[n] = s.keys[i], s.rows[i]
			n++
		}
		if r.ordered {
			n = len(s.keys)
		}
		lists = append(lists, tuples{s.keys[:n], s.rows[:n]})
	}
	if len(loose) > 0 {
		lists = append(lists, joinEntries(sortEntries(loose, to.total)))
	}
	// The two shortest lists first, so that the long ones are read once.
	for len(lists) > 1 {
		slices.SortStableFunc(lists, func(a, b tuples) int { return cmp.Compare(len(b.keys), len(a.keys)) })
		n := len(lists)
		lists[n-2] = mergeTuples(lists[n-2], lists[n-1])
		lists = lists[:n-1]
	}
	if len(lists) == 0 {
		return tuples{}
	}
	return lists[0]
}

// joinEntries adds up the rows of equal keys in a sorted list.
func joinEntries(list []entry) tuples {
	t := tuples{make([]uint64, 0, len(list)), make([]int64, 0, len(list))}
	for i, e := range list {
		if i > 0 && e.key == list[i-1].key {
			t.rows[len(t.rows)-1] += e.rows
			continue
		}
		t.keys = append(t.keys, e.key)
		t.rows = append(t.rows, e.rows)
	}
	return t
}

// mergeTuples merges two lists of distinct keys in order.
func mergeTuples(a, b tuples) tuples {
	if len(b.keys) == 0 {
		return a
	}
	keys, rows := make([]uint64, len(a.keys)+len(b.keys)), make([]int64, len(a.keys)+len(b.keys))
	n, i, j := 0, 0, 0
	for i < len(a.keys) && j < len(b.keys) {
		x, y := a.keys[i], b.keys[j]
		keys[n] = min(x, y)
		sum := int64(0)
		if x <= y {
			sum += a.rows[i]
			i++
		}
		if y <= x {
			sum += b.rows[j]
			j++
		}
		rows[n] = sum
		n++
	}
	copy(rows[n:], a.rows[i:])
	n += copy(keys[n:], a.keys[i:])
	copy(rows[n:], b.rows[j:])
	n += copy(keys[n:], b.keys[j:])
	return tuples{keys[:n], rows[:n]}
}
