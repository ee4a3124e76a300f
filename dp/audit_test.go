package dp_test

import (
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/dp/dptest"
	"github.com/oboro-data/oboro/internal/noise"
)

// A visit is a row of the audited tables.
type visit struct {
	user int64
	city string
	fee  float64
}

func visitTable(rows []visit) arrow.Record {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "user", Type: arrow.PrimitiveTypes.Int64},
		{Name: "city", Type: arrow.BinaryTypes.String},
		{Name: "fee", Type: arrow.PrimitiveTypes.Float64},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for _, r := range rows {
		b.Field(0).(*array.Int64Builder).Append(r.user)
		b.Field(1).(*array.StringBuilder).Append(r.city)
		b.Field(2).(*array.Float64Builder).Append(r.fee)
	}
	return b.NewRecord()
}

// TestAudit runs whole releases on two tables that differ by all rows of one
// person, and looks for an event that contradicts the claim. Each case is the
// worst neighbour that we know for its plan; the result is a function of the
// released table. A right program fails with probability at most 1e-9 a case.
func TestAudit(t *testing.T) {
	if noise.Off {
		t.Skip("noise is off in this build: no claim is made")
	}
	samples := 20_000
	if testing.Short() {
		samples = 1000
	}
	others := []visit{{1, "Kobe", 10}, {2, "Kobe", 3}, {3, "Nara", 4}, {4, "Nara", 10}, {5, "Kobe", 0}}
	kobe, nara := []dp.GroupKey{{Text: "Kobe"}}, []dp.GroupKey{{Text: "Nara"}}
	one := dp.ContributionBounds{MaxGroups: 1}
	two := dp.ContributionBounds{MaxGroups: 2, RowsPerGroup: 2}
	first := func(r *dp.Release) float64 { return number(r, 0) }
	both := func(r *dp.Release) float64 { return number(r, 0) + number(r, 1) }
	for _, c := range []struct {
		name   string
		query  dp.Query
		budget dp.Budget
		claim  dptest.Claim
		person []visit
		result func(*dp.Release) float64
	}{
		{"selection of a group of one", dp.Query{GroupBy: []string{"city"}, Bounds: one, Aggregates: []dp.Aggregate{dp.CountUnits{As: "n"}}},
			dp.Approx(1, 0.05), dptest.Claim{Epsilon: 1, Delta: 0.05}, []visit{{9, "Otsu", 1}}, func(r *dp.Release) float64 {
				for i := range int(r.Groups()) {
					if r.Record().Column(0).ValueStr(i) == "Otsu" {
						return number(r, i)
					}
				}
				return -1e6
			}},
		{"counts of two groups", dp.Query{GroupBy: []string{"city"}, PublicGroups: [][]dp.GroupKey{kobe, nara}, Bounds: two, Aggregates: []dp.Aggregate{dp.Count{As: "n", PerUnit: 3}}},
			dp.Pure(1), dptest.Claim{Epsilon: 1}, []visit{{9, "Kobe", 1}, {9, "Kobe", 1}, {9, "Kobe", 1}, {9, "Kobe", 1}, {9, "Nara", 1}, {9, "Nara", 1}, {9, "Nara", 1}}, both},
		{"counts of two groups, Gaussian", dp.Query{GroupBy: []string{"city"}, PublicGroups: [][]dp.GroupKey{kobe, nara}, Bounds: two, Noise: "gaussian", Aggregates: []dp.Aggregate{dp.Count{As: "n", PerUnit: 3}}},
			dp.Approx(1, 0.01), dptest.Claim{Epsilon: 1, Delta: 0.01}, []visit{{9, "Kobe", 1}, {9, "Kobe", 1}, {9, "Kobe", 1}, {9, "Nara", 1}, {9, "Nara", 1}, {9, "Nara", 1}}, both},
		{"counts of two groups, all rows bounded", dp.Query{GroupBy: []string{"city"}, PublicGroups: [][]dp.GroupKey{kobe, nara}, Bounds: dp.ContributionBounds{RowsPerUnit: 3}, Aggregates: []dp.Aggregate{dp.Count{As: "n"}}},
			dp.Pure(1), dptest.Claim{Epsilon: 1}, []visit{{9, "Kobe", 1}, {9, "Kobe", 1}, {9, "Kobe", 1}, {9, "Nara", 1}, {9, "Nara", 1}, {9, "Nara", 1}}, both},
		{"median, all rows bounded", dp.Query{Bounds: dp.ContributionBounds{RowsPerUnit: 2}, Aggregates: []dp.Aggregate{dp.Quantiles{As: "q", Column: "fee", Upper: 10, Ranks: []float64{0.5}, Resolution: 1}}},
			dp.Pure(1), dptest.Claim{Epsilon: 1}, []visit{{9, "Kobe", 10}, {9, "Nara", 10}, {9, "Otsu", 10}}, first},
		{"sum", dp.Query{Bounds: one, Aggregates: []dp.Aggregate{dp.Sum{As: "s", Column: "fee", Lower: -5, Upper: 2, Resolution: 0.5}}},
			dp.Pure(1), dptest.Claim{Epsilon: 1}, []visit{{9, "Kobe", -3}, {9, "Nara", -100}}, first},
		{"mean", dp.Query{Bounds: two, Aggregates: []dp.Aggregate{dp.Mean{As: "m", Column: "fee", Upper: 10}}},
			dp.Pure(1), dptest.Claim{Epsilon: 1}, []visit{{9, "Kobe", 10}, {9, "Nara", 10}, {9, "Otsu", 10}}, first},
		{"variance", dp.Query{Bounds: two, Aggregates: []dp.Aggregate{dp.Variance{As: "v", Column: "fee", Upper: 10}}},
			dp.Pure(1), dptest.Claim{Epsilon: 1}, []visit{{9, "Kobe", 5}, {9, "Nara", 5}}, first},
		{"median", dp.Query{Bounds: two, Aggregates: []dp.Aggregate{dp.Quantiles{As: "q", Column: "fee", Upper: 10, Ranks: []float64{0.5}, Resolution: 1}}},
			dp.Pure(1), dptest.Claim{Epsilon: 1}, []visit{{9, "Kobe", 10}, {9, "Nara", 10}}, first},
		{"maximum", dp.Query{Bounds: one, Aggregates: []dp.Aggregate{dp.Max{As: "q", Column: "fee", Upper: 20, Resolution: 1}}},
			dp.Pure(2), dptest.Claim{Epsilon: 2}, []visit{{9, "Kobe", 20}}, first},
		// The claim of the choice alone, half of ε = 8: what is released is left out.
		{"range of sums in two groups", dp.Query{GroupBy: []string{"city"}, PublicGroups: [][]dp.GroupKey{kobe, nara}, Bounds: two, Aggregates: []dp.Aggregate{dp.Sum{As: "s", Column: "fee", Upper: 1024, Resolution: 1, Auto: 0.5}}},
			dp.Pure(8), dptest.Claim{Epsilon: 4}, []visit{{9, "Kobe", 1000}, {9, "Nara", 1000}, {9, "Otsu", 1000}}, func(r *dp.Release) float64 { return r.Plan().Chosen()[0].Upper }},
		{"range of a mean of two rows", dp.Query{Bounds: dp.ContributionBounds{RowsPerUnit: 2}, Aggregates: []dp.Aggregate{dp.Mean{As: "m", Column: "fee", Lower: -100, Upper: 100, Auto: 0.5}}},
			dp.Pure(8), dptest.Claim{Epsilon: 4}, []visit{{9, "Kobe", -90}, {9, "Nara", -90}, {9, "Otsu", -90}}, func(r *dp.Release) float64 { return r.Plan().Chosen()[0].Lower }},
		{"distinct values", dp.Query{Bounds: one, Aggregates: []dp.Aggregate{dp.CountDistinct{As: "d", Column: "fee", PerUnit: 2}}},
			dp.Pure(1), dptest.Claim{Epsilon: 1}, []visit{{9, "Kobe", 91}, {9, "Kobe", 92}, {9, "Kobe", 93}}, first},
		{"top of a list", dp.Query{Bounds: one, Aggregates: []dp.Aggregate{dp.TopK{As: "t", Column: "city", Values: []string{"Kobe", "Nara"}, K: 1}}},
			dp.Pure(1), dptest.Claim{Epsilon: 1}, []visit{{9, "Nara", 1}}, func(r *dp.Release) float64 {
				return float64(len(r.Record().Column(0).ValueStr(0)) + int(r.Record().Column(0).ValueStr(0)[0]))
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.query.Unit, c.query.Workers = "user", 1
			here := releases(t, c.query, c.budget, append(append([]visit{}, others...), c.person...), c.result)
			there := releases(t, c.query, c.budget, others, c.result)
			n := samples
			switch {
			case strings.HasPrefix(c.name, "range "):
				n = min(n, 2000) // each is planned twice
			case strings.HasSuffix(c.name, "all rows bounded"):
				n = min(n, 6000)
			}
			f := dptest.Audit(c.claim, here, there, dptest.Samples(n), dptest.FalseAlarm(1e-9))
			t.Log(f)
			if f.Violation {
				t.Error(f)
			}
		})
	}
}

