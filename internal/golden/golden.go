// Package golden reads the reference values for differential privacy that lie
// beside the project: cases taken from the tests of other libraries and from
// 60-digit arithmetic. It is imported by tests only.
package golden

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"sort"
	"strings"
	"testing"

	"github.com/oboro-data/oboro/internal/corpus"
)

// A Case is one reference value.
type Case struct {
	ID, Category, Kind string
	Inputs, Expected   Fields
	Tolerance          float64
	Source             struct{ Test string }
	Note               string
}

// Fields are named numbers, lists and texts.
type Fields map[string]any

// Has reports whether a field is present and not null.
func (f Fields) Has(name string) bool { return f[name] != nil }

// Num is a field as a number; the texts "inf", "+Inf", "-inf" are accepted.
func (f Fields) Num(name string) float64 { return number(f[name]) }

// Any is the first of the named fields that is present.
func (f Fields) Any(names ...string) float64 {
	for _, n := range names {
		if f.Has(n) {
			return f.Num(n)
		}
	}
	return math.NaN()
}

// Nums is a field as a list of numbers.
func (f Fields) Nums(name string) []float64 {
	var out []float64
	list, _ := f[name].([]any)
	for _, v := range list {
		out = append(out, number(v))
	}
	return out
}

// Map is a field as numbers by name.
func (f Fields) Map(name string) map[string]float64 {
	out := map[string]float64{}
	m, _ := f[name].(map[string]any)
	for k, v := range m {
		out[k] = number(v)
	}
	return out
}

// Text is a field as text.
func (f Fields) Text(name string) string { s, _ := f[name].(string); return s }

func number(v any) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case string:
		switch strings.ToLower(strings.TrimPrefix(v, "+")) {
		case "inf", "infinity":
			return math.Inf(1)
		case "-inf", "-infinity":
			return math.Inf(-1)
		}
	}
	return math.NaN()
}

// Load reads all cases; the test is skipped where the file is absent.
func Load(t testing.TB) []Case {
	t.Helper()
	text, err := os.ReadFile(corpus.Shared(t, "golden/dp.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []Case }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return file.Cases
}

// A Check compares one case and returns "" or what is wrong. A text that
// begins with "absent: " is a reason why the case has no counterpart.
type Check func(c Case) string

// Run runs the checks of every category named and logs how many cases passed.
// Categories of absent have no counterpart by design; the value is the reason.
func Run(t *testing.T, checks map[string]Check, absent map[string]string) {
	passed, skipped := 0, map[string]int{}
	for _, c := range Load(t) {
		if reason, ok := absent[c.Category]; ok {
			skipped[c.Category+": "+reason]++
			continue
		}
		check, ok := checks[c.Category]
		if !ok {
			continue
		}
		switch problem := check(c); {
		case problem == "":
			passed++
		case strings.HasPrefix(problem, "absent: "):
			skipped[c.Category+": "+strings.TrimPrefix(problem, "absent: ")]++
		default:
			t.Errorf("%s %s (%s): %s", c.Category, c.ID, c.Note, problem)
		}
	}
	var lines []string
	total := 0
	for reason, n := range skipped {
		lines = append(lines, fmt.Sprintf("%3d %s", n, reason))
		total += n
	}
	sort.Strings(lines)
	t.Logf("golden cases: %d passed; %d have no counterpart by design:\n%s", passed, total, strings.Join(lines, "\n"))
	if passed == 0 {
		t.Error("no case was checked")
	}
}

// Near returns "" if got is within the tolerance of want, absolutely or
// relatively; the case's own tolerance, or otherwise.
func (c Case) Near(got, want, otherwise float64) string {
	tol := otherwise
	if c.Tolerance > 0 {
		tol = c.Tolerance
	}
	if got == want || math.Abs(got-want) <= tol*math.Max(1, math.Abs(want)) {
		return ""
	}
	return fmt.Sprintf("got %.17g, want %.17g, tolerance %g", got, want, tol)
}
