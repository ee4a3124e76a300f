package dp

import (
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/internal/exact"
)

// moments is the mean (degree 1) or the variance (degree 2) of kept rows.
//
// A value is j of G steps above the lower limit. With p = j/G the Bernstein
// polynomials of degree d are not negative and add up to 1:
//
//	d = 1:  G-j,  j                        of G
//	d = 2:  (G-j)², 2j(G-j), j²            of G²
//
// Their sums over the rows are what is released. One row changes the vector by
// entries of one sign that add up to Gᵈ, so the ℓ₁ sensitivity of m rows is
// m·Gᵈ: the noise of one count, for all d+1 sums. The number of rows n is the
// sum of all entries over Gᵈ, and with t = 2p-1 in [-1, 1]
//
//	d = 1:  Σt = j - (G-j),                                 over G
//	d = 2:  Σt = j² - (G-j)²,  Σt² = (G-j)² - 2j(G-j) + j², over G²
//
// since 1 = (p+q)², t = p²-q² and t² = (p-q)² for q = 1-p. Splitting the budget
// between a count and a centred sum costs twice the variance for the mean
// (both have variance 2(2/ε)² instead of 2·2/ε²), and releasing three separate
// sums costs more than three times it for the variance.
type moments struct {
	as           string
	degree       int // 1 or 2
	root         bool
	grid         grid
	lower, upper int64
	rows         int64
	at, input    int
}

// momentSteps is the binary logarithm of the steps of a float range: G is then
// between 2²⁰ and 2²¹, and G² fits a row's part of 64 bits.
const momentSteps = 20

func (a Mean) bind(b *binder) (statistic, error) {
	return bindMoments(b, a.As, a.Column, a.Lower, a.Upper, 1, false)
}

func (a Variance) bind(b *binder) (statistic, error) {
	return bindMoments(b, a.As, a.Column, a.Lower, a.Upper, 2, false)
}

func (a StdDev) bind(b *binder) (statistic, error) {
	return bindMoments(b, a.As, a.Column, a.Lower, a.Upper, 2, true)
}

func bindMoments(b *binder, as, column string, lower, upper float64, degree int, root bool) (statistic, error) {
	in, err := b.sampleInput(as, column, lower, upper, exact.Rat{}, momentSteps)
	if err != nil {
		return nil, err
	}
	s := &moments{as: as, degree: degree, root: root, grid: in.grid, lower: in.lower, upper: in.upper, rows: in.limit}
	if err := b.checkProduct(as, s.rows, s.power()); err != nil {
		return nil, err
	}
	s.input = b.input(in)
	return s, nil
}

// span is G, power Gᵈ.
func (s *moments) span() int64 { return s.upper - s.lower }

func (s *moments) power() int64 {
	if s.degree == 1 {
		return s.span()
	}
	return s.span() * s.span()
}

func (s *moments) kind() string {
	switch {
	case s.degree == 1:
		return "mean"
	case s.root:
		return "stddev"
	}
	return "variance"
}

func (s *moments) width() int         { return s.degree + 1 }
func (s *moments) first() int         { return s.at }
func (s *moments) place(at int)       { s.at = at }
func (s *moments) sensitivity() int64 { return s.rows * s.power() }
func (s *moments) seen() int64        { return s.rows }

func (s *moments) unit() (grid, bool) {
	return newGrid(exact.Frac(1, s.power())), false
}

func (s *moments) stdError(float64) float64 { return 0 }

func (s *moments) fields() []arrow.Field {
	return []arrow.Field{{Name: s.as, Type: arrow.PrimitiveTypes.Float64}}
}

func (s *moments) tally(r *run, t *tally) {
	in := &r.inputs[s.input]
	span := s.span()
	for i, g := range r.group {
		values, first := in.values(i, 1)
		for k, v := range values {
			n := in.count[first+k] * r.times(i)
			j := int64(v) - s.lower
			if s.degree == 1 {
				t.sum(g, s.at, mul(span-j, n))
				t.sum(g, s.at+1, mul(j, n))
				continue
			}
			t.sum(g, s.at, mul((span-j)*(span-j), n))
			t.sum(g, s.at+1, mul(2*j*(span-j), n))
			t.sum(g, s.at+2, mul(j*j, n))
		}
	}
}

// columns computes the statistic from noised sums. A noised number of rows
// below 1 is taken as 1, and the result is clamped to what the range allows;
// both look at noised numbers only.
func (s *moments) columns(sums [][]int128) []arrow.Array {
	b := array.NewFloat64Builder(memory.DefaultAllocator)
	b.Reserve(len(sums[0]))
	lower, upper := s.grid.value(int128Of(s.lower)), s.grid.value(int128Of(s.upper))
	half := (upper - lower) / 2
	scale := float64(s.power())
	for i := range sums[0] {
		var out float64
		if s.degree == 1 {
			q, p := sums[0][i], sums[1][i]
			n := max(q.add(p).float(), scale) // of rows, times scale
			mean := p.sub(q).float() / n
			out = lower + half + half*clampFloat(mean, -1, 1)
			out = clampFloat(out, lower, upper)
		} else {
			qq, pq, pp := sums[0][i], sums[1][i], sums[2][i]
			n := max(qq.add(pq).add(pp).float(), scale)
			mean := clampFloat(pp.sub(qq).float()/n, -1, 1)
			square := clampFloat(qq.sub(pq).add(pp).float()/n, 0, 1)
			out = clampFloat(square-mean*mean, 0, 1)
			if s.root {
				out = half * math.Sqrt(out)
			} else {
				out *= half * half
			}
		}
		b.UnsafeAppend(out + 0)
	}
	return []arrow.Array{b.NewArray()}
}

func clampFloat(x, lower, upper float64) float64 { return min(max(x, lower), upper) }
