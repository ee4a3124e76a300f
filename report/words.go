package report

import (
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// grouped writes an integer with a comma after every three digits: 30,162.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	var b strings.Builder
	for i, c := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	return sign + b.String()
}

// plural joins a number and a noun: 1 class, 222 classes.
func plural(n int64, one, many string) string {
	if n == 1 {
		return grouped(n) + " " + one
	}
	return grouped(n) + " " + many
}

// percent writes part/whole with two significant digits or so: 1.7 %. A part
// that is not zero never reads 0 %.
func percent(part, whole int64) string {
	if whole <= 0 || part == 0 {
		return "0 %"
	}
	p := 100 * float64(part) / float64(whole)
	switch {
	case p < 0.01:
		return "under 0.01 %"
	case p < 1:
		return fmt.Sprintf("%.2f %%", p)
	case p < 10:
		return fmt.Sprintf("%.1f %%", p)
	default:
		return fmt.Sprintf("%.0f %%", p)
	}
}

// short writes a figure for reading: four significant digits, large ones
// grouped. The exact figure stands in report.json.
func short(x float64) string {
	switch a := math.Abs(x); {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return "–"
	case x == 0:
		return "0"
	case a >= 1000 && a < 1e15:
		return grouped(int64(math.Round(x)))
	case a >= 1e15 || a < 1e-4:
		return strconv.FormatFloat(x, 'g', 3, 64)
	default:
		return strconv.FormatFloat(x, 'g', 4, 64)
	}
}

