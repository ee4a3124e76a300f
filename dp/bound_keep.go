package dp

import (
	"cmp"
	"slices"

	"github.com/oboro-data/oboro/internal/prf"
)

// emit appends the contribution of one unit in one kept group.
func (b *bounder) emit(k *bucket, unit []uint64, g keptGroup, out *run) {
	out.unit = append(out.unit, unit...)
	group := b.sorted[g.from].group()
	out.group = append(out.group, group)
	u := b.layout.unitWords
	rows := int64(0)
	for _, e := range b.sorted[g.from:g.to] {
		if at := b.at(e); b.entries[at+u]&fromRun == 0 {
			rows += b.layout.copies(b.entries[at+u])
		} else {
			rows += k.earlier(b.entries[at+u+1]).rows
		}
	}
	out.rows = append(out.rows, rows)
	for i, in := range b.layout.inputs {
		o := &out.inputs[i]
		switch in.kind {
		case totals:
			b.total(k, i, in, g, o)
		case samples:
			b.sample(k, i, in, unit, group, g, o)
		case sets:
			b.set(k, i, in, g, o)
		}
	}
}

// An earlierEntry is an entry of an earlier run of the bucket.
type earlierEntry struct {
	run  *run
	i    int
	rows int64
}

func (k *bucket) earlier(place uint64) earlierEntry {
	r, i := k.runs[place>>32], int(uint32(place))
	return earlierEntry{r, i, r.rows[i]}
}

func (b *bounder) total(k *bucket, i int, in *input, g keptGroup, o *runInput) {
	var sum int128
	has := false
	u := b.layout.unitWords
	for _, e := range b.sorted[g.from:g.to] {
		at := b.at(e)
		head := b.entries[at+u]
		if head&fromRun != 0 {
			p := k.earlier(b.entries[at+u+1])
			has = has || p.run.inputs[i].has[p.i]
			sum = sum.add(p.run.inputs[i].total[p.i])
		} else if head>>(32+i)&1 != 0 {
			has = true
			sum = sum.add(int128Of(int64(b.entries[at+in.at])))
		}
	}
	o.has = append(o.has, has)
	o.total = append(o.total, sum)
}

// sample keeps in.limit of the unit's rows in the group. Distinct values are
// taken in the order of their keyed hash, each with its multiplicity, until the
// limit is full. Samples merge: a row left out of a part had in.limit rows of
// lesser hash before it in that part, so it is left out of the whole.
func (b *bounder) sample(k *bucket, i int, in *input, unit []uint64, group uint32, g keptGroup, o *runInput) {
	u := b.layout.unitWords
	b.picks = b.picks[:0]
	for _, e := range b.sorted[g.from:g.to] {
		at := b.at(e)
		head := b.entries[at+u]
		if head&fromRun != 0 {
			p := k.earlier(b.entries[at+u+1])
			values, first := p.run.inputs[i].values(p.i, 1)
			for j, v := range values {
				c := p.run.inputs[i].count[first+j]
				b.picks = append(b.picks, pick{value: v, count: c})
			}
		} else if head>>(32+i)&1 != 0 {
			b.picks = append(b.picks, pick{value: b.entries[at+in.at], count: 1})
		}
	}
	b.emitPicks(in, unit, group, o)
}

// emitPicks appends at most in.limit of the rows in b.picks.
func (b *bounder) emitPicks(in *input, unit []uint64, group uint32, o *runInput) {
	b.picks = mergePicks(b.picks)
	rows := int64(0)
	for _, p := range b.picks {
		rows += p.count
	}
	if rows > in.limit {
		prefix := b.keys.rows.Prefix(unit...).Append(b.groups.word(group))
		b.picks = keepPicks(b.picks, prefix, in.limit)
	}
	for _, p := range b.picks {
		o.value = append(o.value, p.value)
		o.count = append(o.count, p.count)
	}
	o.end = append(o.end, uint32(len(o.count)))
}

// mergePicks sorts picks by value and joins equal ones.
func mergePicks(picks []pick) []pick {
	if len(picks) < 2 {
		return picks
	}
	slices.SortFunc(picks, func(x, y pick) int { return cmp.Compare(int64(x.value), int64(y.value)) })
	out := picks[:1]
	for _, p := range picks[1:] {
		if last := &out[len(out)-1]; last.value == p.value {
			last.count += p.count
		} else {
			out = append(out, p)
		}
	}
	return out
}

// keepPicks keeps limit rows of distinct values, sorted by value again.
func keepPicks(picks []pick, prefix prf.Prefix, limit int64) []pick {
	for i := range picks {
		picks[i].priority = prefix.Sum64(picks[i].value)
	}
	slices.SortFunc(picks, func(x, y pick) int {
		return cmp.Or(cmp.Compare(x.priority, y.priority), cmp.Compare(int64(x.value), int64(y.value)))
	})
	n := 0
	for ; n < len(picks) && limit > 0; n++ {
		picks[n].count = min(picks[n].count, limit)
		limit -= picks[n].count
	}
	picks = picks[:n]
	slices.SortFunc(picks, func(x, y pick) int { return cmp.Compare(int64(x.value), int64(y.value)) })
	return picks
}

// set collects the distinct values of a unit in a group, sorted.
func (b *bounder) set(k *bucket, i int, in *input, g keptGroup, o *runInput) {
	u, w := b.layout.unitWords, in.words
	b.words = b.words[:0]
	for _, e := range b.sorted[g.from:g.to] {
		at := b.at(e)
		head := b.entries[at+u]
		if head&fromRun != 0 {
			p := k.earlier(b.entries[at+u+1])
			values, _ := p.run.inputs[i].values(p.i, w)
			b.words = append(b.words, values...)
		} else if head>>(32+i)&1 != 0 {
			b.words = append(b.words, b.entries[at+in.at:at+in.at+w]...)
		}
	}
	in.emitSet(b.words, o)
}

// emitSet appends the distinct ones of some values, sorted. It reorders values.
func (in *input) emitSet(values []uint64, o *runInput) {
	w, before := in.words, len(o.value)
	if w == 1 {
		slices.Sort(values)
		o.value = append(o.value, slices.Compact(values)...)
	} else {
		pairs := make([][2]uint64, 0, len(values)/2)
		for j := 0; j < len(values); j += 2 {
			pairs = append(pairs, [2]uint64(values[j:]))
		}
		slices.SortFunc(pairs, func(x, y [2]uint64) int {
			return cmp.Or(cmp.Compare(x[0], y[0]), cmp.Compare(x[1], y[1]))
		})
		for _, p := range slices.Compact(pairs) {
			o.value = append(o.value, p[0], p[1])
		}
	}
	end := uint32((len(o.value) - before) / w)
	if len(o.end) > 0 {
		end += o.end[len(o.end)-1]
	}
	o.end = append(o.end, end)
}
