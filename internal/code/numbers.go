package code

import (
	"math"
	"math/bits"
	"slices"
	"unsafe"
)

// numbers is the dictionary of a column whose values fit 64 bits. Its keys are
// the values mapped so that unsigned order is the order of the type:
//
//	unsigned          the value
//	signed            the value with the sign bit flipped: -1 → 0x7fff…, 0 → 0x8000…
//	floats            as float64; negative: all bits flipped, else the sign bit flipped; -0 as 0, one NaN, greatest
//	booleans          0, 1
//
// Values close together (ages, dates, small codes) are looked up in a window
// of consecutive keys by plain offset; the rest by hashing.
type numbers struct {
	keys []uint64 // code to key
	// linear is how many keys from keys[0] on have the codes 0, 1, 2 …, if the
	// column was all of this kind when it was renumbered; else 0.
	linear uint64

	base   uint64   // first key of the window
	window []uint32 // key-base to code+1, 0 where not seen

	slots []numberSlot // open addressing with linear probing; the length is a power of two
	used  int
}

type numberSlot struct {
	key  uint64
	code uint32 // code+1, 0 where empty
}

// maxWindow bounds the window that few keys may make: 2¹⁷ keys take 512 KiB,
// half of a usual level 2 cache. Many keys make a larger one (widen). A key that the window could not be stretched to once lies outside for
// ever, as the window only grows; so every key is in one of the two places.
const maxWindow = 1 << 17

const minWindow = 256

// find returns the code of a key, a new one if it was not seen.
func (t *numbers) find(key uint64) uint32 {
	if off := key - t.base; off < uint64(len(t.window)) {
		if c := t.window[off]; c != 0 {
			return c - 1
		}
		t.window[off] = t.next(key)
		return t.window[off] - 1
	}
	if t.stretch(key) {
		off := key - t.base
		t.window[off] = t.next(key)
		return t.window[off] - 1
	}
	return t.findSlot(key)
}

// next assigns the next code to a key and returns the code plus one.
func (t *numbers) next(key uint64) uint32 {
	t.keys = append(t.keys, key)
	return uint32(len(t.keys))
}

// stretch makes the window cover a key outside it, if that is possible.
func (t *numbers) stretch(key uint64) bool {
	if t.window == nil {
		t.base = key - min(key, minWindow/2)
		t.base = min(t.base, math.MaxUint64-minWindow+1)
		t.window = make([]uint32, minWindow)
		return true
	}
	last := t.base + uint64(len(t.window)-1)
	first, end := min(t.base, key), max(last, key)
	if end-first >= maxWindow {
		return false
	}
	// Grow to twice the need towards the key, within the bounds.
	size := min(maxWindow, 2*(end-first+1))
	if key < t.base {
		first = end - min(end, size-1)
	} else {
		end = first + min(math.MaxUint64-first, size-1)
	}
	grown := make([]uint32, end-first+1)
	copy(grown[t.base-first:], t.window)
	t.base, t.window = first, grown
	return true
}

func (t *numbers) findSlot(key uint64) uint32 {
	if crowded(t.used, len(t.slots)) {
		t.grow()
		if t.slots == nil {
			return t.find(key) // the window may have it now
		}
	}
	mask := uint64(len(t.slots) - 1)
	for i := hash64(key) & mask; ; i = (i + 1) & mask {
		s := &t.slots[i]
		if s.key == key && s.code != 0 {
			return s.code - 1
		}
		if s.code == 0 {
			s.key, s.code = key, t.next(key)
			t.used++
			return s.code - 1
		}
	}
}

// crowded reports whether a hash table must grow: at half full, or at three
// quarters where memory counts for more than a second probe.
func crowded(used, slots int) bool {
	if slots >= 1<<16 {
		return used*4 >= slots*3
	}
	return used*2 >= slots
}

