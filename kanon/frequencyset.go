package kanon

import "github.com/oboro-data/oboro/hierarchy"

// A FrequencySet is a table seen only as classes and their sizes. Take six
// rows with quasi-identifiers zip and age:
//
//	81667 34   81675 36   81667 34   81925 66   81931 70   81931 66
//
// The frequency set at the bottom of the lattice, node (0,0), has five classes:
//
//	81667 34  2      81675 36  1      81925 66  1      81931 70  1      81931 66  1
//
// Generalize((1,1)), with three-digit zips and ages in tens, adds sizes and
// never looks at rows again:
//
//	816** 30-39  3      819** 60-69  2      819** 70-79  1
//
// One class of one row remains: (1,1) is 2-anonymous only if a sixth of the
// rows may be suppressed.
type FrequencySet struct {
	// QuasiIdentifiers are the columns of the class keys with their
	// generalisation tables, in lattice order.
	QuasiIdentifiers []Column
	// SensitiveColumns are the columns whose distributions classes carry.
	SensitiveColumns []Column
	Node             Node  // where in the lattice this set stands
	Rows             int64 // rows of the table
	People           int64 // distinct people, or Rows without a unit
}

// A Column is a coded column: its name, its generalisation table (level 0 has
// a label per code, in the column's declared order) and, for costs, its weight.
type Column struct {
	Name  string
	Table hierarchy.Table
}

// Len returns the number of classes.
func (f *FrequencySet) Len() int { return 0 }

// Class fills c with class i, 0 ≤ i < Len(). The slices of c belong to the set
// and must not be changed; c may be used again for another class.
func (f *FrequencySet) Class(i int, c *EquivalenceClass) {}
