package measure

import (
	"errors"
	"math"
	"testing"
	"time"
)

func resultOf(ms ...int) Result {
	var r Result
	for _, m := range ms {
		r.Samples = append(r.Samples, Sample{Wall: time.Duration(m) * time.Millisecond})
	}
	return r
}

func TestMedianAndSpread(t *testing.T) {
	r := resultOf(50, 10, 20, 40, 30)
	if m := r.Median(Wall); m != 30*time.Millisecond {
		t.Errorf("median %v", m)
	}
	if s := r.Spread(Wall); s < 0.333 || s > 0.334 { // (40-20)/2/30
		t.Errorf("spread %v", s)
	}
}

// A machine that gets slower and slower does not move the ratio.
func TestRatioIsOfRounds(t *testing.T) {
	ratio, spread := Ratio(resultOf(10, 20, 30, 40), resultOf(20, 40, 60, 80), Wall)
	if ratio != 0.5 || spread != 0 {
		t.Errorf("ratio %v ± %v", ratio, spread)
	}
}

func TestThen(t *testing.T) {
	r := Then("both", resultOf(10, 20), resultOf(1, 2))
	if r.Samples[0].Wall != 11*time.Millisecond || r.Samples[1].Wall != 22*time.Millisecond {
		t.Errorf("%v", r.Samples)
	}
}

func TestCompareTakesTurns(t *testing.T) {
	var order string
	mark := func(s string) func() error { return func() error { order += s; return nil } }
	results, err := Compare(3, Contender{Name: "a", Run: mark("a")}, Contender{Name: "b", Run: mark("b"), Cold: true}, Contender{Name: "c", Run: mark("c"), Cold: true, Rounds: 1})
	if err != nil || order != "aabcabab" {
		t.Errorf("order %s, %v", order, err)
	}
	if len(results[0].Samples) != 3 || len(results[1].Samples) != 3 || len(results[2].Samples) != 1 {
		t.Errorf("%d and %d samples", len(results[0].Samples), len(results[1].Samples))
	}
	broken := errors.New("broken")
	if _, err := Compare(1, Contender{Name: "c", Run: func() error { return broken }}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

var kept []byte

// TestPeakLive allocates garbage and something that is reachable for a while:
// only the latter counts.
func TestPeakLive(t *testing.T) {
	peak, err := PeakLive(func() error {
		for range 64 {
			kept = make([]byte, 1<<20)
		}
		kept = make([]byte, 32<<20)
		live()
		kept = nil
		return nil
	})
	if err != nil || math.Abs(float64(peak)/(32<<20)-1) > 0.1 {
		t.Errorf("peak of %d bytes, %v; want about 32 MiB", peak, err)
	}
}

var object *int

func TestAllocs(t *testing.T) {
	results, err := Compare(3, Contender{Name: "a", Run: func() error {
		for i := range 1000 {
			object = &i
		}
		return nil
	}})
	if err != nil || results[0].Allocs() < 1000 || results[0].Allocs() > 1100 {
		t.Errorf("%d allocations, %v; want about 1,000", results[0].Allocs(), err)
	}
}
