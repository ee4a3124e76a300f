package kanon

import (
	"bytes"
	"slices"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/internal/spill"
)

// A spread takes the rows of the second read that memory does not hold, and is
// shared by its workers. It cuts the release into parts that fit memory one by
// one: several classes, or one of several shares of a large class. Take parts
// of about 100 rows and classes of 60, 30 and 250 rows:
//
//	first  0 0 1     span  1 1 3       part 0: classes 0 and 1; parts 1, 2, 3: class 2
//
// A worker holds rows until they take their share of memory, then writes them
// out, each to its part. Which of the parts of a large class a row goes to is
// drawn for each row, uniformly and independently; the rows of a part are
// shuffled when it is read. Parts one after another are then in uniformly
// random order: the order is that of sorting by random digits, where the first
// was drawn when writing and the others stand for the shuffle (Rao 1961,
// Sandelius 1962).
//
// In input order there is one worker, and a part is a batch of the release.
type spread struct {
	file       *spill.File
	hold       int64 // bytes of rows that a worker holds
	partBytes  int64 // bytes of rows of a part, about
	inputOrder bool
	batch      int     // rows of a part in input order
	sizes      []int64 // rows of each released class
	sets       bool    // there are tag sets, which are settled in memory

	mu      sync.Mutex
	first   []uint32 // nil until rows are written
	span    []uint32
	parts   []part
	origins []*origin
}

// spreadShare is the part of the memory limit that the rows of the second read
// may take while they wait to be written out, and again while they are read.
const spreadShare = 8

// onSpread is called with every spread by tests, which make batches small and
// disks full.
var onSpread = func(*spread) {}

// spread prepares for rows that memory does not hold; nil without a limit.
func (p *plan) spread(sizes []int64) *spread {
	if p.spec.Memory <= 0 {
		return nil
	}
	share := max(p.spec.Memory/spreadShare/int64(parallel(p.spec.Workers)), 1)
	s := &spread{
		file: spill.New(p.spec.Temp), hold: share, partBytes: share, inputOrder: p.spec.RowOrder == InputOrder, batch: outputBatch,
		sizes: sizes, sets: len(p.spec.Sets) > 0,
	}
	onSpread(s)
	return s
}

// A part is consecutive rows of the release, of the classes from lo to hi.
type part struct {
	lo, hi uint32
	rows   int64
	chunks []partChunk
}

// A partChunk is rows of a part that were written together: their classes, less
// lo, and their cells as an Arrow stream of one batch.
type partChunk struct {
	rows         int
	class, cells spill.Chunk
	origin       *origin
}

// An origin is a copier by whose numbers values of dictionaries were written.
type origin struct {
	number int
	remap  [][]uint32 // of each coded column, its codes to those of the merged copier; nil: the same
	used   [][]bool   // of each coded column, the codes that were written
}

// mostParts bounds what is kept of parts in memory. A release of more than
// mostParts·partBytes has larger parts.
const mostParts = 1024

// begin cuts the classes into parts, once it shows how many bytes a row takes.
func (s *spread) begin(bytes, rows int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.sets:
		return fault.Dataf("columns of tag sets are settled in memory, and the rows take more than the memory limit allows; allow more memory, or leave the sets out")
	case s.inputOrder || s.first != nil:
		return nil
	}
	total := int64(0)
	for _, n := range s.sizes {
		total += n
	}
	target := max(s.partBytes/max(1, bytes/max(1, rows)), total/mostParts+1)
	s.first, s.span = make([]uint32, len(s.sizes)), make([]uint32, len(s.sizes))
	open := false // the last part takes more classes
	for k, n := range s.sizes {
		if open && s.parts[len(s.parts)-1].rows+n > target {
			open = false
		}
		if !open {
			s.first[k], s.span[k] = uint32(len(s.parts)), uint32((n+target-1)/target)
			for range s.span[k] {
				s.parts = append(s.parts, part{lo: uint32(k), hi: uint32(k), rows: n})
			}
			open = s.span[k] == 1
			continue
		}
		p := &s.parts[len(s.parts)-1]
		p.hi, p.rows = uint32(k), p.rows+n
		s.first[k], s.span[k] = uint32(len(s.parts)-1), 1
	}
	for i := range s.parts {
		s.parts[i].rows = 0 // from now on: the rows written
	}
	return nil
}

