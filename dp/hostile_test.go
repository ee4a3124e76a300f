package dp

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
)

// The inputs that stop or mislead the Google library (D1 to D7) get their answer
// or refusal in about the time that any plan takes: the median of many, against
// the median of an ordinary plan measured in turn with it.
func TestHostileInputsAreQuick(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "x", Type: arrow.PrimitiveTypes.Float64}}, nil)
	plan := func(a Aggregate, groups int64, budget Budget) func() error {
		return func() error {
			_, err := NewPlan(&Query{UnitIsRow: true, Bounds: ContributionBounds{MaxGroups: groups}, Aggregates: []Aggregate{a}}, schema, budget)
			return err
		}
	}
	calibrate := func(b Budget, groups, l1 int64, noise string, sel *Select) func() error {
		return func() error {
			_, err := Calibrate(b, groups, noise, nil, []Need{{L1: l1}}, sel)
			return err
		}
	}
	ordinary := calibrate(Approx(1, 1e-6), 3, 1, NoiseExact, &Select{})
	for _, c := range []struct {
		name    string
		refused bool
		f       func() error
	}{
		{"D1 2·2^62", true, calibrate(Approx(1e-9, 1e-6), 2, 1<<62, NoiseLaplace, nil)},
		{"D1 max·max", true, calibrate(Pure(1e-9), math.MaxInt64, math.MaxInt64, NoiseExact, nil)},
		{"D1 Gaussian", true, calibrate(Approx(1e-9, 1e-9), math.MaxInt64, math.MaxInt64, NoiseGaussian, nil)},
		{"D3 sum", false, plan(Sum{As: "s", Column: "x", Lower: -math.MaxInt64, Upper: math.MaxInt64}, 1, Pure(1))},
		{"D4 δ 1e-16", false, calibrate(Approx(1, 1e-16), 10, 1, NoiseGaussian, &Select{})},
		{"D4 δ 1e-300", false, calibrate(Approx(1, 1e-299), 1, 1, NoiseExact, &Select{})},
		{"D4 many groups", false, calibrate(Approx(1, 1e-6), 1<<30, 1, NoiseGaussian, &Select{})},
		{"D5 σ", false, func() error { _, err := GaussianSigmaFor(1, 1e-5, 1, 1); return err }},
		{"D6 quantiles", true, plan(Quantiles{As: "q", Column: "x", Lower: -1.7e308, Upper: 1.7e308, Ranks: []float64{0.5}}, 1, Pure(1))},
		{"D7 mean", true, plan(Mean{As: "m", Column: "x", Lower: -1.7e308, Upper: 1.7e308}, 1, Pure(1))},
		{"D7 variance", true, plan(Variance{As: "v", Column: "x", Lower: -1e308, Upper: 1e308}, 1, Pure(1))},
	} {
		if err := c.f(); (err != nil) != c.refused {
			t.Errorf("%s: %v", c.name, err)
		}
		var hostile, usual []time.Duration
		for range 41 {
			start := time.Now()
			c.f()
			middle := time.Now()
			ordinary()
			hostile, usual = append(hostile, middle.Sub(start)), append(usual, time.Since(middle))
		}
		slices.Sort(hostile)
		slices.Sort(usual)
		t.Logf("%-16s %9v; an ordinary calibration %v", c.name, hostile[20], usual[20])
		if hostile[20] > 20*usual[20] {
			t.Errorf("%s takes %v, an ordinary calibration %v", c.name, hostile[20], usual[20])
		}
	}
}