// figure writes a value of JSON (a number, an array of numbers, nothing).
func figure(v any) string {
	switch v := v.(type) {
	case nil:
		return "–"
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 { // JSON does not tell 317238626 from 317238626.0
			return strconv.FormatFloat(v, 'f', 0, 64)
		}
		return strconv.FormatFloat(v, 'g', 6, 64)
	case []float64:
		parts := make([]string, len(v))
		for i, x := range v {
			parts[i] = strconv.FormatFloat(x, 'g', 6, 64)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case []any:
		parts := make([]string, len(v))
		for i, x := range v {
			parts[i] = figure(x)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	default:
		return fmt.Sprint(v)
	}
}

// stdError is the standard error in words.
func (a *AggregateInfo) stdError() string {
	if a.StdError == 0 {
		var parts []string
		for _, e := range a.StdErrorAt {
			parts = append(parts, "≤ "+short(e.AtMost)+" at "+plural(e.Rows, "row", "rows"))
		}
		if len(parts) > 0 {
			return strings.Join(parts, ", ")
		}
		return "–"
	}
	if a.Fitted {
		return short(a.StdError) + " before the fit"
	}
	return short(a.StdError)
}

// withoutError names the columns of no standard error, each with the reason.
func (s *Statistics) withoutError() []string {
	var out []string
	for _, a := range s.Aggregates {
		if a.StdErrorNote != "" {
			out = append(out, a.As+" has no standard error here: "+a.StdErrorNote+".")
		}
	}
	return out
}

// noiseShare says how large the noise is against the median released value.
func (a *AggregateInfo) noiseShare() string {
	if a.Released == nil || a.Released.N == 0 || a.Released.Median == 0 || a.StdError == 0 || a.Fitted {
		return "–"
	}
	p := 100 * a.StdError / math.Abs(a.Released.Median)
	switch {
	case p > 999:
		return "over 999 %"
	case p < 0.1 && p > 0:
		return "under 0.1 %"
	}
	if p >= 10 {
		return strconv.FormatFloat(p, 'f', 0, 64) + " %"
	}
	return strconv.FormatFloat(p, 'g', 2, 64) + " %"
}

// exactly reads a budget, a decimal or a fraction, for drawing; ok is false
// where there is none.
func exactly(s string) (float64, bool) {
	over, under, fraction := strings.Cut(s, "/")
	f, err := strconv.ParseFloat(over, 64)
	if fraction && err == nil {
		var g float64
		g, err = strconv.ParseFloat(under, 64)
		f /= g
	}
	return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
}

// budget writes a privacy budget as the policy states it: "ε = 1, δ = 1e-8".
func budget(epsilon, delta, rho *string) string {
	var parts []string
	add := func(sign string, v *string) {
		if v != nil && *v != "" {
			parts = append(parts, sign+" = "+*v)
		}
	}
	add("ε", epsilon)
	add("ρ", rho)
	add("δ", delta)
	if len(parts) == 0 {
		return "–"
	}
	return strings.Join(parts, ", ")
}

// unitWords names the privacy unit for a reader: "all rows of one patient_id".
func unitWords(unit string) string {
	if unit == "" || unit == "row" {
		return "one row"
	}
	return "all rows of one " + unit
}

// checkedWords says in full how far a claim was checked.
func checkedWords(checked string) string {
	switch checked {
	case "output":
		return "recounted from the released file"
	case "input":
		return "needs the input to be checked again"
	default:
		return "follows from how the table was made; nothing in a table can show it"
	}
}

// sentence begins a text with a capital and ends it with a full stop.
func sentence(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return s
	}
	s = string(unicode.ToUpper(first)) + s[size:]
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return s
}

// parameters lists the parameters of a claim by name: "k = 5, m = 2".
func parameters(p map[string]any) string {
	names := make([]string, 0, len(p))
	for n := range p {
		names = append(names, n)
	}
	sort.Strings(names)
	parts := make([]string, 0, len(p))
	for _, n := range names {
		if p[n] == nil {
			continue
		}
		parts = append(parts, n+" = "+figure(p[n]))
	}
	return strings.Join(parts, ", ")
}

// factor says how far one unit can move a probability under ε: e^ε.
func factor(epsilon *string) string {
	if epsilon == nil {
		return ""
	}
	e, ok := exactly(*epsilon)
	if !ok {
		return ""
	}
	if e > 20 {
		return "more than 10⁸"
	}
	return strconv.FormatFloat(math.Exp(e), 'f', 2, 64)
}

// headline says in one sentence what a release is.
func (r *Release) headline() string {
	switch {
	case r.Microdata != nil:
		m := r.Microdata
		s := fmt.Sprintf("%s in %s", plural(m.Rows, "anonymised row", "anonymised rows"), plural(m.Classes, "class", "classes"))
		if m.Classes > 0 {
			s += fmt.Sprintf("; the smallest class holds %s", plural(m.SmallestClass, singular(m.Counted), m.Counted))
		}
		return s + "."
	case r.Statistics != nil:
		s := r.Statistics
		return fmt.Sprintf("%s, %s each, with noise that hides any %s.",
			plural(s.Groups, "group", "groups"), plural(int64(len(s.Aggregates)), "figure", "figures"), hidden(s.Unit))
	}
	return ""
}

func singular(counted string) string {
	if counted == "people" {
		return "person"
	}
	return "row"
}

func hidden(unit string) string {
	if unit == "" || unit == "row" {
		return "single row"
	}
	return "single " + unit
}

// limits lists what a release does not protect, most important first. The
// words follow from the figures alone.
func (r *Release) limits() []string {
	var out []string
	if m := r.Microdata; m != nil {
		out = append(out,
			"Classes hide who is who, not what is common to all of a class: where a class agrees in a column, everyone in it is known to have that value. l-diversity, t-closeness and their kin bound this for the columns they name, and for no others.",
			"The guarantee is about this table alone. A second release of the same people, with other levels or other columns, can be combined with it.",
			"Columns that are neither identifiers nor quasi-identifiers leave unchanged. That nobody outside knows them is the policy's assumption, not a finding.")
		if m.Recoding.LevelsFromData {
			out = append(out, "The levels were chosen by looking at the data; the choice itself says a little about the data.")
		}
		switch m.Recoding.Kind {
		case "mdav":
			out = append(out, "Values are those of groups: what is written of a row need not be true of any person, unless it is an interval.")
		case "cells":
			out = append(out, "A star in a cell says that the row's finer class was too small, and that its value there lies outside the classes released beside it.")
		case "local", "mondrian":
			out = append(out, "Rows stand on several levels. A row that is coarser than its neighbours says that its finer class was too small.")
		}
		if m.Sample > 0 {
			out = append(out, fmt.Sprintf("The table is made of a sample, of probability %s for each person. Who is known to be in it is protected as without one; a second sample of the same people is a second release.", figure(m.Sample)))
		}
		if m.RowOrder == "input" {
			out = append(out, "Rows stand in the order of the input: their position links them to the source.")
		}
		if m.Counted == "rows" {
			out = append(out, "Every row counts as one person. If people have several rows, the guarantee is weaker than it reads.")
		}
	}
	if s := r.Statistics; s != nil {
		out = append(out,
			"What is true of people in general can still be learned from the table, and applied to anyone. Only what is particular to one "+noun(s.Unit)+" is hidden.",
			"Budgets add. Another run on the same people, by this policy or another, adds its ε and δ to those stated here.",
			fmt.Sprintf("Figures rest on at most %s of each %s; what lies beyond the bounds is left out, so totals can be too low.", s.Bounds.kept(), noun(s.Unit)))
		if c := s.UnitCell; c != nil {
			out = append(out, "Cells of time are protected one by one. Whoever is in the table in many cells is protected in each, not in all of them together: the loss grows with their number.")
		}
		if s.Confidence > 0 {
			out = append(out, fmt.Sprintf("The columns _low and _high hold the bounded number with a probability of at least %s. They cover the noise, not what the bounds left out.", figure(s.Confidence)))
		}
		if s.Selection != nil {
			out = append(out, "Groups with few people are missing on purpose: a group appears only when its noised count of units reaches the threshold.")
		}
	}
	return out
}

// kept is what is kept of a unit at most: "3 groups", or "20 rows in 3 groups".
func (b Bounds) kept() string {
	if b.RowsPerUnit > 0 {
		return plural(b.RowsPerUnit, "row", "rows") + " in " + plural(b.GroupsPerUnit, "group", "groups")
	}
	return plural(b.GroupsPerUnit, "group", "groups")
}

// bounds says what is kept of a unit at most, and of its rows in a group.
func (s *Statistics) bounds() string {
	return fmt.Sprintf("at most %s per %s, %s per group", s.Bounds.kept(), noun(s.Unit), plural(s.Bounds.RowsPerGroup, "row", "rows"))
}

// words says what was chosen and how.
func (c *ChosenRange) words() string {
	what := fmt.Sprintf("[%s, %s]", short(c.Lower), short(c.Upper))
	if c.PerUnit > 0 {
		what = grouped(c.PerUnit) + " per unit"
	}
	price := "ε = " + c.Epsilon
	if c.Rho != "" {
		price = "ρ = " + c.Rho
	}
	return fmt.Sprintf("%s, chosen by a differentially private mechanism within [%s, %s] at %s", what, short(c.Within[0]), short(c.Within[1]), price)
}

// words says how many units a bound cut, and what that can do.
func (c Cut) words() string {
	text := fmt.Sprintf("about %s of the units, from %s to %s", short(c.Share), short(c.Low), short(c.High))
	if c.OffAtMost > 0 {
		text += fmt.Sprintf("; with all other bounds a figure is off by at most %s, if no unit lies beyond the outer limits", short(c.OffAtMost))
	}
	return text
}

func noun(unit string) string {
	if unit == "" || unit == "row" {
		return "row"
	}
	return unit
}

// levelName tells a level that is named by its number from a value.
func levelName(name string) string {
	if _, err := strconv.Atoi(name); err == nil {
		return "level " + name
	}
	return name
}

// ladder returns the rungs of a column and the one it stands on (-1 where it
// stands on several), or nil for a column that is not generalised.
func (c *ColumnInfo) ladder() (names []string, chosen int) {
	if c.Role != "quasi-identifier" {
		return nil, -1
	}
	chosen = -1
	if c.Level != nil {
		chosen = *c.Level
	}
	names = c.LevelNames
	if len(names) == 0 && c.MaxLevel != nil && *c.MaxLevel >= 0 && *c.MaxLevel < 1000 {
		for i := 0; i <= *c.MaxLevel; i++ {
			names = append(names, strconv.Itoa(i))
		}
		names[0] = "raw"
		if c.Level != nil && c.LevelName != "" && *c.Level >= 0 && *c.Level < len(names) {
			names[*c.Level] = c.LevelName
		}
	}
	return names, chosen
}

// Summary returns a few lines of plain text for a terminal: one line per
// table, and the total budget.
func (r *Report) Summary() string {
	var b strings.Builder
	width := 0
	for i := range r.Releases {
		width = max(width, len([]rune(r.Releases[i].File)))
	}
	for i := range r.Releases {
		rel := &r.Releases[i]
		var lines []string
		if m := rel.Microdata; m != nil {
			lines = append(lines, rel.headline(), fmt.Sprintf("%s of %s suppressed (%s).", grouped(m.SuppressedRows), plural(m.InputRows, "row", "rows"), percent(m.SuppressedRows, m.InputRows)))
			var levels []string
			for i := range m.Columns {
				if names, chosen := m.Columns[i].ladder(); chosen >= 0 && chosen < len(names) {
					levels = append(levels, m.Columns[i].Name+" "+levelName(names[chosen]))
				}
			}
			if len(levels) > 0 {
				lines = append(lines, "Levels: "+strings.Join(levels, ", ")+".")
			}
		}
		if s := rel.Statistics; s != nil {
			line := rel.headline() + " " + budget(s.Epsilon, s.Delta, s.Rho)
			lines = append(lines, line+".")
			for _, a := range s.Aggregates {
				if a.StdError > 0 {
					lines = append(lines, fmt.Sprintf("%s ± %s (%s)", a.As, a.stdError(), a.Mechanism))
				} else {
					lines = append(lines, fmt.Sprintf("%s (%s)", a.As, a.Mechanism))
				}
			}
		}
		for j, line := range lines {
			name := ""
			if j == 0 {
				name = rel.File
			}
			fmt.Fprintf(&b, "  %s%s  %s\n", name, strings.Repeat(" ", width-len([]rune(name))), line)
		}
	}
	if r.Total != nil {
		fmt.Fprintf(&b, "\nTotal privacy budget: %s. %s\n", budget(r.Total.Epsilon, r.Total.Delta, r.Total.Rho), r.overRuns())
	}
	return b.String()
}

// overRuns says what becomes of the total with other runs on the same people.
func (r *Report) overRuns() string {
	l := r.Ledger
	if l == nil {
		return "A further run on the same people adds again."
	}
	return fmt.Sprintf("The ledger now holds %s of these people: %s of at most %s. A run outside it adds again.",
		plural(int64(l.Entries), "release", "releases"), budget(l.Total.Epsilon, l.Total.Delta, l.Total.Rho), budget(l.Cap.Epsilon, l.Cap.Delta, l.Cap.Rho))
}
