package kanon

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/oboro-data/oboro/internal/corpus"
)

// optima are optima of reference tables, k = 5, loss with gs-factor 0.5, from
// an independent implementation of the same definitions.
var optima = []struct {
	table      string
	qis        []string
	limit      float64
	node       string
	suppressed int64
	score      float64
}{
	{"adult", adultQIs, 0, "0,4,1,1,3,2,2,1,0", 0, 0.5731509655590044},
	{"adult", adultQIs, 0.02, "0,3,0,2,2,1,1,2,0", 506, 0.3137130352819242},
	{"adult", adultQIs, 1, "0,3,0,0,2,1,1,1,0", 2553, 0.22041192847984292},
	{"adult", adultQIs8, 0, "0,4,0,2,3,2,2,1", 0, 0.5915849773198221},
	{"adult", adultQIs8, 0.02, "0,3,0,1,2,1,1,2", 552, 0.30334014291297273},
	{"adult", adultQIs8, 1, "0,3,0,0,2,1,0,1", 3049, 0.22004987619069327},
	{"cup", cupQIs, 0, "5,2,1,1,1,4,4,4", 0, 0.7776985288904885},
	{"cup", cupQIs, 0.02, "4,3,0,1,0,1,2,1", 1260, 0.17031341483296392},
	{"cup", cupQIs, 1, "4,3,0,0,0,1,2,1", 2578, 0.13968936091749518},
}

func TestSearchOptima(t *testing.T) {
	for _, c := range optima {
		t.Run(fmt.Sprintf("%s/%d/%v", c.table, len(c.qis), c.limit), func(t *testing.T) {
			if testing.Short() && c.table == "cup" && c.limit == 1 {
				t.Skip("long search: not in short mode")
			}
			f := sharedTable(t, corpus.Shared(t, "data/"+c.table+"/"+c.table+".csv"), c.table, c.table, c.qis, nil)
			r, err := Search(context.Background(), f, []PrivacyModel{KAnonymity{K: 5}}, Loss{GSFactor: 0.5}, SearchOptions{SuppressionLimit: int64(c.limit * float64(f.Rows))})
			if err != nil {
				t.Fatal(err)
			}
			if r.Node.String() != c.node || r.SuppressedRows != c.suppressed || math.Abs(r.Score[0]-c.score) > 1e-9*c.score {
				t.Errorf("found %v, %d rows suppressed, score %v; want %v, %d, %v", r.Node, r.SuppressedRows, r.Score, c.node, c.suppressed, c.score)
			}
			t.Logf("%d of %d nodes checked", r.CheckedNodes, r.LatticeNodes)
		})
	}
}

func benchmarkSearch(b *testing.B, limit float64) {
	f := adult(b, adultQIs)
	b.ReportAllocs()
	for b.Loop() {
		r, err := Search(context.Background(), f, []PrivacyModel{KAnonymity{K: 5}}, Loss{GSFactor: 0.5}, SearchOptions{SuppressionLimit: int64(limit * float64(f.Rows))})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(r.CheckedNodes), "checks/op")
	}
}

func BenchmarkSearchAdult0(b *testing.B)   { benchmarkSearch(b, 0) }
func BenchmarkSearchAdult2(b *testing.B)   { benchmarkSearch(b, 0.02) }
func BenchmarkSearchAdult100(b *testing.B) { benchmarkSearch(b, 1) }

func BenchmarkGeneralize(b *testing.B) {
	f := adult(b, adultQIs)
	b.ReportAllocs()
	for b.Loop() {
		f.Generalize(Node{0, 2, 0, 0, 1, 1, 0, 0, 0})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(f.Len()), "ns/class")
}

// A meanModel is not monotone and gives no size bound: it wants the mean code
// of the first sensitive column not to be too high. It stands for all models
// that the search can't prune by.
type meanModel struct{ most float64 }

func (m meanModel) Bind(*FrequencySet) (func(*EquivalenceClass) bool, error) {
	return func(c *EquivalenceClass) bool {
		var sum, n int64
		for i, v := range c.Sensitive[0].Values {
			sum += int64(v) * c.Sensitive[0].Counts[i]
			n += c.Sensitive[0].Counts[i]
		}
		return float64(sum) <= m.most*float64(n)
	}, nil
}
func (meanModel) String() string { return "low mean" }

