package dp

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/hierarchy"
	"github.com/oboro-data/oboro/internal/fault"
)

// TestExtremesNeverFail (V5, V6): the extreme values of every type, as keys raw
// and generalised, as units, and as what is computed with, never fail a run.
// Which plans are possible follows from the type alone.
func TestExtremesNeverFail(t *testing.T) {
	const (
		int64s    = `[-9223372036854775808, 9223372036854775807, 0, 1, null]`
		int32s    = `[-2147483648, 2147483647, 0, 1, null]`
		decimals  = `["-99999999999999999999999999999999999999", "99999999999999999999999999999999999999", "0", "1", null]`
		fractions = `["-0.99999999999999999999999999999999999999", "0.99999999999999999999999999999999999999", "0.00000000000000000000000000000000000001", "0", null]`
		texts     = `["", "\u0000\u00ff\u0000", "` + "\xf0\x9f\x98\x80" + `", "a", null]`
	)
	for _, c := range []struct {
		dt     arrow.DataType
		values string
	}{
		{arrow.PrimitiveTypes.Int8, `[-128, 127, 0, 1, null]`}, {arrow.PrimitiveTypes.Int32, int32s}, {arrow.PrimitiveTypes.Int64, int64s},
		{arrow.PrimitiveTypes.Uint64, `[18446744073709551615, 9223372036854775808, 0, 1, null]`},
		{arrow.PrimitiveTypes.Float32, `["Inf", 3.4e38, "NaN", 1e-45, null]`}, {arrow.PrimitiveTypes.Float64, `["-Inf", 1.7e308, "NaN", 5e-324, null]`},
		{arrow.FixedWidthTypes.Date32, int32s}, {arrow.FixedWidthTypes.Date64, int64s},
		{arrow.FixedWidthTypes.Timestamp_s, int64s}, {arrow.FixedWidthTypes.Timestamp_ns, int64s},
		{&arrow.TimestampType{Unit: arrow.Second}, int64s}, {&arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "Asia/Tokyo"}, int64s},
		{arrow.FixedWidthTypes.Time32s, int32s}, {arrow.FixedWidthTypes.Time64ns, int64s}, {arrow.FixedWidthTypes.Duration_s, int64s},
		{&arrow.Decimal128Type{Precision: 38}, decimals}, {&arrow.Decimal128Type{Precision: 38, Scale: 38}, fractions}, {&arrow.Decimal256Type{Precision: 76, Scale: 3}, decimals},
		{arrow.BinaryTypes.String, texts}, {arrow.BinaryTypes.LargeString, texts}, {arrow.Null, `[null, null, null, null, null]`}, {arrow.FixedWidthTypes.Boolean, `[true, false, true, false, null]`},
	} {
		col := extremes(t, c.dt, c.values)
		id, _, err := array.FromJSON(memory.DefaultAllocator, arrow.PrimitiveTypes.Int64, strings.NewReader(`[1, 2, 3, 4, 5]`))
		if err != nil {
			t.Fatal(err)
		}
		rec := arrowRecord([]arrow.Field{{Name: "c", Type: c.dt, Nullable: true}, {Name: "id", Type: id.DataType()}}, []arrow.Array{col, id}, 5)
		for i, q := range extremeQueries(c.dt) {
			what := fmt.Sprintf("%s, query %d", c.dt, i)
			p, err := NewPlan(q, rec.Schema(), Approx(40, 1e-2))
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if _, err := p.Run(t.Context(), source(t, rec, rec), NewAccountant(p.Price()), what); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
}

// extremes reads values; JSON has times as texts only, so that those are made of
// the numbers they hold.
func extremes(t *testing.T, dt arrow.DataType, values string) arrow.Array {
	t.Helper()
	read := dt
	switch dt.ID() {
	case arrow.DATE32, arrow.TIME32:
		read = arrow.PrimitiveTypes.Int32
	case arrow.DATE64, arrow.TIME64, arrow.TIMESTAMP, arrow.DURATION:
		read = arrow.PrimitiveTypes.Int64
	}
	arr, _, err := array.FromJSON(memory.DefaultAllocator, read, strings.NewReader(values))
	if err != nil {
		t.Fatalf("%s: %v", dt, err)
	}
	if read == dt {
		return arr
	}
	d := arr.Data()
	return array.MakeFromData(array.NewData(dt, d.Len(), d.Buffers(), nil, d.NullN(), 0))
}

func extremeQueries(dt arrow.DataType) []*Query {
	bounds := ContributionBounds{MaxGroups: 2, RowsPerGroup: 2}
	counts := []Aggregate{CountUnits{As: "u"}, CountDistinct{As: "d", Column: "c", PerUnit: 2}}
	all := counts
	if numeric(dt) {
		all = append(all[:2:2], Sum{As: "s", Column: "c", Lower: -1e9, Upper: 1e9, Resolution: 1}, Sum{As: "t", Column: "c", Lower: -1, Upper: 1, Resolution: 0.3},
			Mean{As: "m", Column: "c", Upper: 1e5}, Quantiles{As: "q", Column: "c", Lower: -5, Upper: 3, Ranks: []float64{0, 0.5, 1}},
			Histogram{As: "h", Column: "c", Edges: []float64{-1.7e308, 0, 1.7e308}})
	}
	queries := []*Query{
		{Unit: "id", GroupBy: []string{"c"}, Bounds: bounds, Aggregates: all},
		{UnitIsRow: true, GroupBy: []string{"c"}, Bounds: bounds, Aggregates: all},
		{Unit: "c", Bounds: bounds, Aggregates: counts},
	}
	for _, h := range []hierarchy.Hierarchy{hierarchy.Intervals(5, 10), hierarchy.Intervals(0.3).Min(-1).Max(1e6), hierarchy.Dates("month", "5-years"), hierarchy.Prefix(3, 2)} {
		for level := 1; h.CheckType(dt) == nil && level <= len(h.Levels())+1; level++ {
			queries = append(queries, &Query{Unit: "id", GroupBy: []string{"c"}, Levels: map[string]GroupLevel{"c": {h, level}}, Bounds: bounds, Aggregates: counts})
		}
	}
	return queries
}

// TestTinyBudgets: budgets below the range of float64 are refused, not divided by.
func TestTinyBudgets(t *testing.T) {
	for _, text := range []string{"rho=1e-400, delta=1e-9", "epsilon=1e-400, delta=1e-9", "epsilon=1e-400"} {
		b, err := ParseBudget(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, noise := range []string{NoiseExact, NoiseLaplace} {
			for _, need := range []Need{{L1: 1}, {L1: 1, Choices: 1}} {
				if _, err := Calibrate(b, 2, noise, nil, []Need{need}, nil); !errors.Is(err, fault.Plan) {
					t.Errorf("%s, %s: %v, want a refusal", text, noise, err)
				}
			}
		}
	}
}

// A dictionary index outside of its dictionary, in any column, is an error and
// no panic, and nothing more is taken up.
func TestMalformedBatch(t *testing.T) {
	dict := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.PrimitiveTypes.Int64}
	column := func(indices ...int32) arrow.Array {
		ints := array.NewInt32Builder(memory.DefaultAllocator)
		ints.AppendValues(indices, nil)
		values := array.NewInt64Builder(memory.DefaultAllocator)
		values.AppendValues([]int64{1, 2}, nil)
		return array.NewDictionaryArray(dict, ints.NewArray(), values.NewArray())
	}
	schema := arrow.NewSchema([]arrow.Field{{Name: "u", Type: dict}, {Name: "k", Type: dict}, {Name: "x", Type: dict}}, nil)
	q := &Query{Unit: "u", GroupBy: []string{"k"}, Bounds: ContributionBounds{MaxGroups: 1}, Aggregates: []Aggregate{Sum{As: "s", Column: "x", Upper: 9}, CountDistinct{As: "d", Column: "x"}}}
	p := planFor(t, q, schema)
	for bad := range 3 {
		columns := make([]arrow.Array, 3)
		for i, c := range []string{"u", "k", "x"} {
			index := int32(1)
			if i == bad {
				index = 1 << 20
			}
			columns[slices.Index(p.Columns(), c)] = column(0, index)
		}
		a := accumulate(t, p)
		if err := a.Add(array.NewRecord(schema, columns, 2)); !errors.Is(err, fault.Input) {
			t.Errorf("column %d: %v", bad, err)
		}
	}
}
