package dp

import (
	"time"

	"github.com/oboro-data/oboro/hierarchy"
)

// A Query is one table of aggregates per group, before any row is read.
// Everything in it is public: it must not have been chosen by looking at the
// data that it will be run on.
type Query struct {
	// Unit names the column of the privacy unit, the person whose presence is
	// protected. Rows of null unit contribute nothing.
	Unit string
	// UnitCell narrows the unit to the person within a cell of time, such as
	// person-day: what is protected is all that a person did in one cell, and
	// each cell of the same person anew. nil: the person.
	UnitCell *UnitCell
	// UnitIsRow makes every row a unit of its own. Unit is then empty.
	UnitIsRow bool
	// GroupBy names the key columns, none for one group of everything.
	GroupBy []string
	// Levels raises key columns to a level of a hierarchy before grouping.
	Levels map[string]GroupLevel
	// PublicGroups lists the keys to release, each in the order of GroupBy.
	// Groups absent from the data are released too, and rows of other groups
	// are set aside before any bound is applied. nil: groups are private and
	// selected by noise, which needs δ > 0.
	PublicGroups [][]GroupKey
	// Bounds limit what one unit can add.
	Bounds ContributionBounds
	// Aggregates are the statistics of every group, in the order of the
	// output columns.
	Aggregates []Aggregate
	// Noise is "exact" (or empty: discrete Laplace or Gaussian, the lower
	// variance of the two), "laplace", "gaussian", or "google", which draws
	// from Backend.
	Noise string
	// Backend draws the noise of "google".
	Backend Backend
	// Confidence, between 0 and 1, adds to every count, sum and histogram bin two
	// columns, As_low and As_high: an interval that holds the bounded statistic
	// with at least this probability. It covers the noise, not what bounding and
	// clamping took away. 0 adds none. It costs nothing.
	Confidence float64
	// Diagnostics, if not 0, is a weight beside those of the aggregates: its part
	// of the budget pays for noised shares of units that the bounds cut
	// (Release.Cuts). 0: nothing is said of them.
	Diagnostics float64
	// MinUnits is an optional floor for release, compared with the noised
	// number of units.
	MinUnits int64

	// Workers is the number of goroutines that read; 0 is one per processor.
	Workers int
	// Memory is the number of bytes that rows and what comes with them may take,
	// over all workers; 0 is without limit but for the rows themselves, of which
	// a gibibyte is held. Rows beyond are condensed to what is kept of them, or if
	// that is not much less, written to a temporary file without a name, encrypted
	// under a key that is kept in memory only. A few numbers for each group stay
	// in memory, and what quantiles, top-k and count-distinct list.
	Memory int64
	// Temp is the folder of temporary files; empty: the system's.
	Temp string
	// Progress, if not nil, is called now and then with the rows read so far.
	Progress func(rows int64)
}

// A UnitCell cuts time into cells of equal length that begin at
// 1970-01-01T00:00 UTC (for timestamps without zone, of their own clock).
type UnitCell struct {
	Column string        // a date or timestamp; rows where it is null contribute nothing
	Every  time.Duration // a whole number of the column's units of time: 24 * time.Hour for days
}

// A GroupKey is one cell of a public key: its canonical text, or null. The
// canonical text of an integer is its plain decimal, of a date 2006-01-02, of
// a boolean true or false, of text the text itself.
type GroupKey struct {
	Text string
	Null bool
}

// A GroupLevel is the level to which a key column is raised.
type GroupLevel struct {
	Hierarchy hierarchy.Hierarchy
	Level     int // 1 … len(Hierarchy.Levels())+1, the last being "*"
}

// ContributionBounds limit what one unit can add to the result. The kept
// groups and rows are those of least keyed hash, so they depend on the unit's
// own rows and a secret key alone.
//
// Either MaxGroups or RowsPerUnit must be given, or both.
type ContributionBounds struct {
	// MaxGroups is the number of groups a unit contributes to (ℓ₀), at least 1;
	// 0 is RowsPerUnit, as each group takes a row.
	MaxGroups int64
	// RowsPerGroup is the number of a unit's rows in one group that mean,
	// variance, quantiles and histograms see; 0 is 1, or RowsPerUnit where that
	// is given.
	RowsPerGroup int64
	// RowsPerUnit is the number of a unit's rows in all groups together, of
	// which counts and all else see no more; 0 sets no such bound. Of all rows
	// of the unit those of least keyed hash are kept, or where MaxGroups is
	// less, of its rows in the groups kept. Equal rows, in key and in the
	// columns that aggregates read, stay together as far as there is room.
	RowsPerUnit int64
}

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
