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
	at := b.at(e)
	if b.entries[at+1]&fromRun == 0 {
		return append(dst, b.entries[at+1:at+b.layout.words]...)
	}
	p := k.earlier(b.entries[at+2])
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

func (b *bounder) copies(k *bucket, e entryKey) int64 {
	at := b.at(e)
	if b.entries[at+1]&fromRun == 0 {
		return 1
	}
	p := k.earlier(b.entries[at+2])
	return p.run.units[p.i]
}

func (b *bounder) emitRow(k *bucket, e entryKey, units int64, out *run) {
	row := b.rowWords(k, e, nil)
	out.unit = append(out.unit, b.unitWords(e)...)
	out.group = append(out.group, uint32(row[0]))
	out.rows = append(out.rows, 1)
	out.units = append(out.units, units)
	for i, in := range b.layout.inputs {
		o := &out.inputs[i]
		has := row[0]>>(32+i)&1 != 0
		v := row[in.at-1 : in.at-1+in.width()]
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
