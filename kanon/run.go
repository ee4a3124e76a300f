package kanon

import (
	"context"
	"crypto/rand"
	mathrand "math/rand/v2"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/hierarchy"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/internal/fold"
)

// Anonymize generalises and suppresses rows of src until every model holds, at
// the least cost that the search finds, and checks the outcome by an
// independent recount before it returns it.
//
// The source is read once to count it. If other columns are written than those
// that are counted (quasi-identifiers, and the sensitive columns of models), or
// rows keep the order of the input, it is read once more. Rows leave grouped by
// class, in random order inside a class.
//
// A spec that does not fit the source is an error of kind Plan, before any row
// is read; models that can't be satisfied within the suppression limit, or
// values that a hierarchy does not list, are errors of kind Data.
//
// What k-anonymity does not give: see the package comment.
func Anonymize(ctx context.Context, src arrowio.Source, spec *Spec) (*Release, error) {
	p, err := spec.plan(src.Schema())
	if err != nil {
		return nil, err
	}
	t, err := p.count(ctx, src)
	if err != nil {
		return nil, err
	}
	var population func([]uint32) int64
	if p.population != NoPopulation {
		if t, population, err = p.joinPopulation(ctx, t); err != nil {
			return nil, err
		}
	}
	columns, sensitive, fixed, err := p.tables(t)
	if err != nil {
		return nil, err
	}
	base, classOf, err := newClassifiedSet(t, columns, sensitive, population)
	if err != nil {
		return nil, err
	}
	if err := p.checkSubset(base); err != nil {
		return nil, err
	}
	found, a, err := p.search(ctx, base, fixed)
	if err != nil {
		return nil, err
	}
	rows, err := p.rows(ctx, src, t, base, classOf, a)
	if err != nil {
		return nil, err
	}
	rel := &Release{
		InputRows: t.totalRows, Rows: rows.numRows(), SuppressedRows: t.totalRows - rows.numRows(), Counted: "rows",
		Recoding: a.recoding(p.recode(), base, fixed, p.quasi), Metric: p.cost.String(), Cost: found.Score, Search: *found,
		schema: rows.Schema(), table: rows, close: rows.close,
	}
	if spec.Unit != "" {
		rel.Counted = "people"
	}
	if spec.Search == "mdav" {
		rel.Metric = "mean Gower distance"
	}
	rel.Search.set, rel.Search.suppressed = nil, nil
	if err := p.verify(ctx, rel, t, classOf, a); err != nil {
		rel.Close()
		return nil, err
	}
	if err := p.verifySets(ctx, rel); err != nil {
		rel.Close()
		return nil, err
	}
	return rel, nil
}

// recode is the kind of recoding asked for.
func (p *plan) recode() string {
	if p.spec.Search == "mondrian" || p.spec.Search == "mdav" {
		return p.spec.Search
	}
	if p.spec.Recode == "" {
		return "global"
	}
	return p.spec.Recode
}

// count is the first read.
func (p *plan) count(ctx context.Context, src arrowio.Source) (*tuples, error) {
	columns, unit := p.counted()
	limit := p.countLimit(len(columns) + 1)
	defer limit.close()
	newCounter := newCounters(columns, unit, limit)
	c, err := newCounter()
	if err != nil {
		return nil, err
	}
	c, err = fold.Source(ctx, src, newCounter, fold.Options{Workers: p.spec.Workers, Columns: c.Columns(), Progress: p.progress("count")})
	if err != nil {
		return nil, err
	}
	return c.finish()
}

func (p *plan) progress(stage string) func(int64) {
	if p.spec.Progress == nil {
		return nil
	}
	return func(n int64) { p.spec.Progress(Progress{Stage: stage, Done: n}) }
}

