package anon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/noise"
)

const countriesPolicy = `oboro: 1
title: Members
unit: {columns: [country, member_no]}
budget: {epsilon: 2000000}
columns:
  country: {role: quasi-identifier}
  member_no: {role: identifier}
  age: {role: quasi-identifier, type: integer}
releases:
  - name: rows
    kind: microdata
    basis: a test
    columns: [age]
    models: [{k-anonymity: {k: 2}}]
  - name: people
    kind: statistics
    group-by: [country]
    groups: {public: {country: [JP, FR]}}
    bounds: {groups-per-unit: 1}
    aggregates: [{count-units: {as: people}}, {count: {as: visits, per-unit: 100}}]
    budget: {epsilon: 1000000}
`

// TestUnitOfSeveralColumns: a member number names a person within a country, in
// microdata and statistics alike.
func TestUnitOfSeveralColumns(t *testing.T) {
	csv := "country,member_no,age\nJP,1,30\nJP,1,30\nFR,1,30\nJP,2,30\nFR,,30\n,1,30\nJP,12,40\nJP1,2,40\n"
	rel := releaseOf(t, countriesPolicy, csv)
	dir := filepath.Join(t.TempDir(), "out")
	if err := rel.WriteDir(context.Background(), dir, arrowio.CSVFormat); err != nil {
		t.Fatal(err)
	}
	// Noise at ε of half a million is 0 but for a chance below e^-10000.
	if got := readText(t, filepath.Join(dir, "people.csv")); got != "country,people,visits\nFR,1,1\nJP,3,4\n" {
		t.Error(got)
	}
	// Age 30: (JP, 1), (FR, 1), (JP, 2) and the rows of no unit; age 40: (JP, 12)
	// and (JP1, 2), which no joining of texts makes one.
	m := rel.Report().Releases[0].Microdata
	if m.SmallestClass != 2 || m.Counted != "people" || m.Rows != 8 {
		t.Errorf("%+v", m)
	}
	if c := rel.Report().Releases[1].Claims[0]; c.Unit != "(country, member_no)" || !noise.Off && !strings.Contains(c.Text, "all rows of one (country, member_no)") {
		t.Errorf("%+v", c)
	}
	input := arrowio.Source(source(t, countriesPolicy, csv))
	if _, err := VerifyDir(context.Background(), dir, VerifyOptions{Input: input}); err != nil {
		t.Error(err)
	}
	// Eight rows are of five people and of nobody known, who count as one at most.
	_, err := tryRelease(t, strings.Replace(countriesPolicy, "{k: 2}", "{k: 7}", 1), csv)
	if err == nil || ExitCode(err) != 3 {
		t.Errorf("six people were released as seven: %v", err)
	}
}

const accountsPolicy = `oboro: 1
title: Accounts
unit: {column: account, people: accounts.csv}
columns:
  account: {role: identifier, type: text}
  plan: {role: quasi-identifier}
releases:
  - name: people
    kind: statistics
    group-by: [plan]
    groups: {public: {plan: [a, b]}}
    bounds: {groups-per-unit: 2}
    aggregates: [{count-units: {as: people}}, {count: {as: visits, per-unit: 2}}]
    budget: {epsilon: 1000000}
`

