// Package corpus holds the named tables that the laws are tested on, and finds
// the large reference tables that lie beside the project, where they are given.
package corpus

import (
	"os"
	"path/filepath"
	"testing"
)

// Shared returns the path of a reference file beside the project
// (../shared/NAME from the project's root, or $OBORO_SHARED/NAME). Where it is
// absent the test is skipped, and the skip names the file.
func Shared(t testing.TB, name string) string {
	t.Helper()
	if dir := os.Getenv("OBORO_SHARED"); dir != "" {
		return present(t, filepath.Join(dir, name), name)
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "docs", "design")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Skipf("reference file %s: the project's root was not found", name)
		}
		dir = parent
	}
	return present(t, filepath.Join(dir, "..", "shared", name), name)
}

func present(t testing.TB, path, name string) string {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		t.Skipf("reference file %s is absent beside the project", name)
	}
	return path
}
