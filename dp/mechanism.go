package dp

import (
	"math"
	"math/big"

	"github.com/oboro-data/oboro/internal/exact"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/internal/noise"
	"github.com/oboro-data/oboro/internal/pld"
)

// The kinds of noise, as reports name them.
const (
	DiscreteLaplace      = "discrete-laplace"      // P[z] ∝ e^(-|z|/t) on the whole numbers
	DiscreteGaussian     = "discrete-gaussian"     // P[z] ∝ e^(-z²/2σ²) on a grid, rounded to whole numbers
	TruncatedGeometric   = "truncated-geometric"   // discrete Laplace conditioned on |z| ≤ bound
	GoogleLaplace        = "google-laplace"        // Backend.Laplace
	GoogleGaussian       = "google-gaussian"       // Backend.Gaussian
	ExponentialMechanism = "exponential-mechanism" // a choice, not a noise
)

// A Mechanism is one distribution of noise on whole numbers, centred on 0 and
// symmetric. It is immutable and may be used by many goroutines.
//
// What privacy the noise gives depends on how much one unit changes the
// number it is added to; Calibrate goes from there to the Mechanism, Loss
// back.
type Mechanism struct {
	kind   string
	scale  exact.Rat // Laplace: t. Gaussian: σ² on the refined grid. GoogleGaussian: σ
	refine int64     // Gaussian: the grid is refined so many times, odd
	bound  int64     // truncated geometric

	laplace  *noise.Laplace
	gaussian *noise.Gaussian

	backend        Backend // google
	l1, l0, linf   int64
	epsilon, delta float64
}

// NewDiscreteLaplace is discrete Laplace noise of scale t = l1/epsilon, exactly:
// added to whole numbers that one unit changes by at most l1 in the sum of
// absolute changes, it is pure ε-differentially private (Ghosh, Roughgarden
// and Sundararajan 2012). Where t is no fraction of 62-bit numbers, it is the
// next greater one. The error is of kind fault.Plan.
func NewDiscreteLaplace(l1 int64, epsilon float64) (*Mechanism, error) {
	e, ok := exact.FromFloat(epsilon)
	if !ok || e.Sign() <= 0 || l1 < 1 {
		return nil, fault.Planf("discrete Laplace noise needs a sensitivity of at least 1 and an epsilon greater than 0")
	}
	return newLaplace(exact.Int(l1).Quo(e))
}

func newLaplace(scale exact.Rat) (*Mechanism, error) {
	scale, num, den, err := laplaceScale(scale)
	if err != nil {
		return nil, err
	}
	l, err := noise.NewLaplace(num, den)
	if err != nil {
		return nil, errNoiseRange
	}
	return &Mechanism{kind: DiscreteLaplace, scale: scale, laplace: l}, nil
}

var errNoiseRange = fault.Planf("the noise would exceed the range of the exact arithmetic; use a coarser resolution, a smaller range, fewer groups per unit or a greater epsilon")

// laplaceScale is the scale rounded up to what the sampler takes.
func laplaceScale(scale exact.Rat) (rounded exact.Rat, num, den uint64, err error) {
	rounded, ok := scale.RoundUpTo(61)
	if ok {
		num, den, ok = rounded.Uint64s()
	}
	if !ok || num == 0 {
		return rounded, 0, 0, errNoiseRange
	}
	return rounded, num, den, nil
}

// NewDiscreteGaussian is discrete Gaussian noise with parameter σ², for whole
// numbers: by theorem 4 of Canonne, Kamath and Steinke 2020 it is
// Δ²/2σ²-zero-concentrated differentially private on vectors that one unit
// changes by at most Δ in Euclidean length. sigmaSquared stands for its
// shortest decimal. The error is of kind fault.Plan.
func NewDiscreteGaussian(sigmaSquared float64) (*Mechanism, error) {
	s, ok := exact.FromFloat(sigmaSquared)
	if !ok || s.Sign() <= 0 {
		return nil, fault.Planf("discrete Gaussian noise needs a variance parameter greater than 0")
	}
	return newGaussian(s, 1)
}

