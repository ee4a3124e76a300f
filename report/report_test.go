package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func ptr[T any](v T) *T { return &v }

// sample is a report with every part filled in.
func sample() *Report {
	return &Report{
		Oboro: 1, Title: "Patients of 2025", Software: "oboro 0.1",
		PolicySHA256: strings.Repeat("ab", 32),
		Files:        map[string]string{"race.csv": strings.Repeat("cd", 32)},
		Total:        &Total{Epsilon: ptr("3/2"), Delta: ptr("1e-8")},
		Warnings:     []string{"by_prefecture and patients hold the same people: every claim of the first reads beside the second."},
		Releases: []Release{
			{Name: "patients", Kind: "microdata", File: "patients.parquet", SHA256: strings.Repeat("12", 32),
				Microdata: &Microdata{InputRows: 30162, Rows: 29656, SuppressedRows: 506, Classes: 222, SmallestClass: 5, Counted: "people", SuppressionLimit: 0.02,
					Basis: "research contract 2026-11", Nulls: "value", RowOrder: "shuffled",
					Recoding: Recoding{Kind: "global", Levels: map[string]int{"age": 3, "zip": 0, "birth_date": 4}, LevelsFromData: true},
					Cost:     CostValue{"loss", 0.3137130352819242},
					Search:   SearchInfo{Kind: "optimal", LatticeNodes: 12960, CheckedNodes: 771, Optimal: true, LowerBound: 0.3137130352819242, Gap: 0.0},
					Columns: []ColumnInfo{
						{Name: "birth_date", Role: "quasi-identifier", Level: ptr(4), LevelName: "10-years", MaxLevel: ptr(5), LevelNames: []string{"raw", "month", "year", "5-years", "10-years", "*"}},
						{Name: "zip", Role: "quasi-identifier", Level: ptr(0), LevelName: "raw", MaxLevel: ptr(3), LevelNames: []string{"raw", "3", "2", "*"}},
						{Name: "age", Role: "quasi-identifier", Level: ptr(3), LevelName: "20", MaxLevel: ptr(4)},
						{Name: "prefecture", Role: "quasi-identifier", MaxLevel: ptr(1), LevelNames: []string{"raw", "*"}, LevelRows: []int64{20000, 9656}},
						{Name: "job", Role: "quasi-identifier"},
						{Name: "diagnosis", Role: "sensitive"},
						{Name: "fee", Role: "insensitive"},
					},
					ClassSizes: []ClassSizeBin{{5, 9, 61, 400}, {10, 19, 40, 560}, {20, 49, 37, 1203}, {50, 99, 30, 2100}, {100, 199, 20, 2950}, {200, 499, 18, 5410}, {500, 999, 9, 6033}, {1000, 1999, 7, 11000}},
				},
				Claims: []Claim{
					{"k-anonymity", map[string]any{"k": 5}, "patient_id", "output", "Each row is attributable to at least 5 people."},
					{"l-diversity", map[string]any{"column": "diagnosis", "l": 3, "variant": "distinct"}, "patient_id", "input", "The people of each class have at least 3 values of diagnosis."},
				}},
			{Name: "by_prefecture", Kind: "statistics", File: "by_prefecture.parquet", SHA256: strings.Repeat("34", 32),
				Statistics: &Statistics{Groups: 94, Unit: "patient_id", Neighbours: "add-or-remove-one-unit", Epsilon: ptr("1"), Delta: ptr("1e-8"), GroupBy: []string{"prefecture", "sex"}, GroupKind: "private", Noise: "exact",
					Bounds: Bounds{GroupsPerUnit: 3, RowsPerGroup: 5}, Selection: &Selection{Mechanism: "discrete-laplace", Threshold: 63, Epsilon: "1/3", Delta: "1e-8", Aggregate: "patients"}, MinUnits: ptr(int64(70)),
					Aggregates: []AggregateInfo{
						{As: "patients", Kind: "count-units", Mechanism: "discrete-laplace", Scale: "9", StdError: 12.7, Epsilon: "1/3", Released: &Summary{94, 63, 140, 810, 2400, 31877}},
						{As: "visits", Kind: "count", Mechanism: "discrete-laplace", Scale: "180", StdError: 254.6, Epsilon: "1/3", Released: &Summary{94, -201, 660, 3300, 9100, 120544}},
						{As: "fees", Kind: "sum", Mechanism: "discrete-gaussian", Scale: "1800.25", StdError: 1800.25, Epsilon: "1/3", Released: &Summary{94, 800, 5120, 44000, 161000, 2.1e6}},
					}},
				Claims: []Claim{{"differential-privacy", map[string]any{"epsilon": "1", "delta": "1e-8"}, "patient_id", "no", "The presence of all rows of one patient_id adds at most (1, 1e-8) beyond what patients discloses."}}},
			{Name: "total", Kind: "statistics", File: "total.parquet", SHA256: strings.Repeat("56", 32),
				Statistics: &Statistics{Groups: 1, Unit: "row", Neighbours: "add-or-remove-one-unit", Epsilon: ptr("1/2"), GroupKind: "public", Bounds: Bounds{GroupsPerUnit: 1, RowsPerGroup: 1},
					Aggregates: []AggregateInfo{{As: "n", Kind: "count", Mechanism: "discrete-laplace", Scale: "2", StdError: 2.8, Interval: 7},
						{As: "m", Kind: "mean", Mechanism: "discrete-laplace", Scale: "2", StdErrorAt: []ErrorAt{{100, 0.28}, {1000, 0.028}}},
						{As: "q", Kind: "quantiles", Mechanism: "exponential", Scale: "4", StdErrorNote: "it depends on how close together the values lie"}},
					Confidence: 0.95, UnitCell: &UnitCell{"visited_at", "day"}},
				Claims: []Claim{{"differential-privacy", map[string]any{"epsilon": "1/2", "delta": "0"}, "row", "no", "The presence of one row changes the probability of any result by at most e^(1/2)."}}},
		}}
}

