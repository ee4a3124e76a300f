package dp

import (
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/internal/exact"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/internal/noise"
)

// A rangeChoice chooses the range of one aggregate among public candidates
// c₀ < c₁ < …, from the contributions x of all units in all groups together.
// For a limit above, let N(k) be the number of contributions greater than c_k:
//
//	draw t; for k = 0, 1, …: draw z_k; stop if N(k) + z_k ≤ a + t
//
// and the limit is c_k, or the last candidate. a is public. For a limit below
// the same runs from the greatest candidate down, with contributions less than
// c_k. This is AboveThreshold (Dwork and Roth 2014, algorithm 1) for counts that
// a unit moves all in one direction, where one draw of the threshold and one of
// each count at T·2/ε are enough, T being the contributions of a unit (Lyu, Su
// and Li 2017, theorem 4):
//
// Let D′ have one unit more, N(k) ≤ N′(k) ≤ N(k) + T. With the same t, D′ passes
// over each earlier k at least as surely as D, and the last comparison needs z_k
// to be lower by at most T: P_D[k] ≤ e^(ε/2)·P_D′[k]. With t lower by T, D
// passes over each earlier k at least as surely as D′ does with t, and stops at
// k if z_k is lower by T at most: P_D′[k] ≤ e^(ε/2)·e^(ε/2)·P_D[k]. Where none
// stops the last factor is missing.
//
// The counts are exact, so the privacy of the choice is that of the noise. What
// is charged is T as bounding leaves it: the groups of a unit where it
// contributes one total or one number of rows to each; its kept rows where each
// row counts.
type rangeChoice struct {
	as     string
	kindOf string
	of     inputKind // totals, samples, or rows
	input  int
	grid   grid
	limits []int64 // the candidates, in steps
	both   bool    // a lower limit too; else the limit is one of |x|
	lower  int64   // of both false: the outer limits, in steps
	upper  int64
	at     int

	change  int64 // T
	budget  Budget
	aim     int64 // a
	noise   *Mechanism
	outside ChosenRange
}

// rowCounts stands among input kinds for the number of a unit's rows in a group.
const rowCounts inputKind = -1

// doublings are the candidates up to most: 1 to 8, then eighths of every
// doubling, so that a limit exceeds the best one by at most an eighth.
func doublings(most int64) []int64 {
	var out []int64
	for m, e := int64(1), 0; ; {
		if m > most>>e {
			break
		}
		out = append(out, m<<e)
		if m++; m == 16 {
			m, e = 8, e+1
		}
	}
	if len(out) == 0 || out[len(out)-1] < most {
		out = append(out, most)
	}
	return out
}

// between are candidates for both limits of a range: its ends, doublings to
// both sides of 0 (or of the end nearest to 0), and 32 equal parts.
func candidatesBetween(lower, upper int64) []int64 {
	base := min(max(0, lower), upper)
	out := []int64{lower, upper, base}
	for _, d := range doublings(upper - lower) {
		out = append(out, base+d, base-d)
	}
	for i := int64(1); i < 32; i++ {
		part, _ := new128Quo(mul(upper-lower, i), 32)
		out = append(out, lower+part)
	}
	out = slices.DeleteFunc(out, func(c int64) bool { return c < lower || c > upper })
	slices.Sort(out)
	return slices.Compact(out)
}

// new128Quo divides a small non-negative product.
func new128Quo(x int128, by int64) (int64, bool) {
	q := x.big()
	q.Quo(q, exact.Int(by).Num())
	return q.Int64(), q.IsInt64()
}

func (a Sum) auto() float64      { return a.Auto }
func (a Count) auto() float64    { return a.Auto }
func (a Mean) auto() float64     { return a.Auto }
func (a Variance) auto() float64 { return a.Auto }
func (a StdDev) auto() float64   { return a.Auto }
func (a Quantiles) auto() float64 {
	return a.Auto
}

