package anon

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/report"
)

// unchecked are the keys of report.json that nothing in the folder tells of.
// VerifyDir lists them as not checkable; all others are refused when changed.
var unchecked = []string{
	"software", "warnings", // words
	"microdata.cost.value", "microdata.search", "microdata.recoding.levels_from_data", // of the input
	"microdata.class_sizes", "microdata.smallest_class", // in people, which the table does not tell apart
	"microdata.input_rows", // tied to suppressed_rows and the limit only
	"claims.checked",
	"statistics.aggregates.released", // a summary for the chart
}

// Every single value of the report is changed in turn, hashes and renderings
// made to match: VerifyDir refuses it, or the value is one of unchecked.
func TestEveryForgedFigureIsRefused(t *testing.T) {
	for name, rel := range map[string]*Release{"statistics": releaseOf(t, visitsPolicy, visits()), "more statistics": releaseOf(t, strings.Replace(loginsPolicy, "type: decimal", "type: integer", 1), loginRows()),
		"groups": releaseOf(t, rowsPolicy, memberRows(200)), "cells": releaseOf(t, cellsPolicy, memberRows(200)), "microdata": releaseOf(t, membersPolicy, members()), "rows": releaseOf(t, strings.Replace(strings.Replace(membersPolicy, "unit: member", "unit: row", 1), "member: {role", "member: {role", 1), members())} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t, rel, arrowio.CSVFormat)
			text, err := os.ReadFile(filepath.Join(dir, reportJSON))
			if err != nil {
				t.Fatal(err)
			}
			tried, accepted := 0, map[string]bool{}
			every := 0
			for path, forged := range mutations(t, text) {
				if every++; testing.Short() && every%8 != 0 || name == "more statistics" && every%2 != 0 {
					continue
				}
				rep, err := report.Parse(forged)
				if err != nil {
					continue
				}
				files, err := renderings(rep)
				if err != nil {
					continue
				}
				files[reportJSON] = forged
				for name, data := range files {
					write(t, dir, name, string(data))
				}
				tried++
				_, err = VerifyDir(context.Background(), dir)
				if err == nil {
					accepted[path] = true
				} else if code := ExitCode(err); code != 3 && code != 1 {
					t.Errorf("%s: exit code %d: %v", path, code, err)
				}
			}
			for path := range accepted {
				key := strings.TrimPrefix(regexp.MustCompile(`\[\d+\]`).ReplaceAllString(path, ""), "releases.")
				people := name == "microdata" || name == "groups" || name == "cells" || !strings.Contains(key, "class")
				if !people || !slices.ContainsFunc(unchecked, func(u string) bool { return key == u || strings.HasPrefix(key, u+".") }) {
					t.Errorf("%s may be forged", path)
				}
			}
			if tried < 80 && !testing.Short() {
				t.Errorf("only %d mutations", tried)
			}
		})
	}
}

// mutations are the JSON text with one value changed, by the path of the value.
func mutations(t testing.TB, text []byte) map[string][]byte {
	t.Helper()
	var root any
	if err := json.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	emit := func(path string) {
		forged, err := json.Marshal(root)
		if err != nil {
			t.Fatal(err)
		}
		out[path] = forged
	}
	var walk func(v any, path string, set func(any))
	walk = func(v any, path string, set func(any)) {
		try := func(values ...any) {
			for i, w := range values {
				set(w)
				emit(path + variant(i))
			}
			set(v)
		}
		switch v := v.(type) {
		case map[string]any:
			for k := range v {
				walk(v[k], strings.TrimPrefix(path+"."+k, "."), func(w any) { v[k] = w })
			}
			if path != "" && len(v) > 0 {
				try(nil)
			}
		case []any:
			for i := range v {
				walk(v[i], fmt.Sprintf("%s[%d]", path, i), func(w any) { v[i] = w })
			}
			try(nil, append(slices.Clone(v), v...))
		case string:
			try(v+"x", "", nil)
		case float64:
			try(v+1, -v-1, 1e6)
		case bool:
			try(!v)
		case nil:
			try(1.0, "1")
		}
	}
	walk(root, "", func(any) {})
	return out
}

// variant keeps the paths of several changes of one value apart, in a form
// that the list of unchecked keys does not see.
func variant(i int) string { return fmt.Sprintf("[%d]", i) }

// A folder of arbitrary report and policy never makes VerifyDir panic.
func FuzzVerifyDir(f *testing.F) {
	dir := folder(f, releaseOf(f, membersPolicy, members()), arrowio.CSVFormat)
	rep, err := os.ReadFile(filepath.Join(dir, reportJSON))
	if err != nil {
		f.Fatal(err)
	}
	table, err := os.ReadFile(filepath.Join(dir, "members.csv"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(rep), membersPolicy, string(table))
	f.Add(`{"oboro": 1}`, "oboro: 1", "")
	f.Fuzz(func(t *testing.T, rep, policy, table string) {
		dir := t.TempDir()
		write(t, dir, reportJSON, rep)
		write(t, dir, policyFile, policy)
		write(t, dir, "members.csv", table)
		if _, err := VerifyDir(context.Background(), dir); err != nil && ExitCode(err) == 2 {
			t.Errorf("a folder is no plan: %v", err)
		}
	})
}
