package kanon

import "slices"

// distributions holds, for one sensitive column, the distribution of every
// class: entries offsets[i] to offsets[i+1] are those of class i, by value.
// With a unit, a count is made like the size of a class: the settled people
// (those with this one class and value), plus the distinct pairs of the others.
type distributions struct {
	domain  int // number of codes of the column
	offsets []int
	values  []int32
	settled []int64
	counts  []int64 // is settled without pairs
	pairs   []personValue
}

// personValue says that a person, one with several combinations of class and
// value, has one of them. Sorted by person.
type personValue struct {
	person, class uint32
	value         int32
}

func (d *distributions) of(i int) Distribution {
	lo, hi := d.offsets[i], d.offsets[i+1]
	return Distribution{Values: d.values[lo:hi:hi], Counts: d.counts[lo:hi:hi]}
}

// leafDistributions holds the values of column c of a counted table: every
// tuple is a class with one value.
func leafDistributions(t *tuples, c int) distributions {
	n := len(t.rows)
	d := distributions{offsets: make([]int, n+1), values: make([]int32, n), settled: t.settled, counts: t.settled}
	for i, v := range t.column(c) {
		d.values[i], d.offsets[i+1] = int32(v), i+1
		d.domain = max(d.domain, int(v)+1)
	}
	for _, p := range t.pairs {
		d.pairs = append(d.pairs, personValue{p.person, p.tuple, d.values[p.tuple]})
	}
	return d
}

// rollUp merges the distributions of source classes: those of new class g are
// order[starts[g]:starts[g+1]], and classOf says the same the other way round.
func (d *distributions) rollUp(order, starts, classOf []uint32) distributions {
	classes := len(starts) - 1
	out := distributions{domain: d.domain, offsets: make([]int, classes+1)}

	// People first: a person left with one class and value is settled there.
	var moved []personValue // newly settled
	for lo := 0; lo < len(d.pairs); {
		hi := lo + 1
		for hi < len(d.pairs) && d.pairs[hi].person == d.pairs[lo].person {
			hi++
		}
		at := len(out.pairs)
		for _, p := range d.pairs[lo:hi] {
			p.class = classOf[p.class]
			out.pairs = append(out.pairs, p)
		}
		one := out.pairs[at:]
		slices.SortFunc(one, comparePersonValue)
		one = slices.Compact(one)
		out.pairs = out.pairs[:at+len(one)]
		if len(one) == 1 {
			moved = append(moved, one[0])
			out.pairs = out.pairs[:at]
		}
		lo = hi
	}
	movedAt, movedSorted := byClass(moved, classes)
	pairAt, pairSorted := byClass(out.pairs, classes)

	settled := make([]int64, d.domain)
	extra := make([]int64, d.domain)
	seen := make([]bool, d.domain)
	var touched []int32
	touch := func(v int32) {
		if !seen[v] {
			seen[v] = true
			touched = append(touched, v)
		}
	}
	for g := range classes {
		for _, src := range order[starts[g]:starts[g+1]] {
			for e := d.offsets[src]; e < d.offsets[src+1]; e++ {
				if d.settled[e] != 0 {
					touch(d.values[e])
					settled[d.values[e]] += d.settled[e]
				}
			}
		}
		if len(moved) > 0 {
			for _, p := range movedSorted[movedAt[g]:movedAt[g+1]] {
				touch(p.value)
				settled[p.value]++
			}
		}
		if len(out.pairs) > 0 {
			for _, p := range pairSorted[pairAt[g]:pairAt[g+1]] {
				touch(p.value)
				extra[p.value]++
			}
		}
		slices.Sort(touched)
		for _, v := range touched {
			out.values = append(out.values, v)
			out.settled = append(out.settled, settled[v])
			if len(out.pairs) > 0 {
				out.counts = append(out.counts, settled[v]+extra[v])
			}
			settled[v], extra[v], seen[v] = 0, 0, false
		}
		touched = touched[:0]
		out.offsets[g+1] = len(out.values)
	}
	if len(out.pairs) == 0 {
		out.counts = out.settled
	}
	return out
}

func comparePersonValue(a, b personValue) int {
	switch {
	case a.person != b.person:
		return int(a.person) - int(b.person)
	case a.class != b.class:
		return int(a.class) - int(b.class)
	}
	return int(a.value) - int(b.value)
}

// byClass sorts pairs by class by counting; pairs of class g are
// sorted[at[g]:at[g+1]].
func byClass(pairs []personValue, classes int) (at []int, sorted []personValue) {
	if len(pairs) == 0 {
		return nil, nil
	}
	at = make([]int, classes+2)
	for _, p := range pairs {
		at[p.class+2]++
	}
	for g := 2; g < len(at); g++ {
		at[g] += at[g-1]
	}
	sorted = make([]personValue, len(pairs))
	for _, p := range pairs {
		sorted[at[p.class+1]] = p
		at[p.class+1]++
	}
	return at[:classes+1], sorted
}
