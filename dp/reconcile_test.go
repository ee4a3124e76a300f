package dp

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/hierarchy"
	"github.com/oboro-data/oboro/internal/fault"
)

// towns are people of 3 regions, 4 prefectures each, 5 towns each, some of them
// with hardly a person.
func towns() arrowio.Source {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "region", Type: arrow.BinaryTypes.String}, {Name: "prefecture", Type: arrow.BinaryTypes.String},
		{Name: "town", Type: arrow.PrimitiveTypes.Int32}, {Name: "income", Type: arrow.PrimitiveTypes.Float64},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	r := rand.New(rand.NewPCG(4, 4))
	for range 3000 {
		x := int(60 * r.Float64() * r.Float64())
		b.Field(0).(*array.StringBuilder).Append(fmt.Sprintf("r%d", x/20))
		b.Field(1).(*array.StringBuilder).Append(fmt.Sprintf("p%d", x/5%4))
		b.Field(2).(*array.Int32Builder).Append(int32(x))
		b.Field(3).(*array.Float64Builder).Append(r.Float64() * 100)
	}
	return arrowio.NewMemory(schema, b.NewRecord())
}

func townRelease(t testing.TB, q Query, epsilon float64) *Release {
	t.Helper()
	q.UnitIsRow, q.Bounds = true, ContributionBounds{MaxGroups: 1}
	q.Aggregates = []Aggregate{CountUnits{As: "people"}, Sum{As: "income", Column: "income", Lower: 0, Upper: 100, Resolution: 0.125}, Mean{As: "mean", Column: "income", Lower: 0, Upper: 100}}
	b := Approx(epsilon, 1e-6)
	rel, err := Run(context.Background(), towns(), &q, NewAccountant(b), b)
	if err != nil {
		t.Fatal(err)
	}
	return rel
}

// sumsByKey adds a column by the leading cells of the key.
func sumsByKey(rec arrow.Record, column string, cells int) map[string]float64 {
	out := map[string]float64{}
	at := rec.Schema().FieldIndices(column)[0]
	for row := range int(rec.NumRows()) {
		var key []string
		for c := range cells {
			key = append(key, rec.Column(c).ValueStr(row))
		}
		switch v := rec.Column(at).(type) {
		case *array.Int64:
			out[strings.Join(key, "/")] += float64(v.Value(row))
		case *array.Float64:
			out[strings.Join(key, "/")] += v.Value(row)
		}
	}
	return out
}

func TestReconcilePrivateTables(t *testing.T) {
	tables := []*Release{
		townRelease(t, Query{}, 1),
		townRelease(t, Query{GroupBy: []string{"region"}}, 1),
		townRelease(t, Query{GroupBy: []string{"region", "prefecture"}}, 1),
		townRelease(t, Query{GroupBy: []string{"region", "prefecture", "town"}}, 0.4),
	}
	for _, as := range []string{"people", "income"} {
		records, err := Reconcile(as, nil, tables...)
		if err != nil {
			t.Fatal(err)
		}
		for level, rec := range records[:3] {
			if rec.NumRows() != tables[level].Groups() {
				t.Fatalf("table %d has %d groups, was %d", level, rec.NumRows(), tables[level].Groups())
			}
			totals, rests, parts := sumsByKey(rec, as, level), sumsByKey(rec, as+"_rest", level), sumsByKey(records[level+1], as, level)
			for key, total := range totals {
				if d := total - parts[key] - rests[key]; d > 1e-6 || d < -1e-6 || as == "people" && d != 0 {
					t.Errorf("%s, table %d: a total misses its parts by %v", as, level, d)
				}
			}
		}
		if as == "people" {
			if total := sumsByKey(records[0], as, 0)[""]; total < 2900 || total > 3100 { // noise of standard error 8 at the most
				t.Errorf("%v people, want about 3000", total)
			}
		}
		for _, rec := range records {
			rec.Release()
		}
	}
}

