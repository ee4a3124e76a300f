package kanon_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/corpus"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/kanon"
)

// TestLawVerify anonymises every table of the corpus, with the first columns as
// quasi-identifiers, and reads the release back: it verifies, and it is the
// same set of rows for any batches and workers.
func TestLawVerify(t *testing.T) {
	for _, table := range corpus.Tables(t) {
		t.Run(table.Name, func(t *testing.T) {
			columns := corpus.Columns(table.Record)
			for _, quasi := range []int{1, 3, min(12, len(columns))} {
				for _, k := range []int64{1, 2, 5} {
					var before [][]string
					first := true
					for _, way := range []struct {
						batch   int64
						workers int
						order   kanon.RowOrder
						memory  int64
					}{{1 << 20, 1, kanon.Shuffled, 0}, {7, 3, kanon.Shuffled, 0}, {100, 8, kanon.InputOrder, 0}, {64, 8, kanon.Shuffled, 1 << 14}, {50, 2, kanon.InputOrder, 1 << 12}} {
						if way.memory > 0 && (k != 2 || quasi != 3) {
							continue
						}
						spec := &kanon.Spec{MaxSuppression: 1, Workers: way.workers, Memory: way.memory, Temp: t.TempDir(), RowOrder: way.order, Models: []kanon.PrivacyModel{kanon.KAnonymity{K: k}}}
						var names []string
						for _, c := range columns[:min(quasi, len(columns))] {
							spec.QuasiIdentifiers = append(spec.QuasiIdentifiers, kanon.QuasiIdentifier{Column: c})
							names = append(names, c)
						}
						src := arrowio.NewMemory(table.Record.Schema(), corpus.Batches(table.Record, way.batch)...)
						rel, err := kanon.Anonymize(context.Background(), src, spec)
						if errors.Is(err, fault.Data) || errors.Is(err, fault.Plan) {
							if before != nil {
								t.Fatalf("k %d: refused for one order of rows only: %v", k, err)
							}
							continue
						}
						if err != nil {
							t.Fatal(err)
						}
						if _, err := kanon.Verify(context.Background(), rel, kanon.VerifySpec{QuasiIdentifiers: names, Models: spec.Models}); err != nil {
							t.Fatal(err)
						}
						rows := texts(t, rel)
						slices.SortFunc(rows, slices.Compare[[]string])
						if !first && !slices.EqualFunc(rows, before, slices.Equal) {
							t.Fatalf("k %d, %d quasi-identifiers: batches of %d and %d workers give other rows", k, quasi, way.batch, way.workers)
						}
						before, first = rows, false
					}
				}
			}
		})
	}
}

// BenchmarkApply writes a column that was not counted, which takes the second
// read, a shuffle and a take of every row.
func BenchmarkApply(b *testing.B) {
	src := adultSource(b)
	quasi := adultQuasi(b, adultColumns[:4]...)
	for i := range quasi {
		quasi[i].Level = "1"
	}
	b.ReportAllocs()
	for b.Loop() {
		rel, err := kanon.Anonymize(context.Background(), src, &kanon.Spec{QuasiIdentifiers: quasi, Models: []kanon.PrivacyModel{kanon.KAnonymity{K: 5}}, MaxSuppression: 1})
		if err != nil {
			b.Fatal(err)
		}
		if err := drain(rel); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/30162, "ns/row")
}

// BenchmarkVerify recounts a release.
func BenchmarkVerify(b *testing.B) {
	rel, err := kanon.Anonymize(context.Background(), adultSource(b), &kanon.Spec{
		QuasiIdentifiers: adultQuasi(b, adultColumns...), Models: []kanon.PrivacyModel{kanon.KAnonymity{K: 5}}, MaxSuppression: 0.02,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := kanon.Verify(context.Background(), rel, kanon.VerifySpec{QuasiIdentifiers: adultColumns, Models: []kanon.PrivacyModel{kanon.KAnonymity{K: 5}}}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rel.Rows), "ns/row")
}

func drain(src arrowio.Source) error {
	r, err := src.Open(context.Background())
	if err != nil {
		return err
	}
	defer r.Release()
	for r.Next() {
	}
	return r.Err()
}
