package fold

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/fault"
)

var schema = arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil)

// numbers is a source of batches of the numbers from..to-1.
type numbers struct {
	from, to, batch int64
	mem             memory.Allocator
	fail            error // after the last batch
	panics          bool  // instead of the last batch
}

func (n numbers) Schema() *arrow.Schema { return schema }

func (n numbers) Open(context.Context, ...string) (array.RecordReader, error) {
	return &reader{numbers: n}, nil
}

type reader struct {
	numbers
	rec arrow.Record
	err error
}

func (r *reader) Retain()              {}
func (r *reader) Record() arrow.Record { return r.rec }
func (r *reader) Err() error           { return r.err }
func (r *reader) Release() {
	if r.rec != nil {
		r.rec.Release()
		r.rec = nil
	}
}

func (r *reader) Next() bool {
	r.Release()
	if r.from >= r.to {
		r.err = r.fail
		if r.panics {
			var none []int
			_ = none[r.batch]
		}
		return false
	}
	b := array.NewInt64Builder(r.mem)
	defer b.Release()
	end := min(r.from+r.batch, r.to)
	for ; r.from < end; r.from++ {
		b.Append(r.from)
	}
	col := b.NewArray()
	defer col.Release()
	r.rec = array.NewRecord(schema, []arrow.Array{col}, int64(col.Len()))
	return true
}

// split is numbers as a Splitter.
type split struct{ numbers }

func (s split) Splits(n int) []arrowio.Source {
	var out []arrowio.Source
	for i := range int64(n) {
		part := s.numbers
		d := s.to - s.from
		part.from, part.to = s.from+d*i/int64(n), s.from+d*(i+1)/int64(n)
		out = append(out, part)
	}
	return out
}

type sum struct{ total, rows int64 }

func (s *sum) Add(rec arrow.Record) error {
	for _, v := range rec.Column(0).(*array.Int64).Int64Values() {
		if v < 0 {
			return errNegative
		}
		s.total += v
	}
	s.rows += rec.NumRows()
	return nil
}

func (s *sum) Merge(o *sum) error {
	s.total += o.total
	s.rows += o.rows
	return nil
}

var errNegative = errors.New("negative")

func newSum() (*sum, error) { return &sum{}, nil }

func TestSource(t *testing.T) {
	for _, workers := range []int{0, 1, 2, 5, 8} {
		for _, batch := range []int64{1, 7, 200_000} {
			mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
			n := numbers{to: 1000, batch: batch, mem: mem}
			if batch > 1000 {
				n.to = 150_000
			}
			for _, src := range []arrowio.Source{n, split{n}} {
				var last int64
				got, err := Source(context.Background(), src, newSum, Options{Workers: workers, Progress: func(rows int64) {
					if rows <= last {
						t.Errorf("progress went from %d to %d", last, rows)
					}
					last = rows
				}})
				if err != nil {
					t.Fatal(err)
				}
				if got.rows != n.to || got.total != n.to*(n.to-1)/2 || last != n.to {
					t.Errorf("%d workers, batches of %d: got %+v, progress %d", workers, batch, *got, last)
				}
			}
			mem.AssertSize(t, 0)
		}
	}
}

func TestSourceEmpty(t *testing.T) {
	for _, src := range []arrowio.Source{numbers{batch: 1}, split{numbers{batch: 1}}} {
		got, err := Source(context.Background(), src, newSum, Options{Workers: 3})
		if err != nil || got == nil || got.rows != 0 {
			t.Errorf("got %v, %v", got, err)
		}
	}
}

func TestSourceErrors(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		n    numbers
		want error
	}{
		"reader": {numbers{to: 100, batch: 3, fail: broken}, broken},
		"state":  {numbers{from: -5, to: 5000, batch: 3}, errNegative},
		"panic":  {numbers{to: 100, batch: 3, panics: true}, fault.Input},
	} {
		for _, workers := range []int{1, 4} {
			mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
			c.n.mem = mem
			for _, src := range []arrowio.Source{c.n, split{c.n}} {
				if _, err := Source(context.Background(), src, newSum, Options{Workers: workers}); !errors.Is(err, c.want) {
					t.Errorf("%s, %d workers: got %v", name, workers, err)
				}
			}
			mem.AssertSize(t, 0)
		}
	}
}

func TestSourceNewStateFails(t *testing.T) {
	n := numbers{to: 100_000, batch: 10, mem: memory.NewGoAllocator()}
	_, err := Source(context.Background(), n, func() (*sum, error) { return nil, errNegative }, Options{Workers: 3})
	if !errors.Is(err, errNegative) {
		t.Errorf("got %v", err)
	}
}

type secretive struct{ sum }

func (s *secretive) Merge(*secretive) error { return nil }
func (s *secretive) Add(arrow.Record) error { panic("the value is Tanaka") }

func TestPanicTextIsNotQuoted(t *testing.T) {
	n := numbers{to: 10, batch: 10, mem: memory.NewGoAllocator()}
	_, err := Source(context.Background(), n, func() (*secretive, error) { return &secretive{}, nil }, Options{})
	if !errors.Is(err, fault.Input) || strings.Contains(err.Error(), "Tanaka") {
		t.Errorf("got %v", err)
	}
}

func TestSourceObeysContext(t *testing.T) {
	for _, workers := range []int{1, 3} {
		n := numbers{to: 1 << 40, batch: 10, mem: memory.NewGoAllocator()}
		for _, src := range []arrowio.Source{n, split{n}} {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			var rows atomic.Int64
			_, err := Source(ctx, src, newSum, Options{Workers: workers, Progress: func(r int64) {
				if rows.Add(1) == 5 {
					cancel()
				}
			}})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%d workers: got %v", workers, err)
			}
		}
	}
}
