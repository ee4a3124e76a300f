// Package kanontest checks that privacy models and costs keep the laws of
// their interfaces, for those of package kanon and for those of others:
//
//	func TestKAnonymity(t *testing.T) { kanontest.Model(t, kanon.KAnonymity{K: 3}) }
//	func TestLoss(t *testing.T)       { kanontest.Cost(t, kanon.Loss{GSFactor: 0.5}) }
//
// The laws are tried on many small random tables, made from fixed seeds; a
// failure names its seed.
package kanontest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/oboro-data/oboro/hierarchy"
	"github.com/oboro-data/oboro/kanon"
)

// rounds returns how many random tables are tried.
func rounds(t testing.TB) uint64 {
	if testing.Short() {
		return 150
	}
	return 800
}

// A table is a random table at the bottom of its lattice.
type table struct {
	seed      uint64
	random    *rand.Rand
	columns   []kanon.Column
	sensitive []kanon.Column
	rows      []kanon.Row
	base      *kanon.FrequencySet
}

// shape says what a random table must have.
type shape struct {
	sensitive  []string // names of sensitive columns
	population kanon.Population
	people     bool // some people have several rows
}

// newTable makes the table of a seed: one to three quasi-identifiers of up to
// six values and four levels, none to sixty rows, or now and then two hundred
// in a few classes.
func newTable(t testing.TB, seed uint64, s shape) *table {
	r := rand.New(rand.NewPCG(seed, 0x6b616e6f6e))
	tb := &table{seed: seed, random: r}
	values := 6
	rows := r.IntN(60)
	if seed%4 == 3 {
		values, rows = 2, 200
	}
	for c := range 1 + r.IntN(3) {
		tb.columns = append(tb.columns, randomColumn(r, fmt.Sprintf("q%d", c), 1+r.IntN(values)))
	}
	for _, name := range s.sensitive {
		tb.sensitive = append(tb.sensitive, randomColumn(r, name, 1+r.IntN(5)))
	}
	for range rows {
		var row kanon.Row
		for _, c := range tb.columns {
			row.Key = append(row.Key, randomCode(r, c))
		}
		for _, c := range tb.sensitive {
			row.Sensitive = append(row.Sensitive, randomCode(r, c))
		}
		if s.people && r.IntN(2) == 0 {
			row.Person = 1 + r.Int64N(int64(rows/3+1))
		}
		switch {
		case s.population == kanon.ResearchSubset && r.IntN(3) > 0:
			row.Rows, row.Population = -1, 1
		case s.population == kanon.ResearchSubset:
			row.Population = 1
		case s.population == kanon.PopulationTable:
			row.Population = 1 + r.Int64N(3)
		}
		tb.rows = append(tb.rows, row)
	}
	base, err := kanon.NewFrequencySet(tb.columns, tb.sensitive, tb.rows)
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	tb.base = base
	return tb
}

// randomCode prefers low codes, so that values differ in frequency.
func randomCode(r *rand.Rand, c kanon.Column) int32 {
	n := len(c.Table.Levels[0].Codes)
	return int32(min(r.IntN(n), r.IntN(n)))
}

// randomColumn makes a column of n values whose labels merge at random from
// level to level up to "*". Its domain has a few values that no row has.
func randomColumn(r *rand.Rand, name string, n int) kanon.Column {
	codes, leaves := make([]int32, n), make([]int64, n)
	absent := int64(r.IntN(3))
	for i := range codes {
		codes[i], leaves[i] = int32(i), 1
	}
	var table hierarchy.Table
	for level, height := 0, 1+r.IntN(3); level <= height; level++ {
		if level > 0 {
			labels := 1
			if level < height {
				labels = 1 + len(leaves)/2
			}
			merge := make([]int32, len(leaves))
			for i := range merge {
				if merge[i] = int32(r.IntN(labels)); i < labels {
					merge[i] = int32(i)
				}
			}
			up, sums := make([]int32, n), make([]int64, labels)
			for i, c := range codes {
				up[i] = merge[c]
			}
			for i, m := range merge {
				sums[m] += leaves[i]
			}
			codes, leaves = up, sums
		}
		if level == height {
			leaves[0] += absent
		}
		names := make([]string, len(leaves))
		for i := range names {
			names[i] = fmt.Sprintf("%s.%d.%d", name, level, i)
		}
		if level == height {
			names[0] = hierarchy.Top
		}
		table.Levels = append(table.Levels, hierarchy.Level{
			Name: fmt.Sprint(level), Codes: codes, Labels: names, Null: -1, Leaves: leaves,
		})
	}
	table.DomainSize = leaves[0]
	return kanon.Column{Name: name, Table: table}
}

// nodeAbove returns a random node at or above from.
func (tb *table) nodeAbove(from kanon.Node) kanon.Node {
	n := slices.Clone(from)
	for c := range n {
		n[c] += tb.random.IntN(len(tb.columns[c].Table.Levels) - n[c])
	}
	return n
}

// bottom returns the lowest node.
func (tb *table) bottom() kanon.Node { return make(kanon.Node, len(tb.columns)) }

// classes returns deep copies of all classes of a set.
func classes(set *kanon.FrequencySet) []kanon.EquivalenceClass {
	out := make([]kanon.EquivalenceClass, set.Len())
	var c kanon.EquivalenceClass
	for i := range out {
		set.Class(i, &c)
		out[i] = cloneClass(&c)
	}
	return out
}

func cloneClass(c *kanon.EquivalenceClass) kanon.EquivalenceClass {
	out := *c
	out.Key = slices.Clone(c.Key)
	out.Sensitive = nil
	for _, d := range c.Sensitive {
		out.Sensitive = append(out.Sensitive, kanon.Distribution{
			Values: slices.Clone(d.Values), Counts: slices.Clone(d.Counts),
		})
	}
	return out
}

// parent returns the class of upper that class i of lower falls into.
func (tb *table) parent(lower, upper *kanon.FrequencySet, i int) int {
	key := make([]int32, len(tb.columns))
	for c := range key {
		from := &tb.columns[c].Table.Levels[lower.Node[c]]
		to := &tb.columns[c].Table.Levels[upper.Node[c]]
		key[c] = to.Codes[slices.Index(from.Codes, lower.Label(i, c))]
	}
	for j := range upper.Len() {
		same := true
		for c := range key {
			same = same && upper.Label(j, c) == key[c]
		}
		if same {
			return j
		}
	}
	return -1
}

// Table returns the generalisation table of a column of n values: the values,
// then, where groups are given, the groups (value i is in groups[i], all groups
// from 0 up occur), then "*".
func Table(n int, groups []int32) hierarchy.Table {
	levels := [][]int32{make([]int32, n), groups, make([]int32, n)}
	for i := range n {
		levels[0][i] = int32(i)
	}
	if len(groups) == 0 {
		levels = slices.Delete(levels, 1, 2)
	}
	table := hierarchy.Table{DomainSize: int64(n)}
	for l, codes := range levels {
		level := hierarchy.Level{Name: fmt.Sprint(l), Codes: codes, Null: -1}
		for _, c := range codes {
			for int(c) >= len(level.Leaves) {
				level.Labels = append(level.Labels, fmt.Sprintf("%d.%d", l, len(level.Labels)))
				level.Leaves = append(level.Leaves, 0)
			}
			level.Leaves[c]++
		}
		table.Levels = append(table.Levels, level)
	}
	table.Levels[len(levels)-1].Labels = []string{hierarchy.Top}
	return table
}
