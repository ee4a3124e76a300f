package kanon

import (
	"container/heap"
	"context"
	"math"
	"slices"
	"time"
)

// A box is the part of the lattice between two nodes. Lattices too large for
// arrays with an entry per node are searched as boxes, which are cut where
// something is learnt.
//
// If a node n of the box rules out the box's lowest node (so many rows must be
// suppressed there that no cost as low as the best is left), it rules out all
// between the two, since bounds do not decrease upwards. What remains is cut
// into disjoint boxes, one per column c: above n in column c, nowhere above n
// in the columns before it. Take levels 0-3 in two columns and n = (1,2):
//
//	lo (0,0), hi (3,3)   →   lo (2,0), hi (3,3)   and   lo (0,3), hi (1,3)
type box struct {
	lo, hi Node
	lost   int64 // rows known to be suppressed at every node of the box
	bound  Score // no node of the box costs less
	chain  []Node
	from   int // the highest node that rules out lo is below chain[to] and, if any, at or above chain[from-1]
	to     int
}

// boxHeap holds the open boxes, the least bound first; among equals the one
// with the lower node first.
type boxHeap []*box

func (h boxHeap) Len() int { return len(h) }
func (h boxHeap) Less(i, j int) bool {
	if o := h[i].bound.Compare(h[j].bound); o != 0 {
		return o < 0
	}
	return slices.Compare(h[i].lo, h[j].lo) < 0
}
func (h boxHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *boxHeap) Push(x any)   { *h = append(*h, x.(*box)) }
func (h *boxHeap) Pop() any {
	last := len(*h) - 1
	b := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return b
}

// boxSearch is a branch and bound over boxes.
type boxSearch struct {
	*search
	open boxHeap
	seen map[string]int64 // checked nodes to the rows that fail for a persisting reason
}

