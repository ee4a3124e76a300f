package kanon

import (
	"fmt"

	"github.com/oboro-data/oboro/internal/fault"
)

// KMAnonymity protects a column of tag sets, such as hobbies: whoever knows a
// person's class and up to M of their tags finds at least K people of the class
// who have these tags (Terrovitis, Mamoulis, Kalnis: Privacy-Preserving
// Anonymization of Set-Valued Data, 2008; with classes: Poulis, Loukides,
// Gkoulalas-Divanis, Skiadopoulos: Anonymizing Data with Relational and
// Transaction Attributes, 2013, (k, k^m)-anonymity). In every class, with s the
// set of tags of a row as released:
//
//	for all T, 1 ≤ |T| ≤ m:  no row has T ⊆ s, or rows of at least k people have
//
// No class fails it: tags are generalised, or left out, within the class until
// it holds; see SetColumn. So it costs tags, not rows, and takes no part in the
// search. What it does not give: a person's whole set may be unique.
//
// With a unit, people are counted, not rows.
type KMAnonymity struct {
	Column string // one of Spec.Sets
	K      int64  // ≥ 1
	M      int    // 1 to 4
}

// Check refuses parameters outside their ranges.
func (m KMAnonymity) Check() error {
	if err := checkColumn("km-anonymity", m.Column); err != nil {
		return err
	}
	if m.K < 1 {
		return fault.Planf("km-anonymity of %q: k is %d; give k ≥ 1", m.Column, m.K)
	}
	if m.M < 1 || m.M > 4 {
		return fault.Planf("km-anonymity of %q: m is %d; give 1 to 4", m.Column, m.M)
	}
	return nil
}

// Bind checks the parameters; the test of a class passes every class.
func (m KMAnonymity) Bind(*FrequencySet) (func(*EquivalenceClass) bool, error) {
	return passes, m.Check()
}

// Monotone reports Growing, for it asks nothing of classes.
func (KMAnonymity) Monotone() Monotonicity { return Growing }

// String is "k^m-anonymity of hobbies (k = 5, m = 2)".
func (m KMAnonymity) String() string {
	return fmt.Sprintf("k^m-anonymity of %s (k = %d, m = %d)", m.Column, m.K, m.M)
}
