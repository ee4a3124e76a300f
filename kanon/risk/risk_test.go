package risk_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/oboro-data/oboro/kanon"
	"github.com/oboro-data/oboro/kanon/kanontest"
	"github.com/oboro-data/oboro/kanon/risk"
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestReidentification(t *testing.T) {
	got := risk.Prosecutor([]int64{1, 2, 5}, 0.2)
	near(t, "prosecutor highest", got.Highest, 1, 0)
	near(t, "prosecutor average", got.Average, 3./8, 1e-15)
	near(t, "prosecutor at risk above 0.2", got.AtRisk, 3./8, 1e-15)
	near(t, "marketer", risk.Marketer([]int64{4, 4}), 0.25, 0)
	near(t, "no people", risk.Marketer(nil), 0, 0)
	j, err := risk.Journalist([]int64{1, 2}, []int64{10, 4}, 0.2)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "journalist highest", j.Highest, 0.25, 0)
	near(t, "journalist average", j.Average, (0.1+2*0.25)/3, 1e-15)
	near(t, "journalist at risk", j.AtRisk, 2./3, 1e-15)
	if _, err := risk.Journalist([]int64{2}, []int64{1}, 0); err == nil {
		t.Error("a class larger than its population was accepted")
	}
}

// TestIndividual reproduces the figures that sdcMicro's tests expect for eight
// records in five classes (test_indivRisk.R), for the exact method and the
// approximation. With missing values, records count in every class that they
// may belong to: the last four lines.
func TestIndividual(t *testing.T) {
	for _, c := range []struct {
		f             int64
		weight        float64
		exact, approx float64
	}{
		{3, 18 + 39 + 51, 0.01355297, 0.01369863},
		{1, 45.5, 0.08579129, 0.08579129},
		{1, 17, 0.17707583, 0.17707583},
		{2, 92 + 8, 0.01877883, 0.01877883},
		{1, 123.5, 0.03931625, 0.03931625},
		{3, 3, 1. / 3, 1. / 3},
		{2, 2, 0.5, 0.5},
		{1, 1, 1, 1},
		{4, 18 + 39 + 17 + 51, 0.010504889, 0.010554090},
		{2, 39 + 17, 0.032466112, 0.032466112},
		{3, 92 + 8 + 51, 0.009756889, 0.009836066},
		{5, 18 + 39 + 92 + 8 + 51, 0.005962551, 0.005973716},
	} {
		exact, err := risk.Individual(c.f, c.weight)
		if err != nil {
			t.Fatal(err)
		}
		approx, err := risk.IndividualApproximate(c.f, c.weight)
		if err != nil {
			t.Fatal(err)
		}
		near(t, fmt.Sprintf("exact, f = %d, F = %v", c.f, c.weight), exact, c.exact, 1e-8)
		near(t, fmt.Sprintf("approximate, f = %d, F = %v", c.f, c.weight), approx, c.approx, 1e-8)
	}
	for _, bad := range []struct {
		f int64
		w float64
	}{{0, 1}, {2, 1}, {1, math.NaN()}, {1, math.Inf(1)}} {
		if _, err := risk.Individual(bad.f, bad.w); err == nil {
			t.Errorf("f = %d, weight %v was accepted", bad.f, bad.w)
		}
	}
}

// TestIndividualAgainstSum compares with the sum of 1/F over the negative
// binomial distribution, term by term.
func TestIndividualAgainstSum(t *testing.T) {
	for _, f := range []int64{1, 2, 3, 5, 17, 60, 300} {
		for _, p := range []float64{0.02, 0.3, 0.499, 0.5, 0.501, 0.7, 0.95} {
			weight := float64(f) / p
			got, err := risk.Individual(f, weight)
			if err != nil {
				t.Fatal(err)
			}
			p = float64(f) / weight
			want := 0.0
			l, _ := math.Lgamma(float64(f))
			for big := f; float64(big) < 40*weight+500; big++ {
				a, _ := math.Lgamma(float64(big))
				b, _ := math.Lgamma(float64(big-f) + 1)
				want += math.Exp(a-b-l+float64(f)*math.Log(p)+float64(big-f)*math.Log1p(-p)) / float64(big)
			}
			near(t, fmt.Sprintf("f = %d, p = %v", f, p), got/want, 1, 1e-9)
		}
	}
}

