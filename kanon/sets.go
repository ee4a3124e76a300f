package kanon

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/hierarchy"
	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/fault"
)

// A SetColumn is a column of tag sets: text of tags between separators, or a
// list of text. It is released under KMAnonymity only. A tag that can't be kept
// in a class is generalised by the hierarchy, with all tags that share its
// parent, and left out at the top.
type SetColumn struct {
	Column    string
	Separator string              // of a text column; not empty
	Hierarchy hierarchy.Hierarchy // over tags; nil: a tag is kept or left out
	Unlisted  Unlisted            // what becomes of a tag that the hierarchy lacks
}

// checkSets reports sets without a model, models without a set, and columns
// that hold no sets.
func (p *plan) checkSets() error {
	for _, m := range p.spec.Models {
		if km, ok := m.(KMAnonymity); ok && p.set(km.Column) == nil {
			return fault.Planf("%s: column %q is not declared as a set; declare it, or use k-anonymity", m, km.Column)
		}
	}
	for _, s := range p.spec.Sets {
		f, err := p.field(s.Column)
		if err != nil {
			return err
		}
		list, isList := f.Type.(*arrow.ListType)
		switch {
		case p.quasiIndex(s.Column) >= 0 || p.sensitiveIndex(s.Column) >= 0 || s.Column == p.spec.Unit:
			return fault.Planf("column %q is a set and has another role; a set can have no other", s.Column)
		case !slices.ContainsFunc(p.spec.Models, func(m PrivacyModel) bool { km, ok := m.(KMAnonymity); return ok && km.Column == s.Column }):
			return fault.Planf("column %q is a set, and sets are released under km-anonymity only; add the model, or leave the column out", s.Column)
		case !slices.Contains(p.columns, s.Column):
			return fault.Planf("column %q is a set under km-anonymity and is not written; write it, or leave the model out", s.Column)
		case isList && list.Elem().ID() == arrow.STRING, f.Type.ID() == arrow.STRING && s.Separator != "":
		case f.Type.ID() == arrow.STRING:
			return fault.Planf("column %q: a set in text needs a separator", s.Column)
		default:
			return fault.Planf("column %q of type %s holds no sets; give text with a separator, or a list of text", s.Column, f.Type.Name())
		}
		if s.Hierarchy != nil {
			if err := s.Hierarchy.CheckType(arrow.BinaryTypes.String); err != nil {
				return err
			}
		}
	}
	return nil
}

// set finds a set column, nil if there is none of the name.
func (p *plan) set(column string) *SetColumn {
	for i := range p.spec.Sets {
		if p.spec.Sets[i].Column == column {
			return &p.spec.Sets[i]
		}
	}
	return nil
}

// A tagged is a row of a class: whose it is, and its tags, distinct and
// increasing.
type tagged struct {
	person int64 // negative: a person of this row alone
	tags   []int32
}

// setColumn makes the released sets of column j of what the second read kept.
// unit is the position of the unit among its columns, -1 without.
func (p *plan) setColumn(s *SetColumn, c *copier, j, unit, classes int) (rowColumn, error) {
	number := map[string]int32{}
	var texts []string
	rows := make([][]tagged, classes)
	at := make([][]int, len(c.chunks)) // place of each row in its class
	people, err := personNumbers(c, unit)
	if err != nil {
		return nil, err
	}
	next := int64(0)
	for k, chunk := range c.chunks {
		at[k] = make([]int, len(chunk.class))
		for i, class := range chunk.class {
			next++
			if class < 0 {
				continue
			}
			row := tagged{person: -next}
			if people != nil {
				row.person = people[k][i]
			}
			for _, text := range s.tags(chunk.arrays[j], i) {
				t, ok := number[text]
				if !ok {
					t = int32(len(texts))
					number[text], texts = t, append(texts, text)
				}
				row.tags = append(row.tags, t)
			}
			slices.Sort(row.tags)
			row.tags = slices.Compact(row.tags)
			at[k][i] = len(rows[class])
			rows[class] = append(rows[class], row)
		}
	}
	table, err := s.table(texts, rows)
	if err != nil {
		return nil, err
	}
	var models []KMAnonymity
	for _, m := range p.spec.Models {
		if km, ok := m.(KMAnonymity); ok && km.Column == s.Column {
			models = append(models, km)
		}
	}
	kept := make([]*tagLevels, classes)
	for class := range rows {
		kept[class] = newTagLevels(table, rows[class])
		kept[class].settle(rows[class], models)
	}
	f, _ := p.field(s.Column)
	out := &chunkColumn{dt: f.Type}
	for k, chunk := range c.chunks {
		out.chunks = append(out.chunks, s.build(f.Type, len(chunk.class), func(i int) []string {
			if class := chunk.class[i]; class >= 0 {
				return kept[class].labels(rows[class][at[k][i]].tags)
			}
			return nil
		}))
	}
	return out, nil
}

