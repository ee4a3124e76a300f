package dp

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/hierarchy"
	"github.com/oboro-data/oboro/internal/fault"
)

// TestRefusals: everything that is refused is refused before a row is read, as
// an error of kind Plan that names the place and the remedy.
func TestRefusals(t *testing.T) {
	schema := smallSchema(false)
	nested := arrow.NewSchema(append(schema.Fields(), arrow.Field{Name: "list", Type: arrow.ListOf(arrow.BinaryTypes.String)},
		arrow.Field{Name: "twice", Type: arrow.PrimitiveTypes.Int8}, arrow.Field{Name: "twice", Type: arrow.PrimitiveTypes.Int8}), nil)
	good := func() *Query {
		return &Query{Unit: "unit", GroupBy: []string{"k1"}, Bounds: ContributionBounds{MaxGroups: 2}, Aggregates: []Aggregate{CountUnits{As: "n"}}}
	}
	with := func(change func(*Query)) *Query { q := good(); change(q); return q }
	aggregate := func(a Aggregate) *Query { return with(func(q *Query) { q.Aggregates = []Aggregate{a} }) }
	budget := Approx(1, 1e-6)
	tests := []struct {
		name   string
		query  *Query
		budget Budget
		says   string
	}{
		{"no unit", with(func(q *Query) { q.Unit = "" }), budget, "name the column of the person"},
		{"two units", with(func(q *Query) { q.UnitIsRow = true }), budget, "not both"},
		{"unit absent", with(func(q *Query) { q.Unit = "who" }), budget, `no column "who"`},
		{"no bounds", with(func(q *Query) { q.Bounds.MaxGroups = 0 }), budget, "groups-per-unit must be at least 1"},
		{"negative rows", with(func(q *Query) { q.Bounds.RowsPerGroup = -1 }), budget, "rows-per-group"},
		{"private groups without delta", good(), Pure(1), "delta greater than 0"},
		{"epsilon 0", good(), Approx(0, 1e-6), "epsilon must be greater than 0"},
		{"epsilon infinite", good(), Approx(math.Inf(1), 1e-6), "not a finite number"},
		{"large delta", good(), Approx(1, 0.5), "delta of 1/10 or more"},
		{"delta 1", good(), Approx(1, 1), "less than 1"},
		{"key absent", with(func(q *Query) { q.GroupBy = []string{"town"} }), budget, `group-by: the input has no column "town"`},
		{"key twice", with(func(q *Query) { q.GroupBy = []string{"k1", "k1"} }), budget, "named twice"},
		{"key is the unit", with(func(q *Query) { q.GroupBy = []string{"unit"} }), budget, "is the privacy unit"},
		{"nested key", with(func(q *Query) { q.GroupBy = []string{"list"} }), budget, `column "list": columns of type list`},
		{"doubled column", with(func(q *Query) { q.GroupBy = []string{"twice"} }), budget, "2 columns named"},
		{"level of no key", with(func(q *Query) { q.Levels = map[string]GroupLevel{"k2": {Level: 1}} }), budget, "not a key"},
		{"level without hierarchy", with(func(q *Query) { q.Levels = map[string]GroupLevel{"k1": {Level: 1}} }), budget, "no hierarchy"},
		{"level too high", with(func(q *Query) { q.Levels = map[string]GroupLevel{"k1": {prefix(t), 9}} }), budget, "above the top"},
		{"no aggregates", with(func(q *Query) { q.Aggregates = nil }), budget, "name at least one"},
		{"nil aggregate", aggregate(nil), budget, "number 1 has no name"},
		{"no name", aggregate(CountUnits{}), budget, "has no name"},
		{"same name", with(func(q *Query) { q.Aggregates = []Aggregate{CountUnits{As: "n"}, Count{As: "n"}} }), budget, `two output columns are named "n"`},
		{"name of a key", aggregate(CountUnits{As: "k1"}), budget, `two output columns are named "k1"`},
		{"negative weight", aggregate(CountUnits{As: "n", Weight: -1}), budget, "weight must be"},
		{"weight NaN", aggregate(CountUnits{As: "n", Weight: math.NaN()}), budget, "weight must be"},
		{"per-unit", aggregate(Count{As: "n", PerUnit: -1}), budget, "per-unit must be"},
		{"per-unit overflow", aggregate(Count{As: "n", PerUnit: math.MaxInt64}), budget, "per-unit must be"},
		{"noise overflow", aggregate(Count{As: "n", PerUnit: 1 << 62}), Approx(1e-9, 1e-6), "exceed the range of the exact arithmetic"},
		{"no column", aggregate(Sum{As: "s", Upper: 1}), budget, "names no column"},
		{"column absent", aggregate(Sum{As: "s", Column: "q", Upper: 1}), budget, `no column "q"`},
		{"sum of text", aggregate(Sum{As: "s", Column: "page", Upper: 1}), budget, "has no numbers"},
		{"sum of the unit", aggregate(Sum{As: "s", Column: "unit", Upper: 1}), budget, "only count-distinct may read it"},
		{"mean of the unit", aggregate(Mean{As: "s", Column: "unit", Upper: 1}), budget, "only count-distinct may read it"},
		{"no range", aggregate(Sum{As: "s", Column: "x"}), budget, "state a range"},
		{"range reversed", aggregate(Mean{As: "s", Column: "x", Lower: 2, Upper: 1}), budget, "state a range"},
		{"range infinite", aggregate(Sum{As: "s", Column: "x", Upper: math.Inf(1)}), budget, "finite numbers"},
		{"range NaN", aggregate(Sum{As: "s", Column: "x", Upper: math.NaN()}), budget, "finite numbers"},
		{"resolution negative", aggregate(Sum{As: "s", Column: "x", Upper: 1, Resolution: -1}), budget, "resolution must be"},
		{"resolution too coarse", aggregate(Sum{As: "s", Column: "x", Upper: 1, Resolution: 3}), budget, "no usable number of multiples"},
		{"sum overflow", aggregate(Sum{As: "s", Column: "x", Upper: 1e30, Resolution: 1}), budget, "no usable number of multiples"},
		{"mean of one step", aggregate(Mean{As: "s", Column: "y", Lower: 0.2, Upper: 0.9}), budget, "no usable number of multiples"},
		{"variance overflow", with(func(q *Query) {
			q.Bounds.RowsPerGroup = 1 << 30
			q.Aggregates = []Aggregate{Variance{As: "s", Column: "x", Upper: 1}}
		}), budget, "overflow the exact arithmetic"},
		{"variance beyond floats", aggregate(Variance{As: "s", Column: "y", Lower: -1e200, Upper: 1e200}), budget, "beyond ±1e100"},
		{"sum beyond floats", aggregate(Sum{As: "s", Column: "x", Upper: 1e308}), budget, "beyond ±1e100"},
		{"norm beyond floats", aggregate(VectorSum{As: "s", Columns: []string{"x"}, Norm: 1e308}), budget, "more than 1e100"},
		{"no ranks", aggregate(Quantiles{As: "s", Column: "x", Upper: 1}), budget, "at least one rank"},
		{"rank out of range", aggregate(Quantiles{As: "s", Column: "x", Upper: 1, Ranks: []float64{1.5}}), budget, "rank 1 is not a number between 0 and 1"},
		{"rank twice", aggregate(Quantiles{As: "s", Column: "x", Upper: 1, Ranks: []float64{0.5, 0.5}}), budget, "rank 2 is given twice"},
		{"rank with many digits", aggregate(Quantiles{As: "s", Column: "x", Upper: 1, Ranks: []float64{0.123456789}}), budget, "too many digits"},
		{"quantiles too fine", aggregate(Quantiles{As: "s", Column: "x", Upper: 1, Resolution: 1e-9, Ranks: []float64{0.5}}), budget, "coarser resolution"},
		{"quantiles of almost no budget", aggregate(Quantiles{As: "s", Column: "x", Upper: 1, Ranks: []float64{0.5}}), Approx(1e-12, 1e-6), "too small for the exact arithmetic"},
		{"one edge", aggregate(Histogram{As: "s", Column: "x", Edges: []float64{1}}), budget, "edges"},
		{"edges fall", aggregate(Histogram{As: "s", Column: "x", Edges: []float64{1, 1}}), budget, "edge 2 does not"},
		{"edge NaN", aggregate(Histogram{As: "s", Column: "x", Edges: []float64{1, math.NaN()}}), budget, "edge 2 is not a finite number"},
		{"distinct of a list", aggregate(CountDistinct{As: "s", Column: "list"}), budget, "columns of type list"},
		{"unknown noise", with(func(q *Query) { q.Noise = "uniform" }), budget, "noise must be"},
		{"no backend", with(func(q *Query) { q.Noise = "google" }), budget, "no backend"},
		{"min-units", with(func(q *Query) { q.MinUnits = -1 }), budget, "min-units"},
		{"short public key", with(func(q *Query) { q.PublicGroups = [][]GroupKey{{}} }), budget, "group 1 has 0 values for 1 key"},
		{"public key of another type", with(func(q *Query) { q.GroupBy = []string{"k2"}; q.PublicGroups = [][]GroupKey{{{Text: "one"}}} }), budget, "not the canonical text"},
		{"public key not canonical", with(func(q *Query) { q.GroupBy = []string{"k2"}; q.PublicGroups = [][]GroupKey{{{Text: "1.50"}}} }), budget, "not the canonical text"},
		{"public key NaN", with(func(q *Query) { q.GroupBy = []string{"k2"}; q.PublicGroups = [][]GroupKey{{{Text: "NaN"}}} }), budget, "not the canonical text"},
		{"public key twice", with(func(q *Query) { q.PublicGroups = [][]GroupKey{{{Text: "a"}}, {{Text: "a"}}} }), budget, "group 2 is listed twice"},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			_, err := NewPlan(c.query, nested, c.budget)
			wantError(t, err, c.says)
			if !errors.Is(err, fault.Plan) {
				t.Errorf("%v is not of kind Plan", err)
			}
			if err != nil && strings.Contains(err.Error(), "1.50") {
				t.Errorf("%v quotes a value", err)
			}
		})
	}
	if _, err := NewPlan(good(), nested, budget); err != nil {
		t.Errorf("the query that the others vary: %v", err)
	}
}

