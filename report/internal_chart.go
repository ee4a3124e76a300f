package report

import (
	"fmt"
	"html/template"
	"math"
	"strings"
)

// A bars row is a name and a value per series.
type barsRow struct {
	name   string
	values []float64
}

// A series is a colour class with its name in the legend.
type series struct{ class, name string }

var beforeAfter = []series{{"lost", "input"}, {"bar", "release"}}

// legend writes the names of series in a line at height y.
func (d *drawing) legend(left, y float64, all []series) {
	for i, s := range all {
		x := left + 190*float64(i)
		d.rect(s.class, x, y-10, 11, 11, 3)
		d.text("lab", "start", x+18, y, s.name)
	}
}

// bars draws horizontal bars on a scale from 0 to most, all series of a row
// under one another.
func bars(id, title string, all []series, rows []barsRow, most float64) template.HTML {
	if len(rows) == 0 {
		return ""
	}
	const left, right, bar = 210.0, 110.0, 14.0
	slot := bar*float64(len(all)) + 14
	var words []string
	for _, r := range rows {
		for i, s := range all {
			words = append(words, fmt.Sprintf("%s, %s: %s", r.name, s.name, shareWords(r.values[i])))
		}
	}
	d := newDrawing(id, title, strings.Join(words, "; ")+".", slot*float64(len(rows))+34)
	d.legend(left, 14, all)
	for i, r := range rows {
		y := 30 + slot*float64(i)
		d.text("col", "end", left-14, y+bar*float64(len(all))/2+4, cut(r.name, 26))
		for j, s := range all {
			w := 0.0
			if most > 0 {
				w = (chartWidth - left - right) * math.Min(1, math.Max(0, r.values[j])/most)
			}
			d.rect(s.class, left, y+bar*float64(j), math.Max(w, 1), bar-2, 3)
			d.text("lab", "start", left+math.Max(w, 1)+8, y+bar*float64(j)+bar-3, shareWords(r.values[j]))
		}
	}
	d.line("axis", left, 26, left, 26+slot*float64(len(rows)))
	return d.done()
}

// risks draws the three risks before and after.
func (m *InternalMicrodata) risks(id string) template.HTML {
	a, b := m.InputRisk, m.ReleasedRisk
	return bars(id, "Risk before and after", beforeAfter, []barsRow{
		{"highest", []float64{a.Highest, b.Highest}},
		{"average", []float64{a.Average, b.Average}},
		{"share at risk", []float64{a.AtRisk, b.AtRisk}},
	}, 1)
}

// kept draws how much of each column is left.
func (m *InternalMicrodata) kept(id string) template.HTML {
	var rows []barsRow
	for _, c := range m.Columns {
		rows = append(rows, barsRow{c.Column, []float64{c.Granularity, c.NonUniformEntropy}})
	}
	return bars(id, "Information kept per column", []series{{"bar", "granularity"}, {"box", "non-uniform entropy"}}, rows, 1)
}

// queries draws the error of range counts, on a scale of its own.
func (m *InternalMicrodata) queries(id string) template.HTML {
	q := m.Queries
	if q == nil {
		return ""
	}
	return bars(id, "Error of range counts", []series{{"bar", "relative error"}}, []barsRow{
		{"median", []float64{q.Median}}, {"mean", []float64{q.Mean}}, {"nine of ten below", []float64{q.P90}},
	}, max(q.Median, q.Mean, q.P90))
}

// errors draws the relative errors of released counts.
func (s *StatisticsError) errors(id string) template.HTML {
	var rows []barsRow
	most := 0.0
	for _, c := range s.Counts {
		if c.Groups > 0 {
			rows = append(rows, barsRow{c.As, []float64{c.MedianRelative, c.MeanRelative}})
			most = max(most, c.MedianRelative, c.MeanRelative)
		}
	}
	return bars(id, "Relative error of released counts", []series{{"bar", "median"}, {"box", "mean"}}, rows, most)
}

// sizes draws class sizes before and after, upright.
func (m *InternalMicrodata) sizes(id string) template.HTML {
	if len(m.Sizes) == 0 {
		return ""
	}
	most := 0.0
	var words []string
	for _, b := range m.Sizes {
		most = max(most, b.Input, b.Released)
		words = append(words, fmt.Sprintf("classes of %s: %s before, %s after", b.label(), shareWords(b.Input), shareWords(b.Released)))
	}
	if most == 0 {
		return ""
	}
	const top, height = 50.0, 168.0
	d := newDrawing(id, "Class sizes before and after", strings.Join(words, "; ")+".", top+height+28)
	d.legend(0, 14, beforeAfter)
	slot := chartWidth / float64(len(m.Sizes))
	bar := math.Min(slot*0.4, 50)
	d.line("axis", 0, top+height, chartWidth, top+height)
	for i, b := range m.Sizes {
		x := slot*float64(i) + slot/2
		for j, v := range []float64{b.Input, b.Released} {
			if v <= 0 {
				continue
			}
			h := math.Max(height*v/most, 2)
			at := x + bar*float64(j-1)
			d.rect(beforeAfter[j].class, at+1, top+height-h, bar-2, h, 3)
			d.text("val", "middle", at+bar/2, top+height-h-6, fmt.Sprintf("%.0f %%", 100*v))
		}
		d.text("lab", "middle", x, top+height+18, b.label())
	}
	return d.done()
}
