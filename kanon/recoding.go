package kanon

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/hierarchy"
	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/fault"
)

// A Recoding says how a table was generalised: for every quasi-identifier its
// level, and which classes were kept. It holds the labels that were released,
// and hierarchies: nothing of any row, and no value that was not released.
type Recoding struct {
	Kind    string          // "global", "local", "cells", "mondrian" or "mdav"
	Columns []RecodedColumn // the quasi-identifiers, in lattice order
	// LevelsFromData is true where a level was chosen by looking at the data,
	// false where all were fixed beforehand.
	LevelsFromData bool
	// Rounds are the full-domain recodings it is made of, the first applied
	// first: one for a global recoding, several for a local one, none for
	// the other kinds. A row is released by the first round that keeps its class.
	Rounds []Round

	quasi  []QuasiIdentifier
	dict   []*classColumn     // of each column: the labels that occur
	labels []map[string]int32 // label to its index in dict
	kept   map[string]int32   // keys of released classes
}

// A RecodedColumn is one quasi-identifier of a Recoding.
type RecodedColumn struct {
	Name   string
	Levels []string // level names, "raw" first
	Level  int      // the level of a global recoding; -1 where rows differ
	Fixed  bool     // the level was a public plan
	// LevelRows counts the released rows at every level where rows differ; nil
	// for a global recoding, and where labels are ranges or aggregates.
	LevelRows []int64
}

// A Round is one full-domain recoding and what it kept.
type Round struct {
	Node    Node
	Classes int64 // classes kept
	Rows    int64 // rows kept
}

// Levels returns the level of every column of a global recoding, by name, and
// nil for other kinds.
func (r *Recoding) Levels() map[string]int {
	if r.Kind != "global" {
		return nil
	}
	m := map[string]int{}
	for _, c := range r.Columns {
		m[c.Name] = c.Level
	}
	return m
}

// String writes the levels: "zip 2 (2), age 1 (5-years)", or the kind where rows differ.
func (r *Recoding) String() string {
	if r.Kind != "global" {
		return r.Kind + " recoding"
	}
	var b strings.Builder
	for i, c := range r.Columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(c.Name + " " + c.Levels[c.Level])
	}
	return b.String()
}

// Apply generalises the quasi-identifiers of a batch and drops the rows whose
// class is not a released one. Other columns are copied; leave out what must
// not leave, the unit first of all. Rows keep their order, which links them to
// the batch: shuffle them before they are published.
//
// Apply keeps nothing between batches and may run on several at once, here or
// on other machines. Over the table that the recoding was made of it gives the
// rows of the release. Rows of another table join the classes whose labels they
// have; their own number is not checked against any model.
//
// In other recodings than global and local ones a value has no label of its own;
// they are an error of kind Plan, as is a batch that lacks a quasi-identifier.
func (r *Recoding) Apply(rec arrow.Record) (arrow.Record, error) {
	if len(r.Rounds) == 0 {
		return nil, fault.Planf("a %s recoding can't be applied to batches; write the release instead", r.Kind)
	}
	n := int(rec.NumRows())
	codes := make([][]uint32, len(r.quasi))
	tables := make([]*hierarchy.Table, len(r.quasi))
	for q := range r.quasi {
		at := rec.Schema().FieldIndices(r.quasi[q].Column)
		if len(at) != 1 {
			return nil, fault.Planf("the batch has %d columns %q; it needs one", len(at), r.quasi[q].Column)
		}
		var err error
		if codes[q], tables[q], err = r.table(q, rec.Column(at[0])); err != nil {
			return nil, err
		}
	}
	labels := make([][]int32, len(r.quasi)) // of each row that stays
	var stay []cell
	left := make([]int, n)
	for i := range left {
		left[i] = i
	}
	for _, round := range r.Rounds {
		index := make([][]int32, len(r.quasi)) // code to label, at the round's node
		for q := range index {
			index[q] = r.index(q, &tables[q].Levels[round.Node[q]])
		}
		key := make([]int32, len(r.quasi))
		rest := left[:0]
		for _, i := range left {
			for q := range key {
				key[q] = index[q][codes[q][i]]
			}
			if _, ok := r.kept[string(labelKey(key))]; !ok {
				rest = append(rest, i)
				continue
			}
			stay = append(stay, cell{0, uint32(i)})
			for q, l := range key {
				labels[q] = append(labels[q], l)
			}
		}
		left = rest
	}
	return r.record(rec, stay, labels)
}

