package fold_test

import (
	"context"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/fold"
)

// rows is the simplest state: it counts rows.
type rows struct{ n int64 }

func (r *rows) Add(rec arrow.Record) error { r.n += rec.NumRows(); return nil }
func (r *rows) Merge(other *rows) error    { r.n += other.n; return nil }

func ExampleSource() {
	schema := arrow.NewSchema([]arrow.Field{{Name: "age", Type: arrow.PrimitiveTypes.Int32}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	b.Field(0).(*array.Int32Builder).AppendValues([]int32{34, 36, 61}, nil)
	rec := b.NewRecord()
	src := arrowio.NewMemory(schema, rec, rec)

	total, err := fold.Source(context.Background(), src, func() (*rows, error) { return &rows{}, nil }, fold.Options{Workers: 2})
	fmt.Println(total.n, err)
	// Output:
	// 6 <nil>
}
