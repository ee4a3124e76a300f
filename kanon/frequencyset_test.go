package kanon

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oboro-data/oboro/hierarchy"
)

// randomColumn makes a column of n codes whose labels merge at random from
// level to level up to "*"; some labels are held by no code of the data.
func randomColumn(r *rand.Rand, name string, n, levels int) Column {
	t := hierarchy.Table{DomainSize: int64(n + r.IntN(3))}
	codes := make([]int32, n)
	for i := range codes {
		codes[i] = int32(i)
	}
	labels := n
	for l := range levels {
		if l > 0 {
			next := max(1, labels/(2+r.IntN(2)))
			if l == levels-1 {
				next = 1
			}
			merge := make([]int32, labels)
			for i := range merge {
				merge[i] = int32(r.IntN(next))
			}
			fresh := make([]int32, n)
			for i, c := range codes {
				fresh[i] = merge[c]
			}
			codes, labels = fresh, next
		}
		lv := hierarchy.Level{Name: fmt.Sprint(l), Codes: codes, Labels: make([]string, labels), Null: -1, Leaves: make([]int64, labels)}
		for i := range lv.Labels {
			lv.Labels[i] = fmt.Sprintf("%s%d.%d", name, l, i)
		}
		for _, c := range codes {
			lv.Leaves[c]++
		}
		if l == levels-1 {
			lv.Labels[0], lv.Leaves[0] = hierarchy.Top, t.DomainSize
		}
		t.Levels = append(t.Levels, lv)
	}
	return Column{Name: name, Table: t}
}

// randomTable makes quasi-identifiers, sensitive columns and rows, some of
// them rows of one person.
func randomTable(r *rand.Rand, qis, sens, rows int, people bool) (columns, sensitive []Column, table []Row) {
	for c := range qis {
		columns = append(columns, randomColumn(r, string(rune('a'+c)), 1+r.IntN(6), 1+r.IntN(4)))
	}
	for c := range sens {
		sensitive = append(sensitive, randomColumn(r, string(rune('s'+c)), 1+r.IntN(4), 1))
	}
	for range rows {
		var row Row
		for _, c := range columns {
			n := len(c.Table.Levels[0].Codes)
			row.Key = append(row.Key, int32(min(r.IntN(n), r.IntN(n))))
		}
		for _, c := range sensitive {
			row.Sensitive = append(row.Sensitive, int32(r.IntN(len(c.Table.Levels[0].Codes))))
		}
		if people {
			row.Person = int64(r.IntN(rows/2 + 1))
		}
		row.Rows = int64(r.IntN(3))
		table = append(table, row)
	}
	return columns, sensitive, table
}

// plainClass is a class as plain code counts it.
type plainClass struct {
	Key  []int32
	Rows int64
	Size int64
	Dist []map[int32]int64
}

// plainClasses counts the classes of a table at a node with maps and sets.
func plainClasses(columns []Column, rows []Row, n Node) []plainClass {
	type person struct{ id, sub int64 }
	type acc struct {
		key    []int32
		rows   int64
		people map[person]bool
		dist   []map[int32]map[person]bool
	}
	classes := map[string]*acc{}
	for i, row := range rows {
		var key []int32
		for c, l := range n {
			key = append(key, columns[c].Table.Levels[l].Codes[row.Key[c]])
		}
		a := classes[fmt.Sprint(key)]
		if a == nil {
			a = &acc{key: key, people: map[person]bool{}}
			for range row.Sensitive {
				a.dist = append(a.dist, map[int32]map[person]bool{})
			}
			classes[fmt.Sprint(key)] = a
		}
		count := max(row.Rows, 1)
		a.rows += count
		for k := range count {
			p := person{row.Person, 0}
			if row.Person == 0 {
				p = person{-int64(i) - 1, k}
			}
			a.people[p] = true
			for s, v := range row.Sensitive {
				if a.dist[s][v] == nil {
					a.dist[s][v] = map[person]bool{}
				}
				a.dist[s][v][p] = true
			}
		}
	}
	var out []plainClass
	for _, a := range classes {
		pc := plainClass{Key: a.key, Rows: a.rows, Size: int64(len(a.people))}
		for _, d := range a.dist {
			m := map[int32]int64{}
			for v, people := range d {
				m[v] = int64(len(people))
			}
			pc.Dist = append(pc.Dist, m)
		}
		out = append(out, pc)
	}
	slices.SortFunc(out, func(a, b plainClass) int { return slices.Compare(a.Key, b.Key) })
	return out
}

