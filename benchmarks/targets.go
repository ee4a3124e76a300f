package main

import (
	"fmt"
	"strings"
)

// A target is one line of the first table: a figure of a row that should not
// exceed a limit.
type target struct {
	work   string // in words
	short  string // in the chart
	wanted string // in words
	of     selector
	figure figureOf
	limit  float64 // reached up to here
	aim    float64 // and better still, 0 for none
	why    string  // why it is missed, where it is
	// setAt is how many nanoseconds a row the other contender took where the
	// target was set, on a machine of the same kind; 0 where that does not matter.
	setAt float64
}

// A selector finds a row by the beginnings of its texts.
type selector struct{ experiment, work, contender, clock string }

func (s selector) find(rows []row) (row, bool) {
	for _, r := range rows {
		if r.Experiment == s.experiment && strings.HasPrefix(r.Work, s.work) && strings.HasPrefix(r.Contender, s.contender) && (s.clock == "" || r.Clock == s.clock) {
			return r, true
		}
	}
	return row{}, false
}

// A figureOf reads the figure out of a row, and its spread. In words it is
// number, and what follows it.
type figureOf func(r row) (x, spread float64, number, rest string)

func ratioOf(r row) (x, spread float64, number, rest string) {
	rest = " of " + r.Contender
	if r.Recorded {
		rest += " (recorded)"
	}
	return r.Ratio, r.OfRatio, figure(r.Ratio), rest
}

func secondsOf(r row) (x, spread float64, number, rest string) {
	return r.Value, r.Spread, seconds(r.Value), ""
}

func bytesOf(r row) (x, spread float64, number, rest string) {
	return r.Value, r.Spread, size(r.Value), ""
}

func bytesPerRow(r row) (x, spread float64, number, rest string) {
	return r.PerRow, r.Spread, figure(r.PerRow) + " B a row", ""
}

func nanoseconds(r row) (x, spread float64, number, rest string) {
	return r.PerRow, r.Spread, figure(r.PerRow) + " ns", ", " + figure(1e3/r.PerRow) + " M draws a second"
}

func allocations(r row) (x, spread float64, number, rest string) {
	return r.Allocs, 0, count(r.Allocs), ""
}

