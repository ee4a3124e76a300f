package dp

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/internal/noise"
)

// A Release is a finished table of noised statistics, sorted by key. It may be
// published. It is an arrowio.Source over memory, safe for use by several
// goroutines.
type Release struct {
	plan   *Plan
	record arrow.Record
	cuts   []Cut
}

// Cuts are the shares of units that each bound cut, nil where Query.Diagnostics
// did not ask.
func (r *Release) Cuts() []Cut { return slices.Clone(r.cuts) }

// Plan is the plan that was carried out.
func (r *Release) Plan() *Plan { return r.plan }

// Groups is the number of groups released.
func (r *Release) Groups() int64 { return r.record.NumRows() }

// Record is the whole table. It must not be released by the caller.
func (r *Release) Record() arrow.Record { return r.record }

// Schema is that of Plan.Schema.
func (r *Release) Schema() *arrow.Schema { return r.record.Schema() }

// releaseBatch is the number of rows of a batch of a release.
const releaseBatch = 1 << 16

// Open reads the table; see arrowio.Source.
func (r *Release) Open(ctx context.Context, columns ...string) (array.RecordReader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	schema, cols := r.Schema(), r.record.Columns()
	if len(columns) > 0 {
		fields := make([]arrow.Field, len(columns))
		cols = make([]arrow.Array, len(columns))
		for i, name := range columns {
			at := schema.FieldIndices(name)
			if len(at) == 0 {
				return nil, fault.Planf("the release has no column %q", name)
			}
			fields[i], cols[i] = schema.Field(at[0]), r.record.Column(at[0])
		}
		schema = arrow.NewSchema(fields, nil)
	}
	whole := array.NewRecord(schema, cols, r.record.NumRows())
	defer whole.Release()
	var batches []arrow.Record
	for from := int64(0); from < whole.NumRows(); from += releaseBatch {
		batches = append(batches, whole.NewSlice(from, min(from+releaseBatch, whole.NumRows())))
	}
	defer func() {
		for _, b := range batches {
			b.Release()
		}
	}()
	return array.NewRecordReader(schema, batches)
}

// release draws the noise of every statistic, once, and makes the table.
//
// Private groups: the number of units of every group that has one is noised,
// and those that reach the threshold are kept. A group of nobody is not looked
// at, whether it was met in rows that bounding dropped or not at all. The other
// statistics are noised for kept groups only: draws are independent of one
// another and nobody sees those of the others, so what is released has the
// distribution that noising everything first would give.
func (a *Accumulator) release() (*Release, error) {
	p := a.plan
	t, err := a.tally(p.query.Workers)
	if err != nil {
		return nil, err
	}
	stream := noise.NewStream()
	defer stream.Close()

	groups, counts, err := a.selectReleased(t, stream)
	if err != nil {
		return nil, err
	}
	keys := make([][]byte, len(groups))
	for i, g := range groups {
		keys[i] = a.groups.key(g)
	}
	columns, ok := keyArrays(keyTypes(p.keyTypes, p.levels), keys)
	if !ok {
		return nil, errState
	}
	for i, s := range p.statistics[:len(p.query.Aggregates)] {
		switch s := s.(type) {
		case chooser:
			columns = append(columns, s.release(t, groups, p.calibration.Rates[i], stream)...)
		case additive:
			sums := counts
			if i != p.selector {
				if sums, err = p.noised(t, i, groups, stream); err != nil {
					return nil, err
				}
			}
			if p.hasInterval(s) {
				columns = append(columns, p.intervals(s, i, sums)...)
			} else {
				columns = append(columns, s.columns(sums)...)
			}
		}
	}
	rec := array.NewRecord(p.schema, columns, int64(len(groups)))
	for _, c := range columns {
		c.Release()
	}
	rel := &Release{plan: p, record: rec}
	if p.cuts != nil {
		rel.cuts, err = p.cuts.release(p, t.cut, stream)
	}
	return rel, err
}

