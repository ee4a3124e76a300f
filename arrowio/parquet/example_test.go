package parquet_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/arrowio/parquet"
)

// A table is written as Parquet, and one of its columns read again.
func Example() {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "prefecture", Type: arrow.BinaryTypes.String},
		{Name: "members", Type: arrow.PrimitiveTypes.Int64},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	b.Field(0).(*array.StringBuilder).AppendValues([]string{"Tokyo", "Osaka", "Tokyo"}, nil)
	b.Field(1).(*array.Int64Builder).AppendValues([]int64{310, 120, 90}, nil)
	rec := b.NewRecord()
	defer rec.Release()

	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "members.parquet")
	ctx := context.Background()
	if err := parquet.WriteFile(ctx, path, arrowio.NewMemory(schema, rec)); err != nil {
		panic(err)
	}
	src, err := parquet.Open(path)
	if err != nil {
		panic(err)
	}
	r, err := src.Open(ctx, "prefecture")
	if err != nil {
		panic(err)
	}
	defer r.Release()
	for r.Next() {
		d := r.Record().Column(0).(*array.Dictionary)
		fmt.Println(d.Indices(), d.Dictionary())
	}
	if r.Err() != nil {
		panic(r.Err())
	}
	// Output:
	// [0 1 0] ["Tokyo" "Osaka"]
}
