package noise

import (
	"errors"
	"math/big"
	"math/bits"
)

// ErrScale is returned for a scale that the exact samplers do not take.
var ErrScale = errors.New("noise scale is not a positive number within the range of the exact arithmetic")

// A Laplace is the discrete Laplace distribution of scale t = num/den: for
// every whole number z,
//
//	P[Z = z] = (e^(1/t) - 1)/(e^(1/t) + 1) · e^(-|z|/t).
//
// Adding it to a whole number that one unit changes by at most d gives pure
// (d/t)-differential privacy. For example t = 2/1 gives 0 with probability
// 0.245, ±1 with 0.149 each, ±2 with 0.090 each.
type Laplace struct {
	num, den   uint64
	rhi, rlo   uint64   // ⌊(2¹²⁸-1)/num⌋
	bigNum     *big.Int // num, for the comparison of last resort
	truncateAt uint64   // draws beyond ±truncateAt are rejected; 0: none are
}

// MaxScale bounds numerator and denominator of a scale: 2⁶².
const MaxScale = 1 << 62

// NewLaplace is the distribution of scale num/den. Numerator and denominator
// are at least 1 and at most MaxScale.
func NewLaplace(num, den uint64) (*Laplace, error) {
	if num == 0 || den == 0 || num > MaxScale || den > MaxScale {
		return nil, ErrScale
	}
	buildTables()
	l := &Laplace{num: num, den: den, bigNum: new(big.Int).SetUint64(num)}
	l.rhi, l.rlo = reciprocal(num)
	return l, nil
}

// NewTruncatedLaplace is the discrete Laplace distribution of scale num/den
// conditioned on |Z| ≤ bound, bound ≥ 1.
func NewTruncatedLaplace(num, den, bound uint64) (*Laplace, error) {
	l, err := NewLaplace(num, den)
	if err != nil || bound == 0 || bound > MaxScale {
		return nil, ErrScale
	}
	l.truncateAt = bound
	return l, nil
}

// reciprocal is ⌊(2¹²⁸-1)/n⌋.
func reciprocal(n uint64) (hi, lo uint64) {
	hi, r := ^uint64(0)/n, ^uint64(0)%n
	lo, _ = bits.Div64(r, ^uint64(0), n)
	return hi, lo
}

// Draw fills dst with independent draws, saturated at the limits of int64.
// Saturation matters only to scales above 2⁵⁶; Add and AddWide do without.
func (l *Laplace) Draw(s *Stream, dst []int64) {
	clear(dst)
	l.Add(s, dst)
}

// Add adds an independent draw to every element of xs. A result beyond int64
// becomes the nearest limit: noise is added in 128 bits and the sum is
// clamped, which is post-processing, so it costs no privacy.
func (l *Laplace) Add(s *Stream, xs []int64) {
	if Off {
		return
	}
	s.begin()
	for i := range xs {
		negative, hi, lo := l.draw(s)
		xs[i] = addSaturating(xs[i], negative, hi, lo)
	}
}

// AddWide adds an independent draw to every 128-bit number hi[i]·2⁶⁴ + lo[i]
// (two's complement). The caller has limited the numbers to ±2¹²⁶; a draw is
// less than 2¹²⁶.
func (l *Laplace) AddWide(s *Stream, hi []int64, lo []uint64) {
	if Off {
		return
	}
	s.begin()
	for i := range hi {
		negative, zhi, zlo := l.draw(s)
		hi[i], lo[i] = addWide(hi[i], lo[i], negative, zhi, zlo)
	}
}

