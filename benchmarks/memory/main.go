// Command memory runs the command line under a memory limit on tables that do not
// fit it: a microdata release whose rows all take a copied column along, and
// statistics per person. It writes a table in Markdown: wall and processor time,
// and the largest resident size of the process, everything included.
//
//	go run ./memory -rows 10000000,100000000 -memory 512MiB
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/oboro-data/oboro/arrowio/parquet"
	"github.com/oboro-data/oboro/benchmarks/workload"
)

func main() {
	log.SetFlags(0)
	sizes := flag.String("rows", "10000000,100000000", "numbers of rows, separated by commas")
	memory := flag.String("memory", "512MiB", "the limit; empty for none")
	shared := flag.String("shared", "../../shared", "folder of the reference tables")
	dir := flag.String("dir", "", "folder of the tables and releases; tables that lie there are used again (empty: a temporary one, deleted at the end)")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *sizes, *memory, *shared, *dir); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, w io.Writer, sizes, memory, shared, dir string) error {
	base, err := filepath.Abs(filepath.Join(shared, "data", "adult"))
	if err != nil {
		return err
	}
	if _, err := os.Stat(base); err != nil {
		return fmt.Errorf("the reference table is absent; name its folder with -shared")
	}
	if dir == "" {
		if dir, err = os.MkdirTemp("", "memory-*"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	bin := filepath.Join(dir, "oboro")
	build := exec.CommandContext(ctx, "go", "build", "-o", bin, "./cmd/oboro")
	build.Dir = ".."
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, text)
	}
	fmt.Fprintf(w, "%d processors, limit %s\n\n| release | rows | wall s | CPU s | CPU µs a row | peak MiB |\n|---|--:|--:|--:|--:|--:|\n", runtime.GOMAXPROCS(0), memory)
	for _, text := range strings.Split(sizes, ",") {
		rows, err := strconv.Atoi(text)
		if err != nil || rows < 1 {
			return fmt.Errorf("-rows: %q is no number of rows", text)
		}
		table := filepath.Join(dir, fmt.Sprintf("visits-%d.parquet", rows))
		if err := generate(ctx, table, filepath.Join(base, "adult.csv"), rows); err != nil {
			return err
		}
		for _, release := range []string{"microdata", "statistics"} {
			if err := measure(ctx, w, bin, dir, release, base, table, memory, rows); err != nil {
				return err
			}
		}
	}
	return nil
}

// generate writes the table unless it is there.
func generate(ctx context.Context, path, base string, rows int) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	a, err := workload.NewAdult(base, rows)
	if err != nil {
		return err
	}
	return parquet.WriteFile(ctx, path, workload.Visits{Adult: a})
}

// measure runs one release and writes a line of the table.
func measure(ctx context.Context, w io.Writer, bin, dir, release, base, table, memory string, rows int) error {
	policy, out := filepath.Join(dir, release+".yaml"), filepath.Join(dir, "out")
	if err := os.WriteFile(policy, []byte(policies(base)[release]), 0o644); err != nil {
		return err
	}
	args := []string{"run", policy, "--input", table, "--out", out}
	if memory != "" {
		args = append(args, "--memory", memory)
	}
	cmd := exec.CommandContext(ctx, bin, args...)
	start := time.Now()
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("oboro run: %w\n%s", err, text)
	}
	wall := time.Since(start)
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	use := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	_, err := fmt.Fprintf(w, "| %s | %d | %.1f | %.1f | %.3f | %d |\n", release, rows, wall.Seconds(), cpu.Seconds(), cpu.Seconds()*1e6/float64(rows), use.Maxrss>>10)
	return err
}

// policies are the releases by name: 5-anonymity over nine columns with one
// copied along, and counts and sums per person with ε = 1.
func policies(base string) map[string]string {
	columns := []string{"sex", "age", "race", "marital-status", "education", "native-country", "workclass", "occupation", "salary-class"}
	var b strings.Builder
	for _, c := range columns {
		fmt.Fprintf(&b, "  %s: {role: quasi-identifier, hierarchy: {file: %s}}\n", c, filepath.Join(base, "adult_hierarchy_"+c+".csv"))
	}
	b.WriteString("  person: {role: identifier, type: integer}\n  amount: {role: insensitive, type: integer}\nreleases:\n")
	return map[string]string{
		"microdata": "oboro: 1\ntitle: visits\nunit: row\ncolumns:\n" + b.String() + "  - name: visits\n    kind: microdata\n    basis: benchmark\n" +
			"    models: [{k-anonymity: {k: 5}}]\n    suppression-limit: 0.02\n    columns: [" + strings.Join(columns, ", ") + ", amount]\n",
		"statistics": "oboro: 1\ntitle: visits\nunit: person\nbudget: {epsilon: 1, delta: 1e-8}\ncolumns:\n" + b.String() + "  - name: by_country\n    kind: statistics\n" +
			"    method: differential-privacy\n    group-by: [native-country, sex]\n    groups: private\n    bounds: {groups-per-unit: 4}\n    aggregates:\n" +
			"      - count-units: {as: people}\n      - count: {as: visits, per-unit: 3}\n      - sum: {column: amount, as: amount, range: [0, 2000], resolution: 1}\n" +
			"    budget: {epsilon: 1, delta: 1e-8}\n",
	}
}