// personNumbers numbers the people of the rows kept; all rows of null unit are
// one person. It is nil without a unit.
func personNumbers(c *copier, unit int) ([][]int64, error) {
	if unit < 0 {
		return nil, nil
	}
	if c.coded[unit] != nil {
		out := make([][]int64, len(c.chunks))
		for k, chunk := range c.chunks {
			for _, v := range chunk.codes[unit] {
				out[k] = append(out[k], int64(v))
			}
		}
		return out, nil
	}
	var e *code.Encoder
	out := make([][]int64, len(c.chunks))
	for k, chunk := range c.chunks {
		if e == nil {
			var err error
			if e, err = code.NewEncoder(chunk.arrays[unit].DataType()); err != nil {
				return nil, err
			}
		}
		codes, err := e.Encode(nil, chunk.arrays[unit])
		if err != nil {
			return nil, err
		}
		for _, v := range codes {
			out[k] = append(out[k], int64(v))
		}
	}
	return out, nil
}

// tags returns the tags of a cell; null is the empty set, and so is a tag.
func (s *SetColumn) tags(a arrow.Array, i int) []string {
	if a.IsNull(i) {
		return nil
	}
	var out []string
	if l, ok := a.(*array.List); ok {
		from, to := l.ValueOffsets(i)
		values := l.ListValues().(*array.String)
		for v := from; v < to; v++ {
			if !values.IsNull(int(v)) && values.Value(int(v)) != "" {
				out = append(out, strings.Clone(values.Value(int(v))))
			}
		}
		return out
	}
	for tag := range strings.SplitSeq(a.(*array.String).Value(i), s.Separator) {
		if tag = strings.TrimSpace(tag); tag != "" {
			out = append(out, strings.Clone(tag))
		}
	}
	return out
}

// table applies the hierarchy to the tags.
func (s *SetColumn) table(texts []string, rows [][]tagged) (*hierarchy.Table, error) {
	if slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(t, "\x00") }) {
		return nil, fault.Dataf("column %q: a tag holds a zero byte; take it out", s.Column)
	}
	b := array.NewStringBuilder(memory.DefaultAllocator)
	defer b.Release()
	b.AppendValues(texts, nil)
	values := b.NewArray()
	defer values.Release()
	counts := make([]int64, len(texts))
	for _, class := range rows {
		for _, r := range class {
			for _, t := range r.tags {
				counts[t]++
			}
		}
	}
	table, err := hierarchy.Apply(s.Hierarchy, values, hierarchy.Options{
		Column: s.Column, Null: -1, Rows: func() []int64 { return counts }, UnlistedToTop: s.Unlisted == TopUnlisted,
	})
	if err != nil {
		return nil, err
	}
	for _, level := range table.Levels[1:] {
		for _, label := range level.Labels {
			if s.Separator != "" && strings.Contains(label, s.Separator) {
				return nil, fault.Planf("column %q: level %s of the hierarchy has a label with the separator in it; change one of them", s.Column, level.Name)
			}
		}
	}
	return table, nil
}

// build makes a column of n rows from their labels. An empty set is null.
func (s *SetColumn) build(dt arrow.DataType, n int, labels func(i int) []string) arrow.Array {
	if _, ok := dt.(*arrow.ListType); ok {
		b := array.NewBuilder(memory.DefaultAllocator, dt).(*array.ListBuilder)
		defer b.Release()
		for i := range n {
			l := labels(i)
			b.Append(len(l) > 0)
			for _, text := range l {
				b.ValueBuilder().(*array.StringBuilder).Append(text)
			}
		}
		return b.NewArray()
	}
	b := array.NewStringBuilder(memory.DefaultAllocator)
	defer b.Release()
	for i := range n {
		if l := labels(i); len(l) > 0 {
			b.Append(strings.Join(l, s.Separator))
		} else {
			b.AppendNull()
		}
	}
	return b.NewArray()
}

