package anon

import (
	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/arrowio"
)

// CSVOptions say how a CSV input of this policy is opened: delimiter,
// encoding, null values and the declared types. Columns under a file, levels
// or prefix hierarchy, and sets, are text. Types are inferred only for columns
// whose rows leave; others are text until a release says what it reads them as.
func (p *Policy) CSVOptions() arrowio.CSVOptions {
	o := arrowio.CSVOptions{Encoding: p.Input.Encoding, NullValues: p.Input.NullValues, Types: map[string]arrowio.ColumnType{}}
	for _, r := range p.Input.Delimiter {
		o.Delimiter = r
	}
	for _, c := range p.Columns {
		t := c.csvType()
		if !p.leaves(c.Name) {
			t.AnyOffset = t.Kind == arrowio.Timestamp && t.Format == ""
			if t.Kind == arrowio.Inferred {
				t = arrowio.ColumnType{Kind: arrowio.Text, Undeclared: true}
			}
		}
		if t.Kind != arrowio.Inferred {
			o.Types[c.Name] = t
		}
	}
	return o
}

var csvKinds = map[string]arrowio.Kind{
	"text": arrowio.Text, "integer": arrowio.Integer, "decimal": arrowio.Decimal,
	"boolean": arrowio.Boolean, "date": arrowio.Date, "timestamp": arrowio.Timestamp,
}

func (c *Column) csvType() arrowio.ColumnType {
	if c.Hierarchy.textual() || c.Set != nil {
		return arrowio.ColumnType{Kind: arrowio.Text}
	}
	return arrowio.ColumnType{Kind: csvKinds[c.Type], Format: c.Format, Timezone: c.Timezone}
}

// kindOf names the policy's type of an Arrow type; "" where it has none.
func kindOf(dt arrow.DataType) string {
	if d, ok := dt.(*arrow.DictionaryType); ok {
		dt = d.ValueType
	}
	switch dt.ID() {
	case arrow.STRING, arrow.LARGE_STRING, arrow.STRING_VIEW:
		return "text"
	case arrow.INT8, arrow.INT16, arrow.INT32, arrow.INT64, arrow.UINT8, arrow.UINT16, arrow.UINT32, arrow.UINT64:
		return "integer"
	case arrow.FLOAT16, arrow.FLOAT32, arrow.FLOAT64, arrow.DECIMAL128, arrow.DECIMAL256:
		return "decimal"
	case arrow.BOOL:
		return "boolean"
	case arrow.DATE32, arrow.DATE64:
		return "date"
	case arrow.TIMESTAMP:
		return "timestamp"
	}
	return ""
}

// isTags reports whether the type is a list of texts.
func isTags(dt arrow.DataType) bool {
	l, ok := dt.(arrow.ListLikeType)
	return ok && dt.ID() != arrow.MAP && kindOf(l.Elem()) == "text"
}

// kind is the policy's type of a column, as far as policy and format of the
// input tell; "" where neither does.
func (p *Plan) kind(c *Column) string {
	if p.schema != nil && !p.undeclared(c.Name) {
		if i := p.schema.FieldIndices(c.Name); len(i) > 0 {
			return kindOf(p.schema.Field(i[0]).Type)
		}
	}
	if c.Hierarchy.textual() {
		return "text"
	}
	return c.Type
}

// checkSchema compares the declared columns with those of the input: every
// column of either is in the other, once, and of the declared type.
func (p *Plan) checkSchema(probs *problems) {
	if p.schema == nil {
		return
	}
	var names []string
	seen := map[string]bool{}
	for _, f := range p.schema.Fields() {
		names = append(names, f.Name)
		if seen[f.Name] {
			probs.add(p.policy.place("columns"), "the input has two columns named %s; rename one", quote(f.Name))
		}
		seen[f.Name] = true
		if p.policy.Column(f.Name) == nil {
			probs.add(p.policy.place("columns"), "the input's column %s is not listed: what is not declared is personal; add it with its role", quote(f.Name))
		}
	}
	for i := range p.policy.Columns {
		c := &p.policy.Columns[i]
		if !seen[c.Name] {
			probs.add(c.at, "the input has no such column; %s", suggest(c.Name, names))
			continue
		}
		p.checkType(probs, c, p.schema.Field(p.schema.FieldIndices(c.Name)[0]).Type)
	}
}

func (p *Plan) checkType(probs *problems, c *Column, dt arrow.DataType) {
	if p.undeclared(c.Name) && !p.policy.leaves(c.Name) {
		return // whoever reads it says as what
	}
	have := kindOf(dt)
	switch {
	case c.Set != nil:
		if have != "text" && !isTags(dt) {
			probs.add(c.at, "a set is a text with a separator or a list of texts, but the input's type is %s; remove set or convert the column", dt)
		} else if have == "text" && c.Set.Separator == "" {
			probs.add(c.at, "a set in a text needs a separator; add set: {separator: \"|\"}")
		}
		return
	case have == "" && c.Role != Identifier:
		probs.add(c.at, "the input's type %s is not supported; convert the column to text, numbers, booleans, dates or timestamps", dt)
		return
	case c.Type != "" && have != c.Type && have != "":
		probs.add(c.at, "declared as type: %s, but the input's type is %s (%s); correct the policy or convert the column", c.Type, dt, have)
		return
	}
	if ts, ok := dt.(*arrow.TimestampType); ok && c.Timezone != "" && ts.TimeZone != c.Timezone {
		probs.add(c.at, "declared with another time zone than the input's column has; correct timezone or convert the column")
	}
	if h := c.Hierarchy; h != nil && h.built != nil {
		if err := h.built.CheckType(dt); err != nil {
			probs.addErr(h.at, err)
		}
	}
}
