package pld

import (
	"math"
	"math/bits"

	"gonum.org/v1/gonum/dsp/fourier"
)

// A Loss is a privacy-loss distribution on a grid of Step: the privacy loss is
// (First+i)·Step with probability Mass[i], and infinite with probability
// Infinite. It dominates the mechanism that it was made of: every δ(ε) that it
// gives is an upper bound (Koskela, Jälkö and Honkela 2020; Doroshenko, Ghazi,
// Kamath, Kumar and Manurangsi 2022).
type Loss struct {
	Step     float64
	First    int
	Mass     []float64
	Infinite float64
}

// Rounding says how losses between two grid points are put on the grid.
type Rounding int

const (
	// ConnectDots divides a loss between its two neighbours so that both the
	// probability and the probability under the other table are kept. The result
	// dominates, as the convex combination of two outcomes can be merged by
	// post-processing, and is exact at the grid points.
	ConnectDots Rounding = iota
	// RoundUp moves a loss to the grid point above.
	RoundUp
)

// tailMass is the probability that is cut off at either end of a distribution;
// on the side of great losses it is added to the infinite loss.
const tailMass = 1e-20

// Discretize puts the loss of a pair on a grid.
func Discretize(p Pair, step float64, r Rounding) *Loss {
	return discretize(p, step, r, tailMass)
}

// discretize with a given mass beyond which the noise is cut.
func discretize(p Pair, step float64, r Rounding, cut float64) *Loss {
	b := &builder{step: step, rounding: r, mass: map[int]float64{}}
	// Beyond lo and hi lies next to nothing, or the loss is constant.
	s := p.Shifts[len(p.Shifts)-1]
	reach := p.Noise.reach(cut)
	bounded := math.IsInf(reach, 1)
	if bounded {
		reach = 0
	}
	lo, hi := -reach, reach
	if p.Remove {
		lo -= s
	} else {
		hi += s
	}
	switch {
	case p.Noise.whole():
		b.whole(p)
	case r == ConnectDots:
		b.dots(p, lo, hi)
	default:
		b.intervals(p, lo, hi, bounded)
	}
	return b.loss()
}

type builder struct {
	step     float64
	rounding Rounding
	mass     map[int]float64
	infinite float64
}

func (b *builder) add(i int, m float64) {
	if m > 0 {
		b.mass[i] += m
	}
}

// point adds the mass m at a loss of l; q is its mass under the other table.
func (b *builder) point(l, m, q float64) {
	if m <= 0 {
		return
	}
	if math.IsInf(l, 1) {
		b.infinite += m
		return
	}
	up := b.ceil(l)
	if b.rounding == RoundUp {
		b.add(up, m)
		return
	}
	b.divide(up, m, q)
}

// divide puts the masses m and q of losses between the grid points up-1 and
// up on these two: the part h goes up, with
//
//	h + g = m and h·e^-u + g·e^-(u-step) = q, u = up·step,
//
// hence h = m·(1 - e^(u-step)·q/m)/(1 - e^-step). The subtraction loses digits
// in proportion to 1/step; a millionth more of m goes up to cover that.
func (b *builder) divide(up int, m, q float64) {
	u := float64(up) * b.step
	h := m
	if x := 1 - math.Exp(u-b.step)*(q/m); x < -math.Expm1(-b.step) {
		h = math.Min(m, m*math.Max(0, x)/-math.Expm1(-b.step)+1e-6*b.step*m)
	}
	b.add(up, h)
	b.add(up-1, m-h)
}

// whole goes through the outcomes of noise on whole numbers.
func (b *builder) whole(p Pair) {
	s := p.Shifts[len(p.Shifts)-1]
	first, last := -s, s
	if n, ok := p.Noise.(*DiscreteGaussianNoise); ok {
		first, last = -float64(n.Bound)-s, float64(n.Bound)+s
	} else {
		// Discrete Laplace: outside [-s, s] the loss is constant.
		b.point(p.Loss(first-1), p.upper(first-1), p.lower(first-1))
		b.point(p.Loss(last+1), 1-p.upper(last), 1-p.lower(last))
	}
	for x := first; x <= last; x++ {
		b.point(p.Loss(x), p.upper(x)-p.upper(x-1), p.lower(x)-p.lower(x-1))
	}
}

