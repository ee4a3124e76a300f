package code

// A Tally counts tuples of codes: how many rows have codes 0 4 2, how many
// 1 4 2, and so on. It is used by one goroutine at a time. What it holds
// follows the number of distinct tuples, not of rows.
//
// The first tuples are kept as they come, until Renumber says that the
// dictionaries are nearly complete. From then on tuples are packed into keys
// (see layout), and the keys counted
//
//	by a counter for each key         up to 20 bits
//	in buckets, 4 bytes a row         up to 42 bits
//	in buckets, 8 bytes a row         up to 64 bits
//	first columns numbered            up to 104 bits; see interned
//	in a hash table, compared in full beyond
//
// Buckets are now and then sorted and counted into a segment. A code that does
// not fit its field any more closes the segment and opens one with wider
// fields. Sorted joins the segments.
type Tally struct {
	columns int
	sizes   []int // greater than every code so far, per column

	waits     bool // until Renumber, or the end; tuples are kept in first so long
	first     []block
	layout    layout
	dense     []uint32 // rows per key
	denseRows uint64   // rows in dense
	narrow    *radix[uint32]
	mid       *radix[uint64]
	fullAt    int     // keys in buckets at which to see whether they repeat
	loose     segment // keys with rows, unsorted
	segments  []segment
	compacted int      // entries after the last compaction
	stored    []stored // segments in a file
	interned  *interned
	wide      *wide
	err       error // of the file, or too many tuples

	keys  []uint64 // of the block at hand
	codes []uint32 // of a column of the block

	limits
}

// limits say when a tally rearranges what it holds. They change its speed and
// memory and never what it counts.
type limits struct {
	keyBits uint // most bits of a key, up to 64
	// numberBits is the room left for numbers when first columns are chosen to
	// be numbered. More numbers are no error: the rest then finds its own way.
	numberBits uint
	denseBits  uint // most bits of a key that is counted by a counter each
	// maxKeys is the number of keys of four bytes in buckets at which they are
	// sorted and counted if they repeat; half as many of eight bytes.
	maxKeys int
	// minCompact is the number of segment entries below which segments are
	// not joined early.
	minCompact int
	limit      *Limit // nil: what is counted stays in memory
}

var defaultLimits = limits{
	keyBits:    64,
	numberBits: 24,
	denseBits:  20,      // 4 MiB of counters
	maxKeys:    1 << 24, // 64 MiB
	minCompact: 1 << 22,
}

const blockKeys = 4096

// NewTally returns an empty tally of tuples of a number of columns.
func NewTally(columns int) *Tally {
	return &Tally{columns: columns, sizes: make([]int, columns), waits: columns > 0, keys: make([]uint64, blockKeys),
		limits: defaultLimits}
}

// Add counts n tuples, codes[c][i] being the code of tuple i in column c.
// sizes[c] is greater than every code added to column c so far.
func (t *Tally) Add(codes [][]uint32, n int, sizes []int) {
	copy(t.sizes, sizes)
	if t.waits {
		t.keep(codes, n)
		return
	}
	t.open()
	switch {
	case t.wide != nil:
		t.wide.add(codes, n, nil)
		return
	case t.interned != nil:
		t.interned.add(codes, n, nil, t.sizes)
		return
	}
	part := make([][]uint32, len(codes))
	for from := 0; from < n; from += blockKeys {
		to := min(from+blockKeys, n)
		for c := range codes {
			part[c] = codes[c][from:to]
		}
		keys := t.keys[:to-from]
		t.layout.pack(keys, part)
		t.count(keys)
	}
}

// count counts packed keys.
func (t *Tally) count(keys []uint64) {
	switch {
	case t.dense != nil:
		if t.denseRows += uint64(len(keys)); t.denseRows >= 1<<32 {
			t.seal()
			t.denseRows = uint64(len(keys))
		}
		dense := t.dense
		for _, k := range keys {
			dense[k]++
		}
	case t.narrow != nil:
		if t.narrow.add(keys); t.narrow.keys >= t.fullAt {
			t.full(t.narrow.repetition() >= 8)
		}
	default:
		if t.mid.add(keys); t.mid.keys >= t.fullAt {
			t.full(t.mid.repetition() >= 4)
		}
	}
}

// full sorts and counts buckets that have grown large, if the keys in them
// repeat so much that half of their memory or more comes free: a tuple takes 16
// bytes in a segment. Where most tuples are new nothing is as small as the keys
// themselves, and they go on to twice as many, as long as memory allows.
func (t *Tally) full(repeat bool) {
	if repeat || t.crowded() {
		t.seal()
	} else {
		t.fullAt *= 2
	}
}

