package anon

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/arrowio"
)

// patients is the example policy of the documentation; tests change one thing.
func patients(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("testdata/patients.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var patientsSchema = arrow.NewSchema([]arrow.Field{
	{Name: "patient_id", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "birth_date", Type: arrow.FixedWidthTypes.Date32, Nullable: true},
	{Name: "zip", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "age", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "race", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "job", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "prefecture", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "sex", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "diagnosis", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "fee", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	{Name: "page", Type: arrow.BinaryTypes.String, Nullable: true},
}, nil)

// planText parses and plans, as every program does.
func planText(text string) (*Plan, error) {
	p, err := ParsePolicy([]byte(text), "testdata")
	if err != nil {
		return nil, err
	}
	return p.Plan(patientsSchema)
}

func TestExamplePolicyIsAPlan(t *testing.T) {
	p, err := LoadPolicy("testdata/patients.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, schema := range []*arrow.Schema{nil, patientsSchema} {
		plan, err := p.Plan(schema)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"Patients of 2025", "Each row is attributable to at least 5 people", "standard error", "probability of release", "ε=4/3, δ=1e-8", "cap"} {
			if !strings.Contains(plan.String(), want) {
				t.Errorf("the plan does not say %q:\n%s", want, plan)
			}
		}
	}
	if len(p.Files) != 2 || len(p.Files["race.csv"].SHA256) != 64 {
		t.Errorf("files: %v", p.Files)
	}
	o := p.CSVOptions()
	if o.Types["race"].Kind != arrowio.Text || o.Types["zip"].Kind != arrowio.Text || o.Types["job"].Kind != arrowio.Text ||
		o.Types["age"].Kind != arrowio.Integer || o.Types["birth_date"].Format != "%Y-%m-%d" {
		t.Errorf("CSV types: %v", o.Types)
	}
	if page := o.Types["page"]; page.Kind != arrowio.Text || !page.Undeclared {
		t.Errorf("page, which no row that leaves has, is opened as %+v, not as text until a release says more", page)
	}
	if _, typed := o.Types["diagnosis"]; !typed {
		t.Error("diagnosis, under a hierarchy of texts, is not text")
	}
}

// A refusal changes the example policy and says what the error must tell: the
// line that the change is on, the key, and words of rule and remedy.
type refusal struct {
	name     string
	old, new string
	key      string
	words    []string
	line     int // 0: that of the change
}

