package arrowio

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"

	"github.com/oboro-data/oboro/internal/fault"
)

// An ipcIndex says where the messages of an Arrow file or stream lie. Arrow
// v17 trusts the lengths that a file's metadata holds, and a damaged length
// makes it ask for memory until the process ends. So every place and length is
// checked here, against the size of the file, before it sees the file.
type ipcIndex struct {
	schema  ipcBlock
	blocks  []ipcBlock // dictionaries and record batches, in the order to read them
	records []int      // the record batches' places in blocks

	compressed bool // some batch is
}

// An ipcBlock is one message: its metadata, a flatbuffer, and its body.
type ipcBlock struct {
	kind             byte
	meta             int64
	metaSize         int
	body, bodyLength int64
	compressed       bool
}

// The kinds of message.
const (
	ipcEnd        = 0
	ipcSchema     = 1
	ipcDictionary = 2
	ipcRecord     = 3
)

// magic starts and ends a file of the file format; a stream has none.
var magic = []byte("ARROW1")

// indexIPC finds the messages. A file of the file format has a footer with
// their places, a stream is walked from message to message. It returns
// errDamaged, or panics, for a file that is no whole file of its format.
func indexIPC(name string, f *os.File, size int64) (*ipcIndex, error) {
	head := make([]byte, 8)
	if _, err := f.ReadAt(head[:min(8, size)], 0); err != nil {
		return nil, fileError(name, err)
	}
	x := &ipcIndex{}
	if !bytes.HasPrefix(head, magic) {
		return x, x.stream(name, f, size)
	}
	return x, x.file(name, f, size)
}

func (x *ipcIndex) file(name string, f *os.File, size int64) error {
	tail := make([]byte, 10) // length of the footer, magic
	if size < 8+10 {
		return errDamaged
	}
	if _, err := f.ReadAt(tail, size-10); err != nil {
		return fileError(name, err)
	}
	length := int64(binary.LittleEndian.Uint32(tail))
	if !bytes.Equal(tail[4:], magic) || length > size-8-10 {
		return errDamaged
	}
	b := make([]byte, length)
	if _, err := f.ReadAt(b, size-10-length); err != nil {
		return fileError(name, err)
	}
	var err error
	if x.schema, err = readBlock(name, f, 8, size); err != nil {
		return err
	}
	if x.schema.kind != ipcSchema {
		return errDamaged
	}
	footer := rootTable(b)
	// A footer has its own copy of the schema: where it is damaged and this
	// one is not, the readers that use it would not agree with us.
	if err := checkSchema(name, footer.table(1)); err != nil {
		return err
	}
	add := func(slot int, kind byte) error {
		var err error
		footer.structs(slot, 24, func(t *fbTable, at int) {
			if err != nil {
				return
			}
			var block ipcBlock
			if block, err = readBlock(name, f, t.int64(at), size); err == nil && block.kind != kind {
				err = errDamaged
			}
			if kind == ipcRecord {
				x.records = append(x.records, len(x.blocks))
			}
			x.blocks = append(x.blocks, block)
			x.compressed = x.compressed || block.compressed
		})
		return err
	}
	if err := add(2, ipcDictionary); err != nil {
		return err
	}
	return add(3, ipcRecord)
}

func (x *ipcIndex) stream(name string, f *os.File, size int64) error {
	var err error
	if x.schema, err = readBlock(name, f, 0, size); err != nil {
		return err
	}
	if x.schema.kind != ipcSchema {
		return errDamaged
	}
	at := x.schema.body + x.schema.bodyLength
	for {
		block, err := readBlock(name, f, at, size)
		if err != nil {
			return err
		}
		switch block.kind {
		case ipcEnd:
			return nil
		case ipcRecord:
			x.records = append(x.records, len(x.blocks))
		case ipcDictionary:
		default:
			return errDamaged
		}
		x.blocks = append(x.blocks, block)
		x.compressed = x.compressed || block.compressed
		at = block.body + block.bodyLength
	}
}

// readBlock reads the frame and the metadata of the message at an offset, and
// checks them. A stream that ends without its end mark is cut.
func readBlock(name string, f *os.File, at, size int64) (b ipcBlock, err error) {
	if at < 0 || at > size-4 {
		return b, errDamaged
	}
	frame := make([]byte, min(8, size-at))
	if _, err := f.ReadAt(frame, at); err != nil {
		return b, fileError(name, err)
	}
	length := binary.LittleEndian.Uint32(frame)
	b.meta = at + 4 // before version 0.15 there was no continuation mark
	if length == 0xffffffff {
		if len(frame) < 8 {
			return b, errDamaged
		}
		length = binary.LittleEndian.Uint32(frame[4:])
		b.meta = at + 8
	}
	if length == 0 {
		return b, nil
	}
	if int64(length) > size-b.meta {
		return b, errDamaged
	}
	b.metaSize = int(length)
	meta, err := b.readMeta(name, f)
	if err != nil {
		return b, err
	}
	m := rootTable(meta)
	b.kind = m.byte(1)
	b.body, b.bodyLength = b.meta+int64(length), m.scalar64(3)
	if b.kind == ipcEnd || b.bodyLength < 0 || b.bodyLength > size-b.body {
		return b, errDamaged
	}
	switch b.kind {
	case ipcSchema:
		return b, checkSchema(name, m.table(2))
	case ipcDictionary:
		b.compressed = checkBatch(m.table(2).table(1), b.bodyLength)
	case ipcRecord:
		b.compressed = checkBatch(m.table(2), b.bodyLength)
	}
	return b, nil
}

