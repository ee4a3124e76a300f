package arrow18

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	arrow18 "github.com/apache/arrow-go/v18/arrow"
	array18 "github.com/apache/arrow-go/v18/arrow/array"
	memory18 "github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/oboro-data/oboro/arrowio"
)

// visits is a table on v18: two batches of members' visits.
func visits(mem memory18.Allocator) (*arrow18.Schema, Open) {
	schema := arrow18.NewSchema([]arrow18.Field{
		{Name: "member", Type: arrow18.PrimitiveTypes.Int64},
		{Name: "prefecture", Type: arrow18.BinaryTypes.String, Nullable: true},
	}, nil)
	return schema, func(_ context.Context, columns ...string) (array18.RecordReader, error) {
		var recs []arrow18.RecordBatch
		for _, json := range []string{`[{"member":1,"prefecture":"東京"},{"member":2}]`, `[{"member":3,"prefecture":"大阪"}]`} {
			rec, _, err := array18.RecordFromJSON(mem, schema, strings.NewReader(json))
			if err != nil {
				return nil, err
			}
			defer rec.Release()
			picked := rec
			if len(columns) > 0 {
				var fields []arrow18.Field
				var cols []arrow18.Array
				for _, c := range columns {
					i := schema.FieldIndices(c)[0]
					fields, cols = append(fields, schema.Field(i)), append(cols, rec.Column(i))
				}
				picked = array18.NewRecordBatch(arrow18.NewSchema(fields, nil), cols, rec.NumRows())
				defer picked.Release()
			}
			recs = append(recs, picked)
		}
		return array18.NewRecordReader(recs[0].Schema(), recs)
	}
}

func TestSourceReadsAgainAndAgain(t *testing.T) {
	mem := memory18.NewCheckedAllocator(memory18.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	schema, open := visits(mem)
	src, err := NewSource(schema, open)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r, err := src.Open(context.Background(), "prefecture")
		if err != nil {
			t.Fatal(err)
		}
		all, err := arrowio.ReadAll(r)
		if err != nil || all.NumRows() != 3 || all.Schema().NumFields() != 1 {
			t.Fatalf("read %v, %v", all, err)
		}
		all.Release()
		r.Release()
	}
	if _, err := src.Open(context.Background(), "town"); err == nil || !strings.Contains(err.Error(), `"town"`) {
		t.Errorf("a column that is not there: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r, err := src.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	if r.Next() || !errors.Is(r.Err(), context.Canceled) {
		t.Errorf("a cancelled read ended with %v", r.Err())
	}
}

func ExampleNewSource() {
	schema, open := visits(memory18.NewGoAllocator()) // for instance a DuckDB query
	src, err := NewSource(schema, open)
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := src.Open(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	back, err := NewReader18(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer back.Release()
	for back.Next() {
		fmt.Println(back.RecordBatch().NumRows(), "rows")
	}
	// Output:
	// 2 rows
	// 1 rows
}
