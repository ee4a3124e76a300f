package dp

import (
	"encoding/binary"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/internal/code"
)

// fuzzPlan reads every kind of input: with units of rows (1), all rows of a unit
// bounded (2), also groups, and cut units counted (3).
func fuzzPlan(t testing.TB, kind uint8) *Plan {
	q := &Query{Unit: "unit", GroupBy: []string{"k1", "k2"}, Bounds: ContributionBounds{MaxGroups: 2, RowsPerGroup: 2}, Aggregates: []Aggregate{
		CountUnits{As: "n"}, Sum{As: "s", Column: "x", Upper: 2}, Quantiles{As: "q", Column: "y", Upper: 8, Ranks: []float64{0.5}},
		Histogram{As: "h", Column: "x", Edges: []float64{0, 1, 2}}, CountDistinct{As: "d", Column: "page"}, CountDistinct{As: "e", Column: "y"},
		TopK{As: "t", Column: "page", Values: []string{"p"}, K: 1},
	}}
	switch kind % 4 {
	case 1:
		q.Unit, q.UnitIsRow = "", true
	case 2:
		q.Bounds = ContributionBounds{RowsPerUnit: 2}
	case 3:
		q.Bounds.RowsPerUnit, q.Diagnostics = 3, 1
	}
	return planFor(t, q, smallSchema(false))
}

// FuzzMergeState builds records of the right schema with any contents: they
// are refused or merged, and what was merged can be released.
func FuzzMergeState(f *testing.F) {
	f.Add(uint8(0), []byte{})
	f.Add(uint8(1), []byte("\x01k\x00\x00\x02 some rows of a state, or what looks like them 0123456789"))
	f.Add(uint8(0), []byte("\x00\x00\x00\x00\x00\x00\x00\x01\x05\x01a\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x01"))
	f.Add(uint8(2), []byte("\x00\x00\x00\x00\x00\x00\x00\x01\x02\x01\x03\x00\x00\x00\x00\x00\x00"))
	f.Add(uint8(3), []byte("\x01k\x00\x00\x02 some rows of a state, or what looks like them 0123456789"))
	f.Fuzz(func(t *testing.T, kind uint8, data []byte) {
		p := fuzzPlan(t, kind)
		a := accumulate(t, p)
		schema := a.stateSchema()
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		defer b.Release()
		next := func(n int) []byte {
			out := make([]byte, n)
			data = data[copy(out, data):]
			return out
		}
		number := func() int64 {
			if size := next(1)[0]; size%4 > 0 {
				return int64(int8(next(1)[0]))
			}
			return int64(binary.BigEndian.Uint64(next(8)))
		}
		for rows := 0; len(data) > 0 && rows < 50; rows++ {
			for i := range schema.Fields() {
				switch f := b.Field(i).(type) {
				case *array.FixedSizeBinaryBuilder:
					f.Append(next(f.Type().(*arrow.FixedSizeBinaryType).ByteWidth))
				case *array.BinaryBuilder:
					if next(1)[0]%2 == 0 {
						f.Append([]byte("\x01a\x00\x00\x02"))
					} else {
						f.Append(next(int(next(1)[0] % 24)))
					}
				case *array.Int64Builder:
					f.Append(number())
				case *array.Decimal128Builder:
					f.Append(decimal128.New(number(), uint64(number())))
				case *array.ListBuilder:
					f.Append(true)
					for range next(1)[0] % 4 {
						switch v := f.ValueBuilder().(type) {
						case *array.StructBuilder:
							v.Append(true)
							v.FieldBuilder(0).(*array.Int64Builder).Append(number())
							v.FieldBuilder(1).(*array.Int64Builder).Append(number())
						case *array.FixedSizeBinaryBuilder:
							v.Append(next(v.Type().(*arrow.FixedSizeBinaryType).ByteWidth))
						}
					}
				}
			}
		}
		rec := b.NewRecord()
		defer rec.Release()
		if a.MergeState(rec) != nil {
			return
		}
		if err := a.MergeState(rec); err != nil {
			t.Fatalf("merged once, then: %v", err)
		}
		if _, err := a.State(); err != nil {
			t.Fatal(err)
		}
		if _, err := a.finish(); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzPublicKey reads any text as the public key of any type: what is accepted
// is the canonical text of a value, and comes back as it.
func FuzzPublicKey(f *testing.F) {
	types := []arrow.DataType{
		arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Uint64, arrow.PrimitiveTypes.Float32, arrow.PrimitiveTypes.Float64, arrow.FixedWidthTypes.Boolean,
		arrow.BinaryTypes.String, arrow.BinaryTypes.LargeString, arrow.BinaryTypes.StringView, arrow.BinaryTypes.Binary, &arrow.FixedSizeBinaryType{ByteWidth: 2},
		arrow.FixedWidthTypes.Date32, arrow.FixedWidthTypes.Date64, arrow.FixedWidthTypes.Time32s, arrow.FixedWidthTypes.Time64ns, arrow.FixedWidthTypes.Duration_ms,
		&arrow.TimestampType{Unit: arrow.Microsecond}, &arrow.TimestampType{Unit: arrow.Second, TimeZone: "Asia/Tokyo"},
		&arrow.Decimal128Type{Precision: 20, Scale: 2}, &arrow.Decimal256Type{Precision: 50, Scale: 3},
		&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String},
	}
	for i, text := range []string{"-7", "18446744073709551615", "0.1", "1e+21", "true", "Kobe", "", "\x00\xff", "00ff", "beef", "2024-02-29", "1969-12-31",
		"23:59:59", "01:02:03.000000004", "-5", "2025-01-02T03:04:05.5", "2025-01-02T03:04:05+09:00", "-1.50", "12345678901234567890.123", "a\x00b"} {
		f.Add(uint8(i), text)
	}
	f.Fuzz(func(t *testing.T, which uint8, text string) {
		dt := types[int(which)%len(types)]
		key, ok := appendPublicCell(nil, GroupKey{Text: text}, dt, nil)
		if !ok {
			return
		}
		columns, ok := keyArrays(keyTypes([]arrow.DataType{dt}, []*GroupLevel{nil}), [][]byte{key})
		if !ok {
			t.Fatalf("%s %q: key bytes %x are not read back", dt, text, key)
		}
		if got := code.Text(columns[0], 0); got != text {
			t.Errorf("%s: %q came back as %q", dt, text, got)
		}
	})
}
