package kanontest

import (
	"math"
	"slices"
	"testing"

	"github.com/oboro-data/oboro/kanon"
)

// Cost checks, on random tables and random sets of suppressed classes:
//
//   - scores are numbers, of one length, and the same when asked again;
//   - LowerBound is at most Score for every set of suppressed classes;
//   - SuppressingCost: LowerBoundSuppressing is at most Score for every set
//     with at least as many rows, decreases neither in the node nor in the
//     rows (but for rounding, 1e-12 of it), and is LowerBound for 0 rows;
//   - MonotoneCost: MonotoneLowerBound is at most Score at every node above,
//     for every set of suppressed classes there.
func Cost(t *testing.T, cost kanon.Cost) {
	t.Helper()
	if cost.String() == "" {
		t.Fatal("String is empty")
	}
	for seed := range rounds(t) {
		tb := newTable(t, seed, shape{})
		bound, err := cost.Bind(tb.base)
		if err != nil {
			t.Fatalf("seed %d: Bind: %v", seed, err)
		}
		if len(tb.rows) == 0 {
			continue // nothing to lose
		}
		lower := tb.base.Generalize(tb.nodeAbove(tb.bottom()))
		upper := lower.Generalize(tb.nodeAbove(lower.Node))
		for range 4 {
			few, many := tb.someClasses(lower), tb.someClasses(upper)
			at := tb.score(t, bound, lower, few)
			above := tb.score(t, bound, upper, many)
			if len(at) != len(above) {
				t.Fatalf("seed %d: scores have %d and %d elements", seed, len(at), len(above))
			}
			if least := bound.LowerBound(lower.Node); slices.Compare(least, at) > 0 {
				t.Fatalf("seed %d: LowerBound %v exceeds Score %v at %v, classes %v suppressed", seed, least, at, lower.Node, few)
			}
			if b, ok := bound.(kanon.SuppressingCost); ok {
				tb.suppressing(t, b, lower, upper, few, at)
			}
			if b, ok := bound.(kanon.MonotoneCost); ok {
				if least := b.MonotoneLowerBound(lower.Node, lower, few); slices.Compare(least, above) > 0 {
					t.Fatalf("seed %d: MonotoneLowerBound %v at %v exceeds Score %v at %v, classes %v suppressed",
						seed, least, lower.Node, above, upper.Node, many)
				}
			}
		}
	}
}

// suppressing checks LowerBoundSuppressing at a node and one above it.
func (tb *table) suppressing(t *testing.T, b kanon.SuppressingCost, lower, upper *kanon.FrequencySet, suppressed []int32, score kanon.Score) {
	t.Helper()
	var rows int64
	for _, i := range suppressed {
		rows += lower.ClassRows(int(i))
	}
	if got, want := b.LowerBoundSuppressing(lower.Node, 0), b.LowerBound(lower.Node); slices.Compare(got, want) != 0 {
		t.Fatalf("seed %d: LowerBoundSuppressing(n, 0) is %v, LowerBound(n) %v", tb.seed, got, want)
	}
	fewer := tb.random.Int64N(rows + 1)
	least, more := b.LowerBoundSuppressing(lower.Node, fewer), b.LowerBoundSuppressing(lower.Node, rows)
	if slices.Compare(more, score) > 0 || decreases(least, more) {
		t.Fatalf("seed %d: LowerBoundSuppressing is %v for %d rows and %v for %d, Score %v at %v", tb.seed, least, fewer, more, rows, score, lower.Node)
	}
	if above := b.LowerBoundSuppressing(upper.Node, rows); decreases(more, above) {
		t.Fatalf("seed %d: LowerBoundSuppressing of %d rows is %v at %v and %v at %v above it", tb.seed, rows, more, lower.Node, above, upper.Node)
	}
}

// decreases reports b < a by more than rounding explains.
func decreases(a, b kanon.Score) bool {
	for i := range a {
		if slack := 1e-12 * math.Abs(a[i]); math.Abs(a[i]-b[i]) > slack {
			return b[i] < a[i]
		}
	}
	return false
}

// score asks twice.
func (tb *table) score(t *testing.T, b kanon.BoundCost, set *kanon.FrequencySet, suppressed []int32) kanon.Score {
	t.Helper()
	before := slices.Clone(suppressed)
	s := slices.Clone(b.Score(set.Node, set, suppressed))
	if again := b.Score(set.Node, set, suppressed); slices.Compare(s, again) != 0 {
		t.Fatalf("seed %d: Score at %v is %v, then %v", tb.seed, set.Node, s, again)
	}
	if !slices.Equal(before, suppressed) {
		t.Fatalf("seed %d: Score changed the suppressed classes", tb.seed)
	}
	if len(s) == 0 || slices.ContainsFunc(s, math.IsNaN) {
		t.Fatalf("seed %d: Score at %v is %v", tb.seed, set.Node, s)
	}
	return s
}

// someClasses returns none, some or all classes of a set.
func (tb *table) someClasses(set *kanon.FrequencySet) []int32 {
	var out []int32
	share := []int{0, 1, 2, 4}[tb.random.IntN(4)]
	for i := range set.Len() {
		if tb.random.IntN(4) < share {
			out = append(out, int32(i))
		}
	}
	return out
}
