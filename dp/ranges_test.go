package dp

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/corpus"
	"github.com/oboro-data/oboro/internal/exact"
	"github.com/oboro-data/oboro/internal/noise"
)

// law is the probability of each place at which stop can stop, by the
// definition: summed over the draws of the aim and the tails of the counts.
func (s *rangeChoice) law(counts []int64) []float64 {
	reach := int64(40*s.noise.scale.Float()) + 40
	below := make([]float64, 2*reach+1) // P[z ≤ i - reach]
	sum := 0.0
	for i := range below {
		sum += s.noise.Probability(int64(i) - reach)
		below[i] = sum
	}
	p := make([]float64, len(counts))
	for t := -reach; t <= reach; t++ {
		going := s.noise.Probability(t)
		for k, n := range counts[:len(counts)-1] {
			stop := below[min(max(s.aim+t-n+reach, 0), 2*reach)]
			p[k] += going * stop
			going *= 1 - stop
		}
		p[len(p)-1] += going
	}
	return p
}

// tinyChoice is a choice among candidates 1 … limits, of contributions each of
// a unit with at most change of them.
func tinyChoice(t *testing.T, limits int, change int64, epsilon string) *rangeChoice {
	t.Helper()
	s := &rangeChoice{of: rowCounts, aim: 3, change: change, grid: newGrid(exact.Int(1)), budget: Budget{loss: exact.MustParse(epsilon)}}
	for i := range limits {
		s.limits = append(s.limits, int64(i+1))
	}
	var err error
	if s.noise, err = newLaplace(s.scale()); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *rangeChoice) counts(contributions []int64) (above, below []int64) {
	counts := make([]int64, s.bins())
	for _, x := range contributions {
		counts[1+s.bin(x)]++
	}
	above, below = s.outsideOf(counts)
	slices.Reverse(below)
	return above, below
}

// TestRangePrivacy computes the law of the choice exactly, for every multiset
// of up to five contributions in 0 … 5 and every unit of up to two more: no
// probability differs by more than a factor of e^ε, for the upper limit and for
// the lower one. The greatest factor met is close to it, so that less noise
// would not do.
func TestRangePrivacy(t *testing.T) {
	const epsilon = 0.5
	s := tinyChoice(t, 4, 2, "0.5")
	laws := map[[4]int64][]float64{}
	law := func(counts []int64) []float64 {
		key := [4]int64(counts)
		if laws[key] == nil {
			laws[key] = s.law(counts)
		}
		return laws[key]
	}
	greatest := 0.0
	var rows []int64
	var visit func(from int64)
	visit = func(from int64) {
		above, below := s.counts(rows)
		p, q := law(above), law(below)
		for x := int64(0); x <= 5; x++ {
			for y := x; y <= 6; y++ {
				more := append(slices.Clone(rows), x)
				if y < 6 {
					more = append(more, y)
				}
				above, below := s.counts(more)
				for i, pair := range [][2][]float64{{p, law(above)}, {q, law(below)}} {
					for k := range pair[0] {
						ratio := math.Abs(math.Log(pair[0][k] / pair[1][k]))
						if greatest = max(greatest, ratio); ratio > epsilon+1e-9 {
							t.Fatalf("side %d: rows %v and %v: limit %d has log ratio %v", i, rows, more, k, ratio)
						}
					}
				}
			}
		}
		if len(rows) == 5 {
			return
		}
		for x := from; x <= 5; x++ {
			rows = append(rows, x)
			visit(x)
			rows = rows[:len(rows)-1]
		}
	}
	visit(0)
	if greatest < 0.6*epsilon {
		t.Errorf("the greatest log ratio met is %.3f of %v", greatest, epsilon)
	}
}