// table codes a quasi-identifier and applies its hierarchy to the values met.
func (r *Recoding) table(q int, col arrow.Array) ([]uint32, *hierarchy.Table, error) {
	e, err := code.NewEncoder(col.DataType())
	if err != nil {
		return nil, nil, fmt.Errorf("column %q: %w", r.quasi[q].Column, err)
	}
	codes, err := e.Encode(nil, col)
	if err != nil {
		return nil, nil, fmt.Errorf("column %q: %w", r.quasi[q].Column, err)
	}
	values := e.Values()
	defer values.Release()
	t, err := hierarchy.Apply(r.quasi[q].Hierarchy, values, hierarchy.Options{
		Column: r.quasi[q].Column, Null: e.Null(), UnlistedToTop: r.quasi[q].Unlisted == TopUnlisted,
	})
	return codes, t, err
}

// index maps the codes of a level to labels of the release: -1 is null, -2 a
// label that no released class has.
func (r *Recoding) index(q int, lv *hierarchy.Level) []int32 {
	of := make([]int32, len(lv.Labels))
	for l, text := range lv.Labels {
		of[l] = -2
		if i, ok := r.labels[q][text]; ok {
			of[l] = i
		}
		if int32(l) == lv.Null {
			of[l] = -1
		}
	}
	out := make([]int32, len(lv.Codes))
	for v, l := range lv.Codes {
		out[v] = of[l]
	}
	return out
}

// record makes the batch of the rows that stay, in their order.
func (r *Recoding) record(rec arrow.Record, stay []cell, labels [][]int32) (arrow.Record, error) {
	order := all(len(stay))
	slices.SortFunc(order, func(a, b int32) int { return cmp.Compare(stay[a].at, stay[b].at) })
	sorted := make([]cell, len(stay))
	class := make([]uint32, len(stay)) // every row its own class, for classColumn
	for i, o := range order {
		sorted[i], class[i] = stay[o], uint32(o)
	}
	var names []string
	for _, f := range rec.Schema().Fields() {
		names = append(names, f.Name)
	}
	column := func(name string) int {
		return slices.IndexFunc(r.quasi, func(q QuasiIdentifier) bool { return q.Column == name })
	}
	schema := outputSchema(rec.Schema(), names, func(name string) bool { return column(name) >= 0 })
	rows := &rowTable{class: class}
	cols := make([]arrow.Array, len(names))
	for c, name := range names {
		var err error
		switch q := column(name); {
		case q >= 0:
			cols[c], err = (&classColumn{dict: r.dict[q].dict, index: labels[q]}).batch(rows, 0, int64(len(stay)), nil)
		case rec.Column(c).DataType().ID() == arrow.DICTIONARY:
			cols[c], err = takeDictionary(rec.Column(c), sorted, schema.Field(c).Type.(*arrow.DictionaryType))
		default:
			cols[c], err = take(rec.Column(c).DataType(), []arrow.Array{rec.Column(c)}, sorted)
		}
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", name, err)
		}
		defer cols[c].Release()
	}
	return array.NewRecord(schema, cols, int64(len(stay))), nil
}

// takeDictionary takes cells of a dictionary column, with a dictionary of the
// values taken.
func takeDictionary(col arrow.Array, cells []cell, dt *arrow.DictionaryType) (arrow.Array, error) {
	e, err := code.NewEncoder(col.DataType())
	if err != nil {
		return nil, err
	}
	codes, err := e.Encode(nil, col)
	if err != nil {
		return nil, err
	}
	coded := &codedColumn{codes: codes, values: e.Values(), null: e.Null(), dict: dt}
	used, order := make([]bool, e.Len()), make([]uint32, len(cells))
	for i, c := range cells {
		used[codes[c.at]], order[i] = true, c.at
	}
	if err := coded.keepUsed(used); err != nil {
		return nil, err
	}
	return coded.batch(&rowTable{order: order}, 0, int64(len(cells)), nil)
}
