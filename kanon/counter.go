package kanon

import (
	"github.com/apache/arrow/go/v17/arrow"
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
type Counter struct{}

// NewCounter returns an empty Counter over columns, quasi-identifiers first,
// and, unless unit is nil, the column that names the person. A type that can't
// be counted is an error of kind Plan that names the column.
func NewCounter(columns []CountedColumn, unit *CountedColumn) (*Counter, error) {
	return &Counter{}, nil
}

// Columns returns the names of the columns that Add takes, the unit last.
func (c *Counter) Columns() []string { return nil }

// Add counts the rows of a batch that holds at least the counter's columns,
// found by name.
func (c *Counter) Add(rec arrow.Record) error { return nil }

// Merge takes over what other holds; other is not used again.
func (c *Counter) Merge(other *Counter) error { return nil }

// finish sorts what was counted; the Counter is not used again.
func (c *Counter) finish() (*tuples, error) { return &tuples{}, nil }
