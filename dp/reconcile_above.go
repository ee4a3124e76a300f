package dp

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/hierarchy"
	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/fault"
)

// Above returns the function that takes the key of a group of this plan to the
// key, in a coarser plan, of the group that it is part of. Key columns of the
// coarser plan are looked up by name, and raised where they stand at a higher
// level of the same hierarchy there. A value that the hierarchy does not list
// falls into the group null.
//
// A column that is missing here, that is coarser here, or whose values the
// hierarchy can't raise is an error of kind fault.Plan.
func (p *Plan) Above(coarser *Plan) (func(key []GroupKey) []GroupKey, error) {
	at := make([]int, len(coarser.query.GroupBy))
	raise := make([]func(GroupKey) GroupKey, len(at))
	for c, name := range coarser.query.GroupBy {
		if at[c] = slices.Index(p.query.GroupBy, name); at[c] < 0 {
			return nil, fault.Planf("it has no key column %q of the table before it; group by it too, or say by a function which key is part of which", name)
		}
		var err error
		if raise[c], err = raiseCell(p.keyTypes[at[c]], p.levels[at[c]], coarser.levels[c]); err != nil {
			return nil, fault.Planf("key column %q: %w", name, err)
		}
	}
	return func(key []GroupKey) []GroupKey {
		up := make([]GroupKey, len(at))
		for c := range up {
			if up[c] = key[at[c]]; raise[c] != nil && !up[c].Null {
				up[c] = raise[c](up[c])
			}
		}
		return up
	}, nil
}

// raiseCell raises cells of a key from one level to another; nil where the
// levels are the same.
func raiseCell(dt arrow.DataType, from, to *GroupLevel) (func(GroupKey) GroupKey, error) {
	switch {
	case from == nil && to == nil, from != nil && to != nil && from.Level == to.Level:
		return nil, nil
	case to == nil:
		return nil, fault.Planf("its raw values are no parts of labels; name a coarser level in the table before")
	case to.Level == len(to.Hierarchy.Levels())+1:
		return func(GroupKey) GroupKey { return GroupKey{Text: hierarchy.Top} }, nil
	case from != nil:
		up, err := hierarchy.Raising(to.Hierarchy, from.Level, to.Level)
		if err != nil {
			return nil, err
		}
		return func(cell GroupKey) GroupKey { return GroupKey{Text: up(cell.Text)} }, nil
	}
	value := code.ValueType(dt)
	if err := to.Hierarchy.CheckType(value); err != nil {
		return nil, err
	}
	return func(cell GroupKey) GroupKey {
		arr, ok := parseValue(value, cell.Text)
		if !ok {
			return GroupKey{Null: true}
		}
		defer arr.Release()
		labels, listed, err := to.Hierarchy.Generalize(arr, to.Level)
		if err != nil || !listed[0] {
			return GroupKey{Null: true}
		}
		return GroupKey{Text: labels[0]}
	}, nil
}
