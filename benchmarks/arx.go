package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// An arx runs ARX from a class path, by a small program that is compiled
// against it.
type arx struct {
	java, classPath string
	version         string // as it says of itself, after the first run
}

// newARX compiles the program.
func newARX(ctx context.Context, cfg config) (*arx, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return nil, err
	}
	javac, err := exec.LookPath("javac")
	if err != nil {
		return nil, err
	}
	out := filepath.Join(cfg.dir, "arx")
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, err
	}
	source := filepath.Join(cfg.root, "benchmarks", "arx", "Anonymize.java")
	text, err := exec.CommandContext(ctx, javac, "-encoding", "UTF-8", "-d", out, "-cp", cfg.arx, source).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("javac, with the class path given: %w\n%s", err, text)
	}
	return &arx{java: java, classPath: out + string(os.PathListSeparator) + cfg.arx}, nil
}

// anonymize runs one problem in a fresh process, by ARX's best setting: the
// Loss metric with precomputed shares.
func (a *arx) anonymize(ctx context.Context, cfg config, r reference) (o outcome, err error) {
	args := []string{"-XX:+UseParallelGC", "-Xmx4g", "-cp", a.classPath, "Anonymize", "precomputed", strconv.FormatFloat(r.limit, 'f', -1, 64), r.path(cfg)}
	for _, c := range r.columns {
		args = append(args, c, r.hierarchyPath(cfg, c))
	}
	limited, cancel := context.WithTimeout(ctx, mostTime)
	defer cancel()
	cmd := exec.CommandContext(limited, a.java, args...)
	var failure strings.Builder
	cmd.Stderr = &failure
	cmd.WaitDelay = time.Second
	line, err := cmd.Output()
	if err != nil {
		return o, fmt.Errorf("ARX: %w\n%s", err, failure.String())
	}
	fields := strings.Fields(string(line))
	if len(fields) != 2+len(r.columns) {
		return o, fmt.Errorf("ARX answered with %d fields, want %d", len(fields), 2+len(r.columns))
	}
	a.version = fields[0]
	if o.Seconds, err = strconv.ParseFloat(fields[1], 64); err != nil {
		return o, err
	}
	for _, f := range fields[2:] {
		level, err := strconv.Atoi(f)
		if err != nil {
			return o, err
		}
		o.Levels = append(o.Levels, level)
	}
	return o, nil
}
