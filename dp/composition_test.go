package dp

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/internal/exact"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/internal/pld"
)

// The composition is never below the exact value and within 1e-3 of it, and
// never above basic composition.
func TestComposition(t *testing.T) {
	l, _ := NewDiscreteLaplace(10, 1) // ε = 0.1 each
	var c Composition
	c.Add(l, 1, 10)
	e, err := c.Epsilon(0)
	if err != nil || !(math.IsInf(e, 1) || e >= 1-1e-9) {
		t.Errorf("ten draws at δ = 0: ε = %g, %v", e, err)
	}
	if e, err = c.Epsilon(1e-9); err != nil || e > 1+1e-3 || e < 0.9 {
		t.Errorf("ten draws: ε = %g, %v", e, err)
	}
	var many Composition
	many.Add(l, 1, 100)
	if e, err = many.Epsilon(1e-6); err != nil || e > 4.9 || e < 4.5 { // basic: 10
		t.Errorf("a hundred draws: ε = %g, %v", e, err)
	}
	// Gaussian noise: the exact value for continuous noise of the same σ is 4.886554117462213 at
	// μ = 1, δ = 1e-6; σ = 1000 here.
	g, _ := NewDiscreteGaussian(1e6)
	var one Composition
	one.Add(g, 250, 16)
	if e, err = one.Epsilon(1e-6); err != nil || e < 4.886554117462213 || e > 4.8867 {
		t.Errorf("Gaussian: ε = %.9f, %v", e, err)
	}
	one.AddChoices(0.5, 0, 2)
	mixed, err := one.Epsilon(1e-6)
	if err != nil || mixed < e || mixed > e+1+1e-3 {
		t.Errorf("with choices: ε = %g, %v", mixed, err)
	}
	for _, f := range []func(*Composition){
		func(c *Composition) { c.Add(l, 0, 1) },
		func(c *Composition) { c.AddChoices(0, 0, 1) },
		func(c *Composition) { m, _ := newTruncated(exact.Int(3), 10); c.Add(m, 1, 1) },
	} {
		var bad Composition
		f(&bad)
		if _, err := bad.Epsilon(1e-6); !errors.Is(err, fault.Plan) {
			t.Errorf("%v", err)
		}
	}
}

func ExampleComposition() {
	noise, _ := NewDiscreteLaplace(10, 1) // ε = 0.1 for a number that one unit changes by 1
	var c Composition
	c.Add(noise, 1, 100)
	e, _ := c.Epsilon(1e-6)
	fmt.Printf("a hundred numbers cost ε = %.1f at δ = 1e-6, not 10\n", e)
	// Output: a hundred numbers cost ε = 4.8 at δ = 1e-6, not 10
}

// within checks that the composition lies between a bound from below, made of
// losses rounded down on a fine grid, and 1.001 times that.
func within(t *testing.T, what string, c *Composition, delta float64, down *pld.Loss) {
	t.Helper()
	e, err := c.Epsilon(delta)
	if err != nil {
		t.Fatal(err)
	}
	if low := down.EpsilonDown(delta); e < low || e > low*1.001+4e-4 {
		t.Errorf("%s at δ = %g: ε = %.6f, the truth is at least %.6f", what, delta, e, low)
	}
}

// Compositions of different noise, wide changes and small ones, against losses
// that are rounded down.
func TestCompositionOfMixtures(t *testing.T) {
	for _, x := range []struct {
		scale, change int64
		runs          int
		gauss, delta  float64
	}{{30, 3, 20, 0, 1e-6}, {1000, 100, 20, 0.3, 1e-6}, {1e7, 1e6, 16, 0, 1e-9}, {1 << 44, 1 << 40, 8, 0.2, 1e-6}, {7, 7, 3, 1, 1e-5}} {
		m, err := NewDiscreteLaplace(x.scale, 1)
		if err != nil {
			t.Fatal(err)
		}
		var c Composition
		c.Add(m, x.change, x.runs)
		const step = 2e-5
		narrow := min(x.change, 4096) // as fine as continuous noise
		a := float64(x.change) / float64(x.scale) / float64(narrow)
		down := pld.Discretize(pld.Shift(pld.DiscreteLaplaceNoise{A: a}, float64(narrow), true), step, pld.RoundDown).Power(x.runs, 1e-18)
		if x.gauss > 0 {
			g, err := NewDiscreteGaussian(1e12)
			if err != nil {
				t.Fatal(err)
			}
			c.Add(g, int64(x.gauss*1e6), 1)
			down = down.Compose(pld.Discretize(pld.Shift(pld.GaussianNoise{Sigma: 1 / x.gauss}, 1, true), step, pld.RoundDown))
		}
		within(t, fmt.Sprint(x), &c, x.delta, down)
	}
}

