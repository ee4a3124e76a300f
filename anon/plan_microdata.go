package anon

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/oboro-data/oboro/kanon"
)

// written lists the columns that a microdata release writes, not in order.
func (p *Policy) written(d *Declaration) []string {
	if d.Microdata.Columns != nil {
		return d.Microdata.Columns
	}
	var out []string
	for _, c := range p.Columns {
		if c.Role != Identifier {
			out = append(out, c.Name)
		}
	}
	return out
}

// checkMicrodata refuses columns that must not leave and models that can't
// use what they name.
func (p *Plan) checkMicrodata(probs *problems, d *Declaration) {
	m := d.Microdata
	columns := p.policy.written(d)
	seen := map[string]bool{}
	quasi := 0
	for _, name := range columns {
		c := p.declared(probs, m.columnsAt, name)
		switch {
		case c == nil:
			continue
		case seen[name]:
			probs.add(m.columnsAt, "column %s stands twice; keep one", quote(name))
		case c.Role == Identifier:
			probs.add(m.columnsAt, "column %s is an identifier, which never leaves; remove it", quote(name))
		case c.Set != nil && !slices.ContainsFunc(m.Models, func(x Model) bool { return x.Kind == "km-anonymity" && x.Column == name }):
			probs.add(c.at, "a set can be released under km-anonymity only; add the model for this column, or leave the column out of %s", quote(d.Name))
		case c.Role == QuasiIdentifier && c.Set == nil:
			quasi++
		}
		seen[name] = true
	}
	if quasi == 0 {
		probs.add(m.columnsAt, "no quasi-identifier is among the columns, so that there are no classes to protect; declare the columns that can point to a person as quasi-identifiers")
	}
	for i := range m.Models {
		p.checkModel(probs, d, &m.Models[i], seen)
	}
	p.checkFixed(probs, d, seen)
	p.checkMore(probs, d, seen)
	if p.policy.Nulls == kanon.NullIsWildcard && (m.Search == "mondrian" || m.Recode == "local") {
		probs.add(p.policy.place("nulls"), "wildcard nulls need search: optimal or anytime and recode: global; change one of them")
	}
}

// checkFixed refuses levels and weights of columns that are no quasi-
// identifiers of the release, and levels that the hierarchy lacks.
func (p *Plan) checkFixed(probs *problems, d *Declaration, released map[string]bool) {
	m := d.Microdata
	quasi := func(at place, name, what string) *Column {
		c := p.declared(probs, at, name)
		if c != nil && (c.Role != QuasiIdentifier || !released[name]) {
			probs.add(at, "column %s is no quasi-identifier of this release; %s are for those", quote(name), what)
			return nil
		}
		return c
	}
	for _, name := range sortedKeys(m.Levels) {
		at := place{m.levelsAt.line, join(m.levelsAt.key, name)}
		if c := quasi(at, name, "fixed levels"); c != nil {
			if _, err := c.levelNumber(m.Levels[name]); err != nil {
				probs.add(at, "%s", err)
			}
		}
	}
	for _, name := range sortedKeys(m.Cost.Weights) {
		quasi(place{m.Cost.at.line, join(m.Cost.at.key, "weights."+name)}, name, "weights")
	}
}

func sortedKeys[V any](m map[string]V) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// levelNumber finds a level by its number or name. A name wins over a number
// that is no level.
func (c *Column) levelNumber(level string) (int, error) {
	names := c.levelNames()
	if n, err := strconv.Atoi(level); err == nil && n >= 0 && n < len(names) {
		return n, nil
	}
	if i := slices.Index(names, level); i >= 0 {
		return i, nil
	}
	return 0, fmt.Errorf("column %s has no level %s; its levels are 0 to %d (%s)", quote(c.Name), quote(level), len(names)-1, strings.Join(names, ", "))
}

// needsSensitive are the models over the distribution of a sensitive column.
var needsSensitive = []string{"l-diversity", "t-closeness", "beta-likeness", "delta-disclosure"}

func (p *Plan) checkModel(probs *problems, d *Declaration, m *Model, released map[string]bool) {
	if m.Column == "" {
		return
	}
	c := p.declared(probs, m.at, m.Column)
	if c == nil {
		return
	}
	if !released[m.Column] {
		probs.add(m.at, "column %s is not among the columns of %s, so there is nothing to protect in it; add the column or remove the model", quote(m.Column), quote(d.Name))
	}
	switch {
	case m.Kind == "km-anonymity" && c.Set == nil:
		probs.add(m.at, "column %s is no set; declare it with set: {separator: \"|\"}, or use k-anonymity", quote(m.Column))
	case slices.Contains(needsSensitive, m.Kind) && c.Role != Sensitive:
		probs.add(m.at, "column %s has role %s, but %s is about sensitive columns; write role: sensitive or name another column", quote(m.Column), c.Role, m.Kind)
	case slices.Contains(needsSensitive, m.Kind) && c.Set != nil:
		probs.add(m.at, "column %s is a set, which %s can't use; name another column", quote(m.Column), m.Kind)
	case m.Distance == "hierarchical" && c.Hierarchy == nil:
		probs.add(m.at, "column %s has no hierarchy, which distance: hierarchical measures by; add one, or use distance: equal or ordered", quote(m.Column))
	}
}

