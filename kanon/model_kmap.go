package kanon

import (
	"fmt"
	"math"

	"github.com/oboro-data/oboro/internal/fault"
)

// A CellEstimator says how KMap concludes from a class to its counterpart in
// the population.
type CellEstimator string

// The estimators of k-map. The empty estimator is PoissonEstimator.
const (
	PoissonEstimator              CellEstimator = "poisson"
	ZeroTruncatedPoissonEstimator CellEstimator = "zero-truncated-poisson"
)

// KMap asks that every class correspond to at least K people of the population
// from which the table is a sample (Sweeney: k-Anonymity, 2002; El Emam,
// Dankar: Protecting Privacy Using k-Anonymity, 2008).
//
// With PopulationSize 0 the people are counted in a population table:
//
//	N_E ≥ k.
//
// Else they are estimated. If a class had k people in a population of
// PopulationSize, the sample of n people would hold about Poisson(λ) of them,
// λ = k·n/PopulationSize. A class of k′ people or more is taken to have more
// than k, with an error of at most Significance = α for a class at the bound:
//
//	zero-truncated  k′ = 1 + min{x ≥ 1 : F(x) ≥ 1-α},  F(x) = Σ_{j=1..x} P(j)/(1-P(0)):
//	                the attacker knows that the target is in the sample
//	poisson         k′ = 2 + min{x ≥ 0 : F(x) ≥ 1-α},  F(x) = Σ_{j=0..x} P(j):
//	                one more than the test needs, for agreement with ARX
//
// and k′ is never above k, for a class of k people has k in the population.
// The model is then k′-anonymity. The estimate is a claim about a typical
// class of a simple random sample, not about each class.
//
// People are counted, not rows. Both forms are Growing. The probabilities are
// summed in floating point; a sum within 1e-12 of 1-α counts as below it,
// which errs towards a larger k′.
type KMap struct {
	K              int64 // ≥ 1
	PopulationSize int64 // people of the population; 0: a population table is given
	Estimator      CellEstimator
	Significance   float64 // α, above 0 and below 1; 0.01 is usual
}

func (m KMap) estimator() CellEstimator {
	if m.Estimator == "" {
		return PoissonEstimator
	}
	return m.Estimator
}

// Check refuses parameters outside their ranges.
func (m KMap) Check() error {
	if m.K < 1 {
		return fault.Planf("k-map: k is %d; give k ≥ 1", m.K)
	}
	if m.PopulationSize < 0 {
		return fault.Planf("k-map: the population is negative; give its size, or a population table")
	}
	if m.PopulationSize == 0 {
		return nil
	}
	if e := m.estimator(); e != PoissonEstimator && e != ZeroTruncatedPoissonEstimator {
		return fault.Planf("k-map: unknown estimator %q; give poisson or zero-truncated-poisson", string(m.Estimator))
	}
	if !(m.Significance > 0 && m.Significance < 1) {
		return fault.Planf("k-map: significance must be above 0 and below 1")
	}
	return nil
}

// Bind returns the test of a class. A population smaller than the table is an
// error of kind Plan.
func (m KMap) Bind(base *FrequencySet) (func(*EquivalenceClass) bool, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	if m.PopulationSize == 0 {
		return func(c *EquivalenceClass) bool { return c.Size == 0 || c.Population >= m.K }, nil
	}
	if m.PopulationSize < base.People {
		return nil, fault.Planf("k-map: the population is smaller than the table; give the number of people it was sampled from")
	}
	least := m.SampleK(base.People)
	return func(c *EquivalenceClass) bool { return c.Size == 0 || c.Size >= least }, nil
}

// SampleK returns k′: the least size that a class of a sample of so many
// people needs under the estimator. It is K where a population table is given
// that the sample can't replace.
func (m KMap) SampleK(people int64) int64 {
	if m.PopulationSize == 0 {
		return m.K
	}
	lambda := float64(m.K) * (float64(people) / float64(m.PopulationSize))
	logLambda := math.Log(lambda)
	p := func(x int64) float64 {
		if lambda == 0 {
			return math.Max(0, 1-float64(x))
		}
		logGamma, _ := math.Lgamma(float64(x) + 1)
		return math.Exp(float64(x)*logLambda - lambda - logGamma)
	}
	x, beyond, scale := int64(0), int64(2), 1.0
	if m.estimator() == ZeroTruncatedPoissonEstimator {
		x, beyond, scale = 1, 1, -math.Expm1(-lambda)
	}
	bound := (1 - m.Significance + 1e-12) * scale
	for sum := p(x); sum < bound && x < m.K; {
		x++
		sum += p(x)
	}
	return min(x+beyond, m.K)
}

// Monotone reports Growing.
func (KMap) Monotone() Monotonicity { return Growing }

// Population reports PopulationTable where no population size is given.
func (m KMap) Population() Population {
	if m.PopulationSize == 0 {
		return PopulationTable
	}
	return NoPopulation
}

// String is "3-map (population 317238626, zero-truncated-poisson, significance 0.01)".
func (m KMap) String() string {
	if m.PopulationSize == 0 {
		return fmt.Sprintf("%d-map (population table)", m.K)
	}
	return fmt.Sprintf("%d-map (population %d, %s, significance %v)", m.K, m.PopulationSize, m.estimator(), m.Significance)
}
