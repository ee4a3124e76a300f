package noise

import (
	"math/big"
	"math/bits"
)

// Choose is the exact exponential mechanism (McSherry and Talwar 2007): it
// returns i with probability proportional to
//
//	width[i] · e^(-loss[i] · num/den),
//
// num, den ≥ 1, at most MaxScale. Losses are whole and at least 0; they are
// taken relative to the least of them. A width is the number of equal
// candidates that i stands for, at most 2⁴⁰, and their sum is less than 2⁶²;
// nil widths are all 1, and a candidate of width 0 is never chosen. At least
// one width is positive. The cost is two exponentials of about 10 ns for each
// candidate, without allocation.
//
// Weights are bracketed by fixed-point numbers; a position is drawn among the
// upper ones and drawn again if it is above the exact weight. With Off it
// returns the first candidate of least loss.
func (s *Stream) Choose(loss []uint64, width []uint64, num, den uint64) int {
	s.begin()
	buildTables()
	least, best := ^uint64(0), -1
	for i, l := range loss {
		if (width == nil || width[i] > 0) && l < least {
			least, best = l, i
		}
	}
	if Off || best < 0 {
		return best
	}
	// Weights in units of 2⁻⁶³, so that the greatest, 1, fits.
	weigh := func(i int) (lo, hi, n uint64) {
		n = 1
		if width != nil {
			n = width[i]
		}
		lo, hi = expRatio(loss[i]-least, num, den)
		return lo / 2, hi/2 + 1, n
	}
	var totalHi, totalLo, carry uint64
	for i := range loss {
		if width != nil && width[i] == 0 {
			continue
		}
		_, hi, n := weigh(i)
		h, l := bits.Mul64(hi, n)
		totalLo, carry = bits.Add64(totalLo, l, 0)
		totalHi += h + carry
	}
	for {
		atHi, atLo := s.below128(totalHi, totalLo)
		for i := range loss {
			if width != nil && width[i] == 0 {
				continue
			}
			lo, hi, n := weigh(i)
			h, l := bits.Mul64(hi, n)
			if atHi > h || atHi == h && atLo >= l {
				atLo, carry = bits.Sub64(atLo, l, 0)
				atHi -= h + carry
				continue
			}
			// The position falls on i. At what height, from 0 to hi, on which
			// of its n equal candidates?
			_, height := bits.Div64(atHi%hi, atLo, hi)
			if height < lo || s.belowRatio(height<<1|s.bit(), loss[i]-least, num, den) {
				return i
			}
			break
		}
	}
}

// expRatio brackets e^(-l·num/den) as expNeg does.
func expRatio(l, num, den uint64) (lo, hi uint64) {
	h, p := bits.Mul64(l, num)
	if h >= den {
		return 0, 0 // the exponent is 2⁶⁴ or more
	}
	k, r := bits.Div64(h, p, den)
	x, _ := bits.Div64(r, 0, den)
	return expNeg(k, x, 1)
}

// belowRatio decides whether a uniform real whose first 64 bits are w is below
// e^(-l·num/den).
func (s *Stream) belowRatio(w, l, num, den uint64) bool {
	x := new(big.Int).SetUint64(l)
	return s.belowExp(w, x.Mul(x, new(big.Int).SetUint64(num)), new(big.Int).SetUint64(den))
}