// bruteForce looks at every node with plain code for the choice.
func bruteForce(f *FrequencySet, models []PrivacyModel, cost Cost, o SearchOptions) *candidate {
	j, err := newJudge(f, models, o.SuppressionLimit)
	if err != nil {
		panic(err)
	}
	j.wildcard = o.WildcardNulls
	bound, err := cost.Bind(f)
	if err != nil {
		panic(err)
	}
	l := latticeOf(f.QuasiIdentifiers, o.Levels)
	var best *candidate
	for n := slices.Clone(l.Bottom); n != nil; n = nextNode(l, n) {
		set := f.Generalize(n)
		v := j.judge(set)
		if !j.feasible(set, &v) {
			continue
		}
		c := &candidate{node: slices.Clone(n), height: n.Height(), score: bound.Score(n, set, v.suppressed), rows: v.rows}
		if c.better(best) {
			best = c
		}
	}
	return best
}

func nextNode(l Lattice, n Node) Node {
	for c := len(n) - 1; c >= 0; c-- {
		if n[c]++; n[c] <= l.Top[c] {
			return n
		}
		n[c] = l.Bottom[c]
	}
	return nil
}

// TestSearchAgainstBruteForce compares the search, with 1 and with 3 workers,
// with a look at every node, over random tables, models and costs.
func TestSearchAgainstBruteForce(t *testing.T) {
	rounds := 4000
	if testing.Short() {
		rounds = 400
	}
	feasible := 0
	for seed := range uint64(rounds) {
		r := rand.New(rand.NewPCG(seed, 7))
		columns, sensitive, rows := randomTable(r, 1+r.IntN(5), r.IntN(2), 1+r.IntN(80), r.IntN(3) == 0)
		f, err := NewFrequencySet(columns, sensitive, rows)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		models := []PrivacyModel{KAnonymity{K: int64(1 + r.IntN(6))}}
		if len(sensitive) > 0 {
			models = append(models, meanModel{r.Float64() * 2})
			if r.IntN(4) == 0 {
				models = models[1:]
			}
		}
		cost := Loss{GSFactor: float64(r.IntN(5)) / 4, Aggregate: Aggregate(r.IntN(5))}
		if r.IntN(3) == 0 {
			cost.Weights = map[string]float64{columns[0].Name: r.Float64()*3 + 0.1}
		}
		o := SearchOptions{SuppressionLimit: r.Int64N(f.Rows + 1), Workers: 1}
		if r.IntN(3) == 0 {
			o.SuppressionLimit = 0
		}
		if r.IntN(4) == 0 {
			o.Levels = make([]int, len(columns))
			for c := range o.Levels {
				o.Levels[c] = r.IntN(len(columns[c].Table.Levels)+1) - 1
			}
		}
		want := bruteForce(f, models, cost, o)
		var before *SearchResult
		for _, workers := range []int{1, 3, 0} {
			o.Workers = workers
			o.boxes = workers == 0
			got, err := Search(context.Background(), f, models, cost, o)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			switch {
			case want == nil && got.Node == nil:
			case want == nil || got.Node == nil:
				t.Fatalf("seed %d: brute force finds %v, search %v", seed, want, got.Node)
			case !slices.Equal(want.node, got.Node) || want.score.Compare(got.Score) != 0 || want.rows != got.SuppressedRows:
				t.Fatalf("seed %d, %v: brute force finds %v at %v with %d suppressed, search %v at %v with %d", seed, cost, want.score, want.node, want.rows, got.Score, got.Node, got.SuppressedRows)
			case !got.Optimal || got.Gap()[0] != 0:
				t.Fatalf("seed %d: optimum found and not known to be one", seed)
			}
			if got.CheckedNodes > got.LatticeNodes {
				t.Fatalf("seed %d: %d nodes of %d checked", seed, got.CheckedNodes, got.LatticeNodes)
			}
			if before != nil && !o.boxes && before.CheckedNodes != got.CheckedNodes {
				t.Fatalf("seed %d: %d nodes checked by one worker, %d by three", seed, before.CheckedNodes, got.CheckedNodes)
			}
			before = got
		}
		if want != nil {
			feasible++
		}
	}
	if feasible < rounds/2 {
		t.Errorf("only %d of %d tables had a feasible node: the test says little", feasible, rounds)
	}
}

