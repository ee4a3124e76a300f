package kanon

import (
	"fmt"
	"math"
	"math/big"

	"github.com/oboro-data/oboro/internal/fault"
)

// A Likeness says which bound BetaLikeness puts on the gain of confidence.
type Likeness string

// The variants of β-likeness. The empty variant is BasicLikeness.
const (
	BasicLikeness    Likeness = "basic"
	EnhancedLikeness Likeness = "enhanced"
)

// BetaLikeness bounds how much more frequent a sensitive value may be in a
// class than in the whole table, relative to the latter (Cao, Karras:
// Publishing Microdata with a Robust Privacy Guarantee, 2012, definitions 2
// and 3). With q the share in the class and p that in the table, for every
// value of the class:
//
//	basic     (q - p)/p ≤ β
//	enhanced  (q - p)/p ≤ min(β, -ln p)
//
// Only gains count: a value may vanish from a class. Distributions count
// people: with a unit, a person with two values counts once for each.
//
// Exactness: q ≤ p·(1+β) is decided in integers; -ln p is rounded down, so a
// class within an error of 2^-50 of the enhanced bound fails.
//
// Each bound is linear in q, so the model is Merging.
type BetaLikeness struct {
	Beta    float64 // > 0
	Column  string
	Variant Likeness
}

func (m BetaLikeness) variant() Likeness {
	if m.Variant == "" {
		return BasicLikeness
	}
	return m.Variant
}

// Check refuses parameters outside their ranges.
func (m BetaLikeness) Check() error {
	if err := checkColumn("beta-likeness", m.Column); err != nil {
		return err
	}
	if v := m.variant(); v != BasicLikeness && v != EnhancedLikeness {
		return fault.Planf("beta-likeness of %q: unknown variant %q; give basic or enhanced", m.Column, string(m.Variant))
	}
	if err := checkFinite("beta-likeness", "beta", m.Beta); err != nil {
		return err
	}
	if m.Beta <= 0 {
		return fault.Planf("beta-likeness of %q: beta must be above 0", m.Column)
	}
	return nil
}

// Bind returns the test of a class.
func (m BetaLikeness) Bind(base *FrequencySet) (func(*EquivalenceClass) bool, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	i, err := sensitiveColumn(base, "beta-likeness", m.Column)
	if err != nil {
		return nil, err
	}
	counts, total := tableCounts(base, i)
	most := make([]share, len(counts)) // the largest share that a value may have
	for v, n := range counts {
		if n == 0 {
			most[v] = share{0, 1}
			continue
		}
		gain := decimal(m.Beta)
		if m.variant() == EnhancedLikeness {
			// 2^-50·(1-ln p) is more than the error of the logarithm.
			logarithm := -math.Log(float64(n) / float64(total))
			logarithm -= 0x1p-50 * (1 + logarithm)
			if n == total {
				logarithm = 0
			}
			if bound := new(big.Rat).SetFloat64(math.Max(logarithm, 0)); bound.Cmp(gain) < 0 {
				gain = bound
			}
		}
		gain.Add(gain, big.NewRat(1, 1))
		most[v] = shareDown(gain.Mul(gain, big.NewRat(n, total)))
	}
	return func(c *EquivalenceClass) bool {
		d := &c.Sensitive[i]
		sum := d.total()
		for k, v := range d.Values {
			if most[v].compare(d.Counts[k], sum) > 0 {
				return false
			}
		}
		return true
	}, nil
}

// Monotone reports Merging.
func (BetaLikeness) Monotone() Monotonicity { return Merging }

// SensitiveColumns is the model's column.
func (m BetaLikeness) SensitiveColumns() []string { return []string{m.Column} }

// String is "basic 3-likeness of diagnosis".
func (m BetaLikeness) String() string {
	return fmt.Sprintf("%s %v-likeness of %s", m.variant(), m.Beta, m.Column)
}
