package kanon

// subset returns the frequency set of some classes of f, at the same node, as
// if the rows of all others had been taken out of the table. A person with
// rows in classes of both kinds counts for those that stay. members are class
// indices in increasing order.
func (f *FrequencySet) subset(members []int32) *FrequencySet {
	g := f.at(f.Node)
	pick := func(of []int64) []int64 {
		out := make([]int64, len(members))
		for i, m := range members {
			out[i] = of[m]
		}
		return out
	}
	for _, w := range f.words {
		keys := make([]uint64, len(members))
		for i, m := range members {
			keys[i] = w[m]
		}
		g.words = append(g.words, keys)
	}
	g.rows = pick(f.rows)
	g.settled = g.rows
	if !f.sameRowsAndPeople() {
		g.settled = pick(f.settled)
	}
	if f.pop != nil {
		g.pop = pick(f.pop)
	}
	// Marginals and masses are those of the subset.
	g.shape = &shape{columns: f.shape.columns, wordBits: f.shape.wordBits, up: f.shape.maps()}
	g.Rows, g.People = 0, 0
	for i := range g.rows {
		g.Rows += g.rows[i]
		g.People += g.settled[i]
	}
	to := make([]int32, f.Len())
	for i := range to {
		to[i] = -1
	}
	for i, m := range members {
		to[m] = int32(i)
	}
	var pairs []personClass
	for _, p := range f.pairs {
		if to[p.class] >= 0 {
			if len(pairs) == 0 || pairs[len(pairs)-1].person != p.person {
				g.People++
			}
			pairs = append(pairs, personClass{p.person, uint32(to[p.class])})
		}
	}
	g.settle(pairs)
	for c := range f.dist {
		g.dist = append(g.dist, f.dist[c].subset(members, to))
	}
	return g
}

// subset keeps the distributions of some classes; to maps old classes to new
// ones, -1 for those that go.
func (d *distributions) subset(members, to []int32) distributions {
	leaf := distributions{domain: d.domain, offsets: make([]int, 1, len(members)+1)}
	order, starts, classOf := make([]uint32, len(members)), make([]uint32, len(members)+1), make([]uint32, len(members))
	for i, m := range members {
		lo, hi := d.offsets[m], d.offsets[m+1]
		leaf.values = append(leaf.values, d.values[lo:hi]...)
		leaf.settled = append(leaf.settled, d.settled[lo:hi]...)
		leaf.offsets = append(leaf.offsets, len(leaf.values))
		order[i], classOf[i], starts[i+1] = uint32(i), uint32(i), uint32(i+1)
	}
	for _, p := range d.pairs {
		if to[p.class] >= 0 {
			leaf.pairs = append(leaf.pairs, personValue{p.person, uint32(to[p.class]), p.value})
		}
	}
	// Rolling every class up into itself settles the people that are left with
	// one class and value.
	return leaf.rollUp(order, starts, classOf)
}
