package anon

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/kanon"
	"github.com/oboro-data/oboro/report"
)

// Micro-aggregation (search: mdav), cell suppression (recode: cells) and
// samples of people, as a policy asks for them.

var centreWords = []string{"mean", "median", "mode", "interval"}

// decodeCentres reads what micro-aggregation writes for each column.
func (m *Microdata) decodeCentres(o *object) {
	m.centresAt = o.place("centres")
	n := o.find("centres")
	if n == nil {
		return
	}
	if m.Search != "mdav" {
		o.add(m.centresAt, "centres are for search: mdav; remove them or write search: mdav")
	}
	c := o.object(n, m.centresAt.key)
	m.Centres = map[string]string{}
	for _, e := range c.node.entries {
		m.Centres[e.key] = c.choice(e.key, centreWords...)
	}
}

// decodeSample reads the share of people that the table is made of.
func (m *Microdata) decodeSample(o *object) {
	m.sampleAt = o.place("sample")
	m.Sample = o.float("sample", "(0", "1")
}

// checkMore refuses what these ways of making a table can't do.
func (p *Plan) checkMore(probs *problems, d *Declaration, released map[string]bool) {
	m := d.Microdata
	for _, name := range sortedKeys(m.Centres) {
		at := place{m.centresAt.line, join(m.centresAt.key, name)}
		if c := p.declared(probs, at, name); c != nil && (c.Role != QuasiIdentifier || c.Set != nil || !released[name]) {
			probs.add(at, "column %s is no quasi-identifier of this release; centres are for those", quote(name))
		}
	}
	if m.Search == "mdav" {
		switch {
		case len(m.Levels) > 0:
			probs.add(m.levelsAt, "search: mdav replaces values by those of a group, and has no levels; remove levels, or use search: optimal")
		case m.costGiven:
			probs.add(m.Cost.at, "search: mdav keeps groups of near rows together and takes no cost; remove cost, or use search: optimal")
		case m.SuppressionLimit.IsSet() && m.SuppressionLimit.rat.Sign() > 0:
			probs.add(m.limitAt, "search: mdav drops no row; remove suppression-limit, or use search: optimal")
		}
	}
	if m.Sample.IsSet() && slices.ContainsFunc(m.Models, func(x Model) bool { return x.Kind == "delta-presence" }) {
		probs.add(m.sampleAt, "delta-presence is about who is in the subset, which a sample would change; remove sample, or give the sample as subset")
	}
}

// placeOfRows finds the part of the policy that an error of package kanon is
// about.
func (s *step) placeOfRows(err error) place {
	if err == nil {
		return s.at
	}
	m, text := s.Microdata, err.Error()
	for name := range m.Centres {
		if strings.HasPrefix(text, "column "+strconv.Quote(name)) {
			return place{m.centresAt.line, join(m.centresAt.key, name)}
		}
	}
	switch {
	case strings.HasPrefix(text, "recode:") || strings.Contains(text, "choose recode:"):
		return m.recodeAt
	case strings.HasPrefix(text, "search:") || strings.Contains(text, "choose search:"):
		return m.searchAt
	}
	return s.at
}

// recodingKind is the kind of recoding that the policy asks for.
func (m *Microdata) recodingKind() string {
	if m.Search == "mondrian" || m.Search == "mdav" {
		return m.Search
	}
	return m.Recode
}

// metric is the name of the cost that the report gives.
func (m *Microdata) metric() string {
	if m.Search == "mdav" {
		return "mean Gower distance"
	}
	return m.Cost.Metric
}

// centre says in words what becomes of a column in micro-aggregation.
func (m *Microdata) centre(column string) string {
	switch c := m.Centres[column]; c {
	case "":
		return "replaced by the median of its group, or the most frequent value where values have no order"
	case "mode":
		return "replaced by the most frequent value of its group"
	case "interval":
		return "replaced by the interval of its group"
	default:
		return "replaced by the " + c + " of its group"
	}
}

// sampled is the input, or a sample of its people.
func (p *Plan) sampled(s *step, src arrowio.Source) (arrowio.Source, error) {
	if !s.Microdata.Sample.IsSet() {
		return src, nil
	}
	rate, _ := s.Microdata.Sample.Float()
	return kanon.Sample(src, p.policy.Unit, rate)
}