// tables applies the hierarchies to the values present, and finds fixed levels.
func (p *plan) tables(t *tuples) (columns, sensitive []Column, fixed []int, err error) {
	for i, c := range t.columns {
		quasi := i < len(p.quasi)
		var q QuasiIdentifier
		if quasi {
			q = p.quasi[i]
		} else {
			q = p.sensitive[i-len(p.quasi)]
		}
		if quasi && c.null >= 0 && p.spec.Nulls == NullRejected {
			return nil, nil, nil, fault.Dataf("column %q: %d rows have no value, and nulls: reject; fill them, or choose nulls: value", c.name, t.columnRows(i)[c.null])
		}
		table, err := hierarchy.Apply(q.Hierarchy, c.values, hierarchy.Options{
			Column: c.name, Null: c.null, Rows: func() []int64 { return t.columnRows(i) }, UnlistedToTop: q.Unlisted == TopUnlisted, DomainSize: q.DomainSize,
		})
		if err != nil {
			return nil, nil, nil, err
		}
		if !quasi {
			sensitive = append(sensitive, Column{Name: c.name, Table: *table})
			continue
		}
		columns = append(columns, Column{Name: c.name, Table: *table})
		fixed = append(fixed, -1)
		if q.Level != "" {
			var names []string
			for _, lv := range table.Levels {
				names = append(names, lv.Name)
			}
			if fixed[i], err = levelIndex(q, names); err != nil {
				return nil, nil, nil, err
			}
		}
	}
	return columns, sensitive, fixed, nil
}

// search finds the recoding.
func (p *plan) search(ctx context.Context, base *FrequencySet, fixed []int) (*SearchResult, *assignment, error) {
	o := SearchOptions{SuppressionLimit: p.spec.limit(base.Rows), Levels: fixed, WildcardNulls: p.spec.Nulls == NullIsWildcard, Workers: p.spec.Workers, Memory: p.spec.Memory / 4}
	if p.spec.Search == "anytime" {
		o.Deadline = p.spec.Deadline
	}
	if p.spec.Progress != nil {
		o.Progress = func(done, total int64) { p.spec.Progress(Progress{Stage: "search", Done: done, Total: total}) }
	}
	if p.spec.Recode == "local" {
		r, a, err := recodeLocally(ctx, base, p.spec.Models, p.cost, o)
		if err == nil && a == nil {
			err = p.infeasible()
		}
		return r, a, err
	}
	if p.spec.Search == "mondrian" {
		ranges := make([]bool, len(p.quasi))
		for i, q := range p.quasi {
			f, _ := p.field(q.Column)
			ranges[i] = q.Hierarchy == nil && ranged(f.Type)
		}
		r, a, err := recodeMondrian(ctx, base, p.spec.Models, p.cost, ranges)
		if err == nil && a == nil {
			err = p.infeasible()
		}
		return r, a, err
	}
	if p.spec.Search == "mdav" {
		r, a, err := recodeMDAV(ctx, base, p.spec.Models, p.aggregated(base))
		if err == nil && a == nil {
			err = p.infeasible()
		}
		return r, a, err
	}
	r, err := Search(ctx, base, p.spec.Models, p.cost, o)
	if err != nil {
		return nil, nil, err
	}
	if r.Node == nil && r.cutShort {
		return nil, nil, fault.Dataf("no generalisation was found before the deadline; give the search more time, or allow more suppression")
	}
	if r.Node == nil {
		return nil, nil, p.infeasible()
	}
	a := recode(base, r)
	if p.spec.Recode == "cells" {
		if err := suppressCells(ctx, base, p.spec.Models, r.Node, a, r); err != nil {
			return nil, nil, err
		}
	}
	return r, a, nil
}

func (p *plan) infeasible() error {
	names := ""
	for i, m := range p.spec.Models {
		if i > 0 {
			names += " and "
		}
		names += m.String()
	}
	return fault.Dataf("%s: no generalisation satisfies it with at most the share %v of rows suppressed; raise the suppression limit, let hierarchies generalise further, free fixed levels, or ask for less", names, p.spec.MaxSuppression)
}

// rows makes the rows of the release, from the tuples where they hold all that
// is written and memory holds an order of the rows, else from a second read.
func (p *plan) rows(ctx context.Context, src arrowio.Source, t *tuples, base *FrequencySet, classOf classMap, a *assignment) (writtenRows, error) {
	out := &rowTable{schema: outputSchema(p.schema, p.columns, func(name string) bool { return p.quasiIndex(name) >= 0 })}
	sizes := make([]int64, a.classes())
	for i := range t.rows {
		b := classOf.of(uint32(i))
		if k := a.class[b]; k >= 0 {
			sizes[k] += t.rows[i]
		}
	}
	if len(p.copied()) == 0 && p.spec.RowOrder == Shuffled && !p.orderSpills(t) {
		if err := p.rowsOfTuples(out, t, classOf, a, sizes); err != nil {
			return nil, err
		}
		return out, nil
	}
	return p.rowsOfSource(ctx, out, src, t, base, a, sizes)
}

