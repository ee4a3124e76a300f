package kanon

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/hierarchy"
	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/fault"
)

// A plan is a spec that fits a schema: what is read, counted and written.
type plan struct {
	spec      *Spec
	schema    *arrow.Schema
	quasi     []QuasiIdentifier
	sensitive []QuasiIdentifier // columns that models name
	columns   []string          // written
	cost      Cost
	// population says what Spec.Population is to the models.
	population Population
}

// Check reports, before any row is read, what can't be anonymised: a column
// that the schema lacks or has twice, one with two roles, a type or level that
// can't be used, a parameter out of range. Its errors are of kind Plan.
func (s *Spec) Check(schema *arrow.Schema) error {
	_, err := s.plan(schema)
	return err
}

func (s *Spec) plan(schema *arrow.Schema) (*plan, error) {
	p := &plan{spec: s, schema: schema, quasi: s.QuasiIdentifiers, columns: s.Columns, cost: s.Cost}
	if p.cost == nil {
		p.cost = Loss{GSFactor: 0.5}
	}
	if len(p.quasi) == 0 {
		return nil, fault.Planf("no quasi-identifier: name the columns that can point to a person")
	}
	if err := checkModels(s.Models); err != nil {
		return nil, err
	}
	if !(s.MaxSuppression >= 0 && s.MaxSuppression <= 1) {
		return nil, fault.Planf("the suppression limit must lie between 0 and 1")
	}
	switch s.Search {
	case "", "optimal":
	case "anytime":
		if s.Deadline <= 0 {
			return nil, fault.Planf("search: anytime needs a deadline")
		}
	case "mondrian":
		if err := checkMondrian(s.Models); err != nil {
			return nil, err
		}
		if s.Nulls == NullIsWildcard || s.Recode == "local" {
			return nil, fault.Planf("search: mondrian goes with recode: global and without wildcard nulls; choose search: optimal for those")
		}
		for _, q := range s.QuasiIdentifiers {
			if q.Level != "" {
				return nil, fault.Planf("column %q: search: mondrian gives rows different levels; a fixed level goes with search: optimal or anytime", q.Column)
			}
		}
	case "mdav":
		if err := p.checkMDAV(); err != nil {
			return nil, err
		}
	default:
		return nil, fault.Planf("search: there is no %q; choose optimal, anytime, mondrian or mdav", s.Search)
	}
	switch s.Recode {
	case "", "global":
	case "local":
		if s.Search == "anytime" {
			return nil, fault.Planf("search: anytime goes with recode: global")
		}
		for _, m := range s.Models {
			if _, ok := m.(TableModel); ok {
				return nil, fault.Planf("%s is about all classes together; choose recode: global", m)
			}
		}
	case "cells":
		if err := p.checkCells(); err != nil {
			return nil, err
		}
	default:
		return nil, fault.Planf("recode: there is no %q; choose global, local or cells", s.Recode)
	}
	if s.Nulls == NullIsWildcard {
		if err := checkWildcard(s.Models, len(p.quasi)); err != nil {
			return nil, err
		}
		if s.Recode == "local" {
			return nil, fault.Planf("nulls: wildcard goes with recode: global, where every row has the same levels")
		}
	}
	if s.Unit != "" {
		f, err := p.field(s.Unit)
		if err != nil {
			return nil, err
		}
		if err := code.CheckType(f.Type); err != nil {
			return nil, fmt.Errorf("column %q, the unit: %w", s.Unit, err)
		}
	}
	seen := map[string]bool{}
	for _, q := range p.quasi {
		switch {
		case q.Centre != DefaultCentre && s.Search != "mdav":
			return nil, fault.Planf("column %q: a centre goes with search: mdav; leave it out", q.Column)
		case q.Column == s.Unit:
			return nil, fault.Planf("column %q is the unit and a quasi-identifier; it can be one of them only", q.Column)
		case seen[q.Column]:
			return nil, fault.Planf("column %q is a quasi-identifier twice", q.Column)
		}
		seen[q.Column] = true
		if err := p.checkQuasi(q); err != nil {
			return nil, err
		}
	}
	if err := p.findSensitive(seen); err != nil {
		return nil, err
	}
	if err := p.checkPopulation(); err != nil {
		return nil, err
	}
	if err := p.findColumns(seen); err != nil {
		return nil, err
	}
	return p, p.checkSets()
}

// field finds a column of the schema.
func (p *plan) field(name string) (arrow.Field, error) {
	switch at := p.schema.FieldIndices(name); len(at) {
	case 0:
		return arrow.Field{}, fault.Planf("there is no column %q in the input; name a column of it", name)
	case 1:
		return p.schema.Field(at[0]), nil
	default:
		return arrow.Field{}, fault.Planf("column %q appears %d times in the input; give every column its own name", name, len(at))
	}
}

