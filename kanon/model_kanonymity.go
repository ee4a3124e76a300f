package kanon

import (
	"fmt"

	"github.com/oboro-data/oboro/internal/fault"
)

// KAnonymity asks for classes of at least K people:
//
//	|E| ≥ k
//
// (Samarati, Sweeney: Protecting Privacy when Disclosing Information, 1998.)
// Nobody's row can be told apart from those of k-1 others by the
// quasi-identifiers. It says nothing about sensitive values: a class whose
// members agree in one discloses it.
//
// With a unit, people are counted, not rows. The number of distinct people of
// a union is at least that of either part, so the model is Growing.
type KAnonymity struct {
	K int64 // ≥ 1; 1 asks for nothing
}

// Check refuses K < 1.
func (m KAnonymity) Check() error {
	if m.K < 1 {
		return fault.Planf("k-anonymity: k is %d; give k ≥ 1 (2 or more protects)", m.K)
	}
	return nil
}

// Bind returns the test of a class.
func (m KAnonymity) Bind(*FrequencySet) (func(*EquivalenceClass) bool, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	return func(c *EquivalenceClass) bool { return c.Size >= m.K || c.Size == 0 }, nil
}

// Monotone reports Growing.
func (KAnonymity) Monotone() Monotonicity { return Growing }

// MinClassSize is K.
func (m KAnonymity) MinClassSize() int64 { return m.K }

// String is "5-anonymity".
func (m KAnonymity) String() string { return fmt.Sprintf("%d-anonymity", m.K) }
