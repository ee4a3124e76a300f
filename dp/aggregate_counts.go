package dp

import (
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/internal/exact"
	"github.com/oboro-data/oboro/internal/fault"
)

// oneSum is what statistics of one sum and one column share.
type oneSum struct {
	as string
	at int
}

func (s *oneSum) width() int                      { return 1 }
func (s *oneSum) first() int                      { return s.at }
func (s *oneSum) place(at int)                    { s.at = at }
func (s *oneSum) stdError(perSum float64) float64 { return perSum }

func (s *oneSum) fields() []arrow.Field {
	return []arrow.Field{{Name: s.as, Type: arrow.PrimitiveTypes.Int64}}
}

func (s *oneSum) columns(sums [][]int128) []arrow.Array { return []arrow.Array{countColumn(sums[0])} }

func (s *oneSum) unit() (grid, bool) { return newGrid(exact.Int(1)), true }

// countColumn is a column of whole numbers, clamped to the range of int64.
// Negative ones stay: clamping them would bias what is added up from them.
func countColumn(sums []int128) arrow.Array {
	b := array.NewInt64Builder(memory.DefaultAllocator)
	b.Reserve(len(sums))
	for _, x := range sums {
		b.UnsafeAppend(x.clamp(math.MinInt64, math.MaxInt64))
	}
	return b.NewArray()
}

// countUnits adds 1 for every unit. Sensitivity 1.
type countUnits struct{ oneSum }

func (a CountUnits) bind(b *binder) (statistic, error) {
	return &countUnits{oneSum{as: a.As}}, nil
}

func (s *countUnits) kind() string       { return "count-units" }
func (s *countUnits) sensitivity() int64 { return 1 }

func (s *countUnits) tally(r *run, t *tally) {
	if r.units != nil {
		t.sums[s.at].addAll(r.group, r.units)
		return
	}
	ones := t.scratch(r.len())
	for i := range ones {
		ones[i] = 1
	}
	t.sums[s.at].addAll(r.group, ones)
}

// count adds the rows of every unit, at most perUnit. Sensitivity perUnit.
type count struct {
	oneSum
	perUnit int64
}

func (a Count) bind(b *binder) (statistic, error) {
	if err := checkPerUnit(a.As, a.PerUnit); err != nil {
		return nil, err
	}
	return &count{oneSum{as: a.As}, b.perUnit(a.PerUnit)}, nil
}

// checkPerUnit refuses bounds of a count that are out of range.
func checkPerUnit(as string, n int64) error {
	if n < 0 || n > maxStep {
		return fault.Planf("aggregate %q: per-unit must be between 1 and 2^62", as)
	}
	return nil
}

func (s *count) kind() string       { return "count" }
func (s *count) sensitivity() int64 { return s.perUnit }
func (s *count) seen() int64        { return s.perUnit }

func (s *count) tally(r *run, t *tally) {
	if r.units != nil { // one row each
		t.sums[s.at].addAll(r.group, r.units)
		return
	}
	xs := t.scratch(r.len())
	for i, n := range r.rows {
		xs[i] = min(n, s.perUnit)
	}
	t.sums[s.at].addAll(r.group, xs)
}

// sum adds the total of every unit, clamped to lower … upper steps. A unit
// without a value adds nothing. Sensitivity max(|lower|, |upper|).
type sum struct {
	oneSum
	grid         grid
	lower, upper int64
	input        int
}

// sumSteps is the number of steps, as a power of two, into which the larger
// limit of a float sum is divided at least. Rounding then errs by at most 2⁻³³
// of the limit for each row.
const sumSteps = 32

func (a Sum) bind(b *binder) (statistic, error) {
	dt, err := b.numericColumn(a.As, a.Column)
	if err != nil {
		return nil, err
	}
	lower, upper, err := b.limits(a.As, a.Lower, a.Upper)
	if err != nil {
		return nil, err
	}
	step, err := b.resolution(a.As, a.Resolution)
	if err != nil {
		return nil, err
	}
	if step.Sign() == 0 {
		var natural bool
		if step, natural = naturalStep(dt); !natural {
			step = powerOfTwoStep(exact.Max(lower.Neg(), upper), sumSteps)
		}
	}
	s := &sum{oneSum: oneSum{as: a.As}, grid: newGrid(step)}
	var ok bool
	if s.lower, s.upper, ok = s.grid.between(lower, upper); !ok || s.sensitivity() == 0 {
		return nil, fault.Planf("aggregate %q: range [%s, %s] holds no usable number of multiples of the resolution %s; widen the range or change resolution", a.As, lower, upper, step)
	}
	s.input = b.input(&input{kind: totals, column: a.Column, grid: s.grid})
	return s, nil
}

// powerOfTwoStep is the greatest power of two that is at most limit/2ⁿ.
func powerOfTwoStep(limit exact.Rat, n int) exact.Rat {
	_, e := math.Frexp(limit.FloatDown()) // limit = f·2^e, 1/2 ≤ f < 1
	step, _ := exact.FromBinary(math.Ldexp(1, max(e-1-n, -1022)))
	return step
}

func (s *sum) kind() string       { return "sum" }
func (s *sum) sensitivity() int64 { return max(s.upper, -s.lower) }
func (s *sum) unit() (grid, bool) { return s.grid, true }

func (s *sum) fields() []arrow.Field {
	return []arrow.Field{{Name: s.as, Type: arrow.PrimitiveTypes.Float64}}
}

func (s *sum) tally(r *run, t *tally) {
	in := &r.inputs[s.input]
	if r.units != nil {
		for i, g := range r.group {
			if in.has[i] {
				t.sum(g, s.at, mul(in.total[i].clamp(s.lower, s.upper), r.units[i]))
			}
		}
		return
	}
	xs := t.scratch(r.len())
	for i, total := range in.total {
		x := total.clamp(s.lower, s.upper)
		if !in.has[i] {
			x = 0
		}
		xs[i] = x
	}
	t.sums[s.at].addAll(r.group, xs)
}

func (s *sum) columns(sums [][]int128) []arrow.Array {
	b := array.NewFloat64Builder(memory.DefaultAllocator)
	b.Reserve(len(sums[0]))
	for _, x := range sums[0] {
		b.UnsafeAppend(s.grid.value(x))
	}
	return []arrow.Array{b.NewArray()}
}
