package dp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/hierarchy"
	"github.com/oboro-data/oboro/internal/corpus"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/internal/noise"
)

func mustRun(t testing.TB, q *Query, b Budget, recs ...arrow.Record) *Release {
	t.Helper()
	rel, err := Run(context.Background(), arrowio.NewMemory(recs[0].Schema(), recs...), q, NewAccountant(b), b)
	if err != nil {
		t.Fatal(err)
	}
	return rel
}

// manyVisits gives every city one more than ten times its position in units,
// each with two visits of fee 10 and age 30.
func manyVisits(t testing.TB, cities ...string) arrow.Record {
	var rows [][4]string
	user := 0
	for i, c := range cities {
		for range 10*i + 1 {
			user++
			for range 2 {
				rows = append(rows, [4]string{fmt.Sprint(user), c, "10", "30"})
			}
		}
	}
	return visits(t, rows...)
}

// TestPrivateGroups: released groups reach the threshold, by the released
// count itself, and come sorted by key.
func TestPrivateGroups(t *testing.T) {
	rec := manyVisits(t, "Ube", "Otsu", "Nara", "Kobe", "Gifu", "Iida", "Tsu", "Beppu")
	q := &Query{Unit: "user", GroupBy: []string{"city"}, Bounds: ContributionBounds{MaxGroups: 1}, Aggregates: []Aggregate{CountUnits{As: "users"}, Count{As: "visits", PerUnit: 2}}}
	for range 20 {
		rel := mustRun(t, q, Approx(4, 1e-6), rec)
		s := rel.Plan().Selection()
		if s.Aggregate != "users" {
			t.Fatalf("selection rests on %q", s.Aggregate)
		}
		users := rel.Record().Column(1).(*array.Int64).Int64Values()
		for _, n := range users {
			if n < s.Threshold {
				t.Errorf("a group of %d was released, the threshold is %d", n, s.Threshold)
			}
		}
		if noise.Off {
			var want []string
			for i, c := range []string{"Ube", "Otsu", "Nara", "Kobe", "Gifu", "Iida", "Tsu", "Beppu"} {
				if n := 10*i + 1; int64(n) >= s.Threshold {
					want = append(want, fmt.Sprintf("%s %d %d", c, n, 2*n))
				}
			}
			slices.Sort(want)
			if got := texts(rel); !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		var keys []string
		for _, row := range texts(rel) {
			keys = append(keys, strings.Fields(row)[0])
		}
		if !slices.IsSorted(keys) {
			t.Errorf("keys %q", keys)
		}
	}
}

// TestNothingToRead: a table without rows, or without anybody, gives no private
// groups and all public ones, whatever the types.
func TestNothingToRead(t *testing.T) {
	nobody := visits(t, [4]string{"", "Kobe", "1", "2"}, [4]string{"", "", "", ""})
	all := []Aggregate{
		CountUnits{As: "n"}, Count{As: "c"}, Sum{As: "s", Column: "fee", Upper: 1}, Mean{As: "m", Column: "fee", Upper: 1}, Variance{As: "v", Column: "age", Upper: 9},
		Quantiles{As: "q", Column: "age", Upper: 9, Ranks: []float64{0.1, 0.5}}, Min{As: "lo", Column: "age", Upper: 9}, Histogram{As: "h", Column: "age", Edges: []float64{0, 1}},
		CountDistinct{As: "d", Column: "city"}, TopK{As: "t", Column: "city", Values: []string{"x"}, K: 1},
		Covariance{As: "cov", Columns: []string{"fee", "age"}, Lower: []float64{0, 0}, Upper: []float64{1, 1}},
	}
	for name, rec := range map[string]arrow.Record{"no rows": nobody.NewSlice(0, 0), "nobody": nobody, "dictionary": dictionaryOf(t, nobody, 1)} {
		q := &Query{Unit: "user", GroupBy: []string{"city", "age"}, Bounds: ContributionBounds{MaxGroups: 2}, Aggregates: all}
		if rel := mustRun(t, q, Approx(1, 1e-6), rec); rel.Groups() != 0 {
			t.Errorf("%s: %d private groups", name, rel.Groups())
		}
		q.Levels = map[string]GroupLevel{"city": {hierarchy.Prefix(2), 1}}
		q.PublicGroups = [][]GroupKey{{{Text: "Ko**"}, {Text: "2"}}, {{Null: true}, {Text: "-5"}}}
		if rel := mustRun(t, q, Approx(1, 1e-6), rec); rel.Groups() != 2 || !rel.Record().Column(0).IsNull(1) {
			t.Errorf("%s: public groups %q", name, texts(rel))
		}
		q.GroupBy, q.Levels, q.PublicGroups = nil, nil, nil
		if rel := mustRun(t, q, Approx(1, 1e-6), rec); rel.Groups() != 1 {
			t.Errorf("%s: %d groups of everything", name, rel.Groups())
		}
	}
}

// TestMinUnits: the floor is compared with the noised count, of private and of
// public groups.
func TestMinUnits(t *testing.T) {
	rec := manyVisits(t, "Ube", "Otsu", "Nara", "Kobe")
	q := &Query{Unit: "user", GroupBy: []string{"city"}, Bounds: ContributionBounds{MaxGroups: 1}, MinUnits: 25, Aggregates: []Aggregate{CountUnits{As: "users"}}}
	for _, public := range []bool{false, true} {
		if public {
			q.PublicGroups = [][]GroupKey{{{Text: "Ube"}}, {{Text: "Otsu"}}, {{Text: "Kobe"}}}
		}
		for range 10 {
			for _, n := range mustRun(t, q, Approx(4, 1e-6), rec).Record().Column(1).(*array.Int64).Int64Values() {
				if n < 25 {
					t.Errorf("public %v: a group of %d was released", public, n)
				}
			}
		}
	}
}

// TestOutputLeaksNothing (V7): no byte of a group that was not released is in
// any buffer of the release, dictionaries included; null slots are zero and
// there is no metadata.
func TestOutputLeaksNothing(t *testing.T) {
	var rows [][4]string
	for i := range 200 {
		rows = append(rows, [4]string{fmt.Sprint(i), "Kobe", "1", "30"})
	}
	for i := range 5 {
		rows = append(rows, [4]string{fmt.Sprint(300 + i), fmt.Sprintf("MARKER%d", i), "1", "30"})
	}
	plain := visits(t, rows...)
	dict := dictionaryOf(t, plain, 1)
	levels := map[string]GroupLevel{"city": {hierarchy.Prefix(6), 1}}
	for name, c := range map[string]struct {
		rec    arrow.Record
		levels map[string]GroupLevel
	}{"text": {plain, nil}, "dictionary": {dict, nil}, "raised": {plain, levels}} {
		meta := arrow.MetadataFrom(map[string]string{"note": "MARKER"})
		rec := arrowRecordMeta(c.rec, meta)
		rel := mustRun(t, &Query{Unit: "user", GroupBy: []string{"city"}, Levels: c.levels, Bounds: ContributionBounds{MaxGroups: 1}, Aggregates: []Aggregate{CountUnits{As: "n"}}}, Approx(2, 1e-9), rec)
		if rel.Groups() != 1 {
			t.Fatalf("%s: %d groups", name, rel.Groups())
		}
		if rel.Schema().HasMetadata() || !rel.Schema().Equal(rel.Plan().Schema()) {
			t.Errorf("%s: schema %s", name, rel.Schema())
		}
		for _, col := range rel.Record().Columns() {
			eachBuffer(col.Data(), func(b []byte) {
				if bytes.Contains(b, []byte("MARKER")) {
					t.Errorf("%s: a buffer holds an unreleased key", name)
				}
			})
		}
	}
}

// dictionaryOf replaces a text column by a dictionary.
func dictionaryOf(t testing.TB, rec arrow.Record, c int) arrow.Record {
	t.Helper()
	dt := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int16, ValueType: arrow.BinaryTypes.String}
	b := array.NewBuilder(memory.DefaultAllocator, dt).(*array.BinaryDictionaryBuilder)
	for i := range int(rec.NumRows()) {
		if rec.Column(c).IsNull(i) {
			b.AppendNull()
		} else if err := b.AppendString(rec.Column(c).ValueStr(i)); err != nil {
			t.Fatal(err)
		}
	}
	fields, cols := rec.Schema().Fields(), slices.Clone(rec.Columns())
	fields[c].Type, cols[c] = dt, b.NewArray()
	return arrowRecord(fields, cols, rec.NumRows())
}

