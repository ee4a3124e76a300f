package dp

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/oboro-data/oboro/internal/exact"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/internal/pld"
	"pgregory.net/rapid"
)

// masses are the probabilities of a mechanism on -reach … reach, from the
// definition of its distribution.
func masses(m *Mechanism, reach int64) []float64 {
	p := make([]float64, 2*reach+1)
	t := m.scale.Float()
	sum := 0.0
	switch m.kind {
	case DiscreteGaussian:
		g := m.refine
		for z := -(reach*g + g/2); z <= reach*g+g/2; z++ {
			w := math.Exp(-float64(z) * float64(z) / (2 * t))
			sum += w
			p[(z+reach*g+g/2)/g] += w
		}
	default:
		for z := -reach; z <= reach; z++ {
			if m.kind == TruncatedGeometric && (z > m.bound || z < -m.bound) {
				continue
			}
			w := math.Exp(-math.Abs(float64(z)) / t)
			sum += w
			p[z+reach] = w
		}
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// delta is the least δ of a number moved by shift, by enumeration.
func enumeratedDelta(p []float64, shift int, epsilon float64) float64 {
	at := func(i int) float64 {
		if i < 0 || i >= len(p) {
			return 0
		}
		return p[i]
	}
	d := 0.0
	for i := -shift; i < len(p)+shift; i++ {
		if x := at(i) - math.Exp(epsilon)*at(i-shift); x > 0 {
			d += x
		}
	}
	return d
}

// V8: the tails that thresholds rest on bound the enumerated ones, closely.
func TestTails(t *testing.T) {
	var mechanisms []*Mechanism
	add := func(m *Mechanism, err error) {
		if err != nil {
			t.Fatal(err)
		}
		mechanisms = append(mechanisms, m)
	}
	add(NewDiscreteLaplace(1, 1))
	add(NewDiscreteLaplace(10, 0.7))
	add(newTruncated(exact.Int(3), 33))
	add(newTruncated(exact.Frac(10, 3), 5))
	add(refinedGaussian(exact.MustParse("17.85")))
	add(refinedGaussian(exact.MustParse("0.2")))
	add(NewDiscreteGaussian(40))
	add(NewDiscreteGaussian(5000))
	for _, m := range mechanisms {
		reach := int64(60 * math.Max(1, m.StdError()))
		p := masses(m, reach)
		tail, variance, sum := 0.0, 0.0, 0.0
		for i, w := range p {
			z := float64(int64(i) - reach)
			variance, sum = variance+z*z*w, sum+w
		}
		if v := m.Variance(); math.Abs(v-variance) > 1e-4*variance {
			t.Errorf("%v: variance %g, enumerated %g", m, v, variance)
		}
		for z := reach; z >= 1; z-- {
			tail += p[z+reach]
			claim := math.Exp(m.logTailUp(z))
			tight := 1e-9
			if m.kind == DiscreteGaussian {
				tight = 0.02 // half a step of the grid, σ ≥ 6
				if m.refine > 1 {
					tight = 2e-3
				}
			}
			if z > reach/2 || z < 3 && m.kind == DiscreteGaussian && m.refine == 1 {
				continue
			}
			if m.kind == DiscreteGaussian { // the midpoint rule for an exponential of slope h
				h := float64(z) / m.Variance() / float64(m.refine)
				tight += math.Sinh(h/2)/(h/2) - 1
			}
			if claim < tail*(1-1e-11) || claim > tail*(1+tight*(1+float64(z)/m.StdError())) {
				t.Errorf("%v: P[Z ≥ %d] claimed %.12g, enumerated %.12g", m, z, claim, tail)
				break
			}
		}
	}
}

// V8: 1 - (1 - P[1 + Z ≥ T])^groups is at most δ, and T-1 would exceed it.
func TestThresholdIsLeast(t *testing.T) {
	for _, epsilon := range []float64{0.05, 1, 3} {
		for _, delta := range []float64{1e-3, 1e-9, 1e-30, 1e-300} {
			for _, groups := range []int64{1, 3, 1000} {
				T, err := Threshold(epsilon, delta, groups)
				if err != nil {
					t.Fatal(err)
				}
				// P[Z ≥ z] = e^(-z/t)/(1 + e^(-1/t)) in logarithms.
				scale := float64(groups) / epsilon
				logTail := func(z int64) float64 { return -float64(z)/scale - math.Log1p(math.Exp(-1/scale)) }
				perGroup := math.Log(-math.Expm1(math.Log1p(-delta) / float64(groups)))
				if l := logTail(T - 1); l > perGroup+1e-12*math.Abs(perGroup) {
					t.Errorf("ε=%g δ=%g ℓ₀=%d: T=%d costs more than δ", epsilon, delta, groups, T)
				}
				if l := logTail(T - 2); l <= perGroup-1e-12*math.Abs(perGroup) {
					t.Errorf("ε=%g δ=%g ℓ₀=%d: T=%d is not the least", epsilon, delta, groups, T)
				}
			}
		}
	}
}

// selectionDelta enumerates the privacy of one group's count, released if at
// least T, between n and n+1 units; a group of nobody is never released.
func selectionDelta(m *Mechanism, T int64, n int64, epsilon float64) float64 {
	reach := T + 40*int64(math.Ceil(m.StdError())) + 40
	p := masses(m, reach)
	outcomes := func(n int64) map[int64]float64 {
		out := map[int64]float64{}
		if n == 0 {
			out[math.MinInt64] = 1
			return out
		}
		for i, w := range p {
			if v := n + int64(i) - reach; v >= T {
				out[v] += w
			} else {
				out[math.MinInt64] += w
			}
		}
		return out
	}
	a, b := outcomes(n), outcomes(n+1)
	excess := func(a, b map[int64]float64) (d float64) {
		for v, w := range a {
			if x := w - math.Exp(epsilon)*b[v]; x > 0 {
				d += x
			}
		}
		return d
	}
	return math.Max(excess(a, b), excess(b, a))
}

// The truncated geometric count is (ε, δ)-private by enumeration, uses δ, and
// keeps groups nearly as often as any mechanism could.
func TestTruncatedGeometricIsPrivate(t *testing.T) {
	for _, epsilon := range []float64{0.1, 0.5, 1, 2} {
		for _, delta := range []float64{0.05, 1e-3, 1e-6, 1e-10} {
			scale := exact.Int(1).Quo(Pure(epsilon).loss)
			m, T, err := truncatedFor(scale, 1, Approx(1, delta).delta)
			if err != nil {
				t.Fatal(err)
			}
			for n := int64(0); n < 2*T+3; n++ {
				if d := selectionDelta(m, T, n, epsilon); d > delta*(1+1e-9) {
					t.Errorf("ε=%g δ=%g: counts %d and %d differ by %g", epsilon, delta, n, n+1, d)
				}
			}
			s := Selection{Mechanism: m, Threshold: T}
			for n := int64(1); n < 2*T; n++ {
				got, best := s.Probability(n), OptimalKeepProbability(epsilon, delta, 1, n)
				if got > best*(1+1e-9) {
					t.Errorf("ε=%g δ=%g: a group of %d is kept with probability %g, more than the optimal %g", epsilon, delta, n, got, best)
				}
			}
			// The whole bound is the next after the fractional optimum.
			if half := OptimalKeepProbability(epsilon, delta, 1, T-2); half >= 0.5 {
				t.Errorf("ε=%g δ=%g: T=%d, though %d units could be kept with probability %g", epsilon, delta, T, T-2, half)
			}
		}
	}
}

// All three selections cost at most (ε, δ) by enumeration of a group's count.
func TestSelectionIsPrivate(t *testing.T) {
	for _, c := range []struct{ epsilon, delta float64 }{{1, 1e-5}, {0.5, 1e-3}, {2, 1e-8}} {
		p, err := newPlanner(Approx(c.epsilon, c.delta), 1, []Need{{L1: 1}}, &Select{})
		if err != nil {
			t.Fatal(err)
		}
		for _, count := range []string{DiscreteLaplace, DiscreteGaussian, TruncatedGeometric} {
			cal, err := p.calibrate(option{count, count})
			if err != nil {
				t.Fatal(err)
			}
			s := cal.Selection
			for n := int64(0); n < 4; n++ {
				if d := selectionDelta(s.Mechanism, s.Threshold, n, c.epsilon); d > c.delta*(1+1e-9) {
					t.Errorf("%v at ε=%g: δ=%g by enumeration, more than %g", s.Mechanism, c.epsilon, d, c.delta)
				}
			}
		}
	}
}

// Gaussian noise costs at most (ε, δ) by enumeration, and nearly all of it.
func TestGaussianIsPrivate(t *testing.T) {
	for _, c := range []struct{ epsilon, delta float64 }{{1, 1e-6}, {0.3, 1e-3}, {4, 1e-9}} {
		cal, err := Calibrate(Approx(c.epsilon, c.delta), 1, NoiseGaussian, nil, []Need{{L1: 1}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		m := cal.Mechanisms[0]
		d := enumeratedDelta(masses(m, int64(40*m.StdError())+40), 1, c.epsilon)
		if d > c.delta || d < 0.8*c.delta { // rounding to whole numbers hides some of the loss
			t.Errorf("%v: δ=%g by enumeration, calibrated to %g", m, d, c.delta)
		}
		// Without refinement, for any sensitivity.
		for _, shift := range []int64{1, 3} {
			s2, err := GaussianSigmaFor(c.epsilon, c.delta, shift*shift, 1)
			if err != nil {
				t.Fatal(err)
			}
			m, err := NewDiscreteGaussian(s2)
			if err != nil {
				t.Fatal(err)
			}
			if d := enumeratedDelta(masses(m, int64(40*m.StdError())+40), int(shift), c.epsilon); d > c.delta {
				t.Errorf("σ²=%g, sensitivity %d: δ=%g by enumeration, more than %g", s2, shift, d, c.delta)
			}
		}
	}
}

// Several statistics and groups under one Gaussian budget: the composed loss
// distribution of their own discrete noise confirms the price.
func TestJointGaussianIsPrivate(t *testing.T) {
	needs := []Need{{L1: 1}, {L1: 3, Weight: 2}, {L1: 2}}
	const epsilon, delta, groups = 1.0, 1e-5, 3
	cal, err := Calibrate(Approx(epsilon, delta), groups, NoiseGaussian, nil, needs, nil)
	if err != nil || !cal.Joint {
		t.Fatal(cal, err)
	}
	var total *pld.Loss
	for i, m := range cal.Mechanisms {
		// On the refined grid the change is L1·g.
		n := pld.NewDiscreteGaussianNoise(math.Sqrt(m.scale.Float()), 0)
		l := pld.Discretize(pld.Shift(n, float64(needs[i].L1*m.refine), true), 1e-3, pld.ConnectDots).Power(groups, 1e-14)
		if total == nil {
			total = l
		} else {
			total = total.Compose(l)
		}
	}
	if e := total.EpsilonUp(delta); e > epsilon+2e-3 || e < epsilon*0.99 {
		t.Errorf("the noise costs ε=%g by its loss distribution, calibrated to %g", e, epsilon)
	}
}

// The tables of docs/accounting.md: standard errors of k answers, and the
// units that a group needs.
func TestChoiceByComputation(t *testing.T) {
	for _, c := range []struct {
		epsilon float64
		k       int
		kind    string
		std     float64
	}{
		{1, 1, DiscreteLaplace, 1.357}, {1, 3, DiscreteLaplace, 4.223}, {1, 10, DiscreteGaussian, 13.364}, {1, 100, DiscreteGaussian, 42.25},
		{0.1, 10, DiscreteGaussian, 115}, {5, 10, DiscreteLaplace, 2.798}, {5, 100, DiscreteGaussian, 9.80},
	} {
		needs := make([]Need, c.k)
		for i := range needs {
			needs[i].L1 = 1
		}
		cal, err := Calibrate(Approx(c.epsilon, 1e-6), 1, NoiseExact, nil, needs, nil)
		if err != nil {
			t.Fatal(err)
		}
		if m := cal.Mechanisms[0]; m.kind != c.kind || math.Abs(m.StdError()-c.std) > 5e-3*c.std {
			t.Errorf("ε=%g k=%d: %v, standard error %g; want %s, %g", c.epsilon, c.k, m, m.StdError(), c.kind, c.std)
		}
	}
	for _, c := range []struct {
		epsilon, delta float64
		groups         int64
		kind           string
		units          int64
	}{
		{1, 1e-5, 1, TruncatedGeometric, 12}, {1, 1e-5, 3, DiscreteGaussian, 31}, {1, 1e-5, 10, DiscreteGaussian, 58}, {1, 1e-5, 100, DiscreteGaussian, 196},
		{0.1, 1e-6, 1, TruncatedGeometric, 110}, {0.1, 1e-6, 3, DiscreteGaussian, 315}, {0.1, 1e-6, 10, DiscreteGaussian, 599}, {1, 1e-8, 1, TruncatedGeometric, 19},
	} {
		s, err := ChooseSelection(Approx(c.epsilon, c.delta), c.groups)
		if err != nil {
			t.Fatal(err)
		}
		if s.Mechanism.kind != c.kind || s.Threshold != c.units {
			t.Errorf("ε=%g δ=%g ℓ₀=%d: %v from %d units; want %s from %d", c.epsilon, c.delta, c.groups, s.Mechanism, s.Threshold, c.kind, c.units)
		}
		if p, q := s.Probability(c.units), s.Probability(c.units-1); p < 0.5 || q > 0.5 {
			t.Errorf("a group of %d is released with probability %g, one less with %g", c.units, p, q)
		}
	}
}

// δ is shared or divided exactly, and all of the budget is the price.
func TestPriceIsExact(t *testing.T) {
	b := Approx(1, 1e-9)
	c, err := Calibrate(b, 3, NoiseGaussian, nil, []Need{{L1: 1}, {L1: 200}}, &Select{Floor: 1 << 20})
	if err != nil || !c.Price.Equal(b) || c.Selection.Delta.Delta() != "1e-9" || c.Selection.Threshold != 1<<20 {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err = Calibrate(b, 3, NoiseLaplace, nil, []Need{{L1: 1}, {L1: 200, Weight: 3}}, &Select{}); err != nil ||
		c.Selection.Delta.Delta() != "1e-9" || c.Mechanisms[0].Scale() != "12" || c.Mechanisms[1].Scale() != "800" {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err = Calibrate(ZCDP(0.5, 1e-9), 2, NoiseExact, nil, []Need{{L1: 3, L2Squared: big.NewInt(5)}}, nil); err != nil ||
		c.Mechanisms[0].String() != "discrete Gaussian noise, σ² = 10" {
		t.Errorf("%v, %v", c.Mechanisms, err)
	}
}

// A run of the exponential mechanism at rate r with losses that change by d is
// 2dr-private; all runs together cost the share.
func TestRates(t *testing.T) {
	c, err := Calibrate(Pure(1), 2, NoiseExact, nil, []Need{{L1: 1}, {L1: 4, Choices: 5, Weight: 3}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	// ε′ = 3/4 / (2·5), rate ε′/8 = 3/320.
	if c.Mechanisms[1] != nil || c.Rates[1] != (Rate{3, 320}) {
		t.Errorf("rate %v", c.Rates[1])
	}
	c, err = Calibrate(ZCDP(1, 0), 2, NoiseExact, nil, []Need{{L1: 4, Choices: 4}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	// ε′ = √(8/8) = 1, rate 1/8.
	if r := c.Rates[0]; math.Abs(float64(r.Num)/float64(r.Den)-0.125) > 1e-12 {
		t.Errorf("rate %v", r)
	}
}

func TestCalibrateRefuses(t *testing.T) {
	one := []Need{{L1: 1}}
	for name, f := range map[string]func() error{
		"no budget":         func() error { _, err := Calibrate(Budget{}, 1, "", nil, one, nil); return err },
		"private, no delta": func() error { _, err := Calibrate(Pure(1), 1, "", nil, one, &Select{}); return err },
		"no groups":         func() error { _, err := Calibrate(Pure(1), 0, "", nil, one, nil); return err },
		"no sensitivity":    func() error { _, err := Calibrate(Pure(1), 1, "", nil, []Need{{}}, nil); return err },
		"no needs":          func() error { _, err := Calibrate(Pure(1), 1, "", nil, nil, nil); return err },
		"weight":            func() error { _, err := Calibrate(Pure(1), 1, "", nil, []Need{{L1: 1, Weight: -1}}, nil); return err },
		"Gaussian, pure":    func() error { _, err := Calibrate(Pure(1), 1, NoiseGaussian, nil, one, nil); return err },
		"unknown noise":     func() error { _, err := Calibrate(Pure(1), 1, "loud", nil, one, nil); return err },
		"no backend":        func() error { _, err := Calibrate(Pure(1), 1, NoiseGoogle, nil, one, nil); return err },
		"select by a sum": func() error {
			_, err := Calibrate(Approx(1, 1e-9), 1, "", nil, []Need{{L1: 2}}, &Select{})
			return err
		},
		"scale": func() error {
			_, err := Calibrate(Pure(1e-9), math.MaxInt64, NoiseLaplace, nil, []Need{{L1: math.MaxInt64}}, nil)
			return err
		},
		"sigma": func() error {
			_, err := Calibrate(ZCDP(1e-9, 0), math.MaxInt64, "", nil, []Need{{L1: math.MaxInt64}}, nil)
			return err
		},
		"Threshold":          func() error { _, err := Threshold(1, 0, 1); return err },
		"NewDiscreteLaplace": func() error { _, err := NewDiscreteLaplace(0, 1); return err },
		"NewDiscreteGaussian": func() error {
			_, err := NewDiscreteGaussian(math.Inf(1))
			return err
		},
		"GaussianSigmaFor": func() error { _, err := GaussianSigmaFor(1, 0, 1, 1); return err },
	} {
		start := time.Now()
		if err := f(); !errors.Is(err, fault.Plan) {
			t.Errorf("%s: %v", name, err)
		}
		if d := time.Since(start); d > time.Second {
			t.Errorf("%s took %v", name, d)
		}
	}
}

// Any admissible release calibrates to finite noise, or is refused: no panic, no endless loop.
func TestCalibrateAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := Approx(math.Exp(rapid.Float64Range(-30, 30).Draw(t, "ln ε")), math.Exp(rapid.Float64Range(-700, -2.4).Draw(t, "ln δ")))
		if rapid.Bool().Draw(t, "zCDP") {
			b.zcdp = true
		}
		var needs []Need
		for range rapid.IntRange(1, 4).Draw(t, "needs") {
			needs = append(needs, Need{
				L1:      rapid.Int64Range(1, 1<<40).Draw(t, "L1"),
				Weight:  rapid.Float64Range(0.001, 1000).Draw(t, "weight"),
				Numbers: rapid.Int64Range(0, 3).Draw(t, "numbers"),
				Choices: rapid.Int64Range(0, 2).Draw(t, "choices"),
			})
		}
		var sel *Select
		if rapid.Bool().Draw(t, "private") {
			needs[0].L1, needs[0].Choices, sel = 1, 0, &Select{Unwanted: rapid.Bool().Draw(t, "unwanted")}
		}
		c, err := Calibrate(b, rapid.Int64Range(1, 1<<20).Draw(t, "groups"), NoiseExact, nil, needs, sel)
		if err != nil {
			if !errors.Is(err, fault.Plan) {
				t.Fatal(err)
			}
			return
		}
		for i, m := range c.Mechanisms {
			if (m == nil) != (needs[i].Choices > 0) || m != nil && !(m.StdError() >= 0) {
				t.Fatalf("%v", m)
			}
			if m == nil && (c.Rates[i].Num == 0 || c.Rates[i].Den == 0) {
				t.Fatal("no rate")
			}
		}
	})
}

// Interval covers the noise with the stated probability, by enumeration.
func TestInterval(t *testing.T) {
	for _, f := range []func() (*Mechanism, error){
		func() (*Mechanism, error) { return NewDiscreteLaplace(3, 1) },
		func() (*Mechanism, error) { return refinedGaussian(exact.Int(18)) },
	} {
		m, err := f()
		if err != nil {
			t.Fatal(err)
		}
		reach := int64(60 * m.StdError())
		p := masses(m, reach)
		for _, confidence := range []float64{0.5, 0.9, 0.95, 0.99} {
			c := m.Interval(confidence)
			inside := 0.0
			for z := -c; z <= c; z++ {
				inside += p[z+reach]
			}
			if inside < confidence || inside-p[c+reach]-p[reach-c] > confidence+2e-3 {
				t.Errorf("%v: ±%d covers %g, want %g", m, c, inside, confidence)
			}
		}
	}
}

func ExampleCalibrate() {
	// A count of units, and a sum whose total per unit is clamped to 200, per
	// group; one unit is in at most three groups, which are private.
	c, err := Calibrate(Approx(1, 1e-9), 3, NoiseExact, nil, []Need{{L1: 1}, {L1: 200}}, &Select{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("price:", c.Price)
	fmt.Printf("count: %s, standard error %.1f\n", c.Mechanisms[0].Kind(), c.Mechanisms[0].StdError())
	fmt.Printf("sum: %s, standard error %.0f\n", c.Mechanisms[1].Kind(), c.Mechanisms[1].StdError())
	fmt.Println("released from", c.Selection.Threshold, "units on")
	// Output:
	// price: ε=1, δ=1e-9
	// count: truncated-geometric, standard error 8.5
	// sum: discrete-laplace, standard error 1697
	// released from 118 units on
}

func ExampleThreshold() {
	// Counts of units in private groups, one unit in at most three.
	t, _ := Threshold(1, 1e-5, 3)
	fmt.Println("release from", t, "on")
	// Output: release from 38 on
}

func ExampleChooseSelection() {
	for _, groups := range []int64{1, 10} {
		s, _ := ChooseSelection(Approx(1, 1e-5), groups)
		fmt.Println(groups, s.Mechanism.Kind(), s.Threshold)
	}
	// Output:
	// 1 truncated-geometric 12
	// 10 discrete-gaussian 58
}
