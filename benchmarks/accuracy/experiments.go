package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/google/differential-privacy/go/v3/dpagg"
	"github.com/google/differential-privacy/go/v3/noise"

	"github.com/oboro-data/oboro/dp"
)

// An experiment makes one row of the table.
type experiment func(context.Context) (comparison, error)

// A sample is one public table of values, the same in every trial.
type sample struct {
	name         string
	lower, upper float64
	resolution   float64 // of oboro's quantiles, 0 for the default
	draw         func(*rand.Rand) float64
}

var (
	normal  = sample{"N(50, 10)", 0, 100, 0, func(r *rand.Rand) float64 { return 50 + 10*r.NormFloat64() }}
	wide    = sample{"N(50, 10)", -1e6, 1e6, 0.125, normal.draw}
	incomes = sample{"lognormal(4, 1)", 0, 1000, 0, func(r *rand.Rand) float64 { return math.Exp(4 + r.NormFloat64()) }}
	uniform = sample{"uniform", 0, 1, 0, (*rand.Rand).Float64}
)

// values draws n values under a fixed seed and clamps them to the bounds, so
// that both libraries estimate the same number.
func (s sample) values(n int) []float64 {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	xs := make([]float64, n)
	for i := range xs {
		xs[i] = min(max(s.draw(r), s.lower), s.upper)
	}
	return xs
}

func (s sample) String() string { return fmt.Sprintf("%s in [%g, %g]", s.name, s.lower, s.upper) }

// experiments lists them by statistic.
func experiments(trials int) [][]experiment {
	var means, variances, medians, deciles, trees, counts []experiment
	for _, s := range []struct {
		sample
		n       int
		epsilon float64
	}{{incomes, 100, 1}, {incomes, 1000, 0.1}, {incomes, 1000, 1}, {normal, 1000, 1}, {uniform, 5000, 1}} {
		t := max(min(trials, trials*2000/s.n), 2)
		means = append(means, moment(s.sample, "mean", s.n, s.epsilon, t))
		variances = append(variances, moment(s.sample, "variance", s.n, s.epsilon, t))
	}
	for _, s := range []struct {
		sample
		n       int
		epsilon float64
	}{{incomes, 100, 0.1}, {incomes, 100, 1}, {incomes, 1000, 0.1}, {incomes, 1000, 1}, {uniform, 10_000, 1}, {wide, 1000, 1}, {wide, 10_000, 1}} {
		t := max(trials/20, 2)
		if s.n == 10_000 {
			t = max(trials/50, 2)
		}
		medians = append(medians, quantiles(s.sample, "median", []float64{0.5}, s.n, s.epsilon, t))
		deciles = append(deciles, quantiles(s.sample, "nine deciles", []float64{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}, s.n, s.epsilon, t))
		if s.resolution == 0 { // a tree has few steps
			trees = append(trees, quantiles(s.sample, byTree, []float64{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}, s.n, s.epsilon, t))
		}
	}
	counts = []experiment{
		count(1, 1e-5, 1, 100, 5*trials),
		count(1, 1e-5, 3, 150, 5*trials),
		count(1, 1e-5, 10, 250, 5*trials),
		count(0.1, 1e-6, 1, 600, 5*trials),
	}
	return [][]experiment{means, variances, medians, deciles, trees, counts}
}

// moment compares means or variances: root-mean-square error against the value
// of the sample.
func moment(s sample, what string, n int, epsilon float64, trials int) experiment {
	return func(ctx context.Context) (comparison, error) {
		xs := s.values(n)
		mean, variance := 0.0, 0.0
		for _, x := range xs {
			mean += x / float64(n)
		}
		for _, x := range xs {
			variance += (x - mean) * (x - mean) / float64(n)
		}
		truth, agg := mean, dp.Aggregate(dp.Mean{As: "x", Column: "value", Lower: s.lower, Upper: s.upper})
		theirs := func() (float64, error) {
			m, err := dpagg.NewBoundedMean(&dpagg.BoundedMeanOptions{Epsilon: epsilon, MaxPartitionsContributed: 1, MaxContributionsPerPartition: 1, Lower: s.lower, Upper: s.upper, Noise: noise.Laplace()})
			return result(m, xs, err)
		}
		if what == "variance" {
			truth, agg = variance, dp.Variance{As: "x", Column: "value", Lower: s.lower, Upper: s.upper}
			theirs = func() (float64, error) {
				v, err := dpagg.NewBoundedVariance(&dpagg.BoundedVarianceOptions{Epsilon: epsilon, MaxPartitionsContributed: 1, MaxContributionsPerPartition: 1, Lower: s.lower, Upper: s.upper, Noise: noise.Laplace()})
				return result(v, xs, err)
			}
		}
		c := comparison{Statistic: what, Setting: fmt.Sprintf("%v, n = %d, ε = %g", s, n, epsilon), Measure: "RMSE", Wanted: 1.35}
		if what == "variance" {
			c.Wanted = 1.5
		}
		columns, err := release(ctx, xs, trials, agg, dp.Pure(epsilon))
		if err != nil {
			return c, err
		}
		c.Ours = rootMeanSquare(differences(columns[0], truth))
		their := make([]float64, trials)
		for i := range their {
			if their[i], err = theirs(); err != nil {
				return c, err
			}
		}
		c.Theirs = rootMeanSquare(differences(their, truth))
		return c, ctx.Err()
	}
}

func differences(xs []float64, truth float64) []float64 {
	out := make([]float64, len(xs))
	for i, x := range xs {
		out[i] = x - truth
	}
	return out
}

