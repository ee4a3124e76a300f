package hierarchy

import (
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/fault"
)

// Options say how Apply treats one column.
type Options struct {
	Column string // named in errors
	// Null is the index of null among the values, -1 if there is none.
	Null int
	// Rows returns the number of rows of each value. It is called only for the
	// error on values that the hierarchy does not list, which tells them; it
	// may be nil.
	Rows func() []int64
	// UnlistedToTop gives values that the hierarchy does not list the label
	// "*" from level 1 up. Otherwise they are an error of kind Data.
	UnlistedToTop bool
	// DomainSize is the loss domain; 0 takes the hierarchy's number of lines,
	// plus one if null is present, or for a computed hierarchy the number of
	// distinct values present.
	DomainSize int64
}

// Apply applies a hierarchy to the distinct values of a column. A nil
// hierarchy is the raw value, then "*".
//
// "*" is appended as the last level unless the hierarchy lists its values and
// all of them have one label at its last level already (and unlisted values,
// which need "*", are not let in). Null has a label of its own below the last
// level and joins the one label there. Labels are the canonical texts of the
// values at level 0.
//
// Leaves count, for a hierarchy that lists its values, the lines that
// generalise to a label, else the values present; null is one leaf; the label
// of the last level and the "*" of unlisted values have DomainSize leaves.
//
// A hierarchy that gets finer on these values is an error of kind Plan, an
// unlisted value one of kind Data with the number of rows.
func Apply(h Hierarchy, values arrow.Array, o Options) (*Table, error) {
	if h == nil {
		h = raw{}
	}
	if err := h.CheckType(values.DataType()); err != nil {
		return nil, fmt.Errorf("column %q: %w", o.Column, err)
	}
	t := &Table{Levels: []Level{rawLevel(values, o.Null)}, DomainSize: o.DomainSize}
	if t.DomainSize <= 0 {
		t.DomainSize = int64(values.Len())
		if n := h.Lines(); n > 0 {
			t.DomainSize = int64(n)
			if o.Null >= 0 {
				t.DomainSize++
			}
		}
	}
	b := builder{h: h, values: values, o: o, domain: t.DomainSize, unlisted: make([]bool, values.Len())}
	names := h.Levels()
	labels := make([][]string, len(names))
	for i := range names {
		got, ok, err := h.Generalize(values, i+1)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", o.Column, err)
		}
		for v, listed := range ok {
			b.unlisted[v] = b.unlisted[v] || !listed && v != o.Null
		}
		labels[i] = got
	}
	if err := b.checkListed(); err != nil {
		return nil, err
	}
	l, isListed := h.(listed)
	appendTop := !isListed || !l.single() || o.UnlistedToTop
	for i, name := range names {
		level := b.level(name, i+1, labels[i], i+1 == len(names) && !appendTop)
		if err := coarsens(&t.Levels[i], &level, o.Column, i+1); err != nil {
			return nil, err
		}
		t.Levels = append(t.Levels, level)
	}
	if appendTop {
		t.Levels = append(t.Levels, Level{
			Name: Top, Codes: make([]int32, values.Len()), Labels: []string{Top}, Null: -1, Leaves: []int64{t.DomainSize},
		})
	}
	return t, nil
}

// listed is implemented by the hierarchies that list their values.
type listed interface {
	// single reports whether all values have one label at the last level.
	single() bool
	// leaves returns the lines that generalise to each label of a level.
	leaves(level int) map[string]int64
}

// raw is the hierarchy without levels.
type raw struct{}

func (raw) Levels() []string                  { return nil }
func (raw) Lines() int                        { return 0 }
func (raw) CheckType(dt arrow.DataType) error { return code.CheckType(dt) }
func (raw) Generalize(v arrow.Array, level int) ([]string, []bool, error) {
	return nil, nil, fault.Planf("the hierarchy has no level %d", level)
}

// rawLevel returns level 0: every value its own label.
func rawLevel(values arrow.Array, null int) Level {
	n := values.Len()
	l := Level{Name: "raw", Codes: make([]int32, n), Labels: make([]string, n), Null: int32(null), Leaves: make([]int64, n)}
	for i := range n {
		l.Codes[i] = int32(i)
		l.Labels[i] = code.Text(values, i)
		l.Leaves[i] = 1
	}
	return l
}

type builder struct {
	h        Hierarchy
	values   arrow.Array
	o        Options
	domain   int64
	unlisted []bool
}

// checkListed refuses values that are not listed, unless they go to the top.
func (b *builder) checkListed() error {
	if b.o.UnlistedToTop {
		return nil
	}
	count := 0
	for _, missing := range b.unlisted {
		if missing {
			count++
		}
	}
	if count == 0 {
		return nil
	}
	where := ""
	if b.o.Rows != nil {
		rows := int64(0)
		for v, n := range b.o.Rows() {
			if b.unlisted[v] {
				rows += n
			}
		}
		where = fmt.Sprintf(", which %d rows have", rows)
	}
	return fault.Dataf("column %q: the hierarchy does not list %d of the values%s; list them, or set unlisted: top", b.o.Column, count, where)
}

// level numbers the labels of a level in the order of the values. last marks
// the last level, where all values have one label and null joins it.
func (b *builder) level(name string, number int, labels []string, last bool) Level {
	l := Level{Name: name, Codes: make([]int32, len(labels)), Null: -1}
	index := map[string]int32{}
	for v, label := range labels {
		if v == b.o.Null && !last {
			l.Null = int32(len(l.Labels))
			l.Codes[v] = l.Null
			l.Labels = append(l.Labels, "")
			l.Leaves = append(l.Leaves, 1)
			continue
		}
		if v == b.o.Null {
			continue // joins below
		}
		if b.unlisted[v] {
			label = Top
		}
		i, ok := index[label]
		if !ok {
			i = int32(len(l.Labels))
			index[label] = i
			l.Labels = append(l.Labels, label)
			l.Leaves = append(l.Leaves, 0)
		}
		l.Codes[v] = i
		l.Leaves[i]++
	}
	if last {
		if len(l.Labels) == 0 { // no value but null is present
			for label := range b.h.(listed).leaves(number) {
				l.Labels = append(l.Labels, label)
			}
		}
		l.Leaves = []int64{b.domain}
		return l
	}
	if h, ok := b.h.(listed); ok {
		lines := h.leaves(number)
		for label, i := range index {
			l.Leaves[i] = lines[label]
		}
	}
	for i := range l.Leaves {
		l.Leaves[i] = min(l.Leaves[i], b.domain)
	}
	if i, ok := index[Top]; ok && slices.Contains(b.unlisted, true) {
		l.Leaves[i] = b.domain
	}
	return l
}

// coarsens checks that labels equal at the lower level are equal at the upper.
func coarsens(lower, upper *Level, column string, number int) error {
	up := make([]int32, len(lower.Labels))
	for i := range up {
		up[i] = -1
	}
	for v, l := range lower.Codes {
		switch u := upper.Codes[v]; up[l] {
		case -1:
			up[l] = u
		case u:
		default:
			return fault.Planf("column %q: level %d of the hierarchy is finer than level %d; levels must coarsen", column, number, number-1)
		}
	}
	return nil
}
