// Package workload makes the tables that the benchmarks run on: synthetic,
// seeded, of any size, skewed as real ones are.
package workload

import (
	"math"
	"math/rand/v2"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/arrowio"
)

// BatchRows is the length of the batches of every workload.
const BatchRows = 1 << 16

// A CodedColumn is a column of dense codes.
type CodedColumn struct {
	Name  string
	Size  int     // codes are 0 … Size-1
	Skew  float64 // 1: uniform; the larger, the more rows have small codes
	Level []int   // widths of the intervals of its hierarchy's levels, for searches
}

// Coded are six quasi-identifiers whose codes fill a key of just under 32
// bits. Of ten million rows 61 % of the tuples are distinct.
var Coded = []CodedColumn{
	{"zip", 1024, 4.45, []int{4, 32, 256}},
	{"age", 96, 3.7, []int{5, 10, 20}},
	{"prefecture", 47, 4.9, []int{4, 16}},
	{"occupation", 24, 4.6, []int{3, 12}},
	{"month", 12, 1, []int{3}},
	{"family", 3, 4.3, []int{2}},
}

// Wide are columns whose codes fill a key of 54 bits.
var Wide = []CodedColumn{
	{"postcode", 1 << 17, 4.45, nil},
	{"birthday", 36_525, 3.7, nil},
	{"prefecture", 47, 4.9, nil},
	{"occupation", 24, 4.6, nil},
	{"joined", 2048, 1, nil},
}

// CodedTable makes n rows of the columns as int32, seeded.
func CodedTable(columns []CodedColumn, n int, seed uint64) *arrowio.Memory {
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		fields[i] = arrow.Field{Name: c.Name, Type: arrow.PrimitiveTypes.Int32}
	}
	schema := arrow.NewSchema(fields, nil)
	rng := rand.New(rand.NewPCG(seed, 1))
	var recs []arrow.Record
	for start := 0; start < n; start += BatchRows {
		rows := min(BatchRows, n-start)
		cols := make([]arrow.Array, len(columns))
		for i, c := range columns {
			values := make([]int32, rows)
			for r := range values {
				values[r] = int32(float64(c.Size) * skewed(rng, c.Skew))
			}
			cols[i] = plain(arrow.PrimitiveTypes.Int32, rows, arrow.Int32Traits.CastToBytes(values))
		}
		recs = append(recs, array.NewRecord(schema, cols, int64(rows)))
	}
	return arrowio.NewMemory(schema, recs...)
}

// skewed draws from [0, 1) with density proportional to x^(1/skew - 1).
func skewed(rng *rand.Rand, skew float64) float64 {
	u := rng.Float64()
	if skew == 1 {
		return u
	}
	return math.Pow(u, skew)
}
