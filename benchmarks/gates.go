package main

import (
	"fmt"
	"strings"
)

// A gate is the most that a figure of the short suite may be. A ratio may be
// about twice what is measured, so that noise does not trip it and a lost
// optimisation does; both contenders run in one process, so the machine cancels
// out. Allocations depend on no machine.
type gate struct {
	work, contender string // beginnings
	what            measured
	most            float64
}

// A measured figure is what a gate looks at.
type measured int

const (
	ratioTo       measured = iota // oboro's time over the contender's
	allocsOf                      // heap objects that a run of the contender allocates
	bytesPerRowOf                 // of memory
)

func (m measured) of(r row) float64 {
	switch m {
	case allocsOf:
		return r.Allocs
	case bytesPerRowOf:
		return r.PerRow
	}
	return r.Ratio
}

func (m measured) String() string {
	return [...]string{"of", "allocations by", "bytes a row by"}[m]
}

// shortSuite are the experiments of the short suite.
const shortSuite = "noise,csv,count,bounded,memory,active,research"

var gates = []gate{
	{"a million draws", "Google", ratioTo, 0.02},
	{"a million draws", "oboro", allocsOf, 20},
	{"read CSV, 1 M rows of 3 integers", "arrow/csv", ratioTo, 0.45},
	{"read CSV, 1 M rows of 3 integers", "oboro", allocsOf, 2000},
	{"read CSV, 500 k rows of text", "arrow/csv", ratioTo, 0.25},
	{"read CSV, 500 k rows of text", "oboro", allocsOf, 2000},
	{"count 1 M rows", "Go map", ratioTo, 0.5},
	{"count 1 M rows", "DuckDB, 6 columns", ratioTo, 0.6},
	{"count 1 M rows", "oboro", allocsOf, 30_000},
	{"bounded group-by, 1 M rows, 100 k users, 3 k groups", "DuckDB, bounded by SQL", ratioTo, 0.5},
	{"bounded group-by, 1 M rows, 100 k users, 3 k groups", "oboro", allocsOf, 40_000},
	{"bounded group-by, 1 M rows, 100 k users, 1 M groups", "DuckDB, bounded by SQL", ratioTo, 0.8},
	{"bounded group-by, 1 M rows, 100 k users, 1 M groups", "oboro", allocsOf, 40_000},
	{"count classes, keys of 32 bits", "oboro", bytesPerRowOf, 25},
	{"bounded group-by, 3 k groups", "oboro", bytesPerRowOf, 60},
	{"W3", "DuckDB, bounded by SQL", ratioTo, 3},
	{"W3", "oboro", allocsOf, 500_000},
	{"W6", "Go maps", ratioTo, 40},
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
			if x := g.what.of(r); x > g.most {
				broken = append(broken, fmt.Sprintf("%s: %.3g %v %s, at most %g", r.Work, x, g.what, r.Contender, g.most))
			}
		}
		if !found {
			return nil, fmt.Errorf("no row for the gate %q against %q", g.work, g.contender)
		}
	}
	return broken, nil
}
