package anon

import "testing"

func TestParseSmall(t *testing.T) {
	p, err := ParsePolicy([]byte(`
oboro: 1
unit: row
columns:
  age: {role: quasi-identifier, type: integer, hierarchy: {intervals: [5, 10], min: 0, max: 99}}
  job: {role: sensitive}
releases:
  - name: rows
    kind: microdata
    basis: test
    models: [{k-anonymity: {k: 2}}]
  - {name: stats, kind: statistics, group-by: [job], bounds: {groups-per-unit: 1}, budget: {epsilon: 1/3, delta: 1e-8}, aggregates: [{count-units: {as: n}}]}
`), ".")
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Columns) != 2 || len(p.Releases) != 2 || p.Releases[1].Statistics.Budget.Epsilon.String() != "1/3" {
		t.Fatalf("%+v", p)
	}
}
