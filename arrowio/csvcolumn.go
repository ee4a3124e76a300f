package arrowio

import (
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

	longest uint32 // no cell has more bytes
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

// numbers returns the lengths of those null texts that could be numbers.
func (s *nullSet) numbers() uint64 {
	var n uint64
	for _, t := range s.texts {
		if _, ok := parseDecimal([]byte(t), false); ok {
			n |= 1 << min(len(t), 63)
		}
	}
	return n
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
		t.typical = total * t.rows / len(c.lo)
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
		// Sixteen bytes move in a register, whatever the length, which spares
		// a branch that can't be foretold: what is too much is overwritten by
		// the next text.
		if n <= 16 {
			*(*[16]byte)(data[w : w+16]) = [16]byte(c.b[lo : lo+16])
		} else if n <= 32 {
			*(*[16]byte)(data[w : w+16]) = [16]byte(c.b[lo : lo+16])
			*(*[16]byte)(data[w+16 : w+32]) = [16]byte(c.b[lo+16 : lo+32])
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
	values := f.extend(len(c.lo))
	for i := range values {
		if !f.put(c, i) {
			return i
		}
	}
	return -1
}

// extend makes room for n more values and returns it.
func (f *fixedColumn[T]) extend(n int) []T {
	if f.values == nil {
		f.values = make([]T, 0, f.rows)
	}
	row := len(f.values)
	f.values = f.values[:row+n]
	return f.values[row:]
}

// put reads cell i of the cells that end the batch, whatever it holds. It
// returns false for a cell that does not fit.
func (f *fixedColumn[T]) put(c cells, i int) bool {
	at := len(f.values) - len(c.lo) + i
	b := c.b[c.lo[i]:c.hi[i]]
	if f.nulls.has(b) {
		f.valid.setNull(at)
	} else if v, ok := f.parse(b); ok {
		f.values[at] = v
	} else if f.toNull {
		f.valid.setNull(at)
	} else {
		return false
	}
	return true
}

// integerColumn is a fixedColumn of integers. Those of up to sixteen digits,
// which nearly all are, are read here, without a branch on length or sign:
// neither can be foretold.
type integerColumn struct {
	fixedColumn[int64]
	strict  bool
	lengths uint64 // of the null texts that are integers
}

func (f *integerColumn) add(c cells) int {
	values := f.extend(len(c.lo))
	for i := 0; i < len(values); i++ {
		if rest := (cells{b: c.b, lo: c.lo[i:], hi: c.hi[i:]}); c.longest <= 8 {
			i += f.short(values[i:], rest)
		} else {
			i += f.long(values[i:], rest)
		}
		if i < len(values) && !f.put(c, i) {
			return i
		}
	}
	return -1
}

// short reads numbers of at most eight bytes, and returns how many it read
// before one that has no digits only.
func (f *integerColumn) short(values []int64, c cells) int {
	his, lengths, strict := c.hi[:len(values)], f.lengths, f.strict
	for i, lo := range c.lo[:len(values)] {
		n := his[i] - lo
		x := word(c.b[lo:]) ^ zeros
		isNull := lengths >> (n & 63)
		var minus uint32
		if byte(x) == '-'^'0' {
			minus = 1
		}
		x >>= 8 * minus & 63
		n -= minus
		if n == 0 || isNull&1 != 0 || strict && byte(x) == 0 && n+minus != 1 {
			return i
		}
		x <<= (64 - 8*n) & 63
		if noDigits(x) != 0 {
			return i
		}
		sign := -int64(minus)
		values[i] = (int64(joinDigits(x)) ^ sign) - sign
	}
	return len(values)
}

// long is short for numbers of at most sixteen digits, in two words.
func (f *integerColumn) long(values []int64, c cells) int {
	his, lengths, strict := c.hi[:len(values)], f.lengths, f.strict
	for i, lo := range c.lo[:len(values)] {
		n := his[i] - lo
		isNull := lengths >> (n & 63)
		var minus uint32
		if c.b[lo] == '-' {
			minus = 1
		}
		n -= minus
		b := c.b[lo+minus:]
		first, last := word(b)^zeros, word(b[8:])^zeros
		if n-1 >= 16 || isNull&1 != 0 || strict && byte(first) == 0 && n+minus != 1 {
			return i
		}
		t := (128 - 8*n) & 63
		x, upper := last<<t|first>>1>>(63-t), first<<t
		if n <= 8 {
			x, upper = upper, 0
		}
		if noDigits(x)|noDigits(upper) != 0 {
			return i
		}
		sign := -int64(minus)
		values[i] = (int64(joinDigits(x)+joinDigits(upper)*100_000_000) ^ sign) - sign
	}
	return len(values)
}

// decimalColumn is a fixedColumn of decimals. Those of up to eight bytes and
// no sign are read here.
type decimalColumn struct {
	fixedColumn[float64]
	strict  bool
	lengths uint64 // of the null texts that are numbers
}

func (f *decimalColumn) add(c cells) int {
	values, his, lengths, strict := f.extend(len(c.lo)), c.hi[:len(c.lo)], f.lengths, f.strict
	for i, lo := range c.lo[:len(values)] {
		n := his[i] - lo
		if n-1 < 8 && lengths>>n&1 == 0 {
			x := word(c.b[lo:])
			m, decimals, ok := shortDecimal(x, n)
			if ok && (!strict || strictDecimal(x, n)) {
				values[i] = float64(m) / pow10[decimals]
				continue
			}
		}
		if !f.put(c, i) {
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
		return &integerColumn{strict: t.inferred, lengths: nulls.numbers(), fixedColumn: fixedColumn[int64]{dt: t.arrow, nulls: nulls, toNull: toNull, rows: rows,
			parse: func(b []byte) (int64, bool) { return parseInteger(b, t.inferred) }}}
	case Decimal:
		return &decimalColumn{strict: t.inferred, lengths: nulls.numbers(), fixedColumn: fixedColumn[float64]{dt: t.arrow, nulls: nulls, toNull: toNull, rows: rows,
			parse: func(b []byte) (float64, bool) { return parseDecimal(b, t.inferred) }}}
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
