package anon

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/report"
)

// fitTotals replaces, once all tables are made, the columns that are to add up.
func (r *Release) fitTotals(ctx context.Context) error {
	noised := map[string]*dp.Release{}
	for _, t := range r.tables {
		if rel, ok := t.source.(*dp.Release); ok {
			noised[t.step.Name] = rel
		}
	}
	for i := range r.plan.policy.Consistent {
		c := &r.plan.policy.Consistent[i]
		var tables []*dp.Release
		for _, name := range c.Releases {
			tables = append(tables, noised[name])
		}
		fitted, err := dp.Reconcile(c.Column, nil, tables...)
		if err != nil {
			return fault.Planf("consistent: %s: %w", c.Column, err)
		}
		for k, name := range c.Releases {
			r.replaceColumn(name, c, fitted[k], noised[name])
			fitted[k].Release()
		}
	}
	for i := range r.plan.policy.Consistent {
		if err := r.recountTotals(ctx, &r.plan.policy.Consistent[i]); err != nil {
			return err
		}
	}
	return nil
}

// replaceColumn puts the fitted column, and what is left, into the table of a
// release and into its figures.
func (r *Release) replaceColumn(name string, c *Consistent, fitted arrow.Record, noised *dp.Release) {
	at := slices.IndexFunc(r.tables, func(t table) bool { return t.step.Name == name })
	t := &r.tables[at]
	rec := t.fitted // by another list before
	if rec == nil {
		rec = noised.Record()
	}
	fields, columns := rec.Schema().Fields(), slices.Clone(rec.Columns())
	col := rec.Schema().FieldIndices(c.Column)[0]
	own := fitted.Schema().FieldIndices(c.Column)[0]
	fields, columns = slices.Clone(fields), slices.Replace(columns, col, col+1, fitted.Columns()[own:]...)
	fields = slices.Replace(fields, col, col+1, fitted.Schema().Fields()[own:]...)
	out := array.NewRecord(arrow.NewSchema(fields, nil), columns, rec.NumRows())
	if t.fitted != nil {
		t.release()
	}
	memory := arrowio.NewMemory(out.Schema(), out)
	t.fitted, t.source = out, memory
	t.release = func() { memory.Release(); out.Release() }
	r.eachFigure(name, func(a *report.AggregateInfo) {
		if a.As == c.Column {
			a.Released = released(out, c.Column)
		}
	})
}

func (r *Release) eachFigure(name string, do func(*report.AggregateInfo)) {
	for i := range r.report.Releases {
		if rel := &r.report.Releases[i]; rel.Name == name {
			for k := range rel.Statistics.Aggregates {
				do(&rel.Statistics.Aggregates[k])
			}
		}
	}
}

// recountTotals adds the finished tables up, by code that shares nothing with
// the fit, and marks the claims as counted.
func (r *Release) recountTotals(ctx context.Context, c *Consistent) error {
	var tables []*texts
	steps := r.plan.stepsOf(c)
	for _, s := range steps {
		t, err := readTexts(ctx, r.Table(s.Name))
		if err != nil {
			return inRelease(s.Name, err)
		}
		tables = append(tables, t)
	}
	if err := c.addUp(steps, tables); err != nil {
		return err
	}
	for i := range r.report.Releases {
		rel := &r.report.Releases[i]
		for k := range rel.Claims {
			if cl := &rel.Claims[k]; slices.Contains(c.Releases, rel.Name) && cl.Model == totalsModel && cl.Parameters["column"] == c.Column {
				cl.Checked = "output"
			}
		}
	}
	return nil
}

// addUp checks that every number of the column is the sum of its parts and of
// what is left: exactly, for counts as whole numbers, for sums as the sum of
// floating-point numbers in the order of the tables. A group whose own coarser
// group was not released is part of the next coarser one that was.
func (c *Consistent) addUp(steps []*step, tables []*texts) error {
	type total struct{ value, sum, rest number }
	counts := steps[0].Statistics.aggregate(c.Column).Kind != "sum"
	totals := make([][]total, len(tables))
	known := make([]map[string]int, len(tables))
	up := make([]func([]dp.GroupKey) []dp.GroupKey, len(tables))
	for i, t := range tables {
		if i > 0 {
			var err error
			if up[i], err = steps[i].dp.Above(steps[i-1].dp); err != nil {
				return inRelease(steps[i].Name, err)
			}
		}
		column, rest := slices.Index(t.names, c.Column), slices.Index(t.names, c.rest())
		known[i] = make(map[string]int, len(t.rows))
		totals[i] = make([]total, len(t.rows))
		for n, row := range t.rows {
			var one total
			ok := column >= 0 && one.value.parse(row[column], counts)
			if ok && i+1 < len(tables) {
				ok = rest >= 0 && one.rest.parse(row[rest], counts)
			}
			if !ok {
				return fault.Dataf("%s: %s or what is left is no number in some group; restore the table or release anew", steps[i].Name, c.Column)
			}
			totals[i][n] = one
			width := len(steps[i].Statistics.GroupBy)
			known[i][keyOf(row[:width])] = n
			key := make([]dp.GroupKey, width)
			for k, cell := range row[:width] {
				key[k] = dp.GroupKey{Text: cell.text, Null: cell.null}
			}
			for above := i; above > 0; above-- {
				key = up[above](key)
				if at, is := known[above-1][keyOf(cellsOf(key))]; is {
					totals[above-1][at].sum.add(one.value)
					break
				}
			}
		}
	}
	for i := range tables[:len(tables)-1] {
		for _, t := range totals[i] {
			if t.sum.add(t.rest); t.sum != t.value {
				return fault.Dataf("%s: a number of %s is not the sum of its parts in the finer tables and of %s; restore the tables or release anew", steps[i].Name, c.Column, c.rest())
			}
		}
	}
	return nil
}

// A number is a released count or sum; the other field stays 0.
type number struct {
	whole int64
	float float64
}

func (n *number) parse(c cell, whole bool) bool {
	var err error
	if whole {
		n.whole, err = strconv.ParseInt(c.text, 10, 64)
	} else {
		n.float, err = strconv.ParseFloat(c.text, 64)
	}
	return err == nil && !c.null
}

func (n *number) add(m number) {
	n.whole += m.whole
	n.float += m.float
}

// checkTotals checks the released tables of every list against one another.
func (v *verifier) checkTotals(ctx context.Context) error {
	for i := range v.policy.Consistent {
		c := &v.policy.Consistent[i]
		what := fmt.Sprintf("%s adds up exactly over %d tables", c.Column, len(c.Releases))
		steps := v.plan.stepsOf(c)
		if why := v.plan.unraisable(steps); why != "" {
			v.note("", "no", why, "%s", what)
			continue
		}
		var tables []*texts
		for _, s := range steps {
			t, ok := v.tables[s.Name]
			if !ok {
				return fault.Dataf("%s: its table was not read; release anew", s.Name)
			}
			tables = append(tables, t)
		}
		if err := c.addUp(steps, tables); err != nil {
			return err
		}
		v.note("", "output", "", "%s", what)
	}
	return nil
}