// The finer table is raw, the coarser one raised by a hierarchy; all groups are
// public, so there is no rest.
func TestReconcileHierarchy(t *testing.T) {
	prefectures := map[string]string{}
	var public, raw [][]GroupKey
	for x := range 60 {
		prefectures[fmt.Sprint(x)] = fmt.Sprintf("P%02d", x/5)
		raw = append(raw, []GroupKey{{Text: fmt.Sprint(x)}})
		if x%5 == 0 {
			public = append(public, []GroupKey{{Text: fmt.Sprintf("P%02d", x/5)}})
		}
	}
	h, err := hierarchy.Inline([]map[string]string{prefectures})
	if err != nil {
		t.Fatal(err)
	}
	coarse := townRelease(t, Query{GroupBy: []string{"town"}, Levels: map[string]GroupLevel{"town": {h, 1}}, PublicGroups: public}, 0.1)
	fine := townRelease(t, Query{GroupBy: []string{"town"}, PublicGroups: raw}, 0.1)
	records, err := Reconcile("people", nil, coarse, fine)
	if err != nil {
		t.Fatal(err)
	}
	got := sumsByKey(records[0], "people", 1)
	want := map[string]float64{}
	for town, n := range sumsByKey(records[1], "people", 1) {
		if n < 0 {
			t.Error("a count below 0")
		}
		want[prefectures[town]] += n
	}
	if len(got) != 12 {
		t.Errorf("%d prefectures, want 12", len(got))
	}
	for key, n := range got {
		if n != want[key] {
			t.Errorf("a prefecture has %v people, its towns %v", n, want[key])
		}
	}
	for _, n := range sumsByKey(records[0], "people_rest", 1) {
		if n != 0 {
			t.Error("public groups leave a rest")
		}
	}
	// The same by a function.
	again, err := Reconcile("people", func(table int, key []GroupKey) ([]GroupKey, error) {
		return []GroupKey{{Text: prefectures[key[0].Text]}}, nil
	}, coarse, fine)
	if err != nil {
		t.Fatal(err)
	}
	for i := range records {
		if !array.RecordEqual(records[i], again[i]) {
			t.Errorf("table %d differs where the hierarchy is given as a function", i)
		}
	}
}

func TestReconcileRefusals(t *testing.T) {
	total, region := townRelease(t, Query{}, 1), townRelease(t, Query{GroupBy: []string{"region"}}, 1)
	other := townRelease(t, Query{GroupBy: []string{"prefecture"}}, 1)
	for part, run := range map[string]func() ([]arrow.Record, error){
		"no tables":           func() ([]arrow.Record, error) { return Reconcile("people", nil) },
		"no aggregate":        func() ([]arrow.Record, error) { return Reconcile("persons", nil, total, region) },
		"no count and no sum": func() ([]arrow.Record, error) { return Reconcile("mean", nil, total, region) },
		"no key column":       func() ([]arrow.Record, error) { return Reconcile("people", nil, region, other) },
		"0 values for 1": func() ([]arrow.Record, error) {
			return Reconcile("people", func(int, []GroupKey) ([]GroupKey, error) { return nil, nil }, region, other)
		},
		"of my own": func() ([]arrow.Record, error) {
			return Reconcile("people", func(int, []GroupKey) ([]GroupKey, error) { return nil, fault.Planf("of my own") }, region, other)
		},
	} {
		_, err := run()
		wantError(t, err, part)
	}
	rel, err := Run(context.Background(), towns(), &Query{
		Unit: "town", GroupBy: []string{"region"}, Bounds: ContributionBounds{MaxGroups: 2}, Aggregates: []Aggregate{CountUnits{As: "people"}},
	}, NewAccountant(Approx(1, 1e-6)), Approx(1, 1e-6))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Reconcile("people", nil, total, rel)
	wantError(t, err, "set groups-per-unit to 1")
}
