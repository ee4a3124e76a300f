package anon

import (
	"bytes"
	"context"
	"sync"

	"github.com/apache/arrow/go/v17/arrow/ipc"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/internal/fold"
	"github.com/oboro-data/oboro/report"
)

// A Partial is the partial state of one statistics release whose rows lie on
// several machines. Whoever coordinates draws a key with [dp.NewKey]; every
// machine makes a Partial from the same policy, schema and key and takes up the
// rows it has, split in any way; the states travel as bytes, are merged in any
// order and any tree, and are finished once. Noise is added there and nowhere
// else: the result is distributed as if one process had read all rows.
//
// A Partial holds personal data. It is used by one goroutine at a time.
type Partial struct {
	plan *Plan
	step *step
	dp   *dp.Plan
	acc  *dp.Accumulator
	opts RunOptions
	key  *dp.Key
	id   string // the key's fingerprint
}

// NewPartial returns the empty state of a statistics release of the policy. A
// microdata release has none, and is refused: its classes need all rows at
// once.
func (p *Plan) NewPartial(release string, key *dp.Key, opts ...RunOptions) (*Partial, error) {
	var o RunOptions
	if len(opts) > 0 {
		o = opts[0]
	}
	if p.schema == nil {
		return nil, fault.Planf("%s: this plan was made without a schema; make it with that of the input", p.policy.file)
	}
	for _, s := range p.steps {
		if s.Name != release {
			continue
		}
		if s.Statistics == nil {
			return nil, fault.Planf("%s: only statistics have partial states; make the rows of this release in one process", s.Name)
		}
		if lists := p.consistentOf(s); len(lists) > 0 {
			return nil, fault.Planf("%s: %s is fitted to other releases, which a single partial state can't be; make the releases in one process, or take this one out of consistent", s.Name, lists[0].Column)
		}
		schema, err := p.schemaOf(s)
		if err != nil {
			return nil, inRelease(s.Name, err)
		}
		plan, err := s.statisticsPlan(schema, o)
		if err != nil {
			return nil, err
		}
		if plan.Ranges() != nil {
			return nil, fault.Planf("%s: ranges are chosen in a read of their own, for which a policy has no partial state; state the ranges, or make this release in one process", s.Name)
		}
		acc, err := plan.NewAccumulator(key)
		if err != nil {
			return nil, inRelease(s.Name, err)
		}
		return &Partial{p, s, plan, acc, o, key, key.Fingerprint()}, nil
	}
	return nil, fault.Planf("%s: the policy declares no release of that name; name one that it declares", p.policy.file)
}

// Update takes up the rows of a source.
func (s *Partial) Update(ctx context.Context, src arrowio.Source) error {
	src, err := s.plan.sourceOf(s.step, src)
	if err != nil {
		return err
	}
	o := fold.Options{Workers: s.opts.Workers, Columns: s.dp.Columns()}
	acc, err := fold.Source(ctx, src, func() (*dp.Accumulator, error) { return s.dp.NewAccumulator(s.key) }, o)
	if err == nil {
		err = s.acc.Merge(acc)
	}
	if err != nil {
		return inRelease(s.step.Name, err)
	}
	return nil
}

// State returns the state as bytes: an Arrow IPC stream of one batch. Equal
// rows give equal bytes, however they were split, ordered and merged.
func (s *Partial) State() ([]byte, error) {
	rec, err := s.acc.State()
	if err != nil {
		return nil, inRelease(s.step.Name, err)
	}
	defer rec.Release()
	var buf bytes.Buffer
	w := ipc.NewWriter(&buf, ipc.WithSchema(rec.Schema()))
	if err := w.Write(rec); err != nil {
		return nil, fault.Inputf("%s: the state can't be encoded: %w", s.step.Name, err)
	}
	if err := w.Close(); err != nil {
		return nil, fault.Inputf("%s: the state can't be encoded: %w", s.step.Name, err)
	}
	return buf.Bytes(), nil
}

// Merge takes up the rows of another state of the same release, policy, schema
// and key.
func (s *Partial) Merge(state []byte) error {
	err := arrowio.Recovered("the partial state", func() error {
		r, err := ipc.NewReader(bytes.NewReader(state), ipc.WithAllocator(arrowio.LimitAllocator(int64(len(state)))))
		if err != nil {
			return arrowio.Damaged("the partial state")
		}
		defer r.Release()
		n := 0
		for ; r.Next(); n++ {
			if err := s.acc.MergeState(r.Record()); err != nil {
				return err
			}
		}
		if n == 0 || arrowio.ReadError("the partial state", r.Err()) != nil {
			return arrowio.Damaged("the partial state")
		}
		return nil
	})
	if err != nil {
		return inRelease(s.step.Name, err)
	}
	return nil
}

// Finish pays for the release, adds noise, selects groups and returns the
// table with its report, whose total is this release's alone. The state is not
// used again.
//
// Finishing a release twice would be a second release of the same rows, which
// spends its budget again. It is refused in this process, by the key's
// fingerprint, and with RunOptions.Ledger in every process that uses the ledger.
func (s *Partial) Finish() (*Release, error) {
	if _, twice := finished.LoadOrStore(s.id+" "+s.step.Name, true); twice {
		return nil, fault.Planf("%s: a release with this key was finished already; a second one spends the budget again and needs new states with a new key", s.step.Name)
	}
	r := &Release{plan: s.plan, report: s.plan.newReport()}
	if err := r.pay(context.Background(), s.opts.Ledger, s.id, s.step); err != nil {
		finished.Delete(s.id + " " + s.step.Name) // nothing was drawn
		return nil, err
	}
	price := s.dp.Price()
	rel, err := s.dp.Finalize(dp.NewAccountant(price), s.step.Name, s.acc)
	if err != nil {
		return nil, inRelease(s.step.Name, err)
	}
	s.key.Erase()
	r.report.Total = &report.Total{Epsilon: orNil(price.Epsilon()), Delta: orNil(price.Delta()), Rho: orNil(price.Rho())}
	r.addStatistics(s.step, rel)
	return r, nil
}

// finished holds the releases that were finished from partial states, by the
// fingerprint of their key and their name.
var finished sync.Map
