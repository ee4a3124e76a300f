package kanon

import (
	"cmp"
	"context"
	"math/bits"
	"slices"

	"github.com/oboro-data/oboro/hierarchy"
	"github.com/oboro-data/oboro/internal/fault"
)

// maxCellColumns bounds the sets of columns that cell suppression tries.
const maxCellColumns = 16

// suppressCells lets rows that a global recoding suppresses leave after all,
// with as few of their cells as possible replaced by "*". It tries the sets of
// columns from the smallest up, of each size first the one that saves most
// rows: rows that agree in all other columns are a class, which leaves if it
// satisfies the models. Where a label at the node is "*" already, the rows can
// so join a class released before.
//
// This is greedy: a row saved by one set can be missed by the rows that it
// would have saved by another. Classes of the global recoding keep their rows.
// What can't be saved stays suppressed. A set of columns costs two passes over
// the rest.
func suppressCells(ctx context.Context, base *FrequencySet, models []PrivacyModel, node Node, a *assignment, r *SearchResult) error {
	d := len(base.QuasiIdentifiers)
	regions, err := newMondrian(base, models, make([]bool, d))
	if err != nil {
		return err
	}
	s := &cellSuppression{base: base, regions: regions, a: a, node: node, labels: make([][]int32, d)}
	for c := range s.labels {
		lv := &base.QuasiIdentifiers[c].Table.Levels[node[c]]
		s.labels[c] = make([]int32, base.Len())
		for i := range s.labels[c] {
			s.labels[c][i] = -1
			if l := lv.Codes[base.Label(i, c)]; l != lv.Null {
				s.labels[c][i] = a.label(c, lv.Labels[l])
			}
		}
		s.stars = append(s.stars, a.label(c, hierarchy.Top))
	}
	for i, k := range a.class {
		if k < 0 && base.rows[i] > 0 {
			s.rest = append(s.rest, int32(i))
		}
	}
	for size := 1; size <= d && len(s.rest) > 0; size++ {
		if err := s.size(ctx, size); err != nil {
			return err
		}
	}
	r.Classes, r.SuppressedRows = int64(a.classes()), 0
	away := map[string]bool{}
	for _, i := range s.rest {
		r.SuppressedRows += base.rows[i]
		away[string(labelKey(s.masked(i, 0)))] = true
	}
	r.SuppressedClasses = int64(len(away))
	a.rounds = nil // labels of values alone do not tell what leaves
	return nil
}

// cellSuppression is one run of suppressCells.
type cellSuppression struct {
	base    *FrequencySet
	regions *mondrian // tests classes
	a       *assignment
	node    Node
	labels  [][]int32 // labels[c][i]: label of bottom class i at the node
	stars   []int32   // label of "*" of each column
	rest    []int32   // bottom classes that are suppressed
}

// size tries all sets of so many columns.
func (s *cellSuppression) size(ctx context.Context, size int) error {
	type choice struct {
		columns uint
		rows    int64
	}
	var choices []choice
	for set := uint(1); set < 1<<len(s.labels); set++ {
		if bits.OnesCount(set) != size {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		ch := choice{columns: set}
		for _, group := range s.groups(set) {
			for _, i := range group {
				ch.rows += s.base.rows[i]
			}
		}
		if ch.rows > 0 {
			choices = append(choices, ch)
		}
	}
	slices.SortStableFunc(choices, func(a, b choice) int { return cmp.Compare(b.rows, a.rows) })
	for _, ch := range choices {
		if err := ctx.Err(); err != nil {
			return err
		}
		for _, group := range s.groups(ch.columns) { // of those still left
			labels := s.masked(group[0], ch.columns)
			k := s.a.released(labelKey(labels), labels)
			for _, i := range group {
				s.a.class[i] = k
				for c, at := range s.a.levelRows {
					level := s.node[c]
					if ch.columns&(1<<c) != 0 {
						level = len(at) - 1
					}
					at[level] += s.base.rows[i]
				}
			}
		}
		s.rest = slices.DeleteFunc(s.rest, func(i int32) bool { return s.a.class[i] >= 0 })
	}
	return nil
}

// groups returns the classes of the rest that satisfy the models without some
// columns, in the order of their first members.
func (s *cellSuppression) groups(columns uint) [][]int32 {
	at := map[string]int{}
	var groups [][]int32
	for _, i := range s.rest {
		key := labelKey(s.masked(i, columns))
		g, ok := at[string(key)]
		if !ok {
			g = len(groups)
			at[string(key)] = g
			groups = append(groups, nil)
		}
		groups[g] = append(groups[g], i)
	}
	return slices.DeleteFunc(groups, func(g []int32) bool { return !s.regions.satisfied(g) })
}

// masked returns the labels of a bottom class, "*" in some columns.
func (s *cellSuppression) masked(i int32, columns uint) []int32 {
	out := make([]int32, len(s.labels))
	for c := range out {
		if out[c] = s.labels[c][i]; columns&(1<<c) != 0 {
			out[c] = s.stars[c]
		}
	}
	return out
}

// checkCells refuses what cell suppression can't do.
func (p *plan) checkCells() error {
	if p.spec.Nulls == NullIsWildcard || p.spec.Search == "mondrian" || p.spec.Search == "mdav" {
		return fault.Planf("recode: cells goes with search: optimal or anytime, and without wildcard nulls; choose recode: global for others")
	}
	if n := len(p.quasi); n > maxCellColumns {
		return fault.Planf("recode: cells tries every set of columns, and there are %d quasi-identifiers; at most %d are possible; choose recode: local", n, maxCellColumns)
	}
	for _, m := range p.spec.Models {
		if _, ok := m.(TableModel); ok {
			return fault.Planf("%s is about all classes together; choose recode: global", m)
		}
		if n, ok := m.(NeedsPopulation); ok && n.Population() == ResearchSubset {
			return fault.Planf("%s is about the rows that stay away, too; choose recode: global", m)
		}
	}
	return nil
}