// begun reports whether rows were written.
func (s *spread) begun() bool {
	return s.first != nil || len(s.parts) > 0
}

// newOrigin numbers a copier.
func (s *spread) newOrigin(columns int) *origin {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.origins = append(s.origins, &origin{len(s.origins), make([][]uint32, columns), make([][]bool, columns)})
	return s.origins[len(s.origins)-1]
}

// flush writes the rows held to their parts. In input order rows that do not
// fill a batch are kept, unless these are the last.
func (c *copier) flush(last bool) error {
	s := c.spread
	kept, all := 0, int64(0)
	for _, k := range c.chunks {
		all += int64(len(k.class))
		for _, class := range k.class {
			if class >= 0 {
				kept++
			}
		}
	}
	if err := s.begin(c.held, all); err != nil {
		return err
	}
	if c.origin == nil {
		c.origin = s.newOrigin(len(c.columns))
		c.origins = append(c.origins, c.origin)
	}
	if s.inputOrder {
		return c.flushInOrder(kept, last)
	}
	if c.random == nil {
		c.random = newShuffle()
	}
	to := make([]uint32, 0, kept)
	next := make([]int, len(s.parts)+1)
	for _, k := range c.chunks {
		for _, class := range k.class {
			if class < 0 {
				continue
			}
			p := s.first[class]
			if n := s.span[class]; n > 1 {
				p += c.random.Uint32N(n)
			}
			to = append(to, p)
			next[p+1]++
		}
	}
	for p := range s.parts {
		next[p+1] += next[p]
	}
	cells, classes := make([]cell, kept), make([]uint32, kept)
	row := 0
	for j, k := range c.chunks {
		for i, class := range k.class {
			if class < 0 {
				continue
			}
			p := to[row]
			row++
			cells[next[p]], classes[next[p]] = cell{uint32(j), uint32(i)}, uint32(class)-s.parts[p].lo
			next[p]++
		}
	}
	from := 0
	for p := range s.parts {
		if next[p] > from {
			if err := c.write(p, cells[from:next[p]], classes[from:next[p]]); err != nil {
				return err
			}
		}
		from = next[p]
	}
	c.Release()
	return nil
}

// flushInOrder makes a part of every full batch of the release.
func (c *copier) flushInOrder(kept int, last bool) error {
	s := c.spread
	if kept < s.batch && !last {
		return nil
	}
	cells, classes := make([]cell, 0, kept), make([]uint32, 0, kept)
	for j, k := range c.chunks {
		for i, class := range k.class {
			if class >= 0 {
				cells, classes = append(cells, cell{uint32(j), uint32(i)}), append(classes, uint32(class))
			}
		}
	}
	for len(cells) >= s.batch || last && len(cells) > 0 {
		n := min(len(cells), s.batch)
		s.parts = append(s.parts, part{hi: uint32(len(s.sizes)) - 1})
		if err := c.write(len(s.parts)-1, cells[:n], classes[:n]); err != nil {
			return err
		}
		cells, classes = cells[n:], classes[n:]
	}
	rest, err := c.take(cells, classes)
	if err != nil {
		return err
	}
	c.Release()
	if len(cells) > 0 {
		c.chunks, c.held = []copied{rest}, rest.bytes()
	}
	return nil
}

// take copies cells of the rows held.
func (c *copier) take(cells []cell, classes []uint32) (copied, error) {
	out := copied{class: make([]int32, len(cells)), arrays: make([]arrow.Array, len(c.columns)), codes: make([][]uint32, len(c.columns))}
	for i, k := range classes {
		out.class[i] = int32(k)
	}
	chunks := make([]arrow.Array, len(c.chunks))
	for j := range c.columns {
		if c.coded[j] != nil {
			codes := make([]uint32, len(cells))
			for i, at := range cells {
				codes[i] = c.chunks[at.chunk].codes[j][at.at]
			}
			out.codes[j] = codes
			continue
		}
		for k := range chunks {
			chunks[k] = c.chunks[k].arrays[j]
		}
		if len(chunks) == 0 {
			continue
		}
		a, err := take(chunks[0].DataType(), chunks, cells)
		if err != nil {
			return copied{}, err
		}
		out.arrays[j] = a
	}
	return out, nil
}

