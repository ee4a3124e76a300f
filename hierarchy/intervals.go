package hierarchy

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/fault"
)

// An IntervalHierarchy generalises numbers to intervals; see Intervals.
type IntervalHierarchy struct {
	widths   []decimal
	min, max *decimal // nil: no limit
	err      error
}

// A decimal is an exact parameter: its value, and how many digits it has after
// the point.
type decimal struct {
	value  *big.Rat
	digits int
	whole  int64 // the value, if it is whole and |value| ≤ maxWhole
	small  bool  // whole is set
}

// maxWhole bounds the integers that are generalised in int64 arithmetic:
// interval bounds then do not overflow.
const maxWhole = 1 << 61

// Intervals returns the hierarchy of intervals of the given widths, one level
// each, aligned to multiples of the width. Intervals(5, 10, 20) takes 34 to
// 30-34, 30-39 and 20-39. A width means its shortest decimal: 0.1 is one tenth.
// Labels are, with l the least and h the greatest value:
//
//	integer columns, whole widths    l-h; l..h where l is negative; l where h = l
//	otherwise                        [l,h), half open: 30 is in [30,40), 40 is not
//
// Integers, floats (by their shortest decimal) and decimals are accepted. NaN
// and the infinities are labelled NaN, Inf and -Inf.
//
// Every width must be positive and a multiple of the former, or the levels
// would not coarsen; CheckType reports it.
func Intervals(widths ...float64) *IntervalHierarchy {
	h := &IntervalHierarchy{}
	if len(widths) == 0 {
		h.err = fault.Planf("intervals: no widths; give the width of each level, as in [5, 10, 20]")
	}
	for i, w := range widths {
		if !(w > 0) || math.IsInf(w, 1) {
			h.err = fault.Planf("intervals: width %v of level %d is not a positive number", w, i+1)
			return h
		}
		d := newDecimal(w)
		if i > 0 && !new(big.Rat).Quo(d.value, h.widths[i-1].value).IsInt() {
			h.err = fault.Planf("intervals: width %v of level %d is no multiple of width %v of level %d; levels must coarsen", w, i+1, widths[i-1], i)
			return h
		}
		if i > 0 && w <= widths[i-1] {
			h.err = fault.Planf("intervals: width %v of level %d is not greater than that of level %d", w, i+1, i)
			return h
		}
		h.widths = append(h.widths, d)
	}
	return h
}

// Min returns the hierarchy with bottom coding: values less than v are
// labelled <v from level 1 up, and an interval across v begins at v.
func (h *IntervalHierarchy) Min(v float64) *IntervalHierarchy {
	out := *h
	out.min = out.limit(v)
	return &out
}

// Max returns the hierarchy with top coding: values greater than v are
// labelled >v from level 1 up, and an interval across v ends at v, v included:
// 90-95, or [90,95].
func (h *IntervalHierarchy) Max(v float64) *IntervalHierarchy {
	out := *h
	out.max = out.limit(v)
	return &out
}

func (h *IntervalHierarchy) limit(v float64) *decimal {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		h.err = fault.Planf("intervals: min and max must be finite")
		return nil
	}
	d := newDecimal(v)
	return &d
}

func newDecimal(v float64) decimal {
	text := strconv.FormatFloat(v, 'f', -1, 64)
	r, _ := new(big.Rat).SetString(text)
	d := decimal{value: r}
	if _, fraction, ok := strings.Cut(text, "."); ok {
		d.digits = len(fraction)
	}
	if r.IsInt() && r.Num().IsInt64() && math.Abs(v) <= maxWhole {
		d.whole, d.small = r.Num().Int64(), true
	}
	return d
}

// Levels implements Hierarchy: levels are named by number.
func (h *IntervalHierarchy) Levels() []string { return numbered(len(h.widths)) }

// Lines implements Hierarchy: intervals are computed.
func (h *IntervalHierarchy) Lines() int { return 0 }

// CheckType implements Hierarchy: integers, floats and decimals have intervals.
func (h *IntervalHierarchy) CheckType(dt arrow.DataType) error {
	if h.err != nil {
		return h.err
	}
	if h.min != nil && h.max != nil && h.min.value.Cmp(h.max.value) > 0 {
		return fault.Planf("intervals: min is greater than max")
	}
	switch v := code.ValueType(dt); {
	case arrow.IsInteger(v.ID()), arrow.IsFloating(v.ID()), arrow.IsDecimal(v.ID()), v.ID() == arrow.NULL:
		return nil
	default:
		return fault.Planf("intervals need numbers and the column has type %s; declare type: integer or decimal", v.Name())
	}
}

