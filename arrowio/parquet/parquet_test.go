package parquet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/decimal256"
	"github.com/apache/arrow/go/v17/arrow/float16"
	"github.com/apache/arrow/go/v17/arrow/memory"
	pq "github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/fault"
)

func dictOf(t arrow.DataType, index arrow.DataType) arrow.DataType {
	return &arrow.DictionaryType{IndexType: index, ValueType: t}
}

// flatTypes are the types that a table can have.
var flatTypes = []arrow.DataType{
	arrow.Null,
	arrow.FixedWidthTypes.Boolean,
	arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Int16, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64,
	arrow.PrimitiveTypes.Uint8, arrow.PrimitiveTypes.Uint16, arrow.PrimitiveTypes.Uint32, arrow.PrimitiveTypes.Uint64,
	arrow.FixedWidthTypes.Float16, arrow.PrimitiveTypes.Float32, arrow.PrimitiveTypes.Float64,
	arrow.BinaryTypes.String, arrow.BinaryTypes.LargeString, arrow.BinaryTypes.Binary, arrow.BinaryTypes.StringView,
	&arrow.FixedSizeBinaryType{ByteWidth: 3},
	arrow.FixedWidthTypes.Date32, arrow.FixedWidthTypes.Date64,
	arrow.FixedWidthTypes.Time32s, arrow.FixedWidthTypes.Time32ms, arrow.FixedWidthTypes.Time64us, arrow.FixedWidthTypes.Time64ns,
	&arrow.TimestampType{Unit: arrow.Second}, &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "Asia/Tokyo"},
	&arrow.TimestampType{Unit: arrow.Microsecond}, &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "UTC"},
	&arrow.Decimal128Type{Precision: 12, Scale: 2}, &arrow.Decimal128Type{Precision: 38, Scale: 5}, &arrow.Decimal256Type{Precision: 60, Scale: 3},
	dictOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int32), dictOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Uint8),
	dictOf(arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Int16),
	dictOf(arrow.FixedWidthTypes.Date32, arrow.PrimitiveTypes.Int8),
	arrow.ListOf(arrow.BinaryTypes.String),
}

// appendRandom appends one value, or null one time in eight.
func appendRandom(b array.Builder, rng *rand.Rand) {
	if rng.IntN(8) == 0 {
		b.AppendNull()
		return
	}
	text := []string{"", "Tokyo", "能登", "a longer text than sixteen bytes", "x"}[rng.IntN(5)]
	small := rng.IntN(100)
	switch b := b.(type) {
	case *array.NullBuilder:
		b.AppendNull()
	case *array.BooleanBuilder:
		b.Append(small%2 == 0)
	case *array.Int8Builder:
		b.Append(int8(small - 128))
	case *array.Int16Builder:
		b.Append(int16(small - math.MaxInt16))
	case *array.Int32Builder:
		b.Append(int32(small) - math.MaxInt32)
	case *array.Int64Builder:
		b.Append(int64(small) - math.MaxInt64)
	case *array.Uint8Builder:
		b.Append(uint8(small + 150))
	case *array.Uint16Builder:
		b.Append(uint16(small + 65000))
	case *array.Uint32Builder:
		b.Append(math.MaxUint32 - uint32(small))
	case *array.Uint64Builder:
		b.Append(math.MaxUint64 - uint64(small))
	case *array.Float16Builder:
		b.Append(float16.New(float32(small) / 4))
	case *array.Float32Builder:
		b.Append(float32(small) / 3)
	case *array.Float64Builder:
		b.Append([]float64{math.Inf(1), 0.1, -1e300, float64(small)}[rng.IntN(4)])
	case *array.StringBuilder:
		b.Append(text)
	case *array.LargeStringBuilder:
		b.Append(text)
	case *array.StringViewBuilder:
		b.Append(text)
	case *array.BinaryBuilder:
		b.AppendString(text)
	case *array.FixedSizeBinaryBuilder:
		b.Append([]byte{1, byte(small), 255})
	case *array.Date32Builder:
		b.Append(arrow.Date32(small - 50))
	case *array.Date64Builder:
		b.Append(arrow.Date64(small-50) * 86400000)
	case *array.Time32Builder:
		b.Append(arrow.Time32(small))
	case *array.Time64Builder:
		b.Append(arrow.Time64(small) * 1000)
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(small-50) * 1001)
	case *array.Decimal128Builder:
		b.Append(decimal128.FromI64(int64(small-50) * 12345))
	case *array.Decimal256Builder:
		b.Append(decimal256.FromI64(int64(small-50) * 1234567))
	case *array.ListBuilder:
		b.Append(true)
		for range rng.IntN(4) {
			appendRandom(b.ValueBuilder(), rng)
		}
	case *array.BinaryDictionaryBuilder:
		if err := b.AppendString(text); err != nil {
			panic(err)
		}
	case *array.Int64DictionaryBuilder:
		if err := b.Append(int64(small)); err != nil {
			panic(err)
		}
	case *array.Date32DictionaryBuilder:
		if err := b.Append(arrow.Date32(small)); err != nil {
			panic(err)
		}
	default:
		panic(fmt.Sprintf("%T", b))
	}
}