// orderSpills reports whether the order of the rows, four bytes each, takes more
// of the memory limit than the rows of a second read may.
func (p *plan) orderSpills(t *tuples) bool {
	coded := slices.ContainsFunc(p.columns, func(name string) bool { return p.quasiIndex(name) < 0 })
	return coded && p.spec.Memory > 0 && 4*t.totalRows > p.spec.Memory/spreadShare
}

// rowsOfTuples lays out the rows by what was counted: equal rows can't be told
// apart, so none is missed.
func (p *plan) rowsOfTuples(out *rowTable, t *tuples, classOf classMap, a *assignment, sizes []int64) error {
	out.group(sizes)
	used := make([][]bool, len(t.columns))
	sources := false
	for _, name := range p.columns {
		if c := p.quasiIndex(name); c >= 0 {
			out.columns = append(out.columns, a.column(c))
			continue
		}
		c := len(p.quasi) + p.sensitiveIndex(name)
		used[c] = make([]bool, t.columns[c].values.Len())
		sources = true
		out.columns = append(out.columns, &codedColumn{codes: t.column(c), values: t.columns[c].values, null: t.columns[c].null, dict: p.dictionary(name)})
	}
	if !sources {
		return nil
	}
	out.order = make([]uint32, out.rows)
	next := make([]int64, a.classes())
	copy(next, out.starts)
	for i := range t.rows {
		b := classOf.of(uint32(i))
		k := a.class[b]
		if k < 0 || t.rows[i] == 0 {
			continue
		}
		for c, u := range used {
			if u != nil {
				u[t.column(c)[i]] = true
			}
		}
		run := out.order[next[k] : next[k]+t.rows[i]]
		for j := range run {
			run[j] = uint32(i)
		}
		next[k] += t.rows[i]
	}
	out.shuffle(newShuffle())
	for i, name := range p.columns {
		if col, ok := out.columns[i].(*codedColumn); ok {
			if err := col.keepUsed(used[len(p.quasi)+p.sensitiveIndex(name)]); err != nil {
				return err
			}
		}
	}
	return nil
}

// dictionary returns the type of a column written with a dictionary, nil if it
// is written plain.
func (p *plan) dictionary(name string) *arrow.DictionaryType {
	f, _ := p.field(name)
	if d, ok := f.Type.(*arrow.DictionaryType); ok {
		return &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: d.ValueType}
	}
	return nil
}

// rowsOfSource reads the source again and keeps what is written of the rows
// that stay, in memory or spread over a temporary file.
func (p *plan) rowsOfSource(ctx context.Context, out *rowTable, src arrowio.Source, t *tuples, base *FrequencySet, a *assignment, sizes []int64) (writtenRows, error) {
	var columns, read []string
	for _, q := range p.quasi {
		read = append(read, q.Column)
	}
	for _, name := range p.columns {
		if p.quasiIndex(name) < 0 {
			columns, read = append(columns, name), append(read, name)
		}
	}
	if len(p.spec.Sets) > 0 && p.spec.Unit != "" { // sets are counted by people
		columns, read = append(columns, p.spec.Unit), append(read, p.spec.Unit)
	}
	l := newLookup(base, t.columns[:len(p.quasi)])
	o := fold.Options{Workers: p.spec.Workers, Columns: read, Progress: p.progress("apply")}
	if p.spec.RowOrder == InputOrder {
		o.Workers = 1 // one worker sees the rows in their order
	}
	s := p.spread(sizes)
	c, err := fold.Source(ctx, src, func() (*copier, error) { return newCopier(l, a.class, p.schema, columns, s) }, o)
	if err == nil && c.rows != t.totalRows {
		err = errChanged()
	}
	if s != nil && s.begun() {
		return p.spreadRows(out.schema, s, c, a, err)
	}
	if err != nil {
		return nil, err
	}
	out.read = c
	if c.rows > 1<<32-1 {
		err = fault.Inputf("more than 4,294,967,295 rows are written with copied columns; set a memory limit, write counted columns only, or cut the input")
	} else {
		out.arrange(c, a.classes(), p.spec.RowOrder == InputOrder, newShuffle())
		err = p.copiedColumns(out, c, a, columns)
	}
	if err != nil {
		out.close()
		return nil, err
	}
	return out, nil
}

