package kanon

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/fault"
)

// A CountedColumn says how a column is counted.
type CountedColumn struct {
	Name string
	Type arrow.DataType // the column's type in the source
	// Order declares the order of the values by their canonical text. Values
	// that it lacks follow in the order of the type.
	Order []string
}

// A Counter counts rows and people by the distinct combinations of the values
// of some columns. It is partial state: every worker fills its own with Add,
// and Merge joins them, in any order and any tree. A Counter is used by one
// goroutine at a time.
//
// State returns what was counted as a record, which MergeState takes back: on
// another machine, or after a spill to disk. It holds personal data, as the
// input did; a Counter has no other way to get at it.
//
// With a unit the person is counted like one more column, so that people are
// told apart exactly; all rows whose unit is null are one person.
type Counter struct {
	columns  []CountedColumn // the unit last, if there is one
	unit     bool
	encoders []*code.Encoder
	tally    *code.Tally
	rows     int64

	block [][]uint32 // codes of the block at hand, per column
	sizes []int      // distinct values so far, per column

	common     *dictionaries // with other workers; nil: none
	limit      *countLimit   // nil: none
	renumberAt int           // rows after which dictionaries are put into order
}

// blockRows is the number of rows encoded at a time: the codes of a few columns
// and the keys made of them stay in the first and second level caches.
const blockRows = 4096

// renumberRows is the number of rows after which the dictionaries are nearly
// complete, unless their tails are long, and are put into order once.
const renumberRows = 1 << 16

// NewCounter returns an empty Counter over columns, quasi-identifiers first,
// and, unless unit is nil, the column that names the person. A type that can't
// be counted is an error of kind Plan that names the column.
func NewCounter(columns []CountedColumn, unit *CountedColumn) (*Counter, error) {
	c := &Counter{columns: append([]CountedColumn(nil), columns...), renumberAt: renumberRows}
	if unit != nil {
		c.columns = append(c.columns, *unit)
		c.unit = true
	}
	for _, col := range c.columns {
		e, err := code.NewEncoder(col.Type)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", col.Name, err)
		}
		c.encoders = append(c.encoders, e)
	}
	c.tally = code.NewTally(len(c.columns))
	c.block = make([][]uint32, len(c.columns))
	c.sizes = make([]int, len(c.columns))
	return c, nil
}

// Columns returns the names of the columns that Add takes, the unit last.
func (c *Counter) Columns() []string {
	names := make([]string, len(c.columns))
	for i, col := range c.columns {
		names[i] = col.Name
	}
	return names
}

// Add counts the rows of a batch that holds at least the counter's columns,
// found by name.
func (c *Counter) Add(rec arrow.Record) error {
	cols := make([]arrow.Array, len(c.columns))
	for i, col := range c.columns {
		at := rec.Schema().FieldIndices(col.Name)
		if len(at) == 0 {
			return fault.Inputf("column %q is missing in a batch", col.Name)
		}
		cols[i] = rec.Column(at[0])
	}
	n := int(rec.NumRows())
	direct := code.NewColumns(c.encoders, cols)
	for from := 0; from < n; {
		if from = c.tally.AddRange(direct, from, n); from == n {
			break
		}
		to := min(from+blockRows, n)
		if err := c.encode(cols, from, to); err != nil {
			return err
		}
		c.tally.Add(c.block, to-from, c.sizes)
		if waiting, ok := c.tally.Waiting(); ok && waiting >= c.renumberAt {
			c.renumber()
			direct = code.NewColumns(c.encoders, cols)
		}
		from = to
	}
	c.rows += int64(n)
	if c.limit != nil {
		return c.checkLimit(c.limit.worker)
	}
	return nil
}

// renumber orders the dictionaries by value, or as another worker did before.
// The people keep their numbers: their order does not matter.
func (c *Counter) renumber() {
	remap := make([][]uint32, len(c.columns))
	counted := c.encoders
	if c.unit {
		counted = counted[:len(counted)-1]
	}
	c.common.order(counted, c.columns, remap)
	for i, e := range c.encoders {
		c.sizes[i] = e.Len()
	}
	c.tally.Renumber(remap, c.sizes)
}

