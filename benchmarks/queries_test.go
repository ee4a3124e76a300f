package main

import (
	"context"
	"strings"
	"testing"

	"github.com/oboro-data/oboro/benchmarks/workload"
)

// testDuck holds the tables that the queries read, small.
func testDuck(t *testing.T) *duck {
	t.Helper()
	d, err := openDuck(2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
	log, coded := workload.Log(20_000, 300, 1), workload.CodedTable(workload.Coded, 20_000, 1)
	defer log.Release()
	defer coded.Release()
	if err := d.load(context.Background(), t.TempDir(), "log", log); err != nil {
		t.Fatal(err)
	}
	if err := d.load(context.Background(), t.TempDir(), "coded", coded); err != nil {
		t.Fatal(err)
	}
	if err := d.pack(workload.Coded); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestPlansDoTheWholeJob reads the engine's physical plans: every aggregate of
// the result must be computed in them.
func TestPlansDoTheWholeJob(t *testing.T) {
	d := testDuck(t)
	for _, c := range []struct {
		name, query  string
		counts, sums int // least number of count_star() and sum…() in the plan
		operators    []string
	}{
		{"packed", countPacked, 1, 0, []string{"HASH_GROUP_BY"}},
		{"columns", countColumns(), 1, 0, []string{"HASH_GROUP_BY"}},
		{"by rank", boundedByRank, 2, 3, []string{"WINDOW", "HASH_GROUP_BY"}},
		{"by arg_min", boundedByArgMin, 2, 3, []string{"arg_min", "HASH_GROUP_BY"}},
		{"plain", plainGroupBy, 1, 1, []string{"HASH_GROUP_BY"}},
	} {
		plan, err := d.physical(c.query)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for _, o := range append(c.operators, "CREATE_TABLE_AS") {
			if !strings.Contains(plan, o) {
				t.Errorf("%s: no %s in the plan\n%s", c.name, o, plan)
			}
		}
		if n := strings.Count(plan, "count_star()"); n < c.counts {
			t.Errorf("%s: %d counts in the plan, want %d\n%s", c.name, n, c.counts, plan)
		}
		if n := strings.Count(plan, "sum(") + strings.Count(plan, "sum_no_overflow("); n < c.sums {
			t.Errorf("%s: %d sums in the plan, want %d\n%s", c.name, n, c.sums, plan)
		}
	}
}

// TestPruningWouldFlatter shows why results are kept: under an outer query that
// counts rows the engine computes neither aggregate.
func TestPruningWouldFlatter(t *testing.T) {
	d := testDuck(t)
	var kind, plan string
	if err := d.db.QueryRow("explain select count(n) from ("+plainGroupBy+")").Scan(&kind, &plan); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(plan, "sum") {
		t.Errorf("the sum is computed after all\n%s", plan)
	}
}

// TestBoundedFormsAgree compares the two ways of bounding in SQL: they keep the
// same groups of every user, so that they are one job.
func TestBoundedFormsAgree(t *testing.T) {
	d := testDuck(t)
	var rows, differing int
	err := d.db.QueryRow("select (select count(*) from ("+boundedByRank+")), (select count(*) from (("+boundedByRank+") except ("+boundedByArgMin+")))").Scan(&rows, &differing)
	if err != nil {
		t.Fatal(err)
	}
	if rows == 0 || differing != 0 {
		t.Errorf("%d of %d groups differ", differing, rows)
	}
}
