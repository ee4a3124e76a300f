package kanon

import (
	"math/bits"
	"slices"
)

// scratch holds the buffers of a roll-up, for one goroutine at a time.
type scratch struct {
	elems, tmp []uint64
	lut        []uint64
	dense      []int64
	hist       [maxRadixPasses][1 << radixBits]uint32
	order      []uint32
	fresh      []bool
}

// rollUp returns the frequency set at node n, above f's or f's own. Keys are
// rewritten to labels of n through look-up tables, then equal keys are brought
// together: by counting where the key space is small, else by a radix sort of
// key and class index in one integer. Both leave classes sorted.
func (f *FrequencySet) rollUp(n Node, s *scratch) *FrequencySet {
	plain := len(f.pairs) == 0 && len(f.dist) == 0
	if !plain {
		g, _ := f.rollUpClasses(n, s)
		return g
	}
	g := f.at(n)
	if g.layout.words > 1 {
		f.groupWords(g, s)
	} else if s.rekey(f, g, 0); g.layout.bits[0] <= bits.Len(uint(f.Len()))+1 {
		f.groupDense(g, s, g.layout.bits[0])
	} else {
		f.groupWord(g, s, g.layout.bits[0], true)
	}
	g.size = g.settled
	return g
}

// rollUpClasses is rollUp; it also returns the class that each of f's falls
// into.
func (f *FrequencySet) rollUpClasses(n Node, s *scratch) (*FrequencySet, []uint32) {
	g := f.at(n)
	f.group(g, s)
	return g, f.classify(g, s)
}

// group adds up classes of equal keys at g's node and leaves the order of f's
// classes, and where those of g begin, in s.order and s.fresh.
func (f *FrequencySet) group(g *FrequencySet, s *scratch) {
	if g.layout.words > 1 {
		f.groupWords(g, s)
		return
	}
	s.rekey(f, g, 0)
	f.groupWord(g, s, g.layout.bits[0], false)
}

// classify completes a set g that was grouped from f by what takes the class of
// each of f's, which it returns.
func (f *FrequencySet) classify(g *FrequencySet, s *scratch) []uint32 {
	classOf := make([]uint32, f.Len())
	starts := make([]uint32, g.Len()+1)
	class := -1
	for i, src := range s.order {
		if s.fresh[i] {
			class++
			starts[class] = uint32(i)
		}
		classOf[src] = uint32(class)
	}
	starts[g.Len()] = uint32(len(s.order))
	pairs := make([]personClass, len(f.pairs))
	for i, p := range f.pairs {
		pairs[i] = personClass{p.person, classOf[p.class]}
	}
	g.settle(pairs)
	g.dist = make([]distributions, len(f.dist))
	for c := range f.dist {
		g.dist[c] = f.dist[c].rollUp(s.order, starts, classOf)
	}
	return classOf
}

// at returns a set without classes at node n.
func (f *FrequencySet) at(n Node) *FrequencySet {
	return &FrequencySet{
		QuasiIdentifiers: f.QuasiIdentifiers, SensitiveColumns: f.SensitiveColumns, Node: n,
		Rows: f.Rows, People: f.People, shape: f.shape, layout: f.shape.layoutAt(n),
	}
}

// rekey fills s.elems with word w of the keys of f's classes at g's node.
//
// The fields of a source word are taken several at a time, as slices of up to
// about log2(Len) bits, each with one look-up table from the slice's bits to
// its share of the new word; a new word is the OR of few look-ups.
func (s *scratch) rekey(f, g *FrequencySet, w int) {
	n := f.Len()
	s.elems = grow(s.elems, n)
	clear(s.elems)
	limit := min(12, max(6, bits.Len(uint(n))-2))
	type slice struct {
		word        int
		shift, bits uint8
		lut         []uint64
	}
	var slices_ []slice
	s.lut = s.lut[:0]
	flush := func(first, end int) { // columns first..end-1, all in one source word
		lo, hi := f.layout.fields[end-1].shift, f.layout.fields[first].shift+f.layout.fields[first].width
		sl := slice{f.layout.fields[first].word, lo, hi - lo, make([]uint64, 1<<(hi-lo))}
		for c := end - 1; c >= first; c-- {
			from, to := f.layout.fields[c], g.layout.fields[c]
			if from.width == 0 {
				continue
			}
			below := 1 << (from.shift - lo)
			up := f.shape.labels(c, f.Node[c], g.Node[c])
			moves := to.width > 0 && to.word == w
			for label := len(up) - 1; label >= 0; label-- {
				part := uint64(0)
				if moves {
					part = uint64(up[label]) << to.shift
				}
				dst := sl.lut[label*below:]
				for j, v := range sl.lut[:below] {
					dst[j] = v | part
				}
			}
		}
		slices_ = append(slices_, sl)
	}
	first, used, needed := 0, 0, false
	for c := range f.layout.fields {
		fd := f.layout.fields[c]
		if c > first && (used+int(fd.width) > limit || fd.word != f.layout.fields[first].word) {
			if needed {
				flush(first, c)
			}
			first, used, needed = c, 0, false
		}
		used += int(fd.width)
		needed = needed || fd.width > 0 && g.layout.fields[c].width > 0 && g.layout.fields[c].word == w
	}
	if needed {
		flush(first, len(f.layout.fields))
	}
	e := s.elems
	for i := 0; i < len(slices_); i++ {
		a := slices_[i]
		src, lut, shift, mask := f.words[a.word][:len(e)], a.lut, a.shift&63, uint64(1)<<a.bits-1
		if i+1 == len(slices_) {
			for j := range e {
				e[j] |= lut[src[j]>>shift&mask]
			}
			break
		}
		i++
		b := slices_[i]
		src2, lut2, shift2, mask2 := f.words[b.word][:len(e)], b.lut, b.shift&63, uint64(1)<<b.bits-1
		for j := range e {
			e[j] |= lut[src[j]>>shift&mask] | lut2[src2[j]>>shift2&mask2]
		}
	}
}

