package arrowio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/internal/fault"
)

var (
	_ Splitter = (*Memory)(nil)
	_ Splitter = (*CSV)(nil)
	_ Splitter = (*IPC)(nil)
	_ Splitter = (*Spooled)(nil)
	_ Splitter = concat{}
	_ Splitter = plainText{}
)

// open opens a source as any reader of a table does: rows, all or some
// columns, splits.
func checkSplits(t *testing.T, src Splitter, want []string) {
	t.Helper()
	same(t, "rows", lines(t, src), want)
	same(t, "rows, read again", lines(t, src), want)
	for _, n := range []int{0, 1, 3, 50} {
		var got []string
		splits := src.Splits(n)
		if len(splits) == 0 {
			t.Fatalf("no split of %d", n)
		}
		for _, s := range splits {
			got = append(got, lines(t, s)...)
		}
		same(t, fmt.Sprintf("%d splits", n), got, want)
	}
}

func writeStream(t testing.TB, src Source, name string, options ...ipc.Option) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := ipc.NewWriter(f, append(options, ipc.WithSchema(src.Schema()))...)
	r, err := src.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	for r.Next() {
		if err := w.Write(r.Record()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSources(t *testing.T) {
	var types []arrow.DataType
	for _, typ := range tableTypes {
		if typ.ID() != arrow.STRING_VIEW { // the library's stream writer lacks it
			types = append(types, typ)
		}
	}
	mem := table(types, 4000, 1)
	want := lines(t, mem)
	t.Run("memory", func(t *testing.T) { checkSplits(t, mem, want) })
	t.Run("stream", func(t *testing.T) {
		s, err := Open(context.Background(), writeStream(t, mem, "in.arrows"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		checkSplits(t, s, want)
	})
	t.Run("compressed stream", func(t *testing.T) {
		for _, o := range []ipc.Option{ipc.WithZstd(), ipc.WithLZ4()} {
			s, err := OpenIPC(writeStream(t, mem, "in.arrows", o))
			if err != nil {
				t.Fatal(err)
			}
			if s.layout != nil {
				t.Error("the test does not test the library's path")
			}
			checkSplits(t, s, want)
		}
	})
	t.Run("dictionary deltas", func(t *testing.T) {
		s, err := OpenIPC(writeDeltas(t))
		if err != nil {
			t.Fatal(err)
		}
		checkSplits(t, s, []string{"a", "b", "c", "a"})
	})
	t.Run("file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "in.arrow")
		if err := WriteFile(context.Background(), path, IPCFormat, mem); err != nil {
			t.Fatal(err)
		}
		s, err := Open(context.Background(), path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		checkSplits(t, s, want)
	})
	t.Run("concat", func(t *testing.T) {
		c, err := Concat(mem, mem)
		if err != nil {
			t.Fatal(err)
		}
		checkSplits(t, c, append(append([]string(nil), want...), want...))
	})
	for _, limit := range []int64{-1, 100_000, 0} {
		t.Run(fmt.Sprintf("spool/%d", limit), func(t *testing.T) {
			dir := t.TempDir()
			r, err := mem.Open(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			defer r.Release()
			s, err := Spool(context.Background(), r, SpoolOptions{Memory: limit, Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			if spilled := s.file.Size() > 0; spilled != (limit != 0) {
				t.Errorf("spilled: %v", spilled)
			}
			checkSplits(t, s, want)
			if s.NumRows() != 4000 {
				t.Errorf("%d rows", s.NumRows())
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Errorf("a second Close: %v", err)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Error("a file is left behind")
			}
			if _, err := readLines(s); limit != 0 && err == nil {
				t.Error("it can be read after Close")
			}
		})
	}
}

func TestSpoolStops(t *testing.T) {
	mem := table([]arrow.DataType{arrow.PrimitiveTypes.Int64}, 9000, 1)
	ctx, cancel := context.WithCancel(context.Background())
	dir := t.TempDir()
	n := 0
	r := NewReader(ctx, "stream", mem.Schema(), func() (arrow.Record, error) {
		if n++; n == 3 {
			cancel()
		}
		rec := mem.pieces[0]
		rec.Retain()
		return rec, nil
	}, nil)
	defer r.Release()
	if _, err := Spool(ctx, r, SpoolOptions{Memory: -1, Dir: dir}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Error("a file is left behind")
	}
}

// Parquet files of one table may hold a column of text with a dictionary and
// without.
func TestConcatOfDictionariesAndPlainText(t *testing.T) {
	table := func(typ arrow.DataType, x ...string) *Memory {
		schema := arrow.NewSchema([]arrow.Field{{Name: "a", Type: typ, Nullable: true}}, nil)
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		defer b.Release()
		for _, v := range x {
			if err := b.Field(0).AppendValueFromString(v); err != nil {
				t.Fatal(err)
			}
		}
		b.Field(0).AppendNull()
		rec := b.NewRecord()
		defer rec.Release()
		return NewMemory(schema, rec)
	}
	dict := table(dictOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int32), "x", "y", "x")
	small := table(dictOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Uint8), "z")
	plain := table(arrow.BinaryTypes.String, "x", "w")
	for _, sources := range [][]Source{{dict, plain}, {plain, dict}, {dict, small}, {dict, dict}} {
		c, err := Concat(sources...)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, s := range sources {
			want = append(want, lines(t, s)...)
		}
		checkSplits(t, c, want)
	}
}

func TestConcatRefuses(t *testing.T) {
	a := openCSV(t, "a,b\nx,1\n", CSVOptions{})
	for text, says := range map[string]string{
		"a\nx\n":          "1 columns where the first has 2",
		"a,c\nx,1\n":      `named "c" where the first has "b"`,
		"a,b\nx,SECRET\n": `column "b" is utf8 where the first has int64`,
	} {
		_, err := Concat(a, openCSV(t, text, CSVOptions{}))
		if !errors.Is(err, fault.Plan) || !strings.Contains(err.Error(), says) || !strings.HasPrefix(err.Error(), "in.csv: ") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := Concat(); !errors.Is(err, fault.Plan) {
		t.Errorf("nothing: %v", err)
	}
}

func TestOpenByExtension(t *testing.T) {
	if _, err := Open(context.Background(), "table.xlsx", Options{}); !errors.Is(err, fault.Plan) || !strings.Contains(err.Error(), ".csv.zst") {
		t.Errorf("%v", err)
	}
	for _, name := range []string{"absent.csv", "absent.arrow"} {
		_, err := Open(context.Background(), filepath.Join(t.TempDir(), name), Options{})
		if !errors.Is(err, fault.Input) || !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), name+": ") || strings.Contains(err.Error(), os.TempDir()) {
			t.Errorf("%v", err)
		}
	}
}

// A reader ends with a nil error, gives up what it holds, and turns a panic
// into an error that holds nothing of it.
func TestNewReader(t *testing.T) {
	schema := arrow.NewSchema(nil, nil)
	released := 0
	r := NewReader(context.Background(), "x.arrow", schema, func() (arrow.Record, error) { return nil, io.EOF }, func() { released++ })
	if r.Next() || r.Err() != nil || r.Next() {
		t.Errorf("at the end: %v", r.Err())
	}
	r.Retain()
	r.Release()
	r.Release()
	if released != 1 {
		t.Errorf("released %d times", released)
	}
	r = NewReader(context.Background(), "x.arrow", schema, func() (arrow.Record, error) { panic("SECRET") }, nil)
	if r.Next() || !errors.Is(r.Err(), fault.Input) || !strings.HasPrefix(r.Err().Error(), "x.arrow: ") || strings.Contains(r.Err().Error(), "SECRET") {
		t.Errorf("%v", r.Err())
	}
}

// Nothing that Arrow's checked allocator gave out is held after the last
// release.
func TestMemoryReleases(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil)
	b := array.NewRecordBuilder(mem, schema)
	b.Field(0).(*array.Int64Builder).AppendValues([]int64{1, 2, 3}, nil)
	rec := b.NewRecord()
	b.Release()
	m := NewMemory(schema, rec)
	rec.Release()
	for _, s := range m.Splits(2) {
		r, err := s.Open(context.Background(), "n")
		if err != nil {
			t.Fatal(err)
		}
		for r.Next() {
		}
		r.Release()
		s.(*Memory).Release()
	}
	m.Release()
}

// writeDeltas writes a stream whose second batch adds to the dictionary.
func writeDeltas(t *testing.T) string {
	dt := dictOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int8).(*arrow.DictionaryType)
	schema := arrow.NewSchema([]arrow.Field{{Name: "d", Type: dt, Nullable: true}}, nil)
	var recs []arrow.Record
	var entries []string
	for _, rows := range [][]string{{"a", "b"}, {"c", "a"}} {
		for _, r := range rows {
			if !strings.Contains(strings.Join(entries, ""), r) {
				entries = append(entries, r)
			}
		}
		d := array.NewStringBuilder(memory.DefaultAllocator)
		d.AppendValues(entries, nil)
		i := array.NewInt8Builder(memory.DefaultAllocator)
		for _, r := range rows {
			i.Append(int8(strings.Index(strings.Join(entries, ""), r)))
		}
		recs = append(recs, array.NewRecord(schema, []arrow.Array{array.NewDictionaryArray(dt, i.NewArray(), d.NewArray())}, 2))
	}
	return writeStream(t, NewMemory(schema, recs...), "in.arrows", ipc.WithDictionaryDeltas(true))
}

// TestRetyped: columns of undeclared type are read as asked, also of several
// files; declared ones, and columns that are not named, stay what they are.
func TestRetyped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in.csv")
	text := "id,n,d,at,late\n1,2,3,2025-03-01 10:00,x\n02,x,4,2025-03-01T10:00+09:00,y\n3,1e2,5,2025-03-01,z\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	types := map[string]ColumnType{"d": {Kind: Integer}, "late": {Kind: Text, Undeclared: true}, "gone": {Kind: Text, Undeclared: true}}
	s, err := OpenCSV(context.Background(), path, CSVOptions{Types: types})
	if err != nil {
		t.Fatal(err)
	}
	both, err := Concat(s, s)
	if err != nil {
		t.Fatal(err)
	}
	as := map[string]ColumnType{"id": {Kind: Text}, "n": {Kind: Decimal}, "d": {Kind: Text}, "at": {Kind: Timestamp, AnyOffset: true}, "other": {Kind: Date}}
	for i, src := range []Source{Lenient(s), Lenient(both)} {
		got, err := Retyped(src, as)
		if err != nil {
			t.Fatal(err)
		}
		planned, err := RetypedSchema(src.Schema(), as)
		if err != nil || !planned.Equal(got.Schema()) {
			t.Errorf("source %d: planned %v, %v; got %v", i, planned, err, got.Schema())
		}
		utc := &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
		want := []arrow.DataType{arrow.BinaryTypes.String, arrow.PrimitiveTypes.Float64, arrow.PrimitiveTypes.Int64, utc, arrow.BinaryTypes.String}
		marks := ""
		for j, f := range got.Schema().Fields() {
			if !arrow.TypeEqual(f.Type, want[j]) {
				t.Errorf("source %d: column %s is %s, want %s", i, f.Name, f.Type, want[j])
			}
			marks += fmt.Sprintf("%t %t, ", Undeclared(src.Schema().Field(j)), Undeclared(f))
		}
		if want := "true false, true false, false false, true false, true true, "; marks != want {
			t.Errorf("source %d: undeclared before and after: %s, want %s", i, marks, want)
		}
		r, err := got.Open(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if !r.Next() {
			t.Fatal(r.Err())
		}
		cells := []string{}
		for c := range 4 {
			for row := range 3 {
				cells = append(cells, r.Record().Column(c).ValueStr(row))
			}
		}
		const rows = "1 02 3 2 (null) 100 3 4 5 2025-03-01 10:00:00Z 2025-03-01 01:00:00Z 2025-03-01 00:00:00Z"
		if strings.Join(cells, " ") != rows {
			t.Errorf("source %d: %s, want %s", i, strings.Join(cells, " "), rows)
		}
		r.Release()
	}
}

// TestRetypedRefusals: what can't be read otherwise is refused, whatever the
// rows hold.
func TestRetypedRefusals(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in.csv")
	if err := os.WriteFile(path, []byte("n\n2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := OpenCSV(context.Background(), path, CSVOptions{})
	if err != nil {
		t.Fatal(err)
	}
	number := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true}}, nil)
	for _, order := range [][]Source{{s, NewMemory(number)}, {NewMemory(number), s}} {
		mixed, err := Concat(order...)
		if err != nil {
			t.Fatal(err)
		}
		if !Undeclared(mixed.Schema().Field(0)) {
			t.Error("the type of one part is undeclared, but not that of the whole")
		}
		if _, err := Retyped(mixed, map[string]ColumnType{"n": {Kind: Text}}); !errors.Is(err, fault.Plan) || !strings.Contains(err.Error(), "declare its `type:`") {
			t.Errorf("mixed: %v", err)
		}
	}
	copied := NewMemory(s.Schema())
	if _, err := Retyped(copied, map[string]ColumnType{"n": {Kind: Text}}); !errors.Is(err, fault.Plan) {
		t.Errorf("a copy: %v", err)
	}
}
