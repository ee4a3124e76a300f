package workload

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"
)

// adultPath is the base table beside the project.
func adultPath(t *testing.T) string {
	dir := os.Getenv("OBORO_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	path := filepath.Join(dir, "data", "adult", "adult.csv")
	if _, err := os.Stat(path); err != nil {
		t.Skip("reference file data/adult/adult.csv is absent beside the project")
	}
	return path
}

// TestAdultIsTheAgreedTable compares with the digest that the reference
// measurements were made on.
func TestAdultIsTheAgreedTable(t *testing.T) {
	a, err := NewAdult(adultPath(t), 100_000)
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	if err := a.WriteCSV(h); err != nil {
		t.Fatal(err)
	}
	const want = "c3724a1a34a7de5a78a680c023a0a0ef1390daa35b9c8980b80f864195633e6a"
	if got := fmt.Sprintf("%x", h.Sum(nil)); got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
	r, err := a.Open(context.Background(), "age")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	rows := 0
	for r.Next() {
		rows += int(r.Record().NumRows())
	}
	if rows != 100_000 || r.Err() != nil {
		t.Errorf("%d rows, %v", rows, r.Err())
	}
}

func TestCodedTableIsSeededAndInRange(t *testing.T) {
	a, b := CodedTable(Coded, 100_000, 7), CodedTable(Coded, 100_000, 7)
	ra, _ := a.Open(context.Background())
	rb, _ := b.Open(context.Background())
	distinct := map[[6]int32]bool{}
	for ra.Next() && rb.Next() {
		if !array.RecordEqual(ra.Record(), rb.Record()) {
			t.Fatal("the same seed gave another table")
		}
		for r := range int(ra.Record().NumRows()) {
			var key [6]int32
			for i, c := range Coded {
				key[i] = ra.Record().Column(i).(*array.Int32).Value(r)
				if key[i] < 0 || key[i] >= int32(c.Size) {
					t.Fatalf("column %s has a code outside its range", c.Name)
				}
			}
			distinct[key] = true
		}
	}
	if n := len(distinct); n < 80_000 || n > 95_000 {
		t.Errorf("%d distinct tuples of 100,000", n)
	}
}
