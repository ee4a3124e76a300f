package hierarchy

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/fault"
)

// dates generalises dates and timestamps to calendar units.
type dates struct {
	units []unit
	err   error
}

// A unit is a calendar unit, or n years.
type unit struct {
	kind unitKind
	n    int // years and fiscal years only
	name string
}

type unitKind uint8

const (
	minute unitKind = iota
	hour
	day
	week
	month
	quarter
	year
	fiscalYear
)

var unitNames = map[string]unitKind{
	"minute": minute, "hour": hour, "day": day, "week": week, "month": month, "quarter": quarter, "year": year, "fiscal-year": fiscalYear,
}

// maxYears bounds N in N-years.
const maxYears = 10_000

// Dates returns the hierarchy of the given calendar units, one level each,
// named by the units. 2026-11-22T13:05:09 becomes
//
//	minute          2026-11-22T13:05    (timestamps only)
//	hour            2026-11-22T13       (timestamps only)
//	day             2026-11-22
//	week            2026-W47            ISO 8601 week, with the year it belongs to
//	month           2026-11
//	quarter         2026-Q4
//	year            2026
//	5-years         2025-2029           any number of years, beginning at its multiples
//	fiscal-year     FY2026              1 April 2026 to 31 March 2027
//	5-fiscal-years  FY2025-FY2029
//
// date32, date64 and timestamp columns are accepted; a timestamp is taken in
// its column's zone.
//
// Every unit must be made of whole units of the former: a week is not part of
// one month, nor a year of one fiscal year. CheckType reports it, and unknown
// units.
func Dates(units ...string) Hierarchy {
	h := &dates{}
	if len(units) == 0 {
		h.err = fault.Planf("date: no units; name the unit of each level, as in [month, year]")
	}
	for i, name := range units {
		u, ok := parseUnit(name)
		if !ok {
			h.err = fault.Planf("date: level %d has the unknown unit %q; use minute, hour, day, week, month, quarter, year, N-years, fiscal-year or N-fiscal-years", i+1, name)
			return h
		}
		if i > 0 && !h.units[i-1].within(u) {
			h.err = fault.Planf("date: unit %q of level %d is not made of whole units %q of level %d; levels must coarsen", name, i+1, units[i-1], i)
			return h
		}
		h.units = append(h.units, u)
	}
	return h
}

func parseUnit(name string) (unit, bool) {
	if kind, ok := unitNames[name]; ok {
		return unit{kind, 1, name}, true
	}
	number, rest, _ := strings.Cut(name, "-")
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > maxYears || number[0] == '+' {
		return unit{}, false
	}
	switch rest {
	case "years":
		return unit{year, n, name}, true
	case "fiscal-years":
		return unit{fiscalYear, n, name}, true
	}
	return unit{}, false
}

// within reports whether every unit of kind u lies in one of kind v, and v is coarser.
func (u unit) within(v unit) bool {
	switch {
	case u.kind == v.kind:
		return v.n > u.n && v.n%u.n == 0
	case u.kind == week || u.kind == year:
		return false
	}
	return u.kind < v.kind
}

func (u unit) label(t time.Time) string {
	y, m, d := t.Date()
	switch u.kind {
	case minute:
		return fmt.Sprintf("%04d-%02d-%02dT%02d:%02d", y, m, d, t.Hour(), t.Minute())
	case hour:
		return fmt.Sprintf("%04d-%02d-%02dT%02d", y, m, d, t.Hour())
	case day:
		return fmt.Sprintf("%04d-%02d-%02d", y, m, d)
	case week:
		y, w := t.ISOWeek()
		return fmt.Sprintf("%04d-W%02d", y, w)
	case month:
		return fmt.Sprintf("%04d-%02d", y, m)
	case quarter:
		return fmt.Sprintf("%04d-Q%d", y, (m+2)/3)
	}
	mark := ""
	if u.kind == fiscalYear {
		mark = "FY"
		if m < time.April {
			y--
		}
	}
	if u.n == 1 {
		return fmt.Sprintf("%s%04d", mark, y)
	}
	from := y - (y%u.n+u.n)%u.n
	return fmt.Sprintf("%s%04d-%s%04d", mark, from, mark, from+u.n-1)
}

func (h *dates) Levels() []string {
	names := make([]string, len(h.units))
	for i, u := range h.units {
		names[i] = u.name
	}
	return names
}

func (h *dates) Lines() int { return 0 }

func (h *dates) CheckType(dt arrow.DataType) error {
	if h.err != nil {
		return h.err
	}
	switch v := code.ValueType(dt); v.ID() {
	case arrow.TIMESTAMP:
		return code.CheckType(v)
	case arrow.NULL:
		return nil
	case arrow.DATE32, arrow.DATE64:
		if u := h.units[0]; u.kind < day {
			return fault.Planf("date: the unit %q of level 1 needs timestamps and the column has type %s", u.name, v.Name())
		}
		return nil
	default:
		return fault.Planf("date: the column has type %s; declare type: date or timestamp", v.Name())
	}
}

func (h *dates) Generalize(values arrow.Array, level int) ([]string, []bool, error) {
	if err := h.CheckType(values.DataType()); err != nil {
		return nil, nil, err
	}
	if level < 1 || level > len(h.units) {
		return nil, nil, fault.Planf("the hierarchy has no level %d", level)
	}
	u := h.units[level-1]
	labels, ok := make([]string, values.Len()), make([]bool, values.Len())
	made := memo{of: map[int64]string{}}
	for i := range labels {
		ok[i] = true
		if code.IsNull(values, i) {
			continue
		}
		switch a := values.(type) {
		case *array.Date32:
			labels[i] = made.label(u, time.Unix(int64(a.Value(i))*86400, 0).UTC())
		case *array.Date64:
			labels[i] = made.label(u, time.UnixMilli(int64(a.Value(i))).UTC())
		case *array.Timestamp:
			labels[i] = made.label(u, code.Time(int64(a.Value(i)), a.DataType().(*arrow.TimestampType)))
		}
	}
	return labels, ok, nil
}

// A memo keeps the labels of one unit by the day or minute that they depend on:
// a column of times has many values and few days.
type memo struct {
	of        map[int64]string
	last      int64 // what lastLabel belongs to
	lastLabel string
}

func (m *memo) label(u unit, t time.Time) string {
	year, month, date := t.Date()
	at := (int64(year)*16+int64(month))*32 + int64(date)
	if u.kind < day {
		at = at*1440 + int64(t.Hour()*60+t.Minute())
	}
	if m.lastLabel != "" && at == m.last {
		return m.lastLabel
	}
	label, ok := m.of[at]
	if !ok {
		label = u.label(t)
		m.of[at] = label
	}
	m.last, m.lastLabel = at, label
	return label
}
