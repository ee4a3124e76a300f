package kanon

import (
	"cmp"
	"math"
	"slices"
)

// Loss is the normalised certainty penalty of cells (Iyengar, Transforming
// Data to Satisfy Privacy Constraints, 2002; Xu et al., Utility-Based
// Anonymization, 2006), balanced between generalisation and suppression as ARX
// does. The share of a label is the part of the column's domain that
// generalises to it: 1/D for a raw value, 1 for "*". With factors g for
// generalisation and s for suppression (see bindFactors), c the rows of a
// class and N those of the table, a column loses
//
//	L = Σ_kept c·share·g + Σ_suppressed (c·share + s·(c - c·share))
//
// which lies between g·N/D, nothing generalised, and N. Brought to [0, 1]:
//
//	l = (L - g·N/D) / (N - g·N/D)
//
// cut at 0 below and rounded down to ten decimals, as ARX does. The score is
// the aggregate of the weighted l of all columns.
//
// Without suppression L is a constant of column and level: its sum over all
// rows needs only how often each label occurs. So a lower bound of every node
// is known before a class is looked at, and Score looks at the suppressed
// classes alone. All sums are of integers, rows times leaves; no score depends
// on the order of classes.
type Loss struct {
	// GSFactor balances generalisation and suppression: 0 does not mind
	// suppression, 0.5 minds both, 1 does not mind generalisation.
	GSFactor  float64
	Aggregate Aggregate
	Weights   map[string]float64 // by column; a column that is absent weighs 1
}

// String is "loss".
func (Loss) String() string { return "loss" }

// Bind prepares the loss for one table.
func (l Loss) Bind(base *FrequencySet) (BoundCost, error) {
	g, s, err := bindFactors(l.GSFactor)
	if err != nil {
		return nil, err
	}
	weights, err := bindWeights(base.QuasiIdentifiers, l.Weights)
	if err != nil {
		return nil, err
	}
	b := &boundLoss{rows: base.Rows, g: g, s: s, aggregate: l.Aggregate, weights: weights}
	for c := range base.QuasiIdentifiers {
		table := &base.QuasiIdentifiers[c].Table
		col := lossColumn{domain: float64(max(1, table.DomainSize))}
		for lv := range table.Levels {
			col.levels = append(col.levels, newLossLevel(table.Levels[lv].Leaves, base.LabelRows(c, lv)))
		}
		b.columns = append(b.columns, col)
	}
	return b, nil
}

type boundLoss struct {
	rows      int64
	g, s      float64
	aggregate Aggregate
	weights   []float64
	columns   []lossColumn
}

type lossColumn struct {
	domain float64
	levels []lossLevel
}

// A lossLevel holds what one column at one level loses. Take three labels with
// 4, 2 and 1 leaves, on 10, 5 and 5 rows:
//
//	total  55             leaves over all rows: 10·4 + 5·2 + 5·1
//	steps  rows 10 15 20  the rows with the most leaves first, and
//	       sum  40 50 55  their leaves so far
type lossLevel struct {
	leaves []int64 // by label
	total  int64
	steps  []lossStep
}

type lossStep struct{ rows, sum, leaves int64 }

func newLossLevel(leaves, rows []int64) lossLevel {
	lv := lossLevel{leaves: leaves}
	byLeaves := map[int64]int64{}
	for label, n := range rows {
		if n > 0 {
			byLeaves[leaves[label]] += n
			lv.total += n * leaves[label]
		}
	}
	for v, n := range byLeaves {
		lv.steps = append(lv.steps, lossStep{rows: n, leaves: v})
	}
	slices.SortFunc(lv.steps, func(a, b lossStep) int { return cmp.Compare(b.leaves, a.leaves) })
	var n, sum int64
	for i := range lv.steps {
		st := &lv.steps[i]
		n, sum = n+st.rows, sum+st.rows*st.leaves
		st.rows, st.sum = n, sum
	}
	return lv
}

// most returns the greatest sum of leaves that some set of rows can have.
func (lv *lossLevel) most(rows int64) int64 {
	if rows == 0 {
		return 0
	}
	i, _ := slices.BinarySearchFunc(lv.steps, rows, func(s lossStep, n int64) int { return cmp.Compare(s.rows, n) })
	if i == len(lv.steps) {
		return lv.total
	}
	st := lv.steps[i]
	return st.sum - (st.rows-rows)*st.leaves
}

// column returns the weighted loss of column c at a level where the suppressed
// rows are n rows with that many leaves in sum.
func (b *boundLoss) column(c, level int, n, leaves int64) float64 {
	return b.weighted(c, b.columns[c].levels[level].total-leaves, n, leaves)
}

// weighted returns the weighted loss of column c where the kept rows have kept
// leaves in sum, and n suppressed rows have lost. What suppression adds to the
// loss without it is computed by itself and is not negative, so that rounding
// lifts no bound above the score that it bounds.
func (b *boundLoss) weighted(c int, kept, n, lost int64) float64 {
	domain := b.columns[c].domain
	added := b.s*float64(n) + (1-b.s-b.g)*float64(lost)/domain
	sum := b.g*float64(kept+lost)/domain + max(added, 0)
	least := b.g * float64(b.rows) / domain
	l := (sum - least) / (float64(b.rows) - least)
	if !(l > 0) { // also where the domain has one value: 0/0
		l = 0
	}
	return b.weights[c] * (math.Floor(l*1e10) / 1e10)
}

// LowerBound is the score of a node at which nothing is suppressed.
func (b *boundLoss) LowerBound(n Node) Score { return b.LowerBoundSuppressing(n, 0) }

// LowerBoundSuppressing supposes, for each column by itself, that the rows
// suppressed are those that lose least by it. A row of a label with share h
// loses
//
//	(h + s·(1 - h)) - g·h = s + h·(1 - s - g)
//
// by it, and 1 ≤ s + g: the larger its share, the less. So these are the rows
// with the most leaves.
func (b *boundLoss) LowerBoundSuppressing(n Node, rows int64) Score {
	var buf [16]float64
	losses := buf[:0]
	if b.aggregate == Rank {
		losses = make([]float64, 0, len(n))
	}
	for c, level := range n {
		losses = append(losses, b.column(c, level, rows, b.columns[c].levels[level].most(rows)))
	}
	return b.aggregate.score(losses)
}

// Score looks at the suppressed classes and at no others.
func (b *boundLoss) Score(n Node, set *FrequencySet, suppressed []int32) Score {
	var rows int64
	for _, i := range suppressed {
		rows += set.rows[i]
	}
	losses := make([]float64, len(n))
	for c, level := range n {
		losses[c] = b.column(c, level, rows, set.weigh(c, suppressed, rows, b.columns[c].levels[level].leaves))
	}
	return b.aggregate.score(losses)
}

// weigh sums rows times a weight per label of column c over some classes that
// have rows rows.
func (f *FrequencySet) weigh(c int, classes []int32, rows int64, weight []int64) (sum int64) {
	fd := &f.layout.fields[c]
	if fd.width == 0 {
		if rows == 0 {
			return 0
		}
		return rows * weight[0]
	}
	word, shift, mask := f.words[fd.word], fd.shift&63, fd.mask
	for _, i := range classes {
		sum += f.rows[i] * weight[word[i]>>shift&mask]
	}
	return sum
}
