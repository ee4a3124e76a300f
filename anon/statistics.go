package anon

import (
	"fmt"
	"slices"
	"strconv"
)

// Statistics declares a table of aggregates over many people.
type Statistics struct {
	Method  string // differential-privacy
	GroupBy []GroupColumn
	Groups  Groups
	Bounds  Bounds
	// Aggregates are the columns of the table, after the group columns.
	Aggregates []Aggregate
	Budget     *Budget
	Noise      string // exact, laplace, gaussian or google
	// MinUnits is a floor for the noised number of units; 0: none.
	MinUnits int64
	// Diagnostics is the weight of noised shares of people that bounds cut; not
	// set: nothing is said of them.
	Diagnostics Number

	// UnitCell narrows the unit to a person within a cell of time; nil: the person.
	UnitCell *UnitCell
	// Confidence adds the ends of confidence intervals; not set: none.
	Confidence Number

	diagnosticsAt, boundsAt, budgetAt, noiseAt, confidenceAt place
}

// A GroupColumn is a column of the group key, raised to a level.
type GroupColumn struct {
	Column string
	Level  string // by number or name; "" or "0" is the raw value
	at     place
}

// Groups says which groups are released: those that noise selects, or those
// that the policy lists.
type Groups struct {
	// Public maps every group column to its values; the groups are their
	// product. nil: not listed so.
	Public map[string][]Cell
	// File lists the groups, one per line, under the names of the columns.
	File *File
	at   place
}

// Private reports whether groups are selected by noise.
func (g Groups) Private() bool { return g.Public == nil && g.File == nil }

// A Cell is a value of a group key: its canonical text, or null.
type Cell struct {
	Text string
	Null bool
}

// An Aggregate is one statistic per group. What the kind does not have is not
// set.
type Aggregate struct {
	Kind    string // as in the policy: count-units, count, sum, …
	As      string
	Column  string
	Columns []string // vector-sum, covariance, correlation
	Weight  Number   // share of the budget; not set: 1
	PerUnit int64    // 0: Bounds.RowsPerUnit, or 1
	// Auto is set where the range, or PerUnit, is chosen by noise within Lower and
	// Upper, or PerUnit: the share of the aggregate's budget that pays for it.
	Auto       Number
	Lower      Number
	Upper      Number
	Resolution Number
	Ranks      []Number
	Edges      []Number
	Ranges     [][2]Number // of each of Columns
	Norm       Number      // vector-sum
	Values     []string    // top-k: public candidates
	K          int64       // top-k
	// Tree reads quantiles off a tree of noised counts (`method: tree`).
	Tree bool
	// Cumulative makes a histogram add up from the left.
	Cumulative bool
	at         place
}

var aggregateKinds = []string{"count-units", "count", "sum", "mean", "variance", "stddev", "min", "max", "quantiles", "histogram", "count-distinct",
	"top-k", "vector-sum", "covariance", "correlation"}

// maxPublicGroups bounds the product of public groups.
const maxPublicGroups = 10_000_000

func (p *Policy) decodeStatistics(o *object) *Statistics {
	s := &Statistics{boundsAt: o.place("bounds"), budgetAt: o.place("budget"), noiseAt: o.place("noise"), confidenceAt: o.place("confidence")}
	s.Method = o.choice("method", "differential-privacy")
	s.decodeGroupBy(o)
	p.decodeGroups(o, s)
	s.decodeBounds(o)
	s.decodeDiagnostics(o)
	s.UnitCell = p.decodeUnitCell(o)
	s.Confidence = o.float("confidence", "(0", "(1")
	if o.need("aggregates", "name at least one, such as `- count-units: {as: people}`") {
		for i, n := range o.items("aggregates") {
			if a, ok := decodeAggregate(o, n, fmt.Sprintf("%s.aggregates[%d]", o.at.key, i)); ok {
				s.Aggregates = append(s.Aggregates, a)
			}
		}
	}
	accept := o.boolean("accept-delta")
	if o.need("budget", "say what this release may spend, e.g. budget: {epsilon: 1, delta: 1e-8}") {
		s.Budget = decodeBudget(o.problems, o.find("budget"), o.place("budget").key)
		s.Budget.AcceptDelta = s.Budget.AcceptDelta || accept
		s.Budget.check(o.problems)
	}
	s.Noise = o.choice("noise", "exact", "laplace", "gaussian", "google")
	s.MinUnits = o.integer("min-units", 0, 1, maxCount)
	s.checkNames(o)
	return s
}

