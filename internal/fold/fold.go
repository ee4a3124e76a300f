// Package fold reads a source on many goroutines into one partial state. It is
// the only parallel loop over rows, shared by kanon and dp.
package fold

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/apache/arrow/go/v17/arrow"
	"golang.org/x/sync/errgroup"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/fault"
)

// A State is partial state: every worker fills its own with Add, and Merge
// joins them, in any order and any tree. A State is used by one goroutine at a
// time.
type State[S any] interface {
	// Add takes the rows of one batch, whose columns are those asked for.
	Add(rec arrow.Record) error
	// Merge takes over what other holds; other is not used again.
	Merge(other S) error
}

// Options say how a source is read.
type Options struct {
	Workers  int              // 0: one per processor
	Progress func(rows int64) // called now and then with rows read so far, from any worker, one call at a time; may be nil
	Columns  []string         // columns to read, in order; none: all
}

// splitsPerWorker is how many parts of the input a worker gets on average:
// enough that unequal parts even out.
const splitsPerWorker = 4

// maxBatch is the number of rows that one Add sees at most where one reader
// feeds several workers, so that a single huge batch is shared out.
const maxBatch = 1 << 16

// Source reads src into fresh states made by newState, one per worker, and
// returns them merged into one. The splits of a Splitter are read side by side,
// each worker taking the next; any other source is read by one goroutine that
// deals batches to the workers. Source stops at the first error and returns it;
// a panic in a reader or a state is an error of kind Input. When ctx ends it
// returns ctx's error.
func Source[S State[S]](ctx context.Context, src arrowio.Source, newState func() (S, error), o Options) (S, error) {
	workers := o.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	group, ctx := errgroup.WithContext(ctx)
	p := &progress{report: o.Progress}
	m := &merger[S]{}

	var work func(S) error // adds all the rows one worker takes
	if s, ok := src.(arrowio.Splitter); ok {
		parts := []arrowio.Source{src}
		if workers > 1 {
			parts = s.Splits(workers * splitsPerWorker)
		}
		workers = max(1, min(workers, len(parts)))
		var next atomic.Int64
		work = func(state S) error {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(parts) {
					return nil
				}
				if err := read(ctx, parts[i], o.Columns, counted(state, p)); err != nil {
					return err
				}
			}
		}
	} else if workers == 1 {
		work = func(state S) error {
			return read(ctx, src, o.Columns, counted(state, p))
		}
	} else {
		batches := make(chan arrow.Record, workers)
		group.Go(func() error {
			defer close(batches)
			return protect(func() error { return read(ctx, src, o.Columns, deal(ctx, batches)) })
		})
		work = func(state S) error {
			add := counted(state, p)
			for rec := range batches {
				if err := released(rec, add); err != nil {
					return err
				}
			}
			return nil
		}
		// After an error nobody takes what is still dealt: give it back.
		defer func() {
			for rec := range batches {
				rec.Release()
			}
		}()
	}

	for range workers {
		group.Go(func() error {
			return protect(func() error {
				state, err := newState()
				if err != nil {
					return err
				}
				if err := work(state); err != nil {
					return err
				}
				return m.join(ctx, state)
			})
		})
	}
	var zero S
	if err := group.Wait(); err != nil {
		return zero, err
	}
	return m.state, nil
}

// counted returns a function that adds a batch to a state, then tells p.
func counted[S State[S]](state S, p *progress) func(arrow.Record) error {
	return func(rec arrow.Record) error {
		if err := state.Add(rec); err != nil {
			return err
		}
		p.add(rec.NumRows())
		return nil
	}
}

// released passes a batch to each and releases it, also when each panics.
func released(rec arrow.Record, each func(arrow.Record) error) error {
	defer rec.Release()
	return each(rec)
}

// read passes every batch of a source to each.
func read(ctx context.Context, src arrowio.Source, columns []string, each func(arrow.Record) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r, err := src.Open(ctx, columns...)
	if err != nil {
		return err
	}
	defer r.Release()
	for r.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := each(r.Record()); err != nil {
			return err
		}
	}
	if err := r.Err(); err != nil {
		return err
	}
	return ctx.Err()
}

// deal returns a function that sends a batch, in pieces of at most maxBatch
// rows, to the workers.
func deal(ctx context.Context, batches chan<- arrow.Record) func(arrow.Record) error {
	return func(rec arrow.Record) error {
		for from := int64(0); from < rec.NumRows(); from += maxBatch {
			piece := rec.NewSlice(from, min(from+maxBatch, rec.NumRows()))
			select {
			case batches <- piece:
			case <-ctx.Done():
				piece.Release()
				return ctx.Err()
			}
		}
		return nil
	}
}

// protect turns a panic into an error. The panic's own text is kept only where
// the runtime made it, for any other could quote a value.
func protect(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			if e, ok := r.(runtime.Error); ok {
				err = fault.Inputf("reading the table failed, it may be damaged: %w", e)
			} else {
				err = fault.Inputf("reading the table failed, it may be damaged")
			}
		}
	}()
	return f()
}

// A merger joins finished states two by two, as they come, outside its lock:
// with many workers, several merges run side by side.
type merger[S State[S]] struct {
	mu    sync.Mutex
	full  bool
	state S
}

func (m *merger[S]) join(ctx context.Context, s S) error {
	for {
		m.mu.Lock()
		if !m.full {
			m.state, m.full = s, true
			m.mu.Unlock()
			return nil
		}
		other := m.state
		var zero S
		m.state, m.full = zero, false
		m.mu.Unlock()
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.Merge(other); err != nil {
			return err
		}
	}
}

// progress adds up the rows read and reports them, one call at a time.
type progress struct {
	mu     sync.Mutex
	rows   int64
	report func(rows int64)
}

func (p *progress) add(rows int64) {
	if p.report == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rows += rows
	p.report(p.rows)
}
