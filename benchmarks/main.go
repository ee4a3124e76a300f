// Command benchmarks measures oboro side by side with what one would use
// instead, in one process and in turn, and writes tables and charts.
//
//	go run . -list
//	go run . -run count -rows 1000000
//	go run . -out ../docs/benchmarks      everything, at full size
//	go run . -ci                          the short suite with its gates
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
)

// config is what every experiment is run with.
type config struct {
	rows    int
	rounds  int
	workers int
	dir     string // scratch folder
	shared  string // folder of the reference tables, may be absent
}

// An experiment is one row, or a few, of the table of results.
type experiment struct {
	name, what string
	run        func(context.Context, config) ([]row, error)
}

var experiments = []experiment{
	// First, while this process is small: a child's peak memory is at least what
	// its parent held when it was started.
	{"files", "file to file by the command line", fileToFile},
	{"noise", "draws of noise", noiseDraws},
	{"reference", "reference tables: count, search, apply, verify", referenceTables},
	{"csv", "read CSV", csvReading},
	{"count", "count classes of coded quasi-identifiers", countClasses},
	{"search", "search a lattice of 3,600 nodes", latticeSearch},
	{"bounded", "bounded group-by with noise", boundedGroupBy},
	{"python", "the same run from Go and from Python", fromPython},
}

func main() {
	var cfg config
	out := flag.String("out", "", "folder for the table and charts; empty: print only")
	only := flag.String("run", "", "comma-separated experiments; empty: all")
	list := flag.Bool("list", false, "list the experiments")
	flag.IntVar(&cfg.rows, "rows", 10_000_000, "rows of the main tables")
	flag.IntVar(&cfg.rounds, "rounds", 5, "rounds of each comparison")
	flag.IntVar(&cfg.workers, "workers", runtime.GOMAXPROCS(0), "threads of every contender")
	flag.StringVar(&cfg.shared, "shared", "../../shared", "folder of the reference tables")
	ci := flag.Bool("ci", false, "the short suite: a million rows, three rounds, ratios held to their gates")
	flag.Parse()
	if *ci {
		cfg.rows, cfg.rounds, *only = 1_000_000, 3, shortSuite
	}
	if *list {
		for _, e := range experiments {
			fmt.Printf("%-12s %s\n", e.name, e.what)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, cfg, *only, *out, *ci); err != nil {
		fmt.Fprintln(os.Stderr, "benchmarks:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, cfg config, only, out string, ci bool) (err error) {
	if cfg.dir, err = os.MkdirTemp("", "oboro-benchmarks-*"); err != nil {
		return err
	}
	defer os.RemoveAll(cfg.dir)
	var rows []row
	for _, e := range experiments {
		if only != "" && !strings.Contains(","+only+",", ","+e.name+",") {
			continue
		}
		fmt.Fprintf(os.Stderr, "%s: %s\n", e.name, e.what)
		r, err := e.run(ctx, cfg)
		if err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
		rows = append(rows, r...)
		fmt.Print(markdown(r))
	}
	if ci {
		broken, err := check(rows)
		if err != nil {
			return err
		}
		if len(broken) > 0 {
			return fmt.Errorf("slower than the gates allow: %s", strings.Join(broken, "; "))
		}
		fmt.Printf("all %d ratios within their gates\n", len(gates))
	}
	if out == "" {
		return nil
	}
	return writeResults(out, cfg, rows)
}
