package kanon

import "math"

// NonUniformEntropy is the information, in bits, that it takes to tell the raw
// value of every cell from its generalised one (Gionis, Tassa: k-Anonymization
// with Minimal Loss of Information, 2009). With a(v) the rows of a value and
// b(v) those of the label that it generalises to, over the whole table, and the
// factors g for generalisation and s for suppression (see bindFactors), a
// column loses
//
//	g·Σ_v a(v)·log₂(b(v)/a(v))  +  s·Σ_u n(u)·log₂(S/n(u))
//
// where the second sum is over the labels u of the S suppressed rows, n(u) of
// which have the label u. The score is the sum of the columns' weighted losses.
// The monotonic form leaves the second sum out.
//
// The first sum is a constant of column and level, and grows with the level.
type NonUniformEntropy struct {
	Monotonic bool
	GSFactor  float64
	Weights   map[string]float64 // by column; a column that is absent weighs 1
}

// String is "non-uniform-entropy" or "non-uniform-entropy-monotonic".
func (e NonUniformEntropy) String() string {
	if e.Monotonic {
		return "non-uniform-entropy-monotonic"
	}
	return "non-uniform-entropy"
}

// Bind prepares the cost for one table.
func (e NonUniformEntropy) Bind(base *FrequencySet) (BoundCost, error) {
	g, s, err := bindFactors(e.GSFactor)
	if err != nil {
		return nil, err
	}
	weights, err := bindWeights(base.QuasiIdentifiers, e.Weights)
	if err != nil {
		return nil, err
	}
	b := &boundEntropy{monotonic: e.Monotonic, s: s, weights: weights}
	for c := range base.QuasiIdentifiers {
		table := &base.QuasiIdentifiers[c].Table
		raw := base.LabelRows(c, 0)
		var levels []float64
		bits := 0.0
		for level := range table.Levels {
			rows := base.LabelRows(c, level)
			sum := 0.0
			counted := make([]bool, len(raw)) // two codes may have one raw label
			for code, label := range table.Levels[0].Codes {
				if a := raw[label]; a > 0 && !counted[label] {
					counted[label] = true
					sum += float64(a) * math.Log2(float64(rows[table.Levels[level].Codes[code]])/float64(a))
				}
			}
			bits = max(bits, g*sum) // never less than the level below by rounding
			levels = append(levels, bits)
		}
		b.levels = append(b.levels, levels)
	}
	return b, nil
}

type boundEntropy struct {
	monotonic bool
	s         float64
	weights   []float64
	levels    [][]float64 // g·Σ a·log₂(b/a) by column and level
}

// LowerBound leaves suppression out.
func (b *boundEntropy) LowerBound(n Node) Score {
	losses := make([]float64, len(n))
	for c, level := range n {
		losses[c] = b.weights[c] * b.levels[c][level]
	}
	return Sum.score(losses)
}

// Score looks at the suppressed classes and at no others.
func (b *boundEntropy) Score(n Node, set *FrequencySet, suppressed []int32) Score {
	if b.monotonic || len(suppressed) == 0 {
		return b.LowerBound(n)
	}
	var rows int64
	for _, i := range suppressed {
		rows += set.ClassRows(int(i))
	}
	losses := make([]float64, len(n))
	for c, level := range n {
		byLabel := make([]int64, len(set.QuasiIdentifiers[c].Table.Levels[level].Labels))
		for _, i := range suppressed {
			byLabel[set.Label(int(i), c)] += set.ClassRows(int(i))
		}
		bits := 0.0
		for _, count := range byLabel {
			if count > 0 {
				bits += float64(count) * math.Log2(float64(rows)/float64(count))
			}
		}
		losses[c] = b.weights[c] * (b.levels[c][level] + b.s*bits)
	}
	return Sum.score(losses)
}

// MonotoneLowerBound is the data-free bound, which grows with every level.
func (b *boundEntropy) MonotoneLowerBound(n Node, _ *FrequencySet, _ []int32) Score {
	return b.LowerBound(n)
}
