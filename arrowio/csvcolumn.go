package arrowio

import (
	"encoding/binary"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// batchRows is the number of rows of a batch.
const batchRows = 1 << 16

// cells are the texts of one column in a run of rows: cell i is b[lo[i]:hi[i]],
// quotes taken off. b has at least 32 bytes beyond every cell.
type cells struct {
	b      []byte
	lo, hi []uint32
}

// A column collects one column of a batch.
type column interface {
	// add appends cells, at most batchRows in one batch. It returns the
	// index of the first cell that does not fit the type, -1 when all do; a
	// column that takes bad values as null never returns one.
	add(c cells) int
	// flush returns what was collected and starts anew.
	flush() arrow.Array
}

// nullSet tells which texts are null.
type nullSet struct {
	lengths uint64 // bit min(n, 63): some null text has n bytes
	texts   []string
}

func newNullSet(texts []string) nullSet {
	if texts == nil {
		texts = []string{""}
	}
	s := nullSet{texts: texts}
	for _, t := range texts {
		s.lengths |= 1 << min(len(t), 63)
	}
	return s
}

func (s *nullSet) has(b []byte) bool {
	if s.lengths>>min(len(b), 63)&1 == 0 {
		return false
	}
	for _, t := range s.texts {
		if string(b) == t {
			return true
		}
	}
	return false
}

// validity is a bitmap that is made when the first null comes.
type validity struct {
	bits  []byte
	nulls int
}

func (v *validity) setNull(i int) {
	if v.bits == nil {
		v.bits = make([]byte, batchRows/8)
		for k := range v.bits {
			v.bits[k] = 0xff
		}
	}
	v.bits[i/8] &^= 1 << (i % 8)
	v.nulls++
}

// take returns the bitmap of n rows, nil when none is null, and starts anew.
// Bits beyond the rows are zero.
func (v *validity) take(n int) (*memory.Buffer, int) {
	if v.nulls == 0 {
		return nil, 0
	}
	b := v.bits[: (n+7)/8 : (n+7)/8]
	if n%8 != 0 {
		b[n/8] &= 1<<(n%8) - 1
	}
	nulls := v.nulls
	*v = validity{}
	return memory.NewBufferBytes(b), nulls
}

// textColumn holds texts byte for byte.
type textColumn struct {
	nulls   *nullSet
	valid   validity
	offsets []int32
	data    []byte // the texts; the capacity has 32 bytes more
	typical int    // bytes of the last batch
	rows    int    // rows of a batch, at most
}

func (t *textColumn) add(c cells) int {
	if t.offsets == nil {
		t.offsets = make([]int32, 1, t.rows+1)
		if t.typical > 0 {
			t.data = make([]byte, 0, t.typical+t.typical/16+64)
		}
	}
	var total int
	for i, lo := range c.lo {
		total += int(c.hi[i] - lo)
	}
	if t.typical == 0 && len(t.offsets) == 1 { // the rest of the batch like its start
		t.typical = total / len(c.lo) * t.rows
		t.data = make([]byte, 0, t.typical+t.typical/16+total+64)
	}
	if need := len(t.data) + total + 32; cap(t.data) < need {
		t.data = append(make([]byte, 0, need+need/2), t.data...)
	}
	w, data, row := len(t.data), t.data[:cap(t.data)], len(t.offsets)-1
	offsets := t.offsets[:row+1+len(c.lo)]
	ends, his := offsets[row+1:][:len(c.lo)], c.hi[:len(c.lo)]
	lengths := t.nulls.lengths
	for i, lo := range c.lo {
		hi := his[i]
		n := int(hi - lo)
		if lengths>>min(n, 63)&1 != 0 && t.nulls.has(c.b[lo:hi]) {
			t.valid.setNull(row + i)
			n = 0
		}
		if n <= 32 {
			// Thirty-two bytes move in registers, whatever the length, which
			// spares a branch that can't be foretold: what is too much is
			// overwritten by the next text.
			*(*[32]byte)(data[w : w+32]) = [32]byte(c.b[lo : lo+32])
		} else {
			copy(data[w:w+n], c.b[lo:hi])
		}
		w += n
		ends[i] = int32(w)
	}
	t.offsets, t.data = offsets, data[:w]
	return -1
}

func (t *textColumn) flush() arrow.Array {
	n := max(len(t.offsets)-1, 0)
	if n == 0 {
		t.offsets = []int32{0}
	}
	valid, nulls := t.valid.take(n)
	t.typical = len(t.data)
	clear(t.data[len(t.data):cap(t.data)])
	bufs := []*memory.Buffer{valid, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(t.offsets)), memory.NewBufferBytes(t.data)}
	t.offsets, t.data = nil, nil
	return makeArray(arrow.BinaryTypes.String, n, nulls, bufs)
}

func makeArray(dt arrow.DataType, n, nulls int, bufs []*memory.Buffer) arrow.Array {
	data := array.NewData(dt, n, bufs, nil, nulls, 0)
	defer data.Release()
	return array.MakeFromData(data)
}

// fixedColumn holds values of one width.
type fixedColumn[T int32 | int64 | float64] struct {
	dt     arrow.DataType
	parse  func(b []byte) (T, bool)
	toNull bool // bad values are null
	nulls  *nullSet
	valid  validity
	values []T
	rows   int // rows of a batch, at most
}