// table makes batches of random rows of the types; batch lengths vary, and
// every second batch is a slice with an offset.
func table(types []arrow.DataType, rows int, seed uint64) *arrowio.Memory {
	rng := rand.New(rand.NewPCG(seed, 1))
	fields := make([]arrow.Field, len(types))
	for i, t := range types {
		meta := arrow.NewMetadata([]string{"MARKER-field"}, []string{"MARKER-field-value"})
		fields[i] = arrow.Field{Name: fmt.Sprintf("c%d", i), Type: t, Nullable: true, Metadata: meta}
	}
	meta := arrow.NewMetadata([]string{"MARKER-schema"}, []string{"MARKER-schema-value"})
	schema := arrow.NewSchema(fields, &meta)
	var recs []arrow.Record
	for rows > 0 {
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		n := min(rows, 1+rng.IntN(3000))
		for range n + 5 {
			for i := range types {
				appendRandom(b.Field(i), rng)
			}
		}
		rec := b.NewRecord()
		from := int64(rng.IntN(6))
		recs = append(recs, rec.NewSlice(from, from+int64(n)))
		b.Release()
		rec.Release()
		rows -= n
	}
	return arrowio.NewMemory(schema, recs...)
}

// render renders a source column by column, for comparison.
func render(t testing.TB, src arrowio.Source, columns ...string) [][]string {
	t.Helper()
	out, err := tryRender(src, columns...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func tryRender(src arrowio.Source, columns ...string) ([][]string, error) {
	r, err := src.Open(context.Background(), columns...)
	if err != nil {
		return nil, err
	}
	defer r.Release()
	out := make([][]string, r.Schema().NumFields())
	for r.Next() {
		for i, c := range r.Record().Columns() {
			t := c.DataType()
			if d, ok := t.(*arrow.DictionaryType); ok {
				t = d.ValueType
			}
			c = dense(c, t)
			for k := range c.Len() {
				if c.IsNull(k) {
					out[i] = append(out[i], "<null>")
				} else {
					out[i] = append(out[i], c.ValueStr(k))
				}
			}
			c.Release()
		}
	}
	return out, r.Err()
}

func equalColumns(t testing.TB, what string, got, want [][]string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d columns, want %d", what, len(got), len(want))
	}
	for i := range want {
		if len(got[i]) != len(want[i]) {
			t.Fatalf("%s: column %d has %d rows, want %d", what, i, len(got[i]), len(want[i]))
		}
		for k := range want[i] {
			g, w := got[i][k], want[i][k]
			if g != w && strings.TrimSuffix(g, ".000") != w { // seconds become milliseconds
				t.Fatalf("%s: column %d row %d is %q, want %q", what, i, k, g, w)
			}
		}
	}
}

// writeParquet writes a source to a file of the test's own.
func writeParquet(t testing.TB, src arrowio.Source) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in.parquet")
	if err := WriteFile(context.Background(), path, src); err != nil {
		t.Fatal(err)
	}
	return path
}

