//go:build unix

package code

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

const benchRows = 1 << 16

// cpu returns the processor time that the process has used: on a shared machine
// it says more than the clock.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// perRow reports nanoseconds of processor time a row since start.
func perRow(b *testing.B, rows int, start time.Duration) {
	b.ReportMetric(float64((cpu()-start).Nanoseconds())/float64(b.N)/float64(rows), "cpu-ns/row")
}

func benchEncode(b *testing.B, arr arrow.Array) {
	e, err := NewEncoder(arr.DataType())
	if err != nil {
		b.Fatal(err)
	}
	var dst []uint32
	b.ReportAllocs()
	if dst, err = e.Encode(dst, arr); err != nil { // fills the dictionary
		b.Fatal(err)
	}
	start := cpu()
	for b.Loop() {
		if dst, err = e.Encode(dst[:0], arr); err != nil {
			b.Fatal(err)
		}
	}
	perRow(b, arr.Len(), start)
}

// skewed draws one of n numbers, small ones more often.
func skewed(r *rand.Rand, n int) int {
	f := r.Float64()
	return int(float64(n) * f * f)
}

func BenchmarkEncodeText(b *testing.B) {
	for _, distinct := range []int{47, 2000, 1_000_000} {
		for _, format := range []string{"city-%07d", "a city with a long name-%07d"} {
			b.Run(fmt.Sprintf("%d/%d bytes", distinct, len(fmt.Sprintf(format, 1))), func(b *testing.B) {
				r := rand.New(rand.NewPCG(1, 1))
				s := array.NewStringBuilder(memory.DefaultAllocator)
				rows := benchRows
				if distinct > rows {
					rows = 4 * distinct
				}
				for range rows {
					s.Append(fmt.Sprintf(format, r.IntN(distinct)))
				}
				benchEncode(b, s.NewArray())
			})
		}
	}
}

func BenchmarkEncodeDictionary(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	s := array.NewDictionaryBuilder(memory.DefaultAllocator, &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}).(*array.BinaryDictionaryBuilder)
	for range benchRows {
		if err := s.AppendString(fmt.Sprint(r.IntN(1000))); err != nil {
			b.Fatal(err)
		}
	}
	benchEncode(b, s.NewArray())
}

func BenchmarkEncodeIntegers(b *testing.B) {
	for _, c := range []struct {
		name     string
		distinct int
		step     int64
	}{{"100 close", 100, 1}, {"100000 close", 100_000, 1}, {"1000 apart", 1000, 1 << 40}, {"1000000 apart", 1_000_000, 1 << 40}} {
		b.Run(c.name, func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 1))
			s := array.NewInt64Builder(memory.DefaultAllocator)
			for range max(benchRows, 4*c.distinct) {
				s.Append(int64(r.IntN(c.distinct)) * c.step)
			}
			benchEncode(b, s.NewArray())
		})
	}
}

// BenchmarkTallyPeople counts a million visits of 100,000 people: five columns
// that repeat, a page, and the person; 60 and 80 bits in all.
func BenchmarkTallyPeople(b *testing.B) {
	const rows, people = 1 << 20, 100_000
	for _, zips := range []int{1 << 4, 1 << 17} {
		sizes := []int{1 << 15, 2, 47, 16, zips, 200, 1 << 24}
		r := rand.New(rand.NewPCG(1, 1))
		codes := make([][]uint32, len(sizes))
		for range rows {
			person := r.IntN(people)
			own := rand.New(rand.NewPCG(uint64(person), 2))
			for c, n := range sizes[:5] {
				codes[c] = append(codes[c], uint32(skewed(own, n)))
			}
			codes[5] = append(codes[5], uint32(skewed(r, 200)))
			codes[6] = append(codes[6], uint32(person))
		}
		b.Run(fmt.Sprintf("%d zips", zips), func(b *testing.B) {
			b.ReportAllocs()
			start := cpu()
			for b.Loop() {
				t := NewTally(len(sizes))
				t.Renumber(nil, sizes)
				t.Add(codes, rows, sizes)
				t.Sorted(nil, true)
			}
			perRow(b, rows, start)
		})
	}
}

// BenchmarkTally counts tuples of six coded columns, most of them distinct, as
// far as sorted keys; the same with few distinct ones.
func BenchmarkTally(b *testing.B) {
	for _, rows := range []int{1 << 20, 10_000_000} {
		if rows > 1<<20 && testing.Short() {
			continue
		}
		for _, c := range []struct {
			name  string
			sizes []int
		}{
			{"dense", []int{2, 8, 16, 9, 7, 5}},
			{"half distinct", []int{2, 100, 16, 47, 40, 5}},
			{"most distinct", []int{2, 100, 16, 47, 1900, 12}},
			{"128 bits", []int{1 << 16, 100, 16, 1 << 20, 1900, 1 << 20, 1 << 20}},
			{"wide fields", []int{2, 100, 30_000, 47, 2000, 100_000}},
		} {
			r := rand.New(rand.NewPCG(1, 1))
			codes := make([][]uint32, len(c.sizes))
			for i, n := range c.sizes {
				codes[i] = make([]uint32, rows)
				for j := range codes[i] {
					codes[i][j] = uint32(skewed(r, n))
				}
			}
			b.Run(fmt.Sprintf("%d rows/%s", rows, c.name), func(b *testing.B) {
				b.ReportAllocs()
				distinct := 0
				start := cpu()
				for b.Loop() {
					t := NewTally(len(c.sizes))
					t.Renumber(nil, c.sizes)
					block := make([][]uint32, len(c.sizes))
					for from := 0; from < rows; from += blockKeys {
						to := min(from+blockKeys, rows)
						for i := range block {
							block[i] = codes[i][from:to]
						}
						t.Add(block, to-from, c.sizes)
					}
					_, n := t.Sorted(make([][]uint32, len(c.sizes)), true)
					distinct = len(n)
				}
				perRow(b, rows, start)
				b.ReportMetric(float64(distinct)/float64(rows), "distinct/row")
			})
		}
	}
}
