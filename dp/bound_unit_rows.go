package dp

import (
	"bytes"
	"cmp"
	"slices"
)

// Where all rows of a unit together are bounded (RowsPerUnit = R), a unit's
// rows are compared with one another across groups. With groupsFirst the
// maxGroups groups of least priority are kept first, as everywhere. Of the rows
// left, R are kept: distinct rows in the order of the keyed hash of unit, group
// and contents, each with its multiplicity, until R is full.
//
// A partial state keeps rows apart, since which of them stay depends on rows
// still to come. Without groupsFirst it keeps R rows of a unit: one left out of
// a part had R rows before it in that part, so it is left out of the whole.
// With groupsFirst it keeps R rows in each of maxGroups groups. A group left out
// of a part is left out of the whole, and so is a row with R others of its own
// group before it; but a row must not be left out for rows of groups that may
// still be left out themselves.

// A unitRow is a distinct row of a unit: its words, as in a record without the
// unit, its copies, and its priority.
type unitRow struct {
	words    []uint64
	count    int64
	priority uint64
}

func (r unitRow) group() uint32 { return uint32(r.words[0]) }

// rowsOfUnit emits what is kept of one unit, whose entries are given.
func (b *bounder) rowsOfUnit(k *bucket, entries []entryKey, out *run) {
	unit := b.unitWords(entries[0])
	rows := b.distinctRows(k, entries)
	groups := 1
	for i := 1; i < len(rows); i++ {
		if rows[i].group() != rows[i-1].group() {
			groups++
		}
	}
	if b.layout.groupsFirst && int64(groups) > b.layout.maxGroups {
		rows = b.rowsOfKeptGroups(unit, rows)
	}
	if b.partial && b.layout.groupsFirst {
		for len(rows) > 0 {
			n := 1
			for n < len(rows) && rows[n].group() == rows[0].group() {
				n++
			}
			for _, r := range b.keepRows(unit, rows[:n]) {
				b.emitOne(unit, r.words, r.count, out)
			}
			rows = rows[n:]
		}
		return
	}
	rows = b.keepRows(unit, rows)
	if b.partial {
		for _, r := range rows {
			b.emitOne(unit, r.words, r.count, out)
		}
		return
	}
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].group() == rows[0].group() {
			n++
		}
		b.emitRows(unit, rows[:n], out)
		rows = rows[n:]
	}
}

// distinctRows lists the distinct rows of some entries of one unit, sorted by
// group.
func (b *bounder) distinctRows(k *bucket, entries []entryKey) []unitRow {
	w := b.layout.words - b.layout.unitWords
	b.words = slices.Grow(b.words[:0], w*len(entries))
	rows := b.ofUnit[:0]
	for _, e := range entries {
		from := len(b.words)
		b.words = b.rowWords(k, e, b.words)
		rows = append(rows, unitRow{words: b.words[from:], count: b.copies(k, e)})
	}
	b.ofUnit = rows
	slices.SortFunc(rows, compareRowWords)
	n := 0
	for _, r := range rows[1:] {
		if compareRowWords(rows[n], r) == 0 {
			rows[n].count += r.count
		} else {
			n++
			rows[n] = r
		}
	}
	return rows[:n+1]
}

// compareRowWords orders rows by group, then by contents.
func compareRowWords(x, y unitRow) int {
	return cmp.Or(cmp.Compare(x.group(), y.group()), slices.Compare(x.words, y.words))
}

// rowsOfKeptGroups leaves the rows of the groups that are kept of a unit that
// has too many.
func (b *bounder) rowsOfKeptGroups(unit []uint64, rows []unitRow) []unitRow {
	b.unitGroups = b.unitGroups[:0]
	for i, r := range rows {
		if i == 0 || r.group() != rows[i-1].group() {
			b.unitGroups = append(b.unitGroups, r.group())
		}
	}
	kept := map[uint32]bool{}
	for _, i := range b.selectGroups(unit, b.unitGroups) {
		kept[b.unitGroups[i]] = true
	}
	return slices.DeleteFunc(rows, func(r unitRow) bool { return !kept[r.group()] })
}

// keepRows leaves rowsPerUnit rows of those given, those of least priority,
// sorted by group and contents again. Rows of one priority are ordered by key
// bytes and contents, which no numbering of groups changes.
func (b *bounder) keepRows(unit []uint64, rows []unitRow) []unitRow {
	total := int64(0)
	for _, r := range rows {
		total += r.count
	}
	room := b.layout.rowsPerUnit
	if b.partial && b.layout.counts {
		room++
	}
	if total <= room {
		return rows
	}
	if !b.partial {
		b.cutRows++
	}
	prefix := b.keys.all.Prefix(unit...)
	for i := range rows {
		words := rows[i].words
		p := prefix.Append(b.groups.word(rows[i].group()))
		for _, w := range words[1:] {
			p = p.Append(w)
		}
		rows[i].priority = p.Sum64(words[0] >> 32)
	}
	slices.SortFunc(rows, func(x, y unitRow) int {
		if c := cmp.Compare(x.priority, y.priority); c != 0 {
			return c
		}
		return cmp.Or(
			bytes.Compare(b.groups.key(x.group()), b.groups.key(y.group())),
			cmp.Compare(x.words[0]>>32, y.words[0]>>32), slices.Compare(x.words[1:], y.words[1:]))
	})
	n := 0
	for ; room > 0; n++ {
		rows[n].count = min(rows[n].count, room)
		room -= rows[n].count
	}
	slices.SortFunc(rows[:n], compareRowWords)
	return rows[:n]
}

// emitRows appends the contribution of a unit in one group, made of the rows
// given.
func (b *bounder) emitRows(unit []uint64, rows []unitRow, out *run) {
	group := rows[0].group()
	out.unit = append(out.unit, unit...)
	out.group = append(out.group, group)
	total := int64(0)
	for _, r := range rows {
		total += r.count
	}
	out.rows = append(out.rows, total)
	for i, in := range b.layout.inputs {
		o := &out.inputs[i]
		at := in.at - b.layout.unitWords
		switch in.kind {
		case totals:
			var sum int128
			has := false
			for _, r := range rows {
				if r.words[0]>>(32+i)&1 != 0 {
					has = true
					sum = sum.add(mul(int64(r.words[at]), r.count))
				}
			}
			o.has = append(o.has, has)
			o.total = append(o.total, sum)
		case samples:
			b.picks = b.picks[:0]
			for _, r := range rows {
				if r.words[0]>>(32+i)&1 != 0 {
					b.picks = append(b.picks, pick{value: r.words[at], count: r.count})
				}
			}
			b.emitPicks(in, unit, group, o)
		case sets:
			values := b.values[:0]
			for _, r := range rows {
				if r.words[0]>>(32+i)&1 != 0 {
					values = append(values, r.words[at:at+in.words]...)
				}
			}
			b.values = values
			in.emitSet(values, o)
		}
	}
}
