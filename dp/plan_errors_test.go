package dp

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/internal/noise"
)

// TestErrorTimesRows: over two-point and spread-out tables, the error that
// noise of a known size makes in a group of n rows is at most K/n, and near it
// where the derivation says that the bound is met. The noise here is Gaussian
// from a fixed seed: the test gives the same answer every time.
func TestErrorTimesRows(t *testing.T) {
	if noise.Off {
		t.Skip("without noise nothing has a scale")
	}
	schema := arrow.NewSchema([]arrow.Field{{Name: "x", Type: arrow.PrimitiveTypes.Int64}, {Name: "y", Type: arrow.PrimitiveTypes.Int64}}, nil)
	lo, hi := []float64{-10, 0}, []float64{30, 50}
	q := &Query{UnitIsRow: true, Bounds: ContributionBounds{MaxGroups: 1}, Aggregates: []Aggregate{
		Mean{As: "m", Column: "x", Lower: -10, Upper: 30}, Variance{As: "v", Column: "x", Lower: -10, Upper: 30},
		Covariance{As: "c", Columns: []string{"x", "y"}, Lower: lo, Upper: hi},
	}}
	p, err := NewPlan(q, schema, Pure(3))
	if err != nil {
		t.Fatal(err)
	}
	figures := p.Figures()
	random := rand.New(rand.NewPCG(1, 2))
	const n, times = 100_000, 1500
	nearest := [3]float64{}
	for _, share := range []int64{0, 2, 5, 7, 10} {
		for _, at := range [][4]int64{{-10, 30, 0, 50}, {-10, 10, 0, 25}, {0, 1, 50, 49}, {-10, 30, 50, 0}, {5, 5, 0, 50}} {
			k := share * n / 10 // rows at the second point
			for i, s := range p.statistics {
				s := s.(additive)
				perSum := 20.0
				if _, joint := s.(*covariance); joint {
					perSum *= float64(s.(*covariance).power(0, 1))
				} else {
					perSum *= float64(s.(*moments).power())
				}
				sums := plainSums(s, at, n-k, k)
				truth := columnsOfSums(s, sums)
				square := make([]float64, len(truth))
				for range times {
					noisy := make([]float64, len(sums))
					for j := range sums {
						noisy[j] = sums[j] + perSum*random.NormFloat64()
					}
					for c, v := range columnsOfSums(s, noisy) {
						square[c] += (v - truth[c]) * (v - truth[c]) / times
					}
				}
				for c := range square {
					// The mean of 1500 squares of Gaussians has a standard error of 3.7 %, so that of their root is 1.8 %.
					near := math.Sqrt(square[c]) * n / s.(ratio).errorTimesRows(perSum)
					if nearest[i] = max(nearest[i], near); near > 1.08 {
						t.Errorf("%s: error times rows is %.3f of the bound at %v, %d %%", figures[i].Kind, near, at, 10*share)
					}
				}
			}
		}
	}
	for i, least := range []float64{0.65, 0.45, 0.5} { // noise that leaves the range is cut off there, which halves what the corner would show
		if nearest[i] < least {
			t.Errorf("%s: nowhere is the error more than %.3f of the bound", figures[i].Kind, nearest[i])
		}
	}
}

// plainSums are the sums of n rows at the first point (x, y) and k at the second.
func plainSums(s additive, at [4]int64, n, k int64) []float64 {
	sums := make([]float64, s.width())
	for point, rows := range []int64{n, k} {
		x, y := at[point], at[point+2]
		r := float64(rows)
		switch s := s.(type) {
		case *moments:
			j, g := float64(x-s.lower), float64(s.span())
			parts := []float64{g - j, j}
			if s.degree == 2 {
				parts = []float64{(g - j) * (g - j), 2 * j * (g - j), j * j}
			}
			for i, v := range parts {
				sums[i] += r * v
			}
		case *covariance:
			var b [2][3]float64
			for i, v := range []int64{x, y} {
				j, g := float64(v-s.parts[i].lower), float64(s.parts[i].span())
				b[i] = [3]float64{(g - j) * (g - j), 2 * j * (g - j), j * j}
			}
			for i := range 9 {
				sums[i] += r * b[0][i/3] * b[1][i%3]
			}
		}
	}
	return sums
}

func columnsOfSums(s additive, sums []float64) []float64 {
	whole := make([][]int128, len(sums))
	for j, x := range sums {
		whole[j] = []int128{int128Of(int64(math.Round(x)))}
	}
	var out []float64
	for _, c := range s.columns(whole) {
		out = append(out, c.(*array.Float64).Value(0))
		c.Release()
	}
	return out
}

// TestStdErrorAt: each kind has a standard error, one that falls with the rows,
// or a reason why it has none.
func TestStdErrorAt(t *testing.T) {
	if noise.Off {
		t.Skip("without noise nothing has a scale")
	}
	schema := arrow.NewSchema([]arrow.Field{{Name: "x", Type: arrow.PrimitiveTypes.Int64}, {Name: "y", Type: arrow.BinaryTypes.String}}, nil)
	q := &Query{UnitIsRow: true, Bounds: ContributionBounds{MaxGroups: 1}, Aggregates: []Aggregate{
		Count{As: "n"}, Mean{As: "m", Column: "x", Upper: 10}, StdDev{As: "s", Column: "x", Upper: 10},
		Quantiles{As: "q", Column: "x", Upper: 10, Ranks: []float64{0.5}}, TopK{As: "t", Column: "y", Values: []string{"a"}, K: 1},
		Histogram{As: "h", Column: "x", Edges: []float64{0, 1, 2, 3, 4}}, Histogram{As: "c", Column: "x", Edges: []float64{0, 1, 2, 3, 4}, Cumulative: true},
	}}
	p, err := NewPlan(q, schema, Pure(7))
	if err != nil {
		t.Fatal(err)
	}
	f := p.Figures()
	for i, want := range []bool{true, true, false, false, false, true, true} {
		few, ok := f[i].StdErrorAt(100)
		many, _ := f[i].StdErrorAt(1000)
		if ok != want || ok == (f[i].NoError != "") || ok && (few <= 0 || f[i].ErrorTimesRows > 0 != (many < few)) {
			t.Errorf("%s: %v at 100 rows, %v at 1000, %v, %q", f[i].Kind, few, many, ok, f[i].NoError)
		}
	}
	// ε = 1 for each: the noise of a count, and of four counts added up.
	if h, c := f[5].StdError, f[6].StdError; math.Abs(c/h-2) > 1e-12 || h != f[0].StdError {
		t.Errorf("standard errors: count %v, bins %v, added up %v", f[0].StdError, h, c)
	}
}
