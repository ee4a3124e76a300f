package dp

import (
	"math"

	"github.com/oboro-data/oboro/internal/exact"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/internal/pld"
)

// A Composition adds up what several releases on the same people cost
// together, more closely than the sum of their budgets: by their privacy-loss
// distributions (Koskela, Jälkö and Honkela 2020), with every rounding upwards. It
// answers what a plan or an auditor asks; an Accountant keeps to sums, which
// are exact. The zero value is empty and ready; it is used by one goroutine.
//
// Everything that is added has the same loss whether a unit is added or
// removed: noise is symmetric, so that the two tables are mirror images.
type Composition struct {
	parts []lossPart
	mu2   float64 // Gaussian noise is one mechanism, with this μ²
	miss  float64 // Σ -ln(1-δ) of events that may disclose anything
	err   error
}

// A lossPart is so many independent runs of one loss, made on the grid that the
// whole composition gets.
type lossPart struct {
	runs    int
	epsilon float64 // the loss of a run, or its order of magnitude
	loss    func(step float64) *pld.Loss
}

// compositionCut is the probability cut off at each step of a composition.
const compositionCut = 1e-16

// Add counts numbers independent draws of m, each on a number that one unit
// changes by at most change; or on a vector that changes by at most that much in
// the sum of absolute changes, if m is Laplace noise.
//
// The second follows from the first. Let T(s) be the trade-off function of a
// shift by s of log-concave noise: its best tests are "Z ≤ x", so that T(s+t) =
// T(t)∘(1-T(s)). A vector that changes by s in one coordinate and t in another
// gets there by two steps of T(s) and T(t), so that its trade-off function is at
// least T(t)∘(1-T(s)) (Dong, Roth and Su 2022, the proof of theorem 2.14): one
// coordinate that changes by s+t is the worst.
func (c *Composition) Add(m *Mechanism, change int64, numbers int) {
	p, ok := m.pair(max(1, change))
	switch {
	case !ok || change < 1 || numbers < 1:
		c.err = fault.Planf("composition takes discrete Laplace and Gaussian noise, and changes of at least 1")
	case m.kind == DiscreteGaussian && exact.Int(1<<10).Less(m.scale):
		c.gaussian(m, exact.Int(int64(numbers)).Mul(exact.Int(change)).Mul(exact.Int(change)))
	default:
		e := float64(change) / m.scale.Float()
		if m.kind == DiscreteGaussian {
			e = p.Shifts[0] / math.Sqrt(m.scale.Float())
		}
		c.parts = append(c.parts, lossPart{numbers, e, func(step float64) *pld.Loss { return pld.Discretize(p, step, pld.ConnectDots) }})
	}
}

// gaussian counts discrete Gaussian noise on what changes by at most l2squared
// in the sum of squares, as a continuous Gaussian less the smoothing.
func (c *Composition) gaussian(m *Mechanism, l2squared exact.Rat) {
	refine := exact.Int(max(1, m.refine))
	mu2 := l2squared.Mul(refine).Mul(refine).Quo(m.scale.Sub(smoothing))
	c.mu2 = exact.AddUp(c.mu2, mu2.FloatUp())
}

// AddChoices counts runs of any release, each of them (epsilon, delta)-private.
func (c *Composition) AddChoices(epsilon, delta float64, runs int) {
	if !(epsilon > 0) || !(delta >= 0 && delta < 1) || runs < 1 {
		c.err = fault.Planf("composition takes an epsilon greater than 0 and a delta from 0 to 1")
		return
	}
	c.parts = append(c.parts, lossPart{runs, epsilon, func(step float64) *pld.Loss { return pld.Approx(epsilon, delta, step) }})
}

// AddExponential counts runs of the exponential mechanism, each of them
// epsilon-private: a candidate of loss l is chosen in proportion to
// e^(-l·epsilon/2Δ), and one unit changes l by at most Δ. They cost about half
// of what other mechanisms of the same epsilon do, as the logarithms of their
// likelihood ratios lie in an interval of length epsilon (Dong, Durfee and
// Rogers 2020).
func (c *Composition) AddExponential(epsilon float64, runs int) {
	if !(epsilon > 0) || runs < 1 {
		c.err = fault.Planf("composition takes an epsilon greater than 0")
		return
	}
	c.parts = append(c.parts, lossPart{runs, epsilon, func(step float64) *pld.Loss { return pld.BoundedRange(epsilon, step) }})
}

