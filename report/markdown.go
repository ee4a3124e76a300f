package report

import (
	"fmt"
	"sort"
	"strings"
	"unicode"
)

// Markdown returns the report for reading as text. The same report gives the
// same bytes. Every text of the report is escaped: nothing in it can become
// markup.
func (r *Report) Markdown() []byte {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	title := r.Title
	if title == "" {
		title = "Release"
	}
	p("# %s\n\n", md(title))
	p("Released. %s\n", r.verdict())
	for _, w := range r.Warnings {
		p("\n> **Warning.** %s\n", md(sentence(w)))
	}
	p("\n| table | kind | file | what it holds |\n|---|---|---|---|\n")
	for i := range r.Releases {
		rel := &r.Releases[i]
		p("| %s | %s | %s | %s |\n", md(rel.Name), md(rel.Kind), md(rel.File), md(rel.headline()))
	}
	if r.Total != nil {
		p("\nTotal privacy budget of the statistics: **%s**. %s\n", md(budget(r.Total.Epsilon, r.Total.Delta, r.Total.Rho)), md(r.overRuns()))
	}
	for i := range r.Releases {
		rel := &r.Releases[i]
		p("\n## %s\n\n%s\n", md(rel.Name), md(rel.headline()))
		p("\n### What is claimed\n\n")
		for _, c := range rel.Claims {
			p("- %s  \n  %s", md(c.Text), md(c.Model))
			if s := parameters(c.Parameters); s != "" {
				p(" (%s)", md(s))
			}
			p("; protects %s; %s.\n", md(unitWords(c.Unit)), checkedWords(c.Checked))
		}
		if rel.Microdata != nil {
			rel.Microdata.markdown(p)
		}
		if rel.Statistics != nil {
			rel.Statistics.markdown(p)
		}
		p("\n### What is not protected\n\n")
		for _, l := range rel.limits() {
			p("- %s\n", md(l))
		}
	}
	p("\n## Files\n\n| file | SHA-256 |\n|---|---|\n")
	for _, f := range r.fileList() {
		p("| %s | `%s` |\n", md(f[0]), md(f[1]))
	}
	p("\n## How to check\n\n`oboro verify DIR` recounts the released files and compares their hashes; with `--input FILE` it also checks what needs the input.\n")
	return []byte(b.String())
}

func (m *Microdata) markdown(p func(string, ...any)) {
	p("\n### Figures\n\n| figure | value |\n|---|---|\n")
	p("| rows of the input | %s |\n", grouped(m.InputRows))
	if m.Sample > 0 {
		p("| sample | each person with probability %s; the rows of the input are those of the sample |\n", figure(m.Sample))
	}
	p("| rows released | %s |\n", grouped(m.Rows))
	p("| rows suppressed | %s (%s; limit %s %%) |\n", grouped(m.SuppressedRows), percent(m.SuppressedRows, m.InputRows), short(100*m.SuppressionLimit))
	p("| classes | %s |\n", grouped(m.Classes))
	p("| smallest class | %s |\n", md(plural(m.SmallestClass, singular(m.Counted), m.Counted)))
	if m.Basis != "" {
		p("| basis | %s |\n", md(m.Basis))
	}
	p("| recoding | %s |\n| cost | %s = %s |\n| search | %s |\n", md(m.Recoding.Kind), md(m.Cost.Metric), md(figure(m.Cost.Value)), md(m.Search.words()))
	p("\n### Columns\n\n| column | role | level | ladder |\n|---|---|---|---|\n")
	for i := range m.Columns {
		c := &m.Columns[i]
		names, chosen := c.ladder()
		level, rungs := "unchanged", make([]string, len(names))
		if len(names) == 0 && c.Role == "quasi-identifier" {
			level = "class by class"
		}
		for i, n := range names {
			rungs[i] = md(n)
			if i == chosen {
				rungs[i] = "**" + md(n) + "**"
				level = fmt.Sprintf("%d of %d", chosen, len(names)-1)
			} else if chosen < 0 && i < len(c.LevelRows) && m.Rows > 0 {
				level = "several"
				rungs[i] += " (" + percent(c.LevelRows[i], m.Rows) + ")"
			}
		}
		p("| %s | %s | %s | %s |\n", md(c.Name), md(c.Role), level, strings.Join(rungs, " → "))
	}
	if len(m.ClassSizes) > 0 {
		p("\n### Class sizes\n\n| %s in the class | classes | rows |\n|---|---|---|\n", md(m.Counted))
		for _, bin := range m.ClassSizes {
			p("| %s | %s | %s |\n", bin.label(), grouped(bin.Classes), grouped(bin.Rows))
		}
	}
}

