// Package spill keeps what does not fit memory in a temporary file: runs of
// counted keys, rows on their way to their class, records waiting to be bounded.
// It holds personal data, so
//
//   - the file has mode 0600 and no name: it is deleted right after it was
//     opened, and nothing is left after Close, a crash, or a kill. Where an open
//     file can't be deleted, Close deletes it;
//   - what is written is encrypted and authenticated (AES-256 in Galois/counter
//     mode) under a key drawn from the operating system for this file alone,
//     which is kept in memory only and forgotten by Close. Whoever reads the
//     disk, now or later, finds noise.
//
// A File is appended to in chunks, by several goroutines, and every chunk can be
// read back any number of times, in any order.
package spill

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/oboro-data/oboro/internal/fault"
)

// A File is a temporary file. It is made at the first Append, so that one that
// is never needed costs nothing. It is safe for use by several goroutines.
type File struct {
	dir string

	mu     sync.Mutex
	file   *os.File
	path   string // set where an open file can't be deleted
	seal   cipher.AEAD
	end    int64 // bytes of the file that are taken
	full   int64 // bytes after which a write fails; see FailAfter
	closed bool
	err    error // of making the file, given again
}

// New returns an empty file that will lie in dir; empty: the system's folder for
// temporary files. Whether files can be made there shows at the first Append.
func New(dir string) *File {
	if dir == "" {
		dir = os.TempDir()
	}
	return &File{dir: dir, full: -1}
}

// A Chunk is what one Append wrote. It is a small value, to be copied freely.
type Chunk struct {
	file      *File
	off, size int64
}

// Size is the number of bytes of the chunk.
func (c Chunk) Size() int64 { return c.size }

// piece is the number of bytes that are sealed together. A chunk of 150 KiB is
// two pieces of 64 KiB and one of 22, each followed by its tag:
//
//	65536 | 16 | 65536 | 16 | 22528 | 16
//
// The nonce of a piece is its place in the file, where nothing else is ever
// written.
const (
	piece = 64 << 10
	tag   = 16
)

// sealedSize is the number of bytes of the file that a chunk takes.
func sealedSize(n int64) int64 { return n + (n+piece-1)/piece*tag }

// buffers are the sealed forms of one piece.
var buffers = sync.Pool{New: func() any { b := make([]byte, piece+tag); return &b }}

func nonce(off int64) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, 4, 12), uint64(off))
}

// Append writes data to the end of the file and returns it as a chunk. data is
// the caller's again afterwards. A folder that can't be written to, and a full
// disk, are errors of kind Input that name the remedy.
func (f *File) Append(data []byte) (Chunk, error) {
	off, err := f.reserve(sealedSize(int64(len(data))))
	if err != nil {
		return Chunk{}, err
	}
	c := Chunk{f, off, int64(len(data))}
	buf := *buffers.Get().(*[]byte)
	defer buffers.Put(&buf)
	for len(data) > 0 {
		n := min(len(data), piece)
		sealed := f.seal.Seal(buf[:0], nonce(off), data[:n], nil)
		if _, err := f.file.WriteAt(sealed, off); err != nil {
			return Chunk{}, f.failed(err)
		}
		data = data[n:]
		off += int64(len(sealed))
	}
	return c, nil
}

// reserve makes the file if there is none and takes n bytes of it.
func (f *File) reserve(n int64) (off int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
		return 0, errClosed
	case f.err != nil:
		return 0, f.err
	case f.file == nil:
		if f.err = f.create(); f.err != nil {
			return 0, f.err
		}
	}
	if f.full >= 0 && f.end+n > f.full {
		return 0, f.failed(errFull)
	}
	off = f.end
	f.end += n
	return off, nil
}

func (f *File) create() error {
	var key [32]byte
	if _, err := rand.Read(key[:]); err != nil {
		return f.failed(err)
	}
	defer clear(key[:])
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return f.failed(err)
	}
	if f.seal, err = cipher.NewGCM(block); err != nil {
		return f.failed(err)
	}
	file, err := os.CreateTemp(f.dir, "oboro-*.tmp") // mode 0600
	if err != nil {
		return f.failed(err)
	}
	if os.Remove(file.Name()) != nil {
		f.path = file.Name()
	}
	f.file = file
	return nil
}

// Read fills dst, which has the chunk's size, with its bytes. A file that was
// damaged meanwhile is an error of kind Input.
func (c Chunk) Read(dst []byte) error {
	if int64(len(dst)) != c.size {
		return fault.Inputf("temporary file: a chunk of %d bytes is read as one of %d", c.size, len(dst))
	}
	buf := *buffers.Get().(*[]byte)
	defer buffers.Put(&buf)
	for off := c.off; len(dst) > 0; {
		n := min(len(dst), piece)
		if _, err := c.file.open(dst[:0:n], buf[:n+tag], off); err != nil {
			return err
		}
		dst = dst[n:]
		off += int64(n + tag)
	}
	return nil
}

// open reads the piece at off, of len(buf)-tag bytes, and appends it to dst.
func (f *File) open(dst, buf []byte, off int64) ([]byte, error) {
	f.mu.Lock()
	file, seal := f.file, f.seal
	f.mu.Unlock()
	if file == nil || seal == nil {
		return nil, errClosed
	}
	if _, err := file.ReadAt(buf, off); err != nil {
		return nil, f.failed(err)
	}
	out, err := seal.Open(dst, nonce(off), buf, nil)
	if err != nil {
		return nil, fault.Inputf("temporary file: it was damaged; run again, in another folder if it happens again")
	}
	return out, nil
}

// Reader reads the chunk from its first byte, holding 64 KiB at a time.
func (c Chunk) Reader() io.Reader { return &reader{chunk: c, off: c.off, left: c.size} }

type reader struct {
	chunk  Chunk
	off    int64
	left   int64 // bytes not yet opened
	buf    []byte
	opened []byte // read from the file, not yet by the caller
}

func (r *reader) Read(p []byte) (int, error) {
	if len(r.opened) == 0 {
		if r.left == 0 {
			return 0, io.EOF
		}
		n := int(min(r.left, piece))
		if r.buf == nil {
			r.buf = make([]byte, n+tag)
		}
		opened, err := r.chunk.file.open(r.buf[:0], r.buf[:n+tag], r.off)
		if err != nil {
			return 0, err
		}
		r.opened = opened
		r.left -= int64(n)
		r.off += int64(n + tag)
	}
	n := copy(p, r.opened)
	r.opened = r.opened[n:]
	return n, nil
}

// Size is the number of bytes that the file takes on disk.
func (f *File) Size() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.end
}

// Close gives up the file and its key. Its chunks can't be read afterwards.
// Close may be called more than once; a File that is forgotten without it is
// closed when the garbage collector finds it.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || f.file == nil {
		f.closed = true
		return nil
	}
	f.closed = true
	err := f.file.Close()
	f.file, f.seal = nil, nil
	if f.path != "" {
		err = errors.Join(err, os.Remove(f.path))
	}
	if err != nil {
		return f.failed(err)
	}
	return nil
}

// FailAfter makes every Append that would take the file beyond n bytes fail as
// it does on a full disk. It is for tests.
func (f *File) FailAfter(n int64) { f.full = n }

var (
	errClosed = fault.Inputf("temporary file: it is used after it was closed")
	errFull   = errors.New("no space left on device")
)

// failed names the folder, what failed and the remedy.
func (f *File) failed(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return fault.Inputf("temporary file in %q: %w; make room there, name another folder for temporary files, or allow more memory", f.dir, err)
}
