package anon

import (
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/kanon"
)

// A Plan is a policy that has been checked against the schema of an input: it
// says what will be done, claimed and spent. It has read no row.
type Plan struct {
	policy *Policy
	schema *arrow.Schema // nil: not known yet
	steps  []*step
	// cap is the budget of the policy, or of its only statistics release.
	cap      dp.Budget
	total    dp.Budget
	warnings []string
}

// A step makes one release: rows by spec, or statistics by query.
type step struct {
	*Declaration
	columns []string // written, in the order of the input where it is known

	spec *kanon.Spec // microdata
	// subset is the table that is anonymised in place of the input, which is
	// then the population (delta-presence); nil: the input.
	subset arrowio.Source

	query   *dp.Query // statistics
	budget  dp.Budget
	dp      *dp.Plan
	certain bool // dp is the same under every schema that fits the policy
}

// Plan checks the policy against a schema without reading a row. A nil schema
// checks what the policy alone can tell, for a look at the plan; such a plan
// can't run. Errors are of kind Plan or Budget and list every problem found,
// with file, line, key and remedy.
func (p *Policy) Plan(schema *arrow.Schema) (*Plan, error) {
	plan := &Plan{policy: p, schema: schema}
	probs := &problems{file: p.file}
	plan.checkSchema(probs)
	plan.checkReleases(probs)
	plan.addBudgets(probs)
	plan.checkConsistent(probs)
	if err := probs.err(); err != nil {
		return nil, err // what follows relies on what was checked
	}
	for i := range p.Releases {
		s := &step{Declaration: &p.Releases[i]}
		if s.Microdata != nil {
			plan.planMicrodata(probs, s)
		} else {
			plan.planStatistics(probs, s)
		}
		plan.steps = append(plan.steps, s)
	}
	if err := probs.err(); err != nil {
		return nil, err
	}
	if plan.checkParts(probs); probs.err() != nil {
		return nil, probs.err()
	}
	plan.warn()
	return plan, nil
}

// checkReleases refuses what no release can use, before any is planned.
func (p *Plan) checkReleases(probs *problems) {
	rows := -1
	for i := range p.policy.Releases {
		d := &p.policy.Releases[i]
		if d.Microdata == nil {
			p.checkStatistics(probs, d)
			continue
		}
		if rows >= 0 {
			probs.add(d.at, "a second microdata release: two recodings of the same rows can be combined against both; keep one, the first is in line %d", p.policy.Releases[rows].at.line)
		}
		rows = i
		p.checkMicrodata(probs, d)
	}
}

// microdata returns the declaration of the rows of this policy, or nil.
func (p *Policy) microdata() *Declaration {
	for i := range p.Releases {
		if p.Releases[i].Microdata != nil {
			return &p.Releases[i]
		}
	}
	return nil
}

// addBudgets adds up what the statistics releases spend, exactly, and refuses
// a sum beyond the cap.
func (p *Plan) addBudgets(probs *problems) {
	acct, n := (*dp.Accountant)(nil), 0
	for i := range p.policy.Releases {
		if p.policy.Releases[i].Statistics != nil {
			n++
		}
	}
	if p.policy.Budget != nil {
		b, err := p.policy.Budget.exact()
		if err != nil {
			probs.addErr(p.policy.Budget.at, err)
			return
		}
		p.cap = b
		acct = dp.NewAccountant(b)
	} else if n > 1 {
		probs.add(place{1, "budget"}, "missing: with %d statistics releases a cap on their sum is required; add e.g. budget: {epsilon: 2, delta: 1e-8}", n)
	}
	for i := range p.policy.Releases {
		d := &p.policy.Releases[i]
		if d.Statistics == nil {
			continue
		}
		b, err := d.Statistics.Budget.exact()
		if err != nil {
			probs.addErr(d.Statistics.budgetAt, err)
			continue
		}
		if acct == nil {
			p.cap = b
			acct = dp.NewAccountant(b)
		}
		if b.IsZCDP() && !p.cap.IsZCDP() {
			probs.add(d.Statistics.budgetAt, "this release is in rho and the cap in epsilon, and the two do not add up; write the cap in rho too (a release in epsilon counts there), or this budget in epsilon and delta")
			continue
		}
		if err := acct.Spend(d.Name, b); err != nil {
			probs.list = append(probs.list, problem{d.Statistics.budgetAt, err.Error() + "; lower the budgets of releases or raise the cap", fault.Budgetf})
		}
	}
	if acct != nil {
		p.total = acct.Spent()
	}
}

// exact turns the budget's texts into the budget of package dp.
func (b *Budget) exact() (dp.Budget, error) {
	d, err := dp.BudgetOf(b.Epsilon.text, b.Delta.text, b.Rho.text)
	if b.AcceptDelta {
		d = d.AcceptLargeDelta()
	}
	return d, err
}

// CheckFormat refuses a format that can't hold a table of the plan, such as CSV
// for lists of tags, before a row is read. The error is of kind Plan.
func (p *Plan) CheckFormat(f arrowio.Format) error {
	for _, s := range p.steps {
		if s.Microdata == nil || p.schema == nil {
			continue // statistics have no nested types
		}
		var fields []arrow.Field
		for _, name := range s.columns {
			fields = append(fields, p.schema.Field(p.schema.FieldIndices(name)[0]))
		}
		if err := arrowio.CheckSchema(f, arrow.NewSchema(fields, nil)); err != nil {
			return inRelease(s.Name, err)
		}
	}
	return nil
}

// declared returns the column of a name, or notes that there is none.
func (p *Plan) declared(probs *problems, at place, name string) *Column {
	if c := p.policy.Column(name); c != nil {
		return c
	}
	var names []string
	for _, c := range p.policy.Columns {
		names = append(names, c.Name)
	}
	probs.add(at, "column %s is not declared under columns; %s", quote(name), suggest(name, names))
	return nil
}

// inputOrder sorts column names in the order of the input, or of the policy
// where the input is not known.
func (p *Plan) inputOrder(names []string) []string {
	var all []string
	if p.schema != nil {
		for _, f := range p.schema.Fields() {
			all = append(all, f.Name)
		}
	} else {
		for _, c := range p.policy.Columns {
			all = append(all, c.Name)
		}
	}
	out := slices.Clone(names)
	slices.SortStableFunc(out, func(a, b string) int { return slices.Index(all, a) - slices.Index(all, b) })
	return out
}

// warn collects what is allowed but should be known.
func (p *Plan) warn() {
	for _, s := range p.steps {
		if s.Microdata != nil {
			for _, name := range s.Microdata.Idle {
				p.warnings = append(p.warnings, fmt.Sprintf("the release %s leaves km-anonymity of %s out, for this column is not released", s.Name, name))
			}
		}
		if s.Microdata != nil && s.Microdata.RowOrder == "input" {
			p.warnings = append(p.warnings, "the rows of "+s.Name+" leave in the order of the input; a row's position links it to the source (row-order: shuffled avoids it)")
		}
	}
	for _, s := range p.steps {
		if s.Statistics != nil && s.Statistics.UnitCell != nil {
			p.warnings = append(p.warnings, fmt.Sprintf("the release %s protects all rows of one %s, not all rows of one %s; the total budget holds for no more", s.Name, p.policy.unitOf(s.Statistics), p.policy.Unit))
		}
	}
}
