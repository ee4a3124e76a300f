package dp

import (
	"runtime"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/fault"
)

// asInts is the same memory seen as signed numbers.
func asInts(words []uint64) []int64 {
	if len(words) == 0 {
		return nil
	}
	return unsafe.Slice((*int64)(unsafe.Pointer(unsafe.SliceData(words))), len(words))
}

// textBytes is the bytes of a text, which must not be changed.
func textBytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// An Accumulator holds the bounded contributions of the rows added to it. It is
// partial state: every worker fills its own with Add, and Merge joins them, in
// any order and any tree. An Accumulator is used by one goroutine at a time.
//
// Accumulators of one release share one secret Key; merging accumulators of
// different keys or plans is an error. State returns what an accumulator holds
// as a record, which MergeState takes back: on another machine, or after a
// spill to disk. Any batching, row order, number of accumulators and merge tree
// gives the same State, byte for byte.
//
// The contents are personal data, as the input was, and there is no way to read
// them but State. What leaves an Accumulator for the public is a Release
// (Plan.Finalize).
//
// Rows stand in a record of a few words each (see layout), appended to one of
// 1,024 buckets by the leading bits of the unit's hash, until they are bounded
// bucket by bucket in cache. When the records exceed Query.Memory they are
// bounded at once and only the kept groups remain.
type Accumulator struct {
	plan        *Plan
	layout      *layout
	keys        boundKeys
	fingerprint [16]byte
	groups      *groupTable
	buckets     []bucket
	tails       []tail       // of each bucket
	foreign     []*numbering // of chunks that were taken over
	used        bool         // merged into another, or finalized

	keyAt   []int // columns of the batch: keys, unit, inputs
	unitAt  int
	inputAt [][]int
	cellAt  int
	unit    unitReader
	mix     mixer
	columns []columnReader

	held  int64 // bytes of records and runs
	limit int64 // of held, before they are bounded
	raw   int64 // records, rounded up to chunks

	scratch blockScratch
	slab    []uint64
	rowHash []uint64
}

// A columnReader writes the words of one input for every row.
type columnReader interface {
	read(columns []arrow.Array, dst []uint64, null []bool) error
}

// bucketBits are the leading bits of the unit hash that choose a bucket. With
// ten million rows a bucket of 24-byte records fits a level 2 cache.
const bucketBits = 10

// A bucket holds the records of the units whose hash begins with its number,
// and runs of such units that were bounded before.
type bucket struct {
	chunks []chunk
	runs   []*run
}

// A chunk holds consecutive records of one bucket.
type chunk struct {
	words []uint64
	names *numbering // of their groups; nil: the accumulator's own
}

// A numbering leads from the numbers that an accumulator gave its groups to
// those of the one that took it over.
type numbering struct{ to []uint32 }

