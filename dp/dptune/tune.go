// Package dptune helps to choose contribution bounds and ε before data are
// touched: from a synthetic or public sample it computes how large the errors
// of counts and sums would be, as figures and as a chart.
//
// A bound that is too low cuts off what people contribute, one that is too high
// makes noise large. Where the best lies depends on the data, and looking it up
// in the data themselves would tell about the person who sets the limit. So the
// sample must be public in its own right: made up, published before, or of
// people whom the release does not protect. Nothing in this package is private:
// its figures are those of the sample, exactly.
package dptune

import (
	"context"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/fault"
)

// Options are the choices to compare: every combination is a Point.
type Options struct {
	// MaxGroups are candidates for ContributionBounds.MaxGroups; none: the
	// query's.
	MaxGroups []int64
	// Limits are factors by which PerUnit of counts (rounded, at least 1) and
	// Lower and Upper of sums are multiplied; none: 1.
	Limits []float64
	// Epsilons are the budgets to compare, at least one, all with Delta.
	Epsilons []float64
	Delta    float64
	// Scale is how many times more units the real table has than the sample;
	// 0 is 1. What bounds cut off grows with it, noise does not.
	Scale float64
}

// A Point is the error of one aggregate under one choice.
type Point struct {
	As        string
	MaxGroups int64   // 0: RowsPerUnit alone bounds them
	Limit     float64 // PerUnit of a count; the larger of |Lower| and |Upper| of a sum
	Epsilon   float64
	// Noise is the standard error of the noise, exactly as the plan has it.
	Noise float64
	// Cut is what bounding and clamping took away or added: the root of the
	// mean, over the groups, of the squared change, times Scale.
	Cut float64
	// Bias is the mean of that change over the groups, times Scale: negative where
	// more is cut off than added. It is the clipping bias of a group's figure.
	Bias float64
	// Error is √(Noise² + Cut²), the root-mean-square error of a group.
	Error float64
	// Relative is Error divided by the mean of the absolute true values times
	// Scale.
	Relative float64
	// Released is the share of the groups that would be released, in the mean.
	Released float64
}

// A Tuning holds the Points in the order of aggregates, MaxGroups, limits and
// epsilons.
type Tuning struct {
	Points []Point
	Groups int64 // groups of the sample that were compared
}

// nothing is an ε at which Laplace noise is nothing, as the sample is public:
// with all bounds lifted its scale is 2⁵⁰ limits over ε, below a billionth of
// one. hidden is the δ that goes with it, where groups have to be found.
const (
	nothing = 1e24
	hidden  = 0.05
)

// without is a bound that no unit of a sample reaches.
const without = 1 << 24

// Tune computes the errors of the counts and sums of a query on a public
// sample; other aggregates take their share of the budget and are left out.
// Groups of a single unit in the sample are left out where groups are private.
//
// It reads the sample once for every MaxGroups and limit, and once more. The
// errors are of kind fault.Plan, or those of reading.
func Tune(ctx context.Context, public arrowio.Source, q *dp.Query, o Options) (*Tuning, error) {
	if len(o.Epsilons) == 0 {
		return nil, fault.Planf("tune: give at least one epsilon to compare")
	}
	scale := o.Scale
	if scale == 0 {
		scale = 1
	}
	if !(scale > 0) || math.IsInf(scale, 1) {
		return nil, fault.Planf("tune: scale is no positive number")
	}
	factors, groups := o.Limits, o.MaxGroups
	if len(factors) == 0 {
		factors = []float64{1}
	}
	if len(groups) == 0 {
		groups = []int64{q.Bounds.MaxGroups}
	}
	for _, f := range factors {
		if !(f > 0) || math.IsInf(f, 1) {
			return nil, fault.Planf("tune: limits are positive factors")
		}
	}
	q = withLimits(q)
	truth, err := plain(ctx, public, q, without, nil, nil)
	if err != nil {
		return nil, err
	}
	t := &Tuning{Groups: int64(len(truth.keys))}
	for _, most := range groups {
		for _, factor := range factors {
			bounded, err := plain(ctx, public, q, most, &factor, truth.keys)
			if err != nil {
				return nil, err
			}
			candidate := limited(q, most, factor)
			for _, epsilon := range o.Epsilons {
				p, err := dp.NewPlan(candidate, public.Schema(), dp.Approx(epsilon, o.Delta))
				if err != nil {
					return nil, err
				}
				t.add(p, candidate, most, epsilon, scale, truth, bounded)
			}
		}
	}
	order := map[string]int{}
	for i, a := range q.Aggregates {
		order[a.OutputName()] = i
	}
	slices.SortStableFunc(t.Points, func(a, b Point) int { return order[a.As] - order[b.As] })
	return t, nil
}

// add appends the points of one plan.
func (t *Tuning) add(p *dp.Plan, q *dp.Query, most int64, epsilon, scale float64, truth, bounded *figures) {
	released := 0.0
	for _, n := range bounded.units {
		released += p.ReleaseProbability(int64(n*scale)) / float64(len(bounded.units))
	}
	for i, f := range p.Figures() {
		limit, ok := limitOf(q.Aggregates[i])
		if !ok {
			continue
		}
		x := Point{As: f.As, MaxGroups: most, Limit: limit, Epsilon: epsilon, Noise: f.StdError, Released: released}
		size, n := 0.0, float64(len(truth.keys))
		for g, want := range truth.values[f.As] {
			d := (bounded.values[f.As][g] - want) * scale
			x.Cut += d * d / n
			x.Bias += d / n
			size += math.Abs(want) * scale / n
		}
		x.Cut = math.Sqrt(x.Cut)
		x.Error = math.Hypot(x.Noise, x.Cut)
		if size > 0 {
			x.Relative = x.Error / size
		}
		t.Points = append(t.Points, x)
	}
}

