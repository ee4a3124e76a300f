package lint

import (
	"slices"
	"strings"
	"testing"
)

// below says which of the project's packages a package may import: the arrows
// of docs/ARCHITECTURE.md. A name stands for the package and those under it.
// Programs, examples and bindings may import everything that is not of another
// program.
var below = map[string][]string{
	"report":          {},
	"hierarchy":       {"internal"},
	"arrowio":         {"internal"},
	"arrowio/parquet": {"arrowio", "internal"},
	"kanon":           {"hierarchy", "internal"},
	"kanon/risk":      {"kanon", "hierarchy", "arrowio", "internal"},
	"dp":              {"hierarchy", "internal"},
	"dp/ledger":       {"dp", "internal"},
	"dp/dptune":       {"dp", "arrowio", "internal"},
	"anon":            {"kanon", "dp", "hierarchy", "arrowio", "report", "internal"},
	"internal":        {"internal"},
	"internal/fold":   {"arrowio", "internal"},
	"internal/demo":   {"arrowio", "internal"},
}

// readers are the files of the algorithm packages that know tables: everything
// else there sees one record, or codes.
var readers = map[string][]string{
	"kanon": {"kanon/run.go", "kanon/apply_rows.go", "kanon/apply_parts.go", "kanon/release.go", "kanon/verify.go", "kanon/spec.go", "kanon/population.go", "kanon/verify_sets.go", "kanon/count.go", "kanon/recount.go", "kanon/sample.go"},
	"dp":    {"dp/run.go"},
}

// tops are the packages that users of the library start: they may import all.
var tops = []string{"cmd", "capi", "examples", "benchmarks", "internal/lint"}

// under reports whether a package is name or lies under it.
func under(pkg, name string) bool { return pkg == name || strings.HasPrefix(pkg, name+"/") }

func underAny(pkg string, names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return under(pkg, n) })
}

// rule finds the rule of a package: that of the longest name it lies under.
func rule(pkg string) (name string, may []string, ok bool) {
	for n, m := range below {
		if under(pkg, n) && len(n) > len(name) {
			name, may, ok = n, m, true
		}
	}
	return name, may, ok
}

func TestImportsGoDownwards(t *testing.T) {
	for _, s := range sources(t) {
		if s.dir == "" || s.test || underAny(s.dir, tops) {
			continue
		}
		name, may, ok := rule(s.dir)
		if !ok {
			t.Errorf("%s: package %s has no rule; add it to the table of imports here and in docs/ARCHITECTURE.md", s.path, s.dir)
			continue
		}
		tables, restricted := readers[s.dir]
		for _, imp := range s.ours() {
			parquet := under(imp, "arrowio/parquet")
			reads := under(imp, "arrowio") || under(imp, "internal/fold")
			switch {
			case restricted && reads && !parquet:
				if !slices.Contains(tables, s.path) {
					t.Errorf("%s imports %s; in %s only %v know tables", s.path, imp, s.dir, tables)
				}
			case !parquet && (under(imp, name) || underAny(imp, may)):
			default:
				t.Errorf("%s imports %s; %s may import %v", s.path, imp, name, may)
			}
		}
	}
}

// TestHeavyAndHarmfulImports keeps large and dangerous libraries out of the
// core, also through other packages.
func TestHeavyAndHarmfulImports(t *testing.T) {
	const arrow = "github.com/apache/arrow/go/v17/"
	heavy := []struct {
		what string
		may  []string // packages of the project that may depend on it
		why  string
	}{
		{arrow + "arrow/cdata", nil, "it leaks, panics, and hands Go memory to C"},
		{arrow + "arrow/compute", []string{"arrowio/parquet", "cmd", "capi", "examples"}, "it makes every program that uses the library larger"},
		{arrow + "parquet", []string{"arrowio/parquet", "cmd", "capi", "examples"}, "it is the heavy dependency, kept apart in arrowio/parquet"},
		{"github.com/google/differential-privacy/go/v3", []string{"dp/googlenoise", "cmd", "capi", "examples"}, "importing it starts a goroutine and registers flags"},
		{"github.com/golang/glog", []string{"dp/googlenoise", "cmd", "capi", "examples"}, "importing it starts a goroutine and registers flags"},
		{"github.com/alecthomas/kong", []string{"cmd"}, "it belongs to the command line"},
		{"github.com/schollz/progressbar/v3", []string{"cmd"}, "it belongs to the command line"},
	}
	for _, p := range list(t) {
		pkg := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		for _, h := range heavy {
			if underAny(pkg, h.may) {
				continue
			}
			if i := slices.IndexFunc(p.Deps, func(d string) bool { return under(d, h.what) }); i >= 0 {
				t.Errorf("%s depends on %s: %s", p.ImportPath, p.Deps[i], h.why)
			}
		}
	}
}

// TestBranchesAreIndependent checks that deleting either branch leaves all
// others compiling: only the façade and what stands on it know both.
func TestBranchesAreIndependent(t *testing.T) {
	for _, branch := range []string{"kanon", "dp"} {
		for _, p := range list(t) {
			pkg := strings.TrimPrefix(p.ImportPath, module+"/")
			if under(pkg, branch) || under(pkg, "anon") || underAny(pkg, tops) {
				continue
			}
			if slices.ContainsFunc(p.Deps, func(d string) bool { return under(d, module+"/"+branch) }) {
				t.Errorf("%s depends on %s; without that branch it would not compile", p.ImportPath, branch)
			}
		}
	}
}

// TestModuleInstalls: `go install …/cmd/oboro@latest` refuses a module with
// replace directives, and a workspace file would hide a missing requirement.
func TestModuleInstalls(t *testing.T) {
	for _, line := range strings.Split(read(t, "go.mod"), "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "replace") {
			t.Error("go.mod has a replace directive: the program can't be installed by its path")
		}
	}
	walk(t, true, func(path string) {
		if strings.HasSuffix(path, "go.work") {
			t.Errorf("%s is part of the tree", path)
		}
	})
}
