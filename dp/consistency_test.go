package dp

import (
	"encoding/csv"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/oboro-data/oboro/internal/corpus"
)

// randomTree has n nodes in shuffled order, one or more of them tops.
func randomTree(r *rand.Rand, n int) Tree {
	place := r.Perm(n)
	t := make(Tree, n)
	for k, i := range place {
		t[i] = Node{Parent: -1, Value: math.Round(r.NormFloat64()*400) / 16, Variance: math.Exp(3 * r.NormFloat64())}
		if k > 0 && r.IntN(20) > 0 {
			t[i].Parent = place[r.IntN(k)]
		}
	}
	return t
}

// denseFit is generalised least squares over the leaves, by normal equations:
// node = A·leaves, leaves = (AᵀWA)⁻¹AᵀW·values. Nodes of infinite variance have
// weight 0.
func denseFit(t *testing.T, tree Tree) []float64 {
	t.Helper()
	parent := make([]bool, len(tree))
	for _, n := range tree {
		if n.Parent >= 0 {
			parent[n.Parent] = true
		}
	}
	var leaves []int
	for i := range tree {
		if !parent[i] {
			leaves = append(leaves, i)
		}
	}
	a := mat.NewDense(len(tree), len(leaves), nil)
	for k, leaf := range leaves {
		for i := leaf; i >= 0; i = tree[i].Parent {
			a.Set(i, k, 1)
		}
	}
	w := mat.NewDense(len(tree), len(tree), nil)
	y := mat.NewVecDense(len(tree), nil)
	for i, n := range tree {
		if !math.IsInf(n.Variance, 1) {
			w.Set(i, i, 1/n.Variance)
			y.SetVec(i, n.Value)
		}
	}
	var aw, normal mat.Dense
	var right, x, fit mat.VecDense
	aw.Mul(a.T(), w)
	normal.Mul(&aw, a)
	right.MulVec(&aw, y)
	if err := x.SolveVec(&normal, &right); err != nil {
		if _, poor := err.(mat.Condition); !poor {
			t.Fatal(err)
		}
	}
	fit.MulVec(a, &x)
	return fit.RawVector().Data
}

func wantAdditive[N int64 | float64](t *testing.T, tree Tree, x []N) {
	t.Helper()
	sums, inner := make([]N, len(tree)), make([]bool, len(tree))
	for i, n := range tree {
		if n.Parent >= 0 {
			sums[n.Parent] += x[i]
			inner[n.Parent] = true
		}
	}
	for i := range tree {
		if inner[i] && sums[i] != x[i] {
			t.Fatalf("node %d is %v, its children add up to %v", i, x[i], sums[i])
		}
	}
}

func TestFitIsGeneralisedLeastSquares(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		tree := randomTree(r, 1+r.IntN(40))
		if seed%3 == 0 { // some inner totals were not released
			for _, n := range tree {
				if n.Parent >= 0 && r.IntN(3) == 0 {
					tree[n.Parent].Variance = math.Inf(1)
				}
			}
		}
		got, err := tree.Fit()
		if err != nil {
			t.Fatal(err)
		}
		wantAdditive(t, tree, got)
		for i, want := range denseFit(t, tree) {
			if math.Abs(got[i]-want) > 1e-6*max(1, math.Abs(want)) {
				t.Fatalf("seed %d: node %d is %v, dense least squares %v", seed, i, got[i], want)
			}
		}
	}
}

func TestFitGolden(t *testing.T) {
	f, err := os.Open(corpus.Shared(t, "golden/tables/derived/tree_wls.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	number := func(text string) float64 {
		x, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal("the reference table holds what is not a number")
		}
		return x
	}
	var tree Tree
	var want []float64
	for i, row := range rows[1:] {
		if int(number(row[0])) != i {
			t.Fatal("the nodes of the reference table are not numbered in order")
		}
		parent := -1
		if row[1] != "" {
			parent = int(number(row[1]))
		}
		tree = append(tree, Node{parent, number(row[3]), number(row[4])})
		want = append(want, number(row[5]))
	}
	got, err := tree.Fit()
	if err != nil {
		t.Fatal(err)
	}
	var worst float64
	for i := range want {
		worst = max(worst, math.Abs(got[i]-want[i]))
	}
	t.Logf("%d nodes, largest difference %.2g", len(tree), worst)
	if worst > 1e-11*1672 || len(tree) < 20 {
		t.Errorf("%d nodes, largest difference from the reference %v", len(tree), worst)
	}
	counts, err := tree.FitCounts()
	if err != nil {
		t.Fatal(err)
	}
	wantAdditive(t, tree, counts)
}

