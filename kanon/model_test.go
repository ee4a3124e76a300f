package kanon_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/oboro-data/oboro/kanon"
	"github.com/oboro-data/oboro/kanon/kanontest"
)

// conforming are the models that the laws of kanontest are tried on.
var conforming = []kanon.PrivacyModel{
	kanon.KAnonymity{K: 1},
	kanon.KAnonymity{K: 3},
	kanon.LDiversity{L: 3, Column: "s"},
	kanon.LDiversity{L: 2.5, Column: "s", Variant: kanon.EntropyDiversity},
	kanon.LDiversity{L: 2, Column: "s", Variant: kanon.EntropyDiversity},
	kanon.LDiversity{L: 2, Column: "s", Variant: kanon.GrassbergerDiversity},
	kanon.LDiversity{L: 2, Column: "s", Variant: kanon.RecursiveDiversity, C: 2},
	kanon.LDiversity{L: 1, Column: "s", Variant: kanon.RecursiveDiversity, C: 1.5},
	kanon.LDiversity{L: 3, Column: "s", Variant: kanon.RecursiveDiversity, C: 4.5},
	kanon.TCloseness{T: 0.3, Column: "s"},
	kanon.TCloseness{T: 0.25, Column: "s", Distance: kanon.OrderedDistance},
	kanon.TCloseness{T: 0.2, Column: "s", Distance: kanon.HierarchicalDistance},
	kanon.BetaLikeness{Beta: 1.5, Column: "s"},
	kanon.BetaLikeness{Beta: 1.5, Column: "s", Variant: kanon.EnhancedLikeness},
	kanon.DeltaDisclosure{Delta: 1, Column: "s"},
	kanon.DeltaDisclosure{Delta: 1.5, Column: "s", AllValues: true},
	kanon.DeltaPresence{Min: 0.2, Max: 0.6},
	kanon.KMap{K: 4},
	kanon.KMap{K: 3, PopulationSize: 5000, Estimator: kanon.PoissonEstimator, Significance: 0.01},
	kanon.KMap{K: 3, PopulationSize: 5000, Estimator: kanon.ZeroTruncatedPoissonEstimator, Significance: 0.01},
	kanon.AverageRisk{Threshold: 0.25},
	kanon.SampleUniqueness{Threshold: 0.05},
	kanon.SampleUniqueness{},
}

func TestModels(t *testing.T) {
	for _, m := range conforming {
		t.Run(m.String(), func(t *testing.T) { kanontest.Model(t, m) })
	}
}

// column is a column of n values without a hierarchy beyond "*", or with one
// more level that maps value i to group[i].
func column(name string, n int, group ...int32) kanon.Column {
	table := kanontest.Table(n, group)
	return kanon.Column{Name: name, Table: table}
}