// TestPopulationUniqueness samples a population of the shifted negative
// binomial model. Its own estimator comes within a half of the truth, for that
// of the number of classes is biased; the others must only stay in range.
func TestPopulationUniqueness(t *testing.T) {
	for _, c := range []struct {
		name      string
		fraction  float64
		estimator func([]int64, int64) (risk.Estimate, error)
	}{
		{"zayatz", 0.3, risk.Zayatz},
		{"pitman", 0.05, risk.Pitman},
		{"snb", 0.3, risk.SNB},
		{"dankar", 0.05, risk.Dankar},
		{"dankar", 0.3, risk.Dankar},
	} {
		r := rand.New(rand.NewPCG(8, 9))
		var sizes []int64
		var people, uniques int64
		for range 30000 { // shifted negative binomial: geometric sums
			n := int64(1)
			for range 2 {
				for r.Float64() > 0.45 {
					n++
				}
			}
			people += n
			if n == 1 {
				uniques++
			}
			k := int64(0)
			for range n {
				if r.Float64() < c.fraction {
					k++
				}
			}
			if k > 0 {
				sizes = append(sizes, k)
			}
		}
		e, err := c.estimator(sizes, people)
		if err != nil || !e.Valid {
			t.Errorf("%s: %+v, %v", c.name, e, err)
			continue
		}
		t.Logf("%s: fraction %v: estimate %.0f (%s), truth %d of %d", c.name, c.fraction, e.Uniques, e.Model, uniques, people)
		if c.name == "snb" {
			near(t, c.name, e.Uniques/float64(uniques), 1, 0.5)
		}
		if e.Uniques < 0 || e.Uniques > float64(people) {
			t.Errorf("%s: estimate %v of %d people", c.name, e.Uniques, people)
		}
	}
	for _, f := range []func([]int64, int64) (risk.Estimate, error){risk.Zayatz, risk.Pitman, risk.SNB, risk.Dankar} {
		if e, err := f([]int64{2, 3}, 100); err != nil || e.Uniques != 0 || !e.Valid {
			t.Errorf("without unique people: %+v, %v", e, err)
		}
		if _, err := f([]int64{2, 3}, 4); err == nil {
			t.Error("a population smaller than the sample was accepted")
		}
		// A census: the unique people of the table are those of the population.
		if e, err := f([]int64{1, 1, 2, 3, 9}, 16); err != nil || e.Valid && e.Model == "zayatz" && math.Abs(e.Uniques-2) > 1e-9 {
			t.Errorf("census: %+v, %v", e, err)
		}
	}
}

// TestPitmanOnItsOwnSample draws a sample and a population from Pitman's
// process and expects the estimate near the truth.
func TestPitmanOnItsOwnSample(t *testing.T) {
	const theta, alpha, people, sample = 200.0, 0.4, 40000, 4000
	r := rand.New(rand.NewPCG(3, 1))
	var classOf []int
	var sizes []float64
	for n := range people { // Chinese restaurant: new class with (θ+uα)/(θ+n)
		u := float64(len(sizes))
		if x := r.Float64() * (theta + float64(n)); x < theta+u*alpha {
			classOf = append(classOf, len(sizes))
			sizes = append(sizes, 1)
		} else {
			// An earlier person's class, kept with probability (size-α)/size.
			for {
				c := classOf[r.IntN(n)]
				if r.Float64()*sizes[c] < sizes[c]-alpha {
					classOf = append(classOf, c)
					sizes[c]++
					break
				}
			}
		}
	}
	truth := 0
	for _, s := range sizes {
		if s == 1 {
			truth++
		}
	}
	counts := make([]int64, len(sizes))
	for _, i := range r.Perm(people)[:sample] {
		counts[classOf[i]]++
	}
	counts = slices.DeleteFunc(counts, func(n int64) bool { return n == 0 })
	e, err := risk.Pitman(counts, people)
	if err != nil || !e.Valid {
		t.Fatalf("%+v, %v", e, err)
	}
	near(t, "estimate over truth", e.Uniques/float64(truth), 1, 0.15)
}

