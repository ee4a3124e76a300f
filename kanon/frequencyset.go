package kanon

import (
	"fmt"
	"slices"
	"sync"

	"github.com/oboro-data/oboro/hierarchy"
	"github.com/oboro-data/oboro/internal/fault"
)

// A FrequencySet is a table seen only as classes and their sizes. Take six
// rows with quasi-identifiers zip and age:
//
//	81667 34   81675 36   81667 34   81925 66   81931 70   81931 66
//
// The frequency set at the bottom of the lattice, node (0,0), has five classes:
//
//	81667 34  2      81675 36  1      81925 66  1      81931 70  1      81931 66  1
//
// Generalize((1,1)), with three-digit zips and ages in tens, adds sizes and
// never looks at rows again:
//
//	816** 30-39  3      819** 60-69  2      819** 70-79  1
//
// One class of one row remains: (1,1) is 2-anonymous only if a sixth of the
// rows may be suppressed.
//
// Classes are sorted by their keys, label index by label index, so that every
// sum over classes has one order. A set does not change once made and may be
// read by several goroutines.
type FrequencySet struct {
	// QuasiIdentifiers are the columns of the class keys with their
	// generalisation tables, in lattice order.
	QuasiIdentifiers []Column
	// SensitiveColumns are the columns whose distributions classes carry.
	SensitiveColumns []Column
	Node             Node  // where in the lattice this set stands
	Rows             int64 // rows of the table
	People           int64 // distinct people, or Rows without a unit

	shape   *shape
	layout  layout
	words   [][]uint64 // words[w][i]: word w of the key of class i, packed as layout says
	rows    []int64    // rows of class i
	settled []int64    // people all of whose rows are in class i; is rows without a unit
	size    []int64    // people of class i; is settled without pairs
	pairs   []personClass
	pop     []int64 // people of class i in the population, nil where no model asks
	dist    []distributions
}

// A Column is a coded column: its name and its generalisation table (level 0
// has a label per code, in the column's declared order).
type Column struct {
	Name  string
	Table hierarchy.Table
}

// personClass says that a person, one with rows in several classes, has rows
// in a class. Pairs are sorted by person, then class.
type personClass struct{ person, class uint32 }

// A Row is rows of a table written down by hand, for NewFrequencySet.
type Row struct {
	Key       []int32 // code per quasi-identifier
	Sensitive []int32 // code per sensitive column
	// Person tells people apart: rows with one positive Person belong to that
	// person. 0: every row is a person of its own.
	Person int64
	Rows   int64 // how many such rows; 0 is 1
	// Population is the number of people of the population with this key. If
	// any Row has one, classes carry populations, and a row with Population
	// and Rows -1 stands for people of the population who are not in the table.
	Population int64
}

// NewFrequencySet returns the frequency set, at the bottom of the lattice, of
// a table given as rows of codes. It is meant for tests and small tables;
// Anonymize counts a source. Wrong codes are an error of kind Plan.
func NewFrequencySet(columns, sensitive []Column, rows []Row) (*FrequencySet, error) {
	t, pop, err := literalTuples(columns, sensitive, rows)
	if err != nil {
		return nil, err
	}
	return newFrequencySet(t, columns, sensitive, pop)
}

