package pld

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// bigQ is Q(x)·√(2π)·e^(x²/2), Mills' ratio, to about 50 digits: by the power
// series of the error function for x < 8, by 4,000 terms of Laplace's continued
// fraction from there on.
func bigMills(x float64) *big.Float {
	const prec = 400
	num := func(v float64) *big.Float { return new(big.Float).SetPrec(prec).SetFloat64(v) }
	bx := num(x)
	if x >= 4 {
		f := num(x)
		for n := 4000.0; n >= 1; n-- {
			f = new(big.Float).SetPrec(prec).Add(bx, new(big.Float).SetPrec(prec).Quo(num(n), f))
		}
		return new(big.Float).SetPrec(prec).Quo(num(1), f)
	}
	// ∫_0^x e^((x²-t²)/2) dt = Σ x^(2n+1)/(1·3·5…(2n+1)); M(x) = √(π/2)·e^(x²/2) - that.
	sum, term := num(0), num(x)
	for n := 1.0; n < 400; n++ {
		sum.Add(sum, term)
		term.Mul(term, bx).Mul(term, bx).Quo(term, num(2*n+1))
	}
	half := new(big.Float).SetPrec(prec).Mul(bx, bx)
	half.Quo(half, num(2))
	e, t := num(1), num(1)
	for n := 1.0; n < 400; n++ {
		t.Mul(t, half).Quo(t, num(n))
		e.Add(e, t)
	}
	halfPi, _ := new(big.Float).SetPrec(prec).SetString("1.5707963267948966192313216916397514420985846996875529104874722961539082031431044993140174126710585339910740432566411533")
	root := new(big.Float).SetPrec(prec).Sqrt(halfPi)
	return root.Mul(root, e).Sub(root, sum)
}

func trials() int {
	if testing.Short() {
		return 40
	}
	return 300
}

// Mills' ratio and its slope are as exact as stated.
func TestMills(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range trials() {
		x := r.Float64()*48 - 8
		want := bigMills(x)
		got := new(big.Float).SetPrec(400).SetFloat64(mills(x))
		d, _ := new(big.Float).Quo(new(big.Float).Sub(got, want), want).Float64()
		if math.Abs(d) > millsError {
			t.Errorf("M(%v) errs by %g", x, d)
		}
		// 1 - x·M.
		slope := new(big.Float).SetPrec(400).Mul(want, new(big.Float).SetFloat64(x))
		slope.Sub(big.NewFloat(1).SetPrec(400), slope)
		s := new(big.Float).SetPrec(400).SetFloat64(millsSlope(x))
		d, _ = new(big.Float).Quo(new(big.Float).Sub(s, slope), slope).Float64()
		if math.Abs(d) > 48*ulp*2 {
			t.Errorf("1 - x·M(%v) errs by %g", x, d)
		}
	}
}

// GaussianDeltaUp bounds theorem 8 from above, closely, by 400-bit arithmetic.
func TestGaussianDelta(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range trials() {
		mu, epsilon := math.Exp(r.Float64()*12-8), math.Exp(r.Float64()*10-6)
		a, b := epsilon/mu-mu/2, epsilon/mu+mu/2
		if a < -8 || a > 37 {
			continue
		}
		drop := new(big.Float).Sub(bigMills(a), bigMills(b))
		d, _ := drop.Float64()
		want := d * math.Exp(-a*a/2) / math.Sqrt(2*math.Pi)
		got := GaussianDeltaUp(mu, epsilon)
		// The reference evaluates a and the exponential in float64.
		tol := 1e-13 * (1 + math.Abs(a)*(b+math.Abs(a)))
		if got < want*(1-tol) || got > want*(1+tol+1e-10) {
			t.Errorf("μ=%g ε=%g: δ ≤ %g, exactly %g", mu, epsilon, got, want)
		}
	}
}

// Where the density underflows the bound is still one: ln δ ≤ ln Q(a).
func TestTinyGaussianDelta(t *testing.T) {
	last := 1.0
	for a := 36.0; a < 60; a += 0.01 {
		const mu = 0.5
		d := GaussianDeltaUp(mu, (a+mu/2)*mu)
		half := new(big.Float).Mul(big.NewFloat(a/2), big.NewFloat(a))
		h, _ := half.Float64()
		m, _ := new(big.Float).Sub(bigMills(a), bigMills(a+mu)).Float64()
		// The logarithm of φ(a)·(M(a) - M(b)).
		if l := -h - math.Log(2*math.Pi)/2 + math.Log(m); d <= 0 || math.Log(d) < l-1e-9*h || d > last {
			t.Fatalf("a = %g: δ ≤ %g, ln δ = %g", a, d, l)
		}
		last = d
	}
}

