package parquet

import (
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// dictLimit bounds the bytes of a dictionary that is made for plain text.
const dictLimit = 1 << 20

// A textTable gives the texts of a column chunk codes in the order in which
// they come, and collects the codes of the rows that are not null.
type textTable struct {
	levels *levels
	row    int
	codes  []int32
	texts  []string
	byText map[string]int32
	bytes  int

	// remap holds the codes of the entries of the dictionary last seen:
	// unseen, or null for an entry that is null.
	dict  arrow.ArrayData
	remap []int32
}

const (
	unseen = -1
	isNull = -2
)

func newTextTable(l *levels) *textTable {
	return &textTable{levels: l, codes: make([]int32, 0, l.rows-l.nulls), byText: map[string]int32{}}
}

// code returns the code of a text. The text stays with the caller's array,
// which lives until the chunk is written.
func (t *textTable) code(s string) int32 {
	c, ok := t.byText[s]
	if !ok {
		c = int32(len(t.texts))
		t.byText[s] = c
		t.texts = append(t.texts, s)
		t.bytes += len(s) + 4
	}
	return c
}

// addText adds plain text; it returns false when the dictionary grows too big.
func (t *textTable) addText(a arrow.Array) bool {
	at := textAt(a)
	for i := range a.Len() {
		if a.IsValid(i) {
			if t.codes = append(t.codes, t.code(at(i))); t.bytes > dictLimit {
				return false
			}
		}
	}
	t.row += a.Len()
	return true
}

// addDictionary adds the codes of an array through a table from its entries to
// the codes here; an entry gets a code when a row uses it.
func (t *textTable) addDictionary(d *array.Dictionary) {
	dict := d.Dictionary()
	if t.dict != dict.Data() {
		t.dict = dict.Data()
		t.remap = make([]int32, dict.Len())
		for i := range t.remap {
			t.remap[i] = unseen
		}
	}
	at := textAt(dict)
	resolve := func(x int) int32 {
		c := int32(isNull)
		if dict.IsValid(x) {
			c = t.code(at(x))
		}
		t.remap[x] = c
		return c
	}
	switch idx := d.Indices().(type) {
	case *array.Int8:
		addCodes(t, d, idx.Int8Values(), resolve)
	case *array.Uint8:
		addCodes(t, d, idx.Uint8Values(), resolve)
	case *array.Int16:
		addCodes(t, d, idx.Int16Values(), resolve)
	case *array.Uint16:
		addCodes(t, d, idx.Uint16Values(), resolve)
	case *array.Int32:
		addCodes(t, d, idx.Int32Values(), resolve)
	case *array.Uint32:
		addCodes(t, d, idx.Uint32Values(), resolve)
	case *array.Int64:
		addCodes(t, d, idx.Int64Values(), resolve)
	case *array.Uint64:
		addCodes(t, d, idx.Uint64Values(), resolve)
	}
	t.row += d.Len()
}

func addCodes[T int8 | uint8 | int16 | uint16 | int32 | uint32 | int64 | uint64](t *textTable, d *array.Dictionary, idx []T, resolve func(int) int32) {
	if d.NullN() == 0 {
		n, remap := len(t.codes), t.remap
		codes := t.codes[:n+len(idx)]
		for i, x := range idx {
			c := remap[x]
			if c < 0 {
				if c = resolve(int(x)); c < 0 {
					addSlowly(t, d, idx, resolve)
					return
				}
			}
			codes[n+i] = c
		}
		t.codes = codes
		return
	}
	addSlowly(t, d, idx, resolve)
}

// addSlowly is addCodes where some row is null, itself or by its entry.
func addSlowly[T int8 | uint8 | int16 | uint16 | int32 | uint32 | int64 | uint64](t *textTable, d *array.Dictionary, idx []T, resolve func(int) int32) {
	for i, x := range idx {
		if d.IsNull(i) {
			continue
		}
		c := t.remap[x]
		if c == unseen {
			c = resolve(int(x))
		}
		if c == isNull {
			t.levels.drop(t.row + i)
			continue
		}
		t.codes = append(t.codes, c)
	}
}

// textAt returns the reader of an array of text.
func textAt(a arrow.Array) func(i int) string {
	switch a := a.(type) {
	case *array.String:
		return a.Value
	case *array.LargeString:
		return a.Value
	case *array.StringView:
		return a.Value
	case *array.Binary:
		return func(i int) string { return bytesText(a.Value(i)) }
	case *array.LargeBinary:
		return func(i int) string { return bytesText(a.Value(i)) }
	case *array.BinaryView:
		return func(i int) string { return bytesText(a.Value(i)) }
	}
	panic("parquet: no array of text")
}

func bytesText(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// dense returns an array of the type with the values of a, out of a dictionary
// or a view if need be. The result is the caller's to release.
func dense(a arrow.Array, t arrow.DataType) arrow.Array {
	d, isDict := a.(*array.Dictionary)
	switch {
	case isDict && isText(t):
		at := textAt(d.Dictionary())
		return denseText(a, t, func(i int) (string, bool) {
			x := d.GetValueIndex(i)
			return at(x), d.Dictionary().IsValid(x)
		})
	case isDict:
		return denseFixed(d)
	case isText(t) && !arrow.TypeEqual(a.DataType(), t):
		at := textAt(a)
		return denseText(a, t, func(i int) (string, bool) { return at(i), true })
	}
	a.Retain()
	return a
}

func denseText(a arrow.Array, t arrow.DataType, at func(i int) (string, bool)) arrow.Array {
	b := array.NewBuilder(memory.DefaultAllocator, t)
	defer b.Release()
	for i := range a.Len() {
		s, ok := "", a.IsValid(i)
		if ok {
			s, ok = at(i)
		}
		switch b := b.(type) {
		case *array.StringBuilder:
			appendText(b, s, ok, b.Append)
		case *array.LargeStringBuilder:
			appendText(b, s, ok, b.Append)
		case *array.BinaryBuilder:
			appendText(b, s, ok, b.AppendString)
		}
	}
	return b.NewArray()
}

func appendText(b array.Builder, s string, ok bool, add func(string)) {
	if ok {
		add(s)
	} else {
		b.AppendNull()
	}
}

// denseFixed takes values of a fixed width out of their dictionary.
func denseFixed(d *array.Dictionary) arrow.Array {
	dict, n := d.Dictionary(), d.Len()
	valid := make([]byte, (n+7)/8)
	width := dict.DataType().(arrow.FixedWidthDataType).BitWidth()
	out := make([]byte, (n*width+7)/8)
	src, off := dict.Data().Buffers()[1].Bytes(), dict.Data().Offset()
	nulls := 0
	for i := range n {
		x := 0
		if d.IsValid(i) {
			x = d.GetValueIndex(i)
		}
		if d.IsNull(i) || dict.IsNull(x) {
			nulls++
			continue
		}
		bitutil.SetBit(valid, i)
		if width == 1 {
			bitutil.SetBitTo(out, i, bitutil.BitIsSet(src, off+x))
		} else {
			w := width / 8
			copy(out[i*w:(i+1)*w], src[(off+x)*w:])
		}
	}
	data := array.NewData(dict.DataType(), n, []*memory.Buffer{memory.NewBufferBytes(valid), memory.NewBufferBytes(out)}, nil, nulls, 0)
	defer data.Release()
	return array.MakeFromData(data)
}
