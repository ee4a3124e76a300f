package risk

import (
	"context"
	"math/bits"
	"slices"

	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/kanon"
)

// A Combination is a set of columns and how far it tells rows apart (Motwani,
// Xu: Efficient Algorithms for Masking and Finding Quasi-Identifiers, 2007).
// With n rows in classes of c rows each:
type Combination struct {
	Columns []string
	// Distinction is the share of rows that would be left if one of each class
	// were: the number of classes over n.
	Distinction float64
	// Separation is the share of pairs of rows that differ:
	// 1 - Σ c·(c-1) / (n·(n-1)).
	Separation float64
}

// Combinations returns every set of up to size quasi-identifiers of a set,
// smaller ones first. Its cost is that of sorting the classes once for each, so
// the number of sets is bounded: more than a million are an error of kind Plan.
func Combinations(ctx context.Context, set *kanon.FrequencySet, size int) ([]Combination, error) {
	return walk(ctx, set, size, nil)
}

// Identifying returns the minimal sets of up to size quasi-identifiers whose
// distinction is at least the threshold: no set returned contains another.
// Adding a column never lowers the distinction, so the supersets of a set found
// are not looked at; nor are sets whose columns have too few values between
// them.
func Identifying(ctx context.Context, set *kanon.FrequencySet, size int, threshold float64) ([]Combination, error) {
	if !(threshold > 0 && threshold <= 1) {
		return nil, fault.Planf("identifying combinations: the threshold must be above 0 and at most 1")
	}
	return walk(ctx, set, size, &threshold)
}

// walk visits sets of columns by size. With a threshold it keeps minimal ones
// that reach it.
func walk(ctx context.Context, set *kanon.FrequencySet, size int, threshold *float64) ([]Combination, error) {
	t, err := newCoded(set, size)
	if err != nil {
		return nil, err
	}
	var out []Combination
	var found []uint64
	for _, mask := range t.masks {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if threshold != nil {
			if slices.ContainsFunc(found, func(f uint64) bool { return f&mask == f }) || t.most(mask) < *threshold*float64(t.total) {
				continue
			}
		}
		c := t.combination(mask)
		if threshold != nil {
			if c.Distinction < *threshold {
				continue
			}
			found = append(found, mask)
		}
		out = append(out, c)
	}
	return out, nil
}

// coded is a table as columns of codes with row counts.
type coded struct {
	names  []string
	codes  [][]int32
	values []int // codes per column
	rows   []int64
	total  int64
	masks  []uint64 // sets of columns, by size
	ids    []int32  // group of each entry
}

const maxCombinations = 1_000_000

