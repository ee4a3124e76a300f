package main

import (
	"math/rand/v2"

	"github.com/google/differential-privacy/go/v3/dpagg"
)

// What one would write without a library that bounds: Go maps, and Google's
// library for the noise.

// A contribution is what a unit adds to a group that it keeps.
type contribution[K comparable] struct {
	key       K
	rows, sum int64
}

// limits are the bounds of a unit's contributions.
type limits struct {
	groups    int   // of a unit
	rows, sum int64 // in one of them, at most
}

// unitAndGroup is the key of the first map.
type unitAndGroup[K comparable] struct {
	unit int64
	key  K
}

// A bounder collects rows by unit and group, in Go maps.
type bounder[K comparable] struct {
	limits
	pairs map[unitAndGroup[K]]contribution[K]
}

func newBounder[K comparable](l limits) *bounder[K] {
	return &bounder[K]{l, map[unitAndGroup[K]]contribution[K]{}}
}

func (b *bounder[K]) add(unit int64, key K, value int64) {
	at := unitAndGroup[K]{unit, key}
	c := b.pairs[at]
	b.pairs[at] = contribution[K]{key, c.rows + 1, c.sum + value}
}

// kept returns the contributions of every unit to at most so many of its
// groups, chosen at random.
func (b *bounder[K]) kept() []contribution[K] {
	units := map[int64][]contribution[K]{}
	for at, c := range b.pairs {
		c.rows, c.sum = min(c.rows, b.rows), min(c.sum, b.sum)
		units[at.unit] = append(units[at.unit], c)
	}
	var out []contribution[K]
	for _, groups := range units {
		if len(groups) > b.groups {
			rand.Shuffle(len(groups), func(i, j int) { groups[i], groups[j] = groups[j], groups[i] })
			groups = groups[:b.groups]
		}
		out = append(out, groups...)
	}
	return out
}

// totals adds contributions up by group.
func totals[K comparable](kept []contribution[K]) map[K][3]int64 {
	out := map[K][3]int64{}
	for _, c := range kept {
		t := out[c.key]
		out[c.key] = [3]int64{t[0] + 1, t[1] + c.rows, t[2] + c.sum}
	}
	return out
}

// ofBounded is Google's library without what has to be done before it.
const ofBounded = "Google's library, of bounded contributions"

// A google holds the aggregations of one group by Google's library.
type google struct {
	selection *dpagg.PreAggSelectPartition
	people    *dpagg.Count
	sums      []*dpagg.BoundedSumInt64 // of rows, and of values
}

// newGoogle splits ε = 1 and δ = 1e-8 evenly. A library caller has to count
// rows as a sum, since a Count takes one contribution of a unit.
func newGoogle(l limits) (g google, err error) {
	uppers := make([]int64, 0, 2)
	if l.rows > 1 {
		uppers = append(uppers, l.rows)
	}
	if l.sum > 0 {
		uppers = append(uppers, l.sum)
	}
	share := 1 / float64(2+len(uppers))
	g.selection, err = dpagg.NewPreAggSelectPartition(&dpagg.PreAggSelectPartitionOptions{Epsilon: share, Delta: 1e-8, MaxPartitionsContributed: int64(l.groups)})
	if err != nil {
		return g, err
	}
	g.people, err = dpagg.NewCount(&dpagg.CountOptions{Epsilon: share, MaxPartitionsContributed: int64(l.groups)})
	for _, upper := range uppers {
		if err != nil {
			return g, err
		}
		var s *dpagg.BoundedSumInt64
		s, err = dpagg.NewBoundedSumInt64(&dpagg.BoundedSumInt64Options{Epsilon: share, MaxPartitionsContributed: int64(l.groups), Upper: upper})
		g.sums = append(g.sums, s)
	}
	return g, err
}

func (g google) add(values ...int64) error {
	if err := g.selection.Increment(); err != nil {
		return err
	}
	if err := g.people.Increment(); err != nil {
		return err
	}
	for i, s := range g.sums {
		if err := s.Add(values[i]); err != nil {
			return err
		}
	}
	return nil
}

// release returns the noised numbers of a group, nil if it is not released.
func (g google) release() ([]int64, error) {
	if keep, err := g.selection.ShouldKeepPartition(); err != nil || !keep {
		return nil, err
	}
	n, err := g.people.Result()
	out := []int64{n}
	for _, s := range g.sums {
		if err != nil {
			return nil, err
		}
		n, err = s.Result()
		out = append(out, n)
	}
	return out, err
}

// releaseByGoogle releases bounded contributions.
func releaseByGoogle[K comparable](kept []contribution[K], l limits) (map[K][]int64, error) {
	groups := map[K]google{}
	for _, c := range kept {
		g, ok := groups[c.key]
		if !ok {
			var err error
			if g, err = newGoogle(l); err != nil {
				return nil, err
			}
			groups[c.key] = g
		}
		values := []int64{c.rows, c.sum}
		if l.rows <= 1 {
			values = values[1:]
		}
		if err := g.add(values...); err != nil {
			return nil, err
		}
	}
	out := map[K][]int64{}
	for k, g := range groups {
		r, err := g.release()
		if err != nil {
			return nil, err
		}
		if r != nil {
			out[k] = r
		}
	}
	return out, nil
}
