package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/arrowio/parquet"
	"github.com/oboro-data/oboro/internal/corpus"
	"github.com/oboro-data/oboro/report"
)

var adultColumns = []string{"sex", "age", "race", "marital-status", "education", "native-country", "workclass", "occupation", "salary-class"}

// adultPolicy writes the hierarchies into dir and returns the policy.
func adultPolicy(t *testing.T, dir, limit string) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("oboro: 1\nunit: row\ninput: {delimiter: \";\"}\ncolumns:\n")
	for _, c := range adultColumns {
		file := "adult_hierarchy_" + c + ".csv"
		write(t, dir, file, string(readFile(t, corpus.Shared(t, "data/adult/"+file))))
		fmt.Fprintf(&b, "  %s: {role: quasi-identifier, hierarchy: {file: %s}}\n", c, file)
	}
	fmt.Fprintf(&b, `releases:
  - name: adult
    kind: microdata
    basis: public data
    models: [k-anonymity: {k: 5}]
    suppression-limit: %s
`, limit)
	return b.String()
}

// TestAdult releases the adult table (Kohavi and Becker 1996, UCI; 30,162 rows
// without missing values) from CSV, Parquet and IPC. Levels, suppressed rows
// and costs are those that ARX 3.9 finds for the same question.
func TestAdult(t *testing.T) {
	if testing.Short() {
		t.Skip("the adult table takes some seconds; run without -short")
	}
	input := corpus.Shared(t, "data/adult/adult.csv")
	dir := t.TempDir()
	src, err := arrowio.OpenCSV(context.Background(), input, arrowio.CSVOptions{Delimiter: ';', Types: textColumns()})
	if err != nil {
		t.Fatal(err)
	}
	inputs := []string{input, filepath.Join(dir, "adult.parquet"), filepath.Join(dir, "adult.arrow")}
	if err := parquet.WriteFile(context.Background(), inputs[1], src); err != nil {
		t.Fatal(err)
	}
	if err := arrowio.WriteFile(context.Background(), inputs[2], arrowio.IPCFormat, src); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		limit      string
		levels     []int
		suppressed int64
		cost       float64
	}{
		{"0", []int{0, 4, 1, 1, 3, 2, 2, 1, 0}, 0, 0.5731509655590044},
		{"0.02", []int{0, 3, 0, 2, 2, 1, 1, 2, 0}, 506, 0.3137130352819242},
		{"1.0", []int{0, 3, 0, 0, 2, 1, 1, 1, 0}, 2553, 0.22041192847984292},
	} {
		write(t, dir, "policy.yaml", adultPolicy(t, dir, c.limit))
		var first []string
		for _, in := range inputs {
			out := succeeds(t, dir, "run", "policy.yaml", "--input", in, "--out", "out", "--format", "csv", "--replace", "--json")
			r, err := report.Parse([]byte(out))
			if err != nil {
				t.Fatal(err)
			}
			m := r.Releases[0].Microdata
			var levels []int
			for _, col := range adultColumns {
				levels = append(levels, m.Recoding.Levels[col])
			}
			cost, _ := m.Cost.Value.(float64)
			if !slices.Equal(levels, c.levels) || m.SuppressedRows != c.suppressed || math.Abs(cost-c.cost) > 1e-9*c.cost || m.InputRows != 30162 || !m.Search.Optimal {
				t.Errorf("limit %s, %s: levels %v, %d of %d rows suppressed, cost %v, optimal %v; want %v, %d, %v",
					c.limit, filepath.Base(in), levels, m.SuppressedRows, m.InputRows, m.Cost.Value, m.Search.Optimal, c.levels, c.suppressed, c.cost)
			}
			rows := strings.SplitAfter(string(readFile(t, dir, "out", "adult.csv")), "\n")
			sort.Strings(rows[1:])
			if first == nil {
				first = rows
			} else if !slices.Equal(first, rows) {
				t.Errorf("limit %s: %s gives other rows than the CSV file", c.limit, filepath.Base(in))
			}
			if bytes.Contains([]byte(out), []byte(`"checked": "no"`)) {
				t.Errorf("limit %s: k-anonymity was not recounted", c.limit)
			}
		}
		succeeds(t, dir, "verify", "out", "--input", input)
	}
}

func textColumns() map[string]arrowio.ColumnType {
	out := map[string]arrowio.ColumnType{}
	for _, c := range adultColumns {
		out[c] = arrowio.ColumnType{Kind: arrowio.Text}
	}
	return out
}
