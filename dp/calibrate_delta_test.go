package dp

import (
	"fmt"
	"math"
	"testing"
)

// Gaussian noise and selection that share all of δ are (ε, δ)-private, by going
// through all outcomes of all groups of one unit: tables where it is alone in
// some, and where it meets others below, at and above the threshold.
func TestNoiseAndSelectionShareDelta(t *testing.T) {
	for _, c := range []struct {
		epsilon, delta float64
		groups         int
	}{{2, 1e-2, 1}, {2, 1e-2, 2}, {4, 1e-3, 2}, {6, 1e-3, 3}, {1, 5e-2, 2}} {
		b := Approx(c.epsilon, c.delta)
		cal, err := Calibrate(b, int64(c.groups), NoiseGaussian, nil, []Need{{L1: 1}}, &Select{})
		if err != nil {
			t.Fatal(err)
		}
		if !cal.Selection.Delta.delta.Equal(b.delta) {
			t.Errorf("%v, %d groups: selection gets %v of δ", b, c.groups, cal.Selection.Delta)
		}
		m, threshold := cal.Mechanisms[0], cal.Selection.Threshold
		// outcomes of one group of n units: withheld, or the number.
		reach := int64(14*m.StdError()) + 2
		top := 2*threshold + reach
		outcomes := func(n int64) []float64 {
			p := make([]float64, top+2)
			if n == 0 {
				p[0] = 1
				return p
			}
			for z := -reach; z <= reach; z++ {
				v := n + z
				if v < threshold {
					v = 0
				}
				if v <= top {
					p[v] += m.Probability(z)
				}
			}
			return p
		}
		counts := []int64{0, 1, threshold - 1, threshold + 3}
		walk(len(counts), c.groups, func(at []int) {
			p, q := []float64{1}, []float64{1} // with the unit, without
			for _, i := range at {
				p, q = product(p, outcomes(counts[i]+1)), product(q, outcomes(counts[i]))
			}
			for _, pq := range [][2][]float64{{p, q}, {q, p}} {
				delta := 0.0
				for i := range pq[0] {
					delta += math.Max(0, pq[0][i]-math.Exp(c.epsilon)*pq[1][i])
				}
				if delta > c.delta*(1+1e-9) {
					t.Errorf("%v, %d groups, others in them %v: δ = %g", b, c.groups, fmt.Sprint(at), delta)
				}
			}
		})
	}
}

// walk goes through all non-decreasing lists of n of the first k numbers.
func walk(k, n int, visit func(at []int)) {
	at := make([]int, n)
	var next func(i, from int)
	next = func(i, from int) {
		if i == n {
			visit(at)
			return
		}
		for at[i] = from; at[i] < k; at[i]++ {
			next(i+1, at[i])
		}
	}
	next(0, 0)
}

// product is the joint distribution of independent outcomes.
func product(p, q []float64) []float64 {
	out := make([]float64, 0, len(p)*len(q))
	for _, x := range p {
		for _, y := range q {
			out = append(out, x*y)
		}
	}
	return out
}

// Where one person could use both to the full, both get half.
func TestDeltaIsDividedWhereItMustBe(t *testing.T) {
	together, half := 0, 0
	for _, epsilon := range []float64{1e-4, 0.01, 0.1, 1, 10} {
		for _, delta := range []float64{1e-12, 1e-6, 1e-2, 9e-2} {
			for _, groups := range []int64{1, 2, 10, 1000, 1 << 40} {
				c, err := Calibrate(Approx(epsilon, delta), groups, NoiseGaussian, nil, []Need{{L1: 1}}, &Select{})
				if err != nil {
					continue
				}
				if c.Selection.Delta.delta.Float() == delta {
					together++
				} else {
					half++
				}
			}
		}
	}
	if together == 0 || half == 0 {
		t.Errorf("δ is shared in %d settings and divided in %d; want both", together, half)
	}
}
