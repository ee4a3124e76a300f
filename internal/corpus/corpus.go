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
	path, ok := find(name)
	if !ok {
		t.Skipf("reference file %s is absent beside the project", name)
	}
	return path
}

// find returns the path of a reference file, if it is there.
func find(name string) (string, bool) {
	if dir := os.Getenv("OBORO_SHARED"); dir != "" {
		return present(filepath.Join(dir, name))
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", false
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "docs", "design")); err == nil {
			return present(filepath.Join(dir, "..", "shared", name))
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", false
		}
		dir = parent
	}
}

func present(path string) (string, bool) {
	_, err := os.Stat(path)
	return path, err == nil
}
