package arrowio

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/internal/fault"
)

func writeAll(t testing.TB, f Format, src Source) []byte {
	t.Helper()
	r, err := src.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	var b bytes.Buffer
	if err := f.Write(context.Background(), &b, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Every type that can be written as IPC is read again.
func TestIPCRoundTrip(t *testing.T) {
	for _, typ := range tableTypes {
		t.Run(typ.String(), func(t *testing.T) {
			for _, rows := range []int{0, 1, 5000} {
				src := table([]arrow.DataType{typ}, rows, 2)
				s, err := OpenIPC(write(t, "in.arrow", string(writeAll(t, IPCFormat, src))))
				if err != nil {
					t.Fatal(err)
				}
				same(t, "rows", lines(t, s), lines(t, src))
				if s.Schema().Metadata().Len()+s.Schema().Field(0).Metadata.Len() > 0 {
					t.Error("metadata is written")
				}
			}
		})
	}
}

// What CSV holds is read again, as the same text.
func TestCSVRoundTrip(t *testing.T) {
	types := []arrow.DataType{
		arrow.BinaryTypes.String, dictOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Uint8), arrow.PrimitiveTypes.Int64,
		arrow.PrimitiveTypes.Float64, arrow.FixedWidthTypes.Boolean, arrow.FixedWidthTypes.Date32,
		&arrow.TimestampType{Unit: arrow.Microsecond}, &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "Asia/Tokyo"},
	}
	src := table(types, 5000, 3)
	text := writeAll(t, CSVFormat, src)
	all := map[string]ColumnType{}
	for _, f := range src.Schema().Fields() {
		all[f.Name] = ColumnType{Kind: Text}
	}
	plain := openCSV(t, string(text), CSVOptions{Types: all})
	if again := writeAll(t, CSVFormat, plain); !bytes.Equal(again, text) {
		// The empty text comes back as null; nothing else may differ.
		if a := bytes.ReplaceAll(text, []byte(`""`), nil); !bytes.Equal(bytes.ReplaceAll(again, []byte(`""`), nil), a) {
			t.Error("text does not survive")
		}
	}
	typed := openCSV(t, string(text), CSVOptions{Types: map[string]ColumnType{
		"c2": {Kind: Integer}, "c5": {Kind: Date}, "c6": {Kind: Timestamp}, "c7": {Kind: Timestamp, Timezone: "Asia/Tokyo"}, "c3": {Kind: Text},
	}})
	for i, want := range []string{"c2", "c4", "c5", "c6", "c7"} {
		f, _ := typed.Schema().FieldsByName(want)
		g, _ := src.Schema().FieldsByName(want)
		if !arrow.TypeEqual(f[0].Type, g[0].Type) {
			t.Errorf("%d: %s is read as %v, was %v", i, want, f[0].Type, g[0].Type)
		}
		same(t, want, lines(t, typed, want), lines(t, src, want))
	}
}

func TestCSVFormat(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: `a "name", too`, Type: arrow.BinaryTypes.String, Nullable: true}, {Name: "b", Type: &arrow.Decimal128Type{Precision: 9, Scale: 2}, Nullable: true},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	b.Field(0).(*array.StringBuilder).AppendValues([]string{"x", "", "", "=1+1", "a,b", "a\nb", `a"b`, " a "}, []bool{true, true, false, true, true, true, true, true})
	for range 8 {
		if err := b.Field(1).AppendValueFromString("1.5"); err != nil {
			t.Fatal(err)
		}
	}
	src := NewMemory(schema, b.NewRecord())
	want := "\"a \"\"name\"\", too\",b\nx,1.50\n\"\",1.50\n,1.50\n=1+1,1.50\n\"a,b\",1.50\n\"a\nb\",1.50\n\"a\"\"b\",1.50\n a ,1.50\n"
	if got := string(writeAll(t, CSVFormat, src)); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	one := openCSV(t, "n\n1\n\"\"\n2\n", CSVOptions{})
	if got := string(writeAll(t, CSVFormat, one)); got != "n\n1\n\"\"\n2\n" {
		t.Errorf("a table of one column: %q", got)
	}
}

