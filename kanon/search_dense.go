package kanon

import (
	"context"
	"math"
	"slices"
	"time"
)

// search is one run of Search.
type search struct {
	base        *FrequencySet
	judge       *judge
	cost        BoundCost
	suppressing SuppressingCost // nil if the cost is none
	monotone    MonotoneCost    // nil if the cost is none
	lattice     Lattice
	workers     int
	progress    func(done, total int64)
	deadline    time.Time
	boxes       bool // search by boxes whatever the size, for tests

	stride []int // of each column in a node's index
	size   []int // levels of each column
	state  []nodeState
	bounds []float64 // by node, times elements: the last lower bound computed
	elems  int       // elements of a score
	lost   []int64   // by node: rows known to be suppressed there
	within []bool    // by node: the rows that fail for a persisting reason are known to keep the limit
	above  []float64 // by node: lower bound from monotone costs below it, nil without
	heap   []int32   // open nodes, least bound first
	best   *candidate
	checks int64
	sets   setCache
	// cutShort says that a deadline left nodes open that may win, lower how
	// little they may cost, if that is known.
	cutShort bool
	lower    Score
}

type nodeState uint8

const (
	open    nodeState = iota
	checked           // its classes were looked at
)

// run searches until no open node can beat the best.
func (s *search) run(ctx context.Context) error {
	if s.lattice.Len() > maxLattice || s.boxes {
		return s.runBoxes(ctx)
	}
	s.init()
	var chains []*chain
	batch := make([]*check, 0, batchSize)
	if !s.deadline.IsZero() {
		// However short the time, there is an answer if the top is one.
		top := s.add(nil, int32(len(s.state)-1))
		if err := s.checkAll(ctx, top); err != nil {
			return err
		}
		s.learn(top[0])
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !s.deadline.IsZero() && time.Now().After(s.deadline) {
			s.stop(chains)
			return nil
		}
		batch = batch[:0]
		live := chains[:0]
		for _, c := range chains {
			if n, ok := s.step(c); ok {
				live = append(live, c)
				batch = s.add(batch, n)
			}
		}
		chains = live
		for len(chains) < batchSize {
			c := s.pop()
			if c == nil {
				break
			}
			if n, ok := s.step(c); ok {
				chains = append(chains, c)
				batch = s.add(batch, n)
			}
		}
		if len(batch) == 0 {
			return nil
		}
		if err := s.checkAll(ctx, batch); err != nil {
			return err
		}
		for _, c := range batch {
			s.learn(c)
		}
		if s.progress != nil {
			s.progress(s.checks, s.lattice.Len())
		}
	}
}

// batchSize is how many nodes are checked before any of them is learnt from.
// It is a constant, so that the course of a search, and the number of nodes
// checked, do not depend on the number of workers.
const batchSize = 8

func (s *search) init() {
	n := 1
	s.stride, s.size = make([]int, len(s.lattice.Top)), make([]int, len(s.lattice.Top))
	for c := len(s.lattice.Top) - 1; c >= 0; c-- {
		s.size[c] = s.lattice.Top[c] - s.lattice.Bottom[c] + 1
		s.stride[c] = n
		n *= s.size[c]
	}
	s.state = make([]nodeState, n)
	s.lost = make([]int64, n)
	s.within = make([]bool, n)
	if s.monotone != nil {
		s.above = make([]float64, n)
		for i := range s.above {
			s.above[i] = math.Inf(-1)
		}
	}
	s.elems = len(s.cost.LowerBound(s.lattice.Bottom))
	s.bounds = make([]float64, 0, n*s.elems)
	s.heap = make([]int32, n)
	node := slices.Clone(s.lattice.Bottom)
	for i := range n {
		s.bounds = append(s.bounds, s.cost.LowerBound(node)...)
		s.heap[i] = int32(i)
		for c := len(node) - 1; c >= 0; c-- {
			if node[c]++; node[c] <= s.lattice.Top[c] {
				break
			}
			node[c] = s.lattice.Bottom[c]
		}
	}
	for i := n/2 - 1; i >= 0; i-- {
		s.down(i)
	}
	s.sets.add(s.base, int64(s.base.Len()))
}

func (s *search) node(i int32) Node {
	n := make(Node, len(s.size))
	for c := range n {
		n[c] = s.lattice.Bottom[c] + int(i)/s.stride[c]%s.size[c]
	}
	return n
}

func (s *search) level(i int32, c int) int { return int(i) / s.stride[c] % s.size[c] }

func (s *search) bound(i int32) Score { return s.bounds[int(i)*s.elems : (int(i)+1)*s.elems] }

