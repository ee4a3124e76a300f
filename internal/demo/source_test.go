package demo

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/fault"
)

// texts reads a source and returns its rows as text.
func texts(t *testing.T, src arrowio.Source, columns ...string) []string {
	t.Helper()
	r, err := src.Open(context.Background(), columns...)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	var out []string
	for r.Next() {
		rec := r.Record()
		for i := range int(rec.NumRows()) {
			row := make([]string, rec.NumCols())
			for c := range row {
				row[c] = rec.Column(c).ValueStr(i)
			}
			out = append(out, strings.Join(row, "\t"))
		}
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSplitsAndProjectionsAgree(t *testing.T) {
	rows := int64(200_000)
	if testing.Short() {
		rows = batchRows + 1000
	}
	src := NewVisits(1, rows)
	whole := texts(t, src)
	if int64(len(whole)) != rows {
		t.Fatalf("%d rows, want %d", len(whole), rows)
	}
	for _, n := range []int{1, 2, 3, 1000} {
		var parts []string
		splits := src.Splits(n)
		for _, s := range splits {
			parts = append(parts, texts(t, s)...)
		}
		if strings.Join(parts, "\n") != strings.Join(whole, "\n") {
			t.Errorf("Splits(%d) gives %d sources with other rows than the whole", n, len(splits))
		}
	}
	names := make([]string, schema.NumFields())
	for i := range names {
		names[i] = schema.Field(len(names) - 1 - i).Name
	}
	for i, row := range texts(t, src, names...) {
		cells := strings.Split(row, "\t")
		for a, b := 0, len(cells)-1; a < b; a, b = a+1, b-1 {
			cells[a], cells[b] = cells[b], cells[a]
		}
		if strings.Join(cells, "\t") != whole[i] {
			t.Fatalf("row %d differs when its columns are read in another order", i)
		}
	}
	if texts(t, NewVisits(2, rows))[0] == whole[0] {
		t.Error("another seed gives the same first row")
	}
}

func TestSmallAndEmptyTables(t *testing.T) {
	for _, rows := range []int64{-1, 0, 1, 2, 7} {
		if got := len(texts(t, NewVisits(1, rows))); got != int(max(rows, 0)) {
			t.Errorf("NewVisits(1, %d) has %d rows", rows, got)
		}
	}
}

func TestUnknownColumnIsAPlanError(t *testing.T) {
	if _, err := NewVisits(1, 10).Open(context.Background(), "name"); !errors.Is(err, fault.Plan) {
		t.Errorf("error %v, want one of kind Plan", err)
	}
}

// TestMembersAreConsistent checks what must hold of every member.
func TestMembersAreConsistent(t *testing.T) {
	m := newMembers(1, 50_000)
	ids := map[int64]bool{}
	october := int64(daysTo(thisYear)+273) * 86400e6
	for i := range m.count {
		ids[m.id(i)] = true
		var code [7]byte
		m.postalCode(&code, i)
		p := prefectures[m.prefectureOf(i)]
		found := false
		for at := 0; at < len(p.prefixes); at += 2 {
			found = found || p.prefixes[at:at+2] == string(code[:2])
		}
		if !found {
			t.Fatalf("postal code %s is not in %s", code, p.name)
		}
		for _, c := range code {
			if c < '0' || c > '9' {
				t.Fatalf("postal code %q is not seven digits", code)
			}
		}
		born, joined := m.birthDate(i), m.registeredAt(i)
		if year := arrow.Date32(born).ToTime().Year(); thisYear-1-year != m.age(i) {
			t.Fatalf("born in %d at the age of %d", year, m.age(i))
		}
		if joined >= october || joined < int64(born)*86400e6 {
			t.Fatalf("member %d registered outside their time", i)
		}
	}
	if len(ids) != int(m.count) {
		t.Errorf("%d identifiers for %d members", len(ids), m.count)
	}
	last := int64(math.MinInt64)
	for row := range int64(20_000) {
		at := m.visitedAt(row, 20_000)
		if at < last || at < october || at >= october+31*86400e6 {
			t.Fatalf("visit %d stands outside the order or the month", row)
		}
		last = at
	}
}

// TestSkew compares shares with what the tables of weights say. Over n = 10^5
// independent draws a share strays from its expectation by more than d with
// probability at most 2·exp(-2nd²) (Hoeffding 1963): d = 0.011 gives 7e-11 per
// figure. The draws are of a fixed seed, so that this decides once and for all.
func TestSkew(t *testing.T) {
	const n, d = 100_000, 0.011
	m := newMembers(7, n)
	var kanto, women, twenties, free, top float64
	for i := range int64(n) {
		switch prefectures[m.prefectureOf(i)].area {
		case "関東":
			kanto++
		}
		if m.sex.choose(m.bits(aboutSex, i)) == 0 {
			women++
		}
		if a := m.age(i); a >= 20 && a < 30 {
			twenties++
		}
		if m.fee.choose(m.bits(aboutFee, i)) == 0 {
			free++
		}
		if m.visitor(i) < m.count/100 {
			top++
		}
	}
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"in Kanto", kanto, 504.0 / 949}, {"women", women, 0.505}, {"in their twenties", twenties, 0.495}, {"paying nothing", free, 0.88},
		{"visits of the most active hundredth", top, math.Pow(0.01, 0.3)},
	} {
		if math.Abs(c.got/n-c.want) > d {
			t.Errorf("%s: share %.4f, want %.4f", c.name, c.got/n, c.want)
		}
	}
}

func BenchmarkVisits(b *testing.B) {
	for range b.N {
		r, err := NewVisits(1, DefaultRows).Open(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		for r.Next() {
		}
		r.Release()
	}
	b.ReportMetric(float64(DefaultRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func ExampleNewVisits() {
	src := NewVisits(1, 3)
	r, err := src.Open(context.Background(), "prefecture", "page")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Release()
	for r.Next() {
		fmt.Println(r.Record().NumRows(), "visits,", r.Record().Column(0).(*array.Dictionary).Dictionary().Len(), "prefectures")
	}
	// Output: 3 visits, 47 prefectures
}