// TestRangeDraws compares draws with the law. With n draws a frequency errs by
// less than √(ln(2·5·3/1e-9)/(2n)) but for a chance of 1e-9 over all (Hoeffding).
func TestRangeDraws(t *testing.T) {
	if noise.Off {
		t.Skip("noise is off in this build: nothing is drawn")
	}
	const n = 100_000
	tolerance := math.Sqrt(math.Log(2*5*3/1e-9) / (2 * n))
	s := tinyChoice(t, 5, 1, "1")
	stream := noise.NewStream()
	defer stream.Close()
	for _, rows := range [][]int64{nil, {1, 1, 1, 2, 2, 2, 3, 4, 5, 9}, {5, 5, 5, 5, 5, 5, 5, 5}} {
		above, _ := s.counts(rows)
		want, got := s.law(above), make([]float64, 5)
		for range n {
			k, err := s.stop(stream, above)
			if err != nil {
				t.Fatal(err)
			}
			got[k] += 1.0 / n
		}
		for k := range got {
			if math.Abs(got[k]-want[k]) > tolerance {
				t.Errorf("rows %v: limit %d has frequency %.4f, probability %.4f", rows, k, got[k], want[k])
			}
		}
	}
}

// autoQuery is a random query over a small table whose ranges are all chosen.
func autoQuery(r *rand.Rand) *Query {
	q := smallQuery(r)
	all := []Aggregate{
		Count{As: "rows", PerUnit: 3 + r.Int64N(4), Auto: 0.1},
		Sum{As: "sx", Column: "x", Lower: -5, Upper: 3, Resolution: 0.25, Auto: 0.5},
		Sum{As: "sy", Column: "y", Lower: 0, Upper: 90, Auto: 0.1},
		Sum{As: "sz", Column: "z", Lower: 1, Upper: 10, Auto: 0.1},
		Mean{As: "my", Column: "y", Lower: 0, Upper: 40, Auto: 0.1},
		Variance{As: "vx", Column: "x", Lower: -2, Upper: 2, Auto: 0.1},
		StdDev{As: "dz", Column: "z", Lower: -2, Upper: 2, Auto: 0.25},
		Quantiles{As: "qy", Column: "y", Lower: -3, Upper: 8, Ranks: []float64{0.5, 0.9}, Resolution: 0.5, Auto: 0.1},
	}
	if q.UnitIsRow || q.Bounds.RowsPerUnit == 1 { // then a unit has one row
		all = all[1:]
	}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	q.Aggregates = append([]Aggregate{CountUnits{As: "units"}}, all[:1+r.IntN(4)]...)
	return q
}

// TestLawRanges (V9): one unit changes the number of contributions outside of
// every candidate in one direction, and by at most what noise is charged for.
// Every unit of random small tables under random plans is tried.
func TestLawRanges(t *testing.T) {
	tables := 300
	if testing.Short() {
		tables = 100
	}
	for seed := range uint64(tables) {
		r := rand.New(rand.NewPCG(seed, 17))
		q := autoQuery(r)
		rec := smallTable(r, smallSchema(seed%3 == 0))
		p := planFor(t, q, rec.Schema())
		first := p.Ranges().plan
		outside := func(rec arrow.Record) (out [][]int64) {
			tally := accumulate(t, first, project(rec, first)).tallies(1 + int(seed%2))
			for i, s := range first.statistics {
				s := s.(*rangeChoice)
				counts := make([]int64, s.bins())
				for j, n := range tally.lists[i] {
					counts[j%len(counts)] += int64(n)
				}
				above, below := s.outsideOf(counts)
				out = append(out, above, below)
			}
			return out
		}
		whole := outside(rec)
		for _, rows := range units(p, rec) {
			rest := outside(without(rec, func(i int) bool { return slices.Contains(rows, i) }))
			for i := range whole {
				s := first.statistics[i/2].(*rangeChoice)
				for k := range whole[i] {
					if d := whole[i][k] - rest[i][k]; d < 0 || d > s.change {
						t.Fatalf("seed %d: %s: one unit changed the contributions outside of limit %d by %d of %d", seed, s.as, k, d, s.change)
					}
				}
			}
		}
	}
}

// TestRangesSplit: any split of the rows gives the same state of the first read.
func TestRangesSplit(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 18))
		q := autoQuery(r)
		rec := smallTable(r, smallSchema(false))
		first := planFor(t, q, rec.Schema()).Ranges().plan
		want := stateBytes(t, accumulate(t, first, project(rec, first)))
		parts := []*Accumulator{accumulate(t, first), accumulate(t, first)}
		for _, b := range corpus.Batches(project(corpus.Shuffle(rec, seed), first), 3) {
			if err := parts[r.IntN(2)].Add(b); err != nil {
				t.Fatal(err)
			}
		}
		if err := parts[0].MergeState(readState(t, stateBytes(t, parts[1]))); err != nil {
			t.Fatal(err)
		}
		if got := stateBytes(t, parts[0]); !bytes.Equal(got, want) {
			t.Fatalf("seed %d: another state", seed)
		}
	}
}

