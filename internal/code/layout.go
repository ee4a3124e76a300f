package code

import (
	"math/bits"
	"slices"
)

// layout says how a tuple of codes becomes one key: every column has a field of
// fixed width, the first column the most significant, so that keys are ordered
// as tuples are. With widths 2 and 3 the tuple (1, 5) is the key 01 101.
type layout struct {
	widths []uint // bits per column
	shifts []uint // place of the lowest bit
	total  uint   // bits of a key; the key is used only if at most 64
}

// layoutFor returns the least layout for columns of the given numbers of codes.
func layoutFor(sizes []int) layout {
	l := layout{widths: make([]uint, len(sizes)), shifts: make([]uint, len(sizes))}
	for c := len(sizes) - 1; c >= 0; c-- {
		l.widths[c] = widthOf(sizes[c])
		l.shifts[c] = l.total
		l.total += l.widths[c]
	}
	return l
}

// widthOf returns the bits that tell n codes apart.
func widthOf(n int) uint {
	if n <= 1 {
		return 0
	}
	return uint(bits.Len64(uint64(n - 1)))
}

// holds reports whether all codes below sizes fit their fields.
func (l *layout) holds(sizes []int) bool {
	for c, n := range sizes {
		if widthOf(n) > l.widths[c] {
			return false
		}
	}
	return true
}

// pack sets keys[i] to the key of tuple i.
func (l *layout) pack(keys []uint64, codes [][]uint32) {
	n := len(keys)
	clear(keys)
	c := 0
	// Three columns a pass: a key is loaded and stored once for them.
	for ; c+2 < len(codes); c += 3 {
		w1, w2 := l.widths[c+1], l.widths[c+2]
		s := l.widths[c] + w1 + w2
		w1 += w2
		x, y, z := codes[c][:n], codes[c+1][:n], codes[c+2][:n]
		for i, k := range keys {
			keys[i] = k<<s | uint64(x[i])<<w1 | uint64(y[i])<<w2 | uint64(z[i])
		}
	}
	for ; c < len(codes); c++ {
		w := l.widths[c]
		x := codes[c][:n]
		for i, k := range keys {
			keys[i] = k<<w | uint64(x[i])
		}
	}
}

// column returns the codes of column c of the keys.
func (l *layout) column(keys []uint64, c int) []uint32 {
	codes := make([]uint32, len(keys))
	shift, mask := l.shifts[c], uint64(1)<<l.widths[c]-1
	for i, k := range keys {
		codes[i] = uint32(k >> shift & mask)
	}
	return codes
}

// late marks a key some code of which is late; see rekeyer. It is kept apart
// from the keys, which may use all 64 bits.
const late = 1

// A rekeyer turns keys of one layout into keys of another while it maps the
// codes. Columns whose fields are narrow are looked up together: for columns of
// 3, 4 and 5 bits, one table of 2¹² parts of keys.
//
// Most codes keep their order, because dictionaries are numbered by value once
// they are nearly complete. Per column, the codes below the first place where
// the mapped codes stop increasing are early, all others late. Keys without a
// late code keep their order; so a sorted list of them stays sorted.
type rekeyer struct {
	fixed   uint64 // part of the new key for columns that had one code, and so no bits
	pieces  []piece
	ordered bool // no code is late
	same    bool // every key stays what it is
}

// pieceBits bounds the joint width of columns that are looked up together.
const pieceBits = 12

// A piece is a field of the old key, of one column or of several, and the part
// of the new key that it makes. A single column has no table: its part is the
// mapped code, shifted.
type piece struct {
	shift uint
	mask  uint64

	part []uint64 // several columns: field to its part of the new key
	late []uint8  // field to late or 0

	to    uint     // one column: place of the code in the new key
	remap []uint32 // nil: unchanged
	early uint64   // codes from here on are late
}

