package dptune

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// colours tell choices of MaxGroups apart; they repeat after six.
var colours = []string{"#2b6cb0", "#b7791f", "#2f855a", "#c53030", "#6b46c1", "#4a5568"}

// dashes tell epsilons apart; they repeat after four.
var dashes = []string{"none", "6 3", "2 3", "8 3 2 3"}

// Chart draws the error of an aggregate against its limit, one line for every
// MaxGroups (colour) and ε (dashes), both axes logarithmic, as an SVG document
// without script. It is empty where the aggregate has no points.
func (t *Tuning) Chart(as string) string {
	type line struct {
		groups  int64
		epsilon float64
	}
	var lines []line
	points := map[line][]Point{}
	lowX, highX, lowY, highY := math.Inf(1), 0.0, math.Inf(1), 0.0
	for _, p := range t.Points {
		if p.As != as || p.Error <= 0 || p.Limit <= 0 {
			continue
		}
		l := line{p.MaxGroups, p.Epsilon}
		if points[l] == nil {
			lines = append(lines, l)
		}
		points[l] = append(points[l], p)
		lowX, highX = min(lowX, p.Limit), max(highX, p.Limit)
		lowY, highY = min(lowY, p.Error), max(highY, p.Error)
	}
	if len(lines) == 0 {
		return ""
	}
	if lowX == highX {
		lowX, highX = lowX/2, highX*2
	}
	lowY, highY = lowY/1.2, highY*1.2
	const left, top, width, height = 80.0, 40.0, 420.0, 300.0
	x := func(v float64) float64 { return left + width*math.Log(v/lowX)/math.Log(highX/lowX) }
	y := func(v float64) float64 { return top + height*(1-math.Log(v/lowY)/math.Log(highY/lowY)) }
	var b strings.Builder
	total := max(top+height+50, top+20*float64(len(lines))+20)
	title := html.EscapeString(fmt.Sprintf("Error of %s by limit", as))
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 %.0f" font-family="sans-serif" font-size="12" role="img"><title>%s</title>`+"\n", total, title)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="#fff"/><text x="%g" y="22" font-size="14" fill="#222">%s</text>`+"\n", left, title)
	tick := func(low, high float64, draw func(v float64)) {
		for e := math.Floor(math.Log10(low)); e <= math.Log10(high); e++ {
			for _, m := range []float64{1, 2, 5} {
				if v := m * math.Pow(10, e); v >= low && v <= high {
					draw(v)
				}
			}
		}
	}
	tick(lowX, highX, func(v float64) {
		fmt.Fprintf(&b, `<line x1="%.1f" x2="%.1f" y1="%g" y2="%g" stroke="#ddd"/><text x="%.1f" y="%g" text-anchor="middle" fill="#666">%g</text>`+"\n", x(v), x(v), top, top+height, x(v), top+height+16, v)
	})
	tick(lowY, highY, func(v float64) {
		fmt.Fprintf(&b, `<line x1="%g" x2="%g" y1="%.1f" y2="%.1f" stroke="#ddd"/><text x="%g" y="%.1f" text-anchor="end" fill="#666">%g</text>`+"\n", left, left+width, y(v), y(v), left-6, y(v)+4, v)
	})
	fmt.Fprintf(&b, `<text x="%g" y="%g" text-anchor="middle" fill="#222">limit per unit and group</text>`+"\n", left+width/2, top+height+38)
	colour, dash := map[int64]string{}, map[float64]string{}
	for i, l := range lines {
		if colour[l.groups] == "" {
			colour[l.groups] = colours[len(colour)%len(colours)]
		}
		if dash[l.epsilon] == "" {
			dash[l.epsilon] = dashes[len(dash)%len(dashes)]
		}
		style := fmt.Sprintf(`stroke="%s" stroke-dasharray="%s"`, colour[l.groups], dash[l.epsilon])
		var path []string
		for _, p := range points[l] {
			path = append(path, fmt.Sprintf("%.1f,%.1f", x(p.Limit), y(p.Error)))
			fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="2.5" fill="%s"/>`, x(p.Limit), y(p.Error), colour[l.groups])
		}
		fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke-width="1.5" %s/>`, strings.Join(path, " "), style)
		at := top + 20*float64(i) + 8
		fmt.Fprintf(&b, `<line x1="520" x2="550" y1="%g" y2="%g" stroke-width="1.5" %s/><text x="556" y="%g" fill="#222">ε = %g, groups-per-unit %d</text>`+"\n", at, at, style, at+4, l.epsilon, l.groups)
	}
	b.WriteString("</svg>\n")
	return b.String()
}
