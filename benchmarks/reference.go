package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/benchmarks/measure"
	"github.com/oboro-data/oboro/hierarchy"
	"github.com/oboro-data/oboro/kanon"
)

// A reference is a problem on which ARX's speed is known.
type reference struct {
	table   string
	columns []string
	limit   float64 // share of rows that may be suppressed
	arx     float64 // recorded: seconds of ARX's best setting, first call in a fresh process
}

var (
	adultColumns = []string{"sex", "age", "race", "marital-status", "education", "native-country", "workclass", "occupation", "salary-class"}
	cupColumns   = []string{"ZIP", "AGE", "GENDER", "INCOME", "STATE", "RAMNTALL", "NGIFTALL", "MINRAMNT"}
	references   = []reference{
		{"adult", adultColumns, 0, 0.32}, {"adult", adultColumns, 0.02, 1.37}, {"adult", adultColumns, 1, 2.69}, {"cup", cupColumns, 0.02, 2.85},
	}
)

func (r reference) work() string {
	return fmt.Sprintf("%s, %d columns, k = 5, Loss, %g %%", r.table, len(r.columns), 100*r.limit)
}

func (r reference) path(cfg config) string {
	return filepath.Join(cfg.shared, "data", r.table, r.table+".csv")
}

func (r reference) hierarchyPath(cfg config, column string) string {
	return filepath.Join(cfg.shared, "data", r.table, r.table+"_hierarchy_"+column+".csv")
}

// spec is 5-anonymity over the columns of a reference table.
func (r reference) spec(cfg config) (*kanon.Spec, error) {
	s := &kanon.Spec{Models: []kanon.PrivacyModel{kanon.KAnonymity{K: 5}}, MaxSuppression: r.limit, Columns: r.columns, Workers: cfg.workers}
	for _, c := range r.columns {
		h, err := hierarchy.File(r.hierarchyPath(cfg, c))
		if err != nil {
			return nil, err
		}
		s.QuasiIdentifiers = append(s.QuasiIdentifiers, kanon.QuasiIdentifier{Column: c, Hierarchy: h})
	}
	return s, nil
}

// read reads the table into memory, all of it text.
func (r reference) read(ctx context.Context, cfg config) (*arrowio.Memory, error) {
	text := map[string]arrowio.ColumnType{}
	for _, name := range r.columns {
		text[name] = arrowio.ColumnType{Kind: arrowio.Text}
	}
	src, err := arrowio.OpenCSV(ctx, r.path(cfg), arrowio.CSVOptions{Delimiter: ';', Types: text})
	if err != nil {
		return nil, err
	}
	return readAll(ctx, src)
}

func readAll(ctx context.Context, src arrowio.Source, columns ...string) (*arrowio.Memory, error) {
	r, err := src.Open(ctx, columns...)
	if err != nil {
		return nil, err
	}
	defer r.Release()
	return arrowio.ReadAll(r)
}

// referenceTables anonymises the tables on which ARX's speed was measured: the
// whole of Anonymize, counting, searching, applying and checking, on a table in
// memory. A first call is one in a fresh process, every time. ARX's figures are
// those of its anonymize(), which does not write; without its class path they
// are recorded ones.
func referenceTables(ctx context.Context, cfg config) (out []row, err error) {
	var engine *arx
	var failed error // of ARX, beside whose recorded times oboro's are kept
	if cfg.arx != "" {
		if engine, err = newARX(ctx, cfg); err != nil {
			engine, failed = nil, err
		}
	}
	for i, r := range references {
		if _, err := os.Stat(r.path(cfg)); err != nil {
			fmt.Fprintf(os.Stderr, "%s: reference table absent, left out\n", r.table)
			continue
		}
		rows, err := r.compare(ctx, cfg, i, engine)
		out = append(out, rows...)
		if errors.Is(err, errARX) {
			engine, failed = nil, err
		} else if err != nil {
			return out, err
		}
	}
	return out, failed
}

// errARX is that ARX failed.
var errARX = errors.New("ARX failed")

// compare measures a problem. After a failure of ARX, its recorded time stands
// in the row.
func (r reference) compare(ctx context.Context, cfg config, at int, engine *arx) ([]row, error) {
	spec, err := r.spec(cfg)
	if err != nil {
		return nil, err
	}
	table, err := r.read(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer table.Release()
	first, other := measure.Result{Name: "oboro, first call"}, measure.Result{}
	later, err := measure.Compare(cfg.rounds, measure.Contender{Name: "oboro, later calls", Run: func() error {
		rel, err := kanon.Anonymize(ctx, table, spec)
		if err == nil {
			rel.Close()
		}
		return err
	}})
	if err != nil {
		return nil, err
	}
	var failed error
	for range cfg.rounds {
		o, err := child(ctx, cfg, "first:"+strconv.Itoa(at))
		if err != nil {
			return nil, err
		}
		first.Samples = append(first.Samples, sample(o))
		if engine == nil {
			continue
		}
		a, err := engine.anonymize(ctx, cfg, r)
		if err == nil && !slices.Equal(a.Levels, o.Levels) {
			err = errors.New("it found other levels")
		}
		if err != nil {
			engine, failed = nil, fmt.Errorf("%w on %s: %w", errARX, r.work(), err)
			continue
		}
		other.Samples = append(other.Samples, sample(a))
	}
	results := []measure.Result{first, later[0]}
	if engine != nil {
		other.Name = "ARX " + engine.version + ", first call"
		results = append(results, other)
	}
	rows := compare(r.work(), 0, "wall", measure.Wall, results)
	for i := range rows {
		if rows[i].Contender != later[0].Name {
			rows[i].Allocs = elsewhere
		}
	}
	if engine == nil {
		rows = append(rows, row{Work: r.work(), Contender: "ARX, first call", Clock: "wall", Value: r.arx, Ratio: rows[0].Value / r.arx, Rounds: 1, Recorded: true})
	}
	return rows, failed
}

func sample(o outcome) measure.Sample {
	return measure.Sample{Wall: time.Duration(o.Seconds * 1e9), CPU: time.Duration(o.CPU * 1e9)}
}

// firstCall is one call of Anonymize in this process, which is fresh.
func firstCall(ctx context.Context, cfg config, argument string) (o outcome, err error) {
	at, err := strconv.Atoi(argument)
	if err != nil || at < 0 || at >= len(references) {
		return o, fmt.Errorf("no reference table %q", argument)
	}
	r := references[at]
	spec, err := r.spec(cfg)
	if err != nil {
		return o, err
	}
	table, err := r.read(ctx, cfg)
	if err != nil {
		return o, err
	}
	defer table.Release()
	cpu, start := measure.CPUTime(), time.Now()
	rel, err := kanon.Anonymize(ctx, table, spec)
	if err != nil {
		return o, err
	}
	o.Seconds, o.CPU = time.Since(start).Seconds(), (measure.CPUTime() - cpu).Seconds()
	levels := rel.Recoding.Levels()
	for _, c := range r.columns {
		o.Levels = append(o.Levels, levels[c])
	}
	rel.Close()
	return o, nil
}