// boundGiven returns a lower bound of the score of a node where some rows are
// known to be suppressed.
func (s *search) boundGiven(i int32, rows int64) Score {
	var b Score
	if s.suppressing != nil {
		b = s.suppressing.LowerBoundSuppressing(s.node(i), rows)
	} else {
		b = slices.Clone(s.bound(i))
	}
	if s.above != nil && s.above[i] > b[0] {
		b = Score{s.above[i]}
	}
	return b
}

// ruledOut reports whether a node at which so many rows are suppressed can't
// be the result.
func (s *search) ruledOut(i int32, rows int64) bool {
	if rows > s.judge.limit {
		return true
	}
	return s.best.hopeless(s.boundGiven(i, rows), func() Node { return s.node(i) })
}

// A chain is a path through the lattice, from an open node upwards, on which
// a binary search looks for the highest node that rules the first one out.
//
// If a node on the chain has so many rows suppressed that the first node is
// ruled out, so is everything from the first node to that one, and all below
// it with a bound as high. If it has not, the search goes on below, down to
// the first node itself. Checks high up are cheap (few classes) and rule out
// much; those low down are dear and rule out little.
type chain struct {
	nodes  []int32
	lo, hi int // the answer lies in nodes[lo:hi]
}

// pop returns a chain from the open node of least bound, nil if no open node
// can beat the best.
func (s *search) pop() *chain {
	for len(s.heap) > 0 {
		i := s.heap[0]
		if s.state[i] != open || s.lost[i] > s.judge.limit {
			s.drop()
			continue
		}
		if s.best.hopeless(s.bound(i), func() Node { return s.node(i) }) {
			if b := s.bound(i); b[0] > s.best.score[0]+slack*(1+math.Abs(s.best.score[0])) {
				s.heap = s.heap[:0] // all others are bounded higher still
				break
			}
			s.drop()
			continue
		}
		if b := s.boundGiven(i, s.lost[i]); b.Compare(s.bound(i)) > 0 {
			copy(s.bound(i), b)
			s.down(0)
			continue
		}
		s.drop()
		return s.chain(i)
	}
	return nil
}

// chain climbs from a node, each step raising the column that costs least, as
// far as nodes may still have too many rows to suppress: also beyond those
// that can win, for what is ruled out up there is ruled out down here.
func (s *search) chain(i int32) *chain {
	c := &chain{nodes: []int32{i}}
	for {
		next := int32(-1)
		for q := range s.size {
			up := i + int32(s.stride[q])
			if s.level(i, q)+1 >= s.size[q] || s.within[up] {
				continue
			}
			if next < 0 || s.bound(up).Compare(s.bound(next)) < 0 {
				next = up
			}
		}
		if next < 0 {
			break
		}
		c.nodes = append(c.nodes, next)
		i = next
	}
	c.hi = len(c.nodes)
	return c
}

// step returns the next node of a chain to check, false when the chain is
// settled.
func (s *search) step(c *chain) (int32, bool) {
	for c.lo < c.hi {
		mid := (c.lo + c.hi) / 2
		i := c.nodes[mid]
		if s.state[i] == open && !s.ruledOut(c.nodes[0], s.lost[i]) {
			return i, true
		}
		if s.ruledOut(c.nodes[0], s.lost[i]) {
			c.lo = mid + 1
		} else {
			c.hi = mid
		}
	}
	return 0, false
}

// A check is a node to be looked at and what was found.
type check struct {
	index   int32
	node    Node
	from    *FrequencySet
	set     *FrequencySet
	verdict verdict
	score   Score // nil if the node is not feasible
	above   Score // bound for the nodes above, nil without
}

func (s *search) add(batch []*check, i int32) []*check {
	for _, c := range batch {
		if c.index == i {
			return batch
		}
	}
	n := s.node(i)
	return append(batch, &check{index: i, node: n, from: s.sets.nearest(n)})
}

// checkAll rolls up and judges the nodes of a batch, several at a time.
func (s *search) checkAll(ctx context.Context, batch []*check) error {
	return each(ctx, s.workers, len(batch), func(i int) error {
		buf := scratchPool.Get().(*scratch)
		defer scratchPool.Put(buf)
		s.check(batch[i], buf)
		return nil
	})
}

func (s *search) check(c *check, buf *scratch) {
	c.set = c.from
	if !slices.Equal(c.node, c.from.Node) {
		c.set = c.from.rollUp(c.node, buf)
	}
	c.verdict = s.judge.judge(c.set)
	if s.monotone != nil && !c.verdict.refused {
		c.above = s.monotone.MonotoneLowerBound(c.node, c.set, c.verdict.suppressed)
	}
	if s.judge.feasible(c.set, &c.verdict) {
		c.score = s.cost.Score(c.node, c.set, c.verdict.suppressed)
	}
}