// writeLibrary writes a source with the Arrow library, as other programs do.
func writeLibrary(t testing.TB, src arrowio.Source, rowGroup int, options ...pq.WriterProperty) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lib.parquet")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := src.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	w, err := pqarrow.NewFileWriter(r.Schema(), f, pq.NewWriterProperties(options...), pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for r.Next() {
		if err := w.WriteBuffered(r.Record()); err != nil {
			t.Fatal(err)
		}
		if n += int(r.Record().NumRows()); n >= rowGroup {
			w.NewBufferedRowGroup()
			n = 0
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t testing.TB, path string) *File {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Every type that can be written is read again, with nulls, slices and many
// batches, by this package and by the Arrow library alike.
func TestRoundTrip(t *testing.T) {
	for _, typ := range flatTypes {
		t.Run(typ.String(), func(t *testing.T) {
			for _, rows := range []int{0, 1, 7, 5000} {
				src := table([]arrow.DataType{typ}, rows, 1)
				want := render(t, src)
				path := writeParquet(t, src)
				equalColumns(t, "read here", render(t, open(t, path)), want)
				equalColumns(t, "read by the library", library(t, path), want)
			}
		})
	}
}

// library reads a file with the Arrow library alone.
func library(t testing.TB, path string) [][]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tbl, err := pqarrow.ReadTable(context.Background(), f, nil, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	defer tbl.Release()
	tr := array.NewTableReader(tbl, 0)
	defer tr.Release()
	m, err := arrowio.ReadAll(tr)
	if err != nil {
		t.Fatal(err)
	}
	return render(t, m)
}

// What the Arrow library writes in its various ways is read the same.
func TestReadLibraryFiles(t *testing.T) {
	var types []arrow.DataType
	for _, typ := range flatTypes {
		switch typ.ID() {
		case arrow.STRING_VIEW, arrow.NULL: // the library can't write them
			continue
		}
		if d, ok := typ.(*arrow.DictionaryType); ok && d.ValueType.ID() != arrow.STRING {
			continue
		}
		types = append(types, typ)
	}
	src := table(types, 4000, 2)
	want := render(t, src)
	for name, options := range map[string][]pq.WriterProperty{
		"default":   nil,
		"plain":     {pq.WithDictionaryDefault(false)},
		"version 2": {pq.WithDataPageVersion(pq.DataPageV2), pq.WithCompression(compress.Codecs.Zstd)},
		"small":     {pq.WithDataPageSize(200), pq.WithBatchSize(64), pq.WithCompression(compress.Codecs.Snappy)},
		"fall back": {pq.WithDictionaryPageSizeLimit(40), pq.WithDataPageSize(400), pq.WithBatchSize(64)},
		"delta":     {pq.WithDictionaryFor("c12", false), pq.WithEncodingFor("c12", pq.Encodings.DeltaByteArray), pq.WithDictionaryFor("c4", false), pq.WithEncodingFor("c4", pq.Encodings.DeltaBinaryPacked)},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, writeLibrary(t, src, 1500, options...))
			equalColumns(t, "rows", render(t, s), want)
			if n := len(s.Splits(99)); n < 2 {
				t.Fatalf("%d splits", n)
			}
			for _, n := range []int{1, 2, 99} {
				got := make([][]string, len(want))
				for _, part := range s.Splits(n) {
					for i, c := range render(t, part) {
						got[i] = append(got[i], c...)
					}
				}
				equalColumns(t, fmt.Sprintf("%d splits", n), got, want)
			}
			equalColumns(t, "projection", render(t, s, "c5", "c1"), [][]string{want[5], want[1]})
		})
	}
}

