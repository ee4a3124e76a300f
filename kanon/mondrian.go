package kanon

import (
	"cmp"
	"context"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/fault"
)

// Mondrian multidimensional recoding (LeFevre, DeWitt and Ramakrishnan,
// Mondrian Multidimensional k-Anonymity, 2006). It begins with all rows as one
// region and splits regions as long as every part satisfies the models.
//
// A column with a hierarchy is split along it: a region in "Europe" into parts
// for its countries. Countries whose people are too few stay together as the
// rest of "Europe"; if the rest is too small itself, the smallest of the others
// join it until it is not. A number or date without a hierarchy is split at the
// weighted median, and labelled by the range, "35..41"; the outermost ranges
// are open, "..34", so that they do not tell the extremes.
//
// Of the columns that can be split the one is taken that lowers the loss most.
// When nothing can be split any more, a region takes in every column the lowest
// label that all its rows share. Rows are never suppressed.
//
// A region of n classes costs a pass over its classes per column; regions are
// some log n deep.
type mondrian struct {
	base    *FrequencySet
	judge   *judge
	weights []float64
	columns []regionColumn
	simple  bool // sizes are plain sums, and the only test
	leaves  [][]int32
	place   []int32 // label to part + 1, reused from region to region
}

// A regionColumn is how one column is split.
type regionColumn struct {
	ranges bool      // at the median, not along the hierarchy
	up     [][]int32 // up[level]: raw label to its label at the level
}

// A regionPart is a part of a region that a split makes, while it is weighed.
type regionPart struct {
	label   int32
	members []int32
	people  int64
}

// recodeMondrian returns the assignment, nil if not even all rows together
// satisfy the models.
// ranges says which columns are split at medians.
func recodeMondrian(ctx context.Context, base *FrequencySet, models []PrivacyModel, cost Cost, ranges []bool) (*SearchResult, *assignment, error) {
	m, err := newMondrian(base, models, ranges)
	if err != nil {
		return nil, nil, err
	}
	bound, err := cost.Bind(base)
	if err != nil {
		return nil, nil, err
	}
	loss, isLoss := bound.(*boundLoss)
	if isLoss {
		m.weights = loss.weights
	}
	r := &SearchResult{Kind: "mondrian"}
	if base.Len() > 0 {
		if !m.satisfied(all(base.Len())) {
			return nil, nil, nil
		}
		if err := m.split(ctx); err != nil {
			return nil, nil, err
		}
	}
	a := newAssignment(base)
	kept := make([]int64, len(m.columns))
	for _, members := range m.leaves {
		m.release(a, members, kept)
	}
	r.Classes = int64(a.classes())
	if isLoss {
		losses := make([]float64, len(m.columns))
		for c := range losses {
			losses[c] = loss.weighted(c, kept[c], 0, 0)
		}
		r.Score = loss.aggregate.score(losses)
	}
	return r, a, nil
}

// newMondrian prepares the test and the labels of regions.
func newMondrian(base *FrequencySet, models []PrivacyModel, ranges []bool) (*mondrian, error) {
	if err := checkMondrian(models); err != nil {
		return nil, err
	}
	j, err := newJudge(base, models, 0)
	if err != nil {
		return nil, err
	}
	m := &mondrian{base: base, judge: j, simple: len(base.pairs) == 0 && base.pop == nil && len(j.growing)+len(j.others) == 0}
	for c := range base.QuasiIdentifiers {
		col := regionColumn{ranges: ranges[c]}
		for level := range base.QuasiIdentifiers[c].Table.Levels {
			col.up = append(col.up, base.shape.labels(c, 0, level))
		}
		m.columns, m.weights = append(m.columns, col), append(m.weights, 1)
	}
	return m, nil
}

// checkMondrian refuses models that are not about single classes.
func checkMondrian(models []PrivacyModel) error {
	for _, m := range models {
		if _, ok := m.(TableModel); ok {
			return fault.Planf("%s is about all classes together; choose search: optimal or anytime", m)
		}
		if n, ok := m.(NeedsPopulation); ok && n.Population() == ResearchSubset {
			return fault.Planf("%s refuses classes that can't be suppressed; choose search: optimal or anytime", m)
		}
	}
	return nil
}

