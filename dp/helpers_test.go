package dp

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

func arrowRecord(fields []arrow.Field, cols []arrow.Array, rows int64) arrow.Record {
	return array.NewRecord(arrow.NewSchema(fields, nil), cols, rows)
}

func arrowRecordMeta(rec arrow.Record, meta arrow.Metadata) arrow.Record {
	return array.NewRecord(arrow.NewSchema(rec.Schema().Fields(), &meta), rec.Columns(), rec.NumRows())
}

// wantError checks that an error says something.
func wantError(t testing.TB, err error, part string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), part) {
		t.Errorf("error %v, want one that says %q", err, part)
	}
}

// envInt is a number from the environment, for longer runs of a test.
func envInt(t testing.TB, name string, def int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return def
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s is not a number", name)
	}
	return n
}

// tallies is what an accumulator adds up.
func (a *Accumulator) tallies(workers int) *tally {
	t, err := a.tally(workers)
	if err != nil {
		panic(err)
	}
	return t
}

// usersTable draws a log of the columns of logTable whose users are evenly
// active.
func usersTable(rows, users int, seed uint64) arrow.Record {
	r := rand.New(rand.NewPCG(seed, 4))
	b := array.NewRecordBuilder(memory.DefaultAllocator, logTable(1, 1)[0].Schema())
	defer b.Release()
	for range rows {
		b.Field(0).(*array.Int64Builder).Append(r.Int64N(int64(users)))
		b.Field(1).(*array.Int32Builder).Append(r.Int32N(3000))
		b.Field(2).(*array.Float64Builder).Append(float64(r.IntN(20000)) / 100)
	}
	return b.NewRecord()
}
