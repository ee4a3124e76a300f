package kanon

import (
	"cmp"
	"context"
	"slices"

	"github.com/oboro-data/oboro/internal/fault"
)

// maxLattice is the number of nodes for which arrays with an entry per node
// are made.
const maxLattice = 1 << 22

// recodeLocally generalises different rows to different levels. It visits the
// nodes of the lattice from the cheapest up, by the data-free lower bound of
// their cost; at each, the classes that satisfy the models among the rows that
// are left leave with the labels of that node. Every row so gets the cheapest
// node at which its class could leave.
//
// This is the repeated recoding of the suppressed rest that ARX offers
// (ARXResult.optimizeIterative), taken to its end: a round releases the best
// node's classes only, and a round costs one roll-up of the rows left.
//
// Models that speak of the whole table keep the distributions of the whole
// table. If more rows are left than may be suppressed, the last rounds are
// undone, and the rows so returned leave together at the best node for them.
//
// A model sees each released class; models of the sizes of all classes
// together (TableModel) are refused.
func recodeLocally(ctx context.Context, base *FrequencySet, models []PrivacyModel, cost Cost, o SearchOptions) (*SearchResult, *assignment, error) {
	for _, m := range models {
		if _, ok := m.(TableModel); ok {
			return nil, nil, fault.Planf("%s is about all classes together; choose recode: global", m)
		}
	}
	bound, err := cost.Bind(base)
	if err != nil {
		return nil, nil, err
	}
	j, err := newJudge(base, models, base.Rows)
	if err != nil {
		return nil, nil, err
	}
	l := &localRecoding{base: base, judge: j, cost: bound, options: o, rest: all(base.Len()), set: base}
	if l.lattice = latticeOf(base.QuasiIdentifiers, o.Levels); l.lattice.Len() > maxLattice {
		return nil, nil, fault.Planf("recode: local visits every node, and the hierarchies have more than %d combinations of levels; fix the levels of some columns", maxLattice)
	}
	if err := l.visit(ctx); err != nil {
		return nil, nil, err
	}
	if err := l.finish(ctx); err != nil || l.rounds == nil {
		return nil, nil, err
	}
	a := newAssignment(base)
	r := &SearchResult{Kind: "greedy", LatticeNodes: l.lattice.Len(), CheckedNodes: l.checks, SuppressedRows: l.set.Rows, SuppressedClasses: int64(l.set.Len())}
	sets := make([]*FrequencySet, len(l.rounds))
	for i, round := range l.rounds {
		buf := scratchPool.Get().(*scratch)
		set, classOf := base.subset(round.members).rollUpClasses(round.node, buf)
		scratchPool.Put(buf)
		a.add(set, nil, round.members, classOf)
		sets[i] = set
	}
	r.Classes = int64(a.classes())
	if b, ok := bound.(*boundLoss); ok {
		r.Score = b.mixed(sets, l.set)
	}
	return r, a, nil
}

// localRecoding is one run of recodeLocally.
type localRecoding struct {
	base    *FrequencySet
	judge   *judge
	cost    BoundCost
	options SearchOptions
	lattice Lattice
	rest    []int32       // bottom classes left
	set     *FrequencySet // made of rest, at the bottom
	rounds  []localRound
	checks  int64
}

// A localRound is the bottom classes that left with the labels of one node.
type localRound struct {
	node    Node
	members []int32
}

// visit walks the lattice.
func (l *localRecoding) visit(ctx context.Context) error {
	order := l.order()
	dead := make([]bool, len(order))
	growing := len(l.judge.others) == 0
	for at := 0; at < len(order) && len(l.rest) > 0; {
		// A batch looks at several nodes with the same rows left. The first
		// that releases something makes the others out of date.
		var batch []*localCheck
		for ; at < len(order) && len(batch) < batchSize; at++ {
			if !dead[order[at].index] {
				batch = append(batch, &localCheck{at: at, node: order[at].node})
			}
		}
		err := each(ctx, parallel(l.options.Workers), len(batch), func(i int) error {
			buf := scratchPool.Get().(*scratch)
			defer scratchPool.Put(buf)
			batch[i].set = l.set.rollUp(batch[i].node, buf)
			batch[i].verdict = l.judge.judge(batch[i].set)
			return nil
		})
		if err != nil {
			return err
		}
		stale := false
		for _, c := range batch {
			if stale && !(growing && len(c.verdict.suppressed) == c.set.Len()) {
				at = c.at // look again
				break
			}
			l.checks++
			if c.verdict.growing == c.set.Rows {
				l.spreadDead(dead, order[c.at].index)
			}
			if !c.verdict.refused && len(c.verdict.suppressed) < c.set.Len() {
				l.release(c)
				stale = true
			}
		}
		if l.options.Progress != nil {
			l.options.Progress(int64(at), l.lattice.Len())
		}
	}
	return nil
}

