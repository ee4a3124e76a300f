package anon

import (
	"fmt"
	"slices"
	"time"
)

// Microdata declares a release of anonymised rows.
type Microdata struct {
	// Basis is the legal or contractual ground for releasing rows.
	Basis string
	// Columns are the columns written; nil: all but identifiers.
	Columns []string
	Models  []Model
	// SuppressionLimit is the share of rows that may be dropped; not set: 0.
	SuppressionLimit Number
	Cost             Cost
	Search           string        // optimal, anytime, mondrian or mdav
	Deadline         time.Duration // of anytime
	Recode           string        // global, local or cells
	// Centres says what search: mdav writes for the values of a group, by column:
	// mean, median, mode or interval.
	Centres map[string]string
	// Sample is the probability with which each person is in the table at all;
	// not set: everybody is.
	Sample Number
	// Levels fixes levels by number or name: a public plan.
	Levels   map[string]string
	RowOrder string // shuffled or input

	// Idle names the columns whose km-anonymity has nothing to protect, because
	// the release leaves them out. Those models are not among Models.
	Idle []string

	levelsAt, columnsAt, limitAt, orderAt   place
	searchAt, recodeAt, centresAt, sampleAt place
	costGiven                               bool
}

// A Model is one privacy model with its parameters; those that the kind does
// not have are not set.
type Model struct {
	Kind string // as in the policy: "k-anonymity", "l-diversity", …
	// Column is the sensitive column, or the set column of km-anonymity.
	Column string
	K, M   int64
	L      Number // l-diversity; whole but for the entropy variants
	C      Number // recursive l-diversity
	T      Number // t-closeness
	Beta   Number // beta-likeness
	Delta  Number // delta-disclosure
	Min    Number // delta-presence
	Max    Number // delta-presence
	// Threshold is that of average-risk and sample-uniqueness.
	Threshold    Number
	Significance Number // k-map
	Variant      string // l-diversity, beta-likeness
	Distance     string // t-closeness
	Estimator    string // k-map
	Population   int64  // k-map
	Table        *File  // subset of delta-presence, population table of k-map
	at           place
}

// Cost says how the loss of a recoding is measured.
type Cost struct {
	Metric    string
	GSFactor  Number // not set: 0.5
	Aggregate string // of loss; "": geometric-mean
	Weights   map[string]Number
	at        place
}

var (
	modelWords = []string{"k-anonymity", "l-diversity", "t-closeness", "beta-likeness", "delta-disclosure", "delta-presence",
		"k-map", "average-risk", "sample-uniqueness", "km-anonymity"}
	metricWords = []string{"loss", "discernibility", "discernibility-star", "average-class-size", "precision", "precision-monotonic", "height",
		"non-uniform-entropy", "non-uniform-entropy-monotonic", "ambiguity", "kl-divergence", "entropy-based"}
	aggregateWords = []string{"geometric-mean", "arithmetic-mean", "sum", "max", "rank"}
)

const maxCount = int64(1) << 40 // of k, l and other numbers of people or rows

func (p *Policy) decodeMicrodata(o *object) *Microdata {
	m := &Microdata{
		columnsAt: o.place("columns"), levelsAt: o.place("levels"), limitAt: o.place("suppression-limit"), orderAt: o.place("row-order"),
	}
	o.need("basis", "rows of people need a ground, such as a contract or a consent; statistics don't")
	m.Basis = o.text("basis")
	if o.has("basis") && m.Basis == "" {
		o.add(o.place("basis"), "empty; name the contract, consent or law that this release rests on")
	}
	m.Columns = o.texts("columns")
	if o.need("models", "a release of rows needs at least one privacy model, such as `- k-anonymity: {k: 5}`") {
		for i, n := range o.items("models") {
			if model, ok := p.decodeModel(o, n, fmt.Sprintf("%s.models[%d]", o.at.key, i)); ok {
				m.Models = append(m.Models, model)
			}
		}
	}
	m.setIdleAside()
	m.SuppressionLimit = o.float("suppression-limit", "0", "1")
	m.decodeCost(o)
	m.Search = o.choice("search", "optimal", "anytime", "mondrian", "mdav")
	m.decodeDeadline(o)
	m.Recode = o.choice("recode", "global", "local", "cells")
	m.searchAt, m.recodeAt = o.place("search"), o.place("recode")
	m.decodeCentres(o)
	m.decodeSample(o)
	m.decodeFixedLevels(o)
	m.RowOrder = o.choice("row-order", "shuffled", "input")
	return m
}

// setIdleAside takes out km-anonymity of columns that are not released, unless
// no other model would be left.
func (m *Microdata) setIdleAside() {
	idle := func(x Model) bool {
		return x.Kind == "km-anonymity" && m.Columns != nil && !slices.Contains(m.Columns, x.Column)
	}
	if !slices.ContainsFunc(m.Models, func(x Model) bool { return !idle(x) }) {
		return
	}
	for _, x := range m.Models {
		if idle(x) {
			m.Idle = append(m.Idle, x.Column)
		}
	}
	m.Models = slices.DeleteFunc(m.Models, idle)
}

func (m *Microdata) decodeDeadline(o *object) {
	text := o.text("deadline")
	switch {
	case !o.has("deadline"):
		if m.Search == "anytime" {
			o.add(o.place("search"), "anytime needs a deadline; add e.g. deadline: 30s")
		}
		return
	case m.Search != "anytime":
		o.add(o.place("deadline"), "a deadline is for search: anytime; remove it or write search: anytime")
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		o.add(o.place("deadline"), "%s is no duration; write e.g. 30s or 5m", quote(text))
	}
	m.Deadline = d
}

