package googlenoise

import (
	"context"
	"math"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/google/differential-privacy/go/v3/dpagg"
	"github.com/google/differential-privacy/go/v3/noise"

	"github.com/oboro-data/oboro/dp/dptest"
)

// silent is the library's noise interface without noise.
type silent struct{ noise.Noise }

func (silent) AddNoiseFloat64(x float64, _ int64, _, _, _ float64) (float64, error) { return x, nil }

// V3: the exact sensitivity check finds that the library's sum of floats
// changes by more than its declared sensitivity of 1 when one value within
// [-1, 1] is added to a table (Casacuberta, Shoemate, Vadhan and Wagaman 2022).
//
// The table: 2^k - 1 ones, then 2^(k-1) pairs (+0.6u, -0.4u), u = 2^(k-52). With
// one more 1 in front the sum has reached 2^k, where floats are u apart: every
// +0.6u rounds to u and every -0.4u to nothing. Without it they are u/2 apart
// and cancel. The change is 1 + 2^(2k-53); k = 20 shows it in a million rows.
func TestRediscoversFloatSums(t *testing.T) {
	const k = 20
	u := math.Exp2(k - 52)
	values := []float64{1, -1, 0.5}
	change := dptest.Sensitivity(1, len(values), 1, func(table []dptest.Row) []float64 {
		sum, err := dpagg.NewBoundedSumFloat64(&dpagg.BoundedSumFloat64Options{
			Epsilon: 1, MaxPartitionsContributed: 1, Lower: -1, Upper: 1, Noise: silent{noise.Laplace()},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range table {
			sum.Add(values[r.Value])
		}
		for range 1<<k - 1 {
			sum.Add(1)
		}
		for range 1 << (k - 1) {
			sum.Add(0.6 * u)
			sum.Add(-0.4 * u)
		}
		s, err := sum.Result()
		if err != nil {
			t.Fatal(err)
		}
		return []float64{s}
	})
	if want := 1 + math.Exp2(2*k-53); change.Linf != want {
		t.Errorf("the sum changes by %v, want %v", change.Linf, want)
	}
}

// D1: the library does not return where the product of its sensitivities
// overflows. It is called in a process of its own, which is ended after two
// seconds; the guarded backend refuses the same input (TestGuards).
func TestRediscoversOverflow(t *testing.T) {
	const variable = "OBORO_TEST_OVERFLOW"
	if os.Getenv(variable) != "" {
		noise.Laplace().AddNoiseInt64(0, 2, 1<<62, 1, 0)
		return
	}
	if testing.Short() {
		t.Skip("short: waits two seconds for a call that never returns")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestRediscoversOverflow$")
	cmd.Env = append(os.Environ(), variable+"=1")
	if err := cmd.Run(); ctx.Err() == nil {
		t.Errorf("the call returned (%v): the guard may no longer be needed", err)
	}
}
