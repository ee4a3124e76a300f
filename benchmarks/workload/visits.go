package workload

import (
	"context"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/arrowio"
)

// Visits is the enlarged census table with two more columns, which differ from
// row to row: person (int64, about eight rows each) and amount (int64, 0 to
// 1999). Any number of rows can be read from it without holding them.
type Visits struct{ *Adult }

// Schema returns the columns.
func (v Visits) Schema() *arrow.Schema {
	return arrow.NewSchema(append(v.Adult.schema.Fields(),
		arrow.Field{Name: "person", Type: arrow.PrimitiveTypes.Int64},
		arrow.Field{Name: "amount", Type: arrow.PrimitiveTypes.Int64}), nil)
}

// Open draws the rows again from the beginning.
func (v Visits) Open(ctx context.Context, columns ...string) (array.RecordReader, error) {
	schema, at, err := arrowio.Resolve("visits", v.Schema(), columns)
	if err != nil {
		return nil, err
	}
	s, left := adultSeed, v.rows
	people := uint64(max(v.rows/8, 1))
	texts := v.schema.NumFields()
	cells := make([]string, texts)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	next := func() (arrow.Record, error) {
		if left == 0 {
			return nil, nil
		}
		rows := min(left, BatchRows)
		left -= rows
		for range rows {
			v.row(&s, cells)
			draw := s.next()
			for i, c := range at {
				switch {
				case c < texts:
					b.Field(i).(*array.StringBuilder).Append(cells[c])
				case c == texts:
					b.Field(i).(*array.Int64Builder).Append(int64(draw>>16%people) * 7919)
				default:
					b.Field(i).(*array.Int64Builder).Append(int64(draw & 0xffff * 2000 >> 16))
				}
			}
		}
		return b.NewRecord(), nil
	}
	return arrowio.NewReader(ctx, "visits", schema, next, b.Release), nil
}