// table makes a table with one quasi-identifier, whose value is the class, and
// one sensitive column; counts[class][value] are people.
func table(t *testing.T, sensitive kanon.Column, counts ...[]int64) *kanon.FrequencySet {
	t.Helper()
	var rows []kanon.Row
	for class, values := range counts {
		for v, n := range values {
			if n > 0 {
				rows = append(rows, kanon.Row{Key: []int32{int32(class)}, Sensitive: []int32{int32(v)}, Rows: n})
			}
		}
	}
	set, err := kanon.NewFrequencySet([]kanon.Column{column("q", len(counts))}, []kanon.Column{sensitive}, rows)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestModelsByHand decides classes whose answer follows from the formulas by
// hand, most of them exactly at the bound. Each case lists the counts of the
// sensitive values in every class, and which classes pass.
func TestModelsByHand(t *testing.T) {
	s := column("s", 4, 0, 0, 1, 1)
	for _, c := range []struct {
		model  kanon.PrivacyModel
		counts [][]int64
		want   []bool
	}{
		{kanon.LDiversity{L: 3, Column: "s"}, [][]int64{{1, 1, 1}, {9, 9}}, []bool{true, false}},
		// ℓ equally frequent values have the entropy ln ℓ exactly, however many rows.
		{kanon.LDiversity{L: 3, Column: "s", Variant: kanon.EntropyDiversity},
			[][]int64{{1, 1, 1}, {7, 7, 7}, {1e6, 1e6, 1e6}, {7, 7, 6}, {7, 7, 7, 1}, {1e6, 1e6, 1e6 - 1}, {1, 1}},
			[]bool{true, true, true, false, true, false, false}},
		// 2^(3/2) = 2.83: n^n/Π n_i^n_i = 4^4/2^2 = 64 = (2.83)^4.
		{kanon.LDiversity{L: 2.82, Column: "s", Variant: kanon.EntropyDiversity}, [][]int64{{2, 1, 1}}, []bool{true}},
		{kanon.LDiversity{L: 2.83, Column: "s", Variant: kanon.EntropyDiversity}, [][]int64{{2, 1, 1}}, []bool{false}},
		// 4 < 2·(n_2+n_3) with n_2+n_3 = 2 is false, with 3 true.
		{kanon.LDiversity{L: 2, Column: "s", Variant: kanon.RecursiveDiversity, C: 2}, [][]int64{{4, 1, 1}, {1, 4, 2}, {1}}, []bool{false, true, false}},
		// 3 < 0.1·30 fails by equality, which binary fractions would miss.
		{kanon.LDiversity{L: 1, Column: "s", Variant: kanon.RecursiveDiversity, C: 0.1}, [][]int64{{3, 3, 3, 3}}, []bool{false}},
		{kanon.LDiversity{L: 2, Column: "s", Variant: kanon.RecursiveDiversity, C: 0.1}, [][]int64{{3, 15, 15, 0}}, []bool{false}},
		// p = (.5,.5); the class (3,1) is ¼ away, (4,0) ½.
		{kanon.TCloseness{T: 0.25, Column: "s"}, [][]int64{{3, 1}, {1, 3}}, []bool{true, true}},
		{kanon.TCloseness{T: 0.2499, Column: "s"}, [][]int64{{3, 1}, {1, 3}}, []bool{false, false}},
		// t = 0.1 exactly: p = (.5,.5), q = (.6,.4).
		{kanon.TCloseness{T: 0.1, Column: "s"}, [][]int64{{6, 4}, {4, 6}}, []bool{true, true}},
		// Ordered: where only the values 0 and 3 occur they are neighbours, and moving ½
		// costs ½; among four values, moving ¼ each way by two thirds costs a third.
		{kanon.TCloseness{T: 0.5, Column: "s", Distance: kanon.OrderedDistance}, [][]int64{{2, 0, 0, 0}, {0, 0, 0, 2}}, []bool{true, true}},
		{kanon.TCloseness{T: 0.49, Column: "s", Distance: kanon.OrderedDistance}, [][]int64{{2, 0, 0, 0}, {0, 0, 0, 2}}, []bool{false, false}},
		{kanon.TCloseness{T: 0.3333, Column: "s", Distance: kanon.OrderedDistance}, [][]int64{{1, 0, 0, 1}, {0, 1, 1, 0}, {2, 0, 0, 0}}, []bool{true, true, false}},
		// Hierarchical, {0,1} and {2,3} meet at level 1 of 2: moving ½ inside a group costs ¼, across ½.
		{kanon.TCloseness{T: 0.25, Column: "s", Distance: kanon.HierarchicalDistance}, [][]int64{{2, 0, 0, 0}, {0, 2, 0, 0}}, []bool{true, true}},
		{kanon.TCloseness{T: 0.4999, Column: "s", Distance: kanon.HierarchicalDistance}, [][]int64{{2, 0, 0, 0}, {0, 0, 2, 0}}, []bool{false, false}},
		// p = (¼,¾): q = ½ is a gain of 1 on value 0; -ln ¼ = 1.386, -ln ¾ = 0.288.
		{kanon.BetaLikeness{Beta: 1, Column: "s"}, [][]int64{{2, 2}, {0, 4}}, []bool{true, true}},
		{kanon.BetaLikeness{Beta: 0.99, Column: "s"}, [][]int64{{2, 2}, {0, 4}}, []bool{false, true}},
		{kanon.BetaLikeness{Beta: 2, Column: "s", Variant: kanon.EnhancedLikeness}, [][]int64{{2, 2}, {0, 4}}, []bool{true, false}},
		// δ = 1: strictly between half and double. p = (¼,¾), q = (½,½): the doubling fails.
		{kanon.DeltaDisclosure{Delta: 1, Column: "s"}, [][]int64{{2, 2}, {0, 4}}, []bool{false, true}},
		{kanon.DeltaDisclosure{Delta: 1.01, Column: "s"}, [][]int64{{2, 2}, {0, 4}}, []bool{true, true}},
		{kanon.DeltaDisclosure{Delta: 1.01, Column: "s", AllValues: true}, [][]int64{{2, 2}, {0, 4}}, []bool{true, false}},
	} {
		set := table(t, s, c.counts...)
		test, err := c.model.Bind(set)
		if err != nil {
			t.Fatalf("%s: %v", c.model, err)
		}
		var class kanon.EquivalenceClass
		for i, want := range c.want {
			if set.Class(i, &class); test(&class) != want {
				t.Errorf("%s of %v: class %d: got %v", c.model, c.counts, i, !want)
			}
		}
	}
}

// TestDeltaPresence decides by size and population alone.
func TestDeltaPresence(t *testing.T) {
	test, err := kanon.DeltaPresence{Min: 0.1, Max: 0.3}.Bind(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		size, population int64
		want             bool
	}{{1, 10, true}, {3, 10, true}, {4, 10, false}, {1, 11, false}, {0, 5, false}, {0, 0, true}} {
		if test(&kanon.EquivalenceClass{Size: c.size, Population: c.population}) != c.want {
			t.Errorf("%d of %d: got %v", c.size, c.population, !c.want)
		}
	}
}

// TestKMapSampleK compares with sums of Poisson probabilities in exact
// arithmetic where e^-λ is the only rounded factor.
func TestKMapSampleK(t *testing.T) {
	for _, c := range []struct {
		m      kanon.KMap
		people int64
		want   int64
	}{
		// λ = 3·30162/317238626 = 0.00029: F(1) of the truncated distribution is 0.9999.
		{kanon.KMap{K: 3, PopulationSize: 317238626, Estimator: "zero-truncated-poisson", Significance: 0.01}, 30162, 2},
		// λ = 1: P(0..) = .368 .368 .184 .061 .015 .003; F(3) = .981, F(4) = .9963.
		{kanon.KMap{K: 100, PopulationSize: 1000, Estimator: "poisson", Significance: 0.01}, 10, 6},
		// Truncated by 1-.368: .582 .291 .097 .024 .005; F(4) = .9942, F(3) = .9700.
		{kanon.KMap{K: 100, PopulationSize: 1000, Estimator: "zero-truncated-poisson", Significance: 0.01}, 10, 5},
		{kanon.KMap{K: 100, PopulationSize: 1000, Estimator: "zero-truncated-poisson", Significance: 0.04}, 10, 4},
		// The whole population: a class of k people is enough.
		{kanon.KMap{K: 5, PopulationSize: 1000, Estimator: "poisson", Significance: 0.01}, 1000, 5},
		{kanon.KMap{K: 5, PopulationSize: 1000, Estimator: "poisson", Significance: 0.01}, 0, 2},
		{kanon.KMap{K: 7}, 10, 7},
	} {
		if got := c.m.SampleK(c.people); got != c.want {
			t.Errorf("%v for %d people: got k' = %d, want %d", c.m, c.people, got, c.want)
		}
	}
}

func TestTableModels(t *testing.T) {
	for _, c := range []struct {
		m     kanon.TableModel
		sizes []int64
		want  int
	}{
		{kanon.AverageRisk{Threshold: 0.5}, []int64{1, 3}, 0},       // 2/4
		{kanon.AverageRisk{Threshold: 0.4}, []int64{1, 1, 3}, 2},    // 3/5, 2/4, 1/3
		{kanon.AverageRisk{Threshold: 0.1}, []int64{1, 9}, 2},       // 1/9 > 0.1
		{kanon.AverageRisk{Threshold: 0.1}, []int64{1, 10}, 1},      // 1/10
		{kanon.SampleUniqueness{Threshold: 0.1}, []int64{1, 9}, 0},  // 1/10
		{kanon.SampleUniqueness{Threshold: 0.09}, []int64{1, 9}, 1}, // 0
		{kanon.SampleUniqueness{Threshold: 0.2}, []int64{1, 1, 1, 4}, 2},
		{kanon.SampleUniqueness{}, []int64{1, 1, 2}, 2},
	} {
		if got := c.m.Suppress(c.sizes); got != c.want {
			t.Errorf("%s of %v: got %d, want %d", c.m, c.sizes, got, c.want)
		}
	}
}

// TestModelsRefuse lists parameters that Check must refuse, and Bind with it.
func TestModelsRefuse(t *testing.T) {
	set := table(t, column("s", 2), []int64{1, 1})
	for _, m := range []kanon.Checker{
		kanon.KAnonymity{}, kanon.KAnonymity{K: -1},
		kanon.LDiversity{L: 2}, kanon.LDiversity{L: 0.5, Column: "s"}, kanon.LDiversity{L: 2.5, Column: "s"},
		kanon.LDiversity{L: math.NaN(), Column: "s", Variant: "entropy"}, kanon.LDiversity{L: 2, Column: "s", Variant: "other"},
		kanon.LDiversity{L: 2, Column: "s", Variant: "recursive"}, kanon.LDiversity{L: 2, Column: "s", Variant: "recursive", C: math.NaN()},
		kanon.TCloseness{T: 0.2}, kanon.TCloseness{T: -0.1, Column: "s"}, kanon.TCloseness{T: 1.1, Column: "s"},
		kanon.TCloseness{T: math.NaN(), Column: "s"}, kanon.TCloseness{T: 0.2, Column: "s", Distance: "other"},
		kanon.BetaLikeness{Beta: 1}, kanon.BetaLikeness{Column: "s"}, kanon.BetaLikeness{Beta: math.Inf(1), Column: "s"},
		kanon.BetaLikeness{Beta: 1, Column: "s", Variant: "other"},
		kanon.DeltaDisclosure{Delta: 1}, kanon.DeltaDisclosure{Column: "s"}, kanon.DeltaDisclosure{Delta: math.NaN(), Column: "s"},
		kanon.DeltaPresence{Min: 0.3, Max: 0.2}, kanon.DeltaPresence{Min: -0.1, Max: 1}, kanon.DeltaPresence{Max: 1.1}, kanon.DeltaPresence{Max: math.NaN()},
		kanon.KMap{}, kanon.KMap{K: 3, PopulationSize: -1}, kanon.KMap{K: 3, PopulationSize: 9}, kanon.KMap{K: 3, PopulationSize: 9, Significance: 1},
		kanon.KMap{K: 3, PopulationSize: 9, Significance: 0.1, Estimator: "other"},
		kanon.AverageRisk{}, kanon.AverageRisk{Threshold: 1.1}, kanon.AverageRisk{Threshold: math.NaN()},
		kanon.SampleUniqueness{Threshold: -0.1}, kanon.SampleUniqueness{Threshold: math.NaN()},
	} {
		if m.Check() == nil {
			t.Errorf("Check accepts %T %+v", m, m)
		}
		if _, err := m.Bind(set); err == nil {
			t.Errorf("Bind accepts %T %+v", m, m)
		}
	}
	for _, m := range []kanon.PrivacyModel{
		kanon.LDiversity{L: 2, Column: "absent"}, kanon.TCloseness{T: 0.2, Column: "absent"},
		kanon.BetaLikeness{Beta: 1, Column: "absent"}, kanon.DeltaDisclosure{Delta: 1, Column: "absent"},
		kanon.KMap{K: 3, PopulationSize: 1, Significance: 0.1},
	} {
		if _, err := m.Bind(set); err == nil {
			t.Errorf("Bind accepts %s for a table that can't serve it", m)
		}
	}
}

// TestDistancesAgainstDefinition compares the t at which a class begins to
// pass with the earth mover's distance computed from its definition, in
// rational arithmetic: for a line and for a tree the optimal flow is known, and
// the equal distance is half the sum of the differences.
func TestDistancesAgainstDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for round := range 300 {
		m := 2 + r.IntN(6)
		group := make([]int32, m)
		for i := range group {
			if group[i] = int32(i % ((m + 1) / 2)); i >= (m+1)/2 {
				group[i] = int32(r.IntN((m + 1) / 2))
			}
		}
		counts := [][]int64{make([]int64, m), make([]int64, m), make([]int64, m)}
		for _, values := range counts {
			for v := range values {
				values[v] = r.Int64N(4)
			}
		}
		counts[0][0]++
		set := table(t, column("s", m, group...), counts...)
		p, q := make([]*big.Rat, m), make([]*big.Rat, m)
		var all, own int64
		sums := make([]int64, m)
		for _, values := range counts {
			for v, n := range values {
				all, sums[v] = all+n, sums[v]+n
			}
		}
		for _, n := range counts[0] {
			own += n
		}
		for v := range m {
			p[v], q[v] = big.NewRat(sums[v], all), big.NewRat(counts[0][v], own)
		}
		for _, d := range []kanon.Distance{kanon.EqualDistance, kanon.OrderedDistance, kanon.HierarchicalDistance} {
			want := plainDistance(d, p, q, group)
			for _, step := range []int64{-1, 1} {
				bound, _ := new(big.Rat).Add(want, big.NewRat(step, 1e9)).Float64()
				if bound < 0 || bound > 1 {
					continue
				}
				test, err := kanon.TCloseness{T: bound, Column: "s", Distance: d}.Bind(set)
				if err != nil {
					t.Fatal(err)
				}
				var class kanon.EquivalenceClass
				set.Class(0, &class)
				if test(&class) != (step > 0) {
					t.Fatalf("round %d, %s distance of %v, groups %v: wrong side of %v", round, d, counts, group, want.FloatString(9))
				}
			}
		}
	}
}