// Row groups have constant size, batches stay inside them, and batching of the
// input does not change the bytes.
func TestLayout(t *testing.T) {
	types := []arrow.DataType{dictOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int32), arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.String}
	src := table(types, 40_000, 3)
	r, err := src.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	var recs []arrow.Record
	for r.Next() {
		for from := int64(0); from < r.Record().NumRows(); from += 100 {
			recs = append(recs, r.Record().NewSlice(from, min(from+100, r.Record().NumRows())))
		}
	}
	var a, b bytes.Buffer
	for _, c := range []struct {
		w   *bytes.Buffer
		src arrowio.Source
	}{{&a, src}, {&b, arrowio.NewMemory(src.Schema(), recs...)}} {
		r, err := c.src.Open(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if err := Format.Write(context.Background(), c.w, r); err != nil {
			t.Fatal(err)
		}
		r.Release()
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("the bytes depend on the batches")
	}
}

func TestRowGroups(t *testing.T) {
	if testing.Short() {
		t.Skip("writes a million rows")
	}
	const rows = RowGroupRows + 1000
	b := array.NewInt64Builder(memory.DefaultAllocator)
	for i := range rows {
		b.Append(int64(i))
	}
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil)
	rec := array.NewRecord(schema, []arrow.Array{b.NewArray()}, rows)
	s := open(t, writeParquet(t, arrowio.NewMemory(schema, rec)))
	if n := s.meta.RowGroup(0).NumRows(); s.hi != 2 || n != RowGroupRows || s.NumRows() != rows {
		t.Fatalf("%d row groups, the first of %d rows", s.hi, n)
	}
	r, err := s.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	at := int64(0)
	for r.Next() {
		if r.Record().NumRows() > batchRows {
			t.Fatalf("a batch of %d rows", r.Record().NumRows())
		}
		for _, v := range r.Record().Column(0).(*array.Int64).Int64Values() {
			if v != at {
				t.Fatalf("row %d holds %d", at, v)
			}
			at++
		}
	}
	if r.Err() != nil || at != rows {
		t.Fatalf("%d rows, %v", at, r.Err())
	}
}

func TestRefused(t *testing.T) {
	for _, typ := range []arrow.DataType{
		arrow.StructOf(arrow.Field{Name: "x", Type: arrow.BinaryTypes.String}),
		arrow.ListOf(dictOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int32)),
		arrow.FixedWidthTypes.Duration_s,
	} {
		schema := arrow.NewSchema([]arrow.Field{{Name: "odd", Type: typ, Nullable: true}}, nil)
		err := WriteFile(context.Background(), filepath.Join(t.TempDir(), "x.parquet"), arrowio.NewMemory(schema))
		if !errors.Is(err, fault.Plan) || !strings.Contains(err.Error(), `"odd"`) {
			t.Errorf("%v: %v", typ, err)
		}
	}
}

// A file cut or changed anywhere is an error that names it, or other rows, but
// no panic; a missing or empty one is an error that names it.
func TestDamaged(t *testing.T) {
	src := table([]arrow.DataType{arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.String, dictOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int32), &arrow.Decimal128Type{Precision: 12, Scale: 2}}, 500, 4)
	whole, err := os.ReadFile(writeParquet(t, src))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "broken.parquet")
	try := func(b []byte, mustFail bool) {
		t.Helper()
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(path)
		if err == nil {
			_, err = tryRender(s)
		}
		if err == nil && mustFail {
			t.Errorf("a file cut to %d of %d bytes is read", len(b), len(whole))
		}
		if err != nil && (!errors.Is(err, fault.Input) || !strings.Contains(err.Error(), "broken.parquet")) {
			t.Errorf("%v", err)
		}
	}
	for n := 0; n < len(whole); n += 1 + len(whole)/(1+damages()/4) {
		try(whole[:n], true)
	}
	rng := rand.New(rand.NewPCG(5, 5))
	for range damages() {
		b := bytes.Clone(whole)
		for range 1 + rng.IntN(3) {
			b[rng.IntN(len(b))] ^= byte(1 << rng.IntN(8))
		}
		try(b, false)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "absent.parquet")); !errors.Is(err, fault.Input) || !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), "absent.parquet: ") {
		t.Errorf("%v", err)
	}
}

