package main

import (
	"fmt"
	"strings"
)

// sections are the parts of the page below its first table.
var sections = []struct {
	title, text string
	experiments []string
}{
	{"Rows: count, search, apply, verify", `A first call is one in a fresh process, without reading the table. ARX's time is that of its ` + "`anonymize()`" + ` at its best
setting, the Loss metric with precomputed shares, in a fresh process too. Where it is marked as recorded it was taken on a machine of the
same kind and not in this run; ` + "`make bench ARX=CLASSPATH`" + ` takes it anew, and fails if the two find different levels. DuckDB's counts are kept as a table in memory, as oboro keeps them.`,
		[]string{"files", "reference", "count", "large", "search"}},
	{"Statistics: bound, add, noise", `Every user counts in at most eight groups, in each with at most ten rows and a total of at most 2,000: three aggregates. DuckDB does the
same bounding in SQL, in two ways, without noise; its plain GROUP BY protects nobody. All of them keep the whole result in memory, and a
test reads the engine's plans for it. Slow contenders run in three rounds only. Go maps take a fifth of rows and users, and their time times five. Google's library starts from
contributions that are bounded already, and of a million groups takes a twentieth of rows and groups, its time times twenty.`,
		[]string{"bounded", "noise"}},
	{"Memory", `The most bytes of heap that are reachable at once beyond the input, which is in memory, sampled by collecting garbage all the time. Counting ends
where every row has been added; the result comes on top, as large as there are classes.`,
		[]string{"memory"}},
	{"Reading", "Types are declared. `encoding/csv` gives texts, which are converted one by one.",
		[]string{"csv"}},
	{"The workloads of a social network", `Tables and policies of the [examples](../../examples/README.md), with a million members or as said; W2 counts two hundred target groups of a campaign. oboro runs
the whole policy. DuckDB, Go maps and Google's library compute the same statistics by hand-written code, without its checks and
reports. In W6 the others only count the classes of the rows as they are, once and without hobbies.`,
		[]string{"members", "targets", "active", "inquiries", "reach", "research"}},
	{"From other languages, and the suite itself", "", []string{"python", "short"}},
}

// page is docs/benchmarks/README.md.
func (r *results) page() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Benchmarks\n\nMade by `make bench` on %s, in %.1f minutes: %s.\n\n", r.Taken, r.Seconds/60, r.Machine)
	fmt.Fprintf(&b, "Contenders run in turn in one process. Every time is the median of %d rounds", r.Rounds)
	b.WriteString(`, ± half the distance of the quartiles; every ratio is
oboro's time over the other's, the median over the rounds of the two times of one round, ± likewise. CPU time is that of the whole
process: all threads, garbage collection and kernel included. Figures that were not measured in this run are marked as recorded.

## What was to be reached

`)
	b.WriteString("| work | target | measured | |\n|---|---|---|---|\n")
	for _, t := range targets {
		a := r.answer(t)
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", a.work, a.wanted, a.text, a.verdict)
	}
	b.WriteString("| 100 M rows under `--memory 512MiB` | they finish and keep the limit | measured apart, by `make bench-memory` | see [campaigns](../campaigns.md) |\n")
	if len(r.Again) > 0 {
		fmt.Fprintf(&b, "\nRun again by themselves: %s.\n", strings.Join(r.Again, ", "))
	}
	if r.Large != nil {
		fmt.Fprintf(&b, "\nThe 100 M rows were counted by `make bench-large` on %s: %s.\n", r.Large.Taken, r.Large.Machine)
	}
	if len(r.Failed) > 0 {
		b.WriteString("\n## What failed\n\n")
		for _, f := range r.Failed {
			fmt.Fprintf(&b, "- `%s`, %s: %s\n", f.Experiment, f.What, strings.ReplaceAll(strings.TrimSpace(f.Error), "\n", " "))
		}
	}
	b.WriteString("\n![measured over target](targets.svg)\n")
	rows := r.Rows
	if r.Large != nil {
		rows = append(rows[:len(rows):len(rows)], r.Large.Rows...)
	}
	for _, s := range sections {
		var of []row
		for _, e := range s.experiments {
			for _, x := range rows {
				if x.Experiment == e {
					of = append(of, x)
				}
			}
		}
		if len(of) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n", s.title)
		if s.text != "" {
			b.WriteString(s.text + "\n\n")
		}
		for _, c := range charts {
			if c.section == s.title {
				fmt.Fprintf(&b, "![%s](%s)\n\n", c.title, c.file)
			}
		}
		b.WriteString(details(of))
	}
	return b.String()
}

