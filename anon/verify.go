package anon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/report"
)

// VerifyOptions say how a release folder is verified. The zero value is good
// for folders of CSV and IPC files.
type VerifyOptions struct {
	// Input is the table that the release was made from, if it is at hand;
	// more claims can then be checked.
	Input arrowio.Source
	// Formats are the formats of the tables beyond CSV and IPC, such as
	// parquet.Format.
	Formats []arrowio.Format
}

// A Check is one thing that VerifyDir looked at.
type Check struct {
	Release string // "" for the folder as a whole
	Claim   string // what was checked, in words
	By      string // "output", "input" or "no": not checkable
	Note    string // why it is not checkable, or how far the check goes
}

// A Verification is the result of VerifyDir.
type Verification struct {
	Report *report.Report
	Checks []Check
}

// VerifyDir reads a release folder as a sceptic would: it trusts neither the
// report nor the hashes in it, and recounts what can be recounted from the
// tables, by the rules of the policy. What does not hold is an error of kind
// Data that names release, rule and remedy; a folder that can't be read is one
// of kind Input.
//
// Files that the policy refers to are looked for beside the folder's policy;
// what needs them is not checkable where they are absent.
func VerifyDir(ctx context.Context, dir string, opts ...VerifyOptions) (*Verification, error) {
	var o VerifyOptions
	if len(opts) > 0 {
		o = opts[0]
	}
	return verifyDir(ctx, dir, o, dir)
}

// FolderPolicy reads the policy of a release folder. Files that the policy
// refers to need not be there, so that it can say how an input is opened
// ([Policy.CSVOptions]) but, where one is missing, not plan.
func FolderPolicy(dir string) (*Policy, error) {
	text, err := readSmall(filepath.Join(dir, policyFile))
	if err != nil {
		return nil, fault.Inputf("%s: %s can't be read (%s)", filepath.Base(dir), policyFile, reason(err))
	}
	return parse(text, policyFile, dir, false)
}

// A verifier holds what one verification has read.
type verifier struct {
	dir    string
	o      VerifyOptions
	text   []byte // of report.json
	report *report.Report
	policy *Policy
	plan   *Plan
	checks []Check
	tables map[string]*texts // of statistics, by release
}

// verifyDir verifies a folder; base is where the files are that its policy
// refers to.
func verifyDir(ctx context.Context, dir string, o VerifyOptions, base string) (*Verification, error) {
	v := &verifier{dir: dir, o: o, tables: map[string]*texts{}}
	if err := v.readFolder(base); err != nil {
		return nil, err
	}
	if err := v.checkFolder(); err != nil {
		return nil, err
	}
	for i := range v.report.Releases {
		if err := v.checkRelease(ctx, i); err != nil {
			return nil, err
		}
	}
	if err := v.checkTotals(ctx); err != nil {
		return nil, err
	}
	if err := v.checkRenderings(); err != nil {
		return nil, err
	}
	return &Verification{v.report, v.checks}, nil
}

func (v *verifier) note(release, by, note, format string, args ...any) {
	v.checks = append(v.checks, Check{release, fmt.Sprintf(format, args...), by, note})
}

// readFolder reads report and policy, and plans the policy again.
func (v *verifier) readFolder(base string) error {
	name := filepath.Base(v.dir)
	if st, err := os.Stat(v.dir); err != nil || !st.IsDir() {
		return fault.Inputf("%s: there is no such folder; name a folder that oboro has released", name)
	}
	data, err := readSmall(filepath.Join(v.dir, reportJSON))
	if err != nil {
		return fault.Inputf("%s: %s can't be read (%s); name a folder that oboro has released", name, reportJSON, reason(err))
	}
	v.text = data
	if v.report, err = report.Parse(data); err != nil {
		return fault.Inputf("%s: %w", name, err)
	}
	text, err := readSmall(filepath.Join(v.dir, policyFile))
	if err != nil {
		return fault.Inputf("%s: %s can't be read (%s); the folder is not complete", name, policyFile, reason(err))
	}
	if v.policy, err = parse(text, policyFile, base, false); err != nil {
		return fault.Dataf("the folder's policy does not hold: %w", plain(err))
	}
	if v.policy.sha256 != v.report.PolicySHA256 {
		return fault.Dataf("%s is not the policy that the report was made from (its SHA-256 differs); restore the policy or release anew", policyFile)
	}
	if v.plan, err = v.planAgain(); err != nil {
		return fault.Dataf("the folder's policy does not hold: %w", plain(err))
	}
	v.note("", "output", "", "policy.yaml is the policy that the report names, and is a safe plan")
	return nil
}

