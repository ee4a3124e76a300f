package dp

import (
	"math"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/fault"
)

// Reconcile makes released tables of one statistic add up along a hierarchy:
// tables[0] is the coarsest, and every group of a later table is part of a group
// of the one before. as names a Count, CountUnits or Sum that all tables have.
// Counts become non-negative whole numbers by Tree.FitCounts, sums are fitted by
// Tree.Fit. It looks at released numbers and plans only, so it costs nothing
// (post-processing: Dwork and Roth 2014, proposition 2.1).
//
// above returns the key, in tables[table-1], of the group that the group key of
// tables[table] is part of. With nil the key columns of the coarser table are
// looked up by name in the finer one, and raised where the coarser table has
// them at a higher level of a hierarchy: see Plan.Above.
//
// The result has one record for each table: its keys in their order, and the
// column as. Every record but the last has a column as_rest: what a group holds
// besides its released parts. Where the groups of the finer table are private,
// parts may be missing, and the rest takes them up; it is 0 where they are
// public. A group whose own coarser group was not released counts as part of the
// next coarser one that was. So for every group
//
//	as = as_rest + the sum of as over the groups directly below it, exactly
//
// (sums of floats in the order of the tables). The caller releases the records.
//
// The tables must be of the same rows, and their bounds must let a statistic add
// up: a unit's rows bounded in a coarser group ought to be the ones bounded in
// its parts, public groups of a finer table ought to be all parts there are, and
// nobody is counted in two groups. That holds if no unit has rows in several
// groups of the finest table, or if units are rows; CountUnits with MaxGroups
// above 1 is therefore refused. Numbers of private groups are released only
// where the noised count is large, so small ones lean upwards; this stays.
//
// Errors are of kind fault.Plan.
func Reconcile(as string, above func(table int, key []GroupKey) ([]GroupKey, error), tables ...*Release) ([]arrow.Record, error) {
	f := family{as: as, above: above, tables: tables, up: make([]func([]GroupKey) []GroupKey, len(tables))}
	if err := f.check(); err != nil {
		return nil, err
	}
	if err := f.grow(); err != nil {
		return nil, err
	}
	if f.counts {
		counts, err := f.tree.FitCounts()
		if err != nil {
			return nil, err
		}
		return familyRecords(&f, counts, arrow.PrimitiveTypes.Int64), nil
	}
	fitted, err := f.tree.Fit()
	if err != nil {
		return nil, err
	}
	return familyRecords(&f, fitted, arrow.PrimitiveTypes.Float64), nil
}

// A family is the tables of a Reconcile, as one tree.
type family struct {
	as     string
	above  func(int, []GroupKey) ([]GroupKey, error)
	tables []*Release
	up     []func([]GroupKey) []GroupKey // of each table, to the one before; made when needed
	counts bool

	variance []float64 // of each table
	tree     Tree
	first    []int   // node of each table's first row; the others follow
	rest     [][]int // node of what a row holds besides its released parts, -1 if nothing
}

// check finds the statistic in every table, and refuses those that do not add up.
func (f *family) check() error {
	if len(f.tables) == 0 {
		return fault.Planf("reconcile: no tables")
	}
	for i, rel := range f.tables {
		p := rel.plan
		at := slices.IndexFunc(p.query.Aggregates, func(a Aggregate) bool { return a.OutputName() == f.as })
		if at < 0 {
			return fault.Planf("reconcile: table %d has no aggregate %q", i, f.as)
		}
		counts := true
		switch p.query.Aggregates[at].(type) {
		case Count:
		case CountUnits:
			if p.query.Bounds.MaxGroups > 1 && !p.query.UnitIsRow && len(p.query.GroupBy) > 0 {
				return fault.Planf("reconcile: table %d counts a unit in up to %d groups, so its counts do not add up; set groups-per-unit to 1", i, p.query.Bounds.MaxGroups)
			}
		case Sum:
			counts = false
		default:
			return fault.Planf("reconcile: %q of table %d is no count and no sum", f.as, i)
		}
		if i > 0 && counts != f.counts {
			return fault.Planf("reconcile: %q is a count in one table and a sum in another", f.as)
		}
		f.counts = counts
		if i+1 < len(f.tables) && slices.Contains(p.query.GroupBy, f.as+"_rest") {
			return fault.Planf("reconcile: the key column %q of table %d has the name of a result; name the aggregate otherwise", f.as+"_rest", i)
		}
		e := p.Figures()[at].StdError
		f.variance = append(f.variance, e*e)
	}
	return nil
}

