package spill

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/oboro-data/oboro/internal/fault"
)

func content(n int, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(r.Uint32())
	}
	return out
}

var sizes = []int{0, 1, 15, 16, piece - 1, piece, piece + 1, 3*piece + 22528}

func TestChunksComeBack(t *testing.T) {
	f := New(t.TempDir())
	defer f.Close()
	var chunks []Chunk
	for i, n := range sizes {
		c, err := f.Append(content(n, uint64(i)))
		if err != nil {
			t.Fatal(err)
		}
		if c.Size() != int64(n) {
			t.Fatalf("a chunk of %d bytes has size %d", n, c.Size())
		}
		chunks = append(chunks, c)
	}
	for i := len(chunks) - 1; i >= 0; i-- { // any order
		want := content(sizes[i], uint64(i))
		got := make([]byte, sizes[i])
		if err := chunks[i].Read(got); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("chunk of %d bytes: %v", sizes[i], err)
		}
		if err := iotest.TestReader(chunks[i].Reader(), want); err != nil {
			t.Fatal(err)
		}
	}
	if err := chunks[1].Read(make([]byte, 2)); !errors.Is(err, fault.Input) {
		t.Errorf("a chunk read into a slice of another size: %v", err)
	}
}

func TestManyGoroutines(t *testing.T) {
	f := New(t.TempDir())
	defer f.Close()
	var wait sync.WaitGroup
	for g := range 8 {
		wait.Go(func() {
			for i := range 20 {
				want := content(i*9000+g, uint64(g))
				c, err := f.Append(want)
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(c.Reader())
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("goroutine %d, chunk %d: %v", g, i, err)
				}
			}
		})
	}
	wait.Wait()
}

// TestNothingIsLeft: the folder is empty while the file is open, and what lies
// on disk does not show what was written.
func TestNothingIsLeft(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open file can't be deleted on Windows")
	}
	dir := t.TempDir()
	f := New(dir)
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Fatal("a file without content exists")
	}
	secret := bytes.Repeat([]byte("Jane Roe, born 1971;"), 5000)
	if _, err := f.Append(secret); err != nil {
		t.Fatal(err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Fatal("the file has a name while it is open")
	}
	info, err := f.file.Stat()
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	raw := make([]byte, f.Size())
	if info.Size() != f.Size() {
		t.Fatalf("%d bytes on disk, Size says %d", info.Size(), f.Size())
	}
	if _, err := f.file.ReadAt(raw, 0); err != nil {
		t.Fatal(err)
	}
	for i := 0; i+8 <= len(raw); i++ { // chance: 20 texts × 100,000 places / 2^64
		if bytes.Contains(secret[:28], raw[i:i+8]) {
			t.Fatal("the disk shows what was written")
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal("closed twice:", err)
	}
}

// TestSameBytesDiffer: equal chunks are sealed under nonces of their own.
func TestSameBytesDiffer(t *testing.T) {
	f := New(t.TempDir())
	defer f.Close()
	data := content(1000, 1)
	for range 2 {
		if _, err := f.Append(data); err != nil {
			t.Fatal(err)
		}
	}
	raw := make([]byte, f.Size())
	if _, err := f.file.ReadAt(raw, 0); err != nil {
		t.Fatal(err)
	}
	if half := len(raw) / 2; bytes.Equal(raw[:half], raw[half:]) {
		t.Error("two equal chunks are equal on disk")
	}
}

func TestDamageIsFound(t *testing.T) {
	f := New(t.TempDir())
	defer f.Close()
	c, err := f.Append(content(2*piece, 1))
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int64{0, piece - 1, piece, piece + tag, 2*piece + tag + 3} {
		var b [1]byte
		if _, err := f.file.ReadAt(b[:], at); err != nil {
			t.Fatal(err)
		}
		f.file.WriteAt([]byte{b[0] ^ 1}, at)
		if err := c.Read(make([]byte, 2*piece)); !errors.Is(err, fault.Input) {
			t.Errorf("byte %d changed: %v", at, err)
		}
		if _, err := io.ReadAll(c.Reader()); !errors.Is(err, fault.Input) {
			t.Errorf("byte %d changed, streamed: %v", at, err)
		}
		f.file.WriteAt(b[:], at)
	}
	f.file.Truncate(piece)
	if err := c.Read(make([]byte, 2*piece)); !errors.Is(err, fault.Input) {
		t.Errorf("cut short: %v", err)
	}
}

func TestFailures(t *testing.T) {
	none := filepath.Join(t.TempDir(), "missing")
	f := New(none)
	for range 2 {
		if _, err := f.Append([]byte("x")); !errors.Is(err, fault.Input) {
			t.Errorf("no folder: %v", err)
		}
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	dir := t.TempDir()
	f = New(dir)
	f.FailAfter(100)
	c, err := f.Append(content(50, 1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Append(content(50, 1)); !errors.Is(err, fault.Input) {
		t.Errorf("full disk: %v", err)
	}
	f.Close()
	if _, err := f.Append(nil); !errors.Is(err, fault.Input) {
		t.Errorf("append after Close: %v", err)
	}
	if err := c.Read(make([]byte, 50)); !errors.Is(err, fault.Input) {
		t.Errorf("read after Close: %v", err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Error("a file is left")
	}
}

func BenchmarkAppend(b *testing.B) {
	f := New(b.TempDir())
	defer f.Close()
	data := content(1<<20, 1)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := f.Append(data); err != nil {
			b.Fatal(err)
		}
		f.end = 0 // one place again and again: the disk is not measured
	}
}
