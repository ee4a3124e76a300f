package googlenoise

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/differential-privacy/go/v3/noise"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/internal/fault"
	exactnoise "github.com/oboro-data/oboro/internal/noise"
)

var _ dp.Backend = Backend{}

// D1 to D7: what makes the library hang, wrap around or lose precision is
// refused, or right, at once.
func TestGuards(t *testing.T) {
	b := New()
	for name, f := range map[string]func([]int64) error{
		"D1 2, 2^62":          func(xs []int64) error { return b.Gaussian(xs, 2, 1<<62, 1, 1e-9) },
		"D1 3, max/2":         func(xs []int64) error { return b.Gaussian(xs, 3, math.MaxInt64/2, 1, 1e-9) },
		"D1 4, 2^62":          func(xs []int64) error { return b.Gaussian(xs, 4, 1<<62, 1, 1e-9) },
		"D1 l1":               func(xs []int64) error { return b.Laplace(xs, math.MaxInt64, 1) },
		"l1 2^53":             func(xs []int64) error { return b.Laplace(xs, 1<<53, 1) },
		"l1 0":                func(xs []int64) error { return b.Laplace(xs, 0, 1) },
		"scale 2^40":          func(xs []int64) error { return b.Laplace(xs, 1<<41, 1) },
		"epsilon 0":           func(xs []int64) error { return b.Laplace(xs, 1, 0) },
		"epsilon NaN":         func(xs []int64) error { return b.Laplace(xs, 1, math.NaN()) },
		"epsilon Inf":         func(xs []int64) error { return b.Laplace(xs, 1, math.Inf(1)) },
		"delta 0":             func(xs []int64) error { return b.Gaussian(xs, 1, 1, 1, 0) },
		"delta 1":             func(xs []int64) error { return b.Gaussian(xs, 1, 1, 1, 1) },
		"delta NaN":           func(xs []int64) error { return b.Gaussian(xs, 1, 1, 1, math.NaN()) },
		"negative l0":         func(xs []int64) error { return b.Gaussian(xs, -1, 1, 1, 1e-9) },
		"epsilon below 2^-50": func(xs []int64) error { return b.Laplace(xs, 1, 1e-16) },
	} {
		start, xs := time.Now(), []int64{7}
		if err := f(xs); !errors.Is(err, fault.Plan) || xs[0] != 7 {
			t.Errorf("%s: %v, %v", name, err, xs)
		}
		// Generous against a loaded machine; the library would never return.
		if d := time.Since(start); d > time.Second {
			t.Errorf("%s took %v", name, d)
		}
	}
}

// D3: sums beyond int64 do not wrap around.
func TestExtremeValues(t *testing.T) {
	for range 200 {
		xs := []int64{math.MaxInt64 - 1, math.MinInt64 + 1}
		if err := New().Laplace(xs, 1000, 1); err != nil {
			t.Fatal(err)
		}
		if xs[0] < 1<<61 || xs[1] > -1<<61 {
			t.Fatalf("%v", xs)
		}
	}
}

// The backend, the exact samplers and the library agree in distribution: a
// chi-square test of two samples in cells of an eighth of the total, which
// fails by chance once in 10⁹.
func TestAgreesWithExact(t *testing.T) {
	if exactnoise.Off {
		t.Skip("noise is switched off in this build")
	}
	n := 40_000
	if testing.Short() {
		n = 8_000
	}
	exactLaplace, err := dp.NewDiscreteLaplace(300, 1)
	if err != nil {
		t.Fatal(err)
	}
	sigma := noise.SigmaForGaussian(3, 100, 1, 1e-9)
	exactGaussian, err := dp.NewDiscreteGaussian(math.Round(sigma * sigma))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		exact  *dp.Mechanism
		google func([]int64) error
	}{
		{"Laplace", exactLaplace, func(xs []int64) error { return New().Laplace(xs, 300, 1) }},
		{"Gaussian", exactGaussian, func(xs []int64) error { return New().Gaussian(xs, 3, 100, 1, 1e-9) }},
	} {
		ours, theirs := make([]int64, n), make([]int64, n)
		if err := errors.Join(c.exact.AddNoise(ours), c.google(theirs)); err != nil {
			t.Fatal(err)
		}
		s := c.exact.StdError()
		cell := func(z int64) int { return int(math.Max(0, math.Min(15, math.Floor(float64(z)/s*4)+8))) }
		var a, b [16]float64
		for i := range ours {
			a[cell(ours[i])]++
			b[cell(theirs[i])]++
		}
		statistic, cells := 0.0, 0
		for i := range a {
			if a[i]+b[i] > 50 {
				statistic += (a[i] - b[i]) * (a[i] - b[i]) / (a[i] + b[i])
				cells++
			}
		}
		if p := (distuv.ChiSquared{K: float64(cells - 1)}).Survival(statistic); p < 1e-9 {
			t.Errorf("%s: chi-square %.1f on %d cells, p = %g", c.name, statistic, cells, p)
		}
	}
}

// A release can be calibrated for the backend; D4: thresholds are ours, exact
// for a tiny δ, where the library's is infinite.
func TestCalibrate(t *testing.T) {
	c, err := dp.Calibrate(dp.Approx(1, 1e-18), 10, dp.NoiseGoogle, New(), []dp.Need{{L1: 1}}, &dp.Select{})
	if err != nil {
		t.Fatal(err)
	}
	if k := c.Mechanisms[0].Kind(); k != dp.GoogleGaussian && k != dp.GoogleLaplace {
		t.Errorf("kind %s", k)
	}
	// σ = 28.4; a quantile of 5e-20 is 9.1σ.
	if T := c.Selection.Threshold; T < 200 || T > 500 {
		t.Errorf("threshold %d", T)
	}
	xs := make([]int64, 10)
	if err := c.Mechanisms[0].AddNoise(xs); err != nil {
		t.Error(err)
	}
}

func BenchmarkLaplace(b *testing.B) {
	xs := make([]int64, 1)
	b.ReportAllocs()
	for b.Loop() {
		if err := New().Laplace(xs, 3, 1); err != nil {
			b.Fatal(err)
		}
	}
}
