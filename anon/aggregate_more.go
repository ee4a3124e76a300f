package anon

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/report"
)

// Aggregates of several columns, and of a public list of values.

// several are the aggregates that read more than one column.
var several = []string{"vector-sum", "covariance", "correlation"}

// columns are the columns that an aggregate reads.
func (a *Aggregate) columns() []string {
	if a.Column != "" {
		return []string{a.Column}
	}
	return a.Columns
}

// tellsApart reports whether an aggregate only tells values apart, rather than
// computing with them.
func (a *Aggregate) tellsApart() bool { return a.Kind == "count-distinct" || a.Kind == "top-k" }

// decodeMore reads what the aggregates of this file have beyond names.
func (a *Aggregate) decodeMore(o *object) {
	switch a.Kind {
	case "top-k":
		o.need("values", "list the values to choose from; choose them without looking at the data")
		a.Values = o.texts("values")
		o.need("k", "say how many values to name")
		if a.K = o.integer("k", 1, 1, maxCount); len(a.Values) > 0 && a.K > int64(len(a.Values)) {
			o.add(o.place("k"), "%d values can't be named of %d; list more, or lower k", a.K, len(a.Values))
		}
		for i, v := range a.Values {
			if slices.Contains(a.Values[:i], v) {
				o.add(o.place("values"), "%s stands in the list twice; keep one", quote(v))
			}
		}
	case "vector-sum":
		o.need("norm", "say how long a person's vector of totals may be; choose it without looking at the data")
		a.Norm = o.float("norm", "(0", "")
		a.Resolution = o.float("resolution", "(0", "")
	case "covariance", "correlation":
		a.decodeRanges(o)
	}
}

// decodeColumns reads the columns of an aggregate of several.
func (a *Aggregate) decodeColumns(o *object) {
	least := 2
	if a.Kind == "vector-sum" {
		least = 1
	}
	if !o.need("columns", "list the columns that are aggregated together") {
		return
	}
	a.Columns = o.texts("columns")
	if len(a.Columns) < least {
		o.add(o.place("columns"), "%s needs at least %d columns; name more", a.Kind, least)
	}
	for i, c := range a.Columns {
		if slices.Contains(a.Columns[:i], c) {
			o.add(o.place("columns"), "column %s stands twice; keep one", quote(c))
		}
	}
}

// decodeRanges reads the range of every column.
func (a *Aggregate) decodeRanges(o *object) {
	if !o.need("ranges", "say for every column from where to where values count, e.g. ranges: {age: [0, 100]}; choose them without looking at the data") {
		return
	}
	n, at := o.find("ranges"), o.place("ranges")
	r := o.object(n, at.key)
	defer r.done()
	for _, c := range a.Columns {
		r.need(c, "say from where to where values count, e.g. [0, 100]")
		low, high := r.span(c)
		a.Ranges = append(a.Ranges, [2]Number{low, high})
	}
}

// span reads a range [low, high]; the zero Numbers where it is absent or none.
func (o *object) span(key string) (low, high Number) {
	switch r := o.numbers(key); {
	case !o.has(key):
	case len(r) != 2:
		o.add(o.place(key), "a range is two numbers, [low, high]")
	case r[0].rat.Cmp(r[1].rat) >= 0:
		o.add(o.place(key), "the low end must be less than the high end; write [low, high]")
	default:
		return r[0], r[1]
	}
	return Number{}, Number{}
}

// moreNames lists the output columns of the aggregates of this file.
func (a *Aggregate) moreNames() []string {
	var out []string
	switch a.Kind {
	case "top-k":
		for i := range min(a.K, int64(len(a.Values))) {
			out = append(out, fmt.Sprintf("%s_%d", a.As, i+1))
		}
	case "vector-sum":
		for _, c := range a.Columns {
			out = append(out, a.As+"_"+c)
		}
	case "covariance", "correlation":
		for i, x := range a.Columns {
			for j := i; j < len(a.Columns); j++ {
				if i < j || a.Kind == "covariance" {
					out = append(out, a.As+"_"+x+"_"+a.Columns[j])
				}
			}
		}
	}
	return out
}

// moreForDP makes the aggregate of package dp.
func (a *Aggregate) moreForDP() dp.Aggregate {
	f := func(n Number) float64 { x, _ := n.Float(); return x }
	var lower, upper []float64
	for _, r := range a.Ranges {
		lower, upper = append(lower, f(r[0])), append(upper, f(r[1]))
	}
	switch w := f(a.Weight); a.Kind {
	case "top-k":
		return dp.TopK{As: a.As, Column: a.Column, Values: a.Values, K: a.K, Weight: w}
	case "vector-sum":
		return dp.VectorSum{As: a.As, Columns: a.Columns, Norm: f(a.Norm), Resolution: f(a.Resolution), Weight: w}
	case "covariance":
		return dp.Covariance{As: a.As, Columns: a.Columns, Lower: lower, Upper: upper, Weight: w}
	default:
		return dp.Correlation{As: a.As, Columns: a.Columns, Lower: lower, Upper: upper, Weight: w}
	}
}

// withInterval lists names as they stand in the table where the release asks
// for confidence intervals: the columns, then their lower and upper ends.
func (s *Statistics) withInterval(a *Aggregate, names []string) []string {
	if !s.Confidence.IsSet() || !slices.Contains([]string{"count-units", "count", "sum", "histogram", "count-distinct", "vector-sum"}, a.Kind) || a.Cumulative {
		return names
	}
	out := slices.Clone(names)
	for _, end := range []string{"_low", "_high"} {
		for _, n := range names {
			out = append(out, n+end)
		}
	}
	return out
}

// explainIntervals says in a plan what the ends of intervals are.
func (p *Plan) explainIntervals(b *strings.Builder, s *step) {
	if s.Statistics.Confidence.IsSet() {
		line(b, "intervals", "%s", intervalText(s.Statistics.Confidence))
	}
}

func intervalText(confidence Number) string {
	return fmt.Sprintf("each pair of columns _low and _high holds the bounded number with a probability of at least %s; it covers the noise, not what bounds and clamping took away", confidence)
}

// checkIntervals checks that the ends of intervals lie as far from the released
// number as the noise asks for.
func (v *verifier) checkIntervals(s *step, st *report.Statistics, t *texts) error {
	if !s.Statistics.Confidence.IsSet() {
		return nil
	}
	for i := range s.Statistics.Aggregates {
		names := s.Statistics.Aggregates[i].outputNames()
		if all := s.columnsOf(i); len(all) != 3*len(names) {
			continue
		}
		half := st.Aggregates[i].Interval
		for _, name := range names {
			var at [3]int
			for k, end := range []string{"", "_low", "_high"} {
				if at[k] = slices.Index(t.names, name+end); at[k] < 0 {
					return fault.Dataf("%s: the table has no confidence interval of %s; restore the table or release anew", s.Name, quote(name))
				}
			}
			for _, row := range t.rows {
				var x [3]float64
				for k := range x {
					x[k], _ = strconv.ParseFloat(row[at[k]].text, 64)
				}
				if off := 1e-9 * (half + math.Abs(x[0])); math.Abs(x[0]-x[1]-half) > off || math.Abs(x[2]-x[0]-half) > off {
					return fault.Dataf("%s: a confidence interval of %s is not as wide as reported; restore the table or release anew", s.Name, quote(name))
				}
			}
		}
	}
	v.note(s.Name, "output", "", "confidence intervals are as wide as the noise asks for")
	return nil
}
