package kanon

import (
	"cmp"
	"context"
	"slices"

	"github.com/oboro-data/oboro/internal/fault"
)

// maxMDAV bounds tuples²/k, the distances of a pass of MDAV.
const maxMDAV = 1 << 29

// gowerOne is the distance 1 between two cells: distances are whole numbers,
// so that the groups are the same on every machine.
const gowerOne = 1 << 20

// MDAV micro-aggregation (Domingo-Ferrer and Mateo-Sanz, Practical data-oriented
// microaggregation for statistical disclosure control, 2002; for k-anonymity
// over columns of several kinds, Domingo-Ferrer and Torra, Ordinal, continuous
// and heterogeneous k-anonymity through microaggregation, 2005). While there are
// people for two groups, the tuple farthest from the centre of the rest takes
// its nearest tuples until the models hold; then the tuple farthest from that
// one does. What is left is a group, or joins the nearest if it can't be one.
//
// Every row of a group gets the same value in every quasi-identifier, so the
// published tuples are jointly those of a whole group, and k-anonymity holds
// over them. Aggregates of a column inside groups made from other columns would
// not give that: the tuples they make may be of one person.
//
// The distance is Gower's (A General Coefficient of Similarity, 1971): numbers
// differ by their difference over the range of the column, ordered values by
// their difference in rank over the number of ranks less one, others by 0 or 1;
// null is 1 from every value.
//
//	age 20 | 30, range 20..60   10/40    zip 81 | 82   1    sum 1.25
//
// Tuples are the distinct ones, weighted by rows; equal ones stay together. n
// tuples in groups of k cost some 3/2·n²/k distances.
type mdav struct {
	regions *mondrian // judges groups, and labels intervals
	base    *FrequencySet
	columns []aggregatedColumn
	points  []int32 // points[i·columns+c]: place of tuple i, at most gowerOne; -1: null
	rest    []int32 // tuples in no group
	groups  [][]int32
	counts  [][]int64 // per column and value, reused by centre
}

// recodeMDAV returns the assignment, nil if not even all rows together satisfy
// the models. The score is the mean Gower distance of a row from the centre of
// its group, per column.
func recodeMDAV(ctx context.Context, base *FrequencySet, models []PrivacyModel, columns []aggregatedColumn) (*SearchResult, *assignment, error) {
	ranges := make([]bool, len(columns))
	for c := range columns {
		ranges[c] = columns[c].ranges
	}
	regions, err := newMondrian(base, models, ranges)
	if err != nil {
		return nil, nil, err
	}
	m := &mdav{regions: regions, base: base, columns: columns, rest: all(base.Len())}
	if n := int64(base.Len()); n > 1<<31 || n*n/max(1, regions.judge.minSize) > maxMDAV {
		return nil, nil, fault.Dataf("search: mdav compares every group with every combination of values, and there are %d combinations; choose search: mondrian, give it coarser columns, or ask for larger classes", n)
	}
	m.place()
	r := &SearchResult{Kind: "mdav", Score: Score{0}}
	a := newAssignment(base)
	a.levelRows = make([][]int64, len(columns))
	if base.Len() == 0 {
		return r, a, nil
	}
	if !regions.satisfied(m.rest) {
		return nil, nil, nil
	}
	if err := m.group(ctx); err != nil {
		return nil, nil, err
	}
	labels := make([]int32, len(columns))
	spread := 0.0
	for _, members := range m.groups {
		for c := range columns {
			labels[c] = -1
			if text, ok := m.aggregate(members, c); ok {
				labels[c] = a.label(c, text)
			}
		}
		k := a.released(labelKey(labels), labels)
		centre := m.centre(members)
		for _, i := range members {
			a.class[i] = k
			spread += float64(base.rows[i]) * float64(m.between(m.point(i), centre))
		}
	}
	r.Classes = int64(a.classes())
	r.Score[0] = spread / float64(gowerOne) / float64(len(columns)) / float64(max(1, base.Rows))
	return r, a, nil
}

// group makes the groups.
func (m *mdav) group(ctx context.Context) error {
	least := 2 * m.regions.judge.minSize
	for m.regions.people(m.rest) >= least {
		if err := ctx.Err(); err != nil {
			return err
		}
		first := m.farthest(m.centre(m.rest))
		if !m.take(first) {
			break
		}
		if m.regions.people(m.rest) < least {
			break
		}
		if !m.take(m.farthest(m.point(first))) {
			break
		}
	}
	if len(m.rest) > 0 {
		m.settle()
	}
	return nil
}

