package kanon

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSearchModelsAgainstBruteForce compares the search with a look at every
// node, over random tables, combinations of all models, and all costs. The
// brute force judges classes by the models alone: it knows no monotonicity and
// no least size.
func TestSearchModelsAgainstBruteForce(t *testing.T) {
	rounds := uint64(6000)
	if testing.Short() {
		rounds = 600
	}
	found := 0
	for seed := range rounds {
		r := rand.New(rand.NewPCG(seed, 91))
		columns, sensitive, rows := randomTable(r, 1+r.IntN(4), 1, r.IntN(70), seed%3 == 0)
		population := seed%4 == 0
		if population {
			for i := range rows {
				rows[i].Population = 1 + r.Int64N(3)
				if r.IntN(3) == 0 {
					rows[i].Rows, rows[i].Person = -1, 0
				} else {
					rows[i].Rows, rows[i].Population = 1, 2
				}
			}
		}
		f, err := NewFrequencySet(columns, sensitive, rows)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		s := sensitive[0].Name
		all := []PrivacyModel{
			KAnonymity{K: 1 + r.Int64N(5)},
			LDiversity{L: float64(1 + r.IntN(3)), Column: s},
			LDiversity{L: 1 + 2*r.Float64(), Column: s, Variant: EntropyDiversity},
			LDiversity{L: 1 + 2*r.Float64(), Column: s, Variant: GrassbergerDiversity},
			LDiversity{L: float64(1 + r.IntN(3)), Column: s, Variant: RecursiveDiversity, C: 0.5 + 3*r.Float64()},
			TCloseness{T: 0.7 * r.Float64(), Column: s},
			TCloseness{T: 0.5 * r.Float64(), Column: s, Distance: OrderedDistance},
			BetaLikeness{Beta: 0.1 + 2*r.Float64(), Column: s},
			BetaLikeness{Beta: 0.1 + 3*r.Float64(), Column: s, Variant: EnhancedLikeness},
			DeltaDisclosure{Delta: 0.3 + 2*r.Float64(), Column: s},
			DeltaDisclosure{Delta: 0.3 + 3*r.Float64(), Column: s, AllValues: true},
			AverageRisk{Threshold: 0.1 + 0.9*r.Float64()},
			SampleUniqueness{Threshold: 0.3 * r.Float64()},
		}
		if population {
			all = append(all, KMap{K: 1 + r.Int64N(6)}, DeltaPresence{Min: 0.3 * r.Float64(), Max: 0.4 + 0.6*r.Float64()})
		}
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		models := all[:1+r.IntN(3)]
		gs := []float64{0, 0.3, 0.5, 0.8, 1}[r.IntN(5)]
		costs := []Cost{
			Loss{GSFactor: gs, Aggregate: Aggregate(r.IntN(5))}, Discernibility{}, Discernibility{Star: true}, AverageClassSize{GSFactor: 0.2 + 0.6*gs},
			Precision{GSFactor: gs}, Precision{GSFactor: gs, Monotonic: true}, Height{}, NonUniformEntropy{GSFactor: gs},
			NonUniformEntropy{GSFactor: gs, Monotonic: true}, Ambiguity{}, KLDivergence{}, EntropyBased{GSFactor: gs},
		}
		cost := costs[r.IntN(len(costs))]
		limit := int64(float64(f.Rows) * []float64{0, 0.1, 0.4, 1}[r.IntN(4)])
		got, err := Search(context.Background(), f, models, cost, SearchOptions{SuppressionLimit: limit})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		want := plainOptimum(t, f, models, cost, limit)
		switch {
		case (want == nil) != (got.Node == nil):
			t.Fatalf("seed %d: models %v, %s, limit %d of %d: found %v, brute force %v", seed, models, cost, limit, f.Rows, got.Node, want)
		case want != nil && !sameScore(got.Score, arxScore(want)):
			t.Fatalf("seed %d: models %v, %s, limit %d of %d: found %v of cost %v, brute force %v", seed, models, cost, limit, f.Rows, got.Node, got.Score, want)
		case want != nil:
			found++
		}
	}
	if found < int(rounds)/3 {
		t.Errorf("only %d of %d tables had a solution", found, rounds)
	}
}

// plainOptimum returns the least score of all nodes that satisfy the models,
// nil if there is none.
func plainOptimum(t *testing.T, f *FrequencySet, models []PrivacyModel, cost Cost, limit int64) (best Score) {
	t.Helper()
	bound, err := cost.Bind(f)
	if err != nil {
		t.Fatal(err)
	}
	l := latticeOf(f.QuasiIdentifiers, nil)
	for n := slices.Clone(l.Bottom); n != nil; n = nextNode(l, n) {
		set := f.Generalize(n)
		suppressed := failing(t, f, set, models)
		refused := false
		var class EquivalenceClass
		for i := range set.Len() {
			set.Class(i, &class)
			for _, m := range models {
				test, err := m.Bind(f)
				if err != nil {
					t.Fatal(err)
				}
				refused = refused || class.Size == 0 && !test(&class)
			}
		}
		if refused {
			continue
		}
		// Suppress the smallest classes while some model of the table asks for it.
		v := verdict{suppressed: suppressed}
		for _, i := range suppressed {
			v.rows += set.rows[i]
		}
		j := &judge{}
		for again := true; again; {
			again = false
			for _, m := range models {
				if table, ok := m.(TableModel); ok {
					again = j.suppressSmallest(set, &v, table) || again
				}
			}
		}
		if v.rows > limit || v.rows == set.Rows && set.Rows > 0 {
			continue
		}
		if s := bound.Score(n, set, v.suppressed); best == nil || s.Compare(best) < 0 {
			best = s
		}
	}
	return best
}