func setClasses(f *FrequencySet) []plainClass {
	var out []plainClass
	var c EquivalenceClass
	for i := range f.Len() {
		f.Class(i, &c)
		pc := plainClass{Key: slices.Clone(c.Key), Rows: c.Rows, Size: c.Size}
		for _, d := range c.Sensitive {
			m := map[int32]int64{}
			for j, v := range d.Values {
				m[v] = d.Counts[j]
			}
			pc.Dist = append(pc.Dist, m)
		}
		out = append(out, pc)
	}
	return out
}

// randomNode returns a node at or above from.
func randomNode(r *rand.Rand, columns []Column, from Node) Node {
	n := make(Node, len(columns))
	for c := range n {
		n[c] = from[c] + r.IntN(len(columns[c].Table.Levels)-from[c])
	}
	return n
}

// TestFrequencySetAgainstPlainCount rolls random tables up through random
// chains of nodes and compares every set with a count of the rows.
func TestFrequencySetAgainstPlainCount(t *testing.T) {
	rounds := 3000
	if testing.Short() {
		rounds = 300
	}
	for seed := range uint64(rounds) {
		r := rand.New(rand.NewPCG(seed, 1))
		columns, sensitive, rows := randomTable(r, 1+r.IntN(4), r.IntN(3), r.IntN(60), r.IntN(2) == 0)
		f, err := NewFrequencySet(columns, sensitive, rows)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if seed%3 == 0 { // narrow words: keys of several
			f.shape.wordBits = 3
			f = f.rollUp(f.Node, new(scratch))
		}
		for at := f; ; {
			if diff := cmp.Diff(plainClasses(columns, rows, at.Node), setClasses(at)); diff != "" {
				t.Fatalf("seed %d, node %v: (-plain +set)\n%s", seed, at.Node, diff)
			}
			if !at.sorted() {
				t.Fatalf("seed %d, node %v: classes are not sorted", seed, at.Node)
			}
			up := randomNode(r, columns, at.Node)
			if slices.Equal(up, at.Node) {
				break
			}
			at = at.Generalize(up)
		}
	}
}

// TestRadixSort compares the sort with the library's, beyond one pass and with
// digits that are constant.
func TestRadixSort(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 200 {
		n, keyBits, lo := r.IntN(3000), r.IntN(45), r.IntN(16)
		var s scratch
		for i := range n {
			k := r.Uint64() & (1<<keyBits - 1)
			if round%4 == 0 {
				k &^= 0xff0
			}
			s.elems = append(s.elems, k<<lo|uint64(i)&(1<<lo-1))
		}
		want := slices.Clone(s.elems)
		slices.SortStableFunc(want, func(a, b uint64) int {
			return int(a>>lo) - int(b>>lo)
		})
		s.radixSort(lo, keyBits)
		if !slices.Equal(want, s.elems) {
			t.Fatalf("round %d: %d keys of %d bits from bit %d are not sorted stably", round, n, keyBits, lo)
		}
	}
}

func TestNewFrequencySetRefuses(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	columns, _, _ := randomTable(r, 2, 0, 0, false)
	for name, rows := range map[string][]Row{
		"a short key":      {{Key: []int32{0}}},
		"a negative code":  {{Key: []int32{0, -1}}},
		"a code too large": {{Key: []int32{0, 99}}},
	} {
		if _, err := NewFrequencySet(columns, nil, rows); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	finer := columns[0]
	finer.Table.Levels = []hierarchy.Level{
		{Codes: []int32{0, 0}, Labels: []string{"x"}, Leaves: []int64{2}},
		{Codes: []int32{0, 1}, Labels: []string{"y", "z"}, Leaves: []int64{1, 1}},
	}
	if _, err := NewFrequencySet([]Column{finer}, nil, nil); err == nil {
		t.Error("a table that gets finer was accepted")
	}
}

// sorted reports whether classes are in strictly increasing order of their keys.
func (f *FrequencySet) sorted() bool {
	for i := 1; i < len(f.rows); i++ {
		order := 0
		for _, w := range f.words {
			if w[i-1] != w[i] {
				if order = 1; w[i-1] < w[i] {
					order = -1
				}
				break
			}
		}
		if order >= 0 {
			return false
		}
	}
	return true
}
