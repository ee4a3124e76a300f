package anon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/internal/noise"
)

const visitsPolicy = `oboro: 1
title: Visits
unit: user
budget: {epsilon: 100, delta: 1e-6}
columns:
  user: {role: identifier}
  city: {role: quasi-identifier}
  fare: {role: insensitive, type: integer}
releases:
  - name: by_city
    kind: statistics
    group-by: [city]
    groups: private
    bounds: {groups-per-unit: 1}
    aggregates: [{count-units: {as: people}}, {count: {as: trips, per-unit: 3}}, {sum: {column: fare, as: fares, range: [0, 100]}}]
    budget: {epsilon: 50, delta: 1e-7}
    min-units: 20
  - name: known
    kind: statistics
    group-by: [city]
    groups: {public: {city: [none, b, null, a]}}
    bounds: {groups-per-unit: 2}
    aggregates: [{count-units: {as: people}}]
    budget: {epsilon: 25}
`

// visits has 200 people in city a, 100 in b, and one in each of a few cities
// with a name of its own.
func visits() string {
	var b strings.Builder
	b.WriteString("user,city,fare\n")
	for i := range 300 {
		city := "a"
		if i >= 200 {
			city = "b"
		}
		fmt.Fprintf(&b, "SECRETUSER%d,%s,%d\n", i, city, i%50)
	}
	for i := range 5 {
		fmt.Fprintf(&b, "SECRETUSER%d,SECRETCITY%d,%d\n", 1000+i, i, 7)
	}
	b.WriteString("SECRETUSERX,a,SECRETFARE\n") // no number: null in statistics
	return b.String()
}

func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// releaseOf runs a policy over CSV text and returns the release.
func releaseOf(t testing.TB, policy, csv string) *Release {
	t.Helper()
	rel, err := tryRelease(t, policy, csv)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(rel.Close)
	return rel
}

func tryRelease(t testing.TB, policy, csv string) (*Release, error) {
	t.Helper()
	dir := t.TempDir()
	p, err := LoadPolicy(write(t, dir, "policy.yaml", policy))
	if err != nil {
		return nil, err
	}
	src, err := arrowio.OpenCSV(context.Background(), write(t, dir, "input.csv", csv), p.CSVOptions())
	if err != nil {
		return nil, err
	}
	plan, err := p.Plan(src.Schema())
	if err != nil {
		return nil, err
	}
	return plan.Run(context.Background(), src)
}

// folder writes a release and returns the folder.
func folder(t testing.TB, rel *Release, format arrowio.Format) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "release")
	if err := rel.WriteDir(context.Background(), dir, format); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestStatisticsFromCSVToFolder(t *testing.T) {
	rel := releaseOf(t, visitsPolicy, visits())
	if got := strings.Join(rel.Names(), " "); got != "by_city known" || rel.Table("known") == nil || rel.Table("x") != nil {
		t.Errorf("names %s", got)
	}
	for _, format := range []arrowio.Format{arrowio.CSVFormat, arrowio.IPCFormat} {
		dir := folder(t, rel, format)
		v, err := VerifyDir(context.Background(), dir)
		if err != nil {
			t.Fatal(err)
		}
		r := v.Report
		if *r.Total.Epsilon != "75" || *r.Total.Delta != "1e-7" || len(r.Releases) != 2 {
			t.Errorf("total %v", r.Total)
		}
		st := r.Releases[0].Statistics
		if st.Groups != 2 || st.Unit != "user" || st.Selection.Threshold < 20 || *st.MinUnits != 20 || st.Selection.Aggregate != "people" {
			t.Errorf("figures %+v", st)
		}
		if r.Releases[1].Statistics.Groups != 4 {
			t.Errorf("public groups %+v", r.Releases[1].Statistics)
		}
		noMarker(t, dir, "SECRET")
		if noise.Off && format == arrowio.CSVFormat {
			// 201 people in a (one with a fare that is no number), 100 in b;
			// fares are 0 to 49, four times in a and twice in b.
			if got := strings.Join(sortedLines(t, filepath.Join(dir, "by_city.csv")), "|"); got != "a,201,201,4900|b,100,100,2450|city,people,trips,fares" {
				t.Errorf("without noise: %s", got)
			}
		}
		if len(v.Checks) < 10 {
			t.Errorf("checks %v", v.Checks)
		}
	}
}

// noMarker searches every byte of a folder for a text that was not released.
func noMarker(t testing.TB, dir, marker string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files in %s: %v", len(files), dir, err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), marker) {
			t.Errorf("%s holds a marker that was not released", filepath.Base(f))
		}
	}
}

