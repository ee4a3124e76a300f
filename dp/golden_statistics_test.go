package dp

import (
	"fmt"
	"math"
	"strconv"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/internal/golden"
	"github.com/oboro-data/oboro/internal/pld"
)

// goldenParameters is the one object that the inputs of a stochastic case hold.
func goldenParameters(c golden.Case) golden.Fields {
	for _, v := range c.Inputs {
		if m, ok := v.(map[string]any); ok {
			return m
		}
	}
	return nil
}

// flatten lists the numbers of nested lists.
func flatten(v any) (out []float64) {
	switch v := v.(type) {
	case float64:
		return []float64{v}
	case []any:
		for _, x := range v {
			out = append(out, flatten(x)...)
		}
	}
	return out
}

// A stochastic case of a mean, a standard deviation or quantiles is a table and
// one more unit: the base rows, each a unit of group 0, and the unit's rows,
// rows-per-group to a group. The case goes through plan and accumulator; the
// exact change of the sums, and the calibrated noise, give the privacy loss,
// which is compared with the claim. Whatever is computed from the noised sums
// costs no more.
func TestGoldenStatistics(t *testing.T) {
	decide := func(statistic func(in golden.Fields) Aggregate) golden.Check {
		return func(c golden.Case) string {
			in := goldenParameters(c)
			base, all := flatten(in["raw_entry"]), flatten(in["neighbour_raw_entry"])
			l0, m := int64(in.Num("max_partitions_contributed")), int64(in.Num("max_contributions_per_partition"))
			epsilon, delta := in.Num("epsilon"), in.Any("delta")
			q := &Query{
				Unit: "unit", GroupBy: []string{"g"}, Bounds: ContributionBounds{MaxGroups: l0, RowsPerGroup: m},
				Aggregates: []Aggregate{statistic(in)}, Noise: NoiseLaplace,
			}
			budget := Pure(epsilon)
			if in.Text("noise_type") == "GAUSSIAN" {
				budget, q.Noise = Approx(epsilon, delta), NoiseGaussian
			}
			for g := range l0 {
				q.PublicGroups = append(q.PublicGroups, []GroupKey{{Text: strconv.FormatInt(g, 10)}})
			}
			rec := goldenTable(base, all[len(base):], m)
			defer rec.Release()
			p, err := NewPlan(q, rec.Schema(), budget)
			if err != nil {
				return err.Error()
			}
			without := rec.NewSlice(0, int64(len(base)))
			defer without.Release()
			whole, rest := accumulate(t, p, project(rec, p)), accumulate(t, p, project(without, p))
			return p.compareClaim(c, whole, rest)
		}
	}
	limits := func(in golden.Fields) (string, float64, float64) {
		return "x", in.Num("lower_bound"), in.Num("upper_bound")
	}
	golden.Run(t, map[string]golden.Check{
		"stochastic:bounded_mean_dp": decide(func(in golden.Fields) Aggregate {
			x, lo, hi := limits(in)
			return Mean{As: "s", Column: x, Lower: lo, Upper: hi}
		}),
		"stochastic:bounded_stdv_dp": decide(func(in golden.Fields) Aggregate {
			x, lo, hi := limits(in)
			return StdDev{As: "s", Column: x, Lower: lo, Upper: hi}
		}),
		"stochastic:bounded_quantiles_dp": decide(func(in golden.Fields) Aggregate {
			x, lo, hi := limits(in)
			return Quantiles{As: "s", Column: x, Lower: lo, Upper: hi, Ranks: in.Nums("rank")}
		}),
	}, map[string]string{"stochastic:approximate_bounds_dp": "ranges are chosen by AboveThreshold here, not by thresholds on the bins of a histogram: TestRangePrivacy computes its law"})
}

// goldenTable is the base rows and the rows of unit 0, m to a group.
func goldenTable(base, added []float64, m int64) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
		{Name: "unit", Type: arrow.PrimitiveTypes.Int64}, {Name: "g", Type: arrow.PrimitiveTypes.Int64}, {Name: "x", Type: arrow.PrimitiveTypes.Float64},
	}, nil))
	defer b.Release()
	add := func(unit, group int64, x float64) {
		b.Field(0).(*array.Int64Builder).Append(unit)
		b.Field(1).(*array.Int64Builder).Append(group)
		b.Field(2).(*array.Float64Builder).Append(x)
	}
	for i, x := range base {
		add(int64(i)+1, 0, x)
	}
	for i, x := range added {
		add(0, int64(i)/m, x)
	}
	return b.NewRecord()
}

// compareClaim compares the privacy loss of the one statistic of a plan between
// two tables with the claim of a case.
func (p *Plan) compareClaim(c golden.Case, whole, rest *Accumulator) string {
	epsilon, delta := c.Expected.Num("epsilon"), c.Expected.Any("delta")
	if math.IsNaN(delta) {
		delta = 0
	}
	x, y := whole.tallies(1), rest.tallies(1)
	if s, ok := p.statistics[0].(chooser); ok {
		groups := 0
		for _, n := range changedRows(whole, x.lists[0], rest, y.lists[0]) {
			if n > p.query.Bounds.RowsPerGroup {
				return fmt.Sprintf("%d rows of a group changed", n)
			}
			groups++
		}
		rate := p.calibration.Rates[0]
		loss := float64(groups) * float64(s.choices()) * 2 * float64(s.change()) * float64(rate.Num) / float64(rate.Den)
		if loss > epsilon*(1+1e-12) || groups == int(p.query.Bounds.MaxGroups) && loss < 0.99*epsilon {
			return fmt.Sprintf("choices cost ε = %g, claimed %g", loss, epsilon)
		}
		return ""
	}
	m := p.calibration.Mechanisms[0]
	sums, others := byKey(whole, x), byKey(rest, y)
	l1, mu2, scale := 0.0, 0.0, m.scale.Float()
	for key, a := range sums {
		for j := range a {
			d := a[j]
			if b := others[key]; b != nil {
				d = a[j].sub(b[j])
			}
			v, _ := d.abs().Float64()
			l1 += v
			v *= float64(max(1, m.refine))
			mu2 += v * v / (scale - 3)
		}
	}
	if m.kind == DiscreteLaplace {
		if loss := l1 / scale; loss > epsilon*(1+1e-12) || loss == 0 {
			return fmt.Sprintf("%v costs ε = %g, claimed %g", m, loss, epsilon)
		}
		return ""
	}
	if d := pld.GaussianDeltaUp(math.Sqrt(mu2), epsilon); d > delta*(1+1e-9) || mu2 == 0 {
		return fmt.Sprintf("%v costs δ = %g, claimed %g", m, d, delta)
	}
	return ""
}
