package kanon

import (
	"fmt"
	"math"
	"strings"
)

// A Node is a point of the generalisation lattice: one level per
// quasi-identifier. Node (0, …, 0) is the bottom: nothing is generalised.
type Node []int

// LessEq reports whether n is below m or m itself: no column of n is at a
// higher level.
func (n Node) LessEq(m Node) bool {
	for c, l := range n {
		if l > m[c] {
			return false
		}
	}
	return true
}

// Height returns the sum of the levels.
func (n Node) Height() int {
	h := 0
	for _, l := range n {
		h += l
	}
	return h
}

// String writes the levels in column order: "0,3,1".
func (n Node) String() string {
	var b strings.Builder
	for c, l := range n {
		if c > 0 {
			b.WriteByte(',')
		}
		fmt.Fprint(&b, l)
	}
	return b.String()
}

// A Lattice is the set of nodes between two nodes, both included.
type Lattice struct{ Bottom, Top Node }

// latticeOf returns the lattice of a table's columns, with some levels fixed
// (a level of at least 0).
func latticeOf(columns []Column, fixed []int) Lattice {
	l := Lattice{make(Node, len(columns)), make(Node, len(columns))}
	for c := range columns {
		l.Top[c] = len(columns[c].Table.Levels) - 1
		if fixed != nil && fixed[c] >= 0 {
			l.Bottom[c], l.Top[c] = fixed[c], fixed[c]
		}
	}
	return l
}

// Len returns the number of nodes, at most math.MaxInt64.
func (l Lattice) Len() int64 {
	n := int64(1)
	for c := range l.Top {
		size := int64(l.Top[c] - l.Bottom[c] + 1)
		if n > math.MaxInt64/size {
			return math.MaxInt64
		}
		n *= size
	}
	return n
}
