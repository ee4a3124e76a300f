package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

const docs = "../docs/benchmarks"

// small runs the experiments at a size of no meaning.
func small(t *testing.T) config {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	shared := os.Getenv("OBORO_SHARED")
	if shared == "" {
		shared = filepath.Join(root, "..", "shared")
	}
	return config{rows: 20_000, people: 2000, rounds: 1, workers: runtime.GOMAXPROCS(0), dir: t.TempDir(), root: root, shared: shared}
}

// TestExperiments runs those that need no process of their own, as far as they
// are quick, and looks for figures of all contenders.
func TestExperiments(t *testing.T) {
	wanted := map[string]string{
		"count": "DuckDB, packed key|DuckDB, 6 columns|Go map", "search": "DuckDB, one GROUP BY of the 6 columns", "csv": "arrow/csv v17|encoding/csv and strconv",
		"members": "", "targets": "", "active": "", "inquiries": "", "reach": "", "research": "DuckDB, one GROUP BY|Go maps, one GROUP BY", "large": "",
	}
	const statistics = "DuckDB, bounded by SQL, no noise|DuckDB, plain GROUP BY|Go maps, no noise|Google's library, of bounded contributions|Go maps, then Google's library"
	for _, e := range append(experiments[:len(experiments):len(experiments)], largeExperiments...) {
		contenders, ok := wanted[e.name]
		if !ok {
			continue
		}
		rows, err := e.run(context.Background(), small(t))
		if err != nil {
			t.Errorf("%s: %v", e.name, err)
			continue
		}
		if contenders == "" && e.name != "large" {
			contenders = statistics
		}
		var got []string
		for _, r := range rows {
			got = append(got, r.Contender)
			if !(r.Value > 0) || !(r.Ratio > 0) {
				t.Errorf("%s: %s took %v, ratio %v", e.name, r.Contender, r.Value, r.Ratio)
			}
		}
		for _, c := range strings.Split(contenders, "|") {
			if !strings.Contains(strings.Join(got, "|"), c) {
				t.Errorf("%s: %q is missing among %q", e.name, c, got)
			}
		}
	}
}

// TestNaiveBounds counts by hand what the maps keep.
func TestNaiveBounds(t *testing.T) {
	b := newBounder[string](limits{groups: 2, rows: 2, sum: 10})
	for range 3 {
		b.add(1, "a", 4)
	}
	b.add(1, "b", 1)
	b.add(1, "c", 1)
	b.add(2, "a", 1)
	kept := b.kept()
	if len(kept) != 3 {
		t.Fatalf("%d contributions are kept, want two of one unit and one of the other", len(kept))
	}
	for _, c := range kept {
		if c.rows > 2 || c.sum > 10 {
			t.Errorf("%+v is beyond the limits", c)
		}
	}
	if a := totals(kept)["a"]; a[0] < 1 || a[0] > 2 {
		t.Errorf("%d people in a", a[0])
	}
	// So many people in one group that selection and noise can't lose them.
	many := make([]contribution[int], 100_000)
	for i := range many {
		many[i].rows = 1
	}
	released, err := releaseByGoogle(many, limits{groups: 1, rows: 1})
	if err != nil || len(released) != 1 || released[0][0] < 99_000 || released[0][0] > 101_000 {
		t.Errorf("released %v, %v", released, err)
	}
}

// TestTargetsAreOfTheSuite checks that no target has become unreachable by a
// renamed experiment or contender.
func TestTargetsAreOfTheSuite(t *testing.T) {
	names := map[string]bool{}
	for _, e := range append(experiments[:len(experiments):len(experiments)], largeExperiments...) {
		names[e.name] = true
	}
	for _, x := range targets {
		if !names[x.of.experiment] {
			t.Errorf("target %q is of no experiment", x.work)
		}
	}
	for _, s := range sections {
		for _, e := range s.experiments {
			if !names[e] {
				t.Errorf("section %q has no experiment %q", s.title, e)
			}
			delete(names, e)
		}
	}
	if len(names) > 0 {
		t.Errorf("the page leaves out %v", names)
	}
}

// TestVerdicts walks through what the page says of a target.
func TestVerdicts(t *testing.T) {
	x := target{of: selector{experiment: "e", contender: "other"}, figure: ratioOf, limit: 0.2, aim: 0.1, why: "of this"}
	for _, c := range []struct {
		ratio float64
		want  string
	}{{0.05, "reached, and the aim"}, {0.15, "reached, the aim not"}, {0.3, "**missed**: of this"}} {
		r := results{Rows: []row{{Experiment: "e", Contender: "other", Ratio: c.ratio, OfRatio: 0.05, Rounds: 5}}}
		if a := r.answer(x); a.verdict != c.want || !strings.HasSuffix(a.text, " ± 5 % of other") {
			t.Errorf("ratio %v: %q, %q", c.ratio, a.text, a.verdict)
		}
	}
	x.setAt = 400
	r := results{Rows: []row{{Experiment: "e", Contender: "other", Ratio: 0.3, PerRow: 100}}}
	if a := r.answer(x); !strings.HasSuffix(a.verdict, "took 400 ns a row, here it takes 100; oboro's 30 ns are 0.075 of the former") {
		t.Errorf("%q", a.verdict)
	}
	if a := (&results{Failed: []failure{{Experiment: "e"}}}).answer(x); a.measured || a.verdict != "its experiment failed" {
		t.Errorf("after a failure: %+v", a)
	}
}

