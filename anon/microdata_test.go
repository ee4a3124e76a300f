package anon

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/arrowio/parquet"
	"github.com/oboro-data/oboro/internal/corpus"
)

var adultColumns = []string{"sex", "age", "race", "marital-status", "education", "native-country", "workclass", "occupation", "salary-class"}

// adultPolicy is the golden configuration: k = 5, loss with gs-factor 0.5.
func adultPolicy(dir, limit string) string {
	var b strings.Builder
	b.WriteString("oboro: 1\ntitle: Adult\nunit: row\ninput: {delimiter: \";\"}\ncolumns:\n")
	for _, c := range adultColumns {
		fmt.Fprintf(&b, "  %s: {role: quasi-identifier, hierarchy: {file: %q}}\n", c, filepath.Join(dir, "adult_hierarchy_"+c+".csv"))
	}
	fmt.Fprintf(&b, "releases:\n  - name: adult\n    kind: microdata\n    basis: public benchmark\n    models: [{k-anonymity: {k: 5}}]\n    suppression-limit: %s\n", limit)
	return b.String()
}

// The optima of ARX, from CSV, Parquet and IPC alike (golden values: ARX test
// suite and its own run; see the reference data beside the project).
func TestAdultOptima(t *testing.T) {
	data := corpus.Shared(t, "data/adult/adult.csv")
	ctx := context.Background()
	for _, c := range []struct {
		limit      string
		levels     string
		suppressed int64
		cost       float64
	}{
		{"0", "0,4,1,1,3,2,2,1,0", 0, 0.5731509655590044},
		{"0.02", "0,3,0,2,2,1,1,2,0", 506, 0.3137130352819242},
		{"1.0", "0,3,0,0,2,1,1,1,0", 2553, 0.22041192847984292},
	} {
		t.Run(c.limit, func(t *testing.T) {
			if testing.Short() && c.limit != "0.02" {
				t.Skip("one limit is enough for a short run")
			}
			p, err := ParsePolicy([]byte(adultPolicy(filepath.Dir(data), c.limit)), ".")
			if err != nil {
				t.Fatal(err)
			}
			src, err := arrowio.OpenCSV(ctx, data, p.CSVOptions())
			if err != nil {
				t.Fatal(err)
			}
			root := t.TempDir()
			var tables [][]string
			for _, kind := range []string{"csv", "parquet", "ipc"} {
				in := sourceAs(t, root, src, kind)
				plan, err := p.Plan(in.Schema())
				if err != nil {
					t.Fatal(err)
				}
				rel, err := plan.Run(ctx, in)
				if err != nil {
					t.Fatal(err)
				}
				m := rel.Report().Releases[0].Microdata
				var levels []string
				for _, col := range adultColumns {
					levels = append(levels, fmt.Sprint(m.Recoding.Levels[col]))
				}
				cost, _ := m.Cost.Value.(float64)
				if got := strings.Join(levels, ","); got != c.levels || m.SuppressedRows != c.suppressed || math.Abs(cost/c.cost-1) > 1e-9 || m.InputRows != 30162 || m.Rows != 30162-c.suppressed || !m.Search.Optimal {
					t.Errorf("%s: levels %s, %d suppressed, cost %v", kind, got, m.SuppressedRows, cost)
				}
				out := filepath.Join(root, "out-"+kind)
				if err := rel.WriteDir(ctx, out, arrowio.CSVFormat); err != nil {
					t.Fatal(err)
				}
				tables = append(tables, sortedLines(t, filepath.Join(out, "adult.csv")))
				rel.Close()
			}
			if !slices.Equal(tables[0], tables[1]) || !slices.Equal(tables[0], tables[2]) {
				t.Error("the rows released from CSV, Parquet and IPC differ")
			}
		})
	}
}

