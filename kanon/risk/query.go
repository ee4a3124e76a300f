package risk

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/kanon"
)

// A QueryError is the error of counts that a reader of the release estimates.
type QueryError struct {
	Queries int
	// Median, Mean and P90 are of |estimate - true|/max(true, N/1000).
	Median, Mean, P90 float64
}

// RangeCounts asks for the number of rows in random boxes, of the input and of
// the release (Xiao, Tao: Anatomy, 2006; LeFevre et al. 2006). A query takes one
// to three columns at random, and of each a range of consecutive raw values that
// starts and ends at random. The reader of the release spreads every class
// evenly over the raw values of its labels, and suppressed rows over all values:
//
//	estimate = Σ_classes c·Π_columns (values of the label in the range)/(values of the label)
//
// Values are those of the input. The same source of random numbers gives the
// same queries; they decide about no release.
func RangeCounts(base *kanon.FrequencySet, parts []Part, queries int, random *rand.Rand) (QueryError, error) {
	out := QueryError{Queries: queries}
	if queries < 1 {
		return out, fault.Planf("query error: %d queries are asked for; give at least 1", queries)
	}
	if base.Rows == 0 || len(base.QuasiIdentifiers) == 0 {
		return out, nil
	}
	kept := int64(0)
	for _, p := range parts {
		for j := range p.Classes {
			kept += p.rows(j)
		}
	}
	errors := make([]float64, queries)
	for k := range errors {
		columns := random.Perm(len(base.QuasiIdentifiers))[:1+random.IntN(min(3, len(base.QuasiIdentifiers)))]
		ranges := make([]span, len(columns))
		all := 1.0
		for j, c := range columns {
			values := len(base.QuasiIdentifiers[c].Table.Levels[0].Labels)
			from, to := random.IntN(values), random.IntN(values)
			ranges[j] = span{c, min(from, to), max(from, to)}
			all *= float64(ranges[j].to-ranges[j].from+1) / float64(values)
		}
		truth := count(Kept(base, nil), ranges)
		estimate := all * float64(base.Rows-kept)
		for _, p := range parts {
			estimate += count(p, ranges)
		}
		errors[k] = math.Abs(estimate-truth) / max(truth, float64(base.Rows)/1000)
		out.Mean += errors[k] / float64(queries)
	}
	slices.Sort(errors)
	out.Median, out.P90 = errors[queries/2], errors[queries*9/10]
	return out, nil
}

// A span is a range of raw labels of a column.
type span struct{ column, from, to int }

// count estimates the rows of a part in a box.
func count(p Part, ranges []span) float64 {
	shares := make([][]float64, len(ranges)) // of each label at the part's level
	for j, r := range ranges {
		table := &p.Set.QuasiIdentifiers[r.column].Table
		level := &table.Levels[p.Set.Node[r.column]]
		inside, values := make([]float64, len(level.Labels)), make([]float64, len(level.Labels))
		seen := make([]bool, len(table.Levels[0].Labels))
		for code, raw := range table.Levels[0].Codes {
			if seen[raw] {
				continue
			}
			seen[raw] = true
			label := level.Codes[code]
			values[label]++
			if r.from <= int(raw) && int(raw) <= r.to {
				inside[label]++
			}
		}
		for label := range inside {
			inside[label] /= max(values[label], 1)
		}
		shares[j] = inside
	}
	sum := 0.0
	for k, i := range p.Classes {
		x := float64(p.rows(k))
		for j, r := range ranges {
			x *= shares[j][p.Set.Label(int(i), r.column)]
		}
		sum += x
	}
	return sum
}
