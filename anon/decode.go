package anon

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/oboro-data/oboro/internal/fault"
)

// A place is where a part of the policy stands: its line and its key path.
// Parts carry it so that what is found later, against the schema, can name it.
type place struct {
	line int
	key  string // "columns.zip.hierarchy"
}

// problems collects what is wrong with a policy, so that one run shows all of
// it. Every problem names file, line, key and remedy.
type problems struct {
	file string
	list []problem
}

type problem struct {
	place
	text string
	kind func(string, ...any) error
}

// add notes a problem. The text states the rule and, after a semicolon, the
// remedy. It may quote the policy, never the data.
func (p *problems) add(at place, format string, args ...any) {
	p.list = append(p.list, problem{at, fmt.Sprintf(format, args...), fault.Planf})
}

// addErr notes an error of another package under a place of the policy.
func (p *problems) addErr(at place, err error) {
	if err == nil {
		return
	}
	text := err.Error()
	if !strings.ContainsAny(text, ";?") {
		text += "; correct it (docs/policy.md has the rules)"
	}
	p.list = append(p.list, problem{at, text, fault.Planf})
}

// err returns all problems, in the order of their lines, as one error of kind
// Plan, or nil.
func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	sort.SliceStable(p.list, func(i, j int) bool { return p.list[i].line < p.list[j].line })
	kind := p.list[0].kind
	var lines []string
	for i, q := range p.list {
		if i == 20 {
			lines = append(lines, fmt.Sprintf("%s: and %d more", p.file, len(p.list)-i))
			break
		}
		lines = append(lines, p.file+":"+q.String())
	}
	return kind("%s", strings.Join(lines, "\n"))
}

func (q problem) String() string {
	if q.key == "" {
		return fmt.Sprintf("%d: %s", q.line, q.text)
	}
	return fmt.Sprintf("%d: %s: %s", q.line, q.key, q.text)
}

// An object reads the keys of one map. It remembers which keys it was asked
// for; done refuses all others.
type object struct {
	*problems
	at    place
	node  *node
	known []string
}

// object starts reading a map. What is no map is a problem, and then reads as
// an empty one.
func (p *problems) object(n *node, key string) *object {
	o := &object{p, place{n.line, key}, n, nil}
	if n.kind != mapNode {
		p.add(o.at, "this must be a map of keys, but is %s; see `oboro schema`", n.kind)
		o.node = &node{kind: mapNode, line: n.line}
	}
	return o
}

// find returns the value of a key, nil where it is absent.
func (o *object) find(key string) *node {
	o.known = append(o.known, key)
	for _, e := range o.node.entries {
		if e.key == key {
			return e.value
		}
	}
	return nil
}

// has reports whether a key is given, without reading it.
func (o *object) has(key string) bool {
	return slices.ContainsFunc(o.node.entries, func(e entry) bool { return e.key == key })
}

