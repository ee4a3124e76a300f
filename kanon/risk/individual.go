package risk

import (
	"math"

	"github.com/oboro-data/oboro/internal/fault"
)

// Individual returns the risk of a person in a class of f people of a sample
// that stand, by their survey weights, for weight people of the population
// (Benedetti, Franconi: Statistical and Technological Solutions for Controlled
// Data Dissemination, 1998; Franconi, Polettini: Individual Risk Estimation in
// μ-Argus, 2004).
//
// The number F of people of the class in the population is f plus a negative
// binomial, with sampling fraction p = f/weight. The risk is the mean of 1/F:
//
//	E[1/F] = ∫₀¹ G(t)/t dt,  G(t) = (p·t/(1-(1-p)·t))^f
//	       = ∫₀¹ x^(f-1)/(1+c·x) dx,  c = (1-p)/p,  by x = p·t/(1-(1-p)·t).
//
// Call it I_f. I_1 = ln(1+c)/c, and x^f/(1+c·x) = (x^(f-1) - x^(f-1)/(1+c·x))/c
// gives I_(f+1) = (1/f - I_f)/c, which damps errors for c > 1. Otherwise
// integration by parts, again and again, gives the series of positive terms
//
//	I_f = p·Σ_k (1-p)^k·k!/(f·(f+1)·…·(f+k)).
//
// A class that is the whole of its population has the risk 1/f. f < 1, or a
// weight below f, is an error of kind Data.
func Individual(f int64, weight float64) (float64, error) {
	if f < 1 || !(weight >= float64(f)) || math.IsInf(weight, 0) {
		return 0, fault.Dataf("individual risk: a class has no people, or weights that add up to fewer than its people; give weights of at least 1")
	}
	p := float64(f) / weight
	if c := (1 - p) / p; c > 1 {
		risk := math.Log1p(c) / c
		for j := int64(1); j < f; j++ {
			risk = (1/float64(j) - risk) / c
		}
		return risk, nil
	}
	sum, term := 0.0, 1/float64(f)
	for k := 1.0; term > sum*1e-17; k++ {
		sum += term
		term *= (1 - p) * k / (float64(f) + k)
	}
	return p * sum, nil
}

// IndividualApproximate is the usual approximation of Individual, which other
// tools report by default: for classes of three people or more
//
//	p/(f-(1-p)),
//
// and the exact value for fewer.
func IndividualApproximate(f int64, weight float64) (float64, error) {
	exact, err := Individual(f, weight)
	if err != nil || f < 3 {
		return exact, err
	}
	p := float64(f) / weight
	return p / (float64(f) - (1 - p)), nil
}