// newGaussian takes σ² on a grid that is refined g times, g odd, and rounds it
// up to what the sampler takes.
func newGaussian(sigmaSquared exact.Rat, g int64) (*Mechanism, error) {
	s := sigmaSquared
	// Denominators up to 2²⁰ are kept; others become the largest power of two
	// that leaves the numerator within its limit.
	if d := s.Denom(); d.BitLen() > 20 {
		k := min(20, noise.MaxSigmaSquaredBits-s.Ceil().BitLen()-1)
		if k < 0 {
			return nil, errNoiseRange
		}
		one := exact.BigInt(new(big.Int).Lsh(big.NewInt(1), uint(k)))
		s = exact.BigInt(s.Mul(one).Ceil()).Quo(one)
	}
	n, err := noise.NewGaussian(s.Num(), s.Denom().Uint64(), uint64(g))
	if err != nil {
		if s = exact.BigInt(s.Ceil()); s.Sign() > 0 {
			n, err = noise.NewGaussian(s.Num(), 1, uint64(g))
		}
		if err != nil {
			return nil, errNoiseRange
		}
	}
	return &Mechanism{kind: DiscreteGaussian, scale: s, refine: g, gaussian: n}, nil
}

// newTruncated is discrete Laplace noise of the given scale conditioned on
// |z| ≤ bound.
func newTruncated(scale exact.Rat, bound int64) (*Mechanism, error) {
	num, den, ok := scale.Uint64s()
	if !ok || bound < 1 {
		return nil, errNoiseRange
	}
	l, err := noise.NewTruncatedLaplace(num, den, uint64(bound))
	if err != nil {
		return nil, errNoiseRange
	}
	return &Mechanism{kind: TruncatedGeometric, scale: scale, bound: bound, laplace: l}, nil
}

// Kind is one of the constants DiscreteLaplace, DiscreteGaussian, ….
func (m *Mechanism) Kind() string { return m.kind }

// Scale is the exact scale in whole numbers: t of Laplace noise, as a decimal
// or fraction; σ of Gaussian noise rounded to nine digits, as σ² is what is
// rational; String has it.
func (m *Mechanism) Scale() string {
	switch m.kind {
	case DiscreteGaussian:
		f, _ := exact.FromFloat(roundDigits(m.sigma(), 9))
		return f.String()
	default:
		return m.scale.String()
	}
}

// sigma is σ in whole numbers, nearest.
func (m *Mechanism) sigma() float64 { return math.Sqrt(m.scale.Float()) / float64(m.refine) }

func roundDigits(x float64, digits int) float64 {
	if x == 0 || math.IsInf(x, 0) || math.IsNaN(x) {
		return x
	}
	p := math.Pow(10, float64(digits)-1-math.Floor(math.Log10(math.Abs(x))))
	if math.IsInf(p, 0) || p == 0 {
		return x
	}
	return math.Round(x*p) / p
}

// String names the distribution with its exact parameters.
func (m *Mechanism) String() string {
	switch m.kind {
	case DiscreteGaussian:
		if m.refine == 1 {
			return "discrete Gaussian noise, σ² = " + m.scale.String()
		}
		g := exact.Int(m.refine).String()
		return "discrete Gaussian noise, σ² = " + m.scale.String() + " on a grid of 1/" + g + ", rounded to whole numbers"
	case TruncatedGeometric:
		return "discrete Laplace noise of scale " + m.scale.String() + " within ±" + exact.Int(m.bound).String()
	case DiscreteLaplace:
		return "discrete Laplace noise of scale " + m.scale.String()
	default:
		return m.kind + " noise of scale " + m.Scale()
	}
}

