package dp

import (
	"fmt"
	"math"
	"strings"

	"github.com/oboro-data/oboro/internal/exact"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/internal/pld"
)

// A Budget is an amount of privacy loss: what a release may cost, what it did
// cost, or the cap of an Accountant. All its numbers are exact rationals.
//
// There are two currencies. (ε, δ)-differential privacy (Dwork and Roth 2014,
// definition 2.4): for neighbouring tables D, D′ and every set S of results,
//
//	P[M(D) ∈ S] ≤ e^ε · P[M(D′) ∈ S] + δ.
//
// δ-approximate ρ-zero-concentrated differential privacy (Bun and Steinke
// 2016, definition 8.1): outside events of probability δ the Rényi divergence
// of order α between M(D) and M(D′) is at most ρ·α, for every α > 1. Two
// amounts of one currency add; FromZCDP converts the second into the first.
//
// The zero Budget is no privacy loss at all. It is not valid as a cap or as
// the price of a release.
type Budget struct {
	zcdp       bool
	loss       exact.Rat // ε, or ρ where zcdp
	delta      exact.Rat
	largeDelta bool   // δ ≥ 1/10 was accepted in so many words
	malformed  string // why it cannot be used; found by Validate
}

// Pure is the budget of pure ε-differential privacy. epsilon > 0 stands for
// its shortest decimal text: Pure(0.1) is one tenth.
func Pure(epsilon float64) Budget { return Approx(epsilon, 0) }

// Approx is the budget of (ε, δ)-differential privacy, epsilon > 0 and
// 0 ≤ delta < 1, both standing for their shortest decimal texts. Whether they
// are in range is checked where the budget is used, and by Validate.
func Approx(epsilon, delta float64) Budget {
	return fromFloats(false, "epsilon", epsilon, delta)
}

// ZCDP is the budget of δ-approximate ρ-zero-concentrated differential
// privacy, rho > 0 and 0 ≤ delta < 1; delta is needed only for the selection
// of private groups. The floats stand for their shortest decimal texts.
func ZCDP(rho, delta float64) Budget { return fromFloats(true, "rho", rho, delta) }

func fromFloats(zcdp bool, name string, loss, delta float64) Budget {
	l, ok1 := exact.FromFloat(loss)
	d, ok2 := exact.FromFloat(delta)
	b := Budget{zcdp: zcdp, loss: l, delta: d}
	if !ok1 {
		b.malformed = name + " is not a finite number"
	} else if !ok2 {
		b.malformed = "delta is not a finite number"
	}
	return b
}

// ParseBudget reads "epsilon=1, delta=1e-8", "rho=0.05, delta=1e-8" and the
// like. Numbers are decimals or fractions and are taken exactly. ε, δ, ρ and
// eps are accepted as names; String writes what ParseBudget reads. The error
// is of kind fault.Plan.
func ParseBudget(text string) (Budget, error) {
	values := map[string]string{}
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ';' || r == ' ' || r == '\t' }) {
		name, value, ok := strings.Cut(part, "=")
		canonical, known := map[string]string{
			"epsilon": "epsilon", "eps": "epsilon", "ε": "epsilon",
			"delta": "delta", "δ": "delta", "rho": "rho", "ρ": "rho",
		}[name]
		if _, twice := values[canonical]; !ok || !known || twice {
			return Budget{}, fault.Planf("budget: want one of epsilon=… or rho=…, and at most one delta=…, with no space around the equals sign")
		}
		values[canonical] = value
	}
	return BudgetOf(values["epsilon"], values["delta"], values["rho"])
}