// selectReleased returns the groups to release in the order of their keys, and
// their noised numbers of units where there is a selector.
func (a *Accumulator) selectReleased(t *tally, stream *noise.Stream) (groups []uint32, counts [][]int128, err error) {
	p := a.plan
	for g := range uint32(a.groups.len()) {
		if p.publicKeys != nil || (int128{}).less(t.sums[p.statistics[p.selector].(*countUnits).at].of(g)) {
			groups = append(groups, g)
		}
	}
	byKey := func(x, y uint32) int { return bytes.Compare(a.groups.key(x), a.groups.key(y)) }
	if a.groups.dense != nil {
		byKey = cmp.Compare[uint32]
	}
	if p.selector < 0 {
		slices.SortFunc(groups, byKey)
		return groups, nil, nil
	}
	all, err := p.noised(t, p.selector, groups, stream)
	if err != nil {
		return nil, nil, err
	}
	threshold := int128{hi: math.MinInt64}
	if sel := p.calibration.Selection; sel != nil {
		threshold = int128Of(sel.Threshold)
	} else if p.query.MinUnits > 0 {
		threshold = int128Of(p.query.MinUnits)
	}
	var kept []int
	for i := range groups {
		if !all[0][i].less(threshold) {
			kept = append(kept, i)
		}
	}
	slices.SortFunc(kept, func(x, y int) int { return byKey(groups[x], groups[y]) })
	released := make([]uint32, len(kept))
	counts = [][]int128{make([]int128, len(kept))}
	for i, k := range kept {
		released[i], counts[0][i] = groups[k], all[0][k]
	}
	return released, counts, nil
}

// noised returns the sums of a statistic for some groups, with noise.
func (p *Plan) noised(t *tally, i int, groups []uint32, stream *noise.Stream) ([][]int128, error) {
	s := p.statistics[i].(additive)
	out := make([][]int128, s.width())
	hi, lo := make([]int64, len(groups)), make([]uint64, len(groups))
	for j := range out {
		for k, g := range groups {
			x := t.sums[s.first()+j].of(g)
			hi[k], lo[k] = x.hi, x.lo
		}
		if err := p.calibration.Mechanisms[i].addWide(stream, hi, lo); err != nil {
			return nil, err
		}
		out[j] = make([]int128, len(groups))
		for k := range groups {
			out[j][k] = int128{hi[k], lo[k]}
		}
	}
	return out, nil
}

// hasInterval reports whether a statistic gets columns for a confidence
// interval: where Confidence asks for them and its columns are its sums.
func (p *Plan) hasInterval(s statistic) bool {
	a, ok := s.(additive)
	if !ok || p.query.Confidence == 0 {
		return false
	}
	if h, ok := s.(*histogram); ok && h.cumulative {
		return false
	}
	_, direct := a.unit()
	return direct
}

// fields are the output columns of a statistic, with the ends of its interval.
func (p *Plan) fields(s statistic) []arrow.Field {
	if p.hasInterval(s) {
		return slices.Concat(s.fields(), intervalFields(s.fields()))
	}
	return s.fields()
}

func intervalFields(fields []arrow.Field) []arrow.Field {
	var out []arrow.Field
	for _, end := range []string{"_low", "_high"} {
		for _, f := range fields {
			out = append(out, arrow.Field{Name: f.Name + end, Type: f.Type})
		}
	}
	return out
}

// intervals returns the columns of a statistic, then their lower and upper
// ends: noise is symmetric, so the sum before noise is within c of the noised
// one with the probability that noise is within c.
func (p *Plan) intervals(s additive, i int, sums [][]int128) []arrow.Array {
	c := int128Of(p.calibration.Mechanisms[i].Interval(p.query.Confidence))
	low, high := make([][]int128, len(sums)), make([][]int128, len(sums))
	for j, xs := range sums {
		for _, x := range xs {
			low[j], high[j] = append(low[j], x.sub(c)), append(high[j], x.add(c))
		}
	}
	return slices.Concat(s.columns(sums), s.columns(low), s.columns(high))
}
