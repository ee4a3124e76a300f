package kanon

// Discernibility charges every row the number of rows it can't be told from
// (Bayardo, Agrawal: Data Privacy through Optimal k-Anonymization, 2005). With
// c the rows of a class and N those of the table:
//
//	DM  = Σ_kept c² + Σ_suppressed N·c
//	DM* = Σ_all c²
//
// DM* is the starred form: suppression costs no more than being kept. Both
// grow with every merge, for (a+b)² ≥ a²+b² and N·c ≥ c², so DM* of a node
// bounds the scores of all nodes above it.
type Discernibility struct {
	Star bool // DM*
}

// String is "discernibility" or "discernibility-star".
func (d Discernibility) String() string {
	if d.Star {
		return "discernibility-star"
	}
	return "discernibility"
}

// Bind prepares the cost for one table.
func (d Discernibility) Bind(base *FrequencySet) (BoundCost, error) {
	return &boundDiscernibility{d.Star, base.Rows, newClassLimit(base)}, nil
}

type boundDiscernibility struct {
	star  bool
	rows  int64
	limit classLimit
}

// LowerBound spreads the rows evenly over as many classes as there can be:
// Σ c² ≥ (Σ c)²/m for m classes (Cauchy and Schwarz).
func (b *boundDiscernibility) LowerBound(n Node) Score { return b.LowerBoundSuppressing(n, 0) }

// LowerBoundSuppressing charges S ≥ rows suppressed rows N each and spreads
// the others over m classes: (N-S)²/m + N·S. For m ≥ 2 this grows with S.
func (b *boundDiscernibility) LowerBoundSuppressing(n Node, rows int64) Score {
	m, all := b.limit.classes(n), float64(b.rows)
	s := float64(rows)
	if b.star || m < 2 {
		s = 0
	}
	return Score{((all-s)*(all-s)/m + all*s) * roundingDown}
}

// Score is exact up to one rounding: squares are summed in 128 bits.
func (b *boundDiscernibility) Score(_ Node, set *FrequencySet, suppressed []int32) Score {
	sum := squares(set)
	if !b.star {
		for _, i := range suppressed {
			c := set.ClassRows(int(i))
			sum = sum.add(wideMul(c, b.rows-c)) // instead of c², N·c
		}
	}
	return Score{sum.float()}
}

// MonotoneLowerBound is DM* of the node.
func (b *boundDiscernibility) MonotoneLowerBound(_ Node, set *FrequencySet, _ []int32) Score {
	return Score{squares(set).float()}
}

// squares returns Σ c² over all classes.
func squares(set *FrequencySet) wide {
	var sum wide
	for i := range set.Len() {
		c := set.ClassRows(i)
		sum = sum.add(wideMul(c, c))
	}
	return sum
}

// roundingDown takes away more than the rounding errors of a bound's few
// operations, so that a bound is never above the score it bounds.
const roundingDown = 1 - 0x1p-48

// A classLimit bounds the number of classes of a node by the number of
// combinations of labels, and by that of classes at the bottom.
type classLimit struct {
	labels [][]float64 // labels that occur, by column and level
	most   float64
}

func newClassLimit(base *FrequencySet) classLimit {
	var l classLimit
	for c := range base.QuasiIdentifiers {
		var levels []float64
		for level := range base.QuasiIdentifiers[c].Table.Levels {
			present := 0.0
			for _, n := range base.LabelRows(c, level) {
				if n > 0 {
					present++
				}
			}
			levels = append(levels, present)
		}
		l.labels = append(l.labels, levels)
	}
	for i := range base.Len() {
		if base.ClassRows(i) > 0 {
			l.most++
		}
	}
	return l
}

// classes returns the limit at a node, at least 1.
func (l classLimit) classes(n Node) float64 {
	product := 1.0
	for c, level := range n {
		product *= max(l.labels[c][level], 1)
	}
	return max(min(product, l.most), 1)
}