func render(t *testing.T, r *Report) map[string][]byte {
	t.Helper()
	j, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	h, err := r.HTML()
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{"report.json": j, "report.md": r.Markdown(), "report.html": h}
}

func TestGolden(t *testing.T) {
	for name, got := range render(t, sample()) {
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

func TestSameReportSameBytes(t *testing.T) {
	a, b := render(t, sample()), render(t, sample())
	for name := range a {
		if !bytes.Equal(a[name], b[name]) {
			t.Errorf("%s: two renderings differ", name)
		}
	}
}

func TestParseReadsWhatJSONWrites(t *testing.T) {
	j, err := sample().JSON()
	if err != nil {
		t.Fatal(err)
	}
	r, err := Parse(j)
	if err != nil {
		t.Fatal(err)
	}
	again, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(j, again) {
		t.Error("a report that was read back is written differently")
	}
	for name, bad := range map[string]string{"damaged": `{"oboro": 1, "secret`, "other version": `{"oboro": 2}`, "wrong type": `{"oboro": 1, "title": ["secret"]}`} {
		if _, err := Parse([]byte(bad)); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: error %v; want one that quotes nothing", name, err)
		}
	}
}

// TestFixedKeys pins the keys that programs outside the project read.
func TestFixedKeys(t *testing.T) {
	j, _ := sample().JSON()
	var v any
	if err := json.Unmarshal(j, &v); err != nil {
		t.Fatal(err)
	}
	for _, key := range strings.Fields(`oboro title policy_sha256 files.race\.csv total.epsilon total.delta total.rho
		releases.0.name releases.0.kind releases.0.file releases.0.sha256
		releases.0.microdata.input_rows releases.0.microdata.rows releases.0.microdata.suppressed_rows releases.0.microdata.classes releases.0.microdata.smallest_class releases.0.microdata.counted
		releases.0.microdata.recoding.kind releases.0.microdata.recoding.levels.age releases.0.microdata.cost.metric releases.0.microdata.cost.value
		releases.0.microdata.search.kind releases.0.microdata.search.lattice_nodes releases.0.microdata.search.checked_nodes releases.0.microdata.search.optimal releases.0.microdata.search.lower_bound releases.0.microdata.search.gap
		releases.0.claims.0.model releases.0.claims.0.parameters.k releases.0.claims.0.unit releases.0.claims.0.checked releases.0.claims.0.text
		releases.1.statistics.groups releases.1.statistics.unit releases.1.statistics.neighbours releases.1.statistics.epsilon releases.1.statistics.delta releases.1.statistics.rho
		releases.1.statistics.bounds.groups_per_unit releases.1.statistics.bounds.rows_per_group releases.1.statistics.selection.mechanism releases.1.statistics.selection.threshold
		releases.1.statistics.aggregates.0.as releases.1.statistics.aggregates.0.mechanism releases.1.statistics.aggregates.0.scale releases.1.statistics.aggregates.0.std_error`) {
		if !has(v, strings.Split(strings.ReplaceAll(key, `\.`, "\x00"), ".")) {
			t.Errorf("report.json lacks %s", key)
		}
	}
}

func has(v any, path []string) bool {
	if len(path) == 0 {
		return true
	}
	key := strings.ReplaceAll(path[0], "\x00", ".")
	switch v := v.(type) {
	case map[string]any:
		next, ok := v[key]
		return ok && has(next, path[1:])
	case []any:
		return len(key) == 1 && int(key[0]-'0') < len(v) && has(v[key[0]-'0'], path[1:])
	}
	return false
}

// fill puts text into every string of v, so that nothing is left unescaped
// because the sample lacked it.
func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() && v.Type().Elem().Kind() == reflect.String {
			v.Set(reflect.New(v.Type().Elem()))
		}
		if !v.IsNil() {
			fill(v.Elem(), text)
		}
	case reflect.Interface:
		v.Set(reflect.ValueOf(text))
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), text)
		}
	case reflect.Slice:
		for i := range v.Len() {
			fill(v.Index(i), text)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		if v.Type().Elem().Kind() == reflect.Int {
			v.SetMapIndex(reflect.ValueOf(text), reflect.ValueOf(3))
		} else {
			v.SetMapIndex(reflect.ValueOf(text), reflect.ValueOf(text))
		}
	case reflect.String:
		if s := v.String(); s != "quasi-identifier" && s != "output" {
			v.SetString(text)
		}
	}
}

