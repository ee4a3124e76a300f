package hierarchy

import (
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/internal/fault"
)

// Raising returns the function that takes labels of a level to those of a
// coarser one: 2026-11 to 2026, 816** to 81***, 30-34 to 30-39. Levels count
// from 1; to may be one above the last, whose label is Top. What is no label of
// the level stays as it is. The cost is one pass over the lines of a listed
// hierarchy, then constant for a label.
//
// A hierarchy that is not of this package knows no labels by themselves; it,
// and levels that do not coarsen, are errors of kind Plan.
func Raising(h Hierarchy, from, to int) (func(label string) string, error) {
	n := len(h.Levels())
	if from < 1 || to <= from || to > n+1 {
		return nil, fault.Planf("labels of level %d are no parts of those of level %d; name a coarser level", from, to)
	}
	if to == n+1 {
		return func(string) string { return Top }, nil
	}
	switch h := h.(type) {
	case *lines:
		up := make(map[string]string, len(h.levels[from-1].labels))
		for line, at := range h.levels[from-1].of {
			up[h.levels[from-1].labels[at]] = h.levels[to-1].labels[h.levels[to-1].of[line]]
		}
		return func(label string) string {
			if raised, ok := up[label]; ok {
				return raised
			}
			return label
		}, nil
	case *prefix: // a mask has one sign for each character, so labels are masked like values
		return func(label string) string {
			return generalizeOne(h, array.NewStringBuilder(memory.DefaultAllocator), label, to)
		}, nil
	case *dates:
		return func(label string) string {
			if t, ok := h.units[from-1].begin(label); ok {
				return h.units[to-1].label(t)
			}
			return label
		}, nil
	case *IntervalHierarchy:
		return func(label string) string { return h.raise(label, to) }, nil
	}
	return nil, fault.Planf("this kind of hierarchy can't raise labels; group the finer table by raw values")
}

// begin returns the first moment of the unit of a label.
func (u unit) begin(label string) (time.Time, bool) {
	first := label
	if u.n > 1 && len(label) > 4 { // 2025-2029, FY2025-FY2029
		first = label[:(len(label)-1)/2]
	}
	layout := map[unitKind]string{minute: "2006-01-02T15:04", hour: "2006-01-02T15", day: "2006-01-02", month: "2006-01", year: "2006", fiscalYear: "FY2006"}[u.kind]
	if u.kind == quarter {
		y, q, _ := strings.Cut(label, "-Q")
		n, err := strconv.Atoi(q)
		t, bad := time.Parse("2006", y)
		return t.AddDate(0, 3*(n-1), 0), err == nil && bad == nil
	}
	t, err := time.Parse(layout, first)
	if u.kind == fiscalYear {
		t = t.AddDate(0, 3, 0)
	}
	return t, err == nil && layout != ""
}

// raise labels the lower end of an interval at a coarser level. What lies beyond
// the limits has one label at all levels.
func (h *IntervalHierarchy) raise(label string, to int) string {
	if low, ok := strings.CutPrefix(label, "["); ok {
		low, _, _ = strings.Cut(low, ",")
		return generalizeOne(h, array.NewFloat64Builder(memory.DefaultAllocator), low, to)
	}
	if label == "" || strings.ContainsAny(label[:1], "<>") {
		return label
	}
	low, _, ranged := strings.Cut(label, "..")
	if !ranged && label[0] != '-' {
		low, _, _ = strings.Cut(label, "-")
	}
	if _, err := strconv.ParseInt(low, 10, 64); err != nil {
		return label // NaN, an infinity
	}
	return generalizeOne(h, array.NewInt64Builder(memory.DefaultAllocator), low, to)
}

// generalizeOne labels the value of a text, which a builder of its type reads.
func generalizeOne(h Hierarchy, b array.Builder, text string, level int) string {
	defer b.Release()
	if b.AppendValueFromString(text) != nil {
		return text
	}
	var values arrow.Array = b.NewArray()
	defer values.Release()
	labels, ok, err := h.Generalize(values, level)
	if err != nil || !ok[0] {
		return text
	}
	return labels[0]
}
