package kanon

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/internal/fold"
)

// checkPopulation reports what keeps the models from their population: none is
// given, models differ in what it is, or it lacks a quasi-identifier.
func (p *plan) checkPopulation() error {
	kind := NoPopulation
	for _, m := range p.spec.Models {
		n, ok := m.(NeedsPopulation)
		if !ok || n.Population() == NoPopulation {
			continue
		}
		if p.spec.Population == nil {
			return fault.Planf("%s compares the table with a population, and none is given", m)
		}
		if kind != NoPopulation && n.Population() != kind {
			return fault.Planf("%s needs another population than the models before it: the table is a part of one, and comes from the other; use one of them", m)
		}
		kind = n.Population()
	}
	if kind == NoPopulation {
		if p.spec.Population != nil {
			return fault.Planf("a population is given, and no model compares with it; leave it out")
		}
		return nil
	}
	if kind == ResearchSubset && p.spec.Recode == "local" {
		return fault.Planf("delta-presence needs recode: global: where rows differ in their levels, so do the people of the population that fit them")
	}
	schema := p.spec.Population.Schema()
	for _, q := range p.quasi {
		f, _ := p.field(q.Column)
		at := schema.FieldIndices(q.Column)
		if len(at) != 1 {
			return fault.Planf("the population has %d columns %q; it needs every quasi-identifier, once", len(at), q.Column)
		}
		if !arrow.TypeEqual(code.ValueType(f.Type), code.ValueType(schema.Field(at[0]).Type)) {
			return fault.Planf("column %q has another type in the population than in the table; give both the same", q.Column)
		}
	}
	p.population = kind
	return nil
}

// joinPopulation reads the population, adds its keys to a counted table as
// tuples of no rows, and returns the people of each key.
//
// If the population has the unit column, a person whose rows have several keys
// is in none of them as far as k-map is concerned, so that nobody is counted
// twice: an estimate from below. δ-presence would err on one side or the other,
// so there such a person is an error. Without that column a row is a person.
//
// Take the table 81667 34, 81667 34 and the population 81667 34, 81667 34,
// 81667 34, 81675 36. The tuples become
//
//	81667 34  rows 2  population 3
//	81675 36  rows 0  population 1
func (p *plan) joinPopulation(ctx context.Context, t *tuples) (joined *tuples, population func([]uint32) int64, err error) {
	whole, err := p.countPopulation(ctx)
	if err != nil {
		return nil, nil, err
	}
	if p.population == ResearchSubset && len(whole.pairs) > 0 {
		return nil, nil, fault.Dataf("delta-presence: people of the population have rows with different quasi-identifiers; give one row per person")
	}
	if len(t.rows) == 0 {
		return t, func([]uint32) int64 { return 0 }, nil
	}
	own, theirs, columns, err := p.joinDictionaries(t, whole)
	if err != nil {
		return nil, nil, err
	}
	q := len(p.quasi)
	people := map[string]int64{}
	for i, n := range whole.settled {
		people[keyOf(theirs, i, q)] += n
	}
	joined = &tuples{columns: append(columns, t.columns[q:]...), totalRows: t.totalRows, totalPeople: t.totalPeople}
	known := map[string]bool{}
	for i := range t.rows {
		known[keyOf(own, i, q)] = true
	}
	type from struct{ table, tuple int }
	var order []from
	for i := range t.rows {
		order = append(order, from{0, i})
	}
	for i := range whole.rows {
		if !known[keyOf(theirs, i, q)] {
			order = append(order, from{1, i})
		}
	}
	at := func(f from, c int) uint32 {
		switch {
		case f.table == 1 && c < q:
			return theirs[c][f.tuple]
		case f.table == 1:
			return 0 // of a tuple of no rows; no distribution counts it
		case c < q:
			return own[c][f.tuple]
		}
		return t.column(c)[f.tuple]
	}
	slices.SortFunc(order, func(a, b from) int {
		for c := range t.codes {
			if x, y := at(a, c), at(b, c); x != y {
				return int(x) - int(y)
			}
		}
		return 0
	})
	joined.codes = make([][]uint32, len(t.codes))
	place := make([]uint32, len(t.rows))
	for i, f := range order {
		for c := range joined.codes {
			joined.codes[c] = append(joined.codes[c], at(f, c))
		}
		rows, settled := int64(0), int64(0)
		if f.table == 0 {
			rows, settled = t.rows[f.tuple], t.settled[f.tuple]
			place[f.tuple] = uint32(i)
		}
		joined.rows, joined.settled = append(joined.rows, rows), append(joined.settled, settled)
	}
	for _, pair := range t.pairs {
		joined.pairs = append(joined.pairs, personTuple{pair.person, place[pair.tuple]})
	}
	slices.SortFunc(joined.pairs, func(a, b personTuple) int {
		if a.person != b.person {
			return int(a.person) - int(b.person)
		}
		return int(a.tuple) - int(b.tuple)
	})
	var key []byte
	return joined, func(codes []uint32) int64 {
		key = key[:0]
		for _, c := range codes {
			key = binary.LittleEndian.AppendUint32(key, c)
		}
		return people[string(key)]
	}, nil
}

