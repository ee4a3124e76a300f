package kanon

import (
	"context"
	"slices"
	"sort"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/arrowio"
)

// writtenRows are the rows of a release as they will be written.
type writtenRows interface {
	arrowio.Splitter
	numRows() int64
	close()
}

// outputBatch is the number of rows of a batch of a release.
const outputBatch = 1 << 16

// A rowTable is the rows of a release as they will be written: which class each
// belongs to, and where its other cells come from. Batches are made when read.
// Take two classes, of three rows and of two, and a sensitive column:
//
//	starts  0 3 5            rows 0-2 are class 0, rows 3-4 class 1
//	order   4 0 2 1 3        row 0 of the release has the cells of source row 4
//
// In input order, class holds the class of each row instead of starts.
type rowTable struct {
	schema  *arrow.Schema
	columns []rowColumn
	rows    int64
	starts  []int64
	class   []uint32
	order   []uint32 // nil where no column needs it
	chunks  []uint32 // first source row of each chunk, then their end
	read    *copier  // holds the batches that columns copy from; nil without a second read
}

func (t *rowTable) numRows() int64 { return t.rows }

// close gives up the batches of the second read.
func (t *rowTable) close() {
	if t != nil && t.read != nil {
		t.read.Release()
	}
}

// A rowColumn makes the cells of one column for the rows from lo to hi. cells
// are the places of their source rows, nil without order.
type rowColumn interface {
	batch(t *rowTable, lo, hi int64, cells []cell) (arrow.Array, error)
	needsOrder() bool
}

// A classColumn is a generalised quasi-identifier: a label per class.
type classColumn struct {
	dict  arrow.Array // the labels that occur
	index []int32     // of each class; -1 is null
}

func (c *classColumn) needsOrder() bool { return false }

var labelType = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}

func (c *classColumn) batch(t *rowTable, lo, hi int64, _ []cell) (arrow.Array, error) {
	out := make([]int32, hi-lo)
	if t.class != nil {
		for i, k := range t.class[lo:hi] {
			out[i] = c.index[k]
		}
	} else {
		k := sort.Search(len(t.starts), func(k int) bool { return t.starts[k] > lo }) - 1
		for at := lo; at < hi; k++ {
			end := min(hi, t.starts[k+1])
			run := out[at-lo : end-lo]
			for i := range run {
				run[i] = c.index[k]
			}
			at = end
		}
	}
	var valid *memory.Buffer
	nulls := 0
	if slices.Contains(c.index, -1) {
		bits := make([]byte, bitutil.BytesForBits(hi-lo))
		for i, v := range out {
			if v < 0 {
				out[i] = 0
				nulls++
			} else {
				bitutil.SetBit(bits, i)
			}
		}
		if nulls > 0 {
			valid = memory.NewBufferBytes(bits)
		}
	}
	d := array.NewDataWithDictionary(labelType, len(out), []*memory.Buffer{valid, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(out))}, nulls, 0, c.dict.Data().(*array.Data))
	defer d.Release()
	return array.NewDictionaryData(d), nil
}

// A codedColumn is a column of the source held as codes, copied by value or,
// where the source has a dictionary, by dictionary.
type codedColumn struct {
	codes  []uint32 // per source row
	values arrow.Array
	null   int
	dict   *arrow.DictionaryType // nil: plain
}

func (c *codedColumn) needsOrder() bool { return true }

func (c *codedColumn) batch(t *rowTable, lo, hi int64, _ []cell) (arrow.Array, error) {
	order := t.order[lo:hi]
	if c.dict == nil {
		cells := make([]cell, len(order))
		for i, r := range order {
			cells[i].at = c.codes[r]
		}
		return take(c.values.DataType(), []arrow.Array{c.values}, cells)
	}
	out := make([]int32, len(order))
	var valid *memory.Buffer
	nulls := 0
	for i, r := range order {
		out[i] = int32(c.codes[r])
	}
	if c.null >= 0 {
		bits := make([]byte, bitutil.BytesForBits(hi-lo))
		for i, v := range out {
			if int(v) == c.null {
				out[i] = 0
				nulls++
			} else {
				bitutil.SetBit(bits, i)
			}
		}
		valid = memory.NewBufferBytes(bits)
	}
	d := array.NewDataWithDictionary(c.dict, len(out), []*memory.Buffer{valid, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(out))}, nulls, 0, c.values.Data().(*array.Data))
	defer d.Release()
	return array.NewDictionaryData(d), nil
}