// Variance is the variance of the noise, up to a relative error of 1e-4.
//
// Discrete Laplace (Canonne, Kamath and Steinke 2020, section 3.3), with
// q = e^(-1/t): 2q/(1-q)². Discrete Gaussian: at most σ², and equal to it up
// to e^(-2π²σ²) (their theorem 1 and corollary 9), with rounding 1/12 more.
func (m *Mechanism) Variance() float64 {
	t := m.scale.Float()
	switch m.kind {
	case DiscreteGaussian:
		g := float64(m.refine)
		if sigma := m.sigma(); m.refine > 1 && sigma < 2 {
			return roundedVariance(sigma)
		}
		if m.refine > 1 {
			return (t + (g*g-1)/12) / (g * g)
		}
		if t > 2 {
			return t
		}
		return smallGaussianVariance(t)
	case TruncatedGeometric:
		return truncatedVariance(t, m.bound)
	case GoogleGaussian:
		return t*t + 1.0/12
	case GoogleLaplace:
		return 2*t*t + 1.0/12
	default:
		// q/(1-q)² = 1/(4 sinh²(1/2t)).
		s := math.Sinh(1 / (2 * t))
		return 1 / (2 * s * s)
	}
}

// roundedVariance is the variance of Gaussian noise rounded to whole numbers,
// Σ z²·P[z] = Σ 2(2z-1)·P[Z ≥ z] over z ≥ 1.
func roundedVariance(sigma float64) float64 {
	v := 0.0
	for z := 1.0; z < 80; z++ {
		v += 2 * (2*z - 1) * pld.GaussianTail((z-0.5)/sigma)
	}
	return v
}

// smallGaussianVariance sums the definition for σ² ≤ 2.
func smallGaussianVariance(sigma2 float64) float64 {
	w, v := 1.0, 0.0
	for z := 1.0; z < 40; z++ {
		p := 2 * math.Exp(-z*z/(2*sigma2))
		w, v = w+p, v+p*z*z
	}
	return v / w
}

// truncatedVariance is the variance of discrete Laplace noise within ±k: with
// h(z) = e^(-z/t), 2·Σ z²h / (1 + 2·Σ h) over z = 1 … k.
func truncatedVariance(t float64, k int64) float64 {
	x := float64(k) / t
	switch {
	case x > 60: // the cut is beyond what a float64 sees
		s := math.Sinh(1 / (2 * t))
		return 1 / (2 * s * s)
	case k > 1<<20: // the integral in place of the sum errs by a share of 1/k
		return t * t * (2 - math.Exp(-x)*(x*x+2*x+2)) / -math.Expm1(-x)
	}
	w, v := 1.0, 0.0
	for z := int64(1); z <= k; z++ {
		p := 2 * math.Exp(-float64(z)/t)
		w, v = w+p, v+p*float64(z)*float64(z)
	}
	return v / w
}

// StdError is the square root of Variance: the standard error that the noise
// adds to a number.
func (m *Mechanism) StdError() float64 { return math.Sqrt(m.Variance()) }

// AddNoise adds an independent draw to every element of xs, from a stream
// under a fresh key. A sum beyond int64 becomes the nearest limit. It fails
// only for the noise of a Backend.
func (m *Mechanism) AddNoise(xs []int64) error {
	s := noise.NewStream()
	defer s.Close()
	return m.add(s, xs)
}

// add is AddNoise with the caller's stream.
func (m *Mechanism) add(s *noise.Stream, xs []int64) error {
	switch {
	case m.laplace != nil:
		m.laplace.Add(s, xs)
	case m.gaussian != nil:
		m.gaussian.Add(s, xs)
	case noise.Off:
	case m.kind == GoogleLaplace:
		return m.backend.Laplace(xs, m.l1, m.epsilon)
	default:
		return m.backend.Gaussian(xs, m.l0, m.linf, m.epsilon, m.delta)
	}
	return nil
}

// addWide adds an independent draw to every 128-bit number hi[i]·2⁶⁴ + lo[i].
// Numbers are within ±2¹²⁶. A Backend takes 64 bits only: numbers beyond are
// clamped to them first, which is part of the statistic and was planned for.
func (m *Mechanism) addWide(s *noise.Stream, hi []int64, lo []uint64) error {
	switch {
	case m.laplace != nil:
		m.laplace.AddWide(s, hi, lo)
	case m.gaussian != nil:
		m.gaussian.AddWide(s, hi, lo)
	default:
		xs := make([]int64, len(hi))
		for i := range xs {
			switch narrow := int64(lo[i]); {
			case narrow>>63 == hi[i]:
				xs[i] = narrow
			case hi[i] < 0:
				xs[i] = math.MinInt64
			default:
				xs[i] = math.MaxInt64
			}
		}
		if err := m.add(s, xs); err != nil {
			return err
		}
		for i, x := range xs {
			hi[i], lo[i] = x>>63, uint64(x)
		}
	}
	return nil
}

