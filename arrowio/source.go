// Package arrowio reads and writes tables as streams of Arrow record batches.
//
// The unit of input is a re-openable Source, not a reader: k-anonymity reads
// its input twice. Tables in memory, Arrow IPC files and streams and CSV live
// here; Parquet, the heavy dependency, in arrowio/parquet. Open picks by the
// file's extension, Concat joins files of one schema, and Spool makes a Source
// of a stream that can be read only once.
//
// A Format writes what a reader gives, and nothing else: no dictionary entry
// that no row uses, nothing that lies under a null, no metadata of the input.
//
// Files may be damaged or hostile: readers return an error of kind Input with
// the file's name, the line where there is one, and what to do about it. No
// error holds a value of the data, no input makes a reader panic, and every
// reader stops soon after its context is done.
package arrowio

import (
	"context"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// A Source is a table that can be read any number of times. It is safe for
// use by several goroutines; every reader it opens is not.
type Source interface {
	// Schema returns the columns of the table. It reads no rows (a CSV
	// source has inferred its types when it was made).
	Schema() *arrow.Schema

	// Open starts one read of the named columns, in the order named, or of
	// all columns when none is named. The reader stops with ctx's error
	// soon after ctx is done. The caller releases the reader. As in Arrow,
	// a reader's Err is nil, never io.EOF, after a complete read.
	//
	// A column that the schema lacks is an error of kind Plan that names it.
	Open(ctx context.Context, columns ...string) (array.RecordReader, error)
}

// A Splitter is a Source whose rows fall into consecutive parts that can be
// read side by side.
type Splitter interface {
	Source
	// Splits returns about n sources of the same schema (at least one),
	// whose rows, one source after another, are the rows of this one in
	// order. More splits than workers are fine: workers take the next.
	Splits(n int) []Source
}
