package anon

import (
	"context"
	"sync"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/kanon"
)

// RunOptions say how a plan is run. The zero value is good.
type RunOptions struct {
	Workers int   // goroutines; 0: one per processor
	Memory  int64 // bytes that may be used beyond the input; 0: no limit
	// Temp is the folder of the temporary files in which goes what the limit
	// does not hold: encrypted, and without a name where the system permits.
	// Empty: the system's folder, which on some systems lies in memory.
	Temp string
	// Backend draws the noise of releases with `noise: google`.
	Backend dp.Backend
	// Ledger is the file of a budget that is kept over runs (package dp/ledger).
	// All statistics are paid for in it before a row is read, or the run is
	// refused. "": the budget counts this run only.
	Ledger string
	// Progress is called now and then, one call at a time; nil: never.
	Progress func(Progress)
}

// Progress is what a run tells its caller now and then.
type Progress struct {
	Release string // the release that is being made
	Stage   string // "count", "search", "apply", "verify", "read"
	Done    int64  // rows, or lattice nodes when searching
	Total   int64  // 0: not known
}

// Run makes every release of the plan from src. All statistics are paid for
// from one accountant that holds the policy's cap, each before its noise is
// drawn, and before that from the ledger, if there is one: all of them at once.
// On any error nothing is released; what was paid stays paid.
//
// A value of CSV that does not fit its column's type is an error in microdata,
// which names the line, and null in statistics, which never fail on data. The
// tables of the release may read src again until they are written or closed.
func (p *Plan) Run(ctx context.Context, src arrowio.Source, opts ...RunOptions) (*Release, error) {
	var o RunOptions
	if len(opts) > 0 {
		o = opts[0]
	}
	if p.schema == nil {
		return nil, fault.Planf("%s: this plan was made without a schema; make it with that of the input", p.policy.file)
	}
	if !p.schema.Equal(src.Schema()) {
		return nil, fault.Planf("%s: the input's schema is not the one that was planned for; make the plan with this input's schema", p.policy.file)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r := &Release{plan: p, report: p.newReport()}
	acct := dp.NewAccountant(p.cap)
	if err := r.pay(ctx, o.Ledger, "", p.steps...); err != nil {
		return nil, err
	}
	for _, s := range p.steps {
		var err error
		if s.Microdata != nil {
			err = r.runMicrodata(ctx, s, src, o)
		} else {
			err = r.runStatistics(ctx, s, src, acct, o)
		}
		if err != nil {
			r.Close()
			return nil, err
		}
	}
	if err := r.fitTotals(ctx); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// progress returns the callback of one release; nil where nobody listens.
func (o *RunOptions) progress(release string) func(kanon.Progress) {
	if o.Progress == nil {
		return nil
	}
	var mu sync.Mutex
	return func(k kanon.Progress) {
		mu.Lock()
		defer mu.Unlock()
		o.Progress(Progress{Release: release, Stage: k.Stage, Done: k.Done, Total: k.Total})
	}
}