// TestOnto keeps what was not run again.
func TestOnto(t *testing.T) {
	last := &results{Taken: "1", Rows: []row{{Experiment: "files", Value: 1}, {Experiment: "count", Value: 1}}, Failed: []failure{{Experiment: "csv"}}}
	again := &results{Taken: "2", Rows: []row{{Experiment: "count", Value: 2}, {Experiment: "csv", Value: 2}}}
	got := again.onto(last, []string{"count", "csv"})
	if fmt.Sprint(got.Rows[0].Value, got.Rows[1].Value, got.Rows[2].Value) != "1 2 2" || len(got.Failed) != 0 || len(got.Again) != 2 || got.Taken != "1" {
		t.Errorf("%+v", got)
	}
}

// TestPagesSayWhatWasMeasured makes the page and the table in the project's
// README again from the results of the last run: none of their figures was
// written by hand, and none is older.
func TestPagesSayWhatWasMeasured(t *testing.T) {
	r, err := readResults(docs)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Rows) < 50 {
		t.Errorf("%d rows are no full run", len(r.Rows))
	}
	page, err := os.ReadFile(filepath.Join(docs, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if string(page) != r.page() {
		t.Error("docs/benchmarks/README.md is not that of results.json; `make bench-page` writes it")
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	want, err := r.quoted(string(readme))
	if err != nil || string(readme) != want {
		t.Errorf("README.md quotes other figures than results.json has, %v; `make bench-page` writes them", err)
	}
	if n := strings.Count(want, " of DuckDB") + strings.Count(want, " of ARX"); n < 4 {
		t.Errorf("README.md compares in %d lines only", n)
	}
}

// TestCharts draws all of them from the last run.
func TestCharts(t *testing.T) {
	r, err := readResults(docs)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range charts {
		path := filepath.Join(t.TempDir(), c.file)
		if err := c.draw(path, r); err != nil {
			t.Errorf("%s: %v", c.file, err)
			continue
		}
		if raw, err := os.ReadFile(path); err != nil || !strings.Contains(string(raw), "<svg") {
			t.Errorf("%s is no picture, %v", c.file, err)
		}
	}
}

// TestTaskKeepsRows lets an experiment fail in the middle, and another panic.
func TestTaskKeepsRows(t *testing.T) {
	defer func(saved []experiment) { experiments = saved }(experiments)
	experiments = []experiment{
		{"half", "", func(context.Context, config) ([]row, error) {
			return []row{{Work: "first half"}}, fmt.Errorf("no second half")
		}},
		{"panic", "", func(context.Context, config) ([]row, error) { panic("lost") }},
	}
	for task, want := range map[string]string{"half": "no second half", "panic": "benchmark", "none": "no task"} {
		var answer strings.Builder
		if err := runTask(context.Background(), small(t), task, &answer); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(answer.String(), want) || (task == "half") != strings.Contains(answer.String(), "first half") {
			t.Errorf("%s: %s", task, answer.String())
		}
	}
}

// TestARX compiles and runs the Java program against a stand-in for ARX that
// answers at once: it tests the way there and back, not ARX.
func TestARX(t *testing.T) {
	for _, tool := range []string{"java", "javac"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(tool + " is not installed")
		}
	}
	cfg := small(t)
	var sources []string
	err := filepath.WalkDir("testdata/arx", func(path string, _ os.DirEntry, err error) error {
		if strings.HasSuffix(path, ".java") {
			sources = append(sources, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg.arx = filepath.Join(cfg.dir, "classes")
	if text, err := exec.Command("javac", append([]string{"-d", cfg.arx}, sources...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	engine, err := newARX(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	o, err := engine.anonymize(t.Context(), cfg, reference{table: "any", columns: []string{"a", "b"}, limit: 0.02})
	if err != nil {
		t.Fatal(err)
	}
	if o.Seconds <= 0 || engine.version != "0.0" || fmt.Sprint(o.Levels) != "[1 1]" {
		t.Errorf("%+v", o)
	}
	cfg.arx = cfg.dir
	if _, err := newARX(t.Context(), cfg); err == nil {
		t.Error("a class path without ARX compiled")
	}
}
