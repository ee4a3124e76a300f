package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// program is the command under test, built once.
var program string

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		os.Exit(m.Run())
	}
	dir, err := os.MkdirTemp("", "oboro-test-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	program = filepath.Join(dir, "oboro")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	code := 1
	if err := build.Run(); err == nil {
		code = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// A result is what a run of the program left.
type result struct {
	stdout, stderr string
	code           int
}

// oboro runs the program in a folder.
func oboro(t *testing.T, dir string, args ...string) result {
	t.Helper()
	if testing.Short() {
		t.Skip("starts the built program, of which the race detector sees nothing; run without -short")
	}
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	var out, diag bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &diag
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{out.String(), diag.String(), cmd.ProcessState.ExitCode()}
}

// succeeds runs the program and wants exit code 0 and a silent stderr.
func succeeds(t *testing.T, dir string, args ...string) string {
	t.Helper()
	r := oboro(t, dir, args...)
	if r.code != 0 || r.stderr != "" {
		t.Fatalf("oboro %s: exit %d\n%s", strings.Join(args, " "), r.code, r.stderr)
	}
	return r.stdout
}

// refuses runs the program and wants an exit code, words in the error, nothing
// on stdout, and every file under dir as it was.
func refuses(t *testing.T, dir string, code int, words []string, args ...string) {
	t.Helper()
	before := snapshot(t, dir)
	r := oboro(t, dir, args...)
	name := "oboro " + strings.Join(args, " ")
	if r.code != code {
		t.Errorf("%s: exit %d, want %d\n%s", name, r.code, code, r.stderr)
	}
	if r.stdout != "" {
		t.Errorf("%s: refused, but wrote to standard output:\n%s", name, r.stdout)
	}
	lines := strings.Split(strings.TrimSuffix(r.stderr, "\n"), "\n")
	for _, l := range lines {
		if !strings.HasPrefix(l, "oboro: ") {
			t.Errorf("%s: standard error has a line that is no error of oboro: %q", name, l)
		}
	}
	for _, w := range words {
		if !strings.Contains(r.stderr, w) {
			t.Errorf("%s: the error lacks %q:\n%s", name, w, r.stderr)
		}
	}
	if strings.Contains(r.stderr, marker) {
		t.Errorf("%s: the error holds a value of the data:\n%s", name, r.stderr)
	}
	if diff := cmp.Diff(before, snapshot(t, dir)); diff != "" {
		t.Errorf("%s: refused, but files changed (-before +after):\n%s", name, diff)
	}
}

// snapshot maps every path under dir to its kind, size and content.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			out[rel] = "folder"
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		out[rel] = fmt.Sprintf("%x", sha256.Sum256(text))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path ...string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// marker is part of every value in the test table that must never leave.
const marker = "ZQMARKER"

// patients is a table of 600 people with one to three rows each. Two people
// stand alone in every way, so that they are suppressed, and their values hold
// the marker; identifiers hold it too.
func patients() string {
	var b strings.Builder
	b.WriteString("patient,zip,age,job,diagnosis,cost\n")
	jobs := []string{"Nurse", "Doctor", "Clerk", "Driver"}
	diagnoses := []string{"flu", "cold", "asthma", "ulcer", "burn"}
	for p := range 600 {
		for r := range 1 + p%3 {
			fmt.Fprintf(&b, "%s%d,%d,%d,%s,%s,%d\n", marker, p, 10000+100*(p%4)+p%7, 20+p%30, jobs[p%4], diagnoses[(p/4+r)%5], 10*(p%9))
		}
	}
	for p := range 2 {
		fmt.Fprintf(&b, "%sX%d,%s%d,%d,%s%d,%s%d,77\n", marker, p, marker, p, 93+p, marker, p, marker, p)
	}
	return b.String()
}

// patientPolicy releases patients as rows and as statistics.
const patientPolicy = `oboro: 1
title: Patients
unit: patient
columns:
  patient:   {role: identifier}
  zip:       {role: quasi-identifier, hierarchy: {prefix: [3, 2]}}
  age:       {role: quasi-identifier, type: integer, hierarchy: {intervals: [5, 10, 20], min: 0, max: 89}}
  job:       {role: quasi-identifier, unlisted: top, hierarchy: {levels: [{Nurse: Health, Doctor: Health, Clerk: Other, Driver: Other}]}}
  diagnosis: {role: sensitive}
  cost:      {role: insensitive, type: integer}
releases:
  - name: rows
    kind: microdata
    basis: test
    models: [k-anonymity: {k: 5}, l-diversity: {column: diagnosis, l: 2}]
    suppression-limit: 0.02
  - name: counts
    kind: statistics
    method: differential-privacy
    group-by: [diagnosis]
    groups: private
    bounds: {groups-per-unit: 2}
    aggregates:
      - count-units: {as: people}
      - count: {as: visits, per-unit: 3}
      - sum: {column: cost, as: costs, range: [0, 100], resolution: 1}
    budget: {epsilon: 1, delta: 1e-8}
`

// folder makes a folder with the patients and their policy.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "patients.csv", patients())
	write(t, dir, "policy.yaml", patientPolicy)
	return dir
}