func FuzzParquet(f *testing.F) {
	src := table([]arrow.DataType{arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.String, dictOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int32), arrow.FixedWidthTypes.Boolean}, 60, 4)
	b, err := os.ReadFile(writeParquet(f, src))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	b, _ = os.ReadFile(writeLibrary(f, src, 30, pq.WithDataPageVersion(pq.DataPageV2)))
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "broken.parquet")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(path)
		if err == nil && s.NumRows() < 1<<20 {
			_, err = tryRender(s)
		}
		if err != nil && !errors.Is(err, fault.Input) {
			t.Fatal(err)
		}
	})
}

// Strings under nulls, in dictionary entries that no row uses, beyond the rows
// of a slice and in metadata are not in the file.
func TestMarkers(t *testing.T) {
	dict := array.NewStringBuilder(memory.DefaultAllocator)
	dict.AppendValues([]string{"MARKER-unused", "kept", "MARKER-under-null"}, nil)
	entries := dict.NewArray()
	index := array.NewInt32Builder(memory.DefaultAllocator)
	index.AppendValues([]int32{0, 1, 2, 1, 0}, []bool{true, true, false, true, true})
	dt := dictOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int32)
	coded := array.NewDictionaryArray(dt, index.NewArray(), entries)

	// "MARKER-a" lies under a null: the bitmap says so, the bytes are there.
	data := array.NewData(arrow.BinaryTypes.String, 5, []*memory.Buffer{
		memory.NewBufferBytes([]byte{0b11010}),
		memory.NewBufferBytes(arrow.Int32Traits.CastToBytes([]int32{0, 8, 12, 20, 24, 32})),
		memory.NewBufferBytes([]byte("MARKER-akeptMARKER-bkeptMARKER-cMARKER-slack")),
	}, nil, 2, 0)
	ints := array.NewInt64Builder(memory.DefaultAllocator)
	marker := int64(0x52454b52414d2121) // "!!MARKER" in memory
	ints.AppendValues([]int64{marker, 1, 2, 3, marker}, []bool{true, true, false, true, true})
	under := ints.NewArray().(*array.Int64)
	under.Int64Values()[2] = marker
	meta := arrow.NewMetadata([]string{"k"}, []string{"MARKER-meta"})
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "coded", Type: dt, Nullable: true, Metadata: meta}, {Name: "text", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "number", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	}, &meta)
	rec := array.NewRecord(schema, []arrow.Array{coded, array.MakeFromData(data), under}, 5).NewSlice(1, 4)
	path := writeParquet(t, arrowio.NewMemory(schema, rec))
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(b, []byte("MARKER")) {
		t.Error("a marker is in the file")
	}
	if want := [][]string{{"kept", "<null>", "kept"}, {"kept", "<null>", "kept"}, {"1", "<null>", "3"}}; !bytes.Contains(b, []byte("kept")) {
		t.Error("the test looks in the wrong place")
	} else {
		equalColumns(t, "rows", render(t, open(t, path)), want)
	}
}

func TestCancel(t *testing.T) {
	src := table([]arrow.DataType{arrow.PrimitiveTypes.Int64}, 1000, 6)
	s := open(t, writeParquet(t, src))
	ctx, cancel := context.WithCancel(context.Background())
	r, err := s.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	cancel()
	if r.Next() || !errors.Is(r.Err(), context.Canceled) {
		t.Errorf("reading: %v", r.Err())
	}
	path := filepath.Join(t.TempDir(), "x.parquet")
	if err := WriteFile(ctx, path, src); !errors.Is(err, context.Canceled) {
		t.Errorf("writing: %v", err)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) > 0 {
		t.Error("a file is left behind")
	}
	if _, err := s.Open(context.Background(), "absent"); !errors.Is(err, fault.Plan) {
		t.Errorf("an absent column: %v", err)
	}
}

// damages is how many damaged files are tried.
func damages() int {
	if testing.Short() {
		return 50
	}
	return 400
}
