package arrowio

import (
	"bytes"
	"context"
	"os"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/internal/spill"
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
	// later are the later ones in the file, each a whole Arrow stream of its
	// own, so that batches can be read in any order and have dictionaries of
	// their own.
	later  []spill.Chunk
	file   *spill.File
	mu     sync.RWMutex
	closed bool
}

// Spool reads a one-shot reader to its end and makes a Source of it, which can
// be read any number of times and side by side. The reader stays the caller's
// to release. What does not fit the memory goes to an encrypted file of mode
// 0600, which is deleted at once where the system allows that for an open file,
// so that nothing is left even after a crash; elsewhere Close deletes it.
//
// Close must be called. Errors are those of the reader, of ctx, or of kind
// Input.
func Spool(ctx context.Context, r array.RecordReader, o SpoolOptions) (*Spooled, error) {
	limit := o.Memory
	if limit == 0 {
		limit = spoolMemory
	}
	d := &spoolData{schema: r.Schema(), file: spill.New(o.Dir)}
	s := &Spooled{spoolData: d}
	err := Recovered(spoolName, func() error {
		var used int64
		for r.Next() {
			if err := ctx.Err(); err != nil {
				return err
			}
			rec := r.Record()
			d.rows += rec.NumRows()
			if size := recordSize(rec); len(d.later) == 0 && used+size <= limit {
				used += size
				rec.Retain()
				d.kept = append(d.kept, rec)
				continue
			}
			if err := d.spill(rec); err != nil {
				return err
			}
		}
		return r.Err()
	})
	if err != nil {
		s.Close()
		return nil, err
	}
	s.hi = len(d.kept) + len(d.later)
	return s, nil
}

const spoolName = "temporary file"

// spill appends a batch to the file.
func (d *spoolData) spill(rec arrow.Record) error {
	var b bytes.Buffer
	w := ipc.NewWriter(&b, ipc.WithSchema(d.schema))
	if err := w.Write(rec); err != nil {
		return fileError(spoolName, err)
	}
	if err := w.Close(); err != nil {
		return fileError(spoolName, err)
	}
	at, err := d.file.Append(b.Bytes())
	d.later = append(d.later, at)
	return err
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
	return d.file.Close()
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
	r, err := ipc.NewReader(d.later[i-len(d.kept)].Reader(), ipc.WithAllocator(memory.NewGoAllocator()))
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
