package arrowio

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
