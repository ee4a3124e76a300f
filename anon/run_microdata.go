package anon

import (
	"context"
	"slices"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/kanon"
	"github.com/oboro-data/oboro/report"
)

func (r *Release) runMicrodata(ctx context.Context, s *step, src arrowio.Source, o RunOptions) error {
	spec := *s.spec
	src = r.plan.policy.withUnit(src)
	spec.Workers, spec.Memory, spec.Temp, spec.Progress = o.Workers, o.Memory, o.Temp, o.progress(s.Name)
	src, err := r.plan.sampled(s, src)
	if err != nil {
		return inRelease(s.Name, err)
	}
	made := src
	if s.subset != nil {
		spec.Population, src = src, s.subset
	}
	rel, err := kanon.Anonymize(ctx, src, &spec)
	if err != nil {
		return inRelease(s.Name, err)
	}
	out := report.Release{Name: s.Name, Kind: "microdata", Microdata: r.plan.figures(s, rel)}
	for i, c := range r.plan.rowClaims(s) {
		if i < len(rel.Claims) {
			c.Checked = rel.Claims[i].Checked
		}
		out.Claims = append(out.Claims, c)
	}
	r.report.Releases = append(r.report.Releases, out)
	r.tables = append(r.tables, table{step: s, source: rel, input: made, release: rel.Close})
	return nil
}

// figures are the numbers of a microdata release, for its report.
func (p *Plan) figures(s *step, rel *kanon.Release) *report.Microdata {
	limit, _ := s.Microdata.SuppressionLimit.Float()
	sample, _ := s.Microdata.Sample.Float()
	m := &report.Microdata{
		InputRows: rel.InputRows, Rows: rel.Rows, SuppressedRows: rel.SuppressedRows,
		Classes: rel.Classes, SmallestClass: rel.SmallestClass, Counted: rel.Counted,
		Basis: s.Microdata.Basis, Nulls: nullWords[p.policy.Nulls], RowOrder: s.Microdata.RowOrder,
		SuppressionLimit: limit, Sample: sample,
		Recoding: report.Recoding{Kind: rel.Recoding.Kind, Levels: rel.Recoding.Levels(), LevelsFromData: rel.Recoding.LevelsFromData},
		Cost:     report.CostValue{Metric: rel.Metric, Value: scoreValue(rel.Cost)},
		Search: report.SearchInfo{
			Kind: rel.Search.Kind, LatticeNodes: rel.Search.LatticeNodes, CheckedNodes: rel.Search.CheckedNodes, Optimal: rel.Search.Optimal,
			LowerBound: scoreValue(rel.Search.LowerBound), Gap: scoreValue(rel.Search.Gap()),
		},
	}
	for _, b := range rel.ClassSizes {
		m.ClassSizes = append(m.ClassSizes, report.ClassSizeBin(b))
	}
	for _, name := range s.columns {
		m.Columns = append(m.Columns, p.columnInfo(name, rel.Recoding))
	}
	return m
}

func (p *Plan) columnInfo(name string, rec *kanon.Recoding) report.ColumnInfo {
	info := report.ColumnInfo{Name: name, Role: string(p.policy.Column(name).Role)}
	i := slices.IndexFunc(rec.Columns, func(c kanon.RecodedColumn) bool { return c.Name == name })
	if i < 0 {
		return info
	}
	c := rec.Columns[i]
	if rec.Kind != "global" && c.LevelRows == nil {
		return info // ranges or aggregates of groups, no levels
	}
	top := len(c.Levels) - 1
	names := c.Levels
	if own := p.policy.Column(name).levelNames(); len(own) == len(names) {
		names = own // they say more than numbers
	}
	info.LevelNames, info.MaxLevel, info.LevelRows = names, &top, c.LevelRows
	if c.Level >= 0 && c.Level <= top {
		info.Level, info.LevelName = &c.Level, names[c.Level]
	}
	return info
}

// scoreValue writes a score as the report has it: a number, an array for
// scores of several elements, null where there is none.
func scoreValue(s kanon.Score) any {
	switch len(s) {
	case 0:
		return nil
	case 1:
		return s[0]
	}
	return []float64(s)
}

// inRelease adds the release's name to an error, keeping its kind.
func inRelease(name string, err error) error {
	switch ExitCode(err) {
	case 2:
		return fault.Planf("%s: %w", name, err)
	case 3:
		return fault.Dataf("%s: %w", name, err)
	}
	return fault.Inputf("%s: %w", name, err)
}