// literalTuples counts rows of codes with plain code.
func literalTuples(columns, sensitive []Column, rows []Row) (*tuples, func([]uint32) int64, error) {
	all := slices.Concat(columns, sensitive)
	type counted struct {
		codes   []uint32
		rows    int64
		settled int64
	}
	index := map[string]int{}
	var list []counted
	persons := map[int64][]int{} // person to its entries of list
	t := &tuples{codes: make([][]uint32, len(all))}
	population := map[string]int64{}
	hasPopulation := false
	for _, r := range rows {
		if len(r.Key) != len(columns) || len(r.Sensitive) != len(sensitive) {
			return nil, nil, fault.Planf("a row has %d and %d codes where the table has %d quasi-identifiers and %d sensitive columns", len(r.Key), len(r.Sensitive), len(columns), len(sensitive))
		}
		codes := make([]uint32, 0, len(all))
		for c, v := range slices.Concat(r.Key, r.Sensitive) {
			if v < 0 || int(v) >= len(all[c].Table.Levels[0].Codes) {
				return nil, nil, fault.Planf("column %q: a row has a code outside the table", all[c].Name)
			}
			codes = append(codes, uint32(v))
		}
		if r.Population > 0 {
			hasPopulation = true
			population[fmt.Sprint(codes[:len(columns)])] += r.Population
		}
		n := max(r.Rows, 1)
		if r.Rows < 0 {
			n = 0
		}
		k := fmt.Sprint(codes)
		i, ok := index[k]
		if !ok {
			i = len(list)
			index[k] = i
			list = append(list, counted{codes: codes})
		}
		list[i].rows += n
		t.totalRows += n
		if r.Person == 0 {
			list[i].settled += n
			t.totalPeople += n
		} else if !slices.Contains(persons[r.Person], i) {
			persons[r.Person] = append(persons[r.Person], i)
		}
	}
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return slices.Compare(list[a].codes, list[b].codes) })
	place := make([]uint32, len(list))
	for at, i := range order {
		place[i] = uint32(at)
	}
	t.totalPeople += int64(len(persons))
	ids := make([]int64, 0, len(persons))
	for p := range persons {
		ids = append(ids, p)
	}
	slices.Sort(ids)
	next := uint32(0)
	for _, p := range ids {
		if len(persons[p]) == 1 {
			list[persons[p][0]].settled++
			continue
		}
		for _, i := range persons[p] {
			t.pairs = append(t.pairs, personTuple{next, place[i]})
		}
		next++
	}
	slices.SortFunc(t.pairs, func(a, b personTuple) int {
		if a.person != b.person {
			return int(a.person) - int(b.person)
		}
		return int(a.tuple) - int(b.tuple)
	})
	for _, i := range order {
		for c := range all {
			t.codes[c] = append(t.codes[c], list[i].codes[c])
		}
		t.rows = append(t.rows, list[i].rows)
		t.settled = append(t.settled, list[i].settled)
	}
	for _, c := range all {
		t.columns = append(t.columns, countedColumn{name: c.Name, null: -1})
	}
	if !hasPopulation {
		return t, nil, nil
	}
	return t, func(codes []uint32) int64 { return population[fmt.Sprint(codes)] }, nil
}

// newFrequencySet returns the frequency set at the bottom of the lattice of a
// counted table whose first columns are the quasi-identifiers, the next the
// sensitive columns. Tuples that differ in sensitive columns only fall into
// one class. population, which may be nil, is the population of a key.
func newFrequencySet(t *tuples, columns, sensitive []Column, population func([]uint32) int64) (*FrequencySet, error) {
	f, _, err := newClassifiedSet(t, columns, sensitive, population)
	return f, err
}

// newClassifiedSet is newFrequencySet; it also returns the class of each tuple.
// Tuples are in the order of their codes already; where every code is its own
// label, as it is but for tables written by hand, classes are runs of tuples,
// and where nothing else tells tuples apart, tuples are the classes.
func newClassifiedSet(t *tuples, columns, sensitive []Column, population func([]uint32) int64) (*FrequencySet, classMap, error) {
	s, err := newShape(columns, len(t.rows))
	if err != nil {
		return nil, nil, err
	}
	// Every tuple is a class of the leaf; rolling up joins those with one key.
	n, q := len(t.rows), len(columns)
	leaf := &FrequencySet{
		QuasiIdentifiers: columns, SensitiveColumns: sensitive, Node: make(Node, q),
		Rows: t.totalRows, People: t.totalPeople, shape: s, layout: s.layoutAt(make(Node, q)),
		rows: t.rows, settled: t.settled,
	}
	if len(t.rows) > 0 && &t.rows[0] != &t.settled[0] && slices.Equal(t.rows, t.settled) {
		leaf.settled = leaf.rows
	}
	sorted := true
	for c := range columns {
		sorted = sorted && ascending(columns[c].Table.Levels[0].Codes)
	}
	leaf.words = t.words(leaf.layout, columns, sorted)
	if sorted && len(sensitive) == 0 && len(t.pairs) == 0 && population == nil {
		leaf.size = leaf.settled
		return leaf, nil, nil
	}
	if population != nil {
		leaf.pop = make([]int64, n)
		codes, last := make([]uint32, q), make([]uint32, q)
		for i := range n {
			for c := range q {
				codes[c] = t.column(c)[i]
			}
			if i == 0 || !slices.Equal(codes, last) { // once per key
				leaf.pop[i] = population(codes)
			}
			copy(last, codes)
		}
	}
	for c := range sensitive {
		leaf.dist = append(leaf.dist, leafDistributions(t, q+c))
	}
	for _, p := range t.pairs {
		leaf.pairs = append(leaf.pairs, personClass{p.person, p.tuple})
	}
	buf := scratchPool.Get().(*scratch)
	defer scratchPool.Put(buf)
	f := leaf.at(leaf.Node)
	if sorted {
		leaf.groupRuns(f, buf)
	} else {
		leaf.group(f, buf)
	}
	return f, leaf.classify(f, buf), nil
}

