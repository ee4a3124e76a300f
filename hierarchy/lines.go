package hierarchy

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/fault"
)

// lines is a hierarchy that lists its values, one line each. The lines
//
//	34;30-39;young
//	36;30-39;young
//	61;60-69;old
//
// are kept as
//
//	line    34→0 36→1 61→2
//	levels  [0] labels 30-39 60-69, of 0 0 1    [1] labels young old, of 0 0 1
type lines struct {
	line   map[string]int32
	levels []lineLevel
}

type lineLevel struct {
	labels []string
	of     []int32 // line to label
	leaves map[string]int64
}

// File reads a hierarchy from a file in the format of Parse.
func File(path string) (Hierarchy, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Planf("the hierarchy can't be opened: %w", err)
	}
	defer f.Close()
	return Parse(f, path)
}

// Parse reads a hierarchy, one line for each value: the value, then its label
// at level 1, 2, …, separated by semicolons.
//
//	34;30-39;*
//	36;30-39;*
//	61;60-69;*
//
// Text is UTF-8; values match byte for byte by their canonical text. A field
// may be quoted as in CSV. A byte-order mark, CRLF and empty lines are
// accepted. A last level that is "*" throughout is the top and not a level of
// its own.
//
// Errors are of kind Plan and name the hierarchy and the line: no line at all,
// a line with more or fewer levels than the first, a value listed twice, an
// empty label, text that is not UTF-8, and a level that gets finer (two lines
// with one label at a level and different labels at the next).
func Parse(r io.Reader, name string) (Hierarchy, error) {
	in := csv.NewReader(&markless{r: r})
	in.Comma = ';'
	in.FieldsPerRecord = -1
	in.LazyQuotes = true
	in.ReuseRecord = true
	h := &lines{line: map[string]int32{}}
	var index []map[string]int32 // per level, label to its number
	var next []map[string]string // per level, label to its label one level up
	first := map[string]int{}    // value to its line in the file
	for {
		fields, err := in.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			var p *csv.ParseError
			if errors.As(err, &p) {
				return nil, fault.Planf("hierarchy %s, line %d: a quoted field is not closed", name, p.StartLine)
			}
			return nil, fault.Planf("hierarchy %s can't be read: %w", name, err)
		}
		at, _ := in.FieldPos(0)
		labels := fields[1:]
		if len(h.line) == 0 {
			if len(labels) == 0 {
				return nil, fault.Planf("hierarchy %s, line %d: no level after the value; write value;level 1;…;top", name, at)
			}
			h.levels = make([]lineLevel, len(labels))
			for range labels {
				index = append(index, map[string]int32{})
				next = append(next, map[string]string{})
			}
		}
		if len(labels) != len(h.levels) {
			return nil, fault.Planf("hierarchy %s, line %d: %d levels where the first line has %d", name, at, len(labels), len(h.levels))
		}
		if earlier, twice := first[fields[0]]; twice {
			return nil, fault.Planf("hierarchy %s, line %d: the value is on line %d already", name, at, earlier)
		}
		first[fields[0]] = at
		h.line[fields[0]] = int32(len(h.line))
		for _, f := range fields {
			if !utf8.ValidString(f) {
				return nil, fault.Planf("hierarchy %s, line %d: the text is not UTF-8", name, at)
			}
		}
		for i, label := range labels {
			if label == "" {
				return nil, fault.Planf("hierarchy %s, line %d: level %d has an empty label", name, at, i+1)
			}
			n, ok := index[i][label]
			if !ok {
				n = int32(len(index[i]))
				index[i][label] = n
				h.levels[i].labels = append(h.levels[i].labels, label)
			}
			h.levels[i].of = append(h.levels[i].of, n)
			if i == 0 {
				continue
			}
			if up, ok := next[i][labels[i-1]]; ok && up != label {
				return nil, fault.Planf("hierarchy %s, line %d: level %d is finer than level %d; lines with one label at a level must share their label at the next", name, at, i+1, i)
			}
			next[i][labels[i-1]] = label
		}
	}
	if len(h.line) == 0 {
		return nil, fault.Planf("hierarchy %s is empty; write a line value;level 1;…;top for each value", name)
	}
	h.seal()
	return h, nil
}

