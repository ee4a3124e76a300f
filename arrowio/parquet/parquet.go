// Package parquet reads and writes Parquet files as Arrow record batches. It
// is apart from arrowio because the library it stands on is large, and because
// a program that reads Parquet with arrow-go v18 can't link it.
package parquet

import (
	"context"
	"io"
	"path/filepath"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	pq "github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/fault"
)

// A File is a Parquet file on disk.
type File struct {
	path   string
	name   string
	schema *arrow.Schema
}

// Open reads the schema of a Parquet file.
func Open(path string) (*File, error) {
	s := &File{path: path, name: filepath.Base(path)}
	return s, arrowio.Recovered(s.name, func() error {
		r, err := file.OpenParquetFile(path, false)
		if err != nil {
			return fault.Inputf("%s: %w", s.name, err)
		}
		defer r.Close()
		fr, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{BatchSize: 1 << 16}, memory.DefaultAllocator)
		if err != nil {
			return err
		}
		s.schema, err = fr.Schema()
		return err
	})
}

// Name returns the file's name.
func (s *File) Name() string { return s.name }

// Schema returns the columns of the table.
func (s *File) Schema() *arrow.Schema { return s.schema }

// Open starts a read; see arrowio.Source.
func (s *File) Open(ctx context.Context, columns ...string) (array.RecordReader, error) {
	schema, indices, err := arrowio.Resolve(s.name, s.schema, columns)
	if err != nil {
		return nil, err
	}
	r, err := file.OpenParquetFile(s.path, false)
	if err != nil {
		return nil, fault.Inputf("%s: %w", s.name, err)
	}
	fr, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{BatchSize: 1 << 16}, memory.DefaultAllocator)
	if err != nil {
		return nil, err
	}
	t, err := fr.ReadTable(ctx)
	if err != nil {
		return nil, err
	}
	tr := array.NewTableReader(t, 1<<16)
	next := func() (arrow.Record, error) {
		if !tr.Next() {
			return nil, tr.Err()
		}
		rec := tr.Record()
		cols := make([]arrow.Array, len(indices))
		for i, at := range indices {
			cols[i] = rec.Column(at)
		}
		return array.NewRecord(schema, cols, rec.NumRows()), nil
	}
	return arrowio.NewReader(ctx, s.name, schema, next, func() { tr.Release(); t.Release(); r.Close() }), nil
}

// Splits returns runs of row groups; see arrowio.Splitter.
func (s *File) Splits(n int) []arrowio.Source { return []arrowio.Source{s} }

// Format writes Parquet.
var Format arrowio.Format = format{}

type format struct{}

func (format) Ext() string { return ".parquet" }

func (format) Write(ctx context.Context, w io.Writer, r array.RecordReader) error {
	fw, err := pqarrow.NewFileWriter(arrow.NewSchema(r.Schema().Fields(), nil), struct{ io.Writer }{w}, pq.NewWriterProperties(pq.WithStats(false)), pqarrow.DefaultWriterProps())
	if err != nil {
		return err
	}
	for r.Next() {
		if err := fw.WriteBuffered(r.Record()); err != nil {
			return err
		}
	}
	if err := r.Err(); err != nil {
		return err
	}
	return fw.Close()
}

// WriteFile writes the source as one Parquet file; see arrowio.WriteFile.
func WriteFile(ctx context.Context, path string, src arrowio.Source) error {
	return arrowio.WriteFile(ctx, path, Format, src)
}