func newCoded(set *kanon.FrequencySet, size int) (*coded, error) {
	d := len(set.QuasiIdentifiers)
	if d > 64 {
		return nil, fault.Planf("combinations of columns: %d columns are given, at most 64 can be combined", d)
	}
	if size < 1 {
		return nil, fault.Planf("combinations of columns: the size is %d; give at least 1", size)
	}
	t := &coded{}
	for c := range set.QuasiIdentifiers {
		q := &set.QuasiIdentifiers[c]
		t.names = append(t.names, q.Name)
		t.values = append(t.values, len(q.Table.Levels[set.Node[c]].Labels))
		t.codes = append(t.codes, nil)
	}
	for i := range set.Len() {
		if n := set.ClassRows(i); n > 0 {
			for c := range t.codes {
				t.codes[c] = append(t.codes[c], set.Label(i, c))
			}
			t.rows = append(t.rows, n)
			t.total += n
		}
	}
	t.ids = make([]int32, len(t.rows))
	for k := 1; k <= min(size, d); k++ {
		if err := t.addMasks(0, 0, k); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// addMasks adds to mask k of the columns from next on.
func (t *coded) addMasks(mask uint64, next, k int) error {
	if k == 0 {
		if len(t.masks) == maxCombinations {
			return fault.Planf("combinations of columns: there are more than a million; give a smaller size")
		}
		t.masks = append(t.masks, mask)
		return nil
	}
	for c := next; c+k <= len(t.codes); c++ {
		if err := t.addMasks(mask|1<<c, c+1, k-1); err != nil {
			return err
		}
	}
	return nil
}

// most bounds the number of classes of a set of columns.
func (t *coded) most(mask uint64) float64 {
	product := 1.0
	for m := mask; m != 0; m &= m - 1 {
		product *= float64(t.values[bits.TrailingZeros64(m)])
	}
	return min(product, float64(len(t.rows)))
}

// group returns the rows of every class of a set of columns, and sets ids.
func (t *coded) group(mask uint64) []int64 {
	clear(t.ids)
	groups := int32(1)
	for m := mask; m != 0; m &= m - 1 {
		codes := t.codes[bits.TrailingZeros64(m)]
		next := make(map[uint64]int32, groups)
		for i, id := range t.ids {
			key := uint64(id)<<32 | uint64(uint32(codes[i]))
			to, ok := next[key]
			if !ok {
				to = int32(len(next))
				next[key] = to
			}
			t.ids[i] = to
		}
		groups = int32(len(next))
	}
	rows := make([]int64, groups)
	for i, id := range t.ids {
		rows[id] += t.rows[i]
	}
	return rows
}

func (t *coded) combination(mask uint64) Combination {
	c := Combination{Columns: t.columns(mask)}
	n := float64(t.total)
	if n == 0 {
		return c
	}
	rows := t.group(mask)
	together := 0.0
	for _, r := range rows {
		together += float64(r) * float64(r-1)
	}
	c.Distinction = float64(len(rows)) / n
	if n > 1 {
		c.Separation = 1 - together/(n*(n-1))
	}
	return c
}

func (t *coded) columns(mask uint64) []string {
	var out []string
	for m := mask; m != 0; m &= m - 1 {
		out = append(out, t.names[bits.TrailingZeros64(m)])
	}
	return out
}

// A SUDA holds the special uniques of a table.
type SUDA struct {
	// Scores holds the score of each class of the set; only classes of one row
	// have one above 0.
	Scores []float64
	// Contributions is the share of each column, by quasi-identifier, in the
	// sum of the scores: that of the minimal sets that contain it. Sets of
	// several columns count for each, so the shares add up to more than 1.
	Contributions []float64
	// Minimal counts the minimal sets found, by size: Minimal[k-1] of k columns.
	Minimal []int64
}

// SpecialUniques finds, for every unique row, the minimal sets of columns by
// which it is unique (Elliot, Manning, Ford: A Computational Algorithm for
// Handling the Special Uniques Problem, 2002; SUDA2: Manning, Haglin, Keane
// 2008). With d columns, a minimal set of k columns adds (d-k)! to the score of
// its row: the number of paths on which the row stays unique as the other
// columns are added. Sets of more than size columns are not looked for.
//
// The set should be at the level of rows: a class of one row at a higher node
// is a unique row of the generalised table.
func SpecialUniques(ctx context.Context, set *kanon.FrequencySet, size int) (*SUDA, error) {
	t, err := newCoded(set, size)
	if err != nil {
		return nil, err
	}
	d := len(t.codes)
	minimal := make([][]uint64, len(t.rows))
	out := &SUDA{Contributions: make([]float64, d), Minimal: make([]int64, min(size, d))}
	scores := make([]float64, len(t.rows))
	total := 0.0
	for _, mask := range t.masks {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		k := bits.OnesCount64(mask)
		weight := 1.0
		for j := 2; j <= d-k; j++ {
			weight *= float64(j)
		}
		rows := t.group(mask)
		for i, id := range t.ids {
			if rows[id] != 1 || slices.ContainsFunc(minimal[i], func(m uint64) bool { return m&mask == m }) {
				continue
			}
			minimal[i] = append(minimal[i], mask)
			out.Minimal[k-1]++
			scores[i] += weight
			total += weight
			for m := mask; m != 0; m &= m - 1 {
				out.Contributions[bits.TrailingZeros64(m)] += weight
			}
		}
	}
	for c := range out.Contributions {
		if total > 0 {
			out.Contributions[c] /= total
		}
	}
	next := 0
	for i := range set.Len() { // classes without rows were left out
		score := 0.0
		if set.ClassRows(i) > 0 {
			score = scores[next]
			next++
		}
		out.Scores = append(out.Scores, score)
	}
	return out, nil
}
