package kanon

import (
	"fmt"
	"math"
	"math/big"

	"github.com/oboro-data/oboro/internal/fault"
)

// DeltaDisclosure bounds how far the share of a sensitive value in a class may
// be from its share in the whole table, up or down (Brickell, Shmatikov: The
// Cost of Privacy, 2008, definition 3). With q the share in the class and p
// that in the table, for every value of the class:
//
//	|log₂(q/p)| < δ
//
// The logarithm has base 2: δ = 1 allows anything between half and double.
//
// The definition speaks of all values of the table, and a value that a class
// lacks has the logarithm -∞: every class would need every value. By default
// only values present in the class are looked at, as ARX does; AllValues asks
// for the letter of the paper.
//
// Distributions count people: with a unit, a person with two values counts
// once for each.
//
// Exactness: 2^-δ·p < q < 2^δ·p in integers where δ is a whole number; other
// powers of two are irrational and rounded towards failing by 2^-50.
//
// With AllValues the model is Merging, for it is two linear bounds on q.
// Without, a value may enter a satisfied class by a merge at too small a
// share: not monotone.
type DeltaDisclosure struct {
	Delta     float64 // > 0
	Column    string
	AllValues bool
}

// Check refuses parameters outside their ranges.
func (m DeltaDisclosure) Check() error {
	if err := checkColumn("delta-disclosure", m.Column); err != nil {
		return err
	}
	if !(m.Delta > 0 && m.Delta <= 64) {
		return fault.Planf("delta-disclosure of %q: delta must be above 0 and at most 64", m.Column)
	}
	return nil
}

// Bind returns the test of a class.
func (m DeltaDisclosure) Bind(base *FrequencySet) (func(*EquivalenceClass) bool, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	i, err := sensitiveColumn(base, "delta-disclosure", m.Column)
	if err != nil {
		return nil, err
	}
	power := new(big.Rat).SetFloat64(math.Exp2(m.Delta))
	if m.Delta != math.Trunc(m.Delta) {
		power.Mul(power, new(big.Rat).SetFloat64(1-0x1p-50))
	}
	counts, total := tableCounts(base, i)
	type span struct {
		above, below share
		all          bool // 2^δ·p > 1: no upper bound
	}
	spans := make([]span, len(counts))
	values := 0
	for v, n := range counts {
		if n == 0 {
			continue
		}
		values++
		p := big.NewRat(n, total)
		upper := new(big.Rat).Mul(p, power)
		spans[v] = span{
			above: shareUp(new(big.Rat).Quo(p, power)),
			below: shareDown(upper),
			all:   upper.Cmp(big.NewRat(1, 1)) > 0,
		}
	}
	return func(c *EquivalenceClass) bool {
		if c.Size == 0 {
			return true
		}
		d := &c.Sensitive[i]
		if m.AllValues && len(d.Values) < values {
			return false
		}
		sum := d.total()
		for k, v := range d.Values {
			n, s := d.Counts[k], &spans[v]
			if s.above.compare(n, sum) <= 0 || !s.all && s.below.compare(n, sum) >= 0 {
				return false
			}
		}
		return true
	}, nil
}

// Monotone reports Merging with AllValues, else NotMonotone.
func (m DeltaDisclosure) Monotone() Monotonicity {
	if m.AllValues {
		return Merging
	}
	return NotMonotone
}

// SensitiveColumns is the model's column.
func (m DeltaDisclosure) SensitiveColumns() []string { return []string{m.Column} }

// String is "1.5-disclosure privacy of diagnosis (base 2, values present)".
func (m DeltaDisclosure) String() string {
	which := "values present"
	if m.AllValues {
		which = "all values"
	}
	return fmt.Sprintf("%v-disclosure privacy of %s (base 2, %s)", m.Delta, m.Column, which)
}
