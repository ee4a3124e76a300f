package anon

import (
	"context"
	"encoding/binary"
	"hash/maphash"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/hierarchy"
	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/kanon"
	"github.com/oboro-data/oboro/report"
)

// checkInput generalises the input again, plainly, and compares: the released
// rows are those of the input in the released classes, all of them and no
// others, and every class has the people that are claimed. It reports whether
// people were counted.
func (v *verifier) checkInput(ctx context.Context, s *step, m *report.Microdata, src arrowio.Source) (bool, error) {
	const what = "the rows are those of the input, generalised to the levels reported"
	switch {
	case v.o.Input == nil:
		return false, nil
	case slices.ContainsFunc(s.Microdata.Models, func(m Model) bool { return m.Kind == "delta-presence" }):
		// The subset was released, and its file is perhaps not at hand.
		v.note(s.Name, "no", "this recoding is checked from the output only", what)
		return false, nil
	}
	if _, err := v.policy.Plan(v.o.Input.Schema()); err != nil {
		return false, fault.Planf("the input is not one of this policy: %w", err)
	}
	if s.Microdata.Sample.IsSet() {
		return false, v.checkSampled(ctx, s, m)
	}
	if m.Recoding.Kind != "global" || v.policy.Nulls == kanon.NullIsWildcard || v.policy.lacksFiles() {
		why := "this recoding is checked from the output only"
		if v.policy.lacksFiles() {
			why = "the files that the policy refers to are not at hand; lay them beside policy.yaml"
		}
		rows, err := countRows(ctx, v.o.Input)
		if err != nil {
			return false, err
		}
		if rows != m.InputRows {
			return false, otherInput(s.Name)
		}
		v.note(s.Name, "input", "", "the input has as many rows as reported")
		v.note(s.Name, "no", why, what)
		return false, nil
	}
	if u := v.policy.Person; u != nil && u.People != nil && u.of == nil {
		v.note(s.Name, "no", "the file of people is not at hand; lay it beside policy.yaml", what)
		return false, nil
	}
	c := newComparison(v, s, m, src.Schema())
	if err := c.read(ctx, v.policy.withUnit(v.o.Input), true); err != nil {
		return false, err
	}
	rows := c.rows
	if err := c.read(ctx, src, false); err != nil {
		return false, err
	}
	if rows != m.InputRows {
		return false, otherInput(s.Name)
	}
	smallest := int64(-1)
	for _, k := range c.classes {
		if k.released.rows == 0 {
			continue
		}
		if k.released != k.input {
			return false, fault.Dataf("%s: the rows of a released class are not those of the input; restore the table or release anew", s.Name)
		}
		if smallest < 0 || k.people < smallest {
			smallest = k.people
		}
	}
	if want := max(smallest, 0); want != m.SmallestClass {
		return false, fault.Dataf("%s: the smallest class does not have the %s that are reported; release anew", s.Name, m.Counted)
	}
	v.note(s.Name, "input", "", what)
	v.note(s.Name, "input", "", "the smallest class has %d %s", m.SmallestClass, m.Counted)
	return true, nil
}

func otherInput(release string) error {
	return fault.Dataf("%s: the input has another number of rows than reported; is it the input of this release?", release)
}

// countRows reads a table and counts its rows.
func countRows(ctx context.Context, src arrowio.Source) (int64, error) {
	r, err := src.Open(ctx)
	if err != nil {
		return 0, err
	}
	defer r.Release()
	var rows int64
	for r.Next() {
		rows += r.Record().NumRows()
	}
	return rows, r.Err()
}

// A comparison counts the classes of two tables. Rows are compared by the sum
// of their hashes under a secret seed, which does not depend on their order.
type comparison struct {
	v        *verifier
	name     string
	m        *report.Microdata
	columns  []string // of the release
	compared []bool   // whose values have one form in both tables
	seeds    [2]maphash.Seed
	classes  map[string]*comparedClass
	people   map[[2]uint64]struct{} // of class and person
	rows     int64
}

type comparedClass struct {
	input, released rowSum
	people          int64 // of the input
}

type rowSum struct {
	rows int64
	sum  [2]uint64
}

func newComparison(v *verifier, s *step, m *report.Microdata, out *arrow.Schema) *comparison {
	c := &comparison{
		v: v, name: s.Name, m: m, seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		classes: map[string]*comparedClass{}, people: map[[2]uint64]struct{}{},
	}
	in := v.o.Input.Schema()
	for _, f := range out.Fields() {
		c.columns = append(c.columns, f.Name)
		was := in.Field(in.FieldIndices(f.Name)[0]).Type
		same := arrow.TypeEqual(code.ValueType(was), code.ValueType(f.Type))
		if v.policy.Column(f.Name).Set != nil {
			same = false // tags are left out
		}
		c.compared = append(c.compared, same || v.policy.Column(f.Name).Role == QuasiIdentifier && v.policy.Column(f.Name).Set == nil)
	}
	return c
}

