package parquet

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	pq "github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/metadata"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/fault"
)

// A File is a Parquet file on disk.
//
// Text that the file keeps as dictionaries arrives as dictionary<int32, utf8>,
// with one dictionary for all batches of a row group; other text as utf8.
// Batches have at most 65,536 rows and never span row groups.
type File struct {
	path, name string
	size       int64
	schema     *arrow.Schema
	columns    []columnPlan
	meta       *metadata.FileMetaData
	lo, hi     int // the row groups of this split
}

// A columnPlan says how a column is read.
type columnPlan struct {
	leaves []int // leaf columns of the file
	own    bool  // decoded here; else by the Arrow library
	depth  int16 // greatest definition level: 1 for a column with nulls
}

// Open reads the metadata of a Parquet file, and no row.
//
// Errors are of kind Input and name the file.
func Open(path string) (*File, error) {
	s := &File{path: path, name: filepath.Base(path)}
	f, err := s.openFile()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	err = arrowio.Recovered(s.name, func() error {
		r, err := s.reader(f)
		if err != nil {
			return err
		}
		s.meta, s.hi = r.MetaData(), r.NumRowGroups()
		if err := s.checkExtents(); err != nil {
			return err
		}
		fr, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{}, memory.NewGoAllocator())
		if err != nil {
			return err
		}
		return s.plan(fr)
	})
	if err != nil {
		return nil, arrowio.ReadError(s.name, err)
	}
	return s, nil
}

func (s *File) openFile() (*os.File, error) {
	f, err := os.Open(s.path)
	if err != nil {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return nil, fault.Inputf("%s: open: %w", s.name, err)
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, fault.Inputf("%s: %w", s.name, err)
	}
	if s.meta != nil && st.Size() != s.size {
		f.Close()
		return nil, fault.Inputf("%s: the file has changed since it was opened; keep the input still during a run", s.name)
	}
	if st.Size() == 0 {
		f.Close()
		return nil, fault.Inputf("%s: the file is empty; a Parquet file has at least a schema", s.name)
	}
	s.size = st.Size()
	return f, nil
}

func (s *File) reader(f *os.File) (*file.Reader, error) {
	options := []file.ReadOption{file.WithReadProps(pq.NewReaderProperties(arrowio.LimitAllocator(s.size)))}
	if s.meta != nil {
		options = append(options, file.WithMetadata(s.meta))
	}
	return file.NewParquetReader(keepOpen{f}, options...)
}

// keepOpen hides Close from the library, which would close the file twice.
type keepOpen struct{ pq.ReaderAtSeeker }

// checkExtents makes sure that every column chunk lies inside the file, so
// that a damaged length asks for no more memory than the file's size.
func (s *File) checkExtents() error {
	for g := range s.hi {
		rg := s.meta.RowGroup(g)
		if rg.NumRows() < 0 {
			return arrowio.Damaged(s.name)
		}
		for c := range rg.NumColumns() {
			chunk, err := rg.ColumnChunk(c)
			if err != nil {
				return err
			}
			start, size := chunk.DataPageOffset(), chunk.TotalCompressedSize()
			if chunk.HasDictionaryPage() && chunk.DictionaryPageOffset() > 0 {
				start = min(start, chunk.DictionaryPageOffset())
			}
			if start < 0 || size < 0 || start > s.size || size > s.size-start || chunk.NumValues() < 0 {
				return arrowio.Damaged(s.name)
			}
		}
	}
	return nil
}

// plan decides the type of every column and who decodes it.
func (s *File) plan(fr *pqarrow.FileReader) error {
	schema, err := fr.Schema()
	if err != nil {
		return err
	}
	fields := schema.Fields()
	for i := range fields {
		mf := &fr.Manifest.Fields[i]
		p := columnPlan{leaves: leaves(mf, nil)}
		t := fields[i].Type
		if d, ok := t.(*arrow.DictionaryType); ok && isText(d.ValueType) {
			t = d.ValueType
		}
		if len(mf.Children) == 0 {
			leaf := s.meta.Schema.Column(mf.ColIndex)
			p.depth = leaf.MaxDefinitionLevel()
			p.own = leaf.MaxRepetitionLevel() == 0 && p.depth <= 1 && ownType(t, leaf.PhysicalType())
			encoded, dictionary := s.encodings(mf.ColIndex)
			p.own = p.own && encoded
			if p.own {
				if isText(t) {
					t = arrow.BinaryTypes.String
					if dictionary {
						t = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: t}
					}
				}
				fields[i].Type = t
			}
		}
		fields[i].Metadata = arrow.Metadata{}
		s.columns = append(s.columns, p)
	}
	s.schema = arrow.NewSchema(fields, nil)
	return nil
}