// number is row i of the last column.
func number(r *dp.Release, i int) float64 {
	switch c := r.Record().Column(int(r.Record().NumCols()) - 1).(type) {
	case *array.Int64:
		return float64(c.Value(i))
	case *array.Float64:
		return c.Value(i)
	}
	return 0
}

// releases runs a query over and over, each time under a fresh key.
func releases(t *testing.T, q dp.Query, b dp.Budget, rows []visit, result func(*dp.Release) float64) func(n int) []float64 {
	rec := visitTable(rows)
	plan, err := dp.NewPlan(&q, rec.Schema(), b)
	if err != nil {
		t.Fatal(err)
	}
	take := func(columns []string, accumulator func(*dp.Key) (*dp.Accumulator, error)) *dp.Accumulator {
		key, err := dp.NewKey()
		if err != nil {
			t.Fatal(err)
		}
		acc, err := accumulator(key)
		if err != nil {
			t.Fatal(err)
		}
		if err := acc.Add(columnsOf(rec, columns)); err != nil {
			t.Fatal(err)
		}
		return acc
	}
	return func(n int) []float64 {
		out := make([]float64, n)
		for i := range out {
			plan := plan
			if r := plan.Ranges(); r != nil {
				if plan, err = r.Choose(dp.NewAccountant(r.Price()), "audit", take(r.Columns(), r.NewAccumulator)); err != nil {
					t.Fatal(err)
				}
			}
			acc := take(plan.Columns(), plan.NewAccumulator)
			rel, err := plan.Finalize(dp.NewAccountant(plan.Price()), "audit", acc)
			if err != nil {
				t.Fatal(err)
			}
			out[i] = result(rel)
		}
		return out
	}
}

// columnsOf is a batch of some columns.
func columnsOf(rec arrow.Record, names []string) arrow.Record {
	var cols []arrow.Array
	var fields []arrow.Field
	for _, name := range names {
		i := rec.Schema().FieldIndices(name)[0]
		cols, fields = append(cols, rec.Column(i)), append(fields, rec.Schema().Field(i))
	}
	return array.NewRecord(arrow.NewSchema(fields, nil), cols, rec.NumRows())
}
