package dp

import (
	"fmt"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/exact"
	"github.com/oboro-data/oboro/internal/fault"
)

// A binder checks the parts of a query one after another and fills in a plan.
type binder struct {
	plan   *Plan
	schema *arrow.Schema
}

// column finds a column of the schema and notes that it is read.
func (b *binder) column(what, name string) (arrow.DataType, error) {
	i := b.schema.FieldIndices(name)
	if len(i) == 0 {
		return nil, fault.Planf("%s: the input has no column %q", what, name)
	}
	if len(i) > 1 {
		return nil, fault.Planf("%s: the input has %d columns named %q; rename them", what, len(i), name)
	}
	dt := b.schema.Field(i[0]).Type
	if err := code.CheckType(dt); err != nil {
		return nil, fault.Planf("%s: column %q: %w", what, name, err)
	}
	if !slices.Contains(b.plan.columns, name) {
		b.plan.columns = append(b.plan.columns, name)
		b.plan.columnTypes = append(b.plan.columnTypes, dt)
	}
	return dt, nil
}

func (b *binder) unit() error {
	q := &b.plan.query
	switch {
	case q.UnitIsRow && q.Unit != "":
		return fault.Planf("unit: either a column or every row is the privacy unit, not both")
	case q.UnitIsRow:
		b.plan.layout.unitWords = 1
	case q.Unit == "":
		return fault.Planf("unit: name the column of the person to protect, or state that every row is one person (unit: row)")
	default:
		dt, err := b.column("unit", q.Unit)
		if err != nil {
			return err
		}
		b.plan.layout.unitWords = identityWords(dt)
	}
	if err := b.unitCell(); err != nil {
		return err
	}
	if err := b.bounds(); err != nil {
		return err
	}
	if q.MinUnits < 0 {
		return fault.Planf("min-units must not be negative")
	}
	if c := q.Confidence; !(c >= 0 && c < 1) {
		return fault.Planf("confidence must be at least 0 and below 1, such as 0.95")
	}
	switch q.Noise {
	case "", NoiseExact, NoiseLaplace, NoiseGaussian:
	case NoiseGoogle:
		if q.Backend == nil {
			return fault.Planf("noise google: no backend is linked in; import dp/googlenoise and set Query.Backend, or use noise exact")
		}
	default:
		return fault.Planf("noise must be exact, laplace, gaussian or google")
	}
	return nil
}

// unitCell checks the time cell of the unit. Units are then told apart by 128
// bits of keyed hash of person and cell.
func (b *binder) unitCell() error {
	q := &b.plan.query
	if q.UnitCell == nil {
		return nil
	}
	if q.UnitIsRow {
		return fault.Planf("unit: a row has no time cells; name the column of the person, or leave the cell out")
	}
	dt, err := b.column("unit", q.UnitCell.Column)
	if err != nil {
		return err
	}
	tick, ok := tickOf(dt)
	if !ok {
		return fault.Planf("unit: column %q is no date or timestamp, so it has no time cells", q.UnitCell.Column)
	}
	if q.UnitCell.Every < tick || q.UnitCell.Every%tick != 0 {
		return fault.Planf("unit: a time cell must be a whole number of %s, the unit of time of column %q", tick, q.UnitCell.Column)
	}
	cell := *q.UnitCell
	q.UnitCell = &cell
	b.plan.layout.unitWords = 2
	return nil
}

func (b *binder) keys() error {
	p := b.plan
	for i, name := range p.query.GroupBy {
		if slices.Contains(p.query.GroupBy[:i], name) {
			return fault.Planf("group-by: column %q is named twice", name)
		}
		if name == p.query.Unit && !p.query.UnitIsRow {
			return fault.Planf("group-by: column %q is the privacy unit; a group of one person can't be released", name)
		}
		dt, err := b.column("group-by", name)
		if err != nil {
			return err
		}
		var level *GroupLevel
		if l, ok := p.query.Levels[name]; ok && l.Level > 0 {
			if l.Hierarchy == nil {
				return fault.Planf("group-by: column %q has a level but no hierarchy", name)
			}
			if err := l.Hierarchy.CheckType(dt); err != nil {
				return fault.Planf("group-by: column %q: %w", name, err)
			}
			if top := len(l.Hierarchy.Levels()) + 1; l.Level > top {
				return fault.Planf("group-by: column %q: level %d is above the top, %d", name, l.Level, top)
			}
			level = &GroupLevel{l.Hierarchy, l.Level}
		}
		p.keyTypes = append(p.keyTypes, dt)
		p.levels = append(p.levels, level)
	}
	for name := range p.query.Levels {
		if !slices.Contains(p.query.GroupBy, name) {
			return fault.Planf("group-by: a level is given for column %q, which is not a key", name)
		}
	}
	return nil
}