// AddRows counts tuple i for rows[i] rows.
func (t *Tally) AddRows(codes [][]uint32, rows []int64, sizes []int) {
	copy(t.sizes, sizes)
	t.open()
	switch {
	case t.wide != nil:
		t.wide.add(codes, len(rows), rows)
		return
	case t.interned != nil:
		t.interned.add(codes, len(rows), rows, t.sizes)
		return
	}
	keys := make([]uint64, len(rows))
	t.layout.pack(keys, codes)
	t.loose.keys = append(t.loose.keys, keys...)
	t.loose.rows = append(t.loose.rows, rows...)
	if len(t.loose.keys) >= t.minCompact {
		t.seal()
	}
}

// Waiting reports whether the tally still keeps its tuples as they came, and
// how many.
func (t *Tally) Waiting() (n int, waiting bool) {
	for _, b := range t.first {
		n += b.n
	}
	return n, t.waits
}

// Renumber maps the codes of a waiting tally, column by column (nil: unchanged),
// and opens it; sizes[c] is greater than every new code of column c. Tuples
// whose codes have the order of their values are counted without being sorted
// again.
func (t *Tally) Renumber(remap [][]uint32, sizes []int) {
	copy(t.sizes, sizes)
	for _, b := range t.first {
		b.renumber(remap)
	}
	t.open()
}

// A block is some tuples as they came.
type block struct {
	n     int
	codes [][]uint32
}

// keep copies tuples to a block of their own.
func (t *Tally) keep(codes [][]uint32, n int) {
	b := block{n, make([][]uint32, t.columns)}
	all := make([]uint32, 0, n*t.columns)
	for c := range b.codes {
		all = append(all, codes[c][:n]...)
		b.codes[c] = all[c*n:]
	}
	t.first = append(t.first, b)
}

// renumber maps the codes of a block, column by column (nil: unchanged).
func (b *block) renumber(remap [][]uint32) {
	for c, m := range remap {
		if m == nil {
			continue
		}
		for i, k := range b.codes[c][:b.n] {
			b.codes[c][i] = m[k]
		}
	}
}

// open ends the wait, makes the way of counting fit the codes so far, and counts
// the first tuples.
func (t *Tally) open() {
	first := t.first
	t.first, t.waits = nil, false
	t.fit()
	for _, b := range first {
		t.Add(b.codes, b.n, t.sizes)
	}
}

// fit makes the way of counting fit the codes so far.
func (t *Tally) fit() {
	if t.wide != nil || t.interned != nil && t.interned.holds(t.sizes) || t.layout.widths != nil && t.interned == nil && t.layout.holds(t.sizes) {
		return
	}
	l := layoutFor(t.sizes)
	if t.bucketed() && l.total <= t.keyBits {
		t.relayout(l)
		return
	}
	t.seal()
	t.dense, t.narrow, t.mid = nil, nil, nil
	switch {
	case l.total > t.keyBits || t.interned != nil:
		t.leaveKeys()
	case l.total <= t.denseBits:
		t.dense = make([]uint32, 1<<l.total)
	default:
		t.makeBuckets(l)
	}
	t.layout = l
}

// bucketed reports whether all keys outside segments are in buckets.
func (t *Tally) bucketed() bool { return (t.narrow != nil || t.mid != nil) && len(t.loose.keys) == 0 }

// makeBuckets makes empty buckets for keys of a layout.
func (t *Tally) makeBuckets(l layout) {
	t.layout = l
	if l.total <= 32+bucketBits {
		t.narrow, t.fullAt = newRadix[uint32](l.total), t.maxKeys
	} else {
		t.mid, t.fullAt = newRadix[uint64](l.total), t.maxKeys/2
	}
}

// leaveKeys goes on with numbered first columns or the hash table and moves
// there what was counted.
func (t *Tally) leaveKeys() {
	segments, away, before := t.segments, t.stored, t.interned
	t.segments, t.stored, t.interned = nil, nil, nil
	if n := t.prefixFor(t.sizes); n > 0 && before == nil {
		t.interned = newInterned(t.sizes, n, t.limits)
	} else {
		t.wide = newWide(t.columns)
	}
	if before != nil {
		codes, rows := before.sorted(make([][]uint32, t.columns), true)
		t.AddRows(codes, rows, t.sizes)
	}
	for _, s := range segments {
		t.addSegment(s)
	}
	for i := range away {
		if s, ok := t.load(&away[i]); ok {
			t.addSegment(s)
		}
	}
}

