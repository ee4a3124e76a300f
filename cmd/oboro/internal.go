package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/oboro-data/oboro/anon"
	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/fault"
)

// writeInternal measures the input and writes the file, readable by its owner
// only: a page where its name ends in .html, else JSON.
func writeInternal(ctx context.Context, file string, src arrowio.Source, rel *anon.Release) error {
	report, err := rel.Internal(ctx, src)
	if err != nil {
		return err
	}
	write := report.JSON
	if isPage(file) {
		write = report.HTML
	}
	text, err := write()
	if err != nil {
		return fault.Inputf("--internal: %w", err)
	}
	name := filepath.Base(file)
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fault.Planf("--internal %s: it exists already; name a new file", name)
	}
	if err != nil {
		return fault.Inputf("--internal %s: the file can't be written", name)
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Close()); err != nil {
		os.Remove(file)
		return fault.Inputf("--internal %s: the file can't be written", name)
	}
	return nil
}

func isPage(file string) bool { return strings.EqualFold(filepath.Ext(file), ".html") }
