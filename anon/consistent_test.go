package anon

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/arrowio/parquet"
	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/internal/noise"
)

// Towns are selected by noise, months are public; both lie under one total.
const totalsPolicy = `oboro: 1
title: Totals
unit: user
budget: {epsilon: 40, delta: 1e-6}
columns:
  user: {role: identifier}
  zip: {role: quasi-identifier, hierarchy: {prefix: [3, 1]}}
  day: {role: quasi-identifier, type: date, hierarchy: {date: [month, year]}}
  fare: {role: insensitive, type: integer}
releases:
  - name: country
    kind: statistics
    bounds: {groups-per-unit: 1, rows-per-group: 2}
    aggregates: &numbers
      - count-units: {as: people}
      - count: {as: visits, per-unit: 2}
      - sum: {as: fares, column: fare, range: {within: [0, 1000]}}
    budget: {epsilon: 1, delta: 1e-8}
  - name: by_region
    kind: statistics
    group-by: [{column: zip, level: first-1}]
    bounds: {groups-per-unit: 1, rows-per-group: 2}
    aggregates: *numbers
    budget: {epsilon: 1, delta: 1e-8}
  - name: by_place
    kind: statistics
    group-by: [{column: zip, level: first-3}]
    bounds: {groups-per-unit: 1, rows-per-group: 2}
    aggregates: *numbers
    budget: {epsilon: 1, delta: 1e-8}
  - name: by_zip
    kind: statistics
    group-by: [zip]
    bounds: {groups-per-unit: 1, rows-per-group: 2}
    aggregates: *numbers
    budget: {epsilon: 1, delta: 1e-8}
  - name: by_year
    kind: statistics
    group-by: [{column: day, level: year}]
    groups: {public: {day: ["2023", "2024"]}}
    bounds: {groups-per-unit: 1, rows-per-group: 2}
    aggregates: *numbers
    budget: {epsilon: 1, delta: 1e-8}
  - name: by_month
    kind: statistics
    group-by: [{column: day, level: month}]
    groups: {public: {day: ["2023-01", "2023-02", "2024-01", "2024-02"]}}
    bounds: {groups-per-unit: 1, rows-per-group: 2}
    aggregates: *numbers
    budget: {epsilon: 1, delta: 1e-8}
  - name: by_day
    kind: statistics
    group-by: [day]
    bounds: {groups-per-unit: 1, rows-per-group: 2}
    aggregates: *numbers
    budget: {epsilon: 1, delta: 1e-8}
consistent:
  - {column: people, releases: [country, by_region, by_place, by_zip]}
  - {column: fares, releases: [country, by_region, by_place, by_zip]}
  - {column: visits, releases: [by_year, by_month, by_day]}
  - {column: people, releases: [by_year, by_month]}
  - {column: fares, releases: [by_year, by_month]}
`

func totalsInput() string {
	var csv strings.Builder
	csv.WriteString("user,zip,day,fare\n")
	for i := range 1500 {
		for range 1 + i%2 {
			fmt.Fprintf(&csv, "u%d,%d,%d-%02d-%02d,%d\n", i, 81000+1000*(i%3)*(i%2)+100*(i%4)+i%5/4, 2023+i%2, 1+i/2%2, 1+i%13, i%90)
		}
	}
	return csv.String()
}

