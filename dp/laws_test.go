package dp

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/ipc"

	"github.com/oboro-data/oboro/internal/corpus"
	"github.com/oboro-data/oboro/internal/prf"
)

// fixedKey is the same key in every run, so that a failure can be repeated.
func fixedKey(t testing.TB) *Key {
	t.Helper()
	k, err := prf.FromBytes([]byte("a key for tests!"))
	if err != nil {
		t.Fatal(err)
	}
	return &Key{k}
}

// corpusQuery asks for everything that a table of the corpus has the columns
// for.
func corpusQuery(rec arrow.Record) *Query {
	q := &Query{Unit: "id", Bounds: ContributionBounds{MaxGroups: 3, RowsPerGroup: 2}, Aggregates: []Aggregate{CountUnits{As: "units"}, Count{As: "rows", PerUnit: 4}}}
	names := corpus.Columns(rec)
	for i, name := range names {
		if i < 2 {
			q.GroupBy = append(q.GroupBy, name)
		}
		dt := rec.Schema().Field(rec.Schema().FieldIndices(name)[0]).Type
		if len(q.Aggregates) > 12 {
			break
		}
		q.Aggregates = append(q.Aggregates, CountDistinct{As: "distinct " + name, Column: name, PerUnit: 2})
		if numeric(dt) {
			q.Aggregates = append(q.Aggregates,
				Sum{As: "sum " + name, Column: name, Lower: -100, Upper: 1000},
				Variance{As: "var " + name, Column: name, Lower: -100, Upper: 100},
				Quantiles{As: "q " + name, Column: name, Lower: 0, Upper: 50, Ranks: []float64{0.5}},
				Histogram{As: "h " + name, Column: name, Edges: []float64{-5, 0, 0.5, 12}})
		}
	}
	return q
}

func planFor(t testing.TB, q *Query, schema *arrow.Schema) *Plan {
	t.Helper()
	p, err := NewPlan(q, schema, Approx(1, 1e-6))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// project returns the columns of a plan.
func project(rec arrow.Record, p *Plan) arrow.Record {
	var fields []arrow.Field
	var cols []arrow.Array
	for _, c := range p.Columns() {
		i := rec.Schema().FieldIndices(c)[0]
		fields = append(fields, rec.Schema().Field(i))
		cols = append(cols, rec.Column(i))
	}
	return arrowRecord(fields, cols, rec.NumRows())
}

func accumulate(t testing.TB, p *Plan, batches ...arrow.Record) *Accumulator {
	t.Helper()
	a, err := p.NewAccumulator(fixedKey(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range batches {
		if err := a.Add(b); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// stateBytes is the state as an IPC stream: what another machine would get.
func stateBytes(t testing.TB, a *Accumulator) []byte {
	t.Helper()
	rec, err := a.State()
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Release()
	var buf bytes.Buffer
	w := ipc.NewWriter(&buf, ipc.WithSchema(rec.Schema()))
	if err := w.Write(rec); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func readState(t testing.TB, b []byte) arrow.Record {
	t.Helper()
	r, err := ipc.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	if !r.Next() {
		t.Fatal("no record in the stream")
	}
	rec := r.Record()
	rec.Retain()
	return rec
}

// TestLawSplit: any batching, row order, number of accumulators, merge tree and
// memory limit gives the same state, byte for byte; and MergeState of State is
// Merge.
func TestLawSplit(t *testing.T) {
	for _, table := range corpus.Tables(t) {
		t.Run(table.Name, func(t *testing.T) {
			for i, bounds := range []ContributionBounds{
				{MaxGroups: 3, RowsPerGroup: 2}, {MaxGroups: 3, RowsPerGroup: 2}, {RowsPerUnit: 3}, {MaxGroups: 2, RowsPerGroup: 2, RowsPerUnit: 5},
			} {
				rowUnits := i == 1
				if i > 1 && table.Name == "adult" {
					continue // every unit has one row
				}
				q := corpusQuery(table.Record)
				if q.UnitIsRow = rowUnits; rowUnits {
					q.Unit = ""
				}
				q.Bounds = bounds
				p := planFor(t, q, table.Record.Schema())
				want := stateBytes(t, accumulate(t, p, project(table.Record, p)))
				seeds := uint64(4)
				if testing.Short() || i > 1 {
					seeds = 2
				}
				for seed := range seeds {
					r := rand.New(rand.NewPCG(seed, 1))
					p := *p
					if seed%2 == 1 {
						p.query.Memory = 1 // condense after every batch
					}
					shuffled := project(table.Record, &p)
					size := 1 + r.Int64N(200)
					if table.Name == "adult" {
						size *= 50 // too large to shuffle row by row: batches go to any accumulator
					} else {
						shuffled = project(corpus.Shuffle(table.Record, seed), &p)
					}
					var parts []*Accumulator
					for range 1 + r.IntN(8) {
						parts = append(parts, accumulate(t, &p))
					}
					for _, b := range corpus.Batches(shuffled, size) {
						if err := parts[r.IntN(len(parts))].Add(b); err != nil {
							t.Fatal(err)
						}
					}
					for len(parts) > 1 {
						i := r.IntN(len(parts) - 1)
						if seed < 2 {
							if err := parts[i].Merge(parts[i+1]); err != nil {
								t.Fatal(err)
							}
						} else if err := parts[i].MergeState(readState(t, stateBytes(t, parts[i+1]))); err != nil {
							t.Fatal(err)
						}
						parts = append(parts[:i+1], parts[i+2:]...)
					}
					if got := stateBytes(t, parts[0]); !bytes.Equal(got, want) {
						t.Fatalf("rows as units %v, seed %d: another state", rowUnits, seed)
					}
				}
			}
		})
	}
}

func TestStateRefusals(t *testing.T) {
	rec := visits(t, [4]string{"1", "Kobe", "10", "30"}, [4]string{"2", "Kobe", "10", "30"})
	q := &Query{Unit: "user", GroupBy: []string{"city"}, Bounds: ContributionBounds{MaxGroups: 1}, Aggregates: []Aggregate{Count{As: "n"}, Mean{As: "m", Column: "age", Upper: 100}}}
	p := planFor(t, q, rec.Schema())
	batch := project(rec, p)
	a := accumulate(t, p, batch)
	other, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.NewAccumulator(other)
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, a.Merge(b), "fingerprints of different keys")
	state, err := b.State()
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, a.MergeState(state), "fingerprints of different keys")
	q2 := *q
	q2.Bounds.MaxGroups = 2
	c := accumulate(t, planFor(t, &q2, rec.Schema()))
	wantError(t, a.Merge(c), "different plans")
	wantError(t, a.Merge(a), "can't be used again")
	wantError(t, a.Add(rec), "columns where the plan reads")
	d := accumulate(t, p, batch)
	if err := a.Merge(d); err != nil {
		t.Fatal(err)
	}
	wantError(t, d.Add(batch), "can't be used again")
	wantError(t, a.Merge(d), "can't be used again")
	// Damage: rows out of order, a bad key, a sample that is too large.
	good := readState(t, stateBytes(t, a))
	for name, bad := range map[string]arrow.Record{
		"swapped rows": corpus.Take(good, []int{1, 0}),
		"doubled row":  corpus.Take(good, []int{0, 0}),
		"other schema": arrowRecord(good.Schema().Fields()[:2], good.Columns()[:2], 2),
	} {
		bad := arrowRecordMeta(bad, good.Schema().Metadata())
		if err := accumulate(t, p).MergeState(bad); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
