package code

import (
	"encoding/binary"
	"math/bits"
	"unsafe"

	"github.com/zeebo/xxh3"
)

// strings is the dictionary of a column of byte strings.
//
// A string of at most 16 bytes is told exactly by two words and its length:
// the first and the last eight bytes (they overlap below 16), from 4 to 7
// bytes the first and the last four, below that all bytes in one word. So its
// slot compares in registers and never looks at the stored text. "Nagoya":
//
//	first  "Nago"   last  "goya"   size  6+1   code  0
//
// Longer strings are found by their hash and compared byte by byte.
type strings struct {
	text []byte   // all distinct strings, one after another
	ends []uint64 // code to end of its string in text

	short     []shortSlot // open addressing with linear probing; the length is a power of two
	shortUsed int
	long      []longSlot
	longUsed  int
}

type shortSlot struct {
	first, last uint64
	size        uint32 // length+1, 0 where empty
	code        uint32
}

type longSlot struct {
	hash uint64
	from uint64 // where the string begins in text
	size uint32 // its length, 0 where the slot is empty
	code uint32
}

// at returns the string of a code.
func (t *strings) at(code uint32) []byte {
	from := uint64(0)
	if code > 0 {
		from = t.ends[code-1]
	}
	return t.text[from:t.ends[code]]
}

// next stores a string and returns its code.
func (t *strings) next(s []byte) uint32 {
	t.text = append(t.text, s...)
	t.ends = append(t.ends, uint64(len(t.text)))
	return uint32(len(t.ends) - 1)
}

// words returns the two words that, with the length, tell a string of at most
// 16 bytes. It reads no byte outside s.
func words(s []byte) (first, last uint64) {
	switch n := len(s); {
	case n >= 8:
		return binary.LittleEndian.Uint64(s), binary.LittleEndian.Uint64(s[n-8:])
	case n >= 4:
		return uint64(binary.LittleEndian.Uint32(s)), uint64(binary.LittleEndian.Uint32(s[n-4:]))
	case n > 0:
		return uint64(s[0]) | uint64(s[n/2])<<8 | uint64(s[n-1])<<16, 0
	}
	return 0, 0
}

func hashShort(first, last uint64, size uint32) uint64 {
	hi, lo := bits.Mul64(first^seed[0], last^seed[1]^uint64(size)<<56)
	hi, lo = bits.Mul64(hi^lo^seed[2], seed[3])
	return hi ^ lo
}

// find returns the code of a string, a new one if it was not seen.
func (t *strings) find(s []byte) uint32 {
	if len(s) > 16 {
		return t.findLong(s)
	}
	if crowded(t.shortUsed, len(t.short)) {
		t.growShort()
	}
	first, last := words(s)
	size := uint32(len(s) + 1)
	mask := uint64(len(t.short) - 1)
	for i := hashShort(first, last, size) & mask; ; i = (i + 1) & mask {
		slot := &t.short[i]
		if slot.first == first && slot.last == last && slot.size == size {
			return slot.code
		}
		if slot.size == 0 {
			*slot = shortSlot{first, last, size, t.next(s)}
			t.shortUsed++
			return slot.code
		}
	}
}

func (t *strings) growShort() {
	old := t.short
	t.short = make([]shortSlot, max(64, 2*len(old)))
	mask := uint64(len(t.short) - 1)
	for _, s := range old {
		if s.size == 0 {
			continue
		}
		i := hashShort(s.first, s.last, s.size) & mask
		for t.short[i].size != 0 {
			i = (i + 1) & mask
		}
		t.short[i] = s
	}
}

func (t *strings) findLong(s []byte) uint32 {
	if crowded(t.longUsed, len(t.long)) {
		t.growLong()
	}
	h := xxh3.HashSeed(s, seed[0])
	mask := uint64(len(t.long) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		slot := &t.long[i]
		if slot.size == 0 {
			*slot = longSlot{h, uint64(len(t.text)), uint32(len(s)), t.next(s)}
			t.longUsed++
			return slot.code
		}
		if slot.hash == h && int(slot.size) == len(s) && string(t.text[slot.from:slot.from+uint64(slot.size)]) == string(s) {
			return slot.code
		}
	}
}

func (t *strings) growLong() {
	old := t.long
	t.long = make([]longSlot, max(64, 2*len(old)))
	mask := uint64(len(t.long) - 1)
	for _, s := range old {
		if s.size == 0 {
			continue
		}
		i := s.hash & mask
		for t.long[i].size != 0 {
			i = (i + 1) & mask
		}
		t.long[i] = s
	}
}

// renumber gives the string of code sorted[i] the code i; remap is the inverse
// of sorted.
func (t *strings) renumber(sorted, remap []uint32) {
	text, ends := make([]byte, 0, len(t.text)), make([]uint64, 0, len(t.ends))
	for _, c := range sorted {
		text = append(text, t.at(c)...)
		ends = append(ends, uint64(len(text)))
	}
	t.text, t.ends = text, ends
	for i := range t.short {
		if s := &t.short[i]; s.size != 0 {
			s.code = remap[s.code]
		}
	}
	for i := range t.long {
		if s := &t.long[i]; s.size != 0 {
			s.code = remap[s.code]
			s.from = ends[s.code] - uint64(s.size)
		}
	}
}

func (t *strings) memory() int64 {
	return int64(cap(t.text) + 8*cap(t.ends) +
		len(t.short)*int(unsafe.Sizeof(shortSlot{})) + len(t.long)*int(unsafe.Sizeof(longSlot{})))
}

// encodeOffsets appends the codes of the strings text[offsets[i]:offsets[i+1]].
func encodeOffsets[O int32 | int64](e *Encoder, dst []uint32, offsets []O, text []byte, valid validity) []uint32 {
	t := &e.strings
	n := len(dst)
	dst = append(dst, make([]uint32, len(offsets)-1)...)
	out := dst[n:]
	short := t.short
	from := offsets[0]
	for i, to := range offsets[1:] {
		at := from
		from = to
		if valid.bits != nil && !valid.at(i) {
			out[i] = e.nullCode()
			continue
		}
		s := text[at:to]
		if len(s) <= 16 && len(short) > 0 { // most strings seen before are in their first slot
			first, last := words(s)
			size := uint32(len(s) + 1)
			slot := &short[hashShort(first, last, size)&uint64(len(short)-1)]
			if slot.first == first && slot.last == last && slot.size == size {
				out[i] = slot.code
				continue
			}
		}
		out[i] = t.find(s)
		short = t.short
	}
	return dst
}
