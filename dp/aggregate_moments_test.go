package dp

import (
	"math"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/internal/exact"
)

// The mean of equal rows is their value to the last bit, also in the widest of
// ranges.
func TestMomentsOfEqualRows(t *testing.T) {
	for _, c := range []struct {
		lower, upper, value float64
		rows                int64
	}{
		{-10, 10, 1, 3}, {0, 100, 37, 7}, {-5, 3, -1, 1000003}, {-10, 10, 0.25, 11},
		{-0x1p332, 0x1p332, 0x1p330, 3}, {-0x1p332, 0x1p332, -0x1p332, 1}, {0, 0x1p332, 0x1p331, 5},
	} {
		lo, _ := exact.FromBinary(c.lower)
		hi, _ := exact.FromBinary(c.upper)
		v, _ := exact.FromBinary(c.value)
		g := newGrid(powerOfTwoStep(hi.Sub(lo), 10))
		s := &moments{degree: 1, grid: g, rows: 1}
		s.lower, s.upper, _ = g.between(lo, hi)
		at, _, _ := g.between(v, hi)
		j, span := at-s.lower, s.span()
		if got := only(t, s, mul(span-j, c.rows), mul(j, c.rows)); got != c.value {
			t.Errorf("%d rows of %v in [%v, %v] have mean %v", c.rows, c.value, c.lower, c.upper, got)
		}
		s.degree, s.root = 2, true
		if got := only(t, s, mul((span-j)*(span-j), c.rows), mul(2*j*(span-j), c.rows), mul(j*j, c.rows)); got > c.upper*1e-7 || math.IsNaN(got) {
			t.Errorf("%d rows of %v in [%v, %v] have standard deviation %v", c.rows, c.value, c.lower, c.upper, got)
		}
	}
}

// only is the statistic of the one group whose sums are given.
func only(t *testing.T, s *moments, sums ...int128) float64 {
	t.Helper()
	groups := make([][]int128, len(sums))
	for i, x := range sums {
		groups[i] = []int128{x}
	}
	out := s.columns(groups)
	defer out[0].Release()
	return out[0].(*array.Float64).Value(0)
}
