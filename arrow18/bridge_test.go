package arrow18

import (
	"strings"
	"testing"
	"unsafe"

	arrow18 "github.com/apache/arrow-go/v18/arrow"
	array18 "github.com/apache/arrow-go/v18/arrow/array"
	memory18 "github.com/apache/arrow-go/v18/arrow/memory"
	arrow17 "github.com/apache/arrow/go/v17/arrow"
)

// types18 are the columns every law below is tested on: each has a JSON form
// of four rows, one of them null.
var types18 = []struct {
	name string
	dt   arrow18.DataType
	json string
}{
	{"int8", arrow18.PrimitiveTypes.Int8, `[1,null,-3,4]`},
	{"int64", arrow18.PrimitiveTypes.Int64, `[1,null,-9007199254740991,4]`},
	{"uint32", arrow18.PrimitiveTypes.Uint32, `[1,null,4294967295,4]`},
	{"float64", arrow18.PrimitiveTypes.Float64, `[1.5,null,-0.25,4]`},
	{"bool", arrow18.FixedWidthTypes.Boolean, `[true,null,false,true]`},
	{"string", arrow18.BinaryTypes.String, `["東京",null,"","a longer text than sixteen bytes"]`},
	{"large_string", arrow18.BinaryTypes.LargeString, `["東京",null,"","a longer text than sixteen bytes"]`},
	{"string_view", arrow18.BinaryTypes.StringView, `["東京",null,"","a longer text than sixteen bytes"]`},
	{"date32", arrow18.FixedWidthTypes.Date32, `["2026-11-22",null,"1970-01-01","1969-12-31"]`},
	{"timestamp", &arrow18.TimestampType{Unit: arrow18.Microsecond, TimeZone: "Asia/Tokyo"}, `["2026-11-22T01:02:03Z",null,"1970-01-01T00:00:00Z","1969-12-31T23:59:59Z"]`},
	{"decimal128", &arrow18.Decimal128Type{Precision: 10, Scale: 2}, `["1.25",null,"-3.00","4.00"]`},
	{"dictionary", &arrow18.DictionaryType{IndexType: arrow18.PrimitiveTypes.Int8, ValueType: arrow18.BinaryTypes.String}, `["a",null,"b","a"]`},
	{"list", arrow18.ListOf(arrow18.BinaryTypes.String), `[["a","b"],null,[],["c",null]]`},
	{"struct", arrow18.StructOf(arrow18.Field{Name: "x", Type: arrow18.PrimitiveTypes.Int32, Nullable: true}), `[{"x":1},null,{"x":null},{"x":4}]`},
}

// TestRoundTrip carries every type to v17 and back, whole and sliced, and
// demands equal values, equal addresses and nothing left in the allocator.
func TestRoundTrip(t *testing.T) {
	for _, c := range types18 {
		t.Run(c.name, func(t *testing.T) {
			mem := memory18.NewCheckedAllocator(memory18.NewGoAllocator())
			defer mem.AssertSize(t, 0)
			arr, _, err := array18.FromJSON(mem, c.dt, strings.NewReader(c.json))
			if err != nil {
				t.Fatal(err)
			}
			defer arr.Release()
			schema18 := arrow18.NewSchema([]arrow18.Field{{Name: "c", Type: c.dt, Nullable: true}}, nil)
			schema17, err := SchemaTo17(schema18)
			if err != nil {
				t.Fatal(err)
			}
			back, err := SchemaTo18(schema17)
			if err != nil || !back.Equal(schema18) {
				t.Fatalf("the schema came back as %s, %v", back, err)
			}
			for _, cut := range [][2]int64{{0, 4}, {1, 4}, {2, 3}, {2, 2}} {
				whole := array18.NewRecordBatch(schema18, []arrow18.Array{arr}, 4)
				rec := whole.NewSlice(cut[0], cut[1])
				whole.Release()
				to17, err := RecordTo17(rec, schema17)
				if err != nil {
					t.Fatal(err)
				}
				to18, err := RecordTo18(to17, schema18)
				if err != nil {
					t.Fatal(err)
				}
				if !array18.RecordEqual(rec, to18) {
					t.Errorf("rows %v came back as %s", cut, to18)
				}
				if got, want := to17.Column(0).NullN(), rec.Column(0).NullN(); got != want {
					t.Errorf("rows %v: %d nulls, want %d", cut, got, want)
				}
				sameAddresses(t, rec.Column(0).Data(), to17.Column(0).Data())
				// The order of release must not matter.
				rec.Release()
				to17.Release()
				to18.Release()
			}
		})
	}
}

func sameAddresses(t *testing.T, a arrow18.ArrayData, b arrow17.ArrayData) {
	t.Helper()
	if len(a.Buffers()) != len(b.Buffers()) {
		t.Fatalf("%d buffers became %d", len(a.Buffers()), len(b.Buffers()))
	}
	for i, x := range a.Buffers() {
		y := b.Buffers()[i]
		if (x == nil) != (y == nil) {
			t.Fatalf("buffer %d is nil on one side only", i)
		}
		if x != nil && (unsafe.SliceData(x.Bytes()) != unsafe.SliceData(y.Bytes()) || x.Len() != y.Len()) {
			t.Errorf("buffer %d was copied", i)
		}
	}
	for i, c := range a.Children() {
		sameAddresses(t, c, b.Children()[i])
	}
	if a.DataType().ID() == arrow18.DICTIONARY {
		sameAddresses(t, a.Dictionary(), b.Dictionary())
	}
}

func TestTypesThatV17LacksAreNamed(t *testing.T) {
	s := arrow18.NewSchema([]arrow18.Field{{Name: "fee", Type: &arrow18.Decimal64Type{Precision: 10, Scale: 2}}}, nil)
	_, err := SchemaTo17(s)
	if err == nil || !strings.Contains(err.Error(), `column "fee"`) || !strings.Contains(err.Error(), "cast") {
		t.Fatalf("got %v", err)
	}
}

func BenchmarkRecordTo17(b *testing.B) {
	mem := memory18.NewGoAllocator()
	schema18 := arrow18.NewSchema([]arrow18.Field{
		{Name: "a", Type: arrow18.PrimitiveTypes.Int64}, {Name: "b", Type: arrow18.PrimitiveTypes.Float64},
		{Name: "c", Type: arrow18.PrimitiveTypes.Int32}, {Name: "d", Type: arrow18.PrimitiveTypes.Int64},
	}, nil)
	bld := array18.NewRecordBuilder(mem, schema18)
	defer bld.Release()
	for i := range 65536 {
		bld.Field(0).(*array18.Int64Builder).Append(int64(i))
		bld.Field(1).(*array18.Float64Builder).Append(float64(i))
		bld.Field(2).(*array18.Int32Builder).Append(int32(i))
		bld.Field(3).(*array18.Int64Builder).Append(int64(i))
	}
	rec := bld.NewRecordBatch()
	defer rec.Release()
	schema17, err := SchemaTo17(schema18)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		r, err := RecordTo17(rec, schema17)
		if err != nil {
			b.Fatal(err)
		}
		r.Release()
	}
}
