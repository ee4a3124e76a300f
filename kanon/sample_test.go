package kanon_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/kanon"
)

// TestSample reads samples of random tables: rows are rows of the input in
// their order, every read gives the same ones, also in splits and of some
// columns, and a person is in whole or not at all.
func TestSample(t *testing.T) {
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 43))
		src := members(r, 1+r.IntN(150))
		unit := []string{"", "member"}[r.IntN(2)]
		s, err := kanon.Sample(src, unit, []float64{0.2, 0.5, 1}[r.IntN(3)])
		if err != nil {
			t.Fatal(err)
		}
		in, out := texts(t, src), texts(t, s)
		at := 0
		for i := range in {
			if at < len(out) && fmt.Sprint(in[i]) == fmt.Sprint(out[at]) {
				at++
			}
		}
		if at != len(out) {
			t.Fatalf("seed %d: row %d of the sample is no row of the input", seed, at)
		}
		if unit != "" {
			column := src.Schema().FieldIndices(unit)[0]
			chosen := map[string]int{}
			for _, row := range out {
				chosen[row[column]]++
			}
			for _, row := range in {
				if _, ok := chosen[row[column]]; ok {
					chosen[row[column]]--
				}
			}
			for _, n := range chosen {
				if n != 0 {
					t.Fatalf("seed %d: a person is in the sample in part", seed)
				}
			}
			var parts [][]string
			for _, part := range s.(arrowio.Splitter).Splits(3) {
				parts = append(parts, texts(t, part)...)
			}
			if fmt.Sprint(parts) != fmt.Sprint(out) {
				t.Fatalf("seed %d: splits give other rows", seed)
			}
		}
		for i, row := range texts(t, s, "age", "zip") {
			if a, z := src.Schema().FieldIndices("age")[0], src.Schema().FieldIndices("zip")[0]; row[0] != out[i][a] || row[1] != out[i][z] {
				t.Fatalf("seed %d: another read gives other rows", seed)
			}
		}
		spec := &kanon.Spec{QuasiIdentifiers: []kanon.QuasiIdentifier{{Column: "zip"}, {Column: "age"}}, Unit: unit, Columns: []string{"zip", "age", "fee"},
			Models: []kanon.PrivacyModel{kanon.KAnonymity{K: 3}}, MaxSuppression: 0.5}
		rel, err := kanon.Anonymize(context.Background(), s, spec)
		if errors.Is(err, fault.Data) {
			continue
		}
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if rel.InputRows != int64(len(out)) {
			t.Fatalf("seed %d: %d rows counted, the sample has %d", seed, rel.InputRows, len(out))
		}
		if _, err := kanon.Verify(context.Background(), rel, kanon.VerifySpec{QuasiIdentifiers: []string{"zip", "age"}, Models: spec.Models}); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// numbered is a table of people 0 … n-1.
func numbered(n int) *arrowio.Memory {
	schema := arrow.NewSchema([]arrow.Field{{Name: "person", Type: arrow.PrimitiveTypes.Int64}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	for i := range n {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
	}
	return arrowio.NewMemory(schema, b.NewRecord())
}

// TestSampleRate draws 20,000 people at rate 0.3. By Hoeffding's inequality the
// size lies within 20,000·t of 6,000 but for a probability of 2·exp(-40,000·t²);
// t = 0.0235 makes that below 1e-9.
func TestSampleRate(t *testing.T) {
	src := numbered(20000)
	for _, unit := range []string{"", "person"} {
		var sizes [2]map[string]bool
		for i := range sizes {
			s, err := kanon.Sample(src, unit, 0.3)
			if err != nil {
				t.Fatal(err)
			}
			sizes[i] = map[string]bool{}
			for _, row := range texts(t, s) {
				sizes[i][row[0]] = true
			}
			if n := len(sizes[i]); n < 6000-470 || n > 6000+470 {
				t.Errorf("unit %q: %d of 20000 people at rate 0.3", unit, n)
			}
		}
		// The second sample is drawn anew: of the first it has a share of 0.3.
		both := 0
		for id := range sizes[0] {
			if sizes[1][id] {
				both++
			}
		}
		if both < 1800-470 || both > 1800+470 { // 20,000 people at rate 0.09, the same bound
			t.Errorf("unit %q: %d people are in both samples", unit, both)
		}
	}
	for _, rate := range []float64{0, -1, 1.5} {
		if _, err := kanon.Sample(src, "", rate); !errors.Is(err, fault.Plan) {
			t.Errorf("rate %v: %v", rate, err)
		}
	}
	if _, err := kanon.Sample(src, "nobody", 0.5); !errors.Is(err, fault.Plan) {
		t.Errorf("no such unit: %v", err)
	}
}

func ExampleSample() {
	s, err := kanon.Sample(numbered(1000), "person", 0.5) // about half of the people
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := s.Open(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Release()
	n := int64(0)
	for r.Next() {
		n += r.Record().NumRows()
	}
	fmt.Println(n > 0 && n < 1000)
	// Output: true
}

func BenchmarkSample(b *testing.B) {
	src := numbered(100_000)
	s, err := kanon.Sample(src, "person", 0.1)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		r, err := s.Open(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		for r.Next() {
		}
		r.Release()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100_000, "ns/row")
}
