package arrowio

import (
	"os"
	"slices"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/endian"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// An ipcLayout says where the columns of a table lie in its record batches.
// The body of a batch is the buffers of all columns in order; the metadata
// lists, also in order, a node (rows, nulls) for every array and a place for
// every buffer. For a column of text and one of int32 codes:
//
//	nodes    text  codes
//	buffers  text: validity, offsets, bytes   codes: validity, values
//
// So a column can be read by itself, into memory that Arrow arrays then use as
// it is. Batches in other layouts (compressed, views, structs) are left to the
// Arrow library.
type ipcLayout struct {
	columns []ipcColumn
}

type ipcColumn struct {
	node, buffer int   // the first of each
	dictionary   int64 // id of the dictionary of a dictionary column
}

// buffersOf returns the numbers of nodes and buffers of a type; ok is false for
// types that are left to the library.
func buffersOf(t arrow.DataType) (nodes, buffers int, ok bool) {
	switch t := t.(type) {
	case *arrow.NullType:
		return 1, 0, true
	case *arrow.StringType, *arrow.BinaryType, *arrow.LargeStringType, *arrow.LargeBinaryType:
		return 1, 3, true
	case *arrow.ListType:
		n, b, ok := buffersOf(t.Elem())
		return n + 1, b + 2, ok && t.Elem().ID() != arrow.DICTIONARY
	case *arrow.DictionaryType:
		_, _, ok := buffersOf(t.ValueType)
		return 1, 2, ok && t.ValueType.ID() != arrow.DICTIONARY && t.ValueType.ID() != arrow.LIST
	case arrow.ExtensionType, arrow.NestedType:
		return 0, 0, false
	case arrow.FixedWidthDataType:
		return 1, 2, true
	}
	return 0, 0, false
}

// layoutIPC returns the layout of a schema, nil where it is the library's.
// fb is the schema as the file has it.
func layoutIPC(schema *arrow.Schema, fb *fbTable) *ipcLayout {
	if at := fb.field(0); at != 0 && (fb.b[at] == 1) != endian.IsBigEndian {
		return nil // the other byte order
	}
	x := &ipcLayout{}
	i, nodes, buffers := 0, 0, 0
	good := true
	fb.tables(1, func(f *fbTable) {
		t := schema.Field(i).Type
		c := ipcColumn{node: nodes, buffer: buffers}
		if t.ID() == arrow.DICTIONARY {
			c.dictionary = f.table(4).scalar64(0)
		}
		n, b, ok := buffersOf(t)
		nodes, buffers, good = nodes+n, buffers+b, good && ok
		x.columns = append(x.columns, c)
		i++
	})
	if !good {
		return nil
	}
	return x
}

// An ipcDecoder reads the record batches of a split one after another.
type ipcDecoder struct {
	src     *IPC
	file    *os.File
	schema  *arrow.Schema
	indices []int
	blocks  []ipcBlock // dictionaries and record batches
	dicts   map[int64]arrow.Array
}

// next returns the next record batch, or nil at the end.
func (d *ipcDecoder) next() (arrow.Record, error) {
	for len(d.blocks) > 0 {
		b := d.blocks[0]
		d.blocks = d.blocks[1:]
		meta, err := b.readMeta(d.src.name, d.file)
		if err != nil {
			return nil, err
		}
		header := rootTable(meta).table(2)
		if b.kind == ipcDictionary {
			if err := d.dictionary(b, header); err != nil {
				return nil, err
			}
			continue
		}
		return d.record(b, header)
	}
	return nil, nil
}

func (d *ipcDecoder) record(b ipcBlock, header *fbTable) (arrow.Record, error) {
	rows := header.scalar64(0)
	cols := make([]arrow.Array, len(d.indices))
	defer func() {
		for _, c := range cols {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i, at := range d.indices {
		var err error
		if cols[i], err = d.column(b, header, d.schema.Field(i).Type, d.src.layout.columns[at]); err != nil {
			return nil, err
		}
		if int64(cols[i].Len()) != rows {
			return nil, errDamaged
		}
	}
	return array.NewRecord(d.schema, cols, rows), nil
}

// dictionary takes in a dictionary batch: new entries, or more of them.
func (d *ipcDecoder) dictionary(b ipcBlock, header *fbTable) error {
	id := header.scalar64(0)
	var t arrow.DataType
	for i, c := range d.src.layout.columns {
		if dt, ok := d.src.schema.Field(i).Type.(*arrow.DictionaryType); ok && c.dictionary == id {
			t = dt.ValueType
		}
	}
	if t == nil {
		return nil // nobody's
	}
	entries, err := d.column(b, header.table(1), t, ipcColumn{})
	if err != nil {
		return err
	}
	if old := d.dicts[id]; old != nil {
		if header.byte(2) != 0 { // a delta
			longer, err := array.Concatenate([]arrow.Array{old, entries}, memory.NewGoAllocator())
			entries.Release()
			if err != nil {
				return err
			}
			entries = longer
		}
		old.Release()
	}
	d.dicts[id] = entries
	return nil
}

func (d *ipcDecoder) release() {
	for _, a := range d.dicts {
		a.Release()
	}
}

// column reads one column of a batch. Its buffers are read together, since
// they lie together.
func (d *ipcDecoder) column(b ipcBlock, r *fbTable, t arrow.DataType, c ipcColumn) (arrow.Array, error) {
	_, count, _ := buffersOf(t)
	at, n := r.vector(2, 16)
	if c.buffer+count > n {
		return nil, errDamaged
	}
	lo, hi := b.bodyLength, int64(0)
	for k := c.buffer; k < c.buffer+count; k++ {
		if off, size := r.int64(at+16*k), r.int64(at+16*k+8); size > 0 {
			lo, hi = min(lo, off), max(hi, off+size)
		}
	}
	var body []byte
	if mapped := d.src.mapped; lo < hi && mapped != nil {
		lo &^= 7
		var err error
		if body, err = mapped.part(b.body+lo, b.body+hi); err != nil {
			return nil, err
		}
	} else if lo < hi {
		lo &^= 7
		body = make([]byte, hi-lo)
		if _, err := d.file.ReadAt(body, b.body+lo); err != nil {
			return nil, fileError(d.src.name, err)
		}
	}
	data, err := d.data(r, t, &c, body, lo)
	if err != nil {
		return nil, err
	}
	defer data.Release()
	if !valid(data) {
		return nil, errDamaged
	}
	return array.MakeFromData(data), nil
}

// data takes the next node and buffers for an array of the type.
func (d *ipcDecoder) data(r *fbTable, t arrow.DataType, c *ipcColumn, body []byte, base int64) (*array.Data, error) {
	nodes, n := r.vector(1, 16)
	if c.node >= n {
		return nil, errDamaged
	}
	rows, nulls := int(r.int64(nodes+16*c.node)), int(r.int64(nodes+16*c.node+8))
	c.node++
	buffers, _ := r.vector(2, 16)
	next := func() *memory.Buffer {
		off, size := r.int64(buffers+16*c.buffer), r.int64(buffers+16*c.buffer+8)
		c.buffer++
		if size == 0 {
			return memory.NewBufferBytes(nil)
		}
		part := body[off-base : off-base+size : off-base+size]
		if uintptr(unsafe.Pointer(unsafe.SliceData(part)))%8 != 0 { // arrays of wide values want aligned memory
			return memory.NewBufferBytes(slices.Clone(part))
		}
		return d.src.mapped.buffer(part)
	}
	if t.ID() == arrow.NULL {
		return array.NewData(t, rows, []*memory.Buffer{nil}, nil, rows, 0), nil
	}
	bitmap := next()
	if nulls == 0 {
		bitmap = nil
	} else if bitmap.Len() == 0 {
		return nil, errDamaged
	}
	bufs := []*memory.Buffer{bitmap, next()}
	switch t := t.(type) {
	case *arrow.StringType, *arrow.BinaryType, *arrow.LargeStringType, *arrow.LargeBinaryType:
		bufs = append(bufs, next())
	case *arrow.ListType:
		child, err := d.data(r, t.Elem(), c, body, base)
		if err != nil {
			return nil, err
		}
		defer child.Release()
		return array.NewData(t, rows, bufs, []arrow.ArrayData{child}, nulls, 0), nil
	case *arrow.DictionaryType:
		dict := d.dicts[c.dictionary]
		if dict == nil {
			if rows > nulls {
				return nil, errDamaged
			}
			dict = array.MakeArrayOfNull(memory.NewGoAllocator(), t.ValueType, 0)
			defer dict.Release()
		}
		return array.NewDataWithDictionary(t, rows, bufs, nulls, 0, dict.Data().(*array.Data)), nil
	}
	return array.NewData(t, rows, bufs, nil, nulls, 0), nil
}