// people makes n users of one visit each, of fees 1 … 100, and one of 10⁶.
func people(t *testing.T, n int) arrow.Record {
	t.Helper()
	var rows [][4]string
	for i := range n {
		rows = append(rows, [4]string{fmt.Sprint(i), []string{"Kobe", "Nara"}[i%2], fmt.Sprint(1 + i%100), "30"})
	}
	rows = append(rows, [4]string{"-1", "Kobe", "1000000", "30"})
	return visits(t, rows...)
}

// TestRangeIsNearTheBest runs a plan whose ranges are chosen, on fees up to 100
// and one of 10⁶. By the law of the choice a limit between 88 and 144 is likely;
// that each limit drawn has a probability of at least 1e-12 fails with one below
// 500·1e-12 for an honest program.
func TestRangeIsNearTheBest(t *testing.T) {
	if noise.Off {
		t.Skip("noise is off in this build: nothing is drawn")
	}
	rec := people(t, 20_000)
	q := &Query{Unit: "user", GroupBy: []string{"city"}, PublicGroups: [][]GroupKey{{{Text: "Kobe"}}, {{Text: "Nara"}}}, Bounds: ContributionBounds{MaxGroups: 1}, Aggregates: []Aggregate{
		Sum{As: "s", Column: "fee", Upper: 1e6, Resolution: 1, Auto: 0.5},
		Mean{As: "m", Column: "fee", Lower: -1e6, Upper: 1e6, Auto: 0.5},
		Count{As: "c", PerUnit: 1000, Auto: 0.5},
	}}
	budget := Pure(30)
	p, err := NewPlan(q, rec.Schema(), budget)
	if err != nil {
		t.Fatal(err)
	}
	if !p.Price().Equal(budget) || !p.Ranges().Price().Equal(Pure(15)) {
		t.Fatalf("the plan costs %s, the ranges %s", p.Price(), p.Ranges().Price())
	}
	src := arrowio.NewMemory(rec.Schema(), rec)
	acct := NewAccountant(budget)
	rel, err := p.Run(context.Background(), src, acct, "auto")
	if err != nil {
		t.Fatal(err)
	}
	if !acct.Spent().Equal(budget) || len(acct.Entries()) != 1 {
		t.Errorf("spent %s in %d entries", acct.Spent(), len(acct.Entries()))
	}
	got := rel.Plan().Chosen()
	tally := accumulate(t, p.Ranges().plan, project(rec, p.Ranges().plan)).tallies(1)
	for i, st := range p.Ranges().plan.statistics {
		s := st.(*rangeChoice)
		counts := make([]int64, s.bins())
		for j, n := range tally.lists[i] {
			counts[j%len(counts)] += int64(n)
		}
		above, _ := s.outsideOf(counts)
		near, chosen := 0.0, 0.0
		for k, p := range s.law(above) {
			upper := s.grid.value(int128Of(s.limits[k]))
			if 88 <= upper && upper <= 144 || s.of == rowCounts && upper <= 3 {
				near += p
			}
			if upper == got[i].Upper || int64(upper) == got[i].PerUnit {
				chosen += p
			}
		}
		if near < 0.85 || chosen < 1e-12 {
			t.Errorf("%s: limits near the best have probability %.3f, that chosen, %+v, has %g", s.as, near, got[i], chosen)
		}
	}
	if !rel.Plan().Price().Equal(Pure(15)) {
		t.Errorf("the second read costs %s", rel.Plan().Price())
	}
	// The same in two parts on two machines.
	first := p.Ranges()
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	acct = NewAccountant(budget)
	var parts []*Accumulator
	for _, b := range corpus.Batches(project(rec, first.plan), 15_000) {
		a, err := first.NewAccumulator(key)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Add(b); err != nil {
			t.Fatal(err)
		}
		parts = append(parts, a)
	}
	second, err := first.Choose(acct, "ranges", parts...)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := first.With(second.Chosen()...); err != nil || again.digest != second.digest {
		t.Errorf("the second read planned on another machine is another: %v", err)
	}
	if _, err := second.Finalize(acct, "rest", accumulate(t, second, project(rec, second))); err != nil || !acct.Spent().Equal(budget) {
		t.Errorf("spent %s: %v", acct.Spent(), err)
	}
	_, err = p.NewAccumulator(key)
	wantError(t, err, "read the rows twice")
	_, err = p.Finalize(acct, "no", parts...)
	wantError(t, err, "read the rows twice")
	for _, bad := range [][]ChosenRange{
		nil, {{As: "s", Upper: 101}, got[1], got[2]}, {got[0], {As: "m", Lower: 96, Upper: 96}, got[2]}, {got[0], got[1], {As: "c", PerUnit: 17}}, append(got, ChosenRange{As: "z"}),
	} {
		_, err := first.With(bad...)
		wantError(t, err, "range")
	}
}

