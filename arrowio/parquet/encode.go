package parquet

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/memory"
	pq "github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/oboro-data/oboro/internal/fault"
)

// levels says which rows of a column are there, one bit each.
type levels struct {
	bits  []byte
	rows  int
	nulls int
}

func newLevels(arrs []arrow.Array, rows int) *levels {
	l := &levels{bits: make([]byte, (rows+7)/8)}
	for _, a := range arrs {
		n := a.Len()
		switch {
		case a.DataType().ID() == arrow.NULL:
			l.nulls += n
		case a.NullN() == 0:
			bitutil.SetBitsTo(l.bits, int64(l.rows), int64(n), true)
		default:
			bitutil.CopyBitmap(a.NullBitmapBytes(), a.Data().Offset(), n, l.bits, l.rows)
			l.nulls += a.NullN()
		}
		l.rows += n
	}
	return l
}

func (l *levels) drop(row int) {
	bitutil.ClearBit(l.bits, row)
	l.nulls++
}

// append writes the definition levels of rows [from, to) as a version 1 page
// has them: their length, then the hybrid encoding at width 1, whose
// bit-packed form is the bitmap itself. from is a multiple of 8.
func (l *levels) append(dst []byte, from, to int) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	if present := l.count(from, to); present == to-from || present == 0 {
		dst = binary.AppendUvarint(dst, uint64(to-from)<<1)
		dst = append(dst, byte(min(present, 1)))
	} else {
		dst = binary.AppendUvarint(dst, uint64((to-from+7)/8)<<1|1)
		dst = append(dst, l.bits[from/8:(to+7)/8]...)
	}
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

func (l *levels) count(from, to int) int {
	if l.nulls == 0 {
		return to - from
	}
	return bitutil.CountSetBits(l.bits, from, to-from)
}

// values are the values of a column chunk that are not null, ready to be cut
// into pages.
type values struct {
	dict     []string // the dictionary, if any
	encoding pq.Encoding
	// page appends values [from, to).
	page func(dst []byte, from, to int) []byte
}

// encodeColumn writes one column of a row group and says whether it has a
// dictionary.
func encodeColumn(pager file.PageWriter, f arrow.Field, arrs []arrow.Array, rows int) (hasDict bool, err error) {
	l := newLevels(arrs, rows)
	v, err := columnValues(f.Type, arrs, l)
	if err != nil {
		return false, err
	}
	if l.nulls > 0 && !f.Nullable {
		return false, fault.Inputf("column %q has a null and its schema says that it has none; make the field nullable", f.Name)
	}
	if v.dict != nil {
		page := file.NewDictionaryPage(memory.NewBufferBytes(plainText(nil, v.dict)), int32(len(v.dict)), pq.Encodings.Plain)
		if _, err := pager.WriteDictionaryPage(page); err != nil {
			return false, outputError(err)
		}
	}
	var raw []byte
	at := 0
	for from := 0; from < rows; from += pageRows {
		to := min(rows, from+pageRows)
		raw = raw[:0]
		if f.Nullable {
			raw = l.append(raw, from, to)
		}
		n := l.count(from, to)
		raw = v.page(raw, at, at+n)
		at += n
		var packed bytes.Buffer
		data := pager.Compress(&packed, raw)
		page := file.NewDataPageV1(memory.NewBufferBytes(data), int32(to-from), v.encoding, pq.Encodings.RLE, pq.Encodings.RLE, int32(len(raw)))
		_, err := pager.WriteDataPage(page)
		page.Release()
		if err != nil {
			return false, outputError(err)
		}
	}
	return v.dict != nil, nil
}

// columnValues gathers the values of a column.
func columnValues(t arrow.DataType, arrs []arrow.Array, l *levels) (values, error) {
	if d, ok := t.(*arrow.DictionaryType); ok {
		t = d.ValueType
	}
	switch t := t.(type) {
	case *arrow.StringType, *arrow.LargeStringType, *arrow.BinaryType, *arrow.LargeBinaryType:
		return textValues(arrs, l), nil
	case *arrow.BooleanType:
		return booleanValues(arrs, t), nil
	case *arrow.NullType:
		return values{encoding: pq.Encodings.Plain, page: func(dst []byte, from, to int) []byte { return dst }}, nil
	}
	var b []byte
	var width int
	for _, a := range arrs {
		if _, ok := a.(*array.Dictionary); ok {
			a = dense(a, t)
			defer a.Release()
		}
		b, width = appendFixed(b, a)
	}
	return values{encoding: pq.Encodings.Plain, page: func(dst []byte, from, to int) []byte {
		return append(dst, b[from*width:to*width]...)
	}}, nil
}

func booleanValues(arrs []arrow.Array, t arrow.DataType) values {
	var v []bool
	for _, a := range arrs {
		d := dense(a, t)
		defer d.Release()
		b := d.(*array.Boolean)
		for i := range b.Len() {
			if b.IsValid(i) {
				v = append(v, b.Value(i))
			}
		}
	}
	return values{encoding: pq.Encodings.Plain, page: func(dst []byte, from, to int) []byte {
		at := len(dst)
		dst = append(dst, make([]byte, (to-from+7)/8)...)
		for i, x := range v[from:to] {
			if x {
				bitutil.SetBit(dst[at:], i)
			}
		}
		return dst
	}}
}

