package lint

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// machine matches paths of somebody's machine, which mean nothing elsewhere.
// The parts are joined here so that this file does not match itself.
var machine = regexp.MustCompile(strings.Join([]string{
	`/wo` + `rk/`, `/tmp/` + `brief`, `/ho` + `me/[a-z]`, `/ro` + `ot/`, `/Us` + `ers/[a-z]`, `[Cc]:\\` + `\\?Users`, `/mnt/` + `[a-z]`,
}, "|"))

func isText(path string) bool {
	switch filepath.Ext(path) {
	case ".go", ".md", ".yaml", ".yml", ".json", ".toml", ".py", ".c", ".h", ".sh", ".html", ".css", ".mod", ".txt", ".csv", "":
		return true
	}
	return false
}

func TestNothingNamesAMachine(t *testing.T) {
	walk(t, true, func(path string) {
		if !isText(path) {
			return
		}
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if m := machine.FindString(line); m != "" {
				t.Errorf("%s:%d: names a path of one machine (%s)", path, i+1, m)
			}
		}
	})
}

var (
	link   = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	fenced = regexp.MustCompile("(?s)```.*?```")
	inline = regexp.MustCompile("`[^`\n]*`")
)

func TestLinksResolve(t *testing.T) {
	pages := 0
	walk(t, true, func(path string) {
		if filepath.Ext(path) != ".md" || strings.Contains(path, "testdata/") {
			return
		}
		pages++
		text := read(t, path)
		text = inline.ReplaceAllString(fenced.ReplaceAllString(text, ""), "")
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target := m[1]
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			file, anchor, _ := strings.Cut(target, "#")
			to := path
			if file != "" {
				name, err := url.PathUnescape(file)
				if err != nil {
					t.Errorf("%s: link %s is not well-formed", path, target)
					continue
				}
				to = filepath.ToSlash(filepath.Join(filepath.Dir(path), name))
			}
			if st, err := os.Stat(filepath.Join(root, to)); err != nil {
				t.Errorf("%s: link to %s leads nowhere", path, target)
				continue
			} else if anchor == "" || st.IsDir() || filepath.Ext(to) != ".md" {
				continue
			}
			if !anchors(read(t, to))[anchor] {
				t.Errorf("%s: link to %s: the page has no such heading", path, target)
			}
		}
	})
	if pages < 5 {
		t.Errorf("found %d pages of documentation", pages)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// anchors returns the anchors of a page's headings: lower case, spaces to
// dashes, punctuation gone.
func anchors(page string) map[string]bool {
	out := map[string]bool{}
	for _, line := range strings.Split(fenced.ReplaceAllString(page, ""), "\n") {
		if !strings.HasPrefix(line, "#") {
			continue
		}
		title := strings.TrimSpace(strings.TrimLeft(line, "#"))
		out[strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, title)] = true
	}
	return out
}
