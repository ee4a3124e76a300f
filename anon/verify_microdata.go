package anon

import (
	"context"
	"math/big"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"golang.org/x/sync/errgroup"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/kanon"
	"github.com/oboro-data/oboro/report"
)

// checkMicrodata recounts a table of rows by the policy's models.
func (v *verifier) checkMicrodata(ctx context.Context, s *step, rel *report.Release, src arrowio.Source) error {
	m := rel.Microdata
	if err := v.checkColumns(s, m, src.Schema()); err != nil {
		return err
	}
	v.note(s.Name, "output", "", "the columns are those of the policy; no identifier is among them")
	quasi := v.plan.quasiIdentifiers(s.Declaration)
	found, err := kanon.Verify(ctx, src, kanon.VerifySpec{QuasiIdentifiers: quasi, Models: s.spec.Models, Unit: v.policy.Unit, Nulls: v.policy.Nulls})
	if err != nil {
		return inRelease(s.Name, err)
	}
	if err := v.checkCounts(s, m, found); err != nil {
		return err
	}
	v.note(s.Name, "output", "", "rows, classes and suppressed rows are as reported and within the suppression limit")
	if err := v.checkLevels(ctx, s, m, src); err != nil {
		return err
	}
	v.note(s.Name, "no", "they follow from the input", "cost and search are as reported")
	people, err := v.checkInput(ctx, s, m, src)
	if err != nil {
		return err
	}
	if v.policy.Unit != "" && !people {
		v.note(s.Name, "no", "the table does not tell people apart", "class sizes in people are as reported")
	}
	if err := v.checkSets(ctx, s, src, quasi); err != nil {
		return err
	}
	diverse, err := v.checkDistinct(ctx, s, src, quasi)
	if err != nil {
		return err
	}
	want := v.plan.rowClaims(s)
	for i, c := range want {
		if i >= len(s.Microdata.Models) {
			v.note(s.Name, "no", "nobody can choose the sample again", "%s", c.Text)
			continue
		}
		by, note := "output", ""
		switch {
		case s.Microdata.Models[i].Kind == "k-anonymity" && people:
			by = "input"
		case diverse && isDistinct(&s.Microdata.Models[i]):
		case s.Microdata.Models[i].Kind == "km-anonymity":
			if v.policy.Unit != "" {
				note = "the table does not tell people apart: every combination is in at least as many rows as people are claimed"
			}
		case slices.Contains(found.Unchecked, s.spec.Models[i].String()) && v.policy.Unit != "":
			by, note = "no", "the table does not tell people apart"
		case slices.Contains(found.Unchecked, s.spec.Models[i].String()):
			by, note = "no", "it compares with something that is not in the table"
		case v.policy.Unit != "":
			note = "the table does not tell people apart: every class has at least as many rows as people are claimed"
		}
		v.note(s.Name, by, note, "%s", c.Text)
	}
	return v.checkClaims(rel, want)
}

// isDistinct reports whether the model asks which values a class has, and not
// how many people have them: rows then tell as much as people.
func isDistinct(m *Model) bool { return m.Kind == "l-diversity" && m.Variant == "distinct" }

// checkDistinct recounts distinct l-diversity where people are claimed.
func (v *verifier) checkDistinct(ctx context.Context, s *step, src arrowio.Source, quasi []string) (bool, error) {
	var models []kanon.PrivacyModel
	for i := range s.Microdata.Models {
		if isDistinct(&s.Microdata.Models[i]) {
			models = append(models, s.spec.Models[i])
		}
	}
	if models == nil || v.policy.UnitIsRow {
		return false, nil
	}
	_, err := kanon.Verify(ctx, src, kanon.VerifySpec{QuasiIdentifiers: quasi, Models: models, Nulls: v.policy.Nulls})
	if err != nil {
		return false, inRelease(s.Name, err)
	}
	return true, nil
}

