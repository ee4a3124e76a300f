package pld

import (
	"math"
	"sort"
)

// A Noise is a symmetric log-concave distribution, on the reals or on the
// whole numbers, as the loss accountant sees it.
type Noise interface {
	// cdf is P[Z ≤ x]. The upper tail is cdf(-x) or, on whole numbers,
	// cdf(-x-1), without loss of precision.
	cdf(x float64) float64
	// ratio is ln f(x+s) - ln f(x) for a shift s > 0. It does not increase in
	// x. Outside the support it is +Inf or -Inf.
	ratio(x, s float64) float64
	// inverse is the greatest x, a whole number for whole noise, with
	// ratio(x, s) ≥ l; ±Inf where none or all are.
	inverse(l, s float64) float64
	whole() bool
	// reach is an x with P[Z < -x] ≤ mass; +Inf where loss is bounded and the
	// tail need not be cut.
	reach(mass float64) float64
}

// LaplaceNoise is the continuous Laplace distribution of scale Scale.
type LaplaceNoise struct{ Scale float64 }

func (n LaplaceNoise) cdf(x float64) float64 {
	if x < 0 {
		return math.Exp(x/n.Scale) / 2
	}
	return 1 - math.Exp(-x/n.Scale)/2
}

func (n LaplaceNoise) ratio(x, s float64) float64 { return (math.Abs(x) - math.Abs(x+s)) / n.Scale }

func (n LaplaceNoise) inverse(l, s float64) float64 {
	top := s / n.Scale
	switch {
	case l > top:
		return math.Inf(-1)
	case l <= -top:
		return math.Inf(1)
	default:
		return (-l*n.Scale - s) / 2
	}
}

func (LaplaceNoise) whole() bool           { return false }
func (LaplaceNoise) reach(float64) float64 { return math.Inf(1) }

// GaussianNoise is the continuous Gaussian distribution of standard deviation
// Sigma.
type GaussianNoise struct{ Sigma float64 }

func (n GaussianNoise) cdf(x float64) float64 { return GaussianTail(-x / n.Sigma) }

func (n GaussianNoise) ratio(x, s float64) float64 { return -s * (2*x + s) / (2 * n.Sigma * n.Sigma) }

func (n GaussianNoise) inverse(l, s float64) float64 { return -l*n.Sigma*n.Sigma/s - s/2 }

func (GaussianNoise) whole() bool { return false }