func (f *fixedColumn[T]) add(c cells) int {
	if f.values == nil {
		f.values = make([]T, 0, f.rows)
	}
	for i, lo := range c.lo {
		b := c.b[lo:c.hi[i]]
		var v T
		if f.nulls.has(b) {
			f.valid.setNull(len(f.values))
		} else if x, ok := f.parse(b); ok {
			v = x
		} else if f.toNull {
			f.valid.setNull(len(f.values))
		} else {
			return i
		}
		f.values = append(f.values, v)
	}
	return -1
}

// integerColumn is a fixedColumn of integers. Those of up to eight digits and
// no sign, which most are, are read here without a call.
type integerColumn struct {
	fixedColumn[int64]
	strict bool
}

func (f *integerColumn) add(c cells) int {
	if f.values == nil {
		f.values = make([]int64, 0, f.rows)
	}
	for i, lo := range c.lo {
		n := c.hi[i] - lo
		if n-1 < 8 && f.nulls.lengths>>n&1 == 0 {
			b := c.b[lo : lo+8]
			v, ok := eightDigits(binary.LittleEndian.Uint64(b), n)
			if ok && (!f.strict || b[0] != '0' || n == 1) {
				f.values = append(f.values, int64(v))
				continue
			}
		}
		if bad := f.fixedColumn.add(cells{c.b, c.lo[i : i+1], c.hi[i : i+1]}); bad >= 0 {
			return i
		}
	}
	return -1
}

func (f *fixedColumn[T]) flush() arrow.Array {
	n := len(f.values)
	valid, nulls := f.valid.take(n)
	var b []byte
	switch v := any(f.values).(type) {
	case []int32:
		b = arrow.Int32Traits.CastToBytes(v)
	case []int64:
		b = arrow.Int64Traits.CastToBytes(v)
	case []float64:
		b = arrow.Float64Traits.CastToBytes(v)
	}
	f.values = nil
	return makeArray(f.dt, n, nulls, []*memory.Buffer{valid, memory.NewBufferBytes(b)})
}

// booleanColumn holds bits.
type booleanColumn struct {
	strict bool
	toNull bool
	nulls  *nullSet
	valid  validity
	bits   []byte
	n      int
}

func (c *booleanColumn) add(in cells) int {
	if c.bits == nil {
		c.bits = make([]byte, batchRows/8)
	}
	for i, lo := range in.lo {
		b := in.b[lo:in.hi[i]]
		if c.nulls.has(b) {
			c.valid.setNull(c.n)
		} else if v, ok := parseBoolean(b, c.strict); !ok && !c.toNull {
			return i
		} else if !ok {
			c.valid.setNull(c.n)
		} else if v {
			c.bits[c.n/8] |= 1 << (c.n % 8)
		}
		c.n++
	}
	return -1
}

func (c *booleanColumn) flush() arrow.Array {
	n := c.n
	valid, nulls := c.valid.take(n)
	b := c.bits[: (n+7)/8 : (n+7)/8]
	c.bits, c.n = nil, 0
	return makeArray(arrow.FixedWidthTypes.Boolean, n, nulls, []*memory.Buffer{valid, memory.NewBufferBytes(b)})
}

// newColumn returns the collector of a column type for batches of at most so
// many rows.
func newColumn(t preparedType, nulls *nullSet, onBad OnBadValue, rows int) column {
	toNull := onBad == Null
	switch t.Kind {
	case Integer:
		return &integerColumn{strict: t.inferred, fixedColumn: fixedColumn[int64]{dt: t.arrow, nulls: nulls, toNull: toNull, rows: rows,
			parse: func(b []byte) (int64, bool) { return parseInteger(b, t.inferred) }}}
	case Decimal:
		return &fixedColumn[float64]{dt: t.arrow, nulls: nulls, toNull: toNull, rows: rows,
			parse: func(b []byte) (float64, bool) { return parseDecimal(b, t.inferred) }}
	case Boolean:
		return &booleanColumn{strict: t.inferred, nulls: nulls, toNull: toNull}
	case Date:
		parse := parseDate
		if t.pattern != nil {
			parse = func(b []byte) (int32, bool) {
				c, ok := t.pattern.parse(b)
				return c.days, ok
			}
		}
		return &fixedColumn[int32]{dt: t.arrow, nulls: nulls, toNull: toNull, rows: rows, parse: parse}
	case Timestamp:
		read := parseClock
		if t.pattern != nil {
			read = t.pattern.parse
		}
		return &fixedColumn[int64]{dt: t.arrow, nulls: nulls, toNull: toNull, rows: rows, parse: func(b []byte) (int64, bool) {
			if t.AnyOffset && len(b) == len("2006-01-02") {
				days, ok := parseDate(b)
				return clock{days: days}.instant(t.location), ok
			}
			c, ok := read(b)
			// A column has a zone or has none: a lone offset would shift a row.
			if !ok || c.zoned != t.zoned && !t.AnyOffset {
				return 0, false
			}
			return c.instant(t.location), true
		}}
	}
	return &textColumn{nulls: nulls, rows: rows}
}

// A preparedType is a column type that is known to make sense.
type preparedType struct {
	ColumnType
	inferred bool
	arrow    arrow.DataType
	pattern  pattern        // nil: ISO 8601
	location *time.Location // timestamps without an offset; nil: none declared
	zoned    bool           // timestamps: every value has an offset
}