func plainDistance(d kanon.Distance, p, q []*big.Rat, group []int32) *big.Rat {
	sum, zero := new(big.Rat), new(big.Rat)
	switch d {
	case kanon.EqualDistance:
		for v := range p {
			x := new(big.Rat).Sub(q[v], p[v])
			sum.Add(sum, x.Abs(x))
		}
		return sum.Mul(sum, big.NewRat(1, 2))
	case kanon.OrderedDistance:
		upTo, values := new(big.Rat), int64(0)
		for v := range p {
			if p[v].Sign() == 0 {
				continue
			}
			values++
			upTo.Add(upTo, new(big.Rat).Sub(q[v], p[v]))
			sum.Add(sum, new(big.Rat).Abs(upTo))
		}
		if values < 2 {
			return zero
		}
		return sum.Mul(sum, big.NewRat(1, values-1))
	}
	// By the definition: level/H·min(pos, neg) at every inner node, H = 2.
	surplus := map[int32]*big.Rat{}
	add := func(level int64, children []*big.Rat) *big.Rat {
		pos, neg := new(big.Rat), new(big.Rat)
		for _, c := range children {
			if c.Sign() > 0 {
				pos.Add(pos, c)
			} else {
				neg.Sub(neg, c)
			}
		}
		least := pos
		if neg.Cmp(pos) < 0 {
			least = neg
		}
		sum.Add(sum, new(big.Rat).Mul(least, big.NewRat(level, 2)))
		return new(big.Rat).Sub(pos, neg)
	}
	byGroup := map[int32][]*big.Rat{}
	for v := range p {
		byGroup[group[v]] = append(byGroup[group[v]], new(big.Rat).Sub(q[v], p[v]))
	}
	var tops []*big.Rat
	for g, children := range byGroup {
		surplus[g] = add(1, children)
		tops = append(tops, surplus[g])
	}
	add(2, tops)
	return sum
}

