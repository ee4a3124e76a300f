package anon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// A node is a value of the policy text with its line: what YAML and JSON have
// in common, and all that the decoder looks at. Scalars keep their literal
// text, so that numbers are read exactly.
type node struct {
	kind    nodeKind
	line    int
	text    string  // of a scalar
	quoted  bool    // a scalar in quotes: text, whatever it looks like
	entries []entry // of a map, in the order written
	items   []*node // of a list
}

type entry struct {
	key   string
	line  int
	value *node
}

type nodeKind uint8

const (
	nullNode nodeKind = iota
	scalarNode
	mapNode
	listNode
)

func (k nodeKind) String() string {
	return [...]string{"nothing", "a single value", "a map", "a list"}[k]
}

// Bounds on what is parsed. A policy of a few hundred columns takes some tens
// of kilobytes and a depth of six.
const (
	maxPolicyBytes = 4 << 20
	maxPolicyNodes = 500_000 // after aliases are followed
	maxPolicyDepth = 32
)

// A syntaxError is a fault of the text itself, before any key has a meaning.
type syntaxError struct {
	line int
	text string
}

func (e *syntaxError) Error() string { return e.text }

func syntaxf(line int, format string, args ...any) error {
	return &syntaxError{line, fmt.Sprintf(format, args...)}
}

// parseText reads YAML or JSON. Duplicate keys are refused, aliases are
// followed up to maxPolicyNodes, merge keys and several documents are refused.
func parseText(text []byte) (root *node, err error) {
	if len(text) > maxPolicyBytes {
		return nil, syntaxf(1, "the policy is larger than %d MiB; is this the policy file?", maxPolicyBytes>>20)
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	if json.Valid(text) {
		return parseJSON(text)
	}
	if line, ok := tooDeep(text); ok {
		return nil, syntaxf(line, "nested too deeply; a policy needs no more than %d levels", maxPolicyDepth)
	}
	defer func() { // the YAML reader is not ours; whatever it stumbles over is bad text
		if recover() != nil {
			root, err = nil, syntaxf(1, "this is not readable as YAML; check quotes, brackets and indentation")
		}
	}()
	file, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, yamlError(err)
	}
	var body ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.CommentType {
			continue
		}
		if body != nil {
			return nil, syntaxf(lineOf(doc.Body), "a second document begins here; a policy is one document, remove the `---`")
		}
		body = doc.Body
	}
	if body == nil {
		return nil, syntaxf(1, "the policy is empty; `oboro init` writes one to start from")
	}
	r := yamlReader{anchors: map[string]ast.Node{}}
	return r.read(body, 0)
}

// tooDeep finds, before any recursive reader sees the text, lines that open
// more brackets or list items than a policy can need. Depth by indentation
// alone grows with the square root of the text and needs no check.
func tooDeep(text []byte) (line int, found bool) {
	const limit = 200
	depth := 0
	for i, l := range bytes.Split(text, []byte("\n")) {
		depth += bytes.Count(l, []byte("[")) + bytes.Count(l, []byte("{"))
		marks := 0
		for _, m := range []string{"- ", "-\t", "? ", "!", "&", "*"} {
			marks += bytes.Count(l, []byte(m))
		}
		if depth > limit && nested(text) || marks > 4*limit {
			return i + 1, true
		}
	}
	return 0, false
}

// nested reports whether brackets outside quotes and comments nest beyond
// the limit anywhere. It errs towards true: text in block scalars counts.
func nested(text []byte) bool {
	depth := 0
	for _, c := range text {
		switch c {
		case '[', '{':
			depth++
		case ']', '}':
			depth = max(depth-1, 0)
		}
		if depth > 200 {
			return true
		}
	}
	return false
}

// yamlError turns an error of the YAML reader into one with a line and one
// line of text.
func yamlError(err error) error {
	var at interface {
		GetToken() *token.Token
		GetMessage() string
	}
	if errors.As(err, &at) && at.GetToken() != nil && at.GetToken().Position != nil {
		return syntaxf(at.GetToken().Position.Line, "not valid YAML: %s; check quotes, brackets and indentation", firstLine(at.GetMessage()))
	}
	return syntaxf(1, "not valid YAML: %s", firstLine(err.Error()))
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return strings.TrimSpace(s)
}

func lineOf(n ast.Node) int {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 1
}

// yamlReader copies the syntax tree into nodes.
type yamlReader struct {
	anchors map[string]ast.Node
	open    []string // anchors being read: an alias to one of them is a loop
	nodes   int
}

