package anon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/report"
)

// WriteOptions say how a release folder is written. The zero value is good.
type WriteOptions struct {
	// Replace allows dir to be an earlier release folder, which is replaced
	// when the new one is complete. Any other folder, and one that holds files
	// that no release has written, is refused.
	Replace bool
}

// The files of a release folder, besides one per release.
const (
	reportJSON     = "report.json"
	reportMarkdown = "report.md"
	reportHTML     = "report.html"
	policyFile     = "policy.yaml"
)

var folderFiles = []string{reportJSON, reportMarkdown, reportHTML, policyFile}

// WriteDir writes the tables, the report and the policy as the folder dir. It
// is written beside dir, read again and verified, and only then renamed into
// place: after an error, or when ctx is done before the rename, dir and what
// lies around it are as they were. The parent of dir must exist.
//
// The files are report.json, report.md, report.html, policy.yaml (the policy's
// text as it was) and one table per release, named after it. An existing dir
// is an error of kind Plan, unless Replace is set and it is a release folder.
func (r *Release) WriteDir(ctx context.Context, dir string, format arrowio.Format, opts ...WriteOptions) error {
	var o WriteOptions
	if len(opts) > 0 {
		o = opts[0]
	}
	dir = filepath.Clean(dir)
	if err := checkTarget(dir, o.Replace); err != nil {
		return err
	}
	work, err := newWorkDir(filepath.Dir(dir))
	if err != nil {
		return err
	}
	defer os.RemoveAll(work.path) // what is left: all of it after an error, the replaced folder after success
	if err := r.fill(ctx, work.path, format); err != nil {
		return err
	}
	_, err = verifyDir(ctx, work.path, VerifyOptions{Formats: []arrowio.Format{format}}, r.plan.policy.base)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fault.Inputf("%s: interrupted, nothing was written: %w", filepath.Base(dir), err)
	}
	if err := checkTarget(dir, o.Replace); err != nil { // it may have appeared meanwhile
		return err
	}
	if err := os.Chmod(work.path, work.mode); err != nil {
		return fault.Inputf("%s: the mode of the folder can't be set (%s)", filepath.Base(dir), reason(err))
	}
	if err := putInPlace(work.path, dir, o.Replace); err != nil {
		return fault.Inputf("%s: the finished folder can't be renamed into place (%s)", filepath.Base(dir), reason(err))
	}
	return nil
}

// fill writes every file of the release into a folder.
func (r *Release) fill(ctx context.Context, dir string, format arrowio.Format) error {
	for i, t := range r.tables {
		rel := &r.report.Releases[i]
		rel.File = t.step.Name + format.Ext()
		sum, err := writeTable(ctx, filepath.Join(dir, rel.File), format, t.source)
		if err != nil {
			return inRelease(t.step.Name, err)
		}
		rel.SHA256 = sum
	}
	files, err := renderings(r.report)
	if err != nil {
		return err
	}
	files[policyFile] = r.plan.policy.text
	for name, data := range files {
		if err := writeFile(filepath.Join(dir, name), func(w io.Writer) error { _, err := w.Write(data); return err }); err != nil {
			return fault.Inputf("%s can't be written (%s)", name, reason(err))
		}
	}
	return nil
}

// renderings are the three forms of a report, by file name.
func renderings(rep *report.Report) (map[string][]byte, error) {
	text, err := rep.JSON()
	if err != nil {
		return nil, fault.Inputf("%s: %w", reportJSON, err)
	}
	html, err := rep.HTML()
	if err != nil {
		return nil, fault.Inputf("%s: %w", reportHTML, err)
	}
	return map[string][]byte{reportJSON: text, reportMarkdown: rep.Markdown(), reportHTML: html}, nil
}

// writeTable writes a table as a file and returns the SHA-256 of its bytes.
func writeTable(ctx context.Context, path string, format arrowio.Format, src arrowio.Source) (string, error) {
	rows, err := src.Open(ctx)
	if err != nil {
		return "", err
	}
	defer rows.Release()
	sum := sha256.New()
	err = writeFile(path, func(w io.Writer) error { return format.Write(ctx, io.MultiWriter(w, sum), rows) })
	if err != nil && ExitCode(err) == 1 && !errors.Is(err, fault.Input) {
		err = fault.Inputf("%s can't be written: %w", filepath.Base(path), err)
	}
	return hex.EncodeToString(sum.Sum(nil)), err
}

// writeFile creates a file with the mode that the umask allows, and syncs it,
// so that a rename never makes a half-written file visible.
func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// A workDir is a folder beside the target that only its owner can enter until
// it is complete; mode is what it shall have then.
type workDir struct {
	path string
	mode fs.FileMode
}

// newWorkDir makes an empty folder in parent. Which mode the umask grants is
// learned from a folder made inside.
func newWorkDir(parent string) (workDir, error) {
	if st, err := os.Stat(parent); err != nil || !st.IsDir() {
		return workDir{}, fault.Planf("%s: the folder that is to hold the release does not exist; create it first", filepath.Base(parent))
	}
	path, err := os.MkdirTemp(parent, ".oboro-")
	if err != nil {
		return workDir{}, fault.Inputf("%s: no folder can be made in it (%s)", filepath.Base(parent), reason(err))
	}
	probe := filepath.Join(path, "mode")
	w := workDir{path, 0o700}
	if err := os.Mkdir(probe, 0o777); err == nil {
		if st, err := os.Stat(probe); err == nil {
			w.mode = st.Mode().Perm()
		}
		os.Remove(probe)
	}
	return w, nil
}

// checkTarget refuses a folder that is in the way: any without replace; with
// it, everything but a release folder that holds nothing else.
func checkTarget(dir string, replace bool) error {
	name := filepath.Base(dir)
	st, err := os.Lstat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fault.Inputf("%s: the folder can't be looked at (%s)", name, reason(err))
	case !replace:
		return fault.Planf("%s: it exists already; name a new folder, or replace a release folder with --replace", name)
	case !st.IsDir():
		return fault.Planf("%s: it is no folder, and only release folders are replaced; name another", name)
	}
	rep, err := readReport(dir)
	if err != nil {
		return fault.Planf("%s: it is no release folder (no %s that oboro wrote), and only those are replaced; name another folder", name, reportJSON)
	}
	known := slices.Clone(folderFiles)
	for _, rel := range rep.Releases {
		known = append(known, rel.File)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fault.Inputf("%s: the folder can't be listed (%s)", name, reason(err))
	}
	for _, e := range entries {
		if !slices.Contains(known, e.Name()) || e.IsDir() {
			return fault.Planf("%s: it holds %s, which no release has written and which would be lost; move it away first", name, quote(e.Name()))
		}
	}
	return nil
}

// maxReportBytes bounds what is read as a report or as a policy.
const maxReportBytes = 64 << 20

func readReport(dir string) (*report.Report, error) {
	data, err := readSmall(filepath.Join(dir, reportJSON))
	if err != nil {
		return nil, err
	}
	return report.Parse(data)
}

// hashFile returns the SHA-256 of a file.
func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// readSmall reads a regular file of bounded size.
func readSmall(path string) ([]byte, error) {
	return readRegular(path, maxReportBytes)
}
