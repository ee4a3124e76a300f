package kanon

import (
	"context"
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
	Workers  int // 0: one per processor
	Progress func(done, total int64)
}

// A SearchResult is the best node found and what is known about it.
type SearchResult struct {
	Kind              string // "optimal", "anytime" or "mondrian"
	Node              Node   // nil where rows differ in their levels
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
// no more than the suppression limit.
func Search(ctx context.Context, base *FrequencySet, models []PrivacyModel, cost Cost, o SearchOptions) (*SearchResult, error) {
	return nil, nil
}
