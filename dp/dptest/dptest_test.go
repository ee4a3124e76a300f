package dptest_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/dp/dptest"
	"github.com/oboro-data/oboro/internal/noise"
)

func must(t testing.TB, m *dp.Mechanism, err error) *dp.Mechanism {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func skipIfOff(t *testing.T) {
	if noise.Off {
		t.Skip("noise is switched off in this build")
	}
}

// Law Samplers, V1, V8, V14: every kind of noise passes the conformance test.
func TestMechanisms(t *testing.T) {
	skipIfOff(t)
	samples := dptest.Samples(200_000)
	if testing.Short() {
		samples = dptest.Samples(40_000)
	}
	for _, c := range []struct {
		l1      int64
		epsilon float64
	}{{1, 1}, {3, 1}, {1, 4}, {10, 0.7}, {200, 1}} {
		m, err := dp.NewDiscreteLaplace(c.l1, c.epsilon)
		dptest.Mechanism(t, must(t, m, err), samples)
	}
	for _, s2 := range []float64{0.3, 1, 18, 1000.5} {
		m, err := dp.NewDiscreteGaussian(s2)
		dptest.Mechanism(t, must(t, m, err), samples, dptest.FalseAlarm(1e-10))
	}
	for _, noise := range []string{dp.NoiseGaussian, dp.NoiseLaplace, dp.NoiseExact} {
		c, err := dp.Calibrate(dp.Approx(1, 1e-6), 2, noise, nil, []dp.Need{{L1: 1}, {L1: 5}}, &dp.Select{})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range c.Mechanisms {
			dptest.Mechanism(t, m, samples)
		}
	}
}

// noised returns results of a count with noise, on a table where it is x.
func noised(t testing.TB, m *dp.Mechanism, x int64) func(n int) []float64 {
	return func(n int) []float64 {
		xs := make([]int64, n)
		for i := range xs {
			xs[i] = x
		}
		if err := m.AddNoise(xs); err != nil {
			t.Error(err)
		}
		out := make([]float64, n)
		for i, v := range xs {
			out[i] = float64(v)
		}
		return out
	}
}

// The auditor finds a sensitivity understated by 1.175 and passes the right
// mechanism, at the ε of ln 3. The event "at least the moved number" then has
// probability 0.5 against 0.138, so that p - 3q is 0.092; on 100,000 results
// its standard deviation is 0.0036, and the auditor asks for about 8 of them
// where 25 are there: power is above 1 - 1e-9. One false alarm has probability
// 1e-9.
func TestAuditPower(t *testing.T) {
	skipIfOff(t)
	epsilon := math.Log(3)
	runs := 12
	if testing.Short() {
		runs = 1
	}
	laplace, err := dp.NewDiscreteLaplace(1000, epsilon)
	must(t, laplace, err)
	c, err := dp.Calibrate(dp.Approx(epsilon, 1e-5), 1, dp.NoiseGaussian, nil, []dp.Need{{L1: 1000}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []struct {
		*dp.Mechanism
		delta float64
	}{{laplace, 0}, {c.Mechanisms[0], 1e-5}} {
		claim := dptest.Claim{Epsilon: epsilon, Delta: m.delta}
		for range runs {
			if f := dptest.Audit(claim, noised(t, m.Mechanism, 0), noised(t, m.Mechanism, 1000)); f.Violation {
				t.Errorf("%v is accused: %v", m, f)
			}
			if m.delta > 0 {
				continue
			}
			if f := dptest.Audit(claim, noised(t, m.Mechanism, 0), noised(t, m.Mechanism, 1175)); !f.Violation {
				t.Errorf("%v passes though the change is 1.175 times as great: %v", m, f)
			}
		}
	}
}

// Gaussian noise at (ε, δ) hides an understatement of 1.175 in δ of the order of
// 1e-4; against the δ of its own claim of ε, it is found.
func TestAuditFindsUnderstatedGaussian(t *testing.T) {
	skipIfOff(t)
	// σ for δ = 0.05 at ε = 0.5.
	m, err := dp.Calibrate(dp.Approx(0.5, 0.05), 1, dp.NoiseGaussian, nil, []dp.Need{{L1: 1000}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	claim := dptest.Claim{Epsilon: 0.5, Delta: 0.05}
	if f := dptest.Audit(claim, noised(t, m.Mechanisms[0], 0), noised(t, m.Mechanisms[0], 1175), dptest.Samples(400_000)); !f.Violation {
		t.Errorf("an understated change passes: %v", f)
	}
	if f := dptest.Audit(claim, noised(t, m.Mechanisms[0], 0), noised(t, m.Mechanisms[0], 1000), dptest.Samples(400_000)); f.Violation {
		t.Errorf("the right change is accused: %v", f)
	}
}

// The auditor finds grossly wrong programs: no noise, noise that is cut, and
// floating-point noise whose low bits give the number away (V1, V2).
func TestAuditFindsBrokenPrograms(t *testing.T) {
	skipIfOff(t)
	constant := func(x float64) func(int) []float64 {
		return func(n int) []float64 {
			out := make([]float64, n)
			for i := range out {
				out[i] = x
			}
			return out
		}
	}
	cut := func(x float64) func(int) []float64 {
		return func(n int) []float64 {
			out := make([]float64, n)
			for i := range out {
				out[i] = x + rand.Float64()*4 - 2
			}
			return out
		}
	}
	// Naive Laplace noise by inversion of a 12-bit uniform number; the result
	// modulo the steps near 0 tells the inputs apart.
	naive := func(x float64) func(int) []float64 {
		return func(n int) []float64 {
			out := make([]float64, n)
			for i := range out {
				u := (float64(rand.IntN(1<<12)) + 0.5) / (1 << 12)
				z := -math.Log(u) * math.Copysign(1, rand.Float64()-0.5)
				y := x + z
				// the attacker's question: does y - 0 come from the sampler?
				k := math.Exp(-math.Abs(y)) * (1 << 12)
				out[i] = math.Abs(k - math.Floor(k) - 0.5)
			}
			return out
		}
	}
	for name, program := range map[string]func(float64) func(int) []float64{"no noise": constant, "cut noise": cut, "low bits": naive} {
		if f := dptest.Audit(dptest.Claim{Epsilon: 1}, program(0), program(1)); !f.Violation {
			t.Errorf("%s passes: %v", name, f)
		}
	}
	// The exact sampler gives the same support whatever the number (V1).
	m, err := dp.NewDiscreteLaplace(1, 1)
	must(t, m, err)
	if f := dptest.Audit(dptest.Claim{Epsilon: 1}, noised(t, m, 0), noised(t, m, 1)); f.Violation {
		t.Errorf("exact noise is accused: %v", f)
	}
}

// V11: the exact exponential mechanism of range ε is ε²/8-zCDP: the Rényi
// divergence of its exact probabilities, by enumeration.
func TestExponentialMechanismIsBoundedRange(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		n, epsilon := 2+r.IntN(6), 0.1+3*r.Float64()
		loss, shift := make([]float64, n), make([]float64, n)
		for i := range loss {
			loss[i], shift[i] = float64(r.IntN(5)), float64(r.IntN(3)-1) // one unit changes a loss by at most 1
		}
		p, q := make([]float64, n), make([]float64, n)
		var ps, qs float64
		for i := range loss {
			p[i], q[i] = math.Exp(-epsilon*loss[i]/2), math.Exp(-epsilon*(loss[i]+shift[i])/2)
			ps, qs = ps+p[i], qs+q[i]
		}
		for _, alpha := range []float64{1.01, 1.5, 2, 5, 20} {
			sum := 0.0
			for i := range p {
				sum += math.Pow(p[i]/ps, alpha) * math.Pow(q[i]/qs, 1-alpha)
			}
			if d := math.Log(sum) / (alpha - 1); d > epsilon*epsilon/8*alpha+1e-12 {
				t.Fatalf("order %g: divergence %g exceeds %g", alpha, d, epsilon*epsilon/8*alpha)
			}
		}
	}
}

// Sensitivity finds the exact change of a count clamped to 2 rows a unit, over
// two groups, and that a count without clamping is unbounded.
func TestSensitivity(t *testing.T) {
	counts := func(clamp float64) func([]dptest.Row) []float64 {
		return func(table []dptest.Row) []float64 {
			per := map[dptest.Row]float64{}
			for _, r := range table {
				per[r]++
			}
			out := make([]float64, 2)
			for r, n := range per {
				out[r.Value] += math.Min(n, clamp)
			}
			return out
		}
	}
	c := dptest.Sensitivity(3, 2, 5, counts(2))
	if c.Linf != 2 || c.L0 != 2 || c.L1 != 4 || c.L2Squared != 8 {
		t.Errorf("clamped: %v", c)
	}
	if c = dptest.Sensitivity(3, 2, 5, counts(100)); c.Linf != 5 || c.Tables != 462 {
		t.Errorf("not clamped: %v", c)
	}
}

func ExampleAudit() {
	m, _ := dp.NewDiscreteLaplace(1, 1) // for numbers that change by 1
	results := func(x int64) func(n int) []float64 {
		return func(n int) []float64 {
			xs, out := make([]int64, n), make([]float64, n)
			for i := range xs {
				xs[i] = x
			}
			m.AddNoise(xs)
			for i, v := range xs {
				out[i] = float64(v)
			}
			return out
		}
	}
	right := dptest.Audit(dptest.Claim{Epsilon: 1}, results(10), results(11))
	wrong := dptest.Audit(dptest.Claim{Epsilon: 1}, results(10), results(12)) // a unit had two rows
	fmt.Println(right.Violation && !noise.Off, wrong.Violation)
	// Output: false true
}

func ExampleSensitivity() {
	// A mean is no sum: one unit changes it by up to the whole range.
	change := dptest.Sensitivity(2, 3, 4, func(table []dptest.Row) []float64 {
		sum := 0.0
		for _, r := range table {
			sum += float64(r.Value)
		}
		return []float64{sum / math.Max(1, float64(len(table)))}
	})
	fmt.Println(change.Linf)
	// Output: 2
}

// The conformance test is quick enough for every build.
func BenchmarkMechanism(b *testing.B) {
	m, err := dp.NewDiscreteLaplace(3, 1)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		dptest.Mechanism(b, m)
	}
}