// ascending reports whether every code is its own label.
func ascending(labels []int32) bool {
	for i, l := range labels {
		if int(l) != i {
			return false
		}
	}
	return true
}

// words returns the keys of all tuples, in words as a layout says. As long as
// every code is its own label, keys that the tuples were counted by will do.
func (t *tuples) words(l layout, columns []Column, same bool) [][]uint64 {
	if t.packed != nil && same {
		if words, ok := t.packed.Packed(l.splitWidths()); ok {
			return words
		}
	}
	words := make([][]uint64, l.words)
	for w := range words {
		words[w] = make([]uint64, len(t.rows))
	}
	for c, fd := range l.fields {
		if fd.width == 0 {
			continue
		}
		labels, word := columns[c].Table.Levels[0].Codes, words[fd.word]
		for i, code := range t.column(c) {
			word[i] |= uint64(labels[code]) << fd.shift
		}
	}
	return words
}

// settle takes pairs sorted by person, drops repeated ones, counts a person
// who is left with one class as settled there, and sets the sizes.
func (f *FrequencySet) settle(pairs []personClass) {
	f.size = f.settled
	if len(pairs) == 0 {
		return
	}
	owned := len(f.rows) == 0 || &f.settled[0] != &f.rows[0]
	if !owned {
		f.settled = slices.Clone(f.settled)
	}
	kept := pairs[:0]
	for lo := 0; lo < len(pairs); {
		hi := lo + 1
		for hi < len(pairs) && pairs[hi].person == pairs[lo].person {
			hi++
		}
		one := pairs[lo:hi]
		slices.SortFunc(one, func(a, b personClass) int { return int(a.class) - int(b.class) })
		if one[0].class == one[len(one)-1].class {
			f.settled[one[0].class]++
		} else {
			for i, p := range one {
				if i == 0 || p.class != one[i-1].class {
					kept = append(kept, p)
				}
			}
		}
		lo = hi
	}
	f.pairs = kept
	f.size = f.settled
	if len(kept) > 0 {
		f.size = slices.Clone(f.settled)
		for _, p := range kept {
			f.size[p.class]++
		}
	}
}

// Len returns the number of classes.
func (f *FrequencySet) Len() int { return len(f.rows) }

// ClassRows returns the number of rows of class i.
func (f *FrequencySet) ClassRows(i int) int64 { return f.rows[i] }

// ClassSize returns the number of people of class i.
func (f *FrequencySet) ClassSize(i int) int64 { return f.size[i] }

// Label returns the label index of class i in quasi-identifier c, at the level
// of the set's node.
func (f *FrequencySet) Label(i, c int) int32 {
	fd := &f.layout.fields[c]
	if fd.width == 0 {
		return 0
	}
	return int32(f.words[fd.word][i] >> fd.shift & fd.mask)
}

// Class fills c with class i, 0 ≤ i < Len(). The slices of c's distributions
// belong to the set and must not be changed; c may be used again for another
// class.
func (f *FrequencySet) Class(i int, c *EquivalenceClass) {
	c.Key = c.Key[:0]
	for q := range f.QuasiIdentifiers {
		c.Key = append(c.Key, f.Label(i, q))
	}
	c.Rows, c.Size = f.rows[i], f.size[i]
	c.Population = c.Size
	if f.pop != nil {
		c.Population = f.pop[i]
	}
	c.Sensitive = c.Sensitive[:0]
	for s := range f.dist {
		c.Sensitive = append(c.Sensitive, f.dist[s].of(i))
	}
}

// LabelRows returns, for each label of quasi-identifier c at a level, the rows
// of the table that have it. The slice must not be changed.
func (f *FrequencySet) LabelRows(c, level int) []int64 { return f.shape.marginals(f)[c][level] }

// Generalize returns the frequency set at a node that is nowhere below f's. It
// adds up classes: its cost is proportional to Len, whatever the number of
// rows. A node that is below f's in some column, or outside the lattice, is a
// mistake of the caller and panics.
func (f *FrequencySet) Generalize(n Node) *FrequencySet {
	if len(n) != len(f.Node) {
		panic("kanon: Generalize to a node of another lattice")
	}
	for c, l := range n {
		if l < f.Node[c] || l >= len(f.QuasiIdentifiers[c].Table.Levels) {
			panic("kanon: Generalize to a node that is not above the set's")
		}
	}
	s := scratchPool.Get().(*scratch)
	defer scratchPool.Put(s)
	return f.rollUp(slices.Clone(n), s)
}

var scratchPool = sync.Pool{New: func() any { return new(scratch) }}
