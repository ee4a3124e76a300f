package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// spilling makes a folder with a table whose rows all differ in a copied column,
// and a policy for it.
func spilling(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var rows strings.Builder
	rows.WriteString("town,age,amount\n")
	for i := range 30_000 {
		fmt.Fprintf(&rows, "t%d,%d,%d\n", i*i%7, 20+i%50, i)
	}
	policy := `oboro: 1
title: amounts
unit: row
columns:
  town: {role: quasi-identifier}
  age: {role: quasi-identifier, type: integer, hierarchy: {intervals: [5, 10]}}
  amount: {role: insensitive, type: integer}
releases:
  - name: amounts
    kind: microdata
    basis: test
    models: [{k-anonymity: {k: 5}}]
`
	for name, text := range map[string]string{"rows.csv": rows.String(), "policy.yaml": policy} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestMemoryLimit: under a limit that the rows do not fit the release has the
// same rows, verifies, and leaves nothing but itself.
func TestMemoryLimit(t *testing.T) {
	dir := spilling(t)
	run := strings.Fields("run policy.yaml --input rows.csv --format csv --out")
	succeeds(t, dir, append(run, "whole")...)
	succeeds(t, dir, append(run, "limited", "--memory", "200kB")...)
	succeeds(t, dir, "verify", "limited")
	var tables [2][]string
	for i, name := range []string{"whole", "limited"} {
		text, err := os.ReadFile(filepath.Join(dir, name, "amounts.csv"))
		if err != nil {
			t.Fatal(err)
		}
		tables[i] = strings.Split(string(text), "\n")
		slices.Sort(tables[i])
	}
	if diff := cmp.Diff(tables[0], tables[1]); diff != "" {
		t.Errorf("the rows differ (-whole +limited):\n%s", diff)
	}
	if left, _ := os.ReadDir(dir); len(left) != 4 {
		t.Errorf("%d entries in the folder, want the table, the policy and two releases", len(left))
	}
}

// TestTemporaryFileFillsUp lets the system refuse to write more than a few KiB to
// a file.
func TestTemporaryFileFillsUp(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no ulimit on Windows")
	}
	if testing.Short() {
		t.Skip("starts the built program, of which the race detector sees nothing; run without -short")
	}
	dir := spilling(t)
	before := snapshot(t, dir)
	c := exec.Command("sh", "-c", `ulimit -f 8; exec "$0" run policy.yaml --input rows.csv --out out --memory 200kB`, program)
	c.Dir = dir
	text, err := c.CombinedOutput()
	if err == nil || c.ProcessState.ExitCode() != 1 {
		t.Errorf("exit %d, want 1", c.ProcessState.ExitCode())
	}
	for _, w := range []string{"oboro: ", "temporary file", "another folder", "memory"} {
		if !strings.Contains(string(text), w) {
			t.Errorf("the error lacks %q:\n%s", w, text)
		}
	}
	if diff := cmp.Diff(before, snapshot(t, dir)); diff != "" {
		t.Errorf("files changed (-before +after):\n%s", diff)
	}
}
