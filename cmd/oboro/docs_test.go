package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPoliciesInTheDocumentationPlan takes every whole policy out of the pages
// and plans it.
func TestPoliciesInTheDocumentationPlan(t *testing.T) {
	root := filepath.Join("..", "..")
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```yaml\n(.*?)```")
	found := 0
	for _, page := range append(pages, filepath.Join(root, "README.md")) {
		for _, m := range block.FindAllStringSubmatch(string(readFile(t, page)), -1) {
			if !strings.HasPrefix(m[1], "oboro: 1") {
				continue
			}
			found++
			dir := t.TempDir()
			write(t, dir, "policy.yaml", m[1])
			if out := succeeds(t, dir, "plan", "policy.yaml"); !strings.Contains(out, "claim") {
				t.Errorf("%s: the plan of the policy claims nothing:\n%s", filepath.Base(page), out)
			}
		}
	}
	if found == 0 {
		t.Error("no page holds a whole policy")
	}
}
