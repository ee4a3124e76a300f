package anon

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/internal/noise"
	"github.com/oboro-data/oboro/report"
)

// Consistent asks that a column of several statistics releases adds up along a
// hierarchy: after their noise is drawn, its numbers are replaced by fitted ones
// ([dp.Reconcile]). That looks at noised numbers only and costs no budget.
type Consistent struct {
	// Column is the `as` of a count-units, a count or a sum that all releases have.
	Column string
	// Releases are named from the coarsest to the finest. All but the last get a
	// column Column_rest: what a group holds besides its released parts.
	Releases []string
	at       place
}

// rest is the column of what a group holds besides its released parts.
func (c *Consistent) rest() string { return c.Column + "_rest" }

func (p *Policy) decodeConsistent(o *object) {
	for i, n := range o.items("consistent") {
		c := o.object(n, fmt.Sprintf("consistent[%d]", i))
		one := Consistent{at: c.at}
		if c.need("column", "name the column that is to add up: the `as` of a count-units, count or sum") {
			one.Column = c.name("column")
		}
		if c.need("releases", "name the statistics releases, coarsest first") {
			one.Releases = c.texts("releases")
		}
		c.done()
		p.Consistent = append(p.Consistent, one)
	}
}

// aggregate returns the aggregate of an output name; nil if there is none.
func (s *Statistics) aggregate(as string) *Aggregate {
	for i := range s.Aggregates {
		if s.Aggregates[i].As == as {
			return &s.Aggregates[i]
		}
	}
	return nil
}

// checkConsistent refuses what can't add up, by what the policy declares.
func (p *Plan) checkConsistent(probs *problems) {
	fitted := map[[2]string]bool{}
	for i := range p.policy.Consistent {
		c := &p.policy.Consistent[i]
		if len(c.Releases) < 2 {
			probs.add(c.at, "one table has nothing to add up to; name at least two releases, coarsest first")
			continue
		}
		var tables []*Declaration
		for _, name := range c.Releases {
			if d := p.consistentTable(probs, c, name); d != nil {
				tables = append(tables, d)
				if key := [2]string{name, c.Column}; fitted[key] {
					probs.add(c.at, "column %s of release %s is fitted twice; name it in one list, once", quote(c.Column), quote(name))
				} else {
					fitted[key] = true
				}
			}
		}
		for k := 1; k < len(tables) && len(tables) == len(c.Releases); k++ {
			p.checkNested(probs, c, tables[k-1], tables[k])
		}
	}
}

// consistentTable looks up one release of a list, nil where it can't be used.
func (p *Plan) consistentTable(probs *problems, c *Consistent, name string) *Declaration {
	at := slices.IndexFunc(p.policy.Releases, func(d Declaration) bool { return d.Name == name })
	if at < 0 {
		var names []string
		for _, d := range p.policy.Releases {
			names = append(names, d.Name)
		}
		probs.add(c.at, "there is no release %s; %s", quote(name), suggest(name, names))
		return nil
	}
	d := &p.policy.Releases[at]
	s := d.Statistics
	if s == nil {
		probs.add(c.at, "release %s holds rows, which are not fitted; name releases of kind statistics", quote(name))
		return nil
	}
	a := s.aggregate(c.Column)
	switch {
	case a == nil:
		probs.add(c.at, "release %s has no column %s; give an aggregate that `as`, or take the release out of the list", quote(name), quote(c.Column))
		return nil
	case !slices.Contains([]string{"count-units", "count", "sum"}, a.Kind):
		probs.add(c.at, "%s of release %s is of kind %s, which does not add up; name a count-units, a count or a sum", quote(c.Column), quote(name), a.Kind)
		return nil
	case a.Kind == "count-units" && s.Bounds.GroupsPerUnit > 1 && len(s.GroupBy) > 0 && !p.policy.UnitIsRow:
		probs.add(c.at, "release %s counts one person in up to %d groups, so that its numbers of people do not add up; set groups-per-unit: 1 there, or name a count", quote(name), s.Bounds.GroupsPerUnit)
	case s.Confidence.IsSet():
		probs.add(c.at, "release %s has confidence intervals, which hold for numbers that are not fitted; remove confidence there, or take the release out of the list", quote(name))
	case s.MinUnits > 0 && !s.Groups.Private():
		probs.add(c.at, "release %s drops public groups by min-units, so that its groups are not all parts; remove min-units there, or let noise select the groups", quote(name))
	}
	if name != c.Releases[len(c.Releases)-1] && s.hasColumn(c.rest()) {
		probs.add(c.at, "release %s has a column %s, which is the name of what is left; choose another `as`", quote(name), quote(c.rest()))
	}
	return d
}

