package anon

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/kanon"
	"github.com/oboro-data/oboro/kanon/risk"
	"github.com/oboro-data/oboro/report"
)

// riskThreshold is the risk above which somebody is at risk: a class of five.
const riskThreshold = 0.2

// Internal compares every table of the release with the input src that it was
// made of. It describes the input and must not be published; WriteDir never
// writes it. It reads src once per table and may take some seconds for each.
// It can't be called once the release is closed.
func (r *Release) Internal(ctx context.Context, src arrowio.Source) (*report.Internal, error) {
	out := &report.Internal{Title: r.report.Title, Software: r.report.Software, Releases: []report.InternalRelease{}}
	for _, t := range r.tables {
		one := report.InternalRelease{Name: t.step.Name, Notes: []string{}}
		var err error
		if rel, ok := t.source.(*kanon.Release); ok {
			one.Kind = "microdata"
			of := r.plan.policy.withUnit(src)
			if t.step.Microdata.Sample.IsSet() {
				of = t.input // only it knows who was chosen
				one.Notes = append(one.Notes, "the input is the sample of people that the table was made of")
			}
			err = r.assess(ctx, t.step, of, rel, &one)
		} else {
			one.Kind = "statistics"
			err = r.plan.compareCounts(ctx, t, src, &one)
		}
		if err != nil {
			return nil, inRelease(t.step.Name, err)
		}
		out.Releases = append(out.Releases, one)
	}
	return out, nil
}

// assess measures a table of rows.
func (r *Release) assess(ctx context.Context, s *step, src arrowio.Source, rel *kanon.Release, out *report.InternalRelease) error {
	spec := *s.spec
	if s.subset != nil {
		spec.Population, src = src, s.subset
	}
	if len(spec.QuasiIdentifiers) == 0 {
		out.Notes = append(out.Notes, "risk and utility: the release has no quasi-identifiers but sets of tags")
		return nil
	}
	o := risk.Options{Threshold: riskThreshold}
	for _, m := range s.Microdata.Models {
		o.Population = max(o.Population, m.Population)
	}
	if o.Population > 0 && o.Population < rel.InputRows {
		out.Notes = append(out.Notes, "population: the one that the policy names is smaller than the input")
		o.Population = 0
	}
	a, err := risk.Assess(ctx, src, &spec, rel, o)
	if err != nil {
		return err
	}
	out.Notes = append(out.Notes, a.Notes...)
	out.Microdata = internalMicrodata(a, &spec, rel)
	if a.PopulationUniques != nil && a.IndividualRisk != nil {
		e := a.PopulationUniques
		out.Microdata.Population = &report.PopulationRisk{People: o.Population, Uniques: e.Uniques, Model: e.Model, Valid: e.Valid, IndividualRisk: *a.IndividualRisk}
	}
	return nil
}

// internalMicrodata puts an assessment in the words of the report.
func internalMicrodata(a *risk.Assessment, spec *kanon.Spec, rel *kanon.Release) *report.InternalMicrodata {
	m := &report.InternalMicrodata{
		Counted: rel.Counted, ReleasedCounted: "rows", InputRows: a.InputRows, InputPeople: a.InputPeople,
		InputClasses: int64(len(a.InputSizes)), ReleasedRows: rel.Rows, ReleasedClasses: int64(len(a.ReleasedSizes)),
		Threshold: riskThreshold, InputRisk: report.Risk(a.Input), ReleasedRisk: report.Risk(a.Released),
		Sizes: compareSizes(a.InputSizes, a.ReleasedSizes), Combined: a.Combined,
		Identifying: []report.Identifying{}, SpecialUniques: []report.ColumnShare{}, Columns: []report.ColumnChange{},
	}
	if a.ReleasedPeople {
		m.ReleasedCounted = rel.Counted
	}
	for _, n := range a.InputSizes {
		if n == 1 {
			m.InputAlone++
		}
	}
	for i := range spec.QuasiIdentifiers {
		m.QuasiIdentifiers = append(m.QuasiIdentifiers, spec.QuasiIdentifiers[i].Column)
	}
	for _, c := range a.Identifying {
		m.Identifying = append(m.Identifying, report.Identifying(c))
	}
	for i, share := range a.SpecialUniques {
		m.SpecialUniques = append(m.SpecialUniques, report.ColumnShare{Column: m.QuasiIdentifiers[i], Share: share})
	}
	if u := a.Utility; u != nil {
		m.Utility = &report.Utility{
			Suppressed: u.Suppressed, Granularity: u.Granularity, GeneralizationIntensity: u.GeneralizationIntensity,
			NonUniformEntropy: u.NonUniformEntropy, Discernibility: u.Discernibility, AverageClassSize: u.AverageClassSize,
		}
		for _, c := range u.Columns {
			m.Columns = append(m.Columns, report.ColumnChange{
				Column: c.Column, Granularity: c.Granularity, NonUniformEntropy: c.NonUniformEntropy,
				TotalVariation: c.TotalVariation, Hellinger: c.Hellinger, EarthMover: c.EarthMover,
			})
		}
	}
	if q := a.Queries; q != nil {
		m.Queries = &report.RangeQueries{Queries: q.Queries, Median: q.Median, Mean: q.Mean, P90: q.P90}
	}
	return m
}

// compareSizes gives the shares of people in classes of which size.
func compareSizes(input, released []int64) []report.SizesCompared {
	starts := []int64{1, 2, 3, 5, 10, 20, 50, 100, 1000}
	bins := make([]report.SizesCompared, len(starts))
	for i, from := range starts {
		bins[i].From = from
		if i+1 < len(starts) {
			bins[i].To = starts[i+1] - 1
		}
	}
	fill := func(sizes []int64, share func(*report.SizesCompared) *float64) {
		total := 0.0
		for _, n := range sizes {
			total += float64(n)
		}
		for _, n := range sizes {
			i, exact := slices.BinarySearch(starts, n)
			if !exact {
				i--
			}
			*share(&bins[i]) += float64(n) / total
		}
	}
	fill(input, func(b *report.SizesCompared) *float64 { return &b.Input })
	fill(released, func(b *report.SizesCompared) *float64 { return &b.Released })
	return bins
}

// countError compares the released values of a count with the true ones.
func countError(as, kind string, released, truth []float64) report.CountError {
	e := report.CountError{As: as, Kind: kind, Groups: int64(len(released))}
	if e.Groups == 0 {
		return e
	}
	relative := make([]float64, len(released))
	n := float64(len(released))
	for i, x := range released {
		off := math.Abs(x - truth[i])
		relative[i] = off / max(truth[i], 1)
		e.MeanAbsolute += off / n
		e.MeanRelative += relative[i] / n
		e.Bias += (x - truth[i]) / n
		e.MaxAbsolute = max(e.MaxAbsolute, off)
	}
	slices.SortFunc(relative, cmp.Compare)
	e.MedianRelative = relative[len(relative)/2]
	return e
}
