package report

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"
)

// The charts are inline SVG without script. Colours are CSS classes of the
// page, so that they follow light, dark and print. Every drawing has a title
// and a description that says in words what it shows.

// A drawing collects SVG elements on a canvas of a fixed width.
type drawing struct {
	strings.Builder
	width, height float64
}

const chartWidth = 760.0

func newDrawing(id, title, desc string, height float64) *drawing {
	d := &drawing{width: chartWidth, height: height}
	fmt.Fprintf(d, `<svg viewBox="0 0 %s %s" role="img" aria-labelledby="%s-t %s-d"><title id="%s-t">%s</title><desc id="%s-d">%s</desc>`,
		num(d.width), num(height), id, id, id, esc(title), id, esc(desc))
	return d
}

func (d *drawing) rect(class string, x, y, w, h, r float64) {
	if w < 0 {
		w = 0
	}
	fmt.Fprintf(d, `<rect class="%s" x="%s" y="%s" width="%s" height="%s" rx="%s"/>`, class, num(x), num(y), num(w), num(h), num(r))
}

func (d *drawing) line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(d, `<line class="%s" x1="%s" y1="%s" x2="%s" y2="%s"/>`, class, num(x1), num(y1), num(x2), num(y2))
}

func (d *drawing) circle(class string, x, y, r float64) {
	fmt.Fprintf(d, `<circle class="%s" cx="%s" cy="%s" r="%s"/>`, class, num(x), num(y), num(r))
}

// text writes one line of text; anchor is "start", "middle" or "end".
func (d *drawing) text(class, anchor string, x, y float64, s string) {
	fmt.Fprintf(d, `<text class="%s" text-anchor="%s" x="%s" y="%s">%s</text>`, class, anchor, num(x), num(y), esc(s))
}

func (d *drawing) done() template.HTML {
	d.WriteString(`</svg>`)
	return template.HTML(d.String())
}

func esc(s string) string { return html.EscapeString(s) }

func num(x float64) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return "0"
	}
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.1f", x), "0"), ".")
}

// cut shortens a text to n runes, wide ones counting twice.
func cut(s string, n int) string {
	w := 0
	for i, c := range s {
		w++
		if c >= 0x1100 {
			w++
		}
		if w > n {
			return s[:i] + "…"
		}
	}
	return s
}

// ladders draws one row per quasi-identifier: its rungs from the raw value to
// "*", the chosen one filled. Nil where nothing was generalised by ladder.
func (m *Microdata) ladders(id string) template.HTML {
	type row struct {
		c      *ColumnInfo
		names  []string
		chosen int
	}
	var rows []row
	longest := 0
	for i := range m.Columns {
		names, chosen := m.Columns[i].ladder()
		if len(names) == 0 {
			continue
		}
		rows = append(rows, row{&m.Columns[i], names, chosen})
		longest = max(longest, len(names))
	}
	if len(rows) == 0 {
		return ""
	}
	const left, rowHeight = 170.0, 54.0
	step := 0.0
	if longest > 1 {
		step = math.Min(140, (chartWidth-left-70)/float64(longest-1))
	}
	var words []string
	for _, r := range rows {
		if r.chosen >= 0 && r.chosen < len(r.names) {
			words = append(words, fmt.Sprintf("%s at level %d of %d (%s)", r.c.Name, r.chosen, len(r.names)-1, r.names[r.chosen]))
		} else {
			words = append(words, r.c.Name+" at several levels")
		}
	}
	d := newDrawing(id, "Levels chosen", "One ladder per column, from the raw value on the left to nothing said on the right: "+strings.Join(words, "; ")+".", rowHeight*float64(len(rows))+6)
	labelRunes := int(math.Max(4, step/7.2))
	for i, r := range rows {
		y := rowHeight*float64(i) + 22
		d.text("col", "end", left-32, y+5, cut(r.c.Name, 20))
		last := left + step*float64(len(r.names)-1)
		d.line("rail", left, y, last, y)
		if r.chosen > 0 && r.chosen < len(r.names) {
			d.line("climbed", left, y, left+step*float64(r.chosen), y)
		}
		var rowsAt int64
		for _, n := range r.c.LevelRows {
			rowsAt += n
		}
		for j, name := range r.names {
			x := left + step*float64(j)
			class, label := "rung", "lab"
			radius := 6.0
			switch {
			case j == r.chosen:
				class, label, radius = "rung on", "lab on", 9
			case r.chosen < 0 && j < len(r.c.LevelRows) && r.c.LevelRows[j] > 0:
				class, label = "rung on", "lab on"
				radius = 3 + 9*math.Sqrt(float64(r.c.LevelRows[j])/float64(rowsAt))
			case j < r.chosen:
				class = "rung below"
			}
			d.circle(class, x, y, radius)
			d.text(label, "middle", x, y+25, cut(levelName(name), labelRunes))
		}
	}
	return d.done()
}

