package dp

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/internal/noise"
)

// TestVectorSum: totals of (3, 4) and of (30, 40) with norm 10 become (3, 4)
// and (6, 8); shortening never leaves the ball.
func TestVectorSum(t *testing.T) {
	rec := visits(t, [4]string{"1", "", "3", "4"}, [4]string{"2", "", "30", "15"}, [4]string{"2", "", "", "25"}, [4]string{"3", "", "NaN", ""})
	q := &Query{Unit: "user", Bounds: ContributionBounds{MaxGroups: 1}, Aggregates: []Aggregate{
		VectorSum{As: "v", Columns: []string{"fee", "age"}, Norm: 10, Resolution: 0.001},
	}}
	rel := mustRun(t, q, Approx(1, 1e-6), rec)
	if noise.Off {
		fee, age := rel.Record().Column(0).(*array.Float64).Value(0), rel.Record().Column(1).(*array.Float64).Value(0)
		if math.Abs(fee-9) > 0.0021 || math.Abs(age-12) > 0.0021 {
			t.Errorf("got (%v, %v), want (9, 12) up to some steps", fee, age)
		}
	}
	s := rel.Plan().statistics[0].(*vectorSum)
	r := rand.New(rand.NewPCG(1, 1))
	for range 20_000 {
		s.norm = 1 + r.Int64N(1<<uint(r.IntN(40)))
		totals, v := make([]int128, 2), make([]int64, 2)
		for j := range totals {
			totals[j] = mul(r.Int64N(2*s.norm+1)-s.norm, 1+r.Int64N(3))
		}
		s.shorten(totals, v)
		if mul(s.norm, s.norm).less(mul(v[0], v[0]).add(mul(v[1], v[1]))) {
			t.Fatalf("%v was shortened to %v, longer than %d", totals, v, s.norm)
		}
	}
}

// TestCovariance compares the matrix without noise with the definition.
func TestCovariance(t *testing.T) {
	if !noise.Off {
		t.Skip("noise is on in this build: run with -tags oboro_nonoise")
	}
	r := rand.New(rand.NewPCG(2, 2))
	var rows [][4]string
	var xs, ys []float64
	for i := range 500 {
		x := float64(r.IntN(101))
		y := math.Round(x/2 + float64(r.IntN(20)))
		xs, ys = append(xs, x), append(ys, y)
		rows = append(rows, [4]string{fmt.Sprint(i), "", fmt.Sprint(x), fmt.Sprint(y)})
	}
	rec := visits(t, rows...)
	lo, hi := []float64{0, 0}, []float64{100, 100}
	q := &Query{UnitIsRow: true, Bounds: ContributionBounds{MaxGroups: 1}, Aggregates: []Aggregate{
		Covariance{As: "c", Columns: []string{"fee", "age"}, Lower: lo, Upper: hi},
		Correlation{As: "r", Columns: []string{"age", "fee"}, Lower: lo, Upper: hi},
	}}
	rel := mustRun(t, q, Pure(1), rec)
	mean := func(f func(i int) float64) float64 {
		s := 0.0
		for i := range xs {
			s += f(i)
		}
		return s / float64(len(xs))
	}
	mx, my := mean(func(i int) float64 { return xs[i] }), mean(func(i int) float64 { return ys[i] })
	vx := mean(func(i int) float64 { return (xs[i] - mx) * (xs[i] - mx) })
	vy := mean(func(i int) float64 { return (ys[i] - my) * (ys[i] - my) })
	c := mean(func(i int) float64 { return (xs[i] - mx) * (ys[i] - my) })
	want := []float64{vx, c, vy, c / math.Sqrt(vx*vy)}
	// A value of the float column is off by at most half a step of 1/16, those
	// of the integer column by nothing: each moment by at most 2·100/32.
	for i, w := range want {
		got := rel.Record().Column(i).(*array.Float64).Value(0)
		if tolerance := map[bool]float64{true: 6.25, false: 0.01}[i < 3]; math.Abs(got-w) > tolerance {
			t.Errorf("%s: got %v, want %v", rel.Schema().Field(i).Name, got, w)
		}
	}
	if got := rel.Schema().Field(3).Name; got != "r_age_fee" {
		t.Errorf("column %q", got)
	}
}

