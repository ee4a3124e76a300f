package kanon

import (
	"math"
	"slices"

	"github.com/oboro-data/oboro/internal/fault"
)

// A Score is what a recoding costs; less is better, and scores are compared
// lexicographically. Every cost but the rank aggregate has one element.
type Score []float64

// Compare returns -1, 0 or 1 as s is less than, equal to or greater than t.
func (s Score) Compare(t Score) int { return slices.Compare(s, t) }

// A Cost measures what is lost by generalising to a node and suppressing the
// classes that fail.
type Cost interface {
	// Bind prepares the cost for one table. base is the frequency set at the
	// bottom of the lattice. Parameters that the table can't serve are an
	// error of kind Plan.
	Bind(base *FrequencySet) (BoundCost, error)
	// String is the metric's name in the policy: "loss", "discernibility", …
	String() string
}

// A BoundCost scores nodes of one table. It is used by several goroutines.
type BoundCost interface {
	// LowerBound returns a score that is no more than Score(n, …) for any set
	// of suppressed classes. It looks at no class: its cost is that of a
	// look-up per column.
	LowerBound(n Node) Score
	// Score returns the exact score of a node. set is the frequency set at the
	// node; suppressed holds the indices of its classes that fail, in order.
	Score(n Node, set *FrequencySet, suppressed []int32) Score
}

// MonotoneCost is implemented by bound costs whose score at a node is a lower
// bound for the scores of all nodes above it, suppression included. They let
// the search discard everything above a scored node.
type MonotoneCost interface {
	BoundCost
	MonotoneLowerBound(n Node, set *FrequencySet, suppressed []int32) Score
}

// SuppressingCost is implemented by bound costs that know more about a node
// when some number of its rows must be suppressed, whichever they are. The
// search learns such numbers from coarser nodes.
type SuppressingCost interface {
	BoundCost
	// LowerBoundSuppressing returns a score that is no more than Score(n, …)
	// for any set of suppressed classes with at least that many rows. It does
	// not decrease in n or in rows, and LowerBoundSuppressing(n, 0) is
	// LowerBound(n).
	LowerBoundSuppressing(n Node, rows int64) Score
}

// An Aggregate joins the losses of the columns, each between 0 and 1, into a
// score. l is a column's loss, w its weight after division by the greatest
// weight, d the number of columns.
type Aggregate uint8

const (
	GeometricMean  Aggregate = iota // (Π (w·l + 1))^(1/d) - 1
	ArithmeticMean                  // Σ w·l / d
	Sum                             // Σ w·l
	Maximum                         // max w·l
	Rank                            // the vector of w·l in decreasing order
)

// aggregateNames are the names in the policy, in the order of the constants.
var aggregateNames = [...]string{"geometric-mean", "arithmetic-mean", "sum", "max", "rank"}

// String is the aggregate's name in the policy.
func (a Aggregate) String() string {
	if int(a) >= len(aggregateNames) {
		return "unknown aggregate"
	}
	return aggregateNames[a]
}

// score aggregates losses that are weighted already. It may reorder them.
func (a Aggregate) score(losses []float64) Score {
	d := float64(len(losses))
	switch a {
	case GeometricMean:
		p := 1.0
		for _, l := range losses {
			p *= l + 1
		}
		return Score{math.Pow(p, 1/d) - 1}
	case Maximum:
		return Score{slices.Max(losses)}
	case Rank:
		slices.SortFunc(losses, func(x, y float64) int {
			switch {
			case x > y:
				return -1
			case x < y:
				return 1
			}
			return 0
		})
		return Score(losses)
	}
	sum := 0.0
	for _, l := range losses {
		sum += l
	}
	if a == ArithmeticMean {
		sum /= d
	}
	return Score{sum}
}

// bindWeights returns the weight of each column, divided by the greatest, for
// weights by column name. A column without one weighs 1.
func bindWeights(columns []Column, weights map[string]float64) ([]float64, error) {
	out := make([]float64, len(columns))
	known := map[string]bool{}
	greatest := 0.0
	for c := range columns {
		w, ok := weights[columns[c].Name]
		if !ok {
			w = 1
		}
		if !(w >= 0) || math.IsInf(w, 0) {
			return nil, fault.Planf("column %q: the weight of a cost must be a number of at least 0", columns[c].Name)
		}
		known[columns[c].Name] = true
		out[c], greatest = w, max(greatest, w)
	}
	for name := range weights {
		if !known[name] {
			return nil, fault.Planf("column %q has a weight in the cost and is no quasi-identifier", name)
		}
	}
	if greatest == 0 {
		return nil, fault.Planf("every weight of the cost is 0; give one column a positive weight")
	}
	for c := range out {
		out[c] /= greatest
	}
	return out, nil
}

// bindFactors turns the balance between generalisation and suppression into
// the factors of both: 0.5 counts both fully, less discounts suppression, more
// discounts generalisation.
//
//	s = min(1, 2·gs)      g = min(1, 2·(1 - gs))
func bindFactors(gs float64) (g, s float64, err error) {
	if !(gs >= 0 && gs <= 1) {
		return 0, 0, fault.Planf("gs-factor must lie between 0 and 1")
	}
	return min(1, 2*(1-gs)), min(1, 2*gs), nil
}
