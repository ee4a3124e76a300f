package dp

import (
	"bytes"
	"math"
	"math/bits"
	"slices"
)

// A bounder turns the records of one bucket into a run: it brings the records
// of a unit together, keeps the unit's groups of least keyed hash, and adds up
// or samples the unit's rows in each. What it keeps of a unit depends on that
// unit's records and the secret key, on nothing else. It is used by one
// goroutine; its memory is reused from bucket to bucket.
type bounder struct {
	layout *layout
	groups *groupTable
	keys   boundKeys

	stride  int      // words of an entry
	entries []uint64 // records and entries of earlier runs, by unit hash
	starts  []uint32
	base    int        // first entry of the slot
	units   []int      // an entry of each unit of a slot
	sorted  []entryKey // entries of up to 16 units
	kept    []keptGroup
	picks   []pick
	words   []uint64
	values  []uint64

	unitGroups []uint32 // selectGroups: groups of a unit
	prio       []uint64 // their priorities, and a copy to reorder
	chosen     []int    // those kept

	ofUnit  []unitRow // rowsOfUnit: distinct rows of a unit
	cutRows int64     // units that rowsOfUnit cut since this was last read
	partial bool      // what comes out stays apart row by row where the layout is byRow

	plain  bool // every bucket takes the general way
	totals *totaller
	spread uint64

	loaded []uint64 // load: what was read back
}

// An entry of an earlier run stands among the records as its unit, its group
// with this bit set, and its place: run number and position.
const fromRun = 1 << 63

// An entryKey is a number of a unit (4 bits), a group (32 bits) and the place
// of an entry in its slot (28 bits; maxRaw keeps slots small enough), so that
// plain order brings together the entries of a unit, and among them those of a
// group.
type entryKey uint64

const placeInSlot = 1<<28 - 1

// unitsAtOnce is the number of units that entry keys tell apart.
const unitsAtOnce = 16

func (k entryKey) group() uint32 { return uint32(k >> 28) }

// A keptGroup is a range of sorted entries: one unit in one group.
type keptGroup struct{ from, to int }

// A pick is a distinct sampled value on its way to being kept or not.
type pick struct {
	value, priority uint64
	count           int64
}

func newBounder(l *layout, groups *groupTable, keys boundKeys) *bounder {
	b := &bounder{
		layout: l, groups: groups, keys: keys, stride: max(l.words, l.unitWords+2),
		plain: !l.onlyTotals(), spread: keys.groups.Sum64([]byte("spread")) | 1,
	}
	b.totals = &totaller{bounder: b}
	return b
}

// perSlot is the number of entries that share a slot of the counting sort on
// average. It is less than the rows of most units, so that a slot mostly has one.
const perSlot = 2

// bound appends the contributions of a bucket to out, after every flushAt
// entries calling flush (if not nil), which empties out. Entries of a unit come
// out together, in no particular order.
func (b *bounder) bound(k *bucket, out *run, flushAt int, flush func(*run)) {
	n := k.records(b.layout.words)
	for _, r := range k.runs {
		n += r.len()
	}
	if n == 0 {
		return
	}
	if !b.plain && len(k.runs) == 0 && !(b.partial && b.layout.rowsPerUnit > 0) {
		b.totals.bound(k, n, out, flushAt, flush)
	} else {
		b.cluster(k, n)
		for s := 0; s+1 < len(b.starts); s++ {
			if from, to := int(b.starts[s]), int(b.starts[s+1]); from < to {
				b.slot(k, from, to, out)
			}
			if flush != nil && out.len() >= flushAt {
				flush(out)
			}
		}
	}
	if flush != nil && out.len() > 0 {
		flush(out)
	}
}

// slot bounds the units of one slot of the counting sort, a few at a time.
func (b *bounder) slot(k *bucket, from, to int, out *run) {
	b.base = from
	b.units = b.units[:0]
	for first := 0; ; first += unitsAtOnce {
		b.sorted = b.sorted[:0]
		for i := from; i < to; i++ {
			u := b.unitNumber(i)
			if u < first || u >= first+unitsAtOnce {
				continue
			}
			b.sorted = append(b.sorted, entryKey(u-first)<<60|entryKey(uint32(b.entries[i*b.stride+b.layout.unitWords]))<<28|entryKey(i-from))
		}
		sortKeys(b.sorted)
		for i := 0; i < len(b.sorted); {
			j := i + 1
			for j < len(b.sorted) && b.sorted[i]>>60 == b.sorted[j]>>60 {
				j++
			}
			b.unit(k, i, j, out)
			i = j
		}
		if first+unitsAtOnce >= len(b.units) {
			return
		}
	}
}