// targets are what the project set out to reach.
var targets = []target{
	{work: "count 10 M rows × 6 coded quasi-identifiers (61 % distinct), CPU", short: "count 10 M rows × 6, of DuckDB", wanted: "≤ 0.06 of DuckDB's GROUP BY on the packed key, aim 0.035",
		of: selector{"count", "count 10 M", "DuckDB, packed", "CPU"}, figure: ratioOf, limit: 0.06, aim: 0.035, setAt: 222,
		why: "packing, filling buckets and sorting share the time, see [the design note](../design/0005-counting-kernel.md)"},
	{work: "the same, 100 M rows to 10 M, a row, CPU", short: "count 100 M rows, a row, of 10 M", wanted: "≤ 1.3",
		of: selector{"large", "count 10 M and 100 M", "oboro, 10 M", "CPU"}, figure: ratioOf, limit: 1.3},
	{work: "exact search of a 3,600-node lattice over 6 M classes, with counting, applying and checking, CPU", short: "search 3,600 nodes, of one DuckDB GROUP BY", wanted: "≤ 6 of one DuckDB GROUP BY of 6 columns, aim 2",
		of: selector{"search", "k = 10", "DuckDB, one", "CPU"}, figure: ratioOf, limit: 6, aim: 2},
	{work: "adult, 9 columns, k = 5, Loss, 2 %, first call, wall", short: "adult 2 %, first call, time", wanted: "≤ 60 ms",
		of: selector{"reference", "adult, 9 columns, k = 5, Loss, 2 %", "oboro, first", "wall"}, figure: secondsOf, limit: 0.060},
	{work: "the same beside ARX", short: "adult 2 %, first call, of ARX", wanted: "≤ 0.1 of ARX's best setting",
		of: selector{"reference", "adult, 9 columns, k = 5, Loss, 2 %", "ARX", "wall"}, figure: ratioOf, limit: 0.1},
	{work: "adult, 9 columns, k = 5, Loss, 100 %, first call, wall", short: "adult 100 %, first call, time", wanted: "≤ 250 ms",
		of: selector{"reference", "adult, 9 columns, k = 5, Loss, 100 %", "oboro, first", "wall"}, figure: secondsOf, limit: 0.250},
	{work: "the same beside ARX", short: "adult 100 %, first call, of ARX", wanted: "≤ 0.1 of ARX's best setting",
		of: selector{"reference", "adult, 9 columns, k = 5, Loss, 100 %", "ARX", "wall"}, figure: ratioOf, limit: 0.1},
	{work: "cup, 8 columns, k = 5, Loss, 2 %, first call, wall", short: "cup 2 %, first call, time", wanted: "≤ 0.2 s",
		of: selector{"reference", "cup", "oboro, first", "wall"}, figure: secondsOf, limit: 0.2},
	{work: "census 10 M × 9, 2 %, Parquet to verified Parquet, `oboro run`, wall", short: "10 M × 9 from Parquet, time", wanted: "≤ 3 s, aim 2 s",
		of: selector{"files", "oboro run, census × 10 M × 9, 2 %, from Parquet", "oboro", "wall"}, figure: secondsOf, limit: 3, aim: 2},
	{work: "its peak of resident memory", short: "10 M × 9 from Parquet, resident memory", wanted: "≤ 1 GiB",
		of: selector{"files", "oboro run, census × 10 M × 9, 2 %, from Parquet", "oboro", "memory"}, figure: bytesOf, limit: 1 << 30},
	{work: "the same from CSV, wall", short: "10 M × 9 from CSV, time", wanted: "≤ 6 s, aim 5 s",
		of: selector{"files", "oboro run, census × 10 M × 9, 2 %, from CSV", "oboro", "wall"}, figure: secondsOf, limit: 6, aim: 5},
	{work: "its peak of resident memory", short: "10 M × 9 from CSV, resident memory", wanted: "≤ 1 GiB",
		of: selector{"files", "oboro run, census × 10 M × 9, 2 %, from CSV", "oboro", "memory"}, figure: bytesOf, limit: 1 << 30},
	{work: "bounded and noised group-by, 8 groups a unit, 10 M rows, 1 M units, 3 k groups, CPU", short: "bounded, 3 k groups, of DuckDB bounded", wanted: "≤ 0.04 of DuckDB's bounded SQL, aim 0.015",
		of: selector{"bounded", "bounded group-by, 10 M rows, 1 M users, 3 k", "DuckDB, bounded by SQL", "CPU"}, figure: ratioOf, limit: 0.04, aim: 0.015, setAt: 1469,
		why: "storing rows, bringing units together and the work for each unit share the time, see [the design note](../design/0006-bounding.md)"},
	{work: "the same, 1 M groups", short: "bounded, 1 M groups, of DuckDB bounded", wanted: "≤ 0.04 of DuckDB's bounded SQL, aim 0.015",
		of: selector{"bounded", "bounded group-by, 10 M rows, 1 M users, 1 M", "DuckDB, bounded by SQL", "CPU"}, figure: ratioOf, limit: 0.04, aim: 0.015, setAt: 1621,
		why: "noise for the number of units of every group, and sums beyond the cache, come on top"},
	{work: "the same against a GROUP BY that protects nobody, 3 k groups", short: "bounded, 3 k groups, of a plain GROUP BY", wanted: "≤ 9 of DuckDB's, aim 6",
		of: selector{"bounded", "bounded group-by, 10 M rows, 1 M users, 3 k", "DuckDB, plain", "CPU"}, figure: ratioOf, limit: 9, aim: 6, setAt: 5.86,
		why: "see above; the other reads a row once and keeps nothing of it"},
	{work: "the same, 1 M groups", short: "bounded, 1 M groups, of a plain GROUP BY", wanted: "≤ 0.7 of DuckDB's",
		of: selector{"bounded", "bounded group-by, 10 M rows, 1 M users, 1 M", "DuckDB, plain", "CPU"}, figure: ratioOf, limit: 0.7, setAt: 95,
		why: "see above"},
	{work: "exact noise, one draw on one core", short: "a draw of noise, time", wanted: "≤ 125 ns, which is ≥ 8 M draws a second",
		of: selector{"noise", "a million draws", "oboro", "CPU"}, figure: nanoseconds, limit: 125},
	{work: "its allocations, a million draws", wanted: "0",
		of: selector{"noise", "a million draws", "oboro", "CPU"}, figure: allocations, limit: 0},
	{work: "exact noise of 1 M groups × 3 aggregates, CPU", short: "noise of 1 M groups × 3, time", wanted: "< 0.5 s",
		of: selector{"noise", "noise of 1 M groups", "oboro", "CPU"}, figure: secondsOf, limit: 0.5},
	{work: "memory beyond the input, counting with 32-bit keys", short: "counting, 32-bit keys, memory a row", wanted: "≤ 4.5 B a row",
		of: selector{"memory", "count classes, keys of 32", "oboro", "memory"}, figure: bytesPerRow, limit: 4.5},
	{work: "the same with 64-bit keys", short: "counting, 64-bit keys, memory a row", wanted: "≤ 9 B a row",
		of: selector{"memory", "count classes, keys of 64", "oboro", "memory"}, figure: bytesPerRow, limit: 9},
	{work: "memory beyond the input, bounding, 3 k groups", short: "bounding, 3 k groups, memory a row", wanted: "≤ 25 B a row",
		of: selector{"memory", "bounded group-by, 3 k", "oboro", "memory"}, figure: bytesPerRow, limit: 25,
		why: "24 for a record; the chunks that each worker has open come on top"},
	{work: "the same, 1 M groups", short: "bounding, 1 M groups, memory a row", wanted: "≤ 25 B a row",
		of: selector{"memory", "bounded group-by, 1 M", "oboro", "memory"}, figure: bytesPerRow, limit: 25,
		why: "the groups come on top"},
	{work: "read CSV, three integers, CPU", short: "CSV of integers, of arrow/csv", wanted: "≤ 0.2 of arrow/csv",
		of: selector{"csv", "read CSV, 2 M rows of 3 integers", "arrow/csv", "CPU"}, figure: ratioOf, limit: 0.2},
	{work: "read CSV, text, decimal, date and integer, CPU", short: "CSV of mixed types, of arrow/csv", wanted: "≤ 0.2 of arrow/csv",
		of: selector{"csv", "read CSV, 1 M rows of text", "arrow/csv", "CPU"}, figure: ratioOf, limit: 0.2},
	{work: "`make bench-ci`, wall", short: "make bench-ci, time", wanted: "≤ 3 minutes",
		of: selector{"short", "the short suite", "oboro", "wall"}, figure: secondsOf, limit: 180},
}

