package workload

import (
	"math/rand/v2"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/arrowio"
)

// Log makes a log of n rows: user (int64, n/10 users of Zipf-like activity),
// part (int32, one of groups) and value (int64, 0 to 1999). It is 20 bytes a
// row.
func Log(n, groups int, seed uint64) *arrowio.Memory {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "usr", Type: arrow.PrimitiveTypes.Int64},
		{Name: "part", Type: arrow.PrimitiveTypes.Int32},
		{Name: "val", Type: arrow.PrimitiveTypes.Int64},
	}, nil)
	rng := rand.New(rand.NewPCG(seed, 2))
	users := max(n/10, 1)
	var recs []arrow.Record
	for start := 0; start < n; start += BatchRows {
		rows := min(BatchRows, n-start)
		usr, part, val := make([]int64, rows), make([]int32, rows), make([]int64, rows)
		for i := range rows {
			// x^(1/(1-s)) of a uniform x has about a Zipf distribution of exponent s.
			usr[i] = int64(float64(users)*skewed(rng, 1/(1-0.7))) * 7919
			part[i] = int32(float64(groups) * skewed(rng, 2))
			val[i] = rng.Int64N(2000)
		}
		cols := []arrow.Array{
			plain(arrow.PrimitiveTypes.Int64, rows, arrow.Int64Traits.CastToBytes(usr)),
			plain(arrow.PrimitiveTypes.Int32, rows, arrow.Int32Traits.CastToBytes(part)),
			plain(arrow.PrimitiveTypes.Int64, rows, arrow.Int64Traits.CastToBytes(val)),
		}
		recs = append(recs, array.NewRecord(schema, cols, int64(rows)))
	}
	return arrowio.NewMemory(schema, recs...)
}

// plain makes an array without nulls of raw bytes.
func plain(dt arrow.DataType, n int, raw []byte) arrow.Array {
	d := array.NewData(dt, n, []*memory.Buffer{nil, memory.NewBufferBytes(raw)}, nil, 0, 0)
	defer d.Release()
	return array.MakeFromData(d)
}
