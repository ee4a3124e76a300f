package anon

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func compiledSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("policy.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("policy.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// instance is a policy text as the JSON value that a validator in an editor
// sees: plain numbers are numbers.
func instance(t testing.TB, text string) any {
	t.Helper()
	root, err := parseText([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var value func(n *node) any
	value = func(n *node) any {
		switch n.kind {
		case mapNode:
			m := map[string]any{}
			for _, e := range n.entries {
				m[e.key] = value(e.value)
			}
			return m
		case listNode:
			l := []any{}
			for _, i := range n.items {
				l = append(l, value(i))
			}
			return l
		case nullNode:
			return nil
		}
		if !n.quoted && json.Valid([]byte(n.text)) {
			return json.Number(n.text)
		}
		return toJSON(n)
	}
	return fixBooleans(value(root))
}

func fixBooleans(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = fixBooleans(v[k])
		}
	case []any:
		for i := range v {
			v[i] = fixBooleans(v[i])
		}
	case json.Number:
		if v == "true" || v == "false" {
			return v == "true"
		}
	}
	return v
}

func TestSchemaAcceptsTheExamples(t *testing.T) {
	s := compiledSchema(t)
	for _, text := range []string{patients(t), loginsPolicy, rowsPolicy, cellsPolicy, "oboro: 1\nunit: row\ncolumns: {a: {role: insensitive}}\nreleases: [{name: n, kind: statistics, bounds: {}, budget: {rho: 0.05, delta: 1e-8}, aggregates: [{count-units: {as: n}}, {min: {column: a, as: lo, range: [0, 1]}}, {histogram: {column: a, as: h, edges: [0, 1], cumulative: true}}]}]"} {
		if err := s.Validate(instance(t, text)); err != nil {
			t.Errorf("%v", err)
		}
		if _, err := ParsePolicy([]byte(text), "testdata"); err != nil {
			t.Errorf("%v", err)
		}
	}
}

// What the schema refuses, the parser refuses: over every refusal above, and
// over the example with every key renamed and every value replaced in turn.
func TestSchemaAndParserAgree(t *testing.T) {
	s := compiledSchema(t)
	refused := 0
	check := func(name, text string) {
		invalid := s.Validate(instance(t, text)) != nil
		_, err := ParsePolicy([]byte(text), "testdata")
		if invalid {
			refused++
			if err == nil {
				t.Errorf("%s: the schema refuses what the parser accepts", name)
			}
		}
	}
	for _, r := range refusals {
		text := strings.Replace(patients(t), r.old, r.new, 1)
		if _, err := parseText([]byte(text)); err == nil {
			check(r.name, text)
		}
	}
	for _, text := range []string{patients(t), loginsPolicy, rowsPolicy} {
		root, err := parseText([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		changeEverything(root, func(what string) {
			text, err := json.Marshal(toJSON(root))
			if err != nil {
				t.Fatal(err)
			}
			check(what, string(text))
		})
	}
	if refused < 500 {
		t.Errorf("the schema has refused %d policies only", refused)
	}
}

// changeEverything renames every key and replaces every value of a document,
// one at a time, calls try, and puts things back.
func changeEverything(root *node, try func(what string)) {
	var walk func(n *node, path string)
	walk = func(n *node, path string) {
		for i := range n.entries {
			e := &n.entries[i]
			at := path + "." + e.key
			key := e.key
			e.key = "another-key"
			try(at + " renamed")
			e.key = key
			old := e.value
			for _, v := range []*node{{kind: nullNode}, {kind: scalarNode, text: "no such word", quoted: true}, {kind: scalarNode, text: "-1"}, {kind: scalarNode, text: "", quoted: true}, {kind: scalarNode, text: "0.5"}, {kind: listNode}, {kind: mapNode}} {
				e.value = v
				try(at + " replaced by " + v.kind.String() + " " + v.text)
			}
			e.value = old
			walk(e.value, at)
		}
		for _, i := range n.items {
			walk(i, path+"[]")
		}
	}
	walk(root, "")
}

// Every key that the parser reads is in the schema, and has a description or
// a type that tells it.
func TestSchemaIsComplete(t *testing.T) {
	var doc map[string]any
	if err := json.Unmarshal(Schema(), &doc); err != nil {
		t.Fatal(err)
	}
	if doc["$schema"] != "https://json-schema.org/draft/2020-12/schema" {
		t.Error("draft")
	}
	text := string(Schema())
	for _, words := range [][]string{modelWords, metricWords, aggregateWords, aggregateKinds, roleWords, typeWords[1:], hierarchyWords, nullWords, centreWords} {
		for _, w := range words {
			if !strings.Contains(text, `"`+w+`"`) {
				t.Errorf("the schema does not know %s", w)
			}
		}
	}
}
