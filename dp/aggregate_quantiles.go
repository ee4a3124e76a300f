package dp

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/internal/exact"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/internal/noise"
)

// A chooser is a statistic that draws from candidates by the exponential
// mechanism instead of adding noise.
type chooser interface {
	statistic
	// choices is the number of draws that one row of a group takes part in, and
	// change the most by which a unit changes the loss of a candidate in one.
	choices() int64
	change() int64
	// release draws the columns for the released groups.
	release(t *tally, released []uint32, rate Rate, s *noise.Stream) []arrow.Array
	lister
}

// quantiles draws the values at some ranks of the kept rows of every group.
//
// For rank q the loss of a candidate x is |#{rows below x} - q·n|, n rows. A
// unit with m rows changes it by at most m·max(q, 1-q): its rows below x move
// the difference by 1-q each, the others by -q. The exponential mechanism
// draws x with probability in proportion to e^(-loss·rate) (Smith 2011,
// "Privacy-preserving statistical estimation with optimal convergence rates").
// All x between two neighbouring rows have one loss, so only the gaps between
// sorted rows are candidates, each with its width.
//
// Many ranks are drawn recursively (Kaplan, Schnapp and Stemmer 2022,
// "Differentially private approximate quantiles"): the middle rank first, then
// the lower ranks from the rows below the value drawn, the upper ones from the
// rest. The parts are disjoint and the loss of a unit is in proportion to its
// rows, so a level of the recursion costs what one draw costs: ⌈log2(k+1)⌉
// draws for k ranks instead of k.
//
// Equal rows would all fall on one side of a value drawn among them, and the
// ranks of that side would be lost. So every row is put at a random place
// inside its step, 2⁻¹⁶ of a step apart, drawn for each row alone; a value
// drawn inside a step is that step.
//
// For ranks 0 and 1 the loss would be 0 everywhere outside the rows, and the
// draw uniform between the outermost row and the limit. There the target is c
// rows inside, c = ln(steps)/rate, or half the rows if they are fewer: the
// weight of all the range outside is then at most that of one step inside.
// The target moves by at most 1/2 with a row, so the sensitivity stays 1.
type quantiles struct {
	as           string
	name         string
	ranks        []rank // sorted
	columnOf     []int  // output column to index in ranks
	names        []string
	grid         grid
	lower, upper int64
	rows         int64
	input, at    int
}

// A rank is num/den in [0, 1].
type rank struct{ num, den uint64 }

// placeBits is the binary logarithm of the places inside a step.
const placeBits = 16

// quantileSteps is the number of steps of a range by default, as a power of
// two, and maxQuantileSteps the greatest that the exponential mechanism takes:
// a gap has fewer than 2⁴⁰ places.
const (
	quantileSteps    = 16
	maxQuantileSteps = 1<<(40-placeBits) - 2
)

// maxRankDigits bounds the denominators of ranks.
const maxRankDenominator = 1_000_000

func (a Quantiles) bind(b *binder) (statistic, error) {
	if len(a.Ranks) == 0 {
		return nil, fault.Planf("aggregate %q: give at least one rank, such as 0.5", a.As)
	}
	names := make([]string, len(a.Ranks))
	for i, q := range a.Ranks {
		names[i] = a.As + "_" + percent(q)
	}
	if a.Tree {
		return bindQuantileTree(b, a, names)
	}
	return bindQuantiles(b, "quantiles", a.As, a.Column, a.Lower, a.Upper, a.Resolution, a.Ranks, names)
}

func (a Min) bind(b *binder) (statistic, error) {
	return bindQuantiles(b, "min", a.As, a.Column, a.Lower, a.Upper, a.Resolution, []float64{0}, []string{a.As})
}

func (a Max) bind(b *binder) (statistic, error) {
	return bindQuantiles(b, "max", a.As, a.Column, a.Lower, a.Upper, a.Resolution, []float64{1}, []string{a.As})
}

// percent is a rank in percent, exactly: 0.999 is 99.9.
func percent(q float64) string {
	r, ok := exact.FromFloat(q)
	if !ok {
		return strconv.FormatFloat(q, 'g', -1, 64)
	}
	return r.Mul(exact.Int(100)).String()
}

