package anon

import (
	"fmt"
	"strings"

	"github.com/oboro-data/oboro/hierarchy"
	"github.com/oboro-data/oboro/kanon"
)

// A Role says what a column means for privacy.
type Role string

// The roles of columns.
const (
	// Identifier names a person directly. It is read where needed and never
	// leaves.
	Identifier Role = "identifier"
	// QuasiIdentifier can point to a person in combination with others.
	QuasiIdentifier Role = "quasi-identifier"
	// Sensitive is what must not be learned about a person.
	Sensitive Role = "sensitive"
	// Insensitive neither points to a person nor harms one.
	Insensitive Role = "insensitive"
)

var (
	roleWords = []string{string(Identifier), string(QuasiIdentifier), string(Sensitive), string(Insensitive)}
	typeWords = []string{"", "text", "integer", "decimal", "boolean", "date", "timestamp"}
)

// A Column is one column of the input, as the policy declares it.
type Column struct {
	Name string
	Role Role
	// Type is text, integer, decimal, boolean, date, timestamp, or "" where
	// a CSV column's type is inferred. Parquet and IPC bring their types; a
	// declared type that differs is refused.
	Type     string
	Format   string // of dates and timestamps in CSV, in strftime's signs
	Timezone string // of timestamps in CSV, an IANA name
	// Hierarchy says how values coarsen; nil: the raw value, then "*".
	Hierarchy *Hierarchy
	Unlisted  kanon.Unlisted // what becomes of a value that the hierarchy lacks
	// Order declares the order of values by their canonical text; nil is the
	// order of the type.
	Order []string
	// DomainSize is the loss domain; 0 is the hierarchy's own.
	DomainSize int64
	// Set makes a column of tags, for k^m-anonymity only; nil for others.
	Set *Set
	at  place
}

// Set describes a column that holds several tags per row.
type Set struct {
	Separator string // between the tags of a text; "" for Arrow lists
}

// A Hierarchy says how the values of a column coarsen: by exactly one of a
// file, inline levels, prefixes, intervals and dates.
type Hierarchy struct {
	File      *File               // lines of value;level1;…;top
	Levels    []map[string]string // each level maps the labels of the one below
	Prefix    []int64             // characters kept, level by level
	Intervals *Intervals
	Date      []string // month, year, 5-years, …

	built  hierarchy.Hierarchy
	levels []string // names of all levels
	at     place
}

// Intervals describes a hierarchy of numeric intervals.
type Intervals struct {
	Widths   []Number // of levels 1 to n
	Min, Max Number   // values outside are one interval below and one above
}

// textual reports whether the hierarchy works on text byte for byte, so that
// a CSV column under it is read as text.
func (h *Hierarchy) textual() bool {
	return h != nil && (h.File != nil || h.Levels != nil || h.Prefix != nil)
}

func (p *Policy) decodeColumns(probs *problems, n *node) {
	if n.kind != mapNode || len(n.entries) == 0 {
		probs.add(place{n.line, "columns"}, "this must be a map from column names to roles, but is %s; write e.g. age: {role: quasi-identifier}", n.kind)
		return
	}
	for _, e := range n.entries {
		p.Columns = append(p.Columns, p.decodeColumn(probs, e))
	}
	p.checkUnit(probs)
}

// checkUnit refuses a unit that is no identifier column.
func (p *Policy) checkUnit(probs *problems) {
	if p.Unit == "" {
		return
	}
	if p.Person != nil {
		p.checkPerson(probs)
		return
	}
	switch c := p.Column(p.Unit); {
	case c == nil:
		names := []string{"row"}
		for _, c := range p.Columns {
			names = append(names, c.Name)
		}
		probs.add(place{1, "unit"}, "column %s is not declared; %s", quote(p.Unit), suggest(p.Unit, names))
	case c.Role != Identifier:
		probs.add(c.at, "the privacy unit names the person, so its role must be identifier, not %s; write role: identifier", c.Role)
	}
}