func TestEveryTextIsEscaped(t *testing.T) {
	const evil = "<script>alert('x')</script>\"|`\n# *Q* [z](javascript:y) &amp; </svg>"
	r := sample()
	fill(reflect.ValueOf(r), evil)
	out := render(t, r)
	page := string(out["report.html"])
	for _, bad := range []string{"<script", "alert('x')", `href="javascript`} {
		if strings.Contains(page, bad) {
			t.Errorf("report.html holds %s unescaped", bad)
		}
	}
	text := string(out["report.md"])
	for _, bad := range []string{"<script", "\n# \\*", "*Q*", "[z]("} {
		if strings.Contains(text, bad) {
			t.Errorf("report.md holds %q unescaped", bad)
		}
	}
	wellFormed(t, page)
}

// wellFormed reads the page token by token and checks that every element that
// is opened is closed in order (void elements apart).
func wellFormed(t *testing.T, page string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(strings.Replace(page, "<!DOCTYPE html>", "", 1)))
	d.Entity, d.AutoClose = xml.HTMLEntity, []string{"meta"}
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatalf("report.html is not well-formed: %v", err)
		}
	}
}

func TestPageIsSelfContained(t *testing.T) {
	page := string(render(t, sample())["report.html"])
	wellFormed(t, page)
	for _, bad := range []string{"<script", "http:", "https:", "url(", "@import", "<img", "<link", " src=", " onload="} {
		if strings.Contains(page, bad) {
			t.Errorf("report.html holds %s", bad)
		}
	}
	if n, titles := strings.Count(page, "<svg"), strings.Count(page, "<title id="); n < 6 || titles != n || strings.Count(page, "<desc id=") != n {
		t.Errorf("%d drawings, %d titles: every drawing has a title and a description", n, titles)
	}
}

