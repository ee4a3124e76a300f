package kanon

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/oboro-data/oboro/internal/fault"
)

// Nulls as wildcards. A row that lacks a quasi-identifier could be anybody's
// who agrees with it in the rest, and hides among them, and they behind it. The
// size of a row's class is the least, over all completions of the row, of the
// number of rows compatible with that completion: rows that agree with it
// wherever they have a value.
//
// A completion may take a value that nobody has. It is then compatible only
// with rows that lack the value too, so the least is found without trying any:
//
//	size(r) = people with a row s that is null wherever r is, and elsewhere
//	          null or equal to r
//
// that is r's own class, and the classes that agree with r and have more nulls.
// Of these only released ones count: who is suppressed hides nobody. A class
// depends on classes with more nulls alone, so one pass, the most nulls first,
// settles which are released.
//
// Generalising keeps compatible rows compatible: labels that are equal stay so,
// and null stays null up to the level where it joins the one label of all. So
// what fails at a node fails below it, and the search may prune as it does for
// classes without nulls. A cell that was generalised to "*" is a label, not a
// wildcard.
//
// Example, k = 2, zip and age:
//
//	816**  30-39   1 row    size 2: itself and the row below
//	816**  null    1 row    size 1: completed by an age nobody has, it is alone
//
// The second row is suppressed, and then the first: its size is 1.

// wildcardFailing returns the classes of a set, in order, whose size under
// that rule is below k.
func (f *FrequencySet) wildcardFailing(k int64) []int32 {
	null := make([]int32, len(f.Node)) // of each column: label of null, -1
	some := false
	for c, level := range f.Node {
		null[c] = f.QuasiIdentifiers[c].Table.Levels[level].Null
		some = some || null[c] >= 0
	}
	pattern := make([]uint64, f.Len()) // bit c: column c is null
	byKey := map[string]int32{}        // classes with nulls
	patterns := map[uint64]bool{}
	labels := make([]int32, len(f.Node))
	var key []byte
	if some {
		for i := range pattern {
			for c := range labels {
				labels[c] = f.Label(i, c)
				if labels[c] == null[c] {
					pattern[i] |= 1 << c
				}
			}
			if pattern[i] != 0 {
				byKey[string(appendLabels(key[:0], labels, 0, null))] = int32(i)
				patterns[pattern[i]] = true
			}
		}
	}
	order := all(f.Len())
	slices.SortStableFunc(order, func(a, b int32) int {
		return cmp.Compare(bits.OnesCount64(pattern[b]), bits.OnesCount64(pattern[a]))
	})
	persons := f.personsByClass()
	released := make([]bool, f.Len())
	var failing []int32
	for _, i := range order {
		size := f.size[i]
		var seen map[uint32]bool
		if persons != nil && len(patterns) > 0 {
			size, seen = f.settled[i], map[uint32]bool{}
			for _, p := range persons(int(i)) {
				seen[p] = true
			}
		}
		for c := range labels {
			labels[c] = f.Label(int(i), c)
		}
		for q := range patterns {
			if q == pattern[i] || q&pattern[i] != pattern[i] {
				continue
			}
			key = appendLabels(key[:0], labels, q, null)
			s, ok := byKey[string(key)]
			if !ok || !released[s] {
				continue
			}
			if seen == nil {
				size += f.size[s]
				continue
			}
			size += f.settled[s]
			for _, p := range persons(int(s)) {
				seen[p] = true
			}
		}
		if size+int64(len(seen)) < k && f.rows[i] > 0 {
			failing = append(failing, i)
		} else {
			released[i] = true
		}
	}
	slices.Sort(failing)
	return failing
}

// appendLabels appends the labels of a class, with those of the columns in
// nulls made null.
func appendLabels(dst []byte, labels []int32, nulls uint64, null []int32) []byte {
	for c, l := range labels {
		if nulls>>c&1 != 0 {
			l = null[c]
		}
		dst = binary.LittleEndian.AppendUint32(dst, uint32(l))
	}
	return dst
}

// personsByClass returns a function from classes to the persons of their
// pairs, nil without pairs.
func (f *FrequencySet) personsByClass() func(int) []uint32 {
	if len(f.pairs) == 0 {
		return nil
	}
	at := make([]int, f.Len()+2)
	for _, p := range f.pairs {
		at[p.class+2]++
	}
	for i := 2; i < len(at); i++ {
		at[i] += at[i-1]
	}
	persons := make([]uint32, len(f.pairs))
	for _, p := range f.pairs {
		persons[at[p.class+1]] = p.person
		at[p.class+1]++
	}
	return func(i int) []uint32 { return persons[at[i]:at[i+1]] }
}

// checkWildcard refuses models that say nothing of rows with wildcards.
func checkWildcard(models []PrivacyModel, columns int) error {
	for _, m := range models {
		if _, ok := m.(KAnonymity); !ok {
			return fault.Planf("nulls: wildcard says what k-anonymity counts, not what %s does; choose nulls: value or reject", m)
		}
	}
	if columns > 64 {
		return fault.Planf("nulls: wildcard works on at most 64 quasi-identifiers")
	}
	return nil
}
