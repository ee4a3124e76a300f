package pld

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The loss of bounded range has the δ that was derived for it, and no
// exponential mechanism exceeds it.
func TestBoundedRange(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, epsilon := range []float64{0.01, 0.3, 1, 4} {
		l := BoundedRange(epsilon, epsilon/200)
		total := l.Infinite
		for _, m := range l.Mass {
			total += m
		}
		if math.Abs(total-1) > 1e-9 {
			t.Errorf("ε = %g: mass %g", epsilon, total)
		}
		exact := func(e float64) float64 {
			if e >= epsilon {
				return 0
			}
			x := math.Expm1((e - epsilon) / 2)
			return x * x / -math.Expm1(-epsilon)
		}
		for e := 0.0; e < epsilon*1.05; e += epsilon / 17 {
			if got, want := l.DeltaUp(e), exact(e); got < want*(1-1e-9) || got > want*1.01+1e-4*epsilon {
				t.Errorf("ε = %g: δ(%g) = %g, want %g", epsilon, e, got, want)
			}
		}
		// Twice a pure mechanism costs more than twice one of bounded range.
		if a, b := l.Power(2, 0).DeltaUp(epsilon), Approx(epsilon, 0, epsilon/200).Power(2, 0).DeltaUp(epsilon); a >= b {
			t.Errorf("ε = %g: two runs cost δ = %g, pure ones %g", epsilon, a, b)
		}
		for range trials() {
			n := 2 + r.IntN(6)
			p, q := make([]float64, n), make([]float64, n)
			sp, sq := 0.0, 0.0
			for i := range n {
				loss := r.Float64() * 10
				p[i] = math.Exp(-loss)
				q[i] = math.Exp(-loss - epsilon*(float64(r.IntN(3))-1)/2) // a unit moves losses by -1, 0 or 1, at a rate of ε/2
				sp, sq = sp+p[i], sq+q[i]
			}
			for e := 0.0; e < epsilon; e += epsilon / 7 {
				delta := 0.0
				for i := range n {
					delta += math.Max(0, p[i]/sp-math.Exp(e)*q[i]/sq)
				}
				if delta > l.DeltaUp(e)+1e-14 {
					t.Fatalf("ε = %g: a mechanism has δ(%g) = %g, the bound is %g", epsilon, e, delta, l.DeltaUp(e))
				}
			}
		}
	}
	// A hundred runs: as in the comment.
	if e := BoundedRange(0.1, 1e-3).Power(100, 1e-16).EpsilonUp(1e-6); e < 2.6 || e > 2.65 {
		t.Errorf("a hundred runs cost ε = %g", e)
	}
}

// Truncated noise against its own masses.
func TestTruncated(t *testing.T) {
	for _, c := range []struct {
		a float64
		k int64
	}{{0.1, 40}, {1, 3}, {2, 1}, {0.5, 10}} {
		z := 0.0
		for x := -c.k; x <= c.k; x++ {
			z += math.Exp(-c.a * math.Abs(float64(x)))
		}
		p := func(x int64) float64 {
			if x < -c.k || x > c.k {
				return 0
			}
			return math.Exp(-c.a*math.Abs(float64(x))) / z
		}
		l := Truncated(c.a, c.k, c.a/8)
		for e := 0.0; e < c.a*1.2; e += c.a / 9 {
			delta := 0.0
			for x := -c.k - 1; x <= c.k+1; x++ {
				delta += math.Max(0, p(x)-math.Exp(e)*p(x-1))
			}
			if got := l.DeltaUp(e); got < delta*(1-1e-12) || got > delta*1.01+1e-3*c.a {
				t.Errorf("a = %g, k = %d: δ(%g) = %g, enumerated %g", c.a, c.k, e, got, delta)
			}
		}
	}
}

// A wide discrete Laplace loss is the same, whether its outcomes are taken one
// by one or between grid points.
func TestWideWholeNoise(t *testing.T) {
	p := Shift(DiscreteLaplaceNoise{1e-4}, 9000, true)
	wide := Discretize(p, 1e-3, ConnectDots)
	b := &builder{step: 1e-3, mass: map[int]float64{}}
	b.whole(p, p.stretch(tailMass))
	each := b.loss()
	for e := 0.0; e < 0.95; e += 0.07 {
		if x, y := wide.DeltaUp(e), each.DeltaUp(e); math.Abs(x-y) > 1e-5*y+1e-12 || x < p.Delta(e)*(1-1e-9) {
			t.Errorf("δ(%g) = %g, one by one %g", e, x, y)
		}
	}
}