func source(t *testing.T, policy, csv string) arrowio.Source {
	t.Helper()
	p, err := ParsePolicy([]byte(policy), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	src, err := arrowio.Open(context.Background(), write(t, t.TempDir(), "input.csv", csv), arrowio.Options{CSV: p.CSVOptions()})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// TestAccountsOfPeople: a file maps accounts to people; what it lacks counts for
// itself; and nothing of it reaches the release folder.
func TestAccountsOfPeople(t *testing.T) {
	const people = "holder,account\nSECRETHOLDER,a1\nSECRETHOLDER,a2\nother,a3\n,a6\n"
	base := t.TempDir()
	write(t, base, "accounts.csv", people)
	p, err := ParsePolicy([]byte(accountsPolicy), base)
	if err != nil {
		t.Fatal(err)
	}
	var csv strings.Builder
	csv.WriteString("account,plan\n")
	// a1, a2: one person of 20 rows; a3; "other" and a6 by themselves; null.
	for range 10 {
		csv.WriteString("a1,a\na2,a\n")
	}
	csv.WriteString("a3,a\nother,a\na6,a\n,a\na1,b\n")
	src, err := arrowio.Open(context.Background(), write(t, t.TempDir(), "in.csv", csv.String()), arrowio.Options{CSV: p.CSVOptions()})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := p.Plan(src.Schema())
	if err != nil {
		t.Fatal(err)
	}
	if s := plan.String(); !strings.Contains(s, "accounts.csv says whose each account is, and is personal data itself") {
		t.Error(s)
	}
	for workers := range 3 {
		rel, err := plan.Run(context.Background(), src, RunOptions{Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "out")
		if err := rel.WriteDir(context.Background(), dir, arrowio.CSVFormat); err != nil {
			t.Fatal(err)
		}
		if got := readText(t, filepath.Join(dir, "people.csv")); got != "plan,people,visits\na,4,5\nb,1,1\n" {
			t.Error(got)
		}
		if u := rel.Report().Releases[0].Statistics.Unit; u != "person of account" {
			t.Error(u)
		}
		sum := sha256.Sum256([]byte(people))
		err = filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
			if err == nil && !info.IsDir() {
				if text := readText(t, path); strings.Contains(text, "SECRETHOLDER") || strings.Contains(text, hex.EncodeToString(sum[:])) {
					t.Errorf("%s tells of the file of people", path)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := VerifyDir(context.Background(), dir, VerifyOptions{Input: src}); err != nil {
			t.Error(err)
		}
		internal, err := rel.Internal(context.Background(), src)
		if err != nil || internal.Releases[0].Statistics == nil {
			t.Errorf("internal report: %v", err)
		}
		rel.Close()
	}
}

func TestUnitRefusals(t *testing.T) {
	base := t.TempDir()
	write(t, base, "twice.csv", "account,who\nSECRET,p\nSECRET,q\n")
	write(t, base, "header.csv", "acount,who\na,p\n")
	write(t, base, "three.csv", "account,who,x\na,p,1\n")
	write(t, base, "short.csv", "account,who\na\n")
	s := compiledSchema(t)
	for unit, want := range map[string]string{
		"{columns: [account]}":                          "one column needs no list",
		"{columns: [account, account]}":                 "stands in the list twice",
		"{columns: [account, plam]}":                    "did you mean \"plan\"",
		"{columns: []}":                                 "at least one item",
		"{column: account}":                             "name the CSV file",
		"{column: plan, people: accounts.csv}":          "none of these columns is an identifier",
		"{column: account, people: no.csv}":             "can't be read",
		"{column: account, people: twice.csv}":          "line 3: \"account\" belongs to two people",
		"{column: account, people: header.csv}":         "header of two columns",
		"{column: account, people: three.csv}":          "header of two columns",
		"{column: account, people: short.csv}":          "no proper CSV after line 1",
		"{people: twice.csv}":                           "name the columns that tell people apart",
		"{columns: [account, plan], people: twice.csv}": "unknown key",
	} {
		text := strings.Replace(accountsPolicy, "{column: account, people: accounts.csv}", unit, 1)
		_, err := ParsePolicy([]byte(text), base)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: %v", unit, err)
		}
		if err := s.Validate(instance(t, text)); (err == nil) != (strings.Contains(unit, ".csv}") && !strings.Contains(unit, "{people") && !strings.Contains(unit, "columns") || unit == "{columns: [account, account]}" || unit == "{columns: [account, plam]}") {
			t.Errorf("%s: the schema says %v", unit, err)
		}
	}
	for _, text := range []string{countriesPolicy, accountsPolicy} {
		if err := s.Validate(instance(t, text)); err != nil {
			t.Error(err)
		}
	}
}

// TestNullNamesNobody: a null in a dictionary, and a column of nothing but
// nulls, name no person, as any other null.
func TestNullNamesNobody(t *testing.T) {
	values := array.NewStringBuilder(memory.DefaultAllocator)
	values.AppendValues([]string{"", "JP"}, []bool{false, true})
	indices := array.NewInt8Builder(memory.DefaultAllocator)
	indices.AppendValues([]int8{0, 1, 1}, []bool{true, true, false})
	dict := array.NewDictionaryArray(&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}, indices.NewArray(), values.NewArray())
	u := &Person{Columns: []string{"a"}}
	for row, named := range []bool{false, true, false} {
		if _, ok := u.append(nil, []arrow.Array{dict}, row); ok != named {
			t.Errorf("row %d names a person: %v", row, ok)
		}
		if _, ok := u.append(nil, []arrow.Array{dict, array.NewNull(3)}, row); ok {
			t.Errorf("row %d names a person by nulls", row)
		}
	}
}