// histogram draws how many rows stand in classes of which size.
func (m *Microdata) histogram(id string) template.HTML {
	if len(m.ClassSizes) == 0 {
		return ""
	}
	var most, total int64 = 1, 0
	words := make([]string, 0, len(m.ClassSizes))
	for _, b := range m.ClassSizes {
		most = max(most, b.Rows)
		total += b.Rows
		words = append(words, fmt.Sprintf("%s rows in classes of %s", grouped(b.Rows), b.label()))
	}
	const top, height = 28.0, 168.0
	d := newDrawing(id, "Class sizes", fmt.Sprintf("Released rows by the number of %s in their class: %s.", m.Counted, strings.Join(words, "; ")), top+height+52)
	slot := chartWidth / float64(len(m.ClassSizes))
	bar := math.Min(slot*0.72, 92)
	d.line("axis", 0, top+height, chartWidth, top+height)
	for i, b := range m.ClassSizes {
		x := slot*float64(i) + slot/2
		h := height * float64(b.Rows) / float64(most)
		if b.Rows > 0 {
			h = math.Max(h, 2)
		}
		d.rect("bar", x-bar/2, top+height-h, bar, h, 3)
		if b.Rows > 0 {
			d.text("val", "middle", x, top+height-h-7, percent(b.Rows, total))
		}
		d.text("lab", "middle", x, top+height+18, b.label())
		d.text("lab dim", "middle", x, top+height+34, plural(b.Classes, "class", "classes"))
	}
	return d.done()
}

// kept draws released against suppressed rows.
func (m *Microdata) kept(id string) template.HTML {
	if m.InputRows <= 0 {
		return ""
	}
	d := newDrawing(id, "Rows released and suppressed", fmt.Sprintf("%s of %s rows released, %s suppressed (%s).", grouped(m.Rows), grouped(m.InputRows), grouped(m.SuppressedRows), percent(m.SuppressedRows, m.InputRows)), 46)
	share := float64(m.Rows) / float64(m.InputRows)
	d.rect("lost", 0, 4, chartWidth, 16, 8)
	d.rect("bar", 0, 4, chartWidth*share, 16, 8)
	d.text("lab", "start", 0, 40, grouped(m.Rows)+" released")
	d.text("lab", "end", chartWidth, 40, grouped(m.SuppressedRows)+" suppressed ("+percent(m.SuppressedRows, m.InputRows)+")")
	return d.done()
}

// noise draws, per aggregate, the spread of the released values on a
// logarithmic axis, and the standard error of the noise: values to its left
// are mostly noise. Values at or below zero are drawn at the left end.
func (s *Statistics) noise(id string) template.HTML {
	lo, hi := math.Inf(1), math.Inf(-1)
	see := func(x float64) {
		if x > 0 && !math.IsInf(x, 0) && !math.IsNaN(x) {
			lo, hi = math.Min(lo, x), math.Max(hi, x)
		}
	}
	var rows []AggregateInfo
	var words []string
	for _, a := range s.Aggregates {
		if a.Released == nil || a.Released.N == 0 {
			continue
		}
		rows = append(rows, a)
		see(a.StdError)
		see(a.Released.Max)
		see(a.Released.Median)
		words = append(words, fmt.Sprintf("%s: standard error %s, median released value %s", a.As, a.stdError(), short(a.Released.Median)))
	}
	if len(rows) == 0 || math.IsInf(lo, 1) {
		return ""
	}
	first, last := math.Floor(math.Log10(lo)), math.Ceil(math.Log10(hi))
	if last <= first {
		last = first + 1
	}
	const left, right, rowHeight = 170.0, 24.0, 46.0
	width := chartWidth - left - right
	at := func(x float64) float64 {
		if x <= 0 {
			return left
		}
		t := (math.Log10(x) - first) / (last - first)
		return left + width*math.Min(1, math.Max(0, t))
	}
	bottom := rowHeight * float64(len(rows))
	d := newDrawing(id, "Noise against released values", strings.Join(words, "; ")+".", bottom+38)
	every := math.Max(1, math.Ceil((last-first)/8))
	for e := first; e <= last; e += every {
		x := left + width*(e-first)/(last-first)
		d.line("grid", x, 4, x, bottom)
		d.text("lab dim", "middle", x, bottom+18, power(e))
	}
	for i, a := range rows {
		y := rowHeight*float64(i) + rowHeight/2
		d.text("col", "end", left-14, y+5, cut(a.As, 20))
		se := at(a.StdError)
		d.rect("noise", left, y-13, se-left, 26, 4)
		d.line("spread", at(a.Released.Min), y, at(a.Released.Max), y)
		d.rect("box", at(a.Released.Q1), y-8, math.Max(3, at(a.Released.Q3)-at(a.Released.Q1)), 16, 3)
		d.line("median", at(a.Released.Median), y-8, at(a.Released.Median), y+8)
		d.line("error", se, y-15, se, y+15)
	}
	return d.done()
}

