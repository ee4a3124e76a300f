package pld

import "math"

// ZCDPDeltaUp bounds from above a δ for which ρ-zero-concentrated differential
// privacy implies (ε, δ)-differential privacy. By Canonne, Kamath and Steinke
// 2020, corollary 13, every α > 1 gives one:
//
//	δ = e^((α-1)(αρ-ε)) · (1 - 1/α)^α / (α - 1).
//
// The logarithm is convex in α; the zero of its derivative
// (2α-1)ρ - ε + ln(1 - 1/α) is found by bisection. Any α is valid, so only the
// evaluation itself has to be rounded upwards.
func ZCDPDeltaUp(rho, epsilon float64) float64 {
	if rho == 0 {
		return 0
	}
	lo, hi := 1.0, 2.0 // α - 1 between lo-1 … in terms of α
	slope := func(alpha float64) float64 {
		return (2*alpha-1)*rho - epsilon + math.Log1p(-1/alpha)
	}
	for slope(hi) < 0 && hi < 1e300 {
		hi *= 2
	}
	for range 200 {
		mid := lo + (hi-lo)/2
		if mid <= lo || mid >= hi {
			break
		}
		if slope(mid) < 0 {
			lo = mid
		} else {
			hi = mid
		}
	}
	return zcdpDeltaAt(rho, epsilon, hi)
}

func zcdpDeltaAt(rho, epsilon, alpha float64) float64 {
	x := (alpha - 1) * (alpha*rho - epsilon)
	y := alpha * math.Log1p(-1/alpha)
	z := math.Log(alpha - 1)
	l := x + y - z
	slack := 4 * ulp * ((alpha-1)*(alpha*rho+epsilon) + math.Abs(y) + math.Abs(z))
	return math.Min(1, math.Exp(l+slack)*(1+4*ulp))
}

// ZCDPEpsilonUp bounds from above the least ε ≥ 0 for which ρ-zCDP implies
// (ε, δ)-differential privacy through ZCDPDeltaUp.
func ZCDPEpsilonUp(rho, delta float64) float64 {
	return leastEpsilon(func(e float64) bool { return ZCDPDeltaUp(rho, e) <= delta })
}

// ZCDPRhoDown is a ρ for which ρ-zCDP implies (ε, δ)-differential privacy: the
// inverse of ZCDPDeltaUp in ρ.
func ZCDPRhoDown(epsilon, delta float64) float64 {
	fits := func(rho float64) bool { return ZCDPDeltaUp(rho, epsilon) <= delta }
	lo, hi := 0.0, 1.0
	for fits(hi) && hi < 1e300 {
		lo, hi = hi, hi*2
	}
	for range 1100 {
		mid := lo + (hi-lo)/2
		if mid <= lo || mid >= hi {
			break
		}
		if fits(mid) {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// RDP is Rényi differential privacy at one order (Mironov 2017): the Rényi
// divergence of order Alpha > 1 is at most Epsilon. Values of one order add.
type RDP struct{ Alpha, Epsilon float64 }

// GaussianRDP is the divergence of order alpha of Gaussian noise: αμ²/2.
func GaussianRDP(mu, alpha float64) RDP {
	return RDP{alpha, alpha * mu * mu / 2 * (1 + 4*ulp)}
}

// LaplaceRDP is the divergence of order alpha of Laplace noise of scale t
// times the sensitivity (Mironov 2017, proposition 6):
//
//	1/(α-1) · ln( α/(2α-1)·e^((α-1)/t) + (α-1)/(2α-1)·e^(-α/t) ).
func LaplaceRDP(t, alpha float64) RDP {
	// The first exponential is taken out of the logarithm.
	x := (alpha - 1) / t
	rest := math.Log(alpha/(2*alpha-1) + (alpha-1)/(2*alpha-1)*math.Exp(-(2*alpha-1)/t))
	return RDP{alpha, math.Max(0, (x+rest)/(alpha-1)+8*ulp*(x+1)/(alpha-1))}
}

// RandomizedResponseRDP is the divergence of order alpha between the answers
// of two respondents (replacement) under k-ary randomised response that keeps
// the true value with probability 1-p and else draws one of the k values
// uniformly. alpha may be +Inf.
func RandomizedResponseRDP(p float64, k int, alpha float64) RDP {
	keep := 1 - p + p/float64(k)
	other := p / float64(k)
	if math.IsInf(alpha, 1) {
		return RDP{alpha, math.Log(keep/other) * (1 + 4*ulp)}
	}
	if keep == other {
		return RDP{alpha, 0}
	}
	// The two answers that differ, and k-2 that do not.
	sum := math.Pow(keep/other, alpha-1)*keep + math.Pow(other/keep, alpha-1)*other + float64(k-2)*other
	return RDP{alpha, math.Max(0, math.Log(sum)/(alpha-1)) * (1 + 1e-14)}
}

// DeltaUp bounds from above the δ for which the divergence implies
// (ε, δ)-differential privacy (Canonne, Kamath and Steinke 2020, proposition
// 12): δ = e^((α-1)(τ-ε))·(1-1/α)^α/(α-1) for a divergence of at most τ.
func (r RDP) DeltaUp(epsilon float64) float64 {
	return zcdpDeltaAt(r.Epsilon/r.Alpha, epsilon, r.Alpha)
}

// EpsilonUp is the ε of DeltaUp solved for a given δ,
//
//	ε = τ + ln(1-1/α) - ln(δ·α)/(α-1),
//
// not below 0.
func (r RDP) EpsilonUp(delta float64) float64 {
	a := r.Alpha
	x := math.Log1p(-1 / a)
	y := (math.Log(delta) + math.Log(a)) / (a - 1)
	e := r.Epsilon + x - y
	return math.Max(0, e+8*ulp*(r.Epsilon+math.Abs(x)+math.Abs(y)))
}

// AdvancedComposition bounds from above the ε of k mechanisms, each
// ε₀-differentially private, with a slack of delta, by the exact composition
// theorem for pure differential privacy (Kairouz, Oh and Viswanath 2017,
// theorem 3.3): the least (k-2i)·ε₀ whose δ is at most delta, where
//
//	δᵢ = Σ_{l<i} C(k,l)·(e^((k-l)ε₀) - e^((k-2i+l)ε₀)) / (1+e^ε₀)^k.
func AdvancedComposition(epsilon0 float64, k int, delta float64) float64 {
	best := float64(k) * epsilon0
	for i := 1; 2*i <= k; i++ {
		if compositionDelta(epsilon0, k, i) > delta {
			break
		}
		best = float64(k-2*i) * epsilon0
	}
	return best
}

func compositionDelta(e0 float64, k, i int) float64 {
	lk, _ := math.Lgamma(float64(k + 1))
	base := float64(k) * (e0 + math.Log1p(math.Exp(-e0))) // ln (1+e^ε₀)^k
	sum := 0.0
	for l := range i {
		ll, _ := math.Lgamma(float64(l + 1))
		lr, _ := math.Lgamma(float64(k - l + 1))
		c := lk - ll - lr
		sum += math.Exp(c+float64(k-l)*e0-base) * -math.Expm1(float64(2*(l-i))*e0)
	}
	return sum * (1 + 1e-12)
}
