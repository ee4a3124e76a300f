package dp

import (
	"fmt"
	"math"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/internal/exact"
	"github.com/oboro-data/oboro/internal/golden"
	"github.com/oboro-data/oboro/internal/noise"
	"github.com/oboro-data/oboro/internal/pld"
)

// The reference values are those of continuous noise. Our noise is on whole
// numbers; on a grid of 2⁻²⁰ of its scale it is continuous to six digits. So a
// case is put on such a grid, goes through the code that plans releases, and is
// put back.

// fine is noise on a grid of the given steps to one unit.
type fine struct {
	*Mechanism
	grid float64
}

// finest is the finest grid: on it, noise of a scale below 2⁻⁶⁰ is as good as none.
const finest = 1 << 60

func fineLaplace(scale float64) (fine, error) {
	g := math.Min(finest, math.Exp2(math.Ceil(20-math.Log2(scale))))
	s, ok := exact.FromBinary(math.Max(scale*g, 1.0/finest))
	if !ok || g == 0 {
		return fine{}, errNoiseRange
	}
	m, err := newLaplace(s)
	return fine{m, g}, err
}

func fineGaussian(sigma float64) (fine, error) {
	g := math.Min(finest, math.Exp2(math.Ceil(20-math.Log2(sigma))))
	s, ok := exact.FromBinary(math.Max(sigma*g*sigma*g, 1.0/1024))
	if !ok || g == 0 {
		return fine{}, errNoiseRange
	}
	m, err := newGaussian(s, 1)
	return fine{m, g}, err
}

// quantile is the x ≥ any with P[Z ≥ x] = p.
func (f fine) quantile(p float64) float64 {
	switch {
	case p <= 0:
		return math.Inf(1)
	case p >= 1:
		return math.Inf(-1)
	case p > 0.5:
		return -f.quantile(1 - p)
	case p == 0.5:
		return 0
	default:
		return float64(f.leastTail(exact.LogDown(p))) / f.grid
	}
}

// tailAt is P[Z ≥ x].
func (f fine) tailAt(x float64) float64 {
	z := math.Ceil(x * f.grid)
	if z > 1<<61 {
		return 0
	}
	return f.tail(int64(z))
}

// threshold is linf plus the quantile of each group's share of δ.
func (f fine) threshold(linf, delta float64, groups int64) float64 {
	if delta > 1 {
		return math.Inf(-1)
	}
	if delta == 1 && groups == 1 {
		return math.Inf(-1)
	}
	return linf + f.quantile(pld.GroupDeltaDown(delta, groups))
}

// deltaOf is 1 - (1 - P[Z ≥ threshold - linf])^groups.
func (f fine) deltaOf(linf, threshold float64, groups int64) float64 {
	p := f.tailAt(threshold - linf)
	return -math.Expm1(float64(groups) * math.Log1p(-p))
}

const refused = "absent: refused up front as outside the exact arithmetic or not a budget"

func sigmaFor(epsilon, delta, linf, l0 float64) float64 {
	return linf * math.Sqrt(l0) / pld.GaussianMuDown(epsilon, delta)
}

// withFine builds the noise of a case and hands it on; what our constructors
// refuse is absent, or right where the other library refuses too.
func withFine(make func(in golden.Fields) (fine, error), check func(c golden.Case, f fine) string) golden.Check {
	return func(c golden.Case) string {
		f, err := make(c.Inputs)
		if err != nil {
			return refused
		}
		return check(c, f)
	}
}

func laplaceOf(in golden.Fields) (fine, error) {
	groups, linf := 1.0, 1.0
	if in.Has("l0Sensitivity") || in.Has("max_partitions") {
		groups = in.Any("l0Sensitivity", "max_partitions")
	}
	if in.Has("lInfSensitivity") {
		linf = in.Num("lInfSensitivity")
	}
	if l := in.Any("lambda"); !math.IsNaN(l) {
		return fineLaplace(l)
	}
	if err := Pure(in.Num("epsilon")).Validate(); err != nil {
		return fine{}, err
	}
	if !(groups >= 1) || !(linf > 0) {
		return fine{}, errGroups
	}
	return fineLaplace(groups * linf / in.Num("epsilon"))
}

func gaussianOf(in golden.Fields) (fine, error) {
	groups, linf := 1.0, 1.0
	if in.Has("l0Sensitivity") || in.Has("max_partitions") {
		groups = in.Any("l0Sensitivity", "max_partitions")
	}
	if in.Has("lInfSensitivity") {
		linf = in.Num("lInfSensitivity")
	}
	if s := in.Any("stddev", "sigma"); !math.IsNaN(s) {
		return fineGaussian(s)
	}
	delta := in.Any("noiseDelta", "delta")
	if !in.Has("noiseDelta") && in.Has("max_partitions") {
		delta /= 2 // the other half is the threshold's
	}
	if err := Approx(in.Num("epsilon"), delta).AcceptLargeDelta().Validate(); err != nil || delta == 0 {
		return fine{}, errSelectionDelta
	}
	if !(groups >= 1) || !(linf > 0) {
		return fine{}, errGroups
	}
	return fineGaussian(sigmaFor(in.Num("epsilon"), delta, linf, groups))
}

