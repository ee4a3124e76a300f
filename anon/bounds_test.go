package anon

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/report"
)

// TestRowsPerUnit: a bound on all rows of a person, from the policy to plan,
// table, report and verification.
func TestRowsPerUnit(t *testing.T) {
	text := strings.Replace(visitsPolicy, "bounds: {groups-per-unit: 1}", "bounds: {rows-per-unit: 3}", 1)
	text = strings.Replace(text, "trips, per-unit: 3", "trips", 1)
	p, err := ParsePolicy([]byte(text), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	plan, err := p.Plan(nil)
	if err != nil {
		t.Fatal(err)
	}
	if s := plan.String(); !strings.Contains(s, "a unit counts in at most 3 of them; at most 3 rows of a unit count in all") {
		t.Error(s)
	}
	var csv strings.Builder
	csv.WriteString("user,city,fare\n")
	for i := range 300 {
		for range 5 { // two of which are cut
			fmt.Fprintf(&csv, "u%d,a,1\n", i)
		}
	}
	rel := releaseOf(t, text, csv.String())
	dir := filepath.Join(t.TempDir(), "out")
	if err := rel.WriteDir(context.Background(), dir, arrowio.CSVFormat); err != nil {
		t.Fatal(err)
	}
	st := rel.Report().Releases[0].Statistics
	if want := (report.Bounds{GroupsPerUnit: 3, RowsPerGroup: 3, RowsPerUnit: 3}); st.Bounds != want {
		t.Errorf("reported bounds are %+v", st.Bounds)
	}
	if trips := st.Aggregates[1]; trips.Released.Max > 950 || trips.Released.Max < 850 || trips.Scale != "0.18" {
		t.Errorf("900 trips should remain, with noise of scale 0.18: %+v, %+v", trips, trips.Released)
	}
	if md := readText(t, filepath.Join(dir, reportMarkdown)); !strings.Contains(md, "at most 3 rows in 3 groups per user, 3 rows per group") {
		t.Error(md)
	}
	if _, err := VerifyDir(context.Background(), dir); err != nil {
		t.Error(err)
	}
}

func TestBoundsRefusals(t *testing.T) {
	for bounds, want := range map[string]string{
		"{rows-per-group: 2}":                       "bounds.groups-per-unit: missing; say how many groups one person may count in, or bound the rows",
		"{rows-per-unit: 0}":                        "no whole number from 1",
		"{rows-per-unit: 3, rows-per-group: 0}":     "no whole number from 1",
		"{rows-per-unit: 1e3}":                      "no whole number from 1",
		"{rows-per-unit: 3000000000, per-group: 2}": "unknown key",
	} {
		_, err := ParsePolicy([]byte(strings.Replace(visitsPolicy, "bounds: {groups-per-unit: 1}", "bounds: "+bounds, 1)), t.TempDir())
		if err == nil || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), "\n") > 1 {
			t.Errorf("%s: %v", bounds, err)
		}
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
