package dp

import (
	"bytes"
	"cmp"
	"math"
	"slices"

	"github.com/oboro-data/oboro/internal/exact"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/internal/noise"
)

// A Cut says how many units one bound of a release cut, by noised numbers that
// Query.Diagnostics pays for. It may be published.
type Cut struct {
	// Bound is groups-per-unit, rows-per-unit, rows-per-group, or the name of a
	// count or sum, for those whose rows or total in a kept group were clamped.
	// Values of rows that are clamped one by one are not counted.
	Bound string
	// Share of the units that contribute at all, from 0 to 1, and an interval
	// for it. The intervals, and Units, of all cuts of a release hold together
	// with the confidence of the query, or 0.95.
	Share, Low, High float64
	// Units is the most that they are.
	Units int64
	// Off, if not 0, is the most by which a group's sum or count can differ, for
	// all bounds together, from that of all rows: where the range was chosen
	// within outer limits, if no unit's total in a group is beyond those.
	Off float64
}

// cuts counts the units that each bound cuts. For each bound there are two
// numbers, units cut and others: a unit changes one of them, by 1, so the pairs
// of k bounds change by k in the sum of absolute changes; their shares are as
// exact as if each had one number (compare moments).
type cuts struct {
	bounds []cutBound
	budget Budget
	noise  *Mechanism
}

// A cutBound is a bound of which cuts are counted. over reports whether an entry
// of a run is beyond it; nil where the bound concerns the unit as a whole.
type cutBound struct {
	name string
	over func(r *run, i int) bool
}

// addCuts adds the diagnostics of a plan, for the budget given. Partial states
// then keep one group of a unit more than is released, to tell that there were
// more.
func (p *Plan) addCuts(b Budget) error {
	c := &cuts{budget: b}
	l := p.layout
	switch {
	case l.unitIsRow:
	case l.rowsPerUnit > 0:
		c.bounds = append(c.bounds, cutBound{name: "rows-per-unit"})
	case len(p.query.GroupBy) > 0 && (p.publicKeys == nil || l.maxGroups < int64(len(p.publicKeys))):
		l.spare = 1
		c.bounds = append(c.bounds, cutBound{name: "groups-per-unit"})
	}
	l.counts = l.rowsPerUnit > 0
	if m := p.query.Bounds.RowsPerGroup; !l.unitIsRow && slices.ContainsFunc(l.inputs, func(in *input) bool { return in.kind == samples }) {
		c.bounds = append(c.bounds, cutBound{"rows-per-group", func(r *run, i int) bool { return r.rows[i] > m }})
	}
	for i, s := range p.statistics[:len(p.query.Aggregates)] {
		name := p.query.Aggregates[i].OutputName()
		switch s := s.(type) {
		case *count:
			if !l.unitIsRow {
				c.bounds = append(c.bounds, cutBound{name, func(r *run, i int) bool { return r.rows[i] > s.perUnit }})
			}
		case *sum:
			c.bounds = append(c.bounds, cutBound{name, func(r *run, i int) bool {
				in := &r.inputs[s.input]
				return in.has[i] && int128Of(in.total[i].clamp(s.lower, s.upper)) != in.total[i]
			}})
		}
	}
	if len(c.bounds) == 0 {
		return fault.Planf("diagnostics: no bound of this release can cut a unit; leave them out")
	}
	k := exact.Int(int64(len(c.bounds)))
	scale := k.Quo(b.loss)
	if b.zcdp { // k pairs at ε″, k·ε″²/2 = ρ
		scale = exact.Int(1).Quo(sqrtDown(exact.Int(2).Mul(b.loss).Quo(k)))
	}
	var err error
	c.noise, err = newLaplace(scale)
	p.cuts = c
	return err
}

// tally counts the units of a run, which come one after another, and returns
// the run without the groups that are one too many.
func (c *cuts) tally(b *bounder, r *run, list []uint64) (*run, []uint64) {
	if list == nil {
		list = make([]uint64, 2*len(c.bounds))
	}
	u := b.layout.unitWords
	var drop []int
	for i := 0; i < r.len(); {
		j := i + 1
		for !b.layout.unitIsRow && j < r.len() && slices.Equal(r.unit[i*u:i*u+u], r.unit[j*u:j*u+u]) {
			j++
		}
		more := b.layout.spare > 0 && int64(j-i) > b.layout.maxGroups
		extra := -1
		if more {
			extra = b.last(r, i, j)
			drop = append(drop, extra)
		}
		for k, bound := range c.bounds {
			cut := more
			if bound.over != nil {
				cut = false
				for e := i; e < j; e++ {
					cut = cut || e != extra && bound.over(r, e)
				}
			} else if bound.name == "rows-per-unit" {
				cut = false // counted where rows are kept
			}
			if cut {
				list[2*k] += uint64(r.times(i))
			} else {
				list[2*k+1] += uint64(r.times(i))
			}
		}
		i = j
	}
	if k := slices.IndexFunc(c.bounds, func(x cutBound) bool { return x.name == "rows-per-unit" }); k >= 0 {
		list[2*k] += uint64(b.cutRows)
		list[2*k+1] -= uint64(b.cutRows)
		b.cutRows = 0
	}
	if len(drop) > 0 {
		r = r.without(drop, b.layout)
	}
	return r, list
}

