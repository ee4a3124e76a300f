package lint

import (
	"go/ast"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// maxLines is the length of a file beyond which a reader no longer holds it.
const maxLines = 700

func TestFilesAreShort(t *testing.T) {
	for _, s := range sources(t) {
		if s.lines > maxLines {
			t.Errorf("%s has %d lines, at most %d: split it by what is decided there", s.path, s.lines, maxLines)
		}
	}
}

func TestEveryExportedNameIsDocumented(t *testing.T) {
	packages := map[string]bool{}
	for _, s := range sources(t) {
		if s.test || s.dir == "" {
			continue
		}
		packages[s.dir] = packages[s.dir] || s.file.Doc != nil
		if s.file.Name.Name == "main" {
			continue
		}
		for _, d := range s.file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) {
					t.Errorf("%s: %s has no doc comment", s.at(d.Pos()), d.Name.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					checkSpec(t, s, d, spec)
				}
			}
		}
	}
	for dir, documented := range packages {
		if !documented {
			t.Errorf("package %s has no package comment", dir)
		}
	}
}

// exportedReceiver reports whether users can see a method, or true for a
// function. Methods on types of lower-case names are seen through interfaces,
// where they are documented.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return true
	}
	x := d.Recv.List[0].Type
	for {
		switch e := x.(type) {
		case *ast.StarExpr:
			x = e.X
		case *ast.IndexExpr:
			x = e.X
		case *ast.IndexListExpr:
			x = e.X
		case *ast.Ident:
			return e.IsExported()
		default:
			return true
		}
	}
}

// embedded counts the interfaces that one embeds. The comment of an interface
// of one method is that method's.
func embedded(in *ast.InterfaceType) (n int) {
	for _, m := range in.Methods.List {
		if len(m.Names) == 0 {
			n++
		}
	}
	return n
}

func checkSpec(t *testing.T, s *source, d *ast.GenDecl, spec ast.Spec) {
	t.Helper()
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		if !spec.Name.IsExported() {
			return
		}
		if d.Doc == nil && spec.Doc == nil {
			t.Errorf("%s: type %s has no doc comment", s.at(spec.Pos()), spec.Name.Name)
		}
		if in, ok := spec.Type.(*ast.InterfaceType); ok {
			for _, m := range in.Methods.List {
				if len(m.Names) > 0 && m.Names[0].IsExported() && m.Doc == nil && m.Comment == nil && len(in.Methods.List) > 1+embedded(in) {
					t.Errorf("%s: method %s.%s has no doc comment", s.at(m.Pos()), spec.Name.Name, m.Names[0].Name)
				}
			}
		}
	case *ast.ValueSpec:
		for _, n := range spec.Names {
			if n.IsExported() && d.Doc == nil && spec.Doc == nil && spec.Comment == nil {
				t.Errorf("%s: %s has no doc comment", s.at(n.Pos()), n.Name)
			}
		}
	}
}

// recovers are the packages that read what others wrote, where a damaged file
// ends in a panic, theirs or Arrow's, and the function at their boundary that
// makes it an error.
var recovers = map[string]string{"arrowio": "Recovered", "arrowio/parquet": "arrowio.Recovered"}

