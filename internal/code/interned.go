package code

import "sync"

// interned counts tuples in two steps: each distinct combination of the first
// columns, packed into a key, gets a number, and tuples of that number and the
// other columns are counted. It serves tables whose tuples need more than 64
// bits although combinations are few, as where the columns of a person repeat
// on every row.
//
// With two first columns, the tuples (7, 5, 2), (7, 5, 3), (8, 5, 2) become the
// numbers 0, 0, 1 of the keys (7, 5) and (8, 5), and the tuples (0, 2), (0, 3),
// (1, 2).
type interned struct {
	prefix  layout
	sizes   []int   // greater than every code of the first columns, per column
	numbers Encoder // key to number
	rest    *Tally  // tuples of number and the other columns

	keys      []uint64
	ids       []uint32
	restCodes [][]uint32
	restSizes []int
}

// prefixFor returns how many first columns of these sizes to number, 0 if
// numbering them does not make room.
func (l limits) prefixFor(sizes []int) int {
	rest := layoutFor(sizes).total
	for n := range sizes {
		if rest+l.numberBits <= l.keyBits {
			if first := layoutFor(sizes[:n]); n < 2 || first.total > 64 {
				return 0
			}
			return n
		}
		rest -= widthOf(sizes[n])
	}
	return 0
}

func newInterned(sizes []int, n int, l limits) *interned {
	p := &interned{prefix: layoutFor(sizes[:n]), sizes: append([]int(nil), sizes[:n]...)}
	p.rest = NewTally(len(sizes) - n + 1)
	p.rest.limits = l
	p.rest.open()
	p.restCodes, p.restSizes = make([][]uint32, len(sizes)-n+1), make([]int, len(sizes)-n+1)
	p.numbers.null = -1
	return p
}

// holds reports whether the first columns of these sizes still fit a key.
func (p *interned) holds(sizes []int) bool {
	l := layoutFor(sizes[:len(p.sizes)])
	return l.total <= 64
}

// fit widens the prefix for columns of these sizes.
func (p *interned) fit(sizes []int) {
	n := len(p.sizes)
	if !p.prefix.holds(sizes[:n]) {
		to := layoutFor(sizes[:n])
		keys := p.numbers.numbers.keys
		newRekeyer(&p.prefix, &to, make([][]uint32, n), p.sizes).rekey(keys, nil)
		p.numbers.numbers = numbers{}
		for _, k := range keys { // in order, so that each gets its number again
			p.numbers.numbers.find(k)
		}
		p.prefix = to
	}
	copy(p.sizes, sizes)
}

// add counts n tuples, with rows[i] rows or, if rows is nil, one each.
func (p *interned) add(codes [][]uint32, n int, rows []int64, sizes []int) {
	p.fit(sizes)
	first := len(p.sizes)
	for from := 0; from < n; from += blockKeys {
		to := min(from+blockKeys, n)
		if p.keys == nil {
			p.keys = make([]uint64, blockKeys)
		}
		keys, part := p.keys[:to-from], make([][]uint32, first)
		for c := range part {
			part[c] = codes[c][from:to]
		}
		p.prefix.pack(keys, part)
		p.ids = encodeIntegers(&p.numbers, p.ids[:0], keys, 0, validity{})
		p.restCodes[0] = p.ids
		for c, col := range codes[first:] {
			p.restCodes[c+1] = col[from:to]
		}
		if rows == nil {
			p.rest.Add(p.restCodes, to-from, p.sizesOfRest(sizes))
		} else {
			p.rest.AddRows(p.restCodes, rows[from:to], p.sizesOfRest(sizes))
		}
	}
}

func (p *interned) sizesOfRest(sizes []int) []int {
	p.restSizes[0] = p.numbers.Len()
	copy(p.restSizes[1:], sizes[len(p.sizes):])
	return p.restSizes
}

// merge takes over what other, with as many first columns, counted; its codes
// are mapped by remap.
func (p *interned) merge(other *interned, remap [][]uint32, sizes []int) {
	p.fit(sizes)
	first := len(p.sizes)
	keys := other.numbers.numbers.keys
	newRekeyer(&other.prefix, &p.prefix, remap[:first], other.sizes).rekey(keys, make([]uint8, len(keys)))
	ids := encodeIntegers(&p.numbers, nil, keys, 0, validity{})
	p.rest.Merge(other.rest, append([][]uint32{ids}, remap[first:]...), p.sizesOfRest(sizes))
}

// sorted is Tally.Sorted. The numbers are mapped to the places of their keys in
// the order of the keys, which makes the order of the rest that of the tuples.
func (p *interned) sorted(remap [][]uint32, last bool) (codes [][]uint32, rows []int64) {
	first := len(p.sizes)
	keys := append([]uint64(nil), p.numbers.numbers.keys...)
	to := layoutFor(p.sizes)
	newRekeyer(&p.prefix, &to, remap[:first], p.sizes).rekey(keys, make([]uint8, len(keys)))
	list := make([]entry, len(keys))
	for id, k := range keys {
		list[id] = entry{k, int64(id)}
	}
	place := make([]uint32, len(keys))
	for i, e := range sortEntries(list, to.total) {
		keys[i] = e.key
		place[e.rows] = uint32(i)
	}
	rest, rows := p.rest.Sorted(append([][]uint32{place}, remap[first:]...), last)
	codes = make([][]uint32, first, first+len(rest)-1)
	var wait sync.WaitGroup
	for c := range codes {
		wait.Go(func() {
			shift, mask := to.shifts[c], uint64(1)<<to.widths[c]-1
			col := make([]uint32, len(rows))
			for i, at := range rest[0] {
				col[i] = uint32(keys[at] >> shift & mask)
			}
			codes[c] = col
		})
	}
	wait.Wait()
	return append(codes, rest[1:]...), rows
}

func (p *interned) memory() int64 {
	return p.numbers.Memory() + p.rest.Memory()
}