// unitNumber numbers the units of a slot in the order of first sight.
func (b *bounder) unitNumber(i int) int {
	for n, j := range b.units {
		if b.entries[i*b.stride] == b.entries[j*b.stride] && (b.layout.unitWords == 1 || b.entries[i*b.stride+1] == b.entries[j*b.stride+1]) {
			return n
		}
	}
	b.units = append(b.units, i)
	return len(b.units) - 1
}

// sortKeys sorts a few keys by insertion, many by the library.
func sortKeys(keys []entryKey) {
	if len(keys) > 24 {
		slices.Sort(keys)
		return
	}
	for i := 1; i < len(keys); i++ {
		k, j := keys[i], i
		for ; j > 0 && k < keys[j-1]; j-- {
			keys[j] = keys[j-1]
		}
		keys[j] = k
	}
}

// cluster copies records and run entries into b.entries, ordered by the bits
// of the unit hash below those that chose the bucket.
func (b *bounder) cluster(k *bucket, n int) {
	bits := 0
	for n>>bits > perSlot && bits < 16 {
		bits++
	}
	shift := 64 - bucketBits - bits
	mask := uint64(1)<<bits - 1
	slots := int(mask) + 1
	b.starts = slices.Grow(b.starts[:0], slots+2)[:slots+2]
	clear(b.starts)
	w, u := b.layout.words, b.layout.unitWords
	count := b.starts[2:]
	for _, c := range k.chunks {
		for i := 0; i < len(c.words); i += w {
			count[c.words[i]>>shift&mask]++
		}
	}
	for _, r := range k.runs {
		for i := 0; i < len(r.unit); i += u {
			count[r.unit[i]>>shift&mask]++
		}
	}
	for i := 1; i < len(b.starts); i++ {
		b.starts[i] += b.starts[i-1]
	}
	b.entries = slices.Grow(b.entries[:0], n*b.stride)[:n*b.stride]
	next := b.starts[1:] // next[s] is where the next entry of slot s goes; in the end, where slot s ends
	for _, c := range k.chunks {
		for i := 0; i < len(c.words); i += w {
			rec := c.words[i : i+w]
			s := rec[0] >> shift & mask
			at := int(next[s]) * b.stride
			next[s]++
			copy(b.entries[at:at+w], rec)
			b.entries[at+u] = c.own(rec[u])
		}
	}
	for ri, r := range k.runs {
		for i, g := range r.group {
			unit := r.unit[i*u : i*u+u]
			s := unit[0] >> shift & mask
			at := int(next[s]) * b.stride
			next[s]++
			copy(b.entries[at:], unit)
			b.entries[at+u] = fromRun | uint64(g)
			b.entries[at+u+1] = uint64(ri)<<32 | uint64(i)
		}
	}
	b.starts = b.starts[:slots+1]
}

// unit emits the contributions of one unit, the sorted entries i to j.
func (b *bounder) unit(k *bucket, i, j int, out *run) {
	switch {
	case b.layout.unitIsRow:
		b.equalRows(k, i, j, out)
		return
	case b.layout.rowsPerUnit > 0:
		b.rowsOfUnit(k, b.sorted[i:j], out)
		return
	}
	b.kept = b.kept[:0]
	for i < j {
		from, g := i, b.sorted[i].group()
		for i < j && b.sorted[i].group() == g {
			i++
		}
		b.kept = append(b.kept, keptGroup{from, i})
	}
	unit := b.unitWords(b.sorted[b.kept[0].from])
	if int64(len(b.kept)) > b.layout.maxGroups+b.layout.spare {
		b.unitGroups = b.unitGroups[:0]
		for _, g := range b.kept {
			b.unitGroups = append(b.unitGroups, b.sorted[g.from].group())
		}
		chosen := b.selectGroups(unit, b.unitGroups)
		for to, i := range chosen {
			b.kept[to] = b.kept[i]
		}
		b.kept = b.kept[:len(chosen)]
	}
	for _, g := range b.kept {
		b.emit(k, unit, g, out)
	}
}

// at is the place of an entry in b.entries.
func (b *bounder) at(e entryKey) int { return (b.base + int(e&placeInSlot)) * b.stride }

func (b *bounder) unitWords(e entryKey) []uint64 {
	at := b.at(e)
	return b.entries[at : at+b.layout.unitWords]
}

