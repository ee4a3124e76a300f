package main

import (
	"context"
	"fmt"

	"github.com/oboro-data/oboro/benchmarks/measure"
	"github.com/oboro-data/oboro/benchmarks/workload"
	"github.com/oboro-data/oboro/hierarchy"
	"github.com/oboro-data/oboro/kanon"
)

// latticeSearch searches 3,600 nodes over the classes of the coded table and
// compares with one GROUP BY of its six columns.
func latticeSearch(ctx context.Context, cfg config) ([]row, error) {
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
	s := &kanon.Spec{Models: []kanon.PrivacyModel{kanon.KAnonymity{K: 10}}, MaxSuppression: 0.01, Workers: cfg.workers}
	for _, c := range workload.Coded {
		s.QuasiIdentifiers = append(s.QuasiIdentifiers, kanon.QuasiIdentifier{Column: c.Name, Hierarchy: hierarchy.Intervals(floats(c.Level)...)})
	}
	var whole *kanon.Release
	results, err := measure.Compare(cfg.rounds,
		measure.Contender{Name: "oboro, count, search, apply and verify", Run: func() (err error) {
			whole, err = kanon.Anonymize(ctx, table, s)
			return err
		}},
		measure.Contender{Name: "DuckDB, one GROUP BY of the 6 columns", Run: func() error { return d.keep(countColumns()) }},
	)
	if err != nil {
		return nil, err
	}
	work := fmt.Sprintf("k = 10, 1 %%, %s rows, %d nodes (%d checked)", short(cfg.rows), whole.Search.LatticeNodes, whole.Search.CheckedNodes)
	return compare(work, cfg.rows, "CPU", measure.CPU, results), nil
}

func floats(widths []int) []float64 {
	out := make([]float64, len(widths))
	for i, w := range widths {
		out[i] = float64(w)
	}
	return out
}
