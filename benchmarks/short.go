package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/oboro-data/oboro/benchmarks/measure"
)

// shortSuiteTime runs the short suite, as make bench-ci does, once.
func shortSuiteTime(ctx context.Context, cfg config) ([]row, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "-ci", "-root", cfg.root, "-shared", cfg.shared, "-workers", fmt.Sprint(cfg.workers))
	start := time.Now()
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, text)
	}
	s := measure.Sample{Wall: time.Since(start), CPU: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	rows := compare("the short suite", 0, "wall", measure.Wall, []measure.Result{{Name: "oboro", Samples: []measure.Sample{s}}})
	rows[0].Allocs = elsewhere
	return rows, nil
}
