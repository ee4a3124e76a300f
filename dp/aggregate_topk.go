package dp

import (
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/internal/noise"
)

// TopK names the K values of a column that most units of a group have, of a
// public list of values, most frequent first: text columns As_1 to As_K. A unit
// may have any number of values. The values' counts are not released; ask for
// them with groups or a histogram.
type TopK struct {
	As     string
	Column string
	Values []string // public candidates, as canonical texts; at least K
	K      int64
	Weight float64
}

// OutputName returns As, the prefix of the columns' names.
func (a TopK) OutputName() string { return a.As }
func (a TopK) weight() float64    { return a.Weight }

// topK draws K candidates one after another by the exponential mechanism,
// without replacement. The loss of a candidate is the number of units by which
// it falls short of the most frequent one still there; the mechanism sees loss
// differences only, so the loss may as well be minus the candidate's count.
//
// Adding a unit changes these losses by 0 or -1, all in one direction. A draw
// with rate λ then has probabilities that change by factors within e^(-λ) and
// e^λ, in a range of e^λ (a loss that may change by ±1 has a range of e^(2λ)).
// Calibrate allows for the latter, so the rate is doubled here: with ε′ for one
// draw, λ = ε′.
type topK struct {
	as     string
	values []string
	k      int64
	input  int
	at     int
}

// maxCandidates bounds the public list.
const maxCandidates = 1 << 20

func (a TopK) bind(b *binder) (statistic, error) {
	dt, err := b.anyColumn(a.As, a.Column)
	if err != nil {
		return nil, err
	}
	if a.Column == b.plan.query.Unit && !b.plan.query.UnitIsRow {
		return nil, fault.Planf("aggregate %q: column %q is the privacy unit; only count-distinct may read it", a.As, a.Column)
	}
	if a.K < 1 || a.K > int64(len(a.Values)) || len(a.Values) > maxCandidates {
		return nil, fault.Planf("aggregate %q: name between k and %d public values, and k of at least 1", a.As, maxCandidates)
	}
	place := make(map[string]uint64, len(a.Values))
	for i, v := range a.Values {
		if _, ok := appendPublicCell(nil, GroupKey{Text: v}, dt, nil); !ok {
			return nil, fault.Planf("aggregate %q: value %d is not the canonical text of a value of type %s", a.As, i+1, code.ValueType(dt))
		}
		if _, twice := place[v]; twice {
			return nil, fault.Planf("aggregate %q: value %d is listed twice", a.As, i+1)
		}
		place[v] = uint64(i)
	}
	s := &topK{as: a.As, values: slices.Clone(a.Values), k: a.K}
	s.input = b.input(&input{kind: sets, column: a.Column, words: 1, candidates: place})
	return s, nil
}

func (s *topK) kind() string   { return "top-k" }
func (s *topK) choices() int64 { return s.k }
func (s *topK) change() int64  { return 1 }
func (s *topK) list(at int)    { s.at = at }

func (s *topK) fields() []arrow.Field {
	out := make([]arrow.Field, s.k)
	for i := range out {
		out[i] = arrow.Field{Name: fmt.Sprintf("%s_%d", s.as, i+1), Type: arrow.BinaryTypes.String}
	}
	return out
}

// tally lists (group, candidate, units that have it).
func (s *topK) tally(r *run, t *tally) {
	in := &r.inputs[s.input]
	l := t.lists[s.at]
	for i, g := range r.group {
		values, _ := in.values(i, 1)
		for _, v := range values {
			l = append(l, uint64(g), v, uint64(r.times(i)))
		}
	}
	t.lists[s.at] = l
}

func (s *topK) release(t *tally, released []uint32, rate Rate, stream *noise.Stream) []arrow.Array {
	if rate.Den%2 == 0 {
		rate.Den /= 2
	} else if rate.Num <= noise.MaxScale/2 {
		rate.Num *= 2
	}
	byGroup := groupList(t.lists[s.at], 3, t.groups())
	builders := make([]*array.StringBuilder, s.k)
	for i := range builders {
		builders[i] = array.NewStringBuilder(memory.DefaultAllocator)
	}
	loss, width := make([]uint64, len(s.values)), make([]uint64, len(s.values))
	for _, g := range released {
		counts := make([]uint64, len(s.values))
		for e := byGroup.of(g); len(e) > 0; e = e[3:] {
			counts[e[1]] += e[2]
		}
		most := slices.Max(counts)
		for i, c := range counts {
			loss[i], width[i] = most-c, 1
		}
		for _, b := range builders {
			i := stream.Choose(loss, width, rate.Num, rate.Den)
			width[i] = 0
			b.Append(s.values[i])
		}
	}
	out := make([]arrow.Array, s.k)
	for i, b := range builders {
		out[i] = b.NewArray()
		b.Release()
	}
	return out
}

// A candidateReader turns values into their places in a public list; others
// are null.
type candidateReader struct {
	encoder *code.Encoder
	places  map[string]uint64
	place   []int64 // code to place, -1 for others
	codes   []uint32
}

func (c *candidateReader) read(columns []arrow.Array, dst []uint64, null []bool) error {
	var err error
	if c.codes, err = c.encoder.Encode(c.codes[:0], columns[0]); err != nil {
		return err
	}
	if from := len(c.place); from < c.encoder.Len() {
		values := c.encoder.ValuesFrom(from)
		for i := range values.Len() {
			place := int64(-1)
			if p, ok := c.places[code.Text(values, i)]; ok && !c.encoder.IsNull(uint32(from+i)) {
				place = int64(p)
			}
			c.place = append(c.place, place)
		}
		values.Release()
	}
	for i, v := range c.codes {
		null[i] = c.place[v] < 0
		dst[i] = uint64(c.place[v])
	}
	return nil
}
