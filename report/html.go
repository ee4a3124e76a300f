package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"style":      func() template.CSS { return template.CSS(pageStyle) },
	"verdict":    (*Report).verdict,
	"files":      (*Report).fileList,
	"headline":   (*Release).headline,
	"limits":     (*Release).limits,
	"sentence":   sentence,
	"checked":    checkedWords,
	"unit":       unitWords,
	"noun":       noun,
	"bounds":     (*Statistics).bounds,
	"chosen":     (*ChosenRange).words,
	"cut":        Cut.words,
	"budget":     budget,
	"share":      share,
	"factor":     factor,
	"plusdelta":  plusDelta,
	"grouped":    grouped,
	"plural":     plural,
	"percent":    percent,
	"short":      short,
	"figure":     figure,
	"parameters": parameters,
	"singular":   singular,
	"search":     func(s SearchInfo) string { return s.words() },
	"level":      levelWords,
	"noerror":    (*Statistics).withoutError,
	"stderror":   func(a AggregateInfo) string { return a.stdError() },
	"noiseshare": func(a AggregateInfo) string { return a.noiseShare() },
	"times100":   func(x float64) float64 { return 100 * x },
	"ladders":    func(i int, m *Microdata) template.HTML { return m.ladders(fmt.Sprintf("ladder%d", i)) },
	"histogram":  func(i int, m *Microdata) template.HTML { return m.histogram(fmt.Sprintf("sizes%d", i)) },
	"kept":       func(i int, m *Microdata) template.HTML { return m.kept(fmt.Sprintf("kept%d", i)) },
	"noise":      func(i int, s *Statistics) template.HTML { return s.noise(fmt.Sprintf("noise%d", i)) },
	"spent": func(i int, s *Statistics) template.HTML {
		of, parts := s.parts()
		return spending(fmt.Sprintf("spent%d", i), of, parts)
	},
	"overruns": func(r *Report) string { return r.overRuns() },
	"total": func(r *Report) template.HTML {
		of, parts := r.parts()
		return spending("total", of, parts)
	},
}).Parse(pageText))

// HTML returns the report as one self-contained page: no script, no reference
// to anything outside it, charts as inline SVG. It follows the reader's light
// or dark setting and prints. Every text of the report is escaped. The same
// report gives the same bytes.
func (r *Report) HTML() ([]byte, error) {
	var buf bytes.Buffer
	if err := page.Execute(&buf, r); err != nil {
		return nil, fmt.Errorf("report: the page can't be written: %w", err)
	}
	return buf.Bytes(), nil
}

// levelWords says as what a column was released.
func levelWords(c ColumnInfo) string {
	names, chosen := c.ladder()
	switch {
	case len(names) == 0 && c.Role == "quasi-identifier":
		return "generalised class by class"
	case len(names) == 0:
		return "unchanged"
	case chosen >= 0 && chosen < len(names):
		return fmt.Sprintf("%s (%d of %d)", levelName(names[chosen]), chosen, len(names)-1)
	default:
		return "several levels"
	}
}
