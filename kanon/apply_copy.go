package kanon

import (
	"math/bits"
	mathrand "math/rand/v2"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/fault"
)

// A lookup finds the bottom class of rows of the source, at the second read.
// It is shared by all workers and not changed.
type lookup struct {
	base  *FrequencySet
	codes []map[string]uint32 // of each quasi-identifier: canonical text to code
	null  []int               // of each quasi-identifier: code of null, -1
	slots []uint32            // open addressing by the hash of a key: class+1
}

func newLookup(base *FrequencySet, columns []countedColumn) *lookup {
	l := &lookup{base: base, slots: make([]uint32, 1<<bits.Len(uint(2*base.Len()+1)))}
	for c := range base.QuasiIdentifiers {
		values := columns[c].values
		m := make(map[string]uint32, values.Len())
		for i := range values.Len() {
			if i != columns[c].null {
				m[code.Text(values, i)] = uint32(i)
			}
		}
		l.codes, l.null = append(l.codes, m), append(l.null, columns[c].null)
	}
	key := make([]uint64, len(base.words))
	for i := range base.Len() {
		for w := range key {
			key[w] = base.words[w][i]
		}
		at := l.hash(key)
		for l.slots[at] != 0 {
			at = (at + 1) & (uint64(len(l.slots)) - 1)
		}
		l.slots[at] = uint32(i) + 1
	}
	return l
}

func (l *lookup) hash(key []uint64) uint64 {
	h := uint64(0)
	for _, w := range key {
		hi, lo := bits.Mul64(h^w, 0x9e3779b97f4a7c15)
		h = hi ^ lo
	}
	return (h ^ h>>29) & (uint64(len(l.slots)) - 1)
}

// find returns the class with a key, -1 if there is none.
func (l *lookup) find(key []uint64) int32 {
	for at := l.hash(key); ; at = (at + 1) & (uint64(len(l.slots)) - 1) {
		s := l.slots[at]
		if s == 0 {
			return -1
		}
		same := true
		for w, k := range key {
			same = same && l.base.words[w][s-1] == k
		}
		if same {
			return int32(s - 1)
		}
	}
}

// A copier is the state of the second read: the cells of rows that stay, and
// the released class of each row. It implements fold.State.
type copier struct {
	lookup   *lookup
	class    []int32 // bottom class to released class
	quasi    []string
	encoders []*code.Encoder
	parts    [][]uint64 // of each quasi-identifier: encoder code to its part of the key
	columns  []string   // copied
	coded    []*code.Encoder
	chunks   []copied
	codes    []uint32
	words    [][]uint64
	rows     int64 // seen

	spread  *spread   // takes what memory does not hold; nil without a limit
	held    int64     // bytes of chunks
	origin  *origin   // of what was written to spread by this copier's codes; nil: nothing
	origins []*origin // it, and those of what was written by copiers merged into this one
	random  *mathrand.Rand
}

// copied is one batch: released classes of rows, -1 for suppressed ones, and
// the columns, as they came or as codes.
type copied struct {
	class  []int32
	arrays []arrow.Array // nil where coded
	codes  [][]uint32    // nil where not
}

func newCopier(l *lookup, class []int32, schema *arrow.Schema, columns []string, s *spread) (*copier, error) {
	c := &copier{spread: s, lookup: l, class: class, columns: columns, words: make([][]uint64, len(l.base.words))}
	for q := range l.base.QuasiIdentifiers {
		name := l.base.QuasiIdentifiers[q].Name
		e, err := code.NewEncoder(schema.Field(schema.FieldIndices(name)[0]).Type)
		if err != nil {
			return nil, err
		}
		c.quasi, c.encoders, c.parts = append(c.quasi, name), append(c.encoders, e), append(c.parts, nil)
	}
	for _, name := range columns {
		var e *code.Encoder
		if dt := schema.Field(schema.FieldIndices(name)[0]).Type; dt.ID() == arrow.DICTIONARY {
			var err error
			if e, err = code.NewEncoder(dt); err != nil {
				return nil, err
			}
		}
		c.coded = append(c.coded, e)
	}
	return c, nil
}

