package dp

import (
	"cmp"
	"math/big"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/internal/corpus"
	"github.com/oboro-data/oboro/internal/exact"
)

// totals adds up what one unit changes in all groups together, by statistic:
// the sum of the changes x in the ℓ₁ norm, Σ x², and the sum of squared changes.
type totalChange struct{ l1, l1Squares, l2Squared *big.Int }

type totalChanges []totalChange

func newTotals(p *Plan) totalChanges {
	out := make(totalChanges, len(p.statistics))
	for i := range out {
		out[i] = totalChange{new(big.Int), new(big.Int), new(big.Int)}
	}
	return out
}

func (t totalChanges) add(i int, diff, square *big.Int) {
	t[i].l1.Add(t[i].l1, diff)
	t[i].l1Squares.Add(t[i].l1Squares, new(big.Int).Mul(diff, diff))
	if square != nil {
		t[i].l2Squared.Add(t[i].l2Squared, square)
	}
}

// check compares the totals with what noise is calibrated for.
func (c totalChanges) check(t *testing.T, p *Plan, what string) {
	t.Helper()
	planner, err := newPlanner(p.budget, p.layout.maxGroups, p.needs, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range p.needs {
		sum, squares := planner.spread(i)
		l1 := exact.Int(n.L1)
		for name, pair := range map[string][2]exact.Rat{
			"ℓ₁":               {exact.BigInt(c[i].l1), sum.Mul(l1)},
			"squares of ℓ₁":    {exact.BigInt(c[i].l1Squares), squares.Mul(l1).Mul(l1)},
			"ℓ₂, squared,":     {exact.BigInt(c[i].l2Squared), planner.l2(i)},
			"ℓ₁ of all groups": {sum, exact.Int(p.layout.maxGroups)},
		} {
			if pair[1].Less(pair[0]) {
				t.Fatalf("%s: %s changed by %s in %s over all groups, more than %s", what, p.statistics[i].kind(), pair[0], name, pair[1])
			}
		}
	}
}

// bruteRows lists the rows kept of one unit in the groups given, by the
// definition: of all of them those of least keyed hash. It shares with the
// accumulator the words of a row.
func bruteRows(t *testing.T, p *Plan, a *Accumulator, rec arrow.Record, unit []uint64, rows map[string][]int, groups []string) map[string][]int {
	if p.layout.rowsPerUnit == 0 {
		return rows
	}
	type candidate struct {
		group    string
		row      int
		priority uint64
	}
	var all []candidate
	for _, g := range groups {
		for _, i := range rows[g] {
			prefix := a.keys.all.Prefix(unit...).Append(a.groups.wordOf([]byte(g)))
			words := wordsOf(t, p, corpus.Take(rec, []int{i}))
			for _, w := range words[1:] {
				prefix = prefix.Append(w)
			}
			all = append(all, candidate{g, i, prefix.Sum64(words[0] >> 32)})
		}
	}
	slices.SortStableFunc(all, func(x, y candidate) int { return cmp.Compare(x.priority, y.priority) })
	kept := map[string][]int{}
	for _, c := range all[:min(len(all), int(p.layout.rowsPerUnit))] {
		kept[c.group] = append(kept[c.group], c.row)
	}
	return kept
}

// wordsOf is the record of a single row, without its unit.
func wordsOf(t *testing.T, p *Plan, row arrow.Record) []uint64 {
	a := accumulate(t, p, project(row, p))
	a.seal(false)
	for _, k := range a.buckets {
		for _, c := range k.chunks {
			return c.words[p.layout.unitWords:]
		}
	}
	t.Fatal("the row was not taken up")
	return nil
}

// TestSpread: the factors of a bound on all rows, against all ways to share
// rows out over groups.
func TestSpread(t *testing.T) {
	for groups := int64(1); groups <= 4; groups++ {
		for m := int64(1); m <= 4; m++ {
			for total := int64(1); total <= 12; total++ {
				var most, squares int64
				var try func(left, rows, sum, square int64)
				try = func(left, rows, sum, square int64) {
					most, squares = max(most, sum), max(squares, square)
					if left > 0 {
						for n := int64(0); n <= min(m, rows); n++ {
							try(left-1, rows-n, sum+n, square+n*n)
						}
					}
				}
				try(groups, total, 0, 0)
				p, err := newPlanner(Pure(1), groups, []Need{{L1: m, Rows: m, TotalRows: total}}, nil)
				if err != nil {
					t.Fatal(err)
				}
				g, q := p.spread(0)
				if got := g.Mul(exact.Int(m)); !got.Equal(exact.Int(most)) {
					t.Fatalf("%d groups, %d and %d rows: ℓ₁ is %s, want %d", groups, m, total, got, most)
				}
				if got := q.Mul(exact.Int(m * m)); !got.Equal(exact.Int(squares)) {
					t.Fatalf("%d groups, %d and %d rows: ℓ₂² is %s, want %d", groups, m, total, got, squares)
				}
			}
		}
	}
}

// TestRowsPerUnit works through a person of six visits to three cities.
func TestRowsPerUnit(t *testing.T) {
	rec := visits(t,
		[4]string{"1", "Kobe", "10", "30"}, [4]string{"1", "Kobe", "10", "30"}, [4]string{"1", "Kobe", "20", "30"},
		[4]string{"1", "Nara", "10", "30"}, [4]string{"1", "Nara", "30", "30"}, [4]string{"1", "Otsu", "10", "30"})
	q := &Query{Unit: "user", GroupBy: []string{"city"}, Aggregates: []Aggregate{Count{As: "n"}, CountUnits{As: "u"}, Sum{As: "s", Column: "fee", Upper: 100, Resolution: 1}}}
	for _, c := range []struct {
		bounds       ContributionBounds
		rows, groups int64
		scale        string // of the count, a third of ε = 1
	}{
		{ContributionBounds{RowsPerUnit: 4}, 4, 4, "12"},
		{ContributionBounds{RowsPerUnit: 9}, 6, 9, "27"},
		{ContributionBounds{RowsPerUnit: 4, MaxGroups: 1}, 4, 1, "12"},
		{ContributionBounds{RowsPerUnit: 2, MaxGroups: 5}, 2, 2, "6"},
	} {
		q.Bounds, q.Noise = c.bounds, NoiseLaplace
		p := planFor(t, q, rec.Schema())
		if got := p.Figures()[0].Scale; got != c.scale {
			t.Errorf("%+v: the count has noise of scale %s, want %s", c.bounds, got, c.scale)
		}
		if p.layout.maxGroups != c.groups {
			t.Errorf("%+v: %d groups, want %d", c.bounds, p.layout.maxGroups, c.groups)
		}
		a := accumulate(t, p, project(rec, p))
		rows, units := int64(0), int64(0)
		for _, sums := range byKey(a, a.tallies(1)) {
			rows, units = rows+int64(sums[0].lo), units+int64(sums[1].lo)
		}
		if most := min(c.rows, map[bool]int64{true: 3, false: 6}[c.groups == 1]); rows > c.rows || rows < most && c.groups > 1 || units > c.groups {
			t.Errorf("%+v: %d rows in %d groups are kept", c.bounds, rows, units)
		}
	}
	q.Bounds = ContributionBounds{RowsPerGroup: 1}
	_, err := NewPlan(q, rec.Schema(), Approx(1, 1e-6))
	wantError(t, err, "groups-per-unit must be at least 1, or rows-per-unit be given")
	q.Bounds = ContributionBounds{RowsPerUnit: -1, MaxGroups: 1}
	_, err = NewPlan(q, rec.Schema(), Approx(1, 1e-6))
	wantError(t, err, "rows-per-unit must be between 1 and 2^31")
}
