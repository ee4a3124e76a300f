package anon

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/dp/ledger"
	"github.com/oboro-data/oboro/internal/noise"
)

// loginsPolicy has the keys that the example of the specification lacks.
const loginsPolicy = `oboro: 1
title: Logins
unit: member
budget: {epsilon: 20, delta: 1e-6}
columns:
  member: {role: identifier}
  at:     {role: quasi-identifier, type: timestamp, hierarchy: {date: [day, month]}}
  place:  {role: quasi-identifier}
  age:    {role: quasi-identifier, type: integer}
  fee:    {role: insensitive, type: decimal}
  topic:  {role: sensitive, type: text}
releases:
  - name: by_place
    kind: statistics
    group-by: [place]
    groups: {public: {place: [a, b]}}
    bounds: {groups-per-unit: 1, rows-per-group: 2}
    aggregates:
      - count-units: {as: people}
      - count: {as: logins, per-unit: 3}
      - sum: {column: fee, as: fees, range: [0, 10], resolution: 0.5}
      - histogram: {column: age, as: ages, edges: [0, 18.50, 100]}
      - histogram: {column: age, as: under, edges: [0, 18, 100], cumulative: true}
      - count-distinct: {column: topic, as: topics}
      - top-k: {column: topic, as: top, values: [news, sport, games], k: 2}
      - vector-sum: {columns: [age, fee], as: total, norm: 100, resolution: 0.5}
      - covariance: {columns: [age, fee], as: cov, ranges: {age: [0, 100], fee: [0, 10]}}
      - correlation: {columns: [age, fee], as: cor, ranges: {age: [0, 100], fee: [0, 10]}}
      - mean: {column: age, as: mean_age, range: [0, 100]}
    budget: {epsilon: 10, delta: 1e-7}
    confidence: 0.95
  - name: by_day
    kind: statistics
    group-by: [{column: at, level: day}]
    groups: private
    bounds: {groups-per-unit: 1}
    aggregates: [{count-units: {as: people}}]
    budget: {epsilon: 2, delta: 1e-8}
    unit-cell: {column: at, every: day}
    min-units: 2
`

func loginRows() string {
	var b strings.Builder
	b.WriteString("member,at,place,age,fee,topic\n")
	for i := range 400 {
		topic := []string{"news", "news", "sport", "other"}[i%4]
		fmt.Fprintf(&b, "m%d,2025-03-0%d 10:00,%s,%d,%d.5,%s\n", i/4, i%4+1, []string{"a", "b"}[i/4%2], i%90, i%9, topic)
	}
	return b.String()
}

