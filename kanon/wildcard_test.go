package kanon

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
)

// withNulls makes the last code of every column null, at all levels but the
// last.
func withNulls(columns []Column) {
	for c := range columns {
		levels := columns[c].Table.Levels
		for l := range levels[:len(levels)-1] {
			lv := &levels[l]
			codes := slices.Clone(lv.Codes)
			last := len(codes) - 1
			codes[last] = int32(len(lv.Labels))
			lv.Labels, lv.Leaves = append(lv.Labels, ""), append(lv.Leaves, 1)
			lv.Codes, lv.Null = codes, codes[last]
		}
	}
}

// plainWildcard applies the rule as it is written: it tries all completions of
// every row, with the values present and one that nobody has, and suppresses
// rows until all that are left satisfy k. It returns which rows are left.
func plainWildcard(columns []Column, rows []Row, n Node, k int) []bool {
	keys := make([][]int32, len(rows)) // -1: null
	values := make([][]int32, len(columns))
	for c := range columns {
		lv := &columns[c].Table.Levels[n[c]]
		values[c] = append(values[c], -2) // nobody's
		for l := range lv.Labels {
			if int32(l) != lv.Null {
				values[c] = append(values[c], int32(l))
			}
		}
		for i, row := range rows {
			l := lv.Codes[row.Key[c]]
			if l == lv.Null {
				l = -1
			}
			keys[i] = append(keys[i], l)
		}
	}
	left := make([]bool, len(rows))
	for i := range left {
		left[i] = true
	}
	people := func(completion []int32) int {
		seen := map[int64]bool{}
		for i, key := range keys {
			if !left[i] {
				continue
			}
			ok := true
			for c, l := range key {
				ok = ok && (l == -1 || l == completion[c])
			}
			if ok {
				id := rows[i].Person
				if id == 0 {
					id = -1 - int64(i)
				}
				seen[id] = true
			}
		}
		return len(seen)
	}
	for changed := true; changed; {
		changed = false
		var fail []int
		for i, key := range keys {
			if !left[i] {
				continue
			}
			completion := slices.Clone(key)
			least := len(rows) + 1
			var try func(c int)
			try = func(c int) {
				if c == len(completion) {
					least = min(least, people(completion))
					return
				}
				if key[c] != -1 {
					try(c + 1)
					return
				}
				for _, v := range values[c] {
					completion[c] = v
					try(c + 1)
				}
			}
			try(0)
			if least < k {
				fail = append(fail, i)
			}
		}
		for _, i := range fail {
			left[i], changed = false, true
		}
	}
	return left
}

// TestWildcardAgainstCompletions compares the sizes with those found by trying
// every completion.
func TestWildcardAgainstCompletions(t *testing.T) {
	rounds := 400
	if testing.Short() {
		rounds = 60
	}
	differs := 0
	for seed := range uint64(rounds) {
		r := rand.New(rand.NewPCG(seed, 13))
		columns, _, rows := randomTable(r, 1+r.IntN(3), 0, 1+r.IntN(25), r.IntN(2) == 0)
		withNulls(columns)
		for i := range rows {
			rows[i].Rows = 1
			for c := range columns {
				if r.IntN(4) == 0 {
					rows[i].Key[c] = int32(len(columns[c].Table.Levels[0].Codes) - 1)
				}
			}
		}
		f, err := NewFrequencySet(columns, nil, rows)
		if err != nil {
			t.Fatal(err)
		}
		n := randomNode(r, columns, make(Node, len(columns)))
		k := 1 + r.IntN(4)
		left := plainWildcard(columns, rows, n, k)
		set := f.Generalize(n)
		failing := set.wildcardFailing(int64(k))
		for i, row := range rows {
			var key []int32
			for c, l := range n {
				key = append(key, columns[c].Table.Levels[l].Codes[row.Key[c]])
			}
			for cls := range set.Len() {
				var ec EquivalenceClass
				if set.Class(cls, &ec); slices.Equal(ec.Key, key) {
					if slices.Contains(failing, int32(cls)) == left[i] {
						t.Fatalf("seed %d, node %v, k %d: row %d: by completions left %v, by the rule %v", seed, n, k, i, left[i], !left[i])
					}
					if left[i] && ec.Size < int64(k) {
						differs++
					}
				}
			}
		}
	}
	if differs == 0 {
		t.Error("no row was ever saved by a wildcard: the test says nothing")
	}
}

// TestWildcardSearch compares the search with brute force under wildcards.
func TestWildcardSearch(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 17))
		columns, _, rows := randomTable(r, 1+r.IntN(4), 0, 1+r.IntN(60), r.IntN(3) == 0)
		withNulls(columns)
		f, err := NewFrequencySet(columns, nil, rows)
		if err != nil {
			t.Fatal(err)
		}
		o := SearchOptions{SuppressionLimit: r.Int64N(f.Rows + 1), WildcardNulls: true}
		models := []PrivacyModel{KAnonymity{K: int64(1 + r.IntN(5))}}
		want := bruteForce(f, models, Loss{GSFactor: 0.5}, o)
		got, err := Search(context.Background(), f, models, Loss{GSFactor: 0.5}, o)
		if err != nil {
			t.Fatal(err)
		}
		if (want == nil) != (got.Node == nil) || want != nil && !slices.Equal(want.node, got.Node) {
			t.Fatalf("seed %d: brute force finds %v, search %v", seed, want, got)
		}
	}
}
