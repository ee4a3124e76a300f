package anon

import (
	"context"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/report"
)

// checkStatistics checks a table of statistics: what it says of itself follows
// from the policy, and its groups are those that the policy allows.
func (v *verifier) checkStatistics(ctx context.Context, s *step, rel *report.Release, src arrowio.Source) error {
	st := rel.Statistics
	if err := v.checkDeclared(s, st); err != nil {
		return err
	}
	v.note(s.Name, "output", "", "unit, bounds and budget are those of the policy")
	if err := v.checkNoise(s, st); err != nil {
		return err
	}
	if s.dp != nil {
		if err := v.checkCuts(s, st); err != nil {
			return err
		}
	}
	if err := v.checkOutputColumns(s, src.Schema()); err != nil {
		return err
	}
	v.note(s.Name, "output", "", "the columns are those of the policy; no identifier is among them")
	if err := v.checkGroups(ctx, s, rel.File, st, src); err != nil {
		return err
	}
	want := v.plan.statisticsClaims(s)
	for _, c := range want {
		if c.Model == totalsModel {
			continue // see checkTotals
		}
		v.note(s.Name, "no", "noise leaves no trace that could be checked; the mechanism is the library's", "%s", c.Text)
	}
	return v.checkClaims(rel, want)
}

// checkDeclared compares what the report states with the policy.
func (v *verifier) checkDeclared(s *step, st *report.Statistics) error {
	bad := func(what string) error {
		return fault.Dataf("%s: the report's %s is not the policy's; release anew", s.Name, what)
	}
	want := v.plan.declaredFigures(s)
	switch {
	case st.Unit != want.Unit || st.Neighbours != want.Neighbours:
		return bad("unit")
	case !reflect.DeepEqual(st.Epsilon, want.Epsilon) || !reflect.DeepEqual(st.Delta, want.Delta) || !reflect.DeepEqual(st.Rho, want.Rho):
		return bad("budget")
	case st.Bounds != want.Bounds:
		return bad("contribution bounds")
	case !slices.Equal(st.GroupBy, want.GroupBy) || st.GroupKind != want.GroupKind:
		return bad("grouping")
	case !reflect.DeepEqual(st.MinUnits, want.MinUnits):
		return bad("min-units")
	case st.Noise != want.Noise:
		return bad("noise")
	case !reflect.DeepEqual(st.UnitCell, want.UnitCell):
		return bad("unit cell")
	case st.Confidence != want.Confidence:
		return bad("confidence")
	case len(st.Aggregates) < len(s.Statistics.Aggregates):
		return bad("list of aggregates")
	}
	return nil
}

// declaredFigures are the figures of a statistics release that the policy
// alone determines.
func (p *Plan) declaredFigures(s *step) report.Statistics {
	d := s.Statistics
	out := report.Statistics{
		Unit: p.policy.unitOf(d), Neighbours: "add-or-remove-one-unit",
		Epsilon: orNil(s.budget.Epsilon()), Delta: orNil(s.budget.Delta()), Rho: orNil(s.budget.Rho()),
		GroupKind: "private", Noise: d.Noise,
		Bounds: d.Bounds.figures(),
	}
	for _, g := range d.GroupBy {
		out.GroupBy = append(out.GroupBy, g.Column)
	}
	if !d.Groups.Private() || len(d.GroupBy) == 0 {
		out.GroupKind = "public"
	}
	if d.MinUnits > 0 {
		out.MinUnits = &d.MinUnits
	}
	out.UnitCell = d.UnitCell.figures()
	out.Confidence, _ = d.Confidence.Float()
	return out
}

// columnsOf are the output columns of an aggregate.
func (s *step) columnsOf(i int) []string {
	if s.dp != nil {
		return s.dp.Figures()[i].Columns
	}
	return s.Statistics.withInterval(&s.Statistics.Aggregates[i], s.Statistics.Aggregates[i].outputNames())
}