func (p *plan) checkQuasi(q QuasiIdentifier) error {
	f, err := p.field(q.Column)
	if err != nil {
		return err
	}
	if err := code.CheckType(f.Type); err != nil {
		return fmt.Errorf("column %q: %w", q.Column, err)
	}
	names := []string{"raw"}
	if q.Hierarchy != nil {
		if err := q.Hierarchy.CheckType(code.ValueType(f.Type)); err != nil {
			return fmt.Errorf("column %q: %w", q.Column, err)
		}
		names = append(names, q.Hierarchy.Levels()...)
	}
	if q.Level != "" {
		if _, err := levelIndex(q, append(names, hierarchy.Top)); err != nil {
			return err
		}
	}
	return nil
}

// levelIndex finds the fixed level of a quasi-identifier by number or name.
func levelIndex(q QuasiIdentifier, names []string) (int, error) {
	if n, err := strconv.Atoi(q.Level); err == nil && n >= 0 && n < len(names) {
		return n, nil
	}
	if i := slices.Index(names, q.Level); i >= 0 {
		return i, nil
	}
	return 0, fault.Planf("column %q has no level %q; its levels are %q", q.Column, q.Level, names)
}

// findSensitive lists the columns that models name, as the spec describes them.
func (p *plan) findSensitive(quasi map[string]bool) error {
	for _, m := range p.spec.Models {
		n, ok := m.(NamesColumns)
		if !ok {
			continue
		}
		for _, name := range n.SensitiveColumns() {
			if quasi[name] || name == p.spec.Unit {
				return fault.Planf("column %q: %s protects a sensitive column, and this one is a quasi-identifier or the unit", name, m)
			}
			if slices.ContainsFunc(p.sensitive, func(q QuasiIdentifier) bool { return q.Column == name }) {
				continue
			}
			q := QuasiIdentifier{Column: name}
			for _, s := range p.spec.Sensitive {
				if s.Column == name {
					q = s
				}
			}
			if err := p.checkQuasi(q); err != nil {
				return err
			}
			p.sensitive = append(p.sensitive, q)
		}
	}
	return nil
}

// findColumns settles what is written and whether it can be.
func (p *plan) findColumns(quasi map[string]bool) error {
	if p.columns == nil {
		for _, f := range p.schema.Fields() {
			if f.Name != p.spec.Unit {
				p.columns = append(p.columns, f.Name)
			}
		}
	}
	seen := map[string]bool{}
	for _, name := range p.columns {
		f, err := p.field(name)
		if err != nil {
			return err
		}
		switch {
		case name == p.spec.Unit:
			return fault.Planf("column %q is the unit; it identifies people and can't be written", name)
		case seen[name]:
			return fault.Planf("column %q is to be written twice", name)
		case quasi[name]:
		case f.Type.ID() == arrow.DICTIONARY:
			if err := code.CheckType(f.Type); err != nil {
				return fmt.Errorf("column %q: %w", name, err)
			}
		default:
			if err := checkTake(f.Type); err != nil {
				return fmt.Errorf("column %q: %w", name, err)
			}
		}
		seen[name] = true
	}
	for _, q := range p.quasi {
		if !seen[q.Column] {
			return fault.Planf("column %q is a quasi-identifier and not among the columns written; leave it out of both, or write it", q.Column)
		}
	}
	return nil
}

// counted lists the columns that are counted: quasi-identifiers, then
// sensitive ones.
func (p *plan) counted() (columns []CountedColumn, unit *CountedColumn) {
	for _, q := range slices.Concat(p.quasi, p.sensitive) {
		f, _ := p.field(q.Column)
		columns = append(columns, CountedColumn{Name: q.Column, Type: f.Type, Order: q.Order})
	}
	if p.spec.Unit != "" {
		f, _ := p.field(p.spec.Unit)
		unit = &CountedColumn{Name: p.spec.Unit, Type: f.Type}
	}
	return columns, unit
}

// copied lists the columns written that are neither generalised nor counted.
func (p *plan) copied() []string {
	var out []string
	for _, name := range p.columns {
		if p.quasiIndex(name) < 0 && p.sensitiveIndex(name) < 0 {
			out = append(out, name)
		}
	}
	return out
}

func (p *plan) quasiIndex(name string) int {
	return slices.IndexFunc(p.quasi, func(q QuasiIdentifier) bool { return q.Column == name })
}

func (p *plan) sensitiveIndex(name string) int {
	return slices.IndexFunc(p.sensitive, func(q QuasiIdentifier) bool { return q.Column == name })
}

// limit is the number of rows that may be suppressed: the share, as the
// decimal it is written as, of the rows, rounded down.
func (s *Spec) limit(rows int64) int64 {
	share, _ := new(big.Rat).SetString(strconv.FormatFloat(s.MaxSuppression, 'g', -1, 64))
	share.Mul(share, new(big.Rat).SetInt64(rows))
	return new(big.Int).Quo(share.Num(), share.Denom()).Int64()
}
