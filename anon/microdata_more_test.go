package anon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/oboro-data/oboro/arrowio"
)

// rowsPolicy has the ways of making rows that the example of the specification
// lacks.
const rowsPolicy = `oboro: 1
title: Members
unit: member
columns:
  member: {role: identifier}
  zip:    {role: quasi-identifier, hierarchy: {levels: [{a1: a, a2: a, b1: b, b2: b}]}}
  age:    {role: quasi-identifier, type: integer}
  sex:    {role: quasi-identifier}
  topic:  {role: sensitive}
releases:
  - name: members
    kind: microdata
    basis: a contract
    columns: [zip, age, sex]
    models: [{k-anonymity: {k: 3}}]
    search: mdav
    recode: global
    centres: {age: mean, sex: mode}
    sample: 0.5
`

// cellsPolicy is the same with cell suppression.
var cellsPolicy = strings.NewReplacer("search: mdav", "search: optimal\n    suppression-limit: 0.5\n    levels: {zip: 0, sex: 0}", "recode: global", "recode: cells",
	"    centres: {age: mean, sex: mode}\n", "", "    sample: 0.5\n", "").Replace(rowsPolicy)

func memberRows(n int) string {
	var b strings.Builder
	b.WriteString("member,zip,age,sex,topic\n")
	for i := range n {
		fmt.Fprintf(&b, "m%d,%s,%d,%s,t\n", i, []string{"a1", "a1", "a2", "b1", "b2"}[i%5], 20+i%3, []string{"f", "m", "m"}[i/5%3])
	}
	b.WriteString("last,b2,99,x,t\n")
	return b.String()
}

var rowRefusals = []refusal{
	{"sample of nobody", "sample: 0.5", "sample: 0", "releases[0].sample", []string{"more than 0"}, 0},
	{"sample of more than all", "sample: 0.5", "sample: 2", "releases[0].sample", []string{"at most 1"}, 0},
	{"no such centre", "age: mean", "age: middle", "releases[0].centres.age", []string{"mean, median, mode, interval"}, 0},
	{"centre of a column that is none", "age: mean", "agee: mean", "releases[0].centres.agee", []string{"not declared", `"age"`}, 0},
	{"centre of another role", "columns: [zip, age, sex]", "columns: [zip, age, topic]", "releases[0].centres.sex", []string{"no quasi-identifier", "centres are for those"}, 18},
	{"mean of texts", "sex: mode", "sex: mean", "releases[0].centres.sex", []string{"only numbers have a mean", "median or the mode"}, 0},
	{"centres without mdav", "search: mdav", "search: optimal", "releases[0].centres", []string{"search: mdav"}, 18},
	{"mdav with levels", "recode: global", "levels: {zip: 1}", "releases[0].levels", []string{"no levels", "search: optimal"}, 0},
	{"mdav with a cost", "recode: global", "cost: {metric: loss}", "releases[0].cost", []string{"takes no cost"}, 0},
	{"mdav with a limit", "recode: global", "suppression-limit: 0.1", "releases[0].suppression-limit", []string{"drops no row"}, 0},
	{"mdav with cells", "recode: global", "recode: cells", "releases[0].search", []string{"recode: global", "search: optimal"}, 16},
	{"mdav with local", "recode: global", "recode: local", "releases[0].search", []string{"recode: global", "search: optimal"}, 16},
	{"mdav of wildcards", "unit: member\n", "unit: member\nnulls: wildcard\n", "releases[0].search", []string{"without wildcard nulls"}, 17},
	{"mdav of a table model", "{k-anonymity: {k: 3}}", "{k-anonymity: {k: 3}}, {average-risk: {threshold: 0.5}}", "releases[0].search", []string{"all classes together", "search: optimal"}, 16},
	{"cells of a table model", "recode: global", "recode: cells", "releases[0].recode", []string{"all classes together", "recode: global"}, 0},
	{"cells by mondrian", "recode: global", "recode: cells", "releases[0].recode", []string{"search: optimal or anytime"}, 0},
}

