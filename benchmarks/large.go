package main

import (
	"context"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/benchmarks/measure"
	"github.com/oboro-data/oboro/benchmarks/workload"
	"github.com/oboro-data/oboro/kanon"
)

// countLarge counts a table and one ten times as long, whose rows should take
// about as long each. Ratio is that of one row to one row.
func countLarge(ctx context.Context, cfg config) ([]row, error) {
	var columns []kanon.CountedColumn
	for _, c := range workload.Coded {
		columns = append(columns, kanon.CountedColumn{Name: c.Name, Type: arrow.PrimitiveTypes.Int32})
	}
	small, large := workload.CodedTable(workload.Coded, cfg.rows, 1), workload.CodedTable(workload.Coded, 10*cfg.rows, 1)
	defer small.Release()
	defer large.Release()
	results, err := measure.Compare(cfg.rounds,
		measure.Contender{Name: fmt.Sprintf("oboro, %s rows", short(10*cfg.rows)), Cold: true, Run: func() error { return countBy(ctx, large, columns, cfg.workers) }},
		measure.Contender{Name: fmt.Sprintf("oboro, %s rows", short(cfg.rows)), Run: func() error { return countBy(ctx, small, columns, cfg.workers) }, Times: 10},
	)
	if err != nil {
		return nil, err
	}
	return compare(fmt.Sprintf("count %s and %s rows × 6 coded quasi-identifiers", short(cfg.rows), short(10*cfg.rows)), 10*cfg.rows, "CPU", measure.CPU, results), nil
}
