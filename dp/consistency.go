package dp

import (
	"cmp"
	"math"
	"slices"

	"github.com/oboro-data/oboro/internal/fault"
)

// A Node is one total of a Tree: a noised number and the variance of its noise.
type Node struct {
	// Parent is the index of the total that this one is a part of, -1 for the
	// top of a tree.
	Parent int
	// Value is the noised number. It is not read where Variance is +Inf.
	Value float64
	// Variance of the noise, in Value's unit squared: +Inf for a total that
	// was not released, 0 for one that is known exactly.
	Variance float64
}

// A Tree holds totals of which every one is the sum of its children: a country,
// its regions, their towns. Nodes may stand in any order, and there may be
// several trees in one Tree. What Fit and FitCounts do looks at noised numbers
// only, so it costs no budget (post-processing: Dwork and Roth 2014,
// proposition 2.1).
//
// The children of a node must be all there is: what is missing goes into a
// child of infinite variance.
type Tree []Node

// treeOrder is a tree sorted for passes up and down.
type treeOrder struct {
	down     []int   // every parent before its children
	children [][]int // of each node, in the order of their indices
}

func (t Tree) order() (*treeOrder, error) {
	o := &treeOrder{children: make([][]int, len(t)), down: make([]int, 0, len(t))}
	for i, n := range t {
		switch {
		case n.Parent < -1 || n.Parent >= len(t):
			return nil, fault.Planf("tree: node %d names a parent that does not exist; parents are indices of nodes, or -1", i)
		case !(n.Variance >= 0):
			return nil, fault.Planf("tree: the variance of node %d is no number of at least 0", i)
		case !math.IsInf(n.Variance, 1) && (math.IsNaN(n.Value) || math.IsInf(n.Value, 0)):
			return nil, fault.Planf("tree: the value of node %d is not finite; give a total without value an infinite variance", i)
		case n.Parent < 0:
			o.down = append(o.down, i)
		default:
			o.children[n.Parent] = append(o.children[n.Parent], i)
		}
	}
	for k := 0; k < len(o.down); k++ {
		o.down = append(o.down, o.children[o.down[k]]...)
	}
	if len(o.down) != len(t) {
		return nil, fault.Planf("tree: parents form a circle; every node has to lead to one whose parent is -1")
	}
	return o, nil
}

// Fit returns, for every node, the value of least variance among all linear
// unbiased estimates that add up: generalised least squares, minimising
//
//	Σ (fitted - Value)² / Variance   under   fitted of a node = Σ fitted of its children.
//
// With Gaussian noise it is the most likely one. Every node's value is exactly
// the floating-point sum of its children's in the order of their indices. The
// values may be negative and are no whole numbers; FitCounts returns such.
//
// Two passes over the tree do it, in time linear in the number of nodes (Hay,
// Rastogi, Miklau and Suciu 2010, theorem 3, for equal variances and equal
// numbers of children; Honaker 2015 for any variances).
//
// Up: z of a node is the best estimate from its own subtree, v its variance. A
// leaf has its own. Otherwise the node's value (variance V) and the sum of its
// children's z (variance S = Σ v) are independent, and weighting them inversely
// to their variances gives z = (Value·S + sum·V)/(V+S), v = V·S/(V+S).
//
// Down: the top keeps its z. A node whose children's z miss its fitted value by
// r hands r out in proportion to their v, which is the least-squares way to
// change independent numbers by a given total: minimise Σ d²/v under Σ d = r.
// Children without any value (infinite v) share r evenly, the others keep theirs.
//
// Take a total 10 of variance 1 over parts 4 and 3, each of variance 1. Up:
// z = (10·2 + 7·1)/3 = 9. Down: r = 2, and the parts become 5 and 4.
//
// The error is of kind fault.Plan: for parents that do not form a tree, a
// value that is not finite or a variance below 0, a top of which nothing is
// known, and exactly known totals that contradict each other.
func (t Tree) Fit() ([]float64, error) {
	o, err := t.order()
	if err != nil {
		return nil, err
	}
	z, v := make([]float64, len(t)), make([]float64, len(t))
	for _, i := range slices.Backward(o.down) {
		z[i], v[i] = t[i].Value, t[i].Variance
		if math.IsInf(v[i], 1) {
			z[i] = 0
		}
		if len(o.children[i]) == 0 {
			continue
		}
		var sum, s float64
		for _, c := range o.children[i] {
			sum += z[c]
			s += v[c]
		}
		switch {
		case math.IsInf(s, 1): // a child without value: the children say nothing
		case math.IsInf(v[i], 1):
			z[i], v[i] = sum, s
		case v[i]+s > 0:
			w := v[i] / (v[i] + s)
			z[i], v[i] = z[i]+w*(sum-z[i]), w*s
		case !nearly(z[i], sum):
			return nil, fault.Planf("tree: node %d and its children are all known exactly, and do not add up", i)
		}
	}
	for _, i := range o.down {
		if t[i].Parent < 0 && math.IsInf(v[i], 1) {
			return nil, fault.Planf("tree: nothing says what node %d is: neither it nor all its children have a value", i)
		}
		shareOut(z, v, i, o.children[i])
	}
	for _, i := range slices.Backward(o.down) {
		if len(o.children[i]) > 0 {
			z[i] = 0
			for _, c := range o.children[i] {
				z[i] += z[c]
			}
		}
	}
	return z, nil
}