// TestDeadline stops searches early: the lower bound is never above the
// optimum, and what is returned is feasible.
func TestDeadline(t *testing.T) {
	f := adult(t, adultQIs)
	models := []PrivacyModel{KAnonymity{K: 5}}
	for _, limit := range []int64{0, 603, 30162} {
		best, err := Search(context.Background(), f, models, nil, SearchOptions{SuppressionLimit: limit})
		if err != nil {
			t.Fatal(err)
		}
		for _, boxes := range []bool{false, true} {
			for _, deadline := range []time.Duration{time.Nanosecond, 5 * time.Millisecond, 20 * time.Millisecond, time.Minute} {
				r, err := Search(context.Background(), f, models, nil, SearchOptions{SuppressionLimit: limit, Deadline: deadline, boxes: boxes})
				if err != nil {
					t.Fatal(err)
				}
				if r.LowerBound.Compare(best.Score) > 0 {
					t.Errorf("limit %d, boxes %v, %v: lower bound %v, optimum %v", limit, boxes, deadline, r.LowerBound, best.Score)
				}
				if r.Node == nil {
					continue
				}
				if r.Score.Compare(best.Score) < 0 || r.SuppressedRows > limit || r.Optimal != slices.Equal(r.Node, best.Node) && r.Optimal {
					t.Errorf("limit %d, boxes %v, %v: %+v", limit, boxes, deadline, r)
				}
				t.Logf("limit %d, boxes %v, %v: score %v, gap %v, %d nodes checked", limit, boxes, deadline, r.Score, r.Gap(), r.CheckedNodes)
			}
		}
	}
}

// TestLossBounds checks the promises of LowerBoundSuppressing that the search
// rests on.
func TestLossBounds(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 9))
		columns, _, rows := randomTable(r, 1+r.IntN(4), 0, 1+r.IntN(60), false)
		f, err := NewFrequencySet(columns, nil, rows)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Loss{GSFactor: r.Float64(), Aggregate: Aggregate(r.IntN(5))}.Bind(f)
		if err != nil {
			t.Fatal(err)
		}
		n := randomNode(r, columns, make(Node, len(columns)))
		up := randomNode(r, columns, n)
		set := f.Generalize(n)
		var suppressed []int32
		var lost int64
		for i := range set.Len() {
			if r.IntN(3) == 0 {
				suppressed = append(suppressed, int32(i))
				lost += set.ClassRows(i)
			}
		}
		sb := b.(SuppressingCost)
		fewer := r.Int64N(lost + 1)
		const eps = slack
		switch score := b.Score(n, set, suppressed); {
		case sb.LowerBoundSuppressing(n, lost)[0] > score[0]+eps:
			t.Errorf("seed %d: the bound exceeds the score", seed)
		case sb.LowerBoundSuppressing(n, fewer)[0] > sb.LowerBoundSuppressing(n, lost)[0]+eps:
			t.Errorf("seed %d: the bound decreases in rows", seed)
		case sb.LowerBoundSuppressing(n, lost)[0] > sb.LowerBoundSuppressing(up, lost)[0]+eps:
			t.Errorf("seed %d: the bound decreases in the node", seed)
		case sb.LowerBoundSuppressing(n, 0).Compare(b.LowerBound(n)) != 0:
			t.Errorf("seed %d: the bound without suppression is another", seed)
		}
	}
}

// TestSearchManyColumns asks for an answer, in time, on a lattice of 5·10¹³
// nodes: 24 columns.
func TestSearchManyColumns(t *testing.T) {
	if testing.Short() {
		t.Skip("takes its deadline of three seconds: not in short mode")
	}
	path := corpus.Shared(t, "data/creditcard/creditcard_int.csv")
	f := sharedTable(t, path, "creditcard", "creditcard_int", readLines(t, path)[0], nil)
	r, err := Search(context.Background(), f, []PrivacyModel{KAnonymity{K: 5}}, nil, SearchOptions{SuppressionLimit: 3000, Deadline: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if r.Node == nil || r.LowerBound == nil || r.SuppressedRows > 3000 || r.LowerBound.Compare(r.Score) > 0 {
		t.Errorf("%+v", r)
	}
	t.Logf("%d columns, %d nodes: score %v, gap %v, %d nodes checked", len(f.QuasiIdentifiers), r.LatticeNodes, r.Score, r.Gap(), r.CheckedNodes)
}