// encode fills the block with the codes of the rows from ≤ i < to.
func (c *Counter) encode(cols []arrow.Array, from, to int) error {
	for i, e := range c.encoders {
		codes, err := e.EncodeRange(c.block[i][:0], cols[i], from, to)
		if err != nil {
			return fmt.Errorf("column %q: %w", c.columns[i].Name, err)
		}
		c.block[i] = codes
		c.sizes[i] = e.Len()
	}
	return nil
}

// Merge takes over what other holds; other is not used again. Both count the
// same columns.
func (c *Counter) Merge(other *Counter) error {
	if len(c.columns) != len(other.columns) || c.unit != other.unit {
		return fault.Planf("counters over different columns can't be merged")
	}
	if c.rows < other.rows {
		*c, *other = *other, *c
	}
	remap := make([][]uint32, len(c.columns))
	for i, e := range c.encoders {
		remap[i] = e.Merge(other.encoders[i])
		c.sizes[i] = e.Len()
	}
	c.tally.Merge(other.tally, remap, c.sizes)
	c.rows += other.rows
	*other = Counter{}
	if c.limit != nil {
		return c.checkLimit(c.limit.whole)
	}
	return nil
}

// Memory returns the bytes that the counter takes.
func (c *Counter) Memory() int64 {
	n := c.tally.Memory()
	for _, e := range c.encoders {
		n += e.Memory()
	}
	return n
}

// finish sorts what was counted; the Counter is not used again.
func (c *Counter) finish() (*tuples, error) {
	t := &tuples{totalRows: c.rows}
	remap := make([][]uint32, len(c.columns))
	counted := len(c.columns)
	if c.unit {
		counted-- // the order of people does not matter
	}
	for i := range counted {
		values, m, null := c.encoders[i].Finish(c.columns[i].Order)
		remap[i] = m
		t.columns = append(t.columns, countedColumn{name: c.columns[i].Name, values: values, null: null})
		c.encoders[i] = nil
	}
	all := c.tally.Tuples(remap, true)
	if err := c.tally.Err(); err != nil {
		return nil, err
	}
	c.tally = nil
	t.rows = all.Rows
	if c.unit {
		people := c.encoders[counted].Len()
		codes := all.Columns()
		t.codes, t.totalPeople = codes[:counted], int64(people)
		t.joinPeople(codes[counted], people)
	} else {
		t.packed, t.codes = all, make([][]uint32, counted)
		t.settled = t.rows
		t.totalPeople = c.rows
	}
	return t, nil
}

// joinPeople turns a table sorted by tuple, then person, one line for each pair
// of them, into one line per tuple with its settled people and pairs.
func (t *tuples) joinPeople(person []uint32, people int) {
	n := len(person)
	several := make([]uint8, people) // tuples of a person: 0, 1, or 2 for more
	for _, p := range person {
		several[p] = min(several[p]+1, 2)
	}
	var roaming []uint64 // person<<32 | tuple, of people with several tuples
	settled := make([]int64, 0, n)
	last := -1 // line of the tuple at hand
	for i := range n {
		if last < 0 || !t.sameTuple(last, i) {
			last = len(settled)
			settled = append(settled, 0)
			for _, col := range t.codes {
				col[last] = col[i]
			}
			t.rows[last] = t.rows[i]
		} else {
			t.rows[last] += t.rows[i]
		}
		if p := person[i]; several[p] == 1 {
			settled[last]++
		} else {
			roaming = append(roaming, uint64(p)<<32|uint64(last))
		}
	}
	for c := range t.codes {
		t.codes[c] = t.codes[c][:len(settled)]
	}
	t.rows = t.rows[:len(settled)]
	t.settled = settled
	t.pairs = numberPairs(roaming)
}

func (t *tuples) sameTuple(a, b int) bool {
	for _, col := range t.codes {
		if col[a] != col[b] {
			return false
		}
	}
	return true
}
