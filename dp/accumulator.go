package dp

import (
	"runtime"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/internal/spill"
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
// bounded at once, so that only the kept groups remain, or where that is not
// much less, written to a temporary file.
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
	limit int64 // of held, before it is condensed or spilled
	raw   int64 // records in memory, rounded up to chunks

	pending   pending // where units stand together
	unbounded bool    // single rows were stored

	spilling bool          // condensing does not make room enough
	piece    int64         // bytes of spilled records that are read back at a time
	files    []*spill.File // temporary ones; the first is written to
	free     [][]uint64    // chunks to be used again

	scratch blockScratch
	slab    []uint64
	rowHash []uint64
}

// A columnReader writes the words of one input for every row.
type columnReader interface {
	read(columns []arrow.Array, dst []uint64, null []bool) error
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
		a.limit = defaultMemory
	} else {
		a.limit = a.limit / 8 * heldEighths
	}
	if w := p.query.Workers; w > 0 {
		a.limit /= int64(w)
	} else {
		a.limit /= int64(runtime.GOMAXPROCS(0))
	}
	a.piece = min(max(a.limit/4, 1<<20), maxPiece)
	if !p.query.UnitIsRow && len(p.keyTypes) == 1 && p.levels[0] == nil && offsetKeys(p.keyTypes[0]) && p.query.PublicGroups == nil {
		o := noOffsets
		groups.offsets, groups.direct = &o, false
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

// defaultMemory is what rows may take where no limit is given.
const defaultMemory = 1 << 30

// heldEighths is the share of the memory limit that rows take before there is
// made room. The garbage collector lets the heap grow to twice of what is in
// use; the rest is for buckets that are read back, groups and sums.
const heldEighths = 3

// Add takes the rows of one batch, whose columns are those of Plan.Columns, in
// that order. It keeps no reference to the batch. A row is stored in about 24
// bytes for an integer unit and one numeric input. The error of a batch of
// another schema is of kind fault.Input, and so is that of a malformed batch,
// after which the accumulator can't be used again.
func (a *Accumulator) Add(rec arrow.Record) (err error) {
	if a.used {
		return errUsed
	}
	defer func() {
		if recover() != nil { // buffers are read without asking whether they hold what the batch says
			a.used, err = true, errBatch
		}
	}()
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
		if err := a.relieve(); err != nil {
			return err
		}
	}
	return nil
}

var errBatch = fault.Inputf("a batch is malformed, such as an index outside of its dictionary or a buffer that is too short; the accumulator can't be used again")

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
	if o := a.groups.offsets; o == nil || !o.number(s.arrays[0], group) {
		a.leaveOffsets()
		if err := a.groups.groups(s.arrays, group); err != nil {
			return err
		}
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
	if a.clustered(n) {
		a.appendUnits(group)
	} else {
		a.flushUnit()
		a.append(group)
	}
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
			h = a.mix.mix(a.groups.words[g])
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
	a.closeAll() // before other chunks follow: the records of a unit that was bounded as it came stay together
	other.closeAll()
	a.take(other)
	a.held += other.held
	a.raw += other.raw
	a.limit += other.limit
	a.spilling = a.spilling || other.spilling
	a.files = append(a.files, other.files...)
	other.files = nil
	other.empty()
	return a.relieve()
}

var (
	errKey  = fault.Planf("partial states carry the fingerprints of different keys; all of one release need the key of its coordinator")
	errPlan = fault.Planf("partial states come from different plans; query, schema and budget must agree")
)

// take moves the contents of another accumulator's buckets here. Its records
// stay as they are; their chunks remember what their groups are called here.
func (a *Accumulator) take(other *Accumulator) {
	var names *numbering
	if o := a.groups.offsets; o == nil || other.groups.offsets == nil || !o.join(other.groups.offsets) {
		a.leaveOffsets()
		other.leaveOffsets()
		names = &numbering{to: a.groups.absorb(other.groups)}
	}
	for _, f := range other.foreign {
		for i, g := range f.to {
			f.to[i] = names.to[g]
		}
	}
	a.foreign = append(a.foreign, other.foreign...)
	if names != nil {
		a.foreign = append(a.foreign, names)
	}
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
		for j := range from.extents {
			if e := &from.extents[j]; e.names == nil {
				e.names = names
			}
		}
		k.chunks = append(k.chunks, from.chunks...)
		k.extents = append(k.extents, from.extents...)
		k.runs = append(k.runs, from.runs...)
	}
}

// newRun makes an empty run of the accumulator's layout.
func (l *layout) newRun() *run { return &run{inputs: make([]runInput, len(l.inputs))} }
