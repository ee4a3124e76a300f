package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
)

// results is one run of the suite, as it stands in results.json. The page and
// the charts are made of it alone.
type results struct {
	Machine string
	Taken   string // the day
	Seconds float64
	Rounds  int
	Rows    []row
	Failed  []failure `json:",omitempty"`
	// Again names experiments that were run again by themselves, with the day.
	Again []string `json:",omitempty"`
	// Large holds the runs with 100 M rows, which are made apart.
	Large *results `json:"-"`
}

// A failure is an experiment that did not finish.
type failure struct{ Experiment, What, Error string }

const (
	resultsFile = "results.json"
	largeFile   = "large.json"
)

// readResults reads the last run of a folder, and the last large one if there
// is one.
func readResults(dir string) (*results, error) {
	r, err := readFile(filepath.Join(dir, resultsFile))
	if err != nil {
		return nil, err
	}
	r.Large, err = readFile(filepath.Join(dir, largeFile))
	if errors.Is(err, fs.ErrNotExist) {
		r.Large, err = nil, nil
	}
	return r, err
}

func readFile(path string) (*results, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := new(results)
	return r, json.Unmarshal(raw, r)
}

// onto puts the run of some experiments in the place of their last one.
func (r *results) onto(last *results, run []string) *results {
	out := *last
	out.Rows, out.Failed, out.Again = nil, nil, nil
	for _, e := range experiments {
		from := last
		if slices.Contains(run, e.name) {
			from = r
			out.Again = append(out.Again, fmt.Sprintf("`%s` on %s", e.name, r.Taken))
		} else {
			for _, a := range last.Again {
				if strings.HasPrefix(a, "`"+e.name+"`") {
					out.Again = append(out.Again, a)
				}
			}
		}
		for _, x := range from.Rows {
			if x.Experiment == e.name {
				out.Rows = append(out.Rows, x)
			}
		}
		for _, f := range from.Failed {
			if f.Experiment == e.name {
				out.Failed = append(out.Failed, f)
			}
		}
	}
	return &out
}

// write writes the run into a folder, and everything that is made of it.
func (r *results) write(dir, root string, large bool) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	name := resultsFile
	if large {
		name = largeFile
	}
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, name), append(raw, '\n'), 0o644); err != nil {
		return err
	}
	return render(dir, root)
}

// render writes charts, page, and the table in the project's README anew from
// the results in a folder.
func render(dir, root string) error {
	r, err := readResults(dir)
	if err != nil {
		return err
	}
	for _, c := range charts {
		if err := c.draw(filepath.Join(dir, c.file), r); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "README.md"), []byte(r.page()), 0o644); err != nil {
		return err
	}
	readme := filepath.Join(root, "README.md")
	text, err := os.ReadFile(readme)
	if err != nil {
		return err
	}
	quoted, err := r.quoted(string(text))
	if err != nil {
		return err
	}
	return os.WriteFile(readme, []byte(quoted), 0o644)
}

// machine describes where the figures are taken, and with what.
func machine(cfg config) string {
	parts := []string{"an unknown processor"}
	if raw, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		parts[0] = modelName(string(raw))
	}
	parts = append(parts, fmt.Sprintf("%d threads", cfg.workers))
	if raw, err := os.ReadFile("/proc/meminfo"); err == nil {
		var kib float64
		if _, err := fmt.Sscanf(string(raw), "MemTotal: %f kB", &kib); err == nil {
			parts = append(parts, fmt.Sprintf("%.0f GiB of memory", kib/(1<<20)))
		}
	}
	parts = append(parts, runtime.Version()+" "+runtime.GOOS+"/"+runtime.GOARCH)
	if d, err := openDuck(cfg.workers); err == nil {
		parts = append(parts, "DuckDB "+d.version())
		d.close()
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			switch m.Path {
			case "github.com/apache/arrow/go/v17":
				parts = append(parts, "arrow "+m.Version)
			case "github.com/google/differential-privacy/go/v3":
				parts = append(parts, "Google's library "+m.Version)
			}
		}
	}
	if raw, err := os.ReadFile("/proc/loadavg"); err == nil {
		parts = append(parts, "load average "+strings.Fields(string(raw))[0]+" at the start")
	}
	return strings.Join(parts, ", ")
}

// modelName is the processor's name in the text of /proc/cpuinfo.
func modelName(text string) string {
	for _, l := range strings.Split(text, "\n") {
		if name, value, ok := strings.Cut(l, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "an unknown processor"
}