func (a Sum) outer() ChosenRange       { return ChosenRange{As: a.As, Lower: a.Lower, Upper: a.Upper} }
func (a Count) outer() ChosenRange     { return ChosenRange{As: a.As, PerUnit: a.PerUnit} }
func (a Mean) outer() ChosenRange      { return ChosenRange{As: a.As, Lower: a.Lower, Upper: a.Upper} }
func (a Variance) outer() ChosenRange  { return ChosenRange{As: a.As, Lower: a.Lower, Upper: a.Upper} }
func (a StdDev) outer() ChosenRange    { return ChosenRange{As: a.As, Lower: a.Lower, Upper: a.Upper} }
func (a Quantiles) outer() ChosenRange { return ChosenRange{As: a.As, Lower: a.Lower, Upper: a.Upper} }

func (a Sum) within(c ChosenRange, w float64) Aggregate {
	a.Lower, a.Upper, a.Weight, a.Auto = c.Lower, c.Upper, w, 0
	return a
}

func (a Count) within(c ChosenRange, w float64) Aggregate {
	a.PerUnit, a.Weight, a.Auto = c.PerUnit, w, 0
	return a
}

func (a Mean) within(c ChosenRange, w float64) Aggregate {
	a.Lower, a.Upper, a.Weight, a.Auto = c.Lower, c.Upper, w, 0
	return a
}

func (a Variance) within(c ChosenRange, w float64) Aggregate {
	a.Lower, a.Upper, a.Weight, a.Auto = c.Lower, c.Upper, w, 0
	return a
}

func (a StdDev) within(c ChosenRange, w float64) Aggregate {
	a.Lower, a.Upper, a.Weight, a.Auto = c.Lower, c.Upper, w, 0
	return a
}

func (a Quantiles) within(c ChosenRange, w float64) Aggregate {
	a.Lower, a.Upper, a.Weight, a.Auto = c.Lower, c.Upper, w, 0
	return a
}

// choice of a sum: one limit of the size of a unit's total in a group, as noise
// follows the larger limit and a smaller one on the other side gains nothing.
func (a Sum) choice(b *binder) (*rangeChoice, error) {
	bound, err := a.bind(b)
	if err != nil {
		return nil, err
	}
	s := bound.(*sum)
	c := &rangeChoice{kindOf: "sum", of: totals, input: s.input, grid: s.grid, lower: s.lower, upper: s.upper, change: b.plan.layout.maxGroups, outside: a.outer()}
	for _, m := range doublings(s.sensitivity()) {
		if lo, hi := c.around(m); lo < hi {
			c.limits = append(c.limits, m)
		}
	}
	return c, nil
}

// around is what is left of the outer limits within a size.
func (s *rangeChoice) around(size int64) (lower, upper int64) {
	return max(s.lower, -size), min(s.upper, size)
}

func (a Count) choice(b *binder) (*rangeChoice, error) {
	bound, err := a.bind(b)
	if err != nil {
		return nil, err
	}
	s := bound.(*count)
	return &rangeChoice{
		kindOf: "count", of: rowCounts, grid: newGrid(exact.Int(1)), lower: 0, upper: s.perUnit, limits: doublings(s.perUnit),
		change: b.plan.layout.maxGroups, outside: ChosenRange{As: a.As, Lower: 1, Upper: float64(s.perUnit)},
	}, nil
}

func (a Mean) choice(b *binder) (*rangeChoice, error) {
	return choiceOfRows(b, a, a.outer(), a.Column, exact.Rat{}, momentSteps)
}

func (a Variance) choice(b *binder) (*rangeChoice, error) {
	return choiceOfRows(b, a, a.outer(), a.Column, exact.Rat{}, momentSteps)
}

func (a StdDev) choice(b *binder) (*rangeChoice, error) {
	return choiceOfRows(b, a, a.outer(), a.Column, exact.Rat{}, momentSteps)
}

func (a Quantiles) choice(b *binder) (*rangeChoice, error) {
	step, err := b.resolution(a.As, a.Resolution)
	if err != nil {
		return nil, err
	}
	return choiceOfRows(b, a, a.outer(), a.Column, step, momentSteps)
}