// draw returns sign and magnitude of one draw (CKS algorithm 2).
//
// For scale num/den: X is geometric with P[X ≥ x] = e^(-x/num), made of a
// remainder U < num with weight e^(-U/num) and a quotient V with
// P[V ≥ v] = e^-v; ⌊X/den⌋ is geometric with ratio e^(-den/num). A fair sign,
// and minus zero is drawn again, as zero would be counted twice.
func (l *Laplace) draw(s *Stream) (negative bool, hi, lo uint64) {
	if l.truncateAt > 0 && l.truncateAt < l.num/l.den {
		return l.drawNarrow(s)
	}
	for {
		u := l.remainder(s)
		v := s.quotient()
		hi, lo = bits.Mul64(v, l.num)
		var carry uint64
		lo, carry = bits.Add64(lo, u, 0)
		hi += carry
		if l.den > 1 {
			q := hi / l.den
			lo, _ = bits.Div64(hi%l.den, lo, l.den)
			hi = q
		}
		negative = s.bit() == 1
		if negative && hi|lo == 0 {
			continue
		}
		if l.truncateAt > 0 && (hi > 0 || lo > l.truncateAt) {
			continue
		}
		return negative, hi, lo
	}
}

// drawNarrow draws from a distribution truncated within its scale, where
// rejecting draws of the whole distribution would take long: uniform, accepted
// with probability e^(-|z|/t), which is at least e^-1.
func (l *Laplace) drawNarrow(s *Stream) (negative bool, hi, lo uint64) {
	for {
		u := s.below(2*l.truncateAt + 1)
		z := (u + 1) / 2 // 0, 1, 1, 2, 2, …
		low, high := expRatio(z, l.den, l.num)
		if w := s.word(); w < low || w <= high && s.belowRatio(w, z, l.den, l.num) {
			return u%2 == 1, 0, z
		}
	}
}

// remainder draws U on 0 … num-1 with probability proportional to e^(-U/num):
// uniform, accepted with probability e^(-U/num). On average 1.58 trials.
func (l *Laplace) remainder(s *Stream) uint64 {
	for {
		u := s.below(l.num)
		if u == 0 {
			return 0
		}
		// U/num = u·⌊(2¹²⁸-1)/num⌋ / 2¹²⁸ with an error of less than two units.
		h, _ := bits.Mul64(u, l.rlo)
		x := u*l.rhi + h
		w := s.word()
		lo, hi := expNeg(0, x, 3)
		if w < lo || w <= hi && s.belowExp(w, new(big.Int).SetUint64(u), l.bigNum) {
			return u
		}
	}
}

// quotient draws V with P[V ≥ v] = e^-v from one word: V is the number of
// powers e^-1, e^-2, … above it. The distribution has no memory, so a word
// below e^-32 adds 32 and starts again.
func (s *Stream) quotient() uint64 {
	v := uint64(0)
	for {
		w := s.word()
		k := uint64(1)
		for k <= 32 && w < wholePowers[k] {
			k++
		}
		if k <= 32 {
			// e^-k ≥ wholePowers[k] units, and less than one unit above it.
			if w == wholePowers[k] && s.belowExp(w, new(big.Int).SetUint64(k), big.NewInt(1)) {
				k++
			}
			if k <= 32 {
				return v + k - 1
			}
		}
		v += 32
	}
}

// addSaturating is x ± z for the magnitude z = hi·2⁶⁴ + lo, clamped to int64.
func addSaturating(x int64, negative bool, hi, lo uint64) int64 {
	if negative {
		// x - z: the distance from x down to the least int64 is x - MinInt64.
		if room := uint64(x) + 1<<63; hi > 0 || lo > room {
			return -1 << 63
		}
		return x - int64(lo)
	}
	if room := uint64(1<<63-1) - uint64(x); hi > 0 || lo > room {
		return 1<<63 - 1
	}
	return x + int64(lo)
}

// addWide is x ± z in 128-bit two's complement.
func addWide(xhi int64, xlo uint64, negative bool, zhi, zlo uint64) (int64, uint64) {
	var lo, carry uint64
	if negative {
		lo, carry = bits.Sub64(xlo, zlo, 0)
		return xhi - int64(zhi) - int64(carry), lo
	}
	lo, carry = bits.Add64(xlo, zlo, 0)
	return xhi + int64(zhi) + int64(carry), lo
}
