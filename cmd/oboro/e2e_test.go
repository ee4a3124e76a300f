package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/oboro-data/oboro/internal/demo"
	"github.com/oboro-data/oboro/report"
)

func TestUsageErrorsExitTwo(t *testing.T) {
	dir := folder(t)
	for _, c := range []struct {
		args  string
		words string
	}{
		{"", "demo init plan run verify"},
		{"frobnicate", "frobnicate"},
		{"run", "--input --out"},
		{"run policy.yaml", "--input"},
		{"run policy.yaml --input patients.csv", "--out"},
		{"run policy.yaml --input patients.csv --out out --format xlsx", "--format"},
		{"run policy.yaml --input patients.csv --out out --workers -1", "--workers"},
		{"run policy.yaml --input patients.csv --out out --workers many", "--workers"},
		{"run policy.yaml --input patients.csv --out out --memory lots", "--memory"},
		{"run policy.yaml --input patients.csv --out out --temp absent", "--temp"},
		{"run policy.yaml --input patients.csv --out out --delimiter ;;", "--delimiter"},
		{"run policy.yaml --input patients.csv --out out --seed 1", "--seed"},
		{"run policy.yaml --input patients.csv --out out --internal out/risk.json", "--internal"},
		{"run policy.yaml --input policy.yaml --out out", ".parquet"},
		{"run absent.yaml --input patients.csv --out out", "absent.yaml"},
		{"plan", "policy"},
		{"plan absent.yaml", "absent.yaml"},
		{"plan policy.yaml patients.csv", "--input"},
		{"verify", "dir"},
		{"init", "--input"},
		{"demo --rows -5", "--rows"},
		{"demo --rows many", "--rows"},
		{"demo --out policy.yaml", "exists"},
	} {
		refuses(t, dir, 2, strings.Fields(c.words), strings.Fields(c.args)...)
	}
}

func TestHelpAndVersion(t *testing.T) {
	dir := t.TempDir()
	for _, args := range []string{"--help", "run --help", "--version"} {
		if out := succeeds(t, dir, strings.Fields(args)...); !strings.Contains(out, "oboro") {
			t.Errorf("oboro %s prints %q", args, out)
		}
	}
}

