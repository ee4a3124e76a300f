package dp

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
)

// A Plan is a query that was checked against a schema and priced. No row has
// been read, and everything in it may be published. A Plan is immutable and
// safe for use by several goroutines.
type Plan struct {
	query   Query
	budget  Budget
	digest  [32]byte
	columns []string // read, in order

	columnTypes []arrow.DataType
	keyTypes    []arrow.DataType
	levels      []*GroupLevel // of each key column, nil for raw values
	publicKeys  [][]byte      // key bytes, nil for private groups

	layout      *layout
	statistics  []statistic // those asked for, then the count of units if it is needed for selection alone
	width       int         // sums per group
	needs       []Need
	calibration *Calibration
	selector    int // statistic that selects groups, -1 for public groups
	schema      *arrow.Schema

	first  *RangePlan    // where ranges are still to be chosen
	chosen []ChosenRange // where they were
	cuts   *cuts         // nil without diagnostics
	from   *RangePlan
}

// NewPlan checks a query against the schema of its source and finds the noise
// with which it costs exactly the budget. It reads no data. Every refusal is of
// kind fault.Plan and names what to change. The query is copied; hierarchies
// and the backend are not.
//
// Where an aggregate asks for its range to be chosen (Auto), figures and release
// threshold of the plan are those of the outer limits, the largest noise that
// there can be; the plan of the second read has the final ones.
func NewPlan(q *Query, schema *arrow.Schema, b Budget) (*Plan, error) {
	p, err := newPlan(q, schema, b)
	if err != nil || !hasRanges(q.Aggregates) && q.Diagnostics == 0 {
		return p, err
	}
	return p.divided(q, schema)
}

// newPlan plans one read, in which every range is given.
func newPlan(q *Query, schema *arrow.Schema, b Budget) (*Plan, error) {
	p := &Plan{query: *q, budget: b, layout: &layout{unitIsRow: q.UnitIsRow}, selector: -1}
	p.query.GroupBy = slices.Clone(q.GroupBy)
	p.query.Aggregates = slices.Clone(q.Aggregates)
	if err := b.Validate(); err != nil {
		return nil, err
	}
	bind := &binder{plan: p, schema: schema}
	for _, check := range []func() error{bind.unit, bind.keys, bind.public, bind.aggregates, bind.names, bind.finish} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	p.digest = p.fingerprint(schema)
	return p, nil
}

// fingerprint identifies what partial states must agree on: everything that
// decides what an accumulator keeps, and what noise it gets.
func (p *Plan) fingerprint(schema *arrow.Schema) [32]byte {
	h := sha256.New()
	q := &p.query
	fmt.Fprintf(h, "%q %v %q %v %q %v %d %s %v\n", q.Unit, q.UnitIsRow, q.GroupBy, q.Bounds, q.Noise, q.Confidence, q.MinUnits, p.budget, q.Diagnostics)
	if q.UnitCell != nil {
		fmt.Fprintf(h, "cell %q %d\n", q.UnitCell.Column, q.UnitCell.Every)
	}
	for i, c := range p.columns {
		fmt.Fprintf(h, "%q %s\n", c, p.columnTypes[i])
	}
	for i, l := range p.levels {
		if l != nil {
			fmt.Fprintf(h, "level %d: %d of %q\n", i, l.Level, l.Hierarchy.Levels())
		}
	}
	fmt.Fprintf(h, "%v %q\n", p.publicKeys != nil, p.publicKeys)
	for _, a := range q.Aggregates {
		fmt.Fprintf(h, "%T %+v\n", a, a)
	}
	return [32]byte(h.Sum(nil))
}

// Columns are the columns that are read, in the order in which an Accumulator
// expects them.
func (p *Plan) Columns() []string { return slices.Clone(p.columns) }

// Schema is the schema of the release: key columns, then aggregates. It does
// not depend on the data.
func (p *Plan) Schema() *arrow.Schema { return p.schema }

// Price is what the release will cost, known before a row is read: the budget
// given to NewPlan, exactly. The plan of a second read, after ranges were chosen,
// costs the rest.
func (p *Plan) Price() Budget {
	b := p.calibration.Price
	if p.first != nil {
		b.loss = b.loss.Add(p.first.price.loss)
	}
	if p.cuts != nil {
		b.loss = b.loss.Add(p.cuts.budget.loss)
	}
	return b
}

// String explains the plan: what will be released, with what noise, at what
// price.
func (p *Plan) String() string {
	var b strings.Builder
	unit := "each row"
	if !p.query.UnitIsRow {
		unit = fmt.Sprintf("each value of %q", p.query.Unit)
	}
	if c := p.query.UnitCell; c != nil {
		unit += fmt.Sprintf(" within each %s of %q", c.Every, c.Column)
	}
	fmt.Fprintf(&b, "protects %s (adding or removing all of its rows), %s\n", unit, p.Price())
	fmt.Fprintf(&b, "groups: %s\n", p.groupText())
	fmt.Fprintf(&b, "bounds: %d groups per unit, %d rows per group", p.query.Bounds.MaxGroups, p.query.Bounds.RowsPerGroup)
	if n := p.query.Bounds.RowsPerUnit; n > 0 {
		fmt.Fprintf(&b, ", %d rows per unit", n)
	}
	b.WriteByte('\n')
	if f := p.CutFigures(); f != nil {
		fmt.Fprintf(&b, "diagnostics: units cut by %s, discrete-laplace of scale %s\n", strings.Join(f.Bounds, ", "), f.Scale)
	}
	if p.first != nil {
		for _, f := range p.first.Figures() {
			fmt.Fprintln(&b, f.text())
		}
	}
	for _, f := range p.Figures() {
		fmt.Fprintf(&b, "%s: %s, %s of scale %s", f.As, f.Kind, f.Mechanism, f.Scale)
		if f.StdError > 0 {
			fmt.Fprintf(&b, ", standard error %.4g", f.StdError)
		}
		b.WriteByte('\n')
	}
	if s := p.Selection(); s != nil {
		fmt.Fprintf(&b, "selection: groups of at least %d units, counted with %s noise", s.Threshold, s.Mechanism)
		if s.Aggregate == "" {
			b.WriteString(" (a count that is not released)")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func (p *Plan) groupText() string {
	keys := "everything in one group"
	if len(p.query.GroupBy) > 0 {
		keys = strings.Join(p.query.GroupBy, ", ")
	}
	if p.publicKeys == nil {
		return keys + ", selected by noise"
	}
	return fmt.Sprintf("%s, %d public", keys, len(p.publicKeys))
}
