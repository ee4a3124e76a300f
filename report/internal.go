package report

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
)

// InternalWarning heads every internal report.
const InternalWarning = "INTERNAL – NOT FOR PUBLICATION. Measured on the input."

// An Internal is what an owner of the input may want to know of it and of its
// releases. Its figures are measured on the input without any protection: it
// must never be published, and no release folder holds one.
type Internal struct {
	Oboro    int               `json:"oboro"`
	Warning  string            `json:"warning"`
	Title    string            `json:"title"`
	Software string            `json:"software"`
	Releases []InternalRelease `json:"releases"`
}

// An InternalRelease compares one release with the input; Microdata or
// Statistics is set.
type InternalRelease struct {
	Name       string             `json:"name"`
	Kind       string             `json:"kind"` // "microdata" or "statistics"
	Microdata  *InternalMicrodata `json:"microdata,omitempty"`
	Statistics *StatisticsError   `json:"statistics,omitempty"`
	// Notes say what was not measured, and why.
	Notes []string `json:"notes"`
}

// InternalMicrodata is risk and utility of a table of rows. Risks and shares
// are between 0 and 1. The measures, with formulas and sources, are those of
// package kanon/risk.
type InternalMicrodata struct {
	Counted          string   `json:"counted"`          // "people" or "rows": what risks and sizes of the input count
	ReleasedCounted  string   `json:"released_counted"` // the same of the release
	QuasiIdentifiers []string `json:"quasi_identifiers"`
	InputRows        int64    `json:"input_rows"`
	InputPeople      int64    `json:"input_people"`
	InputClasses     int64    `json:"input_classes"`
	InputAlone       int64    `json:"input_alone"` // alone in their class
	ReleasedRows     int64    `json:"released_rows"`
	ReleasedClasses  int64    `json:"released_classes"`

	// Threshold is the risk above which somebody counts as at risk.
	Threshold    float64 `json:"threshold"`
	InputRisk    Risk    `json:"input_risk"`
	ReleasedRisk Risk    `json:"released_risk"`
	// Sizes has the same bins for both.
	Sizes []SizesCompared `json:"class_sizes"`

	Population *PopulationRisk `json:"population,omitempty"` // nil where the policy names none

	// Combined is the size up to which sets of columns were looked at.
	Combined       int            `json:"combined"`
	Identifying    []Identifying  `json:"identifying"`
	SpecialUniques []ColumnShare  `json:"special_uniques"`
	Utility        *Utility       `json:"utility,omitempty"` // nil for a recoding without levels
	Queries        *RangeQueries  `json:"range_queries,omitempty"`
	Columns        []ColumnChange `json:"columns"`
}

// A Risk is that of being found by an attacker who knows that a person is in
// the table.
type Risk struct {
	Highest float64 `json:"highest"`
	Average float64 `json:"average"`
	AtRisk  float64 `json:"at_risk"` // share of people above the threshold
}

// SizesCompared holds shares, between 0 and 1, of people, or rows as counted,
// in classes of From to To; To is 0 in the last bin, which has no end.
type SizesCompared struct {
	From     int64   `json:"from"`
	To       int64   `json:"to"`
	Input    float64 `json:"input"`
	Released float64 `json:"released"`
}

func (s SizesCompared) label() string {
	switch {
	case s.To == 0:
		return grouped(s.From) + "+"
	case s.From == s.To:
		return grouped(s.From)
	}
	return grouped(s.From) + "–" + grouped(s.To)
}

// PopulationRisk is what the size of the population allows to estimate.
type PopulationRisk struct {
	People         int64   `json:"people"`
	Uniques        float64 `json:"uniques"` // estimated people who are unique in it
	Model          string  `json:"model"`
	Valid          bool    `json:"valid"`
	IndividualRisk float64 `json:"individual_risk"` // mean over the people of the input
}

// Identifying is a minimal set of columns that tells many rows apart.
type Identifying struct {
	Columns     []string `json:"columns"`
	Distinction float64  `json:"distinction"`
	Separation  float64  `json:"separation"`
}

// ColumnShare is a column's share in the minimal sets of columns by which rows
// are unique.
type ColumnShare struct {
	Column string  `json:"column"`
	Share  float64 `json:"share"`
}

