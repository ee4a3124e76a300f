package arrowio

import (
	"bytes"
	"context"
	"io"
	"os"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// SpoolOptions say how much of a stream is kept in memory.
type SpoolOptions struct {
	// Memory is the number of bytes of record batches kept in memory; later
	// batches go to a temporary file. 0 is 256 MiB, negative is none.
	Memory int64
	// Dir is the folder of the temporary file; empty: the system's.
	Dir string
}

const spoolMemory = 256 << 20

// A Spooled is a stream that was read once and can be read again.
type Spooled struct {
	*spoolData
	lo, hi int // the batches of this split
}

type spoolData struct {
	schema *arrow.Schema
	rows   int64
	kept   []arrow.Record // the first batches
	spans  []span         // the later ones, in the file
	mu     sync.RWMutex
	file   *os.File // nil: nothing was spilled, or closed
	path   string   // set where an open file can't be deleted
	closed bool
}

// A span is where a batch lies in the file: a whole Arrow stream of its own,
// so that batches can be read in any order and have dictionaries of their own.
type span struct{ off, size int64 }

// Spool reads a one-shot reader to its end and makes a Source of it, which can
// be read any number of times and side by side. The reader stays the caller's
// to release. What does not fit the memory goes to a file of mode 0600, which
// is deleted at once where the system allows that for an open file, so that
// nothing is left even after a crash; elsewhere Close deletes it.
//
// Close must be called. Errors are those of the reader, of ctx, or of kind
// Input.
func Spool(ctx context.Context, r array.RecordReader, o SpoolOptions) (*Spooled, error) {
	limit := o.Memory
	if limit == 0 {
		limit = spoolMemory
	}
	d := &spoolData{schema: r.Schema()}
	s := &Spooled{spoolData: d}
	err := Recovered(spoolName, func() error {
		var used, end int64
		for r.Next() {
			if err := ctx.Err(); err != nil {
				return err
			}
			rec := r.Record()
			d.rows += rec.NumRows()
			if size := recordSize(rec); d.file == nil && used+size <= limit {
				used += size
				rec.Retain()
				d.kept = append(d.kept, rec)
				continue
			}
			var err error
			if end, err = d.spill(rec, end, o.Dir); err != nil {
				return err
			}
		}
		return r.Err()
	})
	if err != nil {
		s.Close()
		return nil, err
	}
	s.hi = len(d.kept) + len(d.spans)
	return s, nil
}

const spoolName = "temporary file"

// spill appends a batch to the file and returns its new end.
func (d *spoolData) spill(rec arrow.Record, end int64, dir string) (int64, error) {
	if d.file == nil {
		f, err := os.CreateTemp(dir, "oboro-spool-*") // mode 0600
		if err != nil {
			return 0, fileError(spoolName, err)
		}
		d.file = f
		if os.Remove(f.Name()) != nil {
			d.path = f.Name()
		}
	}
	var b bytes.Buffer
	w := ipc.NewWriter(&b, ipc.WithSchema(d.schema))
	if err := w.Write(rec); err != nil {
		return 0, fileError(spoolName, err)
	}
	if err := w.Close(); err != nil {
		return 0, fileError(spoolName, err)
	}
	if _, err := d.file.WriteAt(b.Bytes(), end); err != nil {
		return 0, fileError(spoolName, err)
	}
	d.spans = append(d.spans, span{end, int64(b.Len())})
	return end + int64(b.Len()), nil
}

// recordSize is the memory that a record holds on to; what batches share, as
// dictionaries, counts for each.
func recordSize(rec arrow.Record) int64 {
	var n int64
	for _, c := range rec.Columns() {
		n += dataSize(c.Data())
	}
	return n
}

func dataSize(d arrow.ArrayData) int64 {
	var n int64
	for _, b := range d.Buffers() {
		if b != nil {
			n += int64(b.Len())
		}
	}
	for _, c := range d.Children() {
		n += dataSize(c)
	}
	if dt, ok := d.DataType().(*arrow.DictionaryType); ok && dt != nil && d.Dictionary() != nil {
		n += dataSize(d.Dictionary())
	}
	return n
}

// Close gives up the memory and deletes the file. Neither the table nor its
// splits or readers are used afterwards.
func (d *spoolData) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	for _, r := range d.kept {
		r.Release()
	}
	d.kept = nil
	if d.file == nil {
		return nil
	}
	err := d.file.Close()
	if d.path != "" {
		err = os.Remove(d.path)
	}
	if err != nil {
		return fileError(spoolName, err)
	}
	return nil
}

// Schema returns the columns of the table.
func (d *spoolData) Schema() *arrow.Schema { return d.schema }

// NumRows returns the number of rows of the whole stream.
func (d *spoolData) NumRows() int64 { return d.rows }

// batch returns batch i.
func (d *spoolData) batch(i int) (arrow.Record, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.closed {
		return nil, fileError(spoolName, os.ErrClosed)
	}
	if i < len(d.kept) {
		d.kept[i].Retain()
		return d.kept[i], nil
	}
	at := d.spans[i-len(d.kept)]
	r, err := ipc.NewReader(io.NewSectionReader(d.file, at.off, at.size), ipc.WithAllocator(memory.NewGoAllocator()))
	if err != nil {
		return nil, fileError(spoolName, err)
	}
	defer r.Release()
	if !r.Next() {
		return nil, Damaged(spoolName)
	}
	rec := r.Record()
	rec.Retain()
	return rec, nil
}

// Open starts a read; see Source.
func (s *Spooled) Open(ctx context.Context, columns ...string) (array.RecordReader, error) {
	schema, indices, err := Resolve("spooled input", s.schema, columns)
	if err != nil {
		return nil, err
	}
	at := s.lo
	return NewReader(ctx, spoolName, schema, func() (arrow.Record, error) {
		if at == s.hi {
			return nil, nil
		}
		rec, err := s.batch(at)
		if err != nil {
			return nil, err
		}
		defer rec.Release()
		at++
		return project(rec, schema, indices), nil
	}, nil), nil
}

// Splits returns runs of consecutive batches. They are the whole's to close.
func (s *Spooled) Splits(n int) []Source {
	batches := s.hi - s.lo
	if n = min(max(n, 1), batches); n <= 1 {
		return []Source{s}
	}
	splits := make([]Source, n)
	for i := range splits {
		splits[i] = &Spooled{s.spoolData, s.lo + batches*i/n, s.lo + batches*(i+1)/n}
	}
	return splits
}
