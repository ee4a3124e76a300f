package arrowio

import (
	"strings"

	"github.com/oboro-data/oboro/internal/fault"
)

// A pattern is a strftime format taken apart: directives by their letter, and
// literal bytes.
type pattern []patternStep

type patternStep struct {
	directive byte // 0: a literal byte
	literal   byte
}

const directives = "YmdHMSyebfz"

// compilePattern takes a strftime format apart. %Y four-digit year, %y two
// digits (69 to 99 are 1969 to 1999, others 20xx), %m %d %H %M %S one or two
// digits, %e day padded with a space, %b English month of three letters, %f
// one to six decimals of a second, %z Z or an offset from UTC, %% a percent
// sign. A format needs a year; a missing month or day is the first.
func compilePattern(format string) (pattern, error) {
	format = strings.NewReplacer("%F", "%Y-%m-%d", "%T", "%H:%M:%S").Replace(format)
	var p pattern
	year := false
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			p = append(p, patternStep{literal: format[i]})
			continue
		}
		i++
		switch {
		case i < len(format) && format[i] == '%':
			p = append(p, patternStep{literal: '%'})
		case i < len(format) && strings.IndexByte(directives, format[i]) >= 0:
			year = year || format[i] == 'Y' || format[i] == 'y'
			p = append(p, patternStep{directive: format[i]})
		default:
			return nil, fault.Planf("format %q: only %%Y %%y %%m %%d %%e %%b %%H %%M %%S %%f %%z %%F %%T and %%%% are known", format)
		}
	}
	if !year {
		return nil, fault.Planf("format %q: a date needs a year, %%Y or %%y", format)
	}
	return p, nil
}

// zoned reports whether the pattern reads an offset from UTC.
func (p pattern) zoned() bool {
	for _, s := range p {
		if s.directive == 'z' {
			return true
		}
	}
	return false
}

var monthNames = [...]string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}

// parse reads the whole of b.
func (p pattern) parse(b []byte) (c clock, ok bool) {
	year, month, day := 0, 1, 1
	var h, m, s int
	var micros int64
	for _, step := range p {
		n := 0
		switch step.directive {
		case 0:
			ok, n = len(b) > 0 && b[0] == step.literal, 1
		case 'Y':
			if ok, n = len(b) >= 4, 4; ok {
				hi, lo := two(b), two(b[2:])
				ok, year = hi <= 99 && lo <= 99, hi*100+lo
			}
		case 'y':
			if ok, n = len(b) >= 2, 2; ok {
				year = two(b)
				ok = year <= 99
				if year += 1900; year < 1969 {
					year += 100
				}
			}
		case 'm':
			month, n, ok = upToTwo(b)
		case 'd':
			day, n, ok = upToTwo(b)
		case 'e':
			pad := 0
			if len(b) > 0 && b[0] == ' ' {
				pad = 1
			}
			day, n, ok = upToTwo(b[pad:])
			n += pad
		case 'H':
			h, n, ok = upToTwo(b)
		case 'M':
			m, n, ok = upToTwo(b)
		case 'S':
			s, n, ok = upToTwo(b)
		case 'f':
			micros, n, ok = fraction(b)
		case 'b':
			ok = false
			for i, name := range monthNames {
				if len(b) >= 3 && foldEqual(b[:3], name) {
					month, n, ok = i+1, 3, true
				}
			}
		case 'z':
			c.zoned = true
			c.offset, n, ok = zone(b)
		}
		if !ok {
			return c, false
		}
		b = b[n:]
	}
	if len(b) > 0 || h > 23 || m > 59 || s > 59 {
		return c, false
	}
	c.days, ok = civilDays(uint32(year), uint32(month), uint32(day))
	c.micros = int64(h*3600+m*60+s)*1e6 + micros
	return c, ok
}

// upToTwo reads one or two digits.
func upToTwo(b []byte) (v, n int, ok bool) {
	for n < 2 && n < len(b) && b[n]-'0' <= 9 {
		v = v*10 + int(b[n]-'0')
		n++
	}
	return v, n, n > 0
}