func TestSparseReportsRender(t *testing.T) {
	for name, r := range map[string]*Report{
		"empty": {},
		"microdata of nothing": {Releases: []Release{{Name: "m", Kind: "microdata", Microdata: &Microdata{Counted: "rows",
			Cost: CostValue{"rank", []float64{1, 0.5}}, Columns: []ColumnInfo{{Name: "a", Role: "quasi-identifier", Level: ptr(9), MaxLevel: ptr(1)}}}}}},
		"statistics of nothing": {Releases: []Release{{Name: "s", Kind: "statistics", Statistics: &Statistics{Rho: ptr("1/20"),
			Aggregates: []AggregateInfo{{As: "n", StdError: 0, Released: &Summary{N: 3}}}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			out := render(t, r)
			wellFormed(t, string(out["report.html"]))
			for file, text := range out {
				for _, bad := range []string{"NaN", "Inf", "%!", "<nil>"} {
					if bytes.Contains(text, []byte(bad)) {
						t.Errorf("%s holds %s", file, bad)
					}
				}
			}
		})
	}
}

func TestInfiniteFigureIsAnError(t *testing.T) {
	r := sample()
	r.Releases[1].Statistics.Aggregates[0].StdError = math.Inf(1)
	if _, err := r.JSON(); err == nil {
		t.Error("an infinite standard error was written")
	}
}

func TestWords(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{grouped(0), "0"}, {grouped(-1234), "-1,234"}, {grouped(1234567), "1,234,567"},
		{percent(0, 10), "0 %"}, {percent(1, 1e6), "under 0.01 %"}, {percent(506, 30162), "1.7 %"}, {percent(1, 0), "0 %"},
		{short(12.7), "12.7"}, {short(2.1e6), "2,100,000"}, {short(1e-9), "1e-09"}, {short(math.NaN()), "–"},
		{budget(ptr("1/3"), nil, nil), "ε = 1/3"}, {budget(nil, nil, nil), "–"},
		{factor(ptr("1")), "2.72"}, {factor(ptr("1/2")), "1.65"}, {factor(nil), ""},
		{figure(int64(317238626)), "317238626"}, {figure(317238626.0), "317238626"}, {figure(0.3137130352819242), "0.313713"}, {figure(1e300), "1e+300"},
		{power(3), "1,000"}, {power(7), "10⁷"}, {power(-5), "10⁻⁵"},
		{cut("生年月日の列の名前", 8), "生年月日…"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// FuzzParse: whatever JSON a folder holds, reading it gives an error that
// quotes nothing or a report that can be written in every form.
func FuzzParse(f *testing.F) {
	j, err := sample().JSON()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(j)
	f.Add([]byte(`{"oboro": 1, "releases": [{"microdata": {"columns": [{"role": "quasi-identifier", "level": -5, "max_level": 3}]}}]}`))
	f.Add([]byte(`{"oboro": 1, "releases": [{"microdata": {"columns": [{"role": "quasi-identifier", "level_rows": [1, -2, 3], "level_names": ["a"]}], "class_sizes": [{"rows": -1}]}}]}`))
	f.Add([]byte(`{"oboro": 1, "releases": [{"statistics": {"epsilon": "-1", "aggregates": [{"std_error": -1e308, "epsilon": "1e999999", "released": {"n": 1, "min": 1e308, "median": 1e-308}}]}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Parse(text)
		if err != nil {
			return
		}
		if _, err := r.JSON(); err != nil {
			t.Fatal(err)
		}
		page, err := r.HTML()
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(page, []byte("NaN")) && !bytes.Contains(text, []byte("NaN")) {
			t.Error("the page holds NaN")
		}
		r.Markdown()
		r.Summary()
	})
}
