package arrowio

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

func dictOf(t, index arrow.DataType) arrow.DataType {
	return &arrow.DictionaryType{IndexType: index, ValueType: t}
}

// tableTypes are types that a table can have.
var tableTypes = []arrow.DataType{
	arrow.Null,
	arrow.FixedWidthTypes.Boolean,
	arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Int16, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64,
	arrow.PrimitiveTypes.Uint8, arrow.PrimitiveTypes.Uint64,
	arrow.PrimitiveTypes.Float32, arrow.PrimitiveTypes.Float64,
	arrow.BinaryTypes.String, arrow.BinaryTypes.LargeString, arrow.BinaryTypes.Binary, arrow.BinaryTypes.StringView,
	&arrow.FixedSizeBinaryType{ByteWidth: 3},
	arrow.FixedWidthTypes.Date32, arrow.FixedWidthTypes.Time64us,
	&arrow.TimestampType{Unit: arrow.Second}, &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "Asia/Tokyo"},
	&arrow.Decimal128Type{Precision: 12, Scale: 2},
	dictOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int32), dictOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Uint8),
	dictOf(arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Int16),
	arrow.ListOf(arrow.BinaryTypes.String),
}

var someTexts = []string{"", "Tokyo", "能登", "a longer text than sixteen bytes", "x", `quote " and, comma`, "two\nlines", "CR\r"}

// appendRandom appends one value, or null one time in eight.
func appendRandom(b array.Builder, rng *rand.Rand) {
	if rng.IntN(8) == 0 {
		b.AppendNull()
		return
	}
	text := someTexts[rng.IntN(len(someTexts))]
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
	case *array.Uint64Builder:
		b.Append(math.MaxUint64 - uint64(small))
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
	case *array.Time64Builder:
		b.Append(arrow.Time64(small) * 1000)
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(small-50) * 1001)
	case *array.Decimal128Builder:
		b.Append(decimal128.FromI64(int64(small-50) * 12345))
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
	default:
		panic(fmt.Sprintf("%T", b))
	}
}

// table makes batches of random rows; their lengths vary, and each is a slice
// of a longer one. Every batch has dictionaries of its own.
func table(types []arrow.DataType, rows int, seed uint64) *Memory {
	rng := rand.New(rand.NewPCG(seed, 1))
	meta := arrow.NewMetadata([]string{"MARKER"}, []string{"MARKER"})
	fields := make([]arrow.Field, len(types))
	for i, t := range types {
		fields[i] = arrow.Field{Name: fmt.Sprintf("c%d", i), Type: t, Nullable: true, Metadata: meta}
	}
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
	return NewMemory(schema, recs...)
}