// plain keeps an error's text and drops its kind.
func plain(err error) error { return errors.New(err.Error()) }

// planAgain plans the policy without a schema. Files that have changed or are
// not at hand leave their column without a hierarchy: what needs it is then
// not checkable.
func (v *verifier) planAgain() (*Plan, error) {
	for _, path := range slices.Sorted(maps.Keys(v.policy.Files)) {
		f := v.policy.Files[path]
		want, ok := v.report.Files[path]
		switch {
		case !ok:
			return nil, fmt.Errorf("%s: the policy refers to %s, whose hash the report lacks; release anew", reportJSON, quote(path))
		case f.err != nil:
			v.note("", "no", "the file is not at hand; lay it beside policy.yaml", "%s is the file that the policy refers to", path)
		case f.SHA256 != want:
			f.err = errors.New("another file")
			v.note("", "no", "the file at hand is another one than the report names", "%s is the file that the policy refers to", path)
		default:
			v.note("", "output", "", "%s is the file that the policy refers to", path)
		}
	}
	probs := &problems{file: policyFile}
	v.policy.buildHierarchies(probs)
	if err := probs.err(); err != nil {
		return nil, err
	}
	return v.policy.Plan(nil)
}

// checkFolder compares the report with the policy and with its own renderings.
func (v *verifier) checkFolder() error {
	if len(v.report.Releases) != len(v.policy.Releases) {
		return fault.Dataf("report.json tells of %d releases, the policy declares %d; release anew", len(v.report.Releases), len(v.policy.Releases))
	}
	want := v.plan.newReport()
	if !reflect.DeepEqual(v.report.Total, want.Total) {
		return fault.Dataf("report.json: the total budget is not the sum of what the policy spends; release anew")
	}
	if len(v.report.Files) != len(v.policy.Files) {
		return fault.Dataf("report.json names other files than the policy refers to; release anew")
	}
	if v.report.Total != nil {
		v.note("", "output", "", "the budgets of the releases add up to the total and stay within the cap")
	}
	if v.report.Ledger != nil {
		v.note("", "no", "oboro ledger verify LEDGER DIR looks it up", "the budgets were paid from a ledger")
	}
	if v.report.Title != v.policy.Title {
		return fault.Dataf("report.json: the title is not that of the policy; release anew")
	}
	known := slices.Clone(folderFiles)
	for _, r := range v.report.Releases {
		known = append(known, r.File)
	}
	entries, err := os.ReadDir(v.dir)
	if err != nil {
		return fault.Inputf("%s: the folder can't be listed (%s)", filepath.Base(v.dir), reason(err))
	}
	for _, e := range entries {
		if !slices.Contains(known, e.Name()) {
			v.note("", "no", "no release has written it", "file %s belongs to the release", quote(e.Name()))
		}
	}
	return nil
}

// checkRenderings compares report.json with what a report holds and the
// readable forms with report.json, where the same version has written them. It
// comes last: what is wrong with a table is said first.
func (v *verifier) checkRenderings() error {
	if v.report.Software != software() {
		v.note("", "no", "another version of oboro has written them", "report.md and report.html say what report.json says")
		return nil
	}
	files, err := renderings(v.report)
	if err != nil {
		return fault.Dataf("report.json holds figures that no report has; release anew")
	}
	if !sameJSON(v.text, files[reportJSON]) {
		return fault.Dataf("%s holds keys or figures that no report has; release anew", reportJSON)
	}
	for _, name := range []string{reportMarkdown, reportHTML} {
		have, err := readSmall(filepath.Join(v.dir, name))
		if err != nil {
			return fault.Inputf("%s can't be read (%s); the folder is not complete", name, reason(err))
		}
		if string(have) != string(files[name]) {
			return fault.Dataf("%s does not say what report.json says; release anew", name)
		}
	}
	v.note("", "output", "", "report.md and report.html say what report.json says")
	return nil
}

