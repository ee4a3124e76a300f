// Package report holds what a release says about itself: claims, figures and
// evidence. It writes them as JSON, Markdown and one self-contained HTML page.
// It imports no other package of the project.
//
// What stands in a Report may be published: statistics carry figures derived
// from parameters and noised results only. Risk and utility measured on the
// input go to a separate Internal report.
package report

// A Report describes one run of a policy. Its JSON keys are fixed; programs
// outside the project read them.
type Report struct {
	Oboro        int               `json:"oboro"` // version of the format: 1
	Title        string            `json:"title"`
	Software     string            `json:"software,omitempty"` // name and version of what wrote it
	PolicySHA256 string            `json:"policy_sha256"`
	Files        map[string]string `json:"files"` // files the policy refers to, with SHA-256
	Total        *Total            `json:"total"` // null without statistics releases
	// Ledger is absent where the budget was not kept over runs.
	Ledger   *Ledger   `json:"ledger,omitempty"`
	Releases []Release `json:"releases"`
	Warnings []string  `json:"warnings,omitempty"`
}

// Total is the sum of the budgets of all statistics releases: exact decimals
// or fractions.
type Total struct {
	Epsilon *string `json:"epsilon"`
	Delta   *string `json:"delta"`
	Rho     *string `json:"rho"`
}

// A Ledger is the budget of the same people over several runs, as it stood when
// this run had paid.
type Ledger struct {
	Entries int    `json:"entries"` // releases that were paid for
	Head    string `json:"head"`    // hash of the last entry
	Total   Total  `json:"total"`   // their sum
	Cap     Total  `json:"cap"`     // the most that it may become
}

// A Release is one table of the run.
type Release struct {
	Name       string      `json:"name"`
	Kind       string      `json:"kind"` // "microdata" or "statistics"
	File       string      `json:"file"`
	SHA256     string      `json:"sha256"`
	Microdata  *Microdata  `json:"microdata,omitempty"`
	Statistics *Statistics `json:"statistics,omitempty"`
	Claims     []Claim     `json:"claims"`
}

// A Claim is one guarantee, in words and parameters, and how far it was
// checked: "output" (recounted from the released file), "input", or "no".
type Claim struct {
	Model      string         `json:"model"`
	Parameters map[string]any `json:"parameters"`
	Unit       string         `json:"unit"` // column name, or "row"; with a time cell, its words
	Checked    string         `json:"checked"`
	Text       string         `json:"text"`
}

// Microdata are the figures of a release of anonymised rows.
type Microdata struct {
	InputRows      int64      `json:"input_rows"`
	Rows           int64      `json:"rows"`
	SuppressedRows int64      `json:"suppressed_rows"`
	Classes        int64      `json:"classes"`
	SmallestClass  int64      `json:"smallest_class"`
	Counted        string     `json:"counted"` // "people" or "rows"
	Basis          string     `json:"basis"`
	Nulls          string     `json:"nulls"`
	RowOrder       string     `json:"row_order"`
	Recoding       Recoding   `json:"recoding"`
	Cost           CostValue  `json:"cost"`
	Search         SearchInfo `json:"search"`
	// SuppressionLimit is the share of rows that the policy allowed to drop.
	SuppressionLimit float64 `json:"suppression_limit"`
	// Sample is the probability with which each person of the input was in the
	// sample that the table is made of, whose rows InputRows counts; absent:
	// everybody was.
	Sample     float64        `json:"sample,omitempty"`
	Columns    []ColumnInfo   `json:"columns"`     // every column written, in order
	ClassSizes []ClassSizeBin `json:"class_sizes"` // histogram of the released classes, from the output
}

// Recoding says how quasi-identifiers were generalised.
type Recoding struct {
	Kind   string         `json:"kind"` // "global", "local", "mondrian", …
	Levels map[string]int `json:"levels,omitempty"`
	// LevelsFromData is true where levels were chosen by looking at the data.
	LevelsFromData bool `json:"levels_from_data"`
}

// CostValue is the cost of the recoding; Value is a number, or an array for
// costs of kind rank.
type CostValue struct {
	Metric string `json:"metric"`
	Value  any    `json:"value"`
}

// SearchInfo says how the recoding was found. LowerBound and Gap are null
// where no bound is known.
type SearchInfo struct {
	Kind         string `json:"kind"`
	LatticeNodes int64  `json:"lattice_nodes"`
	CheckedNodes int64  `json:"checked_nodes"`
	Optimal      bool   `json:"optimal"`
	LowerBound   any    `json:"lower_bound"`
	Gap          any    `json:"gap"`
}

// ColumnInfo says what became of a column.
type ColumnInfo struct {
	Name      string `json:"name"`
	Role      string `json:"role"`
	Level     *int   `json:"level,omitempty"`      // quasi-identifiers of a global recoding
	LevelName string `json:"level_name,omitempty"` // "raw", "month", "*", …
	MaxLevel  *int   `json:"max_level,omitempty"`
	// LevelNames are the rungs of the column's hierarchy, "raw" first and "*"
	// last: the ladder chart. Public, since a hierarchy is.
	LevelNames []string `json:"level_names,omitempty"`
	// LevelRows counts released rows per rung where rows of one column stand
	// on several (local recoding); absent for a global recoding.
	LevelRows []int64 `json:"level_rows,omitempty"`
}

