package main

import (
	"fmt"
	"strings"
)

// A gate is the most that oboro's time may be of a contender's in the short
// suite: about twice what is measured, so that noise does not trip it and a lost
// optimisation does. Both run in one process, so the machine cancels out.
type gate struct {
	work, contender string // beginnings
	most            float64
}

// shortSuite are the experiments of the short suite.
const shortSuite = "noise,csv,count,bounded"

var gates = []gate{
	{"a million draws", "Google", 0.02},
	{"read CSV", "arrow/csv", 0.7},
	{"count", "Go map", 1.1},
	{"count", "DuckDB, 6 columns", 1.5},
	{"bounded group-by, 1 M rows, 100 k users, 3 k groups", "DuckDB, bounded", 0.9},
}

// check returns the gates that the rows break, and an error where a gate has no
// row: a gate that can't fail is none.
func check(rows []row) (broken []string, err error) {
	for _, g := range gates {
		found := false
		for _, r := range rows {
			if !strings.HasPrefix(r.Work, g.work) || !strings.HasPrefix(r.Contender, g.contender) {
				continue
			}
			found = true
			if r.Ratio > g.most {
				broken = append(broken, fmt.Sprintf("%s: %.3g of %s, at most %g", r.Work, r.Ratio, r.Contender, g.most))
			}
		}
		if !found {
			return nil, fmt.Errorf("no row for the gate %q against %q", g.work, g.contender)
		}
	}
	return broken, nil
}
