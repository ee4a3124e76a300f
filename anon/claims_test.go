package anon

import (
	"strings"
	"testing"

	"github.com/oboro-data/oboro/internal/noise"
)

// The texts that people rely on: people, not rows; what a table adds beyond
// the rows beside it; the floor against the noised number; and nothing claimed
// where noise is off.
func TestClaimTexts(t *testing.T) {
	plan, err := planText(patients(t))
	if err != nil {
		t.Fatal(err)
	}
	text := func(release int) string {
		var b strings.Builder
		if s := plan.steps[release]; s.Microdata != nil {
			for i := range s.Microdata.Models {
				b.WriteString(plan.claim(s, &s.Microdata.Models[i]).Text + "\n")
			}
		} else {
			for _, c := range plan.statisticsClaims(s) {
				b.WriteString(c.Text + "\n")
			}
		}
		return b.String()
	}
	for _, want := range []string{
		"Each row is attributable to at least 5 people: at least 5 share its values of birth_date, zip, age, race, job.",
		"at least 3 different values of diagnosis", "at most 0.2 away", "hierarchical distance", "317238626", "not about each",
		"share of 0.01", "counted in people",
	} {
		if !strings.Contains(text(0), want) {
			t.Errorf("the claims of rows do not say %q:\n%s", want, text(0))
		}
	}
	wants := []string{"This table adds at most (ε = 1, δ = 1e-8) beyond what patients discloses", "all rows of one patient_id", "a factor of e^1", "at least 10; the floor is compared with the noised number"}
	if noise.Off {
		wants = []string{"Noise is off", "nothing is claimed"}
	}
	for _, want := range wants {
		if !strings.Contains(text(1), want) {
			t.Errorf("the claims of statistics do not say %q:\n%s", want, text(1))
		}
	}
	if want := "(ε = 1/3) beyond what patients discloses: adding or removing all rows of one patient_id changes the probability of any result by at most a factor of e^(1/3).\n"; !noise.Off && !strings.Contains(text(2), want) {
		t.Errorf("the claims of by_sex do not say %q:\n%s", want, text(2))
	}
	if noise.Off && strings.Contains(text(1), "e^1") {
		t.Error("a loss is claimed without noise")
	}
}

func TestClaimsWithoutUnitAndRows(t *testing.T) {
	p, err := ParsePolicy([]byte(`
oboro: 1
unit: row
columns: {a: {role: quasi-identifier}, b: {role: insensitive, type: integer}}
releases:
  - {name: s, kind: statistics, bounds: {}, budget: {rho: 0.05}, aggregates: [{sum: {column: b, as: b, range: [0, 9]}}]}
`), ".")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := p.Plan(nil)
	if err != nil {
		t.Fatal(err)
	}
	text := plan.statisticsClaims(plan.steps[0])[0].Text
	if !noise.Off && (!strings.Contains(text, "ρ = 0.05") || !strings.Contains(text, "one row") || strings.Contains(text, "beyond what")) {
		t.Error(text)
	}
	if plan.statisticsClaims(plan.steps[0])[0].Unit != "row" {
		t.Error("unit")
	}
}
