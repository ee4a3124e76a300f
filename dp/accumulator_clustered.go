package dp

import "slices"

// Input is often clustered by unit: a log per customer, a table sorted by its
// key. Nobody has to say so. Where the units of a block change seldom, the rows
// of a unit that stand together are bounded at once, before they are stored: a
// record then stands for all of the unit's rows in one group, and there are no
// more of them than a unit may have groups. In the end such records need no
// second look where their unit did not come back. If it did, later in the input
// or in another accumulator, they are bounded again together, as rows are: groups
// that were left out of a part are left out of the whole, and totals add up.
//
// The head of such a record is that of a row, with two more things in it. Bits
// 48 to 62 count the rows beyond the first, and bit 47 marks the first record
// of those that were bounded together. The rows (unit 7, group 3, 20 steps),
// (7, 3, 22) and (7, 5, null) become
//
//	mixed 7 | 1<<48 + 1<<47 + 1<<32 + 3 | 42
//	mixed 7 | 5                         |  0
const (
	copiesShift = 48
	maxCopies   = 1 << 15
	firstOfUnit = 1 << 47
)

// combines reports whether rows can be joined into one record before they are
// stored: there are totals only, and room in the head.
func (l *layout) combines() bool {
	return l.onlyTotals() && l.rowsPerUnit == 0 && len(l.inputs) < 16
}

// copies is the number of rows that a record with this head stands for.
func (l *layout) copies(head uint64) int64 { return int64(1 + head>>(l.copyBits&63)) }

// rowsTogether is the least number of rows between changes of the unit, on
// average over a block, for which it pays to bound units as they come.
const rowsTogether = 3

// clustered reports whether the units of a block change seldom.
func (a *Accumulator) clustered(n int) bool {
	u := a.layout.unitWords
	unit := a.scratch.unit[:n*u]
	if !a.layout.combines() || n == 0 {
		return false
	}
	changes, last := 1, unit[0]
	for i := u; i < len(unit); i += u {
		if unit[i] != last {
			changes++
		}
		last = unit[i]
	}
	return rowsTogether*changes <= n
}

// A pending unit is the last of a block, whose rows may go on in the next one.
type pending struct {
	totaller *totaller
	out      *run
	unit     []uint64
	rows     []uint64 // as in totaller.rows
}

// maxPending is the number of rows of one unit after which they are bounded
// even if more follow.
const maxPending = 1 << 16

// appendUnits bounds the units of a block as they come and writes the records
// of all but the last.
func (a *Accumulator) appendUnits(group []uint32) {
	s, l, p := &a.scratch, a.layout, &a.pending
	u := l.unitWords
	w := l.words - u
	if u == 1 && w == 2 {
		a.appendUnitsThree(group)
		return
	}
	for i, g := range group {
		if g == noGroup || s.noUnit[i] {
			continue
		}
		unit := s.unit[i*u : i*u+u]
		if len(p.rows) > 0 && (unit[0] != p.unit[0] || unit[u-1] != p.unit[u-1] || len(p.rows) >= maxPending*w) {
			a.flushUnit()
		}
		if len(p.rows) == 0 {
			p.unit = append(p.unit[:0], unit...)
		}
		head := uint64(g)
		at := len(p.rows)
		p.rows = append(p.rows, head)
		for j, in := range l.inputs {
			v := uint64(0)
			if !s.null[j][i] {
				head |= 1 << (32 + j)
				v = s.values[j][i*in.width()]
			}
			p.rows = append(p.rows, v)
		}
		p.rows[at] = head
	}
}

