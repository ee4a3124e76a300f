package main

import (
	"context"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/benchmarks/measure"
	"github.com/oboro-data/oboro/benchmarks/workload"
	"github.com/oboro-data/oboro/kanon"
)

// countClasses counts the distinct tuples of six coded quasi-identifiers and
// compares with DuckDB's GROUP BY of the same codes packed into one 32-bit key,
// with its GROUP BY of the six columns, and with a Go map.
func countClasses(ctx context.Context, cfg config) ([]row, error) {
	table := workload.CodedTable(workload.Coded, cfg.rows, 1)
	defer table.Release()
	d, err := openDuck(cfg.workers)
	if err != nil {
		return nil, err
	}
	defer d.close()
	if err := d.load(ctx, cfg.dir, "coded", table); err != nil {
		return nil, err
	}
	if err := d.pack(workload.Coded); err != nil {
		return nil, err
	}
	columns := make([]kanon.CountedColumn, len(workload.Coded))
	for i, c := range workload.Coded {
		columns[i] = kanon.CountedColumn{Name: c.Name, Type: arrow.PrimitiveTypes.Int32}
	}
	results, err := measure.Compare(cfg.rounds,
		measure.Contender{Name: "oboro", Run: func() error { return countBy(ctx, table, columns, cfg.workers) }},
		measure.Contender{Name: "DuckDB, packed key", Run: func() error { return d.keep(countPacked) }},
		measure.Contender{Name: "DuckDB, 6 columns", Run: func() error { return d.keep(countColumns()) }},
		measure.Contender{Name: "Go map", Run: func() error { return countByMap(ctx, table) }},
	)
	if err != nil {
		return nil, err
	}
	return compare(fmt.Sprintf("count %s rows × 6 coded quasi-identifiers", short(cfg.rows)), cfg.rows, "CPU", measure.CPU, results), nil
}

// countBy counts as the first read of a run does, up to the frequency set that
// the search starts from.
func countBy(ctx context.Context, table *arrowio.Memory, columns []kanon.CountedColumn, workers int) error {
	s := &kanon.Spec{Models: []kanon.PrivacyModel{kanon.KAnonymity{K: 5}}, Workers: workers}
	for _, c := range columns {
		s.QuasiIdentifiers = append(s.QuasiIdentifiers, kanon.QuasiIdentifier{Column: c.Name})
	}
	_, err := kanon.Count(ctx, table, s)
	return err
}

// countByMap is what one would write without a library.
func countByMap(ctx context.Context, table *arrowio.Memory) error {
	r, err := table.Open(ctx)
	if err != nil {
		return err
	}
	defer r.Release()
	counts := map[uint64]uint32{}
	for r.Next() {
		rec := r.Record()
		cols := make([][]int32, rec.NumCols())
		for i := range cols {
			cols[i] = rec.Column(i).(*array.Int32).Int32Values()
		}
		for j := range int(rec.NumRows()) {
			var key uint64
			for i, c := range workload.Coded {
				key = key*uint64(c.Size) + uint64(cols[i][j])
			}
			counts[key]++
		}
	}
	return r.Err()
}
