package anon

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/arrowio"
)

// snapshot is every path below a folder with its mode and bytes.
func snapshot(t testing.TB, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		out[path] = info.Mode().String()
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(path)
			out[path] += string(data)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// failing is a format that goes wrong in one way or another.
type failing struct {
	arrowio.Format
	do func(w io.Writer) error
}

var errInstead = errors.New("written instead")

func (f failing) Write(ctx context.Context, w io.Writer, r array.RecordReader) error {
	if err := f.do(w); errors.Is(err, errInstead) {
		return nil
	} else if err != nil {
		return err
	}
	return f.Format.Write(ctx, w, r)
}

// Whatever goes wrong, the folder, and what lies beside it, are as they were.
func TestWriteDirLeavesThingsAsTheyWere(t *testing.T) {
	rel := releaseOf(t, visitsPolicy, visits())
	ctx := context.Background()
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	broken := failing{arrowio.CSVFormat, func(io.Writer) error { return errors.New("disk full") }}
	late, stop := context.WithCancel(ctx)
	defer stop()
	interrupted := failing{arrowio.CSVFormat, func(io.Writer) error { stop(); return nil }}
	forged := failing{arrowio.CSVFormat, func(w io.Writer) error { io.WriteString(w, "x,people,trips,fares\na,1,1,1\n"); return errInstead }}
	for _, c := range []struct {
		name   string
		ctx    context.Context
		dir    string
		format arrowio.Format
		o      WriteOptions
		code   int
		words  string
	}{
		{"exists", ctx, "old", arrowio.CSVFormat, WriteOptions{}, 2, "--replace"},
		{"a foreign folder", ctx, "foreign", arrowio.CSVFormat, WriteOptions{Replace: true}, 2, "no release folder"},
		{"a file", ctx, "foreign/file", arrowio.CSVFormat, WriteOptions{Replace: true}, 2, "no folder"},
		{"an empty folder", ctx, "empty", arrowio.CSVFormat, WriteOptions{Replace: true}, 2, "no release folder"},
		{"a report of another program", ctx, "other", arrowio.CSVFormat, WriteOptions{Replace: true}, 2, "no release folder"},
		{"a release folder with notes in it", ctx, "notes", arrowio.CSVFormat, WriteOptions{Replace: true}, 2, "notes.txt"},
		{"no parent", ctx, "nowhere/new", arrowio.CSVFormat, WriteOptions{}, 2, "does not exist"},
		{"a link to a release folder", ctx, "link", arrowio.CSVFormat, WriteOptions{Replace: true}, 2, "no folder"},
		{"cancelled before", cancelled, "new", arrowio.CSVFormat, WriteOptions{}, 1, "cancel"},
		{"cancelled before, replacing", cancelled, "old", arrowio.CSVFormat, WriteOptions{Replace: true}, 1, "cancel"},
		{"a write fails", ctx, "new", broken, WriteOptions{}, 1, "disk full"},
		{"a write fails, replacing", ctx, "old", broken, WriteOptions{Replace: true}, 1, "disk full"},
		{"cancelled while writing", late, "old", interrupted, WriteOptions{Replace: true}, 1, "cancel"},
		{"what is written does not verify", ctx, "old", forged, WriteOptions{Replace: true}, 3, "column 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			for _, old := range []string{"old", "notes"} {
				if err := rel.WriteDir(ctx, filepath.Join(root, old), arrowio.IPCFormat); err != nil {
					t.Fatal(err)
				}
			}
			for _, d := range []string{"foreign", "empty", "other"} {
				if err := os.Mkdir(filepath.Join(root, d), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			write(t, root, "foreign/file", "keep me")
			write(t, root, "other/report.json", `{"releases": []}`)
			write(t, root, "notes/notes.txt", "keep me")
			if err := os.Symlink("old", filepath.Join(root, "link")); err != nil {
				t.Fatal(err)
			}
			before := snapshot(t, root)
			err := rel.WriteDir(c.ctx, filepath.Join(root, c.dir), c.format, c.o)
			if ExitCode(err) != c.code || err == nil || !strings.Contains(err.Error(), c.words) {
				t.Errorf("want exit code %d and %q: %v", c.code, c.words, err)
			}
			if err != nil && strings.Contains(err.Error(), root) {
				t.Errorf("a path of the machine is in %v", err)
			}
			if !reflect.DeepEqual(before, snapshot(t, root)) {
				t.Error("something has changed")
			}
		})
	}
}

func TestWriteDirReplaces(t *testing.T) {
	rel := releaseOf(t, visitsPolicy, visits())
	root := t.TempDir()
	dir := filepath.Join(root, "release")
	for _, format := range []arrowio.Format{arrowio.CSVFormat, arrowio.IPCFormat} {
		if err := rel.WriteDir(context.Background(), dir+"/", format, WriteOptions{Replace: true}); err != nil {
			t.Fatal(err)
		}
		entries, err := os.ReadDir(root)
		if err != nil || len(entries) != 1 {
			t.Errorf("left beside the folder: %v %v", entries, err)
		}
		files, _ := filepath.Glob(filepath.Join(dir, "*"))
		if len(files) != 6 {
			t.Errorf("files %v", files)
		}
		if _, err := VerifyDir(context.Background(), dir); err != nil {
			t.Error(err)
		}
	}
}

// The folder and its files have the mode that the umask grants.
func TestWriteDirMode(t *testing.T) {
	rel := releaseOf(t, visitsPolicy, visits())
	root := t.TempDir()
	plain := filepath.Join(root, "plain")
	if err := os.Mkdir(plain, 0o777); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(plain, "file"))
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	dir := filepath.Join(root, "release")
	if err := rel.WriteDir(context.Background(), dir, arrowio.CSVFormat); err != nil {
		t.Fatal(err)
	}
	mode := func(path string) fs.FileMode {
		st, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return st.Mode()
	}
	if mode(dir) != mode(plain) || mode(filepath.Join(dir, "report.json")) != mode(filepath.Join(plain, "file")) {
		t.Errorf("modes %v %v", mode(dir), mode(filepath.Join(dir, "report.json")))
	}
}

func TestRenamePlainly(t *testing.T) {
	root := t.TempDir()
	for _, d := range []string{"work", "old"} {
		if err := os.Mkdir(filepath.Join(root, d), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, root, d+"/which", d)
	}
	if err := renamePlainly(filepath.Join(root, "work"), filepath.Join(root, "old"), true); err != nil {
		t.Fatal(err)
	}
	if s := snapshot(t, root); len(s) != 3 || !strings.HasSuffix(s[filepath.Join(root, "old", "which")], "work") {
		t.Errorf("after replacing: %v", s)
	}
	if err := renamePlainly(filepath.Join(root, "gone"), filepath.Join(root, "old"), true); err == nil {
		t.Error("a folder that is not there was renamed")
	}
	if s := snapshot(t, root); len(s) != 3 {
		t.Errorf("the old folder was not put back: %v", s)
	}
}
