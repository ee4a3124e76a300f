package dp

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/internal/noise"
)

// column is a table of one column of whole numbers, each a unit.
func column(values []int64) arrow.Record {
	b := array.NewInt64Builder(memory.DefaultAllocator)
	b.AppendValues(values, nil)
	return arrowRecord([]arrow.Field{{Name: "x", Type: arrow.PrimitiveTypes.Int64}}, []arrow.Array{b.NewArray()}, int64(len(values)))
}

func treeQuery(upper float64, ranks ...float64) *Query {
	return &Query{UnitIsRow: true, Bounds: ContributionBounds{MaxGroups: 1}, Aggregates: []Aggregate{
		Quantiles{As: "q", Column: "x", Upper: upper, Ranks: ranks, Resolution: 1, Tree: true},
	}}
}

// With hardly any noise a tree gives the quantiles of the rows, at sizes around
// the powers of its branching.
func TestQuantileTreeIsExactWithoutNoise(t *testing.T) {
	ranks := []float64{0, 0.1, 0.25, 0.5, 0.9, 0.999, 1}
	for _, upper := range []int64{1, 14, 15, 16, 255, 256, 3000, maxTreeSteps - 1} {
		values := make([]int64, 1001)
		r := rand.New(rand.NewPCG(uint64(upper), 1))
		counts := make([]int, upper+1)
		for i := range values {
			values[i] = r.Int64N(upper/2+1) + r.Int64N(upper-upper/2+1)
			counts[values[i]]++
		}
		rec := column(values)
		rel, err := Run(t.Context(), source(t, rec), treeQuery(float64(upper), ranks...), NewAccountant(Pure(1e5)), Pure(1e5))
		if err != nil {
			t.Fatal(err)
		}
		for k, q := range ranks {
			got := rel.Record().Column(k).(*array.Float64).Value(0)
			below, upTo := 0, 0
			for v, n := range counts {
				if float64(v) < got {
					below += n
				}
				if float64(v) <= got {
					upTo += n
				}
			}
			if target := q * 1001; float64(below) > target+1 || float64(upTo) < target-1 {
				t.Errorf("range to %d, rank %g: %g has %d to %d rows below it", upper, q, got, below, upTo)
			}
		}
	}
}

// Values never decrease with rank and stay within the range, whatever the noise.
func TestQuantileTreeIsMonotone(t *testing.T) {
	var ranks []float64
	for i := range 101 {
		ranks = append(ranks, float64(i)/100)
	}
	for _, epsilon := range []float64{1e-4, 0.01, 1} {
		rec := column([]int64{3, 5, 8, 8, 100, 999})
		rel, err := Run(t.Context(), source(t, rec), treeQuery(1000, ranks...), NewAccountant(Pure(epsilon)), Pure(epsilon))
		if err != nil {
			t.Fatal(err)
		}
		last := 0.0
		for k := range ranks {
			v := rel.Record().Column(k).(*array.Float64).Value(0)
			if v < last || v > 1000 {
				t.Fatalf("ε = %g: %g after %g", epsilon, v, last)
			}
			last = v
		}
	}
}

// The rank error is about what the noise of the fitted counts makes it: a sum of
// at most 15 intervals on each of 3 levels, noise of standard error √2·3/ε each,
// before the fit reduces it. Six times that has a probability below 10⁻⁹ even for
// Gaussian tails; sums of so many Laplace draws have them.
func TestQuantileTreeError(t *testing.T) {
	if noise.Off {
		t.Skip("noise is switched off in this build")
	}
	values := make([]int64, 20000)
	r := rand.New(rand.NewPCG(4, 4))
	for i := range values {
		values[i] = int64(math.Min(4000, 300*math.Exp(r.NormFloat64())))
	}
	rec := column(values)
	rel, err := Run(t.Context(), source(t, rec), treeQuery(4000, 0.1, 0.5, 0.9), NewAccountant(Pure(1)), Pure(1))
	if err != nil {
		t.Fatal(err)
	}
	for k, q := range []float64{0.1, 0.5, 0.9} {
		got, below, upTo := rel.Record().Column(k).(*array.Float64).Value(0), 0.0, 0.0
		for _, v := range values {
			if float64(v) < got {
				below++
			}
			if float64(v) <= got {
				upTo++
			}
		}
		if miss := math.Max(below-q*20000, q*20000-upTo); miss > 6*math.Sqrt(45)*3*math.Sqrt2 {
			t.Errorf("rank %g: %g misses by %g rows", q, got, miss)
		}
	}
}

func TestQuantileTreeRefusals(t *testing.T) {
	rec := column([]int64{1})
	for want, a := range map[string]Quantiles{
		"more than the 16384":  {As: "q", Column: "x", Upper: 1 << 20, Resolution: 1, Ranks: []float64{0.5}, Tree: true},
		"outside [0, 1]":       {As: "q", Column: "x", Upper: 9, Ranks: []float64{1.5}, Tree: true},
		"needs its range":      {As: "q", Column: "x", Upper: 9, Ranks: []float64{0.5}, Tree: true, Auto: 0.1},
		"give at least one":    {As: "q", Column: "x", Upper: 9, Tree: true},
		"state a range whose ": {As: "q", Column: "x", Ranks: []float64{0.5}, Tree: true},
	} {
		_, err := NewPlan(&Query{UnitIsRow: true, Bounds: ContributionBounds{MaxGroups: 1}, Aggregates: []Aggregate{a}}, rec.Schema(), Pure(1))
		wantError(t, err, want)
	}
}