// seal drops the top level "*" and counts leaves.
func (h *lines) seal() {
	if n := len(h.levels); len(h.levels[n-1].labels) == 1 && h.levels[n-1].labels[0] == Top {
		h.levels = h.levels[:n-1]
	}
	for i := range h.levels {
		l := &h.levels[i]
		l.leaves = make(map[string]int64, len(l.labels))
		for _, n := range l.of {
			l.leaves[l.labels[n]]++
		}
	}
}

// Inline makes a hierarchy from the maps of a policy: the first takes values
// to their labels at level 1, each other the labels of a level to those of the
// next. {Nurse: Health, Doctor: Health, Clerk: Office}, {Health: Work, Office:
// Work} has three lines and two levels. Values and labels match by their
// canonical text.
//
// No map, an empty one, an empty label, or a label that the next map does not
// take further (the hierarchy would lose its values) is an error of kind Plan.
func Inline(levels []map[string]string) (Hierarchy, error) {
	if len(levels) == 0 || len(levels[0]) == 0 {
		return nil, fault.Planf("levels: is empty; map each value to its label at level 1")
	}
	h := &lines{line: map[string]int32{}, levels: make([]lineLevel, len(levels))}
	index := make([]map[string]int32, len(levels))
	for i := range index {
		index[i] = map[string]int32{}
	}
	for _, value := range slices.Sorted(maps.Keys(levels[0])) {
		h.line[value] = int32(len(h.line))
		label := value
		for i, m := range levels {
			up, ok := m[label]
			if !ok {
				return nil, fault.Planf("levels: level %d loses a value: it has no entry for a label of level %d; map every label of a level to the next", i+1, i)
			}
			if up == "" {
				return nil, fault.Planf("levels: level %d has an empty label", i+1)
			}
			label = up
			n, ok := index[i][label]
			if !ok {
				n = int32(len(index[i]))
				index[i][label] = n
				h.levels[i].labels = append(h.levels[i].labels, label)
			}
			h.levels[i].of = append(h.levels[i].of, n)
		}
	}
	h.seal()
	return h, nil
}

func (h *lines) Levels() []string { return numbered(len(h.levels)) }

func (h *lines) Lines() int { return len(h.line) }

func (h *lines) CheckType(dt arrow.DataType) error { return code.CheckType(dt) }

func (h *lines) Generalize(values arrow.Array, level int) ([]string, []bool, error) {
	if level < 1 || level > len(h.levels) {
		return nil, nil, fault.Planf("the hierarchy has no level %d", level)
	}
	l := &h.levels[level-1]
	return eachText(values, func(text []byte) (string, bool) {
		n, ok := h.line[string(text)]
		if !ok {
			return "", false
		}
		return l.labels[l.of[n]], true
	})
}

func (h *lines) single() bool {
	n := len(h.levels)
	return n > 0 && len(h.levels[n-1].labels) == 1
}

func (h *lines) leaves(level int) map[string]int64 { return h.levels[level-1].leaves }

// numbered returns the level names "1" to n.
func numbered(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = strconv.Itoa(i + 1)
	}
	return names
}

// eachText labels every value by its canonical text; null has the label "".
func eachText(values arrow.Array, label func(text []byte) (string, bool)) ([]string, []bool, error) {
	labels, ok := make([]string, values.Len()), make([]bool, values.Len())
	var text []byte
	for i := range labels {
		if code.IsNull(values, i) {
			ok[i] = true
			continue
		}
		text = code.AppendText(text[:0], values, i)
		labels[i], ok[i] = label(text)
	}
	return labels, ok, nil
}

// markless skips a UTF-8 byte-order mark at the start.
type markless struct {
	r       io.Reader
	started bool
}

func (m *markless) Read(p []byte) (int, error) {
	if m.started {
		return m.r.Read(p)
	}
	m.started = true
	var mark [3]byte
	n, err := io.ReadFull(m.r, mark[:])
	if err == io.EOF {
		return 0, err
	}
	if err != nil && err != io.ErrUnexpectedEOF {
		return 0, err
	}
	if string(mark[:n]) == "\ufeff" {
		return m.r.Read(p)
	}
	m.r = io.MultiReader(bytes.NewReader(mark[:n]), m.r)
	return m.r.Read(p)
}
