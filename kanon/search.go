package kanon

import (
	"context"
	"slices"
	"time"
)

// SearchOptions say how to search. The zero value searches the whole lattice
// for the optimum, without suppression.
type SearchOptions struct {
	// SuppressionLimit is the number of rows that may be suppressed.
	SuppressionLimit int64
	// Levels fixes the level of a column that has one of at least 0; nil
	// fixes nothing.
	Levels []int
	// Deadline bounds the time of the search, 0 does not: when it has passed,
	// the best recoding found is returned with a lower bound on the cost of
	// every full-domain recoding.
	Deadline time.Duration
	// WildcardNulls counts classes by the rule of NullIsWildcard. The only
	// model that it goes with is KAnonymity.
	WildcardNulls bool
	Workers       int // 0: one per processor
	// Memory is the number of bytes of frequency sets of finished nodes that
	// are kept to start from, two sets at least; 0: three times those of the
	// set at the bottom, or a million classes more where it is small.
	Memory int64
	// Progress hears of nodes checked, and of the nodes of the lattice.
	Progress func(done, total int64)

	boxes bool // search by boxes whatever the size of the lattice, for tests
}

// A SearchResult is the best node found and what is known about it.
type SearchResult struct {
	Kind              string // "optimal", "anytime", "greedy", "mondrian" or "mdav"
	Node              Node   // nil where rows differ in their levels, or where no node is feasible
	Score             Score
	SuppressedRows    int64
	SuppressedClasses int64
	Classes           int64 // classes kept
	LatticeNodes      int64 // nodes of the lattice searched, at most math.MaxInt64
	CheckedNodes      int64 // nodes whose classes were looked at
	Optimal           bool  // no full-domain recoding of the free columns costs less
	// LowerBound is no more than the cost of any full-domain recoding of the
	// free columns that satisfies the models; nil where none is known.
	LowerBound Score

	set        *FrequencySet // at Node
	suppressed []int32       // its failing classes, in order
	cutShort   bool          // a deadline ended the search
}

// Gap returns Score - LowerBound, element by element, nil without a bound.
func (r *SearchResult) Gap() Score {
	if r.LowerBound == nil {
		return nil
	}
	gap := make(Score, len(r.Score))
	for i := range gap {
		gap[i] = max(0, r.Score[i]-r.LowerBound[i])
	}
	return gap
}

// Search finds the node of least cost at which the rows of failing classes are
// no more than the suppression limit. Among nodes of equal cost it takes the
// one of the least height, then the one with the least levels, column by
// column. The result depends neither on the number of workers nor on timing,
// unless a deadline ends the search. If no node is feasible, Node is nil.
//
// The search is best first on lower bounds that need no data (BoundCost), and
// learns from every node it checks: rows that fail for a reason that persists
// below (a class too small, any Growing model) must be suppressed at every
// finer node too, which raises the bounds there or rules the nodes out.
func Search(ctx context.Context, base *FrequencySet, models []PrivacyModel, cost Cost, o SearchOptions) (*SearchResult, error) {
	if err := checkModels(models); err != nil {
		return nil, err
	}
	if cost == nil {
		cost = Loss{GSFactor: 0.5}
	}
	if o.WildcardNulls {
		if err := checkWildcard(models, len(base.QuasiIdentifiers)); err != nil {
			return nil, err
		}
	}
	bound, err := cost.Bind(base)
	if err != nil {
		return nil, err
	}
	j, err := newJudge(base, models, o.SuppressionLimit)
	if err != nil {
		return nil, err
	}
	j.wildcard = o.WildcardNulls
	return searchJudged(ctx, base, j, bound, o)
}

// searchJudged is Search for bound models and cost. The judge may be bound to
// a larger table, of which base is a part.
func searchJudged(ctx context.Context, base *FrequencySet, j *judge, bound BoundCost, o SearchOptions) (*SearchResult, error) {
	s := &search{
		base: base, judge: j, cost: bound, lattice: latticeOf(base.QuasiIdentifiers, o.Levels),
		workers: parallel(o.Workers), progress: o.Progress, boxes: o.boxes, sets: setCache{memory: o.Memory},
	}
	if o.Deadline > 0 {
		s.deadline = time.Now().Add(o.Deadline)
	}
	s.suppressing, _ = bound.(SuppressingCost)
	s.monotone, _ = bound.(MonotoneCost)
	if err := s.run(ctx); err != nil {
		return nil, err
	}
	return s.result(), nil
}

// A candidate is a feasible node with its score.
type candidate struct {
	node       Node
	height     int
	score      Score
	rows       int64
	set        *FrequencySet
	suppressed []int32
}

// better is the order of results: score, height, levels.
func (c *candidate) better(d *candidate) bool {
	if d == nil {
		return true
	}
	if o := c.score.Compare(d.score); o != 0 {
		return o < 0
	}
	if c.height != d.height {
		return c.height < d.height
	}
	return slices.Compare(c.node, d.node) < 0
}

// slack is how far rounding may push a bound above the score that it bounds,
// relative to 1 + score. Loss rounds the loss of a column down to ten decimals,
// so two sums that differ in their last bit may differ by 10⁻¹⁰ after it; all
// else is smaller. Nodes within the slack are looked at.
const slack = 1e-9

// hopeless reports whether a node whose score is at least bound can't beat the
// best one.
func (c *candidate) hopeless(bound Score, n func() Node) bool {
	if c == nil {
		return false
	}
	for i, b := range bound {
		eps := slack * (1 + max(c.score[i], -c.score[i]))
		switch {
		case b > c.score[i]+eps:
			return true
		case b < c.score[i]:
			return false
		case b > c.score[i]:
			return false // within rounding: look
		}
	}
	// The bound is the best score: a tie, which height and levels decide.
	node := n()
	if h := node.Height(); h != c.height {
		return h > c.height
	}
	return slices.Compare(node, c.node) >= 0
}
