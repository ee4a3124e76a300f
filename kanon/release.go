package kanon

import (
	"context"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/arrowio"
)

// A Release is an anonymised table that has passed the check of its models. It
// can be read any number of times, also in splits, as any arrowio.Source: give
// it to a writer of arrowio or arrowio/parquet. It holds its rows in memory, as
// codes.
type Release struct {
	InputRows       int64
	Rows            int64
	SuppressedRows  int64  // InputRows - Rows
	Classes         int64  // classes released
	SmallestClass   int64  // people (rows without a unit) of the smallest class released; 0 without rows
	Counted         string // "people" or "rows": what SmallestClass and ClassSizes count
	ClassSizes      []ClassSizes
	SuppressedNulls int64 // of the suppressed rows, those with a null quasi-identifier
	Recoding        *Recoding
	Metric          string // name of the cost
	Cost            Score  // of the recoding, as the search saw it
	Search          SearchResult
	Claims          []Claim

	schema *arrow.Schema
	table  arrowio.Splitter
	close  func()
}

// Close gives up the rows, which are not read again: the memory of the source
// that they were copied from, too. The figures stay. Without it nothing leaks
// in Go memory; batches over foreign memory are released only here.
func (r *Release) Close() { r.close() }

// ClassSizes counts the classes of From to To people and their rows.
type ClassSizes struct{ From, To, Classes, Rows int64 }

// A Claim is one model that the release satisfies and how that was checked.
type Claim struct {
	Model   PrivacyModel
	Checked string // "output": recounted over the written rows; "input": as the search found it
}

// Schema returns the columns of the release. It depends on the source's schema
// and the spec only: a quasi-identifier is dictionary<int32, utf8> whatever its
// level.
func (r *Release) Schema() *arrow.Schema { return r.schema }

// Open starts a read of the released rows; see arrowio.Source.
func (r *Release) Open(ctx context.Context, columns ...string) (array.RecordReader, error) {
	return r.table.Open(ctx, columns...)
}

// Splits returns consecutive parts of the rows; see arrowio.Splitter.
func (r *Release) Splits(n int) []arrowio.Source { return r.table.Splits(n) }