// BudgetOf makes a budget of exact texts, each a decimal or a fraction; give
// either epsilon or rho, and delta where it is not 0. Empty texts are absent.
// The error is of kind fault.Plan and names the number that is out of range,
// except for a δ of 1/10 or more, which Validate refuses.
func BudgetOf(epsilon, delta, rho string) (Budget, error) {
	if (epsilon == "") == (rho == "") {
		return Budget{}, fault.Planf("budget: give either epsilon or rho")
	}
	b := Budget{zcdp: rho != ""}
	var err error
	if b.loss, err = exact.Parse(epsilon + rho); err != nil {
		return Budget{}, fault.Planf("budget: %s is %w", b.lossName(), err)
	}
	if delta != "" {
		if b.delta, err = exact.Parse(delta); err != nil {
			return Budget{}, fault.Planf("budget: delta is %w", err)
		}
	}
	return b, b.AcceptLargeDelta().Validate()
}

func (b Budget) lossName() string {
	if b.zcdp {
		return "rho"
	}
	return "epsilon"
}

// AcceptLargeDelta is b with δ ≥ 1/10 allowed. With such a δ a mechanism may
// publish every tenth person outright, so it has to be asked for.
func (b Budget) AcceptLargeDelta() Budget { b.largeDelta = true; return b }

// Validate checks that ε or ρ is positive, that 0 ≤ δ < 1, and that δ < 1/10
// unless AcceptLargeDelta was called. Its error is of kind fault.Plan.
func (b Budget) Validate() error {
	switch {
	case b.malformed != "":
		return fault.Planf("budget: %s", b.malformed)
	case b.loss.Sign() <= 0:
		return fault.Planf("budget: %s must be greater than 0", b.lossName())
	case b.delta.Sign() < 0 || !b.delta.Less(exact.Int(1)):
		return fault.Planf("budget: delta must be at least 0 and less than 1")
	case !b.largeDelta && !b.delta.Less(exact.Frac(1, 10)):
		return fault.Planf("budget: delta of 1/10 or more lets a tenth of the people be disclosed; lower it, or accept it explicitly (accept-delta: true)")
	}
	return nil
}

// IsZCDP reports whether the budget is counted in ρ rather than in ε.
func (b Budget) IsZCDP() bool { return b.zcdp }

// IsZero reports whether the budget is no privacy loss at all.
func (b Budget) IsZero() bool { return b.malformed == "" && b.loss.Sign() == 0 && b.delta.Sign() == 0 }

// Epsilon is ε as an exact decimal or fraction, "" for a budget in ρ.
func (b Budget) Epsilon() string {
	if b.zcdp {
		return ""
	}
	return b.loss.String()
}

// Rho is ρ as an exact decimal or fraction, "" for a budget in ε.
func (b Budget) Rho() string {
	if !b.zcdp {
		return ""
	}
	return b.loss.String()
}

// Delta is δ as an exact decimal or fraction, "0" if there is none.
func (b Budget) Delta() string { return b.delta.String() }

// Split divides the budget in proportion to positive weights, which stand for
// their shortest decimal texts. The parts add up to b exactly; δ is divided
// like ε. It panics without weights and on one that is not a positive number:
// weights from outside are validated where they are read.
func (b Budget) Split(weights ...float64) []Budget {
	shares, err := shares(weights)
	if err != nil {
		panic(err)
	}
	parts := make([]Budget, len(shares))
	for i, s := range shares {
		parts[i] = b.scaled(s)
	}
	return parts
}

// shares turns positive weights into rationals that sum to 1 exactly.
func shares(weights []float64) ([]exact.Rat, error) {
	total := exact.Rat{}
	out := make([]exact.Rat, len(weights))
	for i, w := range weights {
		r, ok := exact.FromFloat(w)
		if !ok || r.Sign() <= 0 {
			return nil, fault.Planf("weight must be a number greater than 0")
		}
		out[i], total = r, total.Add(r)
	}
	if len(out) == 0 {
		return nil, fault.Planf("a budget is split into at least one part")
	}
	for i := range out {
		out[i] = out[i].Quo(total)
	}
	return out, nil
}

// scaled is the share s of b.
func (b Budget) scaled(s exact.Rat) Budget {
	b.loss, b.delta = b.loss.Mul(s), b.delta.Mul(s)
	return b
}

