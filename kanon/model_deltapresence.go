package kanon

import (
	"fmt"

	"github.com/oboro-data/oboro/internal/fault"
)

// DeltaPresence hides whether a person of the population is in the release.
// Only a research subset of the table is released; a class with n people of
// the subset among N people of the whole table must have
//
//	δ_min ≤ n/N ≤ δ_max
//
// (Nergiz, Atzori, Clifton: Hiding the Presence of Individuals from Shared
// Databases, 2007, definition 2). An attacker who knows the population then
// believes of nobody, with a confidence outside the bounds, that they are in
// the release.
//
// A class without a row of the subset has n/N = 0. It is not released, so it
// can't be suppressed either: with δ_min > 0 it refuses the node. Suppressing a class of
// the subset does not weaken the bounds of those kept.
//
// Shares of different classes lie on both sides of the bounds, so the model is
// not monotone under suppression or merging with failing classes; where all
// classes are within the bounds a merged one is too: Merging.
//
// People are counted, not rows. Exactness: the decimals are compared in
// integers.
type DeltaPresence struct {
	Min, Max float64 // 0 ≤ Min ≤ Max ≤ 1
}

// Check refuses parameters outside their ranges.
func (m DeltaPresence) Check() error {
	if !(m.Min >= 0 && m.Min <= m.Max && m.Max <= 1) {
		return fault.Planf("delta-presence: give 0 ≤ min ≤ max ≤ 1")
	}
	return nil
}

// Bind returns the test of a class.
func (m DeltaPresence) Bind(*FrequencySet) (func(*EquivalenceClass) bool, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	least, most := shareUp(decimal(m.Min)), shareDown(decimal(m.Max))
	return func(c *EquivalenceClass) bool {
		return c.Population == 0 ||
			least.compare(c.Size, c.Population) >= 0 && most.compare(c.Size, c.Population) <= 0
	}, nil
}

// Monotone reports Merging.
func (DeltaPresence) Monotone() Monotonicity { return Merging }

// Population reports ResearchSubset.
func (DeltaPresence) Population() Population { return ResearchSubset }

// String is "(0.05, 0.15)-presence".
func (m DeltaPresence) String() string { return fmt.Sprintf("(%v, %v)-presence", m.Min, m.Max) }
