package report

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func internalSample() *Internal {
	return &Internal{Title: "Patients", Software: "oboro v0.0.0", Releases: []InternalRelease{
		{Name: "rows", Kind: "microdata", Notes: []string{"query error: the input has too many classes for it"}, Microdata: &InternalMicrodata{
			Counted: "people", ReleasedCounted: "rows", QuasiIdentifiers: []string{"age", "zip"},
			InputRows: 1200, InputPeople: 1000, InputClasses: 700, InputAlone: 500, ReleasedRows: 1190, ReleasedClasses: 40, Threshold: 0.2,
			InputRisk: Risk{1, 0.7, 0.9}, ReleasedRisk: Risk{0.2, 0.034, 0},
			Sizes:      []SizesCompared{{1, 1, 0.5, 0}, {2, 4, 0.4, 0}, {5, 0, 0.1, 1}},
			Population: &PopulationRisk{People: 250_000_000, Uniques: 1e6, Model: "pitman", Valid: true, IndividualRisk: 0.00005},
			Combined:   2, Identifying: []Identifying{{[]string{"age", "zip"}, 0.58, 0.99}}, SpecialUniques: []ColumnShare{{"age", 0.75}, {"zip", 1}},
			Utility: &Utility{0.008, 0.7, 0.5, 0.4, 0.99, 0.97}, Queries: &RangeQueries{1000, 0.1, 0.2, 0.5},
			Columns: []ColumnChange{{"age", 0.8, 0.5, 0.1, 0.2, 0.01}, {"zip", 0.6, 0.3, 0.2, 0.3, 0.02}},
		}},
		{Name: "by_sex", Kind: "statistics", Notes: []string{}, Statistics: &StatisticsError{
			InputRows: 1200, InputGroups: 3, ReleasedGroups: 2, MissedGroups: 1, MissedRows: 4,
			Counts: []CountError{{"n", "count-units", 2, 1.5, 3, 0.01, 0.008, -0.5}},
		}},
	}}
}

func renderInternal(t *testing.T, r *Internal) map[string][]byte {
	t.Helper()
	j, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	h, err := r.HTML()
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{"internal.json": j, "internal.html": h}
}

func TestInternalGolden(t *testing.T) {
	for name, got := range renderInternal(t, internalSample()) {
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s differs; rewrite it with go test ./report -update and review (-want +got):\n%s", name, diff)
		}
	}
}

func TestInternalIsMarkedAndSelfContained(t *testing.T) {
	out := renderInternal(t, internalSample())
	for name, text := range out {
		if !bytes.Contains(text, []byte("NOT FOR PUBLICATION")) {
			t.Errorf("%s is not marked", name)
		}
	}
	page := string(out["internal.html"])
	wellFormed(t, page)
	for _, bad := range []string{"<script", "http:", "https:", "url(", "@import", "<img", "<link", " src=", " onload="} {
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %s", bad)
		}
	}
	if n := strings.Count(page, "<svg"); n != 5 || strings.Count(page, "<desc id=") != n {
		t.Errorf("%d drawings, want 5, each with a description", n)
	}
}

func TestInternalTextsAreEscaped(t *testing.T) {
	r := internalSample()
	fill(reflect.ValueOf(r), "<script>alert('x')</script>\" & </svg>")
	page := string(renderInternal(t, r)["internal.html"])
	wellFormed(t, page)
	if strings.Contains(page, "<script") {
		t.Error("the page holds a text unescaped")
	}
}

func TestSparseInternalRenders(t *testing.T) {
	for _, r := range []*Internal{{}, {Releases: []InternalRelease{
		{Kind: "microdata", Microdata: &InternalMicrodata{Sizes: []SizesCompared{{From: 1}}, Queries: &RangeQueries{}, Columns: []ColumnChange{{}}}},
		{Kind: "statistics", Statistics: &StatisticsError{Counts: []CountError{{}, {Groups: 1}}}}, {Notes: []string{"nothing"}},
	}}} {
		page := string(renderInternal(t, r)["internal.html"])
		wellFormed(t, page)
		for _, bad := range []string{"NaN", "+Inf", "-Inf", "%!", "<nil>"} {
			if strings.Contains(page, bad) {
				t.Errorf("the page holds %s", bad)
			}
		}
	}
}