// TestConsistent: columns add up exactly with groups that noise selects, with
// public ones, over levels of prefixes and dates, in CSV and in Parquet; plan,
// report and verification say so.
func TestConsistent(t *testing.T) {
	if noise.Off {
		t.Skip("noise is off in this build: nothing is fitted to noise")
	}
	rel := releaseOf(t, totalsPolicy, totalsInput())
	table := func(name string) map[string]map[string]float64 { // key to column to number
		src := rel.Table(name)
		out := map[string]map[string]float64{}
		texts, err := readTexts(context.Background(), src)
		if err != nil {
			t.Fatal(err)
		}
		keys := 1
		if name == "country" {
			keys = 0
		}
		for _, row := range texts.rows {
			key := ""
			if keys > 0 {
				key = row[0].text
			}
			out[key] = map[string]float64{}
			for c := keys; c < len(row); c++ {
				if out[key][texts.names[c]], err = strconv.ParseFloat(row[c].text, 64); err != nil {
					t.Fatal(err)
				}
			}
		}
		return out
	}
	adds := func(column, coarse, fine string, above func(string) string) {
		t.Helper()
		totals, parts := table(coarse), table(fine)
		sums := map[string]float64{}
		for key, row := range parts {
			if _, ok := totals[above(key)]; !ok {
				t.Fatalf("%s has no group above one of %s", coarse, fine)
			}
			sums[above(key)] += row[column]
			if row[column] < 0 && column != "fares" {
				t.Errorf("%s has a count below 0", fine)
			}
		}
		for key, row := range totals {
			if off := row[column] - row[column+"_rest"] - sums[key]; off > 1e-6 || off < -1e-6 || column != "fares" && off != 0 {
				t.Errorf("%s: %s is off by %v from its parts in %s", coarse, column, off, fine)
			}
		}
	}
	for _, column := range []string{"people", "fares"} {
		adds(column, "country", "by_region", func(string) string { return "" })
		adds(column, "by_region", "by_place", func(key string) string { return key[:1] + "****" })
		adds(column, "by_place", "by_zip", func(key string) string { return key[:3] + "**" })
	}
	adds("visits", "by_year", "by_month", func(key string) string { return key[:4] })
	adds("visits", "by_month", "by_day", func(key string) string { return key[:7] })
	adds("fares", "by_year", "by_month", func(key string) string { return key[:4] })
	adds("people", "by_year", "by_month", func(key string) string { return key[:4] })
	if n := table("country")[""]["people"]; n < 1450 || n > 1550 {
		t.Errorf("%v people, want about 1500", n)
	}
	if _, ok := table("by_zip")["81000"]["people_rest"]; ok {
		t.Error("the finest table has a rest")
	}

	for _, f := range []arrowio.Format{arrowio.CSVFormat, parquet.Format} {
		dir := folder(t, rel, f)
		v, err := VerifyDir(context.Background(), dir, VerifyOptions{Formats: []arrowio.Format{parquet.Format}})
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, c := range v.Checks {
			if strings.Contains(c.Claim, "adds up exactly over") && c.By == "output" {
				found++
			}
		}
		if found != 5 {
			t.Errorf("%d lists were checked, want 5", found)
		}
		if f != arrowio.CSVFormat {
			continue
		}
		md := readText(t, filepath.Join(dir, reportMarkdown))
		for _, want := range []string{"cost no budget", "before the fit", "consistent-totals"} {
			if !strings.Contains(md, want) {
				t.Errorf("the report does not say %q", want)
			}
		}
		path := filepath.Join(dir, "by_month.csv")
		lines := strings.Split(readText(t, path), "\n")
		cells := strings.Split(lines[1], ",")
		cells[1] += "0"
		lines[1] = strings.Join(cells, ",")
		write(t, dir, "by_month.csv", strings.Join(lines, "\n"))
		rehash(t, dir)
		if _, err := VerifyDir(context.Background(), dir); err == nil || !strings.Contains(err.Error(), "is not the sum of its parts") {
			t.Error(err)
		}
	}
	for _, a := range rel.Report().Releases[0].Statistics.Aggregates {
		if a.Fitted != (a.As != "visits") {
			t.Errorf("%s of country: fitted is %v", a.As, a.Fitted)
		}
	}
	if total := rel.Report().Total; *total.Epsilon != "7" {
		t.Errorf("the releases cost %s, want 7", *total.Epsilon)
	}
	if rec, ok := rel.tables[0].source.(*dp.Release); ok {
		t.Errorf("the noised table %v is still released", rec.Schema())
	}
	src, err := arrowio.OpenCSV(context.Background(), write(t, t.TempDir(), "input.csv", totalsInput()), rel.plan.policy.CSVOptions())
	if err != nil {
		t.Fatal(err)
	}
	in, err := rel.Internal(context.Background(), src)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range in.Releases[4].Statistics.Counts {
		if e.As == "visits" && (e.Groups != 2 || e.MaxAbsolute > 200) {
			t.Errorf("%+v", e)
		}
	}
}

