package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
)

// TestProgressIsForTerminals: a terminal sees every stage; anything else sees
// nothing on standard error (succeeds checks that everywhere).
func TestProgressIsForTerminals(t *testing.T) {
	var out, diag bytes.Buffer
	s := &session{&out, &diag, true}
	if code := s.run(context.Background(), []string{"demo", "--rows", "20000", "--out", filepath.Join(t.TempDir(), "out")}); code != 0 {
		t.Fatalf("exit %d\n%s", code, diag.String())
	}
	for _, stage := range []string{"visits: count", "visits: search", "visits: apply", "by_prefecture", "by_page"} {
		if !strings.Contains(diag.String(), stage) {
			t.Errorf("progress does not show %q", stage)
		}
	}
	if !strings.Contains(out.String(), "Released into") || strings.Contains(out.String(), "visits: count") {
		t.Error("progress and summary are mixed up")
	}
}

func TestCancelledContextExitsOne(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var out, diag bytes.Buffer
	dir := t.TempDir()
	s := &session{&out, &diag, false}
	if code := s.run(ctx, []string{"demo", "--rows", "20000", "--out", filepath.Join(dir, "out")}); code != 1 || !strings.Contains(diag.String(), "interrupted") {
		t.Errorf("exit %d, %q; want 1, interrupted", code, diag.String())
	}
	if left := snapshot(t, dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]byteSize{"1": 1, "512MiB": 512 << 20, "2 GB": 2e9, "1.5k": 1500, "3tib": 3 << 40} {
		var b byteSize
		if err := b.UnmarshalText([]byte(text)); err != nil || b != want {
			t.Errorf("%q: %d, %v; want %d", text, b, err, want)
		}
	}
	for _, text := range []string{"", "0", "-1", "MB", "1XB", "1e400", "lots", "NaN"} {
		var b byteSize
		if b.UnmarshalText([]byte(text)) == nil {
			t.Errorf("%q is taken as a size of %d bytes", text, b)
		}
	}
}