// ClassSizeBin counts released classes with From ≤ size ≤ To, and their rows.
type ClassSizeBin struct {
	From    int64 `json:"from"`
	To      int64 `json:"to"`
	Classes int64 `json:"classes"`
	Rows    int64 `json:"rows"`
}

// Statistics are the figures of a table of differentially private aggregates.
// All follow from the policy and from released values.
type Statistics struct {
	Groups     int64           `json:"groups"`
	Unit       string          `json:"unit"`
	Neighbours string          `json:"neighbours"` // "add-or-remove-one-unit"
	Epsilon    *string         `json:"epsilon"`
	Delta      *string         `json:"delta"`
	Rho        *string         `json:"rho"`
	GroupBy    []string        `json:"group_by"`
	GroupKind  string          `json:"group_kind"` // "private" or "public"
	Bounds     Bounds          `json:"bounds"`
	Selection  *Selection      `json:"selection"` // null with public groups
	MinUnits   *int64          `json:"min_units,omitempty"`
	Aggregates []AggregateInfo `json:"aggregates"`
	// Noise is the policy's choice: "exact", "laplace", "gaussian", "google".
	Noise string `json:"noise,omitempty"`
	// UnitCell narrows the unit to what it did in one cell of time.
	UnitCell *UnitCell `json:"unit_cell,omitempty"`
	// Cuts is present where the policy pays for it.
	Cuts []Cut `json:"cuts,omitempty"`
	// Confidence is the probability with which columns _low and _high hold the
	// bounded number; absent where the table has none.
	Confidence float64 `json:"confidence,omitempty"`
}

// Cut is the noised share of units that one bound cut, and an interval for it.
type Cut struct {
	Bound string  `json:"bound"` // groups-per-unit, rows-per-unit, rows-per-group, or a count or sum
	Share float64 `json:"share"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	// UnitsAtMost is the most units that it cut, by the same noised numbers.
	UnitsAtMost int64 `json:"units_at_most"`
	// OffAtMost, where the range was chosen within outer limits, is the most that
	// all bounds together change a figure of a group by, for data within those.
	OffAtMost float64 `json:"off_at_most,omitempty"`
}

// UnitCell is a cell of time: Every is "day", "12-hours", ….
type UnitCell struct {
	Column string `json:"column"`
	Every  string `json:"every"`
}

// Bounds are the contribution bounds of one unit.
type Bounds struct {
	GroupsPerUnit int64 `json:"groups_per_unit"`
	RowsPerGroup  int64 `json:"rows_per_group"`
	RowsPerUnit   int64 `json:"rows_per_unit,omitempty"` // in all groups together; 0: not bounded
}

// Selection says how private groups were selected. A group is released when
// its noised number of units is at least Threshold.
type Selection struct {
	Mechanism string `json:"mechanism"`
	Threshold int64  `json:"threshold"`
	Epsilon   string `json:"epsilon,omitempty"`
	Delta     string `json:"delta,omitempty"`
	Aggregate string `json:"aggregate,omitempty"` // the released count it rests on, if any
}

// AggregateInfo is one statistic: its mechanism, noise scale (exact, in units
// of the output) and standard error, which is absent where it depends on the
// data (mean, variance, quantiles).
type AggregateInfo struct {
	As        string  `json:"as"`
	Kind      string  `json:"kind"`
	Mechanism string  `json:"mechanism"`
	Scale     string  `json:"scale"`
	StdError  float64 `json:"std_error,omitempty"`
	// StdErrorAt bounds the standard error in groups of some sizes where it falls
	// with the rows (mean, variance, covariance); StdErrorNote says why there is
	// none.
	StdErrorAt   []ErrorAt `json:"std_error_at,omitempty"`
	StdErrorNote string    `json:"std_error_note,omitempty"`
	// Fitted is set where the numbers were fitted, after noise, to those of other
	// tables, so that they add up; StdError is then that before, and no bound.
	Fitted  bool   `json:"fitted,omitempty"`
	Epsilon string `json:"epsilon,omitempty"`
	Delta   string `json:"delta,omitempty"`
	// Range is present where the bounds of the aggregate were chosen by noise.
	Range *ChosenRange `json:"range,omitempty"`
	// Interval is half the width of the confidence interval; absent: none.
	Interval float64 `json:"interval,omitempty"`
	// Released summarises the released values against the noise: for the
	// chart of noise scale against released counts.
	Released *Summary `json:"released,omitempty"`
}

// ErrorAt is the most that the standard error can be in a group of so many kept
// rows.
type ErrorAt struct {
	Rows   int64   `json:"rows"`
	AtMost float64 `json:"at_most"`
}

// ChosenRange are bounds that were chosen by a differentially private mechanism
// at a price of their own, within public limits.
type ChosenRange struct {
	Lower   float64    `json:"lower"`
	Upper   float64    `json:"upper"`
	PerUnit int64      `json:"per_unit,omitempty"` // of a count, in place of Lower and Upper
	Within  [2]float64 `json:"within"`
	Epsilon string     `json:"epsilon,omitempty"`
	Rho     string     `json:"rho,omitempty"`
}

// Summary holds quantiles of released values: minimum, quartiles, maximum.
type Summary struct {
	N      int64   `json:"n"`
	Min    float64 `json:"min"`
	Q1     float64 `json:"q1"`
	Median float64 `json:"median"`
	Q3     float64 `json:"q3"`
	Max    float64 `json:"max"`
}
