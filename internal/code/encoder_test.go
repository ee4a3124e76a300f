package code_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/corpus"
	"github.com/oboro-data/oboro/internal/fault"
)

// text is the value as text, null told from "".
func text(arr arrow.Array, i int) string {
	if code.IsNull(arr, i) {
		return "null"
	}
	return "=" + code.Text(arr, i)
}

// TestCodesTellValuesApart checks on every column of the corpus, cut into
// batches of several sizes, that codes are equal where the values are, dense,
// in order of first sight, and lead back to the values; also after a merge.
func TestCodesTellValuesApart(t *testing.T) {
	sizes := []int64{1 << 20, 64, 7}
	if testing.Short() {
		sizes = sizes[2:]
	}
	for _, table := range corpus.Tables(t) {
		n := int(table.Record.NumRows())
		half := n / 2
		var order []int // the second half first
		for i := range n {
			order = append(order, (i+half)%n)
		}
		swapped := corpus.Take(table.Record, order)
		for c, field := range table.Record.Schema().Fields() {
			for _, size := range sizes {
				t.Run(fmt.Sprintf("%s/%s/%d", table.Name, field.Name, size), func(t *testing.T) {
					if table.Name == "adult" && size < 64 {
						size = 1000
					}
					e, err := code.NewEncoder(field.Type)
					if err != nil {
						t.Fatal(err)
					}
					var codes []uint32
					for _, b := range corpus.Batches(table.Record, size) {
						if codes, err = e.Encode(codes, b.Column(c)); err != nil {
							t.Fatal(err)
						}
					}
					col := table.Record.Column(c)
					check(t, e, col, codes)

					// Codes in the order of the values, and then again with the same.
					remap := e.Renumber(nil)
					again, err := e.Encode(nil, col)
					if err != nil {
						t.Fatal(err)
					}
					for i, k := range codes {
						if again[i] != remap[k] {
							t.Fatalf("row %d: code %d after renumbering, want %d", i, again[i], remap[k])
						}
					}
					if _, same, null := e.Finish(nil); !slices.IsSorted(same) || null != e.Null() {
						t.Fatal("renumbered codes are not in order")
					}

					// Half of the rows in another encoder, then merged.
					first, _ := code.NewEncoder(field.Type)
					second, _ := code.NewEncoder(field.Type)
					codes, err = first.EncodeRange(codes[:0], col, half, col.Len())
					if err != nil {
						t.Fatal(err)
					}
					more, err := second.EncodeRange(nil, col, 0, half)
					if err != nil {
						t.Fatal(err)
					}
					merged := first.Merge(second)
					for _, m := range more {
						codes = append(codes, merged[m])
					}
					check(t, first, swapped.Column(c), codes)
				})
			}
		}
	}
}

// TestManyCloseNumbers encodes so many integers close together, with nulls and
// later a few far away, that they are looked up by offset after a while: upwards,
// downwards, shuffled, and at the ends of the type.
func TestManyCloseNumbers(t *testing.T) {
	const n = 400_000
	for name, value := range map[string]func(i int) int64{
		"up":       func(i int) int64 { return int64(i) - 1000 },
		"down":     func(i int) int64 { return 1000 - int64(i) },
		"shuffled": func(i int) int64 { return int64(i) * 7919 % 300_007 * 3 },
		"lowest":   func(i int) int64 { return math.MinInt64 + int64(i)*7919%300_007 },
		"greatest": func(i int) int64 { return math.MaxInt64 - int64(i)*7919%300_007 },
		"sparse":   func(i int) int64 { return int64(i) * 7919 % 300_007 * 1000 },
	} {
		t.Run(name, func(t *testing.T) {
			b := array.NewInt64Builder(memory.DefaultAllocator)
			for i := range n {
				switch {
				case i%1000 == 3:
					b.AppendNull()
				case i > n/2 && i%50_000 == 7:
					b.Append(math.MinInt64 / 2)
				case i%3 == 2:
					b.Append(value(i / 3)) // seen before
				default:
					b.Append(value(i))
				}
			}
			col := b.NewArray()
			e, err := code.NewEncoder(col.DataType())
			if err != nil {
				t.Fatal(err)
			}
			codes, err := e.Encode(nil, col)
			if err != nil {
				t.Fatal(err)
			}
			check(t, e, col, codes)
		})
	}
}

