package kanon

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// codedBatch makes a batch of integers that, column by column, have all values
// below sizes, small ones more often.
func codedBatch(r *rand.Rand, sizes []int, rows int) arrow.Record {
	fields := make([]arrow.Field, len(sizes))
	for c := range sizes {
		fields[c] = arrow.Field{Name: fmt.Sprint(c), Type: arrow.PrimitiveTypes.Int32}
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	for c, n := range sizes {
		f := b.Field(c).(*array.Int32Builder)
		f.Reserve(rows)
		for i := range rows {
			v := i // every value once
			if i >= n {
				u := r.Float64()
				v = int(float64(n) * u * u)
			}
			f.UnsafeAppend(int32(v))
		}
	}
	return b.NewRecord()
}

// TestCounterMemory takes the bytes that counters hold before they are joined,
// and adds all that is allocated from there to the counted tuples, whether or not
// it comes free on the way. The result itself, 16 bytes for each tuple, is left
// out.
func TestCounterMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("counts ten million rows")
	}
	const rows, batch, workers = 10_000_000, 1 << 19, 2
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2)) // each sorts in lists of its own
	for _, c := range []struct {
		name  string
		sizes []int
		most  float64
	}{
		{"32 bits", []int{1024, 96, 47, 24, 12, 3}, 4.5},
		{"64 bits", []int{4096, 4096, 4096, 256, 256}, 9},
	} {
		r := rand.New(rand.NewPCG(1, 1))
		var recs []arrow.Record
		for range 8 {
			recs = append(recs, codedBatch(r, c.sizes, batch))
		}
		newCounter := newCounters(countedColumns(recs[0]), nil, nil)
		var start, full, end runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&start)
		counters := make([]*Counter, workers)
		for i := range counters {
			var err error
			if counters[i], err = newCounter(); err != nil {
				t.Fatal(err)
			}
		}
		for i := 0; i*batch < rows; i++ {
			add(t, counters[i%workers], recs[i%len(recs)])
		}
		runtime.GC()
		runtime.ReadMemStats(&full)
		for _, o := range counters[1:] {
			if err := counters[0].Merge(o); err != nil {
				t.Fatal(err)
			}
		}
		tp, err := counters[0].finish()
		if err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&end)
		runtime.KeepAlive(recs)
		held := float64(full.HeapAlloc) - float64(start.HeapAlloc)
		result, n := float64(16*len(tp.rows)), float64(counters[0].rows)
		more := float64(end.TotalAlloc-full.TotalAlloc) - result
		perRow := (held + more) / n
		t.Logf("%s, %d workers: %.2f bytes a row while counting, %.2f at the end, and %.2f for the result, %d tuples",
			c.name, workers, held/n, perRow, result/n, len(tp.rows))
		if perRow > c.most {
			t.Errorf("%s, %d workers: %.2f bytes a row, at most %g", c.name, workers, perRow, c.most)
		}
	}
}