// sourceAs returns the same table read from a file of another format.
func sourceAs(t testing.TB, dir string, src arrowio.Source, kind string) arrowio.Source {
	t.Helper()
	ctx := context.Background()
	path := filepath.Join(dir, "in."+kind)
	switch kind {
	case "parquet":
		if err := arrowio.WriteFile(ctx, path, parquet.Format, src); err != nil {
			t.Fatal(err)
		}
		f, err := parquet.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		return f
	case "ipc":
		path := filepath.Join(dir, "in.arrow")
		if err := arrowio.WriteFile(ctx, path, arrowio.IPCFormat, src); err != nil {
			t.Fatal(err)
		}
		f, err := arrowio.OpenIPC(path)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	return src
}

func sortedLines(t testing.TB, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	slices.Sort(lines)
	return lines
}

const membersPolicy = `oboro: 1
title: Members
unit: member
columns:
  member: {role: identifier}
  age: {role: quasi-identifier, type: integer, hierarchy: {intervals: [10, 20]}}
  city: {role: quasi-identifier, hierarchy: {levels: [{a: north, b: north, c: south, SECRETCITY: south}]}}
  illness: {role: sensitive}
  note: {role: insensitive}
  fee: {role: insensitive, type: integer}
releases:
  - name: members
    kind: microdata
    basis: contract
    columns: [age, city, illness, fee]
    models: [{k-anonymity: {k: 4}}, {l-diversity: {column: illness, l: 2}}]
    suppression-limit: 0.1
`

// members has 60 people with two rows each, and one person with a row that
// nobody is like.
func members() string {
	var b strings.Builder
	b.WriteString("member,age,city,illness,note,fee\n")
	for i := range 60 {
		for visit := range 2 {
			fmt.Fprintf(&b, "SECRETMEMBER%d,%d,%s,%s,SECRETNOTE%d,%d\n", i, 20+i%20, string(rune('a'+i%3)), []string{"flu", "cold"}[(i/3+visit)%2], i, i%5)
		}
	}
	b.WriteString("SECRETMEMBER99,99,SECRETCITY,SECRETILLNESS,SECRETNOTE,987654321\n")
	return b.String()
}

func TestMicrodataFromCSVToFolder(t *testing.T) {
	rel := releaseOf(t, membersPolicy, members())
	m := rel.Report().Releases[0].Microdata
	if m.Counted != "people" || m.SmallestClass < 4 || m.SuppressedRows != 1 || m.InputRows != 121 {
		t.Errorf("figures %+v", m)
	}
	for _, format := range []arrowio.Format{arrowio.CSVFormat, arrowio.IPCFormat, parquet.Format} {
		dir := folder(t, rel, format)
		v, err := VerifyDir(context.Background(), dir, VerifyOptions{Formats: []arrowio.Format{parquet.Format}})
		if err != nil {
			t.Fatal(err)
		}
		claims := v.Report.Releases[0].Claims
		if len(claims) != 2 || !strings.HasPrefix(claims[0].Text, "Each row is attributable to at least 4 people") || claims[0].Unit != "member" || claims[0].Checked != "output" {
			t.Errorf("claims %+v", claims)
		}
		noMarker(t, dir, "SECRETM")
		noMarker(t, dir, "SECRETN")
		noMarker(t, dir, "SECRETI")
		noMarker(t, dir, "987654321")
	}
}

func TestVerifyRefusesEditedRows(t *testing.T) {
	rel := releaseOf(t, membersPolicy, members())
	edit := func(column int, value string) func([][]string) [][]string {
		return func(rows [][]string) [][]string { rows[1][column] = value; return rows }
	}
	for _, c := range []struct {
		name  string
		edit  func([][]string) [][]string
		words string
	}{
		{"a unique row", edit(0, "70-89"), "k-anonymity"},
		{"a row less", func(r [][]string) [][]string { return r[:len(r)-1] }, "number of rows"},
		{"a label that the level lacks", func(r [][]string) [][]string {
			for _, row := range r[1:] {
				if row[1] == "a" || row[1] == "north" {
					row[1] = "elsewhere"
				}
			}
			return r
		}, "no label of level"},
		{"an identifier", func(r [][]string) [][]string { r[0][3] = "member"; return r }, "identifier"},
		{"a column that is not released", func(r [][]string) [][]string { r[0][3] = "note"; return r }, "does not release"},
		{"a column that is not declared", func(r [][]string) [][]string { r[0][3] = "other"; return r }, "does not declare"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t, rel, arrowio.CSVFormat)
			path := filepath.Join(dir, "members.csv")
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			rows, err := csv.NewReader(f).ReadAll()
			f.Close()
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			w := csv.NewWriter(&b)
			w.WriteAll(c.edit(rows))
			write(t, dir, "members.csv", b.String())
			rehash(t, dir)
			_, err = VerifyDir(context.Background(), dir)
			if ExitCode(err) != 3 || !strings.Contains(err.Error(), "members: ") || !(strings.Contains(err.Error(), c.words) || c.words == "k-anonymity" && strings.Contains(err.Error(), "4-anonymity")) {
				t.Errorf("want %q: %v", c.words, err)
			}
		})
	}
}

