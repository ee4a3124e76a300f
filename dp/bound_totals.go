package dp

import "math/bits"

// Where a release reads nothing of a unit but numbers of rows and totals, a
// unit's rows need no sorting. The units of a bucket are numbered, their rows
// brought together, and then every unit goes through three short loops: its
// groups are numbered, those to keep are chosen, and its rows are added to
// those. A row of a group that is not kept is added to an entry that is thrown
// away, which costs less than asking. Everything else takes the general way
// (slot). Both give the same entries.

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

// A totaller bounds buckets of totals; its memory is reused from bucket to
// bucket.
type totaller struct {
	*bounder

	slots []uint32 // open addressing on bits of the unit's hash: its number+1, 0 where empty
	units []uint64 // words of each unit, by number
	count []uint32 // rows of each unit, then where its next row goes
	of    []uint32 // unit of each record
	rows  []uint64 // records without their unit, by unit

	marks   []uint32 // group to base + its number in the unit at hand, lower where it has none
	places  []groupPlace
	base    uint32
	entryOf []uint32 // number of each row's group
	group   []uint32 // groups of the unit, by number
	to      []uint32 // number of a group to its entry
}

// A groupPlace is a place of the hash table from the groups of one unit to
// their numbers; it is empty where number is not one of the unit at hand.
type groupPlace struct{ group, number uint32 }

// maxMarks is the number of groups up to which a unit's groups are numbered by
// an array of all groups, which then fits a level 1 cache or nearly.
const maxMarks = 1 << 14

// bound appends the contributions of the n records of a bucket to out.
func (t *totaller) bound(k *bucket, n int, out *run, flushAt int, flush func(*run)) {
	if parts := t.numberUnits(k, n); parts == len(t.count) && k.bounded() {
		t.once(k, out, flushAt, flush)
		return
	}
	t.gather(k, n)
	w := t.layout.words - t.layout.unitWords
	from := 0
	for i, end := range t.count {
		u := t.layout.unitWords
		unit, rows := t.units[i*u:i*u+u], t.rows[from*w:int(end)*w]
		if most := t.layout.rowsPerUnit; most > 0 && int64(int(end)-from) > most {
			t.rowsOfUnit(unit, rows, out)
		} else {
			t.unit(unit, rows, out)
		}
		from = int(end)
		if flush != nil && out.len() >= flushAt {
			flush(out)
		}
	}
}

// numberUnits finds the units of a bucket and counts their rows, and how often
// rows of one unit were bounded as they came. Hashes are keyed, so nobody can
// choose units that collide.
func (t *totaller) numberUnits(k *bucket, n int) (parts int) {
	w, u := t.layout.words, t.layout.unitWords
	t.of = extendTo(t.of, n)
	t.units, t.count = t.units[:0], t.count[:0]
	log := max(4, bits.Len(uint(n/4)))
	t.slots = extendTo(t.slots, 1<<log)
	clear(t.slots)
	at := 0
	for _, chunk := range k.chunks {
		for c := chunk.words; len(c) >= w; c = c[w:] {
			h := c[0]
			parts += int(c[u] / firstOfUnit & 1)
			s := h << bucketBits >> (64 - log)
			var unit uint32
			for {
				unit = t.slots[s] - 1 // of none: more than there are
				if uint64(unit) >= uint64(len(t.count)) {
					unit = uint32(len(t.count))
					t.slots[s] = unit + 1
					t.units = append(t.units, c[:u]...)
					t.count = append(t.count, 0)
					if 2*len(t.count) > len(t.slots) {
						log++
						t.growSlots(log)
					}
					break
				}
				if i := int(unit) * u; t.units[i] == h && (u == 1 || t.units[i+1] == c[1]) {
					break
				}
				s = (s + 1) & (1<<log - 1)
			}
			t.count[unit]++
			t.of[at] = unit
			at++
		}
	}
	return parts
}

func (t *totaller) growSlots(log int) {
	t.slots = extendTo(t.slots, 1<<log)
	clear(t.slots)
	for i := range t.count {
		s := t.units[i*t.layout.unitWords] << bucketBits >> (64 - log)
		for t.slots[s] != 0 {
			s = (s + 1) & (1<<log - 1)
		}
		t.slots[s] = uint32(i) + 1
	}
}

