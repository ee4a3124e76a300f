package anon

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/internal/exact"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/report"
)

// ranged are the aggregates whose range may be chosen by noise; of count it is
// per-unit.
var ranged = []string{"sum", "mean", "variance", "stddev", "quantiles"}

// rangeShare is the part of an aggregate's budget that pays for its range.
const rangeShare = "0.1"

// decodeWithin reads {within: [low, high], share: 0.1} in place of a range.
func (a *Aggregate) decodeWithin(o *object) bool {
	n := o.find("range")
	if n == nil || n.kind != mapNode || !slices.Contains(ranged, a.Kind) {
		if n != nil && n.kind == scalarNode && n.text == "auto" && slices.Contains(ranged, a.Kind) {
			o.add(o.place("range"), "to have the range chosen by noise, state public limits for it: range: {within: [0, 1000000]}")
			return true
		}
		return false
	}
	w := o.object(n, o.place("range").key)
	defer w.done()
	if w.need("within", "state public limits within which the range is chosen, e.g. within: [0, 1000000]") {
		a.Lower, a.Upper = w.span("within")
	}
	a.decodeShare(w)
	return true
}

func (a *Aggregate) decodeShare(o *object) {
	if a.Auto = o.float("share", "(0", "(1"); !a.Auto.IsSet() {
		a.Auto, _ = parseNumber(rangeShare)
	}
}

// decodePerUnit reads per-unit, or {within: 1000, share: 0.1} in its place.
func (a *Aggregate) decodePerUnit(o *object) {
	n := o.find("per-unit")
	if n == nil || n.kind != mapNode || a.Kind != "count" {
		a.PerUnit = o.integer("per-unit", 0, 1, maxCount)
		return
	}
	w := o.object(n, o.place("per-unit").key)
	defer w.done()
	w.need("within", "state the public limit within which per-unit is chosen, e.g. within: 1000")
	a.PerUnit = w.integer("within", 2, 2, maxCount)
	a.decodeShare(w)
}

// choosesRanges reports whether ranges of a release are chosen by noise.
func (s *Statistics) choosesRanges() bool {
	return slices.ContainsFunc(s.Aggregates, func(a Aggregate) bool { return a.Auto.IsSet() })
}

// rangePrice is what the choice of all ranges costs: of the release's ε (or ρ)
// the share Σ w·s/Σ w, w being the weights of aggregates and of a count made for
// selection alone, and s the shares for ranges.
func (s *step) rangePrice() string {
	d := s.Statistics
	total, ranges := exact.Rat{}, exact.Rat{}
	for i := range d.Aggregates {
		a := &d.Aggregates[i]
		w := exact.Int(1)
		if f, _ := a.Weight.Float(); a.Weight.IsSet() {
			w, _ = exact.FromFloat(f)
		}
		total = total.Add(w)
		if f, _ := a.Auto.Float(); a.Auto.IsSet() {
			share, _ := exact.FromFloat(f)
			ranges = ranges.Add(w.Mul(share))
		}
	}
	if !slices.ContainsFunc(d.Aggregates, func(a Aggregate) bool { return a.Kind == "count-units" }) &&
		(d.MinUnits > 0 || d.Groups.Private() && len(d.GroupBy) > 0) {
		total = total.Add(exact.Int(1))
	}
	if f, _ := d.Diagnostics.Float(); d.Diagnostics.IsSet() {
		w, _ := exact.FromFloat(f)
		total = total.Add(w)
	}
	sign, loss := "ε", s.budget.Epsilon()
	if s.budget.IsZCDP() {
		sign, loss = "ρ", s.budget.Rho()
	}
	l, _ := exact.Parse(loss) // a budget's own text
	return sign + " = " + l.Mul(ranges).Quo(total).String()
}

// rangeText says in a claim where ranges come from, "" where all are stated.
func (s *step) rangeText() string {
	var names []string
	for _, a := range s.Statistics.Aggregates {
		if a.Auto.IsSet() {
			names = append(names, a.As)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("the bounds of %s were chosen by a differentially private mechanism at %s, which is part of the budget of this release", strings.Join(names, ", "), s.rangePrice())
}

// explainRanges says how ranges are chosen.
func (s *step) explainRanges(b *strings.Builder) {
	r := s.dp.Ranges()
	if r == nil {
		return
	}
	for i, f := range r.Figures() {
		within := fmt.Sprintf("[%s, %s]", decimal(f.Lower), decimal(f.Upper))
		line(b, map[bool]string{true: "ranges"}[i == 0], "%-16s chosen within %s among %d limits, discrete-laplace noise of scale %s", f.As, within, f.Candidates, f.Scale)
		line(b, "", "%-16s leaves about %d contributions outside at each chosen end; far fewer people than a multiple of that get too narrow a range", "", f.Outside)
	}
	line(b, "", "noise below is that of the outer limits; what is chosen lowers it")
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// addRanges fills in the ranges that were chosen.
func addRanges(st *report.Statistics, plan *dp.Plan) {
	chosen := plan.Chosen()
	for i, f := range plan.RangeFigures() {
		for j := range st.Aggregates {
			if a := &st.Aggregates[j]; a.As == f.As && i < len(chosen) {
				c := chosen[i]
				a.Range = &report.ChosenRange{Lower: c.Lower, Upper: c.Upper, PerUnit: c.PerUnit, Within: [2]float64{f.Lower, f.Upper}, Epsilon: f.Epsilon, Rho: f.Rho}
			}
		}
	}
}

// chosenRanges plans the second read with the ranges that a report states.
func (s *step) chosenRanges(plan *dp.Plan, st *report.Statistics) (*dp.Plan, error) {
	r := plan.Ranges()
	if r == nil {
		return plan, nil
	}
	var chosen []dp.ChosenRange
	for _, a := range st.Aggregates {
		if a.Range != nil {
			chosen = append(chosen, dp.ChosenRange{As: a.As, Lower: a.Range.Lower, Upper: a.Range.Upper, PerUnit: a.Range.PerUnit})
		}
	}
	p, err := r.With(chosen...)
	if err != nil {
		return nil, fault.Dataf("%s: the report states a range that can't have been chosen; release anew", s.Name)
	}
	return p, nil
}
