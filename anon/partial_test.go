package anon

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/dp"
)

// TestPartialStatesAreOneState deals the visits to several machines in two ways
// and demands the bytes of one that saw them all.
func TestPartialStatesAreOneState(t *testing.T) {
	ctx := context.Background()
	policy, err := ParsePolicy([]byte(visitsPolicy), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(visits()), "\n")
	key, err := dp.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	part := func(rows []string) (*Partial, *Plan) {
		t.Helper()
		path := write(t, t.TempDir(), "part.csv", lines[0]+"\n"+strings.Join(rows, "\n")+"\n")
		src, err := arrowio.OpenCSV(ctx, path, policy.CSVOptions())
		if err != nil {
			t.Fatal(err)
		}
		plan, err := policy.Plan(src.Schema())
		if err != nil {
			t.Fatal(err)
		}
		p, err := plan.NewPartial("by_city", key)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Update(ctx, src); err != nil {
			t.Fatal(err)
		}
		return p, plan
	}
	whole, plan := part(lines[1:])
	want, err := whole.State()
	if err != nil {
		t.Fatal(err)
	}
	for _, machines := range []int{2, 7} {
		dealt := make([][]string, machines)
		for i, l := range lines[1:] {
			dealt[i*i%machines] = append(dealt[i*i%machines], l)
		}
		joined, err := plan.NewPartial("by_city", key)
		if err != nil {
			t.Fatal(err)
		}
		for _, rows := range dealt {
			if len(rows) == 0 {
				continue
			}
			p, _ := part(rows)
			state, err := p.State()
			if err != nil {
				t.Fatal(err)
			}
			if err := joined.Merge(state); err != nil {
				t.Fatal(err)
			}
		}
		if got, _ := joined.State(); !bytes.Equal(got, want) {
			t.Errorf("%d machines: the state differs from that of one", machines)
		}
	}
	for _, cut := range []int{0, 10, len(want) / 2} {
		if err := whole.Merge(want[:cut]); !errors.Is(err, ErrInput) {
			t.Errorf("a state cut to %d bytes: %v", cut, err)
		}
	}
	other, err := dp.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := plan.NewPartial("by_city", other)
	if err != nil {
		t.Fatal(err)
	}
	if err := stranger.Merge(want); err == nil || !strings.Contains(err.Error(), "key") {
		t.Errorf("a state of another key: %v", err)
	}
	rel, err := whole.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if names := rel.Names(); len(names) != 1 || names[0] != "by_city" || *rel.Report().Total.Epsilon != "50" {
		t.Errorf("finished as %v at ε = %s", names, *rel.Report().Total.Epsilon)
	}
	if _, err := whole.State(); err == nil {
		t.Error("a finished state was used again")
	}
	if _, err := plan.NewPartial("nothing", key); !errors.Is(err, ErrPlan) {
		t.Errorf("a release that is not declared: %v", err)
	}
}
