package kanon

import (
	"encoding/binary"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// An assignment says for every class at the bottom of the lattice which class
// it is released in, and what the labels of released classes are. It is what
// all ways of recoding come to: one node, several rounds of nodes, or regions.
//
//	class   0 0 -1 1        bottom classes 0 and 1 leave together, 2 is suppressed
//	labels  [1 0] [0 0]     released class 0 has label dict[0][1] in column 0
type assignment struct {
	class  []int32    // of each bottom class; -1: suppressed
	labels [][]int32  // labels[c][k]: label of released class k in column c, an index into dict[c]; -1: null
	dict   [][]string // of each column
	index  []map[string]int32
	known  map[string]int32 // labels of a class to its number
	rounds []Round
	// levelRows[c][l] is the number of rows that are released at level l of
	// column c; nil where labels are not those of levels.
	levelRows [][]int64
}

func newAssignment(base *FrequencySet) *assignment {
	a := &assignment{class: make([]int32, base.Len()), known: map[string]int32{}}
	for i := range a.class {
		a.class[i] = -1
	}
	for c := range base.QuasiIdentifiers {
		a.levelRows = append(a.levelRows, make([]int64, len(base.QuasiIdentifiers[c].Table.Levels)))
		a.labels = append(a.labels, nil)
		a.dict = append(a.dict, nil)
		a.index = append(a.index, map[string]int32{})
	}
	return a
}

// classes returns the number of released classes.
func (a *assignment) classes() int {
	if len(a.labels) == 0 {
		return 0
	}
	return len(a.labels[0])
}

// add releases the classes of set that are not suppressed. members are the
// bottom classes that set was made of, classOf the class of each in set.
// Classes that bear the labels of one released before join it.
func (a *assignment) add(set *FrequencySet, suppressed []int32, members []int32, classOf []uint32) {
	to := make([]int32, set.Len())
	for i := range to {
		to[i] = -2
	}
	for _, i := range suppressed {
		to[i] = -1
	}
	round := Round{Node: set.Node}
	labels := make([]int32, len(a.labels))
	for i := range to {
		if to[i] == -1 || set.rows[i] == 0 {
			to[i] = -1
			continue
		}
		for c := range labels {
			lv := &set.QuasiIdentifiers[c].Table.Levels[set.Node[c]]
			label := set.Label(i, c)
			labels[c] = -1
			if label != lv.Null {
				labels[c] = a.label(c, lv.Labels[label])
			}
		}
		to[i] = a.released(labelKey(labels), labels)
		round.Classes++
		round.Rows += set.rows[i]
	}
	for i, b := range members {
		a.class[b] = to[classOf[i]]
	}
	a.rounds = append(a.rounds, round)
	for c, level := range set.Node {
		a.levelRows[c][level] += round.Rows
	}
}

// labelKey is the key of a class of some labels.
func labelKey(labels []int32) []byte {
	key := make([]byte, 0, 4*len(labels))
	for _, l := range labels {
		key = binary.LittleEndian.AppendUint32(key, uint32(l))
	}
	return key
}

// label numbers the label texts of a column.
func (a *assignment) label(c int, text string) int32 {
	i, ok := a.index[c][text]
	if !ok {
		i = int32(len(a.dict[c]))
		a.index[c][text] = i
		a.dict[c] = append(a.dict[c], text)
	}
	return i
}

// released returns the class with some labels, a new one where there is none.
func (a *assignment) released(key []byte, labels []int32) int32 {
	k, ok := a.known[string(key)]
	if !ok {
		k = int32(a.classes())
		a.known[string(key)] = k
		for c, l := range labels {
			a.labels[c] = append(a.labels[c], l)
		}
	}
	return k
}

// column makes the output column of quasi-identifier c.
func (a *assignment) column(c int) *classColumn {
	b := array.NewStringBuilder(memory.DefaultAllocator)
	defer b.Release()
	b.AppendValues(a.dict[c], nil)
	return &classColumn{dict: b.NewArray(), index: a.labels[c]}
}

// all returns 0 … n-1.
func all(n int) []int32 {
	out := make([]int32, n)
	for i := range out {
		out[i] = int32(i)
	}
	return out
}

// recode applies the result of a search.
func recode(base *FrequencySet, r *SearchResult) *assignment {
	a := newAssignment(base)
	buf := scratchPool.Get().(*scratch)
	defer scratchPool.Put(buf)
	set, classOf := base.rollUpClasses(r.Node, buf)
	a.add(set, r.suppressed, all(base.Len()), classOf)
	return a
}

// recoding describes an assignment to the outside.
func (a *assignment) recoding(kind string, base *FrequencySet, fixed []int, quasi []QuasiIdentifier) *Recoding {
	rec := &Recoding{Kind: kind, Rounds: a.rounds, quasi: quasi, labels: a.index, kept: a.known}
	for c := range base.QuasiIdentifiers {
		q := &base.QuasiIdentifiers[c]
		col := RecodedColumn{Name: q.Name, Level: -1, Fixed: fixed[c] >= 0}
		for _, lv := range q.Table.Levels {
			col.Levels = append(col.Levels, lv.Name)
		}
		if kind == "global" {
			col.Level = a.rounds[0].Node[c]
		} else {
			col.LevelRows = a.levelRows[c]
		}
		if !col.Fixed {
			rec.LevelsFromData = true
		}
		rec.Columns, rec.dict = append(rec.Columns, col), append(rec.dict, a.column(c))
	}
	return rec
}

// outputSchema returns the columns of a release: quasi-identifiers as
// dictionaries of text, dictionaries with 32-bit indices, the rest unchanged.
// Metadata of the source stays behind.
func outputSchema(source *arrow.Schema, columns []string, isQuasi func(string) bool) *arrow.Schema {
	fields := make([]arrow.Field, len(columns))
	for i, name := range columns {
		at := source.FieldIndices(name)
		f := source.Field(at[0])
		fields[i] = arrow.Field{Name: name, Type: f.Type, Nullable: true}
		if d, ok := f.Type.(*arrow.DictionaryType); ok {
			fields[i].Type = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: d.ValueType}
		}
		if isQuasi(name) {
			fields[i].Type = labelType
		}
	}
	return arrow.NewSchema(slices.Clip(fields), nil)
}
