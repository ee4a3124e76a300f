package kanon_test

import (
	"context"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/kanon"
)

// Ages are replaced by the mean of their class, towns by the most frequent one.
func ExampleAnonymize_microaggregation() {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "age", Type: arrow.PrimitiveTypes.Int64},
		{Name: "town", Type: arrow.BinaryTypes.String},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	b.Field(0).(*array.Int64Builder).AppendValues([]int64{31, 33, 35, 70, 72, 77}, nil)
	b.Field(1).(*array.StringBuilder).AppendValues([]string{"Ulm", "Ulm", "Ulm", "Aalen", "Ulm", "Aalen"}, nil)

	rel, err := kanon.Anonymize(context.Background(), arrowio.NewMemory(schema, b.NewRecord()), &kanon.Spec{
		QuasiIdentifiers: []kanon.QuasiIdentifier{{Column: "age", Centre: kanon.MeanCentre}, {Column: "town"}},
		Models:           []kanon.PrivacyModel{kanon.KAnonymity{K: 3}},
		Search:           "mdav",
		RowOrder:         kanon.InputOrder,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	rows, err := rel.Open(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer rows.Release()
	for rows.Next() {
		rec := rows.Record()
		for i := range int(rec.NumRows()) {
			fmt.Println(rec.Column(0).ValueStr(i), rec.Column(1).ValueStr(i))
		}
	}
	// Output:
	// 33 Ulm
	// 33 Ulm
	// 33 Ulm
	// 73 Aalen
	// 73 Aalen
	// 73 Aalen
}
