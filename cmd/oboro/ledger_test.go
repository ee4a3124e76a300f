package main

import (
	"strings"
	"testing"
)

// TestLedger is the life of a budget that is kept over runs.
func TestLedger(t *testing.T) {
	dir := folder(t)
	run := func(out string) []string {
		return []string{"run", "policy.yaml", "--input", "patients.csv", "--out", out, "--ledger", "people.ledger"}
	}
	refuses(t, dir, 2, []string{"people.ledger", "oboro ledger create"}, run("out")...)
	refuses(t, dir, 2, []string{"--epsilon"}, "ledger", "create", "people.ledger", "--unit", "patient")
	refuses(t, dir, 2, []string{"delta"}, "ledger", "create", "people.ledger", "--unit", "patient", "--epsilon", "2", "--delta", "1")
	refuses(t, dir, 2, []string{"--unit"}, "ledger", "create", "people.ledger", "--epsilon", "2")
	create := []string{"ledger", "create", "people.ledger", "--unit", "patient", "--epsilon", "5/2", "--delta", "1e-6"}
	succeeds(t, dir, create...)
	refuses(t, dir, 2, []string{"exists"}, create...)
	for i, total := range []string{"ε = 1, δ = 1e-8", "ε = 2, δ = 2e-8"} {
		out := []string{"first", "second"}[i]
		if text := succeeds(t, dir, run(out)...); !strings.Contains(text, total+" of at most ε = 2.5") {
			t.Errorf("the summary does not say %s:\n%s", total, text)
		}
		if text := succeeds(t, dir, "verify", out); !strings.Contains(text, "oboro ledger verify") {
			t.Errorf("verify says nothing of the ledger:\n%s", text)
		}
	}
	refuses(t, dir, 2, []string{"counts", "ε=0.5", "remains"}, run("third")...)
	text := succeeds(t, dir, "ledger", "verify", "people.ledger", "first", "second")
	for _, word := range []string{"verified", "counts: ε=1, δ=1e-8", "spent ε=2, δ=2e-8", "first was paid with entry 1", "second was paid with entry 2"} {
		if !strings.Contains(text, word) {
			t.Errorf("the ledger does not say %q:\n%s", word, text)
		}
	}
	// An older copy lacks the second run; a changed one is refused.
	text = string(readFile(t, dir, "people.ledger"))
	lines := strings.SplitAfter(text, "\n")
	write(t, dir, "old.ledger", lines[0]+lines[1])
	succeeds(t, dir, "ledger", "verify", "old.ledger", "first")
	refuses(t, dir, 3, []string{"second", "entry 2"}, "ledger", "verify", "old.ledger", "second")
	write(t, dir, "changed.ledger", strings.Replace(text, `"epsilon":"1"`, `"epsilon":"0"`, 1))
	refuses(t, dir, 3, []string{"line 2"}, "ledger", "verify", "changed.ledger")
	refuses(t, dir, 3, []string{"not paid"}, "ledger", "verify", "people.ledger", func() string {
		succeeds(t, dir, "run", "policy.yaml", "--input", "patients.csv", "--out", "loose")
		return "loose"
	}())
	refuses(t, dir, 1, []string{"people.ledger2"}, "ledger", "verify", "people.ledger2")
}