// groupDense adds up classes in an array with a cell per possible key.
func (f *FrequencySet) groupDense(g *FrequencySet, s *scratch, keyBits int) {
	sum := func(of []int64, keys []uint64, counts []int64) {
		clear(counts)
		for i, k := range keys {
			counts[k] += of[i]
		}
	}
	s.dense = grow(s.dense, 1<<keyBits)
	// A class of a research subset may have no row, so presence is counted.
	present := 0
	if f.pop == nil {
		sum(f.rows, s.elems, s.dense)
	} else {
		clear(s.dense)
		for _, k := range s.elems {
			s.dense[k] = 1
		}
	}
	for _, n := range s.dense {
		if n != 0 {
			present++
		}
	}
	keys := make([]uint64, 0, present)
	for k, n := range s.dense {
		if n != 0 {
			keys = append(keys, uint64(k))
		}
	}
	g.words = [][]uint64{keys}
	gather := func(of []int64) []int64 {
		sum(of, s.elems, s.dense)
		out := make([]int64, len(keys))
		for i, k := range keys {
			out[i] = s.dense[k]
		}
		return out
	}
	g.rows = gather(f.rows)
	g.settled = g.rows
	if !f.sameRowsAndPeople() {
		g.settled = gather(f.settled)
	}
	if f.pop != nil {
		g.pop = gather(f.pop)
	}
	g.size = g.settled
}

func (f *FrequencySet) sameRowsAndPeople() bool {
	return len(f.rows) == 0 || &f.rows[0] == &f.settled[0]
}

// groupWord sorts key·2^b + class index and adds up runs of equal keys. Unless
// plain, it leaves the order of the source classes and where new classes begin
// in s.order and s.fresh.
func (f *FrequencySet) groupWord(g *FrequencySet, s *scratch, keyBits int, plain bool) {
	n := f.Len()
	indexBits := bits.Len(uint(n))
	for i := range s.elems {
		s.elems[i] = s.elems[i]<<indexBits | uint64(i)
	}
	s.radixSort(indexBits, keyBits)
	s.tmp, s.dense = grow(s.tmp, n), grow(s.dense, n)
	keys, rows := s.tmp, s.dense
	at, mask := -1, uint64(1)<<indexBits-1
	last := ^uint64(0)
	for _, e := range s.elems {
		if k := e >> indexBits; k != last {
			at++
			last = k
			keys[at], rows[at] = k, 0
		}
		rows[at] += f.rows[e&mask]
	}
	g.words = [][]uint64{slices.Clone(keys[:at+1])}
	g.rows = slices.Clone(rows[:at+1])
	g.settled = g.rows
	s.order, s.fresh = s.order[:0], s.fresh[:0]
	if plain && f.pop == nil && f.sameRowsAndPeople() {
		return
	}
	last = ^uint64(0)
	for _, e := range s.elems {
		k := e >> indexBits
		s.fresh = append(s.fresh, k != last)
		s.order = append(s.order, uint32(e&mask))
		last = k
	}
	f.gather(g, s)
}