// split splits regions until none can be.
func (m *mondrian) split(ctx context.Context) error {
	open := [][]int32{all(m.base.Len())}
	for len(open) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		region := open[len(open)-1]
		open = open[:len(open)-1]
		if parts := m.best(region); parts != nil {
			open = append(open, parts...)
		} else {
			m.leaves = append(m.leaves, region)
		}
	}
	return nil
}

// best returns the parts of the split that lowers the loss most, nil if the
// region can't be split.
func (m *mondrian) best(region []int32) [][]int32 {
	if m.people(region) < 2*m.judge.minSize {
		return nil // two parts can't both be large enough
	}
	type choice struct {
		column int
		gain   float64
		parts  []regionPart
	}
	var choices []choice
	for c := range m.columns {
		var parts []regionPart
		var gain float64
		if m.columns[c].ranges {
			parts, gain = m.cut(region, c)
		} else {
			parts, gain = m.descend(region, c)
		}
		if gain *= m.weights[c]; len(parts) > 1 && gain > 0 {
			choices = append(choices, choice{c, gain, parts})
		}
	}
	// The gains suppose that every part may stand alone; they are tested in
	// the order of what they promise.
	slices.SortStableFunc(choices, func(a, b choice) int { return cmp.Compare(b.gain, a.gain) })
	for _, ch := range choices {
		if parts := m.join(ch.parts, m.columns[ch.column].ranges); len(parts) > 1 {
			return parts
		}
	}
	return nil
}

// join gathers the parts that fail into one, and adds the smallest others to
// it until it is satisfied. Parts of a range are two neighbours, which can't
// stand in for one another.
func (m *mondrian) join(parts []regionPart, ranges bool) [][]int32 {
	var good []regionPart
	var rest []int32
	for _, p := range parts {
		if m.satisfied(p.members) {
			good = append(good, p)
		} else if ranges {
			return nil
		} else {
			rest = append(rest, p.members...)
		}
	}
	slices.SortStableFunc(good, func(a, b regionPart) int { return cmp.Compare(a.people, b.people) })
	for len(rest) > 0 && len(good) > 0 {
		slices.Sort(rest)
		if m.satisfied(rest) {
			break
		}
		rest, good = append(rest, good[0].members...), good[1:]
	}
	if len(good) == 0 {
		return nil
	}
	var out [][]int32
	if len(rest) > 0 {
		slices.Sort(rest)
		out = append(out, rest)
	}
	for _, p := range good {
		out = append(out, p.members)
	}
	return out
}

// people is the sum of the people of some classes: exact where nobody is in
// two, else too many.
func (m *mondrian) people(members []int32) int64 {
	n := int64(0)
	for _, i := range members {
		n += m.base.size[i]
	}
	return n
}

// satisfied reports whether some classes together satisfy every model.
func (m *mondrian) satisfied(members []int32) bool {
	if m.people(members) < m.judge.minSize {
		return false
	}
	if m.simple {
		return true
	}
	set := m.base.subset(members)
	v := m.judge.judge(set.Generalize(latticeOf(m.base.QuasiIdentifiers, nil).Top))
	return len(v.suppressed) == 0 && !v.refused
}

// common returns the lowest level at which all classes of a region share their
// label.
func (m *mondrian) common(region []int32, c int) int {
	up := m.columns[c].up
	first := m.base.Label(int(region[0]), c)
	level := 0
	for _, i := range region[1:] {
		label := m.base.Label(int(i), c)
		for level < len(up)-1 && up[level][label] != up[level][first] {
			level++
		}
	}
	return level
}

// descend splits a region into the labels one level below the one all share.
func (m *mondrian) descend(region []int32, c int) ([]regionPart, float64) {
	level := m.common(region, c)
	if level == 0 {
		return nil, 0
	}
	table := &m.base.QuasiIdentifiers[c].Table
	up := m.columns[c].up[level-1]
	m.place = grow(m.place, len(table.Levels[level-1].Labels))
	clear(m.place)
	above := table.Levels[level].Leaves[m.columns[c].up[level][m.base.Label(int(region[0]), c)]]
	var parts []regionPart
	gain := 0.0
	for _, i := range region {
		label := up[m.base.Label(int(i), c)]
		if m.place[label] == 0 {
			parts = append(parts, regionPart{label: label})
			m.place[label] = int32(len(parts))
		}
		p := &parts[m.place[label]-1]
		p.members = append(p.members, i)
		p.people += m.base.size[i]
	}
	for _, p := range parts {
		if p.people >= m.judge.minSize {
			rows := int64(0)
			for _, i := range p.members {
				rows += m.base.rows[i]
			}
			gain += float64(rows) * float64(above-table.Levels[level-1].Leaves[p.label]) / float64(table.DomainSize)
		}
	}
	slices.SortFunc(parts, func(a, b regionPart) int { return cmp.Compare(a.label, b.label) })
	return parts, gain
}

