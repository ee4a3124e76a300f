package dptune_test

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/dp/dptune"
)

// visits are made up: 60 people, person i with 1 + i%4 visits of 10·(1 + i%3)
// minutes in each of the two cities.
func visits() arrowio.Source {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "person", Type: arrow.PrimitiveTypes.Int64}, {Name: "city", Type: arrow.BinaryTypes.String}, {Name: "minutes", Type: arrow.PrimitiveTypes.Float64},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for i := range 60 {
		for range 1 + i%4 {
			for _, city := range []string{"Kobe", "Nara"} {
				b.Field(0).(*array.Int64Builder).Append(int64(i))
				b.Field(1).(*array.StringBuilder).Append(city)
				b.Field(2).(*array.Float64Builder).Append(float64(10 * (1 + i%3)))
			}
		}
	}
	return arrowio.NewMemory(schema, b.NewRecord())
}

func query() *dp.Query {
	return &dp.Query{
		Unit: "person", GroupBy: []string{"city"}, Bounds: dp.ContributionBounds{MaxGroups: 2},
		Aggregates: []dp.Aggregate{
			dp.Count{As: "visits", PerUnit: 2},
			dp.Mean{As: "mean", Column: "minutes", Lower: 0, Upper: 60},
			dp.Sum{As: "minutes", Column: "minutes", Lower: 0, Upper: 30},
		},
	}
}

// What bounds cut off is computed by hand: with both groups kept, a count loses
// Σ max(0, rows-limit), a sum Σ max(0, total-limit).
func TestTune(t *testing.T) {
	q := query()
	tuning, err := dptune.Tune(context.Background(), visits(), q, dptune.Options{
		Limits: []float64{0.5, 1, 2, 4}, Epsilons: []float64{0.1, 10}, Delta: 1e-6, Scale: 3,
	})
	if err != nil {
		t.Fatal(err)
	}
	if tuning.Groups != 2 || len(tuning.Points) != 2*4*2 {
		t.Fatalf("%d groups and %d points, want 2 and 16", tuning.Groups, len(tuning.Points))
	}
	for _, p := range tuning.Points {
		var cut, size float64
		for i := range 60 {
			total := float64(1 + i%4)
			if p.As == "minutes" {
				total *= float64(10 * (1 + i%3))
			}
			cut += 3 * max(0, total-p.Limit)
			size += 3 * total
		}
		if math.Abs(p.Cut-cut) > 1e-3 {
			t.Errorf("%s at limit %g: cut %v, by hand %v", p.As, p.Limit, p.Cut, cut)
		}
		if math.Abs(p.Bias+cut) > 1e-3 { // all is cut off, in every group
			t.Errorf("%s at limit %g: bias %v, by hand %v", p.As, p.Limit, p.Bias, -cut)
		}
		if want := math.Hypot(cut, p.Noise); math.Abs(p.Error-want) > 1e-3 || math.Abs(p.Relative-want/size) > 1e-6 {
			t.Errorf("%s at limit %g: error %v and relative %v, want %v and %v", p.As, p.Limit, p.Error, p.Relative, want, want/size)
		}
		if p.Noise <= 0 || p.Released < 0 || p.Released > 1 {
			t.Errorf("%s: noise %v, released %v", p.As, p.Noise, p.Released)
		}
		if p.Epsilon == 10 && p.Released < 0.99 || p.Epsilon == 0.1 && p.Released > 0.9 {
			t.Errorf("ε = %g releases a share of %v of groups of 180 units", p.Epsilon, p.Released)
		}
	}
	// Much noise asks for a low limit, little noise for a high one.
	low, _ := tuning.Best("visits", 0.1)
	high, ok := tuning.Best("visits", 10)
	if !ok || low.Limit >= high.Limit || high.Limit != 4 {
		t.Errorf("best limits %g at ε = 0.1 and %g at ε = 10", low.Limit, high.Limit)
	}
	if _, ok := tuning.Best("mean", 10); ok {
		t.Error("a mean has points")
	}
	for d := xml.NewDecoder(strings.NewReader(tuning.Chart("minutes"))); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal("the chart is no XML:", err)
		}
	}
	if svg := tuning.Chart("minutes"); strings.Count(svg, "<polyline") != 2 || strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
		t.Error("the chart of sums has not the two lines it should have")
	}
	if tuning.Chart("mean") != "" {
		t.Error("a chart without points")
	}
}

