package kanon

import (
	"fmt"
	"math/big"
	"sync"

	"github.com/oboro-data/oboro/internal/fault"
)

// A Distance is a ground distance between sensitive values.
type Distance string

// The ground distances of t-closeness. The empty distance is EqualDistance.
const (
	EqualDistance        Distance = "equal"        // two values are 1 apart
	OrderedDistance      Distance = "ordered"      // values i and j of m are |i-j|/(m-1) apart
	HierarchicalDistance Distance = "hierarchical" // values are as far apart as the level at which they meet, over the height
)

// TCloseness asks that the distribution of a sensitive column in every class
// be near that of the whole table: the earth mover's distance is at most T
// (Li, Li, Venkatasubramanian: t-Closeness, 2007). With q the shares in the
// class and p those in the table, before suppression:
//
//	equal         D₀ = Σ_i max(q_i - p_i, 0)  =  ½ Σ_i |q_i - p_i|
//	ordered       D  = 1/(m-1) Σ_i |Σ_{j≤i} (q_j - p_j)|   over the m values of the table, in the column's order
//	hierarchical  D  = Σ_N (level(N)/H)·min(pos(N), neg(N)) over inner nodes N of a hierarchy of height H
//
// For the last, write e(N) for the surplus q-p below N, pos(N) for the sum of
// the positive surpluses of its children and neg(N) for that of the negative
// ones: pos - neg = e(N), so min(pos, neg) = pos(N) - max(e(N), 0). Let D_ℓ be
// the sum of max(e, 0) over the nodes of level ℓ, the equal distance of the
// distributions generalised to level ℓ. Then the sum is
// Σ_ℓ ℓ·(D_{ℓ-1} - D_ℓ)/H, and as D_H = 0 at the single top,
//
//	D = (D_0 + D_1 + … + D_{H-1}) / H:
//
// the mean, over the levels below the top, of the equal distance there.
//
// Distributions count people: with a unit, a person with two values counts
// once for each. Null is a value of its own, the last in order.
//
// Exactness: every distance is a quotient of integers over |P||Q| and is
// compared with the decimal T in integers; D = T passes.
//
// A distance from P is convex in q, so merging satisfied classes whose counts
// add up leaves the merged class satisfied: Merging.
type TCloseness struct {
	T        float64 // 0 to 1
	Column   string
	Distance Distance
}

func (m TCloseness) distance() Distance {
	if m.Distance == "" {
		return EqualDistance
	}
	return m.Distance
}

// Check refuses parameters outside their ranges.
func (m TCloseness) Check() error {
	if err := checkColumn("t-closeness", m.Column); err != nil {
		return err
	}
	switch m.distance() {
	case EqualDistance, OrderedDistance, HierarchicalDistance:
	default:
		return fault.Planf("t-closeness of %q: unknown distance %q; give equal, ordered or hierarchical", m.Column, string(m.Distance))
	}
	if !(m.T >= 0 && m.T <= 1) {
		return fault.Planf("t-closeness of %q: t must be from 0 to 1", m.Column)
	}
	return nil
}

// Bind returns the test of a class. The hierarchical distance needs a
// hierarchy on the sensitive column.
func (m TCloseness) Bind(base *FrequencySet) (func(*EquivalenceClass) bool, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	i, err := sensitiveColumn(base, "t-closeness", m.Column)
	if err != nil {
		return nil, err
	}
	counts, total := tableCounts(base, i)
	if total == 0 {
		return func(*EquivalenceClass) bool { return true }, nil
	}
	var measure func(d *Distribution, q int64) wide // distance·scale·|P||Q|
	scale := int64(1)
	switch m.distance() {
	case EqualDistance:
		measure = func(d *Distribution, q int64) wide {
			var sum wide
			for k, v := range d.Values {
				sum = sum.add(wideMul(d.Counts[k], total).excess(wideMul(counts[v], q)))
			}
			return sum
		}
	case OrderedDistance:
		var upTo int64
		var cumulative []int64 // of the values present in the table
		rank := make([]int, len(counts))
		for v, n := range counts {
			rank[v] = len(cumulative)
			if n > 0 {
				upTo += n
				cumulative = append(cumulative, upTo)
			}
		}
		scale = max(int64(len(cumulative))-1, 1)
		measure = func(d *Distribution, q int64) wide {
			return orderedSum(d, q, cumulative, rank, total)
		}
	case HierarchicalDistance:
		tree, err := newLevelSums(&base.SensitiveColumns[i], counts)
		if err != nil {
			return nil, err
		}
		scale = int64(len(tree.levels))
		measure = func(d *Distribution, q int64) wide { return tree.sum(d, q, total) }
	}
	t := decimal(m.T)
	factor := new(big.Int).Mul(t.Num(), big.NewInt(scale))
	factor.Mul(factor, big.NewInt(total)) // T·scale·|P| = factor/t.Denom()
	near := newProductBound(factor, t.Denom())
	return func(c *EquivalenceClass) bool {
		d := &c.Sensitive[i]
		q := d.total()
		return q == 0 || near.covers(measure(d, q), q)
	}, nil
}