// set makes a set from rows of codes; columns have as many values as needed.
func set(t testing.TB, rows ...[]int32) *kanon.FrequencySet {
	t.Helper()
	var columns []kanon.Column
	for c := range rows[0] {
		n := int32(1)
		for _, r := range rows {
			n = max(n, r[c]+1)
		}
		columns = append(columns, kanon.Column{Name: string(rune('a' + c)), Table: kanontest.Table(int(n), nil)})
	}
	var table []kanon.Row
	for _, r := range rows {
		table = append(table, kanon.Row{Key: r})
	}
	f, err := kanon.NewFrequencySet(columns, nil, table)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestSpecialUniques is worked by hand: the row (2,0,0) is unique by a alone,
// (1,3,6) by b and by c alone, (1,0,0) by a with b and by a with c. With three
// columns a single one weighs 2! = 2 and a pair 1.
func TestSpecialUniques(t *testing.T) {
	f := set(t, []int32{2, 0, 0}, []int32{1, 3, 6}, []int32{1, 0, 0})
	got, err := risk.SpecialUniques(context.Background(), f, 3)
	if err != nil {
		t.Fatal(err)
	}
	// Classes in key order: (1,0,0), (1,3,6), (2,0,0).
	if !slices.Equal(got.Scores, []float64{2, 4, 2}) || !slices.Equal(got.Minimal, []int64{3, 2, 0}) {
		t.Errorf("got %+v", got)
	}
	if !slices.Equal(got.Contributions, []float64{0.5, 0.375, 0.375}) {
		t.Errorf("contributions %v", got.Contributions)
	}
}

// TestCombinationsAgainstPlain counts every set of columns with maps of texts.
func TestCombinationsAgainstPlain(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for range 60 {
		var rows [][]int32
		d := 1 + r.IntN(4)
		for range 1 + r.IntN(40) {
			row := make([]int32, d)
			for c := range row {
				row[c] = int32(r.IntN(1 + c*2))
			}
			rows = append(rows, row)
		}
		f := set(t, rows...)
		all, err := risk.Combinations(context.Background(), f, d)
		if err != nil || len(all) != 1<<d-1 {
			t.Fatalf("%d combinations of %d columns, %v", len(all), d, err)
		}
		distinction := map[string]float64{}
		for _, c := range all {
			classes := map[string]int{}
			for _, row := range rows {
				key := ""
				for _, name := range c.Columns {
					key += fmt.Sprint(row[name[0]-'a'], ",")
				}
				classes[key]++
			}
			same := 0
			for _, n := range classes {
				same += n * (n - 1)
			}
			n := len(rows)
			near(t, "distinction", c.Distinction, float64(len(classes))/float64(n), 1e-15)
			if n > 1 {
				near(t, "separation", c.Separation, 1-float64(same)/float64(n*(n-1)), 1e-12)
			}
			distinction[fmt.Sprint(c.Columns)] = c.Distinction
		}
		for _, threshold := range []float64{0.1, 0.5, 0.9} {
			found, err := risk.Identifying(context.Background(), f, d, threshold)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range all {
				minimal := c.Distinction >= threshold
				for drop := range c.Columns {
					less := slices.Delete(slices.Clone(c.Columns), drop, drop+1)
					minimal = minimal && (len(less) == 0 || distinction[fmt.Sprint(less)] < threshold)
				}
				if has := slices.ContainsFunc(found, func(f risk.Combination) bool { return slices.Equal(f.Columns, c.Columns) }); has != minimal {
					t.Fatalf("threshold %v, columns %v of distinction %v: found %v, minimal %v", threshold, c.Columns, c.Distinction, has, minimal)
				}
			}
		}
	}
}

// TestUtilityBounds: nothing changed is 1, everything suppressed 0, and in
// between no measure leaves 0 to 1.
func TestUtilityBounds(t *testing.T) {
	f := set(t, []int32{0, 1}, []int32{1, 0}, []int32{2, 2}, []int32{2, 1})
	for _, c := range []struct {
		parts []risk.Part
		want  float64
	}{{[]risk.Part{risk.Kept(f, nil)}, 1}, {nil, 0}, {[]risk.Part{risk.Kept(f.Generalize(kanon.Node{1, 1}), nil)}, 0}} {
		u, err := risk.Measure(f, c.parts)
		if err != nil {
			t.Fatal(err)
		}
		for name, got := range map[string]float64{
			"granularity": u.Granularity, "generalisation intensity": u.GeneralizationIntensity,
			"non-uniform entropy": u.NonUniformEntropy, "discernibility": u.Discernibility, "average class size": u.AverageClassSize,
		} {
			near(t, name, got, c.want, 1e-12)
		}
	}
	u, err := risk.Measure(f, []risk.Part{risk.Kept(f, nil)})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range u.Columns {
		near(t, c.Column, c.TotalVariation+c.Hellinger+c.EarthMover, 0, 1e-7)
	}
	q, err := risk.RangeCounts(f, []risk.Part{risk.Kept(f, nil)}, 50, rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "query error of the input itself", q.Mean+q.P90, 0, 1e-12)
}

// TestUtilityByHand: two rows of a column with the values 0 to 3 are
// generalised to {0,1}, one is kept raw in a part of its own, one suppressed.
func TestUtilityByHand(t *testing.T) {
	column := kanon.Column{Name: "a", Table: kanontest.Table(4, []int32{0, 0, 1, 1})}
	f, err := kanon.NewFrequencySet([]kanon.Column{column}, nil, []kanon.Row{{Key: []int32{0}}, {Key: []int32{1}}, {Key: []int32{2}}, {Key: []int32{3}}})
	if err != nil {
		t.Fatal(err)
	}
	up := f.Generalize(kanon.Node{1})
	parts := []risk.Part{{Set: up, Classes: []int32{0}}, {Set: f, Classes: []int32{2}}}
	u, err := risk.Measure(f, parts)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "suppressed", u.Suppressed, 0.25, 0)
	// Shares: 2·½, ¼, 1 of 4 rows: 9/16; (9/16 - 1/4)/(3/4) = 5/12.
	near(t, "granularity", u.Granularity, 1-5./12, 1e-15)
	// Levels 1/2, 1/2, 0, 1: mean ½.
	near(t, "generalisation intensity", u.GeneralizationIntensity, 0.5, 1e-15)
	// Bits 1, 1, 0, 2 of 2 each.
	near(t, "non-uniform entropy", u.NonUniformEntropy, 0.5, 1e-15)
	// 4 + 1 + 4·1 = 9, of 4 to 16.
	near(t, "discernibility", u.Discernibility, 1-5./12, 1e-15)
	// Three classes: 4/3, of 1 to 4.
	near(t, "average class size", u.AverageClassSize, 1-(1./3)/3, 1e-15)
	// Expected: 1+¼, 1+¼, 1+¼, ¼ of 4.
	near(t, "total variation", u.Columns[0].TotalVariation, 0.75/4, 1e-15)
	// True counts of single values are 1.
	if _, err := risk.Measure(f, append(parts, risk.Kept(f, nil))); err == nil {
		t.Error("more rows than the input were accepted")
	}
}

func ExampleProsecutor() {
	r := risk.Prosecutor([]int64{1, 2, 5}, 0.2)
	fmt.Printf("highest %.2f, average %.3f, at risk %.3f\n", r.Highest, r.Average, r.AtRisk)
	// Output: highest 1.00, average 0.375, at risk 0.375
}
