package arrowio

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/internal/fault"
)

// An IPC is an Arrow IPC file on disk, of the file or the stream format.
type IPC struct {
	path   string
	name   string
	schema *arrow.Schema
	size   int64
	file   bool // file format: record batches at known places
	lo, hi int  // the record batches of this split; file format only
}

// magic starts a file of the file format; a stream has none.
var magic = []byte("ARROW1")

// OpenIPC reads the schema of an Arrow IPC file. Whether it is a file
// (.arrow), whose record batches can be read side by side, or a stream
// (.arrows), which is one split, is told from its first bytes.
//
// Errors are of kind Input and name the file.
func OpenIPC(path string) (*IPC, error) {
	s := &IPC{path: path, name: baseName(path)}
	f, err := s.open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	err = Recovered(s.name, func() error {
		if s.file {
			r, err := ipc.NewFileReader(f, s.allocator())
			if err != nil {
				return err
			}
			defer r.Close()
			s.schema, s.hi = r.Schema(), r.NumRecords()
			return nil
		}
		r, err := s.newStream(f)
		if err != nil {
			return err
		}
		defer r.Release()
		s.schema = r.Schema()
		return nil
	})
	if err != nil {
		return nil, s.fail(err)
	}
	return s, nil
}

// open opens the file and tells its format.
func (s *IPC) open() (*os.File, error) {
	f, err := os.Open(s.path)
	if err != nil {
		return nil, fileError(s.name, err)
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, fileError(s.name, err)
	}
	if st.Size() == 0 {
		f.Close()
		return nil, fault.Inputf("%s: the file is empty; an Arrow file has at least a schema", s.name)
	}
	s.size = st.Size()
	head := make([]byte, len(magic))
	n, _ := f.ReadAt(head, 0)
	s.file = bytes.Equal(head[:n], magic)
	return f, nil
}

// fail keeps what the operating system or a context said; all else that
// Arrow's readers say means a damaged file, in words that may quote it.
func (s *IPC) fail(err error) error { return ReadError(s.name, err) }

func (s *IPC) allocator() ipc.Option {
	return ipc.WithAllocator(LimitAllocator(s.size))
}

// Name returns the file's name.
func (s *IPC) Name() string { return s.name }

// Schema returns the columns of the table.
func (s *IPC) Schema() *arrow.Schema { return s.schema }

// Open starts a read; see Source.
func (s *IPC) Open(ctx context.Context, columns ...string) (array.RecordReader, error) {
	schema, indices, err := Resolve(s.name, s.schema, columns)
	if err != nil {
		return nil, err
	}
	one := *s // open sets size and format
	f, err := one.open()
	if err != nil {
		return nil, err
	}
	if one.file != s.file {
		f.Close()
		return nil, Damaged(s.name)
	}
	var next func() (arrow.Record, error)
	var release func()
	err = Recovered(s.name, func() (err error) {
		if s.file {
			next, release, err = one.openFile(f, schema, indices)
		} else {
			next, release, err = one.openStream(f, schema, indices)
		}
		return err
	})
	if err != nil {
		f.Close()
		return nil, s.fail(err)
	}
	return NewReader(ctx, s.name, schema, next, func() {
		_ = Recovered(s.name, func() error { release(); return nil })
		f.Close()
	}), nil
}

func (s *IPC) openFile(f *os.File, schema *arrow.Schema, indices []int) (func() (arrow.Record, error), func(), error) {
	r, err := ipc.NewFileReader(f, s.allocator())
	if err != nil {
		return nil, nil, err
	}
	if err := sameSchema(s.schema, r.Schema()); err != nil || r.NumRecords() < s.hi {
		r.Close()
		return nil, nil, changed(s.name)
	}
	at := s.lo
	next := func() (arrow.Record, error) {
		if at == s.hi {
			return nil, nil
		}
		rec, err := r.RecordAt(at)
		at++
		if err != nil {
			return nil, s.fail(err)
		}
		defer rec.Release()
		return s.check(project(rec, schema, indices))
	}
	return next, func() { r.Close() }, nil
}

func (s *IPC) openStream(f *os.File, schema *arrow.Schema, indices []int) (func() (arrow.Record, error), func(), error) {
	r, err := s.newStream(f)
	if err != nil {
		return nil, nil, err
	}
	if err := sameSchema(s.schema, r.Schema()); err != nil {
		r.Release()
		return nil, nil, changed(s.name)
	}
	next := func() (arrow.Record, error) {
		if !r.Next() {
			if err := r.Err(); err != nil {
				return nil, s.fail(err)
			}
			return nil, nil
		}
		return s.check(project(r.Record(), schema, indices))
	}
	return next, r.Release, nil
}

// Splits returns runs of consecutive record batches for a file, and the table
// itself for a stream.
func (s *IPC) Splits(n int) []Source {
	batches := s.hi - s.lo
	n = min(max(n, 1), batches)
	if n <= 1 {
		return []Source{s}
	}
	splits := make([]Source, n)
	for i := range splits {
		part := *s
		part.lo, part.hi = s.lo+batches*i/n, s.lo+batches*(i+1)/n
		splits[i] = &part
	}
	return splits
}

func changed(name string) error {
	return fault.Inputf("%s: the file has changed since it was opened; keep the input still during a run", name)
}

// ReadError keeps an error of the operating system, of a context or of ours,
// and turns any other, which may quote the file's bytes, into Damaged.
func ReadError(name string, err error) error {
	if err == nil || isOurs(err) {
		return err
	}
	return Damaged(name)
}

// LimitAllocator returns an allocator for reading a file of the given size:
// it panics, which Recovered turns into an error, where a damaged length asks
// for more memory than such a file can hold compressed a thousandfold.
func LimitAllocator(fileSize int64) memory.Allocator {
	return limitAllocator{memory.DefaultAllocator, int(min(64<<20+1000*fileSize, 1<<40))}
}

type limitAllocator struct {
	memory.Allocator
	limit int
}

func (a limitAllocator) Allocate(size int) []byte {
	a.check(size)
	return a.Allocator.Allocate(size)
}

func (a limitAllocator) Reallocate(size int, b []byte) []byte {
	a.check(size)
	return a.Allocator.Reallocate(size, b)
}

func (a limitAllocator) check(size int) {
	if size < 0 || size > a.limit {
		panic("arrowio: length beyond what the file can hold") // Recovered recovers it
	}
}

func (s *IPC) check(rec arrow.Record) (arrow.Record, error) {
	rec, err := checked(rec)
	if err != nil {
		return nil, Damaged(s.name)
	}
	return rec, nil
}

// A wholeStream passes messages on and tells a stream's end from a cut: Arrow
// v17's reader takes a file that ends inside a message for a whole one. A
// stream on disk ends with the end-of-stream mark, which every writer puts.
type wholeStream struct{ ipc.MessageReader }

func (w wholeStream) Message() (*ipc.Message, error) {
	m, err := w.MessageReader.Message()
	if err != nil && err != io.EOF { // the mark is io.EOF itself, a cut wraps it
		return nil, errDamaged
	}
	return m, err
}

func (s *IPC) newStream(f *os.File) (*ipc.Reader, error) {
	return ipc.NewReaderFromMessageReader(wholeStream{ipc.NewMessageReader(bufio.NewReaderSize(f, 1<<20), s.allocator())}, s.allocator())
}
