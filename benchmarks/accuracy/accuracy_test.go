package main

import (
	"context"
	"encoding/xml"
	"io"
	"math"
	"strings"
	"testing"
	"time"
)

func TestEstimates(t *testing.T) {
	e := rootMeanSquare([]float64{3, -3, 3, -3})
	if e.figure != 3 || e.relative != 0 || e.trials != 4 {
		t.Errorf("root mean square %+v, want 3 without error", e)
	}
	// |errors| 1 and 3: mean 2, variance of the mean 2/2.
	if m := meanAbsolute([]float64{-1, 3}); m.figure != 2 || math.Abs(m.relative-0.5) > 1e-12 {
		t.Errorf("mean absolute error %+v, want 2 and relative 0.5", m)
	}
	c := comparison{Ours: estimate{2, 0.03, 9}, Theirs: estimate{3, 0.04, 9}}
	if c.ratio() != 1.5 || math.Abs(c.margin()-0.15) > 1e-12 {
		t.Errorf("ratio %v ± %v, want 1.5 ± 0.15", c.ratio(), c.margin())
	}
}

// One experiment of each kind, in few trials, gives figures; the page and the
// chart hold them.
func TestPage(t *testing.T) {
	var results []comparison
	for _, group := range experiments(20) {
		c, err := group[0](context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if !(c.Ours.figure > 0) || !(c.Theirs.figure > 0) || c.Ours.trials < 2 || c.Theirs.trials < 2 {
			t.Errorf("%s: %+v and %+v are no measurement", c.Statistic, c.Ours, c.Theirs)
		}
		results = append(results, c)
	}
	page, svg := markdown(results, time.Second), chart(results)
	for _, c := range results {
		if !strings.Contains(page, c.Setting) || !strings.Contains(svg, c.Setting) {
			t.Errorf("%s: the page or the chart leaves it out", c.Statistic)
		}
	}
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal("the chart is no XML:", err)
		}
	}
}