// interval checks a two-sided confidence interval.
func interval(tolerance float64) func(c golden.Case, f fine) string {
	return func(c golden.Case, f fine) string {
		in, want := c.Inputs, c.Expected.Map("want")
		if wantErr, _ := c.Expected["wantErr"].(bool); wantErr {
			if a := in.Num("alpha"); a > 0 && a < 1 {
				return "absent: accepted here: the exact samplers take so small an ε, and Laplace noise does not use δ"
			}
			return "" // our Interval takes a confidence between 0 and 1
		}
		half := float64(f.Interval(1-in.Num("alpha"))) / f.grid
		x := in.Num("noisedX")
		if lo, hi := x-half, x+half; math.Abs(lo-want["LowerBound"]) > tolerance*math.Max(1, math.Abs(x)+half) ||
			math.Abs(hi-want["UpperBound"]) > tolerance*math.Max(1, math.Abs(x)+half) {
			return fmt.Sprintf("got %g and %g, want %v", lo, hi, want)
		}
		return ""
	}
}

// refusedToo turns the refusal of a case that the other library refuses into
// a pass.
func refusedToo(check golden.Check) golden.Check {
	return func(c golden.Case) string {
		problem := check(c)
		if wantErr, _ := c.Expected["wantErr"].(bool); wantErr && problem == refused {
			return ""
		}
		return problem
	}
}

// drawnMoments checks mean and variance of 200,000 draws. The mean of n draws has a
// standard error of s/√n, and their variance one of v·√((k-1)/n) with kurtosis
// k ≤ 6; seven of them fail by chance less than once in 10¹¹.
func drawnMoments(c golden.Case, f fine) string {
	if noise.Off {
		return "absent: noise is switched off in this build"
	}
	const n = 200_000
	xs := make([]int64, n)
	if err := f.AddNoise(xs); err != nil {
		return err.Error()
	}
	sum, squares := 0.0, 0.0
	for _, x := range xs {
		v := float64(x) / f.grid
		sum, squares = sum+v, squares+v*v
	}
	mean, variance, want := sum/n, squares/n, c.Expected.Num("variance")
	exactVariance := f.Variance() / (f.grid * f.grid)
	switch {
	case math.Abs(exactVariance-want) > 2e-3*want:
		return fmt.Sprintf("variance %g, want %g", exactVariance, want)
	case math.Abs(mean) > 7*math.Sqrt(want/n):
		return fmt.Sprintf("mean of draws %g", mean)
	case math.Abs(variance-exactVariance) > 7*want*math.Sqrt(5.0/n):
		return fmt.Sprintf("variance of draws %g, want %g", variance, want)
	}
	return ""
}

