package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/arrowio/parquet"
)

// TestNothingElseLeaves is the law of silence end to end: values that only
// identifiers, suppressed rows, unreleased groups, unused dictionary entries,
// null slots or metadata hold are in no byte of the release folder, whatever
// the formats of input and output.
func TestNothingElseLeaves(t *testing.T) {
	for _, input := range []string{"patients.csv", "patients.parquet", "patients.arrow"} {
		for _, format := range []string{"parquet", "csv", "ipc"} {
			t.Run(input+"/"+format, func(t *testing.T) {
				dir := folder(t)
				plantedInput(t, dir)
				succeeds(t, dir, "run", "policy.yaml", "--input", input, "--out", "out", "--format", format)
				noMarker(t, filepath.Join(dir, "out"))
				noMarkerInside(t, filepath.Join(dir, "out"))
				if !bytes.Contains(readFile(t, dir, input), []byte(marker)) {
					t.Fatal("the input holds no marker: this test looks for nothing")
				}
			})
		}
	}
}

func noMarker(t *testing.T, folder string) {
	t.Helper()
	for name := range snapshot(t, folder) {
		path := filepath.Join(folder, name)
		if st, err := os.Stat(path); err != nil || st.IsDir() {
			continue
		}
		text := readFile(t, path)
		for _, m := range []string{marker, utf16(marker), marker[2:]} {
			if bytes.Contains(text, []byte(m)) {
				t.Errorf("%s holds a value that was not released", name)
			}
		}
	}
}

// noMarkerInside reads the tables, which a file may hold compressed, and looks
// at every value and at every entry of every dictionary.
func noMarkerInside(t *testing.T, folder string) {
	t.Helper()
	for _, name := range []string{"rows", "counts"} {
		files, err := filepath.Glob(filepath.Join(folder, name+".*"))
		if err != nil || len(files) != 1 {
			t.Fatalf("%s: %v, %v", name, files, err)
		}
		src, err := openFile(context.Background(), files[0], arrowio.CSVOptions{})
		if err != nil {
			t.Fatal(err)
		}
		r, err := src.Open(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		defer r.Release()
		schema := r.Schema().String()
		for r.Next() {
			for _, col := range r.Record().Columns() {
				if d, ok := col.(*array.Dictionary); ok {
					schema += d.Dictionary().String()
				}
				schema += col.String()
			}
		}
		if r.Err() != nil {
			t.Fatal(r.Err())
		}
		if strings.Contains(schema, marker[2:]) {
			t.Errorf("%s holds a value that was not released", filepath.Base(files[0]))
		}
	}
}

func utf16(s string) string {
	var out []byte
	for i := range len(s) {
		out = append(out, s[i], 0)
	}
	return string(out)
}

// plantedInput writes the patients as Parquet, and as an Arrow file whose
// dictionaries have entries that no row uses, whose nulls hide a value in their
// slots, and whose schema and fields carry metadata.
func plantedInput(t *testing.T, dir string) {
	t.Helper()
	ctx := context.Background()
	src, err := arrowio.OpenCSV(ctx, filepath.Join(dir, "patients.csv"), arrowio.CSVOptions{Types: map[string]arrowio.ColumnType{"zip": {Kind: arrowio.Text}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := parquet.WriteFile(ctx, filepath.Join(dir, "patients.parquet"), src); err != nil {
		t.Fatal(err)
	}
	r, err := src.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	f, err := os.Create(filepath.Join(dir, "patients.arrow"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var w *ipc.FileWriter
	for r.Next() {
		rec := planted(r.Record())
		if w == nil {
			if w, err = ipc.NewFileWriter(f, ipc.WithSchema(rec.Schema())); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func planted(rec arrow.Record) arrow.Record {
	meta := arrow.NewMetadata([]string{"origin"}, []string{marker})
	fields := make([]arrow.Field, rec.NumCols())
	cols := make([]arrow.Array, rec.NumCols())
	for i, f := range rec.Schema().Fields() {
		cols[i] = rec.Column(i)
		if text, ok := cols[i].(*array.String); ok {
			switch f.Name {
			case "job", "zip":
				cols[i] = withUnusedEntries(text)
			case "diagnosis":
				cols[i] = withHiddenNulls(text)
			}
		}
		fields[i] = arrow.Field{Name: f.Name, Type: cols[i].DataType(), Nullable: true, Metadata: meta}
	}
	return array.NewRecord(arrow.NewSchema(fields, &meta), cols, rec.NumRows())
}

// withUnusedEntries encodes a column by a dictionary that has more entries
// than rows use.
func withUnusedEntries(text *array.String) arrow.Array {
	values := array.NewStringBuilder(memory.DefaultAllocator)
	codes := array.NewInt32Builder(memory.DefaultAllocator)
	at := map[string]int32{}
	values.Append(marker + " unused")
	for i := range text.Len() {
		code, ok := at[text.Value(i)]
		if !ok {
			code = int32(values.Len())
			at[text.Value(i)] = code
			values.Append(text.Value(i))
			values.Append(marker + " beside")
		}
		codes.Append(code)
	}
	return array.NewDictionaryArray(&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}, codes.NewArray(), values.NewArray())
}

// withHiddenNulls turns every tenth value into a null whose slot still holds
// bytes.
func withHiddenNulls(text *array.String) arrow.Array {
	values := array.NewStringBuilder(memory.DefaultAllocator)
	valid := make([]byte, (text.Len()+7)/8)
	nulls := 0
	for i := range text.Len() {
		if i%10 == 0 {
			values.Append(marker + " under a null")
			nulls++
			continue
		}
		values.Append(text.Value(i))
		valid[i/8] |= 1 << (i % 8)
	}
	data := values.NewArray().Data()
	buffers := append([]*memory.Buffer{memory.NewBufferBytes(valid)}, data.Buffers()[1:]...)
	return array.NewStringData(array.NewData(data.DataType(), data.Len(), buffers, nil, nulls, 0))
}
