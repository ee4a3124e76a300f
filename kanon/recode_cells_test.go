package kanon_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/hierarchy"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/kanon"
)

// TestSuppressCells releases random tables with and without cell suppression,
// over rows and over people: Verify agrees; every row that the global recoding
// releases is there unchanged; a row that is saved has labels of the same
// levels or "*"; and no rows that stay away could leave together under any
// stars.
func TestSuppressCells(t *testing.T) {
	saved := int64(0)
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 41))
		src := members(r, 1+r.IntN(120))
		k := int64(2 + r.IntN(4))
		spec := &kanon.Spec{
			QuasiIdentifiers: []kanon.QuasiIdentifier{
				{Column: "zip", Hierarchy: hierarchy.Prefix(2, 1), Level: []string{"0", "1"}[r.IntN(2)]}, {Column: "age", Level: "0"}, {Column: "fee", Level: "0"},
			},
			Models: []kanon.PrivacyModel{kanon.KAnonymity{K: k}}, MaxSuppression: 1, RowOrder: kanon.InputOrder, Columns: []string{"zip", "age", "fee"},
		}
		if r.IntN(2) == 0 {
			spec.Unit = "member"
		}
		global, err := kanon.Anonymize(context.Background(), src, spec)
		if errors.Is(err, fault.Data) { // every row would be suppressed
			continue
		}
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		spec.Recode = "cells"
		rel, err := kanon.Anonymize(context.Background(), src, spec)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		saved += rel.Rows - global.Rows
		if _, err := kanon.Verify(context.Background(), rel, kanon.VerifySpec{QuasiIdentifiers: spec.Columns, Models: spec.Models}); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		count := map[string]int{}
		for _, row := range texts(t, rel) {
			count[fmt.Sprint(row)]++
		}
		for _, row := range texts(t, global) {
			if count[fmt.Sprint(row)]--; count[fmt.Sprint(row)] < 0 {
				t.Fatalf("seed %d: a row of the global recoding is changed", seed)
			}
		}
		if rel.SuppressedRows >= k && spec.Unit == "" { // all stars would have saved them
			t.Fatalf("seed %d: %d rows stay away, k is %d", seed, rel.SuppressedRows, k)
		}
		// Undo the stars: the rows of the output are rows of the input.
		in, out := texts(t, src, spec.Columns...), texts(t, rel)
		zip := generalized(t, src, spec.QuasiIdentifiers[0], int(spec.QuasiIdentifiers[0].Level[0]-'0'))
		at := 0
		for i := range in {
			in[i][0] = zip[i]
			if at == len(out) {
				break
			}
			fits := true
			for c, text := range out[at] {
				fits = fits && (text == "=*" || text == in[i][c])
			}
			if fits {
				at++
			}
		}
		if at != len(out) {
			t.Fatalf("seed %d: row %d of the output is no row of the input with stars", seed, at)
		}
	}
	if saved < 500 {
		t.Errorf("only %d rows were saved", saved)
	}
}

// Two people stand alone by their job. Without it they are a class.
func ExampleAnonymize_cells() {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "age", Type: arrow.PrimitiveTypes.Int64},
		{Name: "job", Type: arrow.BinaryTypes.String},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	b.Field(0).(*array.Int64Builder).AppendValues([]int64{30, 30, 40, 40}, nil)
	b.Field(1).(*array.StringBuilder).AppendValues([]string{"clerk", "clerk", "mayor", "smith"}, nil)
	rel, err := kanon.Anonymize(context.Background(), arrowio.NewMemory(schema, b.NewRecord()), &kanon.Spec{
		QuasiIdentifiers: []kanon.QuasiIdentifier{{Column: "age", Level: "raw"}, {Column: "job", Level: "raw"}},
		Models:           []kanon.PrivacyModel{kanon.KAnonymity{K: 2}},
		MaxSuppression:   0.5,
		Recode:           "cells",
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
	// 30 clerk
	// 30 clerk
	// 40 *
	// 40 *
}

func BenchmarkSuppressCellsAdult(b *testing.B) {
	src := adultSource(b)
	columns := []string{"sex", "age", "race", "marital-status", "education", "native-country", "workclass", "salary-class"}
	spec := &kanon.Spec{QuasiIdentifiers: adultQuasi(b, columns...), Models: []kanon.PrivacyModel{kanon.KAnonymity{K: 5}}, MaxSuppression: 0.1, Recode: "cells", Columns: columns}
	b.ReportAllocs()
	for b.Loop() {
		rel, err := kanon.Anonymize(context.Background(), src, spec)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(rel.SuppressedRows), "suppressed")
	}
}
