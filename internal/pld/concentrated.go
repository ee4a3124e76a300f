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

// FiniteRDP is the divergence of order alpha of the probabilities p from q, on
// finitely many outcomes. alpha may be +Inf.
func FiniteRDP(p, q []float64, alpha float64) RDP {
	top := math.Inf(-1)
	terms := make([]float64, 0, len(p))
	for i := range p {
		switch {
		case p[i] == 0:
		case q[i] == 0:
			return RDP{alpha, math.Inf(1)}
		case math.IsInf(alpha, 1):
			top = math.Max(top, math.Log(p[i]/q[i]))
		default:
			t := alpha*math.Log(p[i]) - (alpha-1)*math.Log(q[i])
			terms, top = append(terms, t), math.Max(top, t)
		}
	}
	if math.IsInf(alpha, 1) {
		return RDP{alpha, math.Max(0, top*(1+4*ulp))}
	}
	sum := 0.0
	for _, t := range terms {
		sum += math.Exp(t - top)
	}
	e := (top + math.Log(sum)) / (alpha - 1)
	return RDP{alpha, math.Max(0, e+8*ulp*(math.Abs(top)+1)/(alpha-1))}
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