func check(t *testing.T, e *code.Encoder, col arrow.Array, codes []uint32) {
	t.Helper()
	if len(codes) != col.Len() {
		t.Fatalf("%d codes for %d values", len(codes), col.Len())
	}
	seen := map[string]uint32{}
	for i, got := range codes {
		s := text(col, i)
		want, ok := seen[s]
		if !ok {
			want = uint32(len(seen))
			seen[s] = want
		}
		if got != want {
			t.Fatalf("row %d: code %d, want %d", i, got, want)
		}
	}
	if e.Len() != len(seen) {
		t.Fatalf("%d codes for %d distinct values", e.Len(), len(seen))
	}
	if n, ok := seen["null"]; ok && e.Null() != int(n) || !ok && e.Null() != -1 {
		t.Fatalf("null has code %d", e.Null())
	}
	plain := e.Values()
	sorted, remap, null := e.Finish(nil)
	if want := code.ValueType(col.DataType()); !arrow.TypeEqual(sorted.DataType(), want) || !arrow.TypeEqual(plain.DataType(), want) {
		t.Fatalf("values of type %s, want %s", sorted.DataType(), want)
	}
	for s, c := range seen {
		if text(plain, int(c)) != s || text(sorted, int(remap[c])) != s {
			t.Fatalf("code %d does not lead back to its value", c)
		}
	}
	if e.Null() >= 0 && (null != e.Len()-1 || int(remap[e.Null()]) != null) || e.Null() < 0 && null != -1 {
		t.Fatalf("null is not last: %d of %d", null, e.Len())
	}
}

func TestFinishOrder(t *testing.T) {
	build := func(dt arrow.DataType, json string) arrow.Array {
		arr, _, err := array.FromJSON(memory.DefaultAllocator, dt, stringReader(json))
		if err != nil {
			t.Fatal(err)
		}
		return arr
	}
	for _, c := range []struct {
		dt    arrow.DataType
		in    string
		order []string
		want  string
	}{
		{arrow.PrimitiveTypes.Int32, `[10, 9, null, -1, 10]`, nil, `[-1 9 10 (null)]`},
		{arrow.PrimitiveTypes.Uint64, `[9223372036854775808, 0, 5]`, nil, `[0 5 9223372036854775808]`},
		{arrow.BinaryTypes.String, `["b", "a", "B", "", null, "ab"]`, nil, `["" "B" "a" "ab" "b" (null)]`},
		{arrow.BinaryTypes.String, `["low", "high", null, "mid", "odd"]`, []string{"low", "mid", "high", "absent"}, `["low" "mid" "high" "odd" (null)]`},
		{arrow.PrimitiveTypes.Int32, `[1, 2, 3, 4]`, []string{"3", "1", "3"}, `[3 1 2 4]`},
		{arrow.FixedWidthTypes.Boolean, `[true, null, false]`, nil, `[false true (null)]`},
		{arrow.PrimitiveTypes.Float64, `[1.5, -0.0, -2, 0]`, nil, `[-2 0 1.5]`},
		{&arrow.Decimal128Type{Precision: 5, Scale: 1}, `["1.5", "-2.0", "0.1"]`, nil, ``},
	} {
		e, err := code.NewEncoder(c.dt)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Encode(nil, build(c.dt, c.in)); err != nil {
			t.Fatal(err)
		}
		values, _, _ := e.Finish(c.order)
		if c.want == "" {
			if got := code.Text(values, 0) + code.Text(values, 1) + code.Text(values, 2); got != "-2.00.11.5" {
				t.Errorf("decimals in order %s", got)
			}
		} else if got := values.String(); got != c.want {
			t.Errorf("%s in order %v: got %s, want %s", c.in, c.order, got, c.want)
		}
	}
}

