package exact

import (
	"errors"
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
)

// A Rat is an immutable rational number. The zero value is 0. Rats are
// compared with Cmp or Equal, not with ==.
type Rat struct {
	r *big.Rat // never changed once stored; nil is 0
}

var zero = new(big.Rat)

func (x Rat) rat() *big.Rat {
	if x.r == nil {
		return zero
	}
	return x.r
}

// Int is the whole number n.
func Int(n int64) Rat { return Rat{new(big.Rat).SetInt64(n)} }

// BigInt is the whole number n, which is copied.
func BigInt(n *big.Int) Rat { return Rat{new(big.Rat).SetInt(n)} }

// Frac is the fraction num/den. It panics if den is 0, as a literal would be
// wrong; numbers from outside go through Parse.
func Frac(num, den int64) Rat { return Rat{big.NewRat(num, den)} }

// Limits of what Parse accepts, so that a short text cannot ask for a gigantic
// number. float64 needs no more.
const (
	maxExponent = 400  // decimal
	maxText     = 4000 // characters of a decimal
	maxBits     = 4000 // of numerator and denominator
)

// ErrSyntax is returned for a text that is neither a decimal number nor a
// fraction of two decimal numbers.
var ErrSyntax = errors.New("not a decimal number such as 0.5 or 1e-8, nor a fraction such as 1/3")

// Parse reads a decimal ("2", "-0.25", "1e-8") or a fraction of two decimals
// ("1/3", "0.5/7") exactly. The error does not repeat the text.
func Parse(text string) (Rat, error) {
	num, den, isFrac := strings.Cut(text, "/")
	x, ok := parseDecimal(num)
	if !ok {
		return Rat{}, ErrSyntax
	}
	if isFrac {
		y, ok := parseDecimal(den)
		if !ok || y.Sign() == 0 {
			return Rat{}, ErrSyntax
		}
		x.Quo(x, y)
	}
	if x.Num().BitLen() > maxBits || x.Denom().BitLen() > maxBits {
		return Rat{}, ErrSyntax
	}
	return Rat{x}, nil
}

// parseDecimal accepts [+-]digits[.digits][e[+-]digits] and nothing else: no
// underscores, no hexadecimal, no infinities.
func parseDecimal(s string) (*big.Rat, bool) {
	if len(s) == 0 || len(s) > maxText {
		return nil, false
	}
	mantissa, exponent := s, ""
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa, exponent = s[:i], s[i+1:]
		e, err := strconv.Atoi(exponent)
		if err != nil || e > maxExponent || e < -maxExponent {
			return nil, false
		}
	}
	digits, dots := 0, 0
	for i, c := range mantissa {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c == '.':
			dots++
		case (c == '+' || c == '-') && i == 0:
		default:
			return nil, false
		}
	}
	if digits == 0 || dots > 1 {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

// MustParse is Parse for literals; it panics on a malformed one.
func MustParse(text string) Rat {
	x, err := Parse(text)
	if err != nil {
		panic("exact: malformed literal")
	}
	return x
}

// FromFloat is the number that the shortest decimal text of f stands for:
// FromFloat(0.1) is one tenth, not the binary fraction nearest to it. It
// reports false for NaN and infinities.
func FromFloat(f float64) (Rat, bool) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Rat{}, false
	}
	r, ok := new(big.Rat).SetString(strconv.FormatFloat(f, 'e', -1, 64))
	return Rat{r}, ok
}

// FromBinary is the exact value of f, all binary digits. It reports false for
// NaN and infinities.
func FromBinary(f float64) (Rat, bool) {
	r := new(big.Rat).SetFloat64(f)
	return Rat{r}, r != nil
}

// Add is x + y.
func (x Rat) Add(y Rat) Rat { return Rat{new(big.Rat).Add(x.rat(), y.rat())} }

// Sub is x - y.
func (x Rat) Sub(y Rat) Rat { return Rat{new(big.Rat).Sub(x.rat(), y.rat())} }

// Mul is x · y.
func (x Rat) Mul(y Rat) Rat { return Rat{new(big.Rat).Mul(x.rat(), y.rat())} }

// Quo is x / y. It panics if y is 0.
func (x Rat) Quo(y Rat) Rat { return Rat{new(big.Rat).Quo(x.rat(), y.rat())} }

// Neg is -x.
func (x Rat) Neg() Rat { return Rat{new(big.Rat).Neg(x.rat())} }

// Cmp is -1, 0 or +1 as x is less than, equal to or greater than y.
func (x Rat) Cmp(y Rat) int { return x.rat().Cmp(y.rat()) }

// Equal reports whether x and y are the same number.
func (x Rat) Equal(y Rat) bool { return x.Cmp(y) == 0 }

// Less reports whether x < y.
func (x Rat) Less(y Rat) bool { return x.Cmp(y) < 0 }

// Sign is -1, 0 or +1 as x is negative, zero or positive.
func (x Rat) Sign() int { return x.rat().Sign() }

// IsInt reports whether x is a whole number.
func (x Rat) IsInt() bool { return x.rat().IsInt() }

// Num is the numerator in lowest terms, a copy.
func (x Rat) Num() *big.Int { return new(big.Int).Set(x.rat().Num()) }

// Denom is the denominator in lowest terms, positive, a copy.
func (x Rat) Denom() *big.Int { return new(big.Int).Set(x.rat().Denom()) }

// Floor is the greatest whole number that is at most x.
func (x Rat) Floor() *big.Int {
	q := new(big.Int)
	return q.Div(x.rat().Num(), x.rat().Denom()) // Euclidean: floor, as the denominator is positive
}

// Ceil is the least whole number that is at least x.
func (x Rat) Ceil() *big.Int {
	q := x.Neg().Floor()
	return q.Neg(q)
}