// newRekeyer maps codes column by column by remap (nil: unchanged) and packs
// them by to. sizes bounds the codes of a column in the old keys.
func newRekeyer(from, to *layout, remap [][]uint32, sizes []int) *rekeyer {
	r := &rekeyer{ordered: true, same: slices.Equal(from.widths, to.widths)}
	for c := 0; c < len(sizes) && r.same; c++ {
		for k, m := range remap[c] {
			if uint32(k) != m {
				r.same = false
				break
			}
		}
	}
	if r.same {
		return r
	}
	for c := 0; c < len(sizes); {
		first, width := c, uint(0)
		for c < len(sizes) && (c == first || width+from.widths[c] <= pieceBits) {
			width += from.widths[c]
			c++
		}
		if width == 0 {
			for i := first; i < c; i++ {
				if remap[i] != nil && sizes[i] > 0 {
					r.fixed |= uint64(remap[i][0]) << to.shifts[i]
				}
			}
			continue
		}
		p := piece{shift: from.shifts[c-1], mask: 1<<width - 1}
		if c == first+1 {
			p.to, p.remap, p.early = to.shifts[first], remap[first], earlyCodes(remap[first], sizes[first])
			r.ordered = r.ordered && p.early >= uint64(sizes[first])
		} else {
			p.part, p.late = []uint64{0}, []uint8{0}
			for i := first; i < c; i++ {
				p.extend(from.widths[i], to.shifts[i], remap[i], sizes[i])
			}
			r.ordered = r.ordered && !slices.Contains(p.late, late)
		}
		r.pieces = append(r.pieces, p)
	}
	return r
}

// earlyCodes returns the number of codes before the mapped codes stop
// increasing.
func earlyCodes(remap []uint32, size int) uint64 {
	if remap == nil {
		return uint64(size)
	}
	for k := 1; k < size; k++ {
		if remap[k] <= remap[k-1] {
			return uint64(k)
		}
	}
	return uint64(size)
}

// extend adds a column of the given field width to a joint table.
func (p *piece) extend(width, shift uint, remap []uint32, size int) {
	early := earlyCodes(remap, size)
	part, lates := make([]uint64, 0, len(p.part)<<width), make([]uint8, 0, len(p.part)<<width)
	for j, high := range p.part {
		for k := range 1 << width { // codes from size on do not occur
			m, l := uint64(k), p.late[j]
			if remap != nil && k < size {
				m = uint64(remap[k])
			}
			if uint64(k) >= early && k < size {
				l = late
			}
			part, lates = append(part, high|m<<shift), append(lates, l)
		}
	}
	p.part, p.late = part, lates
}

// rekey replaces keys by the new ones, and sets lates[i] for those with a late
// code unless the rekeyer is ordered.
func (r *rekeyer) rekey(keys []uint64, lates []uint8) {
	if r.same {
		return
	}
	var block [1024]uint64
	for from := 0; from < len(keys); from += len(block) {
		old := block[:min(len(block), len(keys)-from)]
		out := keys[from : from+len(old)]
		copy(old, out)
		for i := range out {
			out[i] = r.fixed
		}
		for _, p := range r.pieces {
			switch part, remap := p.part, p.remap; {
			case part != nil:
				for i, k := range old {
					out[i] |= part[k>>p.shift&p.mask]
				}
			case remap != nil:
				for i, k := range old {
					out[i] |= uint64(remap[k>>p.shift&p.mask]) << p.to
				}
			default:
				for i, k := range old {
					out[i] |= (k >> p.shift & p.mask) << p.to
				}
			}
		}
		if r.ordered {
			continue
		}
		l := lates[from : from+len(old)]
		for _, p := range r.pieces {
			if p.part != nil {
				for i, k := range old {
					l[i] |= p.late[k>>p.shift&p.mask]
				}
				continue
			}
			for i, k := range old {
				if k>>p.shift&p.mask >= p.early {
					l[i] = late
				}
			}
		}
	}
}
