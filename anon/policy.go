package anon

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/kanon"
)

// A Policy says what each column of a table is and what may be released. It
// is made by [LoadPolicy] or [ParsePolicy] from a document that a person can
// review; its fields are for reading. docs/policy.md explains every key.
type Policy struct {
	Title string
	// Unit names the column of the privacy unit, the person. It is empty
	// where UnitIsRow says that every row is one person (`unit: row`).
	Unit      string
	UnitIsRow bool
	// Person is set where several identifiers name one person; Unit is then what
	// reports call it, and a column that the input gets as it is read.
	Person *Person
	Input  Input
	// Budget caps the sum over all statistics releases; nil where the policy
	// sets none, which is allowed with at most one such release.
	Budget *Budget
	// Nulls says what a missing quasi-identifier is, in microdata.
	Nulls kanon.Nulls
	// Columns are the columns of the input, in the order of the policy.
	Columns []Column
	// Releases are the declared releases, in order.
	Releases []Declaration
	// Consistent lists the columns that add up over several statistics releases.
	Consistent []Consistent
	// Files are the files that the policy refers to, by the path it writes.
	Files map[string]*File

	text   []byte
	sha256 string
	file   string // how errors name the policy
	base   string // folder of relative paths
	at     map[string]place
}

// Input says how CSV is read. Parquet and IPC bring their own types, and
// ignore it. Empty fields were not given and leave the reader's default.
type Input struct {
	Delimiter  string // one character; default ","
	Encoding   string // default utf-8
	NullValues []string
}

// A Declaration is one release of the policy: anonymised rows or statistics,
// exactly one of the two.
type Declaration struct {
	Name       string
	Microdata  *Microdata
	Statistics *Statistics
	at         place
}

// A File is a file that the policy refers to.
type File struct {
	Path   string // as the policy writes it
	SHA256 string // of its bytes, in hexadecimal; "" where it could not be read
	data   []byte // what was hashed is what is used
	path   string // where it was found
	err    error
}

// maxFileBytes bounds the files that a policy refers to.
const maxFileBytes = 256 << 20

// LoadPolicy reads a policy from a YAML or JSON file. Paths in it are relative
// to the file's folder. Errors are of kind Plan and name file, line, key and
// remedy, one problem per line.
func LoadPolicy(path string) (*Policy, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Planf("%s: the policy can't be read (%s); name an existing policy file, or write one with `oboro init`", filepath.Base(path), reason(err))
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPolicyBytes+1))
	if err != nil {
		return nil, fault.Planf("%s: the policy can't be read (%s); name an existing policy file", filepath.Base(path), reason(err))
	}
	return parse(text, filepath.Base(path), filepath.Dir(path), true)
}

// ParsePolicy reads a policy from text, YAML or JSON. Paths in it are relative
// to baseDir. Errors are those of LoadPolicy, and name the file "policy".
func ParsePolicy(text []byte, baseDir string) (*Policy, error) {
	return parse(text, "policy", baseDir, true)
}

// parse decodes the text and reads the files it refers to. With needFiles, a
// file that can't be read is a problem; without, it is left for the caller.
func parse(text []byte, file, base string, needFiles bool) (*Policy, error) {
	probs := &problems{file: file}
	root, err := parseText(text)
	if err != nil {
		var s *syntaxError
		if !errors.As(err, &s) {
			s = &syntaxError{1, "the text can't be read"}
		}
		probs.add(place{s.line, ""}, "%s", s.text)
		return nil, probs.err()
	}
	p := &Policy{text: append([]byte(nil), text...), file: file, base: base, Files: map[string]*File{}, at: map[string]place{}}
	sum := sha256.Sum256(text)
	p.sha256 = hex.EncodeToString(sum[:])
	p.decode(probs, root)
	if err := probs.err(); err != nil {
		return nil, err
	}
	if needFiles {
		p.checkFiles(probs)
		p.buildHierarchies(probs)
	}
	return p, probs.err()
}

// SHA256 returns the hash of the policy's text, in hexadecimal.
func (p *Policy) SHA256() string { return p.sha256 }

// Text returns the policy as it was written.
func (p *Policy) Text() []byte { return append([]byte(nil), p.text...) }

// Column returns the column of a name, or nil.
func (p *Policy) Column(name string) *Column {
	for i := range p.Columns {
		if p.Columns[i].Name == name {
			return &p.Columns[i]
		}
	}
	return nil
}

// unitName is how reports name the unit: its column, or "row".
func (p *Policy) unitName() string {
	if p.UnitIsRow {
		return "row"
	}
	return p.Unit
}

// place returns where a top-level key stands.
func (p *Policy) place(key string) place {
	if at, ok := p.at[key]; ok {
		return at
	}
	return place{1, key}
}

func (p *Policy) decode(probs *problems, root *node) {
	o := probs.object(root, "")
	if o.need("oboro", "write `oboro: 1`, the version of the policy format") {
		o.integer("oboro", 1, 1, 1)
	}
	p.Title = o.text("title")
	p.decodeUnit(o)
	p.Input = decodeInput(o)
	if n := o.find("budget"); n != nil {
		p.Budget = decodeBudget(probs, n, "budget")
		if o.has("accept-delta") {
			p.Budget.AcceptDelta = p.Budget.AcceptDelta || o.boolean("accept-delta")
		}
		p.Budget.check(probs)
	}
	p.Nulls = kanon.Nulls(indexOf(nullWords, o.choice("nulls", nullWords...)))
	if o.need("columns", "list every column of the input with its role; `oboro init` writes them") {
		p.decodeColumns(probs, o.find("columns"))
	}
	if o.need("releases", "declare at least one release") {
		for i, n := range o.items("releases") {
			p.decodeRelease(probs, n, fmt.Sprintf("releases[%d]", i))
		}
	}
	p.decodeConsistent(o)
	for _, e := range o.node.entries {
		p.at[e.key] = place{e.line, e.key}
	}
	o.done()
}

