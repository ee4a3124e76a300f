package dp

import (
	"math"
	"math/big"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/internal/exact"
	"github.com/oboro-data/oboro/internal/fault"
)

// quantileTree counts kept rows in nested intervals: every step of the range at
// the bottom, 16 of them in the level above, and so on, up to at most 16
// intervals at the top. A row counts once on each level, so that a unit with m
// rows changes the counts by at most h·m in the ℓ₁ norm, h levels, and, where
// all of its rows are in one interval on every level, by √h·m in ℓ₂.
//
// All counts get noise, once, and are then fitted to one another by least
// squares (Tree.Fit): that of an interval and the sum of those below it tell the
// same, and together more. From the fitted counts of the bottom any rank can be
// read at no cost. The number of counts is that of the steps and a fifteenth
// more, however many rows there are, and partial counts add.
//
// For few ranks the exponential mechanism is closer (docs/accuracy.md); a
// tree is for many ranks, or a whole distribution, of a coarse range.
type quantileTree struct {
	as           string
	names        []string
	ranks        []float64
	grid         grid
	lower, steps int64
	offsets      []int // of the levels among the sums, from the bottom
	rows         int64
	at, input    int
}

const (
	treeBranch   = 4 // log₂ of the intervals in one of the level above
	treeSteps    = 12
	maxTreeSteps = 1 << 14
)

func bindQuantileTree(b *binder, a Quantiles, names []string) (statistic, error) {
	if a.Auto != 0 {
		return nil, fault.Planf("aggregate %q: a quantile tree needs its range; state it, or leave the tree out", a.As)
	}
	step, err := b.resolution(a.As, a.Resolution)
	if err != nil {
		return nil, err
	}
	in, err := b.sampleInput(a.As, a.Column, a.Lower, a.Upper, step, treeSteps)
	if err != nil {
		return nil, err
	}
	s := &quantileTree{as: a.As, names: names, ranks: slices.Clone(a.Ranks), grid: in.grid, lower: in.lower, steps: in.upper - in.lower + 1, rows: in.limit}
	if s.steps > maxTreeSteps {
		return nil, fault.Planf("aggregate %q: the range has %d multiples of the resolution, more than the %d of a quantile tree; choose a coarser resolution", a.As, s.steps, int64(maxTreeSteps))
	}
	for i, q := range a.Ranks {
		if !(q >= 0 && q <= 1) {
			return nil, fault.Planf("aggregate %q: rank %d is outside [0, 1]; 0.5 is the median", a.As, i+1)
		}
	}
	total := 0
	for level := 0; ; level++ {
		s.offsets = append(s.offsets, total)
		n := s.intervals(level)
		if total += n; n <= 1<<treeBranch {
			break
		}
	}
	s.offsets = append(s.offsets, total)
	if err := b.checkProduct(a.As, s.rows, int64(len(s.offsets))); err != nil {
		return nil, err
	}
	s.input = b.input(in)
	return s, nil
}

// intervals is the number of intervals of a level.
func (s *quantileTree) intervals(level int) int {
	return int((s.steps-1)>>(treeBranch*level)) + 1
}

func (s *quantileTree) levels() int64      { return int64(len(s.offsets) - 1) }
func (s *quantileTree) kind() string       { return "quantiles" }
func (s *quantileTree) width() int         { return s.offsets[len(s.offsets)-1] }
func (s *quantileTree) first() int         { return s.at }
func (s *quantileTree) place(at int)       { s.at = at }
func (s *quantileTree) sensitivity() int64 { return s.levels() * s.rows }
func (s *quantileTree) seen() int64        { return s.rows }

// l2Squared is h·m².
func (s *quantileTree) l2Squared() *big.Int {
	m := big.NewInt(s.rows)
	return m.Mul(m, m).Mul(m, big.NewInt(s.levels()))
}

func (s *quantileTree) unit() (grid, bool)       { return newGrid(exact.Int(1)), false }
func (s *quantileTree) stdError(float64) float64 { return 0 }

func (s *quantileTree) fields() []arrow.Field {
	out := make([]arrow.Field, len(s.names))
	for i, name := range s.names {
		out[i] = arrow.Field{Name: name, Type: arrow.PrimitiveTypes.Float64}
	}
	return out
}

func (s *quantileTree) tally(r *run, t *tally) {
	in := &r.inputs[s.input]
	for i, g := range r.group {
		values, first := in.values(i, 1)
		for k, v := range values {
			n, j := mul(in.count[first+k], r.times(i)), int64(v)-s.lower
			for level := range s.offsets[1:] {
				t.sum(g, s.at+s.offsets[level]+int(j>>(treeBranch*level)), n)
			}
		}
	}
}

func (s *quantileTree) columns(sums [][]int128) []arrow.Array {
	tree := make(Tree, s.width())
	for level := range s.offsets[1:] {
		for j := range s.intervals(level) {
			parent := -1
			if level+1 < len(s.offsets)-1 {
				parent = s.offsets[level+1] + j>>treeBranch
			}
			tree[s.offsets[level]+j] = Node{Parent: parent, Variance: 1}
		}
	}
	out := make([]*array.Float64Builder, len(s.ranks))
	for i := range out {
		out[i] = array.NewFloat64Builder(memory.DefaultAllocator)
	}
	for i := range sums[0] {
		for j := range tree {
			tree[j].Value = sums[j][i].float()
		}
		fitted, err := tree.Fit()
		if err != nil { // the tree is one, and its values are finite
			fitted = make([]float64, len(tree))
		}
		for k, v := range s.read(fitted) {
			out[k].Append(v)
		}
	}
	columns := make([]arrow.Array, len(out))
	for i, b := range out {
		columns[i] = b.NewArray()
	}
	return columns
}

// read is the value at every rank. From the top down, a rank falls into the
// interval where the counts of its level, those below 0 taken as 0, reach its
// share of their sum, and what is left of the share goes on inside. This is the
// inverse of a distribution function, so that values never decrease with rank.
// Where noise leaves no rows, intervals share the rank evenly.
func (s *quantileTree) read(fitted []float64) []float64 {
	out := make([]float64, len(s.ranks))
	for i, q := range s.ranks {
		from, width := 0, s.intervals(len(s.offsets)-2)
		for level := len(s.offsets) - 2; ; level-- {
			counts := fitted[s.offsets[level]+from:][:width]
			j, rest := share(counts, q)
			if from, q = from+j, rest; level == 0 {
				break
			}
			from <<= treeBranch
			width = min(1<<treeBranch, s.intervals(level-1)-from)
		}
		out[i] = s.grid.value(int128Of(s.lower + int64(from)))
	}
	return out
}

// share is the count at which a share q of all counts is reached, and the share
// of that count that is needed.
func share(counts []float64, q float64) (at int, rest float64) {
	sum := 0.0
	for _, c := range counts {
		sum += math.Max(0, c)
	}
	if !(sum > 0) {
		x := q * float64(len(counts))
		at = min(int(x), len(counts)-1)
		return at, x - float64(at)
	}
	// Of rank 0 the first row, not the first interval.
	left, last := math.Max(q*sum, math.Min(0.5, sum/2)), 0
	for i, c := range counts {
		if c <= 0 {
			continue
		}
		if last = i; left <= c {
			return i, left / c
		}
		left -= c
	}
	return last, 1
}
