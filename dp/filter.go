package dp

import (
	"math"
	"sync"

	"github.com/oboro-data/oboro/internal/exact"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/internal/pld"
)

// A Filter keeps many small releases on the same people within a cap in (ε, δ),
// when queries, prices and the end are chosen after seeing earlier results. It
// is an Accountant that counts in ρ: a pure ε costs ε²/2 instead of ε, a run of
// the exponential mechanism ε²/8, so that small prices grow with the root of
// their number. An Accountant with the same cap adds ε to ε and is better for
// few and great ones. The two cannot be mixed.
//
// Part of δ converts ρ into ε, once; the rest is for the δ of releases. That
// the sum of ρ may be held against a cap under full adaptivity, also for
// releases that are approximate, is theorem 1 of Whitehouse, Ramdas, Rogers and
// Wu 2023 (Feldman and Zrnic 2021 for pure ρ). All sums are exact rationals; the
// cap in ρ is rounded down.
//
// With a cap of (1, 10⁻⁶) 458 releases of ε = 0.01 fit, instead of 100.
type Filter struct {
	cap  Budget
	acct *Accountant
}

// NewFilter returns a filter that has spent nothing of a cap in (ε, δ), of which
// the part conversion, 0 < conversion < δ, turns ρ into ε. The error is of kind
// fault.Plan.
func NewFilter(cap Budget, conversion float64) (*Filter, error) {
	if err := cap.Validate(); err != nil {
		return nil, err
	}
	d, ok := exact.FromFloat(conversion)
	if cap.zcdp || !ok || d.Sign() <= 0 || !d.Less(cap.delta) && !d.Equal(cap.delta) {
		return nil, fault.Planf("a filter takes a cap in ε and δ, and a conversion greater than 0 and at most δ; half of δ is a good one")
	}
	rho, ok := exact.FromBinary(pld.ZCDPRhoDown(cap.loss.FloatDown(), d.FloatDown()))
	if !ok || rho.Sign() <= 0 {
		return nil, fault.Planf("the cap of the filter is too small to be counted in ρ")
	}
	return &Filter{cap, NewAccountant(Budget{zcdp: true, loss: rho, delta: cap.delta.Sub(d), largeDelta: true})}, nil
}

// Spend takes a price, pure, approximate or in ρ, or refuses and changes nothing
// with a *BudgetError in ρ. Call it before noise is drawn.
func (f *Filter) Spend(name string, b Budget) error { return f.acct.Spend(name, b) }

// SpendExponential takes the price of runs of the exponential mechanism, each
// epsilon-private: ε²/8 each, as it is of bounded range (Cesar and Rogers 2021).
func (f *Filter) SpendExponential(name string, epsilon float64, runs int) error {
	b := Pure(epsilon)
	if err := b.Validate(); err != nil || runs < 1 {
		return fault.Planf("%s: runs of the exponential mechanism take an epsilon greater than 0", name)
	}
	b.zcdp, b.loss = true, b.loss.Mul(b.loss).Mul(exact.Int(int64(runs))).Quo(exact.Int(8))
	return f.acct.Spend(name, b)
}

// Cap is the cap given to NewFilter: everything spent together stays within it.
func (f *Filter) Cap() Budget { return f.cap }

// Spent is what was spent, in ρ and with the δ of releases.
func (f *Filter) Spent() Budget { return f.acct.Spent() }

// Remaining is what is left, in the same currency; both add up exactly.
func (f *Filter) Remaining() Budget { return f.acct.Remaining() }

// An Odometer says at every moment how much has been spent, without a cap, and
// is right about all moments at once: with probability 1-δ over the noise, never
// is the privacy loss of what was released so far more than the ε of that
// moment. So one may also stop because of what it says, or of what was
// released. It is safe for many goroutines.
//
// For a ρ fixed in advance, e^((α-1)·(L - α·ρ_t)) is a supermartingale at every
// α > 1 as long as the sum ρ_t of what was spent stays within ρ; by Ville's
// inequality the loss L exceeds ρ + 2·√(ρ·ln(1/δ)) at any time before that with
// probability at most δ (Whitehouse, Ramdas, Rogers and Wu 2023, theorem 2, as
// Rogers, Roth, Ullman and Vadhan 2016). The odometer holds one such bound for
// every ρ_k = 2^k·ρ₀, with δ_k = 6δ/(π²·k²), k = 1, 2, …, which sum to δ, and at
// any moment quotes that of the least ρ_k not yet exceeded; or the sum of ε where
// that is less, which holds with certainty.
type Odometer struct {
	delta, first exact.Rat

	mu     sync.Mutex
	rho    exact.Rat // Σ, of everything
	sum    exact.Rat // Σ ε, as long as all had one
	pure   bool
	deltas exact.Rat // of approximate releases
}

// NewOdometer returns an odometer that is right with probability 1-delta, 0 <
// delta < 1. first > 0 is a price in ε about as small as they come: below it the
// odometer does not go with the ρ of one such price. The error is of kind
// fault.Plan.
func NewOdometer(delta, first float64) (*Odometer, error) {
	d, ok1 := exact.FromFloat(delta)
	e, ok2 := exact.FromFloat(first)
	if !ok1 || !ok2 || d.Sign() <= 0 || !d.Less(exact.Int(1)) || e.Sign() <= 0 {
		return nil, fault.Planf("an odometer takes a delta between 0 and 1, and a price in ε greater than 0")
	}
	return &Odometer{delta: d, first: Pure(first).inZCDP().loss, pure: true}, nil
}

// Record counts a release, before its noise is drawn. It refuses, with kind
// fault.Plan, what is no budget, and changes nothing then.
func (o *Odometer) Record(b Budget) error {
	if err := b.AcceptLargeDelta().Validate(); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rho = o.rho.Add(b.inZCDP().loss)
	o.deltas = o.deltas.Add(b.delta)
	if o.pure = o.pure && !b.zcdp; o.pure {
		o.sum = o.sum.Add(b.loss)
	}
	return nil
}

// Spent is what has been spent: an ε, rounded up, and the δ of the odometer and
// of all releases. Nothing at all where nothing was recorded.
func (o *Odometer) Spent() Budget {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.rho.Sign() == 0 {
		return Budget{}
	}
	rho, k := o.first, 1.0
	for ; rho.Less(o.rho); k++ {
		rho = rho.Mul(exact.Int(2))
	}
	// ln(1/δ_k) = ln(π²/6) + 2·ln k - ln δ, and ln(π²/6) < 1/2.
	l := exact.AddUp(exact.AddUp(0.5, exact.MulUp(2, exact.LogUp(k))), -exact.LogDown(o.delta.FloatDown()))
	r := rho.FloatUp()
	epsilon := exact.AddUp(r, exact.MulUp(2, exact.SqrtUp(exact.MulUp(r, l))))
	spent := Budget{delta: o.delta.Add(o.deltas), largeDelta: true}
	if up, ok := exact.FromFloat(ceilDigits(epsilon, 9)); ok && !math.IsInf(epsilon, 1) {
		spent.loss = up
		if o.pure {
			spent.loss = exact.Min(up, o.sum)
		}
	} else if o.pure {
		spent.loss = o.sum
	} else {
		spent.malformed = "more than a number holds"
	}
	return spent
}