// choiceOfRows is the choice of both limits of the values of kept rows.
func choiceOfRows(b *binder, a Aggregate, outer ChosenRange, column string, step exact.Rat, n int) (*rangeChoice, error) {
	in, err := b.sampleInput(a.OutputName(), column, outer.Lower, outer.Upper, step, n)
	if err != nil {
		return nil, err
	}
	l := b.plan.layout
	rows := exact.Int(l.maxGroups).Mul(exact.Int(in.limit))
	if l.rowsPerUnit > 0 {
		rows = exact.Min(rows, exact.Int(l.rowsPerUnit))
	}
	if !rows.Less(exact.Int(maxStep)) {
		return nil, errNoiseRange
	}
	return &rangeChoice{
		kindOf: "rows", of: samples, grid: in.grid, limits: candidatesBetween(in.lower, in.upper), both: true,
		input: b.input(in), change: rows.Floor().Int64(), outside: outer,
	}, nil
}

// calibrate finds the noise and the aim a.
//
// Beyond the limit of least error, one more contribution outside costs as much
// as noise gains: about the standard error σ of a group's noise in multiples of
// what is clamped, for each group whose noise it changes (the public groups; one
// where they are private). It is no use to aim at fewer than the noise of the
// choice itself can tell from none: with a = 2s, s its scale, a candidate with
// nothing outside is passed over with probability (1 + 2/2)·e^-2/2 < 0.14.
func (s *rangeChoice) calibrate(main *Plan, i int) error {
	if len(s.limits) < 2 {
		return fault.Planf("aggregate %q: the outer limits leave nothing to choose; state the range itself", s.as)
	}
	scale := s.scale()
	var err error
	if s.noise, err = newLaplace(scale); err != nil {
		return err
	}
	aim := 2 * scale.Float()
	if m := main.calibration.Mechanisms[i]; m != nil {
		sigma := m.StdError() / float64(main.statistics[i].(additive).sensitivity()) // for one unit's worth
		if r, ok := main.statistics[i].(rowwise); ok {
			sigma *= float64(r.seen()) // for one row's
		}
		aim = max(aim, sigma*float64(max(1, len(main.publicKeys)))/s.sides().Float())
	}
	if !(aim < maxStep) {
		return errNoiseRange
	}
	s.aim = int64(math.Ceil(aim))
	return nil
}

// sides is the number of limits that are chosen.
func (s *rangeChoice) sides() exact.Rat {
	if s.both {
		return exact.Int(2)
	}
	return exact.Int(1)
}

// epsilon is the ε of one limit. ε-privacy implies ρ = ε²/2.
func (s *rangeChoice) epsilon() exact.Rat {
	if s.budget.zcdp {
		return sqrtDown(exact.Int(2).Mul(s.budget.loss).Quo(s.sides()))
	}
	return s.budget.loss.Quo(s.sides())
}

// scale is T·2/ε.
func (s *rangeChoice) scale() exact.Rat {
	return exact.Int(2).Mul(exact.Int(s.change)).Quo(s.epsilon())
}

func (s *rangeChoice) kind() string          { return "range of " + s.kindOf }
func (s *rangeChoice) fields() []arrow.Field { return nil }
func (s *rangeChoice) list(at int)           { s.at = at }

// bin is the number of candidates below x, doubled, and one less if x is no
// candidate: 0 for c₀, 1 between c₀ and c₁, 2 for c₁; -1 below all of them.
func (s *rangeChoice) bin(x int64) int {
	i, found := slices.BinarySearch(s.limits, x)
	if found {
		return 2 * i
	}
	return 2*i - 1
}

// bins is the length of a histogram, whose first place is for bin -1.
func (s *rangeChoice) bins() int { return 2*len(s.limits) + 1 }

