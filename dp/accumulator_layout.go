package dp

import (
	"maps"
	"slices"

	"github.com/oboro-data/oboro/internal/prf"
)

// An inputKind says what of a column's values an accumulator keeps for one
// unit in one group.
type inputKind int

const (
	// totals: the exact sum of the grid steps of the unit's rows.
	totals inputKind = iota
	// samples: at most limit rows, those of least keyed hash, equal rows with
	// their multiplicity.
	samples
	// sets: the distinct values.
	sets
)

// An input is one column as some statistics read it. Statistics that read a
// column in the same way share an input.
type input struct {
	kind   inputKind
	column string
	grid   grid      // totals, samples without edges
	lower  int64     // samples: steps are clamped to [lower, upper]
	upper  int64     //
	edges  []float64 // samples: the value is the bin between edges instead of a step
	joint  []*input  // samples: the value packs the steps above lower of several columns
	limit  int64     // samples: rows per group
	words  int       // sets: words of a value, 1 or 2
	// sets: only these values, by canonical text, as their places in a public list
	candidates map[string]uint64
	at         int // first word of the value in a record
}

// same reports whether two inputs read the same thing.
func (in *input) same(o *input) bool {
	if in.kind != o.kind || in.column != o.column || in.kind == sets {
		return in.kind == o.kind && in.column == o.column && maps.Equal(in.candidates, o.candidates)
	}
	if !slices.EqualFunc(in.joint, o.joint, (*input).same) {
		return false
	}
	return in.grid.step.Equal(o.grid.step) && in.lower == o.lower && in.upper == o.upper && slices.Equal(in.edges, o.edges)
}

// width is the number of words of one value.
func (in *input) width() int {
	if in.kind == sets {
		return in.words
	}
	return 1
}

// A layout says where things stand in a record, the form in which an
// accumulator holds a row until it is bounded. With an integer unit, and
// inputs fee (a total) and age (a sample), the row (unit 7, group 3, fee 150
// steps, age null) is the four words
//
//	mixed unit | 1<<32 + 3 | 150 | 0
//
// Bit 32+i of the second word tells that input i has a value.
type layout struct {
	unitIsRow bool
	unitWords int // 1: a mixed number or, for rows, a hash of the record; 2: a 128-bit hash
	inputs    []*input
	words     int  // of a record
	copyBits  uint // where the head of a record counts rows beyond the first
	maxGroups int64

	rowsPerUnit int64 // 0: rows are bounded group by group only
	groupsFirst bool  // with rowsPerUnit: maxGroups groups are kept before rows are

	spare  int64 // groups of a unit held beyond maxGroups, to tell that it had more
	counts bool  // units whose rows are cut are counted, and a row more is held of them
}

// byRow reports whether what is condensed stays apart row by row: where rows
// are units, and where all rows of a unit together are bounded.
func (l *layout) byRow() bool { return l.unitIsRow || l.rowsPerUnit > 0 }

// maxInputs is the number of presence bits in a record.
const maxInputs = 31

// finish sets the places of the inputs.
func (l *layout) finish() {
	l.copyBits = 63 // which is 0 in a record
	if l.combines() {
		l.copyBits = copiesShift
	}
	l.words = l.unitWords + 1
	for _, in := range l.inputs {
		in.at = l.words
		l.words += in.width()
	}
}

// A run holds bounded contributions, one entry for each unit and kept group,
// column by column. It is the only form in which statistics and partial state
// see the rows. Where rows are units it has one entry for each distinct record
// and counts in units how many there are. Where all rows of a unit are bounded
// together, a condensed run has an entry for each distinct row of a unit, which
// rows counts; what statistics see is added up by group as everywhere.
type run struct {
	unit   []uint64 // unitWords for each entry
	group  []uint32
	rows   []int64
	units  []int64 // only where rows are units
	inputs []runInput
}

// A runInput is the part of a run that one input makes.
type runInput struct {
	has   []bool   // totals: the unit has a value
	total []int128 // totals
	end   []uint32 // samples, sets: end of the entry's values
	value []uint64 // samples: grid steps; sets: words of each value; sorted in each entry
	count []int64  // samples: multiplicity
}

func (r *run) len() int { return len(r.group) }

// reset empties the run and keeps its memory.
func (r *run) reset() {
	r.unit, r.group, r.rows, r.units = r.unit[:0], r.group[:0], r.rows[:0], r.units[:0]
	for i := range r.inputs {
		in := &r.inputs[i]
		in.has, in.total, in.end, in.value, in.count = in.has[:0], in.total[:0], in.end[:0], in.value[:0], in.count[:0]
	}
}

// bytes is about the memory that the run takes.
func (r *run) bytes() int64 {
	n := 8*len(r.unit) + 4*len(r.group) + 8*len(r.rows) + 8*len(r.units)
	for _, in := range r.inputs {
		n += len(in.has) + 16*len(in.total) + 4*len(in.end) + 8*len(in.value) + 8*len(in.count)
	}
	return int64(n)
}

// values returns the values of entry i of a sample or set, each of w words.
func (in *runInput) values(i, w int) (value []uint64, first int) {
	from := 0
	if i > 0 {
		from = int(in.end[i-1])
	}
	return in.value[from*w : int(in.end[i])*w], from
}

// boundKeys are the keys of one release, derived from its secret.
type boundKeys struct {
	unit   *prf.Key // units and texts to hashes, numbers to mixed numbers
	group  *prf.Key // key bytes to group hashes
	groups *prf.Key // priority of a group for a unit
	rows   *prf.Key // priority of a row for a unit in a group
	all    *prf.Key // priority of a row for a unit in all groups
}

func deriveKeys(k *prf.Key) boundKeys {
	return boundKeys{k.Derive("unit"), k.Derive("group"), k.Derive("kept groups"), k.Derive("kept rows"), k.Derive("kept rows of all groups")}
}

func (k boundKeys) erase() {
	for _, key := range []*prf.Key{k.unit, k.group, k.groups, k.rows, k.all} {
		key.Erase()
	}
}
