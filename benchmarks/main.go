// Command benchmarks measures oboro side by side with what one would use
// instead, and writes tables and charts.
//
//	go run . -list
//	go run . -run count -rows 1000000
//	go run . -out ../docs/benchmarks      everything, at full size
//	go run . -out ../docs/benchmarks -run count    one experiment again, at full size
//	go run . -ci                          the short suite with its gates
//
// Every experiment runs in a process of its own, so that none inherits the
// heap of another, and one that fails leaves the others their results.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// config is what every experiment is run with.
type config struct {
	rows    int // of the main tables
	people  int // of the tables of the domain's workloads
	rounds  int
	workers int
	dir     string // scratch folder
	shared  string // folder of the reference tables, may be absent
	arx     string // class path of ARX, may be empty
	root    string // the project's root
}

// An experiment is one row, or a few, of the table of results. What it returns
// beside an error is kept.
type experiment struct {
	name, what string
	run        func(context.Context, config) ([]row, error)
}

var experiments = []experiment{
	{"files", "file to file by the command line", fileToFile},
	{"reference", "reference tables: count, search, apply, verify", referenceTables},
	{"count", "count classes of coded quasi-identifiers", countClasses},
	{"search", "search a lattice of 3,600 nodes", latticeSearch},
	{"bounded", "bounded group-by with noise", boundedGroupBy},
	{"noise", "draws of noise", noiseDraws},
	{"memory", "memory beyond the input", memoryBeyondInput},
	{"csv", "read CSV", csvReading},
	{"members", "W1: members for advertisers", memberCounts},
	{"targets", "W2: sizes of target groups", targetCounts},
	{"active", "W3: active members", activeMembers},
	{"inquiries", "W4: inquiries by topic", inquiryTopics},
	{"reach", "W5: reach of page views", viewReach},
	{"research", "W6: rows for research", researchRows},
	{"python", "the same run from Go and from Python", fromPython},
	{"short", "the short suite", shortSuiteTime},
}

// largeExperiments need minutes and gigabytes, and run only by their names.
var largeExperiments = []experiment{
	{"large", "count 10 M and 100 M rows", countLarge},
}

// mostTime is how long one experiment may take: one that hangs must not lose
// the others.
const mostTime = 6 * time.Minute

func main() {
	var cfg config
	out := flag.String("out", "", "folder for the table and charts; empty: print only")
	only := flag.String("run", "", "comma-separated experiments; empty: all")
	list := flag.Bool("list", false, "list the experiments")
	flag.IntVar(&cfg.rows, "rows", 10_000_000, "rows of the main tables")
	flag.IntVar(&cfg.people, "people", 1_000_000, "members of the workloads W1 to W6; their logs have three rows for each")
	flag.IntVar(&cfg.rounds, "rounds", 5, "rounds of each comparison")
	flag.IntVar(&cfg.workers, "workers", runtime.GOMAXPROCS(0), "threads of every contender")
	flag.StringVar(&cfg.root, "root", "..", "folder of the project")
	flag.StringVar(&cfg.shared, "shared", "../../shared", "folder of the reference tables")
	flag.StringVar(&cfg.arx, "arx", os.Getenv("ARX"), "class path of ARX, which is then measured beside; default: $ARX")
	ci := flag.Bool("ci", false, "the short suite: a million rows, three rounds, ratios and allocations held to their gates")
	large := flag.Bool("large", false, "only the experiments with 100 M rows, into large.json of -out")
	page := flag.Bool("page", false, "only write page and charts anew, from the results in the folder of -out")
	task := flag.String("task", "", "used by the suite itself: what a process of its own does")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if *task != "" {
		exit(runTask(ctx, cfg, *task, os.Stdout))
	}
	run := experiments
	switch {
	case *list:
		for _, e := range slices.Concat(experiments, largeExperiments) {
			fmt.Printf("%-12s %s\n", e.name, e.what)
		}
		return
	case *page:
		exit(render(*out, cfg.root))
	case *ci:
		cfg.rows, cfg.people, cfg.rounds, *only = 1_000_000, 100_000, 3, shortSuite
	case *large:
		run = largeExperiments
	}
	exit(suite(ctx, cfg, run, *only, *out, *ci, *large))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchmarks:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// suite runs experiments one after the other, prints each, and writes them all.
func suite(ctx context.Context, cfg config, run []experiment, only, out string, ci, large bool) (err error) {
	for _, path := range []*string{&cfg.root, &cfg.shared} {
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
	}
	start := time.Now()
	results := &results{Machine: machine(cfg), Taken: start.UTC().Format(time.DateOnly), Rounds: cfg.rounds}
	for _, e := range run {
		if only != "" && !slices.Contains(strings.Split(only, ","), e.name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "%s: %s\n", e.name, e.what)
		began := time.Now()
		rows, err := isolated(ctx, cfg, e.name)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		results.Rows = append(results.Rows, rows...)
		fmt.Print(details(rows))
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s failed: %v\n", e.name, err)
			results.Failed = append(results.Failed, failure{e.name, e.what, err.Error()})
		}
		fmt.Fprintf(os.Stderr, "%s: %.0f s\n", e.name, time.Since(began).Seconds())
	}
	results.Seconds = time.Since(start).Seconds()
	var failed error
	for _, f := range results.Failed {
		failed = errors.Join(failed, fmt.Errorf("%s failed: %s", f.Experiment, f.Error))
	}
	if ci {
		if failed != nil {
			return failed
		}
		broken, err := check(results.Rows)
		if err != nil {
			return err
		}
		if len(broken) > 0 {
			return fmt.Errorf("the gates do not hold: %s", strings.Join(broken, "; "))
		}
		fmt.Printf("all %d gates hold; %.0f s\n", len(gates), results.Seconds)
	}
	if out == "" {
		return failed
	}
	if only != "" && !large {
		last, err := readResults(out)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(failed, err)
		}
		if err == nil {
			results = results.onto(last, strings.Split(only, ","))
		}
	}
	return errors.Join(failed, results.write(out, cfg.root, large))
}