// Inverses are on the safe side.
func TestInverses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		epsilon := math.Exp(rapid.Float64Range(-10, 5).Draw(t, "ln ε"))
		delta := math.Exp(rapid.Float64Range(-600, -0.1).Draw(t, "ln δ"))
		mu := GaussianMuDown(epsilon, delta)
		if GaussianDeltaUp(mu, epsilon) > delta || GaussianDeltaUp(mu*(1+1e-7), epsilon) <= delta {
			t.Fatalf("μ(%g, %g) = %g", epsilon, delta, mu)
		}
		if e := GaussianEpsilonUp(mu, delta); e > epsilon*(1+1e-9)+1e-12 {
			t.Fatalf("ε(%g, %g) = %g, want %g", mu, delta, e, epsilon)
		}
		rho := ZCDPRhoDown(epsilon, delta)
		if ZCDPDeltaUp(rho, epsilon) > delta || ZCDPEpsilonUp(rho, delta) > epsilon*(1+1e-9)+1e-12 {
			t.Fatalf("ρ(%g, %g) = %g", epsilon, delta, rho)
		}
		// Gaussian noise is better than what zCDP knows of it.
		if mu*mu/2 < rho*(1-1e-9) {
			t.Fatalf("exact ρ %g is less than the bound %g", mu*mu/2, rho)
		}
		n := rapid.Int64Range(1, 1<<40).Draw(t, "groups")
		p := GroupDeltaDown(delta, n)
		if p < delta/float64(n)*(1-1e-13) || -math.Expm1(float64(n)*math.Log1p(-p)) > delta*(1+1e-12) {
			t.Fatalf("share of %g in %d groups is %g", delta, n, p)
		}
	})
}

// On the grid: never below the truth, and within 1e-3 of it.
func TestLossOfGaussians(t *testing.T) {
	for _, c := range []struct {
		mu float64
		k  int
	}{{1, 1}, {0.2, 10}, {0.05, 100}, {0.3, 64}} {
		down := Discretize(Shift(GaussianNoise{1 / c.mu}, 1, true), 1e-3, RoundDown).Power(c.k, 1e-16)
		for _, delta := range []float64{1e-3, 1e-6, 1e-9} {
			truth, got := GaussianEpsilonUp(c.mu*math.Sqrt(float64(c.k)), delta), down.EpsilonDown(delta)
			if got > truth || got < truth-1.5e-3*float64(c.k) {
				t.Errorf("μ=%g k=%d δ=%g: at least ε = %.9f, the truth is %.9f", c.mu, c.k, delta, got, truth)
			}
		}
		for _, r := range []Rounding{ConnectDots, RoundUp} {
			l := Discretize(Shift(GaussianNoise{1 / c.mu}, 1, true), 1e-3, r).Power(c.k, 1e-16)
			for _, delta := range []float64{1e-3, 1e-6, 1e-9} {
				truth := GaussianEpsilonUp(c.mu*math.Sqrt(float64(c.k)), delta)
				got := l.EpsilonUp(delta)
				if got < truth*(1-1e-10) {
					t.Errorf("μ=%g k=%d δ=%g: ε = %.9f is below the truth, %.9f", c.mu, c.k, delta, got, truth)
				}
				if r == ConnectDots && got > truth*(1+1e-3) {
					t.Errorf("μ=%g k=%d δ=%g: ε = %.9f is far above the truth, %.9f", c.mu, c.k, delta, got, truth)
				}
			}
		}
	}
}

// Composition of randomised response against the binomial distribution.
func TestCompositionIsExact(t *testing.T) {
	const epsilon, k = 0.5, 40
	l := Approx(epsilon, 0, epsilon).Power(k, 0)
	p := 1 / (1 + math.Exp(-epsilon))
	for e := 0.0; e < 15; e += 0.7 {
		want := 0.0
		for i := 0; i <= k; i++ { // i losses of +ε, k-i of -ε
			loss := float64(2*i-k) * epsilon
			if loss > e {
				lg := func(n int) float64 { v, _ := math.Lgamma(float64(n + 1)); return v }
				want += math.Exp(lg(k)-lg(i)-lg(k-i)+float64(i)*math.Log(p)+float64(k-i)*math.Log1p(-p)) * -math.Expm1(e-loss)
			}
		}
		if got := l.DeltaUp(e); got < want*(1-1e-12) || got > want+1e-9*want+1e-13 {
			t.Errorf("δ(%g) = %g, want %g", e, got, want)
		}
	}
}

// Mass is kept by discretising, composing and trimming.
func TestMassIsKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := math.Exp(rapid.Float64Range(-1, 3).Draw(t, "scale"))
		noise := []Noise{LaplaceNoise{s}, GaussianNoise{s}, DiscreteLaplaceNoise{1 / s}, NewDiscreteGaussianNoise(s, 0)}[rapid.IntRange(0, 3).Draw(t, "noise")]
		q := []float64{1, 0.3}[rapid.IntRange(0, 1).Draw(t, "sampling")]
		p := Sampled(noise, float64(rapid.IntRange(1, 3).Draw(t, "shift")), q, rapid.Bool().Draw(t, "remove"))
		l := Discretize(p, 0.01, Rounding(rapid.IntRange(0, 1).Draw(t, "rounding")))
		k := rapid.IntRange(1, 5).Draw(t, "k")
		for _, x := range []*Loss{l, l.Power(k, 1e-12)} {
			sum := x.Infinite
			for _, m := range x.Mass {
				sum += m
			}
			if sum < 1-1e-11 || sum > 1+1e-9 {
				t.Fatalf("mass %v of %d runs", sum, k)
			}
		}
		// Pessimistic for one run: the grid gives at least the pair's own δ.
		e := rapid.Float64Range(0, 4).Draw(t, "ε")
		if got, want := l.DeltaUp(e), p.Delta(e); got < want*(1-1e-9)-1e-14 {
			t.Fatalf("δ(%g) = %g is below %g", e, got, want)
		}
	})
}