// An answer says what a target's figure was.
type answer struct {
	target
	measured bool
	row      row
	x        float64
	text     string // with the spread
	verdict  string
}

// answer looks a target up in the results.
func (r *results) answer(t target) answer {
	a := answer{target: t, text: "not measured", verdict: "not measured in this run"}
	rows := r.Rows
	if r.Large != nil {
		rows = append(rows[:len(rows):len(rows)], r.Large.Rows...)
	}
	for _, f := range r.Failed {
		if f.Experiment == t.of.experiment {
			a.verdict = "its experiment failed"
		}
	}
	if a.row, a.measured = t.of.find(rows); !a.measured {
		return a
	}
	x, spread, number, rest := t.figure(a.row)
	a.x, a.text = x, number+rest
	if a.row.Rounds > 1 && (spread > 0 || rest != "") {
		a.text = number + " ± " + percent(spread) + rest
	}
	switch {
	case x > t.limit:
		a.verdict = "**missed**"
		if t.why != "" {
			a.verdict += ": " + t.why
		}
		if t.setAt > 0 {
			ours := a.row.PerRow * x
			a.verdict += fmt.Sprintf("; the target was set where the other took %s ns a row, here it takes %s; oboro's %s ns are %s of the former",
				figure(t.setAt), figure(a.row.PerRow), figure(ours), figure(ours/t.setAt))
		}
	case t.aim > 0 && x <= t.aim:
		a.verdict = "reached, and the aim"
	case t.aim > 0:
		a.verdict = "reached, the aim not"
	default:
		a.verdict = "reached"
	}
	return a
}
