package anon

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/kanon"
)

// String explains the plan: for each release what will be done, what will be
// claimed and what is spent, and the sum against the cap.
func (p *Plan) String() string {
	var b strings.Builder
	title := p.policy.Title
	if title == "" {
		title = p.policy.file
	}
	fmt.Fprintf(&b, "%s\n", title)
	if p.policy.UnitIsRow {
		b.WriteString("unit      every row is one person\n")
	} else {
		fmt.Fprintf(&b, "unit      %s: all rows of one %s count as one person\n", p.policy.Unit, p.policy.Unit)
	}
	if u := p.policy.Person; u != nil && u.People != nil {
		fmt.Fprintf(&b, "people    %s says whose each %s is, and is personal data itself; one that it lacks counts as a person\n", u.People.Path, u.Columns[0])
	}
	if p.schema == nil {
		b.WriteString("input     not looked at: types are those of the policy\n")
	} else {
		fmt.Fprintf(&b, "input     %d columns\n", p.schema.NumFields())
	}
	for _, s := range p.steps {
		if s.Microdata != nil {
			p.explainMicrodata(&b, s)
		} else {
			p.explainStatistics(&b, s)
		}
	}
	p.explainTotal(&b)
	for _, w := range p.warnings {
		fmt.Fprintf(&b, "note      %s\n", w)
	}
	return b.String()
}

func line(b *strings.Builder, key, format string, args ...any) {
	fmt.Fprintf(b, "  %-10s%s\n", key, fmt.Sprintf(format, args...))
}

func (p *Plan) explainMicrodata(b *strings.Builder, s *step) {
	m := s.Microdata
	fmt.Fprintf(b, "\n%s: anonymised rows\n", s.Name)
	line(b, "basis", "%s", m.Basis)
	for _, name := range s.columns {
		c := p.policy.Column(name)
		what := string(c.Role) + ", unchanged"
		if c.Role == QuasiIdentifier {
			what = "generalised: " + strings.Join(c.levelNames(), " > ")
			if m.Search == "mdav" {
				what = m.centre(name)
			}
			if level, fixed := m.Levels[name]; fixed {
				n, _ := c.levelNumber(level)
				what = "fixed at level " + c.levelNames()[n]
			}
		}
		line(b, "column", "%-16s %s", name, what)
	}
	if m.Sample.IsSet() {
		line(b, "sample", "each person is in it with probability %s", m.Sample)
	}
	for _, c := range p.rowClaims(s) {
		line(b, "claim", "%s", c.Text)
	}
	limit := "none"
	if m.SuppressionLimit.IsSet() && m.SuppressionLimit.rat.Sign() > 0 {
		limit = "at most a share of " + m.SuppressionLimit.text + " of the rows"
	}
	line(b, "dropped", "%s", limit)
	search := m.Search + " search for the least " + m.Cost.Metric
	if m.Search == "anytime" {
		search += " within " + m.Deadline.String()
	}
	if m.Search == "mdav" {
		line(b, "search", "mdav: groups of near rows, each of which gets the same values")
	} else {
		line(b, "search", "%s, %s recoding", search, m.Recode)
	}
	if m.Recode == "cells" {
		line(b, "", "rows that would be dropped leave with as few cells as possible replaced by *")
	}
	line(b, "missing", "%s", map[kanon.Nulls]string{
		kanon.NullIsValue: "a missing quasi-identifier is a category of its own", kanon.NullIsWildcard: "a missing quasi-identifier is compatible with every value", kanon.NullRejected: "a missing quasi-identifier is refused",
	}[p.policy.Nulls])
	line(b, "row order", "%s", map[string]string{"shuffled": "grouped by class, random inside a class", "input": "that of the input"}[m.RowOrder])
}