// tally counts contributions by bin. A list holds one histogram, and several
// where lists were joined.
func (s *rangeChoice) tally(r *run, t *tally) {
	if t.lists[s.at] == nil {
		t.lists[s.at] = make([]uint64, s.bins())
	}
	counts := t.lists[s.at]
	for i := range r.group {
		switch s.of {
		case rowCounts:
			counts[1+s.bin(r.rows[i])] += uint64(r.times(i))
		case totals:
			if in := &r.inputs[s.input]; in.has[i] {
				x := in.total[i].clamp(-maxStep, maxStep)
				counts[1+s.bin(max(x, -x))] += uint64(r.times(i))
			}
		default:
			in := &r.inputs[s.input]
			values, first := in.values(i, 1)
			for k, v := range values {
				counts[1+s.bin(int64(v))] += uint64(in.count[first+k] * r.times(i))
			}
		}
	}
}

// choose draws the range from the histograms of a list.
func (s *rangeChoice) choose(list []uint64) (ChosenRange, error) {
	stream := noise.NewStream()
	defer stream.Close()
	counts := make([]int64, s.bins())
	for i, n := range list {
		counts[i%len(counts)] += int64(n)
	}
	above, below := s.outsideOf(counts)
	hi, err := s.stop(stream, above)
	if err != nil || !s.both {
		return s.rangeOf(0, hi), err
	}
	slices.Reverse(below)
	lo, err := s.stop(stream, below)
	return s.rangeOf(len(s.limits)-1-lo, hi), err
}

// outsideOf is, for each candidate, the number of contributions greater and less.
func (s *rangeChoice) outsideOf(counts []int64) (above, below []int64) {
	n := len(s.limits)
	above, below = make([]int64, n), make([]int64, n)
	sum := int64(0)
	for k := range n {
		sum += counts[2*k]
		below[k] = sum
		sum += counts[2*k+1]
	}
	sum = 0
	for k := n - 1; k >= 0; k-- {
		sum += counts[2*k+2]
		above[k] = sum
		sum += counts[2*k+1]
	}
	return above, below
}

// stop is the first place where the noised count is at most the noised aim.
func (s *rangeChoice) stop(stream *noise.Stream, counts []int64) (int, error) {
	aim := []int64{s.aim}
	if err := s.noise.add(stream, aim); err != nil {
		return 0, err
	}
	for k, n := range counts[:len(counts)-1] {
		x := []int64{n}
		if err := s.noise.add(stream, x); err != nil {
			return 0, err
		}
		if x[0] <= aim[0] {
			return k, nil
		}
	}
	return len(counts) - 1, nil
}

// rangeOf is the range of two candidates. Where the lower one is not below the
// upper one they are exchanged, and where they are equal one is moved: this
// looks at chosen numbers only.
func (s *rangeChoice) rangeOf(lo, hi int) ChosenRange {
	c := ChosenRange{As: s.as}
	value := func(steps int64) float64 { return s.grid.value(int128Of(steps)) }
	switch {
	case s.of == rowCounts:
		c.PerUnit = s.limits[hi]
	case !s.both:
		lower, upper := s.around(s.limits[hi])
		c.Lower, c.Upper = value(lower), value(upper)
	default:
		if lo > hi {
			lo, hi = hi, lo
		}
		if lo == hi && hi+1 < len(s.limits) {
			hi++
		} else if lo == hi {
			lo--
		}
		c.Lower, c.Upper = value(s.limits[lo]), value(s.limits[hi])
	}
	return c
}

// possible reports whether a range can have been chosen.
func (s *rangeChoice) possible(c ChosenRange) bool {
	if !s.both {
		return slices.ContainsFunc(s.limits, func(m int64) bool {
			i, _ := slices.BinarySearch(s.limits, m)
			return s.rangeOf(0, i) == c
		})
	}
	lo, hi := -1, -1
	for i, m := range s.limits {
		switch s.grid.value(int128Of(m)) {
		case c.Lower:
			lo = i
		case c.Upper:
			hi = i
		}
	}
	return lo >= 0 && lo < hi && s.rangeOf(lo, hi) == c
}

func (s *rangeChoice) figures() RangeFigures {
	return RangeFigures{
		As: s.as, Lower: s.outside.Lower, Upper: s.outside.Upper, Candidates: len(s.limits), Scale: s.noise.Scale(),
		Outside: s.aim, Epsilon: s.budget.Epsilon(), Rho: s.budget.Rho(),
	}
}
