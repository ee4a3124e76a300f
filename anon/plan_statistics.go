package anon

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/oboro-data/oboro/dp"
)

// checkStatistics refuses columns that statistics must not or can't read, and
// budgets that their mechanism can't use.
func (p *Plan) checkStatistics(probs *problems, d *Declaration) {
	s := d.Statistics
	for _, g := range s.GroupBy {
		c := p.declared(probs, g.at, g.Column)
		switch {
		case c == nil:
		case c.Role == Identifier:
			probs.add(g.at, "column %s is an identifier, which never leaves; group by other columns, or count it with count-distinct", quote(g.Column))
		case c.Set != nil:
			probs.add(g.at, "column %s is a set; sets are released under km-anonymity only", quote(g.Column))
		case g.Level != "":
			if _, err := c.levelNumber(g.Level); err != nil {
				probs.add(g.at, "%s", err)
			} else if c.Hierarchy == nil && g.Level != "0" && g.Level != "raw" {
				probs.add(g.at, "column %s has no hierarchy; add one, or remove the level", quote(g.Column))
			}
		}
	}
	if s.Groups.Private() && len(s.GroupBy) > 0 && !s.Budget.hasDelta() {
		probs.add(s.budgetAt, "groups: private needs delta > 0: with delta = 0 the presence of a group alone would tell of a person; add e.g. delta: 1e-8, or list the groups as public")
	}
	if s.Noise == "gaussian" && !s.Budget.hasDelta() && !s.Budget.Rho.IsSet() {
		probs.add(s.noiseAt, "noise: gaussian needs delta > 0 or a budget in rho; add e.g. delta: 1e-8, or use noise: exact")
	}
	if s.Groups.File != nil && len(s.GroupBy) == 0 {
		probs.add(s.Groups.at, "public groups need group-by columns; add group-by, or remove groups")
	}
	p.checkUnitCell(probs, s)
	for i := range s.Aggregates {
		for _, column := range s.Aggregates[i].columns() {
			p.checkAggregate(probs, &s.Aggregates[i], column)
		}
	}
}

func (p *Plan) checkAggregate(probs *problems, a *Aggregate, column string) {
	c := p.declared(probs, a.at, column)
	if c == nil {
		return
	}
	if a.tellsApart() && c.Set != nil {
		probs.add(a.at, "column %s is a set, which no statistic can read; name another column", quote(column))
	}
	if a.Kind == "count-distinct" {
		return
	}
	switch kind := p.kind(c); {
	case c.Role == Identifier:
		probs.add(a.at, "column %s is an identifier; only count-distinct may read it", quote(column))
	case a.tellsApart():
	case c.Set != nil || kind != "" && kind != "integer" && kind != "decimal":
		probs.add(a.at, "column %s is %s, but %s needs numbers; declare type: integer or type: decimal, or name another column", quote(column), kindWords(c, kind), a.Kind)
	}
}

func kindWords(c *Column, kind string) string {
	switch {
	case c.Set != nil:
		return "a set"
	case c.Hierarchy.textual():
		return "text, as its hierarchy reads it"
	}
	return kind
}

