package pld

import (
	"math"

	"github.com/oboro-data/oboro/internal/exact"
)

// Continuous Gaussian noise of standard deviation σ on a vector that changes
// by at most Δ in Euclidean length is described by one number, μ = Δ/σ. Any
// composition of Gaussian mechanisms, with their own Δᵢ and σᵢ, is one such
// mechanism with μ² = Σ μᵢ² (Dong, Roth and Su 2022, corollary 3.3).

// GaussianDeltaUp bounds from above the least δ for which a Gaussian mechanism
// of μ = Δ/σ is (ε, δ)-differentially private. By theorem 8 of Balle and Wang
// 2018,
//
//	δ = Q(a) - e^ε·Q(b),  a = ε/μ - μ/2,  b = ε/μ + μ/2,  Q(x) = P[N(0,1) > x].
//
// As b²/2 = a²/2 + ε, the densities satisfy φ(a) = e^ε·φ(b); with Mills' ratio
// M = Q/φ this is δ = φ(a)·(M(a) - M(b)), which neither overflows nor loses
// small δ. The bound adds the error of the functions and the cancellation.
func GaussianDeltaUp(mu, epsilon float64) float64 {
	switch {
	case mu <= 0:
		return 0
	case math.IsInf(mu, 1):
		return 1
	}
	a := epsilon/mu - mu/2
	b := epsilon/mu + mu/2
	switch {
	case a > 37.2: // φ(a)·M(a) < leastDelta, and φ soon underflows
		return leastDelta
	case a < -8: // M would be huge; here Q(a) is close to 1 and nothing cancels
		d := math.Erfc(a/math.Sqrt2)/2 - math.Exp(epsilon+logQ(b))
		return math.Min(1, d*(1+1e-14)+1e-15)
	}
	d := millsDrop(a, b) * math.Exp(-a*a/2) / math.Sqrt(2*math.Pi)
	// a errs by 2⁻⁵² of (ε/μ + μ/2), so the exponent by that times |a|.
	d *= 1 + 8*ulp*(2+math.Abs(a)*(b+math.Abs(a)))
	return math.Max(leastDelta, math.Min(1, d))
}

const (
	leastDelta = 1e-300 // no δ of Gaussian noise is told from smaller ones

	ulp        = 1.0 / (1 << 52)
	millsError = 24 * ulp // relative error of mills, tested against 200 bits
)

// millsDrop bounds M(a) - M(b), a < b, from above. Where a and b are close the
// difference would lose digits; as M′(x) = x·M(x) - 1, it is then the integral
// of 1 - x·M(x), by Gauss and Legendre's rule of eight points, which is exact to
// the last digit on an interval of length 1.
func millsDrop(a, b float64) float64 {
	if b-a > 1 {
		ma, mb := mills(a), mills(b)
		return ma - mb + millsError*(ma+mb)
	}
	mid, half, sum := (a+b)/2, (b-a)/2, 0.0
	for i, x := range legendreNodes {
		sum += legendreWeights[i] * (millsSlope(mid-half*x) + millsSlope(mid+half*x))
	}
	return half * sum * (1 + 64*ulp)
}

var (
	legendreNodes   = [4]float64{0.18343464249564980, 0.52553240991632899, 0.79666647741362674, 0.96028985649753623}
	legendreWeights = [4]float64{0.36268378337836198, 0.31370664587788729, 0.22238103445337447, 0.10122853629037626}
)

// millsSlope is 1 - x·M(x) > 0. With M = 1/(x + t), t = 1/(x + 2/(x + …)), it is
// t·M for great x, without cancellation.
func millsSlope(x float64) float64 {
	if x < 4 {
		return 1 - x*mills(x)
	}
	t := 1 / millsFraction(x, 2)
	return t / (x + t)
}

// millsFraction is x + n/(x + (n+1)/(x + …)). Successive approximants enclose
// the value; 16 + 1600/x² terms reach full precision for x ≥ 4.
func millsFraction(x float64, n int) float64 {
	f := x
	for k := 16 + int(1600/(x*x)); k >= n; k-- {
		f = x + float64(k)/f
	}
	return f
}

