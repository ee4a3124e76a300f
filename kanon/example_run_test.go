package kanon_test

import (
	"context"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/hierarchy"
	"github.com/oboro-data/oboro/kanon"
)

func ExampleAnonymize() {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "zip", Type: arrow.BinaryTypes.String},
		{Name: "age", Type: arrow.PrimitiveTypes.Int64},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	b.Field(0).(*array.StringBuilder).AppendValues([]string{"81667", "81675", "81925", "81931", "81667"}, nil)
	b.Field(1).(*array.Int64Builder).AppendValues([]int64{34, 36, 66, 61, 35}, nil)
	src := arrowio.NewMemory(schema, b.NewRecord())

	rel, err := kanon.Anonymize(context.Background(), src, &kanon.Spec{
		QuasiIdentifiers: []kanon.QuasiIdentifier{
			{Column: "zip", Hierarchy: hierarchy.Prefix(3)},
			{Column: "age", Hierarchy: hierarchy.Intervals(10)},
		},
		Models: []kanon.PrivacyModel{kanon.KAnonymity{K: 2}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(rel.Recoding)
	fmt.Println(rel.Rows, "rows,", rel.SuppressedRows, "suppressed, smallest class", rel.SmallestClass)

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
	// zip 1, age 1
	// 5 rows, 0 suppressed, smallest class 2
	// 816** 30-39
	// 816** 30-39
	// 816** 30-39
	// 819** 60-69
	// 819** 60-69
}

func ExampleSearch() {
	// Two quasi-identifiers of a table of codes: sex with two values, and a
	// district with four in two regions.
	sex := kanon.Column{Name: "sex", Table: hierarchy.Table{DomainSize: 2, Levels: []hierarchy.Level{
		{Name: "raw", Codes: []int32{0, 1}, Labels: []string{"f", "m"}, Null: -1, Leaves: []int64{1, 1}},
		{Name: "*", Codes: []int32{0, 0}, Labels: []string{"*"}, Null: -1, Leaves: []int64{2}},
	}}}
	district := kanon.Column{Name: "district", Table: hierarchy.Table{DomainSize: 4, Levels: []hierarchy.Level{
		{Name: "raw", Codes: []int32{0, 1, 2, 3}, Labels: []string{"a", "b", "c", "d"}, Null: -1, Leaves: []int64{1, 1, 1, 1}},
		{Name: "region", Codes: []int32{0, 0, 1, 1}, Labels: []string{"north", "south"}, Null: -1, Leaves: []int64{2, 2}},
		{Name: "*", Codes: []int32{0, 0, 0, 0}, Labels: []string{"*"}, Null: -1, Leaves: []int64{4}},
	}}}
	base, err := kanon.NewFrequencySet([]kanon.Column{sex, district}, nil, []kanon.Row{
		{Key: []int32{0, 0}, Rows: 3}, {Key: []int32{0, 1}, Rows: 1}, {Key: []int32{1, 2}, Rows: 2}, {Key: []int32{1, 3}, Rows: 2},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := kanon.Search(context.Background(), base, []kanon.PrivacyModel{kanon.KAnonymity{K: 2}}, kanon.Loss{GSFactor: 0.5}, kanon.SearchOptions{SuppressionLimit: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("levels %v, %d row suppressed, loss %.4f\n", r.Node, r.SuppressedRows, r.Score[0])
	// Output:
	// levels 0,0, 1 row suppressed, loss 0.1250
}
