package kanon

import (
	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/internal/code"
)

// tuples is the counted table: every distinct combination of codes of the
// counted columns (quasi-identifiers first, then sensitive columns), sorted by
// codes column by column, each with its rows and people.
//
// Take the columns zip and age with the unit patient, and the rows
//
//	patient  zip    age
//	a        81667  34
//	a        81667  34
//	b        81667  34
//	c        81667  34
//	c        81675  36
//
// Codes follow the order of the values: 81667 is 0 and 81675 is 1, 34 is 0 and
// 36 is 1. There are two tuples:
//
//	t  codes   rows  settled  pairs (person, t)
//	0  0 0     4     2        (0, 0)
//	1  1 1     1     0        (0, 1)
//
// a and b are settled: all their rows are tuple 0. c has two tuples and is
// person 0 of the pairs. The people of a class are the sum of settled over its
// tuples plus the distinct persons among its pairs. Nearly every person is
// settled where a person's columns repeat on every row, so this is almost a
// plain sum.
type tuples struct {
	columns []countedColumn
	// codes[c][t] is the code of tuple t in column c, an index into
	// columns[c].values. A column may still be nil: see column.
	codes  [][]uint32
	packed *code.Counted // the codes as keys; nil where there are none but codes
	rows   []int64       // rows of tuple t
	// settled[t] is the number of people all of whose rows are tuple t. Without
	// a unit every row is one person, and settled is rows.
	settled []int64
	// pairs holds the people with several tuples, sorted by person, then
	// tuple; persons are numbered from 0. It is empty without a unit.
	pairs []personTuple
	// totalPeople counts all rows of null unit as one person together; without
	// a unit it is totalRows.
	totalRows, totalPeople int64
}

// A personTuple says that a person, one with several tuples, has a tuple.
type personTuple struct{ person, tuple uint32 }

// A countedColumn is the dictionary of one counted column.
type countedColumn struct {
	name string
	// values holds the distinct values present in the column's order:
	// declared values first in the order declared, then the order of the type
	// (text bytewise); null, where present, is last. A dictionary column has
	// values of the dictionary's value type.
	values arrow.Array
	null   int // code of null, -1 if there is none
}

// column returns the codes of column c, unpacked at the first call.
func (t *tuples) column(c int) []uint32 {
	if t.codes[c] == nil && t.packed != nil {
		t.codes[c] = t.packed.Column(c)
	}
	return t.codes[c]
}

// columnRows returns the rows of each code of column c.
func (t *tuples) columnRows(c int) []int64 {
	n := t.columns[c].values.Len()
	if t.packed != nil {
		return t.packed.Marginal(c, n)
	}
	rows := make([]int64, n)
	for i, k := range t.codes[c] {
		rows[k] += t.rows[i]
	}
	return rows
}

// A classMap says which class every tuple falls into; nil: tuple i into class i.
type classMap []uint32

func (m classMap) of(tuple uint32) uint32 {
	if m == nil {
		return tuple
	}
	return m[tuple]
}