// power writes a power of ten for an axis.
func power(e float64) string {
	if e >= 0 && e <= 5 {
		return grouped(int64(math.Pow(10, e)))
	}
	if e < 0 && e >= -4 {
		return short(math.Pow(10, e))
	}
	digits := strings.NewReplacer("-", "⁻", "0", "⁰", "1", "¹", "2", "²", "3", "³", "4", "⁴", "5", "⁵", "6", "⁶", "7", "⁷", "8", "⁸", "9", "⁹")
	return "10" + digits.Replace(fmt.Sprintf("%.0f", e))
}

// A part is one spender of a budget.
type part struct {
	name  string
	exact string
	size  float64
}

// spending draws how a budget was divided.
func spending(id, of string, parts []part) template.HTML {
	total := 0.0
	var words []string
	for _, p := range parts {
		total += p.size
		words = append(words, p.name+" "+p.exact)
	}
	if total <= 0 || len(parts) == 0 {
		return ""
	}
	const perRow = 2
	lines := (len(parts) + perRow - 1) / perRow
	d := newDrawing(id, "Budget spent", of+" divided: "+strings.Join(words, ", ")+".", 34+22*float64(lines))
	x := 0.0
	for i, p := range parts {
		w := chartWidth * p.size / total
		d.rect(fmt.Sprintf("share s%d", i%6), x, 4, math.Max(1, w-2), 16, 3)
		x += w
		lx, ly := chartWidth/perRow*float64(i%perRow), 42+22*float64(i/perRow)
		d.rect(fmt.Sprintf("share s%d", i%6), lx, ly-10, 11, 11, 3)
		d.text("lab", "start", lx+18, ly, cut(p.name, 30)+"  "+cut(p.exact, 24))
	}
	return d.done()
}

// parts lists what one table spent and on what.
func (s *Statistics) parts() (of string, out []part) {
	for _, a := range s.Aggregates {
		if x, ok := exactly(a.Epsilon); ok && x > 0 {
			out = append(out, part{a.As, "ε " + a.Epsilon, x})
		}
	}
	if s.Selection != nil && s.Selection.Aggregate == "" {
		if x, ok := exactly(s.Selection.Epsilon); ok && x > 0 {
			out = append(out, part{"selection of groups", "ε " + s.Selection.Epsilon, x})
		}
	}
	return budget(s.Epsilon, nil, s.Rho), out
}

// parts lists what each table of the run spent.
func (r *Report) parts() (of string, out []part) {
	for i := range r.Releases {
		s := r.Releases[i].Statistics
		if s == nil {
			continue
		}
		sign, v := "ε ", s.Epsilon
		if v == nil {
			sign, v = "ρ ", s.Rho
		}
		if v == nil {
			continue
		}
		if x, ok := exactly(*v); ok && x > 0 {
			out = append(out, part{r.Releases[i].Name, sign + *v, x})
		}
	}
	if r.Total == nil {
		return "", out
	}
	return budget(r.Total.Epsilon, r.Total.Delta, r.Total.Rho), out
}
