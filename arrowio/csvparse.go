package arrowio

import (
	"math"
	"math/bits"
	"strconv"
	"time"
	"unsafe"
)

// The strict forms are those that inference accepts, so that no inferred
// column changes what its text says: no leading zeros, no plus sign, no
// exponent. The loose forms are for declared columns.

// parseInteger reads an int64. Strict: -?(0|[1-9][0-9]*). Loose: a plus sign
// and leading zeros too.
func parseInteger(b []byte, strict bool) (int64, bool) {
	i, neg := 0, false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+' && !strict) {
		neg = b[0] == '-'
		i = 1
	}
	digits := len(b) - i
	if digits == 0 || strict && b[i] == '0' && (digits > 1 || neg) {
		return 0, false
	}
	if digits <= 8 && cap(b)-i >= 8 {
		v, ok := eightDigits(word(b[i:i+8]), uint32(digits))
		if neg {
			return -int64(v), ok
		}
		return int64(v), ok
	}
	for !strict && digits > 18 && b[i] == '0' {
		i++
		digits--
	}
	if digits > 19 {
		return 0, false
	}
	var v uint64 // nineteen digits stay below 2^64
	for ; i < len(b); i++ {
		c := b[i] - '0'
		if c > 9 {
			return 0, false
		}
		v = v*10 + uint64(c)
	}
	if neg {
		return -int64(v), v <= 1<<63
	}
	return int64(v), v < 1<<63
}

// eightDigits reads an unsigned number of n digits, one to eight, whose first
// is the lowest byte of x; what lies above them is not looked at.
//
// All bytes are worked on at once, as lanes of one word. Without the bits of
// "0" a digit is its value, and no other byte is below ten. The digits are moved
// to the upper end, with noughts below, and neighbours are joined: tens and
// ones, then hundreds, then ten thousands (Lemire, 2018). For 125:
//
//	"1" "2" "5" ...    →    0 0 0 0 0 1 2 5    →    0 0 1 25    →    0 125    →    125
func eightDigits(x uint64, n uint32) (v uint64, ok bool) {
	x = (x ^ zeros) << ((64 - 8*n) & 63)
	return joinDigits(x), noDigits(x) == 0
}

// zeros is the text "00000000" as a word.
const zeros = oneEach * '0'

// noDigits is not 0 if some byte of x is above 9.
func noDigits(x uint64) uint64 { return (x + oneEach*(0x80-10) | x) & highBits }

// joinDigits returns the number whose eight digits are the bytes of x.
func joinDigits(x uint64) uint64 {
	x = x*10 + x>>8
	return (x&0x000000ff000000ff*(100+1000000<<32) + x>>16&0x000000ff000000ff*(1+10000<<32)) >> 32
}

// shortDecimal reads an unsigned number of n bytes, one to eight, in which one
// point may stand: the digits as an integer, and how many follow the point.
// The point is cut out of the word, the rest is eightDigits'.
func shortDecimal(x uint64, n uint32) (v uint64, decimals uint32, ok bool) {
	if at := zeroBytes(x^oneEach*'.') & (1<<(8*n) - 1); at != 0 {
		p := uint32(bits.TrailingZeros64(at)) &^ 7 // eight times the point's place
		below := uint64(1)<<p - 1
		x = x&below | x>>8&^below
		if n--; n == 0 {
			return 0, 0, false
		}
		decimals = n - p/8
	}
	v, ok = eightDigits(x, n)
	return v, decimals, ok
}

// strictDecimal reports whether a number that shortDecimal reads has digits on
// both sides of its point and no leading zeros.
func strictDecimal(x uint64, n uint32) bool {
	first, second, last := byte(x), byte(x>>8), byte(x>>((8*n-8)&63))
	return first != '.' && last != '.' && (first != '0' || n == 1 || second == '.')
}

