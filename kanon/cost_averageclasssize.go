package kanon

// AverageClassSize is the mean number of rows of a class (LeFevre, DeWitt,
// Ramakrishnan: Mondrian, 2006, there divided by k). All suppressed rows form
// one more class. With N the rows of the table, m the classes kept, and the
// factors g for generalisation and s for suppression (see bindFactors)
// exchanged, for here a class counts in favour:
//
//	C = N / (m·s + [some row is suppressed]·g)
//
// A table without rows scores 0.
type AverageClassSize struct {
	// GSFactor balances generalisation and suppression: 0 does not mind
	// suppression, 0.5 minds both, 1 does not mind generalisation.
	GSFactor float64
}

// String is "average-class-size".
func (AverageClassSize) String() string { return "average-class-size" }

// Bind prepares the cost for one table.
func (a AverageClassSize) Bind(base *FrequencySet) (BoundCost, error) {
	g, s, err := bindFactors(a.GSFactor)
	if err != nil {
		return nil, err
	}
	return &boundAverageClassSize{g, s, float64(base.Rows), newClassLimit(base)}, nil
}

type boundAverageClassSize struct {
	g, s  float64
	rows  float64
	limit classLimit
}

// least returns the least score of a node with at most m classes: all m kept,
// or m-1 kept and one suppressed, whichever counts for more.
func (b *boundAverageClassSize) least(m float64) Score {
	if b.rows == 0 {
		return Score{0}
	}
	return Score{b.rows / (m*b.s + max(b.g-b.s, 0)) * roundingDown}
}

// LowerBound supposes as many classes as there can be.
func (b *boundAverageClassSize) LowerBound(n Node) Score { return b.least(b.limit.classes(n)) }

// Score counts the classes. Where nothing counts in favour it is +Inf.
func (b *boundAverageClassSize) Score(_ Node, set *FrequencySet, suppressed []int32) Score {
	if b.rows == 0 {
		return Score{0}
	}
	kept := b.released(set)
	some := 0.0
	for _, i := range suppressed {
		if set.ClassRows(int(i)) > 0 {
			kept--
			some = 1
		}
	}
	return Score{b.rows / (kept*b.s + some*b.g)}
}

// MonotoneLowerBound supposes that no class of the node merges with another.
func (b *boundAverageClassSize) MonotoneLowerBound(_ Node, set *FrequencySet, _ []int32) Score {
	return b.least(b.released(set))
}

// released returns the number of classes with rows that are released.
func (b *boundAverageClassSize) released(set *FrequencySet) float64 {
	m := 0.0
	for i := range set.Len() {
		if set.ClassRows(i) > 0 {
			m++
		}
	}
	return m
}
