package measure

import (
	"errors"
	"testing"
	"time"
)

func TestMedianAndSpread(t *testing.T) {
	var r Result
	for _, ms := range []int{50, 10, 20, 40, 30} {
		r.Samples = append(r.Samples, Sample{Wall: time.Duration(ms) * time.Millisecond})
	}
	if m := r.Median(Wall); m != 30*time.Millisecond {
		t.Errorf("median %v", m)
	}
	if s := r.Spread(Wall); s < 0.333 || s > 0.334 { // (40-20)/2/30
		t.Errorf("spread %v", s)
	}
}

func TestCompareTakesTurns(t *testing.T) {
	var order string
	mark := func(s string) func() error { return func() error { order += s; return nil } }
	results, err := Compare(4, Contender{Name: "a", Run: mark("a")}, Contender{Name: "b", Run: mark("b"), Slow: true})
	if err != nil || order != "aabaaab" {
		t.Errorf("order %s, %v", order, err)
	}
	if len(results[0].Samples) != 4 || len(results[1].Samples) != 2 {
		t.Errorf("%d and %d samples", len(results[0].Samples), len(results[1].Samples))
	}
	broken := errors.New("broken")
	if _, err := Compare(1, Contender{Name: "c", Run: func() error { return broken }}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
