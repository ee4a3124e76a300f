package kanon

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/hierarchy"
	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/corpus"
	"github.com/oboro-data/oboro/internal/spill"
)

// pathColumns are columns that reach every way of making keys, by the bits that
// a code takes: integers close together, with gaps and far apart, with nulls,
// dictionaries that differ between batches, strings; and values that turn up
// late in each.
var pathColumns = []struct {
	name  string
	dt    arrow.DataType
	size  int // values
	step  int // between two values
	nulls bool
}{
	{"year", arrow.PrimitiveTypes.Int32, 100, 1, false},
	{"month", arrow.PrimitiveTypes.Int32, 12, 1, false},
	{"day", arrow.PrimitiveTypes.Int32, 31, 1, false},
	{"zip", arrow.PrimitiveTypes.Int32, 60, 7, false},
	{"city", &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int16, ValueType: arrow.BinaryTypes.String}, 50, 1, false},
	{"fee", arrow.PrimitiveTypes.Uint16, 40, 1, true},
	{"ward", &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Uint32, ValueType: arrow.PrimitiveTypes.Int64}, 900, 1 << 40, true},
	{"seen", arrow.FixedWidthTypes.Timestamp_s, 1000, 1 << 30, false},
	{"job", arrow.BinaryTypes.String, 4000, 1, true},
	{"size", arrow.PrimitiveTypes.Int64, 1 << 20, 1, false},
	{"born", arrow.FixedWidthTypes.Date32, 1 << 20, 3, true},
	{"plan", arrow.PrimitiveTypes.Uint64, 1 << 20, 1 << 40, false},
	{"room", arrow.PrimitiveTypes.Int32, 1 << 20, 1, false},
}

// pathTable makes a table of some of the columns, in batches. Rows come in
// pairs at least, so that tuples repeat.
func pathTable(columns []int, rows int) (whole arrow.Record, batches []arrow.Record) {
	fields := []arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64}}
	for _, c := range columns {
		fields = append(fields, arrow.Field{Name: pathColumns[c].name, Type: pathColumns[c].dt, Nullable: true})
	}
	schema := arrow.NewSchema(fields, nil)
	r := rand.New(rand.NewPCG(uint64(len(columns)), 1))
	values := make([][]int, len(columns)) // -1: null
	for c, at := range columns {
		for i := range rows {
			v := int(float64(pathColumns[at].size) * r.Float64() * r.Float64() * float64(i+rows/2) / float64(rows+rows/2))
			if i%2 == 1 && i%5 != 0 {
				v = values[c][i-1]
			} else if pathColumns[at].nulls && r.IntN(20) == 0 {
				v = -1
			}
			values[c] = append(values[c], v)
		}
	}
	make := func(from, to int) arrow.Record {
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		for i := from; i < to; i++ {
			b.Field(0).(*array.Int64Builder).Append(int64(i / 3))
			for c, at := range columns {
				f, v := b.Field(c+1), values[c][i]
				if v < 0 {
					f.AppendNull()
					continue
				}
				v *= pathColumns[at].step
				var err error
				switch f := f.(type) {
				case *array.BinaryDictionaryBuilder:
					err = f.AppendString(fmt.Sprint("city ", v))
				case *array.Int64DictionaryBuilder:
					err = f.Append(int64(v))
				default:
					err = f.AppendValueFromString(fmt.Sprint(v))
				case *array.TimestampBuilder:
					f.Append(arrow.Timestamp(v))
				case *array.Date32Builder:
					f.Append(arrow.Date32(v))
				}
				if err != nil {
					panic(err)
				}
			}
		}
		return b.NewRecord()
	}
	for from := 0; from < rows; {
		to := min(from+1+r.IntN(3000), rows)
		batches = append(batches, make(from, to))
		from = to
	}
	return make(0, rows), batches
}

