package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/csv"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/arrowio/parquet"
	"github.com/oboro-data/oboro/benchmarks/measure"
	"github.com/oboro-data/oboro/benchmarks/workload"
	"github.com/oboro-data/oboro/hierarchy"
	"github.com/oboro-data/oboro/kanon"
)

var adultColumns = []string{"sex", "age", "race", "marital-status", "education", "native-country", "workclass", "occupation", "salary-class"}
var cupColumns = []string{"ZIP", "AGE", "GENDER", "INCOME", "STATE", "RAMNTALL", "NGIFTALL", "MINRAMNT"}

// spec is 5-anonymity over the columns of a reference table.
func spec(cfg config, table string, columns []string, limit float64) (*kanon.Spec, error) {
	s := &kanon.Spec{Models: []kanon.PrivacyModel{kanon.KAnonymity{K: 5}}, MaxSuppression: limit, Columns: columns, Workers: cfg.workers}
	for _, c := range columns {
		h, err := hierarchy.File(filepath.Join(cfg.shared, "data", table, table+"_hierarchy_"+c+".csv"))
		if err != nil {
			return nil, err
		}
		s.QuasiIdentifiers = append(s.QuasiIdentifiers, kanon.QuasiIdentifier{Column: c, Hierarchy: h})
	}
	return s, nil
}

// referenceTables anonymises the tables on which ARX's speed was measured: the
// whole of Anonymize, counting, searching, applying and checking, on a table in
// memory. ARX's figures are those of its anonymize() at its best setting, first
// call in a fresh process, taken on a machine of the same kind.
func referenceTables(ctx context.Context, cfg config) ([]row, error) {
	var out []row
	for _, c := range []struct {
		table   string
		columns []string
		limit   float64
		arx     float64 // seconds
	}{
		{"adult", adultColumns, 0, 0.32}, {"adult", adultColumns, 0.02, 1.37}, {"adult", adultColumns, 1, 2.69}, {"cup", cupColumns, 0.02, 2.85},
	} {
		path := filepath.Join(cfg.shared, "data", c.table, c.table+".csv")
		if _, err := os.Stat(path); err != nil {
			fmt.Fprintf(os.Stderr, "%s: reference table absent, left out\n", c.table)
			continue
		}
		s, err := spec(cfg, c.table, c.columns, c.limit)
		if err != nil {
			return nil, err
		}
		text := map[string]arrowio.ColumnType{}
		for _, name := range c.columns {
			text[name] = arrowio.ColumnType{Kind: arrowio.Text}
		}
		src, err := arrowio.OpenCSV(ctx, path, arrowio.CSVOptions{Delimiter: ';', Types: text})
		if err != nil {
			return nil, err
		}
		r, err := src.Open(ctx)
		if err != nil {
			return nil, err
		}
		mem, err := arrowio.ReadAll(r)
		r.Release()
		if err != nil {
			return nil, err
		}
		var first time.Duration
		results, err := measure.Compare(cfg.rounds, measure.Contender{Name: "oboro", Run: func() error {
			start := time.Now()
			rel, err := kanon.Anonymize(ctx, mem, s)
			if err == nil {
				rel.Close()
			}
			if first == 0 {
				first = time.Since(start)
			}
			return err
		}})
		mem.Release()
		if err != nil {
			return nil, err
		}
		work := fmt.Sprintf("%s, %d columns, k = 5, Loss, %g %%", c.table, len(c.columns), 100*c.limit)
		out = append(out, compare(work, 0, "wall", measure.Wall, results)...)
		out = append(out,
			row{Work: work, Contender: "oboro, first call", Clock: "wall", Seconds: first.Seconds(), Ratio: results[0].Median(measure.Wall).Seconds() / first.Seconds(), Rounds: 1},
			row{Work: work, Contender: "ARX, first call (recorded)", Clock: "wall", Seconds: c.arx, Ratio: results[0].Median(measure.Wall).Seconds() / c.arx, Rounds: 1})
	}
	return out, nil
}

// fileToFile runs the command line on the enlarged census table: from a Parquet
// and a CSV file to an anonymised, verified release folder. ARX needed 32 s and
// 2.8 GB for 10 M rows before it wrote anything (recorded).
func fileToFile(ctx context.Context, cfg config) ([]row, error) {
	base := filepath.Join(cfg.shared, "data", "adult", "adult.csv")
	if _, err := os.Stat(base); err != nil {
		fmt.Fprintln(os.Stderr, "adult: reference table absent, left out")
		return nil, nil
	}
	a, err := workload.NewAdult(base, cfg.rows)
	if err != nil {
		return nil, err
	}
	bin := filepath.Join(cfg.dir, "oboro")
	build := exec.CommandContext(ctx, "go", "build", "-o", bin, "./cmd/oboro")
	build.Dir = ".."
	if text, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w\n%s", err, text)
	}
	policy := filepath.Join(cfg.dir, "policy.yaml")
	if err := os.WriteFile(policy, []byte(adultPolicy(cfg)), 0o644); err != nil {
		return nil, err
	}
	inputs := map[string]string{"Parquet": filepath.Join(cfg.dir, "adult.parquet"), "CSV": filepath.Join(cfg.dir, "adult.csv")}
	if err := parquet.WriteFile(ctx, inputs["Parquet"], a); err != nil {
		return nil, err
	}
	f, err := os.Create(inputs["CSV"])
	if err != nil {
		return nil, err
	}
	if err := a.WriteCSV(f); err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	var out []row
	for _, name := range []string{"Parquet", "CSV"} {
		var samples []measure.Sample
		var peak int64
		for range cfg.rounds {
			cmd := exec.CommandContext(ctx, bin, "run", policy, "--input", inputs[name], "--out", filepath.Join(cfg.dir, "out"), "--replace", "--workers", fmt.Sprint(cfg.workers))
			start := time.Now()
			if text, err := cmd.CombinedOutput(); err != nil {
				return nil, fmt.Errorf("oboro run: %w\n%s", err, text)
			}
			use := cmd.ProcessState.SysUsage().(*syscall.Rusage)
			peak = max(peak, use.Maxrss<<10)
			samples = append(samples, measure.Sample{Wall: time.Since(start), CPU: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()})
		}
		work := fmt.Sprintf("oboro run, census × %s × 9, 2 %%, from %s; peak %.2f GiB", short(cfg.rows), name, float64(peak)/(1<<30))
		out = append(out, compare(work, cfg.rows, "wall", measure.Wall, []measure.Result{{Name: "oboro", Samples: samples}})...)
	}
	return out, nil
}