// rowClaims states what a microdata release promises: its models, in their
// order, then how its people were chosen.
func (p *Plan) rowClaims(s *step) []report.Claim {
	var out []report.Claim
	for i := range s.Microdata.Models {
		out = append(out, p.claim(s, &s.Microdata.Models[i]))
	}
	if n := s.Microdata.Sample; n.IsSet() {
		rate, _ := n.Float()
		who := "each person (" + p.policy.Unit + ")"
		if p.policy.UnitIsRow {
			who = "each row"
		}
		out = append(out, report.Claim{
			Model: "record-sampling", Parameters: map[string]any{"rate": rate}, Unit: p.policy.unitName(), Checked: "no",
			Text: sentence(fmt.Sprintf("%s of the input was in the sample that this table is made of with probability %s, independently of all others; the other claims count the sample only, and none is stronger for it", who, n)),
		})
	}
	return out
}

// checkSampled checks what can be checked of a sample whose choice nobody can
// repeat.
func (v *verifier) checkSampled(ctx context.Context, s *step, m *report.Microdata) error {
	rows, err := countRows(ctx, v.o.Input)
	if err != nil {
		return err
	}
	if rows < m.InputRows {
		return fault.Dataf("%s: the sample has more rows than the input; is it the input of this release?", s.Name)
	}
	v.note(s.Name, "input", "", "the sample has no more rows than the input")
	v.note(s.Name, "no", "nobody can choose the sample again", "the rows are those of the input")
	return nil
}

// checkMixedLevels checks that every value is a label of one of the levels
// where rows stand on several, as far as the hierarchies tell.
func (v *verifier) checkMixedLevels(ctx context.Context, s *step, m *report.Microdata, src arrowio.Source) error {
	for _, info := range m.Columns {
		if err := v.checkRungs(s, m, info); err != nil {
			return err
		}
	}
	if kind := m.Recoding.Kind; kind != "local" && kind != "cells" {
		v.note(s.Name, "no", "they are ranges or aggregates of groups", "values are those of their groups")
		return nil
	}
	var tests []valueTest
columns:
	for _, name := range v.plan.quasiIdentifiers(s.Declaration) {
		c := v.policy.Column(name)
		is := []func(string) bool{func(s string) bool { return s == "*" }}
		for level := range c.levelNames() {
			test, known := c.labelsAt(level)
			if !known {
				v.note(s.Name, "no", "raw values follow from the input", "values of %s are labels of its hierarchy", name)
				continue columns
			}
			is = append(is, test)
		}
		tests = append(tests, valueTest{name, func(c cell) error {
			if !c.null && !slices.ContainsFunc(is, func(f func(string) bool) bool { return f(c.text) }) {
				return fault.Dataf("%s: column %s holds a value that is no label of its hierarchy; restore the table or release anew", s.Name, quote(name))
			}
			return nil
		}})
		v.note(s.Name, "output", "", "values of %s are labels of its hierarchy", name)
	}
	return eachValue(ctx, src, tests)
}

// checkRungs compares what the report says of the levels of a column, where
// rows stand on several, with the policy: their names, and that every released
// row is on one. Which rows are on which is not looked at.
func (v *verifier) checkRungs(s *step, m *report.Microdata, info report.ColumnInfo) error {
	c := v.policy.Column(info.Name)
	bad := fault.Dataf("%s: the report says something else of the levels of column %s than policy and table; release anew", s.Name, quote(info.Name))
	if info.Level != nil || info.LevelName != "" {
		return bad
	}
	if info.LevelRows == nil || c.Role != QuasiIdentifier {
		if info.LevelNames != nil || info.MaxLevel != nil || info.LevelRows != nil {
			return bad
		}
		return nil
	}
	sum := int64(0)
	for _, n := range info.LevelRows {
		if n < 0 {
			return bad
		}
		sum += n
	}
	unknown := c.Hierarchy != nil && c.Hierarchy.built == nil // its file is not at hand
	if sum != m.Rows || info.MaxLevel == nil || *info.MaxLevel != len(info.LevelNames)-1 || len(info.LevelRows) != len(info.LevelNames) ||
		!unknown && !slices.Equal(info.LevelNames, c.levelNames()) {
		return bad
	}
	return nil
}