// checkColumns compares the table's columns with policy and report.
func (v *verifier) checkColumns(s *step, m *report.Microdata, schema *arrow.Schema) error {
	written := v.policy.written(s.Declaration)
	var have []string
	for _, f := range schema.Fields() {
		c := v.policy.Column(f.Name)
		switch {
		case c == nil:
			return fault.Dataf("%s: the table has a column that the policy does not declare; release anew", s.Name)
		case c.Role == Identifier:
			return fault.Dataf("%s: the table has column %s, an identifier, which never leaves; release anew", s.Name, quote(f.Name))
		case !slices.Contains(written, f.Name):
			return fault.Dataf("%s: the table has column %s, which the policy does not release; release anew", s.Name, quote(f.Name))
		case slices.Contains(have, f.Name):
			return fault.Dataf("%s: the table has column %s twice; release anew", s.Name, quote(f.Name))
		}
		have = append(have, f.Name)
	}
	if len(have) != len(written) {
		return fault.Dataf("%s: the table has %d columns where the policy releases %d; release anew", s.Name, len(have), len(written))
	}
	for i, c := range m.Columns {
		if i >= len(have) || c.Name != have[i] || c.Role != string(v.policy.Column(c.Name).Role) {
			return fault.Dataf("%s: the columns of the report are not those of the table; release anew", s.Name)
		}
	}
	if len(m.Columns) != len(have) {
		return fault.Dataf("%s: the columns of the report are not those of the table; release anew", s.Name)
	}
	return nil
}

// checkCounts compares the report's figures with the recount.
func (v *verifier) checkCounts(s *step, m *report.Microdata, found *kanon.VerifyResult) error {
	bad := func(what string) error {
		return fault.Dataf("%s: %s; restore the table or release anew", s.Name, what)
	}
	counted := "people"
	if v.policy.UnitIsRow {
		counted = "rows"
	}
	limit := new(big.Rat)
	if s.Microdata.SuppressionLimit.IsSet() {
		limit = s.Microdata.SuppressionLimit.Rat()
	}
	allowed := new(big.Rat).Mul(limit, new(big.Rat).SetInt64(m.InputRows))
	var bins []report.ClassSizeBin
	for _, b := range found.ClassSizes {
		bins = append(bins, report.ClassSizeBin(b))
	}
	switch {
	case m.Rows != found.Rows:
		return bad("the table has another number of rows than reported")
	case m.InputRows-m.SuppressedRows != m.Rows || m.SuppressedRows < 0:
		return bad("reported rows and suppressed rows do not add up to the input's")
	case allowed.Cmp(new(big.Rat).SetInt64(m.SuppressedRows)) < 0:
		return bad("more rows are suppressed than the suppression-limit allows")
	case m.Classes != found.Classes:
		return bad("the table has another number of classes than reported")
	case m.Counted != counted:
		return bad("the report counts something else than the policy's unit")
	case m.SmallestClass > found.SmallestClass || counted == "rows" && m.SmallestClass != found.SmallestClass:
		return bad("the smallest class is not as large as reported")
	case counted == "rows" && !reflect.DeepEqual(bins, m.ClassSizes), !sizesAddUp(m):
		return bad("the classes have other sizes than reported")
	case m.Recoding.Kind != s.Microdata.recodingKind():
		return bad("the report names another kind of recoding than the policy asks for")
	case m.Cost.Metric != s.Microdata.metric():
		return bad("the report names another cost than the policy")
	case !sameLimit(m.SuppressionLimit, s.Microdata.SuppressionLimit):
		return bad("the report names another suppression-limit than the policy")
	case !sameLimit(m.Sample, s.Microdata.Sample):
		return bad("the report names another sample than the policy")
	case m.Basis != s.Microdata.Basis || m.Nulls != nullWords[v.policy.Nulls] || m.RowOrder != s.Microdata.RowOrder:
		return bad("basis, nulls or row order of the report are not those of the policy")
	}
	for _, model := range s.Microdata.Models {
		if model.Kind == "k-anonymity" && m.Rows > 0 && m.SmallestClass < model.K {
			return bad("the reported smallest class has fewer than k people")
		}
	}
	return nil
}

// sizesAddUp checks the histogram of class sizes against the figures beside it,
// which is all that a table without people tells.
func sizesAddUp(m *report.Microdata) bool {
	var classes, rows, last int64
	for _, b := range m.ClassSizes {
		if b.From <= last || b.To < b.From || b.Classes < 1 || b.Rows < b.Classes {
			return false
		}
		last = b.To
		classes, rows = classes+b.Classes, rows+b.Rows
	}
	if len(m.ClassSizes) > 0 && (m.SmallestClass < m.ClassSizes[0].From || m.SmallestClass > m.ClassSizes[0].To) {
		return false
	}
	return classes == m.Classes && rows == m.Rows
}