func TestGolden(t *testing.T) {
	laplaceThreshold := func(c golden.Case, f fine) string {
		in := c.Inputs
		linf := 1.0
		if in.Has("lInfSensitivity") {
			linf = in.Num("lInfSensitivity")
		}
		groups := in.Any("l0Sensitivity", "max_partitions")
		if groups >= 1<<62 {
			return refused
		}
		got, want := f.threshold(linf, in.Num("delta"), int64(groups)), c.Expected.Any("want", "threshold")
		if c.Tolerance > 1 { // absolute
			if math.Abs(got-want) > c.Tolerance+5e-5*want {
				return fmt.Sprintf("got %g, want %g", got, want)
			}
			return ""
		}
		c.Tolerance = 0
		return c.Near(got, want, 5e-4)
	}
	gaussianThreshold := func(c golden.Case, f fine) string {
		in := c.Inputs
		linf := 1.0
		if in.Has("lInfSensitivity") {
			linf = in.Num("lInfSensitivity")
		}
		delta := in.Any("thresholdDelta", "threshold_delta")
		if math.IsNaN(delta) {
			delta = in.Num("delta") / 2
		}
		got, want := f.threshold(linf, delta, int64(in.Any("l0Sensitivity", "max_partitions"))), c.Expected.Num("threshold")
		if in.Has("epsilon") && in.Has("max_partitions") {
			return slack(in, got-1, want-1)
		}
		if c.Tolerance < 1e-6 {
			c.Tolerance = 0
		}
		return c.Near(got, want, 2e-5)
	}
	deltaForThreshold := func(c golden.Case, f fine) string {
		in := c.Inputs
		linf, groups := 1.0, in.Any("l0Sensitivity", "max_partitions")
		if in.Has("lInfSensitivity") {
			linf = in.Num("lInfSensitivity")
		}
		got, want := f.deltaOf(linf, in.Any("k", "threshold"), int64(groups)), c.Expected.Any("want", "delta")
		// Two digits of tiny values are printed at times: compare to 1 %.
		if math.Abs(got-want) <= math.Max(c.Tolerance, math.Max(1e-2*want, 1e-99)) {
			return ""
		}
		return fmt.Sprintf("got %g, want %g", got, want)
	}
	quantile := func(c golden.Case, f fine) string {
		return c.Near(-f.quantile(c.Inputs.Any("p", "prob")), c.Expected.Num("want"), 1e-5)
	}
	checks := map[string]golden.Check{
		"laplace_threshold":                     withFine(laplaceOf, laplaceThreshold),
		"gaussian_threshold":                    withFine(gaussianOf, gaussianThreshold),
		"gaussian_threshold_from_stddev":        withFine(gaussianOf, gaussianThreshold),
		"laplace_delta_for_threshold":           withFine(laplaceOf, deltaForThreshold),
		"gaussian_quantile":                     withFine(gaussianOf, quantile),
		"laplace_quantile":                      withFine(laplaceOf, quantile),
		"gaussian_ci_from_sigma":                withFine(gaussianOf, interval(1e-5)),
		"laplace_ci_from_scale":                 withFine(laplaceOf, interval(1e-5)),
		"gaussian_ci_float64":                   refusedToo(withFine(gaussianOf, interval(1e-3))),
		"laplace_ci_float64":                    refusedToo(withFine(laplaceOf, interval(1e-5))),
		"gaussian_ci_int64":                     refusedToo(withFine(gaussianOf, interval(1e-2))),
		"laplace_ci_int64":                      refusedToo(withFine(laplaceOf, interval(1e-2))),
		"laplace_noise_moments":                 withFine(laplaceOf, drawnMoments),
		"gaussian_noise_moments":                withFine(gaussianOf, drawnMoments),
		"gaussian_delta_for_threshold":          gaussianDeltaForThreshold,
		"accounting:smallest_laplace_parameter": smallestLaplace,
		"partition_keep_probability":            keepProbability,
		"partition_keep_probability_prethreshold": func(c golden.Case) string {
			ids := c.Inputs.Num("privacy_ids") - (c.Inputs.Num("pre_threshold") - 1)
			c.Inputs["privacy_ids"] = math.Max(0, ids)
			return keepProbability(c)
		},
		"partition_crossovers": func(c golden.Case) string {
			in := c.Inputs
			e, d := in.Num("epsilon")/in.Num("l0Sensitivity"), in.Num("delta")/in.Num("l0Sensitivity")
			n := firstCrossover(e, d)
			if float64(n) != c.Expected.Num("first") {
				return fmt.Sprintf("first crossover %d", n)
			}
			second := int64(c.Expected.Num("second")) // the last n with π(n) < 1
			if OptimalKeepProbability(e, d, 1, second) >= 1 || OptimalKeepProbability(e, d, 1, second+1) < 1 {
				return "second crossover"
			}
			return ""
		},
		"round_to_multiple":      roundToGrid,
		"round_to_power_of_two":  roundToGrid,
		"clamp_int":              clampTotal(t, arrow.PrimitiveTypes.Int64),
		"clamp_float":            clampTotal(t, arrow.PrimitiveTypes.Float64),
		"linf_sensitivity_int":   sumSensitivity(arrow.PrimitiveTypes.Int64),
		"linf_sensitivity_float": sumSensitivity(arrow.PrimitiveTypes.Float64),
		"geometric_moments":      geometricMoments,
		"sum_exp_powers": func(c golden.Case) string {
			in := c.Inputs
			return c.Near(sumPowers(in.Num("epsilon"), int64(in.Num("minPower")), int64(in.Num("numPowers"))), c.Expected.Num("want"), 1e-9)
		},
	}
	granularity := "noise is drawn on a public grid of whole numbers; no granularity follows from its scale"
	golden.Run(t, checks, map[string]string{
		"granularity_gaussian_float": granularity,
		"granularity_gaussian_int":   granularity,
		"granularity_laplace_float":  granularity,
		"granularity_laplace_int":    granularity,
		"symmetric_binomial_moments": "noise is Gaussian here, not a binomial approximation of it",
	})
}

