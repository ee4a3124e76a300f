package dp

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/oboro-data/oboro/internal/fault"
)

// What a filter lets through is within its cap by the conversion of the sum, and
// the next one would not be.
func TestFilter(t *testing.T) {
	f, err := NewFilter(Approx(1, 1e-6), 5e-7)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for ; f.Spend("small", Pure(0.01)) == nil; n++ {
	}
	if n != 458 {
		t.Errorf("%d releases of 0.01 fit", n)
	}
	if e, err := FromZCDP(f.Spent(), 5e-7); err != nil || e.loss.Float() > 1 || e.loss.Float() < 0.99 {
		t.Errorf("they cost %v, %v", e, err)
	}
	if sum, err := f.Spent().Add(f.Remaining()); err != nil || !sum.Equal(f.acct.Cap()) || !f.Cap().Equal(Approx(1, 1e-6)) {
		t.Errorf("%v, %v", sum, err)
	}
	err = f.Spend("next", Pure(0.01))
	var short *BudgetError
	if !errors.As(err, &short) || !errors.Is(err, fault.Budget) {
		t.Errorf("%v", err)
	}
	if err := f.Spend("δ", Approx(1e-9, 6e-7)); !errors.Is(err, fault.Budget) {
		t.Errorf("a δ beyond what is left of it: %v", err)
	}
	g, err := NewFilter(Approx(1, 1e-6), 5e-7)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.SpendExponential("choices", 0.01, 4*458); err != nil {
		t.Errorf("a choice costs a fourth: %v", err)
	}
	if err := g.SpendExponential("choices", 0.01, 5); !errors.Is(err, fault.Budget) {
		t.Errorf("%v", err)
	}
	for _, bad := range []func() error{
		func() error { _, err := NewFilter(Pure(1), 1e-7); return err },
		func() error { _, err := NewFilter(Approx(1, 1e-6), 2e-6); return err },
		func() error { _, err := NewFilter(ZCDP(1, 1e-6), 1e-7); return err },
		func() error { _, err := NewFilter(Approx(0, 1e-6), 1e-7); return err },
		func() error { return g.SpendExponential("x", 0, 1) },
		func() error { _, err := NewOdometer(0, 1); return err },
		func() error { _, err := NewOdometer(0.1, 0); return err },
		func() error {
			o, err := NewOdometer(0.1, 1)
			return errors.Join(err, o.Record(Pure(-1)))
		},
	} {
		if err := bad(); !errors.Is(err, fault.Plan) {
			t.Errorf("%v", err)
		}
	}
}

// An adversary who prices the next Gaussian release by the loss so far, and
// stops when the odometer is exceeded, succeeds no more often than δ. With a
// rate of at most 0.05 more than 0.05 + √(ln(10⁹)/2n) of n runs have a
// probability below 10⁻⁹ (Hoeffding).
func TestOdometerUnderAdaptivity(t *testing.T) {
	const delta, runs = 0.05, 4000
	r := rand.New(rand.NewPCG(9, 9))
	exceeded := 0
	for range runs {
		o, err := NewOdometer(delta, 0.05)
		if err != nil {
			t.Fatal(err)
		}
		loss, rho := 0.0, 0.002
		for range 40 {
			if err := o.Record(ZCDP(math.Round(rho*1e6)/1e6, 0)); err != nil {
				t.Fatal(err)
			}
			loss += rho + math.Sqrt(2*rho)*r.NormFloat64() // of Gaussian noise
			if loss > o.Spent().loss.Float() {
				exceeded++
				break
			}
			if loss > 0 { // the luckier, the bolder
				rho = math.Min(0.05, rho*1.2)
			}
		}
	}
	if rate := float64(exceeded) / runs; rate > delta+math.Sqrt(math.Log(1e9)/2/runs) {
		t.Errorf("exceeded in %.3f of all runs", rate)
	}
}

// An odometer never runs backwards and is not worse than the sum.
func TestOdometerRuns(t *testing.T) {
	o, err := NewOdometer(1e-9, 0.01)
	if err != nil || !o.Spent().IsZero() {
		t.Fatal(err)
	}
	last := Budget{}
	for i := range 3000 {
		if err := o.Record(Approx(0.01, 1e-12)); err != nil {
			t.Fatal(err)
		}
		s := o.Spent()
		if s.loss.Less(last.loss) || s.loss.Float() > 0.01*float64(i+1)*(1+1e-9) {
			t.Fatalf("%v after %v, %d releases", s, last, i+1)
		}
		last = s
	}
	if e := last.loss.Float(); e > 6 || last.Delta() != "4e-9" {
		t.Errorf("3000 releases of 0.01: %v", last)
	}
	if err := o.Record(ZCDP(0.1, 0)); err != nil || o.Spent().loss.Less(last.loss) {
		t.Errorf("%v, %v", o.Spent(), err)
	}
}

func ExampleFilter() {
	// Many small questions, asked one after the other by somebody who sees the
	// answers, within (1, 1e-6).
	f, _ := NewFilter(Approx(1, 1e-6), 5e-7)
	n := 0
	for f.Spend("question", Pure(0.01)) == nil {
		n++ // … and only now draw the noise of the answer
	}
	fmt.Println(n, "instead of 100 questions")
	// Output: 458 instead of 100 questions
}

func ExampleOdometer() {
	o, _ := NewOdometer(1e-6, 0.01)
	for range 1000 {
		if err := o.Record(Pure(0.01)); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(strings.SplitN(o.Spent().String(), ".", 2)[0] + " and a bit, instead of ε=10")
	// Output: ε=2 and a bit, instead of ε=10
}
