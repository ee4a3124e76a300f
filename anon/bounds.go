package anon

import (
	"fmt"
	"strings"

	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/report"
)

// Bounds limit what one person can add, in a release of statistics.
type Bounds struct {
	GroupsPerUnit int64
	RowsPerGroup  int64
	// RowsPerUnit bounds a person's rows in all groups together; 0: not bounded.
	RowsPerUnit int64
}

func (s *Statistics) decodeBounds(o *object) {
	s.Bounds = Bounds{GroupsPerUnit: 1, RowsPerGroup: 1}
	if !o.need("bounds", "say how many groups one person may count in, e.g. bounds: {groups-per-unit: 3}") {
		return
	}
	b := o.object(o.find("bounds"), s.boundsAt.key)
	defer b.done()
	rows := b.integer("rows-per-unit", 0, 1, maxCount)
	if len(s.GroupBy) > 0 && rows == 0 {
		b.need("groups-per-unit", "say how many groups one person may count in, or bound the rows of a person with rows-per-unit")
	}
	groups := max(rows, 1) // each takes a row
	if len(s.GroupBy) == 0 {
		groups = 1
	}
	s.Bounds = Bounds{b.integer("groups-per-unit", groups, 1, maxCount), b.integer("rows-per-group", max(rows, 1), 1, maxCount), rows}
	if rows > 0 {
		s.Bounds.GroupsPerUnit, s.Bounds.RowsPerGroup = min(s.Bounds.GroupsPerUnit, rows), min(s.Bounds.RowsPerGroup, rows)
	}
}

// forDP makes the bounds of package dp.
func (b Bounds) forDP() dp.ContributionBounds {
	return dp.ContributionBounds{MaxGroups: b.GroupsPerUnit, RowsPerGroup: b.RowsPerGroup, RowsPerUnit: b.RowsPerUnit}
}

// figures are the bounds as the report gives them.
func (b Bounds) figures() report.Bounds {
	return report.Bounds{GroupsPerUnit: b.GroupsPerUnit, RowsPerGroup: b.RowsPerGroup, RowsPerUnit: b.RowsPerUnit}
}

// explain says in a plan what is kept of a person.
func (b Bounds) explain(d *Statistics, seen bool) (lines []string) {
	var parts []string
	if len(d.GroupBy) > 0 {
		parts = append(parts, fmt.Sprintf("a unit counts in at most %d of them", b.GroupsPerUnit))
	}
	if b.RowsPerUnit > 0 {
		parts = append(parts, fmt.Sprintf("at most %d rows of a unit count in all", b.RowsPerUnit))
	}
	if len(parts) > 0 {
		lines = append(lines, strings.Join(parts, "; "))
	}
	if seen {
		lines = append(lines, fmt.Sprintf("at most %d of its rows in each are seen by mean, variance, quantiles and histograms", b.RowsPerGroup))
	}
	return lines
}
