package dp

import (
	"math"
	"testing"

	"github.com/oboro-data/oboro/internal/exact"
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
