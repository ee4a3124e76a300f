package dp

import (
	"math"

	"github.com/oboro-data/oboro/internal/exact"
	"github.com/oboro-data/oboro/internal/pld"
)

// Probability is the probability that the noise is z, up to a relative error
// of 1e-9, for display and for tests; 0 for the noise of a Backend.
func (m *Mechanism) Probability(z int64) float64 {
	t := m.scale.Float()
	a := math.Abs(float64(z))
	switch m.kind {
	case DiscreteLaplace:
		return math.Tanh(1/(2*t)) * math.Exp(-a/t)
	case TruncatedGeometric:
		if a > float64(m.bound) {
			return 0
		}
		q := math.Exp(-1 / t)
		return math.Exp(-a/t) * -math.Expm1(-1/t) / (1 + q - 2*math.Exp(-float64(m.bound+1)/t))
	case DiscreteGaussian:
		sum := 0.0
		for i := -m.refine / 2; i <= m.refine/2; i++ {
			x := a*float64(m.refine) + float64(i)
			sum += math.Exp(-x * x / (2 * t))
		}
		return sum / gaussianTotal(t)
	}
	return 0
}

// gaussianTotal is Σ e^(-x²/2σ²) over the whole numbers: √(2π)σ, from σ² = 2 on
// up to e^(-2π²σ²).
func gaussianTotal(sigma2 float64) float64 {
	if sigma2 > 2 {
		return math.Sqrt(2 * math.Pi * sigma2)
	}
	sum := 1.0
	for x := 1.0; x < 40; x++ {
		sum += 2 * math.Exp(-x*x/(2*sigma2))
	}
	return sum
}

// Delta bounds from above the least δ for which the noise makes a whole number
// (ε, δ)-private that one unit changes by at most change ≥ 1, in both
// directions. It follows from the noise's own loss, not from a formula for
// continuous noise: exact up to rounding for Laplace noise; for Gaussian noise
// before it is rounded to whole numbers. It is 1 for truncated noise, whose
// privacy rests on a threshold, and for the noise of a Backend.
func (m *Mechanism) Delta(change int64, epsilon float64) float64 {
	if change < 1 || !(epsilon >= 0) {
		return 1
	}
	p, ok := m.pair(change)
	if !ok {
		return 1
	}
	if p.Noise == nil { // a σ too great for a table
		return pld.GaussianDeltaUp(p.Shifts[0], exact.SubDown(epsilon, 1e-20)) * (1 + 1e-12)
	}
	remove := p
	remove.Remove = true
	return math.Min(1, math.Max(p.Delta(epsilon), remove.Delta(epsilon))*(1+1e-11))
}

// maxTable is the greatest σ for which a discrete Gaussian is tabulated.
const maxTable = 1 << 16

// pair is the loss of a number that changes by change. For a Gaussian that is
// too wide for a table, Noise is nil and the one shift is the μ of the
// continuous noise that bounds it (see jointMuSquared).
func (m *Mechanism) pair(change int64) (pld.Pair, bool) {
	switch m.kind {
	case DiscreteLaplace:
		// With T(s) as in Composition.Add, and a grid coarser by the whole factor k,
		// T(s) of scale t is s/k steps of T(k), and T(k) of scale t is (k/t)-private
		// and so no worse than T(1) of scale t/k, which is randomised response. So a
		// wide change is bounded on a grid of 2³⁰ steps, up to 2⁻³⁰ of itself.
		k := 1 + (change-1)>>30
		a := exact.MulUp(float64(k), exact.DivUp(1, m.scale.FloatDown()))
		return pld.Shift(pld.DiscreteLaplaceNoise{A: a}, float64(1+(change-1)/k), false), true
	case DiscreteGaussian:
		shift := float64(change) * float64(m.refine)
		if s := math.Sqrt(m.scale.Float()); s < maxTable {
			return pld.Shift(pld.NewDiscreteGaussianNoise(s, 0), shift, false), true
		}
		mu := exact.DivUp(shift, exact.SqrtDown(m.scale.Sub(smoothing).FloatDown()))
		return pld.Pair{Shifts: []float64{mu}}, true
	}
	return pld.Pair{}, false
}

// Rho is a ρ for which the noise is ρ-zero-concentrated differentially private
// on numbers that one unit changes by at most l2squared ≥ 1 in the sum of
// squared changes: Δ²/2σ² for Gaussian noise. For Laplace noise the change is
// that of one number, ε²/2 with ε = Δ/t. +Inf for other noise.
func (m *Mechanism) Rho(l2squared int64) float64 {
	d := exact.Int(l2squared)
	switch m.kind {
	case DiscreteGaussian:
		d = d.Mul(exact.Int(m.refine)).Mul(exact.Int(m.refine))
		return d.Quo(exact.Int(2).Mul(m.scale)).FloatUp()
	case DiscreteLaplace:
		return d.Quo(exact.Int(2).Mul(m.scale).Mul(m.scale)).FloatUp()
	}
	return math.Inf(1)
}
