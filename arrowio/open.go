package arrowio

import (
	"context"
	"strings"

	"github.com/oboro-data/oboro/internal/fault"
)

// Options say how Open reads a file.
type Options struct {
	CSV CSVOptions // for .csv, .csv.gz and .csv.zst
}

// Open opens a file by its extension: .csv, .csv.gz, .csv.zst, .arrow and
// .arrows. Parquet files are opened by arrowio/parquet. Another extension is
// an error of kind Plan.
func Open(ctx context.Context, path string, o Options) (Splitter, error) {
	switch name := strings.ToLower(path); {
	case strings.HasSuffix(name, ".csv"), strings.HasSuffix(name, ".csv.gz"), strings.HasSuffix(name, ".csv.zst"):
		return splitter(OpenCSV(ctx, path, o.CSV))
	case strings.HasSuffix(name, ".arrow"), strings.HasSuffix(name, ".arrows"):
		return splitter(OpenIPC(path))
	}
	return nil, fault.Planf("%s: the extension says no format; .csv, .csv.gz, .csv.zst, .arrow, .arrows and .parquet are read", baseName(path))
}

// splitter keeps a nil pointer from becoming an interface that is not nil.
func splitter[S Splitter](s S, err error) (Splitter, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}