// With one group a unit half of all visits are cut off; the query itself stays.
func TestTuneMaxGroups(t *testing.T) {
	q := query()
	tuning, err := dptune.Tune(context.Background(), visits(), q, dptune.Options{MaxGroups: []int64{1, 2}, Limits: []float64{8}, Epsilons: []float64{1}, Delta: 1e-6})
	if err != nil {
		t.Fatal(err)
	}
	one, two := tuning.Points[0], tuning.Points[1]
	if one.MaxGroups != 1 || two.MaxGroups != 2 || two.Cut != 0 || one.Cut < 150/2 || one.Noise >= two.Noise {
		t.Errorf("points %+v and %+v", one, two)
	}
	if q.Bounds.MaxGroups != 2 || q.Aggregates[0].(dp.Count).PerUnit != 2 {
		t.Error("the query was changed")
	}
}

// TestTuneRows: of two cities with up to four visits each, at most two visits of
// a person in all. Ranges to be chosen and diagnostics change the noise only.
func TestTuneRows(t *testing.T) {
	q := query()
	q.Bounds = dp.ContributionBounds{RowsPerUnit: 2}
	q.Diagnostics = 1
	q.Aggregates = []dp.Aggregate{dp.Count{As: "visits"}, dp.Sum{As: "minutes", Column: "minutes", Upper: 1000, Auto: 0.5}}
	tuning, err := dptune.Tune(context.Background(), visits(), q, dptune.Options{Epsilons: []float64{1}, Delta: 1e-6})
	if err != nil {
		t.Fatal(err)
	}
	// 60·2 of 2·150 visits stay, over two cities.
	if p := tuning.Points[0]; p.Limit != 2 || math.Abs(p.Bias+90) > 1e-6 || p.MaxGroups != 0 {
		t.Errorf("%+v", p)
	}
	if p := tuning.Points[1]; p.Bias > -900 {
		t.Errorf("%+v", p)
	}
}

func TestTuneRefusals(t *testing.T) {
	for part, o := range map[string]dptune.Options{
		"at least one epsilon": {},
		"positive factors":     {Epsilons: []float64{1}, Delta: 1e-6, Limits: []float64{0}},
		"scale":                {Epsilons: []float64{1}, Delta: 1e-6, Scale: -1},
		"delta":                {Epsilons: []float64{1}},
	} {
		if _, err := dptune.Tune(context.Background(), visits(), query(), o); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v, want one that says %q", err, part)
		}
	}
	q := query()
	q.Aggregates = q.Aggregates[1:2]
	if _, err := dptune.Tune(context.Background(), visits(), q, dptune.Options{Epsilons: []float64{1}, Delta: 1e-6}); err == nil || !strings.Contains(err.Error(), "no count and no sum") {
		t.Errorf("error %v", err)
	}
}

func ExampleTune() {
	// Which limit of visits for each person, at ε = 0.1 and ε = 5?
	tuning, err := dptune.Tune(context.Background(), visits(), query(), dptune.Options{
		Limits: []float64{0.5, 1, 1.5, 2}, Epsilons: []float64{0.1, 5}, Delta: 1e-6, Scale: 3,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, epsilon := range []float64{0.1, 5} {
		p, _ := tuning.Best("visits", epsilon)
		fmt.Printf("ε = %g: per-unit %g, error %.1f %%\n", epsilon, p.Limit, 100*p.Relative)
	}
	// Output:
	// ε = 0.1: per-unit 2, error 54.6 %
	// ε = 5: per-unit 4, error 2.0 %
}