func (n GaussianNoise) reach(mass float64) float64 {
	lo, hi := 0.0, 50.0
	for range 100 {
		if mid := (lo + hi) / 2; logQ(mid) > math.Log(mass) {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi * n.Sigma
}

// DiscreteLaplaceNoise has P[z] in proportion to e^(-A·|z|), z whole.
type DiscreteLaplaceNoise struct{ A float64 }

func (n DiscreteLaplaceNoise) cdf(x float64) float64 {
	x = math.Floor(x)
	if x < 0 {
		return math.Exp(n.A*x) / (1 + math.Exp(-n.A)) // P[Z ≥ -x]
	}
	return 1 - math.Exp(-n.A*(x+1))/(1+math.Exp(-n.A))
}

func (n DiscreteLaplaceNoise) ratio(x, s float64) float64 { return n.A * (math.Abs(x) - math.Abs(x+s)) }

func (n DiscreteLaplaceNoise) inverse(l, s float64) float64 {
	switch {
	case l > n.A*s:
		return math.Inf(-1)
	case l <= -n.A*s:
		return math.Inf(1)
	}
	x := math.Floor((-l/n.A - s) / 2)
	for n.ratio(x+1, s) >= l { // rounding
		x++
	}
	for n.ratio(x, s) < l {
		x--
	}
	return x
}

func (DiscreteLaplaceNoise) whole() bool           { return true }
func (DiscreteLaplaceNoise) reach(float64) float64 { return math.Inf(1) }

// DiscreteGaussianNoise has P[z] in proportion to e^(-z²/2σ²) for whole z
// within ±Bound. Make it with NewDiscreteGaussianNoise.
type DiscreteGaussianNoise struct {
	Sigma float64
	Bound int64
	below []float64 // below[i] = P[Z ≤ i - Bound]
}

// NewDiscreteGaussianNoise tabulates the distribution; bound 0 is 12σ, beyond
// which less than 10⁻³¹ lies.
func NewDiscreteGaussianNoise(sigma float64, bound int64) *DiscreteGaussianNoise {
	if bound == 0 {
		bound = int64(math.Ceil(12 * sigma))
	}
	n := &DiscreteGaussianNoise{Sigma: sigma, Bound: bound, below: make([]float64, 2*bound+1)}
	sum := 0.0
	for i := range n.below {
		z := float64(int64(i)-bound) / sigma
		sum += math.Exp(-z * z / 2)
		n.below[i] = sum
	}
	for i := range n.below {
		n.below[i] /= sum
	}
	return n
}

func (n *DiscreteGaussianNoise) cdf(x float64) float64 {
	i := math.Floor(x) + float64(n.Bound)
	switch {
	case i < 0:
		return 0
	case i >= float64(len(n.below)):
		return 1
	default:
		return n.below[int(i)]
	}
}

func (n *DiscreteGaussianNoise) ratio(x, s float64) float64 {
	switch b := float64(n.Bound); {
	case x < -b:
		return math.Inf(1)
	case x+s > b:
		return math.Inf(-1)
	}
	return -s * (2*x + s) / (2 * n.Sigma * n.Sigma)
}

func (n *DiscreteGaussianNoise) inverse(l, s float64) float64 {
	x := math.Floor(-l*n.Sigma*n.Sigma/s - s/2)
	b := float64(n.Bound)
	x = math.Min(math.Max(x, -b-1), b-s)
	for x+s < b && n.ratio(x+1, s) >= l {
		x++
	}
	for x >= -b && n.ratio(x, s) < l {
		x--
	}
	return x
}

func (*DiscreteGaussianNoise) whole() bool           { return true }
func (*DiscreteGaussianNoise) reach(float64) float64 { return math.Inf(1) }

// A Pair is the two distributions of a noised number on neighbouring tables:
// the number itself, and the number moved by Shifts[i] with probability
// Weights[i] (one shift of weight 1 unless people are sampled). If Remove, the
// loss is that of the moved distribution against the other, else the reverse.
// If Replace, one unit takes another's place: the number moves in one direction
// on one table and in the other on the other, both with these weights; the
// noise is then of unbounded support, and Remove is not looked at.
// The privacy loss of an outcome does not increase from left to right.
//
// For log-concave noise a smaller shift is dominated by a greater one: the
// likelihood ratio is monotone, so the best tests of either are "Z ≤ x", and
// their power grows with the shift. So the greatest shift suffices.
type Pair struct {
	Noise   Noise
	Shifts  []float64
	Weights []float64
	Remove  bool
	Replace bool
}

// Shift is the pair for a number that one unit changes by at most s.
func Shift(n Noise, s float64, remove bool) Pair {
	return Pair{Noise: n, Shifts: []float64{s}, Weights: []float64{1}, Remove: remove}
}

// Sampled is the pair where every unit takes part with probability q.
func Sampled(n Noise, s, q float64, remove bool) Pair {
	if q == 1 {
		return Shift(n, s, remove)
	}
	return Pair{Noise: n, Shifts: []float64{0, s}, Weights: []float64{1 - q, q}, Remove: remove}
}

// upperMoves and lowerMoves say which distribution is moved: the upper one,
// over which losses are counted, to the left, the lower one to the right.
func (p Pair) upperMoves() bool { return p.Remove || p.Replace }
func (p Pair) lowerMoves() bool { return !p.Remove || p.Replace }

// upper and lower are the cumulative distributions whose ratio is the loss.
func (p Pair) upper(x float64) float64 {
	if !p.upperMoves() {
		return p.Noise.cdf(x)
	}
	return p.mix(func(s float64) float64 { return p.Noise.cdf(x + s) })
}

func (p Pair) lower(x float64) float64 {
	if !p.lowerMoves() {
		return p.Noise.cdf(x)
	}
	return p.mix(func(s float64) float64 { return p.Noise.cdf(x - s) })
}

func (p Pair) mix(f func(s float64) float64) float64 {
	sum := 0.0
	for i, s := range p.Shifts {
		sum += p.Weights[i] * f(s)
	}
	return sum
}

// Loss is the privacy loss of the outcome x.
func (p Pair) Loss(x float64) float64 {
	if len(p.Shifts) == 1 {
		s := p.Shifts[0]
		switch {
		case p.Replace:
			return p.Noise.ratio(x-s, 2*s)
		case p.Remove:
			return p.Noise.ratio(x, s)
		}
		return p.Noise.ratio(x-s, s)
	}
	loss := 0.0
	if p.upperMoves() {
		loss += math.Log(p.mix(func(s float64) float64 {
			if s == 0 {
				return 1
			}
			return math.Exp(p.Noise.ratio(x, s))
		}))
	}
	if p.lowerMoves() {
		loss -= math.Log(p.mix(func(s float64) float64 {
			if s == 0 {
				return 1
			}
			return math.Exp(-p.Noise.ratio(x-s, s))
		}))
	}
	return loss
}

// Inverse is the greatest outcome whose loss is at least l, a whole number for
// whole noise; ±Inf where there is none or all are.
func (p Pair) Inverse(l float64) float64 {
	s := p.Shifts[len(p.Shifts)-1]
	move := 0.0
	if p.lowerMoves() {
		move = s
	}
	switch {
	case len(p.Shifts) == 1 && p.Replace:
		return p.Noise.inverse(l, 2*s) + move
	case len(p.Shifts) == 1:
		return p.Noise.inverse(l, s) + move
	case len(p.Shifts) == 2 && p.Shifts[0] == 0 && !p.Replace:
		// Solve the mixture for the loss of the shift alone.
		y := math.Exp(l)
		if !p.Remove {
			y = math.Exp(-l)
		}
		if y = (y - p.Weights[0]) / p.Weights[1]; y <= 0 {
			if p.Remove {
				return math.Inf(1)
			}
			return math.Inf(-1)
		}
		if p.Remove {
			return p.Noise.inverse(math.Log(y), s)
		}
		return p.Noise.inverse(-math.Log(y), s) + s
	}
	return p.search(l)
}

// search is Inverse by bisection.
func (p Pair) search(l float64) float64 {
	lo, hi := -1.0, 1.0
	for p.Loss(lo) < l && lo > -1e12 {
		lo *= 2
	}
	for p.Loss(hi) >= l && hi < 1e12 {
		hi *= 2
	}
	switch {
	case lo <= -1e12:
		return math.Inf(-1)
	case hi >= 1e12:
		return math.Inf(1)
	}
	if p.Noise.whole() {
		base := math.Floor(lo)
		return base + float64(sort.Search(int(hi-base)+1, func(i int) bool { return p.Loss(base+float64(i)) < l })) - 1
	}
	for range 200 {
		if mid := (lo + hi) / 2; p.Loss(mid) >= l {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi
}

// Delta is the least δ for which the pair is (ε, δ)-private in its direction:
// the mass of outcomes with a loss above ε, less e^ε times their mass under the
// other distribution. It is evaluated in float64; DeltaUp of a Loss bounds it.
func (p Pair) Delta(epsilon float64) float64 {
	x := p.Inverse(epsilon)
	if math.IsInf(x, -1) {
		return 0
	}
	if math.IsInf(x, 1) {
		return math.Max(0, 1-math.Exp(epsilon))
	}
	if g, ok := p.Noise.(GaussianNoise); ok && len(p.Shifts) == 1 && epsilon >= 0 {
		s := p.Shifts[0]
		if p.Replace {
			s *= 2
		}
		return GaussianDeltaUp(s/g.Sigma, epsilon)
	}
	return math.Max(0, p.upper(x)-math.Exp(epsilon)*p.lower(x))
}

// A stretch is the outcomes [lo, hi] of a pair whose losses are looked at one by
// one, and what lies outside. Noise of unbounded loss is cut where a given mass
// lies beyond: what is below lo then counts as an infinite loss. Otherwise
// losses are constant outside; on whole numbers lo and hi are the outermost
// outcomes that differ from that, so that lo may be hi+1, and on a bounded
// support they are its ends, with the infinite losses outside.
type stretch struct {
	lo, hi       float64
	below, above float64 // the masses outside, of the upper distribution
	first, last  float64 // the losses there
}

// stretch finds it for noise cut at a mass of cut in either tail.
func (p Pair) stretch(cut float64) stretch {
	s := p.Shifts[len(p.Shifts)-1]
	if n, ok := p.Noise.(*DiscreteGaussianNoise); ok {
		return p.finiteStretch(-float64(n.Bound)-s, float64(n.Bound)+s)
	}
	reach := p.Noise.reach(cut)
	bounded := math.IsInf(reach, 1)
	if bounded {
		reach = 0
	}
	t := stretch{lo: -reach, hi: reach}
	if p.upperMoves() {
		t.lo -= s
	} else {
		t.hi += s
	}
	t.below, t.first = p.upper(t.lo), math.Inf(1)
	if bounded {
		t.first = p.Loss(t.lo)
	}
	t.above, t.last = p.beyond(t.hi, true), p.Loss(t.hi)
	if p.Noise.whole() {
		// The ends belong to what is constant.
		t.above = p.beyond(t.hi-1, true)
		t.lo, t.hi = t.lo+1, t.hi-1
	}
	return t
}

// finiteStretch leaves out the outcomes from either end that are of infinite
// loss or do not occur.
func (p Pair) finiteStretch(lo, hi float64) stretch {
	for lo < hi && p.lower(lo) == 0 {
		lo++
	}
	for lo < hi && p.beyond(hi-1, true) <= 0 {
		hi--
	}
	return stretch{lo: lo, hi: hi, below: p.upper(lo - 1), first: math.Inf(1), last: math.Inf(-1)}
}

// beyond is the mass above x of the upper or the lower distribution, from its
// upper tail.
func (p Pair) beyond(x float64, upper bool) float64 {
	turn := -x
	if p.Noise.whole() {
		turn = -math.Floor(x) - 1
	}
	switch {
	case upper && p.upperMoves():
		return p.mix(func(s float64) float64 { return p.Noise.cdf(turn - s) })
	case !upper && p.lowerMoves():
		return p.mix(func(s float64) float64 { return p.Noise.cdf(turn + s) })
	default:
		return p.Noise.cdf(turn)
	}
}
