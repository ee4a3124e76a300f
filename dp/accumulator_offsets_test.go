package dp

import (
	"math"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// TestGreatestKeysStandLast: distances do not run past the greatest key to the
// least ones, so that groups are in the order of their keys whichever row comes
// first.
func TestGreatestKeysStandLast(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "u", Type: arrow.PrimitiveTypes.Int64}, {Name: "k", Type: arrow.PrimitiveTypes.Uint64}}, nil)
	q := &Query{Unit: "u", GroupBy: []string{"k"}, Bounds: ContributionBounds{MaxGroups: 3}, Aggregates: []Aggregate{CountUnits{As: "n"}}}
	p := planFor(t, q, schema)
	sorted := []uint64{0, 1, math.MaxUint64}
	for _, keys := range [][]uint64{sorted, {math.MaxUint64, 0, 1}, {1, math.MaxUint64, 0}} {
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		for _, k := range keys {
			for u := range 1000 { // far above any threshold
				b.Field(0).(*array.Int64Builder).Append(int64(u))
				b.Field(1).(*array.Uint64Builder).Append(k)
			}
		}
		rel, err := accumulate(t, p, b.NewRecord()).finish()
		if err != nil {
			t.Fatal(err)
		}
		if got := rel.Record().Column(0).(*array.Uint64).Uint64Values(); !slices.Equal(got, sorted) {
			t.Errorf("rows in the order %v are released in the order %v", keys, got)
		}
	}
}