// last is the entry from i to j whose group comes last in the order in which
// groups are kept.
func (b *bounder) last(r *run, i, j int) int {
	u := b.layout.unitWords
	prefix := b.keys.groups.Prefix(r.unit[i*u : i*u+u]...)
	priority := func(e int) uint64 { return prefix.Sum64(b.groups.word(r.group[e])) }
	last := i
	for e := i + 1; e < j; e++ {
		if c := cmp.Compare(priority(e), priority(last)); c > 0 || c == 0 && bytes.Compare(b.groups.key(r.group[e]), b.groups.key(r.group[last])) > 0 {
			last = e
		}
	}
	return last
}

// without is the run without some entries, in rising order.
func (r *run) without(drop []int, l *layout) *run {
	out, u := l.newRun(), l.unitWords
	for i, g := range r.group {
		if len(drop) > 0 && drop[0] == i {
			drop = drop[1:]
			continue
		}
		out.unit = append(out.unit, r.unit[i*u:i*u+u]...)
		out.group = append(out.group, g)
		out.rows = append(out.rows, r.rows[i])
		if r.units != nil {
			out.units = append(out.units, r.units[i])
		}
		for k, in := range l.inputs {
			from, to := &r.inputs[k], &out.inputs[k]
			if in.kind == totals {
				to.has = append(to.has, from.has[i])
				to.total = append(to.total, from.total[i])
				continue
			}
			values, first := from.values(i, in.width())
			to.value = append(to.value, values...)
			if in.kind == samples {
				to.count = append(to.count, from.count[first:first+len(values)]...)
			}
			to.end = append(to.end, uint32(len(to.value)/in.width()))
		}
	}
	return out
}

// release draws the noise of the numbers of all bounds, once.
func (c *cuts) release(p *Plan, list []uint64, stream *noise.Stream) ([]Cut, error) {
	confidence := p.query.Confidence
	if confidence == 0 {
		confidence = 0.95
	}
	xs := make([]int64, 2*len(c.bounds))
	for i, n := range list {
		xs[i] = int64(n)
	}
	if err := c.noise.add(stream, xs); err != nil {
		return nil, err
	}
	within := float64(c.noise.Interval(1 - (1-confidence)/float64(len(xs))))
	out := make([]Cut, len(c.bounds))
	for i, b := range c.bounds {
		cut, other := float64(xs[2*i]), float64(xs[2*i+1])
		share := func(cut, other float64) float64 {
			if cut = max(cut, 0); cut == 0 {
				return 0
			}
			return cut / (cut + max(other, 0))
		}
		out[i] = Cut{
			Bound: b.name, Share: share(cut, other), Low: share(cut-within, other+within), High: share(cut+within, other-within),
			Units: int64(max(cut+within, 0)),
		}
	}
	c.cover(p, out)
	return out, nil
}

// cover fills in Off, from outer limits [l, u] of the total x of a unit in a
// group, and the range [L, U] within. A unit that was only clamped is off by at
// most max(u-U, L-l). One that lost the group adds nothing in place of x, which is
// at most m = max(|l|, |u|). One that lost rows adds a number from L to U, or
// nothing: it is off by at most max(u-l, m). Lost rows and groups of a unit may
// be in any group.
func (c *cuts) cover(p *Plan, out []Cut) {
	units := func(bound string) float64 {
		if i := slices.IndexFunc(out, func(b Cut) bool { return b.Bound == bound }); i >= 0 {
			return float64(out[i].Units)
		}
		return 0
	}
	for i, f := range p.RangeFigures() {
		at := slices.IndexFunc(out, func(b Cut) bool { return b.Bound == f.As })
		if at < 0 || i >= len(p.chosen) {
			continue
		}
		lower, upper := p.chosen[i].Lower, p.chosen[i].Upper
		if n := p.chosen[i].PerUnit; n > 0 {
			lower, upper = f.Lower, float64(n)
		}
		m := math.Max(math.Abs(f.Lower), math.Abs(f.Upper))
		out[at].Off = units(f.As)*max(f.Upper-upper, lower-f.Lower) + units("groups-per-unit")*m + units("rows-per-unit")*max(f.Upper-f.Lower, m)
	}
}

// CutFigures say how the units that bounds cut are counted. They follow from
// the plan alone.
type CutFigures struct {
	Bounds       []string
	Scale        string // of discrete Laplace noise, in units
	Epsilon, Rho string
}

// CutFigures returns how cut units are counted, nil where they are not.
func (p *Plan) CutFigures() *CutFigures {
	if p.cuts == nil {
		return nil
	}
	f := &CutFigures{Scale: p.cuts.noise.Scale(), Epsilon: p.cuts.budget.Epsilon(), Rho: p.cuts.budget.Rho()}
	for _, b := range p.cuts.bounds {
		f.Bounds = append(f.Bounds, b.name)
	}
	return f
}
