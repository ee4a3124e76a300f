// Package measure compares contenders fairly on a noisy machine: they run in
// turn in one process, every figure is a median of several rounds with its
// spread, and what is reported is a ratio.
package measure

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// A Contender is one way of doing a piece of work.
type Contender struct {
	Name string
	// Run does the work once. What it prepares must be prepared before.
	Run func() error
	// Cold contenders have no warming run before the first round.
	Cold bool
	// Rounds is in how many of the rounds it runs, the first; 0 is all of them.
	Rounds int
	// Times is by how much the durations are multiplied because Run does a part
	// of the work only; 0 is 1. The name says so too.
	Times float64
}

// A Sample is what one run took.
type Sample struct {
	Wall, CPU time.Duration
	Bytes     int64 // heap bytes allocated
	Allocs    int64 // heap objects allocated
}

// A Result holds the samples of one contender, one per round from the first.
type Result struct {
	Name    string
	Times   float64
	Samples []Sample
}

// Compare runs all contenders in turn, rounds times, after one warming run of
// each that is not cold. CPU time is that of the whole process: all threads,
// garbage collection and kernel included.
func Compare(rounds int, contenders ...Contender) ([]Result, error) {
	results := make([]Result, len(contenders))
	for i, c := range contenders {
		results[i].Name, results[i].Times = c.Name, max(c.Times, 1)
		if !c.Cold {
			if err := c.Run(); err != nil {
				return nil, fmt.Errorf("%s: %w", c.Name, err)
			}
		}
	}
	for round := range rounds {
		for i, c := range contenders {
			if c.Rounds > 0 && round >= c.Rounds {
				continue
			}
			s, err := once(c.Run)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.Name, err)
			}
			s.Wall, s.CPU = times(s.Wall, results[i].Times), times(s.CPU, results[i].Times)
			results[i].Samples = append(results[i].Samples, s)
		}
	}
	return results, nil
}

func times(d time.Duration, factor float64) time.Duration {
	return time.Duration(float64(d) * factor)
}

func once(run func() error) (Sample, error) {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu, start := CPUTime(), time.Now()
	err := run()
	s := Sample{Wall: time.Since(start), CPU: CPUTime() - cpu}
	runtime.ReadMemStats(&after)
	s.Bytes = int64(after.TotalAlloc - before.TotalAlloc)
	s.Allocs = int64(after.Mallocs - before.Mallocs)
	return s, err
}

// CPUTime is the user and system time of this process so far.
func CPUTime() time.Duration {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// Then is the result of doing b after a, round by round.
func Then(name string, a, b Result) Result {
	out := Result{Name: name, Times: max(a.Times, b.Times)}
	for i := range min(len(a.Samples), len(b.Samples)) {
		x, y := a.Samples[i], b.Samples[i]
		out.Samples = append(out.Samples, Sample{x.Wall + y.Wall, x.CPU + y.CPU, x.Bytes + y.Bytes, x.Allocs + y.Allocs})
	}
	return out
}

// Clock picks a duration of a sample.
type Clock func(Sample) time.Duration

// CPU and Wall are the two clocks.
func CPU(s Sample) time.Duration  { return s.CPU }
func Wall(s Sample) time.Duration { return s.Wall }

// Median returns the median by a clock.
func (r Result) Median(c Clock) time.Duration { return time.Duration(Quantile(r.durations(c), 0.5)) }

// Spread returns half the distance of the quartiles as a share of the median.
func (r Result) Spread(c Clock) float64 { return Spread(r.durations(c)) }

// Allocs returns the least number of heap objects that a run allocated: the
// runtime's own allocations, which come and go, are in the others.
func (r Result) Allocs() int64 {
	least := int64(math.MaxInt64)
	for _, s := range r.Samples {
		least = min(least, s.Allocs)
	}
	return least
}

func (r Result) durations(c Clock) []float64 {
	v := make([]float64, len(r.Samples))
	for i, s := range r.Samples {
		v[i] = float64(c(s))
	}
	return v
}

// Ratio is the median over the rounds of a's duration over b's, and its
// spread. The two durations of a round are taken one soon after the other, so
// that what slows the machine for longer slows both.
func Ratio(a, b Result, c Clock) (ratio, spread float64) {
	n := min(len(a.Samples), len(b.Samples))
	v := make([]float64, n)
	for i := range n {
		v[i] = float64(c(a.Samples[i])) / float64(c(b.Samples[i]))
	}
	return Quantile(v, 0.5), Spread(v)
}

// Spread is half the distance of the quartiles of v as a share of the median.
func Spread(v []float64) float64 {
	m := Quantile(v, 0.5)
	if m == 0 || len(v) == 0 {
		return 0
	}
	return (Quantile(v, 0.75) - Quantile(v, 0.25)) / 2 / m
}

// Quantile is the q-quantile of v, linear between its values; NaN of none.
func Quantile(v []float64, q float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	v = slices.Sorted(slices.Values(v))
	at := q * float64(len(v)-1)
	lo := int(at)
	if lo == len(v)-1 {
		return v[lo]
	}
	return v[lo] + (at-float64(lo))*(v[lo+1]-v[lo])
}
