package kanon

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"pgregory.net/rapid"

	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/corpus"
	"github.com/oboro-data/oboro/internal/fault"
)

// countedColumns describes all columns of a table but id.
func countedColumns(rec arrow.Record) []CountedColumn {
	var cols []CountedColumn
	for _, name := range corpus.Columns(rec) {
		f, _ := rec.Schema().FieldsByName(name)
		cols = append(cols, CountedColumn{Name: name, Type: f[0].Type})
	}
	return cols
}

func unitColumn(rec arrow.Record) *CountedColumn {
	f, _ := rec.Schema().FieldsByName("id")
	return &CountedColumn{Name: "id", Type: f[0].Type}
}

func newTestCounter(t testing.TB, rec arrow.Record, unit bool) *Counter {
	t.Helper()
	var u *CountedColumn
	if unit {
		u = unitColumn(rec)
	}
	c, err := NewCounter(countedColumns(rec), u)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func add(t testing.TB, c *Counter, batches ...arrow.Record) {
	t.Helper()
	for _, b := range batches {
		if err := c.Add(b); err != nil {
			t.Fatal(err)
		}
	}
}

// stateBytes is the state of a counter as an IPC stream.
func stateBytes(t testing.TB, c *Counter) []byte {
	t.Helper()
	rec, err := c.State()
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Release()
	// IPC has no dictionaries of type null; every other column goes as it is.
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

func cellText(arr arrow.Array, i int) string {
	if code.IsNull(arr, i) {
		return "null"
	}
	return "=" + code.Text(arr, i)
}

// naive counts rows with maps of text: key of the tuple to its rows, and to
// the people who have it. Without a unit every row is a person.
func naive(rec arrow.Record, unit bool) (rows map[string]int64, people map[string]map[string]bool) {
	rows, people = map[string]int64{}, map[string]map[string]bool{}
	names := corpus.Columns(rec)
	id := rec.Column(rec.Schema().FieldIndices("id")[0])
	for i := range int(rec.NumRows()) {
		var key strings.Builder
		for _, n := range names {
			fmt.Fprintf(&key, "%q ", cellText(rec.Column(rec.Schema().FieldIndices(n)[0]), i))
		}
		k := key.String()
		rows[k]++
		if people[k] == nil {
			people[k] = map[string]bool{}
		}
		if unit {
			people[k][cellText(id, i)] = true
		} else {
			people[k][fmt.Sprint(i)] = true
		}
	}
	return rows, people
}

// checkTuples compares what a counter finished with against the naive count.
func checkTuples(t testing.TB, got *tuples, rec arrow.Record, unit bool) {
	t.Helper()
	rows, people := naive(rec, unit)
	owners := map[string]map[string]bool{} // person to tuples
	for k, who := range people {
		for p := range who {
			if owners[p] == nil {
				owners[p] = map[string]bool{}
			}
			owners[p][k] = true
		}
	}
	if got.totalRows != rec.NumRows() || got.totalPeople != int64(len(owners)) {
		t.Fatalf("%d rows and %d people, want %d and %d", got.totalRows, got.totalPeople, rec.NumRows(), len(owners))
	}
	if len(got.rows) != len(rows) || len(got.settled) != len(rows) {
		t.Fatalf("%d tuples, want %d", len(got.rows), len(rows))
	}
	keys := make([]string, len(got.rows))
	for c := range got.codes {
		got.column(c)
	}
	for i := range got.rows {
		var key strings.Builder
		for c, col := range got.columns {
			fmt.Fprintf(&key, "%q ", cellText(col.values, int(got.codes[c][i])))
		}
		keys[i] = key.String()
		if i > 0 {
			a, b := make([]uint32, len(got.codes)), make([]uint32, len(got.codes))
			for c, col := range got.codes {
				a[c], b[c] = col[i-1], col[i]
			}
			if slices.Compare(a, b) >= 0 {
				t.Fatalf("tuples %d and %d are out of order", i-1, i)
			}
		}
		if got.rows[i] != rows[keys[i]] {
			t.Fatalf("tuple %d has %d rows, want %d", i, got.rows[i], rows[keys[i]])
		}
		settled := int64(0)
		for p := range people[keys[i]] {
			if len(owners[p]) == 1 {
				settled++
			}
		}
		if got.settled[i] != settled {
			t.Fatalf("tuple %d has %d settled people, want %d", i, got.settled[i], settled)
		}
	}
	// The pairs, each person as the sorted list of their tuples, must be those of the people with several.
	lists := map[uint32][]string{}
	for i, p := range got.pairs {
		if i > 0 {
			q := got.pairs[i-1]
			if p.person < q.person || p.person > q.person+1 || p.person == q.person && p.tuple <= q.tuple {
				t.Fatalf("pair %d is out of order", i)
			}
		} else if p.person != 0 {
			t.Fatalf("the first person is %d", p.person)
		}
		lists[p.person] = append(lists[p.person], keys[p.tuple])
	}
	var have, want []string
	for _, l := range lists {
		slices.Sort(l)
		have = append(have, strings.Join(l, "\n"))
	}
	for _, set := range owners {
		if len(set) > 1 {
			var l []string
			for k := range set {
				l = append(l, k)
			}
			slices.Sort(l)
			want = append(want, strings.Join(l, "\n"))
		}
	}
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		t.Fatalf("%d people with several tuples, want %d, or their tuples differ", len(have), len(want))
	}
	for c, col := range got.columns {
		sum := make([]int64, col.values.Len())
		for i, k := range got.codes[c] {
			sum[k] += got.rows[i]
		}
		if !slices.Equal(sum, got.columnRows(c)) {
			t.Fatalf("column %q: marginal rows differ", col.name)
		}
		if n := col.values.Len(); col.null != -1 && (col.null != n-1 || !code.IsNull(col.values, n-1)) ||
			col.null == -1 && n > 0 && code.IsNull(col.values, n-1) {
			t.Fatalf("column %q: null is %d", col.name, col.null)
		}
	}
}

func TestCounterAgainstMaps(t *testing.T) {
	for _, table := range corpus.Tables(t) {
		for _, unit := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/unit=%v", table.Name, unit), func(t *testing.T) {
				c := newTestCounter(t, table.Record, unit)
				add(t, c, corpus.Batches(table.Record, 100)...)
				got, err := c.finish()
				if err != nil {
					t.Fatal(err)
				}
				checkTuples(t, got, table.Record, unit)
			})
		}
	}
}