func (p *Policy) decodeColumn(probs *problems, e entry) Column {
	key := join("columns", e.key)
	o := probs.object(e.value, key)
	o.at.line = e.line
	defer o.done()
	c := Column{Name: e.key, at: o.at}
	if o.need("role", "say what the column is: "+strings.Join(roleWords, ", ")) {
		c.Role = Role(o.choice("role", roleWords...))
	}
	if o.has("type") {
		c.Type = o.choice("type", typeWords[1:]...)
	}
	o.find("type")
	c.Format, c.Timezone = o.text("format"), o.text("timezone")
	if o.has("format") && c.Type != "date" && c.Type != "timestamp" {
		o.add(o.place("format"), "a format is for dates and timestamps; add type: date or type: timestamp, or remove it")
	}
	if o.has("timezone") && c.Type != "timestamp" {
		o.add(o.place("timezone"), "a time zone is for timestamps; add type: timestamp, or remove it")
	}
	c.Order = o.texts("order")
	seen := map[string]bool{}
	for _, v := range c.Order {
		if seen[v] {
			o.add(o.place("order"), "%s stands in the order twice; list every value once", quote(v))
		}
		seen[v] = true
	}
	if n := o.find("set"); n != nil {
		c.Set = decodeSet(o, n)
	}
	o.coarsening(&c)
	if n := o.find("hierarchy"); n != nil {
		c.Hierarchy = p.decodeHierarchy(o, n, &c)
	}
	if c.Hierarchy.textual() && c.Type != "" && c.Type != "text" {
		o.add(o.place("type"), "a file, levels or prefix hierarchy reads the column as text; remove type: %s, or use intervals or date", c.Type)
	}
	return c
}

// coarsening reads the keys that a column or its hierarchy may carry.
func (o *object) coarsening(c *Column) {
	if o.has("unlisted") {
		if o.choice("unlisted", "reject", "top") == "top" {
			c.Unlisted = kanon.TopUnlisted
		}
	}
	o.find("unlisted")
	if size := o.integer("domain-size", 0, 1, 1<<62); size > 0 {
		c.DomainSize = size
	}
}

func decodeSet(o *object, n *node) *Set {
	at := o.place("set")
	if n.kind == nullNode {
		return &Set{}
	}
	s := o.object(n, at.key)
	defer s.done()
	sep := s.text("separator")
	if s.has("separator") && sep == "" {
		s.add(s.place("separator"), "empty; write the sign between tags, such as \"|\"")
	}
	return &Set{sep}
}

var hierarchyWords = []string{"file", "levels", "prefix", "intervals", "date"}

func (p *Policy) decodeHierarchy(col *object, n *node, c *Column) *Hierarchy {
	o := col.object(n, col.place("hierarchy").key)
	o.at.line = col.place("hierarchy").line
	defer o.done()
	h := &Hierarchy{at: o.at}
	o.coarsening(c)
	kinds := 0
	for _, w := range hierarchyWords {
		if o.has(w) {
			kinds++
		}
	}
	if kinds != 1 {
		o.add(o.at, "a hierarchy is exactly one of %s; this names %d of them", strings.Join(hierarchyWords, ", "), kinds)
	}
	if path := o.text("file"); path != "" {
		h.File = p.refer(path)
	} else if o.has("file") {
		o.add(o.place("file"), "empty; name a file of lines value;level1;…;top")
	}
	h.decodeLevels(o)
	for i, w := range o.items("prefix") {
		at := place{w.line, fmt.Sprintf("%s.prefix[%d]", o.at.key, i)}
		v, ok := parseNumber(w.text)
		if w.kind != scalarNode || !ok || !v.rat.IsInt() || v.rat.Sign() <= 0 || v.cmp(1000, 1) > 0 {
			o.add(at, "%s is no number of characters to keep; write a whole number from 1", quoteNode(w))
			continue
		}
		h.Prefix = append(h.Prefix, v.rat.Num().Int64())
	}
	if widths := o.numbers("intervals"); widths != nil {
		h.Intervals = &Intervals{Widths: widths, Min: o.float("min", "", ""), Max: o.float("max", "", "")}
		for i, w := range widths {
			if w.rat.Sign() <= 0 {
				o.add(o.place("intervals"), "width %d is not more than 0; write the widths of levels 1, 2, …", i+1)
			}
		}
	}
	for _, d := range o.texts("date") {
		h.Date = append(h.Date, d)
	}
	return h
}

// decodeLevels reads inline levels: a list of maps from a label to the label
// one level up.
func (h *Hierarchy) decodeLevels(o *object) {
	for i, n := range o.items("levels") {
		key := fmt.Sprintf("%s.levels[%d]", o.at.key, i)
		if n.kind != mapNode || len(n.entries) == 0 {
			o.add(place{n.line, key}, "a level must be a map from values to labels, but is %s; write {Nurse: Health, Clerk: Office}", n.kind)
			continue
		}
		level := map[string]string{}
		for _, e := range n.entries {
			if e.value.kind != scalarNode {
				o.add(place{e.line, key}, "the label of %s must be a text, but is %s; write one value", quote(e.key), e.value.kind)
				continue
			}
			level[e.key] = e.value.text
		}
		h.Levels = append(h.Levels, level)
	}
}
