package ledger

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/internal/fault"
)

// A child process of a test spends one after another, and says so after each.
func TestMain(m *testing.M) {
	path := os.Getenv("OBORO_LEDGER_CHILD")
	if path == "" {
		os.Exit(m.Run())
	}
	for {
		_, err := Spend(context.Background(), path, "id", pay("child", dp.Pure(1)))
		if errors.Is(err, fault.Budget) {
			os.Exit(0)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println("spent")
	}
}

func pay(name string, b dp.Budget) Payment { return Payment{Release: name, Budget: b} }

func newLedger(t testing.TB, cap dp.Budget) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "people.ledger")
	if err := Create(path, "id", cap); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func put(t testing.TB, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// spent makes a ledger with four spends and returns its text and the length it
// had when each of them returned.
func spent(t testing.TB, path string) (text []byte, ends []int) {
	t.Helper()
	for i := range 4 {
		v, err := Spend(t.Context(), path, "id", pay("release "+strconv.Itoa(i), dp.Approx(0.25, 1e-9)))
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("ε=%v, δ=%de-9", 0.25*float64(i+1), i+1); v.Spent().String() != want {
			t.Fatalf("%v after %d, want %v", v.Spent(), i+1, want)
		}
		ends = append(ends, len(read(t, path)))
	}
	return read(t, path), ends
}

// Wherever writing stops, no release that could have been made is forgotten:
// every entry whose Spend had returned is there, the ledger can be spent from,
// and never beyond its cap. The blocks that a file system had not written may
// be missing or read as zeros.
func TestStoppedAtEveryByte(t *testing.T) {
	path := newLedger(t, dp.Approx(1.5, 1e-6))
	header := len(read(t, path))
	text, ends := spent(t, path)
	for n := header; n <= len(text); n++ {
		returned := 0
		for returned < len(ends) && ends[returned] <= n {
			returned++
		}
		for _, zeros := range []int{0, len(text) - n} {
			put(t, path, append(text[:n:n], make([]byte, zeros)...))
			v, err := Verify(path)
			if err != nil {
				t.Fatalf("stopped at byte %d: %v", n, err)
			}
			if len(v.Entries) < returned || len(v.Entries) > returned+1 {
				t.Fatalf("stopped at byte %d: %d entries, %d spends had returned", n, len(v.Entries), returned)
			}
			if n%6 > 0 && n-header > 90 && n < ends[3]-3 { // what follows waits for the disk
				continue
			}
			if _, err := Spend(t.Context(), path, "id", pay("next", dp.Approx(0.5, 1e-9))); err != nil {
				t.Fatalf("stopped at byte %d: %v", n, err)
			}
			w, err := Verify(path)
			if err != nil || len(w.Entries) != len(v.Entries)+1 || w.Torn {
				t.Fatalf("stopped at byte %d, spent again: %v", n, err)
			}
			if len(v.Entries) == 4 {
				if _, err := Spend(t.Context(), path, "id", pay("more", dp.Pure(0.1))); !errors.Is(err, fault.Budget) {
					t.Fatalf("spent beyond the cap: %v", err)
				}
			}
		}
	}
	for n := range header - 1 {
		put(t, path, text[:n])
		if _, err := Verify(path); !errors.Is(err, fault.Data) {
			t.Fatalf("a header of %d bytes: %v", n, err)
		}
	}
}

// A changed, missing, doubled or moved line is refused, by Verify and by Spend.
func TestChangedLedgerIsRefused(t *testing.T) {
	path := newLedger(t, dp.Approx(1.5, 1e-6))
	text, _ := spent(t, path)
	refused := func(what string, changed []byte) {
		t.Helper()
		put(t, path, changed)
		if _, err := Verify(path); !errors.Is(err, fault.Data) {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := Spend(t.Context(), path, "id", pay("x", dp.Pure(0.1))); !errors.Is(err, fault.Data) {
			t.Errorf("%s, spent from: %v", what, err)
		}
		if !bytes.Equal(read(t, path), changed) {
			t.Errorf("%s: the refusal changed the file", what)
		}
	}
	for i := range text {
		changed := bytes.Clone(text)
		if changed[i] ^= 1; i == len(text)-1 { // the last newline: nothing is lost
			put(t, path, changed)
			if v, err := Verify(path); err != nil || len(v.Entries) != 4 {
				t.Errorf("without its last newline: %v", err)
			}
			continue
		}
		refused("byte "+strconv.Itoa(i), changed)
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	refused("without line 2", bytes.Join([][]byte{lines[0], lines[2], lines[3]}, nil))
	refused("line 2 doubled", bytes.Join([][]byte{lines[0], lines[1], lines[1], lines[2]}, nil))
	refused("lines changed places", bytes.Join([][]byte{lines[0], lines[2], lines[1], lines[3]}, nil))
	refused("empty", nil)
	// Entries that are well hashed and wrong.
	head := string(lines[0][:hashLength])
	for what, body := range map[string]string{
		"number":       `{"entry":2,"time":"","release":"x","epsilon":"1"}`,
		"over the cap": `{"entry":1,"time":"","release":"x","epsilon":"2"}`,
		"a refund":     `{"entry":1,"time":"","release":"x","epsilon":"-1"}`,
		"no budget":    `{"entry":1,"time":"","release":"x"}`,
		"a new field":  `{"entry":1,"time":"","release":"x","epsilon":"1","price":"0"}`,
	} {
		refused(what, append(bytes.Clone(lines[0]), line(head, []byte(body))...))
	}
	refused("a newer header", line(genesis, []byte(`{"oboro_ledger":2,"unit":"id","epsilon":"1"}`)))
}

// An older copy is a valid ledger; the hash in a report tells it from the
// present one.
func TestOlderCopyIsTold(t *testing.T) {
	path := newLedger(t, dp.Approx(1.5, 1e-6))
	text, ends := spent(t, path)
	v, err := Verify(path)
	if err != nil || !v.Holds(4, v.Head) || v.Holds(3, v.Head) || v.Holds(9, v.Head) {
		t.Fatal(err)
	}
	put(t, path, text[:ends[2]])
	if old, err := Verify(path); err != nil || old.Holds(4, v.Head) {
		t.Errorf("an older copy holds what it lacks: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	path := newLedger(t, dp.Approx(1, 1e-6))
	for _, c := range []struct {
		what, says string
		unit       string
		kind       error
		payments   []Payment
	}{
		{"another unit", "use a ledger of that unit", "account", fault.Plan, []Payment{pay("x", dp.Pure(0.1))}},
		{"beyond the cap", "remains of ε=1", "id", fault.Budget, []Payment{pay("x", dp.Pure(0.6)), pay("y", dp.Pure(0.5))}},
		{"ρ under ε", "convert its price", "id", fault.Plan, []Payment{pay("x", dp.ZCDP(0.1, 1e-9))}},
		{"no budget", "greater than 0", "id", fault.Plan, []Payment{pay("x", dp.Pure(0))}},
	} {
		before := read(t, path)
		_, err := Spend(t.Context(), path, c.unit, c.payments...)
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.what, err)
		}
		if !bytes.Equal(before, read(t, path)) {
			t.Errorf("%s: the refusal changed the file", c.what)
		}
	}
	if err := Create(path, "id", dp.Pure(1)); !errors.Is(err, fault.Plan) {
		t.Errorf("made over another: %v", err)
	}
	if err := Create(path+"2", "", dp.Pure(1)); !errors.Is(err, fault.Plan) {
		t.Errorf("without a unit: %v", err)
	}
	if err := Create(path+"2", "id", dp.Budget{}); !errors.Is(err, fault.Plan) {
		t.Errorf("without a cap: %v", err)
	}
	if _, err := Spend(t.Context(), path+"2", "id"); !errors.Is(err, fault.Plan) || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("without a file: %v", err)
	}
	if err := Create(filepath.Join(path, "x"), "id", dp.Pure(1)); !errors.Is(err, fault.Input) || strings.Contains(err.Error(), filepath.Dir(path)) {
		t.Errorf("below a file: %v", err)
	}
}

// A key is paid for once for each release.
func TestKeysAreTakenOnce(t *testing.T) {
	path := newLedger(t, dp.Pure(3))
	p := Payment{Release: "a", Key: "00ff", Budget: dp.Pure(1)}
	if _, err := Spend(t.Context(), path, "id", p); err != nil {
		t.Fatal(err)
	}
	if _, err := Spend(t.Context(), path, "id", p); !errors.Is(err, fault.Plan) || !strings.Contains(err.Error(), "entry 1") {
		t.Errorf("a second time: %v", err)
	}
	p.Release = "b"
	if _, err := Spend(t.Context(), path, "id", p); err != nil {
		t.Errorf("another release: %v", err)
	}
}

// A cap in ρ takes payments in ε at ε²/2, exactly.
func TestCapInRho(t *testing.T) {
	path := newLedger(t, dp.ZCDP(0.5, 1e-6))
	for range 4 {
		if _, err := Spend(t.Context(), path, "id", pay("x", dp.Approx(0.5, 1e-8))); err != nil {
			t.Fatal(err)
		}
	}
	v, err := Spend(t.Context(), path, "id")
	if err != nil || v.Spent().Rho() != "0.5" || len(v.Entries) != 4 || v.Entries[0].Epsilon != "0.5" {
		t.Errorf("%v, %v", v, err)
	}
	if _, err := Spend(t.Context(), path, "id", pay("x", dp.ZCDP(1e-9, 0))); !errors.Is(err, fault.Budget) {
		t.Error(err)
	}
}

// Goroutines and processes that spend at once never spend more than the cap,
// and lose nothing; those that are killed lose nothing that they had spent.
func TestManySpend(t *testing.T) {
	const cap = 60
	path := newLedger(t, dp.Pure(cap))
	var done sync.WaitGroup
	var mu sync.Mutex
	said := 0
	child := func(kill time.Duration) {
		defer done.Done()
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), "OBORO_LEDGER_CHILD="+path)
		c.Stderr = os.Stderr
		out, err := c.StdoutPipe()
		if err = errors.Join(err, c.Start()); err != nil {
			t.Error(err)
			return
		}
		if kill > 0 {
			time.AfterFunc(kill, func() { c.Process.Kill() })
		}
		for s := bufio.NewScanner(out); s.Scan(); {
			mu.Lock()
			said++
			mu.Unlock()
		}
		if err := c.Wait(); err != nil && kill == 0 {
			t.Error(err)
		}
	}
	done.Add(5)
	for i := range 5 {
		go child(time.Duration(i/2) * 15 * time.Millisecond)
	}
	for range 10 {
		done.Go(func() {
			if _, err := Spend(t.Context(), path, "id", pay("goroutine", dp.Pure(1))); err == nil {
				mu.Lock()
				said++
				mu.Unlock()
			} else if !errors.Is(err, fault.Budget) {
				t.Error(err)
			}
		})
	}
	done.Wait()
	v, err := Verify(path)
	// Three of the children may have been killed between their spend and what
	// they said of it.
	if err != nil || len(v.Entries) != cap || said < cap-3 || said > cap {
		t.Errorf("%d entries, %d spends said; %v", len(v.Entries), said, err)
	}
}