// planStatistics builds what dp.Run is asked for.
func (p *Plan) planStatistics(probs *problems, s *step) {
	d := s.Statistics
	q := &dp.Query{
		Unit: p.policy.Unit, UnitIsRow: p.policy.UnitIsRow,
		Bounds:   d.Bounds.forDP(),
		Noise:    d.Noise,
		MinUnits: d.MinUnits,
		UnitCell: d.UnitCell.forDP(),
		Levels:   map[string]dp.GroupLevel{},
	}
	absent := false // a hierarchy whose file is not at hand when a folder is verified
	for _, g := range d.GroupBy {
		q.GroupBy = append(q.GroupBy, g.Column)
		c := p.policy.Column(g.Column)
		if g.Level == "" {
			continue
		}
		if n, _ := c.levelNumber(g.Level); n > 0 { // checked before
			q.Levels[g.Column] = dp.GroupLevel{Hierarchy: c.Hierarchy.built, Level: n}
			absent = absent || c.Hierarchy.built == nil
		}
	}
	q.Confidence, _ = d.Confidence.Float()
	var err error
	if q.PublicGroups, err = p.publicGroups(d); err == nil {
		err = p.checkLabels(d, q.PublicGroups)
	}
	if err != nil {
		probs.addErr(d.Groups.at, err)
	}
	for i := range d.Aggregates {
		q.Aggregates = append(q.Aggregates, d.Aggregates[i].forDP())
	}
	q.Diagnostics, _ = d.Diagnostics.Float()
	s.query = q
	s.budget, _ = d.Budget.exact() // checked before
	if absent || d.Groups.File != nil && q.PublicGroups == nil {
		return // reported, or not at hand when a folder is verified
	}
	if q.Noise == dp.NoiseGoogle {
		q.Backend = planOnly{}
	}
	if s.certain = true; p.schema == nil {
		_, s.certain = p.likelySchema(s)
	}
	schema, err := p.schemaOf(s)
	if err == nil {
		s.dp, err = dp.NewPlan(q, schema, s.budget)
	}
	probs.addErr(s.placeOf(err), err)
}

// placeOf finds the part of the policy that an error of package dp is about.
func (s *step) placeOf(err error) place {
	if err == nil {
		return s.at
	}
	text := err.Error()
	for _, a := range s.Statistics.Aggregates {
		if strings.HasPrefix(text, fmt.Sprintf("aggregate %q", a.As)) {
			return a.at
		}
	}
	for prefix, at := range map[string]place{"public groups": s.Statistics.Groups.at, "bounds": s.Statistics.boundsAt, "budget": s.Statistics.budgetAt, "noise": s.Statistics.noiseAt,
		"confidence": s.Statistics.confidenceAt, "diagnostics": s.Statistics.diagnosticsAt} {
		if strings.HasPrefix(text, prefix) {
			return at
		}
	}
	return s.at
}

// forDP makes the aggregate of package dp. Numbers are exact decimals here, so
// that their floats stand for them.
func (a *Aggregate) forDP() dp.Aggregate {
	f := func(n Number) float64 { x, _ := n.Float(); return x }
	all := func(ns []Number) []float64 {
		var out []float64
		for _, n := range ns {
			out = append(out, f(n))
		}
		return out
	}
	lo, hi, w, res, auto := f(a.Lower), f(a.Upper), f(a.Weight), f(a.Resolution), f(a.Auto)
	switch a.Kind {
	case "count":
		return dp.Count{As: a.As, PerUnit: a.PerUnit, Auto: auto, Weight: w}
	case "sum":
		return dp.Sum{As: a.As, Column: a.Column, Lower: lo, Upper: hi, Resolution: res, Auto: auto, Weight: w}
	case "mean":
		return dp.Mean{As: a.As, Column: a.Column, Lower: lo, Upper: hi, Auto: auto, Weight: w}
	case "variance":
		return dp.Variance{As: a.As, Column: a.Column, Lower: lo, Upper: hi, Auto: auto, Weight: w}
	case "stddev":
		return dp.StdDev{As: a.As, Column: a.Column, Lower: lo, Upper: hi, Auto: auto, Weight: w}
	case "min":
		return dp.Min{As: a.As, Column: a.Column, Lower: lo, Upper: hi, Resolution: res, Weight: w}
	case "max":
		return dp.Max{As: a.As, Column: a.Column, Lower: lo, Upper: hi, Resolution: res, Weight: w}
	case "quantiles":
		return dp.Quantiles{As: a.As, Column: a.Column, Lower: lo, Upper: hi, Ranks: all(a.Ranks), Resolution: res, Tree: a.Tree, Auto: auto, Weight: w}
	case "histogram":
		return dp.Histogram{As: a.As, Column: a.Column, Edges: all(a.Edges), Cumulative: a.Cumulative, Weight: w}
	case "count-distinct":
		return dp.CountDistinct{As: a.As, Column: a.Column, PerUnit: a.PerUnit, Weight: w}
	}
	if a.Kind == "count-units" {
		return dp.CountUnits{As: a.As, Weight: w}
	}
	return a.moreForDP()
}