func sameLimit(have float64, want Number) bool {
	f, _ := want.Float()
	return have == f
}

// checkLevels checks that every value of a generalised column is a label of
// the level that the report names, where the hierarchy tells.
func (v *verifier) checkLevels(ctx context.Context, s *step, m *report.Microdata, src arrowio.Source) error {
	if m.Recoding.Kind != "global" {
		return v.checkMixedLevels(ctx, s, m, src)
	}
	quasi := v.plan.quasiIdentifiers(s.Declaration)
	if len(m.Recoding.Levels) != len(quasi) {
		return fault.Dataf("%s: the levels of the report are not those of the quasi-identifiers; release anew", s.Name)
	}
	var tests []valueTest
	for _, name := range quasi {
		level, err := v.checkLevel(s, m, name)
		if err != nil {
			return err
		}
		is, known := v.policy.Column(name).labelsAt(level)
		if !known {
			v.note(s.Name, "no", "the labels of this level follow from the input", "values of %s are labels of level %d", name, level)
			continue
		}
		tests = append(tests, valueTest{name, func(c cell) error {
			if c.null && v.policy.Nulls == kanon.NullRejected || !c.null && !is(c.text) {
				return fault.Dataf("%s: column %s holds a value that is no label of level %d, which the report names; restore the table or release anew", s.Name, quote(name), level)
			}
			return nil
		}})
		v.note(s.Name, "output", "", "values of %s are labels of level %d", name, level)
	}
	return eachValue(ctx, src, tests)
}

// checkLevel compares the level that the report gives for a column with the
// policy and with what else the report says of the column.
func (v *verifier) checkLevel(s *step, m *report.Microdata, name string) (int, error) {
	c := v.policy.Column(name)
	names := c.levelNames()
	level, ok := m.Recoding.Levels[name]
	unknown := c.Hierarchy != nil && c.Hierarchy.built == nil // its file is not at hand
	if !ok || level < 0 || level >= len(names) && !unknown {
		return 0, fault.Dataf("%s: the report names no level of column %s; release anew", s.Name, quote(name))
	}
	if fixed, ok := s.Microdata.Levels[name]; ok && !unknown {
		if n, err := c.levelNumber(fixed); err != nil || n != level {
			return 0, fault.Dataf("%s: column %s is reported at another level than the policy fixes; release anew", s.Name, quote(name))
		}
	}
	for _, info := range m.Columns {
		if info.Name == name && (info.Level == nil || *info.Level != level || !unknown && (info.LevelName != names[level] || !slices.Equal(info.LevelNames, names) || info.MaxLevel == nil || *info.MaxLevel != len(names)-1)) {
			return 0, fault.Dataf("%s: the report says different things of the level of column %s; release anew", s.Name, quote(name))
		}
	}
	return level, nil
}

// hasForm tests labels of computed hierarchies by their form.
func (c *Column) hasForm(level int) (is func(string) bool, known bool) {
	h := c.Hierarchy
	switch {
	case h.Prefix != nil && level > 0:
		keep := int(h.Prefix[level-1])
		return func(s string) bool {
			r := []rune(s)
			return strings.Trim(string(r[min(keep, len(r)):]), "*") == ""
		}, true
	case h.Intervals != nil && level > 0:
		return func(s string) bool { return h.isInterval(s, level) }, true
	}
	return nil, false
}

// isInterval checks the lower end of an interval: it is a multiple of the
// width or the least value, or the label is that of what lies outside.
func (h *Hierarchy) isInterval(label string, level int) bool {
	if label == "NaN" || label == "Inf" || label == "-Inf" {
		return true
	}
	if rest, ok := strings.CutPrefix(label, "<"); ok {
		return sameNumber(rest, h.Intervals.Min)
	}
	if rest, ok := strings.CutPrefix(label, ">"); ok {
		return sameNumber(rest, h.Intervals.Max)
	}
	low := intervalStart.FindStringSubmatch(label)
	if low == nil {
		return false
	}
	n, ok := parseNumber(low[1])
	if !ok {
		return false
	}
	width := h.Intervals.Widths[level-1]
	return sameNumber(low[1], h.Intervals.Min) || new(big.Rat).Quo(n.rat, width.rat).IsInt()
}

