package dp

import (
	"bytes"
	"cmp"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/internal/corpus"
)

// TestLawClustered: rows in the order of their units give the state and the
// sums of rows in any other order, byte for byte: sorted as a whole or in a few
// pieces so that units come back, in one accumulator or several.
func TestLawClustered(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 1))
	for round := range 12 {
		rec := skewedTable(r, round%2 == 1, 3000+r.IntN(6000))
		q := &Query{
			Unit: "unit", GroupBy: []string{"k"}, Bounds: ContributionBounds{MaxGroups: []int64{1, 3, 8}[r.IntN(3)]},
			Aggregates: []Aggregate{CountUnits{As: "n"}, Count{As: "rows", PerUnit: 5}, Sum{As: "s", Column: "x", Lower: -100, Upper: 100}},
		}
		if round%3 == 1 {
			q.Diagnostics = 1
		}
		if round%4 == 3 {
			q.PublicGroups = [][]GroupKey{{{Text: "7"}}, {{Text: "8"}}, {{Text: "9"}}, {{Text: "10"}}, {{Text: "11"}}}
		}
		p := planFor(t, q, rec.Schema())
		shuffled := project(corpus.Shuffle(rec, 1), p)
		want := stateBytes(t, accumulate(t, p, shuffled))
		whole := accumulate(t, p, shuffled)
		wantTally := whole.tallies(1)
		wantSums := byKey(whole, wantTally)

		sorted := project(corpus.Take(rec, inUnitOrder(rec, 1+r.IntN(3))), p)
		for _, parts := range []int{1, 1 + r.IntN(4)} {
			accumulateParts := func() *Accumulator {
				accs := []*Accumulator{}
				for range parts {
					accs = append(accs, accumulate(t, p))
				}
				batches := corpus.Batches(sorted, 1500)
				for i, b := range batches {
					if err := accs[i*parts/len(batches)].Add(b); err != nil {
						t.Fatal(err)
					}
				}
				if accs[0].unbounded {
					t.Fatal("rows in the order of their units were stored one by one")
				}
				for _, a := range accs[1:] {
					if err := accs[0].Merge(a); err != nil {
						t.Fatal(err)
					}
				}
				return accs[0]
			}
			if got := stateBytes(t, accumulateParts()); !bytes.Equal(got, want) {
				t.Fatalf("round %d, %d parts: another state", round, parts)
			}
			a := accumulateParts()
			sums := a.tallies(2)
			if got := byKey(a, sums); !reflect.DeepEqual(got, onlyMet(wantSums, got)) {
				t.Fatalf("round %d, %d parts: other sums", round, parts)
			}
			if !slices.Equal(sums.cut, wantTally.cut) {
				t.Fatalf("round %d, %d parts: other units are cut: %v, want %v", round, parts, sums.cut, wantTally.cut)
			}
		}
	}
}

// TestUnitsStayTogether: however often a run is emptied, all entries of a unit
// are in one.
func TestUnitsStayTogether(t *testing.T) {
	rec := skewedTable(rand.New(rand.NewPCG(9, 2)), false, 5000)
	q := &Query{Unit: "unit", GroupBy: []string{"k"}, Bounds: ContributionBounds{MaxGroups: 5}, Aggregates: []Aggregate{Sum{As: "s", Column: "x", Lower: -100, Upper: 100}}}
	p := planFor(t, q, rec.Schema())
	for _, rows := range []arrow.Record{rec, corpus.Take(rec, inUnitOrder(rec, 1)), corpus.Take(rec, inUnitOrder(rec, 2))} {
		a := accumulate(t, p, project(rows, p))
		a.seal(true)
		b := newBounder(a.layout, a.groups, a.keys)
		seen := map[uint64]bool{}
		for i := range a.buckets {
			b.bound(&a.buckets[i], a.layout.newRun(), 1, func(r *run) {
				units := slices.Compact(slices.Clone(r.unit))
				for _, u := range units {
					if seen[u] {
						t.Fatal("entries of a unit come in two runs")
					}
					seen[u] = true
				}
				r.reset()
			})
		}
	}
}

