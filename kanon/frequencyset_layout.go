package kanon

import (
	"maps"
	"math/bits"
	"slices"
	"sync"

	"github.com/oboro-data/oboro/internal/fault"
)

// A shape is what all frequency sets of one table share: how many labels each
// column has at each level, how labels of one level map to those of another,
// and how many bits a key word may have.
type shape struct {
	columns  []Column
	wordBits int // bits of a key word: 64 less those of a class index
	mu       sync.Mutex
	up       map[[3]int][]int32
	once     sync.Once
	marginal [][][]int64
}

// newShape checks the tables: every level maps every code, and levels coarsen.
func newShape(columns []Column, classes int) (*shape, error) {
	s := &shape{columns: columns, wordBits: 64 - bits.Len(uint(classes)), up: map[[3]int][]int32{}}
	for c := range columns {
		t := &columns[c].Table
		if len(t.Levels) == 0 {
			return nil, fault.Planf("column %q: its generalisation table has no level", columns[c].Name)
		}
		for l := range t.Levels {
			lv := &t.Levels[l]
			if len(lv.Codes) != len(t.Levels[0].Codes) || len(lv.Leaves) != len(lv.Labels) {
				return nil, fault.Planf("column %q: level %d does not map every value", columns[c].Name, l)
			}
			if bits.Len(uint(len(lv.Labels))) > s.wordBits {
				return nil, fault.Planf("column %q: level %d has too many labels", columns[c].Name, l)
			}
			for _, label := range lv.Codes {
				if label < 0 || int(label) >= len(lv.Labels) {
					return nil, fault.Planf("column %q: level %d has a label index out of range", columns[c].Name, l)
				}
			}
			if l == 0 {
				continue
			}
			below, up := t.Levels[l-1].Codes, s.upLocked(c, l-1, l)
			for code, label := range lv.Codes {
				if up[below[code]] != label {
					return nil, fault.Planf("column %q: level %d of the hierarchy is finer than level %d; levels must coarsen", columns[c].Name, l, l-1)
				}
			}
		}
	}
	return s, nil
}

// labels returns the map from label indices at level a of column c to those at
// level b ≥ a.
func (s *shape) labels(c, a, b int) []int32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.upLocked(c, a, b)
}

func (s *shape) upLocked(c, a, b int) []int32 {
	k := [3]int{c, a, b}
	if m, ok := s.up[k]; ok {
		return m
	}
	from, to := &s.columns[c].Table.Levels[a], &s.columns[c].Table.Levels[b]
	m := make([]int32, len(from.Labels))
	for code, label := range from.Codes {
		m[label] = to.Codes[code]
	}
	s.up[k] = m
	return m
}

// maps returns the maps between levels made so far, which a subset of the table
// shares.
func (s *shape) maps() map[[3]int][]int32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.up)
}

// marginals counts the rows of every label of every level, from any set at the
// bottom of the lattice.
func (s *shape) marginals(f *FrequencySet) [][][]int64 {
	s.once.Do(func() {
		s.marginal = make([][][]int64, len(s.columns))
		for c := range s.columns {
			levels := s.columns[c].Table.Levels
			s.marginal[c] = make([][]int64, len(levels))
			rows := make([]int64, len(levels[f.Node[c]].Labels))
			for i, n := range f.rows {
				rows[f.Label(i, c)] += n
			}
			for l := f.Node[c]; l < len(levels); l++ {
				s.marginal[c][l] = make([]int64, len(levels[l].Labels))
				for label, up := range s.labels(c, f.Node[c], l) {
					s.marginal[c][l][up] += rows[label]
				}
			}
		}
	})
	return s.marginal
}

// A layout says where in the words of a key each quasi-identifier has its
// label index. The first column has the highest bits of the first word, so
// that keys compare as tuples of label indices do. A column with one label
// takes no bits. Take sex (2 labels), age (16) and zip (1000) where a word
// has 12 bits:
//
//	word 0  ....... s aaaa      sex: shift 4, width 1; age: shift 0, width 4
//	word 1  .. zzzzzzzzzz       zip: shift 0, width 10
type layout struct {
	fields []field
	words  int
	bits   []int // bits used per word
}

type field struct {
	word  int
	shift uint8
	width uint8
	mask  uint64
}

// splitWidths returns the bits of every field, word by word.
func (l *layout) splitWidths() [][]uint {
	w := make([][]uint, l.words)
	for _, f := range l.fields {
		w[f.word] = append(w[f.word], uint(f.width))
	}
	return w
}

// layoutAt returns the layout of keys at a node.
func (s *shape) layoutAt(n Node) layout {
	l := layout{fields: make([]field, len(n)), words: 1, bits: []int{0}}
	for c, level := range n {
		w := bits.Len(uint(len(s.columns[c].Table.Levels[level].Labels) - 1))
		if len(s.columns[c].Table.Levels[level].Labels) == 0 {
			w = 0
		}
		if l.bits[l.words-1]+w > s.wordBits {
			l.words++
			l.bits = append(l.bits, 0)
		}
		l.fields[c] = field{word: l.words - 1, width: uint8(w), mask: 1<<w - 1}
		l.bits[l.words-1] += w
	}
	used := slices.Clone(l.bits)
	for c := range l.fields {
		f := &l.fields[c]
		used[f.word] -= int(f.width)
		f.shift = uint8(used[f.word])
	}
	return l
}