// mills is Q(x)/φ(x), x ≥ -9, with a relative error of at most millsError.
func mills(x float64) float64 {
	if x < 0 {
		// Q(x) = 1 - Q(-x).
		return math.Sqrt(2*math.Pi)*math.Exp(x*x/2) - mills(-x)
	}
	if x < 4 {
		return math.Sqrt(math.Pi/2) * math.Exp(x*x/2) * math.Erfc(x/math.Sqrt2)
	}
	return 1 / millsFraction(x, 1) // Laplace's continued fraction
}

// logQ is ln Q(x), Q(x) = P[N(0,1) > x], with a relative error of at most
// 1e-14 for x ≥ 0, and an absolute error of 1e-14 for x < 0.
func logQ(x float64) float64 {
	if x < 4 {
		if x < -5 {
			return math.Log1p(-math.Erfc(-x/math.Sqrt2) / 2)
		}
		return math.Log(math.Erfc(x/math.Sqrt2) / 2)
	}
	return -x*x/2 - math.Log(2*math.Pi)/2 + math.Log(mills(x))
}

// LogGaussianTailUp bounds ln P[N(0,1) > x] from above.
func LogGaussianTailUp(x float64) float64 {
	l := logQ(x)
	return l + 4e-14*math.Max(1, math.Abs(l))
}

// GaussianTail is P[N(0,1) > x], nearest, for display.
func GaussianTail(x float64) float64 { return math.Erfc(x/math.Sqrt2) / 2 }

// GaussianMuDown is a μ for which a Gaussian mechanism is (ε, δ)-private, and
// no greater one is by more than about 1e-9 of it: the inverse of
// GaussianDeltaUp. epsilon ≥ 0, 0 < delta < 1. The noise for sensitivity Δ is
// σ = Δ/μ.
func GaussianMuDown(epsilon, delta float64) float64 {
	fits := func(mu float64) bool { return GaussianDeltaUp(mu, epsilon) <= delta }
	lo, hi := 1.0, 1.0
	for !fits(lo) && lo > 1e-300 {
		hi, lo = lo, lo/2
	}
	for fits(hi) && hi < 1e300 {
		lo, hi = hi, hi*2
	}
	for range 200 {
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

// GaussianEpsilonUp bounds from above the least ε ≥ 0 for which a Gaussian
// mechanism of μ = Δ/σ is (ε, δ)-private.
func GaussianEpsilonUp(mu, delta float64) float64 {
	return leastEpsilon(func(e float64) bool { return GaussianDeltaUp(mu, e) <= delta })
}

// leastEpsilon is the least ε ≥ 0, up to one float64, from which on fits is
// true; +Inf if there is none below 10⁶.
func leastEpsilon(fits func(epsilon float64) bool) float64 {
	if fits(0) {
		return 0
	}
	lo, hi := 0.0, 1.0
	for !fits(hi) {
		if lo, hi = hi, hi*2; hi > 1e6 {
			return math.Inf(1)
		}
	}
	for range 200 {
		mid := lo + (hi-lo)/2
		if mid <= lo || mid >= hi {
			break
		}
		if fits(mid) {
			hi = mid
		} else {
			lo = mid
		}
	}
	return hi
}

// GroupDeltaDown is a p for which 1 - (1-p)^n ≤ δ: the share of δ of each of
// n ≥ 1 independent groups. It is at least δ/n·(1 - 1e-14), the union bound.
func GroupDeltaDown(delta float64, n int64) float64 {
	if n == 1 {
		return delta
	}
	// 1 - (1-δ)^(1/n) = -expm1(ln(1-δ)/n); rounding towards 0 throughout.
	l := exact.DivUp(exact.Log1pUp(-delta), float64(n))
	return math.Max(0, -exact.Expm1Up(l))
}
