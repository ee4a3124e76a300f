package kanon

import (
	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/internal/spill"
)

// A countLimit is what the counters of one read may use. Distinct combinations
// are counted in memory, and beyond a third of the limit in runs in a temporary
// file. What can't leave memory (dictionaries, and at last the combinations, which
// the search looks at again and again) is refused when it exceeds the limit.
type countLimit struct {
	file   *spill.File
	worker int64 // bytes of the counter of a worker
	whole  int64 // bytes of counters merged
	tally  code.Limit
}

// leastMemory is what combinations and dictionaries may take under any limit.
const leastMemory = 16 << 20

// countLimit returns the limit of a read that counts a number of columns; nil
// if there is none. Its file is to be closed after the read.
func (p *plan) countLimit(columns int) *countLimit {
	memory := p.spec.Memory
	if memory <= 0 {
		return nil
	}
	l := &countLimit{file: spill.New(p.spec.Temp)}
	workers := int64(parallel(p.spec.Workers))
	l.worker, l.whole = max(memory/4*3/workers, leastMemory), max(memory/4*3, leastMemory)
	// A combination has a key and a number of rows, 16 bytes, here and in the
	// search, which makes coarser sets of it and sorts them: 64 bytes. Codes of
	// its columns are unpacked where people are counted: 4 bytes each.
	l.tally = code.Limit{
		File: l.file, Bytes: max(memory/3/workers, 1),
		Tuples: max(memory, leastMemory) / int64(64+4*columns),
	}
	return l
}

func (l *countLimit) close() {
	if l != nil {
		l.file.Close()
	}
}

// keepTo makes a counter keep to a limit; nil is none.
func (c *Counter) keepTo(l *countLimit) {
	if c.limit = l; l != nil {
		c.tally.Limit(l.tally)
	}
}

// checkLimit reports what the counter can't put away.
func (c *Counter) checkLimit(most int64) error {
	if err := c.tally.Err(); err != nil {
		return err
	}
	if c.Memory() > most {
		return fault.Dataf("the distinct values and combinations of the columns that are counted take more than the memory limit allows; allow more memory, declare fewer quasi-identifiers, or coarsen columns beforehand")
	}
	return nil
}
