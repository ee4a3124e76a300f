package kanon

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/code"
)

// A recount is a released table as plain code counts it.
type recount struct {
	sensitive []string              // columns whose values were counted
	names     *texts                // of the quasi-identifiers
	classes   map[string]*recounted // by the numbers of their texts
	rows      int64
	// exact says that people and values are the counts that models speak of:
	// people where there is a unit. Otherwise they are rows, and there are at
	// least as many rows as people.
	exact bool
	// whole counts the values of the sensitive columns over the whole input;
	// nil where only the released table is known.
	whole []map[string]int64
	key   []byte
}

// recounted is one class: rows, people, and how many people have each value
// of each sensitive column. A value is keyed by its text after "v", null by "n".
type recounted struct {
	rows, people int64
	values       []map[string]int64
	persons      map[uint32]bool // those of people who are in other classes too, where they are known
}

func newRecounted(sensitive int) *recounted {
	c := &recounted{}
	if sensitive > 0 {
		c.values = make([]map[string]int64, sensitive)
	}
	for i := range c.values {
		c.values[i] = map[string]int64{}
	}
	return c
}

// A texts numbers the texts of columns in the order in which they come, so that
// a class of many columns is a short string. A text is the cell's after "v", or
// "n" for null.
type texts struct {
	ids []map[string]uint32 // of each column
	of  [][]string          // and back
}

func newTexts(columns int) *texts {
	t := &texts{ids: make([]map[string]uint32, columns), of: make([][]string, columns)}
	for c := range t.ids {
		t.ids[c] = map[string]uint32{}
	}
	return t
}

// id numbers a text of column c.
func (t *texts) id(c int, text string) uint32 {
	n, ok := t.ids[c][text]
	if !ok {
		n = uint32(len(t.of[c]))
		t.ids[c][text] = n
		t.of[c] = append(t.of[c], text)
	}
	return n
}

// classKey is the key of a class with texts of these numbers.
func classKey(key []byte, ids []uint32) []byte {
	for _, n := range ids {
		key = binary.LittleEndian.AppendUint32(key, n)
	}
	return key
}

// classIDs takes a key apart.
func classIDs(ids []uint32, key string) []uint32 {
	for i := 0; i < len(key); i += 4 {
		ids = append(ids, binary.LittleEndian.Uint32([]byte(key[i:i+4])))
	}
	return ids
}

// column returns the position of a sensitive column, -1 if it is not counted.
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
// quasi-identifiers, which are numbered in names.
func recountTable(ctx context.Context, src arrowio.Source, quasi, sensitive []string, workers int, names *texts) (*recount, error) {
	parts := []arrowio.Source{src}
	if s, ok := src.(arrowio.Splitter); ok {
		parts = s.Splits(4 * parallel(workers))
	}
	out := &recount{sensitive: sensitive, names: names, classes: map[string]*recounted{}}
	var mu sync.Mutex
	err := each(ctx, parallel(workers), len(parts), func(i int) error {
		r := newRecounter(len(quasi), len(sensitive))
		if err := r.read(ctx, parts[i], slices.Concat(quasi, sensitive)); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		r.mergeInto(out)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// A recounter counts one part of a table. A class is a string of the numbers
// of its texts.
type recounter struct {
	*texts
	quasi   int
	dict    []arrow.ArrayData // of each column: the last dictionary and its numbers
	entries [][]uint32
	classes map[string]*numbered
	rows    [][]uint32 // of each column: the numbers of the batch's rows
	fresh   []bool     // row differs from the one before in a quasi-identifier
	key     []byte
}

// numbered is one class, with values by number.
type numbered struct {
	rows   int64
	values []map[uint32]int64
}

func newRecounter(quasi, sensitive int) *recounter {
	n := quasi + sensitive
	return &recounter{
		texts: newTexts(n), quasi: quasi, dict: make([]arrow.ArrayData, n),
		entries: make([][]uint32, n), classes: map[string]*numbered{}, rows: make([][]uint32, n),
	}
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
		c = &numbered{}
		for range r.rows[r.quasi:] {
			c.values = append(c.values, map[uint32]int64{})
		}
		r.classes[string(r.key)] = c
	}
	return c
}

// mergeInto adds what was counted to the whole, by text.
func (r *recounter) mergeInto(out *recount) {
	to := make([][]uint32, r.quasi) // numbers here to numbers there
	for c := range to {
		for _, text := range r.of[c] {
			to[c] = append(to[c], out.names.id(c, text))
		}
	}
	var ids []uint32
	for key, c := range r.classes {
		ids = classIDs(ids[:0], key)
		for i, n := range ids {
			ids[i] = to[i][n]
		}
		sum := out.class(ids)
		sum.rows += c.rows
		sum.people += c.rows
		out.rows += c.rows
		for i, values := range c.values {
			for v, n := range values {
				sum.values[i][r.of[r.quasi+i][v]] += n
			}
		}
	}
}

// class returns the class with texts of these numbers.
func (r *recount) class(ids []uint32) *recounted {
	r.key = classKey(r.key[:0], ids)
	c := r.classes[string(r.key)]
	if c == nil {
		c = newRecounted(len(r.sensitive))
		r.classes[string(r.key)] = c
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
	null := make([]uint32, len(r.names.of)) // the number of "n"
	for c := range null {
		null[c] = r.names.id(c, "n")
	}
	patterns := map[string][]bool{} // which columns are null
	var ids []uint32
	for key := range r.classes {
		ids = classIDs(ids[:0], key)
		p := make([]bool, len(ids))
		some := false
		for i, n := range ids {
			p[i] = n == null[i]
			some = some || p[i]
		}
		if some {
			patterns[fmt.Sprint(p)] = p
		}
	}
	people := map[*recounted]int64{}
	for key, c := range r.classes {
		persons := maps.Clone(c.persons)
		people[c] = c.people - int64(len(c.persons))
		for _, p := range patterns {
			ids = classIDs(ids[:0], key)
			more, covers := false, true
			for i, hidden := range p {
				more = more || hidden && ids[i] != null[i]
				covers = covers && (hidden || ids[i] != null[i])
				if hidden {
					ids[i] = null[i]
				}
			}
			other := r.classes[string(classKey(nil, ids))]
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