// TestConfidence: intervals contain the noised value, and the true one as often
// as they say. Of n = 4,000 groups, the share of misses exceeds 0.1 + t with
// probability at most e^(-2nt²) (Hoeffding): 1e-9 for t = 0.051.
func TestConfidence(t *testing.T) {
	const n = 4000
	q := &Query{Unit: "user", GroupBy: []string{"age"}, Confidence: 0.9, Bounds: ContributionBounds{MaxGroups: 1}, Aggregates: []Aggregate{
		CountUnits{As: "n"}, Mean{As: "m", Column: "fee", Upper: 1}, Histogram{As: "h", Column: "fee", Edges: []float64{0, 1, 2}},
	}}
	for i := range n {
		q.PublicGroups = append(q.PublicGroups, []GroupKey{{Text: fmt.Sprint(i)}})
	}
	rel := mustRun(t, q, Pure(1), visits(t, [4]string{"", "", "", ""}))
	want := "age n n_low n_high m h_0_1 h_1_2 h_0_1_low h_1_2_low h_0_1_high h_1_2_high"
	got := ""
	for i, f := range rel.Schema().Fields() {
		if i > 0 {
			got += " "
		}
		got += f.Name
	}
	if got != want {
		t.Fatalf("columns %s", got)
	}
	value := func(c int) []int64 { return rel.Record().Column(c).(*array.Int64).Int64Values() }
	for _, c := range [][3]int{{1, 2, 3}, {5, 7, 9}, {6, 8, 10}} {
		misses := 0
		x, low, high := value(c[0]), value(c[1]), value(c[2])
		for i := range x {
			if low[i] > x[i] || x[i] > high[i] {
				t.Fatalf("%d is not in [%d, %d]", x[i], low[i], high[i])
			}
			if low[i] > 0 || high[i] < 0 {
				misses++
			}
		}
		if float64(misses)/n > 0.1+0.051 {
			t.Errorf("column %d: %d of %d intervals miss", c[0], misses, n)
		}
	}
	q.Confidence = 1
	_, err := NewPlan(q, visits(t).Schema(), Pure(1))
	wantError(t, err, "confidence must be")
}

// TestTopK: the order of frequency without noise; with much budget the same.
func TestTopK(t *testing.T) {
	var rows [][4]string
	for i, n := range []int{5, 400, 900, 30} {
		for j := range n {
			rows = append(rows, [4]string{fmt.Sprint(1000*i + j), "abcd"[i : i+1], "", ""})
		}
	}
	q := &Query{Unit: "user", Bounds: ContributionBounds{MaxGroups: 1}, Aggregates: []Aggregate{
		TopK{As: "top", Column: "city", Values: []string{"a", "b", "c", "absent"}, K: 3},
	}}
	if got := texts(mustRun(t, q, Pure(20), visits(t, rows...))); got[0] != "c b a" {
		t.Errorf("got %q", got)
	}
}

func TestVectorRefusals(t *testing.T) {
	schema := smallSchema(false)
	for name, c := range map[string]struct {
		a    Aggregate
		says string
	}{
		"no columns":       {VectorSum{As: "v", Norm: 1}, "between 1 and"},
		"no norm":          {VectorSum{As: "v", Columns: []string{"x"}}, "state a norm"},
		"norm too fine":    {VectorSum{As: "v", Columns: []string{"x"}, Norm: 1, Resolution: 1e-15}, "change one of them"},
		"column twice":     {VectorSum{As: "v", Columns: []string{"x", "x"}, Norm: 1}, "named twice"},
		"unit":             {VectorSum{As: "v", Columns: []string{"unit"}, Norm: 1}, "privacy unit"},
		"one column":       {Covariance{As: "v", Columns: []string{"x"}, Lower: []float64{0}, Upper: []float64{1}}, "between 2 and"},
		"a range missing":  {Covariance{As: "v", Columns: []string{"x", "y"}, Lower: []float64{0}, Upper: []float64{1}}, "a range for each"},
		"covariance twice": {Correlation{As: "v", Columns: []string{"x", "x"}, Lower: []float64{0, 0}, Upper: []float64{1, 1}}, "named twice"},
		"k":                {TopK{As: "t", Column: "page", Values: []string{"a"}, K: 2}, "between k and"},
		"candidate twice":  {TopK{As: "t", Column: "page", Values: []string{"a", "a"}, K: 1}, "listed twice"},
		"candidate type":   {TopK{As: "t", Column: "y", Values: []string{"a"}, K: 1}, "canonical text"},
		"top of the unit":  {TopK{As: "t", Column: "unit", Values: []string{"1"}, K: 1}, "privacy unit"},
		"text":             {Correlation{As: "v", Columns: []string{"x", "page"}, Lower: []float64{0, 0}, Upper: []float64{1, 1}}, "no numbers"},
	} {
		_, err := NewPlan(&Query{Unit: "unit", Bounds: ContributionBounds{MaxGroups: 1}, Aggregates: []Aggregate{c.a}}, schema, Pure(1))
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
		wantError(t, err, c.says)
	}
}