// TestCounterPaths counts tables by keys of 32, 64 and 128 bits and beyond, with
// 1 to 8 workers that agree on codes, or do not, against a map of text.
func TestCounterPaths(t *testing.T) {
	rows := 20_000
	if testing.Short() {
		rows = 6000
	}
	for name, columns := range map[string][]int{
		"dense":       {1, 2},
		"32 bits":     {0, 1, 2, 3, 4},
		"64 bits":     {0, 1, 2, 3, 4, 5, 6, 7},
		"large codes": {9, 12, 0},
		"128 bits":    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9},
		"beyond":      {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
	} {
		whole, batches := pathTable(columns, rows)
		for _, unit := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/unit=%v", name, unit), func(t *testing.T) {
				var want *tuples
				file := spill.New(t.TempDir())
				defer file.Close()
				for workers := 1; workers <= 8; workers++ {
					var u *CountedColumn
					if unit {
						u = unitColumn(whole)
					}
					var limit *countLimit
					if workers%2 == 0 { // what is counted goes to a file again and again
						limit = &countLimit{file: file, worker: 1 << 40, whole: 1 << 40, tally: code.Limit{File: file, Bytes: 20_000, Tuples: 1 << 40}}
					}
					newCounter := newCounters(countedColumns(whole), u, limit)
					if workers%4 == 3 {
						newCounter = func() (*Counter, error) { return NewCounter(countedColumns(whole), u) }
					}
					var counters []*Counter
					for w := range workers {
						c, err := newCounter()
						if err != nil {
							t.Fatal(err)
						}
						c.renumberAt = 200 + 300*(w%3)
						counters = append(counters, c)
					}
					for i, b := range batches {
						add(t, counters[i%workers], b)
					}
					for len(counters) > 1 {
						last := counters[len(counters)-1]
						counters = counters[:len(counters)-1]
						if err := counters[len(counters)/2].Merge(last); err != nil {
							t.Fatal(err)
						}
					}
					got, err := counters[0].finish()
					if err != nil {
						t.Fatal(err)
					}
					if want == nil {
						checkTuples(t, got, whole, unit)
						want = got
						continue
					}
					if !slices.Equal(got.rows, want.rows) || !slices.Equal(got.settled, want.settled) || got.totalPeople != want.totalPeople {
						t.Fatalf("%d workers: rows or people differ", workers)
					}
					for c := range columns {
						if !slices.Equal(got.column(c), want.column(c)) || !array.Equal(got.columns[c].values, want.columns[c].values) {
							t.Fatalf("%d workers: column %q differs", workers, got.columns[c].name)
						}
					}
				}
				if name != "dense" && name != "beyond" && file.Size() == 0 {
					t.Error("nothing went to the file")
				}
			})
		}
	}
}

// TestPackedSets compares frequency sets made of keys with those made of codes,
// with and without sensitive columns and people.
func TestPackedSets(t *testing.T) {
	for _, table := range corpus.Tables(t) {
		if table.Record.NumRows() == 0 {
			continue
		}
		for sensitive := range 3 {
			for _, unit := range []bool{false, true} {
				c := newTestCounter(t, table.Record, unit)
				add(t, c, corpus.Batches(table.Record, 70)...)
				tp, err := c.finish()
				if err != nil {
					t.Fatal(err)
				}
				q := max(0, len(tp.columns)-sensitive)
				var columns []Column
				for _, col := range tp.columns {
					columns = append(columns, flatColumn(t, col))
				}
				got, gotClass, err := newClassifiedSet(tp, columns[:q], columns[q:], nil)
				if err != nil {
					t.Fatal(err)
				}
				for i := range tp.columns {
					tp.column(i)
				}
				tp.packed = nil
				for i := range columns { // a table whose labels are not in the order of codes is sorted
					columns[i].Table.Levels[0].Codes = slices.Clone(columns[i].Table.Levels[0].Codes)
				}
				shuffled := func(c int) int32 { return int32(len(columns[c].Table.Levels[0].Labels) - 1) }
				for i := range q {
					for v, label := range columns[i].Table.Levels[0].Codes {
						columns[i].Table.Levels[0].Codes[v] = shuffled(i) - label
					}
				}
				want, wantClass, err := newClassifiedSet(tp, columns[:q], columns[q:], nil)
				if err != nil {
					t.Fatal(err)
				}
				if got.Len() != want.Len() || got.Rows != want.Rows || got.People != want.People {
					t.Fatalf("%s: %d classes, want %d", table.Name, got.Len(), want.Len())
				}
				for i := range tp.rows {
					a, b := int(gotClass.of(uint32(i))), int(wantClass.of(uint32(i)))
					for c := range q {
						if got.Label(a, c) != shuffled(c)-want.Label(b, c) || uint32(got.Label(a, c)) != tp.codes[c][i] {
							t.Fatalf("%s: tuple %d has another label in column %d", table.Name, i, c)
						}
					}
					var x, y EquivalenceClass
					got.Class(a, &x)
					want.Class(b, &y)
					if x.Rows != y.Rows || x.Size != y.Size || len(x.Sensitive) != len(y.Sensitive) {
						t.Fatalf("%s: the class of tuple %d differs", table.Name, i)
					}
					for s := range x.Sensitive {
						if !slices.Equal(x.Sensitive[s].Values, y.Sensitive[s].Values) || !slices.Equal(x.Sensitive[s].Counts, y.Sensitive[s].Counts) {
							t.Fatalf("%s: the distribution of tuple %d differs", table.Name, i)
						}
					}
				}
			}
		}
	}
}

// flatColumn is a column without a hierarchy.
func flatColumn(t testing.TB, col countedColumn) Column {
	t.Helper()
	table, err := hierarchy.Apply(nil, col.values, hierarchy.Options{Column: col.name, Null: col.null})
	if err != nil {
		t.Fatal(err)
	}
	return Column{Name: col.name, Table: *table}
}

func flatColumns(t testing.TB, tp *tuples) (columns []Column) {
	t.Helper()
	for _, col := range tp.columns {
		columns = append(columns, flatColumn(t, col))
	}
	return columns
}
