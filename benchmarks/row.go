package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/oboro-data/oboro/benchmarks/measure"
)

// A row is one contender's figures in one piece of work.
type row struct {
	Experiment string
	Work       string
	Contender  string
	Clock      string  // "CPU", "wall" or "memory"
	Value      float64 // the median: seconds, or bytes of memory
	Spread     float64 // half the distance of the quartiles over the median
	PerRow     float64 `json:",omitempty"` // nanoseconds or bytes; 0 where rows mean nothing
	Ratio      float64 // oboro's value over this one's, 1 for oboro, 0 if nothing is compared
	OfRatio    float64 // the spread of the ratio
	Rounds     int
	Times      float64 `json:",omitempty"` // by which a part of the work was multiplied
	Allocs     float64 // heap objects that a run allocates; negative where that is not known
	Recorded   bool    `json:",omitempty"` // not measured in this run
}

// elsewhere stands for the allocations of other processes.
const elsewhere = -1

// compare makes rows of results whose first is oboro's.
func compare(work string, rows int, clock string, c measure.Clock, results []measure.Result) []row {
	var out []row
	for i, r := range results {
		x := row{Work: work, Contender: r.Name, Clock: clock, Rounds: len(r.Samples), Spread: r.Spread(c), Allocs: float64(r.Allocs())}
		x.Value = r.Median(c).Seconds()
		if rows > 0 {
			x.PerRow = x.Value * 1e9 / float64(rows)
		}
		if r.Times > 1 {
			x.Times = r.Times
		}
		x.Ratio = 1
		if i > 0 {
			x.Ratio, x.OfRatio = measure.Ratio(results[0], r, c)
		}
		out = append(out, x)
	}
	return out
}

// memoryRow is a row of bytes, of which there are so many for each of rows.
func memoryRow(work string, rows int, samples []float64) row {
	x := row{Work: work, Contender: "oboro", Clock: "memory", Ratio: 0, Rounds: len(samples)}
	x.Value, x.Spread = measure.Quantile(samples, 0.5), measure.Spread(samples)
	if rows > 0 {
		x.PerRow = x.Value / float64(rows)
	}
	return x
}

// details is the table of rows.
func details(rows []row) string {
	var b strings.Builder
	fmt.Fprintln(&b, "| work | contender | median | ± | a row | allocations | oboro / contender |")
	fmt.Fprintln(&b, "|---|---|---|---|---|---|---|")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s (%s) | %s | %s | %s | %s | %s | %s |\n", r.Work, r.Clock, r.name(), r.value(), r.spread(), r.perRow(), r.allocs(), r.ratio())
	}
	return b.String()
}

func (r row) name() string {
	switch {
	case r.Recorded:
		return r.Contender + " (recorded)"
	case r.Times > 1:
		return fmt.Sprintf("%s (a part, × %g)", r.Contender, r.Times)
	}
	return r.Contender
}

func (r row) value() string {
	if r.Clock == "memory" {
		return size(r.Value)
	}
	return seconds(r.Value)
}

func (r row) spread() string {
	if r.Rounds < 2 {
		return ""
	}
	return percent(r.Spread)
}

func (r row) perRow() string {
	switch {
	case r.PerRow == 0:
		return ""
	case r.Clock == "memory":
		return fmt.Sprintf("%.2f B", r.PerRow)
	}
	return fmt.Sprintf("%.1f ns", r.PerRow)
}

// allocs is empty for those who allocate outside of this process or of Go.
func (r row) allocs() string {
	if r.Clock == "memory" || r.Recorded || strings.HasPrefix(r.Contender, "DuckDB") || r.Allocs < 0 {
		return ""
	}
	return count(r.Allocs)
}

func (r row) ratio() string {
	switch {
	case r.Ratio == 0:
		return ""
	case r.Ratio == 1 && r.OfRatio == 0:
		return "1"
	case r.OfRatio == 0:
		return figure(r.Ratio)
	}
	return figure(r.Ratio) + " ± " + percent(r.OfRatio)
}

func seconds(s float64) string {
	switch {
	case s < 1e-3:
		return fmt.Sprintf("%s µs", figure(s*1e6))
	case s < 1:
		return fmt.Sprintf("%s ms", figure(s*1e3))
	}
	return fmt.Sprintf("%s s", figure(s))
}

func size(n float64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%s GiB", figure(n/(1<<30)))
	case n >= 1<<20:
		return fmt.Sprintf("%s MiB", figure(n/(1<<20)))
	}
	return fmt.Sprintf("%s KiB", figure(n/(1<<10)))
}

// count writes a number of things without false digits.
func count(n float64) string {
	switch {
	case n >= 1e6:
		return figure(n/1e6) + " M"
	case n >= 1e4:
		return figure(n/1e3) + " k"
	}
	return fmt.Sprintf("%.0f", n)
}

func percent(x float64) string { return fmt.Sprintf("%.0f %%", 100*x) }

// figure writes three significant digits, without exponents.
func figure(x float64) string {
	if x == 0 || math.IsNaN(x) || math.IsInf(x, 0) {
		return fmt.Sprint(x)
	}
	digits := max(2-int(math.Floor(math.Log10(math.Abs(x)))), 0)
	s := fmt.Sprintf("%.*f", digits, x)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// short writes a number of rows as people say it.
func short(n int) string {
	switch {
	case n >= 1_000_000:
		return fmt.Sprintf("%g M", float64(n)/1e6)
	case n >= 1000:
		return fmt.Sprintf("%g k", float64(n)/1e3)
	}
	return fmt.Sprint(n)
}