// intervals rounds up the loss of continuous noise. Outcomes below lo get an
// infinite loss, unless the loss is bounded by that of lo; those above hi the
// loss of hi.
func (b *builder) intervals(p Pair, lo, hi float64, bounded bool) {
	if bounded {
		b.add(b.ceil(p.Loss(lo)), p.upper(lo))
	} else {
		b.infinite += p.upper(lo)
	}
	b.add(b.ceil(p.Loss(hi)), above(p.Noise, hi, p, true))
	x := lo
	for up := b.ceil(p.Loss(lo)); x < hi; up-- {
		// Outcomes with a loss in ((up-1)·step, up·step].
		if next := math.Min(hi, p.Inverse(float64(up-1)*b.step)); next > x {
			m, _ := p.between(x, next)
			b.add(up, m)
			x = next
		}
	}
}

// ceil is the grid point at or above a loss.
func (b *builder) ceil(l float64) int { return int(math.Ceil(l/b.step - 1e-12)) }

// dots connects the dots of continuous noise between the grid points around
// the losses of hi and lo. What has a loss above the last point, with masses m
// and q, is divided between that point u and infinity: e^u·q goes to u. Losses
// below the first point are rounded up to it.
func (b *builder) dots(p Pair, lo, hi float64) {
	top := b.ceil(p.Loss(lo))
	bottom := int(math.Floor(p.Loss(hi)/b.step + 1e-12))
	u := float64(top) * b.step
	x := p.Inverse(u)
	if m := p.upper(x); m > 0 {
		h := math.Min(m, math.Exp(u)*p.lower(x))
		b.add(top, h)
		b.infinite += m - h
	}
	for up := top; up > bottom; up-- {
		if next := p.Inverse(float64(up-1) * b.step); next > x {
			if m, q := p.between(x, next); m > 0 {
				b.divide(up, m, q)
			}
			x = next
		}
	}
	b.add(bottom, above(p.Noise, x, p, true))
}

// above is the mass above x of either distribution, from the upper tail.
func above(n Noise, x float64, p Pair, upper bool) float64 {
	switch {
	case upper && p.Remove:
		return p.mix(func(s float64) float64 { return n.cdf(-x - s) })
	case upper || p.Remove:
		return n.cdf(-x)
	default:
		return p.mix(func(s float64) float64 { return n.cdf(-x + s) })
	}
}

// between is the mass of (x, y] under both distributions, from whichever tail
// is lighter.
func (p Pair) between(x, y float64) (m, q float64) {
	if x > 0 {
		return above(p.Noise, x, p, true) - above(p.Noise, y, p, true), above(p.Noise, x, p, false) - above(p.Noise, y, p, false)
	}
	return p.upper(y) - p.upper(x), p.lower(y) - p.lower(x)
}

func (b *builder) loss() *Loss {
	l := &Loss{Step: b.step, Infinite: b.infinite}
	first, last := math.MaxInt, math.MinInt
	for i := range b.mass {
		first, last = min(first, i), max(last, i)
	}
	if first > last {
		return l
	}
	l.First, l.Mass = first, make([]float64, last-first+1)
	for i, m := range b.mass {
		l.Mass[i-first] = m
	}
	return l
}

// Approx is the loss of any (ε, δ)-differentially private mechanism: infinite
// with probability δ, else that of randomised response at ε (Kairouz, Oh and
// Viswanath 2017, theorem 3.1). It stands for selection, and with δ = 0 for the
// exponential mechanism, for which it is an upper bound.
func Approx(epsilon, delta, step float64) *Loss {
	b := &builder{step: step, mass: map[int]float64{}, infinite: delta}
	high := (1 - delta) / (1 + math.Exp(-epsilon))
	low := (1 - delta) / (1 + math.Exp(epsilon))
	b.point(epsilon, high, low)
	b.point(-epsilon, low, high)
	return b.loss()
}

// Finite is the loss of the probabilities p against q, on finitely many
// outcomes.
func Finite(p, q []float64, step float64, r Rounding) *Loss {
	b := &builder{step: step, rounding: r, mass: map[int]float64{}}
	for i := range p {
		b.point(math.Log(p[i]/q[i]), p[i], q[i])
	}
	return b.loss()
}

// RandomizedResponse holds the answer probabilities of two respondents with
// different true values, 0 and 1 of k, who keep their value with probability
// 1-p and else draw one of the k uniformly.
func RandomizedResponse(p float64, k int) (one, other []float64) {
	one, other = make([]float64, k), make([]float64, k)
	for i := range k {
		one[i], other[i] = p/float64(k), p/float64(k)
	}
	one[0] += 1 - p
	other[1] += 1 - p
	return one, other
}

