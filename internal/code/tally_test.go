package code

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/internal/spill"
)

// plain counts tuples with a map.
type plain map[string]int64

func (p plain) add(tuple []uint32, rows int64) { p[fmt.Sprint(tuple)] += rows }

func (p plain) check(t fataler, codes [][]uint32, rows []int64) {
	t.Helper()
	if len(rows) != len(p) {
		t.Fatalf("%d tuples, want %d", len(rows), len(p))
	}
	var last []uint32
	for i, n := range rows {
		tuple := make([]uint32, len(codes))
		for c := range codes {
			tuple[c] = codes[c][i]
		}
		if i > 0 && slices.Compare(last, tuple) >= 0 {
			t.Fatalf("tuple %d is out of order", i)
		}
		last = tuple
		if n != p[fmt.Sprint(tuple)] {
			t.Fatalf("tuple %d has %d rows, want %d", i, n, p[fmt.Sprint(tuple)])
		}
	}
}

type fataler interface {
	Helper()
	Fatalf(string, ...any)
}

// TestTallyAgainstMap drives two tallies through every way of counting, with
// limits so small that each rearranges itself again and again, and merges them.
// Codes come in the order of first sight, as an Encoder gives them, so that
// fields grow while counting.
func TestTallyAgainstMap(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		columns := rapid.IntRange(0, 9).Draw(rt, "columns")
		spread := rapid.SampledFrom([]int{1, 2, 7, 40, 3000}).Draw(rt, "spread")
		small := limits{
			keyBits:    rapid.SampledFrom([]uint{0, 9, 20, 64}).Draw(rt, "keyBits"),
			numberBits: rapid.SampledFrom([]uint{0, 4, 8}).Draw(rt, "numberBits"),
			denseBits:  rapid.SampledFrom([]uint{0, 4, 20}).Draw(rt, "denseBits"),
			maxKeys:    rapid.SampledFrom([]int{1, 100, 1 << 20}).Draw(rt, "maxKeys"),
			minCompact: rapid.SampledFrom([]int{1, 50, 1 << 20}).Draw(rt, "minCompact"),
		}
		limited := rapid.Bool().Draw(rt, "limited")
		file := spill.New("")
		defer file.Close()
		want := plain{}
		// A worker's codes, per column: value to code in order of first sight.
		type worker struct {
			tally *Tally
			codes []map[int]uint32
			sizes []int
		}
		workers := make([]*worker, 2)
		for i := range workers {
			w := &worker{tally: NewTally(columns), sizes: make([]int, columns)}
			w.tally.limits = small
			if limited {
				w.tally.Limit(Limit{Bytes: 4000, Tuples: 1 << 40, File: file})
			}
			for range columns {
				w.codes = append(w.codes, map[int]uint32{})
			}
			workers[i] = w
		}
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		values := make([][]int, columns) // of the block at hand
		blocks := rapid.IntRange(0, 12).Draw(rt, "blocks")
		for block := range blocks {
			w := workers[r.IntN(2)]
			n := r.IntN(300)
			codes := make([][]uint32, columns)
			for c := range columns {
				values[c] = values[c][:0]
				for range n {
					v := r.IntN(1 + r.IntN(1+spread*(block+1)/blocks)) // more and more values
					values[c] = append(values[c], v)
					k, ok := w.codes[c][v]
					if !ok {
						k = uint32(len(w.codes[c]))
						w.codes[c][v] = k
					}
					codes[c] = append(codes[c], k)
				}
				w.sizes[c] = len(w.codes[c])
			}
			rows := make([]int64, n)
			weighted := r.IntN(3) == 0
			for i := range rows {
				rows[i] = 1
				if weighted {
					rows[i] = 1 + r.Int64N(1<<40)
				}
				tuple := make([]uint32, columns)
				for c := range tuple {
					tuple[c] = uint32(values[c][i])
				}
				want.add(tuple, rows[i])
			}
			if weighted {
				w.tally.AddRows(codes, rows, w.sizes)
			} else {
				w.tally.Add(codes, n, w.sizes)
			}
			if _, waiting := w.tally.Waiting(); waiting && r.IntN(3) == 0 {
				remap := make([][]uint32, columns)
				for c := range remap { // by value, but for the last column
					if c == columns-1 {
						continue
					}
					var seen []int
					for v := range w.codes[c] {
						seen = append(seen, v)
					}
					slices.Sort(seen)
					remap[c] = make([]uint32, len(seen))
					for i, v := range seen {
						remap[c][w.codes[c][v]] = uint32(i)
						w.codes[c][v] = uint32(i)
					}
				}
				w.tally.Renumber(remap, w.sizes)
			}
		}
		a, b := workers[0], workers[1]
		remap, final := make([][]uint32, columns), make([][]uint32, columns)
		for c := range columns {
			remap[c] = make([]uint32, len(b.codes[c]))
			for v, k := range b.codes[c] {
				m, ok := a.codes[c][v]
				if !ok {
					m = uint32(len(a.codes[c]))
					a.codes[c][v] = m
				}
				remap[c][k] = m
			}
			a.sizes[c] = len(a.codes[c])
		}
		a.tally.Merge(b.tally, remap, a.sizes)
		for c := range columns { // final codes are the values, closed up: map want instead
			var seen []int
			for v := range a.codes[c] {
				seen = append(seen, v)
			}
			slices.Sort(seen)
			final[c] = make([]uint32, len(seen))
			for i, v := range seen {
				final[c][a.codes[c][v]] = uint32(i)
			}
		}
		closed := plain{}
		for key, n := range want {
			var tuple []uint32
			for c, field := range fields(key) {
				tuple = append(tuple, final[c][a.codes[c][field]])
			}
			closed.add(tuple, n)
		}
		for range 2 { // the first call leaves the tally as it was
			codes, rows := a.tally.Sorted(final, false)
			closed.check(rt, codes, rows)
		}
		codes, rows := a.tally.Sorted(final, true)
		closed.check(rt, codes, rows)
		if err := a.tally.Err(); err != nil {
			rt.Fatalf("%v", err)
		}
	})
}