// own is the head of a record, its group by the accumulator's own number.
func (c *chunk) own(head uint64) uint64 {
	if c.names == nil {
		return head
	}
	return head&^(1<<32-1) | uint64(c.names.to[uint32(head)])
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

// blockRows is the number of rows that are encoded at a time.
const blockRows = 4096

// blockScratch holds one block of rows, encoded.
type blockScratch struct {
	group  []uint32
	unit   []uint64
	noUnit []bool
	values [][]uint64
	null   [][]bool
	arrays []arrow.Array
	inputs []arrow.Array
}

// grow makes room for n rows.
func (s *blockScratch) grow(n int, l *layout) {
	if n <= len(s.group) {
		return
	}
	s.group = make([]uint32, n)
	s.unit = make([]uint64, n*l.unitWords)
	s.noUnit = make([]bool, n)
	s.values = make([][]uint64, len(l.inputs))
	s.null = make([][]bool, len(l.inputs))
	for i, in := range l.inputs {
		s.values[i] = make([]uint64, n*in.width())
		s.null[i] = make([]bool, n)
	}
}

// newAccumulator makes an empty accumulator of a plan under a key.
func newAccumulator(p *Plan, key *Key) (*Accumulator, error) {
	keys := deriveKeys(key.secret)
	groups, err := newGroupTable(p.keyTypes, p.levels, keys.group)
	if err != nil {
		return nil, err
	}
	a := &Accumulator{
		plan: p, layout: p.layout, keys: keys, fingerprint: key.secret.Fingerprint(), groups: groups,
		buckets: make([]bucket, 1<<bucketBits), tails: make([]tail, 1<<bucketBits), limit: p.query.Memory, mix: newMixer(keys.unit),
	}
	if a.limit <= 0 {
		a.limit = 1 << 30
	}
	if w := p.query.Workers; w > 0 {
		a.limit /= int64(w)
	} else {
		a.limit /= int64(runtime.GOMAXPROCS(0))
	}
	if p.query.PublicGroups != nil {
		groups.direct = false
		for _, k := range p.publicKeys {
			groups.find(k)
		}
		groups.public = true
	}
	at := func(column string) int {
		for i, c := range p.columns {
			if c == column {
				return i
			}
		}
		return -1
	}
	for _, c := range p.query.GroupBy {
		a.keyAt = append(a.keyAt, at(c))
	}
	a.unitAt = -1
	if !p.query.UnitIsRow {
		a.unitAt = at(p.query.Unit)
		a.unit = newUnitReader(p, keys.unit)
	}
	a.cellAt = -1
	if p.query.UnitCell != nil {
		a.cellAt = at(p.query.UnitCell.Column)
	}
	for _, in := range p.layout.inputs {
		var columns []int
		var r columnReader
		switch {
		case in.joint != nil:
			j := &jointReader{}
			for _, part := range in.joint {
				columns = append(columns, at(part.column))
				j.parts = append(j.parts, &sampleColumn{in: part})
			}
			r = j
		case in.candidates != nil:
			i := at(in.column)
			e, err := code.NewEncoder(p.columnTypes[i])
			if err != nil {
				return nil, err
			}
			columns, r = []int{i}, &candidateReader{encoder: e, places: in.candidates}
		case in.kind == sets:
			columns, r = []int{at(in.column)}, &identity{words: in.words, key: keys.unit}
		default:
			columns, r = []int{at(in.column)}, &sampleColumn{in: in}
		}
		a.inputAt, a.columns = append(a.inputAt, columns), append(a.columns, r)
	}
	return a, nil
}

// Add takes the rows of one batch, whose columns are those of Plan.Columns, in
// that order. It keeps no reference to the batch. A row is stored in about 24
// bytes for an integer unit and one numeric input. The error of a batch of
// another schema is of kind fault.Input.
func (a *Accumulator) Add(rec arrow.Record) error {
	if a.used {
		return errUsed
	}
	if err := a.checkColumns(rec); err != nil {
		return err
	}
	n := rec.NumRows()
	for from := int64(0); from < n; from += blockRows {
		block := rec.NewSlice(from, min(from+blockRows, n))
		err := a.addBlock(block)
		block.Release()
		if err != nil {
			return err
		}
		if a.held > a.limit || a.raw > maxRaw {
			a.condense()
		}
	}
	return nil
}

// maxRaw is the number of records after which an accumulator condenses even if
// memory allows for more: with those of another one merged into it, the records
// of one bucket can be numbered in 28 bits.
const maxRaw = 1 << 26

var errUsed = fault.Planf("the accumulator was merged into another or finalized and can't be used again")

func (a *Accumulator) checkColumns(rec arrow.Record) error {
	if int(rec.NumCols()) != len(a.plan.columns) {
		return fault.Inputf("a batch has %d columns where the plan reads %d", rec.NumCols(), len(a.plan.columns))
	}
	for i, dt := range a.plan.columnTypes {
		if got := code.ValueType(rec.Column(i).DataType()); !arrow.TypeEqual(got, code.ValueType(dt)) {
			return fault.Inputf("column %q: a batch has type %s where the schema says %s", a.plan.columns[i], got.Name(), code.ValueType(dt).Name())
		}
	}
	return nil
}

// addBlock encodes at most blockRows rows and appends them to their buckets.
func (a *Accumulator) addBlock(rec arrow.Record) error {
	n := int(rec.NumRows())
	s, l := &a.scratch, a.layout
	s.grow(n, l)
	s.arrays = s.arrays[:0]
	for _, i := range a.keyAt {
		s.arrays = append(s.arrays, rec.Column(i))
	}
	group := s.group[:n]
	if err := a.groups.groups(s.arrays, group); err != nil {
		return err
	}
	for i, c := range a.columns {
		s.inputs = s.inputs[:0]
		for _, at := range a.inputAt[i] {
			s.inputs = append(s.inputs, rec.Column(at))
		}
		if err := c.read(s.inputs, s.values[i][:n*l.inputs[i].width()], s.null[i][:n]); err != nil {
			return err
		}
	}
	a.fillUnits(rec, n)
	a.append(group)
	return nil
}

// fillUnits writes the unit words of a block, mixed so that their leading bits
// choose a bucket.
func (a *Accumulator) fillUnits(rec arrow.Record, n int) {
	s := &a.scratch
	if a.unitAt >= 0 {
		var cell arrow.Array
		if a.cellAt >= 0 {
			cell = rec.Column(a.cellAt)
		}
		a.unit.fill(rec.Column(a.unitAt), cell, s.unit[:n*a.layout.unitWords], s.noUnit[:n])
		return
	}
	// Rows are units: the word is a hash of the record, to bring equal ones
	// together.
	clear(s.noUnit[:n])
	a.groups.settle()
	for i, g := range s.group[:n] {
		h := uint64(0)
		if g != noGroup {
			h = a.mix.mix(a.groups.hash[g])
		}
		for j, in := range a.layout.inputs {
			if s.null[j][i] {
				h = a.mix.mix(h)
				continue
			}
			for _, w := range s.values[j][i*in.width() : (i+1)*in.width()] {
				h = a.mix.mix(h ^ w)
			}
		}
		s.unit[i] = h
	}
}

// append writes the records of a block to their buckets.
func (a *Accumulator) append(group []uint32) {
	s, l := &a.scratch, a.layout
	w, u := l.words, l.unitWords
	if w == 3 && u == 1 {
		a.appendThree(group)
		return
	}
	for i, g := range group {
		if g == noGroup || s.noUnit[i] {
			continue
		}
		h := s.unit[i*u]
		t := &a.tails[h>>(64-bucketBits)]
		if t.left < w {
			a.newChunk(t)
		}
		rec := t.chunk[len(t.chunk)-t.left:][:w]
		t.left -= w
		rec[0] = h
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
	if len(a.slab) < size {
		chunks := slabChunks
		if a.held < 1<<20 {
			chunks = 4
		}
		a.slab = make([]uint64, chunks*size)
	}
	t.chunk, t.left = a.slab[:size:size], size
	a.slab = a.slab[size:]
	a.held += int64(8 * size)
	a.raw += chunkRecords
}

// close hands the chunk of a tail over to its bucket.
func (a *Accumulator) close(t *tail) {
	if used := len(t.chunk) - t.left; used > 0 {
		h := t.chunk[0]
		k := &a.buckets[h>>(64-bucketBits)]
		k.chunks = append(k.chunks, chunk{words: t.chunk[:used]})
	}
	*t = tail{}
}

// closeAll hands all chunks over to their buckets, before these are read.
func (a *Accumulator) closeAll() {
	for i := range a.tails {
		a.close(&a.tails[i])
	}
}

// Merge takes over what other holds; other is not used again. Accumulators of
// different plans or keys do not merge: the error is of kind fault.Plan.
func (a *Accumulator) Merge(other *Accumulator) error {
	switch {
	case a.used || other.used || a == other:
		return errUsed
	case a.fingerprint != other.fingerprint:
		return errKey
	case a.plan.digest != other.plan.digest:
		return errPlan
	}
	other.used = true
	other.closeAll()
	a.take(other)
	a.held += other.held
	a.raw += other.raw
	other.buckets, other.tails, other.groups, other.slab = nil, nil, nil, nil
	if a.held > a.limit || a.raw > maxRaw {
		a.condense()
	}
	return nil
}

var (
	errKey  = fault.Planf("partial states carry the fingerprints of different keys; all of one release need the key of its coordinator")
	errPlan = fault.Planf("partial states come from different plans; query, schema and budget must agree")
)

// take moves the contents of another accumulator's buckets here. Its records
// stay as they are; their chunks remember what their groups are called here.
func (a *Accumulator) take(other *Accumulator) {
	names := &numbering{a.groups.absorb(other.groups)}
	for _, f := range other.foreign {
		for i, g := range f.to {
			f.to[i] = names.to[g]
		}
	}
	a.foreign = append(append(a.foreign, other.foreign...), names)
	for i := range other.buckets {
		from, k := &other.buckets[i], &a.buckets[i]
		for j := range from.chunks {
			if c := &from.chunks[j]; c.names == nil {
				c.names = names
			}
		}
		for _, r := range from.runs {
			for j, g := range r.group {
				r.group[j] = names.to[g]
			}
		}
		k.chunks = append(k.chunks, from.chunks...)
		k.runs = append(k.runs, from.runs...)
	}
}

// newRun makes an empty run of the accumulator's layout.
func (l *layout) newRun() *run { return &run{inputs: make([]runInput, len(l.inputs))} }

// condense bounds every bucket into one run and drops its records. The limit
// then rises to twice what is left, so that the work stays proportional to the
// rows.
func (a *Accumulator) condense() {
	a.closeAll()
	a.groups.settle()
	b := newBounder(a.layout, a.groups, a.keys)
	b.partial = true
	kept := int64(0)
	for i := range a.buckets {
		k := &a.buckets[i]
		out := a.layout.newRun()
		b.bound(k, out, 0, nil)
		*k = bucket{}
		if out.len() > 0 {
			k.runs = []*run{out}
			kept += out.bytes()
		}
	}
	a.slab, a.foreign = nil, nil
	a.held, a.raw = kept, 0
	a.limit = max(a.limit, 2*kept)
}