var nullWords = []string{"value", "wildcard", "reject"} // in the order of kanon.Nulls

func indexOf(words []string, w string) int {
	for i, x := range words {
		if x == w {
			return i
		}
	}
	return 0
}

func decodeInput(o *object) Input {
	n := o.find("input")
	if n == nil {
		return Input{}
	}
	in := o.object(n, "input")
	defer in.done()
	out := Input{Delimiter: in.text("delimiter"), Encoding: strings.ToLower(in.text("encoding"))}
	if in.has("delimiter") && (len(out.Delimiter) != 1 || strings.ContainsAny(out.Delimiter, "\"\r\n")) {
		in.add(in.place("delimiter"), "%s is no delimiter; write one character such as \",\", \";\" or \"\\t\"", quote(out.Delimiter))
	}
	if nv := in.find("null-values"); nv != nil {
		out.NullValues = []string{}
		if nv.kind != listNode || len(nv.items) > 0 {
			out.NullValues = in.texts("null-values")
		}
	}
	return out
}

// decodeRelease reads one release by its kind.
func (p *Policy) decodeRelease(probs *problems, n *node, key string) {
	o := probs.object(n, key)
	d := Declaration{at: o.at}
	if o.need("name", "give the release a plain file name") {
		d.Name = o.text("name")
		if why := badFileName(d.Name); why != "" {
			o.add(o.place("name"), "%s is no plain file name: %s; use letters, digits, - and _", quote(d.Name), why)
		}
	}
	for _, other := range p.Releases {
		if strings.EqualFold(other.Name, d.Name) && d.Name != "" {
			o.add(o.place("name"), "another release has this name, in line %d; give each its own", other.at.line)
		}
	}
	if !o.need("kind", "write `kind: microdata` or `kind: statistics`") {
		return
	}
	switch o.choice("kind", "microdata", "statistics") {
	case "microdata":
		d.Microdata = p.decodeMicrodata(o)
	case "statistics":
		d.Statistics = p.decodeStatistics(o)
	}
	o.done()
	p.Releases = append(p.Releases, d)
}

// badFileName says why a release name can't be a file name everywhere, or "".
// The report's own file names are taken.
func badFileName(name string) string {
	switch lower := strings.ToLower(name); {
	case name == "":
		return "it is empty"
	case len(name) > 100:
		return "it is longer than 100 bytes"
	case name[0] == '.' || name[0] == '-':
		return "it begins with a dot or a dash"
	case lower == "report" || lower == "policy":
		return "the folder has a file of that name already"
	}
	for _, r := range name {
		if r < 0x20 || r == 0x7f || strings.ContainsRune(`/\:*?"<>|`+"\ufffd", r) || r == ' ' || r == '.' {
			return "it holds a space, a dot or a sign that file names can't have"
		}
	}
	base := strings.ToUpper(name)
	for _, dev := range []string{"CON", "PRN", "AUX", "NUL", "COM1", "COM2", "COM3", "COM4", "LPT1", "LPT2", "LPT3"} {
		if base == dev {
			return "it is a device name on Windows"
		}
	}
	return ""
}

// refer notes a file that the policy names, and hashes it.
func (p *Policy) refer(path string) *File {
	if f, ok := p.Files[path]; ok {
		return f
	}
	f := &File{Path: path}
	full := filepath.FromSlash(path)
	if !filepath.IsAbs(full) {
		full = filepath.Join(p.base, full)
	}
	f.path = full
	if f.data, f.err = readRegular(full, maxFileBytes); f.err == nil {
		sum := sha256.Sum256(f.data)
		f.SHA256 = hex.EncodeToString(sum[:])
	}
	p.Files[path] = f
	return f
}

// checkFiles reports the files that can't be read, at the places naming them.
func (p *Policy) checkFiles(probs *problems) {
	for _, r := range p.fileUses() {
		if r.file.err != nil {
			probs.add(r.at, "file %s can't be read (%s); paths are relative to the policy file", quote(r.file.Path), reason(r.file.err))
		}
	}
}

// lacksFiles reports whether a file is not at hand, as happens where a release
// folder is verified.
func (p *Policy) lacksFiles() bool {
	for _, f := range p.Files {
		if f.err != nil {
			return true
		}
	}
	return false
}

type fileUse struct {
	file *File
	at   place
}

// fileUses lists every mention of a file in the policy.
func (p *Policy) fileUses() []fileUse {
	var out []fileUse
	if p.Person != nil && p.Person.People != nil {
		out = append(out, fileUse{p.Person.People, p.Person.at})
	}
	for _, c := range p.Columns {
		if c.Hierarchy != nil && c.Hierarchy.File != nil {
			out = append(out, fileUse{c.Hierarchy.File, c.Hierarchy.at})
		}
	}
	for _, d := range p.Releases {
		if d.Statistics != nil && d.Statistics.Groups.File != nil {
			out = append(out, fileUse{d.Statistics.Groups.File, d.Statistics.Groups.at})
		}
		if d.Microdata != nil {
			for _, m := range d.Microdata.Models {
				if m.Table != nil {
					out = append(out, fileUse{m.Table, m.at})
				}
			}
		}
	}
	return out
}

// readRegular reads a regular file of at most limit bytes.
func readRegular(path string, limit int64) ([]byte, error) {
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !st.Mode().IsRegular():
		return nil, errors.New("it is no regular file")
	case st.Size() > limit:
		return nil, fmt.Errorf("it is larger than %d MiB", limit>>20)
	}
	return os.ReadFile(path)
}

// reason strips the operation and the path from an error of the file system.
func reason(err error) string {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}
