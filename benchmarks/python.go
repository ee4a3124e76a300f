package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/oboro-data/oboro/anon"
	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/benchmarks/measure"
	"github.com/oboro-data/oboro/benchmarks/workload"
)

const pythonPolicy = `oboro: 1
title: log
unit: usr
columns:
  usr: {role: identifier}
  part: {role: quasi-identifier}
  val: {role: insensitive, type: integer}
releases:
  - name: by_part
    kind: statistics
    group-by: [part]
    groups: private
    bounds: {groups-per-unit: 8}
    aggregates: [{count-units: {as: people}}, {sum: {column: val, as: total, range: [0, 2000], resolution: 1}}]
    budget: {epsilon: 1, delta: 1e-8}
`

// pythonScript runs the policy once for every line it reads, and answers with
// wall and CPU seconds.
const pythonScript = `
import json, os, sys, time
import oboro, pyarrow
table = pyarrow.ipc.open_file(pyarrow.memory_map(sys.argv[1])).read_all()
policy = open(sys.argv[2]).read()
for line in sys.stdin:
    wall, cpu = time.perf_counter(), time.process_time()
    release = oboro.run(policy, table, progress=False)
    rows = release["by_part"].to_pyarrow().num_rows
    assert rows > 0
    print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu]), flush=True)
    del release
`

// fromPython compares one policy run on a table in memory from Go and from
// Python. It needs a virtual environment made by make python.
func fromPython(ctx context.Context, cfg config) ([]row, error) {
	python := filepath.Join(cfg.root, ".venv", "bin", "python")
	if exec.CommandContext(ctx, python, "-c", "import oboro, pyarrow").Run() != nil {
		fmt.Fprintln(os.Stderr, "python: .venv with oboro and pyarrow is absent (make python makes it), left out")
		return nil, nil
	}
	table := workload.Log(cfg.rows, 3000, 1)
	defer table.Release()
	file, policyFile := filepath.Join(cfg.dir, "log.arrow"), filepath.Join(cfg.dir, "log.yaml")
	if err := arrowio.WriteFile(ctx, file, arrowio.IPCFormat, table); err != nil {
		return nil, err
	}
	if err := os.WriteFile(policyFile, []byte(pythonPolicy), 0o600); err != nil {
		return nil, err
	}
	policy, err := anon.LoadPolicy(policyFile)
	if err != nil {
		return nil, err
	}
	plan, err := policy.Plan(table.Schema())
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, python, "-c", pythonScript, file, policyFile)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	answers := bufio.NewScanner(out)
	var there []measure.Sample
	ask := func() error {
		fmt.Fprintln(in, "run")
		if !answers.Scan() {
			return fmt.Errorf("the Python process ended: %w", cmd.Wait())
		}
		var seconds [2]float64
		if err := json.Unmarshal(answers.Bytes(), &seconds); err != nil {
			return err
		}
		there = append(there, measure.Sample{Wall: time.Duration(seconds[0] * 1e9), CPU: time.Duration(seconds[1] * 1e9)})
		return nil
	}
	results, err := measure.Compare(cfg.rounds,
		measure.Contender{Name: "Go", Run: func() error {
			rel, err := plan.Run(ctx, table, anon.RunOptions{Workers: cfg.workers})
			if err == nil {
				rel.Close()
			}
			return err
		}},
		measure.Contender{Name: "Python", Run: ask},
	)
	if err != nil {
		return nil, err
	}
	if err := in.Close(); err != nil {
		return nil, err
	}
	if err := cmd.Wait(); err != nil {
		return nil, err
	}
	results[1].Samples = there[1:] // the first warmed up
	work := fmt.Sprintf("the same policy from Go and from Python, %s rows", short(cfg.rows))
	rows := append(compare(work, cfg.rows, "CPU", measure.CPU, results), compare(work, cfg.rows, "wall", measure.Wall, results)...)
	for i := range rows {
		if rows[i].Contender == "Python" {
			rows[i].Allocs = elsewhere
		}
	}
	return rows, nil
}
