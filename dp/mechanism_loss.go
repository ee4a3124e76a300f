package dp

import (
	"math"

	"github.com/oboro-data/oboro/internal/exact"
	"github.com/oboro-data/oboro/internal/fault"
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
		return pld.Shift(pld.DiscreteLaplaceNoise{A: exact.DivUp(1, m.scale.FloatDown())}, float64(change), false), true
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

// A Composition adds up what several releases of noised numbers cost together,
// more closely than the sum of their budgets: by their privacy-loss
// distributions (Koskela, Jälkö and Honkela 2020), with every rounding upwards. It
// answers what a plan or an auditor asks; an Accountant keeps to sums, which
// are exact. The zero value is empty and ready; it is used by one goroutine.
type Composition struct {
	up, down *pld.Loss // adding a unit, removing it
	mu2      float64   // Gaussian noise is one mechanism, with this μ²
	err      error
}

// compositionStep is the grid of losses; connecting the dots, its error is of
// the order of its square.
const compositionStep = 1e-3

// compositionCut is the probability cut off at each step of a composition.
const compositionCut = 1e-16

// Add counts numbers independent draws of m, each on a number that one unit
// changes by at most change.
func (c *Composition) Add(m *Mechanism, change int64, numbers int) {
	p, ok := m.pair(change)
	switch {
	case !ok || change < 1 || numbers < 1:
		c.err = fault.Planf("composition takes discrete Laplace and Gaussian noise, and changes of at least 1")
	case m.kind == DiscreteGaussian && exact.Int(1<<10).Less(m.scale):
		// σ ≥ 32: as a continuous Gaussian less the smoothing.
		shift := float64(change) * float64(m.refine)
		v := m.scale.Sub(smoothing).FloatDown()
		c.mu2 = exact.AddUp(c.mu2, exact.MulUp(float64(numbers), exact.DivUp(exact.MulUp(shift, shift), v)))
	default:
		c.compose(p, numbers)
	}
}

// AddChoices counts runs of the exponential mechanism or any other release,
// each of them (epsilon, delta)-private.
func (c *Composition) AddChoices(epsilon, delta float64, runs int) {
	if !(epsilon > 0) || !(delta >= 0 && delta < 1) || runs < 1 {
		c.err = fault.Planf("composition takes an epsilon greater than 0 and a delta from 0 to 1")
		return
	}
	l := pld.Approx(epsilon, delta, compositionStep).Power(runs, compositionCut)
	c.up, c.down = join(c.up, l), join(c.down, l)
}

func (c *Composition) compose(p pld.Pair, numbers int) {
	c.up = join(c.up, pld.Discretize(p, compositionStep, pld.ConnectDots).Power(numbers, compositionCut))
	p.Remove = true
	c.down = join(c.down, pld.Discretize(p, compositionStep, pld.ConnectDots).Power(numbers, compositionCut))
}

func join(a, b *pld.Loss) *pld.Loss {
	if a == nil {
		return b
	}
	return a.Compose(b)
}

// Epsilon is an ε for which everything added is (ε, delta)-private, an upper
// bound within about 1e-3 of the least. It is +Inf if delta is too small. The
// error is of kind fault.Plan and says that something added could not be
// counted.
func (c *Composition) Epsilon(delta float64) (float64, error) {
	if c.err != nil {
		return 0, c.err
	}
	if c.up == nil {
		if c.mu2 == 0 {
			return 0, nil
		}
		return pld.GaussianEpsilonUp(exact.SqrtUp(c.mu2), delta), nil
	}
	up, down := c.up, c.down
	if c.mu2 > 0 {
		g := pld.Discretize(pld.Shift(pld.GaussianNoise{Sigma: exact.DivDown(1, exact.SqrtUp(c.mu2))}, 1, false), compositionStep, pld.ConnectDots)
		up, down = up.Compose(g), down.Compose(g) // its loss is the same in both directions
	}
	return math.Max(up.EpsilonUp(delta), down.EpsilonUp(delta)), nil
}
