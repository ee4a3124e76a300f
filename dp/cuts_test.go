package dp

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/corpus"
	"github.com/oboro-data/oboro/internal/noise"
)

// tallyOf tallies a table that comes in parts, some of them condensed.
func tallyOf(t *testing.T, p *Plan, rec arrow.Record, seed uint64) (*Accumulator, *tally) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 5))
	parts := []*Accumulator{accumulate(t, p), accumulate(t, p)}
	for _, b := range corpus.Batches(project(corpus.Shuffle(rec, seed), p), 4) {
		if err := parts[r.IntN(2)].Add(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := parts[0].MergeState(readState(t, stateBytes(t, parts[1]))); err != nil {
		t.Fatal(err)
	}
	tally, err := parts[0].tally(1 + int(seed%2))
	if err != nil {
		t.Fatal(err)
	}
	return parts[0], tally
}

// TestLawCuts: diagnostics change nothing of what statistics see; numbers of cut
// units do not depend on how rows were split; one unit changes the pair of each
// bound by 1. Every unit of random small tables under random plans is tried.
func TestLawCuts(t *testing.T) {
	tables := 200
	if testing.Short() {
		tables = 100
	}
	for seed := range uint64(tables) {
		r := rand.New(rand.NewPCG(seed, 19))
		q := smallQuery(r)
		q.Aggregates = append(q.Aggregates, Sum{As: "more", Column: "y", Lower: -1, Upper: 2})
		rec := smallTable(r, smallSchema(seed%3 == 0))
		plain := planFor(t, q, rec.Schema())
		q.Diagnostics = 0.5
		p := planFor(t, q, rec.Schema())
		a, got := tallyOf(t, p, rec, seed)
		b, want := tallyOf(t, plain, rec, seed+1)
		sums, wanted := byKey(a, got), byKey(b, want)
		for key, x := range wanted {
			if !slices.Equal(sums[key], x) && !(sums[key] == nil && !slices.ContainsFunc(x, func(n int128) bool { return n != int128{} })) {
				t.Fatalf("seed %d: diagnostics changed the sums of a group from %v to %v", seed, x, sums[key])
			}
		}
		if _, again := tallyOf(t, p, rec, seed+7); !slices.Equal(again.cut, got.cut) {
			t.Fatalf("seed %d: cut units are %v, split otherwise %v", seed, got.cut, again.cut)
		}
		for _, rows := range units(p, rec) {
			_, rest := tallyOf(t, p, without(rec, func(i int) bool { return slices.Contains(rows, i) }), seed+3)
			for k := range p.cuts.bounds {
				d := [2]int64{}
				for i := range d {
					for sign, x := range map[int64][]uint64{1: got.cut, -1: rest.cut} {
						if x != nil {
							d[i] += sign * int64(x[2*k+i])
						}
					}
				}
				if d[0] < 0 || d[1] < 0 || d[0]+d[1] > 1 {
					t.Fatalf("seed %d: one unit changed the units cut by %s by %v", seed, p.cuts.bounds[k].name, d)
				}
			}
		}
	}
}

// TestCuts counts the cut units of a table in which they are known.
func TestCuts(t *testing.T) {
	var rows [][4]string
	for i := range 1000 {
		user := fmt.Sprint(i)
		for j := range 1 + i%2*3 { // every second unit has four groups
			for range 1 + i%4/3*4 { // every fourth unit five rows in each
				rows = append(rows, [4]string{user, []string{"Kobe", "Nara", "Otsu", "Gifu"}[j], fmt.Sprint(10 * (1 + i%10)), "30"})
			}
		}
	}
	rec := visits(t, rows...)
	q := &Query{Unit: "user", GroupBy: []string{"city"}, Bounds: ContributionBounds{MaxGroups: 3, RowsPerGroup: 4}, Diagnostics: 1, Confidence: 0.99, Aggregates: []Aggregate{
		Count{As: "n", PerUnit: 2}, Sum{As: "s", Column: "fee", Upper: 1000, Resolution: 1, Auto: 0.5}, Mean{As: "m", Column: "fee", Upper: 100},
	}}
	budget := Approx(4000, 1e-6)
	run := func() *Release {
		rel, err := Run(context.Background(), arrowio.NewMemory(rec.Schema(), rec), q, NewAccountant(budget), budget)
		if err != nil {
			t.Fatal(err)
		}
		return rel
	}
	rel := run()
	p := rel.Plan()
	// ε = 4000 in five parts, one of them the hidden count's: the shares below
	// are exact but for a chance below e^-200.
	if f := p.CutFigures(); f.Epsilon != "800" || f.Scale != "0.005" || !slices.Equal(f.Bounds, []string{"groups-per-unit", "rows-per-group", "n", "s"}) {
		t.Errorf("%+v", f)
	}
	if !p.Price().Equal(Approx(3600, 1e-6)) { // all but the choice of the range
		t.Errorf("the second read costs %s", p.Price())
	}
	if noise.Off {
		return
	}
	cuts := rel.Cuts()
	for i, want := range []float64{0.5, 0.25, 0.25} {
		if c := cuts[i]; c.Share != want || c.Low > want || c.High < want || c.High-c.Low > 0.01 || c.Units < int64(1000*want) || c.Units > int64(1000*want)+5 || c.Off != 0 {
			t.Errorf("%+v, want a share of %v", c, want)
		}
	}
	if s := cuts[3]; s.Off < float64(s.Units)*(1000-p.Chosen()[0].Upper)+500*1000 {
		t.Errorf("%+v does not cover", s)
	}
	q.Bounds, q.Aggregates = ContributionBounds{RowsPerUnit: 4}, []Aggregate{Count{As: "n"}}
	cuts = run().Cuts()
	if len(cuts) != 2 || cuts[0].Bound != "rows-per-unit" || cuts[0].Share != 0.25 || cuts[1].Share != 0 {
		t.Errorf("%+v", cuts)
	}
	q.Diagnostics = 0
	if cuts := run().Cuts(); cuts != nil {
		t.Errorf("nobody asked for %+v", cuts)
	}
	q.Diagnostics = -1
	_, err := NewPlan(q, rec.Schema(), budget)
	wantError(t, err, "diagnostics: the weight")
	_, err = NewPlan(&Query{UnitIsRow: true, Bounds: ContributionBounds{MaxGroups: 1}, Diagnostics: 1, Aggregates: []Aggregate{CountUnits{As: "n"}}}, rec.Schema(), budget)
	wantError(t, err, "no bound of this release can cut")
	q.Diagnostics = 1
	if s := planFor(t, q, rec.Schema()).String(); !strings.Contains(s, "diagnostics: units cut by rows-per-unit, n, discrete-laplace of scale") {
		t.Error(s)
	}
}
