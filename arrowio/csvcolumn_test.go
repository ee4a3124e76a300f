package arrowio

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"
)

// Columns of numbers read run by run what parseInteger and parseDecimal read
// one by one: all lengths, signs, leading zeros, null texts that are numbers,
// and cells that do not fit.
func TestCSVNumberColumns(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 32))
	rounds := 3000
	if testing.Short() {
		rounds = 300
	}
	for range rounds {
		longest := 1 + rng.IntN(20)
		texts := make([]string, 1+rng.IntN(200))
		for i := range texts {
			b := make([]byte, rng.IntN(longest+1))
			for k := range b {
				b[k] = '0' + byte(rng.IntN(10))
			}
			if len(b) > 0 && rng.IntN(4) == 0 {
				b[0] = '-'
			}
			if len(b) > 0 && rng.IntN(4) == 0 {
				b[rng.IntN(len(b))] = ".-+e /:\xff0"[rng.IntN(9)]
			}
			texts[i] = string(b)
		}
		nulls := newNullSet([][]string{nil, {"-9", "999", "N/A"}, {}}[rng.IntN(3)])
		inferred := rng.IntN(2) == 0
		for _, kind := range []Kind{Integer, Decimal} {
			declared, err := prepare(ColumnType{Kind: kind}, false)
			if err != nil {
				t.Fatal(err)
			}
			declared.inferred = inferred
			col := newColumn(declared, &nulls, Null, len(texts))
			if bad := col.add(cellsOf(texts)); bad >= 0 {
				t.Fatalf("cell %d is refused where bad values are null", bad)
			}
			got := col.flush()
			firstBad := -1
			for i, text := range texts {
				want, ok := "(null)", false
				if kind == Integer {
					var v int64
					if v, ok = parseInteger([]byte(text), inferred); ok && !nulls.has([]byte(text)) {
						want = fmt.Sprint(v)
					}
				} else {
					var v float64
					if v, ok = parseDecimal([]byte(text), inferred); ok && !nulls.has([]byte(text)) {
						want = fmt.Sprint(v)
					}
				}
				have := "(null)"
				if got.IsValid(i) {
					if kind == Integer {
						have = fmt.Sprint(got.(*array.Int64).Value(i))
					} else {
						have = fmt.Sprint(got.(*array.Float64).Value(i))
					}
				}
				if have != want {
					t.Fatalf("%v %q, inferred %v, nulls %q: %s, want %s", kind, text, inferred, nulls.texts, have, want)
				}
				if firstBad < 0 && !ok && !nulls.has([]byte(text)) {
					firstBad = i
				}
			}
			got.Release()
			if bad := newColumn(declared, &nulls, Reject, len(texts)).add(cellsOf(texts)); bad != firstBad {
				t.Fatalf("%v %q, inferred %v, nulls %q: cell %d is refused, want %d", kind, texts, inferred, nulls.texts, bad, firstBad)
			}
		}
	}
}

// cellsOf lays texts out as a block of CSV does.
func cellsOf(texts []string) cells {
	c := cells{b: []byte(strings.Join(texts, ",") + strings.Repeat(",", slack))}
	at := uint32(0)
	for _, text := range texts {
		n := uint32(len(text))
		c.lo, c.hi, c.longest = append(c.lo, at), append(c.hi, at+n), max(c.longest, n)
		at += n + 1
	}
	return c
}

// Every day of the calendar is read as package time reads it, and texts near
// dates and times as time.Parse takes or refuses them.
func TestCSVDates(t *testing.T) {
	day := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	for days := int32(day.Unix() / 86400); day.Year() < 10000; days++ {
		if got, ok := parseDate([]byte(day.Format(time.DateOnly))); !ok || got != days {
			t.Fatalf("%s is day %d %v, want %d", day.Format(time.DateOnly), got, ok, days)
		}
		day = day.AddDate(0, 0, 1)
	}
	rng := rand.New(rand.NewPCG(41, 42))
	n := 300_000
	if testing.Short() {
		n = 30_000
	}
	for range n {
		b := fmt.Appendf(nil, "%04d-%02d-%02d %02d:%02d:%02d", rng.IntN(10000), rng.IntN(14), rng.IntN(33), rng.IntN(26), rng.IntN(62), rng.IntN(62))
		if rng.IntN(2) == 0 {
			b[rng.IntN(len(b))] = "0123456789-:/ .\x00\xffT"[rng.IntN(18)]
		}
		// Package time also takes an hour of one digit, and no offset after minutes.
		want, err := time.Parse(time.DateTime, string(b))
		fits := err == nil && want.Year() > 0 && want.Format(time.DateTime) == string(b)
		if c, ok := parseClock(b); b[10] != 'T' && b[16] == ':' && ok != fits || fits && c.instant(nil) != want.UnixMicro() {
			t.Fatalf("%q is %v %v, want %v %v", b, c, ok, want, err)
		}
		want, err = time.Parse(time.DateOnly, string(b[:10]))
		fits = err == nil && want.Year() > 0
		if days, ok := parseDate(b[:10]); ok != fits || fits && int64(days)*86400 != want.Unix() {
			t.Fatalf("%q is %v %v, want %v %v", b[:10], days, ok, want, err)
		}
	}
}

// Blocks whose rows are taken all at once give the rows, and the errors, that
// one long block gives, which is looked at row by row.
func TestCSVEvenRows(t *testing.T) {
	rng := rand.New(rand.NewPCG(51, 52))
	rounds := 2000
	if testing.Short() {
		rounds = 200
	}
	pieces := []string{"a,b\n", "xy,\n", ",123\n", "long text of a field,7\r\n"}
	odd := []string{"\n", "\n\n", "\r\n", "a\n", "a,b,c\n", "a,b,c,d\n", "é,b\n", "\"q\",1\n"}
	s := openCSV(t, "a,b\nx,y\n", CSVOptions{})
	even := 0
	for range rounds {
		var b strings.Builder
		for range 1 + rng.IntN(60) {
			b.WriteString(pieces[rng.IntN(len(pieces))])
		}
		for range rng.IntN(3) {
			b.WriteString(odd[rng.IntN(len(odd))])
			for range rng.IntN(20) {
				b.WriteString(pieces[rng.IntN(len(pieces))])
			}
		}
		read := func(blockSize int) string {
			sc := s.scanner(strings.NewReader(b.String()), 0)
			sc.blockSize = blockSize
			var out strings.Builder
			for sc.block(t.Context()) {
				if !sc.eof && len(sc.starts) == bytes.Count(sc.buf[sc.starts[0]:sc.n], []byte{'\n'}) {
					even++
				}
				for r := range sc.starts {
					for j := range 2 {
						c, err := sc.cells(j, r, r+1)
						if err != nil {
							t.Fatal(err)
						}
						fmt.Fprintf(&out, "%q ", c.b[c.lo[0]:c.hi[0]])
					}
				}
			}
			if sc.err != nil {
				out.WriteString("error")
			}
			return out.String()
		}
		want := read(1 << 16)
		if got := read(20 + rng.IntN(200)); got != want {
			t.Fatalf("%q in blocks:\n got %s\nwant %s", b.String(), got, want)
		}
	}
	if even < rounds {
		t.Errorf("%d blocks were even: the test sees too few", even)
	}
}