// TestCounterSplit is the law split: any batching, row order, worker count and
// merge tree gives the same state, byte for byte.
func TestCounterSplit(t *testing.T) {
	for _, table := range corpus.Tables(t) {
		for _, unit := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/unit=%v", table.Name, unit), func(t *testing.T) {
				whole := newTestCounter(t, table.Record, unit)
				add(t, whole, table.Record)
				want := stateBytes(t, whole)
				if again := stateBytes(t, whole); !bytes.Equal(again, want) {
					t.Fatal("asking for the state twice gives two states")
				}
				workers := []int{1, 2, 3, 5, 8}
				if table.Name == "adult" {
					workers = []int{4}
				}
				for _, n := range workers {
					rows := corpus.Shuffle(table.Record, uint64(n))
					counters := make([]*Counter, n)
					for i := range counters {
						counters[i] = newTestCounter(t, table.Record, unit)
						if i%2 == 1 { // put dictionaries into order early
							counters[i].renumberAt = 50
						}
					}
					for i, b := range corpus.Batches(rows, int64(1+37*n)) {
						add(t, counters[i*i%n], b)
					}
					for len(counters) > 1 { // a tree that depends on n
						last := counters[len(counters)-1]
						counters = counters[:len(counters)-1]
						if err := counters[n%len(counters)].Merge(last); err != nil {
							t.Fatal(err)
						}
					}
					if got := stateBytes(t, counters[0]); !bytes.Equal(got, want) {
						t.Fatalf("%d workers: the state differs", n)
					}
				}
			})
		}
	}
}