// TestTallyLimit: a tally of many distinct tuples keeps to its limit, and says
// so when the file fails or when there are more tuples than may be.
func TestTallyLimit(t *testing.T) {
	fill := func(l Limit) (*Tally, *Counted, int64) {
		tally := NewTally(2)
		tally.Limit(l)
		r := rand.New(rand.NewPCG(1, 2))
		codes, most := [][]uint32{make([]uint32, 4096), make([]uint32, 4096)}, int64(0)
		sizes := []int{1 << 14, 1 << 14}
		tally.Renumber(make([][]uint32, 2), sizes)
		for range 200 {
			for c := range codes {
				for i := range codes[c] {
					codes[c][i] = r.Uint32N(1 << 14)
				}
			}
			tally.Add(codes, 4096, sizes)
			most = max(most, tally.Memory())
		}
		return tally, tally.Tuples(nil, true), most
	}
	file := spill.New(t.TempDir())
	defer file.Close()
	_, plain, whole := fill(Limit{Bytes: 1 << 40, Tuples: 1 << 40, File: file})
	if file.Size() > 0 {
		t.Error("a generous limit writes to the file")
	}
	tally, counted, most := fill(Limit{Bytes: 2 << 20, Tuples: 1 << 40, File: file})
	if err := tally.Err(); err != nil {
		t.Fatal(err)
	}
	if file.Size() == 0 || most > 5<<20 || most > whole {
		t.Errorf("%d bytes on disk, %d in memory of 2 MiB; %d without a limit", file.Size(), most, whole)
	}
	for c, col := range plain.Columns() {
		if !slices.Equal(col, counted.Columns()[c]) {
			t.Errorf("column %d differs", c)
		}
	}
	if !slices.Equal(plain.Rows, counted.Rows) {
		t.Error("rows differ")
	}
	if tally, _, _ = fill(Limit{Bytes: 2 << 20, Tuples: 1000, File: file}); !errors.Is(tally.Err(), fault.Data) {
		t.Errorf("too many tuples: %v", tally.Err())
	}
	full := spill.New(t.TempDir())
	defer full.Close()
	full.FailAfter(1 << 20)
	if tally, _, _ = fill(Limit{Bytes: 2 << 20, Tuples: 1 << 40, File: full}); !errors.Is(tally.Err(), fault.Input) {
		t.Errorf("full disk: %v", tally.Err())
	}
}