// Utility says how much of the input is left: 1 where nothing is changed, 0
// where all is suppressed; Suppressed is a share of rows.
type Utility struct {
	Suppressed              float64 `json:"suppressed"`
	Granularity             float64 `json:"granularity"`
	GeneralizationIntensity float64 `json:"generalization_intensity"`
	NonUniformEntropy       float64 `json:"non_uniform_entropy"`
	Discernibility          float64 `json:"discernibility"`
	AverageClassSize        float64 `json:"average_class_size"`
}

// ColumnChange says how much of one column is left, and how far its
// distribution moved.
type ColumnChange struct {
	Column            string  `json:"column"`
	Granularity       float64 `json:"granularity"`
	NonUniformEntropy float64 `json:"non_uniform_entropy"`
	TotalVariation    float64 `json:"total_variation"`
	Hellinger         float64 `json:"hellinger"`
	EarthMover        float64 `json:"earth_mover"`
}

// RangeQueries is the relative error of random range counts.
type RangeQueries struct {
	Queries int     `json:"queries"`
	Median  float64 `json:"median"`
	Mean    float64 `json:"mean"`
	P90     float64 `json:"p90"`
}

// StatisticsError compares released counts with those of the input. Rows
// without a unit are left out of both.
type StatisticsError struct {
	InputRows      int64        `json:"input_rows"`
	InputGroups    int64        `json:"input_groups"`
	ReleasedGroups int64        `json:"released_groups"`
	MissedGroups   int64        `json:"missed_groups"` // in the input, not released
	MissedRows     int64        `json:"missed_rows"`   // rows of the missed groups
	EmptyGroups    int64        `json:"empty_groups"`  // released, not in the input
	Counts         []CountError `json:"counts"`
}

// CountError is the error of one released count over its groups: of noise and
// of the contribution bounds together. Relative errors are over the true
// count, at least 1.
type CountError struct {
	As             string  `json:"as"`
	Kind           string  `json:"kind"` // "count-units" or "count"
	Groups         int64   `json:"groups"`
	MeanAbsolute   float64 `json:"mean_absolute"`
	MaxAbsolute    float64 `json:"max_absolute"`
	MeanRelative   float64 `json:"mean_relative"`
	MedianRelative float64 `json:"median_relative"`
	Bias           float64 `json:"bias"` // mean of released - true
}

// JSON returns the report as indented JSON that ends in a newline.
func (r *Internal) JSON() ([]byte, error) {
	out := *r
	out.Oboro, out.Warning = Format, InternalWarning
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(&out); err != nil {
		return nil, fmt.Errorf("internal report: a figure can't be written as JSON: %w", err)
	}
	return buf.Bytes(), nil
}

//go:embed internal.html
var internalText string

var internalPage = template.Must(template.New("internal").Funcs(template.FuncMap{
	"style":    func() template.CSS { return template.CSS(pageStyle) },
	"warning":  func() string { return InternalWarning },
	"grouped":  grouped,
	"plural":   plural,
	"int64":    func(n int) int64 { return int64(n) },
	"singular": singular,
	"short":    short,
	"share":    shareWords,
	"sentence": sentence,
	"sizes":    func(i int, m *InternalMicrodata) template.HTML { return m.sizes(fmt.Sprintf("sizes%d", i)) },
	"risks":    func(i int, m *InternalMicrodata) template.HTML { return m.risks(fmt.Sprintf("risks%d", i)) },
	"kept":     func(i int, m *InternalMicrodata) template.HTML { return m.kept(fmt.Sprintf("kept%d", i)) },
	"queries":  func(i int, m *InternalMicrodata) template.HTML { return m.queries(fmt.Sprintf("queries%d", i)) },
	"errors":   func(i int, s *StatisticsError) template.HTML { return s.errors(fmt.Sprintf("errors%d", i)) },
}).Parse(internalText))

// HTML returns the report as one self-contained page, as (*Report).HTML does.
func (r *Internal) HTML() ([]byte, error) {
	var buf bytes.Buffer
	if err := internalPage.Execute(&buf, r); err != nil {
		return nil, fmt.Errorf("internal report: the page can't be written: %w", err)
	}
	return buf.Bytes(), nil
}

// shareWords writes a share as a percentage of three digits.
func shareWords(x float64) string {
	if x > 0 && x < 0.0001 {
		return "under 0.01 %"
	}
	return short(float64(int64(x*10000+0.5))/100) + " %"
}
