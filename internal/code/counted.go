package code

import (
	"slices"
	"sync"
)

// Counted is what a tally counted: distinct tuples in the order of their codes,
// column by column, and the rows of each. Where tuples fit 64 bits they stay
// packed, as layout says, and columns are unpacked only when asked for: whoever
// goes on with keys never sees them.
type Counted struct {
	Rows []int64

	keys   []uint64 // nil where tuples don't fit
	layout layout
	codes  [][]uint32 // columns unpacked so far
}

// Packed returns the keys of the tuples without the columns after the first
// few, cut into words: widths[w] are the widths in bits of the columns in word
// w, the first of which has the highest bits. Keys are in order, and distinct
// unless columns are left out. ok is false where tuples are not packed so. The
// words must not be changed.
func (c *Counted) Packed(widths [][]uint) (words [][]uint64, ok bool) {
	if columns := slices.Concat(widths...); c.keys == nil || !slices.Equal(c.layout.widths[:len(columns)], columns) {
		return nil, false
	}
	above := c.layout.total
	for _, columns := range widths {
		bits := uint(0)
		for _, w := range columns {
			bits += w
		}
		above -= bits
		if bits == c.layout.total {
			words = append(words, c.keys)
			continue
		}
		word, mask := make([]uint64, len(c.keys)), uint64(1)<<bits-1
		for i, k := range c.keys {
			word[i] = k >> above & mask
		}
		words = append(words, word)
	}
	return words, true
}

// Column returns the codes of column i, which must not be changed. It is not
// for several goroutines at a time.
func (c *Counted) Column(i int) []uint32 {
	if c.codes[i] == nil {
		c.codes[i] = c.layout.column(c.keys, i)
	}
	return c.codes[i]
}

// Columns returns the codes of all columns.
func (c *Counted) Columns() [][]uint32 {
	var wait sync.WaitGroup
	for i := range c.codes {
		wait.Go(func() { c.Column(i) })
	}
	wait.Wait()
	return c.codes
}

// Marginal returns the number of rows of each of n codes of column i.
func (c *Counted) Marginal(i, n int) []int64 {
	rows := make([]int64, n)
	if c.codes[i] != nil || c.keys == nil {
		for j, k := range c.codes[i] {
			rows[k] += c.Rows[j]
		}
		return rows
	}
	shift, mask := c.layout.shifts[i]&63, uint64(1)<<c.layout.widths[i]-1
	for j, k := range c.keys {
		rows[k>>shift&mask] += c.Rows[j]
	}
	return rows
}

// Tuples returns the distinct tuples, their codes mapped by remap (nil leaves a
// column's codes as they are), sorted by mapped codes column by column, and
// the rows of each. remap must be one to one. The tally is left as it was
// unless last is set; it is then not used again. Under a Limit see Err
// afterwards.
func (t *Tally) Tuples(remap [][]uint32, last bool) *Counted {
	t.open()
	if remap == nil {
		remap = make([][]uint32, t.columns)
	}
	switch {
	case t.wide != nil:
		codes, rows := t.wide.sorted(remap)
		return &Counted{Rows: rows, codes: codes}
	case t.interned != nil:
		t.interned.fit(t.sizes)
		codes, rows := t.interned.sorted(remap, last)
		return &Counted{Rows: rows, codes: codes}
	}
	t.seal()
	if last {
		t.dense, t.narrow, t.mid = nil, nil, nil
	}
	to := layoutFor(t.sizes)
	all := t.joinStored(combine(t.segments, remap, to, !last), remap, to)
	if last {
		t.stored = nil
	}
	if all.keys == nil {
		all.keys = []uint64{}
	}
	return &Counted{Rows: all.rows, keys: all.keys, layout: to, codes: make([][]uint32, t.columns)}
}

// Sorted is Tuples, all columns unpacked.
func (t *Tally) Sorted(remap [][]uint32, last bool) (codes [][]uint32, rows []int64) {
	c := t.Tuples(remap, last)
	return c.Columns(), c.Rows
}
