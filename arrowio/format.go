package arrowio

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// A Format writes a table as a file. CSV and IPC are here, Parquet is in
// arrowio/parquet.
//
// Every format writes nothing but the values of the rows: dictionaries are
// rebuilt from the entries that the written rows use, what lies under a null
// is zero, and the metadata of the input's schema and fields is dropped. The
// same rows give the same bytes however they were batched.
type Format interface {
	// Ext is the file name extension with its dot: ".csv".
	Ext() string
	// Write writes the rest of a reader, which stays the caller's to
	// release, and does not close w. It stops with ctx's error soon after
	// ctx is done; what was written until then is no whole file.
	Write(ctx context.Context, w io.Writer, r array.RecordReader) error
}

// CheckSchema returns the error, of kind Plan, with which f would refuse to
// write a table of this schema; nil where it can write it.
func CheckSchema(f Format, schema *arrow.Schema) error {
	if c, ok := f.(interface{ CheckSchema(*arrow.Schema) error }); ok {
		return c.CheckSchema(schema)
	}
	return nil
}

// WriteFile reads the source once and writes it as one file. It writes beside
// path and renames at the end, so that path is the whole new file or, after
// any error, what it was before.
func WriteFile(ctx context.Context, path string, f Format, src Source) (err error) {
	r, err := src.Open(ctx)
	if err != nil {
		return err
	}
	defer r.Release()
	out, err := os.CreateTemp(filepath.Dir(path), ".oboro-*")
	if err != nil {
		return fileError(baseName(path), err)
	}
	defer func() {
		if err != nil {
			out.Close()
			os.Remove(out.Name())
		}
	}()
	if err := f.Write(ctx, out, r); err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return fileError(baseName(path), err)
	}
	if err := os.Rename(out.Name(), path); err != nil {
		return fileError(baseName(path), err)
	}
	return nil
}