func (r *yamlReader) read(n ast.Node, depth int) (*node, error) {
	if n == nil {
		return &node{kind: nullNode, line: 1}, nil
	}
	line := lineOf(n)
	if r.nodes++; r.nodes > maxPolicyNodes {
		return nil, syntaxf(line, "aliases (`*name`) expand to too much; write the values out")
	}
	if depth > maxPolicyDepth {
		return nil, syntaxf(line, "nested too deeply; a policy needs no more than %d levels", maxPolicyDepth)
	}
	switch n := n.(type) {
	case *ast.NullNode:
		return &node{kind: nullNode, line: line}, nil
	case *ast.StringNode:
		t := n.GetToken().Type
		return &node{kind: scalarNode, line: line, text: n.Value, quoted: t == token.SingleQuoteType || t == token.DoubleQuoteType}, nil
	case *ast.LiteralNode:
		return &node{kind: scalarNode, line: line, text: n.Value.Value, quoted: true}, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return &node{kind: scalarNode, line: line, text: strings.TrimSpace(n.GetToken().Value)}, nil
	case *ast.TagNode:
		return nil, syntaxf(line, "YAML tags (`!…`) are not used in a policy; remove the tag")
	case *ast.AnchorNode:
		name := n.Name.GetToken().Value
		r.anchors[name] = n.Value
		r.open = append(r.open, name)
		v, err := r.read(n.Value, depth)
		r.open = r.open[:len(r.open)-1]
		return v, err
	case *ast.AliasNode:
		return r.alias(n, line, depth)
	case *ast.MappingValueNode:
		return r.readMap([]*ast.MappingValueNode{n}, line, depth)
	case *ast.MappingNode:
		return r.readMap(n.Values, line, depth)
	case *ast.SequenceNode:
		out := &node{kind: listNode, line: line}
		for _, v := range n.Values {
			item, err := r.read(v, depth+1)
			if err != nil {
				return nil, err
			}
			out.items = append(out.items, item)
		}
		return out, nil
	}
	return nil, syntaxf(line, "this YAML construct is not used in a policy; write plain maps, lists and values")
}

func (r *yamlReader) alias(n *ast.AliasNode, line, depth int) (*node, error) {
	name := n.Value.GetToken().Value
	for _, o := range r.open {
		if o == name {
			return nil, syntaxf(line, "alias *%s refers to itself; write the value out", name)
		}
	}
	target, ok := r.anchors[name]
	if !ok {
		return nil, syntaxf(line, "alias *%s has no anchor &%s before it", name, name)
	}
	r.open = append(r.open, name)
	v, err := r.read(target, depth)
	r.open = r.open[:len(r.open)-1]
	return v, err
}

func (r *yamlReader) readMap(values []*ast.MappingValueNode, line, depth int) (*node, error) {
	out := &node{kind: mapNode, line: line}
	seen := map[string]int{}
	for i, v := range values {
		k, err := r.read(v.Key, depth+1)
		if _, merge := v.Key.(*ast.MergeKeyNode); merge {
			return nil, syntaxf(lineOf(v.Key), "merge keys (`<<`) are not used in a policy; write the keys out")
		}
		if err != nil {
			return nil, err
		}
		if k.kind == mapNode || k.kind == listNode {
			return nil, syntaxf(k.line, "a key must be a single name")
		}
		if k.kind == nullNode {
			k.text = "null"
		}
		if i == 0 {
			out.line = k.line
		}
		if first, dup := seen[k.text]; dup {
			return nil, syntaxf(k.line, "key %q was given before, in line %d; keep one", k.text, first)
		}
		seen[k.text] = k.line
		value, err := r.read(v.Value, depth+1)
		if err != nil {
			return nil, err
		}
		if value.kind == nullNode {
			value.line = k.line
		}
		out.entries = append(out.entries, entry{k.text, k.line, value})
	}
	return out, nil
}

// parseJSON reads text that is valid JSON, of which YAML readers accept most
// but not all (tabs, escapes).
func parseJSON(text []byte) (*node, error) {
	r := jsonReader{dec: json.NewDecoder(bytes.NewReader(text)), text: text}
	r.dec.UseNumber()
	return r.read(0)
}

type jsonReader struct {
	dec  *json.Decoder
	text []byte
	line int   // of offset done, counted forward
	done int64 // offset up to which lines are counted
}

func (r *jsonReader) lineNow() int {
	end := r.dec.InputOffset()
	r.line += bytes.Count(r.text[r.done:end], []byte("\n"))
	r.done = end
	return r.line + 1
}

func (r *jsonReader) read(depth int) (*node, error) {
	t, err := r.dec.Token()
	line := r.lineNow()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, syntaxf(line, "not valid JSON")
	}
	if depth > maxPolicyDepth {
		return nil, syntaxf(line, "nested too deeply; a policy needs no more than %d levels", maxPolicyDepth)
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '[' {
			return r.readList(line, depth)
		}
		return r.readMap(line, depth)
	case string:
		return &node{kind: scalarNode, line: line, text: t, quoted: true}, nil
	case json.Number:
		return &node{kind: scalarNode, line: line, text: t.String()}, nil
	case bool:
		return &node{kind: scalarNode, line: line, text: fmt.Sprint(t)}, nil
	}
	return &node{kind: nullNode, line: line}, nil
}

func (r *jsonReader) readList(line, depth int) (*node, error) {
	out := &node{kind: listNode, line: line}
	for r.dec.More() {
		item, err := r.read(depth + 1)
		if err != nil {
			return nil, err
		}
		out.items = append(out.items, item)
	}
	_, err := r.dec.Token()
	return out, err
}

func (r *jsonReader) readMap(line, depth int) (*node, error) {
	out := &node{kind: mapNode, line: line}
	seen := map[string]int{}
	for r.dec.More() {
		k, err := r.read(depth + 1)
		if err != nil {
			return nil, err
		}
		if first, dup := seen[k.text]; dup {
			return nil, syntaxf(k.line, "key %q was given before, in line %d; keep one", k.text, first)
		}
		seen[k.text] = k.line
		v, err := r.read(depth + 1)
		if err != nil {
			return nil, err
		}
		out.entries = append(out.entries, entry{k.text, k.line, v})
	}
	_, err := r.dec.Token()
	return out, err
}
