package kanon

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/code"
)

// A recount is a released table as plain code counts it.
type recount struct {
	sensitive []string // columns whose values were counted
	classes   map[string]*recounted
	rows      int64
	// exact says that people and values are the counts that models speak of:
	// people where there is a unit. Otherwise they are rows, and there are at
	// least as many rows as people.
	exact bool
	// whole counts the values of the sensitive columns over the whole input;
	// nil where only the released table is known.
	whole []map[string]int64
}

// recounted is one class: rows, people, and how many people have each value
// of each sensitive column. A value is keyed by its text after "v", null by "n".
type recounted struct {
	texts        []string // of the quasi-identifiers
	rows, people int64
	values       []map[string]int64
	persons      map[uint32]bool // those of people who are in other classes too, where they are known
}

func newRecounted(texts []string, sensitive int) *recounted {
	c := &recounted{texts: texts, values: make([]map[string]int64, sensitive)}
	for i := range c.values {
		c.values[i] = map[string]int64{}
	}
	return c
}

// values returns the position of a sensitive column, -1 if it is not counted.
func (r *recount) column(name string) int { return slices.Index(r.sensitive, name) }

func (r *recount) size(c *recounted, people bool) int64 {
	if people {
		return c.people
	}
	return c.rows
}

func (r *recount) smallest(people bool) int64 {
	least := int64(-1)
	for _, c := range r.classes {
		if n := r.size(c, people); least < 0 || n < least {
			least = n
		}
	}
	return max(least, 0)
}

// sizes is the histogram of class sizes in steps of 1, 2, 5, 10, 20, 50, …
func (r *recount) sizes(people bool) []ClassSizes {
	var bins []ClassSizes
	for from, step := int64(1), 0; from > 0 && from < 1<<60; step++ {
		next := from * 2
		if step%3 == 1 {
			next = from / 2 * 5
		}
		bins = append(bins, ClassSizes{From: from, To: next - 1})
		from = next
	}
	for _, c := range r.classes {
		n := r.size(c, people)
		i, _ := slices.BinarySearchFunc(bins, n, func(b ClassSizes, n int64) int {
			if b.To < n {
				return -1
			}
			return 1
		})
		bins[i].Classes++
		bins[i].Rows += c.rows
	}
	return slices.DeleteFunc(bins, func(b ClassSizes) bool { return b.Classes == 0 })
}

// recountTable reads a table and counts rows by the texts of the
// quasi-identifiers.
func recountTable(ctx context.Context, src arrowio.Source, quasi, sensitive []string, workers int) (*recount, error) {
	parts := []arrowio.Source{src}
	if s, ok := src.(arrowio.Splitter); ok {
		parts = s.Splits(4 * parallel(workers))
	}
	readers := make([]*recounter, len(parts))
	err := each(ctx, parallel(workers), len(parts), func(i int) error {
		readers[i] = newRecounter(len(quasi), len(sensitive))
		return readers[i].read(ctx, parts[i], slices.Concat(quasi, sensitive))
	})
	if err != nil {
		return nil, err
	}
	out := &recount{sensitive: sensitive, classes: map[string]*recounted{}}
	for _, r := range readers {
		r.mergeInto(out)
	}
	return out, nil
}

// A recounter counts one part of a table. Texts are numbered as they come, a
// class is a string of numbers.
type recounter struct {
	quasi   int
	ids     []map[string]uint32 // of each column: text to number
	texts   [][]string          // and back
	dict    []arrow.ArrayData   // of each column: the last dictionary and its numbers
	entries [][]uint32
	classes map[string]*numbered
	rows    [][]uint32 // of each column: the numbers of the batch's rows
	fresh   []bool     // row differs from the one before in a quasi-identifier
	key     []byte
}

// numbered is one class, with values by number.
type numbered struct {
	row    []uint32
	rows   int64
	values []map[uint32]int64
}

func newRecounter(quasi, sensitive int) *recounter {
	n := quasi + sensitive
	r := &recounter{
		quasi: quasi, ids: make([]map[string]uint32, n), texts: make([][]string, n), dict: make([]arrow.ArrayData, n),
		entries: make([][]uint32, n), classes: map[string]*numbered{}, rows: make([][]uint32, n),
	}
	for c := range r.ids {
		r.ids[c] = map[string]uint32{}
	}
	return r
}

func (r *recounter) read(ctx context.Context, src arrowio.Source, columns []string) error {
	rr, err := src.Open(ctx, columns...)
	if err != nil {
		return err
	}
	defer rr.Release()
	for rr.Next() {
		rec := rr.Record()
		for c, col := range rec.Columns() {
			r.number(c, col)
		}
		r.count(int(rec.NumRows()))
	}
	return rr.Err()
}

// id numbers the texts of a column: "v" and the text, or "n" for null.
func (r *recounter) id(c int, text string) uint32 {
	n, ok := r.ids[c][text]
	if !ok {
		n = uint32(len(r.texts[c]))
		r.ids[c][text] = n
		r.texts[c] = append(r.texts[c], text)
	}
	return n
}

