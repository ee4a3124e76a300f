package code

import "math/bits"

// wide counts tuples too long for a 64-bit key: a hash table whose entries are
// the codes themselves, compared in full.
type wide struct {
	columns int
	codes   []uint32 // entry e has codes[e*columns : (e+1)*columns]
	rows    []int64  // rows per entry
	slots   []wideSlot
	block   []uint32 // the tuples of the block at hand, row by row
	hashes  []uint64
}

type wideSlot struct {
	hash  uint32
	entry uint32 // entry+1, 0 where empty
}

func newWide(columns int) *wide {
	return &wide{columns: columns, slots: make([]wideSlot, 1024)}
}

func hashCodes(row []uint32) uint64 {
	h := seed[2]
	i := 0
	for ; i+1 < len(row); i += 2 {
		hi, lo := bits.Mul64(h^(uint64(row[i])|uint64(row[i+1])<<32), seed[1])
		h = hi ^ lo
	}
	if i < len(row) {
		h ^= uint64(row[i])
	}
	hi, lo := bits.Mul64(h^seed[0], seed[3])
	return hi ^ lo
}

// add counts n tuples, codes[c][i] being the code of tuple i in column c, with
// rows[i] rows, or one each if rows is nil. Hashes are computed first, so that
// the processor overlaps the look-ups of many tuples.
func (w *wide) add(codes [][]uint32, n int, rows []int64) {
	for from := 0; from < n; from += blockKeys {
		to := min(from+blockKeys, n)
		part := make([][]uint32, len(codes))
		for c := range codes {
			part[c] = codes[c][from:to]
		}
		if rows == nil {
			w.addBlock(part, to-from, nil)
		} else {
			w.addBlock(part, to-from, rows[from:to])
		}
	}
}

func (w *wide) addBlock(codes [][]uint32, n int, rows []int64) {
	if cap(w.block) < n*w.columns || cap(w.hashes) < n {
		w.block, w.hashes = make([]uint32, n*w.columns), make([]uint64, n)
	}
	block, hashes := w.block[:n*w.columns], w.hashes[:n]
	for c, col := range codes {
		for i, k := range col[:n] {
			block[i*w.columns+c] = k
		}
	}
	for i := range hashes {
		hashes[i] = hashCodes(block[i*w.columns : (i+1)*w.columns])
	}
	for i, h := range hashes {
		row := block[i*w.columns : (i+1)*w.columns]
		one := int64(1)
		if rows != nil {
			one = rows[i]
		}
		slot := w.slots[h&uint64(len(w.slots)-1)]
		if e := int(slot.entry) - 1; e >= 0 && slot.hash == uint32(h>>32) && equalCodes(w.codes[e*w.columns:], row) {
			w.rows[e] += one
			continue
		}
		w.addHashed(row, h, one)
	}
}

// equalCodes reports whether stored begins with row.
func equalCodes(stored, row []uint32) bool {
	stored = stored[:len(row)]
	diff := uint32(0)
	for c, k := range row {
		diff |= k ^ stored[c]
	}
	return diff == 0
}

// addHashed counts a tuple with its hash.
func (w *wide) addHashed(row []uint32, h uint64, rows int64) {
	if crowded(len(w.rows), len(w.slots)) {
		w.grow()
	}
	tag := uint32(h >> 32)
	mask := uint64(len(w.slots) - 1)
	for s := h & mask; ; s = (s + 1) & mask {
		slot := &w.slots[s]
		if slot.entry == 0 {
			w.codes = append(w.codes, row...)
			w.rows = append(w.rows, rows)
			*slot = wideSlot{tag, uint32(len(w.rows))}
			return
		}
		if e := int(slot.entry - 1); slot.hash == tag && equalCodes(w.codes[e*w.columns:], row) {
			w.rows[e] += rows
			return
		}
	}
}

func (w *wide) grow() {
	w.slots = make([]wideSlot, 2*len(w.slots))
	mask := uint64(len(w.slots) - 1)
	for e := range w.rows {
		h := hashCodes(w.codes[e*w.columns : (e+1)*w.columns])
		s := h & mask
		for w.slots[s].entry != 0 {
			s = (s + 1) & mask
		}
		w.slots[s] = wideSlot{uint32(h >> 32), uint32(e + 1)}
	}
}

func (w *wide) memory() int64 {
	return int64(4*cap(w.codes) + 8*cap(w.rows) + 8*len(w.slots))
}

// sorted returns the tuples with their codes mapped, column by column, in
// order of their mapped codes. It sorts by counting, last column first.
func (w *wide) sorted(remap [][]uint32) (codes [][]uint32, rows []int64) {
	n := len(w.rows)
	order := make([]uint32, n)
	for i := range order {
		order[i] = uint32(i)
	}
	codes = make([][]uint32, w.columns)
	scratch, next := make([]uint32, n), make([]uint32, n)
	for c := w.columns - 1; c >= 0; c-- {
		col := make([]uint32, n) // by entry
		top := uint32(0)
		for e := range col {
			k := w.codes[e*w.columns+c]
			if remap[c] != nil {
				k = remap[c][k]
			}
			col[e] = k
			top = max(top, k)
		}
		for shift := 0; shift < bits.Len32(top); shift += 16 {
			var starts [1<<16 + 1]uint32
			for _, k := range col {
				starts[k>>shift&0xffff+1]++
			}
			for d := range 1 << 16 {
				starts[d+1] += starts[d]
			}
			for _, e := range order {
				d := col[e] >> shift & 0xffff
				next[starts[d]] = e
				starts[d]++
			}
			order, next = next, order
		}
		codes[c] = col
	}
	for c, col := range codes {
		for i, e := range order {
			scratch[i] = col[e]
		}
		codes[c], scratch = scratch, col
	}
	rows = make([]int64, n)
	for i, e := range order {
		rows[i] = w.rows[e]
	}
	return codes, rows
}