func (b *binder) public() error {
	p := b.plan
	if len(p.query.GroupBy) == 0 && p.query.PublicGroups == nil {
		p.query.PublicGroups = [][]GroupKey{{}} // one group, whatever the data
	}
	if p.query.PublicGroups == nil {
		return nil
	}
	p.publicKeys = make([][]byte, 0, len(p.query.PublicGroups))
	seen := map[string]bool{}
	for i, key := range p.query.PublicGroups {
		if len(key) != len(p.query.GroupBy) {
			return fault.Planf("public groups: group %d has %d values for %d key columns", i+1, len(key), len(p.query.GroupBy))
		}
		var bytes []byte
		for c, cell := range key {
			var ok bool
			if bytes, ok = appendPublicCell(bytes, cell, p.keyTypes[c], p.levels[c]); !ok {
				return fault.Planf("public groups: group %d: the value for column %q is not the canonical text of a value of type %s", i+1, p.query.GroupBy[c], code.ValueType(p.keyTypes[c]))
			}
		}
		if seen[string(bytes)] {
			return fault.Planf("public groups: group %d is listed twice", i+1)
		}
		seen[string(bytes)] = true
		p.publicKeys = append(p.publicKeys, bytes)
	}
	return nil
}

func (b *binder) aggregates() error {
	p := b.plan
	if len(p.query.Aggregates) == 0 {
		return fault.Planf("aggregates: name at least one, such as count-units")
	}
	var weights []float64
	for i, a := range p.query.Aggregates {
		if a == nil || a.OutputName() == "" {
			return fault.Planf("aggregates: number %d has no name; state it with as", i+1)
		}
		w := a.weight()
		if w < 0 || math.IsNaN(w) || math.IsInf(w, 0) {
			return fault.Planf("aggregate %q: weight must be a number greater than 0", a.OutputName())
		}
		s, err := a.bind(b)
		if err != nil {
			return err
		}
		p.statistics = append(p.statistics, s)
		weights = append(weights, w)
		if _, ok := s.(*countUnits); ok && p.selector < 0 && p.publicKeys == nil {
			p.selector = i
		}
	}
	var sel *Select
	if p.publicKeys == nil || p.query.MinUnits > 0 {
		sel = &Select{Count: p.selector, Floor: p.query.MinUnits}
		if p.selector < 0 {
			p.selector = slices.IndexFunc(p.statistics, func(s statistic) bool { _, ok := s.(*countUnits); return ok })
			sel.Count = p.selector
		}
		if p.selector < 0 {
			p.selector = len(p.statistics)
			p.statistics = append(p.statistics, &countUnits{})
			weights = append(weights, 1)
			sel.Count, sel.Unwanted = p.selector, true
		}
	}
	p.fewerGroups()
	for i, s := range p.statistics {
		n := Need{Weight: weights[i]}
		if s, ok := s.(rowwise); ok && p.layout.rowsPerUnit > 0 {
			n.Rows, n.TotalRows = s.seen(), p.layout.rowsPerUnit
		}
		switch s := s.(type) {
		case additive:
			s.place(p.width)
			p.width += s.width()
			n.L1, n.Numbers = s.sensitivity(), int64(s.width())
			if e, ok := s.(euclidean); ok {
				n.L2Squared = e.l2Squared()
			}
		case chooser:
			n.L1, n.Choices = s.change(), s.choices()
		}
		if l, ok := s.(lister); ok {
			l.list(i)
		}
		p.needs = append(p.needs, n)
	}
	if p.publicKeys != nil {
		sel = nil // nothing to hide: a floor is compared with the noised count
	}
	var err error
	p.calibration, err = Calibrate(p.budget, p.layout.maxGroups, p.query.Noise, p.query.Backend, p.needs, sel)
	if err != nil {
		return err
	}
	return p.checkRates()
}

// names checks that output columns have distinct names and makes the schema.
func (b *binder) names() error {
	p := b.plan
	var fields []arrow.Field
	for i, dt := range keyTypes(p.keyTypes, p.levels) {
		fields = append(fields, arrow.Field{Name: p.query.GroupBy[i], Type: dt, Nullable: true})
	}
	for _, s := range p.statistics[:len(p.query.Aggregates)] {
		fields = append(fields, p.fields(s)...)
	}
	seen := map[string]bool{}
	for _, f := range fields {
		if seen[f.Name] {
			return fault.Planf("two output columns are named %q; change the as of an aggregate", f.Name)
		}
		seen[f.Name] = true
	}
	p.schema = arrow.NewSchema(fields, nil)
	return nil
}

func (b *binder) finish() error {
	if len(b.plan.layout.inputs) > maxInputs {
		return fault.Planf("aggregates read columns in %d different ways, more than %d; split them into two releases", len(b.plan.layout.inputs), maxInputs)
	}
	b.plan.layout.finish()
	return nil
}

