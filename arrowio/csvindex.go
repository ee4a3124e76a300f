package arrowio

import (
	"bytes"
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
	x.quotes = bytes.IndexByte(b[from:to], '"') >= 0
	n := 0
	d, nl := oneEach*uint64(delim), oneEach*uint64(newline)
	var high, inside uint64 // inside is 0 or all ones
	for i := from; i < to; i += 64 {
		// Eight words, one after another, so that their bits stay in registers.
		p := (*[64]byte)(b[i : i+64])
		w0, w1 := word(p[0:8]), word(p[8:16])
		w2, w3 := word(p[16:24]), word(p[24:32])
		w4, w5 := word(p[32:40]), word(p[40:48])
		w6, w7 := word(p[48:56]), word(p[56:64])
		high |= w0 | w1 | w2 | w3 | w4 | w5 | w6 | w7
		sep := either(w0, d, nl) | either(w1, d, nl)<<8 | either(w2, d, nl)<<16 | either(w3, d, nl)<<24 |
			either(w4, d, nl)<<32 | either(w5, d, nl)<<40 | either(w6, d, nl)<<48 | either(w7, d, nl)<<56
		if x.quotes {
			mask := quoteMask(p)
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
		// Four at a time, since how many there are can't be foretold: those
		// too many are overwritten.
		end := n + bits.OnesCount64(sep)
		for ; n < end; n += 4 {
			four := (*[4]uint32)(seps[n : n+4])
			four[0] = uint32(i + bits.TrailingZeros64(sep))
			sep &= sep - 1
			four[1] = uint32(i + bits.TrailingZeros64(sep))
			sep &= sep - 1
			four[2] = uint32(i + bits.TrailingZeros64(sep))
			sep &= sep - 1
			four[3] = uint32(i + bits.TrailingZeros64(sep))
			sep &= sep - 1
		}
		n = end
	}
	x.seps, x.ascii, x.inside = seps[:n], high&highBits == 0, inside != 0
}

func word(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

// either has a bit for every byte of w that is the byte of d or of e. With the
// top bits off, a byte that differs from the one sought carries into its top
// bit when 0x7f is added, and no further.
func either(w, d, e uint64) uint64 {
	low := w & lowBits
	return moveMask(^(((low^d)+lowBits)&((low^e)+lowBits) | w) & highBits)
}

// quoteMask has a bit for every quote.
func quoteMask(p *[64]byte) (mask uint64) {
	const quote = oneEach * '"'
	for k := 0; k < 64; k += 8 {
		mask |= moveMask(zeroBytes(word(p[k:k+8])^quote)) << k
	}
	return mask
}
