package dp

// bucketBits are the leading bits of the unit hash that choose a bucket. With
// ten million rows a bucket of 24-byte records fits a level 2 cache.
const bucketBits = 10

// A bucket holds the records of the units whose hash begins with its number,
// and runs of such units that were bounded before.
type bucket struct {
	chunks  []chunk
	runs    []*run
	extents []extent // records in a temporary file
}

// A chunk holds consecutive records of one bucket.
type chunk struct {
	words []uint64
	names *numbering // of their groups; nil: the accumulator's own
	// Some of the records may be single rows, of which a unit has any number in
	// a group; else see accumulator_clustered.go.
	unbounded bool
	loaded    bool // the words are a bounder's, which reads into them again
}

// A numbering leads from the numbers of groups in a chunk to those of the
// accumulator that took it over, by a table, or where they are distances, to
// numbers from the least of them on.
type numbering struct {
	to          []uint32
	first, null uint32 // without a table
}

// own is the number of a group here.
func (n *numbering) own(g uint32) uint32 {
	switch {
	case n.to != nil:
		return n.to[g]
	case g == nullOffset:
		return n.null
	}
	return g - n.first
}

// own is the head of a record, its group by the accumulator's own number.
func (c *chunk) own(head uint64) uint64 {
	if c.names == nil {
		return head
	}
	return head&^(1<<32-1) | uint64(c.names.own(uint32(head)))
}

// group is the group of a record's head.
func (c *chunk) group(head uint64) uint32 { return uint32(c.own(head)) }

// chunkRecords is the number of records in a chunk: large against the slice
// header that it costs, small against a bucket.
const chunkRecords = 256

// slabChunks is the number of chunks allocated at once.
const slabChunks = 128

// records is the number of records of w words in the chunks.
func (k *bucket) records(w int) int {
	n := 0
	for _, c := range k.chunks {
		n += len(c.words)
	}
	return n / w
}

// append writes the records of a block to their buckets.
func (a *Accumulator) append(group []uint32) {
	s, l := &a.scratch, a.layout
	w, u := l.words, l.unitWords
	a.unbounded = true
	if w == 3 && u == 1 {
		a.appendThree(group)
		return
	}
	for i, g := range group {
		if g == noGroup || s.noUnit[i] {
			continue
		}
		rec := a.newRecord(s.unit[i*u])
		rec[0] = s.unit[i*u]
		if u == 2 {
			rec[1] = s.unit[i*u+1]
		}
		head := uint64(g)
		for j, in := range l.inputs {
			if s.null[j][i] {
				continue // the chunk is zeroed
			}
			head |= 1 << (32 + j)
			if in.width() == 1 {
				rec[in.at] = s.values[j][i]
			} else {
				copy(rec[in.at:], s.values[j][2*i:2*i+2])
			}
		}
		rec[u] = head
	}
}

// appendThree is append for records of one unit word and one value, the most
// frequent ones.
func (a *Accumulator) appendThree(group []uint32) {
	s := &a.scratch
	n := len(group)
	unit, noUnit, value, null := s.unit[:n], s.noUnit[:n], s.values[0][:n], s.null[0][:n]
	for i, g := range group {
		if g == noGroup || noUnit[i] {
			continue
		}
		h := unit[i]
		t := &a.tails[h>>(64-bucketBits)]
		if t.left < 3 {
			a.newChunk(t)
		}
		rec := t.chunk[len(t.chunk)-t.left:]
		t.left -= 3
		head, v := uint64(g)|1<<32, value[i]
		if null[i] {
			head, v = uint64(g), 0
		}
		_ = rec[2]
		rec[0], rec[1], rec[2] = h, head, v
	}
}

// A tail is the chunk of a bucket that is being filled.
type tail struct {
	chunk []uint64
	left  int // words that are free, at its end
}

// newChunk cuts a chunk off the slab, to follow the full one of a tail.
func (a *Accumulator) newChunk(t *tail) {
	a.close(t)
	size := chunkRecords * a.layout.words
	a.held += int64(8 * size)
	a.raw += chunkRecords
	if last := len(a.free) - 1; last >= 0 {
		t.chunk, t.left = a.free[last], size
		clear(t.chunk)
		a.free = a.free[:last]
		return
	}
	if len(a.slab) < size {
		chunks := slabChunks
		if a.held < 1<<20 {
			chunks = 4
		}
		a.slab = make([]uint64, chunks*size)
	}
	t.chunk, t.left = a.slab[:size:size], size
	a.slab = a.slab[size:]
}

// close hands the chunk of a tail over to its bucket.
func (a *Accumulator) close(t *tail) {
	if used := len(t.chunk) - t.left; used > 0 {
		h := t.chunk[0]
		k := &a.buckets[h>>(64-bucketBits)]
		k.chunks = append(k.chunks, chunk{words: t.chunk[:used], unbounded: a.unbounded})
	}
	*t = tail{}
}

// closeAll hands all chunks over to their buckets, before these are read.
func (a *Accumulator) closeAll() {
	a.flushUnit()
	for i := range a.tails {
		a.close(&a.tails[i])
	}
}
