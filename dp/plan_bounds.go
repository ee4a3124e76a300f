package dp

import "github.com/oboro-data/oboro/internal/fault"

// maxRows bounds the numbers of rows in contribution bounds: any sum of so many
// grid steps stays within 128 bits.
const maxRows = 1 << 31

// bounds checks the contribution bounds and fills in what follows from others.
func (b *binder) bounds() error {
	q, l := &b.plan.query, b.plan.layout
	c := &q.Bounds
	switch {
	case c.MaxGroups < 0 || c.MaxGroups == 0 && c.RowsPerUnit == 0:
		return fault.Planf("bounds: groups-per-unit must be at least 1, or rows-per-unit be given; they limit the groups and rows that one person contributes")
	case c.RowsPerGroup < 0 || c.RowsPerGroup > maxRows:
		return fault.Planf("bounds: rows-per-group must be between 1 and 2^31")
	case c.RowsPerUnit < 0 || c.RowsPerUnit > maxRows:
		return fault.Planf("bounds: rows-per-unit must be between 1 and 2^31")
	}
	if q.UnitIsRow { // a row is in one group
		l.maxGroups, c.RowsPerUnit = 1, 0
		c.MaxGroups, c.RowsPerGroup = max(c.MaxGroups, 1), max(c.RowsPerGroup, 1)
		return nil
	}
	if n := c.RowsPerUnit; n > 0 {
		l.rowsPerUnit = n
		l.groupsFirst = c.MaxGroups > 0 && c.MaxGroups < n
		if !l.groupsFirst {
			c.MaxGroups = n
		}
	}
	l.maxGroups = c.MaxGroups
	c.RowsPerGroup = b.perUnit(c.RowsPerGroup)
	return nil
}

// fewerGroups: a unit is in no more groups than there are.
func (p *Plan) fewerGroups() {
	if p.publicKeys != nil {
		p.layout.maxGroups = max(1, min(p.layout.maxGroups, int64(len(p.publicKeys))))
	}
}
