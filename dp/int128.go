package dp

import (
	"math/big"
	"math/bits"
)

// An int128 is a whole number from -2¹²⁷ to 2¹²⁷-1, in two's complement. Sums
// of grid values are int128: 2⁶⁴ rows of up to 2⁶² steps fit.
type int128 struct {
	hi int64
	lo uint64
}

func int128Of(x int64) int128 { return int128{x >> 63, uint64(x)} }

// mul is the product of two int64, exactly.
func mul(x, y int64) int128 {
	hi, lo := bits.Mul64(uint64(x), uint64(y))
	// Two's complement: a negative factor was taken as 2⁶⁴ more than it is.
	return int128{int64(hi - uint64(x>>63)&uint64(y) - uint64(y>>63)&uint64(x)), lo}
}

func (a int128) add(b int128) int128 {
	lo, carry := bits.Add64(a.lo, b.lo, 0)
	hi, _ := bits.Add64(uint64(a.hi), uint64(b.hi), carry)
	return int128{int64(hi), lo}
}

func (a int128) sub(b int128) int128 {
	lo, borrow := bits.Sub64(a.lo, b.lo, 0)
	hi, _ := bits.Sub64(uint64(a.hi), uint64(b.hi), borrow)
	return int128{int64(hi), lo}
}

func (a int128) less(b int128) bool {
	return a.hi < b.hi || a.hi == b.hi && a.lo < b.lo
}

// clamp is the number of [lower, upper] that is nearest to a.
func (a int128) clamp(lower, upper int64) int64 {
	if a.less(int128Of(lower)) {
		return lower
	}
	if int128Of(upper).less(a) {
		return upper
	}
	return int64(a.lo)
}

// big is a as a big integer.
func (a int128) big() *big.Int {
	x := new(big.Int).Lsh(big.NewInt(a.hi), 64)
	return x.Add(x, new(big.Int).SetUint64(a.lo))
}

// float is the float64 nearest to a, ties to even.
func (a int128) float() float64 {
	if a.hi == int64(a.lo)>>63 {
		return float64(int64(a.lo))
	}
	f, _ := new(big.Float).SetInt(a.big()).Float64()
	return f
}