func TestSchemaDescribesPolicies(t *testing.T) {
	text := succeeds(t, t.TempDir(), "schema")
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("policy.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("policy.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, policy := range map[string]string{"demo": demo.Policy, "patients": patientPolicy} {
		var v any
		if err := yaml.Unmarshal([]byte(policy), &v); err != nil {
			t.Fatal(err)
		}
		asJSON, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(instance); err != nil {
			t.Errorf("policy %s: %v", name, err)
		}
	}
}

func TestPlanReadsNoRow(t *testing.T) {
	dir := folder(t)
	alone := succeeds(t, dir, "plan", "policy.yaml")
	for _, word := range []string{"rows", "counts", "5", "1e-8"} {
		if !strings.Contains(alone, word) {
			t.Errorf("the plan does not mention %q:\n%s", word, alone)
		}
	}
	withInput := succeeds(t, dir, "plan", "policy.yaml", "--input", "patients.csv")
	if strings.Contains(withInput, marker) {
		t.Error("the plan holds a value of the data")
	}
	write(t, dir, "other.csv", "patient,zip\n1,2\n")
	refuses(t, dir, 2, []string{"other.csv", "no column"}, "plan", "policy.yaml", "--input", "other.csv")
}

// TestRunVerifyReplace is the life of a release folder.
func TestRunVerifyReplace(t *testing.T) {
	for _, format := range []string{"parquet", "csv", "ipc"} {
		t.Run(format, func(t *testing.T) {
			dir := folder(t)
			run := []string{"run", "policy.yaml", "--input", "patients.csv", "--out", "out", "--format", format}
			summary := succeeds(t, dir, run...)
			for _, word := range []string{"rows", "counts", "people", "ε = 1", "oboro verify out", "report.html"} {
				if !strings.Contains(summary, word) {
					t.Errorf("the summary lacks %q:\n%s", word, summary)
				}
			}
			ext := map[string]string{"parquet": ".parquet", "csv": ".csv", "ipc": ".arrow"}[format]
			files := snapshot(t, filepath.Join(dir, "out"))
			var names []string
			for n := range files {
				names = append(names, n)
			}
			slices.Sort(names)
			want := []string{".", "counts" + ext, "policy.yaml", "report.html", "report.json", "report.md", "rows" + ext}
			if !slices.Equal(names, want) {
				t.Errorf("the folder holds %v, want %v", names, want)
			}
			if string(readFile(t, dir, "out", "policy.yaml")) != patientPolicy {
				t.Error("the folder's policy is not the one given")
			}
			for _, input := range [][]string{nil, {"--input", "patients.csv"}} {
				text := succeeds(t, dir, append([]string{"verify", "out"}, input...)...)
				for _, word := range []string{"verified", "rows", "counts", "from the output", "not checkable"} {
					if !strings.Contains(text, word) {
						t.Errorf("verify %v does not say %q:\n%s", input, word, text)
					}
				}
			}
			refuses(t, dir, 2, []string{"exists", "--replace"}, run...)
			succeeds(t, dir, append(run, "--replace")...)
			succeeds(t, dir, "verify", "out")

			if err := os.Mkdir(filepath.Join(dir, "home"), 0o755); err != nil {
				t.Fatal(err)
			}
			write(t, dir, "home/thesis.txt", "years of work")
			refuses(t, dir, 2, []string{"--replace", "release folders only"}, "run", "policy.yaml", "--input", "patients.csv", "--out", "home", "--replace")
		})
	}
}

func TestJSONIsTheReport(t *testing.T) {
	dir := folder(t)
	out := succeeds(t, dir, "run", "policy.yaml", "--input", "patients.csv", "--out", "out", "--json")
	if out != string(readFile(t, dir, "out", "report.json")) {
		t.Error("--json prints something else than report.json holds")
	}
	r, err := report.Parse([]byte(out))
	if err != nil {
		t.Fatal(err)
	}
	m := r.Releases[0].Microdata
	if m == nil || m.InputRows != 1202 || m.SuppressedRows != 2 || m.Rows != 1200 || m.SmallestClass < 5 || m.Counted != "people" {
		t.Errorf("microdata figures %+v; want 1200 of 1202 rows, 2 suppressed, people counted", m)
	}
	if bytes.Contains([]byte(out), []byte("input_rows")) && strings.Contains(out[strings.Index(out, `"statistics"`):], "input_rows") {
		t.Error("the report of statistics holds a true count")
	}
	var checks struct {
		Verified bool
		Checks   []map[string]any
	}
	if err := json.Unmarshal([]byte(succeeds(t, dir, "verify", "out", "--json")), &checks); err != nil || !checks.Verified || len(checks.Checks) == 0 {
		t.Errorf("verify --json: %v, %+v", err, checks)
	}
}

// TestNoiseOfEveryKind runs the policy with each noise, Google's included, and
// verifies what comes out.
func TestNoiseOfEveryKind(t *testing.T) {
	dir := folder(t)
	for noise, mechanism := range map[string]string{"exact": "", "laplace": "laplace", "gaussian": "gaussian", "google": "google"} {
		write(t, dir, "noise.yaml", strings.Replace(patientPolicy, "    groups: private\n", "    groups: private\n    noise: "+noise+"\n", 1))
		r, err := report.Parse([]byte(succeeds(t, dir, "run", "noise.yaml", "--input", "patients.csv", "--out", "out", "--replace", "--json")))
		if err != nil {
			t.Fatal(err)
		}
		s := r.Releases[1].Statistics
		if s.Groups != 5 || s.Noise != noise {
			t.Errorf("noise %s: %d groups, noise %q; want 5, %q", noise, s.Groups, s.Noise, noise)
		}
		for _, a := range s.Aggregates[1:] { // the first carries the selection
			if !strings.Contains(a.Mechanism, mechanism) {
				t.Errorf("noise %s: mechanism of %s is %s", noise, a.As, a.Mechanism)
			}
		}
		succeeds(t, dir, "verify", "out")
	}
}

// TestInputsOfOneSchema: a pattern, a repeated flag and what a shell expands
// give the same table; files of another schema are refused.
func TestInputsOfOneSchema(t *testing.T) {
	dir := folder(t)
	lines := strings.SplitAfter(patients(), "\n")
	write(t, dir, "part-1.csv", strings.Join(lines[:500], ""))
	write(t, dir, "part-2.csv", lines[0]+strings.Join(lines[500:], ""))
	rows := func(args ...string) int64 {
		r, err := report.Parse([]byte(succeeds(t, dir, append(append([]string{"run", "policy.yaml"}, args...), "--json", "--replace", "--out", "out")...)))
		if err != nil {
			t.Fatal(err)
		}
		return r.Releases[0].Microdata.InputRows
	}
	for _, args := range [][]string{
		{"--input", "patients.csv"}, {"--input", "part-*.csv"}, {"--input", "part-1.csv", "--input", "part-2.csv"}, {"--input", "part-1.csv", "part-2.csv"},
	} {
		if got := rows(args...); got != 1202 {
			t.Errorf("%v: %d rows, want 1202", args, got)
		}
	}
	write(t, dir, "part-3.csv", "a,b\n1,2\n")
	refuses(t, dir, 2, []string{"part-3.csv"}, "run", "policy.yaml", "--input", "part-*.csv", "--out", "new")
	refuses(t, dir, 1, []string{"no file matches"}, "run", "policy.yaml", "--input", "nothing-*.csv", "--out", "new")
}

// TestCSVTypesFollowFromThePolicy: a value that is no number, in the first row,
// changes neither the plan nor whether statistics are released.
func TestCSVTypesFollowFromThePolicy(t *testing.T) {
	dir := folder(t)
	_, statistics, _ := strings.Cut(patientPolicy, "  - name: counts\n")
	columns, _, _ := strings.Cut(strings.Replace(patientPolicy, "{role: insensitive, type: integer}", "{role: insensitive}", 1), "  - name: rows\n")
	write(t, dir, "counts.yaml", columns+"  - name: counts\n"+statistics)
	header, rows, _ := strings.Cut(patients(), "\n")
	write(t, dir, "odd.csv", header+"\n"+marker+",10000,30,Nurse,flu,"+marker+"\n"+rows)
	even := succeeds(t, dir, "plan", "counts.yaml", "--input", "patients.csv")
	odd := succeeds(t, dir, "plan", "counts.yaml", "--input", "odd.csv")
	if even != odd || !strings.Contains(odd, "cost as decimal") {
		t.Errorf("one row changes the plan:\n%s", odd)
	}
	succeeds(t, dir, "run", "counts.yaml", "--input", "odd.csv", "--out", "out")
	succeeds(t, dir, "verify", "out", "--input", "odd.csv")
}

// TestRefusals: each is found at its stage, says its words, and leaves every
// file as it was.
func TestRefusals(t *testing.T) {
	dir := folder(t)
	write(t, dir, "damaged.parquet", "PAR1 this is no parquet file "+marker+" PAR1")
	write(t, dir, "damaged.arrow", "ARROW1\x00\x00 "+marker)
	write(t, dir, "ragged.csv", "patient,zip,age,job,diagnosis,cost\n"+marker+",1\n")
	write(t, dir, "empty.csv", "")
	write(t, dir, "badage.csv", patients()+"last,10000,"+marker+",Nurse,flu,1\n")
	plantedInput(t, dir)
	for _, name := range []string{"parquet", "arrow"} {
		whole := readFile(t, dir, "patients."+name)
		write(t, dir, "cut."+name, string(whole[:len(whole)*2/3]))
	}
	write(t, dir, "split.csv", "Nurse;Health;A;*\nDoctor;Health;B;*\nClerk;Other;C;*\nDriver;Other;C;*\n")
	write(t, dir, "twice.csv", strings.Replace(patients(), "job", "zip", 1))
	write(t, dir, "nojob.csv", strings.Replace(patients(), "job", "jobs", 1))
	write(t, dir, "none.csv.gz", "\x1f\x8b"+marker+" is no gzip")
	write(t, dir, "sjis.csv", strings.Replace(patients(), "flu", "\x95\x97\x8e\xd7", 1))
	policy := func(name, from, to string) string {
		if !strings.Contains(patientPolicy, from) {
			t.Fatalf("the policy lacks %q", from)
		}
		write(t, dir, name, strings.Replace(patientPolicy, from, to, 1))
		return name
	}
	for _, c := range []struct {
		name  string
		code  int
		words []string
		args  []string
	}{
		{"input absent", 1, []string{"absent.csv"}, []string{"policy.yaml", "--input", "absent.csv"}},
		{"parquet damaged", 1, []string{"damaged.parquet"}, []string{"policy.yaml", "--input", "damaged.parquet"}},
		{"ipc damaged", 1, []string{"damaged.arrow"}, []string{"policy.yaml", "--input", "damaged.arrow"}},
		{"csv ragged", 1, []string{"ragged.csv: line 2: the row has 2 fields where the header has 6", "write every field", "delimiter:"}, []string{"policy.yaml", "--input", "ragged.csv"}},
		{"csv empty", 1, []string{"empty.csv"}, []string{"policy.yaml", "--input", "empty.csv"}},
		{"wrong delimiter", 2, []string{"patient"}, []string{"policy.yaml", "--input", "patients.csv", "--delimiter", ";"}},
		{"encoding unknown", 2, []string{"encoding"}, []string{"policy.yaml", "--input", "patients.csv", "--encoding", "klingon"}},
		{"no unit", 2, []string{"no-unit.yaml", "unit"}, []string{policy("no-unit.yaml", "unit: patient\n", ""), "--input", "patients.csv"}},
		{"unlisted column", 2, []string{"cost"}, []string{policy("unlisted-column.yaml", "  cost:      {role: insensitive, type: integer}\n", ""), "--input", "patients.csv"}},
		{"no model", 2, []string{"no-model.yaml", "models"}, []string{policy("no-model.yaml", "    models: [k-anonymity: {k: 5}, l-diversity: {column: diagnosis, l: 2}]\n", ""), "--input", "patients.csv"}},
		{"no basis", 2, []string{"basis"}, []string{policy("no-basis.yaml", "    basis: test\n", ""), "--input", "patients.csv"}},
		{"identifier as group", 2, []string{"patient"}, []string{policy("group.yaml", "group-by: [diagnosis]", "group-by: [patient]"), "--input", "patients.csv"}},
		{"no bounds", 2, []string{"bounds"}, []string{policy("no-bounds.yaml", "    bounds: {groups-per-unit: 2}\n", ""), "--input", "patients.csv"}},
		{"private groups without delta", 2, []string{"delta"}, []string{policy("no-delta.yaml", "budget: {epsilon: 1, delta: 1e-8}", "budget: {epsilon: 1}"), "--input", "patients.csv"}},
		{"budget over the cap", 2, []string{"budget"}, []string{policy("cap.yaml", "columns:\n", "budget: {epsilon: 1/2, delta: 1e-8}\ncolumns:\n"), "--input", "patients.csv"}},
		{"no statistics budget", 2, []string{"budget"}, []string{policy("no-budget.yaml", "    budget: {epsilon: 1, delta: 1e-8}\n", ""), "--input", "patients.csv"}},
		{"no range", 2, []string{"range"}, []string{policy("no-range.yaml", ", range: [0, 100], resolution: 1", ""), "--input", "patients.csv"}},
		{"range the wrong way", 2, []string{"range"}, []string{policy("range.yaml", "range: [0, 100]", "range: [100, 0]"), "--input", "patients.csv"}},
		{"epsilon of 0", 2, []string{"epsilon"}, []string{policy("epsilon.yaml", "epsilon: 1,", "epsilon: 0,"), "--input", "patients.csv"}},
		{"delta of 1", 2, []string{"delta"}, []string{policy("delta.yaml", "delta: 1e-8", "delta: 1"), "--input", "patients.csv"}},
		{"large delta", 2, []string{"accept-delta"}, []string{policy("large-delta.yaml", "delta: 1e-8", "delta: 0.1"), "--input", "patients.csv"}},
		{"identifier released", 2, []string{"patient"}, []string{policy("released.yaml", "    basis: test\n", "    basis: test\n    columns: [patient, zip]\n"), "--input", "patients.csv"}},
		{"sum over an identifier", 2, []string{"patient"}, []string{policy("sum.yaml", "column: cost", "column: patient"), "--input", "patients.csv"}},
		{"sum over a text", 2, []string{"diagnosis"}, []string{policy("sum-text.yaml", "column: cost", "column: diagnosis"), "--input", "patients.arrow"}},
		{"model over no such column", 2, []string{"disease"}, []string{policy("model-column.yaml", "column: diagnosis, l: 2", "column: disease, l: 2"), "--input", "patients.csv"}},
		{"model over a quasi-identifier", 2, []string{"zip"}, []string{policy("model-role.yaml", "column: diagnosis, l: 2", "column: zip, l: 2"), "--input", "patients.csv"}},
		{"microdata twice", 2, []string{"microdata"}, []string{policy("twice.yaml", "  - name: counts\n", "  - name: again\n    kind: microdata\n    basis: test\n    models: [k-anonymity: {k: 5}]\n  - name: counts\n"), "--input", "patients.csv"}},
		{"two statistics without a cap", 2, []string{"budget"}, []string{policy("no-cap.yaml", "  - name: counts\n", "  - name: total\n    kind: statistics\n    bounds: {groups-per-unit: 1}\n    aggregates: [count-units: {as: n}]\n    budget: {epsilon: 1}\n  - name: counts\n"), "--input", "patients.csv"}},
		{"name is a path", 2, []string{"name"}, []string{policy("path.yaml", "name: rows", "name: ../rows"), "--input", "patients.csv"}},
		{"hierarchy gets finer", 2, []string{"age"}, []string{policy("finer.yaml", "intervals: [5, 10, 20]", "intervals: [10, 5]"), "--input", "patients.csv"}},
		{"hierarchy file absent", 2, []string{"jobs.csv"}, []string{policy("file.yaml", "levels: [{Nurse: Health, Doctor: Health, Clerk: Other, Driver: Other}]", "file: jobs.csv"), "--input", "patients.csv"}},
		{"hierarchy file that splits", 2, []string{"split.csv"}, []string{policy("split.yaml", "levels: [{Nurse: Health, Doctor: Health, Clerk: Other, Driver: Other}]", "file: split.csv"), "--input", "patients.csv"}},
		{"limits overflow", 2, []string{"range"}, []string{policy("overflow.yaml", "range: [0, 100], resolution: 1", "range: [0, 1e300], resolution: 1e-300"), "--input", "patients.csv"}},
		{"key misspelt", 2, []string{"modles", "models"}, []string{policy("key.yaml", "    models:", "    modles:"), "--input", "patients.csv"}},
		{"no YAML", 2, []string{"no.yaml"}, []string{policy("no.yaml", "unit: patient", "unit: [patient"), "--input", "patients.csv"}},
		{"type differs", 2, []string{"diagnosis", "text"}, []string{policy("type.yaml", "{role: sensitive}", "{role: sensitive, type: integer}"), "--input", "patients.arrow"}},
		{"csv with two columns of a name", 2, []string{"zip"}, []string{"policy.yaml", "--input", "twice.csv"}},
		{"csv without a declared column", 2, []string{"policy.yaml:", "columns.job: the input has no such column"}, []string{"policy.yaml", "--input", "nojob.csv"}},
		{"parquet cut short", 1, []string{"cut.parquet"}, []string{"policy.yaml", "--input", "cut.parquet"}},
		{"ipc cut short", 1, []string{"cut.arrow"}, []string{"policy.yaml", "--input", "cut.arrow"}},
		{"gzip that is none", 1, []string{"none.csv.gz"}, []string{"policy.yaml", "--input", "none.csv.gz"}},
		{"csv of another encoding", 1, []string{"sjis.csv", "encoding"}, []string{"policy.yaml", "--input", "sjis.csv"}},
		{"guarantee out of reach", 3, []string{"rows"}, []string{policy("k.yaml", "k: 5", "k: 100000"), "--input", "patients.csv"}},
		{"value unlisted", 3, []string{"job"}, []string{policy("unlisted-value.yaml", "unlisted: top, ", ""), "--input", "patients.csv"}},
		{"value does not fit", 3, []string{"badage.csv", "age", "1204"}, []string{"policy.yaml", "--input", "badage.csv"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			refuses(t, dir, c.code, c.words, append(append([]string{"run"}, c.args...), "--out", "out")...)
		})
	}
}

func TestOutInAMissingFolder(t *testing.T) {
	dir := folder(t)
	refuses(t, dir, 2, []string{"--out deep", "does not exist"}, "run", "policy.yaml", "--input", "patients.csv", "--out", "no/such/deep")
}

// TestInternalStaysOutside: risk and utility measured on the input go where
// they were asked to go, for their owner's eyes, and not into the folder.
func TestInternalStaysOutside(t *testing.T) {
	dir := folder(t)
	succeeds(t, dir, "run", "policy.yaml", "--input", "patients.csv", "--out", "plain", "--format", "csv")
	for _, name := range []string{"risk.json", "risk.html"} {
		succeeds(t, dir, "run", "policy.yaml", "--input", "patients.csv", "--out", "out", "--replace", "--format", "csv", "--internal", name)
		text := readFile(t, dir, name)
		if !bytes.Contains(text, []byte("INTERNAL – NOT FOR PUBLICATION")) {
			t.Errorf("%s is not marked as internal", name)
		}
		if st, err := os.Stat(filepath.Join(dir, name)); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s can be read by others", name)
		}
		var files [2][]string
		for i, out := range []string{"plain", "out"} {
			for f, content := range snapshot(t, filepath.Join(dir, out)) {
				files[i] = append(files[i], f)
				if strings.Contains(content, "INTERNAL") || strings.Contains(content, "input_risk") {
					t.Errorf("%s/%s holds internal figures", out, f)
				}
			}
			slices.Sort(files[i])
		}
		if diff := cmp.Diff(files[0], files[1]); diff != "" {
			t.Errorf("--internal %s changes the files of the release folder: %s", name, diff)
		}
		succeeds(t, dir, "verify", "out")
	}
	var v report.Internal
	if err := json.Unmarshal(readFile(t, dir, "risk.json"), &v); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, r := range v.Releases {
		if m := r.Microdata; m != nil {
			seen++
			if m.InputRows == 0 || m.Utility == nil || m.Queries == nil || len(m.Columns) != len(m.QuasiIdentifiers) || m.Combined == 0 || m.ReleasedRisk.Highest >= m.InputRisk.Highest {
				t.Errorf("%s: figures are missing or wrong: %+v", r.Name, m)
			}
		}
		if s := r.Statistics; s != nil {
			seen++
			if s.InputGroups-s.MissedGroups != s.ReleasedGroups-s.EmptyGroups {
				t.Errorf("%s: groups don't add up: %+v", r.Name, s)
			}
		}
	}
	if seen == 0 {
		t.Error("no release was measured")
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(filepath.Join(dir, "out"), link); err != nil {
		t.Fatal(err)
	}
	for _, inside := range []string{"out/new.json", "out/none/new.json", link + "/new.json", "out"} {
		refuses(t, dir, 2, []string{"--internal", "outside"}, "run", "policy.yaml", "--input", "patients.csv", "--out", "out/", "--replace", "--internal", inside)
	}
	refuses(t, dir, 2, []string{"--internal", "does not exist"}, "run", "policy.yaml", "--input", "patients.csv", "--out", "out2", "--internal", "none/new.json")
	succeeds(t, dir, "run", "policy.yaml", "--input", "patients.csv", "--out", "out2/")
}

// TestVerifyRejectsAnEditedRow edits one output row into a unique one, once as
// it is and once with the hash in the report made to match.
func TestVerifyRejectsAnEditedRow(t *testing.T) {
	edits := map[string]func(table string) string{
		"a row made unique": func(table string) string {
			lines := strings.SplitAfter(table, "\n")
			cells := strings.Split(lines[1], ",")
			cells[0] = "99***"
			lines[1] = strings.Join(cells, ",")
			return strings.Join(lines, "")
		},
		"a row removed": func(table string) string {
			lines := strings.SplitAfter(table, "\n")
			return strings.Join(append(lines[:1:1], lines[2:]...), "")
		},
		"a row added": func(table string) string {
			return table + "10***,*,*,flu,5\n"
		},
		"a column renamed": func(table string) string { return strings.Replace(table, "diagnosis", "disease", 1) },
	}
	for name, edit := range edits {
		for _, rehash := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/hash matches=%v", name, rehash), func(t *testing.T) {
				dir := folder(t)
				succeeds(t, dir, "run", "policy.yaml", "--input", "patients.csv", "--out", "out", "--format", "csv")
				table := string(readFile(t, dir, "out", "rows.csv"))
				edited := edit(table)
				if edited == table {
					t.Fatal("the edit changes nothing")
				}
				write(t, dir, "out/rows.csv", edited)
				if rehash {
					old, now := fmt.Sprintf("%x", sha256.Sum256([]byte(table))), fmt.Sprintf("%x", sha256.Sum256([]byte(edited)))
					for _, f := range []string{"report.json", "report.md", "report.html"} {
						text := string(readFile(t, dir, "out", f))
						if !strings.Contains(text, old) {
							t.Fatalf("%s does not hold the table's hash", f)
						}
						write(t, dir, "out/"+f, strings.ReplaceAll(text, old, now))
					}
				}
				refuses(t, dir, 3, []string{"rows"}, "verify", "out")
			})
		}
	}
}