// TestCounterRoundtrip is the law roundtrip: MergeState(State()) equals Merge.
func TestCounterRoundtrip(t *testing.T) {
	for _, table := range corpus.Tables(t) {
		for _, unit := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/unit=%v", table.Name, unit), func(t *testing.T) {
				a, b, c := newTestCounter(t, table.Record, unit), newTestCounter(t, table.Record, unit), newTestCounter(t, table.Record, unit)
				whole := newTestCounter(t, table.Record, unit)
				for i, batch := range corpus.Batches(table.Record, 50) {
					add(t, whole, batch)
					add(t, []*Counter{a, b}[i%2], batch)
				}
				for _, part := range []*Counter{b, a} {
					r, err := ipc.NewReader(bytes.NewReader(stateBytes(t, part)))
					if err != nil {
						t.Fatal(err)
					}
					for r.Next() {
						if err := c.MergeState(r.Record()); err != nil {
							t.Fatal(err)
						}
					}
					if r.Err() != nil {
						t.Fatal(r.Err())
					}
				}
				if !bytes.Equal(stateBytes(t, c), stateBytes(t, whole)) {
					t.Fatal("the state differs")
				}
				got, err := c.finish()
				if err != nil {
					t.Fatal(err)
				}
				checkTuples(t, got, table.Record, unit)
			})
		}
	}
}

// TestCounterProperty draws small tables of many shapes.
func TestCounterProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, 60).Draw(rt, "columns")
		spread := rapid.SampledFrom([]int64{1, 2, 300, 1 << 20, 1 << 50}).Draw(rt, "spread")
		people := rapid.SampledFrom([]int64{1, 5, 1 << 40}).Draw(rt, "people")
		fields := []arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64, Nullable: true}}
		for c := range n {
			fields = append(fields, arrow.Field{Name: fmt.Sprint(c), Type: arrow.PrimitiveTypes.Int64, Nullable: true})
		}
		b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
		for range rapid.IntRange(0, 40).Draw(rt, "rows") {
			for c := range fields {
				limit := spread
				if c == 0 {
					limit = people
				}
				v := rapid.Int64Range(-limit, limit).Draw(rt, "value")
				if v == limit {
					b.Field(c).AppendNull()
				} else {
					b.Field(c).(*array.Int64Builder).Append(v)
				}
			}
		}
		rec := b.NewRecord()
		unit := rapid.Bool().Draw(rt, "unit")
		a, o := newTestCounter(t, rec, unit), newTestCounter(t, rec, unit)
		a.renumberAt = rapid.IntRange(1, 20).Draw(rt, "renumber")
		for _, batch := range corpus.Batches(rec, rapid.Int64Range(1, 40).Draw(rt, "batch")) {
			add(t, []*Counter{a, o}[rapid.IntRange(0, 1).Draw(rt, "worker")], batch)
		}
		if err := a.Merge(o); err != nil {
			t.Fatal(err)
		}
		got, err := a.finish()
		if err != nil {
			t.Fatal(err)
		}
		checkTuples(t, got, rec, unit)
	})
}

func TestCounterErrors(t *testing.T) {
	nested := CountedColumn{Name: "tags", Type: arrow.ListOf(arrow.BinaryTypes.String)}
	if _, err := NewCounter([]CountedColumn{nested}, nil); !errors.Is(err, fault.Plan) || !strings.Contains(err.Error(), `"tags"`) {
		t.Errorf("nested column: %v", err)
	}
	if _, err := NewCounter(nil, &nested); !errors.Is(err, fault.Plan) || !strings.Contains(err.Error(), `"tags"`) {
		t.Errorf("nested unit: %v", err)
	}
	table := corpus.Tables(t)[2].Record
	c := newTestCounter(t, table, true)
	less := array.NewRecord(arrow.NewSchema(table.Schema().Fields()[1:], nil), table.Columns()[1:], table.NumRows())
	if err := c.Add(less); !errors.Is(err, fault.Input) || !strings.Contains(err.Error(), `"id"`) {
		t.Errorf("missing column: %v", err)
	}
	add(t, c, table)
	state, err := c.State()
	if err != nil {
		t.Fatal(err)
	}
	for name, rec := range map[string]arrow.Record{
		"too few columns": less,
		"not a state":     table,
		"negative rows": func() arrow.Record {
			b := array.NewInt64Builder(memory.DefaultAllocator)
			for range state.NumRows() {
				b.Append(-1)
			}
			r, err := state.SetColumn(int(state.NumCols())-1, b.NewArray())
			if err != nil {
				t.Fatal(err)
			}
			return r
		}(),
	} {
		if err := newTestCounter(t, table, true).MergeState(rec); !errors.Is(err, fault.Input) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := c.Merge(newTestCounter(t, table, false)); !errors.Is(err, fault.Plan) {
		t.Errorf("merging different counters: %v", err)
	}
}
