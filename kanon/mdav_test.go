package kanon

import (
	"cmp"
	"context"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
)

// plainMDAV is the algorithm of the papers word by word, over rows that are
// all different: sort everything by distance, take k.
func plainMDAV(m *mdav, k int) [][]int32 {
	rest := all(m.base.Len())
	var groups [][]int32
	far := func(from []int32) int32 {
		return slices.MaxFunc(rest, func(a, b int32) int {
			return cmp.Or(cmp.Compare(m.between(from, m.point(a)), m.between(from, m.point(b))), cmp.Compare(b, a))
		})
	}
	take := func(seed int32) {
		slices.SortFunc(rest, func(a, b int32) int {
			if a == seed || b == seed {
				return cmp.Compare(btoi(a != seed), btoi(b != seed))
			}
			return cmp.Or(cmp.Compare(m.between(m.point(seed), m.point(a)), m.between(m.point(seed), m.point(b))), cmp.Compare(a, b))
		})
		g := slices.Clone(rest[:k])
		slices.Sort(g)
		groups, rest = append(groups, g), slices.Clone(rest[k:])
		slices.Sort(rest)
	}
	for len(rest) >= 3*k {
		first := far(m.centre(rest))
		take(first)
		take(far(m.point(first)))
	}
	if len(rest) >= 2*k {
		take(far(m.centre(rest)))
	}
	if len(rest) > 0 {
		groups = append(groups, rest)
	}
	return groups
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// randomAggregated describes the columns of a random table.
func randomAggregated(r *rand.Rand, columns []Column) []aggregatedColumn {
	out := make([]aggregatedColumn, len(columns))
	for c := range out {
		raw := &columns[c].Table.Levels[0]
		col := aggregatedColumn{scale: scale(r.IntN(3)), ranges: r.IntN(2) == 0}
		switch col.scale {
		case numeric:
			for l := range raw.Labels {
				if col.values = append(col.values, big.NewRat(int64(l*l), 3)); int32(l) == raw.Null {
					col.values[l] = nil
				}
			}
			col.centre = []Centre{MeanCentre, MedianCentre, ModeCentre, IntervalCentre}[r.IntN(4)]
		case ordinal:
			col.centre = []Centre{MedianCentre, ModeCentre, IntervalCentre}[r.IntN(3)]
		default:
			col.centre = []Centre{ModeCentre, IntervalCentre}[r.IntN(2)]
		}
		out[c] = col
	}
	return out
}

// oneTop gives every column a last level of one label, as all tables have.
func oneTop(r *rand.Rand, columns []Column) {
	for c := range columns {
		levels := columns[c].Table.Levels
		if last := &levels[len(levels)-1]; len(last.Labels) > 1 {
			columns[c] = randomColumn(r, columns[c].Name, len(last.Codes), 2)
		}
	}
}

// TestMDAVLaws checks on random tables that every group satisfies the models,
// that groups are a partition, and that what they say is of their rows.
func TestMDAVLaws(t *testing.T) {
	rounds := 1500
	if testing.Short() {
		rounds = 150
	}
	several := 0
	for seed := range uint64(rounds) {
		r := rand.New(rand.NewPCG(seed, 29))
		columns, sensitive, rows := randomTable(r, 1+r.IntN(4), r.IntN(2), 1+r.IntN(80), r.IntN(3) == 0)
		oneTop(r, columns)
		f, err := NewFrequencySet(columns, sensitive, rows)
		if err != nil {
			t.Fatal(err)
		}
		models := []PrivacyModel{KAnonymity{K: int64(1 + r.IntN(5))}}
		if len(sensitive) > 0 {
			models = append(models, LDiversity{L: 2, Column: sensitive[0].Name})
		}
		aggregated := randomAggregated(r, columns)
		res, a, err := recodeMDAV(context.Background(), f, models, aggregated)
		if err != nil {
			t.Fatal(err)
		}
		j, err := newJudge(f, models, 0)
		if err != nil {
			t.Fatal(err)
		}
		top := latticeOf(columns, nil).Top
		if a == nil {
			if f.Len() == 0 || len(j.judge(f.Generalize(top)).suppressed) == 0 {
				t.Fatalf("seed %d: refused, where all rows together satisfy the models", seed)
			}
			continue
		}
		if a.classes() > 1 {
			several++
		}
		if res.Score[0] < 0 || res.Score[0] > 1 {
			t.Fatalf("seed %d: mean distance %v", seed, res.Score[0])
		}
		members := make([][]int32, a.classes())
		for i, k := range a.class {
			if k < 0 {
				t.Fatalf("seed %d: a row is lost", seed)
			}
			members[k] = append(members[k], int32(i))
		}
		for k, group := range members {
			if v := j.judge(f.subset(group).Generalize(top)); len(v.suppressed) > 0 {
				t.Fatalf("seed %d: class %d breaks a model", seed, k)
			}
			for c, col := range aggregated {
				l := a.labels[c][k]
				raw := &columns[c].Table.Levels[0]
				if l < 0 || col.centre == MeanCentre {
					continue
				}
				if col.centre == IntervalCentre {
					checkCovers(t, seed, f, group, c, a.dict[c][l], col.ranges)
				} else if !slices.ContainsFunc(group, func(i int32) bool { return raw.Labels[f.Label(int(i), c)] == a.dict[c][l] }) {
					t.Fatalf("seed %d, column %d: the %s is no value of the class", seed, c, col.centre)
				}
			}
		}
	}
	if several < rounds/3 {
		t.Errorf("only %d of %d tables made several groups", several, rounds)
	}
}

// TestMDAVAgainstPlain compares the groups with those of the plain algorithm,
// on tables in which every tuple is one row.
func TestMDAVAgainstPlain(t *testing.T) {
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 31))
		columns, _, rows := randomTable(r, 2+r.IntN(3), 0, 1+r.IntN(90), false)
		oneTop(r, columns)
		f, err := NewFrequencySet(columns, nil, rows)
		if err != nil {
			t.Fatal(err)
		}
		for i := range f.rows {
			f.rows[i], f.size[i] = 1, 1
		}
		k := 1 + r.IntN(5)
		if f.Len() < k {
			continue
		}
		regions, err := newMondrian(f, []PrivacyModel{KAnonymity{K: int64(k)}}, make([]bool, len(columns)))
		if err != nil {
			t.Fatal(err)
		}
		m := &mdav{regions: regions, base: f, columns: randomAggregated(r, columns), rest: all(f.Len())}
		m.place()
		want := plainMDAV(m, k)
		if err := m.group(context.Background()); err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(m.groups, want, slices.Equal[[]int32]) {
			t.Fatalf("seed %d: groups %v, the plain algorithm makes %v", seed, m.groups, want)
		}
	}
}

func BenchmarkMDAVAdult(b *testing.B) {
	base := adult(b, adultQIs8)
	columns := make([]aggregatedColumn, 8)
	for c := range columns {
		columns[c].centre = ModeCentre
	}
	b.ReportAllocs()
	for b.Loop() {
		r, _, err := recodeMDAV(context.Background(), base, []PrivacyModel{KAnonymity{K: 5}}, columns)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(r.Score[0], "distance")
		b.ReportMetric(float64(base.Len()), "tuples")
	}
}
