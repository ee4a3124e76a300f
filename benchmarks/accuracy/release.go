package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/dp"
)

// tableRows is about the number of rows of one table. A table holds many
// trials side by side, each in a group of its own; as every row is a unit in
// one group, the groups' noise is independent.
const tableRows = 1 << 20

// release returns the output columns of an aggregate of the sample in so many
// trials.
func release(ctx context.Context, sample []float64, trials int, agg dp.Aggregate, budget dp.Budget) ([][]float64, error) {
	each := min(max(tableRows/len(sample), 1), trials)
	table := trialTable(len(sample), each, sample)
	public := make([][]dp.GroupKey, each)
	for i := range public {
		public[i] = []dp.GroupKey{{Text: strconv.Itoa(i)}}
	}
	q := &dp.Query{UnitIsRow: true, GroupBy: []string{"trial"}, PublicGroups: public, Bounds: dp.ContributionBounds{MaxGroups: 1}, Aggregates: []dp.Aggregate{agg}}
	var out [][]float64
	for done := 0; done < trials; done += each {
		rel, err := dp.Run(ctx, table, q, dp.NewAccountant(budget), budget)
		if err != nil {
			return nil, err
		}
		columns := rel.Record().Columns()[1:]
		if out == nil {
			out = make([][]float64, len(columns))
		}
		for k, column := range columns {
			out[k] = append(out[k], column.(*array.Float64).Float64Values()[:min(each, trials-done)]...)
		}
	}
	return out, nil
}

// releaseCounts returns the counts of units of private groups of n units each.
// Every unit has one row, and may have had rows in as many groups as the bound
// says, so that noise is for that many.
func releaseCounts(ctx context.Context, n, trials int, groups int64, budget dp.Budget) ([]float64, error) {
	each := min(max(tableRows/n, 1), trials)
	table := trialTable(n, each, nil)
	q := &dp.Query{Unit: "unit", GroupBy: []string{"trial"}, Bounds: dp.ContributionBounds{MaxGroups: groups}, Aggregates: []dp.Aggregate{dp.CountUnits{As: "x"}}}
	var out []float64
	for done := 0; done < trials; done += each {
		rel, err := dp.Run(ctx, table, q, dp.NewAccountant(budget), budget)
		if err != nil {
			return nil, err
		}
		if rel.Groups() < int64(each)*99/100 {
			return nil, fmt.Errorf("groups of %d units are too small to be released reliably", n)
		}
		for _, x := range rel.Record().Column(1).(*array.Int64).Int64Values() {
			out = append(out, float64(x))
		}
	}
	return out[:min(len(out), trials)], nil
}

// trialTable holds trials groups of n rows: trial, unit (a number of its own for
// every row) and, if there is a sample, value.
func trialTable(n, trials int, sample []float64) *arrowio.Memory {
	fields := []arrow.Field{{Name: "trial", Type: arrow.PrimitiveTypes.Int32}, {Name: "unit", Type: arrow.PrimitiveTypes.Int64}}
	if sample != nil {
		fields = append(fields, arrow.Field{Name: "value", Type: arrow.PrimitiveTypes.Float64})
	}
	schema := arrow.NewSchema(fields, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	var records []arrow.Record
	for trial := range trials {
		for i := range n {
			b.Field(0).(*array.Int32Builder).Append(int32(trial))
			b.Field(1).(*array.Int64Builder).Append(int64(trial*n + i))
		}
		if sample != nil {
			b.Field(2).(*array.Float64Builder).AppendValues(sample, nil)
		}
		if b.Field(0).Len() >= 1<<16 || trial == trials-1 {
			records = append(records, b.NewRecord())
		}
	}
	return arrowio.NewMemory(schema, records...)
}