func leaves(f *pqarrow.SchemaField, at []int) []int {
	if len(f.Children) == 0 { // f.IsLeaf is true of lists too
		return append(at, f.ColIndex)
	}
	for i := range f.Children {
		at = leaves(&f.Children[i], at)
	}
	return at
}

// ownType reports whether columns of the type are decoded here.
func ownType(t arrow.DataType, physical pq.Type) bool {
	switch t.ID() {
	case arrow.BOOL:
		return physical == pq.Types.Boolean
	case arrow.STRING, arrow.LARGE_STRING:
		return physical == pq.Types.ByteArray
	case arrow.INT8, arrow.UINT8, arrow.INT16, arrow.UINT16, arrow.INT32, arrow.UINT32, arrow.DATE32, arrow.TIME32:
		return physical == pq.Types.Int32
	case arrow.INT64, arrow.UINT64, arrow.TIMESTAMP, arrow.TIME64:
		return physical == pq.Types.Int64
	case arrow.FLOAT32:
		return physical == pq.Types.Float
	case arrow.FLOAT64:
		return physical == pq.Types.Double
	}
	return false
}

// encodings reports whether a column uses only encodings that are decoded
// here, and whether all of it is kept as dictionaries. Where a writer does not
// say so page by page, a dictionary in every row group is taken for it; what
// is not in one is then added to it while reading.
func (s *File) encodings(leaf int) (known, dictionary bool) {
	known, dictionary = true, s.hi > 0
	for g := range s.hi {
		chunk, err := s.meta.RowGroup(g).ColumnChunk(leaf)
		if err != nil {
			return false, false
		}
		for _, e := range chunk.Encodings() {
			switch e {
			case pq.Encodings.Plain, pq.Encodings.RLE, pq.Encodings.PlainDict, pq.Encodings.RLEDict, pq.Encodings.BitPacked:
			default:
				known = false
			}
		}
		dictionary = dictionary && chunk.HasDictionaryPage()
		for _, st := range chunk.EncodingStats() {
			if st.PageType != dictionaryPage && st.Encoding != pq.Encodings.PlainDict && st.Encoding != pq.Encodings.RLEDict {
				dictionary = false
			}
		}
	}
	return known, dictionary
}

// Name returns the file's name.
func (s *File) Name() string { return s.name }

// Schema returns the columns of the table, without metadata.
func (s *File) Schema() *arrow.Schema { return s.schema }

// NumRows returns the number of rows that the metadata claims.
func (s *File) NumRows() int64 {
	var n int64
	for g := s.lo; g < s.hi; g++ {
		n += s.meta.RowGroup(g).NumRows()
	}
	return n
}

// Splits returns runs of consecutive row groups, at most as many as there are;
// see arrowio.Splitter.
func (s *File) Splits(n int) []arrowio.Source {
	groups := s.hi - s.lo
	if n = min(max(n, 1), groups); n <= 1 {
		return []arrowio.Source{s}
	}
	splits := make([]arrowio.Source, n)
	for i := range splits {
		part := *s
		part.lo, part.hi = s.lo+groups*i/n, s.lo+groups*(i+1)/n
		splits[i] = &part
	}
	return splits
}

// Open starts a read of the named columns; only their pages are read from the
// file. See arrowio.Source.
func (s *File) Open(ctx context.Context, columns ...string) (array.RecordReader, error) {
	schema, indices, err := arrowio.Resolve(s.name, s.schema, columns)
	if err != nil {
		return nil, err
	}
	one := *s
	f, err := one.openFile()
	if err != nil {
		return nil, err
	}
	r := &groupReader{file: s, ctx: ctx, schema: schema, indices: indices, group: s.lo - 1}
	err = arrowio.Recovered(s.name, func() (err error) {
		r.in, err = one.reader(f)
		return err
	})
	if err != nil {
		f.Close()
		return nil, arrowio.ReadError(s.name, err)
	}
	next := func() (arrow.Record, error) {
		rec, err := r.next()
		return rec, arrowio.ReadError(s.name, err)
	}
	return arrowio.NewReader(ctx, s.name, schema, next, func() {
		_ = arrowio.Recovered(s.name, func() error { r.close(); return nil })
		f.Close()
	}), nil
}
