package main

import (
	"context"
	"fmt"
	"sync"

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
		measure.Contender{Name: "DuckDB, 6 columns", Slow: true, Run: func() error { return d.keep(countColumns()) }},
		measure.Contender{Name: "Go map", Slow: true, Run: func() error { return countByMap(ctx, table) }},
	)
	if err != nil {
		return nil, err
	}
	return compare(fmt.Sprintf("count %s rows × 6 coded quasi-identifiers", short(cfg.rows)), cfg.rows, "CPU", measure.CPU, results), nil
}

// countBy counts with one Counter per worker, as the library's own loop does.
func countBy(ctx context.Context, table *arrowio.Memory, columns []kanon.CountedColumn, workers int) error {
	splits := table.Splits(workers * 4)
	counters := make([]*kanon.Counter, workers)
	errs := make([]error, workers)
	var next sync.Mutex
	var wg sync.WaitGroup
	for w := range workers {
		var err error
		if counters[w], err = kanon.NewCounter(columns, nil); err != nil {
			return err
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				next.Lock()
				if len(splits) == 0 {
					next.Unlock()
					return
				}
				s := splits[0]
				splits = splits[1:]
				next.Unlock()
				r, err := s.Open(ctx)
				if err != nil {
					errs[w] = err
					return
				}
				for r.Next() && errs[w] == nil {
					errs[w] = counters[w].Add(r.Record())
				}
				r.Release()
			}
		}()
	}
	wg.Wait()
	for w := 1; w < workers; w++ {
		if errs[w] != nil {
			return errs[w]
		}
		if err := counters[0].Merge(counters[w]); err != nil {
			return err
		}
	}
	rec, err := counters[0].State()
	if err == nil {
		rec.Release()
	}
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
