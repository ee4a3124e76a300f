package dp

import (
	"runtime"
	"sync/atomic"

	"github.com/apache/arrow/go/v17/arrow"
	"golang.org/x/sync/errgroup"
)

// A statistic is an aggregate bound to a plan: it turns bounded contributions
// into whole numbers for each group, and noised numbers into output columns.
type statistic interface {
	// kind is the name of the aggregate in a policy: "count-units", "sum", …
	kind() string
	// fields are the output columns, the first named as the aggregate.
	fields() []arrow.Field
	// tally adds the contributions of a run to t. Statistics that need them
	// all at once append them to their list instead, and settle reads it.
	tally(r *run, t *tally)
}

// An additive statistic is a vector of sums for each group, to which noise is
// added. A unit changes the vector of one group by at most sensitivity in the
// ℓ₁ norm, hence in every norm; a euclidean one says how much less in ℓ₂.
type additive interface {
	statistic
	width() int
	sensitivity() int64
	// place tells the statistic the first of its sums in a tally, first asks.
	place(at int)
	first() int
	// columns turns the noised sums of the released groups into columns;
	// sums[j][i] is sum j of group i.
	columns(sums [][]int128) []arrow.Array
	// stdError is the standard error of a column, given that of a sum, both in
	// units of the output; it is not asked where unit says false.
	stdError(perSum float64) float64
	// unit is the grid of the sums: that of the output, or with false, of rows.
	unit() (grid, bool)
}

// A rowwise statistic sees at most seen rows of a unit in a group, and changes
// in proportion to their number: by its sensitivity (or an additive one's
// l2Squared, or a chooser's change) over seen for each, at most.
type rowwise interface{ seen() int64 }

// A settler is a statistic that computes its sums from a list, after all
// contributions were tallied.
type settler interface {
	settle(t *tally)
}

// A lister is told which list of a tally is its own.
type lister interface{ list(at int) }

// A renumberer has numbers in its list that must differ from those of the list
// that it is appended to, of length by.
type renumberer interface {
	renumber(list []uint64, by uint64)
}

// tally bounds all buckets and adds them up, with several workers. The error is
// that of a temporary file.
func (a *Accumulator) tally(workers int) (*tally, error) {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	a.seal(true)
	a.free = nil
	entries := a.entries()
	first := a.newTally(entries)
	if first.bytes() > maxTally {
		workers = 1 // memory before time
	}
	parts := make([]*tally, workers)
	var next atomic.Int64
	var wait errgroup.Group
	for w := range workers {
		wait.Go(func() error {
			t := first
			if w > 0 {
				t = a.newTally(entries)
			}
			b := newBounder(a.layout, a.groups, a.keys)
			out := a.layout.newRun()
			for {
				i := int(next.Add(1)) - 1
				if i >= len(a.buckets) {
					parts[w] = t
					return nil
				}
				if err := b.load(&a.buckets[i], a.piece); err != nil {
					return err
				}
				b.bound(&a.buckets[i], out, flushAt, func(r *run) {
					kept := r
					if c := a.plan.cuts; c != nil {
						kept, t.cut = c.tally(b, r, t.cut)
					}
					for _, s := range a.plan.statistics {
						s.tally(kept, t)
					}
					r.reset()
				})
				a.buckets[i] = bucket{}
			}
		})
	}
	if err := wait.Wait(); err != nil {
		return nil, err
	}
	t := parts[0]
	for _, p := range parts[1:] {
		for i := range p.sums {
			t.sums[i].merge(&p.sums[i])
		}
		for i, n := range p.cut {
			if t.cut == nil {
				t.cut = make([]uint64, len(p.cut))
			}
			t.cut[i] += n
		}
		for i, l := range p.lists {
			if s, ok := a.plan.statistics[i].(renumberer); ok {
				s.renumber(l, uint64(len(t.lists[i])))
			}
			t.lists[i] = append(t.lists[i], l...)
		}
	}
	for _, s := range a.plan.statistics {
		if s, ok := s.(settler); ok {
			s.settle(t)
		}
	}
	return t, nil
}

// flushAt is the number of entries after which a run is tallied.
const flushAt = 2048

// maxTally is the size of sums above which they are not held once per worker.
const maxTally = 64 << 20

// times is how many units entry i of a run stands for.
func (r *run) times(i int) int64 {
	if r.units == nil {
		return 1
	}
	return r.units[i]
}