// learn takes in what a check found.
func (s *search) learn(c *check) {
	s.checks++
	s.state[c.index] = checked
	s.spread(c.index, c.verdict.growing)
	if c.verdict.growing <= s.judge.limit {
		s.spreadWithin(c.index)
	}
	if c.above != nil {
		s.spreadUp(c.index, c.above[0])
	}
	s.consider(c)
}

// consider keeps the best node, and the set to roll up from.
func (s *search) consider(c *check) {
	if c.score != nil {
		d := &candidate{node: c.node, height: c.node.Height(), score: c.score, rows: c.verdict.rows, set: c.set, suppressed: c.verdict.suppressed}
		if d.better(s.best) {
			s.best = d
		}
	}
	if c.set != c.from {
		s.sets.add(c.set, int64(s.base.Len()))
	}
}

// spread records at a node and all below it how many rows are suppressed
// there at least.
func (s *search) spread(i int32, rows int64) {
	if s.lost[i] >= rows {
		return
	}
	s.lost[i] = rows
	stack := []int32{i}
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for c := range s.size {
			if s.level(i, c) == 0 {
				continue
			}
			if below := i - int32(s.stride[c]); s.lost[below] < rows {
				s.lost[below] = rows
				stack = append(stack, below)
			}
		}
	}
}

// spreadWithin records at a node and all above it that the limit is kept as
// far as Growing models are concerned.
func (s *search) spreadWithin(i int32) {
	if s.within[i] {
		return
	}
	s.within[i] = true
	stack := []int32{i}
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for c := range s.size {
			if s.level(i, c)+1 == s.size[c] {
				continue
			}
			if up := i + int32(s.stride[c]); !s.within[up] {
				s.within[up] = true
				stack = append(stack, up)
			}
		}
	}
}

// spreadUp records at all nodes above one that their score is at least v.
func (s *search) spreadUp(i int32, v float64) {
	stack := []int32{i}
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for c := range s.size {
			if s.level(i, c)+1 == s.size[c] {
				continue
			}
			if up := i + int32(s.stride[c]); s.above[up] < v {
				s.above[up] = v
				stack = append(stack, up)
			}
		}
	}
}

// stop works out the lower bound of everything that a deadline leaves open.
func (s *search) stop(chains []*chain) {
	consider := func(i int32) {
		if s.state[i] != open || s.ruledOut(i, s.lost[i]) {
			return
		}
		s.cutShort = true
		if b := s.boundGiven(i, s.lost[i]); s.lower == nil || b.Compare(s.lower) < 0 {
			s.lower = b
		}
	}
	for _, c := range chains {
		consider(c.nodes[0])
	}
	for _, i := range s.heap {
		if s.lower == nil || s.bound(i).Compare(s.lower) < 0 {
			consider(i)
		}
	}
}

func (s *search) result() *SearchResult {
	r := &SearchResult{Kind: "optimal", LatticeNodes: s.lattice.Len(), CheckedNodes: s.checks, cutShort: s.cutShort}
	if !s.deadline.IsZero() {
		r.Kind = "anytime"
	}
	r.LowerBound = s.lower
	if s.best == nil {
		return r
	}
	r.Optimal = !s.cutShort
	if r.Optimal {
		r.LowerBound = s.best.score
	} else if s.lower.Compare(s.best.score) > 0 {
		r.LowerBound = s.best.score
	}
	r.Node, r.Score = s.best.node, s.best.score
	r.SuppressedRows, r.SuppressedClasses = s.best.rows, int64(len(s.best.suppressed))
	for _, n := range s.best.set.rows {
		if n > 0 {
			r.Classes++
		}
	}
	r.Classes -= r.SuppressedClasses
	r.set, r.suppressed = s.best.set, s.best.suppressed
	return r
}

// less orders the heap by bound, then by index: lower nodes first.
func (s *search) less(a, b int32) bool {
	if s.elems == 1 {
		x, y := s.bounds[a], s.bounds[b]
		return x < y || x == y && a < b
	}
	if o := s.bound(a).Compare(s.bound(b)); o != 0 {
		return o < 0
	}
	return a < b
}

// drop removes the first node of the heap.
func (s *search) drop() {
	last := len(s.heap) - 1
	s.heap[0] = s.heap[last]
	s.heap = s.heap[:last]
	s.down(0)
}

// down restores the heap below place i.
func (s *search) down(i int) {
	h := s.heap
	for {
		child := 2*i + 1
		if child >= len(h) {
			return
		}
		if child+1 < len(h) && s.less(h[child+1], h[child]) {
			child++
		}
		if !s.less(h[child], h[i]) {
			return
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}
