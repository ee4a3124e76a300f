package parquet

import (
	"encoding/binary"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/memory"
	pq "github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
)

// maxPageRows bounds the rows of one page, so that a damaged count asks for no
// more than 256 MiB. Writers end pages after some ten thousand rows.
const maxPageRows = 1 << 26

// A chunkReader decodes one flat column chunk page by page.
type chunkReader struct {
	pages    file.PageReader
	nullable bool
	target   target

	rows   int     // rows of the page not yet read
	at     int     // row of the page
	levels []int32 // 1 where a row of the page is there; nil: all are
	space  []int32
	start  bool
}

// A target collects the values of a column and makes arrays of them. Values
// come in the order of rows, those of one page through load, then take, several
// times.
type target interface {
	// dictionary gives the dictionary page: n values, PLAIN.
	dictionary(b []byte, n int) error
	// load gives the values of a page that are not null, in the PLAIN
	// encoding or as codes of the dictionary.
	load(b []byte, n int, dict bool) error
	// take appends the next n values of the page.
	take(n int)
	// zero appends a place under a null.
	zero()
	// finish returns the array of what was appended. valid is nil without
	// nulls.
	finish(n int, valid *memory.Buffer, nulls int) arrow.Array
}

func (c *chunkReader) release() {}

func (c *chunkReader) next(n int) (arrow.Array, error) {
	var valid []byte
	nulls := 0
	for done := 0; done < n; {
		if c.rows == 0 {
			if err := c.page(); err != nil {
				return nil, err
			}
			continue
		}
		k := min(n-done, c.rows)
		if c.levels == nil {
			c.target.take(k)
			if valid != nil {
				bitutil.SetBitsTo(valid, int64(done), int64(k), true)
			}
		} else {
			if valid == nil {
				valid = make([]byte, (n+7)/8)
				bitutil.SetBitsTo(valid, 0, int64(done), true)
			}
			nulls += c.spaced(valid, done, c.levels[c.at:c.at+k])
		}
		c.at += k
		c.rows -= k
		done += k
	}
	var bits *memory.Buffer
	if nulls > 0 {
		bits = memory.NewBufferBytes(valid)
	}
	return c.target.finish(n, bits, nulls), nil
}

// spaced takes runs of values and puts zeros under nulls.
func (c *chunkReader) spaced(valid []byte, done int, levels []int32) (nulls int) {
	for i := 0; i < len(levels); {
		k := i
		for k < len(levels) && levels[k] != 0 {
			k++
		}
		if k > i {
			c.target.take(k - i)
			bitutil.SetBitsTo(valid, int64(done+i), int64(k-i), true)
		}
		for i = k; i < len(levels) && levels[i] == 0; i++ {
			c.target.zero()
			nulls++
		}
	}
	return nulls
}

// page reads the next page, or the dictionary and the page after it.
func (c *chunkReader) page() error {
	for c.pages.Next() {
		switch p := c.pages.Page().(type) {
		case *file.DictionaryPage:
			if c.start {
				return errPage
			}
			if err := c.target.dictionary(p.Data(), int(p.NumValues())); err != nil {
				return err
			}
		case *file.DataPageV1:
			c.start = true
			return c.pageV1(p)
		case *file.DataPageV2:
			c.start = true
			b := p.Data()
			n := int(p.DefinitionLevelByteLen())
			if p.RepetitionLevelByteLen() != 0 || n > len(b) {
				return errPage
			}
			return c.data(b[n:], b[:n], int(p.NumValues()), pq.Encoding(p.Encoding()))
		}
	}
	if err := c.pages.Err(); err != nil {
		return err
	}
	return errPage // fewer rows than the metadata says
}

func (c *chunkReader) pageV1(p *file.DataPageV1) error {
	b := p.Data()
	var levels []byte
	if c.nullable {
		if p.DefinitionLevelEncoding() != pq.Encodings.RLE || len(b) < 4 {
			return errPage
		}
		n := binary.LittleEndian.Uint32(b)
		if b = b[4:]; uint64(n) > uint64(len(b)) {
			return errPage
		}
		levels, b = b[:n], b[n:]
	}
	return c.data(b, levels, int(p.NumValues()), pq.Encoding(p.Encoding()))
}

// data readies the values of a page of n rows.
func (c *chunkReader) data(b, levels []byte, n int, e pq.Encoding) error {
	if n > maxPageRows {
		return errPage
	}
	c.rows, c.at, c.levels = n, 0, nil
	present := n
	if c.nullable && !allPresent(levels, n) {
		if cap(c.space) < n {
			c.space = make([]int32, n)
		}
		c.levels = c.space[:n]
		if err := decodeHybrid(levels, 1, 2, c.levels); err != nil {
			return err
		}
		present = 0
		for _, l := range c.levels {
			present += int(l)
		}
	}
	switch e {
	case pq.Encodings.Plain:
		return c.target.load(b, present, false)
	case pq.Encodings.PlainDict, pq.Encodings.RLEDict:
		return c.target.load(b, present, true)
	}
	return errPage
}