// gather copies the records, without their units, to t.rows, unit by unit;
// t.count becomes the end of each unit's.
func (t *totaller) gather(k *bucket, n int) {
	sum := uint32(0)
	for i, c := range t.count {
		t.count[i] = sum
		sum += c
	}
	u := t.layout.unitWords
	w := t.layout.words - u
	t.rows = extendTo(t.rows, n*w)
	of := t.of
	for _, chunk := range k.chunks {
		c := chunk.words
		if u == 1 && w == 2 {
			of = t.gatherPairs(c, chunk.names, of)
			continue
		}
		for ; len(c) >= u+w; c = c[u+w:] {
			at := int(t.count[of[0]])
			t.count[of[0]]++
			of = of[1:]
			to := t.rows[at*w : at*w+w]
			copy(to, c[u:u+w])
			to[0] = chunk.own(to[0])
		}
	}
}

// gatherPairs is gather for a chunk of records of one unit word and one value,
// the most frequent ones; of are their units, and it returns the rest of them.
func (t *totaller) gatherPairs(c []uint64, names *numbering, of []uint32) []uint32 {
	next, rows := t.count, t.rows
	n := len(c) / 3
	rest := of[n:]
	of = of[:n]
	switch {
	case names == nil:
		for i, unit := range of {
			at := next[unit]
			next[unit]++
			rec, to := c[3*i:3*i+3], rows[2*at:2*at+2]
			to[0], to[1] = rec[1], rec[2]
		}
	case names.to != nil:
		table := names.to
		for i, unit := range of {
			at := next[unit]
			next[unit]++
			rec, to := c[3*i:3*i+3], rows[2*at:2*at+2]
			to[0], to[1] = rec[1]&^(1<<32-1)|uint64(table[uint32(rec[1])]), rec[2]
		}
	default:
		first, null := names.first, names.null
		for i, unit := range of {
			at := next[unit]
			next[unit]++
			rec, to := c[3*i:3*i+3], rows[2*at:2*at+2]
			g := uint32(rec[1]) - first
			if uint32(rec[1]) == nullOffset {
				g = null
			}
			to[0], to[1] = rec[1]&^(1<<32-1)|uint64(g), rec[2]
		}
	}
	return rest
}

// rowsOfUnit emits the contributions of a unit with more rows than may be kept
// of one, in the general way.
func (t *totaller) rowsOfUnit(unit, rows []uint64, out *run) {
	b := t.bounder
	u := t.layout.unitWords
	w := t.layout.words - u
	n := len(rows) / w
	b.base = 0
	b.entries = extendTo(b.entries, n*b.stride)
	b.sorted = b.sorted[:0]
	for i := range n {
		at := i * b.stride
		copy(b.entries[at:], unit)
		copy(b.entries[at+u:], rows[i*w:i*w+w])
		b.sorted = append(b.sorted, entryKey(uint32(rows[i*w]))<<28|entryKey(i))
	}
	sortKeys(b.sorted)
	b.rowsOfUnit(nil, b.sorted, out)
}

// unit emits the contributions of one unit.
func (t *totaller) unit(unit, rows []uint64, out *run) {
	l := t.layout
	w := l.words - l.unitWords
	n := len(rows) / w
	t.entryOf, t.group = extendTo(t.entryOf, n), extendTo(t.group, n)
	var groups int
	if t.groups.within(maxMarks) {
		groups = t.markGroups(rows, w)
	} else {
		groups = t.hashGroups(rows, w)
	}
	start := out.len()
	kept := groups
	entryOf := t.entryOf[:n]
	if int64(groups) > t.layout.maxGroups+t.layout.spare {
		kept = t.choose(unit, groups)
		for i, e := range entryOf {
			entryOf[i] = t.to[e]
		}
	}
	out.group = append(out.group, t.group[:kept]...)
	for range kept {
		out.unit = append(out.unit, unit...)
	}
	// One entry more, for rows of groups that are not kept.
	if len(l.inputs) == 1 && w == 2 {
		t.addPairs(rows, start, kept, out)
		return
	}
	count := extend(&out.rows, kept+1)
	for j, e := range entryOf {
		count[e] += l.copies(rows[j*w])
	}
	out.rows = out.rows[:start+kept]
	for i, in := range t.layout.inputs {
		o := &out.inputs[i]
		has, total := extend(&o.has, kept+1), extend(&o.total, kept+1)
		at := in.at - t.layout.unitWords
		for j, e := range entryOf {
			row := rows[j*w : j*w+w]
			if row[0]>>(32+i)&1 != 0 {
				has[e] = true
				total[e] = total[e].add(int128Of(int64(row[at])))
			}
		}
		o.has, o.total = o.has[:start+kept], o.total[:start+kept]
	}
}

