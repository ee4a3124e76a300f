package kanon

import (
	"context"
	"math/rand/v2"
	"testing"
)

// TestMondrianAdult records what regions reach on the census table, beside
// granularity 0.942 of the repeated search of ARX.
func TestMondrianAdult(t *testing.T) {
	base := adult(t, []string{"sex", "age", "race", "marital-status", "education", "native-country", "workclass", "salary-class"})
	r, a, err := recodeMondrian(context.Background(), base, []PrivacyModel{KAnonymity{K: 5}}, Loss{GSFactor: 0.5, Aggregate: ArithmeticMean}, make([]bool, 8))
	if err != nil {
		t.Fatal(err)
	}
	g := granularity(base, a)
	t.Logf("granularity %.4f, %d classes, loss %.6f", g, r.Classes, r.Score[0])
	if d := 1 - g - r.Score[0]; g < 0.95 || d > 1e-9 || d < -1e-9 {
		t.Errorf("granularity %v, loss %v", g, r.Score[0])
	}
}

// TestMondrianLaws checks on random tables that every class satisfies the
// models, that its labels cover its rows, and that no row is lost.
func TestMondrianLaws(t *testing.T) {
	rounds := 1500
	if testing.Short() {
		rounds = 150
	}
	several := 0
	for seed := range uint64(rounds) {
		r := rand.New(rand.NewPCG(seed, 23))
		columns, sensitive, rows := randomTable(r, 1+r.IntN(4), r.IntN(2), 1+r.IntN(80), r.IntN(3) == 0)
		for c := range columns { // the last level has one label
			levels := columns[c].Table.Levels
			if last := &levels[len(levels)-1]; len(last.Labels) > 1 {
				columns[c] = randomColumn(r, columns[c].Name, len(last.Codes), 2)
			}
		}
		f, err := NewFrequencySet(columns, sensitive, rows)
		if err != nil {
			t.Fatal(err)
		}
		k := int64(1 + r.IntN(5))
		models := []PrivacyModel{KAnonymity{K: k}}
		if len(sensitive) > 0 {
			models = append(models, LDiversity{L: 2, Column: sensitive[0].Name})
		}
		ranges := make([]bool, len(columns))
		for c := range ranges {
			ranges[c] = r.IntN(2) == 0
		}
		_, a, err := recodeMondrian(context.Background(), f, models, Loss{GSFactor: 0.5}, ranges)
		if err != nil {
			t.Fatal(err)
		}
		j, err := newJudge(f, models, 0)
		if err != nil {
			t.Fatal(err)
		}
		if a == nil {
			if f.Len() == 0 || len(j.judge(f.Generalize(latticeOf(columns, nil).Top)).suppressed) == 0 {
				t.Fatalf("seed %d: refused, where all rows together satisfy the models", seed)
			}
			continue
		}
		if a.classes() > 1 {
			several++
		}
		members := make([][]int32, a.classes())
		for i, cls := range a.class {
			if cls < 0 {
				t.Fatalf("seed %d: a row is lost", seed)
			}
			members[cls] = append(members[cls], int32(i))
		}
		for cls, m := range members {
			set := f.subset(m).Generalize(latticeOf(columns, nil).Top)
			if v := j.judge(set); len(v.suppressed) > 0 {
				t.Fatalf("seed %d: class %d breaks a model", seed, cls)
			}
			for c := range columns {
				checkCovers(t, seed, f, m, c, a.dict[c][a.labels[c][cls]], ranges[c])
			}
		}
	}
	if several < rounds/3 {
		t.Errorf("only %d of %d tables were split", several, rounds)
	}
}

// checkCovers checks that a label is one of a level that all members have, or
// a range in which they lie.
func checkCovers(t *testing.T, seed uint64, f *FrequencySet, members []int32, c int, label string, ranges bool) {
	t.Helper()
	for _, lv := range f.QuasiIdentifiers[c].Table.Levels {
		covers := true
		for _, i := range members {
			covers = covers && lv.Labels[lv.Codes[f.Label(int(i), c)]] == label
		}
		if covers {
			return
		}
	}
	raw := f.QuasiIdentifiers[c].Table.Levels[0].Labels
	for lo := range raw {
		for hi := lo; ranges && hi < len(raw); hi++ {
			from, to := raw[lo], raw[hi]
			if lo == 0 {
				from = ""
			}
			if hi == len(raw)-1 {
				to = ""
			}
			if from+".."+to != label {
				continue
			}
			for _, i := range members {
				if l := int(f.Label(int(i), c)); l < lo || l > hi {
					t.Fatalf("seed %d, column %d: a row lies outside its range", seed, c)
				}
			}
			return
		}
	}
	t.Fatalf("seed %d, column %d: the label of a class does not cover its rows", seed, c)
}

func BenchmarkMondrianAdult(b *testing.B) {
	base := adult(b, adultQIs8)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := recodeMondrian(context.Background(), base, []PrivacyModel{KAnonymity{K: 5}}, Loss{GSFactor: 0.5}, make([]bool, 8)); err != nil {
			b.Fatal(err)
		}
	}
}
