package dp

// An Aggregate is one statistic per group. Weight is its share of the budget,
// in proportion to the weights of the others; 0 is 1. Float parameters mean
// their shortest decimal: 0.1 is one tenth.
//
// A value that is null, NaN or does not parse contributes nothing to a
// statistic that reads it; its row still counts for CountUnits and Count.
type Aggregate interface {
	// OutputName is the column's name in the release, and the prefix of the
	// names where an aggregate has several columns.
	OutputName() string
	// bind checks the aggregate against query and schema and returns the
	// statistic that computes it.
	bind(b *binder) (statistic, error)
	weight() float64
}

// CountUnits is the number of distinct units of a group, int64.
type CountUnits struct {
	As     string
	Weight float64
}

// Count is the number of rows of a group, int64. A unit's row count in a group
// is clamped to PerUnit.
type Count struct {
	As      string
	PerUnit int64   // 0 is 1, or RowsPerUnit where that bound is given
	Auto    float64 // as in Sum: PerUnit is chosen from 1 to PerUnit
	Weight  float64
}

// Sum is the sum of a numeric column, float64. Every value is clamped to a
// public limit and rounded to a multiple of Resolution; the total of a unit in
// a group is then clamped to [Lower, Upper].
//
// Resolution 0 is chosen from type and range: 1 for integers, the column's own
// scale for decimals, and for floats the power of two that divides the larger
// of |Lower| and |Upper| into at least 2³² steps; see docs/statistics.md.
type Sum struct {
	As           string
	Column       string
	Lower, Upper float64
	Resolution   float64
	// Auto, if not 0, has the range chosen by noise within [Lower, Upper]; it is
	// the share of the aggregate's budget that pays for it, such as 0.1. The
	// rows are then read twice.
	Auto   float64
	Weight float64
}

// Mean is the mean of a numeric column over kept rows, float64. Every value is
// clamped to [Lower, Upper].
type Mean struct {
	As           string
	Column       string
	Lower, Upper float64
	Auto         float64 // as in Sum
	Weight       float64
}

// Variance is the population variance of a numeric column over kept rows,
// float64. Every value is clamped to [Lower, Upper].
type Variance struct {
	As           string
	Column       string
	Lower, Upper float64
	Auto         float64 // as in Sum
	Weight       float64
}

// StdDev is the square root of Variance.
type StdDev struct {
	As           string
	Column       string
	Lower, Upper float64
	Auto         float64 // as in Sum
	Weight       float64
}

// Quantiles are values at given ranks of a numeric column over kept rows,
// float64. Every value is clamped to [Lower, Upper] and rounded to a multiple
// of Resolution, 0 being the range divided into at least 2¹⁶ steps. The column
// of rank 0.5 is named As_50, that of 0.999 As_99.9.
//
// They are drawn by the exponential mechanism from the rows; or, with Tree, read
// off a tree of noised counts, whose size does not depend on the number of rows
// and in which any number of ranks cost the same. The range has then at most
// 2¹⁴ steps, by default at least 2¹².
type Quantiles struct {
	As           string
	Column       string
	Lower, Upper float64
	Ranks        []float64 // each in [0, 1]
	Resolution   float64
	Tree         bool
	Auto         float64 // as in Sum, not with Tree
	Weight       float64
}

// Min is the value below which hardly a kept row lies: the quantile of rank 0.
// It is a draw near the least value of the group, never that value as such.
type Min struct {
	As           string
	Column       string
	Lower, Upper float64
	Resolution   float64
	Weight       float64
}

// Max is the quantile of rank 1; see Min.
type Max struct {
	As           string
	Column       string
	Lower, Upper float64
	Resolution   float64
	Weight       float64
}

// Histogram counts the kept rows between edges, one int64 column for each pair
// of neighbouring edges, named As_0_18. A bin holds its lower edge and not its
// upper one; the last bin holds both. Values outside the edges are not counted.
// Cumulative adds the bins up from the left into a distribution function: the
// column As_18 is then the number of values from the first edge up to 18.
type Histogram struct {
	As         string
	Column     string
	Edges      []float64 // increasing, two or more
	Cumulative bool
	Weight     float64
}

// CountDistinct is the number of distinct values of a column in a group, int64,
// as far as every unit vouches for at most PerUnit values: the largest number
// of values that can be assigned to units that have them, at most PerUnit to
// one unit. The column may be the unit's own.
type CountDistinct struct {
	As      string
	Column  string
	PerUnit int64 // 0 is 1, or RowsPerUnit where that bound is given
	Weight  float64
}

// OutputName returns As.
func (a CountUnits) OutputName() string { return a.As }

// OutputName returns As.
func (a Count) OutputName() string { return a.As }

// OutputName returns As.
func (a Sum) OutputName() string { return a.As }

// OutputName returns As.
func (a Mean) OutputName() string { return a.As }

// OutputName returns As.
func (a Variance) OutputName() string { return a.As }

// OutputName returns As.
func (a StdDev) OutputName() string { return a.As }

// OutputName returns As, the prefix of the columns' names.
func (a Quantiles) OutputName() string { return a.As }

// OutputName returns As.
func (a Min) OutputName() string { return a.As }

// OutputName returns As.
func (a Max) OutputName() string { return a.As }

// OutputName returns As, the prefix of the columns' names.
func (a Histogram) OutputName() string { return a.As }

// OutputName returns As.
func (a CountDistinct) OutputName() string { return a.As }

func (a CountUnits) weight() float64    { return a.Weight }
func (a Count) weight() float64         { return a.Weight }
func (a Sum) weight() float64           { return a.Weight }
func (a Mean) weight() float64          { return a.Weight }
func (a Variance) weight() float64      { return a.Weight }
func (a StdDev) weight() float64        { return a.Weight }
func (a Quantiles) weight() float64     { return a.Weight }
func (a Min) weight() float64           { return a.Weight }
func (a Max) weight() float64           { return a.Weight }
func (a Histogram) weight() float64     { return a.Weight }
func (a CountDistinct) weight() float64 { return a.Weight }
