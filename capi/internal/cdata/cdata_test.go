//go:build cgo

package cdata

import (
	"errors"
	"strings"
	"testing"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/internal/fault"
)

// columns are the types that come in and go out: name, type, four rows as JSON.
var columns = []struct {
	name string
	dt   arrow.DataType
	json string
}{
	{"null", arrow.Null, `[null,null,null,null]`},
	{"bool", arrow.FixedWidthTypes.Boolean, `[true,null,false,true]`},
	{"int8", arrow.PrimitiveTypes.Int8, `[1,null,-3,4]`},
	{"uint16", arrow.PrimitiveTypes.Uint16, `[1,null,3,65535]`},
	{"int64", arrow.PrimitiveTypes.Int64, `[1,null,-9007199254740991,4]`},
	{"float32", arrow.PrimitiveTypes.Float32, `[1.5,null,-0.25,4]`},
	{"float64", arrow.PrimitiveTypes.Float64, `[1.5,null,-0.25,4]`},
	{"string", arrow.BinaryTypes.String, `["東京",null,"","a longer text than sixteen bytes"]`},
	{"large_string", arrow.BinaryTypes.LargeString, `["東京",null,"","a longer text than sixteen bytes"]`},
	{"date32", arrow.FixedWidthTypes.Date32, `["2026-11-22",null,"1970-01-01","1969-12-31"]`},
	{"timestamp", &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "Asia/Tokyo"}, `["2026-11-22T01:02:03Z",null,"1970-01-01T00:00:00Z","1969-12-31T23:59:59Z"]`},
	{"decimal128", &arrow.Decimal128Type{Precision: 10, Scale: 2}, `["1.25",null,"-3.00","4.00"]`},
	{"dictionary", &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}, `["a",null,"b","a"]`},
	{"list", arrow.ListOf(arrow.BinaryTypes.String), `[["a","b"],null,[],["c"]]`},
}

func TestRoundTrip(t *testing.T) {
	for _, c := range columns {
		for _, cut := range [][2]int64{{0, 4}, {1, 4}, {2, 3}, {2, 2}} {
			before := LiveBytes()
			arr, _, err := array.FromJSON(memory.DefaultAllocator, c.dt, strings.NewReader(c.json))
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			schema := arrow.NewSchema([]arrow.Field{{Name: c.name, Type: c.dt, Nullable: true}}, nil)
			rec := array.NewRecord(schema, []arrow.Array{arr}, 4).NewSlice(cut[0], cut[1])
			back := trip(t, schema, rec, rec)
			for _, b := range back {
				if !array.RecordEqual(rec, b) {
					t.Errorf("%s rows %v came back as %s", c.name, cut, b)
				}
				b.Release()
			}
			if len(back) != 2 {
				t.Errorf("%s: %d batches came back, want 2", c.name, len(back))
			}
			if LiveBytes() != before {
				t.Errorf("%s: %d bytes of C memory are left", c.name, LiveBytes()-before)
			}
		}
	}
}

// trip sends records through a C stream and returns what comes out. The records
// outlive stream and reader.
func trip(t *testing.T, schema *arrow.Schema, recs ...arrow.Record) []arrow.Record {
	t.Helper()
	in, err := array.NewRecordReader(schema, recs)
	if err != nil {
		t.Fatal(err)
	}
	p := Alloc(StreamSize)
	defer Free(p)
	if err := ExportStream(in, p); err != nil {
		t.Fatal(err)
	}
	r, err := ImportStream(p)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	if !r.Schema().Equal(schema) {
		t.Fatalf("the schema came back as %s", r.Schema())
	}
	var out []arrow.Record
	for r.Next() {
		r.Record().Retain()
		out = append(out, r.Record())
	}
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
	return out
}