// settle makes a group of the rest, with the nearest groups as far as the
// models ask for it.
func (m *mdav) settle() {
	for len(m.groups) > 0 && !m.regions.satisfied(m.rest) {
		centre := m.centre(m.rest)
		best, least := 0, int64(-1)
		for g := range m.groups {
			if d := m.between(centre, m.centre(m.groups[g])); least < 0 || d < least {
				best, least = g, d
			}
		}
		m.rest = append(m.rest, m.groups[best]...)
		slices.Sort(m.rest)
		m.groups = slices.Delete(m.groups, best, best+1)
	}
	m.groups, m.rest = append(m.groups, m.rest), nil
}

// A neighbour is a tuple and its distance from a point.
type neighbour struct {
	distance int64
	tuple    int32
}

func compareNeighbours(a, b neighbour) int {
	return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.tuple, b.tuple))
}

// take makes a group of the nearest to a tuple of the rest. It reports false if
// only the whole rest could be one.
func (m *mdav) take(seed int32) bool {
	least := m.regions.judge.minSize
	tried := 0
	for want := int(min(least, int64(len(m.rest)))); ; want = min(2*want, len(m.rest)) {
		near := m.nearest(seed, want)
		var members []int32
		people := int64(0)
		for n, x := range near {
			members = append(members, x.tuple)
			people += m.base.size[x.tuple]
			if people < least || n < tried || n+1 == len(m.rest) {
				continue
			}
			tried = n + 1 + n/64 // tests of large groups are costly
			group := slices.Clone(members)
			slices.Sort(group)
			if m.regions.satisfied(group) {
				m.groups = append(m.groups, group)
				m.rest = slices.DeleteFunc(m.rest, func(i int32) bool {
					_, in := slices.BinarySearch(group, i)
					return in
				})
				return true
			}
		}
		if want == len(m.rest) {
			return false
		}
	}
}

// nearest returns the tuples of the rest that are nearest to one of them, it
// first, in order; among equally near ones the first of the table.
func (m *mdav) nearest(seed int32, want int) []neighbour {
	to := m.point(seed)
	distance := func(i int32) int64 {
		if i == seed {
			return -1
		}
		return m.between(to, m.point(i))
	}
	if want > 256 {
		out := make([]neighbour, len(m.rest))
		for j, i := range m.rest {
			out[j] = neighbour{distance(i), i}
		}
		slices.SortFunc(out, compareNeighbours)
		return out[:want]
	}
	out := make([]neighbour, 0, want+1)
	for _, i := range m.rest {
		x := neighbour{distance(i), i}
		if len(out) == want && compareNeighbours(x, out[want-1]) > 0 {
			continue
		}
		at, _ := slices.BinarySearchFunc(out, x, compareNeighbours)
		if out = slices.Insert(out, at, x); len(out) > want {
			out = out[:want]
		}
	}
	return out
}

// farthest returns the tuple of the rest farthest from a point; among equally
// far ones the first of the table.
func (m *mdav) farthest(from []int32) int32 {
	best, most := m.rest[0], int64(-1)
	for _, i := range m.rest {
		if d := m.between(from, m.point(i)); d > most {
			best, most = i, d
		}
	}
	return best
}

func (m *mdav) point(i int32) []int32 {
	d := len(m.columns)
	return m.points[int(i)*d : int(i)*d+d]
}

// between is the sum of Gower's distances of the columns, times gowerOne.
func (m *mdav) between(a, b []int32) int64 {
	sum := int64(0)
	for c, x := range a {
		switch y := b[c]; {
		case x == y:
		case m.columns[c].scale == nominal || x < 0 || y < 0:
			sum += gowerOne
		case x > y:
			sum += int64(x - y)
		default:
			sum += int64(y - x)
		}
	}
	return sum
}

// centre is the mean of places, and of nominal columns the value of most rows,
// the first of equals. Nulls count where there is nothing else, or where the
// column is nominal.
func (m *mdav) centre(members []int32) []int32 {
	out := make([]int32, len(m.columns))
	for c := range out {
		var sum, rows int64
		counts := m.counts[c]
		clear(counts)
		for _, i := range members {
			x, n := m.point(i)[c], m.base.rows[i]
			if counts != nil {
				counts[x+1] += n
			} else if x >= 0 {
				sum, rows = sum+n*int64(x), rows+n
			}
		}
		switch {
		case counts != nil:
			most := int64(-1)
			for x, n := range counts {
				if n > most {
					out[c], most = int32(x)-1, n
				}
			}
		case rows == 0:
			out[c] = -1
		default:
			out[c] = int32(sum / rows)
		}
	}
	return out
}

// place finds the places of all tuples.
func (m *mdav) place() {
	d := len(m.columns)
	m.points, m.counts = make([]int32, d*m.base.Len()), make([][]int64, d)
	for c := range m.columns {
		places := m.columns[c].places(&m.base.QuasiIdentifiers[c].Table.Levels[0])
		for i := range m.base.Len() {
			m.points[i*d+c] = places[m.base.Label(i, c)]
		}
		if m.columns[c].scale == nominal {
			m.counts[c] = make([]int64, len(places)+1)
		}
	}
}