// cut splits a region at the value at which half of its rows are reached.
func (m *mondrian) cut(region []int32, c int) ([]regionPart, float64) {
	order := slices.Clone(region)
	slices.SortStableFunc(order, func(a, b int32) int {
		return cmp.Compare(m.base.Label(int(a), c), m.base.Label(int(b), c))
	})
	at := func(i int) int32 { return m.base.Label(int(order[i]), c) }
	lo, hi := at(0), at(len(order)-1)
	if lo == hi {
		return nil, 0
	}
	var total, sum int64
	for _, i := range order {
		total += m.base.rows[i]
	}
	middle := 1
	for sum = m.base.rows[order[0]]; middle < len(order)-1 && (2*sum < total || at(middle) == at(middle-1)); middle++ {
		sum += m.base.rows[order[middle]]
	}
	for middle > 0 && at(middle) == at(middle-1) { // the upper half is one value
		middle--
		sum -= m.base.rows[order[middle]]
	}
	left, right := regionPart{members: order[:middle:middle]}, regionPart{members: order[middle:]}
	left.people, right.people = m.people(left.members), m.people(right.members)
	gain := float64(sum)*float64(hi-at(middle-1)) + float64(total-sum)*float64(at(middle)-lo)
	for _, p := range [][]int32{left.members, right.members} {
		slices.Sort(p)
	}
	return []regionPart{left, right}, gain / float64(m.base.QuasiIdentifiers[c].Table.DomainSize)
}

// release labels a region and adds its rows times leaves to kept.
func (m *mondrian) release(a *assignment, region []int32, kept []int64) {
	rows := int64(0)
	for _, i := range region {
		rows += m.base.rows[i]
	}
	labels := make([]int32, len(m.columns))
	for c := range m.columns {
		text, null, leaves := m.label(region, c)
		if m.columns[c].ranges {
			a.levelRows[c] = nil
		} else {
			a.levelRows[c][m.common(region, c)] += rows
		}
		labels[c] = -1
		if !null {
			labels[c] = a.label(c, text)
		}
		kept[c] += rows * leaves
	}
	k := a.released(labelKey(labels), labels)
	for _, i := range region {
		a.class[i] = k
	}
}

// label returns what a region says in a column.
func (m *mondrian) label(region []int32, c int) (text string, null bool, leaves int64) {
	table := &m.base.QuasiIdentifiers[c].Table
	if level := m.common(region, c); !m.columns[c].ranges || level == 0 {
		label := m.columns[c].up[level][m.base.Label(int(region[0]), c)]
		lv := &table.Levels[level]
		return lv.Labels[label], label == lv.Null, lv.Leaves[label]
	}
	lo, hi := m.base.Label(int(region[0]), c), m.base.Label(int(region[0]), c)
	for _, i := range region {
		lo, hi = min(lo, m.base.Label(int(i), c)), max(hi, m.base.Label(int(i), c))
	}
	last := int32(len(table.Levels[0].Labels)) - 1
	if table.Levels[0].Null == last {
		last--
	}
	top := table.Levels[len(table.Levels)-1]
	if hi > last || lo == 0 && hi == last { // null among values, or everything
		return top.Labels[0], false, top.Leaves[0]
	}
	if lo > 0 {
		text = table.Levels[0].Labels[lo]
	}
	text += ".."
	if hi < last {
		text += table.Levels[0].Labels[hi]
	}
	return text, false, int64(hi - lo + 1)
}

// ranged reports whether values of a type lie on a line.
func ranged(dt arrow.DataType) bool {
	switch code.ValueType(dt).ID() {
	case arrow.INT8, arrow.INT16, arrow.INT32, arrow.INT64, arrow.UINT8, arrow.UINT16, arrow.UINT32, arrow.UINT64,
		arrow.FLOAT16, arrow.FLOAT32, arrow.FLOAT64, arrow.DATE32, arrow.DATE64, arrow.TIMESTAMP, arrow.TIME32, arrow.TIME64,
		arrow.DURATION, arrow.DECIMAL128, arrow.DECIMAL256:
		return true
	}
	return false
}
