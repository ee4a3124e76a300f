package anon

import (
	"context"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/report"
)

// maxPeoplePairs bounds the pairs of group and person that are held to count
// people truly: about a gigabyte.
const maxPeoplePairs = 10_000_000

// A truth is the plain counts of the input, by group key.
type truth struct {
	s      *step
	policy *Policy
	levels []int // of the group columns
	groups map[string]*trueGroup
	pairs  map[string]struct{} // of group and person
	rows   int64
	full   bool // people are no longer counted
}

type trueGroup struct {
	rows, people int64
	released     bool
}

// compareCounts counts the groups of the input and compares.
func (p *Plan) compareCounts(ctx context.Context, t table, src arrowio.Source, out *report.InternalRelease) error {
	c := &truth{s: t.step, policy: p.policy, groups: map[string]*trueGroup{}, pairs: map[string]struct{}{}}
	for _, g := range t.step.Statistics.GroupBy {
		level := 0
		if g.Level != "" {
			var err error
			if level, err = p.policy.Column(g.Column).levelNumber(g.Level); err != nil {
				return fault.Planf("internal report: %w", err)
			}
		}
		c.levels = append(c.levels, level)
	}
	src, err := p.sourceOf(t.step, src)
	if err != nil {
		return err
	}
	if err := c.count(ctx, src); err != nil {
		return err
	}
	if c.full {
		out.Notes = append(out.Notes, "error of people per group: there are more than ten million pairs of group and person")
	}
	if t.step.Statistics.UnitCell != nil {
		out.Notes = append(out.Notes, "error of people per group: the release counts people anew in every cell of time")
	}
	e, err := c.compare(ctx, t.source)
	out.Statistics = e
	return err
}

func (c *truth) columns() []string {
	var out []string
	for _, g := range c.s.Statistics.GroupBy {
		out = append(out, g.Column)
	}
	return out
}

// count reads the input.
func (c *truth) count(ctx context.Context, src arrowio.Source) error {
	keys := c.columns()
	names := slices.Clone(keys)
	if c.policy.Unit != "" {
		names = append(names, c.policy.Unit)
	}
	if len(names) == 0 {
		names = append(names, src.Schema().Field(0).Name) // to count rows
	}
	slices.Sort(names)
	names = slices.Compact(names)
	r, err := src.Open(ctx, names...)
	if err != nil {
		return err
	}
	defer r.Release()
	for r.Next() {
		rec := r.Record()
		cells := make([][]cell, len(keys))
		for j, name := range keys {
			if cells[j], err = c.policy.Column(name).generalize(column(rec, name), c.levels[j]); err != nil {
				return err
			}
		}
		var unit arrow.Array
		if c.policy.Unit != "" {
			unit = column(rec, c.policy.Unit)
		}
		row := make([]cell, len(keys))
		for i := range int(rec.NumRows()) {
			if unit != nil && code.IsNull(unit, i) {
				continue
			}
			for j := range row {
				row[j] = cells[j][i]
			}
			c.add(keyOf(row), unit, i)
		}
	}
	return r.Err()
}

func column(rec arrow.Record, name string) arrow.Array {
	return rec.Column(rec.Schema().FieldIndices(name)[0])
}

func (c *truth) add(key string, unit arrow.Array, i int) {
	g := c.groups[key]
	if g == nil {
		g = &trueGroup{}
		c.groups[key] = g
	}
	c.rows++
	g.rows++
	switch {
	case unit == nil:
		g.people++
	case len(c.pairs) >= maxPeoplePairs:
		c.full = true
	default:
		pair := keyOf([]cell{{text: key}, {text: code.Text(unit, i)}})
		if _, old := c.pairs[pair]; !old {
			c.pairs[pair] = struct{}{}
			g.people++
		}
	}
}

// compare reads the released table.
func (c *truth) compare(ctx context.Context, src arrowio.Source) (*report.StatisticsError, error) {
	e := &report.StatisticsError{InputRows: c.rows, InputGroups: int64(len(c.groups)), Counts: []report.CountError{}}
	keys := c.columns()
	r, err := src.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Release()
	var counted []*Aggregate
	for i := range c.s.Statistics.Aggregates {
		a := &c.s.Statistics.Aggregates[i]
		if a.Kind == "count" || a.Kind == "count-units" && !c.full && c.s.Statistics.UnitCell == nil {
			counted = append(counted, a)
		}
	}
	released, truths := make([][]float64, len(counted)), make([][]float64, len(counted))
	row := make([]cell, len(keys))
	for r.Next() {
		rec := r.Record()
		for i := range int(rec.NumRows()) {
			for j, name := range keys {
				a := column(rec, name)
				if row[j] = (cell{null: code.IsNull(a, i)}); !row[j].null {
					row[j].text = code.Text(a, i)
				}
			}
			e.ReleasedGroups++
			g := c.groups[keyOf(row)]
			if g == nil {
				e.EmptyGroups++
				g = &trueGroup{}
			}
			g.released = true
			for k, a := range counted {
				x, ok := numberAt(column(rec, a.As), i)
				if !ok {
					continue
				}
				n := g.rows
				if a.Kind == "count-units" {
					n = g.people
				}
				released[k], truths[k] = append(released[k], x), append(truths[k], float64(n))
			}
		}
	}
	for _, g := range c.groups {
		if !g.released {
			e.MissedGroups++
			e.MissedRows += g.rows
		}
	}
	for k, a := range counted {
		e.Counts = append(e.Counts, countError(a.As, a.Kind, released[k], truths[k]))
	}
	return e, r.Err()
}