// appendUnitsThree is appendUnits for records of one unit word and one value.
func (a *Accumulator) appendUnitsThree(group []uint32) {
	s, p := &a.scratch, &a.pending
	n := len(group)
	unit, noUnit, value, null := s.unit[:n], s.noUnit[:n], s.values[0][:n], s.null[0][:n]
	for i := 0; i < n; {
		if len(p.rows) > 0 && (unit[i] != p.unit[0] || len(p.rows) >= 2*maxPending) {
			a.flushUnit()
		}
		p.unit = append(p.unit[:0], unit[i])
		end := i + 1
		for end < n && unit[end] == unit[i] {
			end++
		}
		rows := slices.Grow(p.rows, 2*(end-i))
		for ; i < end; i++ {
			if group[i] == noGroup || noUnit[i] {
				continue
			}
			head, v := uint64(group[i])|1<<32, value[i]
			if null[i] {
				head, v = uint64(group[i]), 0
			}
			at := len(rows)
			rows = rows[:at+2]
			rows[at], rows[at+1] = head, v
		}
		p.rows = rows
	}
}

// flushUnit bounds the pending unit and writes its records.
func (a *Accumulator) flushUnit() {
	p, l := &a.pending, a.layout
	if len(p.rows) == 0 {
		return
	}
	if a.groups.offsets == nil {
		a.groups.settle()
	}
	if p.totaller == nil {
		p.totaller, p.out = newBounder(l, a.groups, a.keys).totals, l.newRun()
	}
	p.out.reset()
	p.totaller.unit(p.unit, p.rows, p.out)
	u := l.unitWords
	w := l.words - u
	if !p.out.fitsRecords() {
		a.unbounded = true
		for ; len(p.rows) > 0; p.rows = p.rows[w:] {
			rec := a.newRecord(p.unit[0])
			copy(rec, p.unit)
			copy(rec[u:], p.rows[:w])
		}
		p.rows = p.rows[:0]
		return
	}
	p.rows = p.rows[:0]
	first := uint64(firstOfUnit)
	for i, g := range p.out.group {
		rec := a.newRecord(p.unit[0])
		copy(rec, p.unit)
		head := uint64(g) | first | uint64(p.out.rows[i]-1)<<copiesShift
		first = 0
		for j, in := range l.inputs {
			o := &p.out.inputs[j]
			if o.has[i] {
				head |= 1 << (32 + j)
			}
			rec[in.at] = o.total[i].lo
		}
		rec[u] = head
	}
}

// fitsRecords reports whether every entry can be one record.
func (r *run) fitsRecords() bool {
	for _, n := range r.rows {
		if n > maxCopies {
			return false
		}
	}
	for i := range r.inputs {
		for _, x := range r.inputs[i].total {
			if x.hi != int64(x.lo)>>63 {
				return false
			}
		}
	}
	return true
}

// newRecord is room for a record of a unit, in the chunk of its bucket.
func (a *Accumulator) newRecord(hash uint64) []uint64 {
	t := &a.tails[hash>>(64-bucketBits)]
	if t.left < a.layout.words {
		a.newChunk(t)
	}
	rec := t.chunk[len(t.chunk)-t.left:][:a.layout.words]
	t.left -= a.layout.words
	return rec
}

// once appends the contributions of a bucket whose records were bounded as they
// came, and none of whose units came back.
func (t *totaller) once(k *bucket, out *run, flushAt int, flush func(*run)) {
	w, u := t.layout.words, t.layout.unitWords
	for _, chunk := range k.chunks {
		for c := chunk.words; len(c) >= w; c = c[w:] {
			head := chunk.own(c[u])
			if head&firstOfUnit != 0 && flush != nil && out.len() >= flushAt {
				flush(out) // between units
			}
			out.unit = append(out.unit, c[:u]...)
			out.group = append(out.group, uint32(head))
			out.rows = append(out.rows, t.layout.copies(head))
			for i, in := range t.layout.inputs {
				o := &out.inputs[i]
				o.has = append(o.has, head>>(32+i)&1 != 0)
				o.total = append(o.total, int128Of(int64(c[in.at])))
			}
		}
	}
}

// bounded reports whether all records of a bucket were bounded as they came.
func (k *bucket) bounded() bool {
	for _, c := range k.chunks {
		if c.unbounded {
			return false
		}
	}
	return true
}
