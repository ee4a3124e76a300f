package dp

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// benchRows is the number of rows of the benchmarks: OBORO_BENCH_ROWS, or a
// million.
func benchRows() int {
	if n, err := strconv.Atoi(os.Getenv("OBORO_BENCH_ROWS")); err == nil {
		return n
	}
	return 1_000_000
}

// logTable makes a log of rows/10 units with Zipf-like activity over some
// groups: columns user, page and fee.
func logTable(rows, groups int) []arrow.Record {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "user", Type: arrow.PrimitiveTypes.Int64},
		{Name: "page", Type: arrow.PrimitiveTypes.Int32},
		{Name: "fee", Type: arrow.PrimitiveTypes.Float64},
	}, nil)
	r := rand.New(rand.NewPCG(1, 2))
	units := max(rows/10, 1)
	// x^(1/(1-s)) of a uniform x has about a Zipf distribution of exponent s.
	zipf := func(n int, s float64) int {
		return min(int(float64(n)*math.Pow(r.Float64(), 1/(1-s))), n-1)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	var out []arrow.Record
	for i := range rows {
		b.Field(0).(*array.Int64Builder).Append(int64(zipf(units, 0.7)) * 7919)
		b.Field(1).(*array.Int32Builder).Append(int32(zipf(groups, 0.5)))
		b.Field(2).(*array.Float64Builder).Append(float64(r.IntN(20000)) / 100)
		if (i+1)%65536 == 0 || i == rows-1 {
			out = append(out, b.NewRecord())
		}
	}
	return out
}

// byUser is the same table in the order of its users.
func byUser(recs []arrow.Record) []arrow.Record {
	type row struct {
		user int64
		page int32
		fee  float64
	}
	var rows []row
	for _, rec := range recs {
		user, page, fee := rec.Column(0).(*array.Int64).Int64Values(), rec.Column(1).(*array.Int32).Int32Values(), rec.Column(2).(*array.Float64).Float64Values()
		for i, u := range user {
			rows = append(rows, row{u, page[i], fee[i]})
		}
	}
	slices.SortFunc(rows, func(x, y row) int { return cmp.Compare(x.user, y.user) })
	b := array.NewRecordBuilder(memory.DefaultAllocator, recs[0].Schema())
	defer b.Release()
	var out []arrow.Record
	for i, r := range rows {
		b.Field(0).(*array.Int64Builder).Append(r.user)
		b.Field(1).(*array.Int32Builder).Append(r.page)
		b.Field(2).(*array.Float64Builder).Append(r.fee)
		if (i+1)%65536 == 0 || i == len(rows)-1 {
			out = append(out, b.NewRecord())
		}
	}
	return out
}

func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkBoundedGroupBy bounds and adds up a log with eight groups per unit:
// count of units, count and sum, up to the noised table. Beside wall time it
// reports CPU time and memory per row; the plain Go map of the same run does
// the bounded work in the obvious way, on coded columns, without a keyed hash.
func BenchmarkBoundedGroupBy(b *testing.B) {
	rows := benchRows()
	for _, c := range []struct {
		groups    int
		clustered bool
	}{{3_000, false}, {1_000_000, false}, {3_000, true}, {1_000_000, true}} {
		recs := logTable(rows, c.groups)
		name := fmt.Sprintf("groups=%d", c.groups)
		if c.clustered {
			recs = byUser(recs)
			name += "-clustered"
		}
		q := &Query{
			Unit: "user", GroupBy: []string{"page"}, Bounds: ContributionBounds{MaxGroups: 8}, Workers: 1, Memory: 1 << 40,
			Aggregates: []Aggregate{CountUnits{As: "users"}, Count{As: "visits", PerUnit: 10}, Sum{As: "fees", Column: "fee", Upper: 200, Resolution: 0.01}},
		}
		p, err := NewPlan(q, recs[0].Schema(), Approx(1, 1e-8))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name+"/oboro", func(b *testing.B) {
			var add, end time.Duration
			var held int64
			start := cpu()
			for b.Loop() {
				key, _ := NewKey()
				a, err := p.NewAccumulator(key)
				if err != nil {
					b.Fatal(err)
				}
				t0 := cpu()
				for _, rec := range recs {
					if err := a.Add(rec); err != nil {
						b.Fatal(err)
					}
				}
				t1 := cpu()
				held = a.held
				if _, err := a.finish(); err != nil {
					b.Fatal(err)
				}
				add, end = add+t1-t0, end+cpu()-t1
			}
			n := float64(b.N) * float64(rows)
			b.ReportMetric(float64(cpu()-start)/n, "cpu-ns/row")
			b.ReportMetric(float64(add)/n, "add-ns/row")
			b.ReportMetric(float64(end)/n, "end-ns/row")
			b.ReportMetric(float64(held)/float64(rows), "B/row")
		})
		b.Run(name+"/map", func(b *testing.B) {
			start := cpu()
			for b.Loop() {
				naive(recs, 8)
			}
			b.ReportMetric(float64(cpu()-start)/float64(b.N)/float64(rows), "cpu-ns/row")
		})
		runtime.GC()
	}
}

// naive is the bounded group-by with Go maps; it keeps the first groups it
// meets of every user.
func naive(recs []arrow.Record, maxGroups int) map[int32][3]float64 {
	type cell struct{ rows, fee float64 }
	users := map[int64]map[int32]cell{}
	for _, rec := range recs {
		user, page, fee := rec.Column(0).(*array.Int64).Int64Values(), rec.Column(1).(*array.Int32).Int32Values(), rec.Column(2).(*array.Float64).Float64Values()
		for i, u := range user {
			m := users[u]
			if m == nil {
				m = map[int32]cell{}
				users[u] = m
			}
			if c, ok := m[page[i]]; ok || len(m) < maxGroups {
				m[page[i]] = cell{c.rows + 1, c.fee + fee[i]}
			}
		}
	}
	out := map[int32][3]float64{}
	for _, m := range users {
		for g, c := range m {
			o := out[g]
			out[g] = [3]float64{o[0] + 1, o[1] + min(c.rows, 10), o[2] + min(c.fee, 200)}
		}
	}
	return out
}
