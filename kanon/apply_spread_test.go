package kanon

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/internal/spill"
)

// In input order a part is a batch of the release: small ones make the tables of
// tests have several.
func smallBatches(s *spread) {
	if s.hold < 1<<20 {
		s.batch = 32
	}
}

func init() { onSpread = smallBatches }

// numberedRows makes rows of a class each of some sizes, with a number for each row.
func numberedRows(sizes ...int) *arrowio.Memory {
	schema := arrow.NewSchema([]arrow.Field{{Name: "group", Type: arrow.PrimitiveTypes.Int64}, {Name: "number", Type: arrow.PrimitiveTypes.Int64}}, nil)
	var records []arrow.Record
	for k, n := range sizes {
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		for i := range n {
			b.Field(0).(*array.Int64Builder).Append(int64(k))
			b.Field(1).(*array.Int64Builder).Append(int64(i))
		}
		records = append(records, b.NewRecord())
	}
	return arrowio.NewMemory(schema, records...)
}

func numberedSpec(memory int64, temp string) *Spec {
	return &Spec{QuasiIdentifiers: []QuasiIdentifier{{Column: "group"}}, Models: []PrivacyModel{KAnonymity{K: 2}}, Memory: memory, Temp: temp}
}

// TestSpreadOrderIsUniform draws the order of a class of five rows many times,
// from a table that fits no memory: every row is a part of its own or shares
// one. All 120 orders are equally likely. The sum of squares over n = 12,000
// draws, Pearson's X² with 119 degrees of freedom, is above 230 with
// probability 4e-9 by the Wilson and Hilferty approximation and 250 with 7e-11.
func TestSpreadOrderIsUniform(t *testing.T) {
	const classes, times = 24, 500
	seen := map[string]int{}
	sizes := make([]int, classes)
	for i := range sizes {
		sizes[i] = 5
	}
	src := numberedRows(sizes...)
	for range times {
		rel, err := Anonymize(context.Background(), src, numberedSpec(600, ""))
		if err != nil {
			t.Fatal(err)
		}
		if parts, ok := rel.table.(*partTable); !ok || len(parts.spread.parts) < classes {
			t.Fatal("the rows were not spread")
		}
		order := ""
		eachNumber(t, rel, func(_ string, number int64) {
			order += fmt.Sprint(number)
			if len(order) == 5 {
				seen[order]++
				order = ""
			}
		})
		rel.Close()
	}
	const expected = classes * times / 120.0
	x := 0.0
	for _, n := range seen {
		x += (float64(n) - expected) * (float64(n) - expected) / expected
	}
	x += float64(120-len(seen)) * expected
	if math.IsNaN(x) || x > 250 {
		t.Errorf("X² = %.0f over %d orders seen", x, len(seen))
	}
}

func eachNumber(t *testing.T, src arrowio.Source, do func(group string, number int64)) {
	t.Helper()
	r, err := src.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	for r.Next() {
		groups, numbers := r.Record().Column(0).(*array.Dictionary), r.Record().Column(1).(*array.Int64)
		for i := range numbers.Len() {
			do(groups.Dictionary().ValueStr(groups.GetValueIndex(i)), numbers.Value(i))
		}
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
}

// TestSpreadLargeClass: a class larger than a part, between smaller ones, keeps
// together, and every row comes once.
func TestSpreadLargeClass(t *testing.T) {
	sizes := []int{3, 2, 5000, 4, 2, 3000, 2}
	for workers := 1; workers <= 8; workers++ {
		spec := numberedSpec(40000*int64(workers), t.TempDir())
		spec.Workers = workers
		rel, err := Anonymize(context.Background(), numberedRows(sizes...), spec)
		if err != nil {
			t.Fatal(err)
		}
		if len(rel.table.(*partTable).spread.parts) < 5 {
			t.Fatal("the classes lie in too few parts for this test")
		}
		last, ended := "", map[string]bool{}
		count := map[string]int{}
		eachNumber(t, rel, func(group string, number int64) {
			if group != last {
				if ended[group] {
					t.Fatalf("class %s comes twice", group)
				}
				ended[last], last = true, group
			}
			count[fmt.Sprint(group, "/", number)]++
		})
		if len(count) != 8013 {
			t.Errorf("%d different rows of 8013", len(count))
		}
		rel.Close()
	}
}

// TestSpreadFails: a folder that is not there and a disk that fills up are errors
// of kind Input that name the remedy, and nothing is left in the folder; nor is
// it while the run lasts, or after it was cancelled.
func TestSpreadFails(t *testing.T) {
	src := numberedRows(2000, 2000)
	missing := filepath.Join(t.TempDir(), "missing")
	_, err := Anonymize(context.Background(), src, numberedSpec(20000, missing))
	if !errors.Is(err, fault.Input) || !strings.Contains(err.Error(), "another folder") {
		t.Errorf("no folder: %v", err)
	}
	defer func() { onSpread = smallBatches }()
	for _, full := range []int64{0, 100, 5000, 40000} {
		for _, order := range []RowOrder{Shuffled, InputOrder} {
			var file *spill.File
			onSpread = func(s *spread) {
				smallBatches(s)
				file = s.file
				file.FailAfter(full)
			}
			dir := t.TempDir()
			spec := numberedSpec(20000, dir)
			spec.RowOrder = order
			if _, err := Anonymize(context.Background(), src, spec); !errors.Is(err, fault.Input) || !strings.Contains(err.Error(), "no space left") {
				t.Errorf("full after %d bytes: %v", full, err)
			}
			if _, err := file.Append(nil); err == nil {
				t.Error("the file is open after a failure")
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Error("a file is left")
			}
		}
	}
	onSpread = smallBatches
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	spec := numberedSpec(20000, dir)
	spec.Progress = func(p Progress) {
		if p.Stage == "apply" && p.Done >= 2000 {
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Error("the file has a name")
			}
			cancel()
		}
	}
	if _, err := Anonymize(ctx, src, spec); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Error("a file is left")
	}
}

// TestSetsUnderALimit: tag sets are settled in memory, and refused if they do
// not fit.
func TestSetsUnderALimit(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "group", Type: arrow.PrimitiveTypes.Int64}, {Name: "tags", Type: arrow.BinaryTypes.String}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	for range 100 {
		b.Field(0).(*array.Int64Builder).Append(1)
		b.Field(1).(*array.StringBuilder).Append("a;b")
	}
	spec := numberedSpec(1000, "")
	spec.Sets = []SetColumn{{Column: "tags", Separator: ";"}}
	spec.Models = append(spec.Models, KMAnonymity{K: 2, M: 2, Column: "tags"})
	if _, err := Anonymize(context.Background(), arrowio.NewMemory(schema, b.NewRecord()), spec); !errors.Is(err, fault.Data) || !strings.Contains(err.Error(), "allow more memory") {
		t.Errorf("%v", err)
	}
}
