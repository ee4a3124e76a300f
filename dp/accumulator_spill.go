package dp

import (
	"unsafe"

	"github.com/oboro-data/oboro/internal/spill"
)

// Where more rows come than Query.Memory allows for, there are two ways to make
// room. Condensing bounds a bucket and keeps a run: little, if units have many
// rows, and it may be nearly all. So a few buckets are tried first. If what they
// keep says that all would take more than half of the limit, records go to a
// temporary file instead, bucket by bucket, from then on. A bucket far larger
// than the others has a unit with very many rows, and is condensed anyhow.
//
// In the end a bucket is read back as a whole, or where it is large, piece by
// piece, each condensed with what is left of those before. All of this changes
// when a unit's rows are looked at, not what is kept of them.

// An extent is records of a bucket in a temporary file.
type extent struct {
	at    spill.Chunk
	names *numbering // as of a chunk
}

// maxRaw is the number of records after which an accumulator makes room even if
// memory allows for more: with those of another one merged into it, the records
// of one bucket can be numbered in 28 bits.
const maxRaw = 1 << 26

// maxPiece is the most bytes of records that are read back at a time, however
// much memory there is: as maxRaw, so that they can be numbered in 28 bits.
const maxPiece = 1 << 30

// probeBuckets is the number of buckets that are condensed before it is decided
// to go on.
const probeBuckets = 16

// heavyBucket is how many times as large as the average a bucket must be to be
// condensed rather than spilled.
const heavyBucket = 8

// relieve makes room if what is held exceeds the limit. The error is that of
// the temporary file, of kind fault.Input.
func (a *Accumulator) relieve() error {
	if a.held <= a.limit && a.raw <= maxRaw {
		return nil
	}
	if !a.spilling {
		done, err := a.condense(a.limit / 2)
		if err != nil || done {
			return err
		}
		a.spilling = true
	}
	return a.spill()
}

// condense bounds every bucket into one run and drops its records. It gives up,
// and says so, if a sample of buckets shows that the runs would take more than
// most bytes; 0 is without limit.
func (a *Accumulator) condense(most int64) (done bool, err error) {
	a.seal(false)
	b := newBounder(a.layout, a.groups, a.keys)
	defer a.recount()
	kept := int64(0)
	for i := range a.buckets {
		k := &a.buckets[i]
		if err := b.load(k, a.piece); err != nil {
			return false, err
		}
		a.reduce(b, k)
		for _, r := range k.runs {
			kept += r.bytes()
		}
		if most > 0 && i+1 == probeBuckets && kept > most/int64(len(a.buckets)/probeBuckets) {
			return false, nil
		}
	}
	a.foreign = nil // runs have the accumulator's own numbers
	return true, nil
}

// reduce bounds what a bucket holds in memory into one run, and keeps the
// memory of its chunks for later ones.
func (a *Accumulator) reduce(b *bounder, k *bucket) {
	chunks := k.chunks
	b.reduce(k)
	a.recycle(chunks)
}

// recycle keeps the memory of chunks for later ones.
func (a *Accumulator) recycle(chunks []chunk) {
	size := chunkRecords * a.layout.words
	for _, c := range chunks {
		if cap(c.words) == size && !c.loaded {
			a.free = append(a.free, c.words[:size])
		}
	}
}

// recount finds how much is held, and gives up free chunks beyond the limit.
func (a *Accumulator) recount() {
	a.held, a.raw = 0, 0
	for i := range a.buckets {
		k := &a.buckets[i]
		for _, c := range k.chunks {
			a.held += int64(8 * cap(c.words))
			a.raw += int64(len(c.words) / a.layout.words)
		}
		for _, r := range k.runs {
			a.held += r.bytes()
		}
	}
	chunk := int64(8 * chunkRecords * a.layout.words)
	if room := int(max(0, a.limit-a.held) / chunk); len(a.free) > room {
		clear(a.free[room:])
		a.free = a.free[:room]
	}
}

// spill writes the records of all buckets to the temporary file.
func (a *Accumulator) spill() error {
	if len(a.files) == 0 {
		a.files = []*spill.File{spill.New(a.plan.query.Temp)}
	}
	defer a.recount()
	a.seal(false)
	b := newBounder(a.layout, a.groups, a.keys)
	heavy := max(int(a.raw)/len(a.buckets)*heavyBucket, chunkRecords)
	var buf []uint64
	for i := range a.buckets {
		k := &a.buckets[i]
		if k.records(a.layout.words) > heavy && !a.layout.byRow() {
			a.reduce(b, k)
			continue
		}
		for from := 0; from < len(k.chunks); {
			names := k.chunks[from].names
			buf = buf[:0]
			for from < len(k.chunks) && k.chunks[from].names == names {
				buf = append(buf, k.chunks[from].words...)
				from++
			}
			at, err := a.files[0].Append(wordBytes(buf))
			if err != nil {
				return err
			}
			k.extents = append(k.extents, extent{at, names})
		}
		a.recycle(k.chunks)
		k.chunks = nil
	}
	return nil
}

// wordBytes is the same memory seen as bytes.
func wordBytes(words []uint64) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), 8*len(words))
}

// load reads back what was spilled of a bucket. Where that makes more than piece
// bytes of records, they are condensed into a run first, and then the next ones.
// What was read is valid until the next call.
func (b *bounder) load(k *bucket, piece int64) error {
	size := 0
	for _, e := range k.extents {
		size += int(e.at.Size()) / 8
	}
	for len(k.extents) > 0 {
		b.loaded = extendTo(b.loaded, min(size, max(int(piece/8), int(k.extents[0].at.Size()/8))))
		to := b.loaded
		for len(k.extents) > 0 {
			e := k.extents[0]
			n := int(e.at.Size() / 8)
			if n > len(to) {
				break
			}
			if err := e.at.Read(wordBytes(to[:n])); err != nil {
				return err
			}
			k.chunks = append(k.chunks, chunk{words: to[:n:n], names: e.names, unbounded: true, loaded: true})
			to = to[n:]
			size -= n
			k.extents = k.extents[1:]
		}
		if len(k.extents) > 0 {
			b.reduce(k)
		}
	}
	k.extents = nil
	return nil
}

// reduce bounds what a bucket holds in memory into one run.
func (b *bounder) reduce(k *bucket) {
	out := b.layout.newRun()
	partial := b.partial
	b.partial = true
	b.bound(k, out, 0, nil)
	b.partial = partial
	k.chunks, k.runs = nil, nil
	if out.len() > 0 {
		k.runs = []*run{out}
	}
}

// closeFiles gives up the temporary files.
func (a *Accumulator) closeFiles() {
	for _, f := range a.files {
		f.Close() // what it held was read
	}
	a.files = nil
}
