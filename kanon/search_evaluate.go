package kanon

import (
	"cmp"
	"slices"

	"github.com/oboro-data/oboro/internal/fault"
)

// A judge decides which classes of a node fail, for all models together.
type judge struct {
	// minSize is the greatest least class size that any model implies. A class
	// below it fails, and as a smaller class still, everywhere below.
	minSize int64
	growing []func(*EquivalenceClass) bool // tests whose failure persists below
	others  []func(*EquivalenceClass) bool
	// merging of the others, the first, pass every merge of classes that pass:
	// a class that fails has a part that fails at every node below, of a row at
	// least.
	merging int
	tables  []TableModel
	limit   int64 // rows that may be suppressed
	// wildcard counts classes by the rule of NullIsWildcard.
	wildcard bool
}

// newJudge binds the models. Models that the search may not prune by, or not
// fully, are still exact: pruned is only what a Growing part rules out.
func newJudge(base *FrequencySet, models []PrivacyModel, limit int64) (*judge, error) {
	j := &judge{minSize: 1, limit: limit}
	for _, m := range models {
		test, err := m.Bind(base)
		if err != nil {
			return nil, err
		}
		if b, ok := m.(SizeBound); ok {
			j.minSize = max(j.minSize, b.MinClassSize())
		}
		if t, ok := m.(TableModel); ok {
			j.tables = append(j.tables, t)
			continue
		}
		if _, ok := m.(KAnonymity); ok {
			continue // the size bound says it all
		}
		mono, ok := m.(Monotone)
		switch {
		case ok && mono.Monotone() == Growing:
			j.growing = append(j.growing, test)
		case ok && mono.Monotone() == Merging && len(base.pairs) == 0: // nobody is in two classes
			j.others = slices.Insert(j.others, j.merging, test)
			j.merging++
		default:
			j.others = append(j.others, test)
		}
	}
	return j, nil
}

// A verdict is what a judge finds at a node.
type verdict struct {
	suppressed []int32 // indices of the failing classes, in order
	rows       int64   // their rows
	growing    int64   // rows that fail at every node below, at least
	refused    bool    // a class of no rows fails: no suppression can help
}

// feasible reports whether the node may be released: few enough rows are
// suppressed, and one row at least is left.
func (j *judge) feasible(set *FrequencySet, v *verdict) bool {
	return !v.refused && v.rows <= j.limit && (v.rows < set.Rows || set.Rows == 0)
}

// judge looks at every class of a set.
func (j *judge) judge(set *FrequencySet) verdict {
	var v verdict
	if j.wildcard {
		v.suppressed = set.wildcardFailing(j.minSize)
		for _, i := range v.suppressed {
			v.rows += set.rows[i]
		}
		v.growing = v.rows
		return v
	}
	if len(j.growing)+len(j.others)+len(j.tables) == 0 {
		for i, n := range set.size {
			if n < j.minSize && n > 0 {
				v.suppressed = append(v.suppressed, int32(i))
				v.rows += set.rows[i]
			}
		}
		v.growing = v.rows
		return v
	}
	var c EquivalenceClass
	pass := func(tests []func(*EquivalenceClass) bool) bool {
		for _, test := range tests {
			if !test(&c) {
				return false
			}
		}
		return true
	}
	for i, n := range set.size {
		bad := n < j.minSize && n > 0
		if !bad {
			set.Class(i, &c)
			bad = !pass(j.growing)
		}
		switch {
		case bad:
			v.growing += set.rows[i]
		case !pass(j.others[:j.merging]):
			bad = true
			v.growing++
		default:
			bad = !pass(j.others[j.merging:])
		}
		if bad && n == 0 {
			v.refused = true
			v.growing = j.limit + 1 // a part of this class fails at every node below
			return v
		}
		if bad {
			v.suppressed = append(v.suppressed, int32(i))
			v.rows += set.rows[i]
		}
	}
	for changed := len(j.tables) > 0; changed; {
		changed = false
		for _, m := range j.tables {
			changed = j.suppressSmallest(set, &v, m) || changed
		}
	}
	return v
}

// suppressSmallest suppresses as many of the smallest classes left as a model
// of the whole table asks for; of classes of one size, the first.
func (j *judge) suppressSmallest(set *FrequencySet, v *verdict, m TableModel) bool {
	var kept []int32
	next := 0
	for i, n := range set.size {
		if next < len(v.suppressed) && v.suppressed[next] == int32(i) {
			next++
		} else if n > 0 {
			kept = append(kept, int32(i))
		}
	}
	slices.SortStableFunc(kept, func(a, b int32) int { return cmp.Compare(set.size[a], set.size[b]) })
	sizes := make([]int64, len(kept))
	for i, c := range kept {
		sizes[i] = set.size[c]
	}
	n := m.Suppress(sizes)
	if n == 0 {
		return false
	}
	for _, c := range kept[:n] {
		v.suppressed = append(v.suppressed, c)
		v.rows += set.rows[c]
	}
	slices.Sort(v.suppressed)
	return true
}

// checkModels refuses a list of models that can't be searched for.
func checkModels(models []PrivacyModel) error {
	if len(models) == 0 {
		return fault.Planf("no privacy model: give at least one, such as k-anonymity")
	}
	for _, m := range models {
		if c, ok := m.(Checker); ok {
			if err := c.Check(); err != nil {
				return err
			}
		}
	}
	return nil
}