// TestVerifyRejectsAnEditedReport: claims and figures are recounted, not read,
// also when the three forms of the report agree with one another.
func TestVerifyRejectsAnEditedReport(t *testing.T) {
	dir := folder(t)
	succeeds(t, dir, "run", "policy.yaml", "--input", "patients.csv", "--out", "out")
	original := readFile(t, dir, "out", "report.json")
	for name, edit := range map[string]func(*report.Report) string{
		"smallest class": func(r *report.Report) string { r.Releases[0].Microdata.SmallestClass = 5000; return "rows" },
		"classes":        func(r *report.Report) string { r.Releases[0].Microdata.Classes++; return "rows" },
		"rows":           func(r *report.Report) string { r.Releases[0].Microdata.Rows--; return "rows" },
		"suppressed":     func(r *report.Report) string { r.Releases[0].Microdata.SuppressedRows = 0; return "rows" },
		"k":              func(r *report.Report) string { r.Releases[0].Claims[0].Parameters["k"] = 50; return "rows" },
		"claim's text":   func(r *report.Report) string { r.Releases[0].Claims[0].Text = "Anonymous."; return "rows" },
		"epsilon":        func(r *report.Report) string { *r.Releases[1].Statistics.Epsilon = "1/10"; return "counts" },
		"total":          func(r *report.Report) string { *r.Total.Epsilon = "1/10"; return "total" },
		"noise scale":    func(r *report.Report) string { r.Releases[1].Statistics.Aggregates[0].Scale = "1000"; return "counts" },
		"threshold":      func(r *report.Report) string { r.Releases[1].Statistics.Selection.Threshold = 1; return "counts" },
		"a release gone": func(r *report.Report) string { r.Releases = r.Releases[:1]; return "the policy declares 2" },
	} {
		t.Run(name, func(t *testing.T) {
			r, err := report.Parse(original)
			if err != nil {
				t.Fatal(err)
			}
			word := edit(r)
			forms := map[string]func() ([]byte, error){
				"report.json": r.JSON, "report.html": r.HTML, "report.md": func() ([]byte, error) { return r.Markdown(), nil },
			}
			for file, form := range forms {
				text, err := form()
				if err != nil {
					t.Fatal(err)
				}
				write(t, dir, "out/"+file, string(text))
			}
			refuses(t, dir, 3, []string{word}, "verify", "out")
		})
	}
	// A key that reports do not have, such as a true count.
	write(t, dir, "out/report.json", strings.Replace(string(original), `"groups":`, `"input_rows": 1205, "groups":`, 1))
	refuses(t, dir, 3, []string{"report.json holds keys"}, "verify", "out")
	write(t, dir, "out/report.json", string(original))
	refuses(t, dir, 3, []string{"report"}, "verify", "out") // the other two forms are still edited
	write(t, dir, "out/report.json", "{")
	if r := oboro(t, dir, "verify", "out"); r.code != 1 && r.code != 3 {
		t.Errorf("a damaged report: exit %d, want 1 or 3", r.code)
	}
	refuses(t, dir, 1, nil, "verify", "absent")
}

