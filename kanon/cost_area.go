package kanon

import "math"

// The area of a class is the number of combinations of domain values that its
// key covers: the product of the leaves of its labels. Three costs are built on
// it. Suppressed rows cover the whole domain, D_1·…·D_d.

// Ambiguity is the number of combinations of values that a row may stand for,
// summed over rows (Goldberger, Tassa: Efficient Anonymizations with Enhanced
// Utility, 2010, section 2). With c the rows of a class:
//
//	Σ_kept c·area + Σ_suppressed c·D_1·…·D_d
//
// Areas grow with every level, so the sum without suppression bounds the
// scores of all nodes above.
type Ambiguity struct{}

// String is "ambiguity".
func (Ambiguity) String() string { return "ambiguity" }

// Bind prepares the cost for one table.
func (Ambiguity) Bind(base *FrequencySet) (BoundCost, error) {
	return &boundAmbiguity{newAreas(base)}, nil
}

type boundAmbiguity struct{ areas }

// LowerBound is N times the geometric mean of the areas, which is at most
// their arithmetic mean and a product over columns.
func (b *boundAmbiguity) LowerBound(n Node) Score {
	if b.rows == 0 {
		return Score{0}
	}
	return Score{b.rows * math.Exp(b.logArea(n)/b.rows) * (1 - 0x1p-40)}
}

// Score visits every class.
func (b *boundAmbiguity) Score(n Node, set *FrequencySet, suppressed []int32) Score {
	sum := 0.0
	for i := range set.Len() {
		area := b.domain
		if len(suppressed) > 0 && int(suppressed[0]) == i {
			suppressed = suppressed[1:]
		} else {
			area = b.area(n, set, i)
		}
		sum += float64(set.ClassRows(i)) * area
	}
	return Score{sum}
}

// MonotoneLowerBound leaves suppression out.
func (b *boundAmbiguity) MonotoneLowerBound(n Node, set *FrequencySet, _ []int32) Score {
	return Score{b.Score(n, set, nil)[0] * roundingDown}
}

// EntropyBased is the logarithm of the areas, between 0 for raw rows and 1 for
// suppressed ones, summed over rows. With c the rows of a class and the factors
// g for generalisation and s for suppression (see bindFactors):
//
//	Σ_kept g·c·(log area / log D_1·…·D_d) + Σ_suppressed s·c
//
// It is 0 where the domain has one combination.
type EntropyBased struct {
	GSFactor float64
}

// String is "entropy-based".
func (EntropyBased) String() string { return "entropy-based" }

// Bind prepares the cost for one table.
func (e EntropyBased) Bind(base *FrequencySet) (BoundCost, error) {
	g, s, err := bindFactors(e.GSFactor)
	if err != nil {
		return nil, err
	}
	return &boundEntropyBased{newAreas(base), g, s}, nil
}

type boundEntropyBased struct {
	areas
	g, s float64
}

// LowerBound: a class loses c·g·l when kept and c·s when suppressed, l ≤ 1, so
// at least c·l·min(g, s) either way; Σ c·l is a sum over columns.
func (b *boundEntropyBased) LowerBound(n Node) Score {
	if b.domain <= 1 {
		return Score{0}
	}
	return Score{min(b.g, b.s) * b.logArea(n) / math.Log(b.domain) * (1 - 0x1p-40)}
}

// Score visits the suppressed classes.
func (b *boundEntropyBased) Score(n Node, set *FrequencySet, suppressed []int32) Score {
	full := math.Log(b.domain)
	lost := 0.0
	if b.domain > 1 {
		lost = b.g * b.logArea(n) / full
	}
	for _, i := range suppressed {
		c := float64(set.ClassRows(int(i)))
		lost += c * b.s
		if area := b.area(n, set, int(i)); b.domain > 1 && area > 0 {
			lost -= c * b.g * math.Log(area) / full
		}
	}
	return Score{max(lost, 0)}
}

// MonotoneLowerBound is the data-free bound, which grows with every level.
func (b *boundEntropyBased) MonotoneLowerBound(n Node, _ *FrequencySet, _ []int32) Score {
	return b.LowerBound(n)
}