// TestDictionaryAcrossBatches changes the dictionary from batch to batch, with
// entries unused, repeated and null.
func TestDictionaryAcrossBatches(t *testing.T) {
	dt := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int16, ValueType: arrow.BinaryTypes.String}
	batch := func(indices, dict string) arrow.Array {
		ix, _, err := array.FromJSON(memory.DefaultAllocator, dt.IndexType, stringReader(indices))
		if err != nil {
			t.Fatal(err)
		}
		d, _, err := array.FromJSON(memory.DefaultAllocator, dt.ValueType, stringReader(dict))
		if err != nil {
			t.Fatal(err)
		}
		return array.NewDictionaryArray(dt, ix, d)
	}
	e, err := code.NewEncoder(dt)
	if err != nil {
		t.Fatal(err)
	}
	var codes []uint32
	first := batch(`[2, 0, null, 2]`, `["a", "unused", "c"]`)
	for _, arr := range []arrow.Array{
		first,
		batch(`[0, 1, 2, 3]`, `["c", null, "c", "b"]`),
		first,
		batch(`[]`, `[]`),
		array.NewSlice(batch(`[0, 0, 1]`, `["z", "b"]`), 2, 3),
	} {
		if codes, err = e.Encode(codes, arr); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := fmt.Sprint(codes), "[0 1 2 0 0 2 0 3 0 1 2 0 3]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := e.Values().String(); got != `["c" "a" (null) "b"]` {
		t.Errorf("values %s", got)
	}
	for _, bad := range []string{`[3]`, `[-1]`} {
		if _, err := e.Encode(nil, batch(bad, `["a", "b", "c"]`)); !errors.Is(err, fault.Input) {
			t.Errorf("index %s: %v", bad, err)
		}
	}
}

// TestDictionaryIsNotHeld checks that no memory of a batch is held after Encode.
func TestDictionaryIsNotHeld(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	dt := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}
	e, err := code.NewEncoder(dt)
	if err != nil {
		t.Fatal(err)
	}
	b := array.NewDictionaryBuilder(mem, dt).(*array.BinaryDictionaryBuilder)
	for range 3 {
		for _, s := range []string{"a", "b", "a"} {
			if err := b.AppendString(s); err != nil {
				t.Fatal(err)
			}
		}
		arr := b.NewArray()
		if _, err := e.Encode(nil, arr); err != nil {
			t.Fatal(err)
		}
		arr.Release()
	}
	b.Release()
	mem.AssertSize(t, 0)
}

func TestEncodeRefusesOtherType(t *testing.T) {
	e, _ := code.NewEncoder(arrow.PrimitiveTypes.Int32)
	b := array.NewStringBuilder(memory.DefaultAllocator)
	b.Append("x")
	if _, err := e.Encode(nil, b.NewArray()); !errors.Is(err, fault.Input) {
		t.Errorf("got %v", err)
	}
}

func TestCheckTypeRefusesNested(t *testing.T) {
	for _, dt := range []arrow.DataType{
		arrow.ListOf(arrow.PrimitiveTypes.Int32), arrow.StructOf(), arrow.MapOf(arrow.BinaryTypes.String, arrow.BinaryTypes.String),
		arrow.FixedWidthTypes.MonthInterval, arrow.RunEndEncodedOf(arrow.PrimitiveTypes.Int32, arrow.BinaryTypes.String),
		&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.ListOf(arrow.PrimitiveTypes.Int32)},
		&arrow.TimestampType{Unit: arrow.Second, TimeZone: "Nowhere/Atlantis"},
	} {
		if err := code.CheckType(dt); !errors.Is(err, fault.Plan) {
			t.Errorf("%s: %v", dt, err)
		}
		if _, err := code.NewEncoder(dt); !errors.Is(err, fault.Plan) {
			t.Errorf("%s: %v", dt, err)
		}
	}
}
