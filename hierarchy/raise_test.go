package hierarchy

import (
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// TestRaising: raising a label gives the label that the value itself has at the
// coarser level, for values of every kind of hierarchy.
func TestRaising(t *testing.T) {
	texts := func(v ...string) arrow.Array {
		b := array.NewStringBuilder(memory.DefaultAllocator)
		b.AppendValues(v, nil)
		return b.NewArray()
	}
	ints := array.NewInt64Builder(memory.DefaultAllocator)
	floats := array.NewFloat64Builder(memory.DefaultAllocator)
	times := array.NewTimestampBuilder(memory.DefaultAllocator, &arrow.TimestampType{Unit: arrow.Second})
	start := time.Date(1967, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	for i := range int64(500) {
		ints.Append(i - 250)
		floats.Append(float64(i-250) / 8)
		times.Append(arrow.Timestamp(start + i*86400*53 + i*3607))
	}
	inline, err := Inline([]map[string]string{{"a": "x", "b": "x", "c": "y"}, {"x": "p", "y": "q"}})
	if err != nil {
		t.Fatal(err)
	}
	stamps := times.NewArray()
	for name, c := range map[string]struct {
		h      Hierarchy
		values arrow.Array
	}{
		"lines":      {inline, texts("a", "b", "c")},
		"prefix":     {Prefix(4, 3, 1), texts("81667", "816", "東京都千代田区", "8", "")},
		"whole":      {Intervals(5, 10, 40).Min(-200).Max(203), ints.NewArray()},
		"fractions":  {Intervals(0.5, 5, 10).Min(-20.25).Max(20), floats.NewArray()},
		"times":      {Dates("minute", "hour", "day", "month", "quarter", "year", "5-years", "10-years"), stamps},
		"fiscal":     {Dates("quarter", "fiscal-year", "5-fiscal-years"), stamps},
		"no parents": {Dates("day", "week"), stamps},
	} {
		n := len(c.h.Levels())
		for from := 1; from <= n; from++ {
			fine, ok, err := c.h.Generalize(c.values, from)
			if err != nil {
				t.Fatal(name, err)
			}
			for to := from + 1; to <= n; to++ {
				up, err := Raising(c.h, from, to)
				if err != nil {
					t.Fatal(name, err)
				}
				coarse, _, err := c.h.Generalize(c.values, to)
				if err != nil {
					t.Fatal(name, err)
				}
				for i := range fine {
					if got := up(fine[i]); ok[i] && got != coarse[i] {
						t.Fatalf("%s: %q of level %d became %q of level %d, want %q", name, fine[i], from, got, to, coarse[i])
					}
				}
			}
			if up, err := Raising(c.h, from, n+1); err != nil || up(fine[0]) != Top {
				t.Errorf("%s: level %d is not raised to the top", name, from)
			}
		}
		if _, err := Raising(c.h, n, 1); err == nil {
			t.Errorf("%s: labels are raised to a finer level", name)
		}
	}
}