func bindQuantiles(b *binder, name, as, column string, lower, upper, resolution float64, ranks []float64, names []string) (statistic, error) {
	step, err := b.resolution(as, resolution)
	if err != nil {
		return nil, err
	}
	in, err := b.sampleInput(as, column, lower, upper, step, quantileSteps)
	if err != nil {
		return nil, err
	}
	if in.upper-in.lower > maxQuantileSteps {
		return nil, fault.Planf("aggregate %q: the range has more than %d multiples of the resolution; choose a coarser resolution", as, maxQuantileSteps)
	}
	s := &quantiles{as: as, name: name, names: names, grid: in.grid, lower: in.lower, upper: in.upper, rows: in.limit, columnOf: make([]int, len(ranks))}
	den := uint64(1)
	for i, q := range ranks {
		r, ok := exact.FromFloat(q)
		if !ok || r.Sign() < 0 || exact.Int(1).Less(r) {
			return nil, fault.Planf("aggregate %q: rank %d is not a number between 0 and 1", as, i+1)
		}
		num, d, ok := r.Uint64s()
		if !ok && r.Sign() == 0 {
			num, d = 0, 1
		} else if !ok {
			d = maxRankDenominator + 1
		}
		if den = den / gcd(den, d) * d; d > maxRankDenominator || den > maxRankDenominator {
			return nil, fault.Planf("aggregate %q: ranks have too many digits; six decimals are enough for any", as)
		}
		s.ranks = append(s.ranks, rank{num, d})
	}
	for i := range s.ranks {
		s.ranks[i] = rank{s.ranks[i].num * (den / s.ranks[i].den), den}
	}
	sorted := slices.Clone(s.ranks)
	slices.SortFunc(sorted, func(x, y rank) int { return cmp.Compare(x.num, y.num) })
	for i, r := range s.ranks {
		if s.columnOf[i] = slices.Index(sorted, r); i > 0 && slices.Contains(s.ranks[:i], r) {
			return nil, fault.Planf("aggregate %q: rank %d is given twice", as, i+1)
		}
	}
	s.ranks = sorted
	s.input = b.input(in)
	return s, nil
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func (s *quantiles) kind() string   { return s.name }
func (s *quantiles) choices() int64 { return int64(bits.Len(uint(len(s.ranks)))) }
func (s *quantiles) change() int64  { return s.rows }
func (s *quantiles) seen() int64    { return s.rows }
func (s *quantiles) list(at int)    { s.at = at }

func (s *quantiles) fields() []arrow.Field {
	out := make([]arrow.Field, len(s.names))
	for i, n := range s.names {
		out[i] = arrow.Field{Name: n, Type: arrow.PrimitiveTypes.Float64}
	}
	return out
}

// tally lists (group, step above lower, rows).
func (s *quantiles) tally(r *run, t *tally) {
	in := &r.inputs[s.input]
	l := t.lists[s.at]
	for i, g := range r.group {
		values, first := in.values(i, 1)
		for k, v := range values {
			l = append(l, uint64(g), uint64(int64(v)-s.lower), uint64(in.count[first+k]*r.times(i)))
		}
	}
	t.lists[s.at] = l
}

func (s *quantiles) release(t *tally, released []uint32, rate Rate, stream *noise.Stream) []arrow.Array {
	builders := make([]*array.Float64Builder, len(s.names))
	for i := range builders {
		builders[i] = array.NewFloat64Builder(memory.DefaultAllocator)
	}
	byGroup := groupList(t.lists[s.at], 3, t.groups())
	d := draws{stream: stream, rate: rate}
	d.inside = uint64(math.Ceil(math.Log(float64(s.upper-s.lower+1)) * float64(rate.Den) / float64(rate.Num)))
	out := make([]uint64, len(s.ranks))
	var places []uint64
	for _, g := range released {
		places = places[:0]
		for e := byGroup.of(g); len(e) > 0; e = e[3:] {
			for n := e[2]; n > 0; {
				bits := stream.Uint64n(1 << (3 * placeBits)) // for three rows at a time
				for k := 0; k < 3 && n > 0; k++ {
					places = append(places, e[1]<<placeBits|bits&(1<<placeBits-1))
					bits >>= placeBits
					n--
				}
			}
		}
		slices.Sort(places)
		d.quantiles(places, s.ranks, 0, uint64(s.upper-s.lower+1)<<placeBits, out)
		for i, b := range builders {
			steps := s.lower + int64(out[s.columnOf[i]]>>placeBits)
			b.Append(s.grid.value(int128Of(steps)))
		}
	}
	columns := make([]arrow.Array, len(builders))
	for i, b := range builders {
		columns[i] = b.NewArray()
		b.Release()
	}
	return columns
}

// draws runs the exponential mechanism with a rate for ranks whose loss one
// row changes by at most 1.
type draws struct {
	stream *noise.Stream
	rate   Rate
	inside uint64 // rows inside of the outermost that ranks 0 and 1 aim at
	loss   []uint64
	width  []uint64
}

// quantiles draws a place in [from, to) for every rank, from sorted places.
func (d *draws) quantiles(places []uint64, ranks []rank, from, to uint64, out []uint64) {
	if len(ranks) == 0 {
		return
	}
	mid := len(ranks) / 2
	x := d.one(places, ranks[mid], from, to)
	out[mid] = x
	below, above, lower, upper := parts(places, ranks, x)
	d.quantiles(below, lower, from, max(x, from+1), out[:mid])
	d.quantiles(above, upper, x, to, out[mid+1:])
}

// parts are the places below x, the value of the middle rank p, and those from
// it on, with their ranks: q/p below, (q-p)/(1-p) above.
func parts(places []uint64, ranks []rank, x uint64) (below, above []uint64, lower, upper []rank) {
	mid := len(ranks) / 2
	p := ranks[mid]
	lower, upper = make([]rank, mid), make([]rank, len(ranks)-mid-1)
	for i := range lower {
		lower[i] = rank{ranks[i].num, max(p.num, 1)}
	}
	for i := range upper {
		upper[i] = rank{ranks[mid+1+i].num - p.num, max(p.den-p.num, 1)}
	}
	n, _ := slices.BinarySearch(places, x)
	return places[:n], places[n:], lower, upper
}

// one draws a place in [from, to) for one rank. In whole numbers the loss is
// |den·below - num·n|, which one row changes by at most c = max(num, den-num):
// the rate is divided by c.
func (d *draws) one(places []uint64, q rank, from, to uint64) uint64 {
	d.loss, d.width = d.loss[:0], d.width[:0]
	n := uint64(len(places))
	target := d.target(q, n)
	at := from
	for i := uint64(0); i <= n; i++ {
		next := to
		if i < n {
			next = places[i]
		}
		// A row at place y is below x for x > y: this gap is (at-1, next].
		end := min(next+1, to)
		d.loss = append(d.loss, absDiff(i*q.den, target))
		d.width = append(d.width, end-at)
		at = end
	}
	num, den := scaleDown(d.rate, max(q.num, q.den-q.num))
	i := d.stream.Choose(d.loss, d.width, num, den)
	start := from
	if i > 0 {
		start = min(places[i-1]+1, to)
	}
	if d.width[i] < 2 {
		return start
	}
	if noise.Off { // the row itself, for comparison with a plain computation
		return start + d.width[i] - 1
	}
	return start + d.stream.Uint64n(d.width[i])
}

// target is den times the number of rows that should lie below the value of a
// rank, of n rows.
func (d *draws) target(q rank, n uint64) uint64 {
	switch c := min(d.inside*q.den, n*q.den/2); {
	case noise.Off && q.num == q.den && n > 0:
		return (n - 1) * q.den // the last row itself
	case noise.Off:
	case q.num == 0:
		return c
	case q.num == q.den:
		return n*q.den - c
	}
	return q.num * n
}

func absDiff(a, b uint64) uint64 {
	if a > b {
		return a - b
	}
	return b - a
}

// minRate is the least rate of a plan. With the greatest c, 10⁶, a rate is then
// at least 2⁻⁵⁰, which keeps scaleDown exact but for the last bits.
var minRate = exact.Frac(1, 1<<30)

// checkRates refuses rates below minRate: ε so small against the rows and
// groups of a unit that every draw would be as good as uniform.
func (p *Plan) checkRates() error {
	for i, r := range p.calibration.Rates {
		if r.Num > 0 && exact.Int(int64(r.Num)).Quo(exact.Int(int64(r.Den))).Less(minRate) {
			return fault.Planf("aggregate %q: its share of the budget is too small for the exact arithmetic; lower groups-per-unit or rows-per-group, or raise epsilon", p.query.Aggregates[i].OutputName())
		}
	}
	return nil
}

// scaleDown is rate/c as a fraction of 62-bit numbers, rounded down, for a rate
// of at least minRate and c up to maxRankDenominator.
func scaleDown(r Rate, c uint64) (num, den uint64) {
	hi, lo := bits.Mul64(r.Den, c)
	shift := max(0, bits.Len64(hi)+64-62)
	if hi == 0 {
		shift = max(0, bits.Len64(lo)-62)
	}
	if shift == 0 {
		return r.Num, lo
	}
	den = hi<<(64-shift) | lo>>shift
	if den<<shift != lo { // what was cut off rounds up
		den++
	}
	return r.Num >> shift, min(den, noise.MaxScale)
}

// A groupedList is a list of entries of a fixed number of words, the first
// being the group, brought into the order of groups. Entries of one group keep
// their order.
type groupedList struct {
	entries []uint64
	width   int
	starts  []int // group to its first entry; one more at the end
}

// groupList sorts a list by group, by counting.
func groupList(list []uint64, width, groups int) groupedList {
	l := groupedList{make([]uint64, len(list)), width, make([]int, groups+1)}
	for i := 0; i < len(list); i += width {
		l.starts[list[i]+1]++
	}
	for g := range groups {
		l.starts[g+1] += l.starts[g]
	}
	next := slices.Clone(l.starts)
	for i := 0; i < len(list); i += width {
		g := list[i]
		copy(l.entries[next[g]*width:], list[i:i+width])
		next[g]++
	}
	return l
}

// of returns the entries of a group, one after another.
func (l groupedList) of(g uint32) []uint64 {
	return l.entries[l.starts[g]*l.width : l.starts[g+1]*l.width]
}
