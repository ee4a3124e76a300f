package code_test

import (
	"io"
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/internal/code"
)

func stringReader(s string) io.Reader { return strings.NewReader(s) }

func TestText(t *testing.T) {
	mem := memory.DefaultAllocator
	for _, c := range []struct {
		dt   arrow.DataType
		in   string
		want string
	}{
		{arrow.PrimitiveTypes.Int8, `[-128]`, "-128"},
		{arrow.PrimitiveTypes.Uint64, `[9223372036854775808]`, "9223372036854775808"},
		{arrow.PrimitiveTypes.Float64, `[0.1]`, "0.1"},
		{arrow.PrimitiveTypes.Float32, `[0.1]`, "0.1"},
		{arrow.PrimitiveTypes.Float64, `[100000]`, "100000"},
		{arrow.PrimitiveTypes.Float64, `[1e21]`, "1e+21"},
		{arrow.PrimitiveTypes.Float64, `[0.0000005]`, "5e-07"},
		{arrow.FixedWidthTypes.Boolean, `[false]`, "false"},
		{arrow.BinaryTypes.String, `["東京 "]`, "東京 "},
		{arrow.BinaryTypes.LargeString, `[""]`, ""},
		{arrow.FixedWidthTypes.Date32, `["2026-11-22"]`, "2026-11-22"},
		{arrow.FixedWidthTypes.Date64, `["1969-12-31"]`, "1969-12-31"},
		{arrow.FixedWidthTypes.Time32s, `["09:05:07"]`, "09:05:07"},
		{&arrow.TimestampType{Unit: arrow.Microsecond}, `["2026-11-22 13:03:00.250000"]`, "2026-11-22T13:03:00.25"},
		{&arrow.TimestampType{Unit: arrow.Second, TimeZone: "UTC"}, `["2026-11-22 13:03:00"]`, "2026-11-22T13:03:00Z"},
		{&arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "+09:00"}, `["2026-11-22T13:03:00Z"]`, "2026-11-22T22:03:00+09:00"},
		{&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.PrimitiveTypes.Int32}, `[34]`, "34"},
		{arrow.PrimitiveTypes.Int32, `[null]`, ""},
	} {
		arr, _, err := array.FromJSON(mem, c.dt, stringReader(c.in))
		if err != nil {
			t.Fatal(c.in, err)
		}
		if got := code.Text(arr, 0); got != c.want {
			t.Errorf("%s %s: got %q, want %q", c.dt, c.in, got, c.want)
		}
	}

	b := array.NewFloat64Builder(mem)
	b.AppendValues([]float64{math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1)}, nil)
	floats := b.NewArray()
	for i, want := range []string{"NaN", "Inf", "-Inf", "0"} {
		if got := code.Text(floats, i); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}

	for _, c := range []struct {
		v     int64
		scale int32
		want  string
	}{{150, 2, "1.50"}, {-5, 2, "-0.05"}, {0, 2, "0.00"}, {12, 0, "12"}, {-12, -2, "-1200"}, {0, -2, "0"}, {12345, 2, "123.45"}} {
		d := array.NewDecimal128Builder(mem, &arrow.Decimal128Type{Precision: 20, Scale: c.scale})
		d.Append(decimal128.FromI64(c.v))
		if got := code.Text(d.NewArray(), 0); got != c.want {
			t.Errorf("%d scale %d: got %q, want %q", c.v, c.scale, got, c.want)
		}
	}
}
