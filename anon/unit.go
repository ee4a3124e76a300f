package anon

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/code"
)

// A Person says how several identifiers of the input name one person: several
// columns together (a member number within a country), or one column whose
// values a file maps to people (the accounts of a person). It stands in the
// input as one more column, Policy.Unit, which is computed as rows are read and
// never leaves.
type Person struct {
	// Columns name the person together. A row where one of them is null has no
	// unit.
	Columns []string
	// People maps the values of the one column to people; nil where the policy
	// gives no file. It is personal data: it is not among Policy.Files, and its
	// hash is not in the report, since a hash confirms a guess.
	People *File

	of map[string]string // canonical text of the column to the person
	at place
}

func (p *Policy) decodeUnit(o *object) {
	if !o.need("unit", "name the column that holds the person, or write `unit: row` if every row is one person") {
		return
	}
	if n := o.find("unit"); n.kind == mapNode {
		p.decodePerson(o, n)
		return
	}
	p.Unit = o.text("unit")
	switch p.Unit {
	case "row":
		p.Unit, p.UnitIsRow = "", true
	case "":
		o.add(o.place("unit"), "empty; name the column that holds the person, or write `unit: row` if every row is one person")
	}
}

// decodePerson reads {columns: [country, member_no]} or {column: account,
// people: accounts.csv}.
func (p *Policy) decodePerson(o *object, n *node) {
	u := o.object(n, "unit")
	defer u.done()
	person := &Person{at: o.place("unit")}
	switch {
	case u.has("columns"):
		person.Columns = u.texts("columns")
		for i, c := range person.Columns {
			if slices.Contains(person.Columns[:i], c) {
				u.add(u.place("columns"), "column %s stands in the list twice; keep one", quote(c))
			}
		}
		if len(person.Columns) == 1 {
			u.add(u.place("columns"), "one column needs no list; write unit: %s", quote(person.Columns[0]))
		}
		p.Unit = "(" + strings.Join(person.Columns, ", ") + ")"
	case u.need("column", "name the columns that tell people apart together (columns: [country, member_no]), or the column that people: maps to people"):
		person.Columns = []string{u.name("column")}
		p.Unit = "person of " + person.Columns[0]
		if u.need("people", "name the CSV file that maps the column to people, or write the column itself as unit") {
			if path := u.name("people"); path != "" {
				full := filepath.FromSlash(path)
				if !filepath.IsAbs(full) {
					full = filepath.Join(p.base, full)
				}
				f := &File{Path: path, path: full}
				f.data, f.err = readRegular(full, maxFileBytes)
				person.People = f
			}
		}
	}
	p.Person = person
}

// checkPerson refuses columns that can't name people.
func (p *Policy) checkPerson(probs *problems) {
	identifiers := 0
	for _, name := range p.Person.Columns {
		switch c := p.Column(name); {
		case c == nil:
			var names []string
			for _, c := range p.Columns {
				names = append(names, c.Name)
			}
			probs.add(p.Person.at, "column %s is not declared; %s", quote(name), suggest(name, names))
		case c.Set != nil:
			probs.add(p.Person.at, "column %s is a set, which names nobody; name another column", quote(name))
		case c.Role == Identifier:
			identifiers++
		}
	}
	if len(p.Person.Columns) > 0 && identifiers == 0 {
		probs.add(p.Person.at, "none of these columns is an identifier, but together they name the person; declare at least one with role: identifier")
	}
	if p.Column(p.Unit) != nil {
		probs.add(p.Person.at, "a column is named %s, as the unit is in reports; rename the column", quote(p.Unit))
	}
	if f := p.Person.People; f != nil && f.err == nil {
		if err := p.Person.read(p.Input); err != nil {
			probs.addErr(p.Person.at, err)
		}
	}
}

// read reads the file of people: a header that names the column and one other,
// then one line for each value of the column. Its errors name lines, not values.
func (u *Person) read(in Input) error {
	name := "the file of people " + quote(u.People.Path)
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(u.People.data, []byte("\ufeff"))))
	if in.Delimiter != "" {
		r.Comma = rune(in.Delimiter[0])
	}
	header, err := r.Read()
	at := slices.Index(header, u.Columns[0])
	if err != nil || len(header) != 2 || at < 0 {
		return errors.New(name + " needs a header of two columns: " + quote(u.Columns[0]) + " and one that names the person")
	}
	u.of = map[string]string{}
	for line := 2; ; line++ {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return errors.New(name + " is no proper CSV after line " + strconv.Itoa(line-1) + "; give every line two fields")
		}
		if person, known := u.of[row[at]]; known && person != row[1-at] {
			return errors.New(name + ", line " + strconv.Itoa(line) + ": " + quote(u.Columns[0]) + " belongs to two people; keep one line for each")
		}
		u.of[row[at]] = row[1-at]
	}
}

// names reports whether a column is the unit or part of it.
func (p *Policy) names(column string) bool {
	return column == p.Unit || p.Person != nil && slices.Contains(p.Person.Columns, column)
}