func (s *Statistics) markdown(p func(string, ...any)) {
	p("\n### Figures\n\n| figure | value |\n|---|---|\n")
	p("| groups released | %s |\n| groups are | %s |\n", grouped(s.Groups), md(s.GroupKind))
	if len(s.GroupBy) > 0 {
		names := make([]string, len(s.GroupBy))
		for i, g := range s.GroupBy {
			names[i] = md(g)
		}
		p("| grouped by | %s |\n", strings.Join(names, ", "))
	}
	p("| protects | %s |\n| budget | %s |\n", md(unitWords(s.Unit)), md(budget(s.Epsilon, s.Delta, s.Rho)))
	if f := factor(s.Epsilon); f != "" {
		p("| in words | whether one %s takes part changes the probability of any result by at most a factor of %s%s |\n", md(noun(s.Unit)), f, plusDelta(s.Delta))
	}
	p("| bounds | %s |\n", md(s.bounds()))
	for _, a := range s.Aggregates {
		if a.Range != nil {
			p("| bounds of %s | %s |\n", md(a.As), md(a.Range.words()))
		}
	}
	for _, c := range s.Cuts {
		p("| cut by %s | %s |\n", md(c.Bound), md(c.words()))
	}
	if s.Selection != nil {
		p("| groups appear from | a noised count of %s (%s) |\n", grouped(s.Selection.Threshold), md(s.Selection.Mechanism))
	}
	if s.MinUnits != nil {
		p("| floor | a noised count of %s |\n", grouped(*s.MinUnits))
	}
	if s.Confidence > 0 {
		p("| intervals | columns \\_low and \\_high at confidence %s |\n", figure(s.Confidence))
	}
	p("\n### Aggregates\n\n| column | kind | mechanism | noise scale | standard error | median released | error at the median | budget |\n|---|---|---|---|---|---|---|---|\n")
	for _, a := range s.Aggregates {
		median := "–"
		if a.Released != nil && a.Released.N > 0 {
			median = short(a.Released.Median)
		}
		p("| %s | %s | %s | %s | %s | %s | %s | %s |\n", md(a.As), md(a.Kind), md(a.Mechanism), md(a.Scale), a.stdError(), median, a.noiseShare(), md(share(a.Epsilon, a.Delta)))
	}
	for _, why := range s.withoutError() {
		p("\n%s\n", md(why))
	}
}

// verdict says what was checked before the folder was renamed into place.
func (r *Report) verdict() string {
	var checked, claims int64
	for _, rel := range r.Releases {
		for _, c := range rel.Claims {
			claims++
			if c.Checked == "output" {
				checked++
			}
		}
	}
	return fmt.Sprintf("%s, %s; %s recounted from the released files.",
		plural(int64(len(r.Releases)), "table", "tables"), plural(claims, "claim", "claims"), plural(checked, "was", "were"))
}

// fileList lists every file of the folder with its hash: tables, the policy,
// the files it refers to.
func (r *Report) fileList() [][2]string {
	var out [][2]string
	for _, rel := range r.Releases {
		out = append(out, [2]string{rel.File, rel.SHA256})
	}
	if r.PolicySHA256 != "" {
		out = append(out, [2]string{"policy.yaml", r.PolicySHA256})
	}
	names := make([]string, 0, len(r.Files))
	for n := range r.Files {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		out = append(out, [2]string{n + " (not copied)", r.Files[n]})
	}
	return out
}

func (s *SearchInfo) words() string {
	w := s.Kind
	if s.LatticeNodes > 0 {
		w += fmt.Sprintf(", %s of %s lattice nodes checked", grouped(s.CheckedNodes), grouped(s.LatticeNodes))
	}
	if s.Optimal {
		w += ", proven optimal"
	} else if s.Gap != nil {
		w += ", within " + figure(s.Gap) + " of the optimum"
	}
	return w
}

func (b ClassSizeBin) label() string {
	switch {
	case b.To <= 0:
		return grouped(b.From) + " or more"
	case b.From == b.To:
		return grouped(b.From)
	default:
		return grouped(b.From) + "–" + grouped(b.To)
	}
}

func share(epsilon, delta string) string {
	var e, d *string
	if epsilon != "" {
		e = &epsilon
	}
	if delta != "" && delta != "0" {
		d = &delta
	}
	return budget(e, d, nil)
}

func plusDelta(delta *string) string {
	if delta == nil || *delta == "" || *delta == "0" {
		return ""
	}
	return " (plus δ)"
}

// md escapes a text for Markdown, also inside a table cell. An underscore
// inside a word means nothing to Markdown and stays as it is.
func md(s string) string {
	var b strings.Builder
	runes := []rune(s)
	word := func(i int) bool {
		return i >= 0 && i < len(runes) && (unicode.IsLetter(runes[i]) || unicode.IsDigit(runes[i]))
	}
	for i, c := range runes {
		switch c {
		case '\n', '\r', '\t':
			b.WriteByte(' ')
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '&':
			b.WriteString("&amp;")
		case '_':
			if !word(i-1) || !word(i+1) {
				b.WriteByte('\\')
			}
			b.WriteRune(c)
		case '\\', '`', '*', '[', ']', '|', '#', '~':
			b.WriteByte('\\')
			b.WriteRune(c)
		default:
			if c >= ' ' && c != 0x7f {
				b.WriteRune(c)
			}
		}
	}
	return b.String()
}