func (b ipcBlock) readMeta(name string, f io.ReaderAt) ([]byte, error) {
	meta := make([]byte, b.metaSize)
	if _, err := f.ReadAt(meta, b.meta); err != nil {
		return nil, fileError(name, err)
	}
	return meta, nil
}

// checkSchema checks the lengths of a schema's vectors.
func checkSchema(name string, s *fbTable) error {
	fields := 0
	var walk func(f *fbTable, depth int) error
	walk = func(f *fbTable, depth int) (err error) {
		if fields++; depth > 32 || fields > 100_000 {
			return errDamaged
		}
		const union, runEndEncoded = 14, 22
		if t := f.byte(2); t == union || t == runEndEncoded {
			return fault.Planf("%s: a column has a union or run-end encoded type, which is not read; leave the column out or make it text", name)
		}
		f.tables(5, func(child *fbTable) {
			if err == nil {
				err = walk(child, depth+1)
			}
		})
		f.tables(6, func(*fbTable) {})
		return err
	}
	var err error
	s.tables(1, func(f *fbTable) {
		if err == nil {
			err = walk(f, 0)
		}
	})
	s.tables(2, func(*fbTable) {})
	return err
}

// checkBatch checks that a record batch's buffers lie inside its body and that
// its lengths are none that memory could not hold. It reports whether the body
// is compressed.
func checkBatch(r *fbTable, body int64) (compressed bool) {
	const most = 1 << 40
	bad := func(v int64) bool { return v < 0 || v > most }
	if bad(r.scalar64(0)) {
		panic(errDamaged)
	}
	r.structs(1, 16, func(t *fbTable, at int) {
		if bad(t.int64(at)) || bad(t.int64(at+8)) {
			panic(errDamaged)
		}
	})
	r.structs(2, 16, func(t *fbTable, at int) {
		off, size := t.int64(at), t.int64(at+8)
		if off < 0 || size < 0 || off > body || size > body-off {
			panic(errDamaged)
		}
	})
	r.structs(4, 8, func(t *fbTable, at int) {
		if bad(t.int64(at)) {
			panic(errDamaged)
		}
	})
	return r.field(3) != 0
}

// An fbTable is a table of a flatbuffer: the position of its fields relative
// to pos is listed, by slot, in a vtable. A slot that is not there has its
// default. Reads outside the buffer panic.
type fbTable struct {
	b   []byte
	pos int
}

func rootTable(b []byte) *fbTable {
	return &fbTable{b, int(binary.LittleEndian.Uint32(b))}
}

// field returns the position of a slot, 0 where it is absent.
func (t *fbTable) field(slot int) int {
	v := t.pos - int(int32(binary.LittleEndian.Uint32(t.b[t.pos:])))
	if size := int(binary.LittleEndian.Uint16(t.b[v:])); 4+2*slot >= size {
		return 0
	}
	if off := int(binary.LittleEndian.Uint16(t.b[v+4+2*slot:])); off != 0 {
		return t.pos + off
	}
	return 0
}

func (t *fbTable) byte(slot int) byte {
	if at := t.field(slot); at != 0 {
		return t.b[at]
	}
	return 0
}

func (t *fbTable) int64(at int) int64 { return int64(binary.LittleEndian.Uint64(t.b[at:])) }

func (t *fbTable) scalar64(slot int) int64 {
	if at := t.field(slot); at != 0 {
		return t.int64(at)
	}
	return 0
}

// follow returns the position that an offset at a position points to.
func (t *fbTable) follow(at int) int { return at + int(binary.LittleEndian.Uint32(t.b[at:])) }

// table returns the table that a slot refers to; without one it panics.
func (t *fbTable) table(slot int) *fbTable {
	at := t.field(slot)
	if at == 0 {
		panic(errDamaged)
	}
	return &fbTable{t.b, t.follow(at)}
}

// vector returns the position and length of a vector of elements of a size.
func (t *fbTable) vector(slot, size int) (at, n int) {
	f := t.field(slot)
	if f == 0 {
		return 0, 0
	}
	at = t.follow(f)
	n = int(binary.LittleEndian.Uint32(t.b[at:]))
	if at += 4; n > (len(t.b)-at)/size {
		panic(errDamaged)
	}
	return at, n
}

// structs calls f with the position of every element of a vector of structs.
func (t *fbTable) structs(slot, size int, f func(t *fbTable, at int)) {
	at, n := t.vector(slot, size)
	for i := range n {
		f(t, at+i*size)
	}
}

// tables calls f with every table of a vector of tables.
func (t *fbTable) tables(slot int, f func(*fbTable)) {
	at, n := t.vector(slot, 4)
	for i := range n {
		f(&fbTable{t.b, t.follow(at + 4*i)})
	}
}