// Waiting for a lock ends with the context.
func TestWaitingEnds(t *testing.T) {
	path := newLedger(t, dp.Pure(1))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := lock(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer stop()
	if _, err := Spend(ctx, path, "id", pay("x", dp.Pure(1))); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want the end of waiting", err)
	}
}

func FuzzVerify(f *testing.F) {
	header := line(genesis, []byte(`{"oboro_ledger":1,"unit":"id","epsilon":"1"}`))
	f.Add(header)
	f.Add(append(bytes.Clone(header), line(string(header[:hashLength]), []byte(`{"entry":1,"time":"","release":"x","epsilon":"1/3"}`))...))
	f.Add(append(bytes.Clone(header), "0123"...))
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := verify("x", text)
		if err != nil {
			if !errors.Is(err, fault.Data) {
				t.Fatal(err)
			}
			return
		}
		if !v.Spent().IsZero() && !v.Spent().AtMost(v.Cap()) || len(v.heads) != len(v.Entries)+1 || v.size > int64(len(text)) {
			t.Fatalf("%d entries, %v of %v", len(v.Entries), v.Spent(), v.Cap())
		}
	})
}

// The format, to the byte: a reader of another program relies on it.
func TestFormat(t *testing.T) {
	path := newLedger(t, dp.Approx(2, 1e-6))
	const header = `{"oboro_ledger":1,"unit":"id","epsilon":"2","delta":"0.000001"}`
	if got := string(read(t, path)); got != "6431ae580afc943f1e13b7738ec2d593c8a347e0d44efd4337287803add271c4 "+header+"\n" {
		t.Errorf("%s", got)
	}
	v, err := Spend(t.Context(), path, "id", Payment{Release: "by_city", Policy: "ab", Budget: dp.Approx(0.5, 1e-8)})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(v.Entries[0])
	if err != nil {
		t.Fatal(err)
	}
	want := `{"entry":1,"time":"` + v.Entries[0].Time + `","policy":"ab","release":"by_city","epsilon":"0.5","delta":"1e-8"}`
	if string(text) != want || !strings.HasSuffix(string(read(t, path)), want+"\n") || len(v.Find("ab")) != 1 || len(v.Find("")) != 0 {
		t.Errorf("%s", text)
	}
}
