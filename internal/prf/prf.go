// Package prf is the keyed pseudo-random function behind contribution
// bounding: which of a person's groups and rows are kept is decided by hashing
// them under a secret key, so that it depends on that person's rows and the
// key alone.
//
// The function is SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast
// short-input PRF", 2012) with 64 or 128 bits of output. Its key has 128 bits
// and comes from the operating system.
package prf

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"math/bits"
)

// KeySize is the length of a key in bytes.
const KeySize = 16

// A Key is a secret 128-bit key. It is safe for use by several goroutines as
// long as none of them erases it.
type Key struct {
	k0, k1 uint64
}

// New draws a key from the operating system.
func New() (*Key, error) {
	var b [KeySize]byte
	if _, err := rand.Read(b[:]); err != nil {
		return nil, err
	}
	k, err := FromBytes(b[:])
	clear(b[:])
	return k, err
}

// FromBytes makes the key with these 16 bytes, as Bytes returned them.
func FromBytes(b []byte) (*Key, error) {
	if len(b) != KeySize {
		return nil, errors.New("prf: a key has 16 bytes")
	}
	return &Key{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])}, nil
}

// Bytes returns the secret key, for the workers of one release on other
// machines.
func (k *Key) Bytes() [KeySize]byte {
	var b [KeySize]byte
	binary.LittleEndian.PutUint64(b[:], k.k0)
	binary.LittleEndian.PutUint64(b[8:], k.k1)
	return b
}

// Erase overwrites the key. Whoever holds it afterwards holds the key of
// zeros.
func (k *Key) Erase() { k.k0, k.k1 = 0, 0 }

// Derive returns the key for one named purpose. Keys of different purposes
// are independent as far as the function is pseudo-random.
func (k *Key) Derive(purpose string) *Key {
	lo, hi := k.Sum128([]byte("oboro derive\x00" + purpose))
	return &Key{lo, hi}
}

// Fingerprint identifies the key without revealing it: the hash of a constant.
func (k *Key) Fingerprint() [16]byte {
	lo, hi := k.Sum128([]byte("oboro fingerprint"))
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], lo)
	binary.LittleEndian.PutUint64(b[8:], hi)
	return b
}

// Sum64 returns the 64-bit hash of a message.
func (k *Key) Sum64(msg []byte) uint64 {
	s := k.start()
	s.absorb(msg)
	return s.finish64()
}

// Sum128 returns the 128-bit hash of a message. It is another function than
// Sum64: the first words differ.
func (k *Key) Sum128(msg []byte) (lo, hi uint64) {
	s := k.start()
	s.v1 ^= 0xee
	s.absorb(msg)
	s.v2 ^= 0xee
	s.rounds4()
	lo = s.v0 ^ s.v1 ^ s.v2 ^ s.v3
	s.v1 ^= 0xdd
	s.rounds4()
	return lo, s.v0 ^ s.v1 ^ s.v2 ^ s.v3
}

// A Prefix is the state after some leading words of a message, kept to hash
// many messages that begin alike.
type Prefix struct {
	s state
	n uint64 // bytes absorbed
}

// Prefix absorbs leading words, each as 8 bytes little-endian.
func (k *Key) Prefix(words ...uint64) Prefix {
	p := Prefix{s: k.start()}
	for _, w := range words {
		p.s.word(w)
	}
	p.n = 8 * uint64(len(words))
	return p
}

// Sum64 returns the hash of the prefix followed by one word: what Key.Sum64
// returns for the same bytes. It is written out, as it runs once for every unit
// and group.
func (p *Prefix) Sum64(w uint64) uint64 {
	v0, v1, v2, v3 := p.s.v0, p.s.v1, p.s.v2, p.s.v3^w
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0 ^= w
	last := (p.n + 8) << 56
	v3 ^= last
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0 ^= last
	v2 ^= 0xff
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	return v0 ^ v1 ^ v2 ^ v3
}

// Sums64 replaces every word by Sum64 of it. Two words go side by side: one
// alone waits for its own rounds.
func (p *Prefix) Sums64(words []uint64) {
	last := (p.n + 8) << 56
	i := 0
	for ; i+1 < len(words); i += 2 {
		a, b := words[i], words[i+1]
		a0, a1, a2, a3 := round(p.s.v0, p.s.v1, p.s.v2, p.s.v3^a)
		b0, b1, b2, b3 := round(p.s.v0, p.s.v1, p.s.v2, p.s.v3^b)
		a0, a1, a2, a3 = round(a0, a1, a2, a3)
		b0, b1, b2, b3 = round(b0, b1, b2, b3)
		a0, a3 = a0^a, a3^last
		b0, b3 = b0^b, b3^last
		a0, a1, a2, a3 = round(a0, a1, a2, a3)
		b0, b1, b2, b3 = round(b0, b1, b2, b3)
		a0, a1, a2, a3 = round(a0, a1, a2, a3)
		b0, b1, b2, b3 = round(b0, b1, b2, b3)
		a0, a2 = a0^last, a2^0xff
		b0, b2 = b0^last, b2^0xff
		for range 4 {
			a0, a1, a2, a3 = round(a0, a1, a2, a3)
			b0, b1, b2, b3 = round(b0, b1, b2, b3)
		}
		words[i], words[i+1] = a0^a1^a2^a3, b0^b1^b2^b3
	}
	if i < len(words) {
		words[i] = p.Sum64(words[i])
	}
}

// Append returns the prefix with one more word.
func (p Prefix) Append(w uint64) Prefix {
	p.s.word(w)
	p.n += 8
	return p
}

type state struct{ v0, v1, v2, v3 uint64 }

func (k *Key) start() state {
	return state{
		k.k0 ^ 0x736f6d6570736575,
		k.k1 ^ 0x646f72616e646f6d,
		k.k0 ^ 0x6c7967656e657261,
		k.k1 ^ 0x7465646279746573,
	}
}

// absorb takes in a whole message and its closing word: the bytes that are
// left over, and the length modulo 256 on top.
func (s *state) absorb(msg []byte) {
	last := uint64(len(msg)) << 56
	for len(msg) >= 8 {
		s.word(binary.LittleEndian.Uint64(msg))
		msg = msg[8:]
	}
	for i, b := range msg {
		last |= uint64(b) << (8 * i)
	}
	s.word(last)
}

// word takes in 8 bytes: two rounds.
func (s *state) word(m uint64) {
	v0, v1, v2, v3 := s.v0, s.v1, s.v2, s.v3^m
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	s.v0, s.v1, s.v2, s.v3 = v0^m, v1, v2, v3
}

func (s *state) finish64() uint64 {
	s.v2 ^= 0xff
	s.rounds4()
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3
}

func (s *state) rounds4() {
	v0, v1, v2, v3 := s.v0, s.v1, s.v2, s.v3
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	s.v0, s.v1, s.v2, s.v3 = v0, v1, v2, v3
}

func round(v0, v1, v2, v3 uint64) (uint64, uint64, uint64, uint64) {
	v0 += v1
	v2 += v3
	v1 = bits.RotateLeft64(v1, 13) ^ v0
	v3 = bits.RotateLeft64(v3, 16) ^ v2
	v0 = bits.RotateLeft64(v0, 32)
	v2 += v1
	v0 += v3
	v1 = bits.RotateLeft64(v1, 17) ^ v2
	v3 = bits.RotateLeft64(v3, 21) ^ v0
	v2 = bits.RotateLeft64(v2, 32)
	return v0, v1, v2, v3
}