// KLDivergence compares the table with the one that an analyst would guess from
// the release, spreading each class evenly over its area (Kifer, Gehrke:
// Injecting Utility into Anonymized Datasets, 2006). With p the share of a
// combination of raw values among the N rows, over all combinations that occur:
//
//	Σ p·log₂(p/q),   q = (c/N)/area for one of a kept class of c rows,
//	                 q = (S/N)/(D_1·…·D_d) for one of the S suppressed rows
//
// By classes: Σ_x p·log₂ p is a constant of the table, and the rest is a sum
// over classes of (c/N)·log₂(area·N/c). Merging classes of areas that add up
// to at most the new one never makes it less (log-sum inequality); suppression
// is such a merge. So the value without suppression bounds the scores of all
// nodes above.
//
// ARX sums over rows instead of combinations, which counts a combination of n
// rows n times; that is no divergence, and is not followed here.
type KLDivergence struct{}

// String is "kl-divergence".
func (KLDivergence) String() string { return "kl-divergence" }

// Bind prepares the cost for one table.
func (KLDivergence) Bind(base *FrequencySet) (BoundCost, error) {
	b := &boundKL{areas: newAreas(base)}
	for i := range base.Len() {
		if c := float64(base.ClassRows(i)); c > 0 {
			b.constant += c / b.rows * math.Log2(c/b.rows)
		}
	}
	return b, nil
}

type boundKL struct {
	areas
	constant float64
}

// LowerBound is 0: the shares guessed add up to at most 1, so the divergence is
// not negative (Gibbs).
func (b *boundKL) LowerBound(Node) Score { return Score{0} }

// Score visits every class.
func (b *boundKL) Score(n Node, set *FrequencySet, suppressed []int32) Score {
	sum, gone := b.constant, 0.0
	add := func(c, area float64) {
		if c > 0 {
			sum += c / b.rows * math.Log2(area*b.rows/c)
		}
	}
	for i := range set.Len() {
		c := float64(set.ClassRows(i))
		if len(suppressed) > 0 && int(suppressed[0]) == i {
			suppressed = suppressed[1:]
			gone += c
		} else {
			add(c, b.area(n, set, i))
		}
	}
	add(gone, b.domain)
	return Score{max(sum, 0)}
}

// MonotoneLowerBound leaves suppression out, less the rounding error of sums
// of terms below log₂ of the domain in size.
func (b *boundKL) MonotoneLowerBound(n Node, set *FrequencySet, _ []int32) Score {
	slack := 0x1p-44 * (1 + math.Log2(max(b.domain, 1)) + math.Log2(max(b.rows, 1)))
	return Score{max(b.Score(n, set, nil)[0]-slack, 0)}
}

// areas computes the area of classes.
type areas struct {
	rows   float64
	domain float64     // D_1·…·D_d
	logs   [][]float64 // Σ over rows of ln leaves, by column and level
}

func newAreas(base *FrequencySet) areas {
	a := areas{rows: float64(base.Rows), domain: 1}
	for c := range base.QuasiIdentifiers {
		table := &base.QuasiIdentifiers[c].Table
		a.domain *= float64(max(1, table.DomainSize))
		var levels []float64
		for level := range table.Levels {
			sum := 0.0
			for label, n := range base.LabelRows(c, level) {
				if n > 0 {
					sum += float64(n) * math.Log(float64(max(1, table.Levels[level].Leaves[label])))
				}
			}
			levels = append(levels, sum)
		}
		a.logs = append(a.logs, levels)
	}
	return a
}

// logArea returns Σ over rows of ln area at a node.
func (a *areas) logArea(n Node) float64 {
	sum := 0.0
	for c, level := range n {
		sum += a.logs[c][level]
	}
	return sum
}

// area returns the area of class i of a set at node n.
func (a *areas) area(n Node, set *FrequencySet, i int) float64 {
	product := 1.0
	for c, level := range n {
		product *= float64(max(1, set.QuasiIdentifiers[c].Table.Levels[level].Leaves[set.Label(i, c)]))
	}
	return product
}
