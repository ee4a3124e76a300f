package kanon

import (
	"sync"

	"github.com/oboro-data/oboro/internal/code"
)

// dictionaries are what the workers of one read have in common: the first to
// put its dictionaries into order lends them to the others. Their codes then
// agree, but for values that the first had not seen, and so do their keys, which
// are joined without being looked at. Nothing but time depends on it.
type dictionaries struct {
	mu       sync.Mutex
	encoders []*code.Encoder // not changed once there
}

// order gives the values of encoders codes in their order, or those that they
// have in common, and sets remap to the new code of each old one.
func (d *dictionaries) order(encoders []*code.Encoder, columns []CountedColumn, remap [][]uint32) {
	if d == nil { // a counter by itself
		for i, e := range encoders {
			remap[i] = e.Renumber(columns[i].Order)
		}
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.encoders == nil {
		d.encoders = make([]*code.Encoder, len(encoders))
		for i, e := range encoders {
			remap[i] = e.Renumber(columns[i].Order)
			d.encoders[i] = e.Clone()
		}
		return
	}
	for i, e := range encoders {
		encoders[i] = d.encoders[i].Clone()
		remap[i] = encoders[i].Merge(e)
	}
}

// newCounters returns a function that makes counters over the same columns for
// the workers of one read, which keep to a limit.
func newCounters(columns []CountedColumn, unit *CountedColumn, limit *countLimit) func() (*Counter, error) {
	common := &dictionaries{}
	return func() (*Counter, error) {
		c, err := NewCounter(columns, unit)
		if err == nil {
			c.common = common
			c.keepTo(limit)
		}
		return c, err
	}
}
