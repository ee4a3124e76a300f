package arrowio

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
)

// Lenient returns src with every value that does not fit its column's type
// read as null, as CSVOptions.OnBadValue says: statistics never fail on data,
// while rows that leave one by one do. A source that has no such values, which
// is every one but CSV, is returned as it is.
func Lenient(src Source) Source {
	if s, ok := src.(interface{ lenient() Source }); ok {
		return s.lenient()
	}
	return src
}

func (s *CSV) lenient() Source {
	l := *s
	l.o.OnBadValue = Null
	return &l
}

func (c concat) lenient() Source {
	l := concat{c.schema, make([]Source, len(c.sources))}
	for i, s := range c.sources {
		l.sources[i] = Lenient(s)
	}
	return l
}

// InferredColumns returns the columns whose types were taken from the first
// rows of a CSV file and not declared, in the order of the schema. Such a type
// is itself a fact about the data: one row can change it.
func InferredColumns(src Source) []string {
	if s, ok := src.(interface{ inferredColumns() []string }); ok {
		return s.inferredColumns()
	}
	return nil
}

// InferredAsText returns src with the named columns read as text where their
// types were inferred, so that neither type nor nulls of these columns depend
// on what the first rows hold. Other columns and sources stay as they are.
func InferredAsText(src Source, columns ...string) Source {
	if s, ok := src.(interface{ inferredAsText([]string) Source }); ok {
		return s.inferredAsText(columns)
	}
	return src
}

func (s *CSV) inferredColumns() []string {
	var out []string
	for i, t := range s.types {
		if t.inferred {
			out = append(out, s.names[i])
		}
	}
	return out
}

func (s *CSV) inferredAsText(columns []string) Source {
	l := *s
	l.types = slices.Clone(s.types)
	fields := slices.Clone(s.schema.Fields())
	for i := range l.types {
		if l.types[i].inferred && slices.Contains(columns, s.names[i]) {
			l.types[i] = preparedType{ColumnType: ColumnType{Kind: Text}, arrow: arrow.BinaryTypes.String}
			fields[i].Type = arrow.BinaryTypes.String
		}
	}
	l.schema = arrow.NewSchema(fields, nil)
	return &l
}

func (c concat) inferredColumns() []string {
	var out []string
	for _, s := range c.sources {
		for _, name := range InferredColumns(s) {
			if !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

// inferredAsText leaves a mixture of CSV and other files as it is: these bring
// their types.
func (c concat) inferredAsText(columns []string) Source {
	l := concat{c.schema, make([]Source, len(c.sources))}
	for i, s := range c.sources {
		csv, ok := s.(*CSV)
		if !ok {
			return c
		}
		l.sources[i] = csv.inferredAsText(columns)
	}
	l.schema = l.sources[0].Schema()
	return l
}
