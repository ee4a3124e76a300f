package parquet

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"io"
	"runtime"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
	pq "github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/metadata"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
	"github.com/apache/arrow/go/v17/parquet/schema"
	"golang.org/x/sync/errgroup"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/fault"
)

const (
	// RowGroupRows is the number of rows of every row group that is written
	// but the last: a constant, so that the layout says nothing of the data.
	RowGroupRows = 1 << 20
	pageRows     = 1 << 16 // rows of a page, a multiple of 8
)

// Format writes Parquet: Snappy, row groups of RowGroupRows rows, text as
// dictionaries (plain above 1 MiB of distinct text that is no Arrow
// dictionary), no statistics. Columns are encoded side by side on as many
// goroutines as there are processors; memory is that of one row group.
//
// Columns may be of every flat Arrow type and lists of these. Other nested
// types are refused by name with an error of kind Plan.
var Format arrowio.Format = format{}

// WriteFile writes the source as one Parquet file; see arrowio.WriteFile.
func WriteFile(ctx context.Context, path string, src arrowio.Source) error {
	return arrowio.WriteFile(ctx, path, Format, src)
}

type format struct{}

func (format) Ext() string { return ".parquet" }

func (format) Write(ctx context.Context, w io.Writer, r array.RecordReader) error {
	out, err := storedSchema(r.Schema())
	if err != nil {
		return err
	}
	for _, f := range out.Fields() {
		if _, ok := f.Type.(*arrow.ListType); ok {
			return writeNested(ctx, w, r, out)
		}
	}
	fw, err := newWriter(w, out)
	if err != nil {
		return err
	}
	return arrowio.RecoveredWrite(func() error { return fw.write(ctx, r) })
}

// storedSchema is the schema of what is written: names, types and nullability,
// no metadata, and the types that Parquet has.
func storedSchema(s *arrow.Schema) (*arrow.Schema, error) {
	fields := make([]arrow.Field, s.NumFields())
	for i, f := range s.Fields() {
		t, err := storedType(f.Type)
		if err != nil {
			return nil, fault.Planf("column %q: %w", f.Name, err)
		}
		fields[i] = arrow.Field{Name: f.Name, Type: t, Nullable: f.Nullable}
	}
	return arrow.NewSchema(fields, nil), nil
}

func storedType(t arrow.DataType) (arrow.DataType, error) {
	switch t := t.(type) {
	case *arrow.StringViewType:
		return arrow.BinaryTypes.String, nil
	case *arrow.BinaryViewType:
		return arrow.BinaryTypes.Binary, nil
	case *arrow.TimestampType:
		if t.Unit == arrow.Second {
			return &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: t.TimeZone}, nil
		}
		return t, nil
	case *arrow.Time32Type:
		return arrow.FixedWidthTypes.Time32ms, nil
	case *arrow.Date64Type:
		return arrow.FixedWidthTypes.Date32, nil
	case *arrow.DictionaryType:
		v, err := storedType(t.ValueType)
		if err != nil || !isText(v) {
			return v, err
		}
		return &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: v}, nil
	case *arrow.ListType:
		elem, err := storedType(t.Elem())
		if err != nil {
			return nil, err
		}
		if id := elem.ID(); id == arrow.DICTIONARY || id == arrow.LIST {
			break
		}
		return t, nil
	case *arrow.NullType, *arrow.BooleanType, *arrow.Int8Type, *arrow.Int16Type, *arrow.Int32Type, *arrow.Int64Type,
		*arrow.Uint8Type, *arrow.Uint16Type, *arrow.Uint32Type, *arrow.Uint64Type, *arrow.Float16Type, *arrow.Float32Type, *arrow.Float64Type,
		*arrow.StringType, *arrow.LargeStringType, *arrow.BinaryType, *arrow.LargeBinaryType, *arrow.FixedSizeBinaryType,
		*arrow.Date32Type, *arrow.Time64Type, *arrow.Decimal128Type, *arrow.Decimal256Type:
		return t, nil
	}
	return nil, fault.Planf("type %v can't be written as Parquet; leave the column out or make it text", t)
}

func isText(t arrow.DataType) bool {
	switch t.ID() {
	case arrow.STRING, arrow.LARGE_STRING, arrow.BINARY, arrow.LARGE_BINARY, arrow.STRING_VIEW, arrow.BINARY_VIEW:
		return true
	}
	return false
}

// A writer puts row groups one after another. The Arrow library makes the
// metadata and the page headers.
type writer struct {
	out    *arrow.Schema
	sink   *countingWriter
	props  *pq.WriterProperties
	schema *schema.Schema
	meta   *metadata.FileMetaDataBuilder
	groups int16
}

type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func (c *countingWriter) Tell() int64 { return c.n }

var magic = []byte("PAR1")

func writerProperties() *pq.WriterProperties {
	return pq.NewWriterProperties(pq.WithCompression(compress.Codecs.Snappy), pq.WithStats(false), pq.WithVersion(pq.V2_6), pq.WithMaxRowGroupLength(RowGroupRows))
}