// An edited table, report or policy is refused, also with hashes made to match.
func TestVerifyRefusesEditedStatistics(t *testing.T) {
	rel := releaseOf(t, visitsPolicy, visits())
	for _, c := range []struct {
		name, file, old, new string
		words                string
		code                 int
	}{
		{"a group twice", "known.csv", "b,", "a,", "twice", 3},
		{"another public group", "known.csv", "b,", "c,", "public group", 3},
		{"a group is added", "by_city.csv", "people,trips,fares\n", "people,trips,fares\nc,30,3,3\n", "number of groups", 3},
		{"below the floor", "by_city.csv", "\nb,1", "\nb,-1", "floor", 3},
		{"a column renamed", "by_city.csv", "fares", "user", "column 4", 3},
		{"budget of the report", "report.json", `"epsilon": "25"`, `"epsilon": "5"`, "budget", 3},
		{"total of the report", "report.json", `"epsilon": "75"`, `"epsilon": "7"`, "total", 3},
		{"threshold of the report", "report.json", `"threshold": 2`, `"threshold": 1`, "threshold", 3},
		{"scale of the report", "report.json", `"scale": "`, `"scale": "1`, "scale", 3},
		{"claim of the report", "report.json", `"model": "differential-privacy"`, `"model": "secrecy"`, "claim", 3},
		{"bounds of the policy", "policy.yaml", "groups-per-unit: 2", "groups-per-unit: 1", "SHA-256", 3},
		{"policy that is none", "policy.yaml", "unit: user", "unit: nobody", "not declared", 3},
		{"report that is none", "report.json", `"oboro": 1`, `"oboro": 2`, "version", 1},
		{"readable report", "report.md", "Visits", "visits", "report.md does not say", 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t, rel, arrowio.CSVFormat)
			data, err := os.ReadFile(filepath.Join(dir, c.file))
			if err != nil {
				t.Fatal(err)
			}
			edited := strings.Replace(string(data), c.old, c.new, 1)
			if edited == string(data) {
				t.Fatalf("%s has no %q:\n%s", c.file, c.old, data)
			}
			write(t, dir, c.file, edited)
			if strings.HasSuffix(c.file, ".csv") {
				if _, err := VerifyDir(context.Background(), dir); ExitCode(err) != 3 || !strings.Contains(err.Error(), "SHA-256") {
					t.Errorf("with the old hash: %v", err)
				}
			}
			rehash(t, dir)
			_, err = VerifyDir(context.Background(), dir)
			if err == nil || ExitCode(err) != c.code || !strings.Contains(err.Error(), c.words) {
				t.Errorf("want exit code %d and %q: %v", c.code, c.words, err)
			}
		})
	}
}

// rehash makes the hashes in the report match the tables, and its readable
// forms match the report, as an able forger would. The policy's stays.
func rehash(t testing.TB, dir string) {
	t.Helper()
	rep, err := readReport(dir)
	if err != nil {
		return
	}
	md, err := os.ReadFile(filepath.Join(dir, reportMarkdown))
	if err != nil {
		t.Fatal(err)
	}
	forged := strings.Contains(string(md), "# visits")
	for i := range rep.Releases {
		if rep.Releases[i].SHA256, err = hashFile(filepath.Join(dir, rep.Releases[i].File)); err != nil {
			t.Fatal(err)
		}
	}
	files, err := renderings(rep)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		if name == reportMarkdown && forged {
			continue
		}
		write(t, dir, name, string(data))
	}
}

func TestOrderOfKeys(t *testing.T) {
	key := func(s string) []cell { return []cell{{text: "x"}, {text: s, null: s == "null"}} }
	for _, c := range []struct {
		a, b string
		want int
	}{{"a", "b", -1}, {"b", "a", 1}, {"a", "a", 0}, {"null", "zzz", 1}, {"", "null", -1}, {"null", "null", 0}, {"Z", "a", -1}} {
		if got := compareKeys(key(c.a), key(c.b)); got != c.want {
			t.Errorf("%q and %q: %d", c.a, c.b, got)
		}
	}
}

// quiet is a backend that adds nothing: the tests look at how it is reached.
type quiet struct{ draws *int }

func (q quiet) Laplace(xs []int64, _ int64, _ float64) error { *q.draws += len(xs); return nil }
func (q quiet) Gaussian(xs []int64, _, _ int64, _, _ float64) error {
	*q.draws += len(xs)
	return nil
}
func (quiet) Name() string { return "google" }