func sameNumber(text string, n Number) bool {
	x, ok := parseNumber(text)
	return ok && n.IsSet() && x.rat.Cmp(n.rat) == 0
}

var intervalStart = regexp.MustCompile(`^\[?(-?[0-9.]+(?:[eE][+-]?[0-9]+)?)`)

// labelsAt returns the test of a label of a level; false where the policy
// alone does not tell the labels.
func (c *Column) labelsAt(level int) (is func(string) bool, known bool) {
	h := c.Hierarchy
	if h == nil {
		return func(s string) bool { return s == "*" }, level == 1
	}
	if h.built == nil {
		return nil, false
	}
	if level == len(h.built.Levels())+1 {
		return func(s string) bool { return s == "*" }, true
	}
	labels, ok := h.labels(level)
	if !ok {
		return c.hasForm(level)
	}
	top := c.Unlisted == kanon.TopUnlisted
	return func(s string) bool { return labels[s] || top && (level == 0 || s == "*") }, true
}

// A valueTest is asked about every value of a column, equal ones once or more.
type valueTest struct {
	column string
	test   func(cell) error
}

// eachValue reads the tested columns once, on all processors.
func eachValue(ctx context.Context, src arrowio.Source, tests []valueTest) error {
	if len(tests) == 0 {
		return nil
	}
	parts := []arrowio.Source{src}
	if s, ok := src.(arrowio.Splitter); ok {
		parts = s.Splits(4 * runtime.GOMAXPROCS(0))
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, part := range parts {
		g.Go(func() error { return eachValueOf(ctx, part, tests) })
	}
	return g.Wait()
}

func eachValueOf(ctx context.Context, src arrowio.Source, tests []valueTest) error {
	var names []string
	for _, t := range tests {
		names = append(names, t.column)
	}
	r, err := src.Open(ctx, names...)
	if err != nil {
		return err
	}
	defer r.Release()
	passed := make([]map[string]bool, len(tests))
	for j := range passed {
		passed[j] = map[string]bool{}
	}
	for r.Next() {
		for j, t := range tests {
			if err := distinct(r.Record().Column(j), passed[j], t.test); err != nil {
				return err
			}
		}
	}
	return r.Err()
}

// distinct tests the values of an array that have not passed before, of a
// dictionary the entries in use. Rows of one class stand together, so the value
// before is looked at first.
func distinct(a arrow.Array, passed map[string]bool, test func(cell) error) error {
	if d, ok := a.(*array.Dictionary); ok {
		if d.NullN() > 0 {
			if err := test(cell{null: true}); err != nil {
				return err
			}
		}
		for k, used := range usedEntries(d) {
			if !used {
				continue
			}
			if err := test(cell{text: textAt(d.Dictionary(), k), null: d.Dictionary().IsNull(k)}); err != nil {
				return err
			}
		}
		return nil
	}
	last, have := "", false
	for i := range a.Len() {
		if a.IsNull(i) {
			if err := test(cell{null: true}); err != nil {
				return err
			}
			continue
		}
		text := textAt(a, i)
		if have && text == last || passed[text] {
			continue
		}
		if err := test(cell{text: text}); err != nil {
			return err
		}
		last, have = strings.Clone(text), true
		passed[last] = true
	}
	return nil
}

// usedEntries tells which entries of its dictionary an array refers to.
func usedEntries(d *array.Dictionary) []bool {
	used := make([]bool, d.Dictionary().Len())
	if codes, ok := d.Indices().(*array.Int32); ok && d.NullN() == 0 {
		for _, k := range codes.Int32Values() {
			used[k] = true
		}
		return used
	}
	for i := range d.Len() {
		if d.IsValid(i) {
			used[d.GetValueIndex(i)] = true
		}
	}
	return used
}

// textAt is the text of a value that is not null. A dictionary's entry is its
// text, not its index.
func textAt(a arrow.Array, i int) string {
	if s, ok := a.(*array.String); ok {
		return s.Value(i)
	}
	return code.Text(a, i)
}
