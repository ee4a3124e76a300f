package dp

import (
	"math"
	"math/big"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/internal/exact"
	"github.com/oboro-data/oboro/internal/fault"
)

// Covariance is the population covariance matrix of two to five numeric columns
// over kept rows, float64: one column As_X_Y for each pair X, Y of columns in
// the order named, X_X being the variance. A row counts if it has values in all
// columns; values are clamped to the column's limits.
type Covariance struct {
	As           string
	Columns      []string
	Lower, Upper []float64 // of each column
	Weight       float64
}

// Correlation is the matrix of correlation coefficients, in [-1, 1]: one column
// As_X_Y for each pair of different columns. It is 0 where the noised variance
// of one of them is not above 0. See Covariance.
type Correlation struct {
	As           string
	Columns      []string
	Lower, Upper []float64
	Weight       float64
}

// OutputName returns As, the prefix of the columns' names.
func (a Covariance) OutputName() string { return a.As }

// OutputName returns As, the prefix of the columns' names.
func (a Correlation) OutputName() string { return a.As }

func (a Covariance) weight() float64  { return a.Weight }
func (a Correlation) weight() float64 { return a.Weight }

// covariance releases, for each pair of columns, the sums of nine products of
// Bernstein polynomials. With p = j/G and q = k/H in [0, 1] the values of the
// two columns, and b = (1-p)², 2p(1-p), p² (see moments),
//
//	T[i][l] = Σ over rows of b_i(p)·b_l(q),  i, l = 0, 1, 2.
//
// For one row the nine are not negative and add up to 1, in whole numbers to
// G²H²: the ℓ₁ and ℓ₂ sensitivity of a pair is m·G²H². Since Σ (i/2)·b_i(p) = p
// and b_2(p) = p², all moments up to the second are sums over T:
//
//	n = ΣT,  Σp = Σ i/2·T,  Σp² = Σ T[2][·],  Σpq = Σ i/2·l/2·T.
type covariance struct {
	as          string
	correlation bool
	names       []string
	parts       []*input
	rows        int64
	at, input   int
}

// jointSteps is the binary logarithm of the steps of a column that is read
// jointly with others; a step then fits jointBits bits.
const (
	jointSteps   = 10
	jointBits    = jointSteps + 1
	jointColumns = 5
)

func (a Covariance) bind(b *binder) (statistic, error) {
	return bindCovariance(b, a.As, a.Columns, a.Lower, a.Upper, false)
}

func (a Correlation) bind(b *binder) (statistic, error) {
	return bindCovariance(b, a.As, a.Columns, a.Lower, a.Upper, true)
}

func bindCovariance(b *binder, as string, columns []string, lower, upper []float64, correlation bool) (statistic, error) {
	if len(columns) < 2 || len(columns) > jointColumns || len(lower) != len(columns) || len(upper) != len(columns) {
		return nil, fault.Planf("aggregate %q: name between 2 and %d columns, and a range for each", as, jointColumns)
	}
	s := &covariance{as: as, correlation: correlation, names: slices.Clone(columns), rows: b.rowsPerGroup()}
	for i, c := range columns {
		if slices.Contains(columns[:i], c) {
			return nil, fault.Planf("aggregate %q: column %q is named twice", as, c)
		}
		part, err := b.sampleInput(as, c, lower[i], upper[i], exact.Rat{}, jointSteps)
		if err != nil {
			return nil, err
		}
		s.parts = append(s.parts, part)
	}
	if err := b.checkProduct(as, s.rows, s.perRow()); err != nil {
		return nil, err
	}
	s.input = b.input(&input{kind: samples, column: strings.Join(columns, "\x00"), joint: s.parts, upper: 1<<(jointBits*len(columns)) - 1, limit: s.rows})
	return s, nil
}

func (in *input) span() int64 { return in.upper - in.lower }

// pairs calls f for every pair of columns, with the index of its sums.
func (s *covariance) pairs(f func(x, y, at int)) {
	at := 0
	for x := range s.parts {
		for y := x + 1; y < len(s.parts); y++ {
			f(x, y, at)
			at += 9
		}
	}
}

// power is G²H² of a pair: at most 2⁴⁴.
func (s *covariance) power(x, y int) int64 {
	g, h := s.parts[x].span(), s.parts[y].span()
	return g * g * h * h
}

// perRow is what one row changes, over all pairs.
func (s *covariance) perRow() int64 {
	sum := int64(0)
	s.pairs(func(x, y, _ int) { sum += s.power(x, y) })
	return sum
}

func (s *covariance) kind() string {
	if s.correlation {
		return "correlation"
	}
	return "covariance"
}