func (r *recounter) cell(c int, a arrow.Array, i int) uint32 {
	if code.IsNull(a, i) {
		return r.id(c, "n")
	}
	return r.id(c, "v"+code.Text(a, i))
}

// number sets the numbers of the texts of a column, for every row of a batch.
func (r *recounter) number(c int, col arrow.Array) {
	rows := grow(r.rows[c], col.Len())
	r.rows[c] = rows
	d, ok := col.(*array.Dictionary)
	if !ok {
		for i := range rows {
			rows[i] = r.cell(c, col, i)
		}
		return
	}
	if values := d.Dictionary(); r.dict[c] != values.Data() {
		r.dict[c], r.entries[c] = values.Data(), make([]uint32, values.Len())
		for i := range values.Len() {
			r.entries[c][i] = r.cell(c, values, i)
		}
	}
	entries := r.entries[c]
	if indices, ok := d.Indices().(*array.Int32); ok && d.NullN() == 0 {
		for i, v := range indices.Int32Values() {
			rows[i] = entries[v]
		}
		return
	}
	for i := range rows {
		if d.IsNull(i) {
			rows[i] = r.id(c, "n")
		} else {
			rows[i] = entries[d.GetValueIndex(i)]
		}
	}
}

// count adds the rows of a batch to their classes, run by run of rows that
// agree in the quasi-identifiers.
func (r *recounter) count(n int) {
	r.fresh = grow(r.fresh, n)
	clear(r.fresh)
	for _, ids := range r.rows[:r.quasi] {
		for i := 1; i < len(ids); i++ {
			if ids[i] != ids[i-1] {
				r.fresh[i] = true
			}
		}
	}
	for from := 0; from < n; {
		to := from + 1
		for to < n && !r.fresh[to] {
			to++
		}
		c := r.class(from)
		c.rows += int64(to - from)
		for s, values := range c.values {
			for _, v := range r.rows[r.quasi+s][from:to] {
				values[v]++
			}
		}
		from = to
	}
}

// class finds the class of row i of the batch.
func (r *recounter) class(i int) *numbered {
	r.key = r.key[:0]
	for _, ids := range r.rows[:r.quasi] {
		r.key = binary.LittleEndian.AppendUint32(r.key, ids[i])
	}
	c := r.classes[string(r.key)]
	if c == nil {
		c = &numbered{values: make([]map[uint32]int64, len(r.rows)-r.quasi)}
		for _, ids := range r.rows[:r.quasi] {
			c.row = append(c.row, ids[i])
		}
		for s := range c.values {
			c.values[s] = map[uint32]int64{}
		}
		r.classes[string(r.key)] = c
	}
	return c
}

// mergeInto adds what was counted to the whole, by text.
func (r *recounter) mergeInto(out *recount) {
	for _, c := range r.classes {
		texts := make([]string, len(c.row))
		for i, n := range c.row {
			texts[i] = r.texts[i][n]
		}
		to := out.class(texts)
		to.rows += c.rows
		to.people += c.rows
		out.rows += c.rows
		for i, values := range c.values {
			for v, n := range values {
				to.values[i][r.texts[r.quasi+i][v]] += n
			}
		}
	}
}

func (r *recount) class(texts []string) *recounted {
	key := classText(texts)
	c := r.classes[key]
	if c == nil {
		c = newRecounted(texts, len(r.sensitive))
		r.classes[key] = c
	}
	return c
}

// classText joins the texts of a class; no other texts join to the same.
func classText(texts []string) string {
	var b strings.Builder
	for _, t := range texts {
		var size [8]byte
		binary.LittleEndian.PutUint64(size[:], uint64(len(t)))
		b.Write(size[:])
		b.WriteString(t)
	}
	return b.String()
}

// hideBehindNulls makes the people of every class those of NullIsWildcard: its
// own, and those of the classes that are null wherever it is, and elsewhere
// null or the same. All classes of the recount are released.
func (r *recount) hideBehindNulls() {
	patterns := map[string][]bool{} // which columns are null
	for _, c := range r.classes {
		p := make([]bool, len(c.texts))
		some := false
		for i, t := range c.texts {
			p[i] = t == "n"
			some = some || p[i]
		}
		if some {
			patterns[fmt.Sprint(p)] = p
		}
	}
	people := map[*recounted]int64{}
	for _, c := range r.classes {
		persons := maps.Clone(c.persons)
		people[c] = c.people - int64(len(c.persons))
		for _, p := range patterns {
			texts, more, covers := slices.Clone(c.texts), false, true
			for i, null := range p {
				more = more || null && texts[i] != "n"
				covers = covers && (null || texts[i] != "n")
				if null {
					texts[i] = "n"
				}
			}
			other := r.classes[classText(texts)]
			if !more || !covers || other == nil {
				continue
			}
			people[c] += other.people - int64(len(other.persons))
			if persons == nil {
				persons = map[uint32]bool{}
			}
			maps.Copy(persons, other.persons)
		}
		people[c] += int64(len(persons))
	}
	for c, n := range people {
		c.people = n
	}
}
