package corpus

import (
	"encoding/csv"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/decimal256"
	"github.com/apache/arrow/go/v17/arrow/float16"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// A Table is a named table of the corpus. Every table has the columns id (the
// person), and at least two others.
type Table struct {
	Name   string
	Record arrow.Record
}

// Tables returns the named tables. Each is small enough for brute force but
// adult, which is left out under -short and where the file is absent.
func Tables(t testing.TB) []Table {
	t.Helper()
	tables := []Table{
		{"empty", build(0, fields, constant)},
		{"one row", build(1, fields, constant)},
		{"all equal", build(300, fields, constant)},
		{"all distinct", build(500, fields, distinct)},
		{"all null", build(200, fields, nothing)},
		{"some null", build(400, fields, sparse)},
		{"people with many rows", build(600, fields, visits)},
		{"long dictionary", build(3000, dictionaryFields, distinct)},
		{"dictionaries", build(700, dictionaryFields, sparse)},
		{"wide keys", build(500, wideFields(40), sparse)},
		{"wide distinct keys", build(500, wideFields(12), distinct)},
		{"extreme integers", extremeIntegers()},
		{"NaN and infinities", extremeFloats()},
		{"long text", longText()},
		{"every type", build(300, everyType, sparse)},
		{"every type, distinct", build(150, everyType, distinct)},
	}
	if !testing.Short() {
		if r := adult(t); r != nil {
			tables = append(tables, Table{"adult", r})
		}
	}
	return tables
}

var fields = []arrow.Field{
	{Name: "id", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "zip", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "age", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
	{Name: "born", Type: arrow.FixedWidthTypes.Date32, Nullable: true},
	{Name: "sex", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int16, ValueType: arrow.BinaryTypes.String}, Nullable: true},
}

var dictionaryFields = []arrow.Field{
	{Name: "id", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}, Nullable: true},
	{Name: "a", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Uint16, ValueType: arrow.BinaryTypes.String}, Nullable: true},
	{Name: "b", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int64, ValueType: arrow.PrimitiveTypes.Int32}, Nullable: true},
	{Name: "c", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Uint32, ValueType: arrow.FixedWidthTypes.Date32}, Nullable: true},
}

func wideFields(n int) []arrow.Field {
	f := []arrow.Field{{Name: "id", Type: arrow.BinaryTypes.String, Nullable: true}}
	for i := range n {
		f = append(f, arrow.Field{Name: fmt.Sprintf("c%02d", i), Type: arrow.PrimitiveTypes.Int32, Nullable: true})
	}
	return f
}

var everyType = func() []arrow.Field {
	f := []arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Uint64, Nullable: true}}
	for _, dt := range []arrow.DataType{
		arrow.Null, arrow.FixedWidthTypes.Boolean,
		arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Int16, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64,
		arrow.PrimitiveTypes.Uint8, arrow.PrimitiveTypes.Uint16, arrow.PrimitiveTypes.Uint32, arrow.PrimitiveTypes.Uint64,
		arrow.FixedWidthTypes.Float16, arrow.PrimitiveTypes.Float32, arrow.PrimitiveTypes.Float64,
		arrow.BinaryTypes.String, arrow.BinaryTypes.LargeString, arrow.BinaryTypes.StringView,
		arrow.BinaryTypes.Binary, arrow.BinaryTypes.LargeBinary, arrow.BinaryTypes.BinaryView,
		&arrow.FixedSizeBinaryType{ByteWidth: 5},
		arrow.FixedWidthTypes.Date32, arrow.FixedWidthTypes.Date64,
		arrow.FixedWidthTypes.Time32s, arrow.FixedWidthTypes.Time64us,
		arrow.FixedWidthTypes.Timestamp_s, &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "+09:00"},
		arrow.FixedWidthTypes.Duration_ms,
		&arrow.Decimal128Type{Precision: 20, Scale: 2}, &arrow.Decimal256Type{Precision: 50, Scale: 3},
	} {
		f = append(f, arrow.Field{Name: fmt.Sprintf("%02d %s", len(f), dt.Name()), Type: dt, Nullable: true})
	}
	return f
}()

// A rule gives the number from which the value of a row and column is made, or
// false for null.
type rule func(r *rand.Rand, row, column int) (int64, bool)

func constant(_ *rand.Rand, _, _ int) (int64, bool) { return 7, true }
func nothing(_ *rand.Rand, _, _ int) (int64, bool)  { return 0, false }

