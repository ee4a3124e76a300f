package dp

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"

	"github.com/oboro-data/oboro/internal/fault"
	"pgregory.net/rapid"
)

func TestBudgetText(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"epsilon=1", "ε=1"}, {"ε=0.1, δ=1e-8", "ε=0.1, δ=1e-8"}, {"eps=1/3 delta=0.00000001", "ε=1/3, δ=1e-8"},
		{"rho=0.05, delta=1e-8", "ρ=0.05, δ=1e-8"}, {"ρ=2", "ρ=2"}, {"delta=0.5;epsilon=1", "ε=1, δ=0.5"},
	} {
		b, err := ParseBudget(c.in)
		if err != nil || b.String() != c.want {
			t.Errorf("%q: %v, %v, want %s", c.in, b, err, c.want)
			continue
		}
		if back, err := ParseBudget(b.String()); err != nil || !back.Equal(b) {
			t.Errorf("%s does not come back from its text: %v", b, err)
		}
	}
	for _, in := range []string{"", "1", "epsilon", "epsilon=", "epsilon=0", "epsilon=-1", "epsilon=1, delta=1", "epsilon=1, delta=-1e-9",
		"epsilon=1, rho=1", "delta=1e-8", "epsilon=1, epsilon=2", "epsilon=x", "rho=inf", "rho=1/0"} {
		if b, err := ParseBudget(in); !errors.Is(err, fault.Plan) {
			t.Errorf("%q gives %v, %v", in, b, err)
		}
	}
}

func FuzzParseBudget(f *testing.F) {
	for _, s := range []string{"epsilon=1", "ε=1/3, δ=1e-8", "rho=0.05 delta=0", "epsilon=,", "=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b, err := ParseBudget(s)
		if err != nil {
			if !errors.Is(err, fault.Plan) {
				t.Errorf("%v", err)
			}
			return
		}
		if back, err := ParseBudget(b.String()); err != nil || !back.Equal(b) {
			t.Errorf("%v does not come back from its text", b)
		}
	})
}

func TestBudgetValidate(t *testing.T) {
	for _, b := range []Budget{{}, Pure(0), Pure(-1), Pure(math.NaN()), Pure(math.Inf(1)), Approx(1, 1), Approx(1, -1e-9), Approx(1, math.NaN()), Approx(1, 0.1), ZCDP(0, 0)} {
		if err := b.Validate(); !errors.Is(err, fault.Plan) {
			t.Errorf("%v: %v", b, err)
		}
	}
	for _, b := range []Budget{Pure(1e-9), Approx(1, 0.0999), Approx(1, 0.1).AcceptLargeDelta(), ZCDP(5, 0), Approx(math.MaxFloat64, 5e-324)} {
		if err := b.Validate(); err != nil {
			t.Errorf("%v: %v", b, err)
		}
	}
}

// Law Budget: parts add up exactly.
func TestSplitAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := Approx(rapid.Float64Range(1e-9, 1e9).Draw(t, "ε"), rapid.Float64Range(0, 0.09).Draw(t, "δ"))
		weights := rapid.SliceOfN(rapid.Float64Range(1e-6, 1e6), 1, 9).Draw(t, "weights")
		sum := Budget{}
		for _, part := range b.Split(weights...) {
			var err error
			if sum, err = sum.Add(part); err != nil {
				t.Fatal(err)
			}
		}
		if !sum.Equal(b) {
			t.Fatalf("%v split by %v sums to %v", b, weights, sum)
		}
	})
}

func TestAdd(t *testing.T) {
	if _, err := Pure(1).Add(ZCDP(1, 0)); !errors.Is(err, fault.Plan) {
		t.Errorf("two currencies were added: %v", err)
	}
	if s, err := (Budget{}).Add(ZCDP(1, 1e-9)); err != nil || s.String() != "ρ=1, δ=1e-9" {
		t.Errorf("%v, %v", s, err)
	}
	if Pure(1).AtMost(ZCDP(1, 0)) || !Pure(1).AtMost(Approx(1, 1e-9)) || Approx(0.5, 1e-8).AtMost(Approx(1, 1e-9)) {
		t.Error("comparison")
	}
}