// The bytes do not depend on how the rows were batched.
func TestBatchesDoNotShow(t *testing.T) {
	src := table([]arrow.DataType{dictOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int32), arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int64}, batchRows+9000, 4)
	var recs []arrow.Record
	for _, rec := range src.pieces {
		for from := int64(0); from < rec.NumRows(); from += 777 {
			recs = append(recs, rec.NewSlice(from, min(from+777, rec.NumRows())))
		}
	}
	for _, f := range []Format{CSVFormat, IPCFormat} {
		if !bytes.Equal(writeAll(t, f, src), writeAll(t, f, NewMemory(src.Schema(), recs...))) {
			t.Errorf("%s: the bytes depend on the batches", f.Ext())
		}
	}
}

// Strings under nulls, in dictionary entries that no row uses, beyond the rows
// of a slice and in metadata are not in the file.
func TestMarkers(t *testing.T) {
	dict := array.NewStringBuilder(memory.DefaultAllocator)
	dict.AppendValues([]string{"MARKER-unused", "kept", "MARKER-under-null"}, nil)
	index := array.NewInt32Builder(memory.DefaultAllocator)
	index.AppendValues([]int32{0, 1, 2, 1, 0}, []bool{true, true, false, true, true})
	dt := dictOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int32)
	coded := array.NewDictionaryArray(dt, index.NewArray(), dict.NewArray())
	text := func(dt arrow.DataType) arrow.Array {
		return array.MakeFromData(array.NewData(dt, 5, []*memory.Buffer{
			memory.NewBufferBytes([]byte{0b11010}),
			memory.NewBufferBytes(arrow.Int32Traits.CastToBytes([]int32{0, 8, 12, 20, 24, 32})),
			memory.NewBufferBytes([]byte("MARKER-akeptMARKER-bkeptMARKER-cMARKER-slack")),
		}, nil, 2, 0))
	}
	ints := array.NewInt64Builder(memory.DefaultAllocator)
	marker := int64(0x52454b52414d2121) // "!!MARKER" in memory
	ints.AppendValues([]int64{marker, 1, marker, 3, marker}, []bool{true, true, false, true, true})
	under := ints.NewArray().(*array.Int64)
	under.Int64Values()[2] = marker
	items := array.NewListBuilder(memory.DefaultAllocator, arrow.BinaryTypes.String)
	for i, s := range []string{"MARKER-1", "kept", "MARKER-2", "kept", "MARKER-3"} {
		items.Append(i != 2)
		items.ValueBuilder().(*array.StringBuilder).Append(s)
	}
	meta := arrow.NewMetadata([]string{"k"}, []string{"MARKER-meta"})
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "coded", Type: dt, Nullable: true, Metadata: meta}, {Name: "text", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "bytes", Type: arrow.BinaryTypes.Binary, Nullable: true}, {Name: "number", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	}, &meta)
	rec := array.NewRecord(schema, []arrow.Array{coded, text(arrow.BinaryTypes.String), text(arrow.BinaryTypes.Binary), under}, 5).NewSlice(1, 4)
	lists := arrow.NewSchema([]arrow.Field{{Name: "list", Type: arrow.ListOf(arrow.BinaryTypes.String), Nullable: true}}, nil)
	list := array.NewRecord(lists, []arrow.Array{items.NewArray()}, 5).NewSlice(1, 4)
	for name, b := range map[string][]byte{
		"csv":        writeAll(t, CSVFormat, NewMemory(schema, rec)),
		"ipc":        writeAll(t, IPCFormat, NewMemory(schema, rec)),
		"ipc, lists": writeAll(t, IPCFormat, NewMemory(lists, list)),
	} {
		if bytes.Contains(b, []byte("MARKER")) {
			t.Errorf("%s: a marker is in the file", name)
		}
		if !bytes.Contains(b, []byte("kept")) && !bytes.Contains(b, []byte("6b657074")) {
			t.Errorf("%s: the test looks in the wrong place", name)
		}
	}
}

