package demo

import (
	"context"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/arrowio"
)

// TestTables checks of each table that its splits, one after another, are the
// table, that a second read gives the same rows and that columns can be picked.
func TestTables(t *testing.T) {
	const rows = 200_000
	for _, table := range []*Table{NewMembers(1, rows), NewLogins(1, rows), NewInquiries(1, rows), NewViews(1, rows)} {
		whole := read(t, table)
		var parts []arrowio.Source
		parts = append(parts, table.Splits(3)...)
		joined, err := arrowio.Concat(parts...)
		if err != nil {
			t.Fatal(err)
		}
		again := read(t, joined)
		if whole.NumRows() != rows || again.NumRows() != rows {
			t.Fatalf("%s: %d rows, %d by splits", table.Name(), whole.NumRows(), again.NumRows())
		}
		// Batches differ, so the columns are compared as chunked arrays.
		if a, b := tableOf(t, whole), tableOf(t, again); !array.TableEqual(a, b) {
			t.Errorf("%s: its splits are other rows", table.Name())
		}
		r, err := table.Open(context.Background(), table.Schema().Field(2).Name)
		if err != nil {
			t.Fatal(err)
		}
		if r.Schema().NumFields() != 1 {
			t.Errorf("%s: %d columns were read instead of one", table.Name(), r.Schema().NumFields())
		}
		r.Release()
	}
}

func read(t *testing.T, src arrowio.Source) *arrowio.Memory {
	t.Helper()
	r, err := src.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	m, err := arrowio.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func tableOf(t *testing.T, m *arrowio.Memory) arrow.Table {
	t.Helper()
	r, err := m.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	var recs []arrow.Record
	for r.Next() {
		r.Record().Retain()
		recs = append(recs, r.Record())
	}
	return array.NewTableFromRecords(m.Schema(), recs)
}
