package kanon

import "fmt"

// Precision is how far up their hierarchies the columns are generalised
// (Sweeney: Achieving k-Anonymity Privacy Protection Using Generalization and
// Suppression, 2002; here the loss, 1 - Prec). With level and height of each
// column's hierarchy, σ the share of rows suppressed, and the factors g for
// generalisation and s for suppression (see bindFactors), a column loses
//
//	l = (1-σ)·g·level/height + σ·s
//
// and the score is the arithmetic mean of the weighted l. The monotonic form leaves suppression out: σ = 0.
type Precision struct {
	Monotonic bool
	GSFactor  float64
	Weights   map[string]float64 // by column; a column that is absent weighs 1
}

// String is "precision" or "precision-monotonic".
func (p Precision) String() string {
	if p.Monotonic {
		return "precision-monotonic"
	}
	return "precision"
}

// Bind prepares the cost for one table.
func (p Precision) Bind(base *FrequencySet) (BoundCost, error) {
	g, s, err := bindFactors(p.GSFactor)
	if err != nil {
		return nil, err
	}
	weights, err := bindWeights(base.QuasiIdentifiers, p.Weights)
	if err != nil {
		return nil, err
	}
	b := &boundPrecision{monotonic: p.Monotonic, s: s, rows: base.Rows, weights: weights}
	for c := range base.QuasiIdentifiers {
		height := len(base.QuasiIdentifiers[c].Table.Levels) - 1
		levels := make([]float64, height+1)
		for level := range levels {
			if height > 0 {
				levels[level] = g * float64(level) / float64(height)
			}
		}
		b.levels = append(b.levels, levels)
	}
	return b, nil
}

type boundPrecision struct {
	monotonic bool
	s         float64
	rows      int64
	weights   []float64
	levels    [][]float64 // g·level/height by column and level
}

// at returns the score where that many rows are suppressed.
func (b *boundPrecision) at(n Node, suppressed int64) Score {
	losses := make([]float64, len(n))
	for c, level := range n {
		losses[c] = b.levels[c][level]
		if !b.monotonic && suppressed > 0 {
			losses[c] += (b.s - losses[c]) * float64(suppressed) / float64(b.rows)
		}
		losses[c] *= b.weights[c]
	}
	return ArithmeticMean.score(losses)
}

// LowerBound takes, for every column by itself, the cheaper of keeping and
// suppressing all rows.
func (b *boundPrecision) LowerBound(n Node) Score { return b.LowerBoundSuppressing(n, 0) }

// LowerBoundSuppressing does so for all rows but those that must go: a
// column's loss is linear in σ.
func (b *boundPrecision) LowerBoundSuppressing(n Node, rows int64) Score {
	losses := make([]float64, len(n))
	for c, level := range n {
		losses[c] = b.levels[c][level]
		if !b.monotonic && b.rows > 0 {
			if b.s < losses[c] {
				losses[c] = b.s
			} else {
				losses[c] += (b.s - losses[c]) * float64(rows) / float64(b.rows)
			}
		}
		losses[c] *= b.weights[c] * roundingDown
	}
	return ArithmeticMean.score(losses)
}

// Score needs only the number of suppressed rows.
func (b *boundPrecision) Score(n Node, set *FrequencySet, suppressed []int32) Score {
	var rows int64
	for _, i := range suppressed {
		rows += set.ClassRows(int(i))
	}
	return b.at(n, rows)
}

// MonotoneLowerBound is the data-free bound, which grows with every level.
func (b *boundPrecision) MonotoneLowerBound(n Node, _ *FrequencySet, _ []int32) Score {
	return b.LowerBound(n)
}

// Height is the weighted sum of the levels of all columns (Samarati: Protecting
// Respondents' Identities in Microdata Release, 2001). Suppression is free.
type Height struct {
	Weights map[string]float64 // by column; a column that is absent weighs 1
}

// String is "height".
func (Height) String() string { return "height" }

// Bind prepares the cost for one table.
func (h Height) Bind(base *FrequencySet) (BoundCost, error) {
	weights, err := bindWeights(base.QuasiIdentifiers, h.Weights)
	if err != nil {
		return nil, fmt.Errorf("height: %w", err)
	}
	return boundHeight(weights), nil
}

// boundHeight is the weight of each column.
type boundHeight []float64

// LowerBound is the score.
func (b boundHeight) LowerBound(n Node) Score {
	sum := 0.0
	for c, level := range n {
		sum += b[c] * float64(level)
	}
	return Score{sum}
}

// Score looks at no class.
func (b boundHeight) Score(n Node, _ *FrequencySet, _ []int32) Score { return b.LowerBound(n) }

// MonotoneLowerBound is the score, which grows with every level.
func (b boundHeight) MonotoneLowerBound(n Node, _ *FrequencySet, _ []int32) Score {
	return b.LowerBound(n)
}
