package anon

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/report"
)

// decodeDiagnostics reads diagnostics: {weight: 0.1}, what is paid for noised
// shares of the people that bounds cut.
func (s *Statistics) decodeDiagnostics(o *object) {
	s.diagnosticsAt = o.place("diagnostics")
	n := o.find("diagnostics")
	if n == nil {
		return
	}
	d := o.object(n, s.diagnosticsAt.key)
	defer d.done()
	d.need("weight", "say what share of the budget this may cost, beside the weights of the aggregates, e.g. weight: 0.1")
	s.Diagnostics = d.float("weight", "(0", "1e6")
}

// price writes an amount of ε or ρ.
func price(epsilon, rho string) string {
	if rho != "" {
		return "ρ = " + rho
	}
	return "ε = " + epsilon
}

// explainCuts says how cut people are counted, and what a cut does to figures.
func (s *step) explainCuts(b *strings.Builder) {
	if f := s.dp.CutFigures(); f != nil {
		line(b, "cuts", "shares of units cut by %s: discrete-laplace noise of scale %s, at %s", strings.Join(f.Bounds, ", "), f.Scale, price(f.Epsilon, f.Rho))
	}
	first := true
	for i := range s.Statistics.Aggregates {
		if text := s.clipping(&s.Statistics.Aggregates[i]); text != "" {
			line(b, map[bool]string{true: "clipping"}[first], "%-16s %s", s.Statistics.Aggregates[i].As, text)
			first = false
		}
	}
}

// clipping is the bias of an aggregate for each unit that its limits cut, as far
// as the policy tells: how many are cut is a fact about the data.
func (s *step) clipping(a *Aggregate) string {
	i := slices.IndexFunc(s.Statistics.Aggregates, func(x Aggregate) bool { return x.As == a.As })
	switch a.Kind {
	case "count":
		most := s.query.Aggregates[i].(dp.Count).PerUnit
		if s.policyUnitIsRow() {
			return ""
		}
		if a.Auto.IsSet() {
			return fmt.Sprintf("too low by the rows beyond the limit chosen, at most %d for each unit of at most %d rows in a group", most-1, most)
		}
		limit := max(most, 1)
		if most == 0 && s.Statistics.Bounds.RowsPerUnit > 0 {
			limit = s.Statistics.Bounds.RowsPerUnit
		}
		return fmt.Sprintf("too low by the rows beyond %d of each unit in a group; never too high but for noise", limit)
	case "sum":
		lo, hi := a.Lower, a.Upper
		if a.Auto.IsSet() {
			width, _ := hi.Float()
			low, _ := lo.Float()
			return fmt.Sprintf("off by the distance of a unit's total from the range chosen, below %s for each total within [%s, %s]", decimal(width-low), lo, hi)
		}
		text := fmt.Sprintf("off by the distance of each unit's total in a group from [%s, %s]", lo, hi)
		if lo.rat.Sign() >= 0 {
			text += "; never too high but for noise, if no total is below"
		}
		return text
	case "mean", "variance", "stddev", "quantiles", "min", "max":
		if a.Auto.IsSet() {
			return fmt.Sprintf("as if values outside of the range chosen within [%s, %s] were its nearest end", a.Lower, a.Upper)
		}
		return fmt.Sprintf("as if values outside of [%s, %s] were its nearest end", a.Lower, a.Upper)
	}
	return ""
}

func (s *step) policyUnitIsRow() bool { return s.query.UnitIsRow }

// cutText is the claim about shares of cut people, "" without them.
func (s *step) cutText() string {
	if !s.Statistics.Diagnostics.IsSet() {
		return ""
	}
	return "the report's shares of people that bounds cut are noised, and paid for by a part of this release's budget"
}

// addCuts takes up the shares that were released.
func addCuts(st *report.Statistics, rel *dp.Release) {
	for _, c := range rel.Cuts() {
		st.Cuts = append(st.Cuts, report.Cut{Bound: c.Bound, Share: c.Share, Low: c.Low, High: c.High, UnitsAtMost: c.Units, OffAtMost: c.Off})
	}
}

// checkCuts checks that shares of cut people are reported where the policy asks,
// of the bounds that it has.
func (v *verifier) checkCuts(s *step, st *report.Statistics) error {
	f := s.dp.CutFigures()
	if f == nil && st.Cuts == nil {
		return nil
	}
	var have []string
	for _, c := range st.Cuts {
		have = append(have, c.Bound)
		if !(0 <= c.Low && c.Low <= c.Share && c.Share <= c.High && c.High <= 1) || c.UnitsAtMost < 0 || c.OffAtMost < 0 {
			return fault.Dataf("%s: a reported share of cut people is no share; release anew", s.Name)
		}
	}
	if f == nil || !slices.Equal(have, f.Bounds) {
		return fault.Dataf("%s: the report's shares of cut people are not those that the policy asks for; release anew", s.Name)
	}
	v.note(s.Name, "output", "", "shares of cut people are reported for the bounds of the policy")
	return nil
}