// Monotone reports Merging.
func (TCloseness) Monotone() Monotonicity { return Merging }

// SensitiveColumns is the model's column.
func (m TCloseness) SensitiveColumns() []string { return []string{m.Column} }

// String is "0.2-closeness of diagnosis (equal distance)".
func (m TCloseness) String() string {
	return fmt.Sprintf("%v-closeness of %s (%s distance)", m.T, m.Column, m.distance())
}

// orderedSum returns Σ_i |Q_i·P - P_i·Q| over the values of the table, where
// Q_i and P_i are cumulated counts; the last is 0.
func orderedSum(d *Distribution, q int64, cumulative []int64, rank []int, p int64) wide {
	var sum wide
	var have int64
	next := 0
	for i, upTo := range cumulative[:len(cumulative)-1] {
		for next < len(d.Values) && rank[d.Values[next]] <= i {
			have += d.Counts[next]
			next++
		}
		sum = sum.add(wideMul(have, p).distance(wideMul(upTo, q)))
	}
	return sum
}

// levelSums measures the equal distance at every level below the top of a
// hierarchy.
type levelSums struct {
	levels  []levelCounts
	scratch sync.Pool // of *[]int64, all zero, as long as the largest level
}

type levelCounts struct {
	codes []int32 // base code to label
	table []int64 // people of the table per label
}

func newLevelSums(column *Column, counts []int64) (*levelSums, error) {
	levels := column.Table.Levels
	if len(levels) < 2 {
		return nil, fault.Planf("t-closeness of %q: the hierarchical distance needs a hierarchy on the column; declare one, or use the equal distance", column.Name)
	}
	s := new(levelSums)
	for _, level := range levels[:len(levels)-1] {
		at := levelCounts{codes: level.Codes, table: make([]int64, len(level.Labels))}
		for v, n := range counts {
			at.table[level.Codes[v]] += n
		}
		s.levels = append(s.levels, at)
	}
	widest := len(counts)
	for _, at := range s.levels {
		widest = max(widest, len(at.table))
	}
	s.scratch.New = func() any { x := make([]int64, widest); return &x }
	return s, nil
}

// sum returns Σ_ℓ Σ_N max(q_N·P - p_N·Q, 0). Labels without people of the
// class have no positive surplus, so only those of its values are visited.
func (s *levelSums) sum(d *Distribution, q, p int64) wide {
	have := s.scratch.Get().(*[]int64)
	var sum wide
	for _, at := range s.levels {
		for k, v := range d.Values {
			(*have)[at.codes[v]] += d.Counts[k]
		}
		for _, v := range d.Values {
			label := at.codes[v]
			if n := (*have)[label]; n > 0 {
				(*have)[label] = 0
				sum = sum.add(wideMul(n, p).excess(wideMul(at.table[label], q)))
			}
		}
	}
	s.scratch.Put(have)
	return sum
}

// A productBound is a rational num/den; covers compares a sum with its product
// with a count.
type productBound struct {
	num, den *big.Int
	small    bool // both fit 63 bits
	n, d     int64
}

func newProductBound(num, den *big.Int) productBound {
	b := productBound{num: num, den: den, small: num.IsInt64() && den.IsInt64()}
	if b.small {
		b.n, b.d = num.Int64(), den.Int64()
	}
	return b
}

// covers reports sum ≤ (num/den)·q.
func (b productBound) covers(sum wide, q int64) bool {
	if b.small && sum.hi == 0 && sum.lo < 1<<63 {
		return !wideMul(b.n, q).less(wideMul(int64(sum.lo), b.d))
	}
	left := sum.big()
	right := big.NewInt(q)
	return left.Mul(left, b.den).Cmp(right.Mul(right, b.num)) <= 0
}
