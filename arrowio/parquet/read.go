package parquet

import (
	"context"
	"errors"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
)

// batchRows is the greatest number of rows of a batch.
const batchRows = 1 << 16

// The page types of the format, whose Go names the library keeps internal.
const (
	dictionaryPage = 2
)

// A groupReader reads one row group after another.
type groupReader struct {
	file    *File
	ctx     context.Context
	schema  *arrow.Schema
	indices []int
	in      *file.Reader
	group   int
	left    int64 // rows left in the row group
	columns []columnReader
}

// A columnReader reads one column of one row group.
type columnReader interface {
	// next returns the next n rows. The caller releases the array.
	next(n int) (arrow.Array, error)
	release()
}

// next returns the next batch, or nil at the end.
func (r *groupReader) next() (arrow.Record, error) {
	for r.left == 0 {
		if r.group++; r.group >= r.file.hi {
			return nil, nil
		}
		r.left = r.file.meta.RowGroup(r.group).NumRows()
		if r.left > 0 {
			if err := r.open(); err != nil {
				return nil, err
			}
		}
	}
	n := int(min(r.left, batchRows))
	cols := make([]arrow.Array, len(r.columns))
	defer func() {
		for _, c := range cols {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i, c := range r.columns {
		var err error
		if cols[i], err = c.next(n); err != nil {
			return nil, err
		}
		if cols[i].Len() != n {
			return nil, errPage
		}
	}
	r.left -= int64(n)
	return array.NewRecord(r.schema, cols, int64(n)), nil
}

// open starts the columns of a row group.
func (r *groupReader) open() error {
	r.close()
	for i, at := range r.indices {
		p := r.file.columns[at]
		var c columnReader
		var err error
		if p.own {
			c, err = r.openOwn(p, r.schema.Field(i).Type)
		} else {
			c, err = r.openLibrary(at, p, r.schema.Field(i).Type)
		}
		if err != nil {
			return err
		}
		r.columns = append(r.columns, c)
	}
	return nil
}

func (r *groupReader) close() {
	for _, c := range r.columns {
		c.release()
	}
	r.columns = r.columns[:0]
}

func (r *groupReader) openOwn(p columnPlan, t arrow.DataType) (columnReader, error) {
	pages, err := r.in.RowGroup(r.group).GetColumnPageReader(p.leaves[0])
	if err != nil {
		return nil, err
	}
	return &chunkReader{pages: pages, nullable: p.depth == 1, target: newTarget(t)}, nil
}

func (r *groupReader) openLibrary(field int, p columnPlan, t arrow.DataType) (columnReader, error) {
	fr, err := pqarrow.NewFileReader(r.in, pqarrow.ArrowReadProperties{}, memory.NewGoAllocator())
	if err != nil {
		return nil, err
	}
	included := make(map[int]bool, len(p.leaves))
	for _, l := range p.leaves {
		included[l] = true
	}
	c, err := fr.GetFieldReader(r.ctx, field, included, []int{r.group})
	if err != nil {
		return nil, err
	}
	return &libraryReader{c, t}, nil
}

// A libraryReader leaves the decoding to the Arrow library.
type libraryReader struct {
	c *pqarrow.ColumnReader
	t arrow.DataType
}

func (l *libraryReader) next(n int) (arrow.Array, error) {
	chunked, err := l.c.NextBatch(int64(n))
	if err != nil {
		return nil, err
	}
	defer chunked.Release()
	if !arrow.TypeEqual(chunked.DataType(), l.t) {
		return nil, errPage
	}
	if chunks := chunked.Chunks(); len(chunks) == 1 {
		chunks[0].Retain()
		return chunks[0], nil
	}
	return array.Concatenate(chunked.Chunks(), memory.NewGoAllocator())
}

func (l *libraryReader) release() { l.c.Release() }

var errPage = errors.New("a page does not hold what its header says")
