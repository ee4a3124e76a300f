package measure

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/oboro-data/oboro/arrowio"
)

// table makes a table of text columns from lines of words; "-" is null.
func table(names string, lines ...string) arrowio.Source {
	var fields []arrow.Field
	for _, n := range strings.Fields(names) {
		fields = append(fields, arrow.Field{Name: n, Type: arrow.BinaryTypes.String, Nullable: true})
	}
	schema := arrow.NewSchema(fields, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	for _, l := range lines {
		for c, w := range strings.Fields(l) {
			if w == "-" {
				b.Field(c).AppendNull()
			} else {
				b.Field(c).(*array.StringBuilder).Append(w)
			}
		}
	}
	return arrowio.NewMemory(schema, b.NewRecord())
}

func TestExpose(t *testing.T) {
	five := table("who zip", "ann 81667", "ann 81667", "bob 81667", "cy 81925", "cy 81931")
	nulls := table("who zip", "- a", "- a", "- b", "ann -", "bob -")
	for _, c := range []struct {
		name, unit string
		src        arrowio.Source
		columns    []string
		want       Exposure
	}{
		{"people", "who", five, []string{"zip"}, Exposure{"people", 5, 3, 3, 1, 1, 0.7, []int64{3}, nil}},
		{"rows", "", five, []string{"zip"}, Exposure{"rows", 5, 5, 3, 2, 1, 3.0 / 5, []int64{3}, nil}},
		{"no column", "who", five, nil, Exposure{"people", 5, 3, 1, 0, 3, 1.0 / 3, nil, nil}},
		{"two columns", "", five, []string{"who", "zip"}, Exposure{"rows", 5, 5, 4, 3, 1, 4.0 / 5, []int64{3, 3}, nil}},
		{"rows of null unit are one person", "who", nulls, []string{"zip"}, Exposure{"people", 5, 3, 3, 1, 1, 4.0 / 5, []int64{3}, nil}},
		{"no rows", "who", table("who zip"), []string{"zip"}, Exposure{"people", 0, 0, 0, 0, 0, 0, []int64{0}, nil}},
	} {
		got, err := Expose(context.Background(), c.src, c.unit, c.columns)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got.Sizes = nil; math.Abs(got.Risk-c.want.Risk) < 1e-12 {
			got.Risk = c.want.Risk
		}
		if diff := cmp.Diff(&c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestUnknownColumn(t *testing.T) {
	if _, err := Expose(context.Background(), table("zip", "a"), "", []string{"age"}); err == nil || !strings.Contains(err.Error(), "age") {
		t.Errorf("error %v; want one that names the column", err)
	}
}

func ExampleExpose() {
	src := table("who zip", "ann 81667", "ann 81667", "bob 81667", "cy 81925", "cy 81931")
	e, err := Expose(context.Background(), src, "who", []string{"zip"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d of %d people are alone in a class; risk %.2f\n", e.Alone, e.People, e.Risk)
	// Output: 1 of 3 people are alone in a class; risk 0.70
}