func prefix(t testing.TB) hierarchy.Hierarchy {
	t.Helper()
	return hierarchy.Prefix(1)
}

// TestPriceIsTheBudget: whatever the query, the price is the budget, exactly,
// and the shares add up to it.
func TestPriceIsTheBudget(t *testing.T) {
	q := &Query{Unit: "unit", GroupBy: []string{"k1"}, Bounds: ContributionBounds{MaxGroups: 3, RowsPerGroup: 2}, Aggregates: []Aggregate{
		Count{As: "n", Weight: 0.3}, Mean{As: "m", Column: "x", Upper: 7, Weight: 0.7},
		Quantiles{As: "q", Column: "y", Upper: 10, Ranks: []float64{0.1, 0.5, 0.9}, Weight: 3},
	}}
	for _, b := range []Budget{Approx(1, 1e-6), Approx(0.1, 1e-9), ZCDP(0.05, 1e-8)} {
		p, err := NewPlan(q, smallSchema(false), b)
		if err != nil {
			t.Fatal(err)
		}
		if !p.Price().Equal(b) {
			t.Errorf("price %s of a budget of %s", p.Price(), b)
		}
		s := p.Selection()
		if s == nil || s.Aggregate != "" || s.Threshold < 2 {
			t.Errorf("selection %+v", s)
		}
		if lo, hi := p.ReleaseProbability(s.Threshold-1), p.ReleaseProbability(s.Threshold); lo > 0.5 || hi < 0.5 {
			t.Errorf("release probabilities around the threshold: %v, %v", lo, hi)
		}
		for _, f := range p.Figures() {
			if f.Mechanism == "" || f.Scale == "" {
				t.Errorf("figures %+v", f)
			}
		}
	}
}

