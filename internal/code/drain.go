package code

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// drain empties the radix and returns the distinct keys, sorted, with the number
// of times each came. Every bucket is first sorted within its own chunks, so
// that the result is made as large as it is; workers take bucket after bucket.
func (r *radix[K]) drain() tuples {
	runs := make([]run[K], buckets)
	mask := r.mask()
	sorters := make([]*sorter[K], r.drainers())
	r.eachBucket(len(sorters), func(w, b int) {
		if r.heads[b].c == nil {
			return
		}
		if sorters[w] == nil {
			sorters[w] = newSorter[K]()
			free := len(r.free) / len(sorters)
			sorters[w].free = r.free[w*free:][:free:free]
		}
		sorters[w].arrange(r, b, &runs[b], mask)
	})
	r.free, r.keys = nil, 0

	var starts [buckets + 1]int
	for b := range runs {
		starts[b+1] = starts[b] + runs[b].distinct
	}
	out := tuples{make([]uint64, starts[buckets]), make([]int64, starts[buckets])}
	shift := r.rest
	workers := len(sorters)
	clear(sorters)
	r.eachBucket(workers, func(_, b int) {
		if runs[b].n > 0 {
			runs[b].count(uint64(b)<<shift, out.keys[starts[b]:starts[b+1]], out.rows[starts[b]:starts[b+1]])
			runs[b] = run[K]{}
		}
	})
	return out
}

// drainers is the number of goroutines that a drain is worth.
func (r *radix[K]) drainers() int {
	if r.keys < 1<<16 {
		return 1
	}
	return runtime.GOMAXPROCS(0)
}

// eachBucket calls do for every bucket b on some goroutines w.
func (r *radix[K]) eachBucket(workers int, do func(w, b int)) {
	var next atomic.Int64
	work := func(w int) {
		for b := int(next.Add(1)) - 1; b < buckets; b = int(next.Add(1)) - 1 {
			do(w, b)
		}
	}
	var wait sync.WaitGroup
	for w := 1; w < workers; w++ {
		wait.Go(func() { work(w) })
	}
	work(0)
	wait.Wait()
}

// count sets keys to the distinct keys of a run, each with base added, and rows
// to how often each comes. The loop has no branch that depends on the keys,
// which no processor could foresee: it writes to one place until the key
// changes, and keeps where runs end.
func (u *run[K]) count(base uint64, keys []uint64, rows []int64) {
	rows = rows[:len(keys)]
	at, i := 0, int64(0)
	last := u.chunks[0][0]
	for j, c := range u.chunks {
		list := c[:min(chunkKeys, u.n-j*chunkKeys)]
		for _, k := range list {
			rows[at] = i
			step := 0
			if k != last {
				step = 1
			}
			at += step
			keys[at] = base + uint64(k)
			last = k
			i++
		}
	}
	rows[at] = i
	for j := at; j > 0; j-- {
		rows[j] -= rows[j-1]
	}
}

// repetition samples the buckets and returns how often a key comes on average,
// rounded down.
func (r *radix[K]) repetition() int {
	s := newSorter[K]()
	s.free, r.free = r.free, nil
	keys, distinct := 0, 0
	for i := 0; i < buckets && keys <= r.keys/32; i++ {
		b := i * 617 % buckets // odd, so that every bucket comes once
		if r.heads[b].c == nil {
			continue
		}
		var u run[K]
		s.arrange(r, b, &u, ^K(0)) // keys stay as they are
		keys, distinct = keys+u.n, distinct+u.distinct
		last := len(u.chunks) - 1
		r.full[b], r.heads[b] = u.chunks[:last], head[K]{u.chunks[last], uint32(u.n - last*chunkKeys)}
	}
	r.free = s.free
	return keys / max(1, distinct)
}