// result adds a sample to one of the library's statistics.
func result(a interface {
	Add(float64) error
	Result() (float64, error)
}, xs []float64, err error) (float64, error) {
	if err != nil {
		return 0, err
	}
	for _, x := range xs {
		if err := a.Add(x); err != nil {
			return 0, err
		}
	}
	return a.Result()
}

// byTree are deciles that both libraries read off a tree of noised counts.
const byTree = "nine deciles, both by a tree"

// quantiles compares ranks: the mean over trials and ranks of the distance, as
// a share of n, between the rank asked for and the ranks that the answer has.
func quantiles(s sample, what string, ranks []float64, n int, epsilon float64, trials int) experiment {
	return func(ctx context.Context) (comparison, error) {
		xs := s.values(n)
		sorted := slices.Sorted(slices.Values(xs))
		rankError := func(answer, rank float64) float64 {
			below, _ := slices.BinarySearch(sorted, answer)
			through, _ := slices.BinarySearch(sorted, math.Nextafter(answer, math.Inf(1)))
			low, high := float64(below)/float64(n), float64(through)/float64(n)
			return max(0, low-rank, rank-high)
		}
		c := comparison{Statistic: what, Setting: fmt.Sprintf("%v, n = %d, ε = %g", s, n, epsilon), Measure: "mean rank error"}
		if what == "median" && float64(n)*epsilon >= 100 {
			c.Wanted = 6
		}
		columns, err := release(ctx, xs, trials, dp.Quantiles{As: "x", Column: "value", Lower: s.lower, Upper: s.upper, Ranks: ranks, Resolution: s.resolution, Tree: what == byTree}, dp.Pure(epsilon))
		if err != nil {
			return c, err
		}
		// One number per trial, so that trials are independent.
		ours, theirs := make([]float64, trials), make([]float64, trials)
		for k, rank := range ranks {
			for i, x := range columns[k] {
				ours[i] += rankError(x, rank) / float64(len(ranks))
			}
		}
		for i := range theirs {
			q, err := dpagg.NewBoundedQuantiles(&dpagg.BoundedQuantilesOptions{Epsilon: epsilon, MaxPartitionsContributed: 1, MaxContributionsPerPartition: 1, Lower: s.lower, Upper: s.upper, Noise: noise.Laplace()})
			if err != nil {
				return c, err
			}
			for _, x := range xs {
				if err := q.Add(x); err != nil {
					return c, err
				}
			}
			for _, rank := range ranks {
				x, err := q.Result(rank)
				if err != nil {
					return c, err
				}
				theirs[i] += rankError(x, rank) / float64(len(ranks))
			}
		}
		c.Ours, c.Theirs = meanAbsolute(ours), meanAbsolute(theirs)
		return c, ctx.Err()
	}
}

// count compares counts of units in private groups. The library selects groups
// by one half of ε and counts with the other; with Laplace noise all of δ is
// for selection, with Gaussian noise half of it. The better of the two stands
// against oboro. Groups are so large that both release practically all.
func count(epsilon, delta float64, groups int64, n, trials int) experiment {
	return func(ctx context.Context) (comparison, error) {
		c := comparison{
			Statistic: "count", Measure: "standard error", Wanted: 1.9,
			Setting: fmt.Sprintf("private groups, ε = %g, δ = %s, groups-per-unit %d", epsilon, strconv.FormatFloat(delta, 'g', -1, 64), groups),
		}
		ours, err := releaseCounts(ctx, n, trials, groups, dp.Approx(epsilon, delta))
		if err != nil {
			return c, err
		}
		c.Ours = rootMeanSquare(differences(ours, float64(n)))
		laplace := halves{epsilon, delta, 0, groups, noise.Laplace()}
		gaussian := halves{epsilon, delta / 2, delta / 2, groups, noise.Gaussian()}
		better, least := laplace, math.Inf(1)
		for _, h := range []halves{laplace, gaussian} { // a short run tells which is better
			xs, err := h.counts(n, max(trials/50, 10))
			if err != nil {
				return c, err
			}
			if e := rootMeanSquare(differences(xs, float64(n))); e.figure < least {
				better, least = h, e.figure
			}
		}
		theirs, err := better.counts(n, trials)
		if err != nil {
			return c, err
		}
		c.Theirs = rootMeanSquare(differences(theirs, float64(n)))
		return c, ctx.Err()
	}
}

// halves is how the library counts private groups: selected with one half of ε,
// counted with the other.
type halves struct {
	epsilon, selectionDelta, countDelta float64
	groups                              int64
	noise                               noise.Noise
}

// counts returns the released counts of so many groups of n units each.
func (h halves) counts(n, trials int) ([]float64, error) {
	var out []float64
	for range trials {
		sel, err := dpagg.NewPreAggSelectPartition(&dpagg.PreAggSelectPartitionOptions{Epsilon: h.epsilon / 2, Delta: h.selectionDelta, MaxPartitionsContributed: h.groups})
		if err != nil {
			return nil, err
		}
		if err := sel.IncrementBy(int64(n)); err != nil {
			return nil, err
		}
		if keep, err := sel.ShouldKeepPartition(); err != nil {
			return nil, err
		} else if !keep {
			continue
		}
		k, err := dpagg.NewCount(&dpagg.CountOptions{Epsilon: h.epsilon / 2, Delta: h.countDelta, MaxPartitionsContributed: h.groups, Noise: h.noise})
		if err != nil {
			return nil, err
		}
		if err := k.IncrementBy(int64(n)); err != nil {
			return nil, err
		}
		x, err := k.Result()
		if err != nil {
			return nil, err
		}
		out = append(out, float64(x))
	}
	return out, nil
}
