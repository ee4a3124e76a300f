package code

// A Tally counts tuples of codes: how many rows have codes 0 4 2, how many
// 1 4 2, and so on. It is used by one goroutine at a time.
type Tally struct {
	columns int
	wide    *wide
}

// NewTally returns an empty tally of tuples of a number of columns.
func NewTally(columns int) *Tally {
	return &Tally{columns: columns, wide: newWide(columns)}
}

// Add counts tuples, codes[c][i] being the code of tuple i in column c. sizes
// holds, for each column, a number greater than every code added so far.
func (t *Tally) Add(codes [][]uint32, n int, sizes []int) {
	for i := range n {
		t.wide.add(codes, i, 1)
	}
}

// AddRows counts tuple i for rows[i] rows.
func (t *Tally) AddRows(codes [][]uint32, rows []int64, sizes []int) {
	for i, n := range rows {
		t.wide.add(codes, i, n)
	}
}

// Merge takes over what other counted; remap maps its codes, column by column.
// other is not used again.
func (t *Tally) Merge(other *Tally, remap [][]uint32, sizes []int) {
	o := other.wide
	for e, n := range o.rows {
		for c, k := range o.codes[e*o.columns : (e+1)*o.columns] {
			t.wide.row[c] = remap[c][k]
		}
		t.wide.addRow(n)
	}
}

// Sorted returns the distinct tuples, their codes mapped by remap (nil leaves a
// column's codes as they are), sorted by mapped codes column by column, and
// the rows of each. remap must be one to one.
func (t *Tally) Sorted(remap [][]uint32, sizes []int) (codes [][]uint32, rows []int64) {
	return t.wide.sorted(remap)
}

// Memory returns the bytes that the tally takes.
func (t *Tally) Memory() int64 { return t.wide.memory() }
