package dp

import (
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/internal/exact"
	"github.com/oboro-data/oboro/internal/fault"
)

// A ranged aggregate can have its range chosen by noise: Auto is the share of
// its budget that pays for it, 0 where the range is given.
type ranged interface {
	Aggregate
	auto() float64
	// within is the aggregate of that weight with a range that is given.
	within(c ChosenRange, weight float64) Aggregate
	// outer are the public limits within which the range is chosen.
	outer() ChosenRange
	// choice binds the choice of the range.
	choice(b *binder) (*rangeChoice, error)
}

// A ChosenRange is a range that was chosen by noise. It may be published.
type ChosenRange struct {
	As           string  // the aggregate
	Lower, Upper float64 // of Sum, Mean, Variance, StdDev and Quantiles
	PerUnit      int64   // of Count
}

// A RangePlan is the first of two reads of a plan in which ranges are chosen by
// noise. Its accumulators hold the bounded contributions of units, as those of
// any plan do: the same groups and rows per unit as the second read allows. What
// a partial state keeps of them is exact, so batching, order and merging change
// nothing; the choice is made once, by Choose, from a histogram of all of them.
type RangePlan struct {
	plan   *Plan // columns, layout and statistics; no noise of its own
	price  Budget
	cuts   Budget // of diagnostics, at the second read
	rest   Budget
	query  Query // of the second read, but for the ranges
	schema *arrow.Schema
	weight []float64 // of the second read's aggregates
}

// divided divides the budget of a query between its aggregates, the choice of
// their ranges and diagnostics, and plans the reads. p is the query planned as if
// its outer limits were its ranges, with all of the budget.
//
// An aggregate of weight w and share s spends w·s of Σw on its range and
// w·(1-s) on itself; other aggregates, and a count that is made for selection,
// get what they would get without. All of δ belongs to the second read. The two
// reads compose: the second is planned after the result of the first, which the
// addition of ε and δ, and of ρ, allows (see Accountant).
func (p *Plan) divided(q *Query, schema *arrow.Schema) (*Plan, error) {
	r := &RangePlan{query: *q, schema: schema, weight: make([]float64, len(q.Aggregates))}
	r.query.Aggregates = slices.Clone(q.Aggregates)
	total, first := exact.Rat{}, exact.Rat{}
	spent := make([]exact.Rat, len(q.Aggregates))
	for i, n := range p.needs {
		w := exact.Int(1)
		if n.Weight != 0 {
			w, _ = exact.FromFloat(n.Weight) // checked before
		}
		total = total.Add(w)
		if i >= len(q.Aggregates) {
			continue
		}
		if a, ok := q.Aggregates[i].(ranged); ok && a.auto() != 0 {
			share, ok := exact.FromFloat(a.auto())
			if !ok || share.Sign() <= 0 || !share.Less(exact.Int(1)) {
				return nil, fault.Planf("aggregate %q: the share that pays for the range must be between 0 and 1, such as 0.1", a.OutputName())
			}
			spent[i] = w.Mul(share)
			first, w = first.Add(spent[i]), w.Sub(spent[i])
		}
		r.weight[i] = w.Float()
	}
	diagnostics, ok := exact.FromFloat(q.Diagnostics)
	if !ok || diagnostics.Sign() < 0 {
		return nil, fault.Planf("diagnostics: the weight must be a number greater than 0, such as 0.1")
	}
	total = total.Add(diagnostics)
	b := p.budget
	part := func(of exact.Rat) Budget { return Budget{zcdp: b.zcdp, loss: b.loss.Mul(of).Quo(total)} }
	r.price, r.cuts, r.rest = part(first), part(diagnostics), b
	r.rest.loss = b.loss.Sub(r.price.loss).Sub(r.cuts.loss)
	main, err := r.with(nil)
	if err != nil || first.Sign() == 0 {
		return main, err
	}
	r.plan = &Plan{query: *q, budget: r.price, layout: &layout{unitIsRow: q.UnitIsRow}, selector: -1}
	bind := &binder{plan: r.plan, schema: schema}
	for _, check := range []func() error{bind.unit, bind.keys, bind.public} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	r.plan.fewerGroups()
	for i, a := range q.Aggregates {
		a, ok := a.(ranged)
		if !ok || a.auto() == 0 {
			continue
		}
		c, err := a.choice(bind)
		if err != nil {
			return nil, err
		}
		c.as, c.budget = a.OutputName(), part(spent[i])
		if err := c.calibrate(main, i); err != nil {
			return nil, err
		}
		c.list(len(r.plan.statistics))
		r.plan.statistics = append(r.plan.statistics, c)
	}
	if err := bind.finish(); err != nil {
		return nil, err
	}
	r.plan.digest = r.plan.fingerprint(schema)
	main.first = r
	return main, nil
}

// with plans the second read, with outer limits for ranges that are not given.
func (r *RangePlan) with(chosen []ChosenRange) (*Plan, error) {
	q := r.query
	q.Aggregates = slices.Clone(r.query.Aggregates)
	for i, a := range q.Aggregates {
		a, ok := a.(ranged)
		if !ok || a.auto() == 0 {
			continue // of the weight that it has
		}
		c := a.outer()
		if j := slices.IndexFunc(chosen, func(c ChosenRange) bool { return c.As == a.OutputName() }); j >= 0 {
			c = chosen[j]
		}
		q.Aggregates[i] = a.within(c, r.weight[i])
	}
	p, err := newPlan(&q, r.schema, r.rest)
	if err == nil && r.cuts.loss.Sign() > 0 {
		err = p.addCuts(r.cuts)
	}
	return p, err
}