// write appends rows to a part.
func (c *copier) write(p int, cells []cell, classes []uint32) error {
	s := c.spread
	rows, err := c.take(cells, classes)
	if err != nil {
		return err
	}
	out := partChunk{rows: len(cells), origin: c.origin}
	if out.class, err = s.file.Append(arrow.Uint32Traits.CastToBytes(classes)); err != nil {
		return err
	}
	var fields []arrow.Field
	var arrays []arrow.Array
	for j := range c.columns {
		a := rows.arrays[j]
		if c.coded[j] != nil {
			c.mark(j, rows.codes[j])
			d := array.NewData(arrow.PrimitiveTypes.Uint32, len(cells), []*memory.Buffer{nil, memory.NewBufferBytes(arrow.Uint32Traits.CastToBytes(rows.codes[j]))}, nil, 0, 0)
			a = array.NewUint32Data(d)
			d.Release()
		}
		defer a.Release()
		fields, arrays = append(fields, arrow.Field{Name: c.columns[j], Type: a.DataType(), Nullable: true}), append(arrays, a)
	}
	if len(fields) > 0 {
		rec := array.NewRecord(arrow.NewSchema(fields, nil), arrays, int64(len(cells)))
		defer rec.Release()
		var b bytes.Buffer
		w := ipc.NewWriter(&b, ipc.WithSchema(rec.Schema()))
		if err := w.Write(rec); err != nil {
			return fault.Inputf("rows can't be written to a temporary file; allow more memory")
		}
		if err := w.Close(); err != nil {
			return fault.Inputf("rows can't be written to a temporary file; allow more memory")
		}
		if out.cells, err = s.file.Append(b.Bytes()); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parts[p].chunks = append(s.parts[p].chunks, out)
	s.parts[p].rows += int64(len(cells))
	return nil
}

// mark notes the codes that are written of a coded column.
func (c *copier) mark(j int, codes []uint32) {
	used := c.origin.used[j]
	for _, v := range codes {
		for int(v) >= len(used) {
			used = append(used, false)
		}
		used[v] = true
	}
	c.origin.used[j] = used
}

// merged notes that codes of column j in other are now known by remap.
func (c *copier) merged(other *copier, j int, remap []uint32) {
	for _, o := range other.origins {
		if o.remap[j] == nil {
			o.remap[j] = slices.Clone(remap)
			continue
		}
		for v, k := range o.remap[j] {
			o.remap[j][v] = remap[k]
		}
	}
}

// bytes is about the memory of the rows, with what writing them out takes.
func (k *copied) bytes() int64 {
	n := int64(20 * len(k.class)) // class, and when written out part, cell and class
	for _, a := range k.arrays {
		if a != nil {
			n += cellBytes(a)
		}
	}
	for _, codes := range k.codes {
		n += 4 * int64(len(codes))
	}
	return n
}

// cellBytes is about the memory of the cells of an array, which may be a slice
// of a larger one.
func cellBytes(a arrow.Array) int64 {
	n := int64(a.Len())
	if n == 0 {
		return 0
	}
	bits := bitutil.BytesForBits(n)
	switch a := a.(type) {
	case *array.String:
		return bits + 4*n + int64(a.ValueOffset(a.Len())-a.ValueOffset(0))
	case *array.Binary:
		return bits + 4*n + int64(len(a.ValueBytes()))
	case *array.LargeString:
		return bits + 8*n + a.ValueOffset(a.Len()) - a.ValueOffset(0)
	case *array.LargeBinary:
		return bits + 8*n + int64(len(a.ValueBytes()))
	case *array.Struct:
		for f := range a.NumField() {
			bits += cellBytes(a.Field(f))
		}
		return bits
	case array.ListLike:
		from, _ := a.ValueOffsets(0)
		_, to := a.ValueOffsets(a.Len() - 1)
		return bits + 8*n + sliceBytes(a.ListValues(), from, to)
	case array.ViewLike:
		size := bits + 16*n
		for i := range a.Len() {
			size += int64(a.ValueHeader(i).Len())
		}
		return size
	}
	if dt, ok := a.DataType().(arrow.FixedWidthDataType); ok {
		return bits + bitutil.BytesForBits(n*int64(dt.BitWidth()))
	}
	return bits
}

func sliceBytes(a arrow.Array, from, to int64) int64 {
	s := array.NewSlice(a, from, to)
	defer s.Release()
	return cellBytes(s)
}