// DeltaUp bounds from above the δ at which the mechanism is (ε, δ)-private:
// the infinite mass and Σ (1 - e^(ε-l))·P[l] over losses l > ε.
func (l *Loss) DeltaUp(epsilon float64) float64 {
	sum := 0.0
	for i := len(l.Mass) - 1; i >= 0; i-- {
		loss := float64(l.First+i) * l.Step
		if loss <= epsilon {
			break
		}
		sum += l.Mass[i] * -math.Expm1(epsilon-loss)
	}
	return math.Min(1, (sum+l.Infinite)*(1+1e-12))
}

// EpsilonUp bounds from above the least ε ≥ 0 at which the mechanism is
// (ε, δ)-private; +Inf if the infinite mass alone exceeds δ.
func (l *Loss) EpsilonUp(delta float64) float64 {
	if l.Infinite*(1+1e-12) > delta {
		return math.Inf(1)
	}
	return leastEpsilon(func(e float64) bool { return l.DeltaUp(e) <= delta })
}

// Compose is the loss of both mechanisms together, on the same grid. Losses of
// independent noise add, so that masses are convolved, by FFT.
//
// The transform of n points errs, in Euclidean length, by at most 4·log₂(n)·2⁻⁵²
// of the length of what is transformed (Higham 2002, theorem 24.2). Masses sum
// to at most 1, so the transform of one factor is at most 1 everywhere and the
// product is no longer than the shorter factor. Three transforms and a product
// thus err by at most 13·log₂(n)·2⁻⁵² times that length, and by √n times as much
// in the sum of absolute values, which is added to the infinite mass. Where one
// factor is short they are convolved directly.
//
// Losses on different grids are a programming error and panic.
func (l *Loss) Compose(m *Loss) *Loss {
	if l.Step != m.Step {
		panic("pld: losses on different grids")
	}
	c := &Loss{Step: l.Step, First: l.First + m.First}
	c.Infinite = l.Infinite + m.Infinite - l.Infinite*m.Infinite
	if len(l.Mass) == 0 || len(m.Mass) == 0 {
		return c
	}
	n := len(l.Mass) + len(m.Mass) - 1
	if min(len(l.Mass), len(m.Mass)) <= 64 {
		c.Mass = make([]float64, n)
		for i, x := range l.Mass {
			for j, y := range m.Mass {
				c.Mass[i+j] += x * y
			}
		}
		return c
	}
	size := 1 << bits.Len(uint(n-1))
	fft := fourier.NewFFT(size)
	a := fft.Coefficients(nil, padded(l.Mass, size))
	b := fft.Coefficients(nil, padded(m.Mass, size))
	for i := range a {
		a[i] *= b[i]
	}
	c.Mass = fft.Sequence(nil, a)[:n]
	for i := range c.Mass {
		c.Mass[i] = math.Max(0, c.Mass[i]/float64(size))
	}
	c.Infinite += math.Sqrt(float64(size)) * 13 * math.Log2(float64(size)) * ulp * math.Min(norm(l.Mass), norm(m.Mass))
	return c
}

func padded(x []float64, n int) []float64 {
	y := make([]float64, n)
	copy(y, x)
	return y
}

func norm(x []float64) float64 {
	s := 0.0
	for _, v := range x {
		s += v * v
	}
	return math.Sqrt(s)
}

// Power is the loss of k ≥ 1 independent runs, by repeated squaring. After
// every step tails of at most cut in probability are removed: at great losses
// into the infinite mass, at small ones upwards.
func (l *Loss) Power(k int, cut float64) *Loss {
	var result *Loss
	for square := l; ; square = square.Compose(square).trim(cut) {
		if k&1 == 1 {
			if result == nil {
				result = square
			} else {
				result = result.Compose(square).trim(cut)
			}
		}
		if k >>= 1; k == 0 {
			return result
		}
	}
}

func (l *Loss) trim(cut float64) *Loss {
	lo, hi := 0, len(l.Mass)
	low, high := 0.0, 0.0
	for ; hi > lo && high+l.Mass[hi-1] <= cut; hi-- {
		high += l.Mass[hi-1]
	}
	for ; lo < hi-1 && low+l.Mass[lo] <= cut; lo++ {
		low += l.Mass[lo]
	}
	t := &Loss{Step: l.Step, First: l.First + lo, Mass: l.Mass[lo:hi:hi], Infinite: l.Infinite + high}
	if len(t.Mass) > 0 {
		t.Mass[0] += low
	}
	return t
}