var refusals = []refusal{
	// Refused before a row is read: the list at the end of the specification.
	{"no unit", "unit: patient_id\n", "", "unit", []string{"missing", "unit: row"}, 1},
	{"unit not declared", "unit: patient_id", "unit: patient", "unit", []string{"not declared", `did you mean "patient_id"`}, 1},
	{"unit no identifier", "patient_id: {role: identifier}", "patient_id: {role: insensitive}", "columns.patient_id", []string{"role: identifier"}, 0},
	{"unlisted column", "  page:       {role: insensitive}\n", "", "columns", []string{`"page"`, "not listed", "add it with its role"}, 7},
	{"column the input lacks", "page:       {role", "pages:      {role", "columns.pages", []string{"no such column", `"page"`}, 0},
	{"no model", "      - k-anonymity: {k: 5}\n      - l-diversity: {column: diagnosis, l: 3, variant: distinct}\n      - t-closeness: {column: diagnosis, t: 0.2, distance: hierarchical}\n      - beta-likeness: {column: diagnosis, beta: 3, variant: enhanced}\n      - delta-disclosure: {column: diagnosis, delta: 1.5}\n      - k-map: {k: 3, population: 317238626, estimator: zero-truncated-poisson, significance: 0.01}\n      - average-risk: {threshold: 0.01}\n      - sample-uniqueness: {threshold: 0.0}\n", "      []\n", "releases[0].models", []string{"at least one"}, 24},
	{"no basis", "    basis: research contract 2026-11\n", "", "releases[0].basis", []string{"missing", "contract"}, 20},
	{"empty basis", "basis: research contract 2026-11", "basis: ''", "releases[0].basis", []string{"empty"}, 0},
	{"second microdata", "  - name: by_sex\n", "  - {name: again, kind: microdata, basis: b, models: [{k-anonymity: {k: 2}}]}\n  - name: by_sex\n", "releases[2]", []string{"second microdata", "line 20"}, 0},
	{"identifier leaves", "columns: [birth_date,", "columns: [patient_id, birth_date,", "releases[0].columns", []string{"identifier", "never leaves", "remove it"}, 0},
	{"identifier in group-by", "group-by: [prefecture,", "group-by: [patient_id,", "releases[1].group-by[0]", []string{"identifier", "count-distinct"}, 0},
	{"role of a model", "l-diversity: {column: diagnosis", "l-diversity: {column: fee", "releases[0].models[1].l-diversity", []string{"insensitive", "role: sensitive"}, 0},
	{"type of a sum", "sum: {column: fee", "sum: {column: page", "releases[1].aggregates[2].sum", []string{"needs numbers", "type: decimal"}, 0},
	{"type of a hierarchy", `zip:        {role: quasi-identifier, hierarchy: {prefix: [3, 2]}}`, `zip:        {role: quasi-identifier, hierarchy: {intervals: [5]}}`, "columns.zip.hierarchy", []string{"number"}, 0},
	{"no bounds", "    bounds: {groups-per-unit: 3, rows-per-group: 5}\n", "", "releases[1].bounds", []string{"missing", "groups-per-unit"}, 39},
	{"no groups-per-unit", "bounds: {groups-per-unit: 3, ", "bounds: {", "releases[1].bounds.groups-per-unit", []string{"missing"}, 0},
	{"no budget", "    budget: {epsilon: 1, delta: 1e-8}\n", "", "releases[1].budget", []string{"missing", "epsilon"}, 39},
	{"no range", "fees, range: [0, 200],", "fees,", "releases[1].aggregates[2].sum.range", []string{"missing", "without looking at the data"}, 0},
	{"private without delta", "budget: {epsilon: 1, delta: 1e-8}", "budget: {epsilon: 1}", "releases[1].budget", []string{"delta > 0", "public"}, 0},
	{"private with delta 0", "budget: {epsilon: 1, delta: 1e-8}", "budget: {epsilon: 1, delta: 0}", "releases[1].budget", []string{"delta > 0"}, 0},
	{"epsilon 0", "budget: {epsilon: 1, delta: 1e-8}", "budget: {epsilon: 0, delta: 1e-8}", "releases[1].budget.epsilon", []string{"not more than 0"}, 0},
	{"epsilon negative", "budget: {epsilon: 1/3}", "budget: {epsilon: -1/3}", "releases[2].budget.epsilon", []string{"not more than 0"}, 0},
	{"delta 1", "budget: {epsilon: 1, delta: 1e-8}", "budget: {epsilon: 1, delta: 1}", "releases[1].budget.delta", []string{"[0, 1)"}, 0},
	{"delta negative", "budget: {epsilon: 1, delta: 1e-8}", "budget: {epsilon: 1, delta: -1e-8}", "releases[1].budget.delta", []string{"[0, 1)"}, 0},
	{"delta 1/10", "budget: {epsilon: 1, delta: 1e-8}", "budget: {epsilon: 1, delta: 1/10}", "releases[1].budget.delta", []string{"1/10", "accept-delta: true"}, 0},
	{"beyond the cap", "budget: {epsilon: 2, delta: 2e-8}", "budget: {epsilon: 1.3333333333, delta: 2e-8}", "releases[2].budget", []string{"by_sex", "1/3", "cap"}, 64},
	{"delta beyond the cap", "budget: {epsilon: 2, delta: 2e-8}", "budget: {epsilon: 2, delta: 0.99999999e-8}", "releases[1].budget", []string{"by_prefecture", "cap"}, 55},
	{"no cap", "budget: {epsilon: 2, delta: 2e-8}\n", "", "budget", []string{"missing", "2 statistics releases", "cap"}, 1},
	{"finer hierarchy", "{Nurse: Health, Doctor: Health, Clerk: Office}", "{Nurse: Health, Doctor: Health, Clerk: Office}, {Health: A}", "columns.job.hierarchy", []string{"loses a value"}, 0},
	{"prefix gets finer", "{prefix: [3, 2]}", "{prefix: [2, 3]}", "columns.zip.hierarchy", []string{"decrease"}, 0},
	{"intervals do not nest", "intervals: [5, 10, 20]", "intervals: [5, 12]", "columns.age.hierarchy", []string{"multiple"}, 0},
	{"release name", "name: by_sex", "name: ../by_sex", "releases[2].name", []string{"plain file name"}, 0},
	{"release name report", "name: by_sex", "name: report", "releases[2].name", []string{"plain file name"}, 0},
	{"release name twice", "name: by_sex", "name: Patients", "releases[2].name", []string{"another release"}, 0},
	{"sum of an identifier", "sum: {column: fee", "sum: {column: patient_id", "releases[1].aggregates[2].sum", []string{"identifier", "count-distinct"}, 0},

	// What follows from the rules.
	{"version", "oboro: 1", "oboro: 2", "oboro", []string{"1 to 1"}, 0},
	{"unknown key", "nulls: value", "null: value", "null", []string{"unknown key", `"nulls"`}, 0},
	{"unknown column key", "zip:        {role: quasi-identifier, hierarchy", "zip:        {role: quasi-identifier, hierachy", "columns.zip.hierachy", []string{"unknown key", `"hierarchy"`}, 0},
	{"unknown model", "- k-anonymity: {k: 5}", "- k-anonimity: {k: 5}", "releases[0].models[0].k-anonimity", []string{"unknown key", `"k-anonymity"`}, 0},
	{"unknown role", "page:       {role: insensitive}", "page:       {role: insensitiv}", "columns.page.role", []string{`"insensitive"`}, 0},
	{"duplicate key", "nulls: value\n", "nulls: value\nnulls: value\n", "", []string{"nulls", "line 6", "keep one"}, 7},
	{"missing file", "file: race.csv", "file: races.csv", "columns.race.hierarchy", []string{"races.csv", "relative to the policy file"}, 0},
	{"hierarchy of two kinds", "{file: race.csv}", "{file: race.csv, prefix: [1]}", "columns.race.hierarchy", []string{"exactly one of"}, 0},
	{"type under text hierarchy", "race:       {role: quasi-identifier,", "race:       {role: quasi-identifier, type: integer,", "columns.race.type", []string{"text"}, 0},
	{"type mismatch", "fee:        {role: insensitive, type: decimal}", "fee:        {role: insensitive, type: integer}", "columns.fee", []string{"type: integer", "float64"}, 0},
	{"format without date", "fee:        {role: insensitive, type: decimal}", "fee:        {role: insensitive, type: decimal, format: '%d'}", "columns.fee.format", []string{"dates"}, 0},
	{"suppression limit", "suppression-limit: 0.02", "suppression-limit: 1.02", "releases[0].suppression-limit", []string{"at most 1"}, 0},
	{"number with too many digits", "suppression-limit: 0.02", "suppression-limit: 1/3", "releases[0].suppression-limit", []string{"digits"}, 0},
	{"recursive without c", "l: 3, variant: distinct", "l: 3, variant: recursive", "releases[0].models[1].l-diversity.c", []string{"needs c"}, 0},
	{"hierarchical without hierarchy", "diagnosis:  {role: sensitive, hierarchy: {file: diagnosis.csv}}", "diagnosis:  {role: sensitive}", "releases[0].models[2].t-closeness", []string{"no hierarchy"}, 27},
	{"model column not released", "job, diagnosis, fee]", "job, fee]", "releases[0].models[1].l-diversity", []string{"not among the columns"}, 26},
	{"weights of no column", "weights: {age: 2}", "weights: {agee: 2}", "releases[0].cost.weights.agee", []string{"not declared", `"age"`}, 0},
	{"weights without columns in the metric", "metric: loss, gs-factor: 0.5, aggregate: geometric-mean,", "metric: discernibility,", "releases[0].cost", []string{"no weights"}, 0},
	{"level that is none", "levels: {age: 2}", "levels: {age: 7}", "releases[0].levels.age", []string{"levels are 0 to 4"}, 0},
	{"level of another width", "levels: {age: 2}", "levels: {age: width-7}", "releases[0].levels.age", []string{"raw, width-5, width-10, width-20, *"}, 0},
	{"group level that is none", "level: 10-years", "level: 11-years", "releases[1].group-by[2]", []string{"10-years"}, 0},
	{"deadline without anytime", "search: optimal", "search: optimal\n    deadline: 30s", "releases[0].deadline", []string{"anytime"}, 36},
	{"anytime without deadline", "search: optimal", "search: anytime", "releases[0].search", []string{"deadline"}, 0},
	{"output columns of one name", "as: visits", "as: patients", "releases[1].aggregates[1].count", []string{"another name"}, 0},
	{"output column like a group", "as: visits", "as: prefecture", "releases[1].aggregates[1].count", []string{"group-by"}, 0},
	{"range turned round", "as: mean_age, range: [0, 100]", "as: mean_age, range: [100, 0]", "releases[1].aggregates[3].mean.range", []string{"[low, high]"}, 0},
	{"edges that fall", "edges: [0, 18, 40, 65, 100]", "edges: [0, 18, 18]", "releases[1].aggregates[7].histogram.edges", []string{"increase"}, 0},
	{"rank outside", "ranks: [0.5, 0.9]", "ranks: [50]", "releases[1].aggregates[6].quantiles.ranks", []string{"[0, 1]"}, 0},
	{"public groups of another column", "{public: {sex: [f, m, null]}}", "{public: {sax: [f]}}", "releases[2].groups.public.sex", []string{"missing"}, 0},
	{"gaussian without delta", "budget: {epsilon: 1/3}", "budget: {epsilon: 1/3}\n    noise: gaussian", "releases[2].noise", []string{"delta > 0", "exact"}, 65},
	{"epsilon and rho", "budget: {epsilon: 1/3}", "budget: {epsilon: 1/3, rho: 1}", "releases[2].budget.rho", []string{"not both"}, 0},
	{"rho under a cap in epsilon", "budget: {epsilon: 1/3}", "budget: {rho: 1/100}", "releases[2].budget", []string{"in rho", "cap in epsilon", "write the cap in rho"}, 0},
	{"not a number", "budget: {epsilon: 1/3}", "budget: {epsilon: much}", "releases[2].budget.epsilon", []string{"decimal", "fraction"}, 0},
	{"set without km", "page:       {role: insensitive}", "page:       {role: insensitive, set: {separator: '|'}}", "releases[1].aggregates[8].count-distinct", []string{"is a set"}, 54},
	{"no set", "- average-risk: {threshold: 0.01}", "- km-anonymity: {column: diagnosis, k: 5, m: 2}", "releases[0].models[6].km-anonymity", []string{"is no set", "k-anonymity"}, 0},
	{"research subset", "- average-risk: {threshold: 0.01}", "- delta-presence: {min: 0, max: 0.2, subset: race.csv}", "releases[0].models[6].delta-presence", []string{"race.csv", "no column"}, 0},
	{"population table", "k-map: {k: 3, population: 317238626, estimator: zero-truncated-poisson, significance: 0.01}", "k-map: {k: 3, population-table: diagnosis.csv}", "releases[0].models[5].k-map", []string{"diagnosis.csv", "no column"}, 0},
	{"overflow of the exact arithmetic", "range: [0, 200], resolution: 0.01", "range: [0, 1e30], resolution: 0.01", "releases[1].aggregates[2].sum", []string{"resolution"}, 0},
	{"overflow of rows", "rows-per-group: 5", "rows-per-group: 1099511627776", "releases[1].bounds", []string{"rows-per-group"}, 0},
	{"public interval of another level", "group-by: [sex]\n    groups: {public: {sex: [f, m, null]}}", "group-by: [{column: age, level: 2}]\n    groups: {public: {age: [30-39, 35-39]}}", "releases[2].groups", []string{"group 2", "no label of its level", "noise only"}, 61},
	{"public label that the file lacks", "group-by: [sex]\n    groups: {public: {sex: [f, m, null]}}", "group-by: [{column: race, level: 1}]\n    groups: {public: {race: [nowhere]}}", "releases[2].groups", []string{"group 1", "no label of its level"}, 61},
	{"public file without groups", "groups: {public: {sex: [f, m, null]}}", "groups: {public-file: no-groups.csv}", "releases[2].groups", []string{"lists no group", "in every line"}, 0},
	{"public value of another type", "group-by: [sex]\n    groups: {public: {sex: [f, m, null]}}", "group-by: [age]\n    groups: {public: {age: [ten]}}", "releases[2].groups", []string{"canonical"}, 61},
	{"no quasi-identifier", "columns: [birth_date, zip, age, race, job, diagnosis, fee]", "columns: [diagnosis, fee]", "releases[0].columns", []string{"no quasi-identifier"}, 0},
	{"min-units 0", "min-units: 10", "min-units: 0", "releases[1].min-units", []string{"whole number from 1"}, 0},
	{"overflow", "count: {as: visits, per-unit: 20}", "count: {as: visits, per-unit: 20000000000000000000}", "releases[1].aggregates[1].count.per-unit", []string{"whole number"}, 0},
}