func (s *Statistics) decodeGroupBy(o *object) {
	n := o.find("group-by")
	if n == nil || n.kind == listNode && len(n.items) == 0 {
		return
	}
	for i, item := range o.items("group-by") {
		key := fmt.Sprintf("%s.group-by[%d]", o.at.key, i)
		g := GroupColumn{at: place{item.line, key}}
		if item.kind == scalarNode {
			g.Column = item.text
		} else {
			c := o.object(item, key)
			c.need("column", "name the column")
			g.Column, g.Level = c.name("column"), c.text("level")
			c.done()
		}
		for _, other := range s.GroupBy {
			if other.Column == g.Column {
				o.add(g.at, "column %s is grouped by twice; keep one", quote(g.Column))
			}
		}
		s.GroupBy = append(s.GroupBy, g)
	}
}

func (p *Policy) decodeGroups(o *object, s *Statistics) {
	s.Groups.at = o.place("groups")
	n := o.find("groups")
	if n == nil || n.kind == scalarNode && n.text == "private" {
		return
	}
	if n.kind != mapNode || len(n.entries) != 1 {
		o.add(s.Groups.at, "groups are `private`, {public: {column: [values]}} or {public-file: keys.csv}; write one of them")
		return
	}
	g := o.object(n, s.Groups.at.key)
	defer g.done()
	if path := g.text("public-file"); path != "" {
		s.Groups.File = p.refer(path)
	}
	if pub := g.find("public"); pub != nil {
		s.Groups.decodePublic(g, pub, s.GroupBy)
	}
}

// decodePublic reads the values of every group column. What is null in the
// policy is the group null.
func (g *Groups) decodePublic(o *object, n *node, by []GroupColumn) {
	g.Public = map[string][]Cell{}
	po := o.object(n, o.place("public").key)
	for _, c := range by {
		if !po.need(c.Column, "list the public values of every group-by column") {
			po.find(c.Column)
			continue
		}
		g.Public[c.Column] = po.cells(c.Column)
	}
	if len(by) > 0 {
		po.done()
	} else {
		o.add(po.at, "public groups need group-by columns; add group-by, or remove groups")
	}
	product := 1
	for _, cells := range g.Public {
		if product *= max(len(cells), 1); product > maxPublicGroups {
			o.add(po.at, "the product of the public values is more than %d groups; list fewer, or use public-file", maxPublicGroups)
			return
		}
	}
}

func (o *object) cells(key string) []Cell {
	var out []Cell
	for i, n := range o.items(key) {
		c := Cell{n.text, n.kind == nullNode}
		switch {
		case n.kind == mapNode || n.kind == listNode:
			o.add(place{n.line, fmt.Sprintf("%s[%d]", o.place(key).key, i)}, "this must be one value, but is %s", n.kind)
		case slices.Contains(out, c):
			o.add(place{n.line, fmt.Sprintf("%s[%d]", o.place(key).key, i)}, "%s stands in the list twice; keep one", quoteNode(n))
		}
		out = append(out, c)
	}
	return out
}

