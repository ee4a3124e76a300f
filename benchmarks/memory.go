package main

import (
	"context"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/benchmarks/measure"
	"github.com/oboro-data/oboro/benchmarks/workload"
	"github.com/oboro-data/oboro/kanon"
)

// memoryWorks are the pieces of work whose memory is measured, each in a
// process of its own.
var memoryWorks = []struct{ name, what string }{
	{"count32", "count classes, keys of 32 bits, until the result"},
	{"count64", "count classes, keys of 64 bits, until the result"},
	{"bound3k", "bounded group-by, 3 k groups"},
	{"bound1m", "bounded group-by, 1 M groups"},
}

// memoryBeyondInput measures the most bytes of heap that are reachable at once
// while rows are counted or bounded, beyond the input, which is in memory.
func memoryBeyondInput(ctx context.Context, cfg config) (out []row, err error) {
	for _, w := range memoryWorks {
		var peaks []float64
		for range min(cfg.rounds, 2) {
			o, err := child(ctx, cfg, "bytes:"+w.name)
			if err != nil {
				return out, fmt.Errorf("%s: %w", w.what, err)
			}
			peaks = append(peaks, float64(o.Bytes))
		}
		out = append(out, memoryRow(fmt.Sprintf("%s, %s rows", w.what, short(cfg.rows)), cfg.rows, peaks))
	}
	return out, nil
}

func memoryTask(ctx context.Context, cfg config, name string) (o outcome, err error) {
	switch name {
	case "count32":
		o.Bytes, err = countingMemory(ctx, cfg, workload.Coded)
	case "count64":
		o.Bytes, err = countingMemory(ctx, cfg, workload.Wide)
	case "bound3k", "bound1m":
		groups := 3000
		if name == "bound1m" {
			groups = 1_000_000
		}
		table := workload.Log(cfg.rows, groups, 1)
		o.Bytes, err = measure.PeakLive(func() error { return boundBy(ctx, table, cfg.workers) })
		table.Release()
	default:
		err = fmt.Errorf("no piece of work %q", name)
	}
	return o, err
}

// countingMemory adds every row to one Counter, which then holds all that the
// result is made of: the result itself, as large as there are classes, is what
// was asked for.
func countingMemory(ctx context.Context, cfg config, columns []workload.CodedColumn) (int64, error) {
	table := workload.CodedTable(columns, cfg.rows, 1)
	defer table.Release()
	var counter *kanon.Counter
	peak, err := measure.PeakLive(func() (err error) {
		counter, err = addAll(ctx, table, columns)
		return err
	})
	if err == nil && counter.Memory() == 0 {
		err = fmt.Errorf("the counter holds nothing")
	}
	return peak, err
}

func addAll(ctx context.Context, table *arrowio.Memory, columns []workload.CodedColumn) (*kanon.Counter, error) {
	counted := make([]kanon.CountedColumn, len(columns))
	for i, c := range columns {
		counted[i] = kanon.CountedColumn{Name: c.Name, Type: arrow.PrimitiveTypes.Int32}
	}
	counter, err := kanon.NewCounter(counted, nil)
	if err != nil {
		return nil, err
	}
	r, err := table.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Release()
	for r.Next() {
		if err := counter.Add(r.Record()); err != nil {
			return nil, err
		}
	}
	return counter, r.Err()
}
