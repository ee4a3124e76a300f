package kanon

import (
	"context"

	"github.com/oboro-data/oboro/arrowio"
)

// Count reads src once and returns the frequency set that Anonymize would search
// from, at the bottom of the lattice: for measures of risk on the input (package
// risk). It holds personal data. Errors are those of Anonymize.
func Count(ctx context.Context, src arrowio.Source, spec *Spec) (*FrequencySet, error) {
	p, err := spec.plan(src.Schema())
	if err != nil {
		return nil, err
	}
	t, err := p.count(ctx, src)
	if err != nil {
		return nil, err
	}
	var population func([]uint32) int64
	if p.population != NoPopulation {
		if t, population, err = p.joinPopulation(ctx, t); err != nil {
			return nil, err
		}
	}
	columns, sensitive, _, err := p.tables(t)
	if err != nil {
		return nil, err
	}
	base, _, err := newClassifiedSet(t, columns, sensitive, population)
	return base, err
}
