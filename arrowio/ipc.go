package arrowio

import (
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
//
// Batches are those of the file. Nothing of a damaged file passes: all places,
// lengths, offsets and dictionary indices are checked.
type IPC struct {
	path, name string
	size       int64
	schema     *arrow.Schema
	index      *ipcIndex
	layout     *ipcLayout // nil: batches are left to the Arrow library
	mapped     *fileMap   // nil: columns are read into memory of their own
	lo, hi     int        // the record batches of this split
}

// OpenIPC reads the schema of an Arrow IPC file and the places of its record
// batches. Whether it is of the file format (.arrow) or a stream (.arrows) is
// told from its first bytes; both can be read side by side. A stream must have
// its end mark, which every writer puts, since without it a cut would pass
// unseen.
//
// Errors are of kind Input and name the file, but for column types that are
// not read at all (unions, run-end encoding), which are of kind Plan.
func OpenIPC(path string) (*IPC, error) {
	s := &IPC{path: path, name: baseName(path)}
	f, err := s.open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	err = Recovered(s.name, func() error {
		if s.index, err = indexIPC(s.name, f, s.size); err != nil {
			return err
		}
		r, err := s.reader(&ipcMessages{file: f, name: s.name, blocks: []ipcBlock{s.index.schema}})
		if err != nil {
			return err
		}
		defer r.Release()
		s.schema, s.hi = r.Schema(), len(s.index.records)
		meta, err := s.index.schema.readMeta(s.name, f)
		if err != nil {
			return err
		}
		if !s.index.compressed {
			s.layout = layoutIPC(s.schema, rootTable(meta).table(2))
		}
		return nil
	})
	if err != nil {
		return nil, ReadError(s.name, err)
	}
	return s, nil
}

func (s *IPC) open() (*os.File, error) {
	f, err := os.Open(s.path)
	if err != nil {
		return nil, fileError(s.name, err)
	}
	st, err := f.Stat()
	switch {
	case err != nil:
		err = fileError(s.name, err)
	case st.Size() == 0:
		err = fault.Inputf("%s: the file is empty; an Arrow file has at least a schema", s.name)
	case s.schema != nil && st.Size() != s.size:
		err = changed(s.name)
	case !st.Mode().IsRegular():
		err = fault.Inputf("%s: it is no regular file and can't be read twice; copy it to a file", s.name)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	s.size = st.Size()
	return f, nil
}

// reader reads messages with the Arrow library.
func (s *IPC) reader(m *ipcMessages) (*ipc.Reader, error) {
	return ipc.NewReaderFromMessageReader(m, ipc.WithAllocator(LimitAllocator(s.size)))
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
	one := *s
	f, err := one.open()
	if err != nil {
		return nil, err
	}
	next, release := s.own(f, schema, indices)
	if s.layout == nil {
		next, release, err = s.library(f, schema, indices)
		if err != nil {
			f.Close()
			return nil, err
		}
	}
	return NewReader(ctx, s.name, schema, func() (arrow.Record, error) {
		rec, err := next()
		return rec, ReadError(s.name, err)
	}, func() {
		_ = Recovered(s.name, func() error { release(); return nil })
		f.Close()
	}), nil
}

func (s *IPC) own(f *os.File, schema *arrow.Schema, indices []int) (next func() (arrow.Record, error), release func()) {
	d := &ipcDecoder{src: s, file: f, schema: schema, indices: indices, blocks: s.messages()[1:], dicts: map[int64]arrow.Array{}}
	return d.next, d.release
}

func (s *IPC) library(f *os.File, schema *arrow.Schema, indices []int) (next func() (arrow.Record, error), release func(), err error) {
	var r *ipc.Reader
	err = Recovered(s.name, func() (err error) {
		r, err = s.reader(&ipcMessages{file: f, name: s.name, blocks: s.messages()})
		return err
	})
	if err != nil {
		return nil, nil, ReadError(s.name, err)
	}
	return func() (arrow.Record, error) {
		if !r.Next() {
			return nil, r.Err()
		}
		return checked(project(r.Record(), schema, indices))
	}, r.Release, nil
}

// messages lists what the reader of this split sees: the schema, all
// dictionaries up to its last record batch, and its record batches.
func (s *IPC) messages() []ipcBlock {
	m := []ipcBlock{s.index.schema}
	if s.lo == s.hi {
		return m
	}
	first, last := s.index.records[s.lo], s.index.records[s.hi-1]
	for i, b := range s.index.blocks[:last+1] {
		if b.kind == ipcDictionary || i >= first {
			m = append(m, b)
		}
	}
	return m
}

// Splits returns runs of consecutive record batches, at most as many as there
// are; see Splitter.
func (s *IPC) Splits(n int) []Source {
	batches := s.hi - s.lo
	if n = min(max(n, 1), batches); n <= 1 {
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

// ipcMessages hands messages of a file to the Arrow library.
type ipcMessages struct {
	file   *os.File
	name   string
	blocks []ipcBlock
	last   *ipc.Message
}

// Message returns the next message, valid until the next call, or io.EOF.
func (m *ipcMessages) Message() (*ipc.Message, error) {
	m.Release()
	if len(m.blocks) == 0 {
		return nil, io.EOF
	}
	b := m.blocks[0]
	m.blocks = m.blocks[1:]
	all := make([]byte, int64(b.metaSize)+b.bodyLength) // together no longer than the file
	if _, err := m.file.ReadAt(all, b.meta); err != nil {
		return nil, fileError(m.name, err)
	}
	m.last = ipc.NewMessage(memory.NewBufferBytes(all[:b.metaSize:b.metaSize]), memory.NewBufferBytes(all[b.metaSize:]))
	return m.last, nil
}

// Retain does nothing: there is one owner.
func (m *ipcMessages) Retain() {}

// Release gives up the last message.
func (m *ipcMessages) Release() {
	if m.last != nil {
		m.last.Release()
		m.last = nil
	}
}

func changed(name string) error {
	return fault.Inputf("%s: the file has changed since it was opened; keep the input still during a run", name)
}

// ReadError keeps an error of a context or of this project, and turns any
// other, which may quote the file's bytes, into Damaged.
func ReadError(name string, err error) error {
	if err == nil || isOurs(err) {
		return err
	}
	return Damaged(name)
}

// LimitAllocator returns an allocator for reading a file of the given size:
// it panics, which Recovered turns into an error, where a damaged length asks
// for more memory than such a file can hold compressed a thousandfold, or than 4 GiB.
func LimitAllocator(fileSize int64) memory.Allocator {
	return limitAllocator{memory.NewGoAllocator(), int(min(64<<20+1000*fileSize, 4<<30))}
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
		panic("arrowio: length beyond what the file can hold")
	}
}
