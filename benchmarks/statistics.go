package main

import (
	"context"
	"fmt"

	googlenoise "github.com/google/differential-privacy/go/v3/noise"

	"github.com/oboro-data/oboro/benchmarks/measure"
	"github.com/oboro-data/oboro/benchmarks/workload"
	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/internal/noise"
)

// boundedGroupBy releases counts and sums per group, each of whose users is
// bounded to eight groups, and compares with DuckDB: the same bounding in SQL,
// by a window function, and a plain GROUP BY that protects nobody.
func boundedGroupBy(ctx context.Context, cfg config) ([]row, error) {
	var out []row
	for _, groups := range []int{3000, 1_000_000} {
		table := workload.Log(cfg.rows, groups, 1)
		q := &dp.Query{
			Unit: "usr", GroupBy: []string{"part"}, Bounds: dp.ContributionBounds{MaxGroups: 8}, Workers: cfg.workers,
			Aggregates: []dp.Aggregate{dp.CountUnits{As: "people"}, dp.Count{As: "rows", PerUnit: 10}, dp.Sum{As: "total", Column: "val", Lower: 0, Upper: 2000, Resolution: 1}},
		}
		d, err := openDuck(cfg.workers)
		if err != nil {
			return nil, err
		}
		if err := d.load(ctx, cfg.dir, "log", table); err != nil {
			d.close()
			return nil, err
		}
		results, err := measure.Compare(cfg.rounds,
			measure.Contender{Name: "oboro, bounded and noised", Run: func() error {
				budget := dp.Approx(1, 1e-8)
				rel, err := dp.Run(ctx, table, q, dp.NewAccountant(budget), budget)
				if err == nil && rel.Groups() == 0 {
					err = fmt.Errorf("no group was released")
				}
				return err
			}},
			measure.Contender{Name: "DuckDB, bounded by SQL, no noise", Slow: true, Run: func() error { return d.keep(boundedByRank) }},
			measure.Contender{Name: "DuckDB, bounded by arg_min, no noise", Slow: true, Run: func() error { return d.keep(boundedByArgMin) }},
			measure.Contender{Name: "DuckDB, plain GROUP BY", Run: func() error { return d.keep(plainGroupBy) }},
		)
		d.close()
		table.Release()
		if err != nil {
			return nil, err
		}
		out = append(out, compare(fmt.Sprintf("bounded group-by, %s rows, %s users, %s groups", short(cfg.rows), short(cfg.rows/10), short(groups)), cfg.rows, "CPU", measure.CPU, results)...)
	}
	return out, nil
}

// noiseDraws compares the exact sampler with Google's, a million draws each.
func noiseDraws(_ context.Context, cfg config) ([]row, error) {
	const draws = 1_000_000
	laplace, err := noise.NewLaplace(80, 1)
	if err != nil {
		return nil, err
	}
	xs := make([]int64, draws)
	results, err := measure.Compare(cfg.rounds,
		measure.Contender{Name: "oboro, exact discrete Laplace", Run: func() error {
			laplace.Add(noise.NewStream(), xs)
			return nil
		}},
		measure.Contender{Name: "Google, Laplace int64", Slow: true, Run: func() error {
			google := googlenoise.Laplace()
			for i := range draws / 20 { // a twentieth, scaled below
				x, err := google.AddNoiseInt64(xs[i], 8, 10, 1, 0)
				if err != nil {
					return err
				}
				xs[i] = x
			}
			return nil
		}},
	)
	if err != nil {
		return nil, err
	}
	for i := range results[1].Samples {
		results[1].Samples[i].CPU *= 20
		results[1].Samples[i].Wall *= 20
	}
	return compare("a million draws of noise", draws, "CPU", measure.CPU, results), nil
}