func TestGoogleNoiseNeedsItsBackend(t *testing.T) {
	p, err := ParsePolicy([]byte(strings.Replace(visitsPolicy, "    budget: {epsilon: 25}", "    budget: {epsilon: 25}\n    noise: google", 1)), ".")
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	src, err := arrowio.OpenCSV(ctx, write(t, t.TempDir(), "in.csv", visits()), p.CSVOptions())
	if err != nil {
		t.Fatal(err)
	}
	plan, err := p.Plan(src.Schema())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.Run(ctx, src); ExitCode(err) != 2 || !strings.Contains(err.Error(), "dp/googlenoise") {
		t.Errorf("without a backend: %v", err)
	}
	draws := 0
	rel, err := plan.Run(ctx, src, RunOptions{Backend: quiet{&draws}})
	if err != nil {
		t.Fatal(err)
	}
	defer rel.Close()
	if draws != 4 && !noise.Off {
		t.Errorf("the backend drew %d times for 4 groups", draws)
	}
	folder(t, rel, arrowio.IPCFormat)
}

func TestProgressAndCancellation(t *testing.T) {
	p, err := ParsePolicy([]byte(membersPolicy), ".")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	src, err := arrowio.OpenCSV(ctx, write(t, t.TempDir(), "in.csv", members()), p.CSVOptions())
	if err != nil {
		t.Fatal(err)
	}
	plan, err := p.Plan(src.Schema())
	if err != nil {
		t.Fatal(err)
	}
	stages := map[string]bool{}
	rel, err := plan.Run(ctx, src, RunOptions{Workers: 2, Progress: func(p Progress) {
		if p.Release != "members" {
			t.Errorf("progress of %q", p.Release)
		}
		stages[p.Stage] = true
	}})
	if err != nil {
		t.Fatal(err)
	}
	rel.Close()
	if !stages["count"] {
		t.Errorf("stages %v", stages)
	}
	cancel()
	if _, err := plan.Run(ctx, src); ExitCode(err) != 1 || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestUnitTypeIsNotInferred: two tables differ by one person, whose id is no
// number and stands in the first rows; many ids further down are no numbers
// either. The numbers of people differ by one. With an id column of inferred
// type they would differ by all of those.
func TestUnitTypeIsNotInferred(t *testing.T) {
	const policy = `oboro: 1
title: Members
unit: member
columns:
  member: {role: identifier}
  city: {role: quasi-identifier}
  fare: {role: insensitive, type: integer}
releases:
  - name: people
    kind: statistics
    group-by: [city]
    groups: {public: {city: [a]}}
    bounds: {groups-per-unit: 1}
    aggregates: [{count-units: {as: people}}, {count-distinct: {column: member, as: members}}, {sum: {column: fare, as: fares, range: [0, 1]}}]
    budget: {epsilon: 3000}
`
	var rows strings.Builder
	for i := range 10_000 { // the sample
		fmt.Fprintf(&rows, "%d,a,1\n", i)
	}
	for i := range 500 {
		fmt.Fprintf(&rows, "x%d,a,1\n", i)
	}
	without, with := "member,city,fare\n"+rows.String(), "member,city,fare\none,a,1\n"+rows.String()
	for text, people := range map[string]int{without: 10_500, with: 10_501} {
		rel := releaseOf(t, policy, text)
		rec := rel.tables[0].source.(*dp.Release).Record()
		for c := 1; c < int(rec.NumCols()); c++ { // at ε = 1000 each, noise other than 0 has a probability below e^-990
			if x, _ := numberAt(rec.Column(c), 0); x != float64(people) {
				t.Errorf("column %d is %v, want %d", c, x, people)
			}
		}
	}
}

// What releases cost together is less than the sum of their budgets, and stands
// in the plan.
func TestTogether(t *testing.T) {
	policy := func(noise string) *Plan {
		t.Helper()
		p, err := ParsePolicy([]byte(`oboro: 1
title: t
unit: id
budget: {epsilon: 2, delta: 1e-6}
columns:
  id: {role: identifier}
  city: {role: quasi-identifier}
  fee: {role: insensitive, type: integer}
releases:
  - {name: a, kind: statistics, group-by: [city], groups: private, bounds: {groups-per-unit: 20}, aggregates: [{count-units: {as: n}}], budget: {epsilon: 1, delta: 1e-8}, noise: `+noise+`}
  - {name: b, kind: statistics, bounds: {groups-per-unit: 1}, aggregates: [{quantiles: {column: fee, as: q, range: [0, 99], ranks: [0.1, 0.3, 0.5, 0.7, 0.9]}}], budget: {epsilon: 1}}
`), "")
		if err != nil {
			t.Fatal(err)
		}
		plan, err := p.Plan(nil)
		if err != nil {
			t.Fatal(err)
		}
		return plan
	}
	for noise, least := range map[string]float64{"laplace": 1.1, "gaussian": 1.1} {
		plan := policy(noise)
		e, delta, ok := plan.Together()
		if !ok || delta != 1e-6 || e < least || e > 1.9 || !strings.Contains(plan.String(), "together  ε ≤ 1.") {
			t.Errorf("%s: together (%g, %g), %v", noise, e, delta, ok)
		}
	}
}