type localCheck struct {
	at      int
	node    Node
	set     *FrequencySet
	verdict verdict
}

// release lets the classes of a node that satisfy the models leave.
func (l *localRecoding) release(c *localCheck) {
	buf := scratchPool.Get().(*scratch)
	_, classOf := l.set.rollUpClasses(c.node, buf)
	scratchPool.Put(buf)
	stays := make([]bool, c.set.Len())
	for _, i := range c.verdict.suppressed {
		stays[i] = true
	}
	var rest, inSet, gone []int32
	for i, m := range l.rest {
		if stays[classOf[i]] {
			rest, inSet = append(rest, m), append(inSet, int32(i))
		} else {
			gone = append(gone, m)
		}
	}
	l.rounds = append(l.rounds, localRound{c.node, gone})
	l.rest, l.set = rest, l.set.subset(inSet)
}

// A visited node and its place in an array of the lattice.
type latticeNode struct {
	node  Node
	index int
	bound Score
}

// order lists the nodes from the cheapest up; among equals the lower first.
func (l *localRecoding) order() []latticeNode {
	out := make([]latticeNode, 0, l.lattice.Len())
	node := slices.Clone(l.lattice.Bottom)
	for {
		out = append(out, latticeNode{slices.Clone(node), len(out), l.cost.LowerBound(node)})
		c := len(node) - 1
		for ; c >= 0; c-- {
			if node[c]++; node[c] <= l.lattice.Top[c] {
				break
			}
			node[c] = l.lattice.Bottom[c]
		}
		if c < 0 {
			break
		}
	}
	slices.SortFunc(out, func(a, b latticeNode) int {
		if o := a.bound.Compare(b.bound); o != 0 {
			return o
		}
		if o := cmp.Compare(a.node.Height(), b.node.Height()); o != 0 {
			return o
		}
		return cmp.Compare(a.index, b.index)
	})
	return out
}

// spreadDead marks a node at which every row fails for a reason that persists
// below, and all nodes below it.
func (l *localRecoding) spreadDead(dead []bool, index int) {
	if dead[index] {
		return
	}
	dead[index] = true
	stack := []int{index}
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		stride := 1
		for c := len(l.lattice.Top) - 1; c >= 0; c-- {
			size := l.lattice.Top[c] - l.lattice.Bottom[c] + 1
			if below := i - stride; i/stride%size > 0 && !dead[below] {
				dead[below] = true
				stack = append(stack, below)
			}
			stride *= size
		}
	}
}

// finish keeps the suppression limit. Where too many rows are left it undoes
// the last rounds until some node is feasible for all the rows so returned; if
// it comes to undo all, nothing is feasible and no round remains.
func (l *localRecoding) finish(ctx context.Context) error {
	for l.set.Rows > l.options.SuppressionLimit {
		if len(l.rounds) > 0 {
			last := l.rounds[len(l.rounds)-1]
			l.rounds = l.rounds[:len(l.rounds)-1]
			l.rest = slices.Sorted(slices.Values(append(l.rest, last.members...)))
			l.set = l.base.subset(l.rest)
		}
		l.judge.limit = l.options.SuppressionLimit
		o := l.options
		o.Progress = nil
		r, err := searchJudged(ctx, l.set, l.judge, l.cost, o)
		if err != nil {
			return err
		}
		l.checks += r.CheckedNodes
		if r.Node == nil {
			if len(l.rounds) == 0 {
				l.rounds = nil
				return nil
			}
			continue
		}
		l.release(&localCheck{node: r.Node, set: r.set, verdict: verdict{suppressed: r.suppressed}})
		return nil
	}
	return nil
}

// mixed is the loss of a local recoding: kept rows have the shares of their
// own round, those left are suppressed at the bottom.
func (b *boundLoss) mixed(rounds []*FrequencySet, left *FrequencySet) Score {
	losses := make([]float64, len(b.columns))
	for c := range losses {
		sum := func(f *FrequencySet) (sum int64) {
			leaves := b.columns[c].levels[f.Node[c]].leaves
			for i, n := range f.rows {
				sum += n * leaves[f.Label(i, c)]
			}
			return sum
		}
		kept := int64(0)
		for _, r := range rounds {
			kept += sum(r)
		}
		losses[c] = b.weighted(c, kept, left.Rows, sum(left))
	}
	return b.aggregate.score(losses)
}