func decodeAggregate(rel *object, n *node, key string) (Aggregate, bool) {
	kind, o := rel.only(n, key, aggregateKinds)
	if o == nil {
		return Aggregate{}, false
	}
	defer o.done()
	a := Aggregate{Kind: kind, at: o.at}
	o.need("as", "name the output column")
	a.As = o.name("as")
	a.Weight = o.float("weight", "(0", "1e6")
	switch {
	case kind == "count-units" || kind == "count":
	case slices.Contains(several, kind):
		a.decodeColumns(o)
	default:
		o.need("column", "name the column that is aggregated")
		a.Column = o.name("column")
	}
	switch kind {
	case "count", "count-distinct":
		a.decodePerUnit(o)
	case "sum", "mean", "variance", "stddev", "min", "max", "quantiles":
		a.decodeRange(o)
	}
	switch kind {
	case "sum", "min", "max":
		a.Resolution = o.float("resolution", "(0", "")
	case "quantiles":
		a.Resolution = o.float("resolution", "(0", "")
		a.decodeRanks(o)
		if a.Tree = o.choice("method", "exponential", "tree") == "tree"; a.Tree && a.Auto.IsSet() {
			o.add(o.place("method"), "a tree needs its range; write range: [0, 200] or leave method out")
		}
	case "histogram":
		a.Cumulative = o.boolean("cumulative")
		a.decodeEdges(o)
	default:
		a.decodeMore(o)
	}
	return a, true
}

func (a *Aggregate) decodeRange(o *object) {
	if !o.need("range", "say from where to where values count, e.g. range: [0, 100]; choose it without looking at the data") {
		return
	}
	if a.decodeWithin(o) {
		return
	}
	a.Lower, a.Upper = o.span("range")
}

func (a *Aggregate) decodeRanks(o *object) {
	if !o.need("ranks", "say which quantiles, e.g. ranks: [0.5, 0.9]") {
		return
	}
	a.Ranks = o.numbers("ranks")
	for i, r := range a.Ranks {
		if r.rat.Sign() < 0 || r.cmp(1, 1) > 0 {
			o.add(o.place("ranks"), "rank %s is outside [0, 1]; 0.5 is the median", r)
		}
		for _, other := range a.Ranks[:i] {
			if other.rat.Cmp(r.rat) == 0 {
				o.add(o.place("ranks"), "rank %s stands twice; keep one", r)
			}
		}
	}
}

func (a *Aggregate) decodeEdges(o *object) {
	if !o.need("edges", "say where the bins begin and end, e.g. edges: [0, 18, 65, 100]") {
		return
	}
	a.Edges = o.numbers("edges")
	if len(a.Edges) < 2 {
		o.add(o.place("edges"), "a histogram needs at least two edges, the ends of one bin")
	}
	for i := 1; i < len(a.Edges); i++ {
		if a.Edges[i-1].rat.Cmp(a.Edges[i].rat) >= 0 {
			o.add(o.place("edges"), "edges must increase; edge %d does not", i+1)
		}
	}
}

// checkNames refuses output columns of one name.
func (s *Statistics) checkNames(o *object) {
	names := map[string]string{}
	for _, g := range s.GroupBy {
		names[g.Column] = "a group-by column"
	}
	for _, a := range s.Aggregates {
		for _, name := range s.withInterval(&a, a.outputNames()) {
			if what, dup := names[name]; dup {
				o.add(a.at, "output column %s has the name of %s; choose another name in `as`", quote(name), what)
			}
			names[name] = "another aggregate's column"
		}
	}
}

// outputNames lists the columns of an aggregate: one, or one per rank or bin.
func (a *Aggregate) outputNames() []string {
	var out []string
	switch a.Kind {
	case "quantiles":
		for _, r := range a.Ranks {
			f, _ := r.Float()
			out = append(out, a.As+"_"+strconv.FormatFloat(f*100, 'g', 12, 64))
		}
	case "histogram":
		for i := 1; i < len(a.Edges); i++ {
			name := a.As
			if !a.Cumulative {
				name += "_" + a.Edges[i-1].shortest()
			}
			out = append(out, name+"_"+a.Edges[i].shortest())
		}
	default:
		if out = a.moreNames(); out == nil {
			out = []string{a.As}
		}
	}
	return out
}
