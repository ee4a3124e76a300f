package anon

import (
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// A Number is a parameter of the policy as it was written: an exact rational
// and its text. 0.1 is one tenth, 1/3 is one third, 1e-8 is a hundred-millionth;
// no float stands between the text and the value. The zero Number is not set.
type Number struct {
	rat  *big.Rat
	text string
}

var (
	decimalText  = regexp.MustCompile(`^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$`)
	fractionText = regexp.MustCompile(`^[+-]?[0-9]+/[0-9]+$`)
)

// maxNumberText bounds the digits of a number, and with the three digits of
// the exponent the size of every rational that a policy can make.
const maxNumberText = 60

// parseNumber reads a decimal ("2", "0.05", "1e-8") or a fraction ("1/3").
func parseNumber(text string) (Number, bool) {
	if len(text) > maxNumberText || !decimalText.MatchString(text) && !fractionText.MatchString(text) {
		return Number{}, false
	}
	r, ok := new(big.Rat).SetString(strings.TrimPrefix(text, "+"))
	if !ok { // a denominator of 0
		return Number{}, false
	}
	return Number{r, text}, true
}

// IsSet reports whether the policy gives the number.
func (n Number) IsSet() bool { return n.rat != nil }

// Rat returns the exact value, or nil where the policy gives none. The caller
// owns the result.
func (n Number) Rat() *big.Rat {
	if n.rat == nil {
		return nil
	}
	return new(big.Rat).Set(n.rat)
}

// String returns the number as the policy writes it, "" where it gives none.
func (n Number) String() string { return n.text }

// Float returns the nearest float64, and whether the shortest decimal of that
// float is the number exactly, so that nothing is lost on the way. It is false
// for 1/3 and for decimals of more than about 17 digits.
func (n Number) Float() (f float64, exact bool) {
	if n.rat == nil {
		return 0, true
	}
	f, _ = n.rat.Float64()
	back, ok := new(big.Rat).SetString(strconv.FormatFloat(f, 'g', -1, 64))
	return f, ok && back.Cmp(n.rat) == 0
}

// shortest is the decimal of the nearest float64, as names of columns have it.
func (n Number) shortest() string {
	f, _ := n.Float()
	return strconv.FormatFloat(f+0, 'f', -1, 64)
}

// cmp compares the number with a small integer ratio.
func (n Number) cmp(num, denom int64) int { return n.rat.Cmp(big.NewRat(num, denom)) }