// fields reads back the numbers of fmt.Sprint([]uint32).
func fields(s string) (out []int) {
	n, inside := 0, false
	for _, r := range s {
		if r >= '0' && r <= '9' {
			n, inside = n*10+int(r-'0'), true
		} else if inside {
			out = append(out, n)
			n, inside = 0, false
		}
	}
	return out
}

func TestSortKeys(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, bits := range []uint{1, 7, 11, 12, 22, 32} {
		for _, n := range []int{0, 1, 63, 64, 2000, 5000, mostSorted - 1} {
			s := newSorter[uint32]()
			for i := range n {
				s.list[i] = 1<<31>>(32-bits)<<1 | uint32(r.Uint64()&(1<<bits-1)) // one bit above, the same in all
			}
			want := slices.Clone(s.list[:n])
			slices.Sort(want)
			if got := s.sort(n, bits); !slices.Equal(got, want) {
				t.Errorf("%d keys of %d bits: not sorted", n, bits)
			}
		}
	}
	for _, bits := range []uint{1, 10, 23, 40, 64} {
		for _, n := range []int{0, 1, 63, 64, 4000, 10_000} {
			list := make([]entry, n)
			for i := range list {
				list[i] = entry{r.Uint64() >> (64 - bits), int64(i)}
			}
			want := slices.Clone(list)
			slices.SortStableFunc(want, func(a, b entry) int {
				switch {
				case a.key < b.key:
					return -1
				case a.key > b.key:
					return 1
				}
				return 0
			})
			got := sortEntries(list, bits)
			for i := range got {
				if got[i].key != want[i].key {
					t.Fatalf("%d entries of %d bits: not sorted", n, bits)
				}
			}
		}
	}
}

// TestRadixBits counts keys of every width, whatever fits the buckets.
func TestRadixBits(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for bits := uint(1); bits <= 64; bits++ {
		keys := make([]uint64, 3000)
		want := map[uint64]int64{}
		for i := range keys {
			keys[i] = r.Uint64() >> (64 - bits)
			if i%2 == 1 {
				keys[i] = keys[i-1]
			}
			want[keys[i]]++
		}
		check := func(got tuples) {
			t.Helper()
			if !slices.IsSorted(got.keys) || len(got.keys) != len(want) {
				t.Fatalf("%d bits: %d keys, want %d in order", bits, len(got.keys), len(want))
			}
			for i, k := range got.keys {
				if got.rows[i] != want[k] {
					t.Fatalf("%d bits: %d rows, want %d", bits, got.rows[i], want[k])
				}
			}
		}
		if bits <= 32+bucketBits {
			n := newRadix[uint32](bits)
			for range 2 { // twice: drain leaves it empty
				n.add(keys)
				check(n.drain())
			}
		}
		m := newRadix[uint64](bits)
		m.add(keys)
		check(m.drain())
	}
}

// TestRadixSplit counts buckets too large to be sorted at once, of every kind:
// all keys equal, few distinct ones, and many.
func TestRadixSplit(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	for _, bits := range []uint{12, 34, 42, 60} {
		var keys []uint64
		want := map[uint64]int64{}
		for range 3 * mostSorted {
			k := uint64(0)
			switch r.IntN(3) {
			case 1:
				k = uint64(1)<<bits - 1 - r.Uint64N(3)
			case 2:
				k = r.Uint64() >> (64 - bits) >> (bits / 3)
				if r.IntN(10) == 0 { // some for small buckets
					k = r.Uint64() >> (64 - bits)
				}
			}
			keys = append(keys, k)
			want[k]++
		}
		check := func(got tuples) {
			t.Helper()
			if !slices.IsSorted(got.keys) || len(got.keys) != len(want) {
				t.Fatalf("%d bits: %d keys, want %d in order", bits, len(got.keys), len(want))
			}
			for i, k := range got.keys {
				if got.rows[i] != want[k] {
					t.Fatalf("%d bits: %d rows, want %d", bits, got.rows[i], want[k])
				}
			}
		}
		if bits <= 32+bucketBits {
			n := newRadix[uint32](bits)
			n.add(keys[:len(keys)/2])
			if sample := n.repetition(); sample < 1 { // sorts some buckets, which are not yet complete
				t.Errorf("%d bits: keys come %d times on average", bits, sample)
			}
			n.add(keys[len(keys)/2:])
			check(n.drain())
		}
		m := newRadix[uint64](bits)
		m.add(keys)
		check(m.drain())
	}
}
