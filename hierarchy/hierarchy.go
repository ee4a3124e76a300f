// Package hierarchy holds value generalisation hierarchies: how the values of
// one column coarsen, level by level, from the raw value to "*".
//
// Level 0 is always the raw value. A hierarchy must coarsen: two values with
// one label at a level share their label at every higher level. "*" is
// appended as the last level unless the last level has one label already.
package hierarchy

import "github.com/apache/arrow/go/v17/arrow"

// Top is the label of the last level of a hierarchy: nothing is said.
const Top = "*"

// A Hierarchy generalises the values of one column. Implementations are
// immutable and safe for use by several goroutines.
type Hierarchy interface {
	// Levels returns the names of levels 1 to n in order, "*" left out.
	// A level without a name of its own is named by its number ("1").
	Levels() []string

	// Generalize returns the label of each value at a level from 1 to n, n
	// being len(Levels()). values holds distinct values of the column in the
	// column's own type; a null value has the label "" and is never looked
	// up. ok[i] is false where the hierarchy does not list value i.
	//
	// A type that the hierarchy can't work on is an error of kind Plan.
	Generalize(values arrow.Array, level int) (labels []string, ok []bool, err error)

	// Lines returns the number of values that the hierarchy lists, its loss
	// domain, or 0 for a computed one, whose loss domain is the number of
	// distinct values present.
	Lines() int

	// CheckType reports, before any row is read, whether the hierarchy can
	// generalise a column of the type (an error of kind Plan if not).
	CheckType(dt arrow.DataType) error
}

// A Table is a hierarchy applied to the distinct values of one column: what
// the search and Apply work on. Take the ages 34, 36, 61 and null under
// Intervals(10):
//
//	Levels[0]  raw   Codes 0 1 2 3   Labels 34     36  61     (null)   Leaves 1 1 1 1
//	Levels[1]  "1"   Codes 0 0 1 2   Labels 30-39  60-69      (null)   Leaves 2 1 1
//	Levels[2]  "*"   Codes 0 0 0 0   Labels *                          Leaves 4
//
// DomainSize is 4 and the share of 30-39 is 2/4.
type Table struct {
	Levels     []Level
	DomainSize int64 // loss domain: hierarchy lines, or distinct values present
}

// A Level is one level of a Table.
type Level struct {
	Name   string
	Codes  []int32  // base code (index into the distinct values) to label index
	Labels []string // in the order of the first base code that has them
	Null   int32    // index of the label of null, -1 if null has no label of its own here
	Leaves []int64  // label index to the number of domain values that generalise to it
}
