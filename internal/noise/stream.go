package noise

import (
	crand "crypto/rand"
	"math/bits"
	"math/rand/v2"
	"os"
)

// A Stream is a source of random bits for one goroutine: ChaCha8 (Go's
// math/rand/v2, after Bernstein's ChaCha) under a key of 256 bits from the
// operating system. It must not be copied or shared.
//
// Every batch of draws first compares the process id with that of the key, so
// that a child process made by fork draws a key of its own instead of
// repeating its parent's noise.
type Stream struct {
	chacha *rand.ChaCha8
	pid    int
	coins  uint64 // unused random bits, from the least significant end
	left   int    // how many
}

// NewStream returns a stream under a fresh key. Close it after use.
func NewStream() *Stream {
	s := new(Stream)
	s.rekey()
	return s
}

func (s *Stream) rekey() {
	var key [32]byte
	crand.Read(key[:]) // never fails: the runtime ends the process if the system has no randomness
	if s.chacha == nil {
		s.chacha = rand.NewChaCha8(key)
	} else {
		s.chacha.Seed(key)
	}
	clear(key[:])
	s.pid = os.Getpid()
	s.coins, s.left = 0, 0
}

// Close erases the key and what was generated from it. The stream may be used
// again, under a new key.
func (s *Stream) Close() {
	s.chacha.Seed([32]byte{})
	s.pid = -1
	s.coins, s.left = 0, 0
}

// begin is called at the start of every batch.
func (s *Stream) begin() {
	if s.pid != os.Getpid() {
		s.rekey()
	}
}

// word is 64 uniform bits.
func (s *Stream) word() uint64 { return s.chacha.Uint64() }

// bit is one uniform bit.
func (s *Stream) bit() uint64 {
	if s.left == 0 {
		s.coins, s.left = s.word(), 64
	}
	b := s.coins & 1
	s.coins >>= 1
	s.left--
	return b
}

// Uint64n is uniform on 0 … n-1, n > 0, without bias (Lemire, "Fast random
// integer generation in an interval", 2019: of the products of a word with n,
// those whose low half is below 2⁶⁴ mod n are drawn again).
func (s *Stream) Uint64n(n uint64) uint64 {
	s.begin()
	return s.below(n)
}

func (s *Stream) below(n uint64) uint64 {
	hi, lo := bits.Mul64(s.word(), n)
	if lo < n {
		reject := -n % n
		for lo < reject {
			hi, lo = bits.Mul64(s.word(), n)
		}
	}
	return hi
}

// below128 is uniform on 0 … n-1 for n = hi·2⁶⁴ + lo > 0: words masked to the
// length of n-1, drawn again until they are less than n.
func (s *Stream) below128(nhi, nlo uint64) (hi, lo uint64) {
	if nhi == 0 {
		return 0, s.below(nlo)
	}
	mask := ^uint64(0) >> bits.LeadingZeros64(nhi)
	for {
		hi, lo = s.word()&mask, s.word()
		if hi < nhi || hi == nhi && lo < nlo {
			return hi, lo
		}
	}
}

// Shuffle puts n elements in uniformly random order (Fisher and Yates).
func (s *Stream) Shuffle(n int, swap func(i, j int)) {
	s.begin()
	for i := n - 1; i > 0; i-- {
		swap(i, int(s.below(uint64(i+1))))
	}
}