// moreRefusals change loginsPolicy; see refusal.
var moreRefusals = []refusal{
	{"confidence of 1", "confidence: 0.95", "confidence: 1", "releases[0].confidence", []string{"less than 1"}, 0},
	{"confidence of 0", "confidence: 0.95", "confidence: 0", "releases[0].confidence", []string{"more than 0"}, 0},
	{"confidence in percent", "confidence: 0.95", "confidence: 95%", "releases[0].confidence", []string{"no number"}, 0},
	{"end of an interval twice", "- count: {as: logins", "- count: {as: people_low", "releases[0].aggregates[1].count", []string{`"people_low"`, "another aggregate"}, 0},
	{"cell without column", "{column: at, every: day}", "{every: day}", "releases[1].unit-cell.column", []string{"missing"}, 0},
	{"cell without length", "{column: at, every: day}", "{column: at}", "releases[1].unit-cell.every", []string{"missing", "12-hours"}, 0},
	{"cell of a week", "every: day}", "every: week}", "releases[1].unit-cell.every", []string{"7-days"}, 0},
	{"cell of no days", "every: day}", "every: 0-days}", "releases[1].unit-cell.every", []string{"no length"}, 0},
	{"cell of a column that is none", "{column: at, every: day}", "{column: when, every: day}", "releases[1].unit-cell", []string{"not declared"}, 0},
	{"cell of a number", "{column: at, every: day}", "{column: age, every: day}", "releases[1].unit-cell", []string{"integer", "needs dates or timestamps", "type: timestamp"}, 0},
	{"hours of dates", "type: timestamp, hierarchy", "type: date, hierarchy", "releases[1].unit-cell", []string{"not told apart within a day", "every: day"}, 39},
	{"cell of rows", "unit: member\n", "unit: row\n", "releases[1].unit-cell", []string{"every row is a unit", "remove unit-cell"}, 39},
	{"top-k without values", "values: [news, sport, games], ", "", "releases[0].aggregates[6].top-k.values", []string{"missing", "without looking at the data"}, 0},
	{"top-k without k", ", k: 2}", "}", "releases[0].aggregates[6].top-k.k", []string{"missing"}, 0},
	{"more than there are", "k: 2}", "k: 4}", "releases[0].aggregates[6].top-k.k", []string{"list more"}, 0},
	{"a value twice", "[news, sport, games]", "[news, sport, news]", "releases[0].aggregates[6].top-k.values", []string{"twice"}, 0},
	{"top-k of an identifier", "top-k: {column: topic", "top-k: {column: member", "releases[0].aggregates[6].top-k", []string{"identifier", "count-distinct"}, 0},
	{"top-k value of another type", "top-k: {column: topic", "top-k: {column: age", "releases[0].aggregates[6].top-k", []string{"canonical"}, 0},
	{"vector without columns", "vector-sum: {columns: [age, fee], ", "vector-sum: {", "releases[0].aggregates[7].vector-sum.columns", []string{"missing"}, 0},
	{"vector without norm", "norm: 100, ", "", "releases[0].aggregates[7].vector-sum.norm", []string{"missing", "without looking at the data"}, 0},
	{"norm of nothing", "norm: 100", "norm: 0", "releases[0].aggregates[7].vector-sum.norm", []string{"more than 0"}, 0},
	{"vector of texts", "vector-sum: {columns: [age, fee]", "vector-sum: {columns: [age, topic]", "releases[0].aggregates[7].vector-sum", []string{`"topic"`, "needs numbers"}, 0},
	{"a column twice", "vector-sum: {columns: [age, fee]", "vector-sum: {columns: [age, age]", "releases[0].aggregates[7].vector-sum.columns", []string{"twice"}, 0},
	{"a key of another aggregate", "vector-sum: {columns", "vector-sum: {column: age, columns", "releases[0].aggregates[7].vector-sum.column", []string{"unknown key", `"columns"`}, 0},
	{"covariance of one column", "covariance: {columns: [age, fee]", "covariance: {columns: [age]", "releases[0].aggregates[8].covariance.columns", []string{"at least 2"}, 0},
	{"covariance without a range", "cov, ranges: {age: [0, 100], fee: [0, 10]}", "cov, ranges: {age: [0, 100]}", "releases[0].aggregates[8].covariance.ranges.fee", []string{"missing"}, 0},
	{"a range of another column", "cov, ranges: {age: [0, 100], fee", "cov, ranges: {age: [0, 100], topic: [0, 1], fee", "releases[0].aggregates[8].covariance.ranges.topic", []string{"unknown key"}, 0},
	{"a range turned round", "cov, ranges: {age: [0, 100]", "cov, ranges: {age: [100, 0]", "releases[0].aggregates[8].covariance.ranges.age", []string{"[low, high]"}, 0},
	{"covariance without ranges", ", as: cov, ranges: {age: [0, 100], fee: [0, 10]}", ", as: cov", "releases[0].aggregates[8].covariance.ranges", []string{"missing", "without looking at the data"}, 0},
}

