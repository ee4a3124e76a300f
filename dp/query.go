// Package dp computes differentially private statistics over tables with any
// number of rows per person.
package dp

import "github.com/oboro-data/oboro/hierarchy"

// A Query is one table of aggregates per group.
type Query struct {
	// Unit names the column of the privacy unit, the person whose presence is
	// protected. "row" semantics (every row is one unit): leave Unit empty and
	// set UnitIsRow.
	Unit      string
	UnitIsRow bool
	// GroupBy names the key columns, none for one group of everything.
	GroupBy []string
	// Levels raises key columns to a hierarchy level before grouping. The
	// hierarchy and the level are public: chosen without looking at the data.
	Levels map[string]GroupLevel
	// PublicGroups lists the keys to release, in the order of GroupBy, as
	// canonical texts; groups absent from the data are released too. nil:
	// groups are private and selected by noise, which needs δ > 0.
	PublicGroups [][]GroupKey
	Bounds       ContributionBounds
	Aggregates   []Aggregate
	// Noise is "exact" (default: discrete Laplace or Gaussian, the lower
	// variance of the two), "laplace", "gaussian", or "google" with Backend.
	Noise   string
	Backend Backend
	// MinUnits is an optional floor for release, compared with the noised
	// number of units.
	MinUnits int64

	Workers  int
	Memory   int64
	Progress func(rows int64)
}

// A GroupKey is one cell of a public key: its canonical text, or null.
type GroupKey struct {
	Text string
	Null bool
}

// A GroupLevel is the level to which a key column is raised.
type GroupLevel struct {
	Hierarchy hierarchy.Hierarchy
	Level     int // 1 … len(Hierarchy.Levels())+1, the last being "*"
}

// ContributionBounds limit what one unit can add to the result.
type ContributionBounds struct {
	// MaxGroups is the number of groups a unit contributes to (ℓ₀), at least 1.
	MaxGroups int64
	// RowsPerGroup is the number of a unit's rows in one group that mean,
	// variance, quantiles and histograms see; 0 is 1.
	RowsPerGroup int64
}

// An Aggregate is one statistic per group: CountUnits, Count, Sum, …
type Aggregate interface {
	// OutputName is the column's name in the release.
	OutputName() string
	isAggregate()
}

// CountUnits is the number of distinct units of a group. Sensitivity 1 per group.
type CountUnits struct {
	As     string
	Weight float64 // share of the budget; 0 is 1
}

// Count is the number of rows of a group; a unit's row count in a group is
// clamped to PerUnit.
type Count struct {
	As      string
	PerUnit int64 // 0 is 1
	Weight  float64
}

// Sum is the sum of a column; a unit's total in a group is clamped to
// [Lower, Upper] after every row's value has been clamped to a public limit
// and rounded to Resolution.
type Sum struct {
	As           string
	Column       string
	Lower, Upper float64
	Resolution   float64 // 0: chosen from the range, see docs
	Weight       float64
}

func (a CountUnits) OutputName() string { return a.As }
func (a Count) OutputName() string      { return a.As }
func (a Sum) OutputName() string        { return a.As }
func (CountUnits) isAggregate()         {}
func (Count) isAggregate()              {}
func (Sum) isAggregate()                {}

// A Backend draws noise in place of the built-in exact samplers. Package
// dp/googlenoise implements it on Google's library.
type Backend interface {
	// Laplace adds noise of scale l1/epsilon to every element of xs.
	Laplace(xs []int64, l1 int64, epsilon float64) error
	// Gaussian adds noise for the l2 sensitivity linf·√l0 at (epsilon, delta).
	Gaussian(xs []int64, l0, linf int64, epsilon, delta float64) error
	// Name is "google".
	Name() string
}