func adultPolicy(cfg config) string {
	var b strings.Builder
	b.WriteString("oboro: 1\ntitle: census\nunit: row\ninput: {delimiter: \";\"}\ncolumns:\n")
	shared, err := filepath.Abs(cfg.shared)
	if err != nil {
		shared = cfg.shared
	}
	for _, c := range adultColumns {
		fmt.Fprintf(&b, "  %s: {role: quasi-identifier, hierarchy: {file: %s/data/adult/adult_hierarchy_%s.csv}}\n", c, shared, c)
	}
	b.WriteString("releases:\n  - name: census\n    kind: microdata\n    basis: benchmark\n    models: [{k-anonymity: {k: 5}}]\n    suppression-limit: 0.02\n")
	return b.String()
}

// latticeSearch searches 3,600 nodes over the classes of the coded table and
// compares with one GROUP BY of its six columns.
func latticeSearch(ctx context.Context, cfg config) ([]row, error) {
	table := workload.CodedTable(workload.Coded, cfg.rows, 1)
	defer table.Release()
	d, err := openDuck(cfg.workers)
	if err != nil {
		return nil, err
	}
	defer d.close()
	if err := d.load(ctx, cfg.dir, "coded", table); err != nil {
		return nil, err
	}
	s := &kanon.Spec{Models: []kanon.PrivacyModel{kanon.KAnonymity{K: 10}}, MaxSuppression: 0.01, Workers: cfg.workers}
	for _, c := range workload.Coded {
		s.QuasiIdentifiers = append(s.QuasiIdentifiers, kanon.QuasiIdentifier{Column: c.Name, Hierarchy: hierarchy.Intervals(floats(c.Level)...)})
	}
	var whole *kanon.Release
	results, err := measure.Compare(cfg.rounds,
		measure.Contender{Name: "oboro, count, search, apply and verify", Slow: true, Run: func() (err error) {
			whole, err = kanon.Anonymize(ctx, table, s)
			return err
		}},
		measure.Contender{Name: "DuckDB, one GROUP BY of the 6 columns", Run: func() error { return d.keep(countColumns()) }},
	)
	if err != nil {
		return nil, err
	}
	work := fmt.Sprintf("k = 10, 1 %%, %s rows, %d nodes (%d checked)", short(cfg.rows), whole.Search.LatticeNodes, whole.Search.CheckedNodes)
	return compare(work, cfg.rows, "CPU", measure.CPU, results), nil
}

func floats(widths []int) []float64 {
	out := make([]float64, len(widths))
	for i, w := range widths {
		out[i] = float64(w)
	}
	return out
}

// csvReading compares the CSV scanner with arrow/csv on the log.
func csvReading(ctx context.Context, cfg config) ([]row, error) {
	rows := min(cfg.rows, 2_000_000)
	table := workload.Log(rows, 3000, 1)
	defer table.Release()
	path := filepath.Join(cfg.dir, "log.csv")
	if err := arrowio.WriteFile(ctx, path, arrowio.CSVFormat, table); err != nil {
		return nil, err
	}
	results, err := measure.Compare(cfg.rounds,
		measure.Contender{Name: "oboro", Run: func() error {
			src, err := arrowio.OpenCSV(ctx, path, arrowio.CSVOptions{})
			if err != nil {
				return err
			}
			r, err := src.Open(ctx)
			if err != nil {
				return err
			}
			defer r.Release()
			for r.Next() {
			}
			return r.Err()
		}},
		measure.Contender{Name: "arrow/csv v17", Slow: true, Run: func() error { return readArrowCSV(path, table.Schema()) }},
	)
	if err != nil {
		return nil, err
	}
	return compare(fmt.Sprintf("read CSV, %s rows of 3 numbers", short(rows)), rows, "CPU", measure.CPU, results), nil
}

func readArrowCSV(path string, schema *arrow.Schema) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := csv.NewReader(f, schema, csv.WithHeader(true), csv.WithChunk(workload.BatchRows))
	defer r.Release()
	for r.Next() {
	}
	return r.Err()
}
