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
	// Slow contenders run in every third round only (at least once).
	Slow bool
}

// A Sample is what one run took.
type Sample struct {
	Wall, CPU time.Duration
	Bytes     int64 // heap bytes allocated
}

// A Result holds the samples of one contender.
type Result struct {
	Name    string
	Samples []Sample
}

// Compare runs all contenders in turn, rounds times, after one warming run of
// each that is not slow. CPU time is that of the whole process: all threads,
// garbage collection and kernel included.
func Compare(rounds int, contenders ...Contender) ([]Result, error) {
	results := make([]Result, len(contenders))
	for i, c := range contenders {
		results[i].Name = c.Name
		if !c.Slow {
			if err := c.Run(); err != nil {
				return nil, fmt.Errorf("%s: %w", c.Name, err)
			}
		}
	}
	for round := range rounds {
		for i, c := range contenders {
			if c.Slow && round%3 != 0 {
				continue
			}
			s, err := once(c.Run)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.Name, err)
			}
			results[i].Samples = append(results[i].Samples, s)
		}
	}
	return results, nil
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

// Clock picks a duration of a sample.
type Clock func(Sample) time.Duration

// CPU and Wall are the two clocks.
func CPU(s Sample) time.Duration  { return s.CPU }
func Wall(s Sample) time.Duration { return s.Wall }

// Median returns the median by a clock.
func (r Result) Median(c Clock) time.Duration { return time.Duration(quantile(r.Samples, c, 0.5)) }

// Spread returns half the distance of the quartiles as a share of the median.
func (r Result) Spread(c Clock) float64 {
	m := quantile(r.Samples, c, 0.5)
	if m == 0 {
		return 0
	}
	return (quantile(r.Samples, c, 0.75) - quantile(r.Samples, c, 0.25)) / 2 / m
}

func quantile(samples []Sample, c Clock, q float64) float64 {
	if len(samples) == 0 {
		return math.NaN()
	}
	v := make([]float64, len(samples))
	for i, s := range samples {
		v[i] = float64(c(s))
	}
	slices.Sort(v)
	at := q * float64(len(v)-1)
	lo := int(at)
	if lo == len(v)-1 {
		return v[lo]
	}
	return v[lo] + (at-float64(lo))*(v[lo+1]-v[lo])
}

// Ratio is the median of a over the median of b by a clock.
func Ratio(a, b Result, c Clock) float64 {
	return float64(a.Median(c)) / float64(b.Median(c))
}
