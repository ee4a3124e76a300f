package dp

import "math"

// A tally holds what the statistics of a plan add up, sum by sum and in each
// group by group: with count-units and a mean, Σ j over group 7 is number 7 of
// the second sums.
type tally struct {
	n     int        // groups
	sums  []sums     // as many as the statistics need
	lists [][]uint64 // one for each statistic; only some append to theirs
	xs    []int64    // what the entries of a run add
	cut   []uint64   // see cuts
}

// sums are one number for each group, in the narrowest form that is known to
// hold them before anything is added: entries many contributions, none of which
// is beyond the sensitivity, add up to at most their product. A million groups
// of 4 bytes are looked up in half of the time that those of 16 take. Exactly
// one of the slices is not nil, unless there is no group.
type sums struct {
	narrow []int32
	half   []int64
	wide   []int128
}

// newSums makes sums for n groups.
func newSums(n int, entries, sensitivity int64) sums {
	switch most := mul(entries, sensitivity); {
	case most.less(int128Of(math.MaxInt32)):
		return sums{narrow: make([]int32, n)}
	case most.less(int128Of(math.MaxInt64)):
		return sums{half: make([]int64, n)}
	}
	return sums{wide: make([]int128, n)}
}

// bytes is the memory of one group's number.
func (s *sums) bytes() int {
	switch {
	case s.narrow != nil:
		return 4
	case s.half != nil:
		return 8
	}
	return 16
}

// of is the number of a group.
func (s *sums) of(g uint32) int128 {
	switch {
	case s.narrow != nil:
		return int128Of(int64(s.narrow[g]))
	case s.half != nil:
		return int128Of(s.half[g])
	}
	return s.wide[g]
}

// add adds x to the number of a group.
func (s *sums) add(g uint32, x int128) {
	switch {
	case s.narrow != nil:
		s.narrow[g] += int32(x.lo)
	case s.half != nil:
		s.half[g] += int64(x.lo)
	default:
		s.wide[g] = s.wide[g].add(x)
	}
}

// addAll adds xs[i] to the number of groups[i].
func (s *sums) addAll(groups []uint32, xs []int64) {
	xs = xs[:len(groups)]
	switch {
	case s.narrow != nil:
		for i, g := range groups {
			s.narrow[g] += int32(xs[i])
		}
	case s.half != nil:
		for i, g := range groups {
			s.half[g] += xs[i]
		}
	default:
		for i, g := range groups {
			s.wide[g] = s.wide[g].add(int128Of(xs[i]))
		}
	}
}

// merge adds other sums of the same form.
func (s *sums) merge(other *sums) {
	for i, x := range other.narrow {
		s.narrow[i] += x
	}
	for i, x := range other.half {
		s.half[i] += x
	}
	for i, x := range other.wide {
		s.wide[i] = s.wide[i].add(x)
	}
}

// newTally makes an empty tally for so many entries of one unit in one group.
func (a *Accumulator) newTally(entries int64) *tally {
	t := &tally{n: a.groups.len(), lists: make([][]uint64, len(a.plan.statistics))}
	for _, s := range a.plan.statistics {
		if s, ok := s.(additive); ok {
			for range s.width() {
				t.sums = append(t.sums, newSums(t.n, entries, s.sensitivity()))
			}
		}
	}
	return t
}

// bytes is the memory that the sums take.
func (t *tally) bytes() int {
	n := 0
	for i := range t.sums {
		n += t.n * t.sums[i].bytes()
	}
	return n
}

// groups is the number of groups.
func (t *tally) groups() int { return t.n }

// sum adds x to sum at of a group.
func (t *tally) sum(group uint32, at int, x int128) { t.sums[at].add(group, x) }

// scratch is n numbers for addAll, whatever they are.
func (t *tally) scratch(n int) []int64 {
	t.xs = extendTo(t.xs, n)
	return t.xs
}

// entries bounds the number of contributions of one unit to one group that the
// buckets hold.
func (a *Accumulator) entries() int64 {
	n := int64(0)
	for i := range a.buckets {
		k := &a.buckets[i]
		n = saturatingAdd(n, int64(k.records(a.layout.words)))
		for _, e := range k.extents {
			n = saturatingAdd(n, e.at.Size()/int64(8*a.layout.words))
		}
		for _, r := range k.runs {
			n = saturatingAdd(n, int64(r.len()))
			for _, u := range r.units {
				n = saturatingAdd(n, u)
			}
		}
	}
	return n
}

// saturatingAdd is x + y of numbers that are not negative, at most the greatest.
func saturatingAdd(x, y int64) int64 {
	if s := x + y; s >= 0 {
		return s
	}
	return math.MaxInt64
}