// Bounds from both sides enclose the pair's own δ, whatever the noise, sampling
// and relation; and that of a replacement is the integral that defines it.
func TestBothSides(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := math.Exp(rapid.Float64Range(-1, 2).Draw(t, "scale"))
		noise := []Noise{GaussianNoise{s}, LaplaceNoise{s}, DiscreteLaplaceNoise{1 / s}, NewDiscreteGaussianNoise(s, 0)}[rapid.IntRange(0, 3).Draw(t, "noise")]
		q := []float64{1, 0.3}[rapid.IntRange(0, 1).Draw(t, "sampling")]
		p := Sampled(noise, float64(rapid.IntRange(1, 2).Draw(t, "shift")), q, rapid.Bool().Draw(t, "remove"))
		if _, ok := noise.(GaussianNoise); ok && rapid.Bool().Draw(t, "replace") {
			p.Replace = true
		}
		h := []float64{0.01, 0.1}[rapid.IntRange(0, 1).Draw(t, "step")]
		up, down := Discretize(p, h, ConnectDots), Discretize(p, h, RoundDown)
		for e := 0.0; e < 4; e += 0.37 {
			want := p.Delta(e)
			if hi, lo := up.DeltaUp(e), down.DeltaDown(e); lo > want*(1+1e-9)+1e-14 || hi < want*(1-1e-9)-1e-14 {
				t.Fatalf("δ(%g) = %g is not within %g and %g", e, want, lo, hi)
			}
		}
		if !p.Replace {
			return
		}
		e, sum, top := 0.7, 0.0, p.Shifts[len(p.Shifts)-1]+12*s
		for x, dx := -top, top/2e4; x < top; x += dx {
			f := func(move float64) float64 {
				return p.mix(func(d float64) float64 { z := (x + move*d) / s; return math.Exp(-z * z / 2) })
			}
			sum += dx * math.Max(0, f(1)-math.Exp(e)*f(-1)) / (s * math.Sqrt(2*math.Pi))
		}
		if got := p.Delta(e); math.Abs(got-sum) > 1e-4 {
			t.Fatalf("δ of a replacement is %g, by integration %g", got, sum)
		}
	})
}

// The power of a test at any rate of false alarms lies on or above that of
// randomised response, and the trade-off gives δ back.
func TestPower(t *testing.T) {
	l := Discretize(Shift(GaussianNoise{2}, 1, true), 1e-3, ConnectDots)
	for _, a := range []float64{1e-6, 1e-3, 0.05, 0.5} {
		// Gaussian noise: Φ(Φ⁻¹(α) + μ).
		z := 0.0
		for lo, hi := -10.0, 10.0; hi-lo > 1e-12; {
			if z = (lo + hi) / 2; GaussianTail(-z) > a {
				hi = z
			} else {
				lo = z
			}
		}
		want := GaussianTail(-z - 0.5)
		if got := l.PowerUp(a); got < want*(1-1e-9) || got > want*(1+1e-3) {
			t.Errorf("power at %g is %g, want %g", a, got, want)
		}
	}
}

func TestGridsMustAgree(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("losses on different grids were composed")
		}
	}()
	Approx(1, 0, 0.1).Compose(Approx(1, 0, 0.2))
}

// LaplaceRDP against the integral that defines it, and as an upper bound on
// what noise costs: never below the loss distribution.
func TestLaplaceRDP(t *testing.T) {
	for _, scale := range []float64{0.5, 1, 3, 20} {
		for _, alpha := range []float64{1.2, 2, 5, 30} {
			sum := 0.0
			const step = 1e-3
			for x := -60*scale - 2; x < 60*scale+2; x += step {
				m := x + step/2
				sum += step / (2 * scale) * math.Exp(-alpha*math.Abs(m)/scale-(1-alpha)*math.Abs(m-1)/scale)
			}
			want := math.Log(sum) / (alpha - 1)
			if got := LaplaceRDP(scale, alpha).Epsilon; math.Abs(got-want) > 1e-5*(1+want)/(alpha-1) {
				t.Errorf("t=%g α=%g: %g, by integration %g", scale, alpha, got, want)
			}
		}
	}
	best, k := math.Inf(1), 50.0
	for alpha := 1.1; alpha < 300; alpha *= 1.05 {
		r := LaplaceRDP(10, alpha)
		r.Epsilon *= k
		best = math.Min(best, r.EpsilonUp(1e-6))
	}
	if exact := Discretize(Shift(LaplaceNoise{10}, 1, true), 1e-3, ConnectDots).Power(int(k), 1e-16).EpsilonUp(1e-6); best < exact || best > 1.3*exact {
		t.Errorf("by Rényi divergence ε = %g, by loss distribution %g", best, exact)
	}
}