func (p *Plan) explainStatistics(b *strings.Builder, s *step) {
	d := s.Statistics
	fmt.Fprintf(b, "\n%s: statistics by differential privacy\n", s.Name)
	var by []string
	for _, g := range d.GroupBy {
		name := g.Column
		if g.Level != "" {
			name += " at level " + g.Level
		}
		by = append(by, name)
	}
	switch {
	case len(by) == 0:
		line(b, "groups", "one, of everything")
	case d.Groups.Private():
		line(b, "groups", "by %s; selected by noise", strings.Join(by, ", "))
	default:
		line(b, "groups", "by %s; %d public ones", strings.Join(by, ", "), len(s.query.PublicGroups))
	}
	seen := slices.ContainsFunc(d.Aggregates, func(a Aggregate) bool { return slices.Contains(seesRows, a.Kind) })
	for i, text := range d.Bounds.explain(d, seen) {
		line(b, map[bool]string{true: "bounds"}[i == 0], "%s", text)
	}
	if c := d.UnitCell; c != nil {
		line(b, "unit", "%s: each such cell of time counts and is bounded by itself", p.policy.unitOf(d))
	}
	p.explainTypes(b, s)
	s.explainRanges(b)
	s.explainNoise(b)
	s.explainCuts(b)
	p.explainIntervals(b, s)
	line(b, "spends", "%s", s.budget)
	for _, c := range p.statisticsClaims(s) {
		line(b, "claim", "%s", c.Text)
	}
}

// seesRows are the aggregates over kept rows.
var seesRows = []string{"mean", "variance", "stddev", "min", "max", "quantiles", "histogram"}

func (p *Plan) explainTotal(b *strings.Builder) {
	if p.total.IsZero() {
		return
	}
	fmt.Fprintf(b, "\ntotal     %s over all statistics, by adding up; a further run on the same people adds again\n", p.total)
	if p.policy.Budget != nil {
		fmt.Fprintf(b, "cap       %s\n", p.cap)
	}
	if epsilon, delta, ok := p.Together(); ok {
		digits := math.Pow(10, 3-math.Floor(math.Log10(epsilon)))
		fmt.Fprintf(b, "together  ε ≤ %.4g at δ = %.4g, by their privacy-loss distributions\n", math.Ceil(epsilon*digits)/digits, delta)
	}
}

// Together is a bound on what all statistics of the policy cost together that
// is closer than their sum: (epsilon, delta)-differential privacy, computed from
// the privacy-loss distributions of all noise and rounded up, at the δ of the
// cap, or at twice that where selection alone uses it up. ok is false where it says
// no more than the sum does, and where the noise is not certain before the
// input's schema is known.
func (p *Plan) Together() (epsilon, delta float64, ok bool) {
	var c dp.Composition
	for _, s := range p.steps {
		if s.Statistics == nil {
			continue
		}
		if s.dp == nil || p.schema == nil && !s.certain {
			return 0, 0, false
		}
		c.AddPlan(s.dp)
	}
	delta, err := strconv.ParseFloat(p.cap.Delta(), 64)
	if err != nil || delta <= 0 {
		return 0, 0, false
	}
	if epsilon, err = c.Epsilon(math.Nextafter(delta, 0)); err == nil && math.IsInf(epsilon, 1) {
		delta *= 2
		epsilon, err = c.Epsilon(math.Nextafter(delta, 0))
	}
	if err != nil || math.IsInf(epsilon, 1) {
		return 0, 0, false
	}
	if p.total.IsZCDP() {
		return epsilon, delta, true
	}
	sum, err := strconv.ParseFloat(p.total.Epsilon(), 64)
	return epsilon, delta, err == nil && epsilon < 0.999*sum
}

// explainNoise says what noise each aggregate gets, and which groups pass.
func (s *step) explainNoise(b *strings.Builder) {
	for _, f := range s.dp.Figures() {
		noise := fmt.Sprintf("%-16s %s, %s noise of scale %s", f.As, f.Kind, f.Mechanism, f.Scale)
		if f.StdError > 0 {
			noise += fmt.Sprintf(", standard error %.4g", f.StdError)
		}
		for i, rows := range errorRows {
			if e, ok := f.StdErrorAt(rows); ok && f.ErrorTimesRows > 0 {
				noise += fmt.Sprintf("%s %.3g at %d rows", []string{", standard error at most", ","}[min(i, 1)], e, rows)
			}
		}
		if f.NoError != "" {
			noise += "; no standard error: " + f.NoError
		}
		line(b, "column", "%s", noise)
	}
	sel := s.dp.Selection()
	if sel == nil {
		return
	}
	from := "that " + sel.Aggregate + " releases"
	if sel.Aggregate == "" {
		from = "made for this alone"
	}
	line(b, "released", "groups whose noised number of units, %s, is at least %d", from, sel.Threshold)
	likely := []string{}
	for _, n := range []int64{sel.Threshold / 2, sel.Threshold, 2 * sel.Threshold} {
		likely = append(likely, fmt.Sprintf("%d units: %.3g", n, s.dp.ReleaseProbability(n)))
	}
	line(b, "", "probability of release by true size: %s", strings.Join(likely, ", "))
}
