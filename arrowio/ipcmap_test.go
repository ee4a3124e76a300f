package arrowio

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/internal/fault"
)

// A mapped file has the rows of the file, split or not, and its arrays hold
// them after the source, the reader and the records are gone.
func TestMapIPC(t *testing.T) {
	file, stream := ipcBytes(t)
	for name, b := range map[string][]byte{"table.arrow": file, "table.arrows": stream} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		read, err := OpenIPC(path)
		if err != nil {
			t.Fatal(err)
		}
		want := lines(t, read)
		mapped, err := MapIPC(path)
		if err != nil {
			t.Fatal(err)
		}
		same(t, name, lines(t, mapped), want)
		var parts []string
		for _, s := range mapped.Splits(3) {
			parts = append(parts, lines(t, s)...)
		}
		same(t, name+" in splits", parts, want)

		r, err := mapped.Open(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		var kept [][]arrow.Array
		for r.Next() {
			rec := r.Record()
			for _, c := range rec.Columns() {
				c.Retain()
			}
			kept = append(kept, rec.Columns())
		}
		r.Release()
		read, mapped, r = nil, nil, nil
		for range 3 {
			runtime.GC()
		}
		var rows []string
		for _, cols := range kept {
			rec := array.NewRecord(schemaOf(cols), cols, int64(cols[0].Len()))
			rows = append(rows, lines(t, NewMemory(rec.Schema(), rec))...)
		}
		same(t, name+" after its source is gone", rows, want)
	}
}

func schemaOf(cols []arrow.Array) *arrow.Schema {
	fields := make([]arrow.Field, len(cols))
	for i, c := range cols {
		fields[i] = arrow.Field{Name: string(rune('a' + i)), Type: c.DataType(), Nullable: true}
	}
	return arrow.NewSchema(fields, nil)
}

// A mapped file that is cut short before its rows are read is an error, and
// no fault ends the program.
func TestMapIPCOfACutFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "table.arrow")
	if err := WriteFile(context.Background(), path, IPCFormat, table([]arrow.DataType{arrow.PrimitiveTypes.Int64}, 5000, 1)); err != nil {
		t.Fatal(err)
	}
	s, err := MapIPC(path)
	if err != nil {
		t.Fatal(err)
	}
	if s.mapped == nil {
		t.Skip("this system maps no files")
	}
	r, err := s.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	if _, err := s.mapped.part(0, s.size); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 4096); err != nil {
		t.Fatal(err)
	}
	if _, err := s.mapped.part(0, s.size); !errors.Is(err, errDamaged) {
		t.Errorf("a part beyond the end gives %v", err)
	}
	for r.Next() {
	}
	if !errors.Is(r.Err(), fault.Input) {
		t.Errorf("a file cut during a read gives %v", r.Err())
	}
}