func TestRefusals(t *testing.T) {
	for _, r := range refusals {
		t.Run(r.name, func(t *testing.T) {
			text := patients(t)
			before, _, found := strings.Cut(text, r.old)
			if !found {
				t.Fatalf("the example policy has no %q", r.old)
			}
			line := r.line
			if line == 0 {
				line = strings.Count(before, "\n") + 1
			}
			_, err := planText(strings.Replace(text, r.old, r.new, 1))
			if err == nil {
				t.Fatal("accepted")
			}
			if !errors.Is(err, ErrPlan) || ExitCode(err) != 2 {
				t.Errorf("not of kind Plan: %v", err)
			}
			at := "policy:" + strconv.Itoa(line) + ": "
			if r.key != "" {
				at += r.key + ": "
			}
			for _, w := range append(r.words, at) {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("the error does not say %q:\n%s", w, err)
				}
			}
			for _, l := range strings.Split(err.Error(), "\n") {
				if !strings.ContainsAny(l, ";?") {
					t.Errorf("no remedy in %q", l)
				}
			}
		})
	}
}

func TestBeyondTheCapIsABudgetError(t *testing.T) {
	_, err := planText(strings.Replace(patients(t), "budget: {epsilon: 2,", "budget: {epsilon: 1,", 1))
	if !errors.Is(err, ErrBudget) || !errors.Is(err, ErrPlan) || ExitCode(err) != 2 {
		t.Errorf("kind of %v", err)
	}
}

