package dp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/internal/noise"
)

// visits makes a table of the columns user, city, fee, age from rows of texts;
// "" is null.
func visits(t testing.TB, rows ...[4]string) arrow.Record {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "user", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "city", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "fee", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		{Name: "age", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for _, r := range rows {
		for c, text := range r {
			if text == "" {
				b.Field(c).AppendNull()
			} else if err := b.Field(c).AppendValueFromString(text); err != nil {
				t.Fatal(err)
			}
		}
	}
	return b.NewRecord()
}

func source(t testing.TB, recs ...arrow.Record) arrowio.Source {
	t.Helper()
	return arrowio.NewMemory(recs[0].Schema(), recs...)
}

// texts are the rows of a release, cells joined by spaces.
func texts(r *Release) []string {
	var out []string
	for i := range int(r.Groups()) {
		var cells []string
		for _, c := range r.Record().Columns() {
			cells = append(cells, c.ValueStr(i))
		}
		out = append(out, strings.Join(cells, " "))
	}
	return out
}

func TestRunPublicGroups(t *testing.T) {
	rec := visits(t,
		[4]string{"1", "Kobe", "10", "30"}, [4]string{"1", "Kobe", "20", "30"}, [4]string{"2", "Kobe", "500", "41"},
		[4]string{"2", "Nara", "-3", "41"}, [4]string{"3", "", "7", ""}, [4]string{"", "Kobe", "7", "20"}, [4]string{"4", "Otsu", "7", "20"},
		[4]string{"4", "Kobe", "", "20"})
	q := &Query{
		Unit: "user", GroupBy: []string{"city"},
		PublicGroups: [][]GroupKey{{{Text: "Nara"}}, {{Text: "Kobe"}}, {{Null: true}}, {{Text: "Ube"}}},
		Bounds:       ContributionBounds{MaxGroups: 2},
		Aggregates: []Aggregate{
			CountUnits{As: "users"}, Count{As: "visits", PerUnit: 5}, Sum{As: "fees", Column: "fee", Lower: 0, Upper: 200, Resolution: 0.01},
		},
	}
	acct := NewAccountant(Pure(1))
	rel, err := Run(context.Background(), source(t, rec), q, acct, Pure(1))
	if err != nil {
		t.Fatal(err)
	}
	if got := acct.Remaining(); !got.IsZero() {
		t.Errorf("remaining %s", got)
	}
	got := texts(rel)
	if noise.Off {
		want := []string{"Kobe 3 4 230", "Nara 1 1 0", "Ube 0 0 0", "(null) 1 1 7"}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if len(got) != 4 {
		t.Errorf("%d groups", len(got))
	}
	if _, err := Run(context.Background(), source(t, rec), q, acct, Pure(1)); !errors.Is(err, fault.Budget) {
		t.Errorf("second run: %v", err)
	}
}

// TestPersonDay: with a time cell of a day, one person is a unit each day.
func TestPersonDay(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "user", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "at", Type: &arrow.TimestampType{Unit: arrow.Second}, Nullable: true},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	for _, r := range [][2]string{
		{"a", "2025-01-01T00:00:00"}, {"a", "2025-01-01T23:59:59"}, {"a", "2025-01-02T00:00:00"}, {"b", "2025-01-02T12:00:00"},
		{"a", "1969-12-31T23:59:59"}, {"a", "1970-01-01T00:00:00"}, {"a", ""}, {"", "2025-01-01T00:00:00"},
	} {
		for c, text := range r {
			if text == "" {
				b.Field(c).AppendNull()
			} else if err := b.Field(c).AppendValueFromString(text); err != nil {
				t.Fatal(err)
			}
		}
	}
	rec := b.NewRecord()
	for every, want := range map[time.Duration]string{24 * time.Hour: "5", 72 * time.Hour: "4", time.Second: "6"} {
		q := &Query{Unit: "user", UnitCell: &UnitCell{"at", every}, Bounds: ContributionBounds{MaxGroups: 1}, Aggregates: []Aggregate{CountUnits{As: "n"}}}
		rel, err := Run(context.Background(), source(t, rec), q, NewAccountant(Pure(1)), Pure(1))
		if err != nil {
			t.Fatal(err)
		}
		if got := texts(rel)[0]; noise.Off && got != want {
			t.Errorf("cells of %s: %s units, want %s", every, got, want)
		}
		if !strings.Contains(rel.Plan().String(), every.String()) {
			t.Errorf("the plan does not tell the cell: %s", rel.Plan())
		}
	}
	for says, c := range map[string]*UnitCell{"no date or timestamp": {"user", time.Hour}, "whole number of 1s": {"at", 1500 * time.Millisecond}, "no column": {"when", time.Hour}} {
		_, err := NewPlan(&Query{Unit: "user", UnitCell: c, Bounds: ContributionBounds{MaxGroups: 1}, Aggregates: []Aggregate{CountUnits{As: "n"}}}, schema, Pure(1))
		wantError(t, err, says)
	}
}