func TestMoreRefusals(t *testing.T) {
	if _, err := planLogins(loginsPolicy); err != nil {
		t.Fatal(err)
	}
	for _, r := range moreRefusals {
		t.Run(r.name, func(t *testing.T) {
			before, _, found := strings.Cut(loginsPolicy, r.old)
			if !found {
				t.Fatalf("the policy has no %q", r.old)
			}
			line := r.line
			if line == 0 {
				line = strings.Count(before, "\n") + 1
			}
			text := strings.Replace(loginsPolicy, r.old, r.new, 1)
			if r.name == "hours of dates" {
				text = strings.Replace(text, "every: day", "every: hour", 1)
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
}

func planLogins(text string) (*Plan, error) {
	p, err := ParsePolicy([]byte(text), ".")
	if err != nil {
		return nil, err
	}
	return p.Plan(nil)
}

// TestEveryAggregateFromAPolicy: from CSV to a folder that verifies, and the
// names that the policy alone tells are those of the table.
func TestEveryAggregateFromAPolicy(t *testing.T) {
	ctx := context.Background()
	rel := releaseOf(t, loginsPolicy, loginRows())
	for i, s := range rel.plan.steps {
		want := []string{}
		for j := range s.Statistics.Aggregates {
			a := &s.Statistics.Aggregates[j]
			names := s.Statistics.withInterval(a, a.outputNames())
			if got := s.columnsOf(j); !slices.Equal(got, names) {
				t.Errorf("%s: columns %q, by the policy %q", a.As, got, names)
			}
			want = append(want, names...)
		}
		fields := rel.tables[i].source.Schema().Fields()[len(s.Statistics.GroupBy):]
		if got := names(fields); !slices.Equal(got, want) {
			t.Errorf("%s: columns %q, want %q", s.Name, got, want)
		}
	}
	if diff := names(rel.tables[0].source.Schema().Fields()); !slices.Contains(diff, "ages_0_18.5_high") || !slices.Contains(diff, "under_100") || !slices.Contains(diff, "cov_age_age") || !slices.Contains(diff, "top_2") {
		t.Errorf("columns %q", diff)
	}
	for _, format := range []arrowio.Format{arrowio.CSVFormat, arrowio.IPCFormat} {
		dir := folder(t, rel, format)
		src, err := arrowio.OpenCSV(ctx, write(t, t.TempDir(), "in.csv", loginRows()), rel.plan.policy.CSVOptions())
		if err != nil {
			t.Fatal(err)
		}
		v, err := VerifyDir(ctx, dir, VerifyOptions{Input: src})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(v.Checks, func(c Check) bool {
			return c.Claim == "confidence intervals are as wide as the noise asks for" && c.By == "output"
		}) {
			t.Errorf("intervals were not checked: %v", v.Checks)
		}
	}
	src, err := arrowio.OpenCSV(ctx, write(t, t.TempDir(), "in.csv", loginRows()), rel.plan.policy.CSVOptions())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rel.Internal(ctx, src); err != nil {
		t.Error(err)
	}
}

func names(fields []arrow.Field) []string {
	out := []string{}
	for _, f := range fields {
		out = append(out, f.Name)
	}
	return out
}

// TestUnitCellCountsDaysOfPeople: a member counts on every day, though a unit
// counts in one group; plan, claims and report name the weaker unit.
func TestUnitCellCountsDaysOfPeople(t *testing.T) {
	rel := releaseOf(t, strings.Replace(loginsPolicy, "epsilon: 2, ", "epsilon: 9, ", 1), loginRows())
	rec := rel.tables[1].source.(*dp.Release).Record()
	if rec.NumRows() != 4 && !noise.Off {
		t.Errorf("%d days", rec.NumRows())
	}
	for i := range int(rec.NumRows()) { // 100 each; at ε = 9 noise beyond 20 has a probability below e^-170
		if n, _ := numberAt(rec.Column(1), i); n < 80 || n > 120 {
			t.Errorf("day %d has %v member-days", i+1, n)
		}
	}
	st := rel.report.Releases[1].Statistics
	if st.Unit != "member within one day of at" || st.UnitCell == nil || st.UnitCell.Column != "at" || st.UnitCell.Every != "day" {
		t.Errorf("the report's unit is %q, %+v", st.Unit, st.UnitCell)
	}
	if rel.report.Releases[0].Statistics.UnitCell != nil || rel.report.Releases[0].Statistics.Unit != "member" {
		t.Error("the other release has a time cell too")
	}
	md := rel.report.Markdown()
	for what, words := range map[string][]string{
		"plan": {"all rows of one member within one day of at", "each such cell of time counts and is bounded by itself"},
		"md": {
			"all rows of one member within one day of at", "what one member did in each day is protected by itself, and all of it together is not",
			"people (member), each counted anew within one day of at,", "The release by_day protects all rows of one member within one day of at, not all rows of one member; the total budget holds for no more",
		},
	} {
		text := rel.plan.String()
		if what == "md" {
			text = string(md)
		}
		for _, w := range words {
			if !noise.Off && !strings.Contains(strings.ReplaceAll(text, "\\", ""), w) {
				t.Errorf("%s does not say %q:\n%s", what, w, text)
			}
		}
	}
}

// TestLedgerOfTimeCells: a ledger counts for the weakest unit of a run.
func TestLedgerOfTimeCells(t *testing.T) {
	const day = "member within one day of at"
	for unit, words := range map[string]string{day: "", "member": `counts for people told apart by "member" and this release for "` + day + `"`} {
		file := filepath.Join(t.TempDir(), "people.ledger")
		if err := ledger.Create(file, unit, dp.Approx(200, 1e-6)); err != nil {
			t.Fatal(err)
		}
		p, err := ParsePolicy([]byte(loginsPolicy), ".")
		if err != nil {
			t.Fatal(err)
		}
		src, err := arrowio.OpenCSV(t.Context(), write(t, t.TempDir(), "in.csv", loginRows()), p.CSVOptions())
		if err != nil {
			t.Fatal(err)
		}
		plan, err := p.Plan(src.Schema())
		if err != nil {
			t.Fatal(err)
		}
		rel, err := plan.Run(t.Context(), src, RunOptions{Ledger: file})
		if words == "" {
			if err != nil {
				t.Fatal(err)
			}
			rel.Close()
		} else if ExitCode(err) != 2 || !strings.Contains(err.Error(), words) {
			t.Errorf("a ledger of people: %v", err)
		}
	}
	p, err := ParsePolicy([]byte(loginsPolicy), ".")
	if err != nil {
		t.Fatal(err)
	}
	hour := Statistics{UnitCell: &UnitCell{Column: "at", text: "12-hours"}}
	steps := []*step{{Declaration: &p.Releases[1]}, {Declaration: &Declaration{Statistics: &hour}}}
	if _, err := p.unitPaid(steps); ExitCode(err) != 2 || !strings.Contains(err.Error(), "one ledger can't count for "+day+" and for member within 12 hours of at") {
		t.Errorf("two cells: %v", err)
	}
}

// TestErrorsInThePlan: every column has a standard error, one that falls with
// the rows, or a reason; report and plan say the same.
func TestErrorsInThePlan(t *testing.T) {
	if noise.Off {
		t.Skip("without noise nothing has a scale")
	}
	rel := releaseOf(t, loginsPolicy, loginRows())
	for _, a := range rel.report.Releases[0].Statistics.Aggregates {
		if ways := (a.StdError > 0) != (len(a.StdErrorAt) > 0) != (a.StdErrorNote != ""); !ways {
			t.Errorf("%s: %v, %v, %q", a.As, a.StdError, a.StdErrorAt, a.StdErrorNote)
		}
	}
	for _, w := range []string{", standard error at most ", " at 100 rows, ", " at 1000 rows", "; no standard error: it depends on the spread of the values"} {
		if !strings.Contains(rel.plan.String(), w) {
			t.Errorf("the plan does not say %q:\n%s", w, rel.plan)
		}
	}
	md := string(rel.report.Markdown())
	for _, w := range []string{"≤ ", "at 1,000 rows", "cor has no standard error here"} {
		if !strings.Contains(md, w) {
			t.Errorf("the report does not say %q:\n%s", w, md)
		}
	}
}

// TestIntervalsAreChecked: a folder whose intervals were narrowed is refused.
func TestIntervalsAreChecked(t *testing.T) {
	rel := releaseOf(t, loginsPolicy, loginRows())
	if h := rel.report.Releases[0].Statistics.Aggregates[0].Interval; h <= 0 && !noise.Off {
		t.Errorf("the interval of people is %v wide", 2*h)
	}
	rel.report.Releases[0].Statistics.Aggregates[0].Interval += 1
	v := &verifier{policy: rel.plan.policy, plan: rel.plan}
	table, err := readTexts(context.Background(), rel.tables[0].source)
	if err != nil {
		t.Fatal(err)
	}
	err = v.checkIntervals(rel.plan.steps[0], rel.report.Releases[0].Statistics, table)
	if !errors.Is(err, ErrData) || !strings.Contains(err.Error(), `interval of "people"`) {
		t.Errorf("a narrower interval: %v", err)
	}
}
