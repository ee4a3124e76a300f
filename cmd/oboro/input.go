package main

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/arrowio/parquet"
	"github.com/oboro-data/oboro/internal/fault"
)

// csvFlags override what the policy says about CSV.
type csvFlags struct {
	Delimiter string `help:"CSV: the character between fields, \\t for a tab." placeholder:"C"`
	Encoding  string `help:"CSV: utf-8, shift_jis, cp932 or euc-jp." placeholder:"E"`
}

func (f csvFlags) apply(o arrowio.CSVOptions) (arrowio.CSVOptions, error) {
	switch d := []rune(f.Delimiter); {
	case f.Delimiter == `\t`:
		o.Delimiter = '\t'
	case len(d) == 1:
		o.Delimiter = d[0]
	case len(d) > 1:
		return o, fault.Planf("--delimiter: give one character, or \\t for a tab")
	}
	if f.Encoding != "" {
		o.Encoding = strings.ToLower(f.Encoding)
	}
	return o, nil
}

// openInput opens the named files as one table. A name that is no file is
// taken as a pattern (visits-*.parquet).
func openInput(ctx context.Context, names []string, o arrowio.CSVOptions) (arrowio.Source, error) {
	var paths []string
	for _, name := range names {
		found, err := expand(name)
		if err != nil {
			return nil, err
		}
		paths = append(paths, found...)
	}
	sources := make([]arrowio.Source, len(paths))
	for i, path := range paths {
		src, err := openFile(ctx, path, o)
		if err != nil {
			return nil, err
		}
		sources[i] = src
	}
	if len(sources) == 1 {
		return sources[0], nil
	}
	return arrowio.Concat(sources...)
}

func expand(name string) ([]string, error) {
	if _, err := os.Stat(name); err == nil || !strings.ContainsAny(name, "*?[") {
		return []string{name}, nil
	}
	found, err := filepath.Glob(name)
	if err != nil {
		return nil, fault.Planf("--input %s: the pattern is not well-formed", filepath.Base(name))
	}
	if len(found) == 0 {
		return nil, fault.Inputf("--input %s: no file matches", filepath.Base(name))
	}
	sort.Strings(found)
	return found, nil
}

func openFile(ctx context.Context, path string, o arrowio.CSVOptions) (arrowio.Source, error) {
	if strings.HasSuffix(strings.ToLower(path), ".parquet") {
		src, err := parquet.Open(path)
		if err != nil {
			return nil, err
		}
		return src, nil
	}
	return arrowio.Open(ctx, path, arrowio.Options{CSV: o})
}

// formats are the file formats of release tables, by the name of the flag.
var formats = map[string]arrowio.Format{
	"parquet": parquet.Format,
	"csv":     arrowio.CSVFormat,
	"ipc":     arrowio.IPCFormat,
}

// A byteSize is an amount of memory: 512MiB, 2GB, 1000000.
type byteSize int64

// UnmarshalText reads a size; the units are powers of 1024 with i and of 1000
// without.
func (b *byteSize) UnmarshalText(text []byte) error {
	s := strings.ToLower(strings.TrimSpace(string(text)))
	digits := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyz ")
	units := map[string]float64{"": 1, "b": 1, "k": 1e3, "kb": 1e3, "kib": 1 << 10, "m": 1e6, "mb": 1e6, "mib": 1 << 20,
		"g": 1e9, "gb": 1e9, "gib": 1 << 30, "t": 1e12, "tb": 1e12, "tib": 1 << 40}
	unit, ok := units[strings.TrimSpace(s[len(digits):])]
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || !ok || n*unit < 1 || n*unit > math.MaxInt64/2 {
		return errors.New("a size is a number with B, kB, MB, GB, TB, KiB, MiB, GiB or TiB")
	}
	*b = byteSize(n * unit)
	return nil
}

// checkTemp refuses a folder for temporary files that is none.
func checkTemp(dir string) error {
	if dir == "" {
		return nil
	}
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return fault.Planf("--temp %s: there is no such folder; create it first", filepath.Base(dir))
	}
	return nil
}

// checkOut refuses a folder that is in the way before anything is read.
func checkOut(dir string, replace bool) error {
	dir = filepath.Clean(dir)
	name := filepath.Base(dir)
	_, err := os.Lstat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if st, err := os.Stat(filepath.Dir(dir)); err != nil || !st.IsDir() {
			return fault.Planf("--out %s: the folder that is to hold it does not exist; create it first", name)
		}
		return nil
	case err != nil:
		return fault.Inputf("--out %s: the folder can't be looked at", name)
	case !replace:
		return fault.Planf("--out %s: it exists already; name a new folder, or replace a release folder with --replace", name)
	}
	for _, f := range []string{"report.json", "policy.yaml"} {
		if st, err := os.Stat(filepath.Join(dir, f)); err != nil || !st.Mode().IsRegular() {
			return fault.Planf("--out %s: --replace replaces release folders only, and this one has no %s; name another folder", name, f)
		}
	}
	return nil
}

// checkInternal refuses a file for internal figures that would be published
// with the release folder, or that exists already.
func checkInternal(file, out string) error {
	if file == "" {
		return nil
	}
	inside := fault.Planf("--internal: the file would lie in the release folder, which may be published; name one outside it")
	if within(filepath.Clean(out), filepath.Clean(file)) {
		return inside
	}
	f, err := resolved(file)
	if err != nil {
		return fault.Planf("--internal %s: the folder that is to hold it does not exist; create it first", filepath.Base(file))
	}
	o, err := resolved(out)
	if err != nil {
		return fault.Planf("--out %s: the folder that is to hold it does not exist; create it first", filepath.Base(out))
	}
	if within(o, f) {
		return inside
	}
	if _, err := os.Lstat(f); err == nil {
		return fault.Planf("--internal %s: it exists already; name a new file", filepath.Base(f))
	}
	return nil
}

// within reports whether a path lies in a folder or is it.
func within(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// resolved returns the absolute path of a file or folder that need not exist
// yet, with the symbolic links of the folder that holds it followed.
func resolved(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(abs))
	return filepath.Join(dir, filepath.Base(abs)), err
}
