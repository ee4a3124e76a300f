//go:build unix

package kanon

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// processorTime returns the processor time that the process has used: on a
// shared machine it says more than the clock.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// benchTable makes batches of six quasi-identifiers, most combinations of which
// are distinct, and a person per ten rows, whose columns repeat or not.
func benchTable(rows int, repeat bool) []arrow.Record {
	text := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "sex", Type: text},
		{Name: "age", Type: arrow.PrimitiveTypes.Int8},
		{Name: "job", Type: text},
		{Name: "prefecture", Type: text},
		{Name: "zip", Type: arrow.PrimitiveTypes.Int32},
		{Name: "fee", Type: arrow.PrimitiveTypes.Int16},
		{Name: "id", Type: arrow.PrimitiveTypes.Int64},
	}, nil)
	sizes := []int{2, 100, 16, 47, 1900, 12}
	r := rand.New(rand.NewPCG(1, 1))
	skewed := func(r *rand.Rand, n int) int {
		f := r.Float64()
		return int(float64(n) * f * f)
	}
	people := max(1, rows/10)
	var out []arrow.Record
	for from := 0; from < rows; from += 1 << 16 {
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		for range min(1<<16, rows-from) {
			person := r.IntN(people)
			draw := r
			if repeat && r.IntN(100) > 0 {
				draw = rand.New(rand.NewPCG(uint64(person), 2))
			}
			for c, n := range sizes {
				v := skewed(draw, n)
				switch f := b.Field(c).(type) {
				case *array.BinaryDictionaryBuilder:
					if err := f.AppendString(fmt.Sprint(v)); err != nil {
						panic(err)
					}
				case *array.Int8Builder:
					f.Append(int8(v))
				case *array.Int16Builder:
					f.Append(int16(v))
				case *array.Int32Builder:
					f.Append(int32(v))
				}
			}
			b.Field(6).(*array.Int64Builder).Append(int64(person) * 1_000_003)
		}
		out = append(out, b.NewRecord())
	}
	return out
}

// BenchmarkCount counts 1 M rows, and 10 M rows unless -short is given, from
// Arrow batches to the sorted table.
func BenchmarkCount(b *testing.B) {
	for _, rows := range []int{1_000_000, 10_000_000} {
		if rows > 1_000_000 && testing.Short() {
			continue
		}
		for _, unit := range []bool{false, true} {
			batches := benchTable(rows, unit)
			b.Run(fmt.Sprintf("%d rows/unit=%v", rows, unit), func(b *testing.B) {
				b.ReportAllocs()
				start := processorTime()
				var t *tuples
				for b.Loop() {
					c := newTestCounter(b, batches[0], unit)
					add(b, c, batches...)
					var err error
					if t, err = c.finish(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64((processorTime()-start).Nanoseconds())/float64(b.N)/float64(rows), "cpu-ns/row")
				b.ReportMetric(float64(len(t.rows))/float64(rows), "tuples/row")
			})
		}
	}
}
