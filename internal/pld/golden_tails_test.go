package pld

import (
	"fmt"
	"math"
	"strconv"

	"github.com/oboro-data/oboro/internal/golden"
)

// tails checks what lies outside the stretch of a pair: the other library cuts
// Gaussian noise at σ in these tests.
func tails(c golden.Case) string {
	p, want := pairOf(c), map[float64]float64{}
	t := p.stretch(GaussianTail(1))
	down := c.Inputs["pessimistic_estimate"] == false
	for l, m := range c.Expected.Map("expected_tail_probability_mass_function") {
		x, err := strconv.ParseFloat(l, 64)
		if err != nil {
			return "unreadable key"
		}
		want[x] = m
	}
	got := map[float64]float64{t.first: t.below, t.last: t.above}
	if down { // as intervals rounds down
		got = map[float64]float64{p.Loss(t.lo): t.below}
	}
	problem := first(
		c.Near(t.lo, c.Expected.Num("expected_lower_x_truncation"), 1e-6),
		c.Near(t.hi, c.Expected.Num("expected_upper_x_truncation"), 1e-6))
	for l, m := range want {
		if math.Abs(massNear(got, l)-m) > 1e-6 {
			problem = first(problem, fmt.Sprintf("tails %v, want %v", got, want))
		}
	}
	return problem
}

func massNear(m map[float64]float64, l float64) float64 {
	for x, v := range m {
		if x == l || math.Abs(x-l) < 1e-5 {
			return v
		}
	}
	return 0
}

// dotsBounds checks the outcomes, or their losses, between which dots are
// connected.
func dotsBounds(c golden.Case) string {
	p := pairOf(c)
	t := p.stretch(GaussianTail(1))
	if c.Expected.Has("expected_epsilon_upper") {
		return first(
			c.Near(p.Loss(t.lo), c.Expected.Num("expected_epsilon_upper"), 1e-6),
			c.Near(p.Loss(t.hi), c.Expected.Num("expected_epsilon_lower"), 1e-6))
	}
	if !math.IsInf(t.first, 1) { // constant losses outside take part
		t.lo, t.hi = t.lo-1, t.hi+1
	}
	return first(c.Near(t.lo, c.Expected.Num("expected_lower_x"), 0), c.Near(t.hi, c.Expected.Num("expected_upper_x"), 0))
}

// power checks a test's power against randomised response with p = 1/2.
func power(c golden.Case) string {
	k := 2
	if c.Inputs.Has("num_buckets") {
		k = int(c.Inputs.Num("num_buckets"))
	}
	one, other := RandomizedResponse(0.5, k)
	got, want := Finite(one, other, 1e-4, RoundUp).PowerUp(c.Inputs.Num("fpr")), c.Expected.Num("expected_tpr")
	if got < want*(1-1e-12) || got > want*(1+1e-3) {
		return fmt.Sprintf("power %g, want %g", got, want)
	}
	return ""
}

// mixture checks several shifts of Gaussian noise, which the other library
// cuts by the tails of the upper distribution itself.
func mixture(r Rounding) golden.Check {
	return func(c golden.Case) string {
		in, h, problem := c.Inputs, 1.0, ""
		p := Pair{Noise: GaussianNoise{1}, Shifts: []float64{0, 1, 2}, Weights: []float64{0.2, 0.6, 0.2}}
		if in.Has("sensitivities") {
			p = pairOf(c)
		} else {
			h = in.Num("value_discretization_interval")
		}
		for _, way := range []string{"add", "remove"} {
			p.Remove = way == "remove"
			t, cut := p.stretch(GaussianTail(0.9)), GaussianTail(0.9)
			t.hi = p.Noise.reach(cut)
			t.above, t.last = p.beyond(t.hi, true), p.Loss(t.hi)
			for lo, hi := t.lo, 0.0; hi-lo > 1e-9; {
				if t.lo = (lo + hi) / 2; p.upper(t.lo) > cut {
					hi = t.lo
				} else {
					lo = t.lo
				}
			}
			t.below = p.upper(t.lo)
			want, infinite := c.Expected.Map("expected_"+way+"_pmf"), c.Expected.Any("expected_"+way+"_infinity_mass")
			if in.Has("sensitivities") {
				want, infinite = c.Expected.Map("expected_rounded_pmf_"+way), math.NaN()
			}
			if below(p, h, want) {
				return "absent: the reference gives a δ below the closed form of the same library"
			}
			// The reference cuts where it is, to 1e-4.
			problem = first(problem, compareMassWithin(c, p.on(t, h, r), want, infinite, 2e-5))
		}
		return problem
	}
}

// below reports whether masses, with what they lack of 1 at infinity, give less
// than the pair's δ.
func below(p Pair, h float64, mass map[string]float64) bool {
	for i := range 3 {
		e, sum, delta := float64(i)*h, 0.0, 0.0
		for key, m := range mass {
			k, err := strconv.ParseFloat(key, 64)
			if sum += m; err == nil && k*h > e {
				delta += m * -math.Expm1(e-k*h)
			}
		}
		if delta+1-sum < p.Delta(e)-1e-3 {
			return true
		}
	}
	return false
}

// truncatedBatch checks sampled batches of a greatest size: with the
// probability that the batch is full without a unit, the unit may replace
// another, else it is sampled as usual.
func truncatedBatch(r Rounding) golden.Check {
	return func(c golden.Case) string {
		in, problem := c.Inputs, ""
		n, q, size, sigma := int(in.Num("dataset_size")), in.Num("sampling_probability"), int(in.Num("truncated_batch_size")), in.Num("standard_deviation")
		full := moreThan(size-1, n-1, q)
		replaced := Sampled(GaussianNoise{sigma / 2}, 1, moreThan(size, n, q)*float64(size)/full/float64(n), false)
		replaced.Replace = true
		for _, way := range []string{"add", "remove"} {
			a := discretize(replaced, 1, r, GaussianTail(0.9))
			b := discretize(Sampled(GaussianNoise{sigma}, 1, q, way == "remove"), 1, r, GaussianTail(0.9))
			lowest := int(c.Expected.Num("expected_" + way + "_lower_loss"))
			for i, want := range c.Expected.Nums("expected_" + way + "_probs") {
				if got := full*at(a, lowest+i) + (1-full)*at(b, lowest+i); math.Abs(got-want) > 2e-6 {
					problem = first(problem, fmt.Sprintf("%s, at %d: got %g, want %g", way, lowest+i, got, want))
				}
			}
		}
		return problem
	}
}

// moreThan is P[B > k], B binomial.
func moreThan(k, n int, q float64) float64 {
	sum := 0.0
	for i := k + 1; i <= n; i++ {
		choose := 1.0
		for j := range i {
			choose *= float64(n-j) / float64(i-j)
		}
		sum += choose * math.Pow(q, float64(i)) * math.Pow(1-q, float64(n-i))
	}
	return sum
}

func at(l *Loss, i int) float64 {
	if i -= l.First; i < 0 || i >= len(l.Mass) {
		return 0
	}
	return l.Mass[i]
}
