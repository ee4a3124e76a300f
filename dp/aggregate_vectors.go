package dp

import (
	"math/big"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/internal/exact"
	"github.com/oboro-data/oboro/internal/fault"
)

// VectorSum is the sum of several numeric columns at once, one float64 column
// As_COLUMN for each. A unit's totals in a group are a vector, which is
// shortened to Euclidean length Norm if it is longer. With Gaussian noise one
// budget then serves all columns; separate sums would need one each.
type VectorSum struct {
	As         string
	Columns    []string
	Norm       float64
	Resolution float64 // 0: as for Sum with limit Norm, the finest of the columns
	Weight     float64
}

// OutputName returns As, the prefix of the columns' names.
func (a VectorSum) OutputName() string { return a.As }
func (a VectorSum) weight() float64    { return a.Weight }

// A euclidean statistic states its sensitivity in the ℓ₂ norm too.
type euclidean interface {
	l2Squared() *big.Int
}

// vectorSum adds vectors of length at most norm, in steps. The ℓ₁ length of
// such a vector of d entries is at most √d·norm.
type vectorSum struct {
	as     string
	names  []string
	grid   grid
	norm   int64
	inputs []int
	at     int
}

// maxColumns bounds the columns that one aggregate reads.
const maxColumns = 30

func (a VectorSum) bind(b *binder) (statistic, error) {
	if len(a.Columns) < 1 || len(a.Columns) > maxColumns {
		return nil, fault.Planf("aggregate %q: name between 1 and %d columns", a.As, maxColumns)
	}
	norm, ok := exact.FromFloat(a.Norm)
	if !ok || norm.Sign() <= 0 {
		return nil, fault.Planf("aggregate %q: state a norm greater than 0; it must not be taken from the data", a.As)
	}
	if a.Norm > mostLimit {
		return nil, fault.Planf("aggregate %q: a norm of more than 1e100 leaves no room for noise in a float; state a smaller one", a.As)
	}
	step, err := b.resolution(a.As, a.Resolution)
	if err != nil {
		return nil, err
	}
	chosen := step.Sign() > 0
	for i, c := range a.Columns {
		dt, err := b.numericColumn(a.As, c)
		if err != nil {
			return nil, err
		}
		if slices.Contains(a.Columns[:i], c) {
			return nil, fault.Planf("aggregate %q: column %q is named twice", a.As, c)
		}
		if chosen {
			continue
		}
		natural, ok := naturalStep(dt)
		if !ok {
			natural = powerOfTwoStep(norm, sumSteps)
		}
		if step.Sign() == 0 || natural.Less(step) {
			step = natural
		}
	}
	s := &vectorSum{as: a.As, names: slices.Clone(a.Columns), grid: newGrid(step)}
	if _, s.norm, ok = s.grid.between(exact.Rat{}, norm); !ok || s.norm < 1 || s.norm > 1<<40 {
		return nil, fault.Planf("aggregate %q: the norm is less than one, or more than 2^40, multiples of the resolution %s; change one of them", a.As, step)
	}
	for _, c := range a.Columns {
		s.inputs = append(s.inputs, b.input(&input{kind: totals, column: c, grid: s.grid}))
	}
	return s, nil
}

func (s *vectorSum) kind() string        { return "vector-sum" }
func (s *vectorSum) width() int          { return len(s.inputs) }
func (s *vectorSum) place(at int)        { s.at = at }
func (s *vectorSum) first() int          { return s.at }
func (s *vectorSum) unit() (grid, bool)  { return s.grid, true }
func (s *vectorSum) l2Squared() *big.Int { return mul(s.norm, s.norm).big() }

func (s *vectorSum) stdError(perSum float64) float64 { return perSum }

// sensitivity is ⌈√(d·norm²)⌉.
func (s *vectorSum) sensitivity() int64 {
	d := new(big.Int).Mul(s.l2Squared(), big.NewInt(int64(s.width())))
	root := new(big.Int).Sqrt(d)
	if new(big.Int).Mul(root, root).Cmp(d) < 0 {
		root.Add(root, big.NewInt(1))
	}
	return root.Int64()
}

func (s *vectorSum) fields() []arrow.Field {
	out := make([]arrow.Field, len(s.names))
	for i, n := range s.names {
		out[i] = arrow.Field{Name: s.as + "_" + n, Type: arrow.PrimitiveTypes.Float64}
	}
	return out
}

func (s *vectorSum) tally(r *run, t *tally) {
	totals, v := make([]int128, len(s.inputs)), make([]int64, len(s.inputs))
	for i, g := range r.group {
		for j, in := range s.inputs {
			if totals[j] = (int128{}); r.inputs[in].has[i] {
				totals[j] = r.inputs[in].total[i]
			}
		}
		s.shorten(totals, v)
		for j, x := range v {
			t.sum(g, s.at+j, mul(x, r.times(i)))
		}
	}
}

// shorten brings a vector to length at most norm: if it is longer, each entry is
// multiplied by norm/⌈length⌉ and rounded towards 0.
func (s *vectorSum) shorten(totals []int128, v []int64) {
	var square int128
	small := true
	for j, x := range totals {
		v[j] = x.clamp(-s.norm, s.norm)
		small = small && int128Of(v[j]) == x
		square = square.add(mul(v[j], v[j]))
	}
	if small && !mul(s.norm, s.norm).less(square) {
		return
	}
	sum := new(big.Int)
	for _, x := range totals {
		sum.Add(sum, new(big.Int).Mul(x.big(), x.big()))
	}
	length := sum.Sqrt(sum)
	length.Add(length, big.NewInt(1))
	for j, x := range totals {
		p := new(big.Int).Mul(x.big(), big.NewInt(s.norm))
		v[j] = p.Quo(p, length).Int64() // Quo rounds towards 0
	}
}

func (s *vectorSum) columns(sums [][]int128) []arrow.Array {
	out := make([]arrow.Array, len(sums))
	for j, xs := range sums {
		out[j] = floatColumn(len(xs), func(i int) float64 { return s.grid.value(xs[i]) })
	}
	return out
}

// floatColumn makes a column of n values.
func floatColumn(n int, at func(int) float64) arrow.Array {
	b := array.NewFloat64Builder(memory.DefaultAllocator)
	defer b.Release()
	b.Reserve(n)
	for i := range n {
		b.UnsafeAppend(at(i))
	}
	return b.NewArray()
}