// Best is the point of least error for an aggregate and ε; false if there is
// none.
func (t *Tuning) Best(as string, epsilon float64) (best Point, ok bool) {
	for _, p := range t.Points {
		if p.As == as && p.Epsilon == epsilon && (!ok || p.Error < best.Error) {
			best, ok = p, true
		}
	}
	return best, ok
}

// limitOf is the limit of a count or sum.
func limitOf(a dp.Aggregate) (float64, bool) {
	switch a := a.(type) {
	case dp.Count:
		return float64(max(a.PerUnit, 1)), true
	case dp.Sum:
		return max(math.Abs(a.Lower), math.Abs(a.Upper)), true
	case dp.CountUnits:
		return 1, true
	}
	return 0, false
}

// withLimits is the query with a limit for each of its counts.
func withLimits(q *dp.Query) *dp.Query {
	c := *q
	c.Aggregates = slices.Clone(q.Aggregates)
	for i, a := range c.Aggregates {
		if a, ok := a.(dp.Count); ok && a.PerUnit == 0 {
			a.PerUnit = max(1, q.Bounds.RowsPerUnit)
			c.Aggregates[i] = a
		}
	}
	return &c
}

// limited is the query with other bounds.
func limited(q *dp.Query, most int64, factor float64) *dp.Query {
	c := *q
	c.Bounds.MaxGroups = most
	c.Aggregates = slices.Clone(q.Aggregates)
	for i, a := range c.Aggregates {
		switch a := a.(type) {
		case dp.Count:
			a.PerUnit = int64(max(1, math.Round(float64(max(a.PerUnit, 1))*factor)))
			c.Aggregates[i] = a
		case dp.Sum:
			a.Lower, a.Upper = a.Lower*factor, a.Upper*factor
			c.Aggregates[i] = a
		}
	}
	return &c
}

// figures are the values of the sample, group by group.
type figures struct {
	keys   [][]dp.GroupKey
	units  []float64
	values map[string][]float64
}

// plain computes the counts and sums of the sample under bounds, or without
// (factor nil), for the given groups (nil: those of the query, or all).
func plain(ctx context.Context, src arrowio.Source, q *dp.Query, most int64, factor *float64, keys [][]dp.GroupKey) (*figures, error) {
	widen := float64(without)
	if factor != nil {
		widen = *factor
	}
	c := limited(q, most, widen)
	c.Confidence, c.MinUnits, c.Noise, c.Backend, c.Progress, c.Diagnostics = 0, 0, dp.NoiseLaplace, nil, nil, 0
	if factor == nil {
		c.Bounds.RowsPerUnit = 0
	}
	var names []string
	var aggregates []dp.Aggregate
	for i, a := range c.Aggregates {
		if _, ok := limitOf(a); !ok {
			continue
		}
		switch s := a.(type) { // the limits at hand, not chosen ones
		case dp.Count:
			s.Auto = 0
			a = s
		case dp.Sum:
			s.Auto = 0
			a = s
		}
		if s, ok := a.(dp.Sum); ok && factor == nil && s.Resolution == 0 {
			// Rows at the precision that the query's own range would give.
			limit, _ := limitOf(q.Aggregates[i])
			s.Resolution = math.Ldexp(1, math.Ilogb(limit)-30)
			a = s
		}
		names, aggregates = append(names, a.OutputName()), append(aggregates, a)
	}
	if len(names) == 0 {
		return nil, fault.Planf("tune: the query has no count and no sum")
	}
	unit := "units"
	for slices.Contains(names, unit) || slices.Contains(c.GroupBy, unit) {
		unit += "_"
	}
	c.Aggregates = append(aggregates, dp.CountUnits{As: unit})
	if keys != nil && len(c.GroupBy) > 0 {
		c.PublicGroups = keys
	}
	budget := dp.Approx(nothing, hidden)
	rel, err := dp.Run(ctx, src, c, dp.NewAccountant(budget), budget)
	if err != nil {
		return nil, err
	}
	out := &figures{values: map[string][]float64{}}
	rec := rel.Record()
	for row := range int(rec.NumRows()) {
		key := make([]dp.GroupKey, len(c.GroupBy))
		for i := range key {
			if col := rec.Column(i); col.IsNull(row) {
				key[i].Null = true
			} else {
				key[i].Text = code.Text(col, row)
			}
		}
		out.keys = append(out.keys, key)
	}
	for i, name := range names {
		out.values[name] = numbers(rec.Column(len(c.GroupBy) + i))
	}
	out.units = numbers(rec.Column(len(c.GroupBy) + len(names)))
	return out, nil
}

func numbers(col arrow.Array) []float64 {
	if f, ok := col.(*array.Float64); ok {
		return slices.Clone(f.Float64Values())
	}
	var out []float64
	for _, x := range col.(*array.Int64).Int64Values() {
		out = append(out, float64(x))
	}
	return out
}