// addSegment counts the tuples of a segment one by one.
func (t *Tally) addSegment(s segment) {
	codes := make([][]uint32, t.columns)
	for c := range codes {
		codes[c] = s.layout.column(s.keys, c)
		if s.remap != nil && s.remap[c] != nil {
			for i, k := range codes[c] {
				codes[c][i] = s.remap[c][k]
			}
		}
	}
	t.AddRows(codes, s.rows, t.sizes)
}

// seal closes what is being counted into segments.
func (t *Tally) seal() {
	var done tuples
	switch {
	case t.dense != nil && t.denseRows > 0:
		for k, n := range t.dense {
			if n > 0 {
				done.keys = append(done.keys, uint64(k))
				done.rows = append(done.rows, int64(n))
			}
		}
		clear(t.dense)
		t.denseRows = 0
	case t.narrow != nil:
		done, t.fullAt = t.narrow.drain(), t.maxKeys
	case t.mid != nil:
		done, t.fullAt = t.mid.drain(), t.maxKeys/2
	}
	sizes := append([]int(nil), t.sizes...)
	for c, n := range sizes { // codes since added may not fit the layout
		sizes[c] = min(n, 1<<t.width(c))
	}
	if len(done.keys) > 0 {
		t.segments = append(t.segments, segment{tuples: done, sorted: true, layout: t.layout, sizes: sizes})
	}
	if len(t.loose.keys) > 0 {
		t.loose.layout, t.loose.sizes = t.layout, sizes
		t.segments = append(t.segments, t.loose)
		t.loose = segment{}
	}
	t.compact()
	t.store()
}

func (t *Tally) width(c int) uint {
	if t.layout.widths == nil {
		return 0
	}
	return t.layout.widths[c]
}

// compact joins the segments when they have grown to twice what the last
// compaction left, so that repeated tuples do not pile up and every entry is
// moved a few times only.
func (t *Tally) compact() {
	entries := 0
	for _, s := range t.segments {
		entries += len(s.keys)
	}
	if len(t.segments) < 2 || entries < max(t.minCompact, 2*t.compacted) {
		return
	}
	l := layoutFor(t.sizes)
	if l.total > t.keyBits {
		return // about to leave keys
	}
	all := combine(t.segments, nil, l, false)
	t.segments = []segment{{tuples: all, sorted: true, layout: l, sizes: append([]int(nil), t.sizes...)}}
	t.compacted = len(all.keys)
}

// Merge takes over what other counted; remap maps its codes, column by column,
// and sizes bounds the codes of both. other is not used again.
func (t *Tally) Merge(other *Tally, remap [][]uint32, sizes []int) {
	if err := other.Err(); t.err == nil {
		t.err = err
	}
	copy(t.sizes, sizes)
	if other.waits {
		for _, b := range other.first {
			b.renumber(remap)
			t.Add(b.codes, b.n, sizes)
		}
		return
	}
	t.open()
	switch {
	case t.interned != nil && other.interned != nil && len(t.interned.sizes) == len(other.interned.sizes):
		t.interned.merge(other.interned, remap, t.sizes)
	case other.wide != nil || other.interned != nil:
		codes, rows := other.Sorted(nil, true)
		for c, col := range codes {
			for i, k := range col {
				col[i] = remap[c][k]
			}
		}
		t.AddRows(codes, rows, sizes)
	default:
		if t.bucketed() && other.bucketed() {
			t.pour(other, remap)
		} else {
			other.seal()
		}
		for _, s := range other.segments {
			s.remap = compose(s.remap, remap)
			if t.interned != nil || t.wide != nil {
				t.addSegment(s)
			} else {
				t.segments = append(t.segments, s)
			}
		}
		for _, s := range other.stored {
			s.remap = compose(s.remap, remap)
			if t.interned == nil && t.wide == nil {
				t.stored = append(t.stored, s)
			} else if s, ok := t.load(&s); ok {
				t.addSegment(s)
			}
		}
		t.compact()
		t.store()
	}
}

// Memory returns the bytes that the tally takes.
func (t *Tally) Memory() int64 {
	n := 4 * len(t.dense)
	for _, b := range t.first {
		n += 4 * b.n * t.columns
	}
	for _, s := range append(t.segments, t.loose) {
		n += 8*cap(s.keys) + 8*cap(s.rows)
	}
	if t.narrow != nil {
		n += t.narrow.memory()
	}
	if t.mid != nil {
		n += t.mid.memory()
	}
	switch {
	case t.wide != nil:
		return int64(n) + t.wide.memory()
	case t.interned != nil:
		return int64(n) + t.interned.memory()
	}
	return int64(n)
}