// read adds the rows of one of the tables.
func (c *comparison) read(ctx context.Context, src arrowio.Source, input bool) error {
	columns := c.columns
	if unit := c.v.policy.Unit; input && unit != "" {
		columns = append(columns[:len(columns):len(columns)], unit)
	}
	r, err := src.Open(ctx, columns...)
	if err != nil {
		return err
	}
	defer r.Release()
	c.rows = 0
	for r.Next() {
		rec := r.Record()
		texts, err := c.texts(rec, input)
		if err != nil {
			return inRelease(c.name, err)
		}
		for i := range int(rec.NumRows()) {
			c.add(rec, texts, i, input)
		}
		c.rows += rec.NumRows()
	}
	return r.Err()
}

// texts generalises the quasi-identifiers of a batch; other columns are nil.
func (c *comparison) texts(rec arrow.Record, input bool) ([][]cell, error) {
	out := make([][]cell, len(c.columns))
	for j, name := range c.columns {
		col := c.v.policy.Column(name)
		if col.Role != QuasiIdentifier || col.Set != nil {
			continue
		}
		level := 0
		if input {
			level = c.m.Recoding.Levels[name]
		}
		cells, err := col.generalize(rec.Column(j), level)
		if err != nil {
			return nil, err
		}
		out[j] = cells
	}
	return out, nil
}

// generalize is the plain definition of a level, value by value: null stays
// null below the last level, and unlisted values are "*" where they may be.
func (c *Column) generalize(a arrow.Array, level int) ([]cell, error) {
	out := make([]cell, a.Len())
	names := c.levelNames()
	top := level > 0 && level == len(names)-1
	var labels []string
	var listed []bool
	if level > 0 && !(top && names[level] == hierarchy.Top) {
		var err error
		if labels, listed, err = c.Hierarchy.built.Generalize(a, level); err != nil {
			return nil, err
		}
	}
	last := hierarchy.Top
	for i := range out {
		switch null := code.IsNull(a, i); {
		case level == 0:
			out[i] = cell{null: null}
			if !null {
				out[i].text = code.Text(a, i)
			}
		case labels == nil:
			out[i].text = hierarchy.Top
		case null:
			out[i].null = true
		case !listed[i]:
			out[i].text = hierarchy.Top
		default:
			out[i].text, last = labels[i], labels[i]
		}
	}
	if top && labels != nil { // all have one label, and null joins it
		for i := range out {
			out[i] = cell{text: last}
		}
	}
	return out, nil
}

func (c *comparison) add(rec arrow.Record, texts [][]cell, i int, input bool) {
	var key, row []byte
	for j := range c.columns {
		switch a := rec.Column(j); {
		case texts[j] != nil:
			key = append(key, keyOf(texts[j][i:i+1])...)
		case !c.compared[j]:
		case code.IsNull(a, i):
			row = append(row, keyOf([]cell{{null: true}})...)
		default:
			row = append(row, keyOf([]cell{{text: code.Text(a, i)}})...)
		}
	}
	k := c.classes[string(key)]
	if k == nil {
		k = &comparedClass{}
		c.classes[string(key)] = k
	}
	side := &k.released
	if input {
		side = &k.input
		k.people += c.person(rec, key, i)
	}
	side.rows++
	for n := range side.sum {
		side.sum[n] += maphash.Bytes(c.seeds[n], row)
	}
}

// person is 1 where the row's person is new to the class, else 0. All rows of
// null unit are one person.
func (c *comparison) person(rec arrow.Record, key []byte, i int) int64 {
	if c.v.policy.UnitIsRow {
		return 1
	}
	unit := rec.Column(len(c.columns))
	id := cell{null: code.IsNull(unit, i)}
	if !id.null {
		id.text = code.Text(unit, i)
	}
	text := binary.LittleEndian.AppendUint64(nil, uint64(len(key)))
	text = append(append(text, key...), keyOf([]cell{id})...)
	h := [2]uint64{maphash.Bytes(c.seeds[0], text), maphash.Bytes(c.seeds[1], text)}
	if _, old := c.people[h]; old {
		return 0
	}
	c.people[h] = struct{}{}
	return 1
}
