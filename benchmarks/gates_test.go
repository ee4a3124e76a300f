package main

import "testing"

func TestGates(t *testing.T) {
	rowsOf := func(share float64) (rows []row) {
		for _, g := range gates {
			r := row{Work: g.work, Contender: g.contender}
			switch g.what {
			case ratioTo:
				r.Ratio = g.most * share
			case allocsOf:
				r.Allocs = g.most * share
			case bytesPerRowOf:
				r.PerRow = g.most * share
			}
			rows = append(rows, r)
		}
		return rows
	}
	if broken, err := check(rowsOf(0.99)); err != nil || len(broken) != 0 {
		t.Errorf("within every gate: %v, %v", broken, err)
	}
	if broken, err := check(rowsOf(1.01)); err != nil || len(broken) != len(gates) {
		t.Errorf("behind all %d gates: %v, %v", len(gates), broken, err)
	}
	if _, err := check(rowsOf(1)[1:]); err == nil {
		t.Error("a gate without a row was passed")
	}
}