// countPopulation counts the population by the quasi-identifiers.
func (p *plan) countPopulation(ctx context.Context) (*tuples, error) {
	columns, unit := p.counted()
	columns = columns[:len(p.quasi)]
	schema := p.spec.Population.Schema()
	for i, c := range columns {
		columns[i].Type = schema.Field(schema.FieldIndices(c.Name)[0]).Type
	}
	if unit != nil {
		at := schema.FieldIndices(unit.Name)
		if len(at) == 1 {
			unit.Type = schema.Field(at[0]).Type
		} else {
			unit = nil
		}
	}
	limit := p.countLimit(len(columns) + 1)
	defer limit.close()
	newCounter := newCounters(columns, unit, limit)
	c, err := newCounter()
	if err != nil {
		return nil, err
	}
	c, err = fold.Source(ctx, p.spec.Population, newCounter, fold.Options{Workers: p.spec.Workers, Columns: c.Columns(), Progress: p.progress("population")})
	if err != nil {
		return nil, err
	}
	return c.finish()
}

// joinDictionaries gives the quasi-identifiers of both tables codes of common
// dictionaries.
func (p *plan) joinDictionaries(t, whole *tuples) (own, theirs [][]uint32, columns []countedColumn, err error) {
	for c, q := range p.quasi {
		e, err := code.NewEncoder(t.columns[c].values.DataType())
		if err != nil {
			return nil, nil, nil, fmt.Errorf("column %q: %w", q.Column, err)
		}
		a, err := e.Encode(nil, t.columns[c].values)
		if err != nil {
			return nil, nil, nil, fmt.Errorf("column %q: %w", q.Column, err)
		}
		b, err := e.Encode(nil, whole.columns[c].values)
		if err != nil {
			return nil, nil, nil, fmt.Errorf("column %q: %w", q.Column, err)
		}
		values, remap, null := e.Finish(q.Order)
		col := countedColumn{name: q.Column, values: values, null: null}
		translate := func(codes, dictionary []uint32) []uint32 {
			out := make([]uint32, len(codes))
			for i, v := range codes {
				out[i] = remap[dictionary[v]]
			}
			return out
		}
		own = append(own, translate(t.column(c), a))
		theirs = append(theirs, translate(whole.column(c), b))
		columns = append(columns, col)
	}
	return own, theirs, columns, nil
}

// keyOf returns the first q codes of a tuple as text.
func keyOf(codes [][]uint32, i, q int) string {
	key := make([]byte, 0, 4*q)
	for c := range q {
		key = binary.LittleEndian.AppendUint32(key, codes[c][i])
	}
	return string(key)
}

// checkSubset reports a class with more people in the table than in the
// population that it should be a part of.
func (p *plan) checkSubset(base *FrequencySet) error {
	if p.population != ResearchSubset {
		return nil
	}
	for i, n := range base.size {
		if n > base.pop[i] {
			return fault.Dataf("delta-presence: the table holds people that the population lacks; it must be a part of it")
		}
	}
	return nil
}