// A plan costs no more than its price, and what is known of its noise.
func TestCompositionOfPlans(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "unit", Type: arrow.PrimitiveTypes.Int64}, {Name: "g", Type: arrow.PrimitiveTypes.Int64}, {Name: "x", Type: arrow.PrimitiveTypes.Int64},
	}, nil)
	plan := func(b Budget, noise string, bounds ContributionBounds, aggregates ...Aggregate) *Plan {
		t.Helper()
		p, err := NewPlan(&Query{Unit: "unit", GroupBy: []string{"g"}, Bounds: bounds, Noise: noise, Aggregates: aggregates}, schema, b)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	b := ContributionBounds{MaxGroups: 20, RowsPerGroup: 3}
	count, sum := CountUnits{As: "n"}, Sum{As: "s", Column: "x", Upper: 5000}
	quantiles := Quantiles{As: "q", Column: "x", Upper: 1 << 20, Ranks: []float64{0.1, 0.5, 0.9}}
	for _, x := range []struct {
		p         *Plan
		low, high float64 // of 1, what the composition at δ = 2e-6 is of the price
	}{
		{plan(Approx(1, 1e-6), NoiseLaplace, b, count), 0.85, 1}, // 20 runs of 0.05
		{plan(Approx(1, 1e-6), NoiseExact, ContributionBounds{MaxGroups: 1, RowsPerGroup: 1}, count), 0.99, 1.001},
		{plan(Approx(2, 1e-6), NoiseLaplace, b, count, sum), 0.6, 0.99},
		{plan(Approx(1, 1e-6), NoiseGaussian, b, count, sum), 0.9, 1.001},
		{plan(Approx(2, 1e-6), NoiseLaplace, b, count, quantiles), 0.3, 0.9},
		{plan(Approx(1, 1e-6), NoiseLaplace, ContributionBounds{MaxGroups: 20, RowsPerGroup: 4, RowsPerUnit: 10}, count, Histogram{As: "h", Column: "x", Edges: []float64{0, 1, 2}}), 0.6, 2},
	} {
		var one, two Composition
		one.AddPlan(x.p)
		e, err := one.Epsilon(2e-6)
		price := x.p.budget.loss.Float()
		if err != nil || e < x.low*price || e > x.high*price {
			t.Errorf("%v: ε = %g of %g, %v", x.p, e, price, err)
		}
		two.AddPlan(x.p)
		two.AddPlan(x.p)
		if both, err := two.Epsilon(4e-6); err != nil || both > 2*e+1e-9 || both < e {
			t.Errorf("%v: twice ε = %g, once %g, %v", x.p, both, e, err)
		}
		if none, err := two.Epsilon(1e-7); err != nil || !math.IsInf(none, 1) && x.p.calibration.Selection.Mechanism.kind != TruncatedGeometric && none < e {
			t.Errorf("%v: below the δ of selection ε = %g, %v", x.p, none, err)
		}
	}
	// In ρ, against the conversion of the sum.
	z := plan(ZCDP(0.05, 1e-9), NoiseExact, b, count, sum)
	var c Composition
	c.AddPlan(z)
	e, err := c.Epsilon(1e-6 + 1e-9)
	converted, err2 := FromZCDP(ZCDP(0.05, 1e-9), 1e-6)
	if err = errors.Join(err, err2); err != nil || e > converted.loss.Float() || e < 0.8*converted.loss.Float() {
		t.Errorf("ρ = 0.05 costs ε = %g, converted %v, %v", e, converted, err)
	}
}