// spreadRows writes out what is still held and makes the table; err is that of
// the read.
func (p *plan) spreadRows(schema *arrow.Schema, s *spread, c *copier, a *assignment, err error) (writtenRows, error) {
	if err == nil {
		err = c.flush(true)
	}
	var t *partTable
	if err == nil {
		t, err = p.partTable(s, schema, c, a)
	}
	if err != nil {
		s.file.Close()
		return nil, err
	}
	return t, nil
}

// arrange finds the order in which the rows of c leave: that of the input, or
// grouped by class and shuffled.
func (t *rowTable) arrange(c *copier, classes int, inputOrder bool, random *mathrand.Rand) {
	t.group(c.sizes(classes))
	rows := uint32(0)
	t.chunks = []uint32{0}
	for _, k := range c.chunks {
		rows += uint32(len(k.class))
		t.chunks = append(t.chunks, rows)
	}
	t.order = make([]uint32, t.rows)
	if inputOrder {
		t.class = make([]uint32, 0, t.rows)
		at := 0
		for j, k := range c.chunks {
			for i, r := range k.class {
				if r >= 0 {
					t.order[at] = t.chunks[j] + uint32(i)
					t.class = append(t.class, uint32(r))
					at++
				}
			}
		}
		return
	}
	next := slices.Clone(t.starts)
	for j, k := range c.chunks {
		for i, r := range k.class {
			if r >= 0 {
				t.order[next[r]] = t.chunks[j] + uint32(i)
				next[r]++
			}
		}
	}
	t.shuffle(random)
}

// copiedColumns makes the columns of a table whose cells come from batches.
func (p *plan) copiedColumns(out *rowTable, c *copier, a *assignment, columns []string) error {
	for _, name := range p.columns {
		if q := p.quasiIndex(name); q >= 0 {
			out.columns = append(out.columns, a.column(q))
			continue
		}
		j := 0
		for columns[j] != name {
			j++
		}
		if set := p.set(name); set != nil {
			col, err := p.setColumn(set, c, j, slices.Index(columns, p.spec.Unit), a.classes())
			if err != nil {
				return err
			}
			out.columns = append(out.columns, col)
			continue
		}
		if c.coded[j] == nil {
			col := &chunkColumn{}
			for _, k := range c.chunks {
				col.chunks = append(col.chunks, k.arrays[j])
			}
			f, _ := p.field(name)
			col.dt = f.Type
			out.columns = append(out.columns, col)
			continue
		}
		col := &codedColumn{values: c.coded[j].Values(), null: c.coded[j].Null(), dict: p.dictionary(name)}
		used := make([]bool, col.values.Len())
		for _, k := range c.chunks {
			for i, v := range k.codes[j] {
				if k.class[i] >= 0 {
					used[v] = true
				}
			}
			col.codes = append(col.codes, k.codes[j]...)
		}
		if err := col.keepUsed(used); err != nil {
			return err
		}
		out.columns = append(out.columns, col)
	}
	return nil
}

// group sets where classes of some sizes begin.
func (t *rowTable) group(sizes []int64) {
	t.starts = make([]int64, len(sizes)+1)
	for k, n := range sizes {
		t.starts[k+1] = t.starts[k] + n
	}
	t.rows = t.starts[len(sizes)]
}

// newShuffle is a generator seeded from the operating system.
func newShuffle() *mathrand.Rand {
	var seed [32]byte
	rand.Read(seed[:])
	return mathrand.New(mathrand.NewChaCha8(seed))
}

// shuffle puts the rows of every class in random order (Fisher and Yates).
func (t *rowTable) shuffle(r *mathrand.Rand) {
	for k := range t.starts[1:] {
		run := t.order[t.starts[k]:t.starts[k+1]]
		for i := len(run) - 1; i > 0; i-- {
			j := r.Uint64N(uint64(i) + 1)
			run[i], run[j] = run[j], run[i]
		}
	}
}