func TestRowRefusals(t *testing.T) {
	for _, text := range []string{rowsPolicy, cellsPolicy} {
		if _, err := planLogins(text); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range rowRefusals {
		t.Run(r.name, func(t *testing.T) {
			before, _, found := strings.Cut(rowsPolicy, r.old)
			if !found {
				t.Fatalf("the policy has no %q", r.old)
			}
			line := r.line
			if line == 0 {
				line = strings.Count(before, "\n") + 1
			}
			text := strings.Replace(rowsPolicy, r.old, r.new, 1)
			switch r.name {
			case "cells of a table model":
				text = strings.NewReplacer("search: mdav", "search: optimal", "    centres: {age: mean, sex: mode}\n", "", "k: 3}}", "k: 3}}, {average-risk: {threshold: 0.5}}").Replace(text)
			case "cells by mondrian":
				text = strings.NewReplacer("search: mdav", "search: mondrian", "    centres: {age: mean, sex: mode}\n", "").Replace(text)
			}
			_, err := planLogins(text)
			if !errors.Is(err, ErrPlan) || ExitCode(err) != 2 {
				t.Fatalf("not refused by a plan: %v", err)
			}
			for _, w := range append(r.words, "policy:"+strconv.Itoa(line)+": "+r.key+": ") {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("the error does not say %q:\n%s", w, err)
				}
			}
		})
	}
	subset := strings.Replace(rowsPolicy, "{k-anonymity: {k: 3}}", "{delta-presence: {min: 0, max: 0.5, subset: race.csv}}", 1)
	p, err := ParsePolicy([]byte(subset), "testdata")
	if err == nil {
		_, err = p.Plan(nil)
	}
	if err == nil || !strings.Contains(err.Error(), "releases[0].sample: delta-presence is about who is in the subset") {
		t.Errorf("a sample of a subset: %v", err)
	}
}

// verifyRows checks a folder with its input and returns what was looked at.
func verifyRows(t *testing.T, rel *Release, csv string) (checks []Check, err error) {
	t.Helper()
	src, err := arrowio.OpenCSV(context.Background(), write(t, t.TempDir(), "in.csv", csv), rel.plan.policy.CSVOptions())
	if err != nil {
		t.Fatal(err)
	}
	v, err := VerifyDir(context.Background(), folder(t, rel, arrowio.IPCFormat), VerifyOptions{Input: src})
	if err != nil {
		return nil, err
	}
	if _, err := rel.Internal(context.Background(), src); err != nil {
		t.Error(err)
	}
	return v.Checks, nil
}

// TestMicroaggregationOfASample: the policy alone asks for it; report, plan and
// verification say what follows.
func TestMicroaggregationOfASample(t *testing.T) {
	const n = 600
	rel := releaseOf(t, rowsPolicy, memberRows(n))
	m := rel.report.Releases[0].Microdata
	// Binomial(601, 1/2): outside 300 ± 100 with a probability below 2e^-33 (Hoeffding).
	if m.InputRows < 200 || m.InputRows > 400 || m.Rows != m.InputRows || m.Sample != 0.5 || m.SmallestClass < 3 {
		t.Errorf("%+v", m)
	}
	if m.Recoding.Kind != "mdav" || m.Cost.Metric != "mean Gower distance" || m.Columns[1].LevelNames != nil {
		t.Errorf("%+v, %+v, %+v", m.Recoding, m.Cost, m.Columns[1])
	}
	if c := rel.report.Releases[0].Claims; len(c) != 2 || c[1].Model != "record-sampling" || !strings.Contains(c[1].Text, "Each person (member) of the input was in the sample that this table is made of with probability 0.5") {
		t.Errorf("claims %+v", c)
	}
	for _, w := range []string{"replaced by the mean of its group", "replaced by the most frequent value of its group", "replaced by the median of its group, or", "mdav: groups of near rows", "each person is in it with probability 0.5"} {
		if !strings.Contains(rel.plan.String(), w) {
			t.Errorf("the plan does not say %q:\n%s", w, rel.plan)
		}
	}
	for _, w := range []string{"| sample | each person with probability 0.5", "Values are those of groups", "The table is made of a sample, of probability 0.5"} {
		if !strings.Contains(string(rel.report.Markdown()), w) {
			t.Errorf("the report does not say %q:\n%s", w, rel.report.Markdown())
		}
	}
	checks, err := verifyRows(t, rel, memberRows(n))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []string{"the sample has no more rows than the input", "values are those of their groups"} {
		if !slices.ContainsFunc(checks, func(c Check) bool { return c.Claim == w }) {
			t.Errorf("%q was not looked at: %+v", w, checks)
		}
	}
	if _, err := verifyRows(t, rel, memberRows(50)); !errors.Is(err, ErrData) || !strings.Contains(err.Error(), "more rows than the input") {
		t.Errorf("another input: %v", err)
	}
}

