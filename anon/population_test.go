package anon

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/corpus"
)

// ARX's case DPresence-0: the subset is released, the input is its population
// (golden value: ARX test suite; see the reference data beside the project).
func TestDeltaPresenceOfAdult(t *testing.T) {
	data := corpus.Shared(t, "data/adult/adult.csv")
	dir := filepath.Dir(data)
	text := adultPolicy(dir, "0")
	text = strings.Replace(text, "occupation: {role: quasi-identifier", "occupation: {role: sensitive", 1)
	text = strings.Replace(text, "{k-anonymity: {k: 5}}", fmt.Sprintf("{delta-presence: {min: 0, max: 0.2, subset: %q}}", filepath.Join(dir, "adult_subset.csv")), 1)
	text += "    cost: {metric: average-class-size, gs-factor: 0.5}\n"
	p, err := ParsePolicy([]byte(text), ".")
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	src, err := arrowio.OpenCSV(ctx, data, p.CSVOptions())
	if err != nil {
		t.Fatal(err)
	}
	plan, err := p.Plan(src.Schema())
	if err != nil {
		t.Fatal(err)
	}
	rel, err := plan.Run(ctx, src)
	if err != nil {
		t.Fatal(err)
	}
	defer rel.Close()
	m := rel.Report().Releases[0].Microdata
	var levels []string
	for _, c := range adultColumns {
		if c != "occupation" {
			levels = append(levels, fmt.Sprint(m.Recoding.Levels[c]))
		}
	}
	if got := strings.Join(levels, ","); got != "1,4,1,1,0,2,2,0" || m.Cost.Value != 52.0 || m.InputRows != 3016 || m.Rows != 3016 {
		t.Errorf("levels %s, cost %v, %d of %d rows", got, m.Cost.Value, m.Rows, m.InputRows)
	}
	folder(t, rel, arrowio.CSVFormat)
}

// The input of a subset's release is the population: it has more rows than the
// release, also where the subset's file is not at hand.
func TestVerifySubsetWithInput(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "sub.csv", "zip\n1\n1\n2\n2\n")
	p, err := LoadPolicy(write(t, dir, "policy.yaml", `oboro: 1
unit: row
columns: {zip: {role: quasi-identifier, type: text}}
releases:
  - {name: r, kind: microdata, basis: b, models: [{delta-presence: {min: 0, max: 0.9, subset: sub.csv}}]}
`))
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	src, err := arrowio.OpenCSV(ctx, write(t, dir, "in.csv", "zip\n1\n1\n1\n2\n2\n2\n"), p.CSVOptions())
	if err != nil {
		t.Fatal(err)
	}
	plan, err := p.Plan(src.Schema())
	if err != nil {
		t.Fatal(err)
	}
	rel, err := plan.Run(ctx, src)
	if err != nil {
		t.Fatal(err)
	}
	defer rel.Close()
	if _, err := VerifyDir(ctx, folder(t, rel, arrowio.CSVFormat), VerifyOptions{Input: src}); err != nil {
		t.Error(err)
	}
}

// A population of millions reads the same after the report has been JSON.
func TestKMapOfALargePopulation(t *testing.T) {
	policy := strings.Replace(membersPolicy, "models: [", "models: [{k-map: {k: 3, population: 317238626, estimator: poisson, significance: 0.01}}, ", 1)
	rel := releaseOf(t, policy, members())
	if _, err := VerifyDir(context.Background(), folder(t, rel, arrowio.CSVFormat)); err != nil {
		t.Error(err)
	}
}

func TestKMapWithPopulationTable(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "people.csv", "zip,age,name\n11111,30,x\n11111,30,y\n11111,30,z\n22222,40,u\n22222,40,v\n33333,50,w\n")
	path := write(t, dir, "policy.yaml", `oboro: 1
unit: row
columns: {zip: {role: quasi-identifier, type: text}, age: {role: quasi-identifier, type: integer}}
releases:
  - {name: r, kind: microdata, basis: b, models: [{k-map: {k: 2, population-table: people.csv}}], suppression-limit: 1}
`)
	p, err := LoadPolicy(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	src, err := arrowio.OpenCSV(ctx, write(t, dir, "in.csv", "zip,age\n11111,30\n22222,40\n"), p.CSVOptions())
	if err != nil {
		t.Fatal(err)
	}
	plan, err := p.Plan(src.Schema())
	if err != nil {
		t.Fatal(err)
	}
	rel, err := plan.Run(ctx, src)
	if err != nil {
		t.Fatal(err)
	}
	defer rel.Close()
	r := rel.Report()
	if m := r.Releases[0].Microdata; m.Rows != 2 || m.Recoding.Levels["zip"] != 0 || r.Files["people.csv"] == "" {
		t.Errorf("%+v", m)
	}
	v, err := VerifyDir(ctx, folder(t, rel, arrowio.CSVFormat))
	if err != nil {
		t.Fatal(err)
	}
	said := false
	for _, c := range v.Checks {
		said = said || c.By == "no" && strings.Contains(c.Claim, "at least 2 people of the population table")
	}
	if !said {
		t.Errorf("the claim is not called not checkable: %+v", v.Checks)
	}
}