// slack compares the distance of a threshold from 1 with that of a library
// whose σ exceeds the least one by up to a thousandth. Where its σ is less than
// theorem 8 of Balle and Wang allows (for ε ≥ 100 and ε < 1e-50), there is nothing
// to be compared with, and the excess of its δ is checked instead.
func slack(in golden.Fields, got, want float64) string {
	switch epsilon, half := in.Num("epsilon"), in.Num("delta")/2; {
	case got == want, math.Abs(got-want) < 1e-5, got <= want*(1+1e-5) && got >= want*(1-1.1e-3):
		return ""
	case got > want:
		sigma := want / fineQuantile(pld.GroupDeltaDown(half, int64(in.Num("max_partitions"))))
		if pld.GaussianDeltaUp(1/sigma, epsilon) > half*(1+1e-3) {
			return "absent: the reference noise is less than theorem 8 of Balle and Wang allows"
		}
	}
	return fmt.Sprintf("got 1+%g, want 1+%g", got, want)
}

// fineQuantile is the x with P[N(0,1) ≥ x] = p.
func fineQuantile(p float64) float64 {
	f, err := fineGaussian(1)
	if err != nil {
		return math.NaN()
	}
	return f.quantile(p)
}

// gaussianDeltaForThreshold checks the δ of a threshold for noise that is
// (ε, 1/2)-private, the parameter of the other library's tests; its σ exceeds
// the least one by up to a thousandth.
func gaussianDeltaForThreshold(c golden.Case) string {
	in := c.Inputs
	threshold, groups := in.Num("threshold"), in.Num("max_partitions")
	sigma := sigmaFor(in.Num("epsilon"), 0.5, 1, groups)
	want := c.Expected.Num("delta")
	var bounds [2]float64
	for i, s := range []float64{sigma, sigma * 1.0011} {
		f, err := fineGaussian(s)
		if err != nil {
			return refused
		}
		bounds[i] = f.deltaOf(1, threshold, int64(groups))
	}
	if want >= bounds[0]*(1-1e-4)-1e-99 && want <= bounds[1]*(1+1e-4)+1e-99 {
		return ""
	}
	if want == 1 && bounds[0] < 1 {
		return "absent: the reference is 1, an upper bound that says nothing"
	}
	return fmt.Sprintf("want %g, got %g to %g", want, bounds[0], bounds[1])
}

// smallestLaplace finds the scale of several equal Laplace queries: without δ
// from Calibrate, with δ from their composed loss distribution.
func smallestLaplace(c golden.Case) string {
	in := c.Inputs
	n, want := int(in.Num("num_queries")), c.Expected.Num("parameter")
	sensitivity := in.Num("sensitivity")
	if in.Num("delta") == 0 {
		const grid = 1000
		needs := make([]Need, n)
		for i := range needs {
			needs[i].L1 = int64(math.Ceil(sensitivity * grid))
		}
		cal, err := Calibrate(Pure(in.Num("epsilon")), 1, NoiseLaplace, nil, needs, nil)
		if err != nil {
			return err.Error()
		}
		return c.Near(cal.Mechanisms[0].scale.Float()/grid, want, 0.1)
	}
	lo, hi := 0.1*want, 10*want
	for range 12 {
		mid := math.Sqrt(lo * hi)
		l := pld.Discretize(pld.Shift(pld.LaplaceNoise{Scale: mid}, sensitivity, true), 1e-3, pld.ConnectDots).Power(n, 1e-12)
		if l.DeltaUp(in.Num("epsilon")) > in.Num("delta") {
			lo = mid
		} else {
			hi = mid
		}
	}
	return c.Near(hi, want, 0.1)
}

// keepProbability checks the optimal selection, and the probability that a
// threshold on the noised count keeps a group.
func keepProbability(c golden.Case) string {
	in := c.Inputs
	ids, groups := in.Num("privacy_ids"), in.Num("l0Sensitivity")
	want := c.Expected.Num("probability")
	switch in.Text("strategy") {
	case "", "truncated_geometric":
		n := int64(math.MaxInt64)
		if ids < 1<<62 {
			n = int64(ids)
		}
		got := OptimalKeepProbability(in.Num("epsilon"), in.Num("delta"), int64(groups), n)
		if math.Abs(got-want) <= 1e-6*want+1e-300 {
			return ""
		}
		return fmt.Sprintf("got %g, want %g", got, want)
	case "laplace", "gaussian":
		if ids == 0 {
			return c.Near(0, want, 0)
		}
		epsilon, delta := in.Num("epsilon"), in.Num("delta")
		f, err := fineLaplace(groups / epsilon)
		if in.Text("strategy") == "gaussian" {
			delta /= 2
			f, err = fineGaussian(sigmaFor(epsilon, delta, 1, groups))
		}
		if err != nil {
			return refused
		}
		c.Tolerance = 0 // the reference's σ has a slack of a thousandth
		return c.Near(f.tailAt(f.threshold(1, delta, int64(groups))-ids), want, 1e-4)
	}
	return "absent: a strategy that is not offered"
}
