package kanon

import (
	"math"

	"github.com/oboro-data/oboro/internal/fault"
)

// sensitiveColumn finds a model's column among those whose distributions the
// frequency set carries.
func sensitiveColumn(base *FrequencySet, model, column string) (int, error) {
	for i := range base.SensitiveColumns {
		if base.SensitiveColumns[i].Name == column {
			return i, nil
		}
	}
	return 0, fault.Planf("%s: the table has no sensitive column %q; name an input column that is not a quasi-identifier of this release", model, column)
}

// checkColumn refuses a model that names no column.
func checkColumn(model, column string) error {
	if column == "" {
		return fault.Planf("%s: no column is named; give the sensitive column that the model is about", model)
	}
	return nil
}

// checkFinite refuses a parameter that is no number.
func checkFinite(model, parameter string, x float64) error {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return fault.Planf("%s: %s is not a finite number", model, parameter)
	}
	return nil
}

// tableCounts returns, for sensitive column i, the people of each value in the
// whole table, by code, and their sum. It counts the one class at the top, so
// that a person with a value in several classes counts once, and the top's own
// distribution is the table's.
func tableCounts(base *FrequencySet, i int) (counts []int64, total int64) {
	counts = make([]int64, len(base.SensitiveColumns[i].Table.Levels[0].Codes))
	top := make(Node, len(base.QuasiIdentifiers))
	for c := range top {
		top[c] = len(base.QuasiIdentifiers[c].Table.Levels) - 1
	}
	whole := base.Generalize(top)
	var class EquivalenceClass
	for j := range whole.Len() {
		whole.Class(j, &class)
		d := &class.Sensitive[i]
		for k, v := range d.Values {
			counts[v] += d.Counts[k]
			total += d.Counts[k]
		}
	}
	return counts, total
}