// Small sets of children are rounded in all ways; ours is among the nearest.
func TestFitCountsNearest(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 2))
		k := 1 + r.IntN(4)
		fitted, children := make([]float64, k), make([]int, k)
		for i := range k {
			fitted[i], children[i] = math.Round(r.NormFloat64()*24)/8, i
		}
		total := int64(r.IntN(8))
		got := make([]int64, k)
		roundChildren(fitted, make([]float64, k), got, total, children)
		distance := func(counts []int64) (d float64) {
			for i, c := range counts {
				d += (float64(c) - fitted[i]) * (float64(c) - fitted[i])
			}
			return d
		}
		best := math.Inf(1)
		try := make([]int64, k)
		var all func(i int, left int64)
		all = func(i int, left int64) {
			if i == k-1 {
				try[i] = left
				best = min(best, distance(try))
				return
			}
			for c := range left + 1 {
				try[i] = c
				all(i+1, left-c)
			}
		}
		all(0, total)
		var sum int64
		for _, c := range got {
			sum += c
			if c < 0 {
				t.Fatalf("seed %d: a count below 0", seed)
			}
		}
		if sum != total {
			t.Fatalf("seed %d: counts add up to %d, want %d", seed, sum, total)
		}
		if distance(got) > best+1e-9 {
			t.Fatalf("seed %d: distance %v, the least is %v", seed, distance(got), best)
		}
	}
}

func TestFitCountsAddUp(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 3))
		tree := randomTree(r, 1+r.IntN(200))
		if seed%2 == 0 { // large totals, where differences of floats are coarse
			for i := range tree {
				tree[i].Value *= 1 << 40
			}
		}
		counts, err := tree.FitCounts()
		if err != nil {
			t.Fatal(err)
		}
		wantAdditive(t, tree, counts)
		for i, c := range counts {
			if c < 0 {
				t.Fatalf("node %d is %d", i, c)
			}
		}
	}
}

func TestFitKnownAndUnknown(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		tree Tree
		want []float64
	}{
		{Tree{{-1, 10, 1}, {0, 4, 1}, {0, 3, 1}}, []float64{9, 5, 4}},
		{Tree{{-1, 10, 0}, {0, 4, 1}, {0, 3, 1}}, []float64{10, 5.5, 4.5}},                       // an exact total
		{Tree{{-1, 10, 1}, {0, 4, 1}, {0, math.NaN(), inf}}, []float64{10, 4, 6}},                // a rest
		{Tree{{-1, 10, 1}, {0, 0, inf}, {0, 0, inf}}, []float64{10, 5, 5}},                       // shared evenly
		{Tree{{-1, 0, inf}, {0, 4, 1}, {0, 3, 9}}, []float64{7, 4, 3}},                           // only the parts
		{Tree{{-1, 7, 0}, {0, 4, 0}, {0, 3, 0}}, []float64{7, 4, 3}},                             // all exact
		{Tree{{2, 4, 1}, {2, 3, 1}, {-1, 10, 1}, {-1, 5, 2}}, []float64{5, 4, 9, 5}},             // any order, two trees
		{Tree{{-1, 10, 2}, {0, 0, inf}, {1, 4, 1}, {0, 3, 1}}, []float64{8.5, 4.75, 4.75, 3.75}}, // a level missing
		{Tree{}, []float64{}},
	} {
		got, err := c.tree.Fit()
		if err != nil || fmt.Sprintf("%.9g", got) != fmt.Sprintf("%.9g", c.want) {
			t.Errorf("%v: %v, %v; want %v", c.tree, got, err, c.want)
		}
	}
	for part, tree := range map[string]Tree{
		"does not exist":          {{3, 1, 1}},
		"circle":                  {{1, 1, 1}, {0, 1, 1}},
		"no number of at least 0": {{-1, 1, -1}},
		"is not finite":           {{-1, math.NaN(), 1}},
		"nothing says":            {{-1, 0, inf}, {0, 0, inf}, {0, 1, 1}},
		"all known exactly":       {{-1, 8, 0}, {0, 4, 0}, {0, 3, 0}},
		"do not add up":           {{-1, 8, 0}, {0, 0, inf}, {1, 3, 0}, {1, 3, 0}},
	} {
		_, err := tree.Fit()
		wantError(t, err, part)
		_, err = tree.FitCounts()
		wantError(t, err, part)
	}
	_, err := Tree{{-1, 1e18, 1}}.FitCounts()
	wantError(t, err, "2^51")
}

// A tree of 1 + 47 + 940 totals, noised alike: fitting lowers the error of
// every level. The noise of the fit is that of the noise given, so the check is
// on its exact variance: the fit is linear, and the variance of a leaf is the
// sum of squares of its response to each noise.
func TestFitVariance(t *testing.T) {
	tree := Tree{{-1, 0, 3}}
	for range 47 {
		tree = append(tree, Node{0, 0, 3})
	}
	for i := range 940 {
		tree = append(tree, Node{1 + i/20, 0, 3})
	}
	variance := make([]float64, 3)
	for i := range tree {
		probe := append(Tree(nil), tree...)
		probe[i].Value = 1
		fit, err := probe.Fit()
		if err != nil {
			t.Fatal(err)
		}
		for level, at := range []int{0, 1, 48} {
			variance[level] += 3 * fit[at] * fit[at]
		}
	}
	t.Logf("standard errors %.3f, %.3f, %.3f; before %.3f", math.Sqrt(variance[0]), math.Sqrt(variance[1]), math.Sqrt(variance[2]), math.Sqrt(3))
	for level, v := range variance {
		if v >= 3 {
			t.Errorf("level %d: variance %v, was 3", level, v)
		}
	}
}

func BenchmarkFit(b *testing.B) {
	tree := Tree{{-1, 1e6, 1}}
	for i := range 100_000 {
		tree = append(tree, Node{i / 10, float64(i % 17), 2})
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tree.FitCounts(); err != nil {
			b.Fatal(err)
		}
	}
}
