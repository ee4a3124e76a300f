package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/oboro-data/oboro/anon"
	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/dp/ledger"
	"github.com/oboro-data/oboro/internal/fault"
)

type ledgerCommand struct {
	Create ledgerCreateCommand `cmd:"" help:"Make an empty ledger with a cap."`
	Verify ledgerVerifyCommand `cmd:"" help:"Recount a ledger, and look up what release folders say of it."`
}

type ledgerCreateCommand struct {
	File    string `arg:"" help:"Ledger to make."`
	Unit    string `help:"Column that tells people apart, as in the policies; row if they have none." placeholder:"COLUMN" required:""`
	Epsilon string `help:"The most that all runs together may spend, a decimal or a fraction." placeholder:"NUMBER"`
	Delta   string `help:"Its delta." placeholder:"NUMBER"`
	Rho     string `help:"The cap in rho, in place of epsilon." placeholder:"NUMBER"`
}

// Run makes the file.
func (c *ledgerCreateCommand) Run(s *session) error {
	cap, err := dp.BudgetOf(c.Epsilon, c.Delta, c.Rho)
	if err == nil {
		err = cap.Validate()
	}
	if err != nil {
		return fault.Planf("%w: --epsilon or --rho, and --delta", err)
	}
	if err := ledger.Create(c.File, c.Unit, cap); err != nil {
		return err
	}
	return s.print(fmt.Sprintf("%s holds %s for people told apart by %q.\n\nRun   oboro run POLICY --input FILE --out DIR --ledger %s\n", c.File, cap, c.Unit, c.File))
}

type ledgerVerifyCommand struct {
	File string   `arg:"" help:"Ledger."`
	Dir  []string `arg:"" optional:"" help:"Release folders that were paid from it."`
}

// Run recounts the ledger and looks the folders up in it.
func (c *ledgerVerifyCommand) Run(s *session) error {
	v, err := ledger.Verify(c.File)
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s is verified.\n\n", c.File)
	for _, e := range v.Entries {
		fmt.Fprintln(&b, e)
	}
	if v.Torn {
		fmt.Fprintln(&b, "      what a stopped run left of an entry, which no release followed")
	}
	fmt.Fprintf(&b, "unit  %s\nspent %s\nof    %s\nhead  %s\n", v.Header.Unit, v.Spent(), v.Cap(), v.Head)
	for _, dir := range c.Dir {
		l, err := anon.FolderLedger(dir)
		switch {
		case err != nil:
			return err
		case l == nil:
			return fault.Dataf("%s was not paid from a ledger", filepath.Base(dir))
		case !v.Holds(l.Entries, l.Head):
			return fault.Dataf("%s was paid with entry %d of another ledger, or of a newer copy of this one", filepath.Base(dir), l.Entries)
		}
		fmt.Fprintf(&b, "%s was paid with entry %d\n", dir, l.Entries)
	}
	return s.print(b.String())
}