// logTailUp bounds ln P[Z ≥ z] from above, z ≥ 1.
//
// Discrete Laplace: P[Z ≥ z] = e^(-z/t)/(1 + e^(-1/t)). Truncated: the same
// less the part beyond the bound, and renormalised. Discrete Gaussian on the
// refined grid: the terms from k = g·z - ⌊g/2⌋ on; e^(-x²/2σ²) is convex for
// x ≥ σ, so each term is at most the integral over half a step to both sides,
// and the sum of all terms is at least √(2π)σ (Poisson summation), so that
// P[Z ≥ z] ≤ Q((k - 1/2)/σ) if k - 1/2 ≥ σ.
func (m *Mechanism) logTailUp(z int64) float64 {
	switch m.kind {
	case DiscreteGaussian:
		k := float64(m.refine)*float64(z) - float64(m.refine/2) - 0.5
		s := exact.SqrtUp(m.scale.FloatUp())
		x := exact.DivDown(k, s)
		if x < 1 {
			// Where the density is concave the midpoint rule errs by at most
			// ∫|φ″|/24 < 0.05 steps, and by no more than the greatest term.
			return math.Log(math.Min(0.5, pld.GaussianTail(x)+math.Min(0.4/s, 0.05/(s*s)))) + 1e-12
		}
		return pld.LogGaussianTailUp(x)
	case TruncatedGeometric:
		if z > m.bound {
			return math.Inf(-1)
		}
	case GoogleGaussian:
		// The library rounds σ up by at most a thousandth, and the noise to
		// the nearest whole number.
		return pld.LogGaussianTailUp((float64(z) - 0.5) / (1.001 * m.scale.FloatUp()))
	case GoogleLaplace:
		// A continuous Laplace distribution up to steps of 2⁻³⁹ of its scale,
		// rounded to the nearest whole number: P[Z ≥ z] = e^(-(z-1/2)/t)/2.
		return -(float64(z)-0.5)/(m.scale.FloatUp()*(1+1e-9)) - math.Ln2 + 1e-12
	}
	t := m.scale.FloatUp()
	x := exact.DivDown(float64(z), t)
	l := exact.AddUp(-x, -exact.Log1pDown(exact.ExpDown(exact.DivDown(-1, m.scale.FloatDown()))))
	if m.kind == TruncatedGeometric {
		// (e^-z/t - e^-(k+1)/t)/(…)/(1 - 2e^-(k+1)/t/(1+e^-1/t)).
		over := math.Exp(-(float64(m.bound) + 1) / t)
		l += math.Log1p(-math.Exp(-(float64(m.bound+1-z))/t)) - math.Log1p(-2*over/(1+math.Exp(-1/t))) + 1e-12
	}
	return l
}

// tail is P[Z ≥ z] for display, z any whole number; the noise is symmetric.
func (m *Mechanism) tail(z int64) float64 {
	if z <= 0 {
		return 1 - m.tail(1-z)
	}
	return math.Min(0.5, math.Exp(m.logTailUp(z)))
}

// Interval is the least c for which |Z| ≤ c with at least the given
// probability, 0 < confidence < 1: released ± c is a confidence interval for
// the number before noise (and after clamping).
func (m *Mechanism) Interval(confidence float64) int64 {
	miss := math.Log((1 - confidence) / 2)
	return m.leastTail(miss) - 1
}

// leastTail is the least z ≥ 1 with ln P[Z ≥ z] ≤ logP by logTailUp.
func (m *Mechanism) leastTail(logP float64) int64 {
	lo, hi := int64(0), int64(1)
	for m.logTailUp(hi) > logP {
		if lo = hi; hi >= 1<<61 {
			return 1 << 62
		}
		hi *= 2
	}
	for hi-lo > 1 {
		if mid := lo + (hi-lo)/2; m.logTailUp(mid) > logP {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi
}
