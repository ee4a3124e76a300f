package dptest

import (
	"fmt"
	"math"
)

// A Row is a row of a small table: who it belongs to and which value of the
// domain it holds.
type Row struct {
	Unit, Value int
}

// Change is the greatest change of a function between neighbouring tables,
// with tables that show it.
type Change struct {
	L0, Linf, L1  float64 // changed numbers; greatest; sum of absolute changes
	L2Squared     float64 // sum of squares
	With, Without []Row   // the neighbours of the greatest L1
	Tables        int     // tables gone through
}

// String is one line for a test's log.
func (c Change) String() string {
	return fmt.Sprintf("L0 %g, Linf %g, L1 %g, L2² %g over %d tables; the greatest between %v and %v", c.L0, c.Linf, c.L1, c.L2Squared, c.Tables, c.With, c.Without)
}

// Sensitivity goes through all tables of up to rows rows over the given numbers
// of units and values, in every multiset of rows, removes all rows of each unit
// in turn, and returns the greatest changes of f. f must be a function of its
// table: the statistics before noise, in a fixed order and number. There are
// C(units·values + rows, rows) tables; keep them to a million.
//
// Rows are handed over sorted by unit and value. Where f may depend on their
// order, pass a function that permutes them itself.
func Sensitivity(units, values, rows int, f func(table []Row) []float64) Change {
	var c Change
	table := make([]Row, 0, rows)
	without := make([]Row, 0, rows)
	var visit func(from int)
	visit = func(from int) {
		c.Tables++
		c.compare(table, without, units, f)
		if len(table) == rows {
			return
		}
		for i := from; i < units*values; i++ {
			table = append(table, Row{i / values, i % values})
			visit(i)
			table = table[:len(table)-1]
		}
	}
	visit(0)
	return c
}

func (c *Change) compare(table, without []Row, units int, f func([]Row) []float64) {
	if len(table) == 0 {
		return
	}
	whole := f(table)
	for u := range units {
		without = without[:0]
		for _, r := range table {
			if r.Unit != u {
				without = append(without, r)
			}
		}
		if len(without) == len(table) {
			continue
		}
		rest := f(without)
		var l0, linf, l1, l2 float64
		for i := range whole {
			if d := math.Abs(whole[i] - rest[i]); d > 0 {
				l0, linf, l1, l2 = l0+1, math.Max(linf, d), l1+d, l2+d*d
			}
		}
		if l1 > c.L1 {
			c.With, c.Without = append([]Row(nil), table...), append([]Row(nil), without...)
		}
		c.L0, c.Linf, c.L1, c.L2Squared = math.Max(c.L0, l0), math.Max(c.Linf, linf), math.Max(c.L1, l1), math.Max(c.L2Squared, l2)
	}
}