// pow10 are the powers of ten that a float64 holds exactly.
var pow10 = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// parseDecimal returns the float64 nearest to a decimal number. Strict:
// -?(0|[1-9][0-9]*)(\.[0-9]+)?, not minus zero. Loose: what is usual for
// decimals, exponents included, but not infinity, NaN or hexadecimal digits.
//
// With a mantissa below 2^53 and at most 22 decimals both operands of one
// division are exact, so its result is the nearest float64 (Clinger, How to
// read floating point numbers accurately, 1990).
func parseDecimal(b []byte, strict bool) (float64, bool) {
	i, neg := 0, false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+' && !strict) {
		neg = b[0] == '-'
		i = 1
	}
	if n := len(b) - i; n > 0 && n <= 8 && cap(b)-i >= 8 {
		x := word(b[i : i+8])
		if m, decimals, ok := shortDecimal(x, uint32(n)); ok {
			if strict && (!strictDecimal(x, uint32(n)) || neg && m == 0) {
				return 0, false
			}
			v := float64(m) / pow10[decimals]
			if neg {
				v = -v
			}
			return v, true
		}
	}
	start, point := i, -1
	var m uint64
	digits := 0 // significant ones
	for ; i < len(b); i++ {
		c := b[i] - '0'
		switch {
		case c <= 9:
			m = m*10 + uint64(c)
			if m != 0 {
				digits++
			}
			continue
		case b[i] == '.' && point < 0:
			point = i
			continue
		case !strict && (b[i] == 'e' || b[i] == 'E'):
			return parseFloat(b)
		}
		return 0, false
	}
	whole, decimals := len(b)-start, 0
	if point >= 0 {
		whole, decimals = point-start, len(b)-point-1
	}
	if whole+decimals == 0 {
		return 0, false
	}
	if strict {
		if whole == 0 || point >= 0 && decimals == 0 || b[start] == '0' && whole > 1 || neg && digits == 0 {
			return 0, false
		}
	}
	if digits > 15 || decimals > 22 {
		return parseFloat(b)
	}
	v := float64(m) / pow10[decimals]
	if neg {
		v = -v
	}
	return v, true
}

// parseFloat is for decimals that need more than one division. Its caller has
// made sure of digits, point and signs up to an exponent.
func parseFloat(b []byte) (float64, bool) {
	for _, c := range b {
		if (c < '0' || c > '9') && c != '+' && c != '-' && c != '.' && c != 'e' && c != 'E' {
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(b), len(b)), 64)
	return v, err == nil && !math.IsInf(v, 0)
}

// parseBoolean reads true and false; loose, in any case, and 1 and 0.
func parseBoolean(b []byte, strict bool) (value, ok bool) {
	switch string(b) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	if strict {
		return false, false
	}
	switch len(b) {
	case 1:
		return b[0] == '1', b[0] == '1' || b[0] == '0'
	case 4:
		return true, foldEqual(b, "true")
	case 5:
		return false, foldEqual(b, "false")
	}
	return false, false
}

func foldEqual(b []byte, lower string) bool {
	for i := range b {
		if b[i]|0x20 != lower[i] {
			return false
		}
	}
	return len(b) == len(lower)
}

// two reads two digits; a value above 99 means that they are none.
func two(b []byte) int {
	hi, lo := b[0]-'0', b[1]-'0'
	if hi > 9 || lo > 9 {
		return 100
	}
	return int(hi)*10 + int(lo)
}

// parseDate reads YYYY-MM-DD of the Gregorian calendar as days since
// 1970-01-01. Without the bits of "0000-00-" its first eight bytes are digits,
// and nought where a hyphen stands.
func parseDate(b []byte) (int32, bool) {
	if len(b) != 10 {
		return 0, false
	}
	const form, hyphens = zeros ^ ('0'^'-')*(1<<32+1<<56), 0xff<<32 + 0xff<<56
	x, d := word(b[:8])^form, two(b[8:])
	if noDigits(x)|x&hyphens != 0 {
		return 0, false
	}
	x = x*10 + x>>8 // pairs of digits: 0 1, 2 3 and 5 6
	return civilDays(uint32(x&0xff*100+x>>16&0xff), uint32(x>>40&0xff), uint32(d))
}

