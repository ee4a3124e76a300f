package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/oboro-data/oboro/arrowio"
)

// A task is what a process of its own does: an experiment, "first" with a case
// of the reference tables, or "bytes" with a piece of work.

// An outcome is what a process tells the one that started it, as one line of
// JSON.
type outcome struct {
	Rows    []row   `json:",omitempty"`
	Seconds float64 `json:",omitempty"`
	CPU     float64 `json:",omitempty"`
	Bytes   int64   `json:",omitempty"`
	Levels  []int   `json:",omitempty"`
	Error   string  `json:",omitempty"`
}

// runTask does a task and writes its outcome.
func runTask(ctx context.Context, cfg config, task string, w io.Writer) (err error) {
	if cfg.dir, err = os.MkdirTemp("", "oboro-benchmarks-*"); err != nil {
		return err
	}
	defer os.RemoveAll(cfg.dir)
	var o outcome
	err = arrowio.Recovered("benchmark", func() error {
		name, argument, _ := strings.Cut(task, ":")
		switch name {
		case "first":
			o, err = firstCall(ctx, cfg, argument)
			return err
		case "bytes":
			o, err = memoryTask(ctx, cfg, argument)
			return err
		}
		for _, e := range slices.Concat(experiments, largeExperiments) {
			if e.name == name {
				o.Rows, err = e.run(ctx, cfg)
				for i := range o.Rows {
					o.Rows[i].Experiment = e.name
				}
				return err
			}
		}
		return fmt.Errorf("no task %q", task)
	})
	if err != nil {
		o.Error = err.Error()
	}
	return json.NewEncoder(w).Encode(o)
}

// isolated runs an experiment in a process of its own.
func isolated(ctx context.Context, cfg config, name string) ([]row, error) {
	o, err := child(ctx, cfg, name)
	return o.Rows, err
}

// child does a task in a process of its own.
func child(ctx context.Context, cfg config, task string) (o outcome, err error) {
	self, err := os.Executable()
	if err != nil {
		return o, err
	}
	limited, cancel := context.WithTimeout(ctx, mostTime)
	defer cancel()
	cmd := exec.CommandContext(limited, self, "-task", task,
		"-rows", fmt.Sprint(cfg.rows), "-people", fmt.Sprint(cfg.people), "-rounds", fmt.Sprint(cfg.rounds),
		"-workers", fmt.Sprint(cfg.workers), "-root", cfg.root, "-shared", cfg.shared, "-arx", cfg.arx)
	cmd.WaitDelay = time.Second
	var answer bytes.Buffer
	cmd.Stdout, cmd.Stderr = &answer, os.Stderr
	if err := cmd.Run(); err != nil {
		if limited.Err() != nil && ctx.Err() == nil {
			return o, fmt.Errorf("not finished after %v", mostTime)
		}
		return o, fmt.Errorf("its process: %w", err)
	}
	if err := json.Unmarshal(answer.Bytes(), &o); err != nil {
		return o, err
	}
	if o.Error != "" {
		err = errors.New(o.Error)
	}
	return o, err
}