func TestRangeRefusals(t *testing.T) {
	rec := people(t, 3)
	for want, a := range map[string]Aggregate{
		"share that pays for the range must be": Sum{As: "s", Column: "fee", Upper: 10, Auto: 1},
		"leave nothing to choose":               Count{As: "s", PerUnit: 1, Auto: 0.1},
		"state a range whose lower limit":       Mean{As: "s", Column: "fee", Auto: 0.1},
		"exceed the range of the exact":         Sum{As: "s", Column: "fee", Upper: 10, Auto: 1e-19},
	} {
		_, err := NewPlan(&Query{Unit: "user", Bounds: ContributionBounds{MaxGroups: 1}, Aggregates: []Aggregate{a}}, rec.Schema(), Pure(1))
		wantError(t, err, want)
	}
}

func TestDoublings(t *testing.T) {
	if got := doublings(40); !slices.Equal(got, []int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 22, 24, 26, 28, 30, 32, 36, 40}) {
		t.Error(got)
	}
	for _, most := range []int64{1, 2, 15, 17, 1000, maxStep} {
		got := doublings(most)
		if got[0] != 1 || got[len(got)-1] != most || !slices.IsSorted(got) || len(got) > 500 {
			t.Errorf("%d: %v", most, got)
		}
	}
	for _, c := range []struct{ lo, hi int64 }{{-5, 5}, {1900, 2100}, {-7, -6}, {0, 1 << 21}, {-1 << 61, 1 << 61}} {
		got := candidatesBetween(c.lo, c.hi)
		if got[0] != c.lo || got[len(got)-1] != c.hi || !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Errorf("%d to %d: %v", c.lo, c.hi, got)
		}
	}
}

// TestRangesInComposition: a choice of ranges is part of what a plan costs,
// before and after it is made.
func TestRangesInComposition(t *testing.T) {
	rec := people(t, 3)
	q := &Query{Unit: "user", Bounds: ContributionBounds{MaxGroups: 1}, Aggregates: []Aggregate{Sum{As: "s", Column: "fee", Upper: 100, Resolution: 1, Auto: 0.4}}}
	cost := func(p *Plan) float64 {
		var c Composition
		c.AddPlan(p)
		e, err := c.Epsilon(1e-8)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	for _, b := range []Budget{Pure(1), ZCDP(0.5, 0)} {
		q.Noise = NoiseLaplace
		p, err := NewPlan(q, rec.Schema(), b)
		if err != nil {
			t.Fatal(err)
		}
		second, err := p.Ranges().With(ChosenRange{As: "s", Upper: 100})
		if err != nil {
			t.Fatal(err)
		}
		want := 1.0 // ε, or √(2·0.4ρ) + √(2·0.6ρ)
		if b.IsZCDP() {
			want = math.Sqrt(0.4) + math.Sqrt(0.6)
		}
		for _, p := range []*Plan{p, second} {
			if got := cost(p); got < 0.99*want || got > 1.003*want {
				t.Errorf("%s: a composition costs %v, want %v", b, got, want)
			}
		}
	}
}