// checkNoise computes mechanisms, scales and threshold again from the policy.
func (v *verifier) checkNoise(s *step, st *report.Statistics) error {
	const what = "mechanisms, scales and threshold follow from the policy"
	plan, by := s.dp, "output"
	if v.o.Input != nil && plan != nil {
		types, err := arrowio.RetypedSchema(v.o.Input.Schema(), v.policy.typesOf(s.Statistics))
		if err != nil {
			return inRelease(s.Name, err)
		}
		p, err := dp.NewPlan(s.query, v.policy.withUnitField(types), s.budget)
		if err != nil {
			return inRelease(s.Name, err)
		}
		plan, by = p, "input"
	} else if !s.certain || plan == nil {
		v.note(s.Name, "no", "they depend on the types of the input too", what)
		return nil
	}
	plan, err := s.chosenRanges(plan, st)
	if err != nil {
		return err
	}
	var want report.Statistics
	addNoise(&want, plan)
	v.plan.markFitted(s, &want)
	have := slices.Clone(st.Aggregates)
	for i := range have {
		have[i].Released = nil
	}
	if !reflect.DeepEqual(have, want.Aggregates) || !reflect.DeepEqual(st.Selection, want.Selection) {
		return fault.Dataf("%s: the report's mechanisms, scales or threshold do not follow from the policy; release anew", s.Name)
	}
	v.note(s.Name, by, "", what)
	return nil
}

// checkOutputColumns: the group columns first, in order, then those of the
// aggregates.
func (v *verifier) checkOutputColumns(s *step, schema *arrow.Schema) error {
	var want []string
	for _, g := range s.Statistics.GroupBy {
		want = append(want, g.Column)
	}
	for i := range s.Statistics.Aggregates {
		want = append(want, v.plan.withRests(s, s.columnsOf(i))...)
	}
	for i, f := range schema.Fields() {
		if i >= len(want) || f.Name != want[i] {
			return fault.Dataf("%s: column %d of the table is not the one that the policy declares; restore the table or release anew", s.Name, i+1)
		}
	}
	if schema.NumFields() != len(want) {
		return fault.Dataf("%s: the table has %d columns where the policy declares %d; restore the table or release anew", s.Name, schema.NumFields(), len(want))
	}
	return nil
}

// checkGroups checks the group keys: as many as reported, each once, the
// public ones exactly where they are public, and above threshold and floor.
func (v *verifier) checkGroups(ctx context.Context, s *step, rel string, st *report.Statistics, src arrowio.Source) error {
	t, err := readTexts(ctx, src)
	if err != nil {
		return inRelease(s.Name, err)
	}
	if len(v.plan.consistentOf(s)) > 0 {
		v.tables[s.Name] = t
	}
	if int64(len(t.rows)) != st.Groups {
		return fault.Dataf("%s: the table has another number of groups than reported; restore the table or release anew", s.Name)
	}
	width := len(s.Statistics.GroupBy)
	seen := map[string]bool{}
	sorted := allText(src.Schema(), width) && filepath.Ext(rel) != ".csv"
	for i, row := range t.rows {
		k := keyOf(row[:width])
		if sorted && i > 0 && compareKeys(t.rows[i-1][:width], row[:width]) > 0 {
			return fault.Dataf("%s: the groups are not in the order of their keys, so that their order may tell something; restore the table or release anew", s.Name)
		}
		if seen[k] {
			return fault.Dataf("%s: a group stands in the table twice; restore the table or release anew", s.Name)
		}
		seen[k] = true
	}
	v.note(s.Name, "output", "", "every group stands once")
	if sorted {
		v.note(s.Name, "output", "", "the groups are sorted by their keys")
	}
	if err := v.checkPublic(s, seen); err != nil {
		return err
	}
	if err := v.checkIntervals(s, st, t); err != nil {
		return err
	}
	return v.checkFloor(s, st, t)
}

