package kanon

import (
	"math/big"
	"math/bits"
	"strconv"
)

// A wide is an unsigned integer of 128 bits. Class tests compare products of
// counts in it, so that no rounding can turn a decision.
type wide struct{ hi, lo uint64 }

// wideMul returns a·b. Counts are not negative.
func wideMul(a, b int64) wide {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	return wide{hi, lo}
}

// add returns x+y, which callers keep below 2^128: distances are sums of fewer
// than 2^31 terms, each at most a product of two counts of people.
func (x wide) add(y wide) wide {
	lo, carry := bits.Add64(x.lo, y.lo, 0)
	hi, _ := bits.Add64(x.hi, y.hi, carry)
	return wide{hi, lo}
}

// less reports x < y.
func (x wide) less(y wide) bool { return x.hi < y.hi || x.hi == y.hi && x.lo < y.lo }

// excess returns max(x-y, 0).
func (x wide) excess(y wide) wide {
	if x.less(y) {
		return wide{}
	}
	lo, borrow := bits.Sub64(x.lo, y.lo, 0)
	hi, _ := bits.Sub64(x.hi, y.hi, borrow)
	return wide{hi, lo}
}

// distance returns |x-y|.
func (x wide) distance(y wide) wide {
	if x.less(y) {
		return y.excess(x)
	}
	return x.excess(y)
}

// big returns x as a big integer.
func (x wide) big() *big.Int {
	z := new(big.Int).SetUint64(x.hi)
	return z.Lsh(z, 64).Or(z, new(big.Int).SetUint64(x.lo))
}

// decimal returns the shortest decimal that reads back as x, which is what a
// float parameter means: decimal(0.1) is one tenth. x must be finite.
func decimal(x float64) *big.Rat {
	r, ok := new(big.Rat).SetString(strconv.FormatFloat(x, 'g', -1, 64))
	if !ok {
		return new(big.Rat)
	}
	return r
}

// A share is a rational bound on a share of people, num/den, with den > 0.
type share struct{ num, den int64 }

// shareDown returns r, or the next lower share that the type can hold. Values
// above 1 become 1, negative ones 0: no share of people is outside.
func shareDown(r *big.Rat) share { return newShare(r, false) }

// shareUp returns r, or the next higher share that the type can hold, within
// 0 to 1.
func shareUp(r *big.Rat) share { return newShare(r, true) }

func newShare(r *big.Rat, up bool) share {
	switch {
	case r.Sign() <= 0:
		return share{0, 1}
	case r.Cmp(big.NewRat(1, 1)) >= 0:
		return share{1, 1}
	case r.Denom().IsInt64(): // and so the numerator, which is smaller
		return share{r.Num().Int64(), r.Denom().Int64()}
	}
	scaled := new(big.Int).Lsh(r.Num(), 62)
	quotient, rest := scaled.QuoRem(scaled, r.Denom(), new(big.Int))
	if up && rest.Sign() > 0 {
		quotient.Add(quotient, big.NewInt(1))
	}
	return share{quotient.Int64(), 1 << 62}
}

// compare returns the sign of part/whole - s. whole > 0.
func (s share) compare(part, whole int64) int {
	x, y := wideMul(part, s.den), wideMul(s.num, whole)
	switch {
	case x.less(y):
		return -1
	case y.less(x):
		return 1
	}
	return 0
}

// float returns x rounded to a float.
func (x wide) float() float64 { return float64(x.hi)*0x1p64 + float64(x.lo) }