// Three thirds fit into one, exactly; a hair more does not.
func TestCapIsExact(t *testing.T) {
	policy := func(cap string, n int) string {
		text := "oboro: 1\nunit: row\nbudget: {epsilon: " + cap + "}\ncolumns: {a: {role: insensitive}}\nreleases:\n"
		for i := range n {
			text += fmt.Sprintf("  - {name: r%d, kind: statistics, bounds: {}, budget: {epsilon: 1/3}, aggregates: [count-units: {as: n}]}\n", i)
		}
		return text
	}
	for _, c := range []struct {
		cap string
		n   int
		ok  bool
	}{{"1", 3, true}, {"1", 4, false}, {"0.9999999999999999999999", 3, false}, {"2/3", 2, true}} {
		p, err := ParsePolicy([]byte(policy(c.cap, c.n)), ".")
		if err == nil {
			_, err = p.Plan(nil)
		}
		if (err == nil) != c.ok {
			t.Errorf("cap %s, %d thirds: %v", c.cap, c.n, err)
		}
	}
}

func TestAcceptDelta(t *testing.T) {
	for _, b := range []string{"budget: {epsilon: 1, delta: 0.2, accept-delta: true}", "budget: {epsilon: 1, delta: 0.2}\n    accept-delta: true"} {
		text := strings.Replace(patients(t), "budget: {epsilon: 1, delta: 1e-8}", b, 1)
		text = strings.Replace(text, "budget: {epsilon: 2, delta: 2e-8}", "budget: {epsilon: 2, delta: 0.3, accept-delta: true}", 1)
		if _, err := planText(text); err != nil {
			t.Error(err)
		}
	}
}