// hasColumn reports whether the table has a column of the name.
func (s *Statistics) hasColumn(name string) bool {
	return slices.ContainsFunc(s.GroupBy, func(g GroupColumn) bool { return g.Column == name }) ||
		slices.ContainsFunc(s.Aggregates, func(a Aggregate) bool { return slices.Contains(s.withInterval(&a, a.outputNames()), name) })
}

// checkNested compares a release with the coarser one before it.
func (p *Plan) checkNested(probs *problems, c *Consistent, coarse, fine *Declaration) {
	a, b := coarse.Statistics.aggregate(c.Column), fine.Statistics.aggregate(c.Column)
	if a.Kind != b.Kind || a.Column != b.Column {
		probs.add(c.at, "%s is another statistic in release %s than in %s; give both the same aggregate", quote(c.Column), quote(fine.Name), quote(coarse.Name))
	}
	if p.policy.unitOf(coarse.Statistics) != p.policy.unitOf(fine.Statistics) {
		probs.add(c.at, "releases %s and %s protect different units; give both the same unit-cell", quote(coarse.Name), quote(fine.Name))
	}
	if len(coarse.Statistics.GroupBy) > 0 && coarse.Statistics.Groups.Private() && !fine.Statistics.Groups.Private() {
		probs.add(c.at, "groups of %s are private and those of %s public, so that a group may have none of its parts there; make both private or both public", quote(coarse.Name), quote(fine.Name))
	}
	for _, g := range coarse.Statistics.GroupBy {
		at := slices.IndexFunc(fine.Statistics.GroupBy, func(f GroupColumn) bool { return f.Column == g.Column })
		col := p.policy.Column(g.Column)
		if at < 0 {
			probs.add(c.at, "release %s is not grouped by %s, by which the coarser %s is; group it by that too, or list the coarsest first", quote(fine.Name), quote(g.Column), quote(coarse.Name))
			continue
		}
		if col == nil {
			continue // reported before
		}
		up, err := col.levelNumber(g.Level)
		down, bad := col.levelNumber(fine.Statistics.GroupBy[at].Level)
		if err == nil && bad == nil && down > up {
			probs.add(c.at, "release %s has %s at a coarser level than %s before it; list the coarsest first", quote(fine.Name), quote(g.Column), quote(coarse.Name))
		}
	}
}

// checkParts refuses, once all releases are planned, keys that can't be raised
// to those of the coarser table, and public groups without any part.
func (p *Plan) checkParts(probs *problems) {
	for i := range p.policy.Consistent {
		c := &p.policy.Consistent[i]
		steps := p.stepsOf(c)
		if why := p.unraisable(steps); why != "" {
			continue
		}
		for k := 1; k < len(steps); k++ {
			coarse, fine := steps[k-1], steps[k]
			up, err := fine.dp.Above(coarse.dp)
			if err != nil {
				probs.add(c.at, "the keys of release %s can't be raised to those of %s: %s; group both by columns and levels that nest, and declare the types of their columns", quote(fine.Name), quote(coarse.Name), err)
				continue
			}
			if fine.query.PublicGroups == nil {
				continue
			}
			has := map[string]bool{}
			for _, key := range fine.query.PublicGroups {
				has[keyOf(cellsOf(up(key)))] = true
			}
			for n, key := range coarse.query.PublicGroups {
				if !has[keyOf(cellsOf(key))] {
					probs.add(c.at, "public group %d of release %s has no part among the public groups of %s; list all its parts there", n+1, quote(coarse.Name), quote(fine.Name))
					break
				}
			}
		}
	}
}