// allPresent reports whether levels are one run of ones.
func allPresent(levels []byte, n int) bool {
	header, k := binary.Uvarint(levels)
	return k > 0 && header&1 == 0 && header>>1 >= uint64(n) && k < len(levels) && levels[k] == 1
}

// codes decodes the codes of a page: a byte for the bit width, then the hybrid
// encoding.
func codes(b []byte, n, entries int, space []int32) ([]int32, error) {
	if cap(space) < n {
		space = make([]int32, n)
	}
	space = space[:n]
	if n == 0 {
		return space, nil
	}
	if len(b) == 0 || b[0] > 31 {
		return nil, errPage
	}
	return space, decodeHybrid(b[1:], int(b[0]), uint32(min(entries, math.MaxInt32)), space)
}

func newTarget(t arrow.DataType) target {
	switch t.ID() {
	case arrow.DICTIONARY:
		return &dictTarget{t: t.(*arrow.DictionaryType)}
	case arrow.STRING:
		return &textTarget{}
	case arrow.BOOL:
		return &booleanTarget{}
	case arrow.INT8, arrow.UINT8:
		return &fixedTarget{t: t, width: 4, narrow: 1}
	case arrow.INT16, arrow.UINT16:
		return &fixedTarget{t: t, width: 4, narrow: 2}
	}
	return &fixedTarget{t: t, width: t.(arrow.FixedWidthDataType).BitWidth() / 8}
}

// fixedTarget holds values of 4 or 8 bytes; narrow ones keep their low bytes.
type fixedTarget struct {
	t      arrow.DataType
	width  int
	narrow int
	dict   []byte
	page   []byte // values of the page not yet taken
	space  []int32
	gather []byte
	out    []byte
}

func (f *fixedTarget) dictionary(b []byte, n int) error {
	if len(b) < n*f.width {
		return errPage
	}
	f.dict = b[:n*f.width]
	return nil
}

func (f *fixedTarget) load(b []byte, n int, dict bool) (err error) {
	if !dict {
		if len(b) < n*f.width {
			return errPage
		}
		f.page = b[:n*f.width]
		return nil
	}
	if f.space, err = codes(b, n, len(f.dict)/f.width, f.space); err != nil {
		return err
	}
	if cap(f.gather) < n*f.width {
		f.gather = make([]byte, n*f.width)
	}
	f.page = f.gather[:n*f.width]
	if f.width == 4 {
		dst, src := arrow.Uint32Traits.CastFromBytes(f.page), arrow.Uint32Traits.CastFromBytes(f.dict)
		for i, c := range f.space {
			dst[i] = src[c]
		}
		return nil
	}
	dst, src := arrow.Uint64Traits.CastFromBytes(f.page), arrow.Uint64Traits.CastFromBytes(f.dict)
	for i, c := range f.space {
		dst[i] = src[c]
	}
	return nil
}

func (f *fixedTarget) take(n int) {
	if f.out == nil {
		f.out = make([]byte, 0, batchRows*f.width)
	}
	f.out = append(f.out, f.page[:n*f.width]...)
	f.page = f.page[n*f.width:]
}

func (f *fixedTarget) zero() {
	f.out = append(f.out, make([]byte, f.width)...)
}

func (f *fixedTarget) finish(n int, valid *memory.Buffer, nulls int) arrow.Array {
	out := f.out
	f.out = nil
	if f.narrow > 0 {
		small := make([]byte, 0, n*f.narrow)
		for i := range n {
			small = append(small, out[i*f.width:i*f.width+f.narrow]...)
		}
		out = small
	}
	return makeArray(f.t, n, nulls, valid, memory.NewBufferBytes(out))
}

func makeArray(t arrow.DataType, n, nulls int, bufs ...*memory.Buffer) arrow.Array {
	data := array.NewData(t, n, bufs, nil, nulls, 0)
	defer data.Release()
	return array.MakeFromData(data)
}

// booleanTarget holds bits.
type booleanTarget struct {
	page []byte
	at   int
	out  []byte
	n    int
}

func (t *booleanTarget) dictionary([]byte, int) error { return errPage }

func (t *booleanTarget) load(b []byte, n int, dict bool) error {
	if dict || len(b) < (n+7)/8 {
		return errPage
	}
	t.page, t.at = b, 0
	return nil
}

func (t *booleanTarget) grow(n int) {
	for len(t.out)*8 < t.n+n {
		t.out = append(t.out, 0)
	}
}

func (t *booleanTarget) take(n int) {
	t.grow(n)
	bitutil.CopyBitmap(t.page, t.at, n, t.out, t.n)
	t.at += n
	t.n += n
}

func (t *booleanTarget) zero() {
	t.grow(1)
	t.n++
}

func (t *booleanTarget) finish(n int, valid *memory.Buffer, nulls int) arrow.Array {
	out := t.out
	t.out, t.n = nil, 0
	return makeArray(arrow.FixedWidthTypes.Boolean, n, nulls, valid, memory.NewBufferBytes(out))
}