// monthStart[m] is the number of days before month m of a common year whose
// first month is March.
var monthStart = [13]uint16{0, 306, 337, 0, 31, 61, 92, 122, 153, 184, 214, 245, 275}
var monthLength = [13]uint8{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// civilDays returns the days from 1970-01-01 to a date of the years 1 to 9999. With years that begin
// in March the leap day comes last, and the days before year y are
// 365y + ⌊y/4⌋ - ⌊y/100⌋ + ⌊y/400⌋; 1970-01-01 is day 719468 of that count.
func civilDays(y, m, d uint32) (int32, bool) {
	if m-1 > 11 || d-1 > 30 || y-1 > 9998 {
		return 0, false
	}
	if d > 28 && d > uint32(monthLength[m]) && !(m == 2 && d == 29 && y%4 == 0 && (y%100 != 0 || y%400 == 0)) {
		return 0, false
	}
	if m < 3 {
		y--
	}
	century := y / 100
	return int32(365*y+y/4-century+century/4+uint32(monthStart[m])+d-1) - 719468, true
}

// A clock is a date and a time of day, perhaps with an offset from UTC.
type clock struct {
	days   int32
	micros int64 // since midnight
	offset int   // seconds east of UTC
	zoned  bool
}

// instant returns microseconds since 1970-01-01 00:00 UTC; a clock without an
// offset is read in loc, or as UTC when loc is nil.
func (c clock) instant(loc *time.Location) int64 {
	us := int64(c.days)*86400e6 + c.micros
	switch {
	case c.zoned:
		return us - int64(c.offset)*1e6
	case loc != nil:
		t := time.UnixMicro(us).UTC()
		return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), loc).UnixMicro()
	}
	return us
}

// parseClock reads ISO 8601: a date, "T" or a space, hours and minutes, and
// perhaps seconds, up to six decimals of a second, and Z or an offset.
func parseClock(b []byte) (c clock, ok bool) {
	if len(b) < 16 || b[10] != 'T' && b[10] != ' ' || b[13] != ':' {
		return c, false
	}
	if c.days, ok = parseDate(b[:10]); !ok {
		return c, false
	}
	var h, m, s int
	rest := b[16:]
	var frac int64
	if len(rest) >= 3 && rest[0] == ':' {
		const form, colons = zeros ^ ('0'^':')*(1<<16+1<<40), 0xff<<16 + 0xff<<40
		x := word(b[11:19]) ^ form
		if noDigits(x)|x&colons != 0 {
			return c, false
		}
		x = x*10 + x>>8
		h, m, s = int(x&0xff), int(x>>24&0xff), int(x>>48&0xff)
		if rest = rest[3:]; len(rest) > 1 && rest[0] == '.' {
			var n int
			if frac, n, ok = fraction(rest[1:]); !ok {
				return c, false
			}
			rest = rest[1+n:]
		}
	} else {
		h, m = two(b[11:]), two(b[14:])
	}
	if h > 23 || m > 59 || s > 59 {
		return c, false
	}
	c.micros = int64(h*3600+m*60+s)*1e6 + frac
	if len(rest) > 0 {
		c.zoned = true
		var n int
		if c.offset, n, ok = zone(rest); !ok || n != len(rest) {
			return c, false
		}
	}
	return c, true
}

// fraction reads one to six digits as millionths, and how many it read.
func fraction(b []byte) (micros int64, n int, ok bool) {
	for n < len(b) && b[n]-'0' <= 9 {
		if n == 6 {
			return 0, n, false
		}
		micros = micros*10 + int64(b[n]-'0')
		n++
	}
	for k := n; k < 6; k++ {
		micros *= 10
	}
	return micros, n, n > 0
}

// zone reads Z, +09:00, +0900 or +09 as seconds east of UTC.
func zone(b []byte) (seconds, n int, ok bool) {
	if len(b) > 0 && b[0] == 'Z' {
		return 0, 1, true
	}
	if len(b) < 3 || b[0] != '+' && b[0] != '-' {
		return 0, 0, false
	}
	h, m := two(b[1:]), 0
	n = 3
	rest := b[3:]
	if len(rest) >= 3 && rest[0] == ':' {
		m, n = two(rest[1:]), 6
	} else if len(rest) >= 2 && rest[0] != ':' {
		m, n = two(rest), 5
	}
	if h > 23 || m > 59 {
		return 0, 0, false
	}
	seconds = h*3600 + m*60
	if b[0] == '-' {
		seconds = -seconds
	}
	return seconds, n, true
}
