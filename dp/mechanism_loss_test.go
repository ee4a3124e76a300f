package dp

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/oboro-data/oboro/internal/exact"
	"github.com/oboro-data/oboro/internal/fault"
)

// Probability and Delta agree with enumeration, and loss grows with the change.
func TestLossByEnumeration(t *testing.T) {
	var list []*Mechanism
	add := func(m *Mechanism, err error) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, m)
	}
	add(NewDiscreteLaplace(3, 1))
	add(NewDiscreteLaplace(7, 0.9))
	add(NewDiscreteGaussian(9))
	add(NewDiscreteGaussian(0.5))
	add(refinedGaussian(exact.Int(18)))
	add(newTruncated(exact.Int(3), 10))
	for _, m := range list {
		reach := int64(60*m.StdError()) + 20
		p := masses(m, reach)
		for z := -reach / 2; z <= reach/2; z++ {
			if got, want := m.Probability(z), p[z+reach]; math.Abs(got-want) > 1e-9*want+1e-300 {
				t.Errorf("%v: P[Z = %d] = %g, enumerated %g", m, z, got, want)
				break
			}
		}
		if m.kind == TruncatedGeometric {
			continue
		}
		for _, epsilon := range []float64{0, 0.2, 1, 3} {
			last := 0.0
			for change := int64(1); change < 6; change++ {
				got, want := m.Delta(change, epsilon), enumeratedDelta(p, int(change), epsilon)
				if got < want*(1-1e-9)-1e-15 || got < last {
					t.Errorf("%v: δ(%d, %g) = %g, enumerated %g, for a smaller change %g", m, change, epsilon, got, want, last)
				}
				if m.refine <= 1 && got > want*(1+1e-6)+1e-13 {
					t.Errorf("%v: δ(%d, %g) = %g is far above the enumerated %g", m, change, epsilon, got, want)
				}
				last = got
			}
		}
	}
}

// A Gaussian too wide for a table is bounded by the continuous one.
func TestWideGaussian(t *testing.T) {
	m, err := NewDiscreteGaussian(math.Exp2(60))
	if err != nil {
		t.Fatal(err)
	}
	if d := m.Delta(1<<28, 1); d < 2e-9 || d > 1e-5 { // μ = 1/4
		t.Errorf("δ = %g", d)
	}
	if r := m.Rho(1 << 20); r != math.Exp2(-41) {
		t.Errorf("ρ = %g", r)
	}
}

// The composition is never below the exact value and within 1e-3 of it, and
// never above basic composition.
func TestComposition(t *testing.T) {
	l, _ := NewDiscreteLaplace(10, 1) // ε = 0.1 each
	var c Composition
	c.Add(l, 1, 10)
	e, err := c.Epsilon(0)
	if err != nil || !(math.IsInf(e, 1) || e >= 1-1e-9) {
		t.Errorf("ten draws at δ = 0: ε = %g, %v", e, err)
	}
	if e, err = c.Epsilon(1e-9); err != nil || e > 1+1e-3 || e < 0.9 {
		t.Errorf("ten draws: ε = %g, %v", e, err)
	}
	var many Composition
	many.Add(l, 1, 100)
	if e, err = many.Epsilon(1e-6); err != nil || e > 4.9 || e < 4.5 { // basic: 10
		t.Errorf("a hundred draws: ε = %g, %v", e, err)
	}
	// Gaussian noise: the exact value for continuous noise of the same σ is 4.886554117462213 at
	// μ = 1, δ = 1e-6; σ = 1000 here.
	g, _ := NewDiscreteGaussian(1e6)
	var one Composition
	one.Add(g, 250, 16)
	if e, err = one.Epsilon(1e-6); err != nil || e < 4.886554117462213 || e > 4.8867 {
		t.Errorf("Gaussian: ε = %.9f, %v", e, err)
	}
	one.AddChoices(0.5, 0, 2)
	mixed, err := one.Epsilon(1e-6)
	if err != nil || mixed < e || mixed > e+1+1e-3 {
		t.Errorf("with choices: ε = %g, %v", mixed, err)
	}
	for _, f := range []func(*Composition){
		func(c *Composition) { c.Add(l, 0, 1) },
		func(c *Composition) { c.AddChoices(0, 0, 1) },
		func(c *Composition) { m, _ := newTruncated(exact.Int(3), 10); c.Add(m, 1, 1) },
	} {
		var bad Composition
		f(&bad)
		if _, err := bad.Epsilon(1e-6); !errors.Is(err, fault.Plan) {
			t.Errorf("%v", err)
		}
	}
}

func ExampleComposition() {
	noise, _ := NewDiscreteLaplace(10, 1) // ε = 0.1 for a number that one unit changes by 1
	var c Composition
	c.Add(noise, 1, 100)
	e, _ := c.Epsilon(1e-6)
	fmt.Printf("a hundred numbers cost ε = %.1f at δ = 1e-6, not 10\n", e)
	// Output: a hundred numbers cost ε = 4.8 at δ = 1e-6, not 10
}