// manyGroups are rows of some units, one after another, each once in groups 0 to
// groups-1.
func manyGroups(groups int, units ...int64) arrow.Record {
	schema := arrow.NewSchema([]arrow.Field{{Name: "unit", Type: arrow.PrimitiveTypes.Int64}, {Name: "k", Type: arrow.PrimitiveTypes.Int32}, {Name: "x", Type: arrow.PrimitiveTypes.Int64}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for _, u := range units {
		for g := range groups {
			b.Field(0).(*array.Int64Builder).Append(u)
			b.Field(1).(*array.Int32Builder).Append(int32(g))
			b.Field(2).(*array.Int64Builder).Append(1)
		}
	}
	return b.NewRecord()
}

// unitsOf are some integer units of a bucket.
func (a *Accumulator) unitsOf(bucket uint64, n int) (units []int64) {
	for u := int64(0); len(units) < n; u++ {
		if a.mix.mix(uint64(u))>>(64-bucketBits) == bucket {
			units = append(units, u)
		}
	}
	return units
}

// TestMergedUnitsStayTogether: a unit whose records stand in two chunks, the
// second one still open when another accumulator is merged, is one unit: it is
// cut once and keeps no group too many.
func TestMergedUnitsStayTogether(t *testing.T) {
	q := &Query{Unit: "unit", GroupBy: []string{"k"}, Bounds: ContributionBounds{MaxGroups: 99}, Diagnostics: 1,
		Aggregates: []Aggregate{CountUnits{As: "n"}, Sum{As: "s", Column: "x", Lower: -100, Upper: 100}}}
	p := planFor(t, q, manyGroups(0).Schema())
	units := accumulate(t, p).unitsOf(5, 8)
	a := accumulate(t, p, manyGroups(120, units[:4]...))
	if err := a.Merge(accumulate(t, p, manyGroups(120, units[4:]...))); err != nil {
		t.Fatal(err)
	}
	sums := a.tallies(1)
	n := int128{}
	for g := range uint32(a.groups.len()) {
		n = n.add(sums.sums[0].of(g))
	}
	if n != int128Of(8*99) {
		t.Errorf("8 units are in %v groups altogether, of 99 each", n.big())
	}
	if sums.cut[0] != 8 || sums.cut[1] != 0 {
		t.Errorf("%d units are cut and %d are not, of 8 and none", sums.cut[0], sums.cut[1])
	}
}

// onlyMet leaves the groups that another table has; one may number groups that
// nobody is in.
func onlyMet(sums, other map[string][]int128) map[string][]int128 {
	for key, x := range other {
		if sums[key] == nil && !slices.ContainsFunc(x, func(n int128) bool { return n != int128{} }) {
			delete(other, key)
		}
	}
	return sums
}

// inUnitOrder sorts the rows of each of some pieces of a table by unit.
func inUnitOrder(rec arrow.Record, pieces int) []int {
	rows := make([]int, rec.NumRows())
	for i := range rows {
		rows[i] = i
	}
	size := (len(rows) + pieces - 1) / pieces
	for from := 0; from < len(rows); from += size {
		slices.SortFunc(rows[from:min(from+size, len(rows))], func(x, y int) int {
			return cmp.Compare(rec.Column(0).ValueStr(x), rec.Column(0).ValueStr(y))
		})
	}
	return rows
}

// TestClusteredExtremes: a unit whose rows in a group are more than a record
// counts, or add up to more than it holds, is stored row by row.
func TestClusteredExtremes(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "u", Type: arrow.PrimitiveTypes.Int64}, {Name: "k", Type: arrow.PrimitiveTypes.Int64}, {Name: "x", Type: arrow.PrimitiveTypes.Int64}}, nil)
	q := &Query{Unit: "u", GroupBy: []string{"k"}, Bounds: ContributionBounds{MaxGroups: 2},
		Aggregates: []Aggregate{CountUnits{As: "n"}, Count{As: "rows", PerUnit: 1 << 20}, Sum{As: "s", Column: "x", Lower: -1e12, Upper: 1e12}}}
	p := planFor(t, q, schema)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	add := func(u, k, x int64, times int) {
		for range times {
			for i, v := range []int64{u, k, x} {
				b.Field(i).(*array.Int64Builder).Append(v)
			}
		}
	}
	add(1, 1, 1, 40_000)     // more than 2¹⁵ rows
	add(2, 1, 1<<62, 2)      // more than 2⁶³
	add(2, 1, -(1 << 62), 1) // and back
	add(3, 1, 5, 90_000)     // more than are waited for
	add(3, 2, 5, 10)
	rec := b.NewRecord()
	a := accumulate(t, p, rec)
	sums := a.tallies(1)
	got := sumsOf(sums, a.groupOf(t, 1))
	want := []int128{int128Of(3), int128Of(40_000 + 3 + 90_000), int128Of(40_000 + 1e12 + 450_000)}
	if !slices.Equal(got, want) {
		t.Errorf("sums are %v, want %v", got, want)
	}
}

// groupOf is the group of an integer key, after rows were tallied.
func (a *Accumulator) groupOf(t *testing.T, key int64) uint32 {
	for g := range uint32(a.groups.len()) {
		if bytes.Equal(a.groups.key(g), []byte{1, 0x80, 0, 0, 0, 0, 0, 0, byte(key)}) {
			return g
		}
	}
	t.Fatal("no such group")
	return 0
}