// The same policy as JSON is the same policy, and its errors have lines too.
func TestJSONPolicy(t *testing.T) {
	root, err := parseText([]byte(patients(t)))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.MarshalIndent(toJSON(root), "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	a, err := planText(patients(t))
	if err != nil {
		t.Fatal(err)
	}
	b, err := planText(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if a.total.String() != b.total.String() || len(b.steps) != 3 {
		t.Errorf("total %s, as JSON %s", a.total, b.total)
	}
	bad := strings.Replace(string(text), `"role": "identifier"`, `"role": "idntifier"`, 1)
	line := strings.Count(bad[:strings.Index(bad, "idntifier")], "\n") + 1
	if _, err := planText(bad); err == nil || !strings.Contains(err.Error(), "policy:"+strconv.Itoa(line)+": columns.") {
		t.Errorf("want line %d: %v", line, err)
	}
	dup := `{"oboro": 1,` + "\n" + `"oboro": 1}`
	if _, err := planText(dup); err == nil || !strings.Contains(err.Error(), "policy:2: ") {
		t.Errorf("duplicate key: %v", err)
	}
}

// toJSON turns a policy text into the values that encoding/json writes. Numbers
// become texts: both are read alike.
func toJSON(n *node) any {
	switch n.kind {
	case mapNode:
		m := map[string]any{}
		for _, e := range n.entries {
			m[e.key] = toJSON(e.value)
		}
		return m
	case listNode:
		var l []any
		for _, i := range n.items {
			l = append(l, toJSON(i))
		}
		return l
	case nullNode:
		return nil
	}
	if b := n.text == "true" || n.text == "false"; b && !n.quoted {
		return n.text == "true"
	}
	return n.text
}

func TestTextsThatAreNoPolicy(t *testing.T) {
	deep := strings.Repeat("[", 100000)
	bomb := "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c < 'j'; c++ {
		bomb += fmt.Sprintf("%c: &%c [*%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c]\n", c, c, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1)
	}
	for name, text := range map[string]string{
		"empty": "", "comment": "# nothing\n", "list": "- a", "scalar": "5", "null": "null", "binary": "\x00\x01\xff", "unclosed": "a: [1, 2", "tab": "a:\n\tb: 1",
		"brackets": deep, "dashes": strings.Repeat("- ", 300000), "bomb": bomb, "loop": "a: &a [*a]", "alias without anchor": "a: *b",
		"merge": "a: &a {b: 1}\nc:\n  <<: *a\n", "two documents": "oboro: 1\n---\noboro: 1\n", "tag": "a: !!binary aGk=", "deep JSON": strings.Repeat("[", 9000) + strings.Repeat("]", 9000),
		"deep maps": strings.Repeat("{a: ", 150) + "1" + strings.Repeat("}", 150), "long": strings.Repeat("#", maxPolicyBytes+1),
	} {
		_, err := ParsePolicy([]byte(text), ".")
		if err == nil || ExitCode(err) != 2 || !strings.HasPrefix(err.Error(), "policy:") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAliasesAreFollowed(t *testing.T) {
	text := strings.Replace(patients(t), "prefecture: {role: quasi-identifier}", "prefecture: &q {role: quasi-identifier}", 1)
	text = strings.Replace(text, "sex:        {role: quasi-identifier, order: [f, m]}", "sex: *q", 1)
	if _, err := planText(text); err != nil {
		t.Error(err)
	}
}

func TestLoadPolicyOfNoFile(t *testing.T) {
	for _, path := range []string{filepath.Join(t.TempDir(), "policy.yaml"), t.TempDir()} {
		_, err := LoadPolicy(path)
		if ExitCode(err) != 2 || strings.Contains(err.Error(), filepath.Dir(path)) {
			t.Errorf("%v", err)
		}
	}
}

func FuzzParsePolicy(f *testing.F) {
	f.Add(patients(f))
	f.Add(loginsPolicy)
	f.Add(rowsPolicy)
	for _, r := range refusals {
		f.Add(r.new)
	}
	f.Add(`{"oboro": 1, "unit": "row", "columns": {"a": {"role": "insensitive"}}, "releases": []}`)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePolicy([]byte(text), "testdata")
		if err == nil {
			_, err = p.Plan(nil)
		}
		if err != nil && ExitCode(err) != 2 {
			t.Errorf("not of kind Plan: %v", err)
		}
	})
}

func TestExactNumbers(t *testing.T) {
	for text, want := range map[string]string{"1": "1", "0.1": "1/10", "1e-8": "1/100000000", "1/3": "1/3", "+2.50": "5/2", "-.5": "-1/2", "1E3": "1000"} {
		n, ok := parseNumber(text)
		if !ok || n.Rat().RatString() != want || n.String() != text {
			t.Errorf("%s: %v %v", text, n.Rat(), ok)
		}
	}
	for _, text := range []string{"", "x", "1/0", "0x10", "1_000", "NaN", "inf", "1e9999", " 1", "1 ", "1/2/3", "1.5/2", "١", strings.Repeat("1", 61)} {
		if n, ok := parseNumber(text); ok {
			t.Errorf("%q is read as %v", text, n.Rat())
		}
	}
	if _, exact := mustNumber("1/3").Float(); exact {
		t.Error("no decimal is 1/3")
	}
	if f, exact := mustNumber("0.02").Float(); !exact || f != 0.02 {
		t.Error("0.02 is a decimal")
	}
}

func mustNumber(text string) Number {
	n, ok := parseNumber(text)
	if !ok {
		panic(text)
	}
	return n
}
