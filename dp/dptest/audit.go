package dptest

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// A Claim is what a program says of its privacy.
type Claim struct {
	Epsilon, Delta float64
}

// A Finding is the result of an audit.
type Finding struct {
	// Violation is true if an event was found that contradicts the claim, at
	// the stated rate of false alarms.
	Violation bool
	// Epsilon is a lower bound of the program's ε at the claimed δ, at the same
	// confidence: what was demonstrated, 0 if nothing was.
	Epsilon float64
	// Event describes the event: results in it are more likely on one table.
	Event string
	// Here and There are the frequencies of the event.
	Here, There float64
}

// String is one line for a test's log.
func (f Finding) String() string {
	verdict := "no violation found"
	if f.Violation {
		verdict = "violation"
	}
	return fmt.Sprintf("%s: %s has frequencies %.5f and %.5f, so that ε ≥ %.4f", verdict, f.Event, f.Here, f.There, f.Epsilon)
}

// Audit runs a program on two neighbouring tables and looks for an event that
// contradicts the claim. here and there return the given number of independent
// results; results are numbers (for several numbers, audit a function of them).
//
// One half of the results picks the event: among the sets of results above a
// quantile, below one, and those likelier on one table by histogram, in both
// directions, the one that exceeds the claim most in standard deviations. The
// other half tests it: with p and q the frequencies of the event, the claim is
// contradicted if p's lower confidence limit exceeds e^ε·q's upper limit plus δ
// (Clopper and Pearson 1934, each at half the false alarm). Picking and testing
// use different results, so an honest program is accused with at most the
// probability of FalseAlarm, whatever it is.
//
// Power: with 200,000 results, an understatement of the sensitivity of Laplace
// or Gaussian noise by a factor of 1.175 at ε = ln 3 is found with probability
// above 0.99; a test repeats this.
func Audit(claim Claim, here, there func(n int) []float64, list ...Option) Finding {
	o := collect(list)
	n := o.samples / 2
	a, b := here(2*n), there(2*n)
	event := pick(claim, a[:n], b[:n])
	f := event.test(claim, a[n:], b[n:], o.falseAlarm)
	f.Event = event.name
	return f
}

// An event is a set of numbers; if swapped, it is likelier there than here.
type event struct {
	name    string
	holds   func(x float64) bool
	swapped bool
}

func (e event) count(xs []float64) float64 {
	n := 0.0
	for _, x := range xs {
		if e.holds(x) {
			n++
		}
	}
	return n
}

// test evaluates the event on fresh results.
func (e event) test(claim Claim, a, b []float64, falseAlarm float64) Finding {
	if e.swapped {
		a, b = b, a
	}
	n := float64(len(a))
	ka, kb := e.count(a), e.count(b)
	low := clopperLow(ka, n, falseAlarm/2)
	high := 1 - clopperLow(n-kb, n, falseAlarm/2)
	f := Finding{Here: ka / n, There: kb / n}
	if e.swapped {
		f.Here, f.There = f.There, f.Here
	}
	f.Violation = low > math.Exp(claim.Epsilon)*high+claim.Delta
	if low > claim.Delta {
		f.Epsilon = math.Max(0, math.Log((low-claim.Delta)/high))
	}
	return f
}

// clopperLow is the lower confidence limit of a probability after k of n.
func clopperLow(k, n, miss float64) float64 {
	if k == 0 {
		return 0
	}
	return distuv.Beta{Alpha: k, Beta: n - k + 1}.Quantile(miss)
}

// pick chooses the event that exceeds the claim by most standard deviations.
func pick(claim Claim, a, b []float64) event {
	cuts := quantiles(a, b)
	best, score := event{name: "nothing", holds: func(float64) bool { return false }}, math.Inf(-1)
	consider := func(e event, p, q float64) {
		n := float64(len(a))
		g := math.Exp(claim.Epsilon)
		sd := math.Sqrt((p*(1-p)+g*g*q*(1-q)+1/n)/n) + 1e-12
		if s := (p - g*q - claim.Delta) / sd; s > score {
			best, score = e, s
		}
	}
	for _, swapped := range []bool{false, true} {
		x, y := a, b
		if swapped {
			x, y = b, a
		}
		fx, fy := frequencies(x, cuts), frequencies(y, cuts)
		likelier := make([]bool, len(fx))
		var down, dq, hp, hq float64
		for i := range fx {
			if i > 0 {
				cut := cuts[i-1]
				consider(event{fmt.Sprintf("below %g", cut), func(v float64) bool { return v < cut }, swapped}, down, dq)
				consider(event{fmt.Sprintf("from %g on", cut), func(v float64) bool { return v >= cut }, swapped}, 1-down, 1-dq)
			}
			down, dq = down+fx[i], dq+fy[i]
			if fx[i] > math.Exp(claim.Epsilon)*fy[i] {
				likelier[i] = true
				hp, hq = hp+fx[i], hq+fy[i]
			}
		}
		consider(event{"a set of intervals", func(v float64) bool { return likelier[interval(cuts, v)] }, swapped}, hp, hq)
	}
	return best
}

// quantiles are up to 200 increasing cuts: quantiles of both samples, and the
// values that occur, where there are few.
func quantiles(a, b []float64) []float64 {
	all := slices.Concat(a, b)
	slices.Sort(all)
	var cuts []float64
	if distinct := slices.Compact(slices.Clone(all)); len(distinct) <= 200 {
		cuts = distinct
	} else {
		for i := 1; i < 200; i++ {
			cuts = append(cuts, all[i*len(all)/200])
		}
	}
	return slices.Compact(cuts)
}

// interval is the number of cuts at or below v.
func interval(cuts []float64, v float64) int {
	i, found := slices.BinarySearch(cuts, v)
	if found {
		i++
	}
	return i
}

func frequencies(xs, cuts []float64) []float64 {
	f := make([]float64, len(cuts)+1)
	for _, x := range xs {
		f[interval(cuts, x)] += 1 / float64(len(xs))
	}
	return f
}