func (s *covariance) width() int               { return 9 * len(s.parts) * (len(s.parts) - 1) / 2 }
func (s *covariance) place(at int)             { s.at = at }
func (s *covariance) first() int               { return s.at }
func (s *covariance) sensitivity() int64       { return s.rows * s.perRow() }
func (s *covariance) seen() int64              { return s.rows }
func (s *covariance) stdError(float64) float64 { return 0 }

// unit is one row in one pair.
func (s *covariance) unit() (grid, bool) { return newGrid(exact.Frac(1, s.power(0, 1))), false }

// l2Squared is m²·Σ(G²H²)².
func (s *covariance) l2Squared() *big.Int {
	sum := new(big.Int)
	s.pairs(func(x, y, _ int) {
		v := big.NewInt(s.rows)
		v.Mul(v, big.NewInt(s.power(x, y)))
		sum.Add(sum, v.Mul(v, v))
	})
	return sum
}

func (s *covariance) fields() []arrow.Field {
	var out []arrow.Field
	for x, nx := range s.names {
		for y := x; y < len(s.names); y++ {
			if x < y || !s.correlation {
				out = append(out, arrow.Field{Name: s.as + "_" + nx + "_" + s.names[y], Type: arrow.PrimitiveTypes.Float64})
			}
		}
	}
	return out
}

func (s *covariance) tally(r *run, t *tally) {
	in := &r.inputs[s.input]
	for i, g := range r.group {
		values, first := in.values(i, 1)
		for k, v := range values {
			n := in.count[first+k] * r.times(i)
			s.pairs(func(x, y, at int) {
				p, q := s.bernstein(v, x), s.bernstein(v, y)
				for a := range 3 {
					for b := range 3 {
						t.sum(g, s.at+at+3*a+b, mul(p[a]*q[b], n))
					}
				}
			})
		}
	}
}

// bernstein is (G-j)², 2j(G-j), j² of column x of a packed row.
func (s *covariance) bernstein(packed uint64, x int) [3]int64 {
	j := int64(packed>>(jointBits*(len(s.parts)-1-x))) & (1<<jointBits - 1)
	g := s.parts[x].span()
	return [3]int64{(g - j) * (g - j), 2 * j * (g - j), j * j}
}

// pairMoments are the noised moments of a pair, of values in [0, 1].
type pairMoments struct{ covariance, varianceX, varianceY float64 }

func (s *covariance) moments(sums [][]int128, i, x, y, at int) pairMoments {
	power := float64(s.power(x, y))
	var n, p, q, pp, qq, pq float64
	for a := range 3 {
		for b := range 3 {
			w := sums[at+3*a+b][i].float() / power
			n += w
			p += float64(a) / 2 * w
			q += float64(b) / 2 * w
			pq += float64(a*b) / 4 * w
			if a == 2 {
				pp += w
			}
			if b == 2 {
				qq += w
			}
		}
	}
	n = max(n, 1)
	p, q = p/n, q/n // not clamped: their noise cancels part of that of the products
	return pairMoments{
		covariance: clampFloat(pq/n-p*q, -0.25, 0.25),
		varianceX:  clampFloat(pp/n-p*p, 0, 0.25),
		varianceY:  clampFloat(qq/n-q*q, 0, 0.25),
	}
}

// columns computes the matrix. A variance is taken from the first pair that
// its column is in.
func (s *covariance) columns(sums [][]int128) []arrow.Array {
	d, n := len(s.parts), len(sums[0])
	cells := make([][]float64, d*d)
	for i := range cells {
		cells[i] = make([]float64, n)
	}
	for i := range n {
		s.pairs(func(x, y, at int) {
			m := s.moments(sums, i, x, y, at)
			if s.correlation {
				if v := m.varianceX * m.varianceY; v > 0 {
					cells[x*d+y][i] = clampFloat(m.covariance/math.Sqrt(v), -1, 1) + 0
				}
				return
			}
			cells[x*d+y][i] = m.covariance*s.length(x)*s.length(y) + 0
			if y == x+1 {
				cells[x*d+x][i] = m.varianceX * s.length(x) * s.length(x)
			}
			if x == 0 && y == d-1 || d == 2 {
				cells[(d-1)*d+d-1][i] = m.varianceY * s.length(d-1) * s.length(d-1)
			}
		})
	}
	var out []arrow.Array
	for x := range d {
		for y := x; y < d; y++ {
			if x < y || !s.correlation {
				c := cells[x*d+y]
				out = append(out, floatColumn(n, func(i int) float64 { return c[i] }))
			}
		}
	}
	return out
}
