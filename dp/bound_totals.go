package dp

import (
	"math/bits"
	"slices"
)

// Where a release reads nothing of a unit but numbers of rows and totals, a
// unit's rows need no sorting: they are added up group by group as they come,
// in the run itself, and the groups that are not kept are taken out of it
// again. bound does so for slots of one unit, which most are; everything else
// takes the general way (slot). Both give the same entries.

// onlyTotals reports whether all that is kept of a unit's rows in a group is
// their number and totals.
func (l *layout) onlyTotals() bool {
	for _, in := range l.inputs {
		if in.kind != totals {
			return false
		}
	}
	return !l.unitIsRow
}

// oneUnit reports whether the entries from to to are all of one unit.
func (b *bounder) oneUnit(from, to int) bool {
	u, first := b.layout.unitWords, from*b.stride
	differ := uint64(0)
	for at := first + b.stride; at < to*b.stride; at += b.stride {
		differ |= b.entries[at] ^ b.entries[first]
		if u == 2 {
			differ |= b.entries[at+1] ^ b.entries[first+1]
		}
	}
	return differ == 0
}

// addUp emits the contributions of one unit, whose records are the entries from
// to to.
func (b *bounder) addUp(from, to int, out *run) {
	start := out.len()
	b.numberGroups(from, to, out)
	n := out.len() - start
	rows := extend(&out.rows, n)
	for _, e := range b.entryOf {
		rows[e]++
	}
	for i, in := range b.layout.inputs {
		b.addInput(from, i, in, extend(&out.inputs[i].has, n), extend(&out.inputs[i].total, n))
	}
	unit := b.entries[from*b.stride:][:b.layout.unitWords]
	if int64(n) > b.layout.maxGroups {
		out.keep(start, b.selectGroups(unit, out.group[start:]))
	}
	for range out.len() - start {
		out.unit = append(out.unit, unit...)
	}
}

// extend appends n zeros to a slice and returns them.
func extend[T any](s *[]T, n int) []T {
	from := len(*s)
	*s = slices.Grow(*s, n)[:from+n]
	added := (*s)[from:]
	clear(added)
	return added
}

// numberGroups appends the distinct groups of some records to out and writes to
// b.entryOf which of them each record is in. The hash of a group's number is
// multiplication by a secret, so that nobody can choose groups that collide.
func (b *bounder) numberGroups(from, to int, out *run) {
	n := to - from
	log := bits.Len(uint(2*n - 1)) // at least half of the places stay empty
	if 1<<log > len(b.places) {
		b.places = make([]groupPlace, 1<<log)
	}
	places := b.places[:1<<log]
	clear(places)
	b.entryOf = extendTo(b.entryOf, n)
	start, mask, at := uint32(out.len()), 1<<log-1, from*b.stride+b.layout.unitWords
	for i := range b.entryOf {
		g := uint32(b.entries[at])
		at += b.stride
		p := int(uint64(g) * b.spread >> (64 - log))
		for places[p].entry != 0 && places[p].group != g {
			p = (p + 1) & mask
		}
		if places[p].entry == 0 {
			out.group = append(out.group, g)
			places[p] = groupPlace{g, uint32(out.len()) - start}
		}
		b.entryOf[i] = places[p].entry - 1
	}
}

// A groupPlace is a place of the hash table from the groups of one unit to its
// entries in a run.
type groupPlace struct {
	group uint32
	entry uint32 // counted from 1 for the unit's first, 0 where empty
}

// extendTo makes a slice n long; what it holds is arbitrary.
func extendTo[T any](s []T, n int) []T {
	if n > cap(s) {
		return make([]T, n, 2*n)
	}
	return s[:n]
}

// addInput adds the values of input i to the entries of the records.
func (b *bounder) addInput(from, i int, in *input, has []bool, total []int128) {
	at, head := from*b.stride+in.at, from*b.stride+b.layout.unitWords
	for _, e := range b.entryOf {
		if b.entries[head]>>(32+i)&1 != 0 {
			has[e] = true
			total[e] = total[e].add(int128Of(int64(b.entries[at])))
		}
		at += b.stride
		head += b.stride
	}
}

// keep drops the entries from start on but for those given, in rising order and
// counted from start. The run has totals only, and no units for them yet.
func (r *run) keep(start int, kept []int) {
	for to, i := range kept {
		r.group[start+to], r.rows[start+to] = r.group[start+i], r.rows[start+i]
	}
	end := start + len(kept)
	r.group, r.rows = r.group[:end], r.rows[:end]
	for j := range r.inputs {
		in := &r.inputs[j]
		for to, i := range kept {
			in.has[start+to], in.total[start+to] = in.has[start+i], in.total[start+i]
		}
		in.has, in.total = in.has[:end], in.total[:end]
	}
}
