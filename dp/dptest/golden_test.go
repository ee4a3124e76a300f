package dptest_test

import (
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/dp/dptest"
	"github.com/oboro-data/oboro/internal/golden"
)

// parameters is the one object that the inputs of a stochastic case hold.
func parameters(c golden.Case) golden.Fields {
	for _, v := range c.Inputs {
		if m, ok := v.(map[string]any); ok {
			return m
		}
	}
	return nil
}

// entries flattens a list of numbers and lists of numbers.
func entries(v any) (out []float64) {
	switch v := v.(type) {
	case float64:
		return []float64{v}
	case []any:
		for _, x := range v {
			out = append(out, entries(x)...)
		}
	}
	return out
}

// clampedSum is the sum of entries clamped to [lo, hi], in whole steps of a
// grid of 1/g, exactly.
func clampedSum(list []float64, lo, hi, g float64) int64 {
	sum := int64(0)
	for _, x := range list {
		sum += int64(math.Round(math.Min(hi, math.Max(lo, x)) * g))
	}
	return sum
}

// A stochastic case is a table, a neighbour and noise. As the noise is known
// exactly, the case is decided twice: by its own loss, which is never wrong (the
// reference allows one wrong verdict in 1,100), and by the black-box auditor,
// for the first cases or with OBORO_LONG=1 for all. Package dp decides the cases
// of means, standard deviations and quantiles.
func TestGoldenStochastic(t *testing.T) {
	skipIfOff(t)
	long, audits := os.Getenv("OBORO_LONG") != "", 0
	decide := func(c golden.Case, table, neighbour string, lo, hi, g float64) string {
		in := parameters(c)
		l0, epsilon, delta := int64(in.Num("max_partitions_contributed")), in.Num("epsilon"), in.Any("delta")
		if math.IsNaN(delta) {
			delta = 0
		}
		linf := int64(1) // a count: one increment for each group
		if !math.IsInf(hi, 1) {
			linf = int64(math.Ceil(math.Max(math.Abs(lo), math.Abs(hi)) * g))
		}
		budget, kind := dp.Pure(epsilon), dp.NoiseLaplace
		if in.Text("noise_type") == "GAUSSIAN" {
			budget, kind = dp.Approx(epsilon, delta).AcceptLargeDelta(), dp.NoiseGaussian
		}
		cal, err := dp.Calibrate(budget, l0, kind, nil, []dp.Need{{L1: linf}}, nil)
		if err != nil {
			return err.Error()
		}
		m := cal.Mechanisms[0]
		x, y := clampedSum(entries(in[table]), lo, hi, g), clampedSum(entries(in[neighbour]), lo, hi, g)
		change := max(x-y, y-x)
		claim := dptest.Claim{Epsilon: c.Expected.Num("epsilon"), Delta: c.Expected.Num("delta")}
		if change == 0 {
			return ""
		}
		allowed := claim.Delta + c.Expected.Num("delta_tolerance")
		if d := m.Delta(change, claim.Epsilon*(1+1e-9)); d > claim.Delta+1e-9 {
			return fmt.Sprintf("%v and a change of %d: δ = %g, allowed %g", m, change, d, claim.Delta)
		}
		// A change understated by a quarter is seen, where the case uses all of
		// its sensitivity.
		if kind == dp.NoiseLaplace && change == l0*linf {
			if d := m.Delta(change+change/4+1, claim.Epsilon); d < 0.25*epsilon/4 && d < allowed {
				return fmt.Sprintf("%v: a quarter more gives only δ = %g", m, d)
			}
		}
		if audits++; !long && (audits > 6 || testing.Short()) {
			return ""
		}
		if f := dptest.Audit(claim, noised(t, m, x), noised(t, m, y), dptest.Samples(100_000)); f.Violation {
			return f.String()
		}
		return ""
	}
	closeness := func(kind string) golden.Check {
		return func(c golden.Case) string {
			in := parameters(c)
			l0, linf := in.Num("l0_sensitivity"), in.Num("linf_sensitivity")
			epsilon, delta, want := in.Num("epsilon"), in.Any("delta"), c.Expected.Num("variance")
			// About 1,000 steps of the grid to a standard error, or more, and a
			// whole number of them to the sensitivity.
			g := math.Ceil(1000/math.Sqrt(want)*linf) / linf
			budget := dp.Pure(epsilon)
			if kind == dp.NoiseGaussian {
				budget = dp.Approx(epsilon, delta).AcceptLargeDelta()
			}
			cal, err := dp.Calibrate(budget, int64(l0), kind, nil, []dp.Need{{L1: max(1, int64(math.Round(linf*g)))}}, nil)
			if err != nil {
				return err.Error()
			}
			m := cal.Mechanisms[0]
			if got := m.Variance() / (g * g); math.Abs(got-want) > 5e-3*want {
				return fmt.Sprintf("variance %g, want %g", got, want)
			}
			if m.StdError() < 50_000 && !testing.Short() { // narrow enough to enumerate
				dptest.Mechanism(t, m, dptest.Samples(50_000))
			}
			return ""
		}
	}
	const grid = 1 << 10
	sum := func(c golden.Case) string {
		in := parameters(c)
		return decide(c, "raw_entry", "neighbour_raw_entry", in.Num("lower_bound"), in.Num("upper_bound"), grid)
	}
	golden.Run(t, map[string]golden.Check{
		"stochastic:count_dp": func(c golden.Case) string {
			return decide(c, "raw_increment_by", "neighbour_raw_increment_by", math.Inf(-1), math.Inf(1), 1)
		},
		"stochastic:bounded_sum_dp":      sum,
		"stochastic:long_bounded_sum_dp": sum,
		"stochastic:laplace_closeness":   closeness(dp.NoiseLaplace),
		"stochastic:gaussian_closeness":  closeness(dp.NoiseGaussian),
	}, nil)
}