func eachBuffer(d arrow.ArrayData, f func([]byte)) {
	for _, b := range d.Buffers() {
		if b != nil {
			f(b.Buf()[:cap(b.Buf())])
		}
	}
	for _, c := range d.Children() {
		eachBuffer(c, f)
	}
	if _, ok := d.DataType().(*arrow.DictionaryType); ok {
		eachBuffer(d.Dictionary(), f)
	}
}

// TestUnusualValues (V5): null, NaN, infinite and enormous values never fail a
// run and count as the policy says.
func TestUnusualValues(t *testing.T) {
	rec := visits(t,
		[4]string{"1", "Kobe", "NaN", ""}, [4]string{"2", "Kobe", "+Inf", "1"}, [4]string{"3", "Kobe", "-Inf", "2"},
		[4]string{"4", "Kobe", "1e308", "3"}, [4]string{"5", "Kobe", "", ""}, [4]string{"6", "Kobe", "1.25", "200"})
	q := &Query{Unit: "user", Bounds: ContributionBounds{MaxGroups: 1}, Aggregates: []Aggregate{
		CountUnits{As: "n"}, Sum{As: "s", Column: "fee", Lower: -10, Upper: 10}, Mean{As: "m", Column: "age", Lower: 0, Upper: 8},
		Histogram{As: "h", Column: "fee", Edges: []float64{-20, 0, 20}}, Min{As: "lo", Column: "age", Upper: 100}, Max{As: "hi", Column: "age", Upper: 100},
		Quantiles{As: "q", Column: "age", Upper: 100, Ranks: []float64{0.5}, Resolution: 1}, Histogram{As: "c", Column: "age", Edges: []float64{0, 2, 500}, Cumulative: true},
		Variance{As: "v", Column: "age", Lower: 0, Upper: 8}, StdDev{As: "d", Column: "age", Lower: 0, Upper: 8},
		CountDistinct{As: "ages", Column: "age"}, CountDistinct{As: "users", Column: "user"},
	}}
	rel := mustRun(t, q, Pure(1), rec)
	if noise.Off {
		// Sum: 10 - 10 + 10 + 1.25. Mean of 1, 2, 3, 8; population variance 7.25.
		want := fmt.Sprintf("6 11.25 3.5 0 1 1 100 3 1 4 7.25 %v 4 6", math.Sqrt(7.25))
		if got := texts(rel)[0]; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for i, c := range rel.Record().Columns() {
		if c.NullN() > 0 {
			t.Errorf("column %d has nulls", i)
		}
		if f, ok := c.(*array.Float64); ok && (math.IsNaN(f.Value(0)) || math.IsInf(f.Value(0), 0) || math.Signbit(f.Value(0)) && f.Value(0) == 0) {
			t.Errorf("column %d is %v", i, f.Value(0))
		}
	}
}

// TestFloatSums (V3): Casacuberta and others 2022 build tables of ±1-bounded
// values whose float sum one row changes by many times the bound: 2ᵏ ones, then
// 2ᵏ⁻¹ pairs +0.6u, -0.4u with u = 2^(k-52). Here the sums of the two tables
// differ by exactly the value of that row, in any order and any number of
// parts. OBORO_V3_BITS sets k; k = 27 makes 2²⁸ rows.
func TestFloatSums(t *testing.T) {
	k := envInt(t, "OBORO_V3_BITS", 16)
	u := math.Ldexp(1, k-52)
	// value is element i of the table in its original order.
	value := func(i int) float64 {
		switch {
		case i < 1<<k:
			return 1
		case i%2 == 0:
			return 0.6 * u
		}
		return -0.4 * u
	}
	rows := 1 << (k + 1)
	schema := arrow.NewSchema([]arrow.Field{{Name: "x", Type: arrow.PrimitiveTypes.Float64}}, nil)
	q := &Query{UnitIsRow: true, Bounds: ContributionBounds{MaxGroups: 1}, Aggregates: []Aggregate{Sum{As: "s", Column: "x", Lower: -1, Upper: 1}}}
	p, err := NewPlan(q, schema, Pure(1))
	if err != nil {
		t.Fatal(err)
	}
	batch := func(n int, at func(int) float64) arrow.Record {
		xs := make([]float64, n)
		for i := range xs {
			xs[i] = at(i)
		}
		b := array.NewFloat64Builder(memory.DefaultAllocator)
		defer b.Release()
		b.AppendValues(xs, nil)
		return array.NewRecord(schema, []arrow.Array{b.NewArray()}, int64(n))
	}
	// order maps a position to an element: as it is, backwards, interleaved.
	orders := []func(int) int{
		func(i int) int { return i },
		func(i int) int { return rows - 1 - i },
		func(i int) int { return i * 0x9e3779b1 & (rows - 1) }, // an odd factor permutes 0 … 2ⁿ-1
	}
	sum := func(extra bool, order func(int) int, parts int) int128 {
		accs := make([]*Accumulator, parts)
		for i := range accs {
			accs[i] = accumulate(t, p)
		}
		const size = 1 << 16
		for from := 0; from < rows; from += size {
			b := batch(min(size, rows-from), func(i int) float64 { return value(order(from + i)) })
			if err := accs[from/size%parts].Add(b); err != nil {
				t.Fatal(err)
			}
			b.Release()
		}
		if extra {
			if err := accs[parts-1].Add(batch(1, func(int) float64 { return 1 })); err != nil {
				t.Fatal(err)
			}
		}
		for _, a := range accs[1:] {
			if err := accs[0].Merge(a); err != nil {
				t.Fatal(err)
			}
		}
		return accs[0].tallies(2).sums[0].of(0)
	}
	plain := sum(false, orders[0], 1)
	for i, order := range orders {
		if i > 0 && sum(false, order, 8) != plain {
			t.Errorf("order %d gives another sum", i)
		}
		if diff := sum(true, order, 1+7*(i%2)).sub(plain); diff != int128Of(p.statistics[0].(additive).sensitivity()) {
			t.Errorf("order %d: one row of value 1 changed the sum by %v steps", i, diff)
		}
	}
}

// TestReleaseIsASource: Open gives the table back, whole or by columns.
func TestReleaseIsASource(t *testing.T) {
	q := &Query{Unit: "user", GroupBy: []string{"city"}, PublicGroups: [][]GroupKey{{{Text: "Kobe"}}}, Bounds: ContributionBounds{MaxGroups: 1}, Aggregates: []Aggregate{CountUnits{As: "n"}}}
	var src arrowio.Source = mustRun(t, q, Pure(1), manyVisits(t, "Kobe"))
	r, err := src.Open(context.Background(), "n")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	if !r.Next() || r.Record().NumCols() != 1 || r.Record().NumRows() != 1 || r.Next() || r.Err() != nil {
		t.Error("Open of one column")
	}
	if _, err := src.Open(context.Background(), "m"); !errors.Is(err, fault.Plan) {
		t.Errorf("unknown column: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := src.Open(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestFinalize: partial states of several machines make one release, at one
// price.
func TestFinalize(t *testing.T) {
	rec := manyVisits(t, "Kobe", "Nara")
	q := &Query{Unit: "user", GroupBy: []string{"city"}, PublicGroups: [][]GroupKey{{{Text: "Kobe"}}, {{Text: "Nara"}}}, Bounds: ContributionBounds{MaxGroups: 1}, Aggregates: []Aggregate{CountUnits{As: "n"}}}
	p := planFor(t, q, rec.Schema())
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	same, err := KeyFromBytes(key.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	var parts []*Accumulator
	for i, b := range corpus.Batches(project(rec, p), 5) {
		k := key
		if i%2 == 1 {
			k = same
		}
		a, err := p.NewAccumulator(k)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Add(b); err != nil {
			t.Fatal(err)
		}
		parts = append(parts, a)
	}
	poor := NewAccountant(Approx(0.5, 1e-6))
	if _, err := p.Finalize(poor, "table", parts...); !errors.Is(err, fault.Budget) {
		t.Fatalf("too small a budget: %v", err)
	}
	acct := NewAccountant(p.Price())
	rel, err := p.Finalize(acct, "table", parts...)
	if err != nil {
		t.Fatal(err)
	}
	if got := texts(rel); noise.Off && !slices.Equal(got, []string{"Kobe 1", "Nara 11"}) {
		t.Errorf("got %q", got)
	}
	if _, err := p.Finalize(NewAccountant(p.Price()), "again", parts[0]); err == nil {
		t.Error("an accumulator was finalized twice")
	}
	if _, err := p.Finalize(acct, "nothing"); !errors.Is(err, fault.Plan) {
		t.Errorf("no accumulator: %v", err)
	}
}

// TestLawSilence: no error of a run holds a value of the data.
func TestLawSilence(t *testing.T) {
	rec := visits(t, [4]string{"1", "MARKER", "10", "30"})
	other := arrowRecord(rec.Schema().Fields()[:1], rec.Columns()[:1], 1)
	q := &Query{Unit: "user", GroupBy: []string{"city"}, Bounds: ContributionBounds{MaxGroups: 1}, Aggregates: []Aggregate{CountUnits{As: "n"}}}
	p := planFor(t, q, rec.Schema())
	a := accumulate(t, p)
	for _, err := range []error{a.Add(other), a.Add(arrowRecord([]arrow.Field{rec.Schema().Field(1), rec.Schema().Field(0)}, []arrow.Array{rec.Column(1), rec.Column(0)}, 1))} {
		if err == nil || strings.Contains(err.Error(), "MARKER") || !errors.Is(err, fault.Input) {
			t.Errorf("error %v", err)
		}
	}
}
