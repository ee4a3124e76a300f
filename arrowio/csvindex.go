package arrowio

import (
	"encoding/binary"
	"math/bits"
)

const (
	lowBits  = 0x7f7f7f7f7f7f7f7f
	highBits = 0x8080808080808080
	oneEach  = 0x0101010101010101
	gather   = 0x0002040810204081 // times a word of top bits: that of byte i to bit 56+i
)

// zeroBytes returns 0x80 in every byte of v that is zero and 0 in the others.
// A byte's low seven bits plus 0x7f carry into its top bit unless they are
// zero; no carry leaves a byte, so unlike the shorter (v-1)&^v this is exact.
func zeroBytes(v uint64) uint64 { return ^((v&lowBits + lowBits) | v | lowBits) }

// moveMask gathers the top bits of eight bytes into the low eight bits.
func moveMask(v uint64) uint64 { return v * gather >> 56 }

// A blockIndex is what one pass over a block of CSV finds.
type blockIndex struct {
	seps   []uint32 // positions of delimiters and newlines outside quotes
	quotes bool     // the block holds a quote
	ascii  bool     // no byte of the block has its top bit set
	inside bool     // the block ends inside a quoted field
}

// index finds the separators of b[from:to], which starts outside quotes. b has
// at least 64 bytes beyond to. What it finds there, it takes for text like the
// rest: where that matters, those bytes are zero.
//
// Sixty-four bytes at a time become two bit masks, one for delimiters and
// newlines and one for quotes. A byte is inside quotes when the number of
// quotes up to it is odd (a doubled quote counts twice and so changes nothing),
// which the prefix sum of the quote mask modulo two says for all 64 at once:
//
//	text      a , " x , y " , b        quote mask   ..1...1..
//	prefix    ..1111...                separators   .1..1..1.  of which outside  .1.....1.
//
// Text that has a quote elsewhere than RFC 4180 allows is seen later, cell by
// cell; up to the first such cell the index is right.
func (x *blockIndex) index(b []byte, from, to int, delim, newline byte) {
	if need := to - from + 64; cap(x.seps) < need {
		x.seps = make([]uint32, need)
	}
	seps := x.seps[:cap(x.seps)]
	n := 0
	d, nl, qu := oneEach*uint64(delim), oneEach*uint64(newline), uint64(oneEach*'"')
	var high, inside uint64 // inside is 0 or all ones
	anyQuote := false
	for i := from; i < to; i += 64 {
		p := (*[64]byte)(b[i : i+64])
		var sep uint64
		noQuote := uint64(highBits)
		for k := 0; k < 64; k += 8 {
			w := binary.LittleEndian.Uint64(p[k : k+8])
			high |= w
			// With the top bits off, a byte that differs from the one sought
			// carries into its top bit when 0x7f is added, and no further.
			low := w & lowBits
			other := ((low ^ d) + lowBits) & ((low ^ nl) + lowBits)
			noQuote &= (low ^ qu) + lowBits
			sep |= moveMask(^(other|w)&highBits) << k
		}
		if ^noQuote&highBits|inside != 0 {
			anyQuote = true
			var mask uint64
			for k := 0; k < 64; k += 8 {
				mask |= moveMask(zeroBytes(binary.LittleEndian.Uint64(p[k:k+8])^qu)) << k
			}
			mask ^= mask << 1
			mask ^= mask << 2
			mask ^= mask << 4
			mask ^= mask << 8
			mask ^= mask << 16
			mask ^= mask << 32
			mask ^= inside
			sep &^= mask
			inside = uint64(int64(mask) >> 63)
		}
		for ; sep != 0; sep &= sep - 1 {
			seps[n] = uint32(i + bits.TrailingZeros64(sep))
			n++
		}
	}
	x.seps, x.quotes, x.ascii, x.inside = seps[:n], anyQuote, high&highBits == 0, inside != 0
}
