package main

import "testing"

func TestGates(t *testing.T) {
	var rows []row
	for _, g := range gates {
		rows = append(rows, row{Work: g.work, Contender: g.contender, Ratio: g.most * 0.99})
	}
	if broken, err := check(rows); err != nil || len(broken) != 0 {
		t.Errorf("within every gate: %v, %v", broken, err)
	}
	rows[0].Ratio = gates[0].most * 1.01
	if broken, err := check(rows); err != nil || len(broken) != 1 {
		t.Errorf("behind one gate: %v, %v", broken, err)
	}
	if _, err := check(rows[1:]); err == nil {
		t.Error("a gate without a row was passed")
	}
}
