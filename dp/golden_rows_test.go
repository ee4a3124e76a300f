package dp

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/internal/exact"
	"github.com/oboro-data/oboro/internal/golden"
	"github.com/oboro-data/oboro/internal/noise"
)

// What the other library does to one value before noise, a plan does to the
// rows and totals of a sum.

// roundToGrid rounds a value as a row is rounded to the grid of its column.
func roundToGrid(c golden.Case) string {
	x, step := c.Inputs.Num("x"), c.Inputs.Num("granularity")
	r, ok := exact.FromBinary(step)
	if !ok {
		return refused
	}
	g := newGrid(r)
	steps := g.round(x)
	if c.Category == "round_to_multiple" {
		steps = g.roundInt(int64(x))
	}
	if math.Abs(x/step) >= maxStep {
		return refused
	}
	if f := x / step; f-math.Floor(f) == 0.5 && g.value(int128Of(steps)) != c.Expected.Num("want") {
		return "absent: a tie, which goes to even or away from 0 here"
	}
	return c.Near(g.value(int128Of(steps)), c.Expected.Num("want"), 0)
}

// sumPlan is the plan of a sum without groups, of rows that are units, in a
// column x of the given type.
func sumPlan(dt arrow.DataType, lower, upper float64) (*Plan, error) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "x", Type: dt}}, nil)
	return NewPlan(&Query{
		UnitIsRow: true, Bounds: ContributionBounds{MaxGroups: 1},
		Aggregates: []Aggregate{Sum{As: "s", Column: "x", Lower: lower, Upper: upper, Resolution: 1.0 / 1024}},
	}, schema, Pure(1))
}

// clampTotal adds one row to a sum.
func clampTotal(t *testing.T, dt arrow.DataType) golden.Check {
	return func(c golden.Case) string {
		in := c.Inputs
		lower, upper := in.Num("lower"), in.Num("upper")
		p, err := sumPlan(dt, lower, upper)
		switch wrong, _ := c.Expected["wantErr"].(bool); {
		case wrong && err == nil:
			return "accepted"
		case wrong:
			return ""
		case err != nil && lower == upper:
			return "absent: a range of one value is refused up front"
		case err != nil:
			return err.Error()
		}
		x, _, err := array.FromJSON(memory.DefaultAllocator, dt, strings.NewReader(fmt.Sprintf("[%v]", in["valueToClamp"])))
		if err != nil {
			return err.Error()
		}
		rec := arrowRecord([]arrow.Field{{Name: "x", Type: dt}}, []arrow.Array{x}, 1)
		a := accumulate(t, p, rec)
		got := p.statistics[0].(*sum).grid.value(a.tallies(1).sums[0].of(0))
		return c.Near(got, c.Expected.Num("want"), 0)
	}
}

// sumSensitivity is the most by which one unit changes a sum; the range is
// that of the unit's total, so several rows of the other library's range are
// as many times that range.
func sumSensitivity(dt arrow.DataType) golden.Check {
	return func(c golden.Case) string {
		in := c.Inputs
		rows := in.Num("maxContributionsPerPartition")
		p, err := sumPlan(dt, rows*in.Num("lower"), rows*in.Num("upper"))
		if wrong, _ := c.Expected["wantErr"].(bool); wrong {
			if err == nil {
				return "accepted"
			}
			return ""
		}
		if err != nil {
			return err.Error()
		}
		return c.Near(float64(p.statistics[0].(*sum).sensitivity())/1024, c.Expected.Num("want"), 0)
	}
}

// geometricMoments: discrete Laplace noise that is positive is geometric.
func geometricMoments(c golden.Case) string {
	if noise.Off {
		return "absent: noise is switched off in this build"
	}
	scale, ok := exact.FromFloat(c.Inputs.Num("lambda"))
	if !ok {
		return refused
	}
	m, err := newLaplace(exact.Int(1).Quo(scale))
	if err != nil {
		return err.Error()
	}
	xs := make([]int64, 400_000)
	if err := m.AddNoise(xs); err != nil {
		return err.Error()
	}
	n, sum, squares := 0.0, 0.0, 0.0
	for _, x := range xs {
		if x > 0 {
			n, sum, squares = n+1, sum+float64(x), squares+float64(x)*float64(x)
		}
	}
	// The mean of n draws has a standard error of s/√n, and, with a kurtosis of 9,
	// their standard deviation one of s·√(2/n); 7 of them fail by chance less
	// than once in 10¹¹.
	mean, sd := sum/n, math.Sqrt(squares/n-sum/n*sum/n)
	if want, s := c.Expected.Num("mean"), c.Expected.Num("stdDev"); math.Abs(mean-want) > 7*s/math.Sqrt(n) || math.Abs(sd-s) > 7*s*math.Sqrt(2/n) {
		return fmt.Sprintf("mean %g and standard deviation %g, want %g and %g", mean, sd, want, s)
	}
	return ""
}
