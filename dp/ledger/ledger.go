package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/internal/fault"
)

// A Header is the first line of a ledger: whom it is about, and how much they
// may lose. Its amounts are exact decimals or fractions: epsilon or rho, and
// delta where it is not 0.
type Header struct {
	Version int    `json:"oboro_ledger"` // 1
	Unit    string `json:"unit"`         // the column that tells people apart, or "row"
	Epsilon string `json:"epsilon,omitempty"`
	Rho     string `json:"rho,omitempty"`
	Delta   string `json:"delta,omitempty"`
}

// Cap is the most that all entries together may cost.
func (h Header) Cap() (dp.Budget, error) { return dp.BudgetOf(h.Epsilon, h.Delta, h.Rho) }

// An Entry is one release that was paid for.
type Entry struct {
	Number  int    `json:"entry"`            // from 1
	Time    string `json:"time"`             // UTC, RFC 3339, for people: nothing depends on it
	Policy  string `json:"policy,omitempty"` // SHA-256 of the policy
	Release string `json:"release"`
	// Key is the fingerprint of the key of a release that was made from partial
	// states. A ledger takes it once: who finishes the same states again gets
	// a refusal.
	Key     string `json:"key,omitempty"`
	Epsilon string `json:"epsilon,omitempty"`
	Rho     string `json:"rho,omitempty"`
	Delta   string `json:"delta,omitempty"`
}

// Budget is what the release cost, in the currency in which it was priced.
func (e Entry) Budget() (dp.Budget, error) { return dp.BudgetOf(e.Epsilon, e.Delta, e.Rho) }

// A Payment is what Spend adds to a ledger.
type Payment struct {
	Release string // its name, in entry and refusal
	Policy  string // SHA-256 of the policy, or ""
	Key     string // see Entry
	Budget  dp.Budget
}

// Create makes the file of an empty ledger for people told apart by a column,
// with a cap. It refuses, with kind fault.Plan, a cap that is no budget and a
// path at which something is; failures to write are of kind fault.Input.
func Create(path, unit string, cap dp.Budget) error {
	if err := cap.AcceptLargeDelta().Validate(); err != nil {
		return fault.Planf("ledger: %w", err)
	}
	if unit == "" {
		return fault.Planf("ledger: name the column that tells people apart; a ledger counts for one kind of unit")
	}
	body, err := json.Marshal(Header{1, unit, cap.Epsilon(), cap.Rho(), nonZero(cap.Delta())})
	if err != nil {
		return fault.Planf("ledger: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return fault.Planf("ledger %s exists already; spend from it, or choose another name", filepath.Base(path))
	} else if err != nil {
		return failed(path, "created", err)
	}
	_, err = f.Write(line(genesis, body))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return failed(path, "created", err)
	}
	return syncDir(filepath.Dir(path))
}

// Spend adds entries for all payments, or refuses and changes nothing, and
// returns when the entries have reached the disk. Call it before the noise of
// the releases is drawn. Of several processes that spend at the same time each
// waits for its turn, until ctx ends.
//
// What does not fit is refused with a *dp.BudgetError, a payment in ρ under a
// cap in ε, another unit than the ledger's, and a key that has been paid for,
// with kind fault.Plan. A file that cannot be read, locked or written is of kind
// fault.Input; what was written before such a failure may count. A line that is
// not what was once written is of kind fault.Data. See Verify.
func Spend(ctx context.Context, path, unit string, payments ...Payment) (*Verified, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fault.Planf("ledger %s does not exist; make one with its cap (oboro ledger create), once for the same people", filepath.Base(path))
	} else if err != nil {
		return nil, failed(path, "opened", err)
	}
	defer f.Close()
	if err := lock(ctx, f); err != nil {
		return nil, failed(path, "locked", err)
	}
	// The lock is that of the file that was opened, whatever its name is now.
	at, err := os.Stat(path)
	here, err2 := f.Stat()
	if err = errors.Join(err, err2); err != nil || !os.SameFile(at, here) {
		return nil, failed(path, "locked", errors.Join(err, errors.New("another file took its place")))
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, failed(path, "read", err)
	}
	v, err := verify(filepath.Base(path), text)
	if err != nil {
		return nil, err
	}
	if v.Header.Unit != unit {
		return nil, fault.Planf("ledger %s counts for people told apart by %q and this release for %q; losses of different units do not add, use a ledger of that unit", v.name, v.Header.Unit, unit)
	}
	added, err := v.add(time.Now(), payments)
	if err != nil || len(added) == 0 {
		return v, err
	}
	if v.open { // a whole line without its end
		added = append([]byte{'\n'}, added...)
	}
	return v, write(f, path, v.size, added)
}

// write appends to the whole lines of the file, and makes it last.
func write(f *os.File, path string, size int64, added []byte) error {
	// What a stopped program left of a line goes first: no release followed it.
	if err := f.Truncate(size); err != nil {
		return failed(path, "written", err)
	}
	if _, err := f.WriteAt(added, size); err != nil {
		err = errors.Join(err, f.Truncate(size), f.Sync())
		return failed(path, "written", err)
	}
	if err := f.Sync(); err != nil {
		return failed(path, "written", err)
	}
	return nil
}

// add appends payments to the entries and returns their lines.
func (v *Verified) add(now time.Time, payments []Payment) ([]byte, error) {
	var added []byte
	for _, p := range payments {
		for _, e := range v.Entries {
			if p.Key != "" && e.Key == p.Key && e.Release == p.Release {
				return nil, fault.Planf("%s: the release of these partial states was paid for in entry %d of ledger %s and may have been published; make new states with a new key", p.Release, e.Number, v.name)
			}
		}
		if err := v.acct.Spend(p.Release, p.Budget); err != nil {
			var short *dp.BudgetError
			if errors.As(err, &short) {
				return nil, fault.Budgetf("ledger %s: %w of %s (entries so far: %d); lower the budget of this run, or decide that these people may lose more", v.name, short, v.acct.Cap(), len(v.Entries))
			}
			return nil, fault.Planf("ledger %s: %w", v.name, err)
		}
		b := p.Budget
		e := Entry{
			Number: len(v.Entries) + 1, Time: now.UTC().Format(time.RFC3339), Policy: p.Policy, Release: p.Release, Key: p.Key,
			Epsilon: b.Epsilon(), Rho: b.Rho(), Delta: nonZero(b.Delta()),
		}
		body, err := json.Marshal(e)
		if err != nil {
			return nil, fault.Planf("ledger: %w", err)
		}
		l := line(v.Head, body)
		v.Head, v.heads = string(l[:hashLength]), append(v.heads, string(l[:hashLength]))
		v.Entries, added = append(v.Entries, e), append(added, l...)
	}
	return added, nil
}

func nonZero(delta string) string {
	if delta == "0" {
		return ""
	}
	return delta
}

// failed is an error of kind Input that names the file and not its folder.
func failed(path, what string, err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fault.Inputf("ledger %s can't be %s: %w", filepath.Base(path), what, err)
}

// syncDir makes the name of a new file last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return failed(dir, "read", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return failed(dir, "written", err)
	}
	return nil
}

// String is one line for every entry, for people.
func (e Entry) String() string {
	b, err := e.Budget()
	if err != nil {
		return fmt.Sprintf("%4d  %s  %s", e.Number, e.Time, e.Release)
	}
	return fmt.Sprintf("%4d  %s  %s: %s", e.Number, e.Time, e.Release, b)
}