// input adds an input to the layout, or finds the same one.
func (b *binder) input(in *input) int {
	l := b.plan.layout
	if i := slices.IndexFunc(l.inputs, in.same); i >= 0 {
		return i
	}
	l.inputs = append(l.inputs, in)
	return len(l.inputs) - 1
}

// rowsPerGroup is the number of a unit's rows in one group that are seen.
func (b *binder) rowsPerGroup() int64 {
	return b.perUnit(b.plan.query.Bounds.RowsPerGroup)
}

// perUnit is a bound on a unit's rows in a group: where none is given 1, or the
// bound on all of its rows; 1 where a unit is one row.
func (b *binder) perUnit(n int64) int64 {
	all := b.plan.layout.rowsPerUnit
	switch {
	case b.plan.query.UnitIsRow:
		return 1
	case all == 0:
		return max(n, 1)
	case n == 0:
		return all
	}
	return min(n, all)
}

// anyColumn finds the column of an aggregate.
func (b *binder) anyColumn(as, name string) (arrow.DataType, error) {
	if name == "" {
		return nil, fault.Planf("aggregate %q names no column", as)
	}
	return b.column(fmt.Sprintf("aggregate %q", as), name)
}

// numericColumn finds a column of numbers that is not the unit's.
func (b *binder) numericColumn(as, name string) (arrow.DataType, error) {
	dt, err := b.anyColumn(as, name)
	if err != nil {
		return nil, err
	}
	if name == b.plan.query.Unit && !b.plan.query.UnitIsRow {
		return nil, fault.Planf("aggregate %q: column %q is the privacy unit; only count-distinct may read it", as, name)
	}
	if err := checkNumeric(name, dt); err != nil {
		return nil, fault.Planf("aggregate %q: %w", as, err)
	}
	return dt, nil
}

// mostLimit bounds limits and norms, so that variances, errors and noised sums
// stay far from the largest float64: no result can become infinite.
const mostLimit = 1e100

// limits reads a range.
func (b *binder) limits(as string, lower, upper float64) (lo, hi exact.Rat, err error) {
	lo, ok1 := exact.FromFloat(lower)
	hi, ok2 := exact.FromFloat(upper)
	switch {
	case !ok1 || !ok2:
		return lo, hi, fault.Planf("aggregate %q: the limits of range must be finite numbers", as)
	case max(math.Abs(lower), math.Abs(upper)) > mostLimit:
		return lo, hi, fault.Planf("aggregate %q: a limit of range is beyond ±1e100, from where squares and noise leave what a float holds; narrow the range", as)
	case !lo.Less(hi):
		return lo, hi, fault.Planf("aggregate %q: state a range whose lower limit is below its upper one, such as [0, 200]; it must not be taken from the data", as)
	}
	return lo, hi, nil
}

// resolution reads a resolution; 0 stays 0.
func (b *binder) resolution(as string, r float64) (exact.Rat, error) {
	step, ok := exact.FromFloat(r)
	if !ok || step.Sign() < 0 {
		return step, fault.Planf("aggregate %q: resolution must be a number greater than 0", as)
	}
	return step, nil
}

// sampleInput is the input of a statistic of kept rows. A step of 0 is chosen:
// the natural one of the type if the range has at most 2ⁿ of them, else the
// range divided by 2ⁿ, rounded down to a power of two.
func (b *binder) sampleInput(as, column string, lower, upper float64, step exact.Rat, n int) (*input, error) {
	dt, err := b.numericColumn(as, column)
	if err != nil {
		return nil, err
	}
	lo, hi, err := b.limits(as, lower, upper)
	if err != nil {
		return nil, err
	}
	in := &input{kind: samples, column: column, limit: b.rowsPerGroup()}
	if step.Sign() == 0 {
		var natural bool
		step, natural = naturalStep(dt)
		most := exact.Int(1 << n)
		if !natural || most.Less(hi.Sub(lo).Quo(step)) {
			step = powerOfTwoStep(hi.Sub(lo), n)
		}
	}
	in.grid = newGrid(step)
	var ok bool
	if in.lower, in.upper, ok = in.grid.between(lo, hi); !ok || in.lower >= in.upper {
		return nil, fault.Planf("aggregate %q: range [%s, %s] holds no usable number of multiples of the resolution %s; widen the range or change resolution", as, lo, hi, step)
	}
	return in, nil
}

// checkProduct refuses sensitivities beyond the exact arithmetic.
func (b *binder) checkProduct(as string, x, y int64) error {
	if p := mul(x, y); int128Of(maxStep).less(p) {
		return fault.Planf("aggregate %q: range and rows-per-group overflow the exact arithmetic; lower rows-per-group", as)
	}
	return nil
}
