package kanon

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/fold"
)

// largeTable has more rows than are kept before dictionaries are put into
// order, values that turn up only after that, and tuples of more than 64 bits.
func largeTable(rows int) []arrow.Record {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.BinaryTypes.String},
		{Name: "age", Type: arrow.PrimitiveTypes.Int8, Nullable: true},
		{Name: "born", Type: arrow.FixedWidthTypes.Date32},
		{Name: "zip", Type: arrow.PrimitiveTypes.Int32},
		{Name: "seen", Type: arrow.FixedWidthTypes.Timestamp_s},
	}, nil)
	r := rand.New(rand.NewPCG(1, 1))
	var out []arrow.Record
	for from := 0; from < rows; from += 30_000 {
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		for i := range min(30_000, rows-from) {
			person := r.IntN(20_000)
			b.Field(0).(*array.StringBuilder).Append(fmt.Sprint("person ", person))
			if person%50 == 0 {
				b.Field(1).AppendNull()
			} else {
				b.Field(1).(*array.Int8Builder).Append(int8(person % 90))
			}
			b.Field(2).(*array.Date32Builder).Append(arrow.Date32(person * 3))
			b.Field(3).(*array.Int32Builder).Append(int32(r.IntN(from + i + 1)))
			b.Field(4).(*array.TimestampBuilder).Append(arrow.Timestamp(r.IntN(1 << 30)))
		}
		out = append(out, b.NewRecord())
	}
	return out
}

// TestCounterThroughFold is the law split on a table that passes the limits of
// the counter's stages, read in parallel.
func TestCounterThroughFold(t *testing.T) {
	batches := largeTable(200_000)
	src := arrowio.NewMemory(batches[0].Schema(), batches...)
	units, readers := []bool{false, true}, []int{1, 2, 8}
	if testing.Short() {
		units, readers = units[1:], readers[1:]
	}
	for _, unit := range units {
		for _, columns := range []int{2, 4} { // tuples within 64 bits, and beyond
			var want []byte
			for _, workers := range readers {
				var u *CountedColumn
				if unit {
					u = unitColumn(batches[0])
				}
				newCounter := newCounters(countedColumns(batches[0])[:columns], u, nil)
				c, err := fold.Source(context.Background(), src, newCounter, fold.Options{Workers: workers})
				if err != nil {
					t.Fatal(err)
				}
				got := stateBytes(t, c)
				if want == nil {
					want = got
				} else if !bytes.Equal(got, want) {
					t.Errorf("unit=%v, %d columns, %d workers: the state differs", unit, columns, workers)
				}
				if c.rows != 200_000 {
					t.Errorf("%d rows counted", c.rows)
				}
			}
		}
	}
}
