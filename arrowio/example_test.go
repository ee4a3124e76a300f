package arrowio_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/oboro-data/oboro/arrowio"
)

// A CSV file is opened, with one type declared and the others inferred, and
// two of its columns are written as CSV again.
func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "visits.csv")
	text := "name;zip;age\n\"Sato; Hanako\";0600001;34\nSuzuki Ken;0600042;\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		panic(err)
	}
	ctx := context.Background()
	src, err := arrowio.OpenCSV(ctx, path, arrowio.CSVOptions{
		Delimiter: ';',
		Types:     map[string]arrowio.ColumnType{"age": {Kind: arrowio.Decimal}},
	})
	if err != nil {
		panic(err)
	}
	for _, f := range src.Schema().Fields() {
		fmt.Println(f.Name, f.Type)
	}
	r, err := src.Open(ctx, "age", "name")
	if err != nil {
		panic(err)
	}
	defer r.Release()
	if err := arrowio.CSVFormat.Write(ctx, os.Stdout, r); err != nil {
		panic(err)
	}
	// Output:
	// name utf8
	// zip utf8
	// age float64
	// age,name
	// 34,Sato; Hanako
	// ,Suzuki Ken
}

// An error names file, line, column and remedy, and no value.
func ExampleOpenCSV_error() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "members.csv")
	if err := os.WriteFile(path, []byte("id,age\n1,34\n2,unknown\n"), 0o600); err != nil {
		panic(err)
	}
	ctx := context.Background()
	src, err := arrowio.OpenCSV(ctx, path, arrowio.CSVOptions{Types: map[string]arrowio.ColumnType{"age": {Kind: arrowio.Integer}}})
	if err != nil {
		panic(err)
	}
	r, err := src.Open(ctx)
	if err != nil {
		panic(err)
	}
	defer r.Release()
	for r.Next() {
	}
	fmt.Println(r.Err())
	// Output:
	// members.csv: line 3: column "age" has a value that is no integer of 64 bits, the declared type; correct it, or declare another `type:` (text takes every value)
}