// place returns where a key stands, or the map itself where it is absent.
func (o *object) place(key string) place {
	for _, e := range o.node.entries {
		if e.key == key {
			return place{e.line, join(o.at.key, key)}
		}
	}
	return place{o.at.line, join(o.at.key, key)}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// done refuses the keys that nobody asked for, naming the nearest known one.
func (o *object) done() {
	for _, e := range o.node.entries {
		if !slices.Contains(o.known, e.key) {
			o.add(place{e.line, join(o.at.key, e.key)}, "unknown key; %s", suggest(e.key, o.known))
		}
	}
}

// need reports a key that must be given.
func (o *object) need(key, why string) bool {
	if o.has(key) {
		return true
	}
	o.add(place{o.at.line, join(o.at.key, key)}, "missing; %s", why)
	return false
}

// text reads a text, "" where absent.
func (o *object) text(key string) string {
	n := o.find(key)
	if n == nil {
		return ""
	}
	if n.kind != scalarNode {
		o.add(o.place(key), "this must be a text, but is %s; write one value, in quotes if it holds special signs", n.kind)
		return ""
	}
	return n.text
}

// name reads a text that is not empty where it is given.
func (o *object) name(key string) string {
	s := o.text(key)
	if s == "" && o.has(key) {
		o.add(o.place(key), "empty; write a name")
	}
	return s
}

// choice reads one of several words; the first is the default.
func (o *object) choice(key string, words ...string) string {
	n := o.find(key)
	if n == nil {
		return words[0]
	}
	if n.kind != scalarNode || !slices.Contains(words, n.text) {
		o.add(o.place(key), "%s is not one of %s; %s", quoteNode(n), strings.Join(words, ", "), suggest(n.text, words))
		return words[0]
	}
	return n.text
}

// integer reads a whole number from low to high, def where absent.
func (o *object) integer(key string, def, low, high int64) int64 {
	n := o.find(key)
	if n == nil {
		return def
	}
	if n.kind == scalarNode {
		if v, err := strconv.ParseInt(n.text, 10, 64); err == nil && v >= low && v <= high {
			return v
		}
	}
	o.add(o.place(key), "%s is no whole number from %d to %d; write one", quoteNode(n), low, high)
	return def
}

// number reads an exact number; the zero Number where absent or unreadable.
func (o *object) number(key string) Number {
	n := o.find(key)
	if n == nil {
		return Number{}
	}
	return o.numberOf(n, o.place(key))
}

func (p *problems) numberOf(n *node, at place) Number {
	if n.kind == scalarNode {
		if v, ok := parseNumber(n.text); ok {
			return v
		}
	}
	p.add(at, "%s is no number; write a decimal (0.05, 1e-8) or a fraction (1/3)", quoteNode(n))
	return Number{}
}

// between reads a number and refuses one outside [low, high], where given as
// number texts; "" is no limit, and a leading "(" excludes the end itself.
func (o *object) between(key, low, high string) Number {
	v := o.number(key)
	if !v.IsSet() {
		return v
	}
	if lo, strict := strings.CutPrefix(low, "("); lo != "" {
		l, _ := parseNumber(lo)
		if c := v.rat.Cmp(l.rat); c < 0 || strict && c == 0 {
			o.add(o.place(key), "%s is too small; it must be %s %s", v, map[bool]string{true: "more than", false: "at least"}[strict], lo)
			return Number{}
		}
	}
	if hi, strict := strings.CutPrefix(high, "("); hi != "" {
		h, _ := parseNumber(hi)
		if c := v.rat.Cmp(h.rat); c > 0 || strict && c == 0 {
			o.add(o.place(key), "%s is too large; it must be %s %s", v, map[bool]string{true: "less than", false: "at most"}[strict], hi)
			return Number{}
		}
	}
	return v
}

// float reads a number that the algorithms take as a float64, and refuses
// what a float's shortest decimal can't say exactly.
func (o *object) float(key, low, high string) Number {
	v := o.between(key, low, high)
	o.exact(v, o.place(key))
	return v
}

func (p *problems) exact(v Number, at place) {
	if _, ok := v.Float(); !ok {
		p.add(at, "%s has too many digits to be kept exactly; write a decimal of at most 15 digits", v)
	}
}

// boolean reads true or false, false where absent.
func (o *object) boolean(key string) bool {
	n := o.find(key)
	if n == nil {
		return false
	}
	if n.kind != scalarNode || n.quoted || n.text != "true" && n.text != "false" {
		o.add(o.place(key), "%s is neither true nor false; write one of them", quoteNode(n))
		return false
	}
	return n.text == "true"
}

// items reads a list, nil where absent. A key that is given must hold at
// least one item.
func (o *object) items(key string) []*node {
	n := o.find(key)
	if n == nil {
		return nil
	}
	if n.kind != listNode || len(n.items) == 0 {
		what := quoteNode(n)
		if n.kind == listNode {
			what = "empty"
		}
		o.add(o.place(key), "this must be a list of at least one item, but is %s; write [a, b] or lines that begin with -", what)
		return nil
	}
	return n.items
}

// texts reads a list of texts.
func (o *object) texts(key string) []string {
	var out []string
	for i, n := range o.items(key) {
		if n.kind != scalarNode {
			o.add(place{n.line, fmt.Sprintf("%s[%d]", o.place(key).key, i)}, "this must be a text, but is %s; write one value", n.kind)
			continue
		}
		out = append(out, n.text)
	}
	return out
}

// numbers reads a list of exact numbers that floats can say.
func (o *object) numbers(key string) []Number {
	var out []Number
	for i, n := range o.items(key) {
		at := place{n.line, fmt.Sprintf("%s[%d]", o.place(key).key, i)}
		if v := o.numberOf(n, at); v.IsSet() {
			o.exact(v, at)
			out = append(out, v)
		}
	}
	return out
}

// only reads a map of exactly one key, such as an aggregate or a model, and
// returns the key and an object over its value.
func (p *problems) only(n *node, key string, words []string) (string, *object) {
	at := place{n.line, key}
	if n.kind != mapNode || len(n.entries) != 1 {
		p.add(at, "this must be a map of one key, one of %s", strings.Join(words, ", "))
		return "", nil
	}
	e := n.entries[0]
	if !slices.Contains(words, e.key) {
		p.add(place{e.line, join(key, e.key)}, "unknown key; %s", suggest(e.key, words))
		return "", nil
	}
	if e.value.kind == nullNode {
		return e.key, p.object(&node{kind: mapNode, line: e.line}, join(key, e.key))
	}
	return e.key, p.object(e.value, join(key, e.key))
}

// quoteNode shows a node of the policy in an error text, shortened.
func quoteNode(n *node) string {
	if n.kind != scalarNode {
		return n.kind.String()
	}
	return quote(n.text)
}

func quote(s string) string {
	if r := []rune(s); len(r) > 40 {
		s = string(r[:39]) + "…"
	}
	return strconv.Quote(s)
}

// suggest names the known word nearest to a mistyped one, or all of them.
func suggest(word string, known []string) string {
	best, least := "", len([]rune(word))/3+2
	for _, k := range known {
		if d := editDistance(word, k); d < least {
			best, least = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	list := slices.Clone(known)
	slices.Sort(list)
	if len(list) > 30 {
		list = append(list[:30], "…")
	}
	return "known are " + strings.Join(slices.Compact(list), ", ")
}

// editDistance counts the insertions, deletions and substitutions between two
// words (Levenshtein, 1966). Words longer than 64 runes are cut.
func editDistance(a, b string) int {
	x, y := []rune(a), []rune(b)
	x, y = x[:min(len(x), 64)], y[:min(len(y), 64)]
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		diag := row[0]
		row[0] = i + 1
		for j := range y {
			cost := diag
			if x[i] != y[j] {
				cost = 1 + min(diag, row[j], row[j+1])
			}
			diag, row[j+1] = row[j+1], cost
		}
	}
	return row[len(y)]
}