// hasRanges reports whether ranges of a query are chosen by noise.
func hasRanges(aggregates []Aggregate) bool {
	return slices.ContainsFunc(aggregates, func(a Aggregate) bool {
		r, ok := a.(ranged)
		return ok && r.auto() != 0
	})
}

// Ranges is the plan of the first read, nil where all ranges are given or were
// chosen already.
func (p *Plan) Ranges() *RangePlan { return p.first }

// Chosen are the ranges that were chosen for this plan by noise, in the order of
// RangeFigures.
func (p *Plan) Chosen() []ChosenRange { return slices.Clone(p.chosen) }

// RangeFigures say how the ranges of this plan are chosen, or were; nil where
// all are given.
func (p *Plan) RangeFigures() []RangeFigures {
	var out []RangeFigures
	for _, s := range p.rangeChoices() {
		out = append(out, s.figures())
	}
	return out
}

// rangeChoices are the choices of the ranges of this plan, still to be made or
// made.
func (p *Plan) rangeChoices() []*rangeChoice {
	r := p.first
	if r == nil {
		r = p.from
	}
	if r == nil {
		return nil
	}
	var out []*rangeChoice
	for _, s := range r.plan.statistics {
		out = append(out, s.(*rangeChoice))
	}
	return out
}

// Price is what the choice of the ranges costs: part of the whole plan's price.
func (r *RangePlan) Price() Budget { return r.price }

// Columns are the columns that the first read needs, in order.
func (r *RangePlan) Columns() []string { return r.plan.Columns() }

// NewAccumulator makes an empty accumulator of the first read. Its key is for
// this read alone; the second has one of its own.
func (r *RangePlan) NewAccumulator(key *Key) (*Accumulator, error) {
	return newAccumulator(r.plan, key)
}

// Choose takes the price of the ranges from the accountant, merges the
// accumulators, chooses the ranges and returns the plan of the second read,
// whose price is the rest. The accumulators can't be used again.
func (r *RangePlan) Choose(acct *Accountant, name string, parts ...*Accumulator) (*Plan, error) {
	all, err := r.plan.gather(acct, name, r.price, parts)
	if err != nil {
		return nil, err
	}
	return r.choose(all)
}

func (r *RangePlan) choose(a *Accumulator) (*Plan, error) {
	a.used = true
	defer a.empty()
	t, err := a.tally(r.plan.query.Workers)
	if err != nil {
		return nil, err
	}
	var chosen []ChosenRange
	for i, s := range r.plan.statistics {
		c, err := s.(*rangeChoice).choose(t.lists[i])
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, c)
	}
	return r.With(chosen...)
}

// With is the plan of the second read with ranges that were chosen elsewhere,
// by Choose on the machine of the coordinator. It refuses ranges that Choose
// can't have made, with an error of kind fault.Plan.
func (r *RangePlan) With(chosen ...ChosenRange) (*Plan, error) {
	for _, s := range r.plan.statistics {
		s := s.(*rangeChoice)
		i := slices.IndexFunc(chosen, func(c ChosenRange) bool { return c.As == s.as })
		if i < 0 || !s.possible(chosen[i]) {
			return nil, fault.Planf("aggregate %q: a range was not among those that can be chosen", s.as)
		}
	}
	if len(chosen) != len(r.plan.statistics) {
		return nil, fault.Planf("ranges are given for other aggregates than those whose ranges are chosen")
	}
	p, err := r.with(chosen)
	if err != nil {
		return nil, err
	}
	p.from = r
	for _, s := range p.rangeChoices() {
		i := slices.IndexFunc(chosen, func(c ChosenRange) bool { return c.As == s.as })
		p.chosen = append(p.chosen, chosen[i])
	}
	return p, nil
}

// RangeFigures say how the range of one aggregate is chosen. They follow from
// the plan alone and may be published.
type RangeFigures struct {
	As           string
	Lower, Upper float64 // the public outer limits; of a count, 1 and PerUnit
	Candidates   int     // limits among which one is chosen, or two
	Scale        string  // of the discrete Laplace noise, in contributions of units
	// Outside is about the number of contributions (values of kept rows, or
	// totals and row counts of a unit in a group) that lie outside of each
	// chosen limit. A table with fewer than some multiple of it gets a range
	// that is too narrow.
	Outside      int64
	Epsilon, Rho string // the price
}

// Figures returns how the ranges are chosen, in the order of the query.
func (r *RangePlan) Figures() []RangeFigures { return (&Plan{first: r}).RangeFigures() }

var errRanges = fault.Planf("ranges of this plan are chosen by noise first: read the rows twice, once for Plan.Ranges and once for the plan that its Choose returns")

// text explains the choice in a plan.
func (f RangeFigures) text() string {
	return fmt.Sprintf("%s: range chosen within [%g, %g] among %d limits, discrete-laplace of scale %s, about %d contributions outside", f.As, f.Lower, f.Upper, f.Candidates, f.Scale, f.Outside)
}
