package anon

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/report"
)

// A UnitCell narrows the privacy unit of a statistics release to a person
// within a cell of time: what is protected is all that a person did in one
// cell, and no more. Bounds then hold for each cell of a person anew.
type UnitCell struct {
	Column string // dates or timestamps; rows where it is null contribute nothing
	// Every is the length of a cell. Cells begin at 1970-01-01T00:00 UTC, for
	// timestamps without zone of their own clock.
	Every time.Duration
	text  string // as the policy writes it: day, 12-hours
	at    place
}

var cellText = regexp.MustCompile(`^(?:(minute|hour|day)|([1-9][0-9]{0,3})-(minute|hour|day)s)$`)

var cellLengths = map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}

func (p *Policy) decodeUnitCell(o *object) *UnitCell {
	n := o.find("unit-cell")
	if n == nil {
		return nil
	}
	c := o.object(n, o.place("unit-cell").key)
	defer c.done()
	cell := &UnitCell{at: o.place("unit-cell")}
	if p.UnitIsRow {
		o.add(cell.at, "with `unit: row` every row is a unit of its own, which has no time cells; remove unit-cell, or name the column of the person in unit")
	}
	c.need("column", "name the column of dates or timestamps that tells the cell of a row")
	cell.Column = c.name("column")
	if !c.need("every", "say how long a cell is: day, hour, 12-hours, 7-days") {
		return cell
	}
	cell.text = c.text("every")
	m := cellText.FindStringSubmatch(cell.text)
	if m == nil {
		c.add(c.place("every"), "%s is no length of a cell; write minute, hour or day, or a number of them such as 12-hours or 7-days", quote(cell.text))
		return cell
	}
	cell.Every = cellLengths[m[1]+m[3]]
	if n, err := strconv.Atoi(m[2]); err == nil {
		cell.Every *= time.Duration(n)
	}
	return cell
}

// checkUnitCell refuses columns without times.
func (p *Plan) checkUnitCell(probs *problems, s *Statistics) {
	if s.UnitCell == nil {
		return
	}
	c := p.declared(probs, s.UnitCell.at, s.UnitCell.Column)
	if c == nil {
		return
	}
	switch kind := p.kind(c); {
	case c.Set != nil || kind != "" && kind != "date" && kind != "timestamp":
		probs.add(s.UnitCell.at, "column %s is %s, but a time cell needs dates or timestamps; declare type: date or type: timestamp, or name another column", quote(c.Name), kindWords(c, kind))
	case kind == "date" && s.UnitCell.Every%(24*time.Hour) != 0:
		probs.add(s.UnitCell.at, "column %s has dates, which are not told apart within a day; write every: day, or name a column of timestamps", quote(c.Name))
	}
}

func (c *UnitCell) forDP() *dp.UnitCell {
	if c == nil {
		return nil
	}
	return &dp.UnitCell{Column: c.Column, Every: c.Every}
}

// figures are the time cell as the report gives it.
func (c *UnitCell) figures() *report.UnitCell {
	if c == nil {
		return nil
	}
	return &report.UnitCell{Column: c.Column, Every: c.text}
}

// length is a cell in words: day, 12 hours.
func (c *UnitCell) length() string { return strings.ReplaceAll(c.text, "-", " ") }

// within says of rows that they are of one cell: " within one day of at".
func (c *UnitCell) within() string {
	if c == nil {
		return ""
	}
	one := "one "
	if c.length() != c.text {
		one = ""
	}
	return fmt.Sprintf(" within %s%s of %s", one, c.length(), c.Column)
}

// unitOf is how the report names what a statistics release protects.
func (p *Policy) unitOf(s *Statistics) string {
	if s.UnitCell == nil {
		return p.unitName()
	}
	return p.unitName() + s.UnitCell.within()
}

// unitPaid names the unit that a ledger must count for, the weakest that the
// statistics of a run protect: what holds for all rows of a person holds for
// those within a cell of time, and not the other way round.
func (p *Policy) unitPaid(steps []*step) (string, error) {
	unit := p.unitName()
	for _, s := range steps {
		if s.Statistics == nil || s.Statistics.UnitCell == nil {
			continue
		}
		of := p.unitOf(s.Statistics)
		if unit != p.unitName() && unit != of {
			return "", fault.Planf("%s: one ledger can't count for %s and for %s; give the releases one unit-cell, or a policy each", p.file, unit, of)
		}
		unit = of
	}
	return unit, nil
}

// cellLimit is what a claim about cells does not say, "" without cells.
func (p *Plan) cellLimit(c *UnitCell) string {
	if c == nil {
		return ""
	}
	each := "each " + c.length()
	if c.length() != c.text {
		each = "each cell of " + c.length()
	}
	return fmt.Sprintf("; what one %s did in %s is protected by itself, and all of it together is not", p.policy.Unit, each)
}
