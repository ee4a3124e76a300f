package anon

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/internal/noise"
)

const autoPolicy = `oboro: 1
title: Fees
unit: user
columns:
  user: {role: identifier}
  city: {role: quasi-identifier}
  fare: {role: insensitive, type: integer}
releases:
  - name: fees
    kind: statistics
    group-by: [city]
    groups: {public: {city: [a, b]}}
    bounds: {groups-per-unit: 2}
    aggregates:
      - count: {as: trips, per-unit: {within: 100}}
      - sum: {column: fare, as: fares, range: {within: [0, 1000000], share: 0.2}}
      - mean: {column: fare, as: mean_fare, range: {within: [-1000, 1000]}}
      - quantiles: {column: fare, as: q, range: [0, 100], ranks: [0.5]}
    budget: {epsilon: 40}
`

// TestRangesChosenByNoise: ranges within public limits, from the policy to plan,
// table, report, claim and verification.
func TestRangesChosenByNoise(t *testing.T) {
	if noise.Off {
		t.Skip("noise is off in this build: nothing is claimed")
	}
	p, err := ParsePolicy([]byte(autoPolicy), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	plan, err := p.Plan(nil)
	if err != nil {
		t.Fatal(err)
	}
	const claim = "The bounds of trips, fares, mean_fare were chosen by a differentially private mechanism at ε = 4, which is part of the budget of this release."
	for _, want := range []string{"fares            chosen within [0, 1000000] among", claim, "spends    ε=40", "noise below is that of the outer limits"} {
		if !strings.Contains(plan.String(), want) {
			t.Errorf("the plan does not say %q:\n%s", want, plan)
		}
	}
	var csv strings.Builder
	csv.WriteString("user,city,fare\n")
	for i := range 4000 {
		fmt.Fprintf(&csv, "u%d,%s,%d\n", i, []string{"a", "b"}[i%2], i%50)
	}
	rel := releaseOf(t, autoPolicy, csv.String())
	dir := filepath.Join(t.TempDir(), "out")
	if err := rel.WriteDir(context.Background(), dir, arrowio.CSVFormat); err != nil {
		t.Fatal(err)
	}
	st := rel.Report().Releases[0].Statistics
	// A fare is at most 49, so that a limit of more than 10,000 has to pass over
	// fifty limits with nothing beyond them, and one below 10 to stop with 1,600
	// beyond: less likely than 1e-9 with noise of scale 2·2/2 and an aim below 10.
	if r := st.Aggregates[1].Range; r == nil || r.Lower != 0 || r.Upper > 10_000 || r.Upper < 10 || r.Within != [2]float64{0, 1e6} || r.Epsilon != "2" {
		t.Errorf("fares: %+v", r)
	}
	if r := st.Aggregates[0].Range; r == nil || r.PerUnit < 1 || r.Epsilon != "1" {
		t.Errorf("trips: %+v", r)
	}
	if st.Aggregates[3].Range != nil {
		t.Error("a range that the policy states is reported as chosen")
	}
	md := readText(t, filepath.Join(dir, reportMarkdown))
	for _, want := range []string{"| bounds of fares | \\[0, ", "chosen by a differentially private mechanism within \\[0, 1,000,000\\] at ε = 2 |", "at ε = 4"} {
		if !strings.Contains(md, want) && !strings.Contains(md, strings.ReplaceAll(want, "\\", "")) {
			t.Errorf("the report does not say %q:\n%s", want, md)
		}
	}
	if html := readText(t, filepath.Join(dir, "report.html")); !strings.Contains(html, "bounds of fares") {
		t.Error("the page does not name the chosen bounds")
	}
	if _, err := VerifyDir(context.Background(), dir); err != nil {
		t.Error(err)
	}
	path := filepath.Join(dir, reportJSON)
	upper := fmt.Sprintf(`"upper": %s`, decimal(st.Aggregates[1].Range.Upper))
	forged := strings.Replace(readText(t, path), upper, `"upper": 1234567`, 1)
	write(t, dir, reportJSON, forged)
	rehash(t, dir)
	if _, err := VerifyDir(context.Background(), dir); err == nil || !strings.Contains(err.Error(), "can't have been chosen") {
		t.Errorf("a forged range: %v", err)
	}
	key, err := dp.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	plan, err = p.Plan(must(plan.schemaOf(plan.steps[0])))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.NewPartial("fees", key); err == nil || !strings.Contains(err.Error(), "in a read of their own") {
		t.Errorf("a partial state: %v", err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestRangePrice: the price in a claim is that of the plan.
func TestRangePrice(t *testing.T) {
	for _, edit := range [][2]string{
		{"", ""}, {"groups: {public: {city: [a, b]}}", "groups: private"}, {"share: 0.2}", "share: 0.2}, weight: 3"},
		{"- count: {as: trips, per-unit: {within: 100}}", "- count-units: {as: people, weight: 0.5}"}, {"budget: {epsilon: 40}", "budget: {rho: 1/3, delta: 1e-6}"},
		{"budget:", "min-units: 10\n    budget:"},
	} {
		text := strings.Replace(autoPolicy, edit[0], edit[1], 1)
		if strings.Contains(text, "private") {
			text = strings.Replace(text, "{epsilon: 40}", "{epsilon: 40, delta: 1e-6}", 1)
		}
		p, err := ParsePolicy([]byte(text), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		plan, err := p.Plan(nil)
		if err != nil {
			t.Fatal(err)
		}
		s := plan.steps[0]
		price := s.dp.Ranges().Price()
		want := "ε = " + price.Epsilon()
		if price.IsZCDP() {
			want = "ρ = " + price.Rho()
		}
		if got := s.rangePrice(); got != want || !s.dp.Price().Equal(s.budget) {
			t.Errorf("%q: the claim says %s, the plan %s", edit[1], got, want)
		}
	}
}

func TestRangeRefusals(t *testing.T) {
	s := compiledSchema(t)
	if err := s.Validate(instance(t, autoPolicy)); err != nil {
		t.Error(err)
	}
	for edit, want := range map[string]string{
		"range: auto":                             "state public limits for it",
		"range: {share: 0.1}":                     "state public limits within which",
		"range: {within: [5, 1]}":                 "low end must be less",
		"range: {within: [0, 1], share: 1}":       "less than 1",
		"range: {within: [0, 1], share: 0}":       "more than 0",
		"range: {within: [0, 9], weight: 2}":      "unknown key",
		"range: [0, 1], per-unit: {within: 10}":   "unknown key",
		"range: {within: [0, 1000000], share: x}": "is no number",
	} {
		text := strings.Replace(autoPolicy, "range: {within: [0, 1000000], share: 0.2}", edit, 1)
		_, err := ParsePolicy([]byte(text), t.TempDir())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", edit, err)
		}
		if want != "low end must be less" && s.Validate(instance(t, text)) == nil {
			t.Errorf("%s: the schema accepts it", edit)
		}
	}
	text := strings.Replace(autoPolicy, "{within: 100}", "{within: 1}", 1)
	if _, err := ParsePolicy([]byte(text), t.TempDir()); err == nil || !strings.Contains(err.Error(), "whole number from 2") {
		t.Error(err)
	}
}
