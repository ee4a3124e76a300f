package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow/array"
	googlenoise "github.com/google/differential-privacy/go/v3/noise"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/benchmarks/measure"
	"github.com/oboro-data/oboro/benchmarks/workload"
	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/internal/noise"
)

// fewer is in how many rounds slow contenders run.
const fewer = 3

// logLimits are the bounds under which the log is released.
var logLimits = limits{groups: 8, rows: 10, sum: 2000}

// boundBy releases units, rows and a sum of every group of the log, each of
// whose users is bounded to eight groups.
func boundBy(ctx context.Context, table arrowio.Source, workers int) error {
	q := &dp.Query{
		Unit: "usr", GroupBy: []string{"part"}, Bounds: dp.ContributionBounds{MaxGroups: 8}, Workers: workers,
		Aggregates: []dp.Aggregate{dp.CountUnits{As: "people"}, dp.Count{As: "rows", PerUnit: 10}, dp.Sum{As: "total", Column: "val", Lower: 0, Upper: 2000, Resolution: 1}},
	}
	budget := dp.Approx(1, 1e-8)
	rel, err := dp.Run(ctx, table, q, dp.NewAccountant(budget), budget)
	if err == nil && rel.Groups() == 0 {
		err = fmt.Errorf("no group was released")
	}
	return err
}

// boundedGroupBy compares with DuckDB, which does the same bounding in SQL, in
// two ways, and a plain GROUP BY that protects nobody, with Go maps, and with
// Google's library, which starts from contributions that are bounded already.
func boundedGroupBy(ctx context.Context, cfg config) (out []row, err error) {
	for _, groups := range []int{3000, 1_000_000} {
		rows, err := boundedOf(ctx, cfg, groups)
		out = append(out, rows...)
		if err != nil {
			return out, fmt.Errorf("%s groups: %w", short(groups), err)
		}
	}
	return out, nil
}

// Parts of the work that slow contenders do: Go maps take a fifth of the rows,
// in which users are as many times fewer, and Google's library, of a million
// groups, a twentieth of rows and groups.
const (
	mapsPart   = 5
	googlePart = 20
)

func boundedOf(ctx context.Context, cfg config, groups int) ([]row, error) {
	table := workload.Log(cfg.rows, groups, 1)
	defer table.Release()
	d, err := openDuck(cfg.workers)
	if err != nil {
		return nil, err
	}
	defer d.close()
	if err := d.load(ctx, cfg.dir, "log", table); err != nil {
		return nil, err
	}
	part := workload.Log(cfg.rows/mapsPart, groups, 1)
	defer part.Release()
	kept, times, err := googleInput(ctx, part, cfg, groups)
	if err != nil {
		return nil, err
	}
	results, err := measure.Compare(cfg.rounds,
		measure.Contender{Name: "oboro, bounded and noised", Run: func() error { return boundBy(ctx, table, cfg.workers) }},
		measure.Contender{Name: "DuckDB, bounded by SQL, no noise", Cold: true, Run: func() error { return d.keep(boundedByRank) }},
		measure.Contender{Name: "DuckDB, bounded by arg_min, no noise", Cold: true, Rounds: fewer, Run: func() error { return d.keep(boundedByArgMin) }},
		measure.Contender{Name: "DuckDB, plain GROUP BY", Run: func() error { return d.keep(plainGroupBy) }},
		measure.Contender{Name: "Go maps, no noise", Cold: true, Rounds: fewer, Times: mapsPart, Run: func() error {
			b, err := boundLog(ctx, part)
			if err == nil {
				totals(b.kept())
			}
			return err
		}},
		measure.Contender{Name: ofBounded, Cold: true, Rounds: fewer, Times: times, Run: func() error {
			_, err := releaseByGoogle(kept, logLimits)
			return err
		}},
	)
	if err != nil {
		return nil, err
	}
	results = append(results, measure.Then("Go maps, then Google's library", results[4], results[5]))
	work := fmt.Sprintf("bounded group-by, %s rows, %s users, %s groups", short(cfg.rows), short(cfg.rows/10), short(groups))
	return compare(work, cfg.rows, "CPU", measure.CPU, results), nil
}

// googleInput bounds what Google's library is given, and says of what part of
// the work it is. Noise is drawn for every group: a part of the rows with all
// groups would count it several times, so of few groups the contributions of a
// part of the rows are given several times over.
func googleInput(ctx context.Context, part arrowio.Source, cfg config, groups int) (kept []contribution[int32], times float64, err error) {
	if groups > 100_000 {
		few := workload.Log(cfg.rows/googlePart, groups/googlePart, 1)
		defer few.Release()
		b, err := boundLog(ctx, few)
		if err != nil {
			return nil, 0, err
		}
		return b.kept(), googlePart, nil
	}
	b, err := boundLog(ctx, part)
	if err != nil {
		return nil, 0, err
	}
	return slices.Repeat(b.kept(), mapsPart), 1, nil
}

// boundLog collects the log in Go maps.
func boundLog(ctx context.Context, table arrowio.Source) (*bounder[int32], error) {
	b := newBounder[int32](logLimits)
	err := each(ctx, table, func(rec batch) {
		usr, part, val := rec.ints("usr"), rec.column("part").(*array.Int32).Int32Values(), rec.ints("val")
		for i := range usr {
			b.add(usr[i], part[i], val[i])
		}
	})
	return b, err
}

// noiseDraws compares the exact samplers with Google's, and noises a million
// groups of three aggregates.
func noiseDraws(_ context.Context, cfg config) ([]row, error) {
	const draws, groups, part = 1_000_000, 1_000_000, 50
	laplace, err := noise.NewLaplace(80, 1)
	if err != nil {
		return nil, err
	}
	stream := noise.NewStream()
	xs := make([]int64, draws)
	google := googlenoise.Laplace()
	few, err := measure.Compare(cfg.rounds,
		measure.Contender{Name: "oboro, exact discrete Laplace", Run: func() error {
			laplace.Add(stream, xs)
			return nil
		}},
		measure.Contender{Name: "Google, Laplace int64", Times: part, Run: func() error {
			return addByGoogle(google, xs[:draws/part])
		}},
	)
	if err != nil {
		return nil, err
	}
	var columns [3][]int64
	for i := range columns {
		columns[i] = make([]int64, groups)
	}
	many, err := measure.Compare(cfg.rounds,
		measure.Contender{Name: "oboro, exact discrete Laplace", Run: func() error {
			for _, c := range columns {
				laplace.Add(stream, c)
			}
			return nil
		}},
		measure.Contender{Name: "Google, Laplace int64", Cold: true, Times: part, Run: func() error {
			for _, c := range columns {
				if err := addByGoogle(google, c[:groups/part]); err != nil {
					return err
				}
			}
			return nil
		}},
	)
	if err != nil {
		return nil, err
	}
	return append(compare("a million draws of noise", draws, "CPU", measure.CPU, few),
		compare("noise of 1 M groups × 3 aggregates", 0, "CPU", measure.CPU, many)...), nil
}

func addByGoogle(google googlenoise.Noise, xs []int64) error {
	for i := range xs {
		x, err := google.AddNoiseInt64(xs[i], 8, 10, 1, 0)
		if err != nil {
			return err
		}
		xs[i] = x
	}
	return nil
}
