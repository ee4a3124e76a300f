package kanon

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestVerifyModelAgainstModel compares the plain re-check with the models on
// random tables where no bound is met exactly: each counts and decides in its
// own way, and they must agree on every table.
func TestVerifyModelAgainstModel(t *testing.T) {
	models := []PrivacyModel{
		KAnonymity{K: 3}, LDiversity{L: 2, Column: "s"}, LDiversity{L: 1.87, Column: "s", Variant: EntropyDiversity},
		LDiversity{L: 1.93, Column: "s", Variant: GrassbergerDiversity}, LDiversity{L: 2, Column: "s", Variant: RecursiveDiversity, C: 1.77},
		TCloseness{T: 0.3137, Column: "s"}, BetaLikeness{Beta: 0.977, Column: "s"}, BetaLikeness{Beta: 1.313, Column: "s", Variant: EnhancedLikeness},
		DeltaDisclosure{Delta: 1.137, Column: "s"}, DeltaDisclosure{Delta: 1.37, Column: "s", AllValues: true},
		AverageRisk{Threshold: 0.2371}, SampleUniqueness{Threshold: 0.0371},
	}
	held, failed := map[string]int{}, map[string]int{}
	for seed := range uint64(4000) {
		r := rand.New(rand.NewPCG(seed, 77))
		q := randomColumn(r, "q", 1+r.IntN(3), 1)
		s := randomColumn(r, "s", 1+r.IntN(4), 1)
		var rows []Row
		whole := map[string]int64{}
		classes := map[string]*recounted{}
		for range 1 + r.IntN(60) {
			row := Row{Key: []int32{int32(r.IntN(len(q.Table.Levels[0].Codes)))}, Sensitive: []int32{int32(r.IntN(len(s.Table.Levels[0].Codes)))}}
			rows = append(rows, row)
			value, key := fmt.Sprint(row.Sensitive[0]), fmt.Sprint(row.Key[0])
			whole[value]++
			if classes[key] == nil {
				classes[key] = newRecounted(1)
			}
			classes[key].rows++
			classes[key].people++
			classes[key].values[0][value]++
		}
		re := &recount{sensitive: []string{"s"}, classes: classes, rows: int64(len(rows)), exact: true, whole: []map[string]int64{whole}}
		set, err := NewFrequencySet([]Column{q}, []Column{s}, rows)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range models {
			j, err := newJudge(set, []PrivacyModel{m}, 0)
			if err != nil {
				t.Fatal(err)
			}
			want := len(j.judge(set).suppressed) == 0
			checked, err := verifyModel(m, re)
			if !checked || (err == nil) != want {
				t.Fatalf("seed %d, %s: checked %v, error %v, the model says %v", seed, m, checked, err, want)
			}
			if want {
				held[m.String()]++
			} else {
				failed[m.String()]++
			}
		}
	}
	for _, m := range models {
		if held[m.String()] < 20 || failed[m.String()] < 20 {
			t.Errorf("%s held on %d tables and failed on %d: too few to tell", m, held[m.String()], failed[m.String()])
		}
	}
}

// TestVerifyModelUnchecked lists what a recount can't tell.
func TestVerifyModelUnchecked(t *testing.T) {
	c := newRecounted(1)
	c.rows, c.people, c.values[0]["x"] = 5, 5, 5
	table := &recount{sensitive: []string{"s"}, classes: map[string]*recounted{"": c}, rows: 5, exact: true}
	for _, m := range []PrivacyModel{
		TCloseness{T: 0.1, Column: "s"}, BetaLikeness{Beta: 1, Column: "s"}, DeltaDisclosure{Delta: 1, Column: "s"},
		DeltaPresence{Max: 1}, KMap{K: 2}, LDiversity{L: 2, Column: "other"},
	} {
		if checked, err := verifyModel(m, table); checked || err != nil {
			t.Errorf("%s: checked %v, error %v", m, checked, err)
		}
	}
	table.exact = false
	for _, m := range []PrivacyModel{AverageRisk{Threshold: 0.1}, SampleUniqueness{}, LDiversity{L: 1, Column: "s", Variant: EntropyDiversity}} {
		if checked, err := verifyModel(m, table); checked || err != nil {
			t.Errorf("%s: checked %v, error %v", m, checked, err)
		}
	}
}
