package arrowio

import (
	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/internal/fault"
)

// undeclaredKey marks a field of a CSV source in the field's metadata. Writers
// drop metadata, so the mark never leaves.
const undeclaredKey = "oboro:undeclared"

// Undeclared reports whether nobody declared the type of a column: it was
// taken from the first rows of a CSV file, in whole or (whether timestamps
// have offsets) in part, or it is a stand-in (ColumnType.Undeclared). A type
// that was taken from the rows is a fact about the data: one row can change it.
func Undeclared(f arrow.Field) bool { return f.Metadata.FindKey(undeclaredKey) >= 0 }

// Retyped returns src with the columns of undeclared type read as types says,
// so that neither schema nor nulls of these columns depend on what the first
// rows hold. Columns that types does not name, declared ones, and sources other
// than CSV stay as they are.
//
// A source that is marked but can no longer be read otherwise, such as a copy
// of a CSV table, and files of one table that have different types then, are
// errors of kind Plan.
func Retyped(src Source, types map[string]ColumnType) (Source, error) {
	schema, err := RetypedSchema(src.Schema(), types)
	if err != nil {
		return nil, err
	}
	if s, ok := src.(interface {
		retyped(map[string]ColumnType) (Source, error)
	}); ok {
		return s.retyped(types)
	}
	for i, f := range schema.Fields() {
		if !arrow.TypeEqual(f.Type, src.Schema().Field(i).Type) {
			return nil, fault.Planf("column %q: its type was taken from the rows of a CSV file, and this copy can't be read as %s; declare its `type:`", f.Name, f.Type)
		}
	}
	return src, nil
}

// RetypedSchema is the schema of Retyped. It is known before a row is read.
func RetypedSchema(schema *arrow.Schema, types map[string]ColumnType) (*arrow.Schema, error) {
	fields := schema.Fields()
	for i, f := range fields {
		t, ok := types[f.Name]
		if !ok || !Undeclared(f) {
			continue
		}
		p, err := prepare(t, false)
		if err != nil {
			return nil, fault.Planf("column %q: %w", f.Name, err)
		}
		fields[i] = p.field(f.Name)
	}
	return arrow.NewSchema(fields, nil), nil
}

func (s *CSV) retyped(types map[string]ColumnType) (Source, error) {
	schema, err := RetypedSchema(s.schema, types)
	if err != nil {
		return nil, err
	}
	l := *s
	l.schema, l.types = schema, make([]preparedType, len(s.types))
	for i, name := range s.names {
		l.types[i] = s.types[i]
		if t, ok := types[name]; ok && s.types[i].undeclared() {
			if l.types[i], err = prepare(t, false); err != nil {
				return nil, err
			}
		}
	}
	return &l, nil
}

func (c concat) retyped(types map[string]ColumnType) (Source, error) {
	all := make([]Source, len(c.sources))
	for i, s := range c.sources {
		var err error
		if all[i], err = Retyped(s, types); err != nil {
			return nil, err
		}
	}
	return Concat(all...)
}

// Arrow is the Arrow type of a column that is declared so. Timestamps without
// format and AnyOffset are taken to have no offset.
func (t ColumnType) Arrow() (arrow.DataType, error) {
	p, err := prepare(t, false)
	return p.arrow, err
}

// undeclared reports whether the sample, or nobody, has said the whole type.
func (p *preparedType) undeclared() bool {
	return p.inferred || p.Undeclared || p.offsetsInferred()
}

// offsetsInferred reports whether the sample says if timestamps have offsets.
func (t *ColumnType) offsetsInferred() bool {
	return t.Kind == Timestamp && t.Format == "" && !t.AnyOffset
}

// field is the column of a schema, marked where its type is undeclared.
func (p *preparedType) field(name string) arrow.Field {
	f := arrow.Field{Name: name, Type: p.arrow, Nullable: true}
	if p.undeclared() {
		f.Metadata = arrow.NewMetadata([]string{undeclaredKey}, []string{""})
	}
	return f
}
