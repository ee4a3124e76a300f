package dp

import (
	"math"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/internal/exact"
	"github.com/oboro-data/oboro/internal/fault"
)

// histogram counts kept rows in bins. A unit has at most rows of them in a
// group, each in one bin, so the sensitivity is rows.
type histogram struct {
	as         string
	edges      []float64
	cumulative bool
	rows       int64
	at, input  int
}

// maxBins bounds the columns of a histogram.
const maxBins = 10_000

func (a Histogram) bind(b *binder) (statistic, error) {
	if _, err := b.numericColumn(a.As, a.Column); err != nil {
		return nil, err
	}
	if len(a.Edges) < 2 || len(a.Edges) > maxBins+1 {
		return nil, fault.Planf("aggregate %q: give between 2 and %d edges", a.As, maxBins+1)
	}
	for i, e := range a.Edges {
		if _, ok := exact.FromFloat(e); !ok {
			return nil, fault.Planf("aggregate %q: edge %d is not a finite number", a.As, i+1)
		}
		if i > 0 && a.Edges[i-1] >= e {
			return nil, fault.Planf("aggregate %q: edges must increase; edge %d does not", a.As, i+1)
		}
	}
	edges := append([]float64(nil), a.Edges...)
	in := &input{kind: samples, column: a.Column, edges: edges, upper: int64(len(edges) - 2), limit: b.rowsPerGroup()}
	s := &histogram{as: a.As, edges: edges, cumulative: a.Cumulative, rows: in.limit}
	s.input = b.input(in)
	return s, nil
}

func (s *histogram) kind() string       { return "histogram" }
func (s *histogram) width() int         { return len(s.edges) - 1 }
func (s *histogram) first() int         { return s.at }
func (s *histogram) place(at int)       { s.at = at }
func (s *histogram) sensitivity() int64 { return s.rows }
func (s *histogram) seen() int64        { return s.rows }
func (s *histogram) unit() (grid, bool) { return newGrid(exact.Int(1)), true }

// stdError of a cumulative histogram is that of its last column, the sum of all
// bins.
func (s *histogram) stdError(perSum float64) float64 {
	if s.cumulative {
		return perSum * math.Sqrt(float64(s.width()))
	}
	return perSum
}

func (s *histogram) fields() []arrow.Field {
	out := make([]arrow.Field, s.width())
	for i := range out {
		name := s.as + "_" + shortest(s.edges[i]) + "_" + shortest(s.edges[i+1])
		if s.cumulative {
			name = s.as + "_" + shortest(s.edges[i+1])
		}
		out[i] = arrow.Field{Name: name, Type: arrow.PrimitiveTypes.Int64}
	}
	return out
}

func shortest(f float64) string { return strconv.FormatFloat(f+0, 'f', -1, 64) }

func (s *histogram) tally(r *run, t *tally) {
	in := &r.inputs[s.input]
	for i, g := range r.group {
		values, first := in.values(i, 1)
		for k, v := range values {
			t.sum(g, s.at+int(v), mul(in.count[first+k], r.times(i)))
		}
	}
}

func (s *histogram) columns(sums [][]int128) []arrow.Array {
	out := make([]arrow.Array, len(sums))
	for j, bin := range sums {
		if s.cumulative && j > 0 {
			for i := range bin {
				bin[i] = bin[i].add(sums[j-1][i])
			}
		}
		out[j] = countColumn(bin)
	}
	return out
}
