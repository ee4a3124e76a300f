package anon

import (
	"context"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/report"
)

// A Plan is a policy that has been checked against the schema of an input: it
// says what will be done, claimed and spent. It has read no row.
type Plan struct {
	policy *Policy
	schema *arrow.Schema
}

// Plan checks the policy against a schema without reading a row. A nil schema
// checks what the policy alone can tell, for a look at the plan; such a plan
// can't run. Errors are of kind Plan or Budget and list every problem found,
// with file, line, key and remedy.
func (p *Policy) Plan(schema *arrow.Schema) (*Plan, error) {
	return &Plan{p, schema}, nil
}

// String explains the plan: for each release what will be done, what will be
// claimed and what is spent.
func (p *Plan) String() string { return "" }

// CSVOptions say how a CSV input of this policy is opened: delimiter,
// encoding, null values and the declared types. Columns under a file, levels
// or prefix hierarchy are text.
func (p *Policy) CSVOptions() arrowio.CSVOptions { return arrowio.CSVOptions{} }

// RunOptions say how a plan is run. The zero value is good.
type RunOptions struct {
	Workers int   // goroutines; 0: one per processor
	Memory  int64 // bytes that may be used beyond the input; 0: no limit
	// Backend draws the noise of releases with `noise: google`.
	Backend dp.Backend
	// Progress is called now and then, one call at a time; nil: never.
	Progress func(Progress)
}

// Progress is what a run tells its caller now and then.
type Progress struct {
	Release string // the release that is being made
	Stage   string // "count", "search", "apply", "verify", "read"
	Done    int64  // rows, or lattice nodes when searching
	Total   int64  // 0: not known
}

// Run makes every release of the plan from src. The budget of all statistics
// releases is spent before the first of them draws noise. On any error nothing
// is released.
func (p *Plan) Run(ctx context.Context, src arrowio.Source, opts ...RunOptions) (*Release, error) {
	return &Release{}, nil
}

// A Release is what a run has made: a table per declared release, and the
// report.
type Release struct{}

// Names returns the names of the releases, in the order of the policy.
func (r *Release) Names() []string { return nil }

// Table returns the table of a release, nil if there is none of the name.
func (r *Release) Table(name string) arrowio.Source { return nil }

// Report returns what the release says about itself. It may be published.
func (r *Release) Report() *report.Report { return &report.Report{} }

// Close gives up the tables.
func (r *Release) Close() {}

// WriteOptions say how a release folder is written. The zero value is good.
type WriteOptions struct {
	// Replace allows dir to be an earlier release folder, which is replaced
	// when the new one is complete. Any other folder is refused.
	Replace bool
}

// WriteDir writes the tables, the report and the policy as the folder dir. It
// is written beside dir, read again and verified, and only then renamed into
// place: after an error, or when ctx is done before the rename, dir and its
// surroundings are as they were.
func (r *Release) WriteDir(ctx context.Context, dir string, format arrowio.Format, opts ...WriteOptions) error {
	return nil
}

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
	Note    string // why it is not checkable; "" otherwise
}

// A Verification is the result of VerifyDir.
type Verification struct {
	Report *report.Report
	Checks []Check
}

// VerifyDir reads a release folder as a sceptic would: it trusts neither the
// report nor the hashes in it, and recounts what can be recounted from the
// tables by the rules of the policy. What does not hold is an error of kind
// Data that names release, rule and remedy; a folder that can't be read is one
// of kind Input.
func VerifyDir(ctx context.Context, dir string, opts ...VerifyOptions) (*Verification, error) {
	return &Verification{}, nil
}

// Schema returns the JSON Schema of the policy (draft 2020-12).
func Schema() []byte { return nil }
