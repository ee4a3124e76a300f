package dp

import "slices"

// equalRows emits the records i to j, which share the hash of their contents,
// where every row is a unit: one entry for each distinct record, with the
// number of its copies. A single row passes every bound as it is.
func (b *bounder) equalRows(k *bucket, i, j int, out *run) {
	group := b.sorted[i:j]
	slices.SortFunc(group, func(x, y entryKey) int { return b.compareRows(k, x, y) })
	for n := 0; n < len(group); {
		from := n
		units := int64(0)
		for n < len(group) && b.compareRows(k, group[from], group[n]) == 0 {
			units += b.copies(k, group[n])
			n++
		}
		b.emitRow(k, group[from], units, out)
	}
}

// rowWords returns the group, the presence bits and the values of a record.
func (b *bounder) rowWords(k *bucket, e entryKey, dst []uint64) []uint64 {
	at, u := b.at(e), b.layout.unitWords
	if b.entries[at+u]&fromRun == 0 {
		return append(dst, b.entries[at+u:at+b.layout.words]...)
	}
	p := k.earlier(b.entries[at+u+1])
	head := len(dst)
	dst = append(dst, uint64(p.run.group[p.i]))
	for i, in := range b.layout.inputs {
		r := &p.run.inputs[i]
		var v []uint64
		switch in.kind {
		case totals:
			if r.has[p.i] {
				v = []uint64{r.total[p.i].lo}
			}
		default:
			v, _ = r.values(p.i, in.width())
		}
		if len(v) > 0 {
			dst[head] |= 1 << (32 + i)
			dst = append(dst, v...)
		} else {
			dst = append(dst, make([]uint64, in.width())...)
		}
	}
	return dst
}

func (b *bounder) compareRows(k *bucket, x, y entryKey) int {
	b.words = b.rowWords(k, x, b.words[:0])
	n := len(b.words)
	b.words = b.rowWords(k, y, b.words)
	return slices.Compare(b.words[:n], b.words[n:])
}

// copies is the number of rows that a record stands for.
func (b *bounder) copies(k *bucket, e entryKey) int64 {
	at, u := b.at(e), b.layout.unitWords
	if b.entries[at+u]&fromRun == 0 {
		return 1
	}
	p := k.earlier(b.entries[at+u+1])
	if b.layout.unitIsRow {
		return p.run.units[p.i]
	}
	return p.rows
}

func (b *bounder) emitRow(k *bucket, e entryKey, units int64, out *run) {
	out.units = append(out.units, units)
	b.emitOne(b.unitWords(e), b.rowWords(k, e, nil), 1, out)
}

// emitOne appends an entry of so many rows that have the words of one record.
func (b *bounder) emitOne(unit, row []uint64, rows int64, out *run) {
	out.unit = append(out.unit, unit...)
	out.group = append(out.group, uint32(row[0]))
	out.rows = append(out.rows, rows)
	for i, in := range b.layout.inputs {
		o := &out.inputs[i]
		has := row[0]>>(32+i)&1 != 0
		v := row[in.at-b.layout.unitWords:][:in.width()]
		switch {
		case in.kind == totals:
			o.has = append(o.has, has)
			o.total = append(o.total, int128Of(int64(v[0])))
		case has && in.kind == samples:
			o.value = append(o.value, v...)
			o.count = append(o.count, 1)
			o.end = append(o.end, uint32(len(o.count)))
		case has:
			o.value = append(o.value, v...)
			fallthrough
		default:
			o.end = append(o.end, uint32(len(o.value)/in.width()))
		}
	}
}
