package anon

import (
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/arrowio"
)

// A type that was inferred from the first rows of a CSV file is a fact about
// the data: the row of one person can turn a column of numbers into text, and
// with it the keys of groups, the values that count and even whether the run
// succeeds. No noise covers that. So statistics read CSV columns as their
// policy alone says, by declared type or by what the release does with them.
// Rows that leave one by one may still be read by inferred types.

// readAs is the type as which a statistics release reads a column of CSV:
//
//	declared, or text by hierarchy or set    that type
//	value of an aggregate                    decimal
//	key at a level of intervals              decimal
//	key at a level of dates, time cells      timestamp; dates too
//	all else: raw keys, the unit, what is    text, byte for byte
//	only told apart
//
// Timestamps without a format are read with and without offsets: whether the
// first rows have them is no part of the policy.
func (s *Statistics) readAs(c *Column) arrowio.ColumnType {
	anyTime := arrowio.ColumnType{Kind: arrowio.Timestamp, Timezone: c.Timezone, AnyOffset: true}
	if t := c.csvType(); t.Kind != arrowio.Inferred {
		if t.Kind == arrowio.Timestamp && t.Format == "" {
			return anyTime
		}
		return t
	}
	level := slices.ContainsFunc(s.GroupBy, func(g GroupColumn) bool {
		n, err := c.levelNumber(g.Level)
		return g.Column == c.Name && err == nil && n > 0
	})
	switch {
	case s.computes(c.Name), level && c.Hierarchy != nil && c.Hierarchy.Intervals != nil:
		return arrowio.ColumnType{Kind: arrowio.Decimal}
	case s.UnitCell != nil && s.UnitCell.Column == c.Name, level && c.Hierarchy != nil && c.Hierarchy.Date != nil:
		return anyTime
	}
	return arrowio.ColumnType{Kind: arrowio.Text}
}

// computes reports whether an aggregate computes with the values of a column,
// rather than telling them apart.
func (s *Statistics) computes(column string) bool {
	return slices.ContainsFunc(s.Aggregates, func(a Aggregate) bool { return !a.tellsApart() && slices.Contains(a.columns(), column) })
}

// reads reports whether a statistics release reads a column.
func (s *Statistics) reads(p *Policy, column string) bool {
	return p.names(column) || s.UnitCell != nil && s.UnitCell.Column == column ||
		slices.ContainsFunc(s.GroupBy, func(g GroupColumn) bool { return g.Column == column }) ||
		slices.ContainsFunc(s.Aggregates, func(a Aggregate) bool { return slices.Contains(a.columns(), column) })
}

// leaves reports whether a column is read for rows that leave one by one.
func (p *Policy) leaves(column string) bool {
	d := p.microdata()
	return d != nil && (column == p.Unit || slices.Contains(p.written(d), column))
}

// schemaOf is the schema that a statistics release reads: that of the input,
// or the likely one, with undeclared types of CSV settled by the policy.
func (p *Plan) schemaOf(s *step) (*arrow.Schema, error) {
	if p.schema == nil {
		schema, _ := p.likelySchema(s)
		return schema, nil
	}
	schema, err := arrowio.RetypedSchema(p.schema, p.policy.typesOf(s.Statistics))
	if err != nil {
		return nil, err
	}
	return p.policy.withUnitField(schema), nil
}

// sourceOf is the input as a statistics release reads it: see schemaOf; and a
// value that does not fit its type is null, for statistics never fail on data.
func (p *Plan) sourceOf(s *step, src arrowio.Source) (arrowio.Source, error) {
	src, err := arrowio.Retyped(src, p.policy.typesOf(s.Statistics))
	if err != nil {
		return nil, inRelease(s.Name, err)
	}
	return p.policy.withUnit(arrowio.Lenient(src)), nil
}

func (p *Policy) typesOf(s *Statistics) map[string]arrowio.ColumnType {
	types := map[string]arrowio.ColumnType{}
	for i := range p.Columns {
		types[p.Columns[i].Name] = s.readAs(&p.Columns[i])
	}
	return types
}

// undeclared reports whether the input has the column without a type that the
// policy or the input's format brings: it is a column of CSV.
func (p *Plan) undeclared(column string) bool {
	if p.schema == nil {
		return false
	}
	i := p.schema.FieldIndices(column)
	return len(i) > 0 && arrowio.Undeclared(p.schema.Field(i[0]))
}

// explainTypes says as what a release reads the columns whose types nobody
// declared.
func (p *Plan) explainTypes(b *strings.Builder, s *step) {
	var taken []string
	for i := range p.policy.Columns {
		c := &p.policy.Columns[i]
		if c.csvType().Kind != arrowio.Inferred || !s.Statistics.reads(p.policy, c.Name) || p.schema != nil && !p.undeclared(c.Name) {
			continue
		}
		as := s.Statistics.readAs(c).Kind.String()
		if as == "timestamp" {
			as = "date or timestamp"
		}
		taken = append(taken, fmt.Sprintf("%s as %s", c.Name, as))
	}
	if len(taken) == 0 {
		return
	}
	of := ""
	if p.schema == nil {
		of = " from CSV"
	}
	line(b, "types", "not declared and taken%s: %s (what does not fit is null; declare type: for another)", of, strings.Join(taken, ", "))
}

// likelySchema is the schema that the policy alone suggests: declared types,
// and those as which CSV would be read. certain says that noise can't differ
// under the input's own schema: every column that an aggregate computes with is
// declared as integer.
func (p *Plan) likelySchema(s *step) (schema *arrow.Schema, certain bool) {
	var fields []arrow.Field
	certain = true
	for i := range p.policy.Columns {
		c := &p.policy.Columns[i]
		t := c.csvType()
		switch {
		case s.Statistics != nil:
			t = s.Statistics.readAs(c)
			certain = certain && (t.Kind == arrowio.Integer || !s.Statistics.computes(c.Name))
		case t.Kind == arrowio.Inferred && c.Hierarchy != nil && c.Hierarchy.Intervals != nil:
			t.Kind = arrowio.Decimal
		case t.Kind == arrowio.Inferred && c.Hierarchy != nil:
			t.Kind = arrowio.Date
		}
		dt := arrow.DataType(arrow.BinaryTypes.String)
		if c.Set != nil && c.Set.Separator == "" { // tags without a separator come as lists
			dt = arrow.ListOf(arrow.BinaryTypes.String)
		} else if known, err := t.Arrow(); err == nil && t.Kind != arrowio.Inferred {
			dt = known
		}
		fields = append(fields, arrow.Field{Name: c.Name, Type: dt, Nullable: true})
	}
	return p.policy.withUnitField(arrow.NewSchema(fields, nil)), certain
}