// AddPlan counts a release: the noise of every statistic in as many groups as
// one unit can be in, choices, selection, and ranges that are or were chosen by
// noise.
//
// A group that holds one unit and nobody else is either released, with a
// probability that is counted as a disclosure, or withheld as if it were empty;
// in every other group the selection is computed from the noised count. So
// selection adds its δ and nothing else, in both directions: with p the
// probability of the disclosure, losses of 0 and -ln(1-p) under the two tables
// are dominated by the loss of the group's noise with a mass of p at infinity.
func (c *Composition) AddPlan(p *Plan) {
	cal := p.calibration
	planner := &planner{budget: p.budget, groups: exact.Int(p.layout.maxGroups), needs: p.needs}
	weights := make([]float64, len(p.needs))
	for i, n := range p.needs {
		if weights[i] = n.Weight; n.Weight == 0 {
			weights[i] = 1
		}
	}
	shares := p.budget.Split(weights...)
	for i, n := range p.needs {
		// A unit's shares of several groups, each at most 1, that add up to sum
		// are no worse than so many whole ones: of two that are 1 or less
		// together one of their sum is worse, and what remains exceeds 1 in pairs.
		sum, _ := planner.spread(i)
		groups := exact.Min(exact.Int(p.layout.maxGroups), exact.Int(2).Mul(sum)).Ceil().Int64()
		if groups > maxRuns || n.Choices > maxRuns/groups {
			c.err = fault.Planf("a composition takes at most 2²⁰ draws that concern one unit")
			return
		}
		m := cal.Mechanisms[i]
		switch {
		case n.Choices > 0:
			e := exact.Int(2 * n.L1).Mul(exact.Int(int64(cal.Rates[i].Num))).Quo(exact.Int(int64(cal.Rates[i].Den)))
			c.AddExponential(e.FloatUp(), int(groups*n.Choices))
		case m.kind == DiscreteGaussian:
			l2 := planner.l2(i)
			if one := exact.Int(n.L1).Mul(exact.Int(n.L1)); n.L2Squared != nil && !exact.BigInt(n.L2Squared).Equal(one) || exact.Int(1<<10).Less(m.scale) {
				if !smoothing.Less(m.scale) {
					c.err = fault.Planf("the Gaussian noise of a vector is too narrow for a composition")
					return
				}
				c.gaussian(m, l2)
				continue
			}
			c.Add(m, n.L1, int(groups))
		case m.kind == DiscreteLaplace && p.first != nil:
			// A narrower range that may be chosen has the same ε on a coarser grid,
			// the coarsest of which is randomised response.
			c.AddChoices(exact.Int(n.L1).Quo(m.scale).FloatUp(), 0, int(groups))
		case m.kind == DiscreteLaplace:
			c.Add(m, n.L1, int(groups))
		case m.kind == TruncatedGeometric:
			a := exact.DivUp(1, m.scale.FloatDown())
			c.parts = append(c.parts, lossPart{int(groups), a, func(step float64) *pld.Loss { return pld.Truncated(a, m.bound, step) }})
		default: // Google's: each statistic at its own share
			c.AddChoices(shares[i].loss.FloatUp(), shares[i].delta.FloatUp(), 1)
		}
	}
	for _, s := range p.rangeChoices() {
		c.AddChoices(s.epsilon().FloatUp(), 0, int(s.sides().Num().Int64()))
	}
	if p.cuts != nil { // one unit changes one number of each bound's pair
		c.Add(p.cuts.noise, 1, len(p.cuts.bounds))
	}
	if s := cal.Selection; s != nil && s.Mechanism.kind != TruncatedGeometric {
		c.miss = exact.AddUp(c.miss, -exact.Log1pDown(-s.Delta.delta.FloatUp()))
	}
}

// maxRuns is the greatest number of draws of one kind in a composition.
const maxRuns = 1 << 20

// step is the grid of losses. Connecting the dots errs by the order of its
// square, so that a few points to the smallest loss and thousands to the greatest
// sum of losses are within 1e-3; many more would only cost time.
func (c *Composition) step() float64 {
	sum := c.mu2/2 + 8*math.Sqrt(c.mu2)
	least := sum
	for _, p := range c.parts {
		sum += float64(p.runs) * p.epsilon
		least = math.Min(least, p.epsilon)
		if least == 0 {
			least = p.epsilon
		}
	}
	return math.Max(math.Min(least/4, sum/(1<<12)), sum/(1<<19))
}

// Epsilon is an ε for which everything added is (ε, delta)-private, an upper
// bound within about 1e-3 of the least. It is +Inf if delta is too small. The
// error is of kind fault.Plan and says that something added could not be
// counted.
func (c *Composition) Epsilon(delta float64) (float64, error) {
	if c.err != nil {
		return 0, c.err
	}
	if c.miss > 0 { // δ = miss + (1-miss)·δ′
		delta = exact.SubDown(delta, -exact.Expm1Down(-c.miss))
		if delta <= 0 {
			return math.Inf(1), nil
		}
	}
	if len(c.parts) == 0 {
		if c.mu2 == 0 {
			return 0, nil
		}
		return pld.GaussianEpsilonUp(exact.SqrtUp(c.mu2), delta), nil
	}
	step := c.step()
	var all *pld.Loss
	for _, p := range c.parts {
		l := p.loss(step).Power(p.runs, compositionCut)
		if all != nil {
			l = all.Compose(l)
		}
		all = l
	}
	if c.mu2 > 0 {
		g := pld.Shift(pld.GaussianNoise{Sigma: exact.DivDown(1, exact.SqrtUp(c.mu2))}, 1, false)
		all = all.Compose(pld.Discretize(g, step, pld.ConnectDots))
	}
	return all.EpsilonUp(delta), nil
}
