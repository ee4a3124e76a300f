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
// Kamath, Kumar and Manurangsi 2022). A Loss made with RoundDown is the
// opposite, and composes with its like only.
type Loss struct {
	Step     float64
	First    int
	Mass     []float64
	Infinite float64
	down     bool    // made with RoundDown
	slack    float64 // then: by how much the masses may exceed theirs
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
	// RoundDown moves a loss to the grid point below, and every approximation on
	// the way goes downwards too: the result is dominated by the mechanism, and
	// DeltaDown and EpsilonDown bound it from below. It shows how close an upper
	// bound is.
	RoundDown
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
	return p.on(p.stretch(cut), step, r)
}

// on puts the losses of a stretch, and of what lies outside, on a grid.
func (p Pair) on(t stretch, step float64, r Rounding) *Loss {
	b := &builder{step: step, rounding: r, mass: map[int]float64{}}
	switch {
	case p.Noise.whole() && (r != ConnectDots || !math.IsInf(p.Noise.reach(0), 1) || t.hi-t.lo < 1<<12):
		b.whole(p, t)
	case p.Noise.whole():
		t.lo, t.hi = t.lo-1, t.hi+1 // the outermost losses are what lies outside
		b.dots(p, t)
	case r == ConnectDots:
		b.dots(p, t)
	default:
		b.intervals(p, t)
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
	switch b.rounding {
	case RoundUp:
		b.add(b.ceil(l), m)
	case RoundDown:
		b.add(b.floor(l), m)
	default:
		b.divide(b.ceil(l), m, q)
	}
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
func (b *builder) whole(p Pair, t stretch) {
	b.point(t.first, t.below, p.lower(t.lo-1))
	b.point(t.last, t.above, p.beyond(t.hi, false))
	for x := t.lo; x <= t.hi; x++ {
		b.point(p.Loss(x), p.upper(x)-p.upper(x-1), p.lower(x)-p.lower(x-1))
	}
}

// intervals rounds the losses of continuous noise up or down. Outcomes outside
// the stretch get the loss of what is there: below lo, where noise is cut, an
// infinite one, or rounding down that of lo. Rounding down, what is cut above hi
// is left out.
func (b *builder) intervals(p Pair, t stretch) {
	top := b.ceil(p.Loss(t.lo))
	down := b.rounding == RoundDown
	switch cut := math.IsInf(t.first, 1); {
	case !cut:
		b.point(t.first, t.below, 0)
	case down:
		b.add(b.floor(p.Loss(t.lo)), t.below)
	default:
		b.infinite += t.below
	}
	if !down || !math.IsInf(t.first, 1) {
		b.point(t.last, t.above, 0)
	}
	x := t.lo
	for up := top; x < t.hi; up-- {
		// Outcomes with a loss in ((up-1)·step, up·step].
		if next := math.Min(t.hi, p.Inverse(float64(up-1)*b.step)); next > x {
			m, _ := p.between(x, next)
			if x = next; down {
				b.add(up-1, m)
			} else {
				b.add(up, m)
			}
		}
	}
}

// ceil and floor are the grid points around a loss.
func (b *builder) ceil(l float64) int  { return int(math.Ceil(l/b.step - 1e-12)) }
func (b *builder) floor(l float64) int { return int(math.Floor(l/b.step + 1e-12)) }

// dots connects the dots of continuous noise between the grid points around
// the losses of hi and lo. What has a loss above the last point, with masses m
// and q, is divided between that point u and infinity: e^u·q goes to u. Losses
// below the first point are rounded up to it.
func (b *builder) dots(p Pair, t stretch) {
	top, bottom := b.ceil(p.Loss(t.lo)), b.floor(p.Loss(t.hi))
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
	b.add(bottom, p.beyond(x, true))
}

// between is the mass of (x, y] under both distributions, from whichever tail
// is lighter.
func (p Pair) between(x, y float64) (m, q float64) {
	if x > 0 {
		return p.beyond(x, true) - p.beyond(y, true), p.beyond(x, false) - p.beyond(y, false)
	}
	return p.upper(y) - p.upper(x), p.lower(y) - p.lower(x)
}

func (b *builder) loss() *Loss {
	l := &Loss{Step: b.step, Infinite: b.infinite, down: b.rounding == RoundDown}
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
// Viswanath 2017, theorem 3.1).
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
	return math.Min(1, (l.excess(epsilon)+l.Infinite)*(1+1e-12))
}

// DeltaDown bounds it from below, for a Loss made with RoundDown.
func (l *Loss) DeltaDown(epsilon float64) float64 {
	return math.Max(0, (l.excess(epsilon)+l.Infinite)*(1-1e-12)-l.slack)
}

func (l *Loss) excess(epsilon float64) float64 {
	sum := 0.0
	for i := len(l.Mass) - 1; i >= 0; i-- {
		loss := float64(l.First+i) * l.Step
		if loss <= epsilon {
			break
		}
		sum += l.Mass[i] * -math.Expm1(epsilon-loss)
	}
	return sum
}

// EpsilonUp bounds from above the least ε ≥ 0 at which the mechanism is
// (ε, δ)-private; +Inf if the infinite mass alone exceeds δ.
func (l *Loss) EpsilonUp(delta float64) float64 {
	if l.Infinite*(1+1e-12) > delta {
		return math.Inf(1)
	}
	return leastEpsilon(func(e float64) bool { return l.DeltaUp(e) <= delta })
}

// EpsilonDown bounds from below the least ε ≥ 0 at which the mechanism is (ε,
// δ)-private, for a Loss made with RoundDown.
func (l *Loss) EpsilonDown(delta float64) float64 {
	if l.Infinite*(1-1e-12)-l.slack > delta {
		return math.Inf(1)
	}
	e := leastEpsilon(func(e float64) bool { return l.DeltaDown(e) <= delta })
	return math.Max(0, e*(1-1e-12))
}

// PowerUp bounds from above the probability with which a test detects that a
// unit is there, if it raises a false alarm with at most the given probability:
// by Neyman and Pearson the best test takes the outcomes of greatest loss, and
// an outcome of mass m and loss l is a false alarm of m·e^-l (Dong, Roth and Su
// 2022, proposition 2.4, the trade-off function).
func (l *Loss) PowerUp(falseAlarms float64) float64 {
	left, power := falseAlarms, l.Infinite
	for i := len(l.Mass) - 1; i >= 0 && left > 0; i-- {
		m := l.Mass[i]
		q := m * math.Exp(-float64(l.First+i)*l.Step)
		if q > left {
			m *= left / q
		}
		left, power = left-q, power+m
	}
	return math.Min(1, power*(1+1e-12))
}

// Compose is the loss of both mechanisms together, on the same grid. Losses of
// independent noise add, so that masses are convolved, by FFT.
//
// The transform of n points errs, in Euclidean length, by at most 4·log₂(n)·2⁻⁵²
// of the length of what is transformed (Higham 2002, theorem 24.2). Masses sum
// to at most 1, so the transform of one factor is at most 1 everywhere and the
// product is no longer than the shorter factor. Three transforms and a product
// thus err by at most 13·log₂(n)·2⁻⁵² times that length, and by √n times as much
// in the sum of absolute values, which is added to the infinite mass. (Rounding
// down, it is taken off δ.) Where one factor is short they are convolved
// directly.
//
// Losses on different grids, or rounded in different directions, are a
// programming error and panic.
func (l *Loss) Compose(m *Loss) *Loss {
	if l.Step != m.Step || l.down != m.down {
		panic("pld: losses on different grids")
	}
	c := &Loss{Step: l.Step, First: l.First + m.First, down: l.down, slack: l.slack + m.slack}
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
	errs := math.Sqrt(float64(size)) * 13 * math.Log2(float64(size)) * ulp * math.Min(norm(l.Mass), norm(m.Mass))
	if c.down {
		c.slack += errs
	} else {
		c.Infinite += errs
	}
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
// into the infinite mass, at small ones upwards; rounding down, they are left
// out.
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
	t := &Loss{Step: l.Step, First: l.First + lo, Mass: l.Mass[lo:hi:hi], Infinite: l.Infinite, down: l.down, slack: l.slack}
	if l.down {
		return t // what is cut off is left out
	}
	t.Infinite += high
	if len(t.Mass) > 0 {
		t.Mass[0] += low
	}
	return t
}