// distinct makes every value of a column different, in a mixed order.
func distinct(_ *rand.Rand, row, column int) (int64, bool) {
	return int64(row*7919%104729) - 50, true
}

// sparse has few values, one in ten null.
func sparse(r *rand.Rand, _, _ int) (int64, bool) { return int64(r.IntN(5)) - 2, r.IntN(10) > 0 }

// visits has about 20 rows a person, of which a few differ from the person's
// others; some have no person.
func visits(r *rand.Rand, row, column int) (int64, bool) {
	person := int64(row % 30)
	switch {
	case column == 0:
		return person, person != 3
	case r.IntN(40) == 0:
		return int64(r.IntN(4)), true
	}
	return person % 4, true
}

// build makes a table of n rows. Its numbers are drawn from a generator with a
// fixed seed: a corpus is the same every time.
func build(n int, fields []arrow.Field, value rule) arrow.Record {
	r := rand.New(rand.NewPCG(1, 2))
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer b.Release()
	for row := range n {
		for c := range fields {
			if v, ok := value(r, row, c); ok {
				appendValue(b.Field(c), v)
			} else {
				b.Field(c).AppendNull()
			}
		}
	}
	return b.NewRecord()
}

// appendValue appends the value of a type that stands for a number; different
// numbers stand for different values as far as the type has so many.
func appendValue(b array.Builder, v int64) {
	text := fmt.Sprintf("v%d", v)
	if v%5 == 0 {
		text = fmt.Sprintf("a text of more than sixteen bytes %d", v)
	}
	switch b := b.(type) {
	case *array.NullBuilder:
		b.AppendNull()
	case *array.BooleanBuilder:
		b.Append(v%2 == 0)
	case *array.Int8Builder:
		b.Append(int8(v))
	case *array.Int16Builder:
		b.Append(int16(v))
	case *array.Int32Builder:
		b.Append(int32(v))
	case *array.Int64Builder:
		b.Append(v)
	case *array.Uint8Builder:
		b.Append(uint8(v))
	case *array.Uint16Builder:
		b.Append(uint16(v))
	case *array.Uint32Builder:
		b.Append(uint32(v))
	case *array.Uint64Builder:
		b.Append(uint64(v))
	case *array.Float16Builder:
		b.Append(float16.New(float32(v) / 4))
	case *array.Float32Builder:
		b.Append(float32(v) / 4)
	case *array.Float64Builder:
		b.Append(float64(v) / 10)
	case *array.StringBuilder:
		b.Append(text)
	case *array.LargeStringBuilder:
		b.Append(text)
	case *array.StringViewBuilder:
		b.Append(text)
	case *array.BinaryViewBuilder:
		b.Append([]byte(text))
	case *array.BinaryBuilder:
		b.Append([]byte(text))
	case *array.FixedSizeBinaryBuilder:
		b.Append([]byte(fmt.Sprintf("%05d", (v+100_000)%100_000)))
	case *array.Date32Builder:
		b.Append(arrow.Date32(v * 37))
	case *array.Date64Builder:
		b.Append(arrow.Date64(v * 86_400_000))
	case *array.Time32Builder:
		b.Append(arrow.Time32((v%86_400 + 86_400) % 86_400))
	case *array.Time64Builder:
		b.Append(arrow.Time64((v%86_400+86_400)%86_400*1_000_000 + 5))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(v * 1_000_003))
	case *array.DurationBuilder:
		b.Append(arrow.Duration(v))
	case *array.Decimal128Builder:
		b.Append(decimal128.FromI64(v * 101))
	case *array.Decimal256Builder:
		b.Append(decimal256.FromI64(v * 1_000_001))
	case *array.BinaryDictionaryBuilder:
		must(b.AppendString(text))
	case *array.Int32DictionaryBuilder:
		must(b.Append(int32(v)))
	case *array.Date32DictionaryBuilder:
		must(b.Append(arrow.Date32(v)))
	default:
		panic("corpus: no value for " + b.Type().Name())
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func extremeIntegers() arrow.Record {
	signed := []int64{math.MinInt64, math.MinInt64 + 1, -1 << 32, -1, 0, 1, 1 << 17, 1 << 32, math.MaxInt64 - 1, math.MaxInt64}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int64},
		{Name: "signed", Type: arrow.PrimitiveTypes.Int64},
		{Name: "unsigned", Type: arrow.PrimitiveTypes.Uint64},
		{Name: "small", Type: arrow.PrimitiveTypes.Int8},
	}, nil))
	defer b.Release()
	for i := range 40 {
		b.Field(0).(*array.Int64Builder).Append(signed[i*3%10])
		b.Field(1).(*array.Int64Builder).Append(signed[i*7%10])
		b.Field(2).(*array.Uint64Builder).Append(uint64(signed[i%10]))
		b.Field(3).(*array.Int8Builder).Append(int8(-128 + i%2*255))
	}
	return b.NewRecord()
}