// TestInterruption sends Ctrl-C in the middle of a run.
func TestInterruption(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the built program; run without -short")
	}
	dir := t.TempDir()
	before := snapshot(t, dir)
	cmd := exec.Command(program, "demo", "--rows", "400000000")
	cmd.Dir = dir
	var diag bytes.Buffer
	cmd.Stderr = &diag
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// The first line tells that the run has begun.
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_, _ = out.Read(make([]byte, 1<<16))
	_ = cmd.Wait() // the exit code is looked at below
	if code := cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("interrupted: exit %d, want 1\n%s", code, diag.String())
	}
	if !strings.Contains(diag.String(), "interrupted") {
		t.Errorf("the error does not say that the run was interrupted: %q", diag.String())
	}
	if after := snapshot(t, dir); len(after) != len(before) {
		t.Errorf("an interrupted run left files: %v", after)
	}
}

func TestDemo(t *testing.T) {
	dir := t.TempDir()
	text := succeeds(t, dir, "demo", "--rows", "30000", "--table", "visits.parquet")
	for _, word := range []string{"30,000 visits", "visits", "by_prefecture", "by_page", "ε = 2", "oboro verify oboro-demo"} {
		if !strings.Contains(text, word) {
			t.Errorf("the summary lacks %q:\n%s", word, text)
		}
	}
	succeeds(t, dir, "verify", "oboro-demo")
	succeeds(t, dir, "verify", "oboro-demo", "--input", "visits.parquet")
	refuses(t, dir, 2, []string{"--replace"}, "demo", "--rows", "30000")
	succeeds(t, dir, "demo", "--rows", "20000", "--replace")
	write(t, dir, "policy.yaml", succeeds(t, dir, "demo", "--policy"))
	succeeds(t, dir, "run", "policy.yaml", "--input", "visits.parquet", "--out", "again")
}
