package dp

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/oboro-data/oboro/internal/corpus"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/internal/spill"
)

// TestLawSpill: with records in temporary files, written after every few
// batches and read back in pieces, the state is the same byte for byte and so
// are the sums, for one to eight accumulators in any tree.
func TestLawSpill(t *testing.T) {
	for _, table := range corpus.Tables(t) {
		if testing.Short() && table.Record.NumRows() > 5000 {
			continue
		}
		t.Run(table.Name, func(t *testing.T) {
			for seed := range uint64(4) {
				r := rand.New(rand.NewPCG(seed, 3))
				q := corpusQuery(table.Record)
				q.Bounds.RowsPerUnit = []int64{0, 0, 3, 0}[seed]
				if q.UnitIsRow = seed == 3; q.UnitIsRow {
					q.Unit = ""
				}
				if seed == 1 { // those that are only added up are bounded in another way
					q.Aggregates = slices.DeleteFunc(q.Aggregates, func(a Aggregate) bool {
						switch a.(type) {
						case CountUnits, Count, Sum:
							return false
						}
						return true
					})
				}
				p := planFor(t, q, table.Record.Schema())
				batch := project(table.Record, p)
				want := stateBytes(t, accumulate(t, p, batch))
				whole := accumulate(t, p, batch)
				wantSums := byKey(whole, whole.tallies(1))
				for _, readBack := range []func(*Accumulator){
					func(a *Accumulator) {
						if got := stateBytes(t, a); !bytes.Equal(got, want) {
							t.Fatalf("seed %d: another state", seed)
						}
					},
					func(a *Accumulator) {
						if got := byKey(a, a.tallies(1+r.IntN(3))); !reflect.DeepEqual(got, wantSums) {
							t.Fatalf("seed %d: other sums", seed)
						}
					},
				} {
					var parts []*Accumulator
					for range 1 + r.IntN(8) {
						a := accumulate(t, p)
						a.spilling, a.limit, a.piece = true, r.Int64N(1<<20), []int64{1, 1 << 12, 1 << 20}[r.IntN(3)]
						parts = append(parts, a)
					}
					for _, b := range corpus.Batches(batch, max(100, batch.NumRows()/20)) {
						if err := parts[r.IntN(len(parts))].Add(b); err != nil {
							t.Fatal(err)
						}
					}
					for len(parts) > 1 {
						i := r.IntN(len(parts) - 1)
						if err := parts[i].Merge(parts[i+1]); err != nil {
							t.Fatal(err)
						}
						parts = append(parts[:i+1], parts[i+2:]...)
					}
					readBack(parts[0])
					parts[0].closeFiles()
				}
			}
		})
	}
}

// TestSpillDecides: units of many rows are condensed, units of few rows are
// spilled, and one unit of very many rows does not come back as a whole.
func TestSpillDecides(t *testing.T) {
	schema := logTable(1, 1)[0].Schema()
	q := &Query{Unit: "user", GroupBy: []string{"page"}, Bounds: ContributionBounds{MaxGroups: 8}, Memory: 64 << 20, Workers: 1, Temp: t.TempDir(),
		Aggregates: []Aggregate{CountUnits{As: "users"}, Sum{As: "fees", Column: "fee", Upper: 200, Resolution: 0.01}}}
	p := planFor(t, q, schema)
	for _, c := range []struct {
		name    string
		users   int
		spilled bool
	}{{"10 users", 10, false}, {"a million users", 1_000_000, true}} {
		a := accumulate(t, p)
		for i := range 60 {
			if err := a.Add(usersTable(20_000, c.users, uint64(i))); err != nil {
				t.Fatal(err)
			}
			if a.held > a.limit {
				t.Fatalf("%s: %d bytes are held under a limit of %d", c.name, a.held, a.limit)
			}
		}
		if got := len(a.files) > 0 && a.files[0].Size() > 0; got != c.spilled {
			t.Errorf("%s: spilled is %v", c.name, got)
		}
		if _, err := a.finish(); err != nil {
			t.Error(err)
		}
		if a.files != nil {
			t.Errorf("%s: a temporary file is left open", c.name)
		}
	}
}

// TestLoadedIsNotReused: what was read back for a state is nobody's chunk later,
// although as many records as a chunk has were read for two buckets.
func TestLoadedIsNotReused(t *testing.T) {
	q := &Query{Unit: "unit", GroupBy: []string{"k"}, Bounds: ContributionBounds{MaxGroups: 1000}, Workers: 1, Temp: t.TempDir(),
		Aggregates: []Aggregate{CountUnits{As: "n"}, Sum{As: "s", Column: "x", Lower: -100, Upper: 100}}}
	p := planFor(t, q, manyGroups(0).Schema())
	a := accumulate(t, p)
	one, two := a.unitsOf(1, 2), a.unitsOf(2, 2)
	early, late := manyGroups(chunkRecords, one[0], two[0]), manyGroups(chunkRecords, one[1], two[1])
	if err := a.Add(early); err != nil {
		t.Fatal(err)
	}
	if err := a.spill(); err != nil {
		t.Fatal(err)
	}
	stateBytes(t, a)
	if err := a.Add(late); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(stateBytes(t, a), stateBytes(t, accumulate(t, p, early, late))) {
		t.Error("another state than without a temporary file")
	}
	a.closeFiles()
}

// TestSpillFails: a full disk is an error of kind Input, from Add and at the
// end.
func TestSpillFails(t *testing.T) {
	q := &Query{Unit: "user", GroupBy: []string{"page"}, Bounds: ContributionBounds{MaxGroups: 8}, Workers: 1,
		Aggregates: []Aggregate{CountUnits{As: "users"}}}
	p := planFor(t, q, logTable(1, 1)[0].Schema())
	a := accumulate(t, p)
	f := spill.New(t.TempDir())
	f.FailAfter(100_000)
	a.files, a.spilling, a.limit = []*spill.File{f}, true, 0
	var err error
	for i := range 20 {
		if err = a.Add(project(usersTable(5000, 1_000_000, uint64(i)), p)); err != nil {
			break
		}
	}
	if !errors.Is(err, fault.Input) {
		t.Fatalf("a full disk gives %v", err)
	}
	f.Close()
	if _, err := a.tally(2); !errors.Is(err, fault.Input) {
		t.Fatalf("a file that is gone gives %v", err)
	}
}

// TestMemoryPerRow: a row of an integer unit, a key and one numeric input takes
// at most 25 bytes until it is bounded.
func TestMemoryPerRow(t *testing.T) {
	q := &Query{Unit: "user", GroupBy: []string{"page"}, Bounds: ContributionBounds{MaxGroups: 8}, Workers: 1, Memory: 1 << 40,
		Aggregates: []Aggregate{CountUnits{As: "users"}, Count{As: "visits", PerUnit: 10}, Sum{As: "fees", Column: "fee", Upper: 200, Resolution: 0.01}}}
	p := planFor(t, q, logTable(1, 1)[0].Schema())
	a := accumulate(t, p)
	const batches, rows = 80, 50_000
	rec := usersTable(rows, 1_000_000, 1)
	for range batches {
		if err := a.Add(rec); err != nil {
			t.Fatal(err)
		}
	}
	if perRow := float64(a.held) / (batches * rows); perRow > 25 {
		t.Errorf("%.2f bytes a row are held, want at most 25", perRow)
	}
}