// Generalize implements Hierarchy.
func (h *IntervalHierarchy) Generalize(values arrow.Array, level int) ([]string, []bool, error) {
	if err := h.CheckType(values.DataType()); err != nil {
		return nil, nil, err
	}
	if level < 1 || level > len(h.widths) {
		return nil, nil, fault.Planf("the hierarchy has no level %d", level)
	}
	width := h.widths[level-1]
	small := arrow.IsInteger(values.DataType().ID()) && width.small &&
		(h.min == nil || h.min.small) && (h.max == nil || h.max.small)
	closed := arrow.IsInteger(values.DataType().ID()) && width.value.IsInt() &&
		(h.min == nil || h.min.value.IsInt()) && (h.max == nil || h.max.value.IsInt())
	return eachText(values, func(text []byte) (string, bool) {
		if small {
			if v, err := strconv.ParseInt(string(text), 10, 64); err == nil && -maxWhole <= v && v <= maxWhole {
				return h.wholeLabel(v, width.whole), true
			}
		}
		return h.label(string(text), width, closed), true
	})
}

// wholeLabel is label for small whole numbers.
func (h *IntervalHierarchy) wholeLabel(v, width int64) string {
	if h.min != nil && v < h.min.whole {
		return "<" + strconv.FormatInt(h.min.whole, 10)
	}
	if h.max != nil && v > h.max.whole {
		return ">" + strconv.FormatInt(h.max.whole, 10)
	}
	lo := v - ((v%width)+width)%width
	hi := lo + width - 1
	if h.min != nil {
		lo = max(lo, h.min.whole)
	}
	if h.max != nil {
		hi = min(hi, h.max.whole)
	}
	return closedLabel(strconv.FormatInt(lo, 10), strconv.FormatInt(hi, 10))
}

func closedLabel(lo, hi string) string {
	switch {
	case lo == hi:
		return lo
	case lo[0] == '-':
		return lo + ".." + hi
	}
	return lo + "-" + hi
}

// label labels any number, in exact arithmetic. closed is set if values are
// integers and so are all parameters.
func (h *IntervalHierarchy) label(text string, width decimal, closed bool) string {
	infinite := 0
	switch text {
	case "NaN":
		return text
	case "Inf":
		infinite = 1
	case "-Inf":
		infinite = -1
	}
	v := new(big.Rat)
	if infinite == 0 {
		v.SetString(text)
	}
	if h.min != nil && (infinite < 0 || infinite == 0 && v.Cmp(h.min.value) < 0) {
		return "<" + format(h.min.value, h.min.digits)
	}
	if h.max != nil && (infinite > 0 || infinite == 0 && v.Cmp(h.max.value) > 0) {
		return ">" + format(h.max.value, h.max.digits)
	}
	if infinite != 0 {
		return text
	}
	// Interval number floor(v/width): big.Int division by a positive divisor rounds down.
	q := new(big.Rat).Quo(v, width.value)
	k := new(big.Int).Div(q.Num(), q.Denom())
	lo := new(big.Rat).Mul(new(big.Rat).SetInt(k), width.value)
	hi := new(big.Rat).Add(lo, width.value)
	loDigits, hiDigits, end := width.digits, width.digits, ")"
	if closed {
		hi.Sub(hi, big.NewRat(1, 1))
	}
	if h.min != nil && lo.Cmp(h.min.value) < 0 {
		lo, loDigits = h.min.value, h.min.digits
	}
	if h.max != nil && hi.Cmp(h.max.value) > 0 {
		hi, hiDigits, end = h.max.value, h.max.digits, "]"
	}
	if closed {
		return closedLabel(format(lo, 0), format(hi, 0))
	}
	return "[" + format(lo, loDigits) + "," + format(hi, hiDigits) + end
}

// format writes a number of at most digits digits after the point, exactly and
// without trailing zeros.
func format(v *big.Rat, digits int) string {
	s := v.FloatString(digits)
	if digits > 0 {
		s = strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	}
	if s == "-0" {
		return "0"
	}
	return s
}
