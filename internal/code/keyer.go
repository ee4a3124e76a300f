package code

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// Columns are columns of a batch that a tally counts, with their encoders.
// Columns whose values all have codes are packed into keys as they are read;
// codes are written down only where values are new, or null, or have to be
// looked for by hashing.
type Columns struct {
	encoders []*Encoder
	arrays   []arrow.Array
	direct   []column // nil: by way of codes
}

// NewColumns returns the columns of a batch, whose types are those of the
// encoders. They are for use as long as the encoders are the same.
func NewColumns(encoders []*Encoder, arrays []arrow.Array) *Columns {
	c := &Columns{encoders, arrays, make([]column, len(arrays))}
	for i, arr := range arrays {
		c.direct[i] = directColumn(encoders[i], arr)
	}
	return c
}

// keyRows is the number of rows whose keys are made at a time: two lists of them
// leave room in the first level cache for the columns.
const keyRows = 1024

// AddRange counts the rows from ≤ i < to of some columns where the tally packs
// keys and has room for all codes. Otherwise it counts some first rows only;
// next is the first row that it did not, which goes by Add.
func (t *Tally) AddRange(cols *Columns, from, to int) (next int) {
	if t.waits || t.dense == nil && t.narrow == nil && t.mid == nil {
		return from
	}
	for from < to {
		end := min(from+keyRows, to)
		keys, ok := t.pack(cols, from, end)
		if !ok {
			break
		}
		t.count(keys)
		from = end
	}
	return from
}

// pack returns the keys of some rows, or false if a code does not fit the
// layout or a value can't be encoded. They are made column by column between two lists, so that a column
// that turns out not to be readable directly is made anew.
func (t *Tally) pack(cols *Columns, from, to int) (keys []uint64, ok bool) {
	keys, other := t.keys[:to-from], t.keys[keyRows:][:to-from]
	clear(keys)
	for c := 0; c < t.columns; {
		width := t.layout.widths[c]
		if d := cols.direct[c]; d != nil {
			if c+2 < t.columns && d.pack3(other, keys, from, cols.direct[c+1], cols.direct[c+2], width, t.layout.widths[c+1], t.layout.widths[c+2]) {
				keys, other = other, keys
				c += 3
				continue
			}
			if d.pack(other, keys, from, width) {
				keys, other = other, keys
				c++
				continue
			}
		}
		e := cols.encoders[c]
		var err error
		if t.codes, err = e.EncodeRange(t.codes[:0], cols.arrays[c], from, to); err != nil || widthOf(e.Len()) > width {
			return nil, false
		}
		t.sizes[c] = e.Len()
		packCodes(other, keys, t.codes, width)
		keys, other = other, keys
		c++
	}
	return keys, true
}

// A column is read directly where its values have no nulls and are integers, or
// indices into a dictionary.
type column interface {
	// pack sets to[i] to from[i], shifted by width, and the code of value at+i.
	// It reports false, and leaves anything in to, if a value has no code yet.
	pack(to, from []uint64, at int, width uint) bool
	// pack3 is pack for three columns at once, which are then alike.
	pack3(to, from []uint64, at int, second, third column, w1, w2, w3 uint) bool
}

// directColumn returns the column of an array, or nil if it is not to be read
// directly.
func directColumn(e *Encoder, arr arrow.Array) column {
	if arr.NullN() > 0 || arr.Len() == 0 {
		return nil
	}
	if d, ok := arr.(*array.Dictionary); ok {
		switch ix := d.Indices().(type) {
		case *array.Int8:
			return &indices[int8]{e, d.Data().Dictionary(), ix.Int8Values()}
		case *array.Int16:
			return &indices[int16]{e, d.Data().Dictionary(), ix.Int16Values()}
		case *array.Int32:
			return &indices[int32]{e, d.Data().Dictionary(), ix.Int32Values()}
		case *array.Int64:
			return &indices[int64]{e, d.Data().Dictionary(), ix.Int64Values()}
		case *array.Uint8:
			return &indices[uint8]{e, d.Data().Dictionary(), ix.Uint8Values()}
		case *array.Uint16:
			return &indices[uint16]{e, d.Data().Dictionary(), ix.Uint16Values()}
		case *array.Uint32:
			return &indices[uint32]{e, d.Data().Dictionary(), ix.Uint32Values()}
		case *array.Uint64:
			return &indices[uint64]{e, d.Data().Dictionary(), ix.Uint64Values()}
		}
		return nil
	}
	if arr.DataType().ID() != e.value.ID() {
		return nil
	}
	switch a := arr.(type) {
	case *array.Int8:
		return &integers[int8]{e, a.Int8Values(), flip}
	case *array.Int16:
		return &integers[int16]{e, a.Int16Values(), flip}
	case *array.Int32:
		return &integers[int32]{e, a.Int32Values(), flip}
	case *array.Int64:
		return &integers[int64]{e, a.Int64Values(), flip}
	case *array.Uint8:
		return &integers[uint8]{e, a.Uint8Values(), 0}
	case *array.Uint16:
		return &integers[uint16]{e, a.Uint16Values(), 0}
	case *array.Uint32:
		return &integers[uint32]{e, a.Uint32Values(), 0}
	case *array.Uint64:
		return &integers[uint64]{e, a.Uint64Values(), 0}
	case *array.Date32:
		return &integers[arrow.Date32]{e, a.Date32Values(), flip}
	case *array.Time32:
		return &integers[arrow.Time32]{e, a.Time32Values(), flip}
	case *array.Time64:
		return &integers[arrow.Time64]{e, a.Time64Values(), flip}
	case *array.Timestamp:
		return &integers[arrow.Timestamp]{e, a.TimestampValues(), flip}
	case *array.Duration:
		return &integers[arrow.Duration]{e, a.DurationValues(), flip}
	}
	return nil
}

