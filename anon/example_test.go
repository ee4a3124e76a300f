package anon_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/anon"
	"github.com/oboro-data/oboro/arrowio"
)

const policyText = `
oboro: 1
title: Members
unit: member
columns:
  member: {role: identifier}
  age:    {role: quasi-identifier, type: integer, hierarchy: {intervals: [10, 20], min: 0, max: 99}}
  city:   {role: quasi-identifier}
releases:
  - name: members
    kind: microdata
    basis: research contract
    models: [{k-anonymity: {k: 2}}]
`

// A policy is checked without data; a run makes the tables, and WriteDir a
// folder that has been verified before it appears.
func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	input := filepath.Join(dir, "members.csv")
	rows := "member,age,city\nm1,31,Sapporo\nm2,38,Sapporo\nm3,52,Naha\nm4,59,Naha\n"
	if err := os.WriteFile(input, []byte(rows), 0o600); err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	policy, err := anon.ParsePolicy([]byte(policyText), dir)
	if err != nil {
		log.Fatal(err)
	}
	src, err := arrowio.OpenCSV(ctx, input, policy.CSVOptions())
	if err != nil {
		log.Fatal(err)
	}
	plan, err := policy.Plan(src.Schema())
	if err != nil {
		log.Fatal(err)
	}
	release, err := plan.Run(ctx, src)
	if err != nil {
		log.Fatal(err)
	}
	defer release.Close()
	out := filepath.Join(dir, "release")
	if err := release.WriteDir(ctx, out, arrowio.CSVFormat); err != nil {
		log.Fatal(err)
	}
	table, err := os.ReadFile(filepath.Join(out, "members.csv"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(table))
	fmt.Println(release.Report().Releases[0].Claims[0].Text)
	// Unordered output:
	// age,city
	// 30-39,Sapporo
	// 30-39,Sapporo
	// 50-59,Naha
	// 50-59,Naha
	// Each row is attributable to at least 2 people: at least 2 share its values of age, city.
}

// Errors say where the policy is wrong and what to do about it.
func ExampleParsePolicy() {
	_, err := anon.ParsePolicy([]byte("oboro: 1\nunit: row\ncolumns:\n  age: {role: quasi-identifer}\nreleases: []\n"), ".")
	fmt.Println(err)
	fmt.Println(anon.ExitCode(err))
	// Output:
	// policy:4: columns.age.role: "quasi-identifer" is not one of identifier, quasi-identifier, sensitive, insensitive; did you mean "quasi-identifier"?
	// policy:5: releases: this must be a list of at least one item, but is empty; write [a, b] or lines that begin with -
	// 2
}

// A column that the policy does not list is refused: what is not declared is
// personal.
func ExamplePolicy_Plan() {
	policy, err := anon.ParsePolicy([]byte(policyText), ".")
	if err != nil {
		log.Fatal(err)
	}
	_, err = policy.Plan(arrow.NewSchema([]arrow.Field{
		{Name: "member", Type: arrow.BinaryTypes.String}, {Name: "age", Type: arrow.PrimitiveTypes.Int64},
		{Name: "city", Type: arrow.BinaryTypes.String}, {Name: "email", Type: arrow.BinaryTypes.String},
	}, nil))
	fmt.Println(err)
	// Output:
	// policy:5: columns: the input's column "email" is not listed: what is not declared is personal; add it with its role
}
