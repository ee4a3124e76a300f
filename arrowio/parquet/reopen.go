package parquet

import (
	"context"

	"github.com/oboro-data/oboro/arrowio"
)

// Open opens a file that the format has written, so that whoever was handed
// Format alone can check what it wrote.
func (format) Open(_ context.Context, path string) (arrowio.Splitter, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	return f, nil
}
