package dp

import (
	"slices"
)

// countDistinct is the greatest number of distinct values of a group that can
// be assigned to units that have them, at most perUnit to each (Knop and
// Steinke 2023, "Counting distinct elements under person-level differential
// privacy"): the maximum flow from units, of capacity perUnit, to values, of
// capacity 1. Removing a unit removes a node of capacity perUnit, so the flow
// falls by at most perUnit and never rises: the sensitivity is perUnit, however
// many values a unit has. With units a: {x}, b: {x, y}, c: {x, y} and perUnit 1
// the answer is 2.
type countDistinct struct {
	oneSum
	perUnit int64
	words   int
	input   int
	listAt  int
}

func (a CountDistinct) bind(b *binder) (statistic, error) {
	if err := checkPerUnit(a.As, a.PerUnit); err != nil {
		return nil, err
	}
	dt, err := b.anyColumn(a.As, a.Column)
	if err != nil {
		return nil, err
	}
	s := &countDistinct{oneSum: oneSum{as: a.As}, perUnit: b.perUnit(a.PerUnit), words: identityWords(dt)}
	s.input = b.input(&input{kind: sets, column: a.Column, words: s.words})
	return s, nil
}

func (s *countDistinct) kind() string       { return "count-distinct" }
func (s *countDistinct) sensitivity() int64 { return s.perUnit }
func (s *countDistinct) list(at int)        { s.listAt = at }

// seen: a unit with fewer rows than perUnit has no more values than rows, and
// can vouch for no more.
func (s *countDistinct) seen() int64 { return s.perUnit }

// tally lists (group, number of the unit, value). Where rows are units, one of
// several equal rows is enough: it can vouch for its value.
func (s *countDistinct) tally(r *run, t *tally) {
	in := &r.inputs[s.input]
	l := t.lists[s.listAt]
	for i, g := range r.group {
		values, _ := in.values(i, s.words)
		unit := uint64(len(l)) // told apart from all others of this list
		for ; len(values) > 0; values = values[s.words:] {
			l = append(l, uint64(g), unit)
			l = append(l, values[:s.words]...)
		}
	}
	t.lists[s.listAt] = l
}

// renumber raises the unit numbers of a list that is appended to another.
func (s *countDistinct) renumber(list []uint64, by uint64) {
	for i := 1; i < len(list); i += 2 + s.words {
		list[i] += by
	}
}

// settle computes the sums from the list.
func (s *countDistinct) settle(t *tally) {
	l := groupList(t.lists[s.listAt], 2+s.words, t.groups())
	t.lists[s.listAt] = nil
	for g := range uint32(t.groups()) {
		t.sum(g, s.at, int128Of(s.cover(l.of(g))))
	}
}

// cover computes the flow of one group; the entries of a unit stand together.
func (s *countDistinct) cover(entries []uint64) int64 {
	width := 2 + s.words
	number := map[[2]uint64]int{} // value to its number
	var units [][]int             // values of each unit
	for i := 0; i < len(entries); i += width {
		v := [2]uint64{entries[i+2]}
		if s.words == 2 {
			v[1] = entries[i+3]
		}
		n, ok := number[v]
		if !ok {
			n = len(number)
			number[v] = n
		}
		if i == 0 || entries[i+1] != entries[i+1-width] {
			units = append(units, nil)
		}
		u := len(units) - 1
		units[u] = append(units[u], n)
	}
	return maxCover(units, len(number), s.perUnit)
}

// maxCover is the greatest number of the values 0 … values-1 that can be
// assigned to units that have them, at most perUnit to a unit.
//
// A unit of at most perUnit values covers them all, at nobody's cost. For the
// others, values are assigned one after another along augmenting paths. The
// units that a failed search met can't be on a later path either (their values
// lead to full units only), so they are left out from then on, and all failed
// searches together look at every pair of unit and value once.
func maxCover(units [][]int, values int, perUnit int64) int64 {
	covered := make([]bool, values)
	var large [][]int
	total := int64(0)
	for _, vs := range units {
		if int64(len(vs)) > perUnit {
			large = append(large, vs)
			continue
		}
		for _, v := range vs {
			if !covered[v] {
				covered[v] = true
				total++
			}
		}
	}
	m := matching{perUnit: perUnit, holders: make([][]int, values), held: make([][]int, len(large)), dead: make([]bool, len(large)), seen: make([]int, len(large)), from: make([]step, len(large))}
	for u, vs := range large {
		for _, v := range vs {
			if !covered[v] {
				m.holders[v] = append(m.holders[v], u)
			}
		}
	}
	for v := range values {
		if len(m.holders[v]) > 0 && m.assign(v) {
			total++
		}
	}
	return total
}

// A matching assigns values to units of limited capacity.
type matching struct {
	perUnit int64
	holders [][]int // value to the units that have it
	held    [][]int // unit to the values assigned to it
	dead    []bool  // units from which no free one can be reached
	seen    []int   // search in which a unit was last met
	from    []step  // how the search came to a unit
	round   int
	queue   []int
}

// A step of a search: value moves to this unit from unit, -1 being nobody.
type step struct{ value, unit int }

// assign searches, breadth first, a unit with room for the value, others
// passing on values on the way.
func (m *matching) assign(value int) bool {
	m.round++
	m.queue = m.queue[:0]
	meet := func(v, from int) (free int) {
		for _, u := range m.holders[v] {
			if m.dead[u] || m.seen[u] == m.round {
				continue
			}
			m.seen[u], m.from[u] = m.round, step{v, from}
			if int64(len(m.held[u])) < m.perUnit {
				return u
			}
			m.queue = append(m.queue, u)
		}
		return -1
	}
	free := meet(value, -1)
	for i := 0; free < 0 && i < len(m.queue); i++ {
		for _, v := range m.held[m.queue[i]] {
			if free = meet(v, m.queue[i]); free >= 0 {
				break
			}
		}
	}
	if free < 0 {
		for _, u := range m.queue {
			m.dead[u] = true
		}
		return false
	}
	for u := free; ; {
		s := m.from[u]
		m.held[u] = append(m.held[u], s.value)
		if s.unit < 0 {
			return true
		}
		h := m.held[s.unit]
		m.held[s.unit] = slices.Delete(h, slices.Index(h, s.value), slices.Index(h, s.value)+1)
		u = s.unit
	}
}
