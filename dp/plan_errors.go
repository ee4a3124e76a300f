package dp

import "math"

// A ratio is a statistic that divides by the noised number of rows, so that its
// error falls with the rows of a group. errorTimesRows is K, given the standard
// error of one of its sums, in whole steps: to first order in the noise, the
// standard error of each output column is at most K/n in a group of n kept
// rows, whatever their values.
type ratio interface {
	errorTimesRows(perSum float64) float64
}

// errorTimesRows of moments. Let s be the standard error of a sum in rows, and
// values lie in [0, 1].
//
// Mean: with noise a on Σp and b on Σ(1-p), the released p̂ = (Σp+a)/(n+a+b) is
// off by ((1-p)·a - p·b)/n, whose standard error is s·√((1-p)²+p²)/n ≤ s/n.
//
// Variance: in t = 2p-1, with mean m and variance v ≤ 1-m², noise z₀, z₁, z₂ on
// the three sums moves v by
//
//	( ((1+m)²-v)·z₂ - (1-m²+v)·z₁ + ((1-m)²-v)·z₀ )/n.
//
// The sum of the squared factors is convex in v, 3+10m²+3m⁴ at v = 0 and 4+12m⁴
// at v = 1-m²: at most 16. So the standard error is at most 4s/n, and for a
// range of length R, of which t has half, R²·s/n.
func (s *moments) errorTimesRows(perSum float64) float64 {
	if s.root {
		return 0 // that of the variance over twice the standard deviation
	}
	rows := perSum / float64(s.power())
	length := s.grid.value(int128Of(s.span()))
	return rows * math.Pow(length, float64(s.degree))
}

// errorTimesRows of covariance. Noise z[i][l] on the nine sums of a pair of
// means P, Q and covariance C moves C by Σ z[i][l]·((i/2-P)(l/2-Q) - C)/n.
//
// The sum of the squared factors is A(P)A(Q) - 2C·B(P)B(Q) + 9C² with
// A(P) = 3P²-3P+5/4 and B(P) = 3(1-2P)/2. It is convex in C, whose square is at
// most P(1-P)Q(1-Q), and greatest in a corner, (5/4)². The variance of a column
// moves by Σ z[i][l]·(c_i)/n with c = (P²-V, P²-P-V, (1-P)²-V), so that the
// squares sum up to at most 3, as in moments.
func (s *covariance) errorTimesRows(perSum float64) float64 {
	if s.correlation {
		return 0
	}
	most := 0.0
	s.pairs(func(x, y, _ int) {
		rows := perSum / float64(s.power(x, y))
		lx, ly := s.length(x), s.length(y)
		most = max(most, 1.25*rows*lx*ly, math.Sqrt(3)*rows*lx*lx, math.Sqrt(3)*rows*ly*ly)
	})
	return most
}

// length is that of the range of a column.
func (s *covariance) length(x int) float64 {
	return s.parts[x].grid.value(int128Of(s.parts[x].span()))
}

// StdErrorAt is the most that the noise adds to the standard error of an output
// column in a group of so many kept rows, to first order in the noise: it holds
// for groups of many more rows than Scale. ok is false where only the values
// themselves would tell; NoError says why.
func (f *AggregateFigures) StdErrorAt(rows int64) (stdError float64, ok bool) {
	switch {
	case f.NoError != "" || rows < 1:
		return 0, false
	case f.ErrorTimesRows > 0:
		return f.ErrorTimesRows / float64(rows), true
	}
	return f.StdError, true
}

// noError says why a statistic has no standard error that follows from public
// parameters; "" where it has one.
func noError(kind string) string {
	switch kind {
	case "stddev":
		return "it depends on the spread of the values: about that of the variance, divided by twice the standard deviation"
	case "correlation":
		return "it depends on the spread of the values"
	case "quantiles", "min", "max":
		return "it depends on how close together the values lie; the scale is in rows by which a rank is off"
	case "top-k":
		return "values are named and not counted; the scale is in units by which a named value falls short"
	}
	return ""
}
