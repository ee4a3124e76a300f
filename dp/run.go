package dp

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/fold"
	"github.com/oboro-data/oboro/internal/prf"
)

// Run releases the statistics of a query at exactly the price of budget: it
// plans, takes the price from the accountant, reads the source once, bounds,
// adds noise and selects groups.
//
// Errors are of kind fault.Plan (or fault.Budget) before a row is read, later
// of kind fault.Input, or ctx's error. Whether a run succeeds depends on query,
// schema and reading alone, never on values. The budget is taken before reading
// and is not given back if reading fails.
func Run(ctx context.Context, src arrowio.Source, q *Query, acct *Accountant, budget Budget) (*Release, error) {
	p, err := NewPlan(q, src.Schema(), budget)
	if err != nil {
		return nil, err
	}
	return p.Run(ctx, src, acct, "statistics")
}

// Run carries out the plan on a source; name stands in the accountant's list of
// spends and in its refusal. See the function Run.
func (p *Plan) Run(ctx context.Context, src arrowio.Source, acct *Accountant, name string) (*Release, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := acct.Spend(name, p.Price()); err != nil {
		return nil, err
	}
	if p.first != nil {
		var err error
		if p, err = p.first.run(ctx, src); err != nil {
			return nil, err
		}
	}
	acc, err := p.read(ctx, src)
	if err != nil {
		return nil, err
	}
	return acc.finish()
}

// run makes the first read of Run.
func (r *RangePlan) run(ctx context.Context, src arrowio.Source) (*Plan, error) {
	acc, err := r.plan.read(ctx, src)
	if err != nil {
		return nil, err
	}
	return r.choose(acc)
}

// read collects the rows of a source, under a key of their own.
func (p *Plan) read(ctx context.Context, src arrowio.Source) (*Accumulator, error) {
	key, err := NewKey()
	if err != nil {
		return nil, err
	}
	defer key.Erase()
	return fold.Source(ctx, src, func() (*Accumulator, error) { return newAccumulator(p, key) }, fold.Options{
		Workers: p.query.Workers, Progress: p.query.Progress, Columns: p.columns,
	})
}

// A Key decides, together with a unit's own rows, which of the unit's groups
// and rows are kept. One key is drawn for one release by whoever coordinates
// it, and erased when the release is done: who has it could tell what was kept
// of whom. It must not be used for a second release.
type Key struct{ secret *prf.Key }

// NewKey draws a key from the operating system.
func NewKey() (*Key, error) {
	k, err := prf.New()
	return &Key{k}, err
}

// KeyFromBytes makes the key with the bytes that Bytes returned, on another
// machine of the same release.
func KeyFromBytes(b []byte) (*Key, error) {
	k, err := prf.FromBytes(b)
	return &Key{k}, err
}

// Bytes returns the 16 secret bytes of the key, for the workers of a release on
// other machines.
func (k *Key) Bytes() []byte {
	b := k.secret.Bytes()
	return b[:]
}

// Fingerprint names the key in public: it does not tell the key, and no two
// keys have the same one.
func (k *Key) Fingerprint() string {
	f := k.secret.Fingerprint()
	return hex.EncodeToString(f[:])
}

// Erase overwrites the key. Accumulators made with it go on working.
func (k *Key) Erase() { k.secret.Erase() }

// NewAccumulator makes an empty accumulator, for rows that are read elsewhere
// than by Run: on several machines, or from a stream. All accumulators of one
// release have the key of its coordinator.
//
// The coordinator merges what the machines send (Merge, MergeState), then calls
// Finalize, once.
//
// Where ranges are chosen by noise, the rows are read twice: Plan.Ranges has the
// accumulators of the first read, and its Choose the plan of the second.
func (p *Plan) NewAccumulator(key *Key) (*Accumulator, error) {
	if p.first != nil {
		return nil, errRanges
	}
	return newAccumulator(p, key)
}

// Finalize takes the price from the accountant, merges the accumulators, adds
// noise and selects groups. The accumulators can't be used again: a second
// draw of noise for the same contributions is a second release and needs a
// plan, a key and a budget of its own.
func (p *Plan) Finalize(acct *Accountant, name string, parts ...*Accumulator) (*Release, error) {
	if p.first != nil {
		return nil, errRanges
	}
	all, err := p.gather(acct, name, p.Price(), parts)
	if err != nil {
		return nil, err
	}
	return all.finish()
}

// gather takes a price and merges the accumulators of a plan.
func (p *Plan) gather(acct *Accountant, name string, price Budget, parts []*Accumulator) (*Accumulator, error) {
	if len(parts) == 0 {
		return nil, fmt.Errorf("%s: nothing to finalize: %w", name, errUsed)
	}
	all := parts[0]
	for _, a := range parts {
		switch {
		case a.used:
			return nil, errUsed
		case a.plan.digest != p.digest:
			return nil, errPlan
		case a.fingerprint != all.fingerprint:
			return nil, errKey
		}
	}
	if err := acct.Spend(name, price); err != nil {
		return nil, err
	}
	for _, a := range parts[1:] {
		if err := all.Merge(a); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// finish makes the release and leaves the accumulator empty.
func (a *Accumulator) finish() (*Release, error) {
	a.used = true
	defer a.empty()
	return a.release()
}

// empty erases the keys, gives up the temporary files and forgets the rest.
func (a *Accumulator) empty() {
	a.keys.erase()
	a.closeFiles()
	*a = Accumulator{used: true}
}
