package arrowio

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding/japanese"

	"github.com/oboro-data/oboro/internal/fault"
)

// write makes a file of the test's own.
func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// lines reads a source and returns its rows as text, cells joined by "|" and
// null as "<null>".
func lines(t testing.TB, src Source, columns ...string) []string {
	t.Helper()
	rows, err := readLines(src, columns...)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func readLines(src Source, columns ...string) ([]string, error) {
	r, err := src.Open(context.Background(), columns...)
	if err != nil {
		return nil, err
	}
	defer r.Release()
	var rows []string
	for r.Next() {
		rec := r.Record()
		for i := range int(rec.NumRows()) {
			var b strings.Builder
			for j, c := range rec.Columns() {
				if j > 0 {
					b.WriteByte('|')
				}
				if c.IsNull(i) {
					b.WriteString("<null>")
				} else {
					b.WriteString(c.ValueStr(i))
				}
			}
			rows = append(rows, b.String())
		}
	}
	return rows, r.Err()
}

func openCSV(t testing.TB, text string, o CSVOptions) *CSV {
	t.Helper()
	s, err := OpenCSV(context.Background(), write(t, "in.csv", text), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func same(t testing.TB, what string, got, want []string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

func TestCSVText(t *testing.T) {
	for _, c := range []struct {
		name, text string
		o          CSVOptions
		want       []string
	}{
		{"plain", "a,b\nx,1\ny,2\n", CSVOptions{}, []string{"x|1", "y|2"}},
		{"no last newline", "a,b\nx,1\ny,2", CSVOptions{}, []string{"x|1", "y|2"}},
		{"CRLF", "a,b\r\nx,1\r\ny,2\r\n", CSVOptions{}, []string{"x|1", "y|2"}},
		{"CRLF, CR at the end", "a,b\r\nx,z\r\ny,w\r", CSVOptions{}, []string{"x|z", "y|w"}},
		{"CR", "a,b\rx,1\ry,2\r", CSVOptions{}, []string{"x|1", "y|2"}},
		{"byte-order mark", "\ufeffa,b\nx,1\n", CSVOptions{}, []string{"x|1"}},
		{"byte-order mark and quotes", "\ufeff\"a\",\"b\"\nx,1\n", CSVOptions{}, []string{"x|1"}},
		{"semicolons", "a;b\nx;1,5\n", CSVOptions{Delimiter: ';'}, []string{"x|1,5"}},
		{"tabs", "a\tb\nx\t1\n", CSVOptions{Delimiter: '\t'}, []string{"x|1"}},
		{"quotes", "a,b\n\"x,y\",1\n\"say \"\"no\"\"\",2\n\"\"\"\",3\n\"two\r\nlines\",4\n", CSVOptions{},
			[]string{"x,y|1", `say "no"|2`, `"|3`, "two\r\nlines|4"}},
		{"null is empty", "a,b\nx,\n,2\n\"\",3\n", CSVOptions{}, []string{"x|<null>", "<null>|2", "<null>|3"}},
		{"null values", "a,b\nNA,1\nx,NA\n,3\n", CSVOptions{NullValues: []string{"NA"}}, []string{"<null>|1", "x|<null>", "|3"}},
		{"no null values", "a,b\n,x\n", CSVOptions{NullValues: []string{}}, []string{"|x"}},
		{"empty lines", "\na,b\n\nx,1\n\r\ny,2\n\n\n", CSVOptions{}, []string{"x|1", "y|2"}},
		{"one column", "a\nx\n\"\"\ny\n", CSVOptions{}, []string{"x", "<null>", "y"}},
		{"header only", "a,b\n", CSVOptions{}, nil},
		{"header only, no newline", "a,b", CSVOptions{}, nil},
		{"fields longer than a word", "a,b\n" + strings.Repeat("x", 40) + ",2\nshort,3\n", CSVOptions{}, []string{strings.Repeat("x", 40) + "|2", "short|3"}},
		{"leading zeros", "zip\n00123\n81667\n", CSVOptions{}, []string{"00123", "81667"}},
		{"cp932", cp932("氏名,値\n山田,表\n\"能,登\",ソ\n"), CSVOptions{Encoding: "CP932"}, []string{"山田|表", "能,登|ソ"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			same(t, "rows", lines(t, openCSV(t, c.text, c.o)), c.want)
		})
	}
}

func cp932(s string) string {
	b, err := japanese.ShiftJIS.NewEncoder().String(s)
	if err != nil {
		panic(err)
	}
	return b
}

func TestCSVInference(t *testing.T) {
	for _, c := range []struct {
		values string // separated by spaces, one per row
		want   arrow.DataType
	}{
		{"1 -2 0 9223372036854775807", arrow.PrimitiveTypes.Int64},
		{"1 9223372036854775808", arrow.BinaryTypes.String},
		{"00123 81667", arrow.BinaryTypes.String},
		{"+5 6", arrow.BinaryTypes.String},
		{"1e5 6", arrow.BinaryTypes.String},
		{"-0 6", arrow.BinaryTypes.String},
		{"1.50 2", arrow.PrimitiveTypes.Float64},
		{"01.50 2", arrow.BinaryTypes.String},
		{".5 2", arrow.BinaryTypes.String},
		{"0.1234567890123456 2", arrow.BinaryTypes.String},
		{"true false", arrow.FixedWidthTypes.Boolean},
		{"TRUE FALSE", arrow.BinaryTypes.String},
		{"2025-02-28 0001-01-01", arrow.FixedWidthTypes.Date32},
		{"2025-02-29", arrow.BinaryTypes.String},
		{"2025-02-28T23:59 2025-02-28T23:59:59.123456", &arrow.TimestampType{Unit: arrow.Microsecond}},
		{"2025-02-28T23:59Z 2025-02-28T23:59:59+09:00", &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}},
		{"2025-02-28T23:59Z 2025-02-28T23:59", arrow.BinaryTypes.String},
		{"2025-02-28T23:59:59.1234567", arrow.BinaryTypes.String},
		{"NaN 1.5", arrow.BinaryTypes.String},
		{"0x10 1", arrow.BinaryTypes.String},
	} {
		s := openCSV(t, "v,w\n"+strings.ReplaceAll(c.values, " ", ",\n")+",\n", CSVOptions{})
		if got := s.Schema().Field(0).Type; !arrow.TypeEqual(got, c.want) {
			t.Errorf("%q is inferred as %v, want %v", c.values, got, c.want)
		}
		if got := s.Schema().Field(1).Type.ID(); got != arrow.STRING {
			t.Errorf("a column of nulls is %v, want utf8", got)
		}
	}
}

func TestCSVDeclared(t *testing.T) {
	const tokyo = "Asia/Tokyo"
	for _, c := range []struct {
		typ      ColumnType
		in, want string
	}{
		{ColumnType{Kind: Text}, "00123", "00123"},
		{ColumnType{Kind: Integer}, "+00123", "123"},
		{ColumnType{Kind: Integer}, "-9223372036854775808", "-9223372036854775808"},
		{ColumnType{Kind: Integer}, "000000000000000000000012", "12"},
		{ColumnType{Kind: Decimal}, "1e-3", "0.001"},
		{ColumnType{Kind: Decimal}, "+.5", "0.5"},
		{ColumnType{Kind: Decimal}, "0.1", "0.1"},
		{ColumnType{Kind: Decimal}, "123456789012345678901234567890", "1.2345678901234568e+29"},
		{ColumnType{Kind: Boolean}, "TRUE", "true"},
		{ColumnType{Kind: Boolean}, "0", "false"},
		{ColumnType{Kind: Date}, "2024-02-29", "2024-02-29"},
		{ColumnType{Kind: Date, Format: "%d.%m.%y"}, "1.3.68", "2068-03-01"},
		{ColumnType{Kind: Date, Format: "%d.%m.%y"}, "01.03.69", "1969-03-01"},
		{ColumnType{Kind: Date, Format: "%e %b %Y"}, " 5 Jan 1998", "1998-01-05"},
		{ColumnType{Kind: Date, Format: "%Y年%m月%d日"}, "2026年11月22日", "2026-11-22"},
		{ColumnType{Kind: Date, Format: "%Y%%%m"}, "2026%11", "2026-11-01"},
		{ColumnType{Kind: Timestamp}, "2026-11-22 13:00:01.5", "2026-11-22 13:00:01.5Z"},
		{ColumnType{Kind: Timestamp, Timezone: tokyo}, "2026-11-22 13:00:01", "2026-11-22 13:00:01+0900"},
		{ColumnType{Kind: Timestamp, Timezone: tokyo}, "2026-11-22T04:00:01Z", "2026-11-22 13:00:01+0900"},
		{ColumnType{Kind: Timestamp, Format: "%d/%m/%Y %H:%M:%S.%f %z"}, "22/11/2026 13:00:01.25 +0900", "2026-11-22 04:00:01.25Z"},
	} {
		s := openCSV(t, "v\n\""+c.in+"\"\n", CSVOptions{Types: map[string]ColumnType{"v": c.typ}})
		got := lines(t, s)
		if len(got) != 1 || strings.Replace(got[0], "T", " ", 1) != strings.Replace(c.want, "T", " ", 1) {
			t.Errorf("%v reads %q as %q, want %q", c.typ, c.in, got, c.want)
		}
	}
}

// Every bad input is an error of its kind that names the file, the line where
// there is one, and a remedy, and holds nothing of the rows.
func TestCSVErrors(t *testing.T) {
	typ := func(t ColumnType) CSVOptions { return CSVOptions{Types: map[string]ColumnType{"b": t}} }
	many := "a,b\n" + strings.Repeat("x,1\n", sampleRows)
	for _, c := range []struct {
		name, text string
		o          CSVOptions
		kind       error
		says       []string
	}{
		{"empty file", "", CSVOptions{}, fault.Input, []string{"empty", "must name the columns"}},
		{"only newlines", "\n\r\n", CSVOptions{}, fault.Input, []string{"empty"}},
		{"only a byte-order mark", "\ufeff", CSVOptions{}, fault.Input, []string{"empty"}},
		{"too few fields", "a,b\nx,1\nSECRET\n", CSVOptions{}, fault.Input, []string{"line 3: the row has 1 field where the header has 2; write every field, empty ones too", "or set `delimiter:`"}},
		{"too many fields", "a,b\nx,1\n\nSECRET,2,3\n", CSVOptions{}, fault.Input, []string{"line 4", "3 fields where", "quote fields that hold the delimiter"}},
		{"quote not closed", "a,b\nx,1\nSECRET,\"2\n3,4\n", CSVOptions{}, fault.Input, []string{"line 3", "not closed"}},
		{"quote not closed in the header", "a,\"SECRET\n", CSVOptions{}, fault.Input, []string{"line 1", "not closed"}},
		{"text after a quote", "a,b\nx,\"SECRET\"1\n", CSVOptions{}, fault.Input, []string{"line 2", `column "b"`, "closing quote"}},
		{"quote inside", "a,b\nx,SECRET\"2\" y\n", CSVOptions{}, fault.Input, []string{"line 2", `column "b"`, "not quoted"}},
		{"lone quote in doubled ones", "a,b\nx,\"SECRET\"\"x\" y\"\"\n", CSVOptions{}, fault.Input, []string{"line 2", `column "b"`, "closing quote"}},
		{"name twice", "a,a\nSECRET,1\n", CSVOptions{}, fault.Plan, []string{`"a" twice`, "own name"}},
		{"no name", "a,\nSECRET,1\n", CSVOptions{}, fault.Plan, []string{"column 2", "no name"}},
		{"not UTF-8", "a,b\nx,1\nx,SECRET\xff\n", CSVOptions{}, fault.Input, []string{"line 3", `column "b"`, "not UTF-8", "encoding:"}},
		{"not UTF-8 after quoted newlines", "a,b\n\"x\n\n\",1\nx,SECRET\xe3\x81\n", CSVOptions{}, fault.Input, []string{"line 5", `column "b"`}},
		{"not CP932", "a,b\nx,1\nx,SECRET\xff\n", CSVOptions{Encoding: "cp932"}, fault.Input, []string{"line 3", "not cp932", "encoding:"}},
		{"UTF-16", "\xff\xfea\x00", CSVOptions{}, fault.Input, []string{"UTF-16", "UTF-8"}},
		{"unknown encoding", "a\nx\n", CSVOptions{Encoding: "ebcdic"}, fault.Plan, []string{"encoding:", "cp932"}},
		{"delimiter", "a\nx\n", CSVOptions{Delimiter: '"'}, fault.Plan, []string{"delimiter:"}},
		{"declared column absent", "a\nx\n", typ(ColumnType{Kind: Text}), fault.Plan, []string{`no column "b"`}},
		{"declared integer", "a,b\nx,1\ny,SECRET\n", typ(ColumnType{Kind: Integer}), fault.Data, []string{"line 3", `column "b"`, "no integer", "type:"}},
		{"declared integer of 65 bits", "a,b\nx,9223372036854775808\n", typ(ColumnType{Kind: Integer}), fault.Data, []string{"line 2", "64 bits"}},
		{"declared decimal", "a,b\ny,1.5SECRET\n", typ(ColumnType{Kind: Decimal}), fault.Data, []string{"line 2", "no decimal", "type:"}},
		{"declared boolean", "a,b\ny,SECRET\n", typ(ColumnType{Kind: Boolean}), fault.Data, []string{"line 2", "no boolean", "type:"}},
		{"declared date", "a,b\ny,2025-02-29\n", typ(ColumnType{Kind: Date}), fault.Data, []string{"line 2", "no date", "type:"}},
		{"declared format", "a,b\ny,SECRET\n", typ(ColumnType{Kind: Date, Format: "%d.%m.%Y"}), fault.Data, []string{"line 2", "%d.%m.%Y", "format:"}},
		{"declared timestamp", "a,b\ny,2025-02-28\n", typ(ColumnType{Kind: Timestamp}), fault.Data, []string{"line 2", "no timestamp"}},
		{"unknown directive", "a,b\ny,1\n", typ(ColumnType{Kind: Date, Format: "%Y %q"}), fault.Plan, []string{`column "b"`, "%Y"}},
		{"format without a year", "a,b\ny,1\n", typ(ColumnType{Kind: Date, Format: "%d"}), fault.Plan, []string{`column "b"`, "year"}},
		{"format of an integer", "a,b\ny,1\n", typ(ColumnType{Kind: Integer, Format: "%d"}), fault.Plan, []string{`column "b"`, "format:"}},
		{"unknown zone", "a,b\ny,1\n", typ(ColumnType{Kind: Timestamp, Timezone: "Mars/Olympus"}), fault.Plan, []string{`column "b"`, "timezone:"}},
		{"inferred integer", many + "x,SECRET\n", CSVOptions{}, fault.Data, []string{"line 10002", `column "b"`, "no integer", "type:", "text"}},
		{"inferred integer, later leading zero", many + "x,01\n", CSVOptions{}, fault.Data, []string{"line 10002", `column "b"`, "type:"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			check := func(err error) {
				t.Helper()
				if err == nil {
					t.Fatal("no error")
				}
				if !errors.Is(err, c.kind) {
					t.Errorf("%v is not of the kind %v", err, c.kind)
				}
				for _, s := range append(c.says, "in.csv") {
					if !strings.Contains(err.Error(), s) {
						t.Errorf("%q does not say %q", err, s)
					}
				}
				if strings.Contains(err.Error(), "SECRET") || strings.Contains(err.Error(), os.TempDir()) {
					t.Errorf("%q holds a value or a path", err)
				}
			}
			s, err := OpenCSV(context.Background(), write(t, "in.csv", c.text), c.o)
			if err != nil {
				check(err)
				return
			}
			_, err = readLines(s)
			check(err)
			// However the file is split, some split says the same.
			for _, n := range []int{2, 3, 7} {
				err = nil
				for _, part := range s.Splits(n) {
					if _, e := readLines(part); e != nil && err == nil {
						err = e
					}
				}
				check(err)
			}
			if c.kind == fault.Data {
				o := c.o
				o.OnBadValue = Null
				s, err := OpenCSV(context.Background(), s.path, o)
				if err != nil {
					t.Fatal(err)
				}
				rows := lines(t, s)
				if last := rows[len(rows)-1]; !strings.HasSuffix(last, "|<null>") {
					t.Error("a bad value is not null where that is asked for")
				}
			}
		})
	}
}

// The rows of the splits, in order, are the rows of the whole, for any number
// of splits and wherever quotes, newlines and multibyte characters lie.
func TestCSVSplits(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		var b strings.Builder
		b.WriteString("a,b,c\n")
		for range rng.IntN(40) {
			for j := range 3 {
				if j > 0 {
					b.WriteByte(',')
				}
				b.WriteString([]string{"", "x", "12", "\"q,\n\"", "\"\"\"\n\"\"\"", "能登", "\"\r\n\"", "longer than sixteen bytes"}[rng.IntN(8)])
			}
			b.WriteString([]string{"\n", "\r\n", "\n\n"}[rng.IntN(3)])
		}
		s := openCSV(t, b.String(), CSVOptions{})
		want := lines(t, s)
		for _, n := range []int{1, 2, 3, 5, 17, min(b.Len(), 100)} {
			var got []string
			for _, part := range s.Splits(n) {
				got = append(got, lines(t, part)...)
			}
			same(t, fmt.Sprintf("%d splits of %q", n, b.String()), got, want)
		}
	}
}

// Blocks end anywhere: rows longer than a block, and a file of many blocks.
func TestCSVBlocks(t *testing.T) {
	var b strings.Builder
	b.WriteString("n,text\n")
	var want []string
	for i := range 4000 {
		text := strings.Repeat("é", i%7) + strings.Repeat("y", (i*i)%997)
		if i == 2000 {
			text = strings.Repeat("long", blockSize)
		}
		if i%100 == 0 {
			text += "\n\""
		}
		fmt.Fprintf(&b, "%d,%s\n", i, `"`+strings.ReplaceAll(text, `"`, `""`)+`"`)
		if text == "" {
			text = "<null>"
		}
		want = append(want, fmt.Sprintf("%d|%s", i, text))
	}
	s := openCSV(t, b.String(), CSVOptions{})
	same(t, "rows", lines(t, s), want)
	var got []string
	for _, part := range s.Splits(9) {
		got = append(got, lines(t, part)...)
	}
	same(t, "splits", got, want)
}

func TestCSVCompressed(t *testing.T) {
	text := "a,b\n" + strings.Repeat("x,1\ny,2\n", 50_000)
	want := lines(t, openCSV(t, text, CSVOptions{}))
	var gz, zs bytes.Buffer
	w := gzip.NewWriter(&gz)
	io.WriteString(w, text)
	w.Close()
	z, _ := zstd.NewWriter(&zs)
	io.WriteString(z, text)
	z.Close()
	for name, b := range map[string][]byte{"in.csv.gz": gz.Bytes(), "in.csv.zst": zs.Bytes()} {
		s, err := Open(context.Background(), write(t, name, string(b)), Options{})
		if err != nil {
			t.Fatal(err)
		}
		same(t, name, lines(t, s), want)
		// Cut anywhere, the file is damaged: an error with its name.
		for _, n := range []int{5, 20, len(b) / 2, len(b) - 1} {
			s, err := OpenCSV(context.Background(), write(t, name, string(b[:n])), CSVOptions{})
			if err == nil {
				_, err = readLines(s)
			}
			if !errors.Is(err, fault.Input) || !strings.Contains(err.Error(), name+": the file is damaged or truncated") {
				t.Errorf("%s cut at %d of %d: %v", name, n, len(b), err)
			}
		}
	}
}

func TestCSVProjectionAndContext(t *testing.T) {
	s := openCSV(t, "a,b,c\nx,1,true\ny,2,false\n", CSVOptions{})
	same(t, "columns", lines(t, s, "c", "a"), []string{"true|x", "false|y"})
	if _, err := s.Open(context.Background(), "d"); !errors.Is(err, fault.Plan) || !strings.Contains(err.Error(), `"d"`) {
		t.Errorf("a column that is not there: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r, err := s.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	cancel()
	if r.Next() || !errors.Is(r.Err(), context.Canceled) {
		t.Errorf("after cancel: %v", r.Err())
	}
}

func TestCSVChangedFile(t *testing.T) {
	s := openCSV(t, "a,b\nx,1\n", CSVOptions{})
	if err := os.WriteFile(s.path, []byte("a,b\nx,1\ny,2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(context.Background()); !errors.Is(err, fault.Input) || !strings.Contains(err.Error(), "changed") {
		t.Errorf("a file that grew: %v", err)
	}
}

// oracle reads with encoding/csv what FuzzCSV reads, as rows of text.
func oracle(text string) ([][]string, error) {
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord = 0
	return r.ReadAll()
}

// FuzzCSV compares the scanner with encoding/csv. The two differ on purpose in
// these points: CRLF inside quotes is kept here and becomes LF there, a byte-
// order mark is skipped, a file without LF may have CR as line end, text must
// be UTF-8, headers need names, and the quoted empty line of a one-column
// table is a row in both.
func FuzzCSV(f *testing.F) {
	for _, s := range []string{"a,b\nx,1\n", "a\n\"x\"\"y\"\n", "a,b\r\n\"1\r\n2\",3\r\n", "a,b\n\"x\"y,1\n", "a\n\n\nx", "a,\"b\nc\"\n1,2", "a,b\n,\"\n"} {
		f.Add(s, uint8(3))
	}
	f.Fuzz(func(t *testing.T, text string, splits uint8) { compareCSV(t, t.TempDir(), text, int(splits)) })
}

// compareCSV reads one text with the scanner, whole and split, and with
// encoding/csv.
func compareCSV(t *testing.T, dir, text string, splits int) {
	t.Helper()
	if strings.HasPrefix(text, "\ufeff") || !strings.Contains(text, "\n") {
		return
	}
	path := filepath.Join(dir, "in.csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	want, wantErr := oracle(text)
	s, err := OpenCSV(context.Background(), path, CSVOptions{NullValues: []string{}})
	if err == nil {
		types := map[string]ColumnType{}
		for _, n := range s.names {
			types[n] = ColumnType{Kind: Text}
		}
		s, err = OpenCSV(context.Background(), path, CSVOptions{NullValues: []string{}, Types: types})
	}
	var got [][]string
	if err == nil {
		got, err = texts(s)
	}
	if err != nil {
		if errors.Is(err, fault.Plan) || strings.Contains(err.Error(), "UTF") || len(want) == 0 && wantErr == nil {
			return
		}
		if wantErr == nil {
			t.Fatalf("%q: %v, and encoding/csv reads it", text, err)
		}
		return
	}
	if wantErr != nil {
		t.Fatalf("%q: read, and encoding/csv says %v", text, wantErr)
	}
	norm := func(rows [][]string) string {
		return strings.ReplaceAll(fmt.Sprintf("%q", rows), `\r\n`, `\n`)
	}
	if norm(got) != norm(want[1:]) {
		t.Fatalf("%q:\n got %q\nwant %q", text, got, want[1:])
	}
	var parts [][]string
	for _, p := range s.Splits(splits) {
		rows, err := texts(p)
		if err != nil {
			t.Fatalf("%q: a split: %v", text, err)
		}
		parts = append(parts, rows...)
	}
	if norm(parts) != norm(got) {
		t.Fatalf("%q: splits give %q, the whole %q", text, parts, got)
	}
}

func texts(src Source) ([][]string, error) {
	r, err := src.Open(context.Background())
	if err != nil {
		return nil, err
	}
	defer r.Release()
	rows := [][]string{}
	for r.Next() {
		rec := r.Record()
		for i := range int(rec.NumRows()) {
			row := make([]string, rec.NumCols())
			for j, c := range rec.Columns() {
				row[j] = c.(*array.String).Value(i)
			}
			rows = append(rows, row)
		}
	}
	return rows, r.Err()
}

// Short texts of the characters that matter, by the thousand, read as
// encoding/csv reads them; see FuzzCSV.
func TestCSVOracle(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	n, dir := 3000, t.TempDir()
	if testing.Short() {
		n = 200
	}
	for range n {
		var b strings.Builder
		b.WriteString([]string{"a,b\n", "a\n", "\"a\",b\r\n", "a,b,c\n"}[rng.IntN(4)])
		for range rng.IntN(14) {
			b.WriteString([]string{",", "\"", "\n", "x", "\r\n", "\"\"", "\"x\"", "é", "\"y\n\",", " ", "\r"}[rng.IntN(11)])
		}
		compareCSV(t, dir, b.String(), 1+rng.IntN(5))
	}
}

// Numbers are read as strconv reads them, in every short form and around the
// limits, wherever the text lies in its buffer.
func TestCSVNumbers(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 22))
	strictInteger := regexp.MustCompile(`^(0|-?[1-9][0-9]*)$`)
	strictDecimal := regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`)
	looseDecimal := regexp.MustCompile(`^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$`)
	looseInteger := regexp.MustCompile(`^[+-]?[0-9]+$`)
	n := 200_000
	if testing.Short() {
		n = 20_000
	}
	for range n {
		var b []byte
		for range 1 + rng.IntN(12)*rng.IntN(3) {
			b = append(b, "0123456789012345678901234567890123456789..-+e x\xff/:"[rng.IntN(50)])
		}
		s := string(b)
		buf := append(b[:len(b):len(b)], ",99.9999,9999999"...)[:len(b)]
		if rng.IntN(4) == 0 {
			buf = b[:len(b):len(b)] // nothing behind it
		}
		i, errI := strconv.ParseInt(s, 10, 64)
		for strict, form := range map[bool]*regexp.Regexp{true: strictInteger, false: looseInteger} {
			got, ok := parseInteger(buf, strict)
			if want := errI == nil && form.MatchString(s); ok != want || ok && got != i {
				t.Fatalf("integer %q, strict %v: %d %v, want %d %v", s, strict, got, ok, i, want)
			}
		}
		f, errF := strconv.ParseFloat(s, 64)
		for strict, form := range map[bool]*regexp.Regexp{true: strictDecimal, false: looseDecimal} {
			got, ok := parseDecimal(buf, strict)
			want := errF == nil && form.MatchString(s) && !(strict && f == 0 && s[0] == '-')
			if ok != want || ok && got != f {
				t.Fatalf("decimal %q, strict %v: %v %v, want %v %v", s, strict, got, ok, f, want)
			}
		}
	}
}