// integers is a column of integers. Values are looked up in the encoder's
// window, or not at all where codes follow the values.
type integers[T signed | unsigned] struct {
	e    *Encoder
	vals []T
	mask uint64 // see encodeIntegers
}

func (v *integers[T]) pack(to, from []uint64, at int, width uint) bool {
	t, vals := &v.e.numbers, v.vals[at:][:len(to)]
	if t.linear > 0 && packLinear(to, from, vals, v.line(), width) {
		return true
	}
	return len(t.window) > 0 && packTable(to, from, vals, t.base^v.mask, t.window, width)
}

func (v *integers[T]) pack3(to, from []uint64, at int, second, third column, w1, w2, w3 uint) bool {
	y, ok := second.(*integers[T])
	if !ok {
		return false
	}
	z, ok := third.(*integers[T])
	if !ok || v.e.numbers.linear == 0 || y.e.numbers.linear == 0 || z.e.numbers.linear == 0 {
		return false
	}
	n := len(to)
	return packLinear3(to, from, v.vals[at:][:n], y.vals[at:][:n], z.vals[at:][:n],
		v.line(), y.line(), z.line(), w1+w2+w3, w2+w3, w3)
}

// A line says that values from the first on, up to the last, have the codes 0,
// 1, 2 …
type line struct{ first, limit uint64 }

func (v *integers[T]) line() line {
	return line{v.e.numbers.keys[0] ^ v.mask, v.e.numbers.linear - 1}
}

// indices is a column of indices into a dictionary.
type indices[T signed | unsigned] struct {
	e          *Encoder
	dictionary arrow.ArrayData
	vals       []T
}

func (v *indices[T]) pack(to, from []uint64, at int, width uint) bool {
	if v.e.dictionary != v.dictionary || v.dictionary.Len() != len(v.e.remap) {
		return false
	}
	return packTable(to, from, v.vals[at:][:len(to)], 0, v.e.remap, width)
}

func (v *indices[T]) pack3(_, _ []uint64, _ int, _, _ column, _, _, _ uint) bool { return false }

// packCodes sets to[i] to from[i], shifted by width, and codes[i].
func packCodes(to, from []uint64, codes []uint32, width uint) {
	from, codes = from[:len(to)], codes[:len(to)]
	width &= 63
	for i := range to {
		to[i] = from[i]<<width | uint64(codes[i])
	}
}

// packLinear is packCodes for the code v-first of each value v. It reports false
// at the first value that has none: a branch that is never taken costs less than
// gathering what is wrong.
func packLinear[T signed | unsigned](to, from []uint64, vals []T, l line, width uint) bool {
	from, vals = from[:len(to)], vals[:len(to)]
	width &= 63
	for i := range to {
		x := uint64(vals[i]) - l.first
		if x > l.limit {
			return false
		}
		to[i] = from[i]<<width | x
	}
	return true
}

// packLinear3 is packLinear for three columns; a key is loaded and stored once
// for them.
func packLinear3[T signed | unsigned](to, from []uint64, x, y, z []T, lx, ly, lz line, w3, w2, w1 uint) bool {
	n := len(to)
	from, x, y, z = from[:n], x[:n], y[:n], z[:n]
	w1, w2, w3 = w1&63, w2&63, w3&63
	for i := range to {
		a, b, c := uint64(x[i])-lx.first, uint64(y[i])-ly.first, uint64(z[i])-lz.first
		if a > lx.limit || b > ly.limit || c > lz.limit {
			return false
		}
		to[i] = from[i]<<w3 | a<<w2 | b<<w1 | c
	}
	return true
}

// packTable is packCodes for the code table[v-first]-1 of each value v. Where
// the table has 0 there is no code: the result is false then.
func packTable[T signed | unsigned](to, from []uint64, vals []T, first uint64, table []uint32, width uint) bool {
	from, vals = from[:len(to)], vals[:len(to)]
	width &= 63
	for i := range to {
		at := uint64(vals[i]) - first
		if at >= uint64(len(table)) || table[at] == 0 {
			return false
		}
		to[i] = from[i]<<width | uint64(table[at]-1)
	}
	return true
}