// TestPublicKeysOfEveryType: canonical texts of every type are accepted.
func TestPublicKeysOfEveryType(t *testing.T) {
	for _, c := range []struct {
		dt   arrow.DataType
		text string
	}{
		{arrow.PrimitiveTypes.Int8, "-7"}, {arrow.PrimitiveTypes.Uint64, "18446744073709551615"}, {arrow.PrimitiveTypes.Float32, "0.1"}, {arrow.PrimitiveTypes.Float64, "1e+21"},
		{arrow.FixedWidthTypes.Boolean, "true"}, {arrow.BinaryTypes.String, ""}, {arrow.BinaryTypes.LargeString, "Kobe"}, {arrow.BinaryTypes.StringView, "Kobe"},
		{arrow.BinaryTypes.Binary, "00ff"}, {&arrow.FixedSizeBinaryType{ByteWidth: 2}, "beef"}, {arrow.FixedWidthTypes.Date32, "2024-02-29"}, {arrow.FixedWidthTypes.Date64, "1969-12-31"},
		{arrow.FixedWidthTypes.Time32s, "23:59:59"}, {arrow.FixedWidthTypes.Time64ns, "01:02:03.000000004"}, {arrow.FixedWidthTypes.Duration_ms, "-5"},
		{&arrow.TimestampType{Unit: arrow.Microsecond}, "2025-01-02T03:04:05.5"}, {&arrow.TimestampType{Unit: arrow.Second, TimeZone: "Asia/Tokyo"}, "2025-01-02T03:04:05+09:00"},
		{&arrow.TimestampType{Unit: arrow.Second, TimeZone: "UTC"}, "2025-01-02T03:04:05Z"},
		{&arrow.Decimal128Type{Precision: 20, Scale: 2}, "-1.50"}, {&arrow.Decimal256Type{Precision: 50, Scale: 3}, "12345678901234567890.123"},
	} {
		if _, ok := appendPublicCell(nil, GroupKey{Text: c.text}, c.dt, nil); !ok {
			t.Errorf("%s: %q is refused", c.dt, c.text)
		}
	}
}
