package hierarchy

import (
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/fault"
)

// prefix keeps the first characters of a value and masks the rest.
type prefix struct {
	lengths []int
	err     error
}

// Prefix returns the hierarchy that keeps, level by level, the first
// lengths[i] characters of the canonical text and masks each further one by
// "*". Prefix(3, 2) takes 81667 to 816** and 81***. Text that is no longer
// than a length is unchanged. A character is a Unicode code point.
//
// Lengths must be positive and decrease; CheckType reports it if they do not.
func Prefix(lengths ...int) Hierarchy {
	h := &prefix{lengths: lengths}
	if len(lengths) == 0 {
		h.err = fault.Planf("prefix: no lengths; say how many characters each level keeps, as in [3, 2]")
	}
	for i, n := range lengths {
		if n < 1 {
			h.err = fault.Planf("prefix: level %d keeps %d characters; keep at least one (%q follows the last level by itself)", i+1, n, Top)
		} else if i > 0 && n >= lengths[i-1] {
			h.err = fault.Planf("prefix: level %d keeps %d characters and level %d keeps %d; lengths must decrease", i, lengths[i-1], i+1, n)
		}
	}
	return h
}

func (h *prefix) Levels() []string { return numbered(len(h.lengths)) }

func (h *prefix) Lines() int { return 0 }

func (h *prefix) CheckType(dt arrow.DataType) error {
	if h.err != nil {
		return h.err
	}
	return code.CheckType(dt)
}

func (h *prefix) Generalize(values arrow.Array, level int) ([]string, []bool, error) {
	if h.err != nil {
		return nil, nil, h.err
	}
	if level < 1 || level > len(h.lengths) {
		return nil, nil, fault.Planf("the hierarchy has no level %d", level)
	}
	keep := h.lengths[level-1]
	return eachText(values, func(text []byte) (string, bool) {
		rest, n := text, 0
		for ; n < keep && len(rest) > 0; n++ {
			_, size := utf8.DecodeRune(rest)
			rest = rest[size:]
		}
		return string(text[:len(text)-len(rest)]) + strings.Repeat("*", utf8.RuneCount(rest)), true
	})
}