// With the input at hand, people are counted and rows are compared.
func TestVerifyWithInput(t *testing.T) {
	ctx := context.Background()
	p, err := ParsePolicy([]byte(membersPolicy), ".")
	if err != nil {
		t.Fatal(err)
	}
	open := func(csv string) arrowio.Source {
		src, err := arrowio.OpenCSV(ctx, write(t, t.TempDir(), "in.csv", csv), p.CSVOptions())
		if err != nil {
			t.Fatal(err)
		}
		return src
	}
	rel := releaseOf(t, membersPolicy, members())
	for _, format := range []arrowio.Format{arrowio.CSVFormat, arrowio.IPCFormat} {
		dir := folder(t, rel, format)
		v, err := VerifyDir(ctx, dir, VerifyOptions{Input: open(members())})
		if err != nil {
			t.Fatal(err)
		}
		by := 0
		for _, c := range v.Checks {
			if c.By == "input" {
				by++
			}
		}
		if by != 3 { // the rows, the smallest class, the claim
			t.Errorf("%d checks from the input: %+v", by, v.Checks)
		}
		for name, other := range map[string]string{
			"another row":   members() + "z,20,a,flu,,1\n",
			"fewer people":  regexp.MustCompile(`SECRETMEMBER\d`).ReplaceAllString(members(), "SECRETMEMBER"),
			"another label": strings.Replace(members(), ",25,c,", ",25,b,", 1),
		} {
			_, err := VerifyDir(ctx, dir, VerifyOptions{Input: open(other)})
			if ExitCode(err) != 3 || strings.Contains(err.Error(), "SECRET") {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := VerifyDir(ctx, dir, VerifyOptions{Input: arrowio.NewMemory(arrow.NewSchema(nil, nil))}); ExitCode(err) != 2 {
			t.Errorf("an input of another policy: %v", err)
		}
	}
}

// Where rows are not compared, the input is still told from another one.
func TestVerifyWithAnotherInput(t *testing.T) {
	policy := strings.Replace(membersPolicy, "basis:", "recode: local\n    basis:", 1)
	p, err := ParsePolicy([]byte(policy), ".")
	if err != nil {
		t.Fatal(err)
	}
	dir := folder(t, releaseOf(t, policy, members()), arrowio.CSVFormat)
	for text, code := range map[string]int{members(): 0, members() + "z,20,a,flu,,1\n": 3} {
		src, err := arrowio.OpenCSV(context.Background(), write(t, t.TempDir(), "in.csv", text), p.CSVOptions())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := VerifyDir(context.Background(), dir, VerifyOptions{Input: src}); ExitCode(err) != code || err != nil && !strings.Contains(err.Error(), "another number of rows") {
			t.Errorf("want exit code %d: %v", code, err)
		}
	}
}

// What is refused in the data: exit code 3, the release's and column's names,
// a remedy, and no value.
func TestRefusedInTheData(t *testing.T) {
	for _, c := range []struct {
		name, policy, csv string
		words             []string
		code              int
	}{
		{"no recoding is good enough", strings.Replace(membersPolicy, "k: 4", "k: 1000", 1), members(), []string{"members"}, 3},
		{"too much would be suppressed", strings.Replace(membersPolicy, "suppression-limit: 0.1", "suppression-limit: 0.001\n    levels: {city: 0, age: 0}", 1), members(), []string{"members"}, 3},
		{"unlisted value", strings.Replace(membersPolicy, ", SECRETCITY: south", "", 1), members(), []string{"city", "1", "unlisted: top"}, 3},
		{"a null where none may be", strings.Replace(membersPolicy, "title: Members", "nulls: reject", 1), members() + "x,,a,flu,,1\n", []string{"age", "null"}, 3},
		{"a value that does not fit its type", membersPolicy, members() + "x,SECRETAGE,a,flu,,1\n", []string{"line 123", "age"}, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := tryRelease(t, c.policy, c.csv)
			if ExitCode(err) != c.code || err == nil {
				t.Fatalf("want exit code %d: %v", c.code, err)
			}
			for _, w := range c.words {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("the error does not say %q: %v", w, err)
				}
			}
			if strings.Contains(err.Error(), "SECRET") || !strings.Contains(err.Error(), ";") && !strings.Contains(err.Error(), ",") {
				t.Errorf("the error tells a value, or no remedy: %v", err)
			}
		})
	}
}

func TestRunNeedsItsSchema(t *testing.T) {
	p, err := ParsePolicy([]byte(membersPolicy), ".")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := p.Plan(nil)
	if err != nil {
		t.Fatal(err)
	}
	src := arrowio.NewMemory(arrow.NewSchema(nil, nil))
	if _, err := plan.Run(context.Background(), src); !errors.Is(err, ErrPlan) {
		t.Errorf("%v", err)
	}
}
