package dp

import (
	"slices"
	"sync"

	"github.com/oboro-data/oboro/internal/fault"
)

// An Accountant keeps the total privacy loss of several releases on the same
// people at or below a cap. It may be used by many goroutines at once.
//
// It is a privacy filter in the sense of Rogers, Roth, Ullman and Vadhan 2016:
// queries, and what each of them costs, may be chosen after seeing earlier
// results, as long as every Spend comes before its release. Basic composition
// is valid for such adaptive choices without further loss (their theorem for
// filters under (ε, δ)), and so is the addition of ρ (Feldman and Zrnic 2021).
// Spent is the matching odometer: at every moment the releases made so far
// cost at most Spent together.
//
// All releases must protect the same unit under the same neighbour relation,
// adding or removing all rows of one unit. The accountant cannot see that;
// package anon makes one accountant per policy, which has one unit.
//
// With a cap in ε a spend in ρ is refused (convert it with FromZCDP); with a
// cap in ρ a spend of (ε, δ) counts as (ε²/2, δ), exactly.
type Accountant struct {
	cap Budget

	mu      sync.Mutex
	spent   Budget
	entries []Entry
}

// An Entry is one accepted spend.
type Entry struct {
	Name   string // what was released, as given to Spend
	Budget Budget // what it cost, in the currency in which it was priced
}

// NewAccountant returns an accountant that has spent nothing of the cap. An
// invalid cap is reported by the first Spend.
func NewAccountant(cap Budget) *Accountant {
	return &Accountant{cap: cap, spent: Budget{zcdp: cap.zcdp}}
}

// Spend takes b from what remains, or refuses and changes nothing. The
// refusal is a *BudgetError, of kind fault.Budget, or an error of kind
// fault.Plan where b or the cap is invalid. Spend is atomic: of two goroutines
// that both want the last share, one gets it.
//
// Call it before noise is drawn. A spend is not given back if the release
// fails afterwards, as its noise may have been seen.
func (a *Accountant) Spend(name string, b Budget) error {
	if err := a.cap.Validate(); err != nil {
		return fault.Planf("cap of the accountant: %w", err)
	}
	if err := b.AcceptLargeDelta().Validate(); err != nil {
		return fault.Planf("%s: %w", name, err)
	}
	price := b
	if a.cap.zcdp {
		price = b.inZCDP()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	total, err := a.spent.Add(price)
	if err != nil || total.zcdp != a.cap.zcdp {
		return fault.Planf("%s: the budget is counted in ε and this release in ρ; convert its price (FromZCDP), or state the cap in ρ", name)
	}
	if !total.AtMost(a.cap) {
		return &BudgetError{Name: name, Needs: price, Remains: a.remaining()}
	}
	a.spent = total
	a.entries = append(a.entries, Entry{name, b})
	return nil
}

// Cap is the limit given to NewAccountant.
func (a *Accountant) Cap() Budget { return a.cap }

// Spent is the sum of the accepted spends, exactly, in the cap's currency.
func (a *Accountant) Spent() Budget {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.spent
}

// Remaining is the cap less Spent, exactly: Spent and Remaining add up to Cap.
func (a *Accountant) Remaining() Budget {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.remaining()
}

func (a *Accountant) remaining() Budget {
	left := a.cap
	if left.malformed == "" {
		left.loss = a.cap.loss.Sub(a.spent.loss)
		left.delta = a.cap.delta.Sub(a.spent.delta)
	}
	return left
}

// Entries are the accepted spends in the order in which they were made, a copy.
func (a *Accountant) Entries() []Entry {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.entries)
}

// A BudgetError is a spend that did not fit. It is of kind fault.Budget.
type BudgetError struct {
	Name    string // what was to be released
	Needs   Budget
	Remains Budget
}

// Error is, for instance: "trips by city" needs ε=1/3, ε=1/5 remains.
func (e *BudgetError) Error() string {
	return `"` + e.Name + `" needs ` + e.Needs.String() + ", " + e.Remains.String() + " remains"
}

// Unwrap makes errors.Is(e, fault.Budget) and errors.Is(e, fault.Plan) true.
func (e *BudgetError) Unwrap() error { return fault.Budget }