func (m *Microdata) decodeFixedLevels(o *object) {
	n := o.find("levels")
	if n == nil {
		return
	}
	at := o.place("levels")
	if n.kind != mapNode {
		o.add(at, "this must be a map from columns to levels, but is %s; write e.g. {age: 2}", n.kind)
		return
	}
	m.Levels = map[string]string{}
	for _, e := range n.entries {
		if e.value.kind != scalarNode {
			o.add(place{e.line, join(at.key, e.key)}, "a level is a number or a name, not %s; write e.g. {age: 2}", e.value.kind)
			continue
		}
		m.Levels[e.key] = e.value.text
	}
}

func (m *Microdata) decodeCost(o *object) {
	m.Cost = Cost{Metric: "loss", at: o.place("cost")}
	n := o.find("cost")
	if n == nil {
		return
	}
	m.costGiven = true
	c := o.object(n, o.place("cost").key)
	defer c.done()
	m.Cost.Metric = c.choice("metric", metricWords...)
	m.Cost.GSFactor = c.float("gs-factor", "0", "1")
	if c.has("aggregate") {
		m.Cost.Aggregate = c.choice("aggregate", aggregateWords...)
		if m.Cost.Metric != "loss" {
			c.add(c.place("aggregate"), "an aggregate is for metric: loss; remove it")
		}
	}
	c.find("aggregate")
	w := c.find("weights")
	if w == nil {
		return
	}
	if w.kind != mapNode {
		c.add(c.place("weights"), "this must be a map from columns to weights, but is %s; write e.g. {age: 2}", w.kind)
		return
	}
	wo := c.object(w, c.place("weights").key)
	m.Cost.Weights = map[string]Number{}
	for _, e := range w.entries {
		m.Cost.Weights[e.key] = wo.float(e.key, "0", "1e6")
	}
}

// parameters of a model that must be given, with why.
func (o *object) required(keys ...string) {
	for _, k := range keys {
		o.need(k, "this model needs it; see docs/policy.md")
	}
}

func (p *Policy) decodeModel(rel *object, n *node, key string) (Model, bool) {
	kind, o := rel.only(n, key, modelWords)
	if o == nil {
		return Model{}, false
	}
	defer o.done()
	m := Model{Kind: kind, at: o.at}
	if slices.Contains([]string{"l-diversity", "t-closeness", "beta-likeness", "delta-disclosure", "km-anonymity"}, kind) {
		o.required("column")
		m.Column = o.name("column")
	}
	switch kind {
	case "k-anonymity":
		o.required("k")
		m.K = o.integer("k", 0, 1, maxCount)
	case "l-diversity":
		o.required("l")
		m.Variant = o.choice("variant", "distinct", "entropy", "entropy-grassberger", "recursive")
		m.decodeL(o)
	case "t-closeness":
		o.required("t")
		m.T = o.float("t", "0", "1")
		m.Distance = o.choice("distance", "equal", "ordered", "hierarchical")
	case "beta-likeness":
		o.required("beta")
		m.Beta = o.float("beta", "(0", "")
		m.Variant = o.choice("variant", "basic", "enhanced")
	case "delta-disclosure":
		o.required("delta")
		m.Delta = o.float("delta", "(0", "")
	case "delta-presence":
		o.required("min", "max", "subset")
		m.Min, m.Max = o.float("min", "0", "1"), o.float("max", "0", "1")
		if m.Min.IsSet() && m.Max.IsSet() && m.Min.rat.Cmp(m.Max.rat) > 0 {
			o.add(o.place("min"), "min is more than max; swap them")
		}
		m.Table = p.modelFile(o, "subset")
	case "k-map":
		m.decodeKMap(p, o)
	case "average-risk", "sample-uniqueness":
		o.required("threshold")
		m.Threshold = o.float("threshold", "0", "1")
	case "km-anonymity":
		o.required("k", "m")
		m.K, m.M = o.integer("k", 0, 1, maxCount), o.integer("m", 0, 1, 4)
	}
	return m, true
}

// decodeL reads l, a whole number but for the entropy variants, and the c of
// recursive (c,l)-diversity.
func (m *Model) decodeL(o *object) {
	m.L = o.float("l", "1", "1e6")
	if whole := m.Variant == "distinct" || m.Variant == "recursive"; whole && m.L.IsSet() && !m.L.rat.IsInt() {
		o.add(o.place("l"), "%s is no whole number, which variant %s needs; write one", m.L, m.Variant)
	}
	m.C = o.float("c", "(0", "")
	switch {
	case m.Variant == "recursive" && !o.has("c"):
		o.need("c", "recursive (c, l)-diversity needs c; write e.g. c: 3")
	case m.Variant != "recursive" && o.has("c"):
		o.add(o.place("c"), "c is for variant: recursive; remove it")
	}
}

func (m *Model) decodeKMap(p *Policy, o *object) {
	o.required("k")
	m.K = o.integer("k", 0, 1, maxCount)
	byTable := o.has("population-table")
	if byTable {
		m.Table = p.modelFile(o, "population-table")
		for _, key := range []string{"population", "estimator", "significance"} {
			if o.has(key) {
				o.add(o.place(key), "a population table is counted, not estimated; remove %s or population-table", key)
			}
			o.find(key)
		}
		return
	}
	o.find("population-table")
	o.need("population", "say how many people the population has, or give a population-table")
	m.Population = o.integer("population", 0, 1, maxCount)
	m.Estimator = o.choice("estimator", "poisson", "zero-truncated-poisson")
	o.need("significance", "say with which probability a class may be smaller than k, e.g. 0.01")
	m.Significance = o.float("significance", "(0", "(1")
}

func (p *Policy) modelFile(o *object, key string) *File {
	path := o.text(key)
	if path == "" {
		if o.has(key) {
			o.add(o.place(key), "empty; name a CSV file")
		}
		return nil
	}
	return p.refer(path)
}