// stepsOf are the steps of a list of releases, in its order.
func (p *Plan) stepsOf(c *Consistent) []*step {
	var out []*step
	for _, name := range c.Releases {
		for _, s := range p.steps {
			if s.Name == name {
				out = append(out, s)
			}
		}
	}
	return out
}

// unraisable says why keys can't be raised yet: their types or groups are not
// known. "" where they can.
func (p *Plan) unraisable(steps []*step) string {
	for k, s := range steps {
		if s.dp == nil {
			return "a file that the policy refers to is not at hand"
		}
		for _, g := range s.Statistics.GroupBy {
			c := p.policy.Column(g.Column)
			down, _ := c.levelNumber(g.Level)
			raised := k > 0 && slices.ContainsFunc(steps[k-1].Statistics.GroupBy, func(up GroupColumn) bool {
				n, _ := c.levelNumber(up.Level)
				return up.Column == g.Column && n > down
			})
			if raised && down == 0 && !c.Hierarchy.textual() && p.schema == nil && c.Type == "" {
				return "the type of " + g.Column + " is not in the policy"
			}
		}
	}
	return ""
}

func cellsOf(key []dp.GroupKey) []cell {
	row := make([]cell, len(key))
	for i, c := range key {
		row[i] = cell{c.Text, c.Null}
	}
	return row
}

// consistentOf are the lists that a release stands in.
func (p *Plan) consistentOf(s *step) []*Consistent {
	var out []*Consistent
	for i := range p.policy.Consistent {
		if c := &p.policy.Consistent[i]; slices.Contains(c.Releases, s.Name) {
			out = append(out, c)
		}
	}
	return out
}

// withRests are the columns of an aggregate as they stand in the table once it
// is fitted.
func (p *Plan) withRests(s *step, columns []string) []string {
	for _, c := range p.consistentOf(s) {
		if at := slices.Index(columns, c.Column); at >= 0 && s.Name != c.Releases[len(c.Releases)-1] {
			columns = slices.Insert(slices.Clone(columns), at+1, c.rest())
		}
	}
	return columns
}

// fitted reports whether a column of a release is fitted.
func (p *Plan) fitted(s *step, column string) bool {
	return slices.ContainsFunc(p.consistentOf(s), func(c *Consistent) bool { return c.Column == column })
}

// markFitted marks the aggregates whose numbers are fitted.
func (p *Plan) markFitted(s *step, st *report.Statistics) {
	for i := range st.Aggregates {
		st.Aggregates[i].Fitted = p.fitted(s, st.Aggregates[i].As)
	}
}

// totalsModel names the claim of totals that add up.
const totalsModel = "consistent-totals"

// totalsClaims state what adds up.
func (p *Plan) totalsClaims(s *step) []report.Claim {
	var out []report.Claim
	for _, c := range p.consistentOf(s) {
		if noise.Off {
			break
		}
		out = append(out, report.Claim{
			Model: totalsModel, Unit: p.policy.unitOf(s.Statistics), Checked: "no",
			Parameters: map[string]any{"column": c.Column, "releases": strings.Join(c.Releases, " > ")},
			Text: fmt.Sprintf("After noise was drawn, %s was fitted over the tables %s: every number is exactly the sum of its parts in the finer tables and of %s, which is what a group holds besides its released parts. This looks at noised numbers only and cost no budget. Standard errors are those before the fit; they do not bound the error of fitted numbers.",
				c.Column, strings.Join(c.Releases, ", "), c.rest()),
		})
	}
	return out
}
