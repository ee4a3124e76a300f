// Package examples holds example programs; its test checks what they have in
// common.
package examples

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oboro-data/oboro/anon"
)

// Each program has its files and stands in the index, its policy holds by
// itself, and its twin, which is refused, differs from it in a few lines only.
// What the programs print is tested beside them.
func TestEveryProgramHasATwin(t *testing.T) {
	policies, err := filepath.Glob("*/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(policies) < 5 {
		t.Fatalf("%d programs, want 5 or more", len(policies))
	}
	index := read(t, "README.md")
	for _, policy := range policies {
		name := filepath.Dir(policy)
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(index, "["+name+"]("+name+"/README.md)") {
				t.Error("README.md does not list the program")
			}
			p, err := anon.LoadPolicy(policy)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Plan(nil); err != nil {
				t.Error(err)
			}
			if !strings.HasPrefix(read(t, name, "refused.yaml"), "# Refused: ") {
				t.Error("refused.yaml does not begin by saying why it is refused")
			}
			if n := differ(read(t, policy), read(t, name, "refused.yaml")); n > 20 {
				t.Errorf("policy.yaml and refused.yaml differ in %d lines; a reader should see at once what is wrong", n)
			}
			for _, other := range []string{"main.go", "main_test.go"} {
				read(t, name, other)
			}
		})
	}
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// differ counts the lines that stand in one text more often than in the other.
func differ(a, b string) (n int) {
	count := map[string]int{}
	for line := range strings.Lines(a) {
		count[line]++
	}
	for line := range strings.Lines(b) {
		count[line]--
	}
	for _, c := range count {
		n += max(c, -c)
	}
	return n
}