// groupRuns is group at f's own node, where classes of one key lie side by side.
func (f *FrequencySet) groupRuns(g *FrequencySet, s *scratch) {
	n, classes := f.Len(), 0
	s.order, s.fresh = grow(s.order, n), grow(s.fresh, n)
	for i := range n {
		s.order[i] = uint32(i)
		s.fresh[i] = i == 0
		for w := 0; w < len(f.words) && !s.fresh[i]; w++ {
			s.fresh[i] = f.words[w][i] != f.words[w][i-1]
		}
		if s.fresh[i] {
			classes++
		}
	}
	for _, word := range f.words {
		keys := make([]uint64, 0, classes)
		for i, fresh := range s.fresh {
			if fresh {
				keys = append(keys, word[i])
			}
		}
		g.words = append(g.words, keys)
	}
	g.rows = make([]int64, 0, classes)
	for i, fresh := range s.fresh {
		if fresh {
			g.rows = append(g.rows, 0)
		}
		g.rows[len(g.rows)-1] += f.rows[i]
	}
	g.settled = g.rows
	f.gather(g, s)
}

// gather adds up what else than rows classes carry, in the order found.
func (f *FrequencySet) gather(g *FrequencySet, s *scratch) {
	sum := func(of []int64) []int64 {
		out := make([]int64, len(g.rows))
		at := -1
		for i, src := range s.order {
			if s.fresh[i] {
				at++
			}
			out[at] += of[src]
		}
		return out
	}
	if !f.sameRowsAndPeople() {
		g.settled = sum(f.settled)
	}
	if f.pop != nil {
		g.pop = sum(f.pop)
	}
}

// groupWords does what groupWord does for keys of several words: a stable sort
// by the last word, then the one before, and so on.
func (f *FrequencySet) groupWords(g *FrequencySet, s *scratch) {
	n := f.Len()
	indexBits := bits.Len(uint(n))
	mask := uint64(1)<<indexBits - 1
	s.order = grow(s.order, n)
	for i := range s.order {
		s.order[i] = uint32(i)
	}
	words := make([][]uint64, g.layout.words)
	for w := g.layout.words - 1; w >= 0; w-- {
		s.rekey(f, g, w)
		words[w] = slices.Clone(s.elems)
		for i, src := range s.order {
			s.elems[i] = words[w][src]<<indexBits | uint64(src)
		}
		s.radixSort(indexBits, g.layout.bits[w])
		for i, e := range s.elems {
			s.order[i] = uint32(e & mask)
		}
	}
	s.fresh = grow(s.fresh, n)
	classes := 0
	for i, src := range s.order {
		s.fresh[i] = i == 0
		for w := 0; w < len(words) && !s.fresh[i]; w++ {
			s.fresh[i] = words[w][src] != words[w][s.order[i-1]]
		}
		if s.fresh[i] {
			classes++
		}
	}
	g.words = make([][]uint64, len(words))
	for w := range words {
		g.words[w] = make([]uint64, 0, classes)
		for i, src := range s.order {
			if s.fresh[i] {
				g.words[w] = append(g.words[w], words[w][src])
			}
		}
	}
	g.rows = make([]int64, classes)
	at := -1
	for i, src := range s.order {
		if s.fresh[i] {
			at++
		}
		g.rows[at] += f.rows[src]
	}
	g.settled = g.rows
	f.gather(g, s)
}

const (
	radixBits      = 11
	maxRadixPasses = (64 + radixBits - 1) / radixBits
)

// radixSort sorts s.elems by keyBits bits from bit lo up. It is stable: least
// significant digit first, all histograms from one pass.
func (s *scratch) radixSort(lo, keyBits int) {
	n := len(s.elems)
	if keyBits == 0 || n < 2 {
		return
	}
	passes := (keyBits + radixBits - 1) / radixBits
	digit := (keyBits + passes - 1) / passes
	mask := uint64(1)<<digit - 1
	for p := range passes {
		clear(s.hist[p][:1<<digit])
	}
	for _, e := range s.elems {
		e >>= lo & 63
		for p := range passes {
			s.hist[p][e&mask&(1<<radixBits-1)]++
			e >>= digit & 63
		}
	}
	s.tmp = grow(s.tmp, n)
	from, to := s.elems, s.tmp
	for p := range passes {
		h := &s.hist[p]
		shift := (lo + p*digit) & 63
		sum := uint32(0)
		full := false
		for d := range 1 << digit {
			c := h[d]
			full = full || int(c) == n
			h[d] = sum
			sum += c
		}
		if full {
			continue // one digit value only: already in order
		}
		for _, e := range from {
			d := e >> shift & mask & (1<<radixBits - 1)
			to[h[d]] = e
			h[d]++
		}
		from, to = to, from
	}
	s.elems, s.tmp = from, to
}

// grow returns a slice of length n, the given one where it is large enough.
// Its elements have any value.
func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, n+n/4)
	}
	return s[:n]
}