// appendFixed appends the values of an array that are not null in their
// physical form, and returns its width in bytes.
func appendFixed(dst []byte, a arrow.Array) ([]byte, int) {
	switch a := a.(type) {
	case *array.Int8:
		return appendInts(dst, a, a.Int8Values(), 1), 4
	case *array.Uint8:
		return appendInts(dst, a, a.Uint8Values(), 1), 4
	case *array.Int16:
		return appendInts(dst, a, a.Int16Values(), 1), 4
	case *array.Uint16:
		return appendInts(dst, a, a.Uint16Values(), 1), 4
	case *array.Time32:
		if a.DataType().(*arrow.Time32Type).Unit == arrow.Second {
			return appendInts(dst, a, a.Time32Values(), 1000), 4
		}
	case *array.Timestamp:
		if a.DataType().(*arrow.TimestampType).Unit == arrow.Second {
			for i, v := range a.TimestampValues() {
				if a.IsValid(i) {
					dst = binary.LittleEndian.AppendUint64(dst, uint64(v)*1000)
				}
			}
			return dst, 8
		}
	case *array.Date64:
		for i, v := range a.Date64Values() {
			if a.IsValid(i) {
				days := int64(v) / 86400000
				if int64(v)%86400000 < 0 {
					days--
				}
				dst = binary.LittleEndian.AppendUint32(dst, uint32(days))
			}
		}
		return dst, 4
	case *array.Decimal128:
		t := a.DataType().(*arrow.Decimal128Type)
		width := int(pqarrow.DecimalSize(t.Precision))
		for i, v := range a.Values() {
			if a.IsValid(i) {
				var be [16]byte
				binary.BigEndian.PutUint64(be[:], uint64(v.HighBits()))
				binary.BigEndian.PutUint64(be[8:], v.LowBits())
				dst = append(dst, be[16-width:]...)
			}
		}
		return dst, width
	case *array.Decimal256:
		t := a.DataType().(*arrow.Decimal256Type)
		width := int(pqarrow.DecimalSize(t.Precision))
		for i := range a.Len() {
			if a.IsValid(i) {
				var be [32]byte
				for k, word := range a.Value(i).Array() {
					binary.BigEndian.PutUint64(be[24-8*k:], word)
				}
				dst = append(dst, be[32-width:]...)
			}
		}
		return dst, width
	}
	// The physical form is Arrow's.
	width := a.DataType().(arrow.FixedWidthDataType).BitWidth() / 8
	if a.Len() == 0 {
		return dst, width
	}
	from := a.Data().Offset() * width
	b := a.Data().Buffers()[1].Bytes()[from : from+a.Len()*width]
	if a.NullN() == 0 {
		return append(dst, b...), width
	}
	for i := range a.Len() {
		if a.IsValid(i) {
			dst = append(dst, b[i*width:(i+1)*width]...)
		}
	}
	return dst, width
}

func appendInts[T ~int8 | ~uint8 | ~int16 | ~uint16 | ~int32](dst []byte, a arrow.Array, v []T, factor int32) []byte {
	for i, x := range v {
		if a.IsValid(i) {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(int32(x)*factor))
		}
	}
	return dst
}

// textValues makes a dictionary of the texts in the order in which rows use
// them first, so that nothing but what the rows use is written, and the same
// rows give the same bytes. Text that comes without an Arrow dictionary is
// plain when it has more than dictLimit bytes of distinct texts.
func textValues(arrs []arrow.Array, l *levels) values {
	t := newTextTable(l)
	for _, a := range arrs {
		if d, ok := a.(*array.Dictionary); ok {
			t.addDictionary(d)
		} else if !t.addText(a) {
			return plainValues(arrs)
		}
	}
	width := max(bits.Len(uint(max(len(t.texts)-1, 0))), 1)
	if len(t.texts) == 0 {
		return values{encoding: pq.Encodings.Plain, page: func(dst []byte, from, to int) []byte { return dst }}
	}
	return values{dict: t.texts, encoding: pq.Encodings.RLEDict, page: func(dst []byte, from, to int) []byte {
		return appendHybrid(append(dst, byte(width)), t.codes[from:to], width)
	}}
}

func plainValues(arrs []arrow.Array) values {
	var v []string
	for _, a := range arrs {
		at := textAt(a)
		for i := range a.Len() {
			if a.IsValid(i) {
				v = append(v, at(i))
			}
		}
	}
	return values{encoding: pq.Encodings.Plain, page: func(dst []byte, from, to int) []byte { return plainText(dst, v[from:to]) }}
}

// plainText appends texts in the PLAIN encoding, each after its length.
func plainText(dst []byte, texts []string) []byte {
	for _, s := range texts {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(s)))
		dst = append(dst, s...)
	}
	return dst
}