func newWriter(w io.Writer, out *arrow.Schema) (*writer, error) {
	fw := &writer{out: out, sink: &countingWriter{w: w}, props: writerProperties()}
	var err error
	if fw.schema, err = pqarrow.ToParquet(out, fw.props, pqarrow.DefaultWriterProps()); err != nil {
		return nil, fault.Planf("the columns can't be written as Parquet: %w", err)
	}
	// The Arrow types, for readers that make use of them.
	var types bytes.Buffer
	if err := ipc.NewWriter(&types, ipc.WithSchema(out)).Close(); err != nil {
		return nil, fault.Planf("the columns can't be written as Parquet: %w", err)
	}
	kv := metadata.NewKeyValueMetadata()
	if err := kv.Append("ARROW:schema", base64.StdEncoding.EncodeToString(types.Bytes())); err != nil {
		return nil, err
	}
	fw.meta = metadata.NewFileMetadataBuilder(fw.schema, fw.props, kv)
	return fw, nil
}

// write cuts the records into row groups.
func (fw *writer) write(ctx context.Context, r array.RecordReader) error {
	if _, err := fw.sink.Write(magic); err != nil {
		return outputError(err)
	}
	var group []arrow.Record
	drop := func() {
		for _, rec := range group {
			rec.Release()
		}
		group = group[:0]
	}
	defer drop()
	var rows int64
	for r.Next() {
		rec := r.Record()
		for from := int64(0); from < rec.NumRows(); {
			to := min(rec.NumRows(), from+RowGroupRows-rows)
			group = append(group, rec.NewSlice(from, to))
			rows += to - from
			if from = to; rows == RowGroupRows {
				if err := fw.rowGroup(ctx, group, int(rows)); err != nil {
					return err
				}
				drop()
				rows = 0
			}
		}
	}
	if err := r.Err(); err != nil {
		return err
	}
	if rows > 0 {
		if err := fw.rowGroup(ctx, group, int(rows)); err != nil {
			return err
		}
	}
	return fw.footer()
}

// rowGroup encodes the columns side by side, into memory, and writes them in
// order.
func (fw *writer) rowGroup(ctx context.Context, group []arrow.Record, rows int) error {
	rg := fw.meta.AppendRowGroup()
	pagers := make([]file.PageWriter, fw.out.NumFields())
	hasDict := make([]bool, len(pagers))
	var workers errgroup.Group
	workers.SetLimit(runtime.GOMAXPROCS(0))
	for i := range pagers {
		var err error
		pagers[i], err = file.NewPageWriter(fw.sink, compress.Codecs.Snappy, compress.DefaultCompressionLevel, rg.NextColumnChunk(), fw.groups, int16(i), memory.DefaultAllocator, true, nil, nil)
		if err != nil {
			return err
		}
		workers.Go(func() error {
			return arrowio.RecoveredWrite(func() (err error) {
				if err := ctx.Err(); err != nil {
					return err
				}
				arrs := make([]arrow.Array, len(group))
				for k, rec := range group {
					arrs[k] = rec.Column(i)
				}
				hasDict[i], err = encodeColumn(pagers[i], fw.out.Field(i), arrs, rows)
				return err
			})
		})
	}
	if err := workers.Wait(); err != nil {
		return err
	}
	start := fw.sink.n
	for i, p := range pagers {
		if err := p.Close(hasDict[i], false); err != nil {
			return outputError(err)
		}
	}
	rg.SetNumRows(rows)
	fw.groups++
	return rg.Finish(fw.sink.n-start, fw.groups-1)
}

func (fw *writer) footer() error {
	meta, err := fw.meta.Finish()
	if err != nil {
		return err
	}
	n, err := meta.WriteTo(fw.sink, nil)
	if err != nil {
		return outputError(err)
	}
	if _, err := fw.sink.Write(append(binary.LittleEndian.AppendUint32(nil, uint32(n)), magic...)); err != nil {
		return outputError(err)
	}
	return nil
}

// outputError keeps what the operating system said about a failed write.
func outputError(err error) error { return fault.Inputf("writing the output: %w", err) }

// writeNested writes a table that has lists with the Arrow library, which
// writes no more than the lists refer to. Text goes out of its dictionaries
// first, since the library would write all entries of those.
func writeNested(ctx context.Context, w io.Writer, r array.RecordReader, out *arrow.Schema) error {
	fields := out.Fields()
	for i, f := range fields {
		if d, ok := f.Type.(*arrow.DictionaryType); ok {
			fields[i].Type = d.ValueType
		}
	}
	out = arrow.NewSchema(fields, nil)
	return arrowio.RecoveredWrite(func() error {
		fw, err := pqarrow.NewFileWriter(out, struct{ io.Writer }{w}, writerProperties(), pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
		if err != nil {
			return fault.Planf("the columns can't be written as Parquet: %w", err)
		}
		rows := 0
		for r.Next() {
			rec := r.Record()
			cols := make([]arrow.Array, len(fields))
			for i, c := range rec.Columns() {
				cols[i] = dense(c, fields[i].Type)
				defer cols[i].Release()
			}
			plain := array.NewRecord(out, cols, rec.NumRows())
			defer plain.Release()
			for from := int64(0); from < plain.NumRows(); {
				to := min(plain.NumRows(), from+int64(RowGroupRows-rows))
				part := plain.NewSlice(from, to)
				err := fw.WriteBuffered(part)
				part.Release()
				if err != nil {
					return outputError(err)
				}
				rows += int(to - from)
				if from = to; rows == RowGroupRows {
					fw.NewBufferedRowGroup()
					rows = 0
				}
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		if err := r.Err(); err != nil {
			return err
		}
		if err := fw.Close(); err != nil {
			return outputError(err)
		}
		return nil
	})
}