// keepUsed drops the values that no released row has, so that no dictionary
// and no code tells of a suppressed one. used marks the codes that occur.
func (c *codedColumn) keepUsed(used []bool) error {
	remap, err := c.keep(used)
	if err != nil {
		return err
	}
	codes := make([]uint32, len(c.codes))
	for i, v := range c.codes {
		codes[i] = remap[v]
	}
	c.codes = codes
	return nil
}

// keep drops values as keepUsed does and returns the new codes.
func (c *codedColumn) keep(used []bool) (remap []uint32, err error) {
	var cells []cell
	remap = make([]uint32, len(used))
	null := -1
	for v, u := range used {
		if !u {
			continue
		}
		if v == c.null && c.dict != nil {
			continue // a null index, not an entry
		}
		if v == c.null {
			null = len(cells)
		}
		remap[v] = uint32(len(cells))
		cells = append(cells, cell{0, uint32(v)})
	}
	if c.dict != nil && c.null >= 0 && used[c.null] {
		null = len(cells) // past the entries
		remap[c.null] = uint32(null)
	}
	values, err := take(c.values.DataType(), []arrow.Array{c.values}, cells)
	if err != nil {
		return nil, err
	}
	c.values, c.null = values, null
	return remap, nil
}

// A chunkColumn is a column of the source held as it came, in chunks.
type chunkColumn struct {
	dt     arrow.DataType
	chunks []arrow.Array
}

func (c *chunkColumn) needsOrder() bool { return true }

func (c *chunkColumn) batch(t *rowTable, lo, hi int64, cells []cell) (arrow.Array, error) {
	return take(c.dt, c.chunks, cells)
}

// Schema returns the columns of the release.
func (t *rowTable) Schema() *arrow.Schema { return t.schema }

// Open reads the rows from the first.
func (t *rowTable) Open(ctx context.Context, columns ...string) (array.RecordReader, error) {
	return (&rowRange{t, 0, t.rows}).Open(ctx, columns...)
}

// Splits cuts the rows at whole batches.
func (t *rowTable) Splits(n int) []arrowio.Source {
	batches := max(1, (t.rows+outputBatch-1)/outputBatch)
	n = int(min(int64(max(n, 1)), batches))
	parts := make([]arrowio.Source, n)
	for i := range parts {
		lo, hi := batches*int64(i)/int64(n)*outputBatch, batches*int64(i+1)/int64(n)*outputBatch
		parts[i] = &rowRange{t, lo, min(hi, t.rows)}
	}
	return parts
}

// A rowRange is consecutive rows of a rowTable.
type rowRange struct {
	table  *rowTable
	lo, hi int64
}

func (r *rowRange) Schema() *arrow.Schema { return r.table.schema }

func (r *rowRange) Open(ctx context.Context, columns ...string) (array.RecordReader, error) {
	schema, indices, err := arrowio.Resolve("the release", r.table.schema, columns)
	if err != nil {
		return nil, err
	}
	at := r.lo
	next := func() (arrow.Record, error) {
		if at >= r.hi {
			return nil, nil
		}
		lo := at
		at = min(r.hi, lo+outputBatch)
		return r.table.batch(schema, indices, lo, at)
	}
	return arrowio.NewReader(ctx, "the release", schema, next, nil), nil
}

// batch makes the rows from lo to hi.
func (t *rowTable) batch(schema *arrow.Schema, indices []int, lo, hi int64) (arrow.Record, error) {
	var cells []cell
	cols := make([]arrow.Array, 0, len(indices))
	defer func() {
		for _, c := range cols {
			c.Release()
		}
	}()
	for _, i := range indices {
		if cells == nil && t.chunks != nil && t.columns[i].needsOrder() {
			cells = t.cells(lo, hi)
		}
		col, err := t.columns[i].batch(t, lo, hi, cells)
		if err != nil {
			return nil, err
		}
		cols = append(cols, col)
	}
	return array.NewRecord(schema, cols, hi-lo), nil
}

// cells finds the chunk of each source row.
func (t *rowTable) cells(lo, hi int64) []cell {
	out := make([]cell, hi-lo)
	for i, r := range t.order[lo:hi] {
		k := sort.Search(len(t.chunks), func(k int) bool { return t.chunks[k] > r }) - 1
		out[i] = cell{uint32(k), r - t.chunks[k]}
	}
	return out
}
