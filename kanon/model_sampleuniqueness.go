package kanon

import (
	"fmt"

	"github.com/oboro-data/oboro/internal/fault"
)

// SampleUniqueness bounds the share of people who are alone in their class:
// with u classes of one person among those kept, and n people in all,
//
//	u/n ≤ Threshold.
//
// A unique person of the sample need not be unique in the population, but only
// a unique person can be. The search suppresses unique people until it holds,
// which lowers the share each time: (u-1)/(n-1) ≤ u/n.
//
// People are counted, not rows. Exactness: u and n are compared with the
// decimal in integers.
type SampleUniqueness struct {
	Threshold float64 // 0 to 1
}

// Check refuses a threshold outside its range.
func (m SampleUniqueness) Check() error {
	if !(m.Threshold >= 0 && m.Threshold <= 1) {
		return fault.Planf("sample-uniqueness: the threshold must be from 0 to 1")
	}
	return nil
}

// Bind checks the threshold; the test of a class passes every class.
func (m SampleUniqueness) Bind(*FrequencySet) (func(*EquivalenceClass) bool, error) {
	return passes, m.Check()
}

// Suppress returns how many unique people must go.
func (m SampleUniqueness) Suppress(sizes []int64) int {
	most := shareDown(decimal(m.Threshold))
	var people int64
	unique := 0
	for _, n := range sizes {
		people += n
		if n == 1 {
			unique++
		}
	}
	for i := range unique {
		if most.compare(int64(unique-i), people-int64(i)) <= 0 {
			return i
		}
	}
	return unique
}

// String is "sample uniqueness at most 0.01".
func (m SampleUniqueness) String() string {
	return fmt.Sprintf("sample uniqueness at most %v", m.Threshold)
}