func TestConsistentRefusals(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"column: visits, releases: [by_year", "column: visits, releases: [by_yaer", "there is no release"},
		{"column: visits, releases: [by_year, by_month, by_day]", "column: visits, releases: [by_year]", "nothing to add up to"},
		{"column: visits,", "column: visit,", "has no column"},
		{"{column: people, releases: [by_year, by_month]}", "{column: people, releases: [country, by_zip]}", "is fitted twice"},
		{"[by_year, by_month, by_day]", "[by_month, by_year]", "list the coarsest first"},
		{"[by_year, by_month, by_day]", "[by_year, by_zip]", "is not grouped by"},
		{"[by_year, by_month, by_day]", "[by_year, by_month, by_month]", "is fitted twice"},
		{"- count: {as: visits, per-unit: 2}", "- mean: {as: visits, column: fare, range: [0, 9]}", "does not add up"},
		{"- count-units: {as: people}", "- count-units: {as: people}\n      - count: {as: people_rest}", "the name of what is left"},
		{"    group-by: [zip]\n    bounds: {groups-per-unit: 1,", "    group-by: [zip]\n    bounds: {groups-per-unit: 3,", "set groups-per-unit: 1"},
		{"    group-by: [zip]\n", "    group-by: [zip]\n    confidence: 0.9\n", "confidence intervals"},
		{"    group-by: [zip]\n", "    group-by: [zip]\n    unit-cell: {column: day, every: day}\n", "protect different units"},
		{`    groups: {public: {day: ["2023-01", `, `    min-units: 5` + "\n" + `    groups: {public: {day: ["2023-01", `, "drops public groups"},
		{`["2023", "2024"]`, `["2023", "2024", "2025"]`, "public group 3 of release \"by_year\" has no part"},
		{`    groups: {public: {day: ["2023", "2024"]}}` + "\n", "", "are private and those of"},
		{"day: {role: quasi-identifier, type: date,", "day: {role: quasi-identifier,", "can't be raised"},
		{"column: visits, releases", "columns: visits, releases", "unknown key"},
	} {
		_, err := tryRelease(t, strings.Replace(totalsPolicy, c.old, c.new, 1), totalsInput())
		if err == nil || !strings.Contains(err.Error(), c.want) || ExitCode(err) != 2 || !strings.Contains(err.Error(), "policy.yaml:") {
			t.Errorf("%s: got %v, want %q", c.new, err, c.want)
		}
	}
	p, err := ParsePolicy([]byte(totalsPolicy), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	plan, err := p.Plan(nil)
	if err != nil {
		t.Fatal(err)
	}
	if text := plan.String(); !noise.Off && !strings.Contains(text, "visits was fitted over the tables by_year, by_month, by_day") {
		t.Error(text)
	}
	key, err := dp.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	src, err := arrowio.OpenCSV(context.Background(), write(t, t.TempDir(), "input.csv", totalsInput()), p.CSVOptions())
	if err != nil {
		t.Fatal(err)
	}
	if plan, err = p.Plan(src.Schema()); err != nil {
		t.Fatal(err)
	}
	if _, err := plan.NewPartial("by_day", key); err == nil || !strings.Contains(err.Error(), "out of consistent") {
		t.Error(err)
	}
	if err := compiledSchema(t).Validate(instance(t, totalsPolicy)); err != nil {
		t.Error(err)
	}
}
