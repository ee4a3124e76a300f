package code

import (
	"slices"
	"unsafe"

	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/internal/spill"
)

// A Limit says how much memory a tally may take and where the rest goes. Many
// tallies may share one.
type Limit struct {
	// Bytes is what a tally may hold before segments go to the file, about.
	Bytes int64
	// Tuples is the number of distinct tuples that Tuples may return; they are
	// in memory, 16 bytes each and as many again while they are joined.
	Tuples int64
	File   *spill.File
}

// Limit makes the tally keep to a limit. It is called before the first Add.
func (t *Tally) Limit(l Limit) {
	t.limit = &l
	// Keys that are counted become segments of 16 bytes a tuple, beside them.
	t.maxKeys = int(max(1, min(int64(t.maxKeys), l.Bytes/40)))
	t.minCompact = int(max(1, min(int64(t.minCompact), l.Bytes/40)))
}

// Err returns the first error of the tally's file, of kind Input, or that there
// are more tuples than the limit allows, of kind Data. What the tally counted is
// then not complete.
func (t *Tally) Err() error {
	if t.err == nil && t.interned != nil {
		return t.interned.rest.Err()
	}
	return t.err
}

var errTuples = fault.Dataf("the distinct combinations of the columns that are counted take more than the memory limit allows; allow more memory, declare fewer quasi-identifiers, or coarsen columns beforehand")

// crowded reports whether the keys and tuples held should make room.
func (t *Tally) crowded() bool { return t.limit != nil && t.Memory() > t.limit.Bytes }

// A stored segment lies in a file: its keys, then its rows.
type stored struct {
	segment // without tuples
	n       int
	at      spill.Chunk
}

// store writes the segments to the file if they take more than half of what
// the tally may hold.
func (t *Tally) store() {
	if t.limit == nil || t.err != nil {
		return
	}
	entries := 0
	for _, s := range t.segments {
		entries += len(s.keys)
	}
	if int64(16*entries) <= t.limit.Bytes/2 {
		return
	}
	for _, s := range t.segments {
		n := len(s.keys)
		words := slices.Concat(s.keys, unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(s.rows))), n))
		at, err := t.limit.File.Append(wordBytes(words))
		if err != nil {
			t.err = err
			break
		}
		s.tuples = tuples{}
		t.stored = append(t.stored, stored{s, n, at})
	}
	t.segments, t.compacted = nil, 0
}

// wordBytes is the same memory seen as bytes.
func wordBytes(words []uint64) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), 8*len(words))
}

// load reads a segment back; without one after an error.
func (t *Tally) load(s *stored) (segment, bool) {
	words := make([]uint64, 2*s.n)
	if err := s.at.Read(wordBytes(words)); err != nil {
		t.err = err
		return segment{}, false
	}
	out := s.segment
	out.keys, out.rows = words[:s.n:s.n], unsafe.Slice((*int64)(unsafe.Pointer(unsafe.SliceData(words[s.n:]))), s.n)
	return out, true
}

// joinStored joins all segments in the file with the tuples of those in memory:
// some at a time, as many as the tally may hold.
func (t *Tally) joinStored(all tuples, remap [][]uint32, to layout) tuples {
	for i := 0; i < len(t.stored) && t.err == nil; {
		var some []segment
		for n := int64(0); i < len(t.stored) && (len(some) == 0 || 16*(n+int64(t.stored[i].n)) <= t.limit.Bytes/2); i++ {
			s, ok := t.load(&t.stored[i])
			if !ok {
				return tuples{}
			}
			some = append(some, s)
			n += int64(t.stored[i].n)
		}
		if all = mergeTuples(combine(some, remap, to, false), all); int64(len(all.keys)) > t.limit.Tuples {
			t.err = errTuples
		}
	}
	return all
}