// sameJSON reports whether two texts are one JSON value, however they are laid
// out. A key that is null and one that is absent differ.
func sameJSON(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

// checkRelease checks one table against report and policy.
func (v *verifier) checkRelease(ctx context.Context, i int) error {
	rel, s := &v.report.Releases[i], v.plan.steps[i]
	kind := "statistics"
	if s.Microdata != nil {
		kind = "microdata"
	}
	if rel.Name != s.Name || rel.Kind != kind {
		return fault.Dataf("report.json: release %d is not the %s release %s that the policy declares; release anew", i+1, kind, quote(s.Name))
	}
	if filepath.Base(rel.File) != rel.File || strings.TrimSuffix(rel.File, filepath.Ext(rel.File)) != s.Name {
		return fault.Dataf("%s: the report's file is not named after the release; release anew", s.Name)
	}
	path := filepath.Join(v.dir, rel.File)
	sum, err := hashFile(path)
	if err != nil {
		return fault.Inputf("%s: its table %s can't be read (%s); the folder is not complete", s.Name, rel.File, reason(err))
	}
	if sum != rel.SHA256 {
		return fault.Dataf("%s: %s has been changed since it was released (its SHA-256 is not the report's); restore it or release anew", s.Name, rel.File)
	}
	v.note(s.Name, "output", "", "%s is the file that the report names, byte for byte", rel.File)
	src, err := v.open(ctx, path)
	if err != nil {
		return inRelease(s.Name, err)
	}
	if s.Microdata != nil {
		if rel.Microdata == nil {
			return fault.Dataf("%s: the report has no figures of it; release anew", s.Name)
		}
		return v.checkMicrodata(ctx, s, rel, src)
	}
	if rel.Statistics == nil {
		return fault.Dataf("%s: the report has no figures of it; release anew", s.Name)
	}
	return v.checkStatistics(ctx, s, rel, src)
}

// An opener is a format that can read what it has written.
type opener interface {
	Open(ctx context.Context, path string) (arrowio.Splitter, error)
}

// open opens a released table by its extension.
func (v *verifier) open(ctx context.Context, path string) (arrowio.Source, error) {
	ext := filepath.Ext(path)
	for _, f := range v.o.Formats {
		if o, ok := f.(opener); ok && f.Ext() == ext {
			return o.Open(ctx, path)
		}
	}
	if ext == arrowio.CSVFormat.Ext() {
		return openTextCSV(ctx, path)
	}
	return arrowio.Open(ctx, path, arrowio.Options{})
}

// openTextCSV opens a CSV file with every column as text: labels are compared,
// nothing is computed.
func openTextCSV(ctx context.Context, path string) (arrowio.Source, error) {
	src, err := arrowio.Open(ctx, path, arrowio.Options{})
	if err != nil {
		return nil, err
	}
	o := arrowio.CSVOptions{Types: map[string]arrowio.ColumnType{}}
	for _, f := range src.Schema().Fields() {
		o.Types[f.Name] = arrowio.ColumnType{Kind: arrowio.Text}
	}
	return arrowio.Open(ctx, path, arrowio.Options{CSV: o})
}

// checkClaims compares the claims of the report with those of the policy, so
// that none is invented or reworded.
func (v *verifier) checkClaims(rel *report.Release, want []report.Claim) error {
	if len(rel.Claims) != len(want) {
		return fault.Dataf("%s: the report has %d claims where the policy gives rise to %d; release anew", rel.Name, len(rel.Claims), len(want))
	}
	for i, c := range want {
		if have := rel.Claims[i]; have.Model != c.Model || have.Text != c.Text || have.Unit != c.Unit || !sameParameters(have.Parameters, c.Parameters) {
			return fault.Dataf("%s: the report's claim %d (%s) is not what the policy gives rise to; release anew", rel.Name, i+1, c.Model)
		}
	}
	return nil
}

// sameParameters compares parameters by their JSON forms: numbers read from
// JSON are floats.
func sameParameters(a, b map[string]any) bool {
	if len(a) != len(b) {
		return false
	}
	for k, x := range a {
		if fmt.Sprint(asFloat(x)) != fmt.Sprint(asFloat(b[k])) {
			return false
		}
	}
	return true
}

func asFloat(x any) any {
	if n, ok := x.(int64); ok {
		return float64(n)
	}
	return x
}
