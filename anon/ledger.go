package anon

import (
	"context"
	"path/filepath"

	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/dp/ledger"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/report"
)

// pay enters the statistics of a run into a ledger and the ledger into the
// report. key is the fingerprint of partial states, if they are what is
// released. Without a ledger it does nothing.
func (r *Release) pay(ctx context.Context, file, key string, steps ...*step) error {
	var payments []ledger.Payment
	for _, s := range steps {
		if s.Statistics != nil {
			payments = append(payments, ledger.Payment{Release: s.Name, Policy: r.plan.policy.sha256, Key: key, Budget: s.budget})
		}
	}
	switch {
	case file == "":
		return nil
	case len(payments) == 0:
		return fault.Planf("%s: no release of this policy spends a budget, so that there is nothing to enter into a ledger; leave the ledger out", r.plan.policy.file)
	}
	unit, err := r.plan.policy.unitPaid(steps)
	if err != nil {
		return err
	}
	v, err := ledger.Spend(ctx, file, unit, payments...)
	if err != nil {
		return err
	}
	r.report.Ledger = &report.Ledger{Entries: len(v.Entries), Head: v.Head, Cap: totalOf(v.Cap()), Total: totalOf(v.Spent())}
	return nil
}

func totalOf(b dp.Budget) report.Total {
	return report.Total{Epsilon: orNil(b.Epsilon()), Delta: orNil(b.Delta()), Rho: orNil(b.Rho())}
}

// FolderLedger returns what the report of a release folder says of the ledger
// that its statistics were paid from, nil if of none. The error is of kind Input.
func FolderLedger(dir string) (*report.Ledger, error) {
	text, err := readSmall(filepath.Join(dir, reportJSON))
	if err != nil {
		return nil, fault.Inputf("%s: %s can't be read (%s); name a folder that oboro has released", filepath.Base(dir), reportJSON, reason(err))
	}
	r, err := report.Parse(text)
	if err != nil {
		return nil, fault.Inputf("%s: %w", filepath.Base(dir), err)
	}
	return r.Ledger, nil
}
