package anon

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/noise"
)

const cutsPolicy = `oboro: 1
title: Cuts
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
    bounds: {groups-per-unit: 1}
    aggregates:
      - count: {as: trips, per-unit: 2}
      - sum: {column: fare, as: fares, range: {within: [0, 1000], share: 0.5}}
      - sum: {column: fare, as: plain, range: [-5, 100]}
      - mean: {column: fare, as: mean, range: [0, 50]}
    budget: {epsilon: 5000}
    diagnostics: {weight: 1}
`

// TestDiagnostics: shares of people that bounds cut, from the policy to plan,
// table, report and verification, and nothing of them where nobody pays.
func TestDiagnostics(t *testing.T) {
	if noise.Off {
		t.Skip("noise is off in this build: nothing is claimed")
	}
	var csv strings.Builder
	csv.WriteString("user,city,fare\n")
	for i := range 1000 {
		for j := range 4 { // every fourth has two cities, every other three rows
			fmt.Fprintf(&csv, "u%d,%s,40\n", i, map[bool]string{true: "b", false: "a"}[j == 3 && i%4 == 0])
			if i%2 == 1 && j == 1 {
				break
			}
		}
	}
	rel := releaseOf(t, cutsPolicy, csv.String())
	dir := filepath.Join(t.TempDir(), "out")
	if err := rel.WriteDir(context.Background(), dir, arrowio.CSVFormat); err != nil {
		t.Fatal(err)
	}
	// Noise of scale 5/1000: exact but for a chance below e^-100.
	cuts := rel.Report().Releases[0].Statistics.Cuts
	if len(cuts) != 5 || cuts[0].Bound != "groups-per-unit" || cuts[0].Share != 0.25 || cuts[1].Bound != "rows-per-group" ||
		cuts[2].Bound != "trips" || cuts[4].Bound != "plain" || cuts[3].OffAtMost < 250*1000 || cuts[4].OffAtMost != 0 {
		t.Errorf("%+v", cuts)
	}
	if md := readText(t, filepath.Join(dir, reportMarkdown)); !strings.Contains(md, "| cut by groups-per-unit | about 0.25 of the units, from 0.25 to 0.25 |") || !strings.Contains(md, "noised, and paid for by a part") {
		t.Error(md)
	}
	if html := readText(t, filepath.Join(dir, "report.html")); !strings.Contains(html, "cut by groups-per-unit") {
		t.Error("the page does not have the shares")
	}
	if _, err := VerifyDir(context.Background(), dir); err != nil {
		t.Error(err)
	}
	path := filepath.Join(dir, reportJSON)
	write(t, dir, reportJSON, strings.Replace(readText(t, path), `"bound": "trips"`, `"bound": "trip"`, 1))
	rehash(t, dir)
	if _, err := VerifyDir(context.Background(), dir); err == nil || !strings.Contains(err.Error(), "not those that the policy asks for") {
		t.Error(err)
	}

	p, err := ParsePolicy([]byte(cutsPolicy), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	plan, err := p.Plan(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"shares of units cut by groups-per-unit, rows-per-group, trips, fares, plain: discrete-laplace noise of scale 0.005, at ε = 1000",
		"too low by the rows beyond 2 of each unit in a group", "below 1000 for each total within [0, 1000]",
		"off by the distance of each unit's total in a group from [-5, 100]\n", "as if values outside of [0, 50] were its nearest end", "spends    ε=5000",
	} {
		if !strings.Contains(plan.String(), want) {
			t.Errorf("the plan does not say %q:\n%s", want, plan)
		}
	}
	s := compiledSchema(t)
	if err := s.Validate(instance(t, cutsPolicy)); err != nil {
		t.Error(err)
	}
	quietly := releaseOf(t, strings.Replace(cutsPolicy, "diagnostics: {weight: 1}", "min-units: 1", 1), csv.String())
	if c := quietly.Report().Releases[0].Statistics.Cuts; c != nil {
		t.Errorf("nobody asked for %+v", c)
	}
	for edit, want := range map[string]string{
		"diagnostics: {}": "say what share", "diagnostics: {weight: 0}": "more than 0", "diagnostics: {weigth: 1}": "did you mean",
	} {
		text := strings.Replace(cutsPolicy, "diagnostics: {weight: 1}", edit, 1)
		if _, err := ParsePolicy([]byte(text), t.TempDir()); err == nil || !strings.Contains(err.Error(), want) || s.Validate(instance(t, text)) == nil {
			t.Errorf("%s: %v", edit, err)
		}
	}
	text := strings.Replace(strings.Replace(cutsPolicy, "unit: user", "unit: row", 1), "aggregates:\n      - count: {as: trips, per-unit: 2}\n", "aggregates:\n      - count: {as: trips}\n", 1)
	text = text[:strings.Index(text, "      - sum")] + text[strings.Index(text, "    budget: {epsilon: 5000}"):]
	p, err = ParsePolicy([]byte(text), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Plan(nil); err == nil || !strings.Contains(err.Error(), "releases[0].diagnostics: ") || !strings.Contains(err.Error(), "no bound of this release") {
		t.Error(err)
	}
}
