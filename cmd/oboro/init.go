package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/internal/fault"
)

type initCommand struct {
	Input  []string `help:"The table, or a part of it: its schema is read, and of CSV a sample." placeholder:"FILE" sep:"none" required:""`
	More   []string `arg:"" optional:"" name:"input" help:"Further inputs, as a shell expands a pattern behind --input."`
	Output string   `short:"o" help:"Write the policy to this new file instead of standard output." placeholder:"FILE"`
	csvFlags
}

// Run writes a policy with every column and its type. Roles are left as
// "decide", which the parser refuses: each must be decided by a person.
func (c *initCommand) Run(ctx context.Context, s *session) error {
	inputs, err := allInputs(c.Input, c.More)
	if err != nil {
		return err
	}
	csv, err := c.csvFlags.apply(defaultCSV)
	if err != nil {
		return err
	}
	src, err := openInput(ctx, inputs, csv)
	if err != nil {
		return err
	}
	if d := likelyDelimiter(src.Schema()); d != "" && c.Delimiter == "" {
		c.Delimiter = d
		if csv, err = c.csvFlags.apply(defaultCSV); err != nil {
			return err
		}
		if src, err = openInput(ctx, inputs, csv); err != nil {
			return err
		}
	}
	text := draftPolicy(filepath.Base(inputs[0]), src.Schema(), c.csvFlags)
	if c.Output == "" {
		return s.print(text)
	}
	f, err := os.OpenFile(c.Output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fault.Planf("--output %s: it exists already; name a new file", filepath.Base(c.Output))
	}
	if err != nil {
		return fault.Inputf("--output %s: the file can't be written", filepath.Base(c.Output))
	}
	if _, err := f.WriteString(text); err != nil {
		f.Close()
		return fault.Inputf("--output %s: the file can't be written", filepath.Base(c.Output))
	}
	if err := f.Close(); err != nil {
		return fault.Inputf("--output %s: the file can't be written", filepath.Base(c.Output))
	}
	return nil
}

// likelyDelimiter returns the sign that separates the columns of a header that
// was read as one column, "" where nothing speaks for one.
func likelyDelimiter(schema *arrow.Schema) string {
	if schema.NumFields() != 1 {
		return ""
	}
	best, most := "", 0
	for _, d := range []string{";", "\t", "|"} {
		if n := strings.Count(schema.Field(0).Name, d); n > most {
			best, most = d, n
		}
	}
	if best == "\t" {
		return `\t`
	}
	return best
}

// draftPolicy writes the policy for a schema.
func draftPolicy(name string, schema *arrow.Schema, csv csvFlags) string {
	var b strings.Builder
	unit := ""
	for _, f := range schema.Fields() {
		if h := hintFor(f.Name); unit == "" && h != nil && h.person {
			unit = f.Name
		}
	}
	fmt.Fprintf(&b, `# A policy for %s, to be decided. Nothing runs until every "decide" is replaced.
#
# Roles: identifier        names a person directly; read where needed, never released
#        quasi-identifier  can point to a person together with others; generalised
#        sensitive         what nobody may learn about a person
#        insensitive       neither; released as it is
# The hints beside the columns follow from their names alone. They may be wrong.
oboro: 1
title: %s
`, oneLine(name), yamlText(name))
	b.WriteString("unit: decide    # the column that names the person; `row` only if no person has two rows")
	if unit != "" {
		fmt.Fprintf(&b, "; perhaps %s", oneLine(unit))
	}
	b.WriteByte('\n')
	if csv.Delimiter != "" || csv.Encoding != "" {
		var parts []string
		if csv.Delimiter == `\t` {
			parts = append(parts, `delimiter: "\t"`)
		} else if csv.Delimiter != "" {
			parts = append(parts, "delimiter: "+strconv.Quote(csv.Delimiter))
		}
		if csv.Encoding != "" {
			parts = append(parts, "encoding: "+strings.ToLower(csv.Encoding))
		}
		fmt.Fprintf(&b, "input: {%s}\n", strings.Join(parts, ", "))
	}
	b.WriteString("columns:\n")
	width := 0
	lines := make([][2]string, schema.NumFields())
	for i, f := range schema.Fields() {
		lines[i] = draftColumn(f, strings.Contains(strings.ToLower(name), ".csv"))
		width = max(width, columns(lines[i][0]))
	}
	for _, l := range lines {
		if l[1] == "" {
			fmt.Fprintf(&b, "  %s\n", l[0])
			continue
		}
		fmt.Fprintf(&b, "  %s%s  # %s\n", l[0], strings.Repeat(" ", width-columns(l[0])), l[1])
	}
	b.WriteString(`releases: []    # declare at least one; for instance:
#  - name: counts
#    kind: statistics
#    method: differential-privacy
#    group-by: [COLUMN]
#    groups: private
#    bounds: {groups-per-unit: 1}
#    aggregates:
#      - count-units: {as: people}
#    budget: {epsilon: 1, delta: 1e-8}
#  - name: rows
#    kind: microdata
#    basis: the contract or law that allows rows to leave
#    models:
#      - k-anonymity: {k: 10}
#    suppression-limit: 0.02
`)
	return b.String()
}

// draftColumn returns the line of a column and the hint beside it. A CSV column
// of codes, such as postal codes, is text though its values look like numbers.
func draftColumn(f arrow.Field, csv bool) (line [2]string) {
	hint := hintFor(f.Name)
	keys := "role: decide"
	var notes []string
	typ, ok := policyType(f.Type)
	if csv && hint != nil && strings.Contains(hint.hierarchy, "prefix") {
		typ = "text"
	}
	switch {
	case ok:
		keys += ", type: " + typ
	case isTagList(f.Type):
		keys += ", set: {}"
	default:
		notes = append(notes, "its type "+f.Type.Name()+" can't be released: make it an identifier, which never leaves")
	}
	if hint != nil {
		notes = append(notes, hint.String())
	}
	return [2]string{yamlText(f.Name) + ": {" + keys + "}", strings.Join(notes, "; ")}
}

// policyType names an Arrow type in the words of the policy.
func policyType(dt arrow.DataType) (string, bool) {
	if d, ok := dt.(*arrow.DictionaryType); ok {
		dt = d.ValueType
	}
	switch id := dt.ID(); {
	case arrow.IsInteger(id):
		return "integer", true
	case arrow.IsFloating(id), arrow.IsDecimal(id):
		return "decimal", true
	case id == arrow.STRING, id == arrow.LARGE_STRING, id == arrow.STRING_VIEW:
		return "text", true
	case id == arrow.BOOL:
		return "boolean", true
	case id == arrow.DATE32, id == arrow.DATE64:
		return "date", true
	case id == arrow.TIMESTAMP:
		return "timestamp", true
	}
	return "", false
}

func isTagList(dt arrow.DataType) bool {
	l, ok := dt.(arrow.ListLikeType)
	return ok && (l.Elem().ID() == arrow.STRING || l.Elem().ID() == arrow.LARGE_STRING)
}

// yamlText writes a text as a YAML scalar, quoted where it must be.
func yamlText(s string) string {
	plain := s != "" && unicode.IsLetter([]rune(s)[0])
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '-' && r != '.' {
			plain = false
		}
	}
	switch strings.ToLower(s) {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n":
		plain = false
	}
	if plain {
		return s
	}
	return strconv.Quote(s)
}

// oneLine keeps a name from ending the comment it stands in.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == '\u0085' {
			return ' '
		}
		return r
	}, s)
}