func TestWriteFile(t *testing.T) {
	src := table([]arrow.DataType{arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.String}, 2000, 5)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, f := range []Format{CSVFormat, IPCFormat} {
		dir := t.TempDir()
		path := filepath.Join(dir, "out"+f.Ext())
		if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := WriteFile(ctx, path, f, src); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", f.Ext(), err)
		}
		if b, _ := os.ReadFile(path); string(b) != "before" {
			t.Errorf("%s: the file was touched", f.Ext())
		}
		if left, _ := os.ReadDir(dir); len(left) != 1 {
			t.Errorf("%s: files are left behind", f.Ext())
		}
		if err := WriteFile(context.Background(), path, f, src); err != nil {
			t.Fatal(err)
		}
		s, err := Open(context.Background(), path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(lines(t, s)); n != 2000 {
			t.Errorf("%s: %d rows", f.Ext(), n)
		}
		err = WriteFile(context.Background(), filepath.Join(dir, "absent", "x"), f, src)
		if !errors.Is(err, fault.Input) || strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", f.Ext(), err)
		}
	}
	nested := NewMemory(arrow.NewSchema([]arrow.Field{{Name: "odd", Type: arrow.StructOf(arrow.Field{Name: "x", Type: arrow.BinaryTypes.String})}}, nil))
	for _, f := range []Format{CSVFormat, IPCFormat} {
		err := WriteFile(context.Background(), filepath.Join(t.TempDir(), "x"), f, nested)
		if !errors.Is(err, fault.Plan) || !strings.Contains(err.Error(), `"odd"`) {
			t.Errorf("%s: %v", f.Ext(), err)
		}
	}
}

// ipcBytes is a small file and a small stream with a bit of everything.
func ipcBytes(t testing.TB) (file, stream []byte) {
	src := table([]arrow.DataType{arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.String, dictOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int32), arrow.FixedWidthTypes.Boolean, arrow.ListOf(arrow.BinaryTypes.String)}, 40, 6)
	stream, err := os.ReadFile(writeStream(t, src, "in.arrows"))
	if err != nil {
		t.Fatal(err)
	}
	return writeAll(t, IPCFormat, src), stream
}

// A file cut anywhere is an error that names it; changed anywhere it is that
// or other rows; it is never a panic.
func TestIPCDamaged(t *testing.T) {
	file, stream := ipcBytes(t)
	rng := rand.New(rand.NewPCG(5, 5))
	for name, whole := range map[string][]byte{"broken.arrow": file, "broken.arrows": stream} {
		path := filepath.Join(t.TempDir(), name)
		try := func(b []byte, mustFail bool) {
			t.Helper()
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, open := range []func(string) (*IPC, error){OpenIPC, MapIPC} {
				s, err := open(path)
				if err == nil {
					_, err = readLines(s)
				}
				if err == nil && mustFail {
					t.Errorf("%s cut to %d of %d bytes is read", name, len(b), len(whole))
				}
				if err != nil && (!errors.Is(err, fault.Input) || !strings.HasPrefix(err.Error(), name+": ")) {
					t.Errorf("%v", err)
				}
			}
		}
		for n := 0; n < len(whole)-8; n += 1 + len(whole)/(1+damages()/2) {
			try(whole[:n], true)
		}
		for range damages() {
			b := bytes.Clone(whole)
			for range 1 + rng.IntN(3) {
				b[rng.IntN(len(b))] ^= byte(1 << rng.IntN(8))
			}
			try(b, false)
		}
	}
}

func FuzzIPC(f *testing.F) {
	file, stream := ipcBytes(f)
	f.Add(file)
	f.Add(stream)
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "broken.arrow")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, open := range []func(string) (*IPC, error){OpenIPC, MapIPC} {
			s, err := open(path)
			if err == nil {
				_, err = readLines(s)
			}
			if err != nil && !errors.Is(err, fault.Input) {
				t.Fatal(err)
			}
		}
	})
}

// damages is how many damaged files are tried.
func damages() int {
	if testing.Short() {
		return 50
	}
	return 400
}
