package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/arrowio"
)

// TestFormatThatCannotHoldTheTable: lists of tags are refused as CSV before a
// row is read, and written as Parquet.
func TestFormatThatCannotHoldTheTable(t *testing.T) {
	dir := t.TempDir()
	schema := arrow.NewSchema([]arrow.Field{{Name: "age", Type: arrow.PrimitiveTypes.Int64}, {Name: "tags", Type: arrow.ListOf(arrow.BinaryTypes.String)}}, nil)
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader("["+strings.Repeat(`{"age":24,"tags":["go"]},`, 5)+`{"age":24,"tags":[]}]`))
	if err != nil {
		t.Fatal(err)
	}
	if err := arrowio.WriteFile(context.Background(), filepath.Join(dir, "in.arrow"), arrowio.IPCFormat, arrowio.NewMemory(schema, rec)); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "policy.yaml", `oboro: 1
unit: row
columns: {age: {role: quasi-identifier}, tags: {role: quasi-identifier, set: {}}}
releases: [{name: rows, kind: microdata, basis: test, models: [{k-anonymity: {k: 2}}, {km-anonymity: {column: tags, k: 2, m: 1}}]}]
`)
	refuses(t, dir, 2, []string{`rows: column "tags": type list`, "can't be written as CSV; choose another format"}, "run", "policy.yaml", "--input", "in.arrow", "--out", "out", "--format", "csv")
	succeeds(t, dir, "run", "policy.yaml", "--input", "in.arrow", "--out", "out", "--format", "parquet")
}
