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
	"github.com/oboro-data/oboro/internal/fault"
)

// VerifySpec says what a written table must satisfy.
type VerifySpec struct {
	QuasiIdentifiers []string // columns of the table, by name
	Models           []PrivacyModel
	// Unit is not empty where the release counted people. The table has no
	// unit column, so rows are counted: a class of fewer than k rows fails, one
	// of k rows or more is consistent with the claim.
	Unit    string
	Nulls   Nulls // NullIsWildcard: a null cell is compatible with every value
	Workers int   // 0: one per processor
}

// VerifyResult is what a recount of a written table found.
type VerifyResult struct {
	Rows          int64
	Classes       int64
	SmallestClass int64 // rows; 0 without rows
	ClassSizes    []ClassSizes
	// Checked and Unchecked name the models that were re-checked on the table
	// and those that can't be from a table alone: they compare with the input,
	// or count people.
	Checked, Unchecked []string
}

// Verify recounts a written table by the texts of its cells, with maps, and
// checks the models with plain code: it shares nothing with the counting, the
// search and the recoding, so a mistake there does not hide itself. A model
// that does not hold is an error of kind Data that names it. Its cost is that
// of a read, little more where the rows of a class stand together.
func Verify(ctx context.Context, src arrowio.Source, spec VerifySpec) (*VerifyResult, error) {
	r, err := recountTable(ctx, src, spec.QuasiIdentifiers, sensitiveOf(spec.Models, src.Schema()), spec.Workers)
	if err != nil {
		return nil, err
	}
	r.exact = spec.Unit == ""
	if spec.Nulls == NullIsWildcard {
		r.hideBehindNulls()
	}
	out := &VerifyResult{Rows: r.rows, Classes: int64(len(r.classes)), ClassSizes: r.sizes(spec.Nulls == NullIsWildcard)}
	if len(out.ClassSizes) > 0 {
		out.SmallestClass = r.smallest(spec.Nulls == NullIsWildcard)
	}
	for _, m := range spec.Models {
		checked, err := verifyModel(m, r)
		if err != nil {
			return nil, err
		}
		if checked {
			out.Checked = append(out.Checked, m.String())
		} else {
			out.Unchecked = append(out.Unchecked, m.String())
		}
	}
	return out, nil
}

// sensitiveOf lists the columns that models name and the table has.
func sensitiveOf(models []PrivacyModel, schema *arrow.Schema) []string {
	var out []string
	for _, m := range models {
		if n, ok := m.(NamesColumns); ok {
			for _, name := range n.SensitiveColumns() {
				if len(schema.FieldIndices(name)) == 1 && !slices.Contains(out, name) {
					out = append(out, name)
				}
			}
		}
	}
	return out
}

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

// verify recounts the finished release and compares: the rows that will be
// written, with their texts; and where there is a unit, the people behind them
// as they were counted at the first read. It fills in the figures of rel, which
// come from this recount.
func (p *plan) verify(ctx context.Context, rel *Release, t *tuples, classOf []uint32, a *assignment) error {
	var quasi []string
	for _, q := range p.quasi {
		quasi = append(quasi, q.Column)
	}
	written, err := recountTable(ctx, rel, quasi, sensitiveOf(p.spec.Models, rel.schema), p.spec.Workers)
	if err != nil {
		return err
	}
	behind := p.recountTuples(t, classOf, a)
	if written.rows != rel.Rows || written.rows != behind.rows || len(written.classes) != len(behind.classes) {
		return errNotVerified("the rows written are not those counted")
	}
	for key, c := range written.classes {
		if b := behind.classes[key]; b == nil || b.rows != c.rows {
			return errNotVerified("the rows written are not those counted")
		}
	}
	if rel.SuppressedRows > p.spec.limit(rel.InputRows) {
		return errNotVerified("more rows are suppressed than allowed")
	}
	if p.spec.Nulls == NullIsWildcard {
		behind.hideBehindNulls()
	}
	for _, m := range p.spec.Models {
		checked, err := verifyModel(m, behind)
		if err != nil {
			return err
		}
		claim := Claim{Model: m, Checked: "input"}
		if checked {
			claim.Checked = "output"
		}
		rel.Claims = append(rel.Claims, claim)
	}
	people := rel.Counted == "people" || p.spec.Nulls == NullIsWildcard
	rel.Classes = int64(len(behind.classes))
	rel.SmallestClass, rel.ClassSizes = behind.smallest(people), behind.sizes(people)
	return nil
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

func errNotVerified(what string) error {
	return fault.Dataf("the release does not verify, and nothing is released: %s", what)
}

// recountTuples counts the people behind the released classes, which the
// written rows do not tell, from the counted table: with sets of people, by the
// texts that are released.
func (p *plan) recountTuples(t *tuples, classOf []uint32, a *assignment) *recount {
	r := &recount{classes: map[string]*recounted{}, exact: true}
	for _, s := range p.sensitive {
		r.sensitive = append(r.sensitive, s.Column)
	}
	released := make([]*recounted, a.classes())
	for k := range released {
		texts := make([]string, len(a.labels))
		for c := range texts {
			texts[c] = "n"
			if l := a.labels[c][k]; l >= 0 {
				texts[c] = "v" + a.dict[c][l]
			}
		}
		released[k] = r.class(texts)
	}
	text := make([][]string, len(r.sensitive)) // of each code
	for c := range text {
		col := t.columns[len(p.quasi)+c]
		whole := map[string]int64{}
		for i := range col.values.Len() {
			s := "n"
			if i != col.null {
				s = "v" + code.Text(col.values, i)
			}
			text[c] = append(text[c], s)
			whole[s] = 0
		}
		r.whole = append(r.whole, whole)
	}
	value := func(c int, tuple uint32) string { return text[c][t.codes[len(p.quasi)+c][tuple]] }
	for i := range t.rows {
		for c := range text {
			r.whole[c][value(c, uint32(i))] += t.settled[i]
		}
		if k := a.class[classOf[i]]; k >= 0 {
			cl := released[k]
			cl.rows += t.rows[i]
			r.rows += t.rows[i]
			cl.people += t.settled[i]
			for c := range text {
				if t.settled[i] > 0 {
					cl.values[c][value(c, uint32(i))] += t.settled[i]
				}
			}
		}
	}
	// A person with several tuples counts once per class, and once per class
	// and value.
	type membership struct {
		class *recounted
		c     int
		value string
	}
	for lo := 0; lo < len(t.pairs); {
		hi := lo
		seen := map[membership]bool{}
		for ; hi < len(t.pairs) && t.pairs[hi].person == t.pairs[lo].person; hi++ {
			tuple := t.pairs[hi].tuple
			for c := range text {
				if m := (membership{nil, c, value(c, tuple)}); !seen[m] {
					seen[m] = true
					r.whole[c][m.value]++
				}
			}
			k := a.class[classOf[tuple]]
			if k < 0 {
				continue
			}
			cl := released[k]
			if m := (membership{cl, -1, ""}); !seen[m] {
				seen[m] = true
				cl.people++
				if p.spec.Nulls == NullIsWildcard {
					if cl.persons == nil {
						cl.persons = map[uint32]bool{}
					}
					cl.persons[t.pairs[hi].person] = true
				}
			}
			for c := range text {
				if m := (membership{cl, c, value(c, tuple)}); !seen[m] {
					seen[m] = true
					cl.values[c][m.value]++
				}
			}
		}
		lo = hi
	}
	return r
}