// Law Budget: a refused spend changes nothing.
func TestRefusedSpend(t *testing.T) {
	a := NewAccountant(Approx(1, 1e-8))
	third := Pure(1).Split(1, 1, 1)[0]
	for i := range 3 {
		if err := a.Spend(fmt.Sprint(i), third); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range []Budget{Pure(2.000000001), Pure(5e-324), Approx(math.MaxFloat64, 0)} {
		before := a.Spent()
		err := a.Spend("more", b)
		var refusal *BudgetError
		if !errors.As(err, &refusal) || !errors.Is(err, fault.Budget) || !errors.Is(err, fault.Plan) {
			t.Errorf("%v: %v", b, err)
		}
		if !a.Spent().Equal(before) || len(a.Entries()) != 3 {
			t.Errorf("the refusal of %v changed the accountant", b)
		}
	}
	if got := a.Remaining().String(); got != "ε=0, δ=1e-8" {
		t.Errorf("remaining %s", got)
	}
	if err := a.Spend("ρ", ZCDP(1e-9, 0)); !errors.Is(err, fault.Plan) || errors.Is(err, fault.Budget) {
		t.Errorf("a spend in ρ: %v", err)
	}
	for _, b := range []Budget{{}, Pure(-1), Pure(math.NaN())} {
		if err := a.Spend("invalid", b); !errors.Is(err, fault.Plan) {
			t.Errorf("%v: %v", b, err)
		}
	}
	if err := NewAccountant(Pure(0)).Spend("x", Pure(1)); !errors.Is(err, fault.Plan) {
		t.Errorf("invalid cap: %v", err)
	}
	three := NewAccountant(Pure(0.3))
	for range 3 {
		if err := three.Spend("tenth", Pure(0.1)); err != nil {
			t.Error(err)
		}
	}
}

// Law Budget: goroutines cannot both take the last share.
func TestSpendIsAtomic(t *testing.T) {
	a := NewAccountant(Pure(1))
	share := Pure(1).Split(1, 1, 1, 1, 1, 1, 1)[0]
	var wg sync.WaitGroup
	var mu sync.Mutex
	taken := 0
	for range 64 {
		wg.Go(func() {
			if a.Spend("share", share) == nil {
				mu.Lock()
				taken++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if taken != 7 || !a.Spent().Equal(Pure(1)) || a.Remaining().loss.Sign() != 0 {
		t.Errorf("%d shares of a seventh were taken, %v spent", taken, a.Spent())
	}
}

// Spent and Remaining add up to the cap after any spends, accepted or refused.
func TestLedgerAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cap := Approx(rapid.Float64Range(0.1, 10).Draw(t, "ε"), rapid.Float64Range(0, 1e-3).Draw(t, "δ"))
		a := NewAccountant(cap)
		sum := Budget{}
		for range rapid.IntRange(0, 20).Draw(t, "spends") {
			b := Approx(rapid.Float64Range(1e-3, 3).Draw(t, "e"), rapid.Float64Range(0, 3e-4).Draw(t, "d"))
			if a.Spend("s", b) == nil {
				sum, _ = sum.Add(b)
			}
		}
		total, err := a.Spent().Add(a.Remaining())
		if err != nil || !total.Equal(cap) || !a.Spent().Equal(sum) || !a.Spent().AtMost(cap) {
			t.Fatalf("spent %v, remaining %v of %v", a.Spent(), a.Remaining(), cap)
		}
	})
}

func TestZCDPCap(t *testing.T) {
	a := NewAccountant(ZCDP(0.5, 1e-8))
	if err := a.Spend("pure", Approx(0.5, 1e-9)); err != nil {
		t.Fatal(err)
	}
	if got := a.Spent().String(); got != "ρ=0.125, δ=1e-9" {
		t.Errorf("spent %s", got)
	}
	if got := a.Entries()[0].Budget.String(); got != "ε=0.5, δ=1e-9" {
		t.Errorf("entry %s", got)
	}
}

func TestFromZCDP(t *testing.T) {
	b, err := FromZCDP(ZCDP(0.05, 1e-8), 1e-8)
	if err != nil || b.IsZCDP() || b.Delta() != "2e-8" {
		t.Fatalf("%v, %v", b, err)
	}
	if e := b.loss.Float(); e < 1.755 || e > 1.756 {
		t.Errorf("ε = %g", e)
	}
	for _, c := range []struct {
		b Budget
		d float64
	}{{Pure(1), 1e-8}, {ZCDP(1, 0), 0}, {ZCDP(1, 0.5), 0.6}} {
		if _, err := FromZCDP(c.b, c.d); !errors.Is(err, fault.Plan) {
			t.Errorf("%v, %g: %v", c.b, c.d, err)
		}
	}
}

func ExampleBudget_Split() {
	parts := Pure(1).Split(1, 1, 1)
	sum, _ := parts[0].Add(parts[1])
	sum, _ = sum.Add(parts[2])
	fmt.Println(parts[0], "·3 =", sum)
	// Output: ε=1/3 ·3 = ε=1
}

func ExampleAccountant() {
	acct := NewAccountant(Approx(0.5, 1e-8))
	fmt.Println(acct.Spend("trips by hour", Pure(0.3)))
	err := acct.Spend("trips by city", Pure(1).Split(1, 1, 1)[0])
	fmt.Println(err, errors.Is(err, fault.Budget))
	fmt.Println(acct.Spent())
	// Output:
	// <nil>
	// "trips by city" needs ε=1/3, ε=0.2, δ=1e-8 remains true
	// ε=0.3
}
