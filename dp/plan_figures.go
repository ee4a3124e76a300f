package dp

import (
	"slices"

	"github.com/oboro-data/oboro/internal/exact"
)

// AggregateFigures say what noise one aggregate gets. They follow from the plan
// alone and may be published.
type AggregateFigures struct {
	As      string
	Kind    string   // as in a policy: "count-units", "sum", …
	Columns []string // the output columns, with the ends of intervals
	// Mechanism is one of the constants DiscreteLaplace, ….
	Mechanism string
	// Scale is exact: t of Laplace noise, σ of Gaussian noise (to nine digits),
	// in units of the output; for mean, variance and standard deviation in rows;
	// for the exponential mechanism the number of rows by which the rank of a
	// candidate is worse when it becomes e times less likely.
	Scale string
	// StdError is the standard error that the noise adds to each output column
	// (to the last one of a cumulative histogram, the largest), 0 where it
	// depends on the data; see StdErrorAt.
	StdError float64
	// ErrorTimesRows is the most that the standard error can be times the number
	// of kept rows of a group (mean, variance, covariance); 0 for others.
	ErrorTimesRows float64
	// NoError says why no standard error can be stated, "" where one is.
	NoError string
	// Interval is half the width of the confidence interval, 0 without one.
	Interval float64
	// Epsilon, Delta and Rho are the aggregate's share of the budget; empty
	// where noise is accounted jointly and shares do not exist.
	Epsilon, Delta, Rho string
	// Sensitivity is the most by which one unit changes the statistic of one
	// group in the ℓ₁ norm, in units of the output (in rows, as Scale).
	Sensitivity string
}

// SelectionFigures say how private groups are selected.
type SelectionFigures struct {
	Mechanism string
	Scale     string // in units
	Threshold int64  // a group is released if its noised number of units is at least this
	Delta     string // what of δ pays for selection: all of it where it is shared with noise
	// Aggregate is the released count that selection rests on, "" if the count
	// is made for selection alone. It never costs a second budget.
	Aggregate string
	StdError  float64
}

// Figures returns the figures of the aggregates, in the order of the query.
func (p *Plan) Figures() []AggregateFigures {
	weights := make([]float64, len(p.needs))
	for i, n := range p.needs {
		if weights[i] = n.Weight; n.Weight == 0 {
			weights[i] = 1
		}
	}
	shares := p.budget.Split(weights...)
	out := make([]AggregateFigures, len(p.query.Aggregates))
	for i := range out {
		s := p.statistics[i]
		f := AggregateFigures{As: p.query.Aggregates[i].OutputName(), Kind: s.kind(), NoError: noError(s.kind())}
		for _, c := range p.fields(s) {
			f.Columns = append(f.Columns, c.Name)
		}
		if m := p.calibration.Mechanisms[i]; m != nil {
			s := s.(additive)
			g, inOutput := s.unit()
			f.Mechanism = m.Kind()
			if scale, err := exact.Parse(m.Scale()); err == nil {
				f.Scale = scale.Mul(g.step).String()
			}
			f.Sensitivity = exact.Int(s.sensitivity()).Mul(g.step).String()
			if inOutput {
				f.StdError = s.stdError(m.StdError() * g.step.Float())
			}
			if r, ok := s.(ratio); ok {
				f.ErrorTimesRows = r.errorTimesRows(m.StdError())
			}
			if p.hasInterval(s) {
				f.Interval = float64(m.Interval(p.query.Confidence)) * g.step.Float()
			}
		} else {
			r := p.calibration.Rates[i]
			f.Mechanism = ExponentialMechanism
			f.Scale = exact.Int(int64(r.Den)).Quo(exact.Int(int64(r.Num))).String()
			f.Sensitivity = exact.Int(p.needs[i].L1).String()
		}
		if p.budget.IsZCDP() || !p.calibration.Joint {
			f.Epsilon, f.Rho = shares[i].Epsilon(), shares[i].Rho()
			if f.Mechanism == DiscreteGaussian || f.Mechanism == GoogleGaussian {
				f.Delta = shares[i].Delta()
			}
		}
		out[i] = f
	}
	return out
}

// Selection returns how groups are selected, nil where they are public.
func (p *Plan) Selection() *SelectionFigures {
	s := p.calibration.Selection
	if s == nil {
		return nil
	}
	f := &SelectionFigures{
		Mechanism: s.Mechanism.Kind(), Scale: s.Mechanism.Scale(), Threshold: s.Threshold,
		Delta: s.Delta.Delta(), StdError: s.Mechanism.StdError(),
	}
	if p.selector < len(p.query.Aggregates) {
		f.Aggregate = p.query.Aggregates[p.selector].OutputName()
	}
	return f
}

// ReleaseProbability is the probability with which a group of so many units is
// released, all of them having kept it: 1 for public groups.
func (p *Plan) ReleaseProbability(units int64) float64 {
	if p.calibration.Selection == nil {
		return 1
	}
	return p.calibration.Selection.Probability(units)
}

// GroupBy are the key columns.
func (p *Plan) GroupBy() []string { return slices.Clone(p.query.GroupBy) }

// PrivateGroups reports whether groups are selected by noise.
func (p *Plan) PrivateGroups() bool { return p.publicKeys == nil }

// Bounds are the contribution bounds, with defaults filled in.
func (p *Plan) Bounds() ContributionBounds { return p.query.Bounds }
