package dptest

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/oboro-data/oboro/dp"
)

// options of the checks; see FalseAlarm and Samples.
type options struct {
	falseAlarm float64
	samples    int
}

// An Option changes how much a check draws and how sure it is.
type Option func(*options)

// FalseAlarm sets the probability with which a statistical check fails though
// nothing is wrong; the default is 1e-9.
func FalseAlarm(p float64) Option { return func(o *options) { o.falseAlarm = p } }

// Samples sets the number of draws; the default is 200,000.
func Samples(n int) Option { return func(o *options) { o.samples = n } }

func collect(list []Option) options {
	o := options{falseAlarm: 1e-9, samples: 200_000}
	for _, f := range list {
		f(&o)
	}
	return o
}

// Mechanism checks noise on whole numbers:
//
//   - its probabilities sum to one, are symmetric and fall away from 0;
//   - between numbers that differ by d, d = 1, 2, 5, the probabilities obey the
//     δ that the mechanism claims, and the claim grows with d and falls with ε;
//   - its variance is that of its probabilities;
//   - draws have its probabilities, by a chi-square test that fails by chance
//     with the stated probability;
//   - whatever number noise is added to, every result near it can occur: no
//     result tells numbers apart by being impossible (Mironov 2012).
func Mechanism(t testing.TB, m *dp.Mechanism, list ...Option) {
	t.Helper()
	o := collect(list)
	reach := int64(45*m.StdError()) + 45
	if reach > 1<<22 {
		t.Fatalf("%v: too wide to enumerate", m)
	}
	p := make([]float64, 2*reach+1)
	sum, variance := 0.0, 0.0
	for i := range p {
		z := int64(i) - reach
		p[i] = m.Probability(z)
		sum += p[i]
		variance += p[i] * float64(z) * float64(z)
		if p[i] != m.Probability(-z) {
			t.Errorf("%v: P[%d] and P[%d] differ", m, z, -z)
		}
		if i > 0 && z <= 0 && p[i] < p[i-1] {
			t.Errorf("%v: P[%d] is less than P[%d]", m, z, z-1)
		}
	}
	if math.Abs(sum-1) > 1e-8 {
		t.Errorf("%v: probabilities sum to %v", m, sum)
	}
	if v := m.Variance(); math.Abs(v-variance) > 1e-4*variance {
		t.Errorf("%v: variance %g, of the probabilities %g", m, v, variance)
	}
	checkLoss(t, m, p)
	checkDraws(t, m, p, reach, o)
}

// checkLoss compares claims of δ with the hockey-stick divergence of the
// probabilities p and their shifts.
func checkLoss(t testing.TB, m *dp.Mechanism, p []float64) {
	t.Helper()
	for _, epsilon := range []float64{0, 0.1, 0.5, 1, 3} {
		last := 0.0
		for _, d := range []int{1, 2, 5} {
			claim := m.Delta(int64(d), epsilon)
			if claim < last {
				t.Errorf("%v: δ falls from %g to %g as the change grows to %d", m, last, claim, d)
			}
			last = claim
			if e := excess(p, d, epsilon); e > claim+1e-9 {
				t.Errorf("%v: on numbers that differ by %d, δ(%g) is %g, claimed %g", m, d, epsilon, e, claim)
			}
			if more := m.Delta(int64(d), epsilon+0.5); more > claim {
				t.Errorf("%v: δ rises from %g to %g with ε", m, claim, more)
			}
		}
	}
}

// excess is Σ max(0, p(z) - e^ε·p(z-d)); by symmetry it is that of the other
// direction too.
func excess(p []float64, d int, epsilon float64) float64 {
	sum := 0.0
	for i := range p {
		q := 0.0
		if i >= d {
			q = p[i-d]
		}
		sum += math.Max(0, p[i]-math.Exp(epsilon)*q)
	}
	return sum
}

func checkDraws(t testing.TB, m *dp.Mechanism, p []float64, reach int64, o options) {
	t.Helper()
	const at = 1_000_003 // noise is added to some number
	xs := make([]int64, o.samples)
	for i := range xs {
		xs[i] = at
	}
	if err := m.AddNoise(xs); err != nil {
		t.Fatalf("%v: %v", m, err)
	}
	counts := make([]float64, len(p))
	beyond := 0.0
	for _, x := range xs {
		if z := x - at + reach; z >= 0 && z < int64(len(counts)) {
			counts[z]++
		} else {
			beyond++
		}
	}
	if beyond > 0 { // 45 standard errors
		t.Errorf("%v: %g draws lie beyond ±%d", m, beyond, reach)
	}
	statistic, cells := chiSquare(counts, p, float64(o.samples))
	if tail := (distuv.ChiSquared{K: float64(cells - 1)}).Survival(statistic); tail < o.falseAlarm {
		t.Errorf("%v: draws have chi-square %.1f on %d cells, which happens by chance with probability %g", m, statistic, cells, tail)
	}
	// Each of the 2 + min(3, σ) values nearest to the number is expected often
	// enough to be absent by chance less often than the false alarm.
	for z := range int64(2 + math.Min(3, m.StdError())) {
		if miss := math.Pow(1-p[reach+z], float64(o.samples)); miss < o.falseAlarm/10 && counts[reach+z]*counts[reach-z] == 0 {
			t.Errorf("%v: the noise ±%d never occurs", m, z)
		}
	}
}

// chiSquare joins cells until each is expected fifty times.
func chiSquare(counts, p []float64, n float64) (statistic float64, cells int) {
	c, e := 0.0, 0.0
	for i := range p {
		c, e = c+counts[i], e+p[i]*n
		if e >= 50 {
			statistic += (c - e) * (c - e) / e
			cells++
			c, e = 0, 0
		}
	}
	if e > 0.5 { // the rest of the upper tail
		statistic += (c - e) * (c - e) / e
		cells++
	}
	return statistic, max(cells, 2)
}
