//go:build cgo

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// library builds the shared library as `make capi` does.
func library(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: builds the C library")
	}
	if _, err := exec.LookPath("cc"); err != nil {
		t.Skip("no C compiler named cc")
	}
	dir := t.TempDir()
	out := filepath.Join(dir, "liboboro.so")
	run(t, "..", "make", "capi", "CAPI_OUT="+out)
	return dir
}

func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, text)
	}
	return string(text)
}

// TestClient compiles testdata/client.c and runs it plainly, under
// AddressSanitizer and under valgrind; what the machine lacks is skipped by
// name.
func TestClient(t *testing.T) {
	dir := library(t)
	build := func(t *testing.T, name string, flags ...string) string {
		bin := filepath.Join(dir, name)
		args := append([]string{"-Wall", "-Wextra", "-Werror", "-g", "-o", bin, "testdata/client.c", "-L" + dir, "-loboro", "-Wl,-rpath," + dir}, flags...)
		run(t, ".", "cc", args...)
		return bin
	}
	plain := build(t, "client")
	t.Run("plain", func(t *testing.T) {
		// 800 rounds of 27 calls are more than 20,000.
		if got := run(t, ".", plain, "800"); got != "ok\n" {
			t.Error(got)
		}
	})
	t.Run("asan", func(t *testing.T) {
		probe := filepath.Join(dir, "probe.c")
		if err := os.WriteFile(probe, []byte("int main(void) { return 0; }\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if exec.Command("cc", "-fsanitize=address", "-o", filepath.Join(dir, "probe"), probe).Run() != nil {
			t.Skip("the C compiler has no AddressSanitizer")
		}
		if got := run(t, ".", build(t, "client-asan", "-fsanitize=address"), "3"); got != "ok\n" {
			t.Error(got)
		}
	})
	t.Run("valgrind", func(t *testing.T) {
		if _, err := exec.LookPath("valgrind"); err != nil {
			t.Skip("no valgrind")
		}
		got := run(t, ".", "valgrind", "-q", "--suppressions=testdata/go.supp", "--error-exitcode=9", "--leak-check=full",
			"--show-leak-kinds=definite,indirect", "--errors-for-leak-kinds=definite,indirect", plain, "1")
		if !strings.HasSuffix(got, "ok\n") {
			t.Error(got)
		}
	})
}

// TestExportsAreTheHeader compares the functions that oboro.h declares with the
// symbols that the library exports.
func TestExportsAreTheHeader(t *testing.T) {
	dir := library(t)
	if _, err := exec.LookPath("nm"); err != nil {
		t.Skip("no nm")
	}
	header, err := os.ReadFile("oboro.h")
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAllString(string(header), "")
	var declared []string
	for _, m := range regexp.MustCompile(`(?m)^[a-z].*?\b(oboro_[a-z_]+)\(`).FindAllStringSubmatch(code, -1) {
		declared = append(declared, m[1])
	}
	var exported []string
	for _, line := range strings.Split(strings.TrimSpace(run(t, ".", "nm", "-D", "--defined-only", filepath.Join(dir, "liboboro.so"))), "\n") {
		exported = append(exported, line[strings.LastIndex(line, " ")+1:])
	}
	slices.Sort(declared)
	slices.Sort(exported)
	if len(declared) < 20 || !slices.Equal(declared, exported) {
		t.Errorf("oboro.h declares\n%v\nand the library exports\n%v", declared, exported)
	}
}
