package kanon

import (
	"fmt"

	"github.com/oboro-data/oboro/internal/fault"
)

// AverageRisk bounds the average risk of re-identification by an attacker who
// tries to match everybody, the marketer's risk (El Emam: Guide to the
// De-Identification of Personal Health Information, 2013): over the m classes
// kept, with n people in all,
//
//	(1/n) Σ_E |E|·(1/|E|)  =  m/n  ≤  Threshold.
//
// Suppressing the smallest class never raises m/n, which is the inverse of the
// average size; the search suppresses from the smallest class upwards until it
// holds. Some classes may stay small: nobody is protected better than on
// average.
//
// People are counted, not rows. Exactness: m and n are compared with the
// decimal in integers.
type AverageRisk struct {
	Threshold float64 // above 0, at most 1
}

// Check refuses a threshold outside its range.
func (m AverageRisk) Check() error {
	if !(m.Threshold > 0 && m.Threshold <= 1) {
		return fault.Planf("average-risk: the threshold must be above 0 and at most 1")
	}
	return nil
}

// Bind checks the threshold; the test of a class passes every class.
func (m AverageRisk) Bind(*FrequencySet) (func(*EquivalenceClass) bool, error) {
	return passes, m.Check()
}

// Suppress returns how many of the smallest classes must go.
func (m AverageRisk) Suppress(sizes []int64) int {
	most := shareDown(decimal(m.Threshold))
	var people int64
	for _, n := range sizes {
		people += n
	}
	for i, n := range sizes {
		if most.compare(int64(len(sizes)-i), people) <= 0 {
			return i
		}
		people -= n
	}
	return len(sizes)
}

// String is "average risk at most 0.01".
func (m AverageRisk) String() string { return fmt.Sprintf("average risk at most %v", m.Threshold) }

// passes is the class test of models that are about the table as a whole.
func passes(*EquivalenceClass) bool { return true }