const hobbiesPolicy = `oboro: 1
unit: row
columns:
  age: {role: quasi-identifier, type: integer, hierarchy: {intervals: [10]}}
  hobbies: {role: quasi-identifier, set: {separator: "|"}}
releases:
  - {name: r, kind: microdata, basis: b, models: [{k-anonymity: {k: 3}}, {km-anonymity: {column: hobbies, k: 3, m: 2}}]}
`

// Every pair of hobbies that a row has is shared by three rows of its class; a
// table where one is not is refused.
func TestSetsAndTheirRecount(t *testing.T) {
	csv := "age,hobbies\n"
	for i := range 12 {
		csv += fmt.Sprintf("%d,%s\n", 20+i%10, []string{"go|chess", "go|chess|tea", "tea", "chess|go"}[i%4])
	}
	csv += "25,go|SECRETHOBBY\n"
	rel := releaseOf(t, hobbiesPolicy, csv)
	dir := folder(t, rel, arrowio.CSVFormat)
	noMarker(t, dir, "SECRETHOBBY")
	data, err := os.ReadFile(filepath.Join(dir, "r.csv"))
	if err != nil {
		t.Fatal(err)
	}
	edited := strings.Replace(string(data), "go", "golf", 1)
	if edited == string(data) {
		t.Fatalf("no tags are left:\n%s", data)
	}
	write(t, dir, "r.csv", edited)
	rehash(t, dir)
	if _, err := VerifyDir(context.Background(), dir); ExitCode(err) != 3 || !strings.Contains(err.Error(), "km-anonymity") {
		t.Errorf("%v", err)
	}
}

// A missing value is compatible with every value: one row of age 40 among two
// without an age is one of three, and the two are compatible with each other
// whatever their ages are. Under nulls: value the row of age 40 would be alone.
func TestWildcardNulls(t *testing.T) {
	policy := "oboro: 1\nunit: row\nnulls: wildcard\ncolumns: {age: {role: quasi-identifier, type: integer}, city: {role: quasi-identifier}}\nreleases:\n  - {name: r, kind: microdata, basis: b, models: [{k-anonymity: {k: 2}}]}\n"
	csv := "age,city\n30,a\n30,a\n40,a\n,a\n,a\n"
	rel := releaseOf(t, policy, csv)
	m := rel.Report().Releases[0].Microdata
	if m.Recoding.Levels["age"] != 0 || m.Nulls != "wildcard" || m.Rows != 5 {
		t.Errorf("%+v", m)
	}
	folder(t, rel, arrowio.CSVFormat)
	folder(t, rel, arrowio.IPCFormat)
}

// Groups at a level of a hierarchy whose file is not at hand: what needs it is
// not checkable, the rest holds.
func TestVerifyWithoutHierarchyFile(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "towns.csv", "a;north\nb;north\nc;south\nd;south\n")
	release := `
  - name: %s
    kind: statistics
    method: differential-privacy
    group-by: [{column: town, level: 1}]
    groups: %s
    bounds: {groups-per-unit: 1}
    aggregates: [count-units: {as: n}]
    budget: {epsilon: 1, delta: 1e-8}`
	p, err := LoadPolicy(write(t, dir, "policy.yaml", `oboro: 1
unit: row
columns: {town: {role: quasi-identifier, hierarchy: {file: towns.csv}}}
budget: {epsilon: 2, delta: 1e-6}
releases:`+fmt.Sprintf(release, "private", "private")+fmt.Sprintf(release, "public", "{public: {town: [north, south]}}")+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	src, err := arrowio.OpenCSV(ctx, write(t, dir, "in.csv", "town\n"+strings.Repeat("a\nb\nc\nd\n", 100)), p.CSVOptions())
	if err != nil {
		t.Fatal(err)
	}
	plan, err := p.Plan(src.Schema())
	if err != nil {
		t.Fatal(err)
	}
	rel, err := plan.Run(ctx, src)
	if err != nil {
		t.Fatal(err)
	}
	defer rel.Close()
	out := folder(t, rel, arrowio.CSVFormat)
	notCheckable := func() (n int) {
		t.Helper()
		v, err := VerifyDir(ctx, out)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range v.Checks {
			if c.By == "no" && strings.Contains(c.Claim, "mechanisms") {
				n++
			}
		}
		return n
	}
	if n := notCheckable(); n != 2 {
		t.Errorf("mechanisms of %d releases are not checkable, want 2", n)
	}
	write(t, out, "towns.csv", "a;north\nb;north\nc;south\nd;south\n")
	if n := notCheckable(); n != 0 {
		t.Errorf("mechanisms of %d releases are not checkable with the file at hand", n)
	}
}
