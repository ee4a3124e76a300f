package kanon

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	mathrand "math/rand/v2"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/fault"
)

// A partTable is the rows of a release whose copied cells lie in a temporary
// file, part by part. A reader holds one part. Every read gives the same rows in
// the same order: the shuffle of a part is drawn from a seed that stays.
type partTable struct {
	schema  *arrow.Schema
	spread  *spread
	columns []partColumn
	written int64
	seed    [32]byte
}

// A partColumn is a generalised column (class), or a copied one (at), perhaps
// coded.
type partColumn struct {
	class *classColumn
	at    int
	dt    arrow.DataType
	coded *codedColumn // its values; codes are set part by part
	remap [][]uint32   // coded: codes of each origin to those of the values
}

// partTable makes the table of what was spread, c being the merged copier.
func (p *plan) partTable(s *spread, schema *arrow.Schema, c *copier, a *assignment) (*partTable, error) {
	t := &partTable{schema: schema, spread: s}
	rand.Read(t.seed[:])
	for i := range s.parts {
		t.written += s.parts[i].rows
	}
	for _, name := range p.columns {
		if q := p.quasiIndex(name); q >= 0 {
			t.columns = append(t.columns, partColumn{class: a.column(q)})
			continue
		}
		j := 0
		for c.columns[j] != name {
			j++
		}
		f, _ := p.field(name)
		col := partColumn{at: j, dt: f.Type}
		if e := c.coded[j]; e != nil {
			col.coded = &codedColumn{values: e.Values(), null: e.Null(), dict: p.dictionary(name)}
			used := make([]bool, col.coded.values.Len())
			for _, o := range s.origins {
				for v, u := range o.used[j] {
					if u {
						used[through(o.remap[j], v)] = true
					}
				}
			}
			final, err := col.coded.keep(used)
			if err != nil {
				return nil, err
			}
			for _, o := range s.origins {
				remap := make([]uint32, len(o.used[j]))
				for v := range remap {
					remap[v] = final[through(o.remap[j], v)]
				}
				col.remap = append(col.remap, remap)
			}
		}
		t.columns = append(t.columns, col)
	}
	return t, nil
}

// through maps a code; a nil map maps it to itself.
func through(remap []uint32, v int) uint32 {
	if remap == nil {
		return uint32(v)
	}
	return remap[v]
}

func (t *partTable) numRows() int64 { return t.written }

// close gives up the temporary file.
func (t *partTable) close() { t.spread.file.Close() }

// Schema returns the columns of the release.
func (t *partTable) Schema() *arrow.Schema { return t.schema }

// Open reads the rows from the first.
func (t *partTable) Open(ctx context.Context, columns ...string) (array.RecordReader, error) {
	return (&partRange{t, 0, len(t.spread.parts)}).Open(ctx, columns...)
}

// Splits cuts the table between parts.
func (t *partTable) Splits(n int) []arrowio.Source {
	parts := len(t.spread.parts)
	n = max(1, min(n, parts))
	out := make([]arrowio.Source, n)
	for i := range out {
		out[i] = &partRange{t, parts * i / n, parts * (i + 1) / n}
	}
	return out
}

// A partRange is consecutive parts.
type partRange struct {
	table  *partTable
	lo, hi int
}

func (r *partRange) Schema() *arrow.Schema { return r.table.schema }

func (r *partRange) Open(ctx context.Context, columns ...string) (array.RecordReader, error) {
	schema, indices, err := arrowio.Resolve("the release", r.table.schema, columns)
	if err != nil {
		return nil, err
	}
	next, at := r.lo, int64(0)
	var rows *rowTable
	return arrowio.NewReader(ctx, "the release", schema, func() (arrow.Record, error) {
		for rows == nil || at == rows.rows {
			rows.close()
			rows = nil
			if next == r.hi {
				return nil, nil
			}
			loaded, err := r.table.load(next, indices)
			if err != nil {
				return nil, err
			}
			rows, at = loaded, 0
			next++
		}
		lo := at
		at = min(rows.rows, lo+outputBatch)
		return rows.batch(schema, indices, lo, at)
	}, func() { rows.close() }), nil
}

// load makes the rows of a part, with the cells of the columns asked for.
func (t *partTable) load(i int, indices []int) (*rowTable, error) {
	p := &t.spread.parts[i]
	cells := false
	for _, c := range indices {
		cells = cells || t.columns[c].class == nil
	}
	held := &copier{}
	out := &rowTable{schema: t.schema, read: held}
	for _, k := range p.chunks {
		rows, err := k.read(cells)
		if err != nil {
			held.Release()
			return nil, err
		}
		held.chunks = append(held.chunks, rows)
	}
	seed := t.seed
	binary.LittleEndian.PutUint64(seed[:], binary.LittleEndian.Uint64(seed[:])^uint64(i))
	if !cells {
		out.group(held.sizes(int(p.hi-p.lo) + 1))
		if t.spread.inputOrder {
			out.arrange(held, int(p.hi-p.lo)+1, true, nil)
		}
	} else {
		out.arrange(held, int(p.hi-p.lo)+1, t.spread.inputOrder, mathrand.New(mathrand.NewChaCha8(seed)))
	}
	out.columns = make([]rowColumn, len(t.columns))
	for _, c := range indices {
		out.columns[c] = t.columns[c].in(p, held)
	}
	return out, nil
}

// in makes the column for the rows of a part.
func (c *partColumn) in(p *part, held *copier) rowColumn {
	switch {
	case c.class != nil:
		return &classColumn{dict: c.class.dict, index: c.class.index[p.lo : p.hi+1]}
	case c.coded == nil:
		col := &chunkColumn{dt: c.dt}
		for _, k := range held.chunks {
			col.chunks = append(col.chunks, k.arrays[c.at])
		}
		return col
	}
	col := *c.coded
	for i, k := range held.chunks {
		remap := c.remap[p.chunks[i].origin.number]
		for _, v := range k.arrays[c.at].(*array.Uint32).Uint32Values() {
			col.codes = append(col.codes, remap[v])
		}
	}
	return &col
}

// read reads the rows of a chunk back: their classes, and their cells if asked
// for.
func (k *partChunk) read(cells bool) (copied, error) {
	var out copied
	out.class = make([]int32, k.rows)
	if err := k.class.Read(arrow.Int32Traits.CastToBytes(out.class)); err != nil {
		return out, err
	}
	if !cells {
		return out, nil
	}
	r, err := ipc.NewReader(k.cells.Reader())
	if err != nil {
		return out, fault.Inputf("temporary file: %w", err)
	}
	defer r.Release()
	if !r.Next() {
		return out, fault.Inputf("temporary file: rows are missing; run again")
	}
	for _, a := range r.Record().Columns() {
		a.Retain()
		out.arrays = append(out.arrays, a)
	}
	return out, nil
}
