package arrowio

import (
	"context"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// TestMemoryKeepsNoReferences reads the splits of a table, and splits of
// splits, and demands that giving the table up gives up every buffer.
func TestMemoryKeepsNoReferences(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	schema := arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64}}, nil)
	rec, _, err := array.RecordFromJSON(mem, schema, strings.NewReader(`[{"a":1},{"a":2},{"a":3},{"a":4},{"a":5}]`))
	if err != nil {
		t.Fatal(err)
	}
	m := NewMemory(schema, rec)
	rec.Release()
	defer m.Release()
	var seen []int64
	for _, part := range m.Splits(2) {
		for _, s := range part.(Splitter).Splits(2) {
			r, err := s.Open(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			for r.Next() {
				seen = append(seen, r.Record().Column(0).(*array.Int64).Int64Values()...)
			}
			r.Release()
		}
	}
	if len(seen) != 5 || seen[0] != 1 || seen[4] != 5 {
		t.Errorf("the splits hold %v", seen)
	}
}