// Add takes the rows of a batch.
func (c *copier) Add(rec arrow.Record) error {
	n := int(rec.NumRows())
	for w := range c.words {
		c.words[w] = grow(c.words[w], n)
		clear(c.words[w])
	}
	for q, name := range c.quasi {
		if err := c.pack(q, rec.Column(rec.Schema().FieldIndices(name)[0])); err != nil {
			return err
		}
	}
	out := copied{class: make([]int32, n), arrays: make([]arrow.Array, len(c.columns)), codes: make([][]uint32, len(c.columns))}
	key := make([]uint64, len(c.words))
	for i := range n {
		for w := range key {
			key[w] = c.words[w][i]
		}
		k := c.lookup.find(key)
		if k < 0 {
			return errChanged()
		}
		out.class[i] = c.class[k]
	}
	for j, name := range c.columns {
		col := rec.Column(rec.Schema().FieldIndices(name)[0])
		if e := c.coded[j]; e != nil {
			codes, err := e.Encode(nil, col)
			if err != nil {
				return err
			}
			out.codes[j] = codes
			continue
		}
		col.Retain()
		out.arrays[j] = col
	}
	c.chunks = append(c.chunks, out)
	c.rows += int64(n)
	if c.spread != nil {
		if c.held += out.bytes(); c.held > c.spread.hold {
			return c.flush(false)
		}
	}
	return nil
}

// pack adds a quasi-identifier's part to the keys of a batch.
func (c *copier) pack(q int, col arrow.Array) error {
	codes, err := c.encoders[q].Encode(c.codes[:0], col)
	if err != nil {
		return err
	}
	c.codes = codes
	base := c.lookup.base
	fd := base.layout.fields[q]
	if e := c.encoders[q]; e.Len() > len(c.parts[q]) {
		values := e.Values()
		for v := len(c.parts[q]); v < e.Len(); v++ {
			known, ok := uint32(c.lookup.null[q]), c.lookup.null[q] >= 0
			if v != e.Null() {
				known, ok = c.lookup.codes[q][code.Text(values, v)]
			}
			if !ok {
				values.Release()
				return errChanged()
			}
			c.parts[q] = append(c.parts[q], uint64(base.QuasiIdentifiers[q].Table.Levels[0].Codes[known])<<fd.shift)
		}
		values.Release()
	}
	word, parts := c.words[fd.word], c.parts[q]
	for i, v := range codes {
		word[i] |= parts[v]
	}
	return nil
}

func errChanged() error {
	return fault.Inputf("the input changed between its two reads; run again on a file that stays as it is")
}

// Merge takes over the batches of other.
func (c *copier) Merge(other *copier) error {
	for j, e := range c.coded {
		if e == nil {
			continue
		}
		remap := e.Merge(other.coded[j])
		c.merged(other, j, remap)
		for k := range other.chunks {
			for i, v := range other.chunks[k].codes[j] {
				other.chunks[k].codes[j][i] = remap[v]
			}
		}
	}
	c.chunks, c.held, c.rows = append(c.chunks, other.chunks...), c.held+other.held, c.rows+other.rows
	c.origins = append(c.origins, other.origins...)
	return nil
}

// sizes counts the rows of each of a number of released classes.
func (c *copier) sizes(classes int) []int64 {
	out := make([]int64, classes)
	for _, k := range c.chunks {
		for _, r := range k.class {
			if r >= 0 {
				out[r]++
			}
		}
	}
	return out
}

// Release gives up the batches.
func (c *copier) Release() {
	for _, k := range c.chunks {
		for _, a := range k.arrays {
			if a != nil {
				a.Release()
			}
		}
	}
	c.chunks, c.held = nil, 0
}
