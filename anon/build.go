package anon

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/hierarchy"
	"github.com/oboro-data/oboro/kanon"
)

// buildHierarchies makes the hierarchy of every column that declares one, and
// reports those that are damaged, get finer or lose a value. A file that could
// not be read has been reported before, and leaves its column without one.
func (p *Policy) buildHierarchies(probs *problems) {
	for i := range p.Columns {
		h := p.Columns[i].Hierarchy
		if h == nil || h.File != nil && h.File.err != nil {
			continue
		}
		built, err := h.build()
		if err == nil {
			err = built.CheckType(h.likelyType())
		}
		if err != nil {
			probs.addErr(h.at, err)
			continue
		}
		h.built = built
		p.Columns[i].nameLevels()
	}
}

// build makes the hierarchy of package hierarchy.
func (h *Hierarchy) build() (hierarchy.Hierarchy, error) {
	switch {
	case h.File != nil:
		return hierarchy.Parse(bytes.NewReader(h.File.data), h.File.Path)
	case h.Levels != nil:
		return hierarchy.Inline(h.Levels)
	case h.Prefix != nil:
		var lengths []int
		for _, n := range h.Prefix {
			lengths = append(lengths, int(n))
		}
		return hierarchy.Prefix(lengths...), nil
	case h.Intervals != nil:
		var widths []float64
		for _, w := range h.Intervals.Widths {
			f, _ := w.Float() // exact, as was checked
			widths = append(widths, f)
		}
		out := hierarchy.Intervals(widths...)
		if f, _ := h.Intervals.Min.Float(); h.Intervals.Min.IsSet() {
			out = out.Min(f)
		}
		if f, _ := h.Intervals.Max.Float(); h.Intervals.Max.IsSet() {
			out = out.Max(f)
		}
		return out, nil
	}
	return hierarchy.Dates(h.Date...), nil
}

// likelyType is a type that the kind of hierarchy is made for: what it says of
// that is wrong with the hierarchy itself. The column's own type is checked
// against the schema.
func (h *Hierarchy) likelyType() arrow.DataType {
	switch {
	case h.Intervals != nil:
		return arrow.PrimitiveTypes.Float64
	case h.Date != nil:
		return &arrow.TimestampType{Unit: arrow.Microsecond}
	}
	return arrow.BinaryTypes.String
}

// values returns the values that the hierarchy lists, nil for a computed one.
func (h *Hierarchy) values() ([]string, error) {
	switch {
	case h.File != nil:
		r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(h.File.data, []byte("\ufeff"))))
		r.Comma, r.FieldsPerRecord, r.LazyQuotes = ';', -1, true
		rows, err := r.ReadAll()
		if err != nil {
			return nil, err
		}
		var out []string
		for _, row := range rows {
			out = append(out, row[0])
		}
		return out, nil
	case h.Levels != nil:
		return sortedKeys(h.Levels[0]), nil
	}
	return nil, nil
}

// labels is the set of labels of a level; false for computed hierarchies.
func (h *Hierarchy) labels(level int) (map[string]bool, bool) {
	values, err := h.values()
	if err != nil || values == nil {
		return nil, false
	}
	names := values
	if level > 0 {
		b := array.NewStringBuilder(memory.DefaultAllocator)
		defer b.Release()
		b.AppendValues(values, nil)
		a := b.NewArray()
		defer a.Release()
		if names, _, err = h.built.Generalize(a, level); err != nil {
			return nil, false
		}
	}
	out := make(map[string]bool, len(names))
	for _, n := range names {
		out[n] = true
	}
	return out, true
}

// names are the names of levels 1 and up: what they keep of a value, where the
// policy says so, else as package hierarchy has them.
func (h *Hierarchy) names() []string {
	var out []string
	for _, n := range h.Prefix {
		out = append(out, "first-"+strconv.FormatInt(n, 10))
	}
	if h.Intervals != nil {
		for _, w := range h.Intervals.Widths {
			out = append(out, "width-"+w.shortest())
		}
	}
	if out == nil {
		return h.built.Levels()
	}
	return out
}

// nameLevels names the levels: raw, those of the hierarchy, and "*" unless all
// listed values have one label at the last level already.
func (c *Column) nameLevels() {
	h := c.Hierarchy
	h.levels = append([]string{"raw"}, h.names()...)
	if last := len(h.levels) - 1; last > 0 && c.Unlisted != kanon.TopUnlisted {
		if set, listed := h.labels(last); listed && len(set) == 1 {
			return
		}
	}
	h.levels = append(h.levels, hierarchy.Top)
}

// levelNames are the names of all levels, raw first.
func (c *Column) levelNames() []string {
	if c.Hierarchy != nil && c.Hierarchy.levels != nil {
		return slices.Clone(c.Hierarchy.levels)
	}
	return []string{"raw", hierarchy.Top}
}