// TestLibraryLeavesTheProcessAlone: no exit, no log, no signal handler, no
// flags, no panic outside programs. A panic is allowed where the comment of its
// function, or one on its line, says which programming error it answers or who
// recovers it.
func TestLibraryLeavesTheProcessAlone(t *testing.T) {
	forbidden := map[string]bool{"os.Exit": true, "runtime.Goexit": true, "syscall.Exit": true}
	packages := map[string]string{
		"log": "library code does not log", "os/signal": "signal handlers belong to programs", "flag": "flags belong to programs",
		"log/slog": "library code does not log", "github.com/golang/glog": "library code does not log",
	}
	for _, s := range sources(t) {
		if s.test || !s.library() || under(s.dir, "internal/corpus") { // the corpus serves tests only
			continue
		}
		for _, path := range s.imports() {
			if why, bad := packages[path]; bad {
				t.Errorf("%s imports %s: %s", s.path, path, why)
			}
		}
		explained := map[int]bool{}
		for _, group := range s.file.Comments {
			for _, c := range group.List {
				if strings.Contains(c.Text, "recover") || strings.Contains(c.Text, "programming error") {
					explained[s.fset.Position(c.Pos()).Line] = true
				}
			}
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil && strings.Contains(f.Doc.Text(), "panic") {
				for line := s.fset.Position(f.Pos()).Line; line <= s.fset.Position(f.End()).Line; line++ {
					explained[line] = true
				}
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			switch f := call.Fun.(type) {
			case *ast.Ident:
				if f.Name == "panic" && recovers[s.dir] == "" && !explained[s.fset.Position(f.Pos()).Line] {
					t.Errorf("%s: panic in library code; return an error, or say in the comment of the function when it panics", s.at(f.Pos()))
				}
				if f.Name == "print" || f.Name == "println" {
					t.Errorf("%s: %s in library code", s.at(f.Pos()), f.Name)
				}
			case *ast.SelectorExpr:
				x, ok := f.X.(*ast.Ident)
				if !ok {
					break
				}
				if name := x.Name + "." + f.Sel.Name; forbidden[name] || name == "fmt.Print" || name == "fmt.Println" || name == "fmt.Printf" {
					t.Errorf("%s: %s in library code", s.at(f.Pos()), name)
				}
			}
			return true
		})
	}
}

func TestReadersRecover(t *testing.T) {
	for dir, name := range recovers {
		found := false
		for _, s := range sources(t) {
			if s.dir != dir || s.test {
				continue
			}
			ast.Inspect(s.file, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					switch f := call.Fun.(type) {
					case *ast.Ident:
						found = found || f.Name == name
					case *ast.SelectorExpr:
						x, ok := f.X.(*ast.Ident)
						found = found || ok && x.Name+"."+f.Sel.Name == name
					}
				}
				return !found
			})
		}
		if !found {
			t.Errorf("package %s calls %s nowhere", dir, name)
		}
	}
}

// TestNothingStartsAtImport: no goroutine in an init function or a variable,
// and a program that only imports the façade runs one goroutine and knows no
// flag.
func TestNothingStartsAtImport(t *testing.T) {
	dir := t.TempDir()
	main := filepath.Join(dir, "main.go")
	text := `package main

import (
	"flag"
	"fmt"
	"runtime"

	_ "` + module + `/anon"
	_ "` + module + `/arrowio/parquet"
)

func main() {
	flags := 0
	flag.VisitAll(func(*flag.Flag) { flags++ })
	fmt.Println(runtime.NumGoroutine(), "goroutine,", flags, "flags")
}
`
	if err := os.WriteFile(main, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "program")
	build := exec.Command("go", "build", "-o", program, main)
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.Command(program).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := strings.TrimSpace(string(out)); got != "1 goroutine, 0 flags" {
		t.Errorf("a program that imports the library starts with %s; want 1 goroutine, 0 flags", got)
	}
	for _, s := range sources(t) {
		if !s.library() {
			continue
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && (f.Name.Name != "init" || f.Recv != nil) {
				continue
			}
			if g, ok := d.(*ast.GenDecl); ok && g.Tok != token.VAR {
				continue
			}
			ast.Inspect(d, func(n ast.Node) bool {
				if _, lit := n.(*ast.FuncLit); lit {
					if _, isVar := d.(*ast.GenDecl); isVar {
						return false // runs when it is called
					}
				}
				if g, ok := n.(*ast.GoStmt); ok {
					t.Errorf("%s: a goroutine starts when the package is imported", s.at(g.Pos()))
				}
				return true
			})
		}
	}
}
