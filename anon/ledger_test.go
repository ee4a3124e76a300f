package anon

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/dp/ledger"
)

// withLedger plans the visits and makes a ledger for them.
func withLedger(t *testing.T, unit string, cap dp.Budget) (run func() (*Release, error), file string, plan *Plan) {
	t.Helper()
	p, err := ParsePolicy([]byte(visitsPolicy), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	src, err := arrowio.OpenCSV(t.Context(), write(t, t.TempDir(), "input.csv", visits()), p.CSVOptions())
	if err != nil {
		t.Fatal(err)
	}
	if plan, err = p.Plan(src.Schema()); err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "people.ledger")
	if err := ledger.Create(file, unit, cap); err != nil {
		t.Fatal(err)
	}
	return func() (*Release, error) { return plan.Run(context.Background(), src, RunOptions{Ledger: file}) }, file, plan
}

// Runs add up in the ledger, a run that does not fit is refused as a whole
// before a row is read, and the report says how far things are.
func TestLedgerOverRuns(t *testing.T) {
	run, file, _ := withLedger(t, "user", dp.Approx(200, 1e-6))
	for i, want := range []string{"75", "150"} {
		rel, err := run()
		if err != nil {
			t.Fatal(err)
		}
		l := rel.Report().Ledger
		if l == nil || *l.Total.Epsilon != want || *l.Cap.Epsilon != "200" || l.Entries != 2*(i+1) {
			t.Fatalf("run %d: %+v", i, l)
		}
		if md := string(rel.Report().Markdown()); strings.Contains(md, "A further run on the same people adds again") {
			t.Error("the report says that its budget counts one run only")
		}
		for _, format := range []arrowio.Format{arrowio.CSVFormat} {
			dir := folder(t, rel, format)
			if _, err := VerifyDir(context.Background(), dir); err != nil {
				t.Fatal(err)
			}
			if again, err := FolderLedger(dir); err != nil || again.Head != l.Head {
				t.Errorf("%+v, %v", again, err)
			}
		}
		if text := rel.Report().Summary(); !strings.Contains(text, "ε = "+want) || !strings.Contains(text, "at most ε = 200") {
			t.Errorf("the summary hides the total:\n%s", text)
		}
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := run(); !errors.Is(err, ErrBudget) || !strings.Contains(err.Error(), "people.ledger") {
		t.Errorf("a third run: %v", err)
	}
	if after, err := os.ReadFile(file); err != nil || string(after) != string(before) {
		t.Error("a refused run has spent")
	}
	v, err := ledger.Verify(file)
	if err != nil || len(v.Entries) != 4 || v.Entries[3].Release != "known" || len(v.Find(v.Entries[0].Policy)) != 4 {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestLedgerOfAnotherUnit(t *testing.T) {
	run, _, _ := withLedger(t, "account", dp.Approx(200, 1e-6))
	if _, err := run(); !errors.Is(err, ErrPlan) || !strings.Contains(err.Error(), `"account"`) {
		t.Errorf("%v", err)
	}
}

// The same partial states are finished once: in this process without a ledger,
// with one in every process.
func TestFinishedOnce(t *testing.T) {
	_, file, plan := withLedger(t, "user", dp.Approx(500, 1e-6))
	key, err := dp.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	raw := key.Bytes()
	part := func(o RunOptions) *Partial {
		t.Helper()
		k, err := dp.KeyFromBytes(raw)
		if err != nil {
			t.Fatal(err)
		}
		p, err := plan.NewPartial("by_city", k, o)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	rel, err := part(RunOptions{Ledger: file}).Finish()
	if err != nil || *rel.Report().Ledger.Total.Epsilon != "50" {
		t.Fatalf("%v", err)
	}
	if _, err := part(RunOptions{}).Finish(); !errors.Is(err, ErrPlan) || !strings.Contains(err.Error(), "finished already") {
		t.Errorf("a second time in this process: %v", err)
	}
	finished.Clear() // as another process sees it
	if _, err := part(RunOptions{Ledger: file}).Finish(); !errors.Is(err, ErrPlan) || !strings.Contains(err.Error(), "entry 1") {
		t.Errorf("a second time in another process: %v", err)
	}
}
