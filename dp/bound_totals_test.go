package dp

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// A boundedTotal is a bounded contribution.
type boundedTotal struct {
	rows  int64
	has   bool
	total int128
}

// boundAll bounds the buckets of an accumulator by a bounder.
func boundAll(a *Accumulator, b *bounder) map[string]boundedTotal {
	all := map[string]boundedTotal{}
	u := a.layout.unitWords
	if a.groups.dense == nil {
		a.seal(true)
	}
	for i := range a.buckets {
		out := a.layout.newRun()
		b.bound(&a.buckets[i], out, 0, nil)
		for e, g := range out.group {
			in := &out.inputs[0]
			all[fmt.Sprint(out.unit[e*u:e*u+u], g)] = boundedTotal{out.rows[e], in.has[e], in.total[e]}
		}
	}
	return all
}

// bruteTotals adds up the records of all units in Go maps and keeps of each
// unit the groups that come first by priority and key bytes.
func bruteTotals(a *Accumulator) map[string]boundedTotal {
	type cell struct {
		group uint32
		sum   boundedTotal
	}
	units := map[[2]uint64]map[uint32]boundedTotal{}
	w, u, at := a.layout.words, a.layout.unitWords, a.layout.inputs[0].at
	if a.groups.dense == nil {
		a.seal(true)
	}
	for _, k := range a.buckets {
		for _, chunk := range k.chunks {
			for c := chunk.words; len(c) > 0; c = c[w:] {
				var unit [2]uint64
				copy(unit[:], c[:u])
				if units[unit] == nil {
					units[unit] = map[uint32]boundedTotal{}
				}
				g := chunk.group(c[u])
				x := units[unit][g]
				x.rows += a.layout.copies(c[u])
				if c[u]>>32&1 != 0 {
					x.has, x.total = true, x.total.add(int128Of(int64(c[at])))
				}
				units[unit][g] = x
			}
		}
	}
	all := map[string]boundedTotal{}
	for unit, groups := range units {
		var cells []cell
		for g, x := range groups {
			cells = append(cells, cell{g, x})
		}
		prefix := a.keys.groups.Prefix(unit[:u]...)
		slices.SortFunc(cells, func(x, y cell) int {
			return cmp.Or(cmp.Compare(prefix.Sum64(a.groups.word(x.group)), prefix.Sum64(a.groups.word(y.group))),
				bytes.Compare(a.groups.key(x.group), a.groups.key(y.group)))
		})
		for _, c := range cells[:min(len(cells), int(a.layout.maxGroups))] {
			all[fmt.Sprint(unit[:u], c.group)] = c.sum
		}
	}
	return all
}

// TestTotalsBothWays compares the short way of bounding, the general one and
// Go maps: units of one row and of thousands, units in one word and in two, and
// group hashes so short that priorities tie.
func TestTotalsBothWays(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 1))
	for round := range 12 {
		text := round%2 == 1
		rec := skewedTable(r, text, 6000)
		q := &Query{
			Unit: "unit", GroupBy: []string{"k"}, Bounds: ContributionBounds{MaxGroups: []int64{1, 3, 8, 40}[r.IntN(4)]},
			Aggregates: []Aggregate{CountUnits{As: "n"}, Sum{As: "s", Column: "x", Lower: -100, Upper: 100}},
		}
		a := accumulate(t, planFor(t, q, rec.Schema()), project(rec, planFor(t, q, rec.Schema())))
		if round%3 == 2 {
			a.seal(false)
			for g := range a.groups.words {
				a.groups.words[g] &= 7
			}
		}
		short, general := newBounder(a.layout, a.groups, a.keys), newBounder(a.layout, a.groups, a.keys)
		if short.plain {
			t.Fatal("the short way is not taken")
		}
		general.plain = true
		want := bruteTotals(a)
		if got := boundAll(a, short); !reflect.DeepEqual(got, want) {
			t.Errorf("round %d: the short way gives %d contributions, Go maps %d, or others", round, len(got), len(want))
		}
		if got := boundAll(a, general); !reflect.DeepEqual(got, want) {
			t.Errorf("round %d: the general way gives %d contributions, Go maps %d, or others", round, len(got), len(want))
		}
	}
}

// TestEntriesSaturate: runs of more units than 64 bits hold make the widest sums,
// whatever other buckets add.
func TestEntriesSaturate(t *testing.T) {
	rec := skewedTable(rand.New(rand.NewPCG(5, 3)), false, 1)
	p := planFor(t, &Query{UnitIsRow: true, Bounds: ContributionBounds{MaxGroups: 1}, Aggregates: []Aggregate{CountUnits{As: "n"}}}, rec.Schema())
	a := accumulate(t, p)
	a.buckets[0].runs = []*run{{group: []uint32{0}, units: []int64{math.MaxInt64 - 1}}}
	a.buckets[1].chunks = []chunk{{words: make([]uint64, a.layout.words)}}
	if n := a.entries(); n != math.MaxInt64 {
		t.Errorf("%d entries", n)
	}
	if s := newSums(1, a.entries(), 1); s.wide == nil {
		t.Error("sums are too narrow")
	}
}

// skewedTable draws a table whose first units have most of the rows.
func skewedTable(r *rand.Rand, textUnit bool, rows int) arrow.Record {
	unit := arrow.DataType(arrow.PrimitiveTypes.Int64)
	if textUnit {
		unit = arrow.BinaryTypes.String
	}
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "unit", Type: unit}, {Name: "k", Type: arrow.PrimitiveTypes.Int32}, {Name: "x", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for range rows {
		u := int64(1000 * r.Float64() * r.Float64() * r.Float64() * r.Float64())
		if textUnit {
			b.Field(0).(*array.StringBuilder).Append(fmt.Sprint("u", u))
		} else {
			b.Field(0).(*array.Int64Builder).Append(u)
		}
		b.Field(1).(*array.Int32Builder).Append(int32(r.IntN(300)))
		if x := r.Int64N(50) - 20; x == 0 {
			b.Field(2).AppendNull()
		} else {
			b.Field(2).(*array.Int64Builder).Append(x)
		}
	}
	return b.NewRecord()
}

// TestNumberingBeginsAnew: when the numbers of groups have run through all of 32
// bits, those of old units are forgotten.
func TestNumberingBeginsAnew(t *testing.T) {
	rec := skewedTable(rand.New(rand.NewPCG(5, 2)), false, 6000)
	q := &Query{Unit: "unit", GroupBy: []string{"k"}, Bounds: ContributionBounds{MaxGroups: 8}, Aggregates: []Aggregate{Sum{As: "s", Column: "x", Lower: -100, Upper: 100}}}
	p := planFor(t, q, rec.Schema())
	a := accumulate(t, p, project(rec, p))
	want := bruteTotals(a)
	b := newBounder(a.layout, a.groups, a.keys)
	b.totals.base = 1<<32 - 3000
	if got := boundAll(a, b); !reflect.DeepEqual(got, want) {
		t.Errorf("%d contributions, Go maps %d, or others", len(got), len(want))
	}
}