// planMicrodata builds what kanon.Anonymize is asked for.
func (p *Plan) planMicrodata(probs *problems, s *step) {
	m := s.Microdata
	s.columns = p.inputOrder(p.policy.written(s.Declaration))
	limit, _ := m.SuppressionLimit.Float()
	spec := &kanon.Spec{
		Unit:           p.policy.Unit,
		Columns:        s.columns,
		MaxSuppression: limit,
		Nulls:          p.policy.Nulls,
		Search:         m.Search,
		Deadline:       m.Deadline,
		Recode:         m.Recode,
	}
	if m.RowOrder == "input" {
		spec.RowOrder = kanon.InputOrder
	}
	for _, name := range s.columns {
		c := p.policy.Column(name)
		switch q := c.forKanon(); {
		case c.Set != nil:
			spec.Sets = append(spec.Sets, kanon.SetColumn{Column: name, Separator: c.Set.Separator, Hierarchy: q.Hierarchy, Unlisted: q.Unlisted})
		case c.Role == QuasiIdentifier:
			if level, fixed := m.Levels[name]; fixed {
				n, _ := c.levelNumber(level) // checked before
				q.Level = strconv.Itoa(n)
			}
			q.Centre = kanon.Centre(m.Centres[name])
			spec.QuasiIdentifiers = append(spec.QuasiIdentifiers, q)
		case slices.ContainsFunc(m.Models, func(x Model) bool { return x.Column == name }):
			spec.Sensitive = append(spec.Sensitive, q)
		}
	}
	for i := range m.Models {
		model := m.Models[i].forKanon()
		if check, ok := model.(kanon.Checker); ok {
			probs.addErr(m.Models[i].at, check.Check())
		}
		spec.Models = append(spec.Models, model)
	}
	cost, err := m.Cost.forKanon()
	probs.addErr(m.Cost.at, err)
	spec.Cost = cost
	s.spec = spec
	if len(probs.list) > 0 || p.policy.lacksFiles() {
		return // what Check says of missing hierarchies is no news
	}
	schema := p.schema
	if schema == nil {
		schema, _ = p.likelySchema(s)
	} else {
		schema = p.policy.withUnitField(schema)
	}
	p.openTables(probs, s, schema)
	if len(probs.list) > 0 {
		return
	}
	if s.subset != nil {
		schema = s.subset.Schema()
	}
	err = spec.Check(schema)
	probs.addErr(s.placeOfRows(err), err)
}

// forKanon describes the column to package kanon.
func (c *Column) forKanon() kanon.QuasiIdentifier {
	q := kanon.QuasiIdentifier{Column: c.Name, Unlisted: c.Unlisted, DomainSize: c.DomainSize, Order: c.Order}
	if c.Hierarchy != nil {
		q.Hierarchy = c.Hierarchy.built
	}
	return q
}

// forKanon makes the model of package kanon. Numbers are exact decimals here,
// so that their floats stand for them.
func (m *Model) forKanon() kanon.PrivacyModel {
	f := func(n Number) float64 { x, _ := n.Float(); return x }
	switch m.Kind {
	case "k-anonymity":
		return kanon.KAnonymity{K: m.K}
	case "l-diversity":
		return kanon.LDiversity{L: f(m.L), Column: m.Column, Variant: kanon.Diversity(m.Variant), C: f(m.C)}
	case "t-closeness":
		return kanon.TCloseness{T: f(m.T), Column: m.Column, Distance: kanon.Distance(m.Distance)}
	case "beta-likeness":
		return kanon.BetaLikeness{Beta: f(m.Beta), Column: m.Column, Variant: kanon.Likeness(m.Variant)}
	case "delta-disclosure":
		return kanon.DeltaDisclosure{Delta: f(m.Delta), Column: m.Column}
	case "delta-presence":
		return kanon.DeltaPresence{Min: f(m.Min), Max: f(m.Max)}
	case "k-map":
		return kanon.KMap{K: m.K, PopulationSize: m.Population, Estimator: kanon.CellEstimator(m.Estimator), Significance: f(m.Significance)}
	case "average-risk":
		return kanon.AverageRisk{Threshold: f(m.Threshold)}
	case "sample-uniqueness":
		return kanon.SampleUniqueness{Threshold: f(m.Threshold)}
	}
	return kanon.KMAnonymity{Column: m.Column, K: m.K, M: int(m.M)}
}
