package anon

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/dp"
)

// visitsUntyped reads columns of every use without declaring one type but that
// of a timestamp, whose offsets were once taken from the first rows.
const visitsUntyped = `oboro: 1
title: Visits
unit: user
columns:
  user: {role: identifier}
  year: {role: quasi-identifier}
  age: {role: quasi-identifier, hierarchy: {intervals: [10]}}
  born: {role: quasi-identifier, hierarchy: {date: [month, year]}}
  seen: {role: quasi-identifier, type: timestamp, hierarchy: {date: [day, year]}}
  fare: {role: insensitive}
  page: {role: insensitive}
releases:
  - name: visits
    kind: statistics
    group-by: [year, {column: age, level: 1}, {column: born, level: year}, {column: seen, level: year}]
    groups: {public: {year: ["2025", "07"], age: ["[30,40)"], born: ["1990"], seen: ["2025"]}}
    bounds: {groups-per-unit: 1}
    aggregates:
      - count-units: {as: people}
      - sum: {column: fare, as: fares, range: [0, 9], resolution: 1}
      - count-distinct: {column: page, as: pages}
      - quantiles: {column: fare, as: q, range: [0, 100], ranks: [0.5]}
    budget: {epsilon: 40000}
`

const untypedSchema = "year: text, age: text, born: text, seen: text, people: integer, fares: decimal, pages: integer, q_50: decimal, "

// withRows adds a release of rows, so that the types of its columns are
// inferred.
const withRows = `  - name: rows
    kind: microdata
    basis: a contract
    columns: [year, age, born, fare]
    models: [{k-anonymity: {k: 2}}]
    suppression-limit: 1
`

// strangers are rows of one person that would change the type of every column,
// one column at a time, if the first rows decided it.
var strangers = map[string]string{
	"nobody":    "",
	"group key": "z,x,35,1990-05-01,2025-01-01 10:00,5,p\n",
	"zeros":     "z,007,35,1990-05-01,2025-01-01 10:00,5,p\n",
	"interval":  "z,2025,x,1990-05-01,2025-01-01 10:00,5,p\n",
	"date":      "z,2025,35,x,2025-01-01 10:00,5,p\n",
	"offset":    "z,2024,35,1990-05-01,2025-01-01T10:00Z,5,p\n",
	"value":     "z,2024,35,1990-05-01,2025-01-01 10:00,x,p\n",
	"distinct":  "z,2024,35,1990-05-01,2025-01-01 10:00,5,1\n",
}