// runBoxes searches a lattice of any size. It first descends greedily from the
// top, for a good recoding early, and then cuts boxes, those of the least bound
// first, until none can beat the best or the deadline has passed.
func (s *search) runBoxes(ctx context.Context) error {
	b := &boxSearch{search: s, seen: map[string]int64{}}
	s.elems = len(s.cost.LowerBound(s.lattice.Bottom))
	s.sets.add(s.base, int64(s.base.Len()))
	b.push(s.lattice.Bottom, s.lattice.Top, 0)
	if err := b.descend(ctx); err != nil {
		return err
	}
	var working []*box
	var improved *candidate // the best whose neighbours were looked at
	for {
		if b.best != improved {
			if err := b.improve(ctx); err != nil {
				return err
			}
			improved = b.best
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if b.late() {
			b.stop(append(working, b.open...))
			return nil
		}
		batch := make([]*check, 0, batchSize)
		live := working[:0]
		step := func(x *box) {
			if n, ok := b.step(x); ok {
				live, batch = append(live, x), b.wants(batch, n)
			} else {
				b.cut(x)
			}
		}
		for _, x := range working {
			step(x)
		}
		for len(live) < batchSize && len(b.open) > 0 {
			x := heap.Pop(&b.open).(*box)
			if b.best.hopeless(x.bound, func() Node { return x.lo }) {
				continue
			}
			step(x)
		}
		working = live
		if len(batch) == 0 {
			if len(b.open) == 0 {
				return nil
			}
			continue
		}
		if err := b.look(ctx, batch); err != nil {
			return err
		}
	}
}

func (b *boxSearch) late() bool { return !b.deadline.IsZero() && time.Now().After(b.deadline) }

func nodeKey(n Node) string {
	k := make([]byte, 0, 2*len(n))
	for _, l := range n {
		k = append(k, byte(l), byte(l>>8))
	}
	return string(k)
}

// wants adds a node to a batch, once.
func (b *boxSearch) wants(batch []*check, n Node) []*check {
	for _, c := range batch {
		if slices.Equal(c.node, n) {
			return batch
		}
	}
	return append(batch, &check{node: n, from: b.sets.nearest(n)})
}

// look checks the nodes of a batch and takes in what is found.
func (b *boxSearch) look(ctx context.Context, batch []*check) error {
	if err := b.checkAll(ctx, batch); err != nil {
		return err
	}
	for _, c := range batch {
		b.checks++
		b.seen[nodeKey(c.node)] = c.verdict.growing
		b.consider(c)
	}
	if b.progress != nil {
		b.progress(b.checks, b.lattice.Len())
	}
	return nil
}

// push adds a box unless it can't hold the result.
func (b *boxSearch) push(lo, hi Node, lost int64) {
	x := &box{lo: lo, hi: hi, lost: lost, bound: b.boundAt(lo, lost)}
	if lost > b.judge.limit || b.best.hopeless(x.bound, func() Node { return lo }) {
		return
	}
	heap.Push(&b.open, x)
}

// boundAt returns a lower bound of the score of a node where some rows are
// known to be suppressed, and of all above it. Only a SuppressingCost promises
// bounds that do not decrease upwards; of others nothing is known.
func (b *boxSearch) boundAt(n Node, rows int64) Score {
	if b.suppressing != nil {
		return b.suppressing.LowerBoundSuppressing(n, rows)
	}
	unknown := make(Score, b.elems)
	for i := range unknown {
		unknown[i] = math.Inf(-1)
	}
	return unknown
}

// excludes reports whether so many suppressed rows rule out a box's lowest
// node.
func (b *boxSearch) excludes(x *box, rows int64) bool {
	return rows > b.judge.limit || b.best.hopeless(b.boundAt(x.lo, rows), func() Node { return x.lo })
}

// step returns the next node to check of a box's chain, false when the chain
// is settled.
func (b *boxSearch) step(x *box) (Node, bool) {
	if x.chain == nil {
		x.chain = b.climb(x)
		x.to = len(x.chain)
	}
	for x.from < x.to {
		mid := (x.from + x.to) / 2
		rows, ok := b.seen[nodeKey(x.chain[mid])]
		if !ok {
			return x.chain[mid], true
		}
		if b.excludes(x, rows) {
			x.from = mid + 1
		} else {
			x.to = mid
		}
	}
	return nil, false
}

// climb makes a path from the lowest node of a box to its highest, raising the
// column that costs least at each step.
func (b *boxSearch) climb(x *box) []Node {
	at := slices.Clone(x.lo)
	path := []Node{slices.Clone(at)}
	for {
		next := -1
		var least Score
		for c := range at {
			if at[c] == x.hi[c] {
				continue
			}
			at[c]++
			bound := b.cost.LowerBound(at)
			at[c]--
			if next < 0 || bound.Compare(least) < 0 {
				next, least = c, bound
			}
		}
		if next < 0 {
			return path
		}
		at[next]++
		path = append(path, slices.Clone(at))
	}
}

// cut replaces a box whose chain is settled by what is left of it.
func (b *boxSearch) cut(x *box) {
	// chain[from-1] is the highest node known to rule out lo. With none, lo
	// itself has been checked, and only lo is out.
	n := x.lo
	if x.from > 0 {
		n = x.chain[x.from-1]
	}
	order := make([]int, 0, len(n)) // the column that costs most first: it makes the largest box
	cost := make([]Score, len(n))
	for c := range n {
		if n[c] < x.hi[c] {
			up := slices.Clone(x.lo)
			up[c] = n[c] + 1
			order, cost[c] = append(order, c), b.boundAt(up, x.lost)
		}
	}
	slices.SortStableFunc(order, func(a, c int) int { return cost[c].Compare(cost[a]) })
	hi := slices.Clone(x.hi)
	for _, c := range order {
		lo := slices.Clone(x.lo)
		lo[c] = n[c] + 1
		b.push(lo, slices.Clone(hi), x.lost)
		hi[c] = n[c]
	}
}

// descend walks from the top to lower nodes as long as the score falls.
func (b *boxSearch) descend(ctx context.Context) error {
	at := slices.Clone(b.lattice.Top)
	if err := b.look(ctx, b.wants(nil, slices.Clone(at))); err != nil {
		return err
	}
	for !b.late() {
		var batch []*check
		for c := range at {
			if at[c] > b.lattice.Bottom[c] {
				n := slices.Clone(at)
				n[c]--
				if _, ok := b.seen[nodeKey(n)]; !ok {
					batch = b.wants(batch, n)
				}
			}
		}
		before := b.best
		if len(batch) > 0 {
			if err := b.look(ctx, batch); err != nil {
				return err
			}
		}
		if b.best == nil || b.best == before || slices.Equal(b.best.node, at) {
			return nil
		}
		at = slices.Clone(b.best.node)
	}
	return nil
}

// improve moves from the best node to better neighbours as long as there are
// any: one column a level up or down, or both, one each.
func (b *boxSearch) improve(ctx context.Context) error {
	for best := (*candidate)(nil); b.best != nil && b.best != best && !b.late(); {
		best = b.best
		var near []Node
		for down := -1; down < len(best.node); down++ {
			for up := -1; up < len(best.node); up++ {
				n := slices.Clone(best.node)
				if down >= 0 {
					n[down]--
				}
				if up >= 0 {
					n[up]++
				}
				if up != down && b.lattice.Bottom.LessEq(n) && n.LessEq(b.lattice.Top) {
					near = append(near, n)
				}
			}
		}
		slices.SortStableFunc(near, func(x, y Node) int { return b.cost.LowerBound(x).Compare(b.cost.LowerBound(y)) })
		for len(near) > 0 && b.best == best && !b.late() {
			var batch []*check
			for len(near) > 0 && len(batch) < batchSize {
				n := near[0]
				near = near[1:]
				if _, ok := b.seen[nodeKey(n)]; !ok && !best.hopeless(b.cost.LowerBound(n), func() Node { return n }) {
					batch = b.wants(batch, n)
				}
			}
			if len(batch) > 0 {
				if err := b.look(ctx, batch); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// stop works out the lower bound of everything that a deadline leaves open.
func (b *boxSearch) stop(open []*box) {
	for _, x := range open {
		if b.best.hopeless(x.bound, func() Node { return x.lo }) {
			continue
		}
		b.cutShort = true
		if b.suppressing != nil && (b.lower == nil || x.bound.Compare(b.lower) < 0) {
			b.lower = x.bound
		}
	}
}