// widen replaces window and slots by one window over all keys, where that takes
// no more memory than the slots would: eight places of 4 bytes for a key
// against two of 16. A million customer numbers between 1 and a million are
// looked up in 4 MiB then, not in 32.
func (t *numbers) widen() bool {
	if t.used < max(minWiden, len(t.keys)/8) { // the work stays in proportion to the keys
		return false
	}
	first, last := t.base, t.base+uint64(len(t.window)-1)
	for _, s := range t.slots {
		if s.code != 0 {
			first, last = min(first, s.key), max(last, s.key)
		}
	}
	if (last-first)/8 >= uint64(len(t.keys)) {
		return false
	}
	last += min((last-first)/4, math.MaxUint64-last) // room above, where numbers grow
	wide := make([]uint32, last-first+1)
	copy(wide[t.base-first:], t.window)
	for _, s := range t.slots {
		if s.code != 0 {
			wide[s.key-first] = s.code
		}
	}
	t.base, t.window = first, wide
	t.slots, t.used = nil, 0
	return true
}

// minWiden is the number of keys outside the window from which it is worth a
// look whether all are close together: slots of fewer keys fit a cache.
const minWiden = 1 << 14

func (t *numbers) grow() {
	if t.widen() {
		return
	}
	old := t.slots
	t.slots = make([]numberSlot, max(64, 2*len(old)))
	mask := uint64(len(t.slots) - 1)
	for _, s := range old {
		if s.code == 0 {
			continue
		}
		i := hash64(s.key) & mask
		for t.slots[i].code != 0 {
			i = (i + 1) & mask
		}
		t.slots[i] = s
	}
}

// renumber gives the value of code sorted[i] the code i; remap is the inverse
// of sorted. The first codes, as many as values, are not that of null.
func (t *numbers) renumber(sorted, remap []uint32, values int) {
	keys := make([]uint64, len(t.keys))
	for i, c := range sorted {
		keys[i] = t.keys[c]
	}
	t.keys = keys
	t.linear = 0
	if values > 0 && keys[values-1]-keys[0] == uint64(values-1) && slices.IsSorted(keys[:values]) {
		t.linear = uint64(values)
	}
	for i, c := range t.window {
		if c != 0 {
			t.window[i] = remap[c-1] + 1
		}
	}
	for i := range t.slots {
		if s := &t.slots[i]; s.code != 0 {
			s.code = remap[s.code-1] + 1
		}
	}
}

func (t *numbers) memory() int64 {
	return int64(cap(t.keys)*8 + len(t.window)*4 + len(t.slots)*int(unsafe.Sizeof(numberSlot{})))
}

// hash64 is keyed by the process, so that nobody can prepare keys that collide.
func hash64(key uint64) uint64 {
	hi, lo := bits.Mul64(key^seed[0], seed[1])
	return hi ^ lo
}

type signed interface {
	~int8 | ~int16 | ~int32 | ~int64
}

type unsigned interface {
	~uint8 | ~uint16 | ~uint32 | ~uint64
}

// flip turns a signed value, extended to 64 bits, into its key and back.
const flip = 1 << 63

// encodeIntegers appends the codes of vals; mask is flip for signed types and 0
// for unsigned ones.
func encodeIntegers[T signed | unsigned](e *Encoder, dst []uint32, vals []T, mask uint64, valid validity) []uint32 {
	t := &e.numbers
	n := len(dst)
	dst = append(dst, make([]uint32, len(vals))...)
	out := dst[n:]
	base, window, slots := t.base, t.window, t.slots
	for i, v := range vals {
		if valid.bits != nil && !valid.at(i) {
			out[i] = e.nullCode()
			continue
		}
		key := uint64(v) ^ mask
		if off := key - base; off < uint64(len(window)) {
			if c := window[off]; c != 0 {
				out[i] = c - 1
				continue
			}
		} else if len(slots) > 0 { // most keys seen before are in their first slot
			if s := &slots[hash64(key)&uint64(len(slots)-1)]; s.key == key && s.code != 0 {
				out[i] = s.code - 1
				continue
			}
		}
		out[i] = t.find(key)
		base, window, slots = t.base, t.window, t.slots
	}
	return dst
}

// floatKey maps a float to its key.
func floatKey(v float64) uint64 {
	if v != v {
		return math.MaxUint64
	}
	b := math.Float64bits(v + 0) // -0 + 0 is +0
	if b>>63 != 0 {
		return ^b
	}
	return b | flip
}

// keyFloat is the inverse of floatKey.
func keyFloat(key uint64) float64 {
	switch {
	case key == math.MaxUint64:
		return math.NaN()
	case key>>63 != 0:
		return math.Float64frombits(key &^ flip)
	}
	return math.Float64frombits(^key)
}