// TestOneRowChangesNoType: whatever row one person has, the plan, the schema
// and what is kept of all others stay the same.
func TestOneRowChangesNoType(t *testing.T) {
	ctx := context.Background()
	for i, policy := range []string{visitsUntyped, visitsUntyped + withRows, visitsUntyped} {
		p, err := ParsePolicy([]byte(policy), ".")
		if err != nil {
			t.Fatal(err)
		}
		blind, err := p.Plan(nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := schemaText(blind.steps[0].dp.Schema()); got != untypedSchema {
			t.Errorf("planned without input: %s", got)
		}
		for name, row := range strangers {
			if strings.Contains(policy, "microdata") && (name == "interval" || name == "date") {
				continue // rows that leave have inferred types, and their hierarchies need numbers and dates
			}
			const header = "user,year,age,born,seen,fare,page\n"
			text := header + row
			for i := range 40 {
				text += fmt.Sprintf("u%d,2025,3%d,1990-05-%02d,2025-03-01T10:00+09:00,%d,%d\n", i, i%10, i%28+1, i%10, i%20)
			}
			var src arrowio.Source
			src, err := arrowio.OpenCSV(ctx, write(t, t.TempDir(), "in.csv", text), p.CSVOptions())
			if i == 2 { // the stranger in a file of their own
				var alone, others arrowio.Source
				if alone, err = arrowio.OpenCSV(ctx, write(t, t.TempDir(), "a.csv", header+row), p.CSVOptions()); err != nil {
					t.Fatal(err)
				}
				if others, err = arrowio.OpenCSV(ctx, write(t, t.TempDir(), "b.csv", strings.Replace(text, row, "", 1)), p.CSVOptions()); err != nil {
					t.Fatal(err)
				}
				src, err = arrowio.Concat(alone, others)
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			plan, err := p.Plan(src.Schema())
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got := schemaText(plan.steps[0].dp.Schema()); got != untypedSchema {
				t.Errorf("%s: planned %s", name, got)
			}
			rel, err := plan.Run(ctx, src)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			rec := rel.tables[0].source.(*dp.Release).Record()
			if got := schemaText(rec.Schema()); got != untypedSchema {
				t.Errorf("%s: released %s", name, got)
			}
			// At ε = 10000 each, noise other than 0 has a probability below e^-1000.
			want := []string{"07", "[30,40)", "1990", "2025", "0", "0", "0", "?", "2025", "[30,40)", "1990", "2025", "40", "180", "20", "?"}
			for i, cell := range want {
				if got := rec.Column(i % 8).ValueStr(i / 8); got != cell && cell != "?" {
					t.Errorf("%s: row %d, column %s is %s, want %s", name, i/8, rec.ColumnName(i%8), got, cell)
				}
			}
			rel.Close()
		}
	}
}

func schemaText(s *arrow.Schema) string {
	var b strings.Builder
	for _, f := range s.Fields() {
		fmt.Fprintf(&b, "%s: %s, ", f.Name, kindOf(f.Type))
	}
	return b.String()
}

// TestPlanSaysTypesTaken: the plan names the type that each undeclared column
// is read as, with and without the input.
func TestPlanSaysTypesTaken(t *testing.T) {
	p, err := ParsePolicy([]byte(visitsUntyped), ".")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := p.Plan(nil)
	if err != nil {
		t.Fatal(err)
	}
	const taken = "user as text, year as text, age as decimal, born as date or timestamp, fare as decimal, page as text (what does not fit is null; declare type: for another)"
	if want := "types     not declared and taken from CSV: " + taken; !strings.Contains(plan.String(), want) {
		t.Errorf("without input:\n%s", plan)
	}
	src, err := arrowio.OpenCSV(context.Background(), write(t, t.TempDir(), "in.csv", "user,year,age,born,seen,fare,page\n"), p.CSVOptions())
	if err != nil {
		t.Fatal(err)
	}
	if plan, err = p.Plan(src.Schema()); err != nil {
		t.Fatal(err)
	}
	if want := "types     not declared and taken: " + taken; !strings.Contains(plan.String(), want) {
		t.Errorf("of CSV:\n%s", plan)
	}
	typed := arrow.NewSchema([]arrow.Field{
		{Name: "user", Type: arrow.PrimitiveTypes.Int64}, {Name: "year", Type: arrow.PrimitiveTypes.Int64}, {Name: "age", Type: arrow.PrimitiveTypes.Int64},
		{Name: "born", Type: arrow.FixedWidthTypes.Date32}, {Name: "seen", Type: arrow.FixedWidthTypes.Timestamp_us},
		{Name: "fare", Type: arrow.PrimitiveTypes.Int64}, {Name: "page", Type: arrow.BinaryTypes.String},
	}, nil)
	if plan, err = p.Plan(typed); err == nil || !strings.Contains(err.Error(), "public groups") {
		t.Errorf("07 is no integer of a typed input: %v", err)
	}
	if p, err = ParsePolicy([]byte(strings.Replace(strings.Replace(visitsUntyped, `, "07"`, "", 1), "[30,40)", "30-39", 1)), "."); err != nil {
		t.Fatal(err)
	}
	if plan, err = p.Plan(typed); err != nil || strings.Contains(plan.String(), "not declared") {
		t.Errorf("of a typed input: %v\n%s", err, plan)
	}
}

// TestVerifyReadsAsTheRunDid: the figures follow from the types that the
// release was made with, with and without the input at hand.
func TestVerifyReadsAsTheRunDid(t *testing.T) {
	ctx := context.Background()
	text := "user,year,age,born,seen,fare,page\n" + strangers["value"] + strangers["group key"]
	rel := releaseOf(t, visitsUntyped, text)
	dir := folder(t, rel, arrowio.CSVFormat)
	p := rel.plan.policy
	src, err := arrowio.OpenCSV(ctx, write(t, t.TempDir(), "in.csv", text), p.CSVOptions())
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []VerifyOptions{{}, {Input: src}} {
		if _, err := VerifyDir(ctx, dir, o); err != nil {
			t.Errorf("%v", err)
		}
	}
	if _, err := rel.Internal(ctx, src); err != nil {
		t.Error(err)
	}
}
