package dp

import (
	"math"

	"github.com/oboro-data/oboro/internal/exact"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/internal/pld"
)

// Private groups are selected by the noised number of their units, the very
// number that is released, if it is. A group that nobody is in is never
// looked at, so its absence must not tell more than δ.
//
// Let D and D′ differ by one unit. At most ℓ₀ groups hold that unit and nobody
// else: present in one table with a count of 1, absent from the other. Outside
// the event that one of them is released, both tables give the same groups,
// and the rest of the analysis is that of the noise. With p the probability
// that a group of one unit is released, and independent noise, the event has
// probability at most 1 - (1-p)^ℓ₀. This is added to the δ of the noise.

// A Selection says how private groups are selected: a group is released if its
// noised number of units is at least Threshold.
type Selection struct {
	Mechanism *Mechanism // the noise of the number of units
	Threshold int64      // inclusive, at least the floor that was asked for
	Delta     Budget     // exactly what of δ pays for selection: all of it where noise shares it
	groups    int64
}

// thresholdFor is the least T with 1 - (1 - P[1 + Z ≥ T])^groups ≤ δ, rounded
// upwards: inclusive, so P[Z ≥ T-1] and not P[Z > T-1] is what δ pays for.
func thresholdFor(m *Mechanism, groups int64, delta exact.Rat) (int64, error) {
	p := pld.GroupDeltaDown(delta.FloatDown(), groups)
	if p <= 0 {
		return 0, errSelectionDelta
	}
	if p >= 0.5 { // P[Z ≥ 1] < 1/2 ≤ p already
		return 2, nil
	}
	t := m.leastTail(exact.LogDown(p))
	if t >= 1<<61 {
		return 0, errNoiseRange
	}
	return t + 1, nil
}

var errSelectionDelta = fault.Planf("private groups are selected by noise, which needs a delta greater than 0; state one, or list the groups as public")

// truncatedFor is the truncated geometric mechanism of Desfontaines, Voss,
// Gipson and Mandayam 2022 for a number of units: noise of scale t = 1/ε′
// within ±k, and release if count + noise > k, which is the optimal selection
// of their theorem 1 and publishes the noised count at no further cost.
//
// ε′ = ε/ℓ₀ and δ′ = 1-(1-δ)^(1/ℓ₀) for each of the ℓ₀ groups of a unit. k is
// the least whole number with P[Z = k] ≤ δ′, where
//
//	P[Z = k] = e^(-kε′)·(1-q)/(1 + q - 2q^(k+1)), q = e^(-ε′).
//
// Counts n and n+1: a released value has probabilities that differ by the
// factor e^±ε′, but for n+1+k, reachable from n+1 only, with probability
// P[Z = k] ≤ δ′; to be withheld has probability P[Z ≤ k-n] ≤ P[Z = -k] +
// e^ε′·P[Z ≤ k-n-1], again within δ′. A group of nobody is withheld, one of
// one unit is released with probability P[Z = k].
func truncatedFor(scale exact.Rat, groups int64, delta exact.Rat) (*Mechanism, int64, error) {
	scale, _, _, err := laplaceScale(scale)
	if err != nil {
		return nil, 0, err
	}
	p := pld.GroupDeltaDown(delta.FloatDown(), groups)
	if p <= 0 {
		return nil, 0, errSelectionDelta
	}
	t, logP := scale.Float(), exact.LogDown(p)
	mass := func(k int64) float64 { return logTruncatedMass(t, k) }
	lo, hi := int64(0), int64(1)
	for mass(hi) > logP-1e-11 {
		if lo = hi; hi >= 1<<58 {
			return nil, 0, errNoiseRange
		}
		hi *= 2
	}
	for hi-lo > 1 {
		if mid := lo + (hi-lo)/2; mass(mid) > logP-1e-11 {
			lo = mid
		} else {
			hi = mid
		}
	}
	m, err := newTruncated(scale, hi)
	return m, hi + 1, err
}

// logTruncatedMass is ln P[Z = k] of discrete Laplace noise of scale t within
// ±k; its error is below 1e-12 of max(1, k/t), and k/t stays below 10³ for any
// δ of a float64, which the slack of truncatedFor covers.
func logTruncatedMass(t float64, k int64) float64 {
	e := 1 / t
	q := math.Exp(-e)
	return -float64(k)*e + math.Log(-math.Expm1(-e)) - math.Log1p(q-2*math.Exp(-float64(k+1)*e))
}

// Probability is the probability that a group of the given number of units is
// released, for display in a plan.
func (s *Selection) Probability(units int64) float64 {
	if units <= 0 {
		return 0
	}
	return s.Mechanism.tail(s.Threshold - units)
}

// UnitsForHalf is the least number of units with which a group is released
// with probability at least one half. As noise is symmetric, and positive with
// probability below one half, it is the threshold itself.
func (s *Selection) UnitsForHalf() int64 { return s.Threshold }

// Threshold is the least inclusive threshold for a count of units, each in at
// most groups groups, noised by discrete Laplace noise at epsilon, for which
// selection costs at most delta. It fails with kind fault.Plan.
func Threshold(epsilon, delta float64, groups int64) (int64, error) {
	b := Approx(epsilon, delta)
	if err := b.AcceptLargeDelta().Validate(); err != nil {
		return 0, err
	}
	if groups < 1 {
		return 0, errGroups
	}
	m, err := newLaplace(exact.Int(groups).Quo(b.loss))
	if err != nil {
		return 0, err
	}
	return thresholdFor(m, groups, b.delta)
}

var errGroups = fault.Planf("bounds: groups-per-unit must be at least 1")

// ChooseSelection picks, for a count of units released and selected under
// (ε, δ) with at most groups groups for each unit, the mechanism that releases
// a group of the fewest units with probability one half: discrete Laplace or
// Gaussian noise with a threshold, or truncated geometric noise. Gaussian
// noise and its threshold share δ. Of equals the one of
// least variance is taken.
func ChooseSelection(b Budget, groups int64) (*Selection, error) {
	c, err := Calibrate(b, groups, NoiseExact, nil, []Need{{L1: 1}}, &Select{Unwanted: true})
	if err != nil {
		return nil, err
	}
	return c.Selection, nil
}