// TestEntropyAgainstExact compares the entropy test with n^n ≥ ℓ^n·Π n_i^n_i in
// integers, on small counts, at ℓ chosen to lie on and next to the bound.
func TestEntropyAgainstExact(t *testing.T) {
	s := column("s", 6)
	r := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		counts := make([]int64, 6)
		var total int64
		for i := range counts {
			counts[i] = r.Int64N(5)
			total += counts[i]
		}
		if total == 0 {
			continue
		}
		set := table(t, s, counts)
		exp := math.Exp(entropy(counts, total))
		for _, l := range []float64{exp, math.Nextafter(exp, 0), math.Nextafter(exp, 10), math.Round(exp), exp - 1e-9, exp + 1e-9} {
			if l < 1 {
				continue
			}
			test, err := kanon.LDiversity{L: l, Column: "s", Variant: kanon.EntropyDiversity}.Bind(set)
			if err != nil {
				t.Fatal(err)
			}
			var class kanon.EquivalenceClass
			set.Class(0, &class)
			if got, want := test(&class), exactEntropy(counts, total, l); got != want {
				t.Fatalf("counts %v, l = %v: got %v", counts, l, got)
			}
		}
	}
}

func entropy(counts []int64, total int64) float64 {
	h := 0.0
	for _, n := range counts {
		if n > 0 {
			h -= float64(n) / float64(total) * math.Log(float64(n)/float64(total))
		}
	}
	return h
}

func exactEntropy(counts []int64, total int64, l float64) bool {
	ratio, _ := new(big.Rat).SetString(fmt.Sprint(l))
	left := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(total), big.NewInt(total), nil))
	right := big.NewRat(1, 1)
	for range total {
		right.Mul(right, ratio)
	}
	values := 0
	for _, n := range counts {
		if n > 0 {
			values++
		}
		for range n {
			right.Mul(right, big.NewRat(n, 1))
		}
	}
	return float64(values) >= math.Ceil(l) && left.Cmp(right) >= 0
}

func ExamplePrivacyModel() {
	for _, m := range []kanon.PrivacyModel{
		kanon.KAnonymity{K: 5},
		kanon.LDiversity{L: 3, Column: "diagnosis"},
		kanon.TCloseness{T: 0.2, Column: "diagnosis", Distance: kanon.OrderedDistance},
	} {
		fmt.Println(m)
	}
	// Output:
	// 5-anonymity
	// distinct 3-diversity of diagnosis
	// 0.2-closeness of diagnosis (ordered distance)
}
