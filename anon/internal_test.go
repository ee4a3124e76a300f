package anon

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oboro-data/oboro/report"
)

func TestCountError(t *testing.T) {
	// Errors 2, 0, 5 over 10, 4, 0 (which counts as 1): relative 0.2, 0, 5.
	got := countError("n", "count", []float64{12, 4, -5}, []float64{10, 4, 0})
	want := report.CountError{As: "n", Kind: "count", Groups: 3, MeanAbsolute: 7. / 3, MaxAbsolute: 5, MeanRelative: 5.2 / 3, MedianRelative: 0.2, Bias: -1}
	for _, d := range []float64{got.MeanAbsolute - want.MeanAbsolute, got.MeanRelative - want.MeanRelative, got.Bias - want.Bias} {
		if d > 1e-12 || d < -1e-12 {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	if got.MaxAbsolute != 5 || got.MedianRelative != 0.2 || got.Groups != 3 {
		t.Errorf("%+v, want %+v", got, want)
	}
	if none := countError("n", "count", nil, nil); none != (report.CountError{As: "n", Kind: "count"}) {
		t.Errorf("of no group: %+v", none)
	}
}

func TestCompareSizes(t *testing.T) {
	got := compareSizes([]int64{1, 1, 2, 4}, []int64{2000, 999, 1001})
	want := map[int64][2]float64{1: {0.25, 0}, 2: {0.25, 0}, 3: {0.5, 0}, 100: {0, 999. / 4000}, 1000: {0, 3001. / 4000}}
	for _, b := range got {
		if diff := cmp.Diff(want[b.From], [2]float64{b.Input, b.Released}); diff != "" {
			t.Errorf("classes from %d: %s", b.From, diff)
		}
	}
}