// TestOnlyItsRowsGoOut plants markers around the rows of a slice, under a null
// and in a view's data, and searches the C memory for them.
func TestOnlyItsRowsGoOut(t *testing.T) {
	b := array.NewStringBuilder(memory.DefaultAllocator)
	b.AppendValues([]string{"MARKER-before", "kept", "MARKER-null", "MARKER-after"}, []bool{true, true, true, true})
	arr := b.NewStringArray()
	bits := memory.NewBufferBytes([]byte{0b1011})
	nulled := array.MakeFromData(array.NewData(arr.DataType(), 4, []*memory.Buffer{bits, arr.Data().Buffers()[1], arr.Data().Buffers()[2]}, nil, 1, 0))
	schema := arrow.NewSchema([]arrow.Field{{Name: "c", Type: arrow.BinaryTypes.String, Nullable: true}}, nil)
	rec := array.NewRecord(schema, []arrow.Array{nulled}, 4).NewSlice(1, 3)
	for _, out := range trip(t, schema, rec) {
		d := out.Column(0).Data()
		if text := string(d.Buffers()[2].Bytes()); text != "kept" {
			t.Errorf("the text buffer holds %d bytes, want the 4 of the one value", len(text))
		}
		if cap(d.Buffers()[2].Bytes()) > 4 {
			t.Error("the text buffer is longer than its values")
		}
		out.Release()
	}
}

func TestReleasedInputsAreRefused(t *testing.T) {
	p := Alloc(StreamSize)
	defer Free(p)
	for name, err := range map[string]error{
		"a released stream": second(ImportStream(p)),
		"no stream":         second(ImportStream(nil)),
		"a released schema": second(ImportSchema(p)),
		"no schema":         second(ImportSchema(nil)),
	} {
		if !errors.Is(err, fault.Plan) || !strings.Contains(err.Error(), "export it again") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestDamagedBatchesAreRefused changes one word of a good batch at a time. The
// offsets are those of struct ArrowArray: length 0, null_count 8, offset 16,
// n_buffers 24, n_children 32, buffers 40, children 48, dictionary 56.
func TestDamagedBatchesAreRefused(t *testing.T) {
	type word = func(batch unsafe.Pointer) *int64
	field := func(off uintptr) word {
		return func(b unsafe.Pointer) *int64 {
			children := *(*unsafe.Pointer)(unsafe.Add(b, 48))
			return (*int64)(unsafe.Add(*(*unsafe.Pointer)(children), off))
		}
	}
	bufferWord := func(i, at int) word {
		return func(b unsafe.Pointer) *int64 {
			buffers := *(*unsafe.Pointer)(unsafe.Pointer(field(40)(b)))
			return (*int64)(unsafe.Add(*(*unsafe.Pointer)(unsafe.Add(buffers, 8*i)), 8*at))
		}
	}
	for _, c := range []struct {
		name   string
		column string
		at     word
		value  int64
	}{
		{"negative length", "int64", field(0), -1},
		{"enormous length", "int64", field(0), 1 << 60},
		{"too few rows", "int64", field(0), 3},
		{"more nulls than rows", "int64", field(8), 5},
		{"negative offset", "int64", field(16), -8},
		{"too few buffers", "string", field(24), 1},
		{"falling offsets", "large_string", bufferWord(1, 2), 1 << 40},
		{"negative offsets", "large_string", bufferWord(1, 0), -5},
		{"index outside its dictionary", "dictionary", bufferWord(1, 0), 0x0101017f},
		{"invalid UTF-8", "string", bufferWord(2, 0), -1},
		{"no items", "list", field(32), 0},
		{"no dictionary", "dictionary", field(56), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, col := range columns {
				if col.name != c.column {
					continue
				}
				arr, _, err := array.FromJSON(memory.DefaultAllocator, col.dt, strings.NewReader(col.json))
				if err != nil {
					t.Fatal(err)
				}
				schema := arrow.NewSchema([]arrow.Field{{Name: col.name, Type: col.dt, Nullable: true}}, nil)
				in, _ := array.NewRecordReader(schema, []arrow.Record{array.NewRecord(schema, []arrow.Array{arr}, 4)})
				p := Alloc(StreamSize)
				if err := ExportStream(in, p); err != nil {
					t.Fatal(err)
				}
				// struct stream: schema (72 bytes), batches, n, next.
				private := *(*unsafe.Pointer)(unsafe.Add(p, 32))
				at := c.at(*(*unsafe.Pointer)(unsafe.Add(private, 72)))
				*at = c.value
				r, err := ImportStream(p)
				if err != nil {
					t.Fatal(err)
				}
				if r.Next() || r.Err() == nil || !errors.Is(r.Err(), fault.Input) {
					t.Errorf("the batch was taken, with error %v", r.Err())
				} else if !strings.Contains(r.Err().Error(), col.name) {
					t.Errorf("the error does not name the column: %v", r.Err())
				}
				r.Release()
				Free(p)
			}
		})
	}
}