// publicGroups lists the public keys in the order of group-by; nil where
// groups are private. Without group-by there is one group, known to all.
func (p *Plan) publicGroups(d *Statistics) ([][]dp.GroupKey, error) {
	switch {
	case len(d.GroupBy) == 0:
		return [][]dp.GroupKey{{}}, nil
	case d.Groups.File != nil:
		return p.keysOfFile(d)
	case d.Groups.Public == nil:
		return nil, nil
	}
	keys := [][]dp.GroupKey{{}}
	for _, g := range d.GroupBy {
		var longer [][]dp.GroupKey
		for _, k := range keys {
			for _, c := range d.Groups.Public[g.Column] {
				longer = append(longer, append(slices.Clip(k), dp.GroupKey(c)))
			}
		}
		keys = longer
	}
	return keys, nil
}

// checkLabels refuses public groups that no row can fall into: a text that is
// no label of its column's level, where the policy tells the labels.
func (p *Plan) checkLabels(d *Statistics, keys [][]dp.GroupKey) error {
	for i, g := range d.GroupBy {
		c := p.policy.Column(g.Column)
		n, err := c.levelNumber(g.Level)
		if g.Level == "" || err != nil || n == 0 {
			continue
		}
		is, known := c.labelsAt(n)
		for k := range keys {
			if known && !keys[k][i].Null && !is(keys[k][i].Text) {
				return fmt.Errorf("public groups: group %d: the value for column %s is no label of its level %s, so the group would hold noise only; correct it", k+1, quote(g.Column), quote(g.Level))
			}
		}
	}
	return nil
}

// keysOfFile reads public keys from a CSV file whose header names the group-by
// columns, in any order. A field of the policy's null values is the group null.
func (p *Plan) keysOfFile(d *Statistics) ([][]dp.GroupKey, error) {
	if d.Groups.File.err != nil {
		return nil, nil // reported before, or not at hand when a folder is verified
	}
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(d.Groups.File.data, []byte("\ufeff"))))
	if p.policy.Input.Delimiter != "" {
		r.Comma = rune(p.policy.Input.Delimiter[0])
	}
	header, err := r.Read()
	if err != nil {
		return nil, errors.New("the file of public groups " + quote(d.Groups.File.Path) + " has no header line; write the names of the group-by columns first")
	}
	at := make([]int, len(d.GroupBy))
	for i, g := range d.GroupBy {
		if at[i] = slices.Index(header, g.Column); at[i] < 0 {
			return nil, errors.New("the file of public groups " + quote(d.Groups.File.Path) + " has no column " + quote(g.Column) + "; its header must name the group-by columns")
		}
	}
	if len(header) != len(at) {
		return nil, errors.New("the file of public groups " + quote(d.Groups.File.Path) + " has columns beyond the group-by columns; remove them")
	}
	nulls := p.policy.Input.NullValues
	if nulls == nil {
		nulls = []string{""}
	}
	var keys [][]dp.GroupKey
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) && len(keys) == 0 {
			return nil, errors.New("the file of public groups " + quote(d.Groups.File.Path) + " lists no group; write one in every line after the header")
		}
		if errors.Is(err, io.EOF) {
			return keys, nil
		}
		if err != nil || len(keys) == maxPublicGroups {
			return nil, errors.New("the file of public groups " + quote(d.Groups.File.Path) + " is no proper CSV, or has too many lines; give every line one field per column")
		}
		key := make([]dp.GroupKey, len(at))
		for i, j := range at {
			if key[i] = (dp.GroupKey{Text: row[j]}); slices.Contains(nulls, row[j]) {
				key[i] = dp.GroupKey{Null: true}
			}
		}
		keys = append(keys, key)
	}
}