// grow makes the tree.
func (f *family) grow() error {
	known := make([]map[string]int, len(f.tables)) // key to node
	for i, rel := range f.tables {
		values := rel.record.Column(rel.Schema().FieldIndices(f.as)[0])
		f.first = append(f.first, len(f.tree))
		known[i] = make(map[string]int, rel.Groups())
		for row := range int(rel.Groups()) {
			key := releaseKey(rel, row)
			node := Node{Parent: -1, Variance: f.variance[i]}
			switch v := values.(type) {
			case *array.Int64:
				node.Value = float64(v.Value(row))
			case *array.Float64:
				node.Value = v.Value(row)
			}
			known[i][keyText(key)] = len(f.tree)
			for up := i; up > 0 && node.Parent < 0; up-- {
				var err error
				if key, err = f.raise(up, key); err != nil {
					return err
				}
				if at, ok := known[up-1][keyText(key)]; ok {
					node.Parent = at
				}
			}
			f.tree = append(f.tree, node)
		}
	}
	for i, rel := range f.tables[:len(f.tables)-1] {
		rest := slices.Repeat([]int{-1}, int(rel.Groups()))
		if f.tables[i+1].plan.PrivateGroups() {
			for row := range rest {
				rest[row] = len(f.tree)
				f.tree = append(f.tree, Node{Parent: f.first[i] + row, Variance: math.Inf(1)})
			}
		}
		f.rest = append(f.rest, rest)
	}
	return nil
}

// raise returns the key that a key of tables[i] is part of in tables[i-1].
func (f *family) raise(i int, key []GroupKey) ([]GroupKey, error) {
	coarse := f.tables[i-1].plan
	if f.above != nil {
		up, err := f.above(i, slices.Clone(key))
		if err == nil && len(up) != len(coarse.query.GroupBy) {
			err = fault.Planf("reconcile: the key above table %d has %d values for %d key columns", i, len(up), len(coarse.query.GroupBy))
		}
		return up, err
	}
	if f.up[i] == nil {
		up, err := f.tables[i].plan.Above(coarse)
		if err != nil {
			return nil, fault.Planf("reconcile: table %d: %w", i, err)
		}
		f.up[i] = up
	}
	return f.up[i](key), nil
}

// releaseKey returns the key of a released group.
func releaseKey(rel *Release, row int) []GroupKey {
	key := make([]GroupKey, len(rel.plan.query.GroupBy))
	for c := range key {
		col := rel.record.Column(c)
		if col.IsNull(row) {
			key[c].Null = true
		} else {
			key[c].Text = code.Text(col, row)
		}
	}
	return key
}

// keyText writes a key as one text, a different one for every key.
func keyText(key []GroupKey) string {
	var b strings.Builder
	for _, cell := range key {
		if cell.Null {
			b.WriteByte(2)
			continue
		}
		b.Write(appendTextCell([]byte(nil), []byte(cell.Text)))
	}
	return b.String()
}

// familyRecords writes the fitted numbers of all nodes as tables.
func familyRecords[N int64 | float64](f *family, fitted []N, dt arrow.DataType) []arrow.Record {
	column := func(n int, value func(row int) N) arrow.Array {
		b := array.NewBuilder(memory.DefaultAllocator, dt)
		defer b.Release()
		for row := range n {
			switch b := b.(type) {
			case *array.Int64Builder:
				b.Append(int64(value(row)))
			case *array.Float64Builder:
				b.Append(float64(value(row)))
			}
		}
		return b.NewArray()
	}
	records := make([]arrow.Record, len(f.tables))
	for i, rel := range f.tables {
		n := int(rel.Groups())
		keys := len(rel.plan.query.GroupBy)
		fields := slices.Clone(rel.Schema().Fields()[:keys])
		columns := slices.Clone(rel.record.Columns()[:keys])
		fields = append(fields, arrow.Field{Name: f.as, Type: dt})
		own := []arrow.Array{column(n, func(row int) N { return fitted[f.first[i]+row] })}
		if i < len(f.rest) {
			fields = append(fields, arrow.Field{Name: f.as + "_rest", Type: dt})
			own = append(own, column(n, func(row int) N {
				if at := f.rest[i][row]; at >= 0 {
					return fitted[at]
				}
				return 0
			}))
		}
		records[i] = array.NewRecord(arrow.NewSchema(fields, nil), append(columns, own...), int64(n))
		for _, c := range own {
			c.Release()
		}
	}
	return records
}