// Add is the loss of two releases on the same people, by basic composition
// (Dwork and Roth 2014, theorem 3.16; Bun and Steinke 2016, lemma 2.3): ε, ρ
// and δ add. Budgets of two currencies cannot be added; the error, of kind
// fault.Plan, says how to convert.
func (b Budget) Add(c Budget) (Budget, error) {
	if b.malformed != "" || c.malformed != "" {
		return Budget{}, fault.Planf("budget: %s%s", b.malformed, c.malformed)
	}
	if b.zcdp != c.zcdp && !b.IsZero() && !c.IsZero() {
		return Budget{}, fault.Planf("budget: a loss in ρ and a loss in ε do not add; convert the one in ρ first (FromZCDP), or state both in ρ")
	}
	return Budget{
		zcdp:       b.zcdp && !b.IsZero() || c.zcdp,
		loss:       b.loss.Add(c.loss),
		delta:      b.delta.Add(c.delta),
		largeDelta: b.largeDelta || c.largeDelta,
	}, nil
}

// AtMost reports whether b is no more than c in every component, both being
// of one currency. Incomparable budgets are not AtMost each other.
func (b Budget) AtMost(c Budget) bool {
	if b.malformed != "" || c.malformed != "" || b.zcdp != c.zcdp && !b.IsZero() {
		return false
	}
	return !c.loss.Less(b.loss) && !c.delta.Less(b.delta)
}

// Equal reports whether both budgets are the same amount in the same currency.
func (b Budget) Equal(c Budget) bool { return b.AtMost(c) && c.AtMost(b) }

// String is "ε=1, δ=1e-8", "ε=1/3" or "ρ=0.05, δ=1e-8".
func (b Budget) String() string {
	if b.malformed != "" {
		return "invalid budget: " + b.malformed
	}
	name := "ε"
	if b.zcdp {
		name = "ρ"
	}
	if b.delta.Sign() == 0 {
		return fmt.Sprintf("%s=%s", name, b.loss)
	}
	return fmt.Sprintf("%s=%s, δ=%s", name, b.loss, b.delta)
}

// FromZCDP converts a budget in ρ into ε: ρ-zCDP implies (ε, δ)-differential
// privacy for the ε of proposition 12 of Canonne, Kamath and Steinke 2020 at
// the given delta, 0 < delta < 1, which is added to the δ of b. ε is rounded up
// to nine digits. The error is of kind fault.Plan.
func FromZCDP(b Budget, delta float64) (Budget, error) {
	if err := b.AcceptLargeDelta().Validate(); err != nil {
		return Budget{}, err
	}
	d, ok := exact.FromFloat(delta)
	if !b.zcdp || !ok || d.Sign() <= 0 {
		return Budget{}, fault.Planf("budget: converting ρ into ε takes a budget in ρ and a delta greater than 0")
	}
	epsilon := pld.ZCDPEpsilonUp(b.loss.FloatUp(), d.FloatDown())
	rounded, ok := exact.FromFloat(ceilDigits(epsilon, 9))
	if !ok {
		return Budget{}, fault.Planf("budget: rho is too great for any epsilon at this delta")
	}
	c := Budget{loss: rounded, delta: b.delta.Add(d), largeDelta: b.largeDelta}
	return c, c.AcceptLargeDelta().Validate()
}

// ceilDigits is the least decimal of the given digits that is at least x.
func ceilDigits(x float64, digits int) float64 {
	if y := roundDigits(x, digits); y >= x {
		return y
	}
	return roundDigits(x*(1+math.Pow(10, 1-float64(digits))), digits)
}

// inZCDP is b in the currency ρ. (ε, δ)-differential privacy implies
// δ-approximate ε²/2-zCDP (Bun and Steinke 2016, sections 3 and 8). The square
// is exact.
func (b Budget) inZCDP() Budget {
	if b.zcdp || b.malformed != "" {
		return b
	}
	b.zcdp, b.loss = true, b.loss.Mul(b.loss).Quo(exact.Int(2))
	return b
}