// TestSampleOfPeopleOfSeveralColumns: all rows of a person are in the sample or
// none, also where several columns name the person.
func TestSampleOfPeopleOfSeveralColumns(t *testing.T) {
	policy := strings.NewReplacer("unit: member", "unit: {columns: [sex, member]}", "columns: [zip, age, sex]", "columns: [age]", "age: mean, sex: mode", "age: interval").Replace(rowsPolicy)
	var b strings.Builder
	b.WriteString("member,zip,age,sex,topic\n")
	for i := range 900 {
		fmt.Fprintf(&b, "m%d,a1,%d,%s,t\n", i/3%150, 20+i/3, []string{"f", "m"}[i/450])
	}
	rel := releaseOf(t, policy, b.String())
	// 300 people of three rows: outside 150 ± 65 with a probability below 2e^-28 (Hoeffding).
	if m := rel.report.Releases[0].Microdata; m.InputRows%3 != 0 || m.InputRows < 255 || m.InputRows > 645 || m.Counted != "people" {
		t.Errorf("%+v", m)
	}
	if _, err := verifyRows(t, rel, b.String()); err != nil {
		t.Error(err)
	}
}

// TestCellSuppressionOfAPolicy: a row that would be dropped leaves with stars,
// and the report counts the rows on every rung.
func TestCellSuppressionOfAPolicy(t *testing.T) {
	csv := memberRows(300) + "m1a,a1,20,f,t\nm2a,a1,20,q,t\nm3a,a1,20,q,t\n" // q joins nobody but as *
	rel := releaseOf(t, cellsPolicy, csv)
	m := rel.report.Releases[0].Microdata
	if m.Recoding.Kind != "cells" || m.Recoding.Levels != nil || m.Cost.Metric != "loss" {
		t.Errorf("%+v, %+v", m.Recoding, m.Cost)
	}
	stars := 0
	for _, c := range m.Columns {
		sum := int64(0)
		for _, n := range c.LevelRows {
			sum += n
		}
		if sum != m.Rows {
			t.Errorf("column %s: %v rows on its rungs, %d released", c.Name, c.LevelRows, m.Rows)
		}
		if top := len(c.LevelRows) - 1; c.LevelRows[top] > 0 && c.LevelRows[0] > 0 {
			stars++
		}
	}
	if stars == 0 {
		t.Errorf("no column has both values and stars: %+v", m.Columns)
	}
	checks, err := verifyRows(t, rel, csv)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(checks, func(c Check) bool {
		return c.Claim == "values of zip are labels of its hierarchy" && c.By == "output"
	}) {
		t.Errorf("labels were not checked: %+v", checks)
	}
	if md := string(rel.report.Markdown()); !strings.Contains(md, "A star in a cell says") || !strings.Contains(md, "several") {
		t.Errorf("the report does not speak of stars:\n%s", md)
	}
}

// TestLevelNames: a level is named by its number or by what it keeps.
func TestLevelNames(t *testing.T) {
	p, err := ParsePolicy([]byte(patients(t)), "testdata")
	if err != nil {
		t.Fatal(err)
	}
	for column, want := range map[string]string{"zip": "raw first-3 first-2 *", "age": "raw width-5 width-10 width-20 *", "birth_date": "raw month year 5-years 10-years *", "job": "raw 1 *"} {
		c := p.Column(column)
		if got := strings.Join(c.levelNames(), " "); got != want {
			t.Errorf("%s: %s, want %s", column, got, want)
		}
		for n, name := range c.levelNames() {
			for _, text := range []string{name, strconv.Itoa(n)} {
				if got, err := c.levelNumber(text); err != nil || got != n {
					t.Errorf("%s: level %s is %d, %v; want %d", column, text, got, err, n)
				}
			}
		}
	}
}