// selectGroups returns which maxGroups of a unit's groups are kept, in rising
// order: those of least priority, the keyed hash of the unit and the group's
// word. Groups of one priority, which have one word, are ordered by their key
// bytes. There are more groups than maxGroups; the result is valid until the
// next call.
func (b *bounder) selectGroups(unit []uint64, groups []uint32) []int {
	n := len(groups)
	b.prio = extendTo(b.prio, 2*n)
	prio, scratch := b.prio[:n], b.prio[n:]
	b.groups.wordsOf(groups, prio)
	prefix := b.keys.groups.Prefix(unit...)
	prefix.Sums64(prio)
	limit := int(b.layout.maxGroups + b.layout.spare)
	if len(b.chosen) <= n {
		b.chosen = make([]int, 2*n)
	}
	bar := likelyLeast(prio, scratch, limit)
	if chosen := upTo(prio, bar, b.chosen); chosen == limit {
		return b.chosen[:chosen]
	}
	// Two groups of one priority, or nearly equal priorities of very many.
	copy(scratch, prio)
	bar = nthLeast(scratch, limit-1)
	chosen := b.chosen[:upTo(prio, bar, b.chosen)]
	if extra := len(chosen) - limit; extra > 0 {
		chosen = b.dropTied(chosen, groups, bar, extra)
	}
	return chosen
}

// upTo writes the places of the elements that are at most bar to dst, which has
// room for one more, and returns how many they are.
func upTo(xs []uint64, bar uint64, dst []int) int {
	n := 0
	for i, x := range xs {
		dst[n] = i
		_, above := bits.Sub64(bar, x, 0)
		n += 1 - int(above)
	}
	return n
}

// maxLikely is the limit up to which likelyLeast counts down.
const maxLikely = 64

// likelyLeast is nthLeast of limit-1 for numbers that are spread evenly over
// all of 64 bits: those below the share of limit among them, and a few more,
// are set apart, and the greatest of these are left out one by one. Where two
// numbers are equal it may return another number. Nothing in it branches on the
// numbers but at the ends of loops.
func likelyLeast(xs, scratch []uint64, limit int) uint64 {
	n := len(xs)
	if limit > maxLikely {
		copy(scratch, xs)
		return nthLeast(scratch, limit-1)
	}
	share := float64(limit) + math.Sqrt(float64(limit)*float64(n-limit)/float64(n))
	below := uint64(share / float64(n) * (1 << 63) * 2)
	few := 0
	for _, x := range xs {
		scratch[few] = x
		_, less := bits.Sub64(x, below, 0)
		few += int(less)
	}
	if few < limit {
		bar := below - 1
		for range limit - few {
			next := uint64(math.MaxUint64)
			for _, x := range xs {
				if x <= bar {
					x = math.MaxUint64
				}
				next = min(next, x)
			}
			bar = next
		}
		return bar
	}
	xs = scratch[:few]
	bar := slices.Max(xs)
	for range few - limit {
		next := uint64(0)
		for _, x := range xs {
			if x >= bar {
				x = 0
			}
			next = max(next, x)
		}
		bar = next
	}
	return bar
}

// dropTied leaves out, of the chosen groups whose priority is bar, as many as
// are too much: the last in the order of key bytes.
func (b *bounder) dropTied(chosen []int, groups []uint32, bar uint64, extra int) []int {
	var tied []int
	for _, i := range chosen {
		if b.prio[i] == bar {
			tied = append(tied, i)
		}
	}
	slices.SortFunc(tied, func(x, y int) int { return bytes.Compare(b.groups.key(groups[x]), b.groups.key(groups[y])) })
	return slices.DeleteFunc(chosen, func(i int) bool { return slices.Contains(tied[len(tied)-extra:], i) })
}

// nthLeast returns the element that has n lesser or equal ones before it in
// order. It reorders xs (Hoare's selection).
func nthLeast(xs []uint64, n int) uint64 {
	lo, hi := 0, len(xs)-1
	for lo < hi {
		p := median(xs[lo], xs[lo+(hi-lo)/2], xs[hi])
		i, j := lo, hi
		for i <= j {
			for xs[i] < p {
				i++
			}
			for xs[j] > p {
				j--
			}
			if i <= j {
				xs[i], xs[j] = xs[j], xs[i]
				i++
				j--
			}
		}
		switch {
		case n <= j:
			hi = j
		case n >= i:
			lo = i
		default:
			return xs[n]
		}
	}
	return xs[n]
}

func median(a, b, c uint64) uint64 { return max(min(a, b), min(max(a, b), c)) }