// allText reports whether the first columns are texts, whose order is bytewise.
func allText(schema *arrow.Schema, width int) bool {
	for _, f := range schema.Fields()[:width] {
		if kindOf(f.Type) != "text" {
			return false
		}
	}
	return true
}

// compareKeys is the order of text keys: column by column, null last.
func compareKeys(a, b []cell) int {
	for i := range a {
		switch {
		case a[i].null && b[i].null:
		case a[i].null:
			return 1
		case b[i].null:
			return -1
		case a[i].text != b[i].text:
			return strings.Compare(a[i].text, b[i].text)
		}
	}
	return 0
}

// checkPublic compares the groups with the public ones.
func (v *verifier) checkPublic(s *step, seen map[string]bool) error {
	keys := s.query.PublicGroups
	switch {
	case s.Statistics.Groups.File != nil && keys == nil:
		v.note(s.Name, "no", "the file of public groups is not at hand", "the groups are the public ones")
		return nil
	case keys == nil:
		return nil
	}
	for _, key := range keys {
		row := make([]cell, len(key))
		for i, c := range key {
			row[i] = cell{c.Text, c.Null}
		}
		if !seen[keyOf(row)] && s.Statistics.MinUnits == 0 {
			return fault.Dataf("%s: a public group is missing from the table; restore the table or release anew", s.Name)
		}
	}
	if len(seen) > len(keys) {
		return fault.Dataf("%s: the table has groups that are not public; restore the table or release anew", s.Name)
	}
	v.note(s.Name, "output", "", "the groups are the public ones")
	return nil
}

// checkFloor checks that the released numbers of units are no less than the
// threshold of selection and the floor of the policy.
func (v *verifier) checkFloor(s *step, st *report.Statistics, t *texts) error {
	least := s.Statistics.MinUnits
	if st.Selection != nil {
		least = max(least, st.Selection.Threshold)
	}
	if least <= 0 {
		return nil
	}
	const what = "released numbers of units reach the threshold and the floor"
	col := -1
	for i := range s.Statistics.Aggregates {
		if a := &s.Statistics.Aggregates[i]; a.Kind == "count-units" {
			col = slices.Index(t.names, a.As)
			break
		}
	}
	if col < 0 {
		v.note(s.Name, "no", "the number of units is not in the table", what)
		return nil
	}
	if v.plan.fitted(s, t.names[col]) {
		v.note(s.Name, "no", "the numbers of units were fitted to other tables after the groups were selected", what)
		return nil
	}
	for _, row := range t.rows {
		if n, ok := parseNumber(row[col].text); !row[col].null && (!ok || n.cmp(least, 1) < 0) {
			return fault.Dataf("%s: a group has fewer noised units than threshold or floor allow; restore the table or release anew", s.Name)
		}
	}
	v.note(s.Name, "output", "", what)
	return nil
}

// texts are the rows of a small table as text.
type texts struct {
	names []string
	rows  [][]cell
}

type cell struct {
	text string
	null bool
}

// keyOf joins cells so that different keys have different texts.
func keyOf(row []cell) string {
	var k []byte
	for _, c := range row {
		if c.null {
			k = append(k, 0)
			continue
		}
		k = append(k, 1)
		for _, b := range []byte(c.text) {
			if k = append(k, b); b == 0xff {
				k = append(k, b)
			}
		}
		k = append(k, 0xff, 0)
	}
	return string(k)
}

// readTexts reads a table of groups, which is small beside the input.
func readTexts(ctx context.Context, src arrowio.Source) (*texts, error) {
	t := &texts{}
	for _, f := range src.Schema().Fields() {
		t.names = append(t.names, f.Name)
	}
	r, err := src.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Release()
	for r.Next() {
		rec := r.Record()
		for i := range int(rec.NumRows()) {
			row := make([]cell, len(t.names))
			for j, c := range rec.Columns() {
				if c.IsNull(i) {
					row[j].null = true
				} else {
					row[j].text = textAt(c, i)
				}
			}
			t.rows = append(t.rows, row)
		}
	}
	return t, r.Err()
}
