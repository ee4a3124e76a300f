package exact

import "math"

// up and down step one float64 outwards.
func up(x float64) float64   { return math.Nextafter(x, math.Inf(1)) }
func down(x float64) float64 { return math.Nextafter(x, math.Inf(-1)) }

// overflowUp is the upper bound of a result that was rounded to infinity: of
// finite operands it lies beyond the finite numbers, so that below them all the
// least of them bounds it from above.
func overflowUp(x, y, result float64) float64 {
	if math.IsInf(result, -1) && !math.IsInf(x, 0) && !math.IsInf(y, 0) {
		return -math.MaxFloat64
	}
	return result
}

// AddUp is at least x + y and at most one float64 above it.
func AddUp(x, y float64) float64 {
	s := x + y
	if math.IsInf(s, 0) {
		return overflowUp(x, y, s)
	}
	if addError(x, y, s) > 0 {
		return up(s)
	}
	return s
}

// AddDown is at most x + y and at most one float64 below it.
func AddDown(x, y float64) float64 { return -AddUp(-x, -y) }

// SubUp is at least x - y.
func SubUp(x, y float64) float64 { return AddUp(x, -y) }

// SubDown is at most x - y.
func SubDown(x, y float64) float64 { return AddDown(x, -y) }

// addError is x + y - s exactly, for s = x + y rounded (Knuth's TwoSum).
func addError(x, y, s float64) float64 {
	yy := s - x
	return (x - (s - yy)) + (y - yy)
}

// MulUp is at least x · y and at most two float64 above it.
func MulUp(x, y float64) float64 {
	p := x * y
	if math.IsInf(p, 0) {
		return overflowUp(x, y, p)
	}
	if p == x && y == 1 || p == y && x == 1 {
		return p
	}
	// The residual x·y - p is exact unless it underflows; then step in doubt.
	if e := math.FMA(x, y, -p); e > 0 || (math.Abs(p) < 1e-290 && p != 0) || (p == 0 && x != 0 && y != 0) {
		return up(p)
	}
	return p
}

// MulDown is at most x · y.
func MulDown(x, y float64) float64 { return -MulUp(-x, y) }

// DivUp is at least x / y and at most two float64 above it.
func DivUp(x, y float64) float64 {
	q := x / y
	if y == 0 || math.IsNaN(q) {
		return q
	}
	if math.IsInf(q, 0) {
		return overflowUp(x, y, q)
	}
	// x - q·y has the sign of the error times the sign of y.
	e := math.FMA(-q, y, x)
	if y < 0 {
		e = -e
	}
	if e > 0 || (math.Abs(q) < 1e-290 && x != 0) || (math.Abs(x) < 1e-290 && x != 0) {
		return up(q)
	}
	return q
}

// DivDown is at most x / y.
func DivDown(x, y float64) float64 { return -DivUp(-x, y) }

// SqrtUp is at least √x.
func SqrtUp(x float64) float64 {
	s := math.Sqrt(x)
	if math.FMA(s, s, -x) < 0 || (x < 1e-290 && x > 0) {
		return up(s)
	}
	return s
}

// SqrtDown is at most √x.
func SqrtDown(x float64) float64 {
	s := math.Sqrt(x)
	if math.FMA(s, s, -x) > 0 || (x < 1e-290 && x > 0) {
		return down(s)
	}
	return s
}

// The functions of package math used here err by less than one unit in the
// last place (their own documentation and the tests of this package, which
// compare with 200-bit arithmetic). Two steps outwards bound them.

func up2(x float64) float64   { return up(up(x)) }
func down2(x float64) float64 { return down(down(x)) }

// ExpUp is at least e^x and within four float64 of it.
func ExpUp(x float64) float64 {
	if x == 0 {
		return 1
	}
	return up2(math.Exp(x))
}

// ExpDown is at most e^x, and at least 0.
func ExpDown(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Max(0, down2(math.Exp(x)))
}

// Expm1Up is at least e^x - 1.
func Expm1Up(x float64) float64 {
	if x == 0 {
		return 0
	}
	return up2(math.Expm1(x))
}

// Expm1Down is at most e^x - 1.
func Expm1Down(x float64) float64 {
	if x == 0 {
		return 0
	}
	return down2(math.Expm1(x))
}

// LogUp is at least ln x.
func LogUp(x float64) float64 {
	if x == 1 {
		return 0
	}
	return up2(logarithm(x))
}

// LogDown is at most ln x.
func LogDown(x float64) float64 {
	if x == 1 {
		return 0
	}
	return down2(logarithm(x))
}

// logarithm is math.Log, which is wrong below the normal range on some
// processors.
func logarithm(x float64) float64 {
	if x > 0 && x < 0x1p-1000 {
		return math.Log(x*0x1p200) - 200*math.Ln2
	}
	return math.Log(x)
}

// Log1pUp is at least ln(1 + x).
func Log1pUp(x float64) float64 {
	if x == 0 {
		return 0
	}
	return up2(math.Log1p(x))
}

// Log1pDown is at most ln(1 + x).
func Log1pDown(x float64) float64 {
	if x == 0 {
		return 0
	}
	return down2(math.Log1p(x))
}