// withUnitField is a schema with the unit as a column.
func (p *Policy) withUnitField(schema *arrow.Schema) *arrow.Schema {
	if p.Person == nil {
		return schema
	}
	return arrow.NewSchema(append(schema.Fields(), arrow.Field{Name: p.Unit, Type: arrow.BinaryTypes.Binary, Nullable: true}), nil)
}

// withUnit is a source with the unit as a column.
func (p *Policy) withUnit(src arrowio.Source) arrowio.Source {
	if p.Person == nil {
		return src
	}
	return &unitSource{src, p.Person, p.Unit, p.withUnitField(src.Schema())}
}

// append appends the unit of a row of the person's columns, false for null.
//
// The texts of several columns are told apart by their lengths. With a file of
// people the unit is the person, or the value itself where the file lacks it;
// a first byte tells these two apart.
func (u *Person) append(dst []byte, columns []arrow.Array, row int) ([]byte, bool) {
	for _, c := range columns {
		if code.IsNull(c, row) {
			return dst, false
		}
		text := code.Text(c, row)
		if u.People != nil {
			if person, known := u.of[text]; known && person != "" {
				return append(append(dst, 1), person...), true
			}
			return append(append(dst, 0), text...), true
		}
		dst = append(binary.AppendUvarint(dst, uint64(len(text))), text...)
	}
	return dst, true
}

// A unitSource is a source with one more column, the unit.
type unitSource struct {
	src    arrowio.Source
	person *Person
	unit   string
	schema *arrow.Schema
}

// Schema is that of the source, and the unit.
func (s *unitSource) Schema() *arrow.Schema { return s.schema }

// Splits are those of the source.
func (s *unitSource) Splits(n int) []arrowio.Source {
	parts := []arrowio.Source{s.src}
	if split, ok := s.src.(arrowio.Splitter); ok {
		parts = split.Splits(n)
	}
	out := make([]arrowio.Source, len(parts))
	for i, part := range parts {
		out[i] = &unitSource{part, s.person, s.unit, s.schema}
	}
	return out
}

// Open reads the columns asked for, and those that name the unit where it is
// among them.
func (s *unitSource) Open(ctx context.Context, columns ...string) (array.RecordReader, error) {
	if len(columns) == 0 {
		for _, f := range s.schema.Fields() {
			columns = append(columns, f.Name)
		}
	}
	if !slices.Contains(columns, s.unit) {
		return s.src.Open(ctx, columns...)
	}
	read := slices.DeleteFunc(slices.Clone(columns), func(c string) bool { return c == s.unit })
	r := &unitReader{source: s, refs: 1}
	for _, c := range s.person.Columns {
		at := slices.Index(read, c)
		if at < 0 {
			at = len(read)
			read = append(read, c)
		}
		r.parts = append(r.parts, at)
	}
	var fields []arrow.Field
	for _, c := range columns {
		r.at = append(r.at, slices.Index(read, c)) // -1: the unit
		fields = append(fields, s.schema.Field(s.schema.FieldIndices(c)[0]))
	}
	r.schema = arrow.NewSchema(fields, nil)
	inner, err := s.src.Open(ctx, read...)
	r.inner = inner
	return r, err
}

// A unitReader adds the unit to every batch.
type unitReader struct {
	source *unitSource
	inner  array.RecordReader
	schema *arrow.Schema
	at     []int // of each column in the inner batch, -1 for the unit
	parts  []int // of the columns that name the person
	rec    arrow.Record
	refs   int
	buf    []byte
}

// Retain takes one more Release.
func (r *unitReader) Retain() { r.refs++ }

// Release ends the read, the last time.
func (r *unitReader) Release() {
	if r.refs--; r.refs == 0 {
		r.drop()
		r.inner.Release()
	}
}

func (r *unitReader) drop() {
	if r.rec != nil {
		r.rec.Release()
		r.rec = nil
	}
}

// Schema has the columns asked for.
func (r *unitReader) Schema() *arrow.Schema { return r.schema }

// Record is the current batch.
func (r *unitReader) Record() arrow.Record { return r.rec }

// Err is that of the source.
func (r *unitReader) Err() error { return r.inner.Err() }

// Next reads the next batch.
func (r *unitReader) Next() bool {
	r.drop()
	if !r.inner.Next() {
		return false
	}
	rec := r.inner.Record()
	parts := make([]arrow.Array, len(r.parts))
	for i, at := range r.parts {
		parts[i] = rec.Column(at)
	}
	b := array.NewBinaryBuilder(memory.DefaultAllocator, arrow.BinaryTypes.Binary)
	defer b.Release()
	b.Reserve(int(rec.NumRows()))
	for i := range int(rec.NumRows()) {
		var ok bool
		if r.buf, ok = r.source.person.append(r.buf[:0], parts, i); ok {
			b.Append(r.buf)
		} else {
			b.AppendNull()
		}
	}
	unit := b.NewArray()
	defer unit.Release()
	columns := make([]arrow.Array, len(r.at))
	for i, at := range r.at {
		if columns[i] = unit; at >= 0 {
			columns[i] = rec.Column(at)
		}
	}
	r.rec = array.NewRecord(r.schema, columns, rec.NumRows())
	return true
}