func extremeFloats() arrow.Record {
	values := []float64{math.NaN(), math.Float64frombits(0xfff8000000000001), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1),
		math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, -1.5, 1e21, 0.1}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Float64},
		{Name: "double", Type: arrow.PrimitiveTypes.Float64},
		{Name: "single", Type: arrow.PrimitiveTypes.Float32},
	}, nil))
	defer b.Release()
	for i := range 60 {
		b.Field(0).(*array.Float64Builder).Append(values[i*5%12])
		b.Field(1).(*array.Float64Builder).Append(values[i%12])
		b.Field(2).(*array.Float32Builder).Append(float32(values[i*7%12]))
	}
	return b.NewRecord()
}

// longText has texts of every length around the borders of the encoder's
// layouts (0, 3, 4, 7, 8, 16, 17), equal but for one byte.
func longText() arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.BinaryTypes.String},
		{Name: "text", Type: arrow.BinaryTypes.String},
		{Name: "large", Type: arrow.BinaryTypes.LargeString},
	}, nil))
	defer b.Release()
	for n := range 40 {
		for at := range max(1, n) {
			s := []byte(strings.Repeat("x", n))
			if n > 0 {
				s[at] = "\x00y\xff"[at%3]
			}
			b.Field(0).(*array.StringBuilder).Append(string(s))
			b.Field(1).(*array.StringBuilder).Append(string(s))
			b.Field(2).(*array.LargeStringBuilder).Append(strings.Repeat(string(s), 1+n%3))
		}
	}
	return b.NewRecord()
}

// adult returns the census table beside the project, its rows numbered in a
// column id, or nil where it is absent.
func adult(t testing.TB) arrow.Record {
	path, ok := find("data/adult/adult.csv")
	if !ok {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma = ';'
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	fields := []arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64}}
	for _, name := range rows[0] {
		fields = append(fields, arrow.Field{Name: name, Type: arrow.BinaryTypes.String})
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer b.Release()
	for i, row := range rows[1:] {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
		for c, v := range row {
			b.Field(c + 1).(*array.StringBuilder).Append(v)
		}
	}
	return b.NewRecord()
}

// Batches cuts a table into batches of at most size rows, in order; the last
// is shorter. Every batch is a slice with an offset into the table's buffers.
func Batches(rec arrow.Record, size int64) []arrow.Record {
	var out []arrow.Record
	for from := int64(0); from < rec.NumRows(); from += size {
		out = append(out, rec.NewSlice(from, min(from+size, rec.NumRows())))
	}
	return out
}

// Shuffle returns the rows of a table in an order drawn from a seed.
func Shuffle(rec arrow.Record, seed uint64) arrow.Record {
	n := int(rec.NumRows())
	order := rand.New(rand.NewPCG(seed, 3)).Perm(n)
	return Take(rec, order)
}

// Take returns the rows of a table with the given numbers, in that order. Null
// slots of the result are zero.
func Take(rec arrow.Record, rows []int) arrow.Record {
	columns := make([]arrow.Array, rec.NumCols())
	for c, col := range rec.Columns() {
		pieces := make([]arrow.Array, 0, len(rows))
		for _, r := range rows {
			pieces = append(pieces, array.NewSlice(col, int64(r), int64(r)+1))
		}
		if len(pieces) == 0 {
			columns[c] = array.NewSlice(col, 0, 0)
			continue
		}
		joined, err := array.Concatenate(pieces, memory.DefaultAllocator)
		if err != nil {
			panic(err)
		}
		columns[c] = joined
	}
	return array.NewRecord(rec.Schema(), columns, int64(len(rows)))
}

// Columns returns the names of a table's columns but id.
func Columns(rec arrow.Record) []string {
	var names []string
	for _, f := range rec.Schema().Fields() {
		names = append(names, f.Name)
	}
	return slices.DeleteFunc(names, func(s string) bool { return s == "id" })
}
