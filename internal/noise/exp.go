package noise

import (
	"math/big"
	"math/bits"
	"sync"
)

// Fixed-point numbers here are whole numbers of units of 2⁻⁶⁴.

// wholePowers[k] is ⌊e^-k · 2⁶⁴⌋ for k = 0 … 44 (the first capped at 2⁶⁴-1);
// e^-45 is less than one unit.
var wholePowers [45]uint64

// finePowers[i][j] is ⌊e^(-j/256^(i+1)) · 2⁶⁴⌋, capped at 2⁶⁴-1: powers for the
// four leading bytes of a fraction.
var finePowers [4][256]uint64

// buildTables fills the tables, exactly, from 192-bit fixed-point arithmetic.
var buildTables = sync.OnceFunc(func() {
	const bitsOf = 192
	fill := func(table []uint64, num, den int64) {
		// Powers by repeated multiplication; each step loses less than one unit of
		// 2^-192, so 256 of them stay far above the 64 bits that are kept, and a
		// test compares every entry with a direct evaluation.
		base, _ := expBounds(big.NewInt(num), big.NewInt(den), bitsOf)
		p := new(big.Int).Lsh(big.NewInt(1), bitsOf)
		for j := range table {
			t := new(big.Int).Rsh(p, bitsOf-64)
			if table[j] = ^uint64(0); t.IsUint64() {
				table[j] = t.Uint64()
			}
			p.Mul(p, base).Rsh(p, bitsOf)
		}
	}
	fill(wholePowers[:], 1, 1)
	for i := range finePowers {
		fill(finePowers[i][:], 1, 1<<(8*(i+1)))
	}
})

// expNeg brackets e^-(k + x/2⁶⁴) in units, given that the exponent's true value
// lies in [k + x/2⁶⁴, k + (x+slack)/2⁶⁴]: the exponential is at least lo and at
// most hi+1 units. So a uniform real whose first 64 bits are w is below it if
// w < lo, and not below it if w > hi.
//
// The fraction x is split into four bytes and a rest y < 2⁻³². The exponential
// is the product of six factors, each tabled, truncated by at most one unit;
// the last is 1 - y, which errs by less than y²/2 < 2⁻⁶⁵. Every product is
// truncated by less than one unit too. As all factors are at most 1, these
// errors add: the product is at most 12 units too small, or one too large
// (from the last factor: 1 - y ≤ e^-y, so not at all). A larger exponent
// lowers the result by at most slack·e^-k units.
func expNeg(k, x, slack uint64) (lo, hi uint64) {
	if k >= uint64(len(wholePowers)) {
		return 0, 0
	}
	p, _ := bits.Mul64(finePowers[0][x>>56], finePowers[1][x>>48&255])
	q, _ := bits.Mul64(finePowers[2][x>>40&255], finePowers[3][x>>32&255])
	p, _ = bits.Mul64(p, q)
	if y := x & (1<<32 - 1); y != 0 {
		p, _ = bits.Mul64(p, -y) // 2⁶⁴ - y
	}
	if k > 0 {
		p, _ = bits.Mul64(p, wholePowers[k])
		slack >>= min(k, 63) // e^-k < 2^-k
		slack++
	}
	if lo = p - slack; lo > p {
		lo = 0
	}
	if hi = p + 16; hi < p {
		hi = ^uint64(0)
	}
	return lo, hi
}

// belowExp decides U < e^-(num/den) for the uniform real U whose first 64 bits
// are w, drawing further bits of U as needed. It is called about once in 2⁵⁸
// draws, so it may allocate.
func (s *Stream) belowExp(w uint64, num, den *big.Int) bool {
	u := new(big.Int).SetUint64(w)
	for precision := uint(128); ; precision += 64 {
		u.Lsh(u, 64).Add(u, new(big.Int).SetUint64(s.word()))
		lo, hi := expBounds(num, den, precision)
		// U lies in [u, u+1]·2^-precision, e^-x in [lo, hi]·2^-precision.
		if new(big.Int).Add(u, big.NewInt(1)).Cmp(lo) <= 0 {
			return true
		}
		if u.Cmp(hi) >= 0 {
			return false
		}
	}
}

// expBounds bounds e^-(num/den), num ≥ 0, den > 0, in units of 2^-precision.
//
// With x = num/den and n such that y = x/2ⁿ < 1, e^-y is summed as a Taylor
// series whose terms alternate and decrease, and squared n times. The working
// precision has n + 32 guard bits: truncations of the series amount to at most
// one unit per term, and a squaring doubles the error and adds a unit.
func expBounds(num, den *big.Int, precision uint) (lo, hi *big.Int) {
	halvings := uint(max(0, num.BitLen()-den.BitLen()+1))
	if halvings > 64 { // x ≥ 2⁶³: e^-x is less than any unit in use
		return new(big.Int), big.NewInt(1)
	}
	work := precision + 2*halvings + 40
	y := new(big.Int).Lsh(num, work)
	y.Quo(y, den).Rsh(y, halvings)
	one := new(big.Int).Lsh(big.NewInt(1), work)
	sum, term := new(big.Int).Set(one), new(big.Int).Set(one)
	for i := int64(1); term.Sign() != 0; i++ {
		term.Mul(term, y).Rsh(term, work).Quo(term, big.NewInt(i))
		if i%2 == 1 {
			sum.Sub(sum, term)
		} else {
			sum.Add(sum, term)
		}
	}
	for range halvings {
		sum.Mul(sum, sum).Rsh(sum, work)
	}
	// The series has fewer than work terms, each within 2 units; y is within 1.
	// The error is below 4·work·4^halvings units of 2^-work < 2^-precision · 2^-20.
	slack := new(big.Int).Lsh(big.NewInt(1), work-precision-8)
	lo = new(big.Int).Sub(sum, slack)
	hi = new(big.Int).Add(sum, slack)
	drop := work - precision
	lo.Rsh(lo, drop)
	hi.Rsh(hi, drop).Add(hi, big.NewInt(1))
	if lo.Sign() < 0 {
		lo.SetInt64(0)
	}
	return lo, hi
}