// tagLevels holds the level of every tag of one class. At the top a tag is left
// out.
type tagLevels struct {
	table *hierarchy.Table
	level map[int32]int
}

func newTagLevels(table *hierarchy.Table, rows []tagged) *tagLevels {
	l := &tagLevels{table, map[int32]int{}}
	for _, r := range rows {
		for _, t := range r.tags {
			l.level[t] = 0
		}
	}
	return l
}

// label returns the text of a tag at its level, "" at the top.
func (l *tagLevels) label(t int32, level int) string {
	if level >= len(l.table.Levels)-1 {
		return ""
	}
	lv := &l.table.Levels[level]
	text := lv.Labels[lv.Codes[t]]
	if text == hierarchy.Top {
		return ""
	}
	return text
}

// labels returns what is released of a set, in the order of the texts.
func (l *tagLevels) labels(tags []int32) []string {
	var out []string
	for _, t := range tags {
		if text := l.label(t, l.level[t]); text != "" {
			out = append(out, text)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// settle raises tags until all models hold. A round counts, over the rows of
// the class, the people of every set of up to m labels that occurs, and of
// every set with too few raises the label that fewest people have, unless one
// of its labels was raised in this round already. Levels only rise, so it ends.
func (l *tagLevels) settle(rows []tagged, models []KMAnonymity) {
	most := 0
	for _, m := range models {
		most = max(most, m.M)
	}
	for {
		counts := l.count(rows, most)
		raised := map[string]bool{}
		sets := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
			return cmp.Or(cmp.Compare(strings.Count(a, "\x00"), strings.Count(b, "\x00")), cmp.Compare(counts[a], counts[b]), cmp.Compare(a, b))
		})
		for _, set := range sets {
			labels := strings.Split(set, "\x00")
			if slices.ContainsFunc(labels, func(s string) bool { return raised[s] }) {
				continue
			}
			for _, m := range models {
				if len(labels) <= m.M && counts[set] < m.K {
					worst := slices.MinFunc(labels, func(a, b string) int {
						return cmp.Or(cmp.Compare(counts[a], counts[b]), cmp.Compare(a, b))
					})
					raised[worst] = true
					l.raise(worst)
					break
				}
			}
		}
		if len(raised) == 0 {
			return
		}
	}
}

// raise takes the tags of a label one level up, with all that share the parent.
func (l *tagLevels) raise(label string) {
	for t, level := range l.level {
		if l.label(t, level) != label {
			continue
		}
		l.level[t] = level + 1
		parent := l.label(t, level+1)
		if parent == "" {
			continue
		}
		for u, lower := range l.level {
			if lower < level+1 && l.label(u, level+1) == parent {
				l.level[u] = level + 1
			}
		}
	}
}

// count returns the people of every set of up to m labels that rows of the
// class have; labels are joined by zero bytes, in order.
func (l *tagLevels) count(rows []tagged, m int) map[string]int64 {
	byPerson := slices.Clone(rows)
	slices.SortStableFunc(byPerson, func(a, b tagged) int { return cmp.Compare(a.person, b.person) })
	counts := map[string]int64{}
	for lo := 0; lo < len(byPerson); {
		hi := lo
		own := map[string]bool{}
		for ; hi < len(byPerson) && byPerson[hi].person == byPerson[lo].person; hi++ {
			subsets(l.labels(byPerson[hi].tags), m, "", own)
		}
		for set := range own {
			counts[set]++
		}
		lo = hi
	}
	return counts
}

// subsets adds all sets of 1 to m of the labels, after a prefix, to out.
func subsets(labels []string, m int, prefix string, out map[string]bool) {
	if m == 0 {
		return
	}
	for i, label := range labels {
		set := label
		if prefix != "" {
			set = prefix + "\x00" + label
		}
		out[set] = true
		subsets(labels[i+1:], m-1, set, out)
	}
}
