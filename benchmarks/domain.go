package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/oboro-data/oboro/anon"
	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/benchmarks/measure"
)

// The workloads W1 to W6 are those of a social network: tables and policies of
// the examples, oboro by the policy and the others by hand.

// A statistic is one table of noised numbers per group, as SQL sees it.
type statistic struct {
	keys   []string // expressions "… as name"
	limits limits
}

// names are the names of the keys.
func (s statistic) names() string {
	out := make([]string, len(s.keys))
	for i, k := range s.keys {
		out[i] = k[strings.LastIndex(k, " ")+1:]
	}
	return strings.Join(out, ", ")
}

// bounded is the query that bounds every member, plain the one that protects
// nobody.
func (s statistic) bounded(table string) string {
	rows := ""
	if s.limits.rows > 1 {
		rows = ", sum(n)::bigint as n"
	}
	return fmt.Sprintf(`select %[1]s, count(*) as people%[5]s from (
		select member_id, %[2]s, least(count(*), %[3]d) as n from %[4]s where member_id is not null group by member_id, %[1]s
		qualify row_number() over (partition by member_id order by hash(member_id, %[1]s)) <= %[6]d) group by all`,
		s.names(), strings.Join(s.keys, ", "), s.limits.rows, table, rows, s.limits.groups)
}

func (s statistic) plain(table string) string {
	return fmt.Sprintf("select %s, count(distinct member_id) as people, count(*) as n from %s where member_id is not null group by all", strings.Join(s.keys, ", "), table)
}

// A statisticsJob is a table, a policy of statistics, and the same by other
// means.
type statisticsJob[K comparable] struct {
	work       string
	table      *arrowio.Memory
	policy     string   // its text
	columns    []string // that the others read
	statistics []statistic
	// rows adds every row of a batch that has a member to every statistic.
	rows func(b batch, add []func(member int64, key K))
}

// compare runs the policy and the same statistics by hand.
func (w statisticsJob[K]) compare(ctx context.Context, cfg config) ([]row, error) {
	defer w.table.Release()
	policy, err := anon.ParsePolicy([]byte(w.policy), ".")
	if err != nil {
		return nil, err
	}
	plan, err := policy.Plan(w.table.Schema())
	if err != nil {
		return nil, err
	}
	narrow, err := readAll(ctx, w.table, w.columns...)
	if err != nil {
		return nil, err
	}
	defer narrow.Release()
	d, err := openDuck(cfg.workers)
	if err != nil {
		return nil, err
	}
	defer d.close()
	if err := d.load(ctx, cfg.dir, "data", narrow); err != nil {
		return nil, err
	}
	queries := func(of func(statistic) string) func() error {
		return func() error {
			for _, s := range w.statistics {
				if err := d.keep(of(s)); err != nil {
					return err
				}
			}
			return nil
		}
	}
	var kept [][]contribution[K]
	results, err := measure.Compare(cfg.rounds,
		measure.Contender{Name: "oboro, by policy", Run: func() error {
			rel, err := plan.Run(ctx, w.table, anon.RunOptions{Workers: cfg.workers})
			if err == nil {
				rel.Close()
			}
			return err
		}},
		measure.Contender{Name: "DuckDB, bounded by SQL, no noise", Run: queries(func(s statistic) string { return s.bounded("data") })},
		measure.Contender{Name: "DuckDB, plain GROUP BY", Run: queries(func(s statistic) string { return s.plain("data") })},
		measure.Contender{Name: "Go maps, no noise", Cold: true, Rounds: fewer, Run: func() (err error) {
			if kept, err = w.byMaps(ctx, narrow); err == nil {
				for _, k := range kept {
					totals(k)
				}
			}
			return err
		}},
		measure.Contender{Name: ofBounded, Cold: true, Rounds: fewer, Run: func() error {
			for i, k := range kept {
				if _, err := releaseByGoogle(k, w.statistics[i].limits); err != nil {
					return err
				}
			}
			return nil
		}},
	)
	if err != nil {
		return nil, err
	}
	results = append(results, measure.Then("Go maps, then Google's library", results[3], results[4]))
	return compare(w.work, int(w.table.NumRows()), "CPU", measure.CPU, results), nil
}

// byMaps bounds the contributions of every statistic.
func (w statisticsJob[K]) byMaps(ctx context.Context, table arrowio.Source) ([][]contribution[K], error) {
	bounders := make([]*bounder[K], len(w.statistics))
	add := make([]func(int64, K), len(w.statistics))
	for i, s := range w.statistics {
		bounders[i] = newBounder[K](s.limits)
		add[i] = func(member int64, key K) { bounders[i].add(member, key, 0) }
	}
	if err := each(ctx, table, func(b batch) { w.rows(b, add) }); err != nil {
		return nil, err
	}
	out := make([][]contribution[K], len(bounders))
	for i, b := range bounders {
		out[i] = b.kept()
	}
	return out, nil
}