// addPairs adds up the rows of a unit with one value each; see unit.
func (t *totaller) addPairs(rows []uint64, start, kept int, out *run) {
	o := &out.inputs[0]
	count, has, total := extend(&out.rows, kept+1), extend(&o.has, kept+1), extend(&o.total, kept+1)
	copyBits := t.layout.copyBits & 63
	rows = rows[:2*len(t.entryOf)]
	for j, e := range t.entryOf {
		head, v := rows[2*j], rows[2*j+1]
		count[e] += int64(1 + head>>copyBits)
		if head>>32&1 != 0 {
			has[e] = true
			total[e] = total[e].add(int128Of(int64(v)))
		}
	}
	out.rows, o.has, o.total = out.rows[:start+kept], o.has[:start+kept], o.total[:start+kept]
}

// newBase begins the numbering of another unit's groups, of which there are at
// most n.
func (t *totaller) newBase(n int) {
	if t.base > 1<<32-1-uint32(n) {
		clear(t.marks)
		clear(t.places)
		t.base = 1
	}
}

// markGroups numbers the distinct groups of a unit, with an array of all
// groups. Whether a group is new is as good as a coin, so nothing branches on
// it.
func (t *totaller) markGroups(rows []uint64, w int) int {
	if t.marks == nil {
		t.marks = make([]uint32, maxMarks)
		t.base = max(t.base, 1)
	}
	t.newBase(len(t.entryOf))
	base, marks, group := t.base, t.marks[:maxMarks], t.group
	d := uint32(0)
	for i := range t.entryOf {
		g := uint32(rows[i*w])
		group[d] = g
		e := marks[g&(maxMarks-1)] - base // wraps around for a group not met
		fresh := uint32((uint64(e)-uint64(d))>>63) - 1
		e = e&^fresh | d&fresh
		d -= fresh // plus one if new
		marks[g&(maxMarks-1)] = base + e
		t.entryOf[i] = e
	}
	t.base += d
	return int(d)
}

// hashGroups is markGroups with a hash table. The hash of a group's number is
// multiplication by a secret, so that nobody can choose groups that collide.
func (t *totaller) hashGroups(rows []uint64, w int) int {
	log := bits.Len(uint(2*len(t.entryOf) - 1)) // at least half of the places stay empty
	if 1<<log > len(t.places) {
		t.places = make([]groupPlace, 1<<log)
		t.base = max(t.base, 1)
	}
	t.newBase(len(t.entryOf))
	base, places, group := t.base, t.places[:1<<log], t.group
	mask := 1<<log - 1
	d := uint32(0)
	for i := range t.entryOf {
		g := uint32(rows[i*w])
		p := int(uint64(g) * t.spread >> (64 - log))
		e := places[p].number - base
		for e < d && places[p].group != g {
			p = (p + 1) & mask
			e = places[p].number - base
		}
		if e >= d {
			e = d
			places[p] = groupPlace{g, base + d}
			group[d] = g
			d++
		}
		t.entryOf[i] = e
	}
	t.base += d
	return int(d)
}

// choose moves the groups that are kept of a unit's to the front of t.group and
// returns how many they are; t.to says where each has gone, those that are not
// kept behind the last.
func (t *totaller) choose(unit []uint64, groups int) int {
	chosen := t.selectGroups(unit, t.group[:groups])
	t.to = extendTo(t.to, groups)
	for i := range t.to {
		t.to[i] = uint32(len(chosen))
	}
	for to, i := range chosen {
		t.to[i] = uint32(to)
		t.group[to] = t.group[i]
	}
	return len(chosen)
}

// extend appends n zeros to a slice and returns them.
func extend[T any](s *[]T, n int) []T {
	from := len(*s)
	if from+n > cap(*s) {
		grown := make([]T, from, 2*(from+n))
		copy(grown, *s)
		*s = grown
	}
	*s = (*s)[:from+n]
	added := (*s)[from:]
	clear(added)
	return added
}

// extendTo makes a slice n long; what it holds is arbitrary.
func extendTo[T any](s []T, n int) []T {
	if n > cap(s) {
		return make([]T, n, 2*n)
	}
	return s[:n]
}
