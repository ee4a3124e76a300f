package anon

import (
	"context"
	"errors"
	"math"
	"sort"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/kanon"
	"github.com/oboro-data/oboro/report"
)

func (r *Release) runStatistics(ctx context.Context, s *step, src arrowio.Source, acct *dp.Accountant, o RunOptions) error {
	src, err := r.plan.sourceOf(s, src)
	if err != nil {
		return err
	}
	plan, err := s.statisticsPlan(src.Schema(), o)
	if err != nil {
		return err
	}
	rel, err := plan.Run(ctx, src, acct, s.Name)
	if err != nil {
		return inRelease(s.Name, err)
	}
	r.addStatistics(s, rel)
	return nil
}

// statisticsPlan plans a statistics release for a schema.
func (s *step) statisticsPlan(schema *arrow.Schema, o RunOptions) (*dp.Plan, error) {
	q := *s.query
	q.Workers, q.Memory, q.Temp = o.Workers, o.Memory, o.Temp
	if listen := o.progress(s.Name); listen != nil {
		q.Progress = func(rows int64) { listen(kanon.Progress{Stage: "read", Done: rows}) }
	}
	if q.Noise == dp.NoiseGoogle {
		if q.Backend = o.Backend; q.Backend == nil {
			return nil, fault.Planf("%s: noise: google needs the backend of package dp/googlenoise in RunOptions; pass it, or write noise: exact", s.Name)
		}
	}
	plan, err := dp.NewPlan(&q, schema, s.budget)
	if err != nil {
		return nil, inRelease(s.Name, err)
	}
	return plan, nil
}

// addStatistics takes up a finished table of statistics.
func (r *Release) addStatistics(s *step, rel *dp.Release) {
	figures := r.plan.declaredFigures(s)
	figures.Groups = rel.Groups()
	addNoise(&figures, rel.Plan())
	r.plan.markFitted(s, &figures)
	addCuts(&figures, rel)
	for i := range figures.Aggregates {
		figures.Aggregates[i].Released = released(rel.Record(), figures.Aggregates[i].As)
	}
	r.report.Releases = append(r.report.Releases, report.Release{
		Name: s.Name, Kind: "statistics", Statistics: &figures, Claims: r.plan.statisticsClaims(s),
	})
	r.tables = append(r.tables, table{step: s, source: rel})
}

// errorRows are the sizes of groups for which plan and report state an error
// that falls with the rows.
var errorRows = []int64{100, 1000}

// addNoise fills in what the plan of package dp says of noise and selection.
func addNoise(st *report.Statistics, plan *dp.Plan) {
	for _, f := range plan.Figures() {
		a := report.AggregateInfo{
			As: f.As, Kind: f.Kind, Mechanism: f.Mechanism, Scale: f.Scale, StdError: f.StdError, Interval: f.Interval, Epsilon: f.Epsilon, Delta: f.Delta,
			StdErrorNote: f.NoError,
		}
		for _, rows := range errorRows {
			if e, ok := f.StdErrorAt(rows); ok && f.ErrorTimesRows > 0 {
				a.StdErrorAt = append(a.StdErrorAt, report.ErrorAt{Rows: rows, AtMost: e})
			}
		}
		st.Aggregates = append(st.Aggregates, a)
	}
	addRanges(st, plan)
	if s := plan.Selection(); s != nil {
		st.Selection = &report.Selection{Mechanism: s.Mechanism, Threshold: s.Threshold, Delta: s.Delta, Aggregate: s.Aggregate}
		for _, f := range plan.Figures() {
			if f.As == s.Aggregate {
				st.Selection.Epsilon = f.Epsilon
			}
		}
	}
}

// released summarises the released values of a column, nil where there are
// none or the aggregate has several columns.
func released(rec arrow.Record, name string) *report.Summary {
	at := rec.Schema().FieldIndices(name)
	if len(at) == 0 {
		return nil
	}
	var v []float64
	for i, c := 0, rec.Column(at[0]); i < c.Len(); i++ {
		if x, ok := numberAt(c, i); ok {
			v = append(v, x)
		}
	}
	if len(v) == 0 {
		return nil
	}
	sort.Float64s(v)
	at4 := func(q int) float64 { return v[(len(v)-1)*q/4] }
	return &report.Summary{N: int64(len(v)), Min: v[0], Q1: at4(1), Median: at4(2), Q3: at4(3), Max: v[len(v)-1]}
}

// numberAt reads a number that is finite and not null.
func numberAt(a arrow.Array, i int) (float64, bool) {
	if a.IsNull(i) {
		return 0, false
	}
	switch a := a.(type) {
	case *array.Int64:
		return float64(a.Value(i)), true
	case *array.Float64:
		return a.Value(i), !math.IsNaN(a.Value(i)) && !math.IsInf(a.Value(i), 0)
	}
	x, err := strconv.ParseFloat(a.ValueStr(i), 64)
	return x, err == nil && !math.IsNaN(x) && !math.IsInf(x, 0)
}

// planOnly stands for a backend while nothing is drawn.
type planOnly struct{}

var errPlanOnly = errors.New("a plan draws no noise")

func (planOnly) Laplace([]int64, int64, float64) error                  { return errPlanOnly }
func (planOnly) Gaussian([]int64, int64, int64, float64, float64) error { return errPlanOnly }
func (planOnly) Name() string                                           { return dp.NoiseGoogle }