// A quote is a line of the table in the project's README.
type quote struct {
	work string
	left func(*results) string // the line's other two cells
	then func(*results) string
}

const (
	quotesBegin = "<!-- The table below is written by make bench. -->\n"
	quotesEnd   = "<!-- End of the table. -->\n"
)

const notMeasured = "not measured"

// said is a row's figure in words.
func said(of selector, f figureOf) func(*results) string {
	return func(r *results) string {
		x, ok := of.find(r.Rows)
		if !ok {
			return notMeasured
		}
		_, _, number, rest := f(x)
		return number + rest
	}
}

func both(a, b func(*results) string) func(*results) string {
	return func(r *results) string { return a(r) + ", " + b(r) }
}

func words(s string) func(*results) string { return func(*results) string { return s } }

var quotes = []quote{
	{"census table, 30,162 rows, 9 columns, k = 5, at most 2 % suppressed: the exact optimum, first call", said(selector{"reference", "adult, 9 columns, k = 5, Loss, 2 %", "oboro, first", ""}, secondsOf),
		said(selector{"reference", "adult, 9 columns, k = 5, Loss, 2 %", "ARX", ""}, ratioOf)},
	{"the same table enlarged to 10 M rows, Parquet to verified Parquet, by `oboro run`", both(said(selector{"files", "oboro run, census × 10 M × 9, 2 %, from Parquet", "oboro", "wall"}, secondsOf), said(selector{"files", "oboro run, census × 10 M × 9, 2 %, from Parquet", "oboro", "memory"}, bytesOf)),
		said(selector{"files", "oboro run, census × 10 M × 9, 2 %, from Parquet", "ARX", "wall"}, ratioOf)},
	{"the same from CSV", both(said(selector{"files", "oboro run, census × 10 M × 9, 2 %, from CSV", "oboro", "wall"}, secondsOf), said(selector{"files", "oboro run, census × 10 M × 9, 2 %, from CSV", "oboro", "memory"}, bytesOf)), words("")},
	{"classes of 10 M rows × 6 columns, CPU", said(selector{"count", "count 10 M", "oboro", ""}, secondsOf), said(selector{"count", "count 10 M", "DuckDB, 6 columns", ""}, ratioOf)},
	{"bounded and noised group-by, 10 M rows of 1 M people, 3,000 groups, CPU", said(selector{"bounded", "bounded group-by, 10 M rows, 1 M users, 3 k", "oboro", ""}, secondsOf),
		said(selector{"bounded", "bounded group-by, 10 M rows, 1 M users, 3 k", "DuckDB, bounded by SQL", ""}, ratioOf)},
	{"the same, 1,000,000 groups", said(selector{"bounded", "bounded group-by, 10 M rows, 1 M users, 1 M", "oboro", ""}, secondsOf),
		said(selector{"bounded", "bounded group-by, 10 M rows, 1 M users, 1 M", "DuckDB, bounded by SQL", ""}, ratioOf)},
	{"a million draws of exact noise, CPU", said(selector{"noise", "a million draws", "oboro", ""}, secondsOf), said(selector{"noise", "a million draws", "Google", ""}, ratioOf)},
	{"active members by day, prefecture, decade and sex, 3 M logins, by policy, CPU", said(selector{"active", "W3", "oboro", ""}, secondsOf), said(selector{"active", "W3", "DuckDB, bounded", ""}, ratioOf)},
	{"one policy over 10 M rows, wall", said(selector{"python", "the same policy", "Go", "wall"}, secondsOf), said(selector{"python", "the same policy", "Python", "wall"}, ratioOf)},
}

// quoted returns the text of the project's README with its table of figures
// made anew.
func (r *results) quoted(text string) (string, error) {
	before, rest, ok := strings.Cut(text, quotesBegin)
	_, after, ok2 := strings.Cut(rest, quotesEnd)
	if !ok || !ok2 {
		return "", fmt.Errorf("README.md: the marks around the table of figures are missing")
	}
	var b strings.Builder
	b.WriteString(before + quotesBegin + "\n| work | oboro | oboro / other |\n|---|---|---|\n")
	for _, q := range quotes {
		if strings.Contains(q.left(r)+q.then(r), notMeasured) {
			continue // such as the run from Python, where it is not installed
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", q.work, q.left(r), q.then(r))
	}
	b.WriteString("\n" + quotesEnd + after)
	return b.String(), nil
}
