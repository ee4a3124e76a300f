package anon

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/corpus"
)

// ARX's case DPresence-0: the subset is released, the input is its population
// (golden value: ARX test suite; see the reference data beside the project).
func TestDeltaPresenceOfAdult(t *testing.T) {
	data := corpus.Shared(t, "data/adult/adult.csv")
	dir := filepath.Dir(data)
	text := adultPolicy(dir, "0")
	text = strings.Replace(text, "occupation: {role: quasi-identifier", "occupation: {role: sensitive", 1)
	text = strings.Replace(text, "{k-anonymity: {k: 5}}", fmt.Sprintf("{delta-presence: {min: 0, max: 0.2, subset: %q}}", filepath.Join(dir, "adult_subset.csv")), 1)
	text += "    cost: {metric: average-class-size, gs-factor: 0.5}\n"
	p, err := ParsePolicy([]byte(text), ".")
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	src, err := arrowio.OpenCSV(ctx, data, p.CSVOptions())
	if err != nil {
		t.Fatal(err)
	}
	plan, err := p.Plan(src.Schema())
	if err != nil {
		t.Fatal(err)
	}
	rel, err := plan.Run(ctx, src)
	if err != nil {
		t.Fatal(err)
	}
	defer rel.Close()
	m := rel.Report().Releases[0].Microdata
	var levels []string
	for _, c := range adultColumns {
		if c != "occupation" {
			levels = append(levels, fmt.Sprint(m.Recoding.Levels[c]))
		}
	}
	if got := strings.Join(levels, ","); got != "1,4,1,1,0,2,2,0" || m.Cost.Value != 52.0 || m.InputRows != 3016 || m.Rows != 3016 {
		t.Errorf("levels %s, cost %v, %d of %d rows", got, m.Cost.Value, m.Rows, m.InputRows)
	}
	folder(t, rel, arrowio.CSVFormat)
}

func TestKMapWithPopulationTable(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "people.csv", "zip,age,name\n11111,30,x\n11111,30,y\n11111,30,z\n22222,40,u\n22222,40,v\n33333,50,w\n")
	path := write(t, dir, "policy.yaml", `oboro: 1
unit: row
columns: {zip: {role: quasi-identifier, type: text}, age: {role: quasi-identifier, type: integer}}
releases:
  - {name: r, kind: microdata, basis: b, models: [{k-map: {k: 2, population-table: people.csv}}], suppression-limit: 1}
`)
	p, err := LoadPolicy(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	src, err := arrowio.OpenCSV(ctx, write(t, dir, "in.csv", "zip,age\n11111,30\n22222,40\n"), p.CSVOptions())
	if err != nil {
		t.Fatal(err)
	}
	plan, err := p.Plan(src.Schema())
	if err != nil {
		t.Fatal(err)
	}
	rel, err := plan.Run(ctx, src)
	if err != nil {
		t.Fatal(err)
	}
	defer rel.Close()
	r := rel.Report()
	if m := r.Releases[0].Microdata; m.Rows != 2 || m.Recoding.Levels["zip"] != 0 || r.Files["people.csv"] == "" {
		t.Errorf("%+v", m)
	}
	v, err := VerifyDir(ctx, folder(t, rel, arrowio.CSVFormat))
	if err != nil {
		t.Fatal(err)
	}
	said := false
	for _, c := range v.Checks {
		said = said || c.By == "no" && strings.Contains(c.Claim, "at least 2 people of the population table")
	}
	if !said {
		t.Errorf("the claim is not called not checkable: %+v", v.Checks)
	}
}