// Max is the greater of x and y.
func Max(x, y Rat) Rat {
	if x.Less(y) {
		return y
	}
	return x
}

// Min is the lesser of x and y.
func Min(x, y Rat) Rat {
	if y.Less(x) {
		return y
	}
	return x
}

// FloatUp is the least float64 that is at least x; +Inf beyond the range.
func (x Rat) FloatUp() float64 {
	f, exact := x.rat().Float64()
	if exact || math.IsInf(f, 1) {
		return f
	}
	if math.IsInf(f, -1) {
		return -math.MaxFloat64
	}
	if y, _ := FromBinary(f); y.Less(x) {
		return math.Nextafter(f, math.Inf(1))
	}
	return f
}

// FloatDown is the greatest float64 that is at most x; -Inf beyond the range.
func (x Rat) FloatDown() float64 { return -x.Neg().FloatUp() }

// Float is the float64 nearest to x, for display only.
func (x Rat) Float() float64 {
	f, _ := x.rat().Float64()
	return f
}

// maxDigits is the longest decimal that String writes; longer ones become
// fractions.
const maxDigits = 25

// String is the shortest exact text: a decimal where x has a short one ("0.1",
// "1e-8", "1500"), else a fraction in lowest terms ("1/3"). Parse reads it back.
// Powers of ten are used below 1e-6 and from 1e21 on.
func (x Rat) String() string {
	r := x.rat()
	if r.Sign() == 0 {
		return "0"
	}
	digits, exponent, ok := decimal(r)
	if point := len(digits) + exponent; !ok || point > maxExponent || point < -maxExponent {
		return r.String()
	}
	sign := ""
	if r.Sign() < 0 {
		sign = "-"
	}
	return sign + formatDecimal(digits, exponent)
}

// decimal writes |r| as digits · 10^exponent with digits free of trailing
// zeros, if the denominator divides a power of ten and the digits are few.
func decimal(r *big.Rat) (digits string, exponent int, ok bool) {
	// den = 2^twos · 5^fives; the number of decimals is the greater of the two.
	den := new(big.Int).Set(r.Denom())
	twos := int(den.TrailingZeroBits())
	den.Rsh(den, uint(twos))
	fives, five := 0, big.NewInt(5)
	for q, m := new(big.Int), new(big.Int); ; fives++ {
		if q.QuoRem(den, five, m); m.Sign() != 0 {
			break
		}
		den.Set(q)
	}
	if !den.IsInt64() || den.Int64() != 1 {
		return "", 0, false
	}
	decimals := max(twos, fives)
	scaled := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(decimals)), nil)
	scaled.Mul(scaled, r.Num()).Quo(scaled, r.Denom()).Abs(scaled)
	digits = strings.TrimRight(scaled.String(), "0")
	exponent = len(scaled.String()) - len(digits) - decimals
	return digits, exponent, len(digits) <= maxDigits
}

// formatDecimal writes digits · 10^exponent in plain or scientific notation.
func formatDecimal(digits string, exponent int) string {
	point := len(digits) + exponent // position of the decimal point from the left
	switch {
	case point > 21 || point < -5:
		text := digits[:1]
		if len(digits) > 1 {
			text += "." + digits[1:]
		}
		return text + "e" + strconv.Itoa(point-1)
	case point <= 0:
		return "0." + strings.Repeat("0", -point) + digits
	case exponent >= 0:
		return digits + strings.Repeat("0", exponent)
	default:
		return digits[:point] + "." + digits[point:]
	}
}

// MarshalText is String.
func (x Rat) MarshalText() ([]byte, error) { return []byte(x.String()), nil }

// UnmarshalText is Parse.
func (x *Rat) UnmarshalText(text []byte) error {
	y, err := Parse(string(text))
	if err == nil {
		*x = y
	}
	return err
}

// MarshalJSON writes the exact text as a JSON string, as no JSON number holds
// one third.
func (x Rat) MarshalJSON() ([]byte, error) { return []byte(`"` + x.String() + `"`), nil }

// UnmarshalJSON reads a JSON string or number; a number means its decimal text.
func (x *Rat) UnmarshalJSON(text []byte) error {
	return x.UnmarshalText([]byte(strings.Trim(string(text), `"`)))
}

// Uint64s is num/den in lowest terms if both fit 64 bits, num ≥ 0.
func (x Rat) Uint64s() (num, den uint64, ok bool) {
	r := x.rat()
	if !r.Num().IsUint64() || !r.Denom().IsUint64() {
		return 0, 0, false
	}
	return r.Num().Uint64(), r.Denom().Uint64(), true
}

// RoundUpTo is the least multiple of 2^-k, for the largest useful k ≥ 0, that
// is at least x and whose numerator has at most maxBits bits; x itself where
// numerator and denominator already fit. It reports false if even the whole
// number above x does not fit. The relative excess is below 2^(1-maxBits)
// unless k is limited by 63.
func (x Rat) RoundUpTo(maxBits int) (Rat, bool) {
	if x.Sign() < 0 {
		return Rat{}, false
	}
	r := x.rat()
	if r.Num().BitLen() <= maxBits && r.Denom().BitLen() <= maxBits {
		return x, true
	}
	whole := x.Ceil()
	if whole.BitLen() > maxBits {
		return Rat{}, false
	}
	k := min(maxBits-whole.BitLen(), bits.UintSize-1, maxBits-1)
	one := new(big.Int).Lsh(big.NewInt(1), uint(k))
	scaled := x.Mul(BigInt(one)).Ceil()
	if scaled.BitLen() > maxBits { // the ceiling reached the next power of two
		one.Rsh(one, 1)
		scaled = x.Mul(BigInt(one)).Ceil()
	}
	return Rat{new(big.Rat).SetFrac(scaled, one)}, true
}
