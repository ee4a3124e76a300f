package kanon

import "slices"

// setCache keeps frequency sets of finished nodes to roll up from, within a
// budget of classes; the least recently used leave first.
type setCache struct {
	memory  int64 // bytes of the sets; 0: the budget is that of the base alone
	sets    []*FrequencySet
	used    []int64
	clock   int64
	classes int64
}

func (c *setCache) add(f *FrequencySet, base int64) {
	budget := 1<<20 + 3*base
	if c.memory > 0 {
		budget = min(budget, c.memory/f.classBytes())
	}
	c.clock++
	c.sets, c.used = append(c.sets, f), append(c.used, c.clock)
	c.classes += int64(f.Len())
	for c.classes > budget && len(c.sets) > 2 {
		oldest := 1 // 0 is the base, which stays
		for i := 2; i < len(c.sets)-1; i++ {
			if c.used[i] < c.used[oldest] {
				oldest = i
			}
		}
		c.classes -= int64(c.sets[oldest].Len())
		c.sets, c.used = slices.Delete(c.sets, oldest, oldest+1), slices.Delete(c.used, oldest, oldest+1)
	}
}

// nearest returns the set with the fewest classes that is nowhere above n.
func (c *setCache) nearest(n Node) *FrequencySet {
	at := 0
	for i, f := range c.sets {
		if f.Len() < c.sets[at].Len() && f.Node.LessEq(n) {
			at = i
		}
	}
	c.clock++
	c.used[at] = c.clock
	return c.sets[at]
}

// classBytes is about the memory of a class of the set.
func (f *FrequencySet) classBytes() int64 {
	n := 8*len(f.words) + 24 // rows, settled and size
	if f.pop != nil {
		n += 8
	}
	for _, d := range f.dist {
		n += 8 + 12*len(d.values)/max(1, f.Len())
	}
	return int64(n + 8*len(f.pairs)/max(1, f.Len()))
}
