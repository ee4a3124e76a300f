package lint

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/oboro-data/oboro"

// root is the project's folder, seen from this package.
const root = "../.."

// A source is one Go file of the main module.
type source struct {
	path  string // from the root, with slashes
	dir   string // its folder from the root; "" is the root
	file  *ast.File
	fset  *token.FileSet
	lines int
	test  bool
}

// ours returns the project's packages that the file imports, from the root:
// "kanon", "internal/fault".
func (s *source) ours() []string {
	var out []string
	for _, path := range s.imports() {
		if rest, ok := strings.CutPrefix(path, module+"/"); ok {
			out = append(out, rest)
		}
	}
	return out
}

func (s *source) imports() []string {
	out := make([]string, len(s.file.Imports))
	for i, imp := range s.file.Imports {
		out[i] = strings.Trim(imp.Path.Value, `"`)
	}
	return out
}

// library reports whether the file is library code: no test, no program.
func (s *source) library() bool { return !s.test && s.file.Name.Name != "main" }

// at says where something is.
func (s *source) at(pos token.Pos) string {
	p := s.fset.Position(pos)
	p.Filename = s.path
	return p.String()
}

// walk visits every file of the project that a person wrote. Folders that hold
// a module of their own are visited when nested is true.
func walk(t *testing.T, nested bool, visit func(path string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if rel == "." {
				return nil
			}
			if name == "node_modules" || name == "__pycache__" || name == "bin" || name == "oboro-demo" || name == "release" || name == "build" || name == "dist" ||
				strings.HasSuffix(name, ".egg-info") || strings.HasPrefix(name, ".") && name != ".ci" && name != ".github" {
				return fs.SkipDir
			}
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil && !nested {
				return fs.SkipDir
			}
			return nil
		}
		visit(filepath.ToSlash(rel))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

var (
	parse  sync.Once
	parsed []*source
)

// sources parses every Go file of the main module.
func sources(t *testing.T) []*source {
	t.Helper()
	parse.Do(func() { parsed = parseAll(t) })
	return parsed
}

func parseAll(t *testing.T) []*source {
	t.Helper()
	var out []*source
	fset := token.NewFileSet()
	walk(t, false, func(path string) {
		if !strings.HasSuffix(path, ".go") || strings.Contains(path, "testdata/") {
			return
		}
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		f, err := parser.ParseFile(fset, path, text, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		out = append(out, &source{path, strings.TrimPrefix(dir, "."), f, fset, strings.Count(string(text), "\n"), strings.HasSuffix(path, "_test.go")})
	})
	if len(out) < 10 {
		t.Fatalf("found %d Go files; the tree is not where this test looks", len(out))
	}
	return out
}

// A listed package is what `go list` says of it.
type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

// list returns the packages of the main module with what they depend on.
func list(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", "./...")
	cmd.Dir, cmd.Stderr = root, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var packages []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); err == io.EOF {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}
