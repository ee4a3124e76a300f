// Package showtest tests example programs against what their READMEs say. It
// is imported by tests only.
package showtest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/oboro-data/oboro/anon"
	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/arrowio/parquet"
	"github.com/oboro-data/oboro/examples/internal/show"
)

// output is the block of a README that shows what the program prints.
var output = regexp.MustCompile("(?s)\n```text\n(.*?)```\n")

// Program tests the program of the package under test. What it prints is, line
// by line, the text block of README.md; a second reading of the folder that it
// leaves finds no fault; the refusal names a key of the policy; and a program
// that is interrupted leaves nothing.
//
// What programs print is the same in every run although noise is not: they
// round so coarsely that a difference is rarer than once in 10⁹ runs.
func Program(t *testing.T, program show.Program, rows int64) {
	t.Helper()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := output.FindSubmatch(readme)
	if block == nil {
		t.Fatal("README.md has no block ```text with the output of the program")
	}
	dir := t.TempDir()
	folder := filepath.Join(dir, "release")
	var b strings.Builder
	if err := program(t.Context(), &b, rows, folder); err != nil {
		t.Fatal(err)
	}
	if got, want := b.String(), string(block[1]); got != want {
		t.Errorf("the program prints\n%s\nand README.md shows\n%s", got, want)
	}
	if !regexp.MustCompile(`(?m)^refused\.yaml, exit code [23]:\n  policy:\d+: [a-z]`).MatchString(b.String()) {
		t.Error("the refusal names no line and key of the policy")
	}
	if _, err := anon.VerifyDir(t.Context(), folder, anon.VerifyOptions{Formats: []arrowio.Format{parquet.Format}}); err != nil {
		t.Error(err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	interrupted := filepath.Join(dir, "interrupted")
	if err := program(ctx, &b, rows, interrupted); err == nil || !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted, the program ends with %v", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 1 {
		t.Error("an interrupted program leaves files")
	}
}