// shareOut changes the children's estimates so that they add up to the node's.
func shareOut(z, v []float64, node int, children []int) {
	r, s, unknown := z[node], 0.0, 0.0
	for _, c := range children {
		r -= z[c]
		s += v[c]
		if math.IsInf(v[c], 1) {
			unknown++
		}
	}
	if s == 0 { // all known exactly, and so is the node: r is a rounding error
		return
	}
	for _, c := range children {
		switch {
		case math.IsInf(v[c], 1):
			z[c] += r / unknown
		case unknown == 0:
			z[c] += r * (v[c] / s)
		}
	}
}

// nearly reports whether two numbers differ by rounding errors only.
func nearly(a, b float64) bool {
	return math.Abs(a-b) <= 1e-9*max(1, math.Abs(a), math.Abs(b))
}

// maxCount is the largest total that FitCounts takes: below it a float64 holds
// every whole number and its quarters.
const maxCount = 1 << 51

// FitCounts returns non-negative whole numbers that add up exactly: Fit, then
// controlled rounding from the top down. The top of each tree is its fitted
// value rounded, at least 0. The children of a node get the whole numbers of at
// least 0 that are nearest to their fitted values, in the sum of squares, among
// those that add up to what the node got. Between equally near ones the child of
// lower index gets more.
//
// The totals of a tree stay unbiased at the top as long as its fitted value is
// above 0; small parts are pushed up by the cut at 0, and their larger siblings
// down by as much. Show these numbers; for further arithmetic take Fit's.
//
// The error is of kind fault.Plan: as for Fit, and for totals beyond 2⁵¹.
func (t Tree) FitCounts() ([]int64, error) {
	fitted, err := t.Fit()
	if err != nil {
		return nil, err
	}
	for i, x := range fitted {
		if math.Abs(x) > maxCount {
			return nil, fault.Planf("tree: node %d is beyond 2^51, where counts are no longer exact; use Fit", i)
		}
	}
	o, err := t.order()
	if err != nil {
		return nil, err
	}
	counts, rest := make([]int64, len(t)), make([]float64, len(t))
	for _, i := range o.down {
		if t[i].Parent < 0 {
			counts[i] = int64(max(0, math.Round(fitted[i])))
		}
		roundChildren(fitted, rest, counts, counts[i], o.children[i])
	}
	return counts, nil
}

// roundChildren sets counts of children to the nearest non-negative integers
// that add up to total. rest is scratch.
//
// Without the demand for whole numbers the nearest are max(0, x-c), c being the
// number at which they add up to total (projection on a simplex: the children
// above 0 all move by the same, as any two of them could otherwise exchange a
// little to come nearer). Whole numbers: every child is rounded down, and what
// is left over goes one by one to the largest remainders. The result is the
// nearest, since no exchange of a unit between two children comes nearer: it
// changes the distance by 2(1+a-b), where a and b are the differences count-x of
// the taker and the giver, and rounding leaves all a within 1 of each other
// (children at 0 have a ≥ -c).
func roundChildren(fitted, rest []float64, counts []int64, total int64, children []int) {
	if len(children) == 0 {
		return
	}
	byValue := slices.Clone(children)
	slices.SortStableFunc(byValue, func(a, b int) int { return cmp.Compare(fitted[b], fitted[a]) })
	c, sum := 0.0, 0.0
	for k, i := range byValue {
		sum += fitted[i]
		shift := (sum - float64(total)) / float64(k+1)
		if k > 0 && fitted[i] <= shift {
			break
		}
		c = shift
	}
	left := total
	for _, i := range children {
		whole := math.Floor(max(0, fitted[i]-c))
		counts[i], rest[i] = int64(whole), fitted[i]-c-whole
		left -= counts[i]
	}
	slices.SortStableFunc(byValue, func(a, b int) int {
		return cmp.Or(cmp.Compare(rest[b], rest[a]), cmp.Compare(a, b))
	})
	// left is in 0 … len(children), up to rounding errors of c.
	for k := 0; left > 0; k = (k + 1) % len(byValue) {
		counts[byValue[k]]++
		left--
	}
	for k := len(byValue) - 1; left < 0; k = (k + len(byValue) - 1) % len(byValue) {
		if counts[byValue[k]] > 0 {
			counts[byValue[k]]--
			left++
		}
	}
}
