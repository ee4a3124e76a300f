package hierarchy

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"pgregory.net/rapid"

	"github.com/oboro-data/oboro/internal/corpus"
	"github.com/oboro-data/oboro/internal/fault"
)

func values(t testing.TB, dt arrow.DataType, json string) arrow.Array {
	t.Helper()
	arr, _, err := array.FromJSON(memory.DefaultAllocator, dt, strings.NewReader(json))
	if err != nil {
		t.Fatal(err)
	}
	return arr
}

// row joins the labels of a value at all levels of a hierarchy.
func row(t testing.TB, h Hierarchy, arr arrow.Array, i int) string {
	t.Helper()
	if err := h.CheckType(arr.DataType()); err != nil {
		return err.Error()
	}
	var out []string
	for l := range h.Levels() {
		labels, ok, err := h.Generalize(arr, l+1)
		if err != nil {
			t.Fatal(err)
		}
		if !ok[i] {
			labels[i] = "unlisted"
		}
		out = append(out, labels[i])
	}
	return strings.Join(out, " ")
}

func must(h Hierarchy, err error) Hierarchy {
	if err != nil {
		panic(err)
	}
	return h
}

var (
	text    = arrow.BinaryTypes.String
	integer = arrow.PrimitiveTypes.Int32
	double  = arrow.PrimitiveTypes.Float64
	date    = arrow.FixedWidthTypes.Date32
)

func TestLabels(t *testing.T) {
	tokyo := &arrow.TimestampType{Unit: arrow.Second, TimeZone: "+09:00"}
	ages := must(Parse(strings.NewReader("34;30-39;*\r\n36;30-39;*\r\n\r\n61;60-69;*"), "age.csv"))
	jobs := must(Inline([]map[string]string{{"Nurse": "Health", "Doctor": "Health", "Clerk": "Office"}, {"Health": "Work", "Office": "Work"}}))
	calendar := Dates("day", "month", "quarter", "year", "5-years", "10-years")
	for _, c := range []struct {
		h    Hierarchy
		dt   arrow.DataType
		in   string
		want string
	}{
		{ages, integer, `[36]`, "30-39"},
		{ages, text, `["61"]`, "60-69"},
		{ages, text, `["061"]`, "unlisted"},
		{ages, text, `[null]`, ""},
		{jobs, text, `["Nurse"]`, "Health Work"},
		{jobs, text, `["nurse"]`, "unlisted unlisted"},
		{Prefix(3, 2), text, `["81667"]`, "816** 81***"},
		{Prefix(3, 2), integer, `[81667]`, "816** 81***"},
		{Prefix(3, 2), text, `["ab"]`, "ab ab"},
		{Prefix(1), text, `["東京都"]`, "東**"},
		{Prefix(1), text, `[""]`, ""},
		{Intervals(5, 10, 20), integer, `[34]`, "30-34 30-39 20-39"},
		{Intervals(5), integer, `[-3]`, "-5..-1"},
		{Intervals(5), integer, `[-5]`, "-5..-1"},
		{Intervals(1, 2), integer, `[7]`, "7 6-7"},
		{Intervals(10).Min(18).Max(95), integer, `[17]`, "<18"},
		{Intervals(10).Min(18).Max(95), integer, `[18]`, "18-19"},
		{Intervals(10).Min(18).Max(95), integer, `[93]`, "90-95"},
		{Intervals(10).Min(18).Max(95), integer, `[96]`, ">95"},
		{Intervals(10).Max(90), integer, `[90]`, "90"},
		{Intervals(10), arrow.PrimitiveTypes.Int64, `["-9223372036854775808"]`, "-9223372036854775810..-9223372036854775801"},
		{Intervals(10), arrow.PrimitiveTypes.Uint64, `[9223372036854775808]`, "9223372036854775800-9223372036854775809"},
		{Intervals(10), double, `[40]`, "[40,50)"},
		{Intervals(10), double, `[39.99]`, "[30,40)"},
		{Intervals(0.1, 0.5), double, `[0.3]`, "[0.3,0.4) [0,0.5)"},
		{Intervals(2.5), integer, `[5]`, "[5,7.5)"},
		{Intervals(10).Min(0).Max(99), double, `[99.5]`, ">99"},
		{Intervals(10).Min(0).Max(99), double, `[99]`, "[90,99]"},
		{Intervals(10).Min(-0.5), double, `[-0.5]`, "[-0.5,0)"},
		{Intervals(0.25), &arrow.Decimal128Type{Precision: 6, Scale: 2}, `["-0.10"]`, "[-0.25,0)"},
		{calendar, date, `["2026-11-22"]`, "2026-11-22 2026-11 2026-Q4 2026 2025-2029 2020-2029"},
		{calendar, arrow.FixedWidthTypes.Date64, `["1969-12-31"]`, "1969-12-31 1969-12 1969-Q4 1969 1965-1969 1960-1969"},
		{Dates("week"), date, `["2027-01-01"]`, "2026-W53"},
		{Dates("fiscal-year", "5-fiscal-years"), date, `["2026-03-31"]`, "FY2025 FY2025-FY2029"},
		{Dates("fiscal-year"), date, `["2026-04-01"]`, "FY2026"},
		{Dates("minute", "hour", "day"), tokyo, `["2026-11-22T15:04:05Z"]`, "2026-11-23T00:04 2026-11-23T00 2026-11-23"},
		{Dates("year"), date, `[null]`, ""},
	} {
		if got := row(t, c.h, values(t, c.dt, c.in), 0); got != c.want {
			t.Errorf("%v of %s: got %q, want %q", c.h.Levels(), c.in, got, c.want)
		}
	}
	floats := array.NewFloat64Builder(memory.DefaultAllocator)
	floats.AppendValues([]float64{math.NaN(), math.Inf(1), math.Inf(-1)}, nil)
	arr := floats.NewArray()
	for i, want := range []string{"NaN NaN", "Inf >9", "-Inf -Inf"} {
		if got := row(t, Intervals(5), arr, i) + " " + row(t, Intervals(5).Max(9), arr, i); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestRefusals gives every way in which a hierarchy can be refused, and what the text says.
func TestRefusals(t *testing.T) {
	parse := func(s string) error {
		_, err := Parse(strings.NewReader(s), "job.csv")
		return err
	}
	inline := func(levels ...map[string]string) error {
		_, err := Inline(levels)
		return err
	}
	type m = map[string]string
	for _, c := range []struct {
		err  error
		want string
	}{
		{parse(""), "job.csv is empty"},
		{parse("\ufeff\n"), "job.csv is empty"},
		{parse("secret\n"), "job.csv, line 1: no level"},
		{parse("secret;x;*\nother;y;*;*\n"), "job.csv, line 2: 3 levels where the first line has 2"},
		{parse("secret;x;*\nb;x;*\n\nsecret;x;*\n"), "job.csv, line 4: the value is on line 1 already"},
		{parse("secret;x;*\nb;;*\n"), "job.csv, line 2: level 1 has an empty label"},
		{parse("secret;x;p;*\nb;x;q;*\n"), "job.csv, line 2: level 2 is finer than level 1"},
		{parse("secret;x;*\nb;\xff;*\n"), "job.csv, line 2: the text is not UTF-8"},
		{parse("secret;x;*\n\"b;x;*\n"), "job.csv, line 2: 0 levels"},
		{second(File(filepath.Join(t.TempDir(), "absent.csv"))), "can't be opened"},
		{inline(), "levels: is empty"},
		{inline(m{}), "levels: is empty"},
		{inline(m{"secret": ""}), "level 1 has an empty label"},
		{inline(m{"secret": "x", "b": "y"}, m{"x": "z"}), "level 2 loses a value"},
		{Prefix().CheckType(text), "no lengths"},
		{Prefix(3, 3).CheckType(text), "lengths must decrease"},
		{Prefix(2, 3).CheckType(text), "lengths must decrease"},
		{Prefix(2, 0).CheckType(text), "keep at least one"},
		{Prefix(2).CheckType(arrow.ListOf(text)), "list"},
		{Intervals().CheckType(integer), "no widths"},
		{Intervals(5, 12).CheckType(integer), "width 12 of level 2 is no multiple of width 5"},
		{Intervals(10, 5).CheckType(integer), "multiple"},
		{Intervals(5, 5).CheckType(integer), "not greater"},
		{Intervals(0).CheckType(integer), "not a positive number"},
		{Intervals(-1).CheckType(integer), "not a positive number"},
		{Intervals(math.NaN()).CheckType(integer), "not a positive number"},
		{Intervals(5).Min(math.Inf(1)).CheckType(integer), "finite"},
		{Intervals(5).Min(3).Max(2).CheckType(integer), "min is greater than max"},
		{Intervals(5).CheckType(text), "declare type: integer"},
		{Intervals(5).CheckType(date), "intervals need numbers"},
		{Dates().CheckType(date), "no units"},
		{Dates("decade").CheckType(date), `unknown unit "decade"`},
		{Dates("0-years").CheckType(date), "unknown unit"},
		{Dates("week", "month").CheckType(date), "levels must coarsen"},
		{Dates("year", "fiscal-year").CheckType(date), "levels must coarsen"},
		{Dates("5-years", "12-years").CheckType(date), "levels must coarsen"},
		{Dates("year", "month").CheckType(date), "levels must coarsen"},
		{Dates("month", "month").CheckType(date), "levels must coarsen"},
		{Dates("hour").CheckType(date), "needs timestamps"},
		{Dates("month").CheckType(text), "declare type: date"},
	} {
		if !errors.Is(c.err, fault.Plan) || !strings.Contains(fmt.Sprint(c.err), c.want) {
			t.Errorf("got %v, want %q", c.err, c.want)
		}
		if strings.Contains(fmt.Sprint(c.err), "secret") {
			t.Errorf("the text quotes a value: %v", c.err)
		}
	}
}

func second(_ Hierarchy, err error) error { return err }

func show(t *Table) string {
	var b strings.Builder
	for _, l := range t.Levels {
		fmt.Fprintf(&b, "%s %v %q null=%d %v\n", l.Name, l.Codes, l.Labels, l.Null, l.Leaves)
	}
	fmt.Fprintf(&b, "domain %d", t.DomainSize)
	return b.String()
}

func TestApply(t *testing.T) {
	ages := "33;30-39;*\n34;30-39;*\n36;30-39;*\n61;60-69;*\n"
	for _, c := range []struct {
		name string
		h    Hierarchy
		dt   arrow.DataType
		in   string
		o    Options
		want string
	}{
		{"none", nil, text, `["a", "b", null]`, Options{Null: 2}, `
raw [0 1 2] ["a" "b" ""] null=2 [1 1 1]
* [0 0 0] ["*"] null=-1 [3]
domain 3`},
		{"computed", Intervals(10), integer, `[34, 36, 61, null]`, Options{Null: 3}, `
raw [0 1 2 3] ["34" "36" "61" ""] null=3 [1 1 1 1]
1 [0 0 1 2] ["30-39" "60-69" ""] null=2 [2 1 1]
* [0 0 0 0] ["*"] null=-1 [4]
domain 4`},
		{"lines", must(Parse(strings.NewReader(ages), "")), integer, `[34, 61]`, Options{Null: -1}, `
raw [0 1] ["34" "61"] null=-1 [1 1]
1 [0 1] ["30-39" "60-69"] null=-1 [3 1]
* [0 0] ["*"] null=-1 [4]
domain 4`},
		{"lines and null", must(Parse(strings.NewReader(ages), "")), integer, `[34, null]`, Options{Null: 1}, `
raw [0 1] ["34" ""] null=1 [1 1]
1 [0 1] ["30-39" ""] null=1 [3 1]
* [0 0] ["*"] null=-1 [5]
domain 5`},
		{"unlisted", must(Parse(strings.NewReader(ages), "")), integer, `[34, 35, 99]`, Options{Null: -1, UnlistedToTop: true}, `
raw [0 1 2] ["34" "35" "99"] null=-1 [1 1 1]
1 [0 1 1] ["30-39" "*"] null=-1 [3 4]
* [0 0 0] ["*"] null=-1 [4]
domain 4`},
		{"own top", must(Inline([]map[string]string{{"a": "Any", "b": "Any"}})), text, `["a", null]`, Options{Null: 1}, `
raw [0 1] ["a" ""] null=1 [1 1]
1 [0 0] ["Any"] null=-1 [3]
domain 3`},
		{"own top, unlisted", must(Inline([]map[string]string{{"a": "Any", "b": "Any"}})), text, `["a", "c"]`, Options{Null: -1, UnlistedToTop: true}, `
raw [0 1] ["a" "c"] null=-1 [1 1]
1 [0 1] ["Any" "*"] null=-1 [2 2]
* [0 0] ["*"] null=-1 [2]
domain 2`},
		{"only null", must(Inline([]map[string]string{{"a": "Any", "b": "Any"}})), text, `[null]`, Options{Null: 0}, `
raw [0] [""] null=0 [1]
1 [0] ["Any"] null=-1 [3]
domain 3`},
		{"empty", Dates("year"), date, `[]`, Options{Null: -1}, `
raw [] [] null=-1 []
year [] [] null=-1 []
* [] ["*"] null=-1 [0]
domain 0`},
		{"domain size", Intervals(10), integer, `[34, 36]`, Options{Null: -1, DomainSize: 100}, `
raw [0 1] ["34" "36"] null=-1 [1 1]
1 [0 0] ["30-39"] null=-1 [2]
* [0 0] ["*"] null=-1 [100]
domain 100`},
	} {
		got, err := Apply(c.h, values(t, c.dt, c.in), c.o)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if s := show(got); s != strings.TrimSpace(c.want) {
			t.Errorf("%s: got\n%s\nwant%s", c.name, s, c.want)
		}
	}
}

// finer is a hierarchy that does not coarsen.
type finer struct{ raw }

func (finer) Levels() []string { return []string{"1", "2"} }
func (finer) Generalize(v arrow.Array, level int) ([]string, []bool, error) {
	labels, ok := make([]string, v.Len()), make([]bool, v.Len())
	for i := range labels {
		labels[i], ok[i] = fmt.Sprint(i%(level*level)), true
	}
	return labels, ok, nil
}

func TestApplyRefuses(t *testing.T) {
	_, err := Apply(finer{}, values(t, text, `["secret", "b", "c", "d"]`), Options{Column: "job", Null: -1})
	if !errors.Is(err, fault.Plan) || !strings.Contains(err.Error(), `column "job": level 2 of the hierarchy is finer than level 1`) {
		t.Errorf("got %v", err)
	}
	h := must(Inline([]map[string]string{{"a": "x", "b": "y"}}))
	_, err = Apply(h, values(t, text, `["a", "secret", "other", null]`), Options{Column: "job", Null: 3, Rows: func() []int64 { return []int64{5, 7, 4, 100} }})
	if !errors.Is(err, fault.Data) || !strings.Contains(err.Error(), `column "job": the hierarchy does not list 2 of the values, which 11 rows have`) || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
	_, err = Apply(Dates("year"), values(t, text, `["a"]`), Options{Column: "born", Null: -1})
	if !errors.Is(err, fault.Plan) || !strings.Contains(err.Error(), `column "born"`) {
		t.Errorf("got %v", err)
	}
}

// TestReferenceFiles parses every hierarchy file beside the project.
func TestReferenceFiles(t *testing.T) {
	root := filepath.Dir(filepath.Dir(corpus.Shared(t, "data/README.md")))
	files, err := filepath.Glob(filepath.Join(root, "data", "*", "*hierarchy*.csv"))
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, f := range files {
		h, err := File(f)
		if err != nil {
			t.Error(err)
			continue
		}
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(strings.TrimSpace(string(data)), "\n") + 1; h.Lines() != n {
			t.Errorf("%s: %d lines, want %d", filepath.Base(f), h.Lines(), n)
		}
	}
}

// TestAlwaysCoarsens draws values and parameters: whatever CheckType accepts
// coarsens on all values, and leaves of a level add up to at most the domain.
func TestAlwaysCoarsens(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var h Hierarchy
		var arr arrow.Array
		switch rapid.IntRange(0, 3).Draw(rt, "kind") {
		case 0:
			h = Prefix(rapid.SliceOfN(rapid.IntRange(0, 9), 1, 4).Draw(rt, "lengths")...)
			b := array.NewStringBuilder(memory.DefaultAllocator)
			b.AppendValues(rapid.SliceOfDistinct(rapid.StringOfN(rapid.RuneFrom([]rune("ab*東")), 0, 6, -1), rapid.ID).Draw(rt, "values"), nil)
			arr = b.NewArray()
		case 1:
			widths := rapid.SliceOfN(rapid.SampledFrom([]float64{0.1, 0.5, 1, 2, 3, 6, 12}), 1, 4).Draw(rt, "widths")
			slices.Sort(widths)
			h = Intervals(widths...).Min(rapid.Float64Range(-20, 0).Draw(rt, "min")).Max(rapid.Float64Range(0, 20).Draw(rt, "max"))
			b := array.NewFloat64Builder(memory.DefaultAllocator)
			b.AppendValues(rapid.SliceOfDistinct(rapid.Float64Range(-30, 30), rapid.ID).Draw(rt, "values"), nil)
			arr = b.NewArray()
		case 2:
			widths := rapid.SliceOfN(rapid.SampledFrom([]float64{1, 2, 3, 6, 12}), 1, 4).Draw(rt, "widths")
			slices.Sort(widths)
			h = Intervals(widths...).Min(float64(rapid.IntRange(-20, 0).Draw(rt, "min")))
			b := array.NewInt64Builder(memory.DefaultAllocator)
			b.AppendValues(rapid.SliceOfDistinct(rapid.Int64(), rapid.ID).Draw(rt, "values"), nil)
			arr = b.NewArray()
		default:
			h = Dates(rapid.SliceOfN(rapid.SampledFrom([]string{"day", "week", "month", "quarter", "year", "5-years", "10-years", "fiscal-year", "2-fiscal-years"}), 1, 4).Draw(rt, "units")...)
			b := array.NewDate32Builder(memory.DefaultAllocator)
			for _, v := range rapid.SliceOfDistinct(rapid.Int32Range(-1_000_000, 1_000_000), rapid.ID).Draw(rt, "values") {
				b.Append(arrow.Date32(v))
			}
			arr = b.NewArray()
		}
		if h.CheckType(arr.DataType()) != nil {
			return
		}
		table, err := Apply(h, arr, Options{Null: -1})
		if err != nil {
			rt.Fatal(err)
		}
		for _, l := range table.Levels {
			sum := int64(0)
			for _, n := range l.Leaves {
				sum += n
			}
			if sum != int64(arr.Len()) {
				rt.Fatalf("level %s has %d leaves for %d values", l.Name, sum, arr.Len())
			}
		}
	})
}

// TestWholeAgainstExact compares the fast path of integer intervals with exact
// arithmetic.
func TestWholeAgainstExact(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := Intervals(float64(rapid.Int64Range(1, 1000).Draw(rt, "width")))
		if rapid.Bool().Draw(rt, "limits") {
			h = h.Min(float64(rapid.Int64Range(-5000, 0).Draw(rt, "min"))).Max(float64(rapid.Int64Range(0, 5000).Draw(rt, "max")))
		}
		v := rapid.Int64Range(-maxWhole, maxWhole).Draw(rt, "value")
		if got, want := h.wholeLabel(v, h.widths[0].whole), h.label(fmt.Sprint(v), h.widths[0], true); got != want {
			rt.Fatalf("%d: %s, exactly %s", v, got, want)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "a;b;*\n", "\ufeffa;b\r\nc;b\r\n", "\"a;\"\"x\";b\n", "a;b;c\nd;b;e\n", ";x;*\n", "\xff;b\n", "a;\"b\nc\";*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h, err := Parse(strings.NewReader(s), "fuzz.csv")
		if err != nil {
			if !errors.Is(err, fault.Plan) || !strings.HasPrefix(err.Error(), "hierarchy fuzz.csv") {
				t.Fatalf("got %v", err)
			}
			return
		}
		l := h.(*lines)
		b := array.NewStringBuilder(memory.DefaultAllocator)
		for v := range l.line {
			b.Append(v)
		}
		table, err := Apply(h, b.NewArray(), Options{Null: -1})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(table.Levels); table.DomainSize != int64(h.Lines()) || len(table.Levels[n-1].Labels) != 1 {
			t.Fatalf("%s", show(table))
		}
	})
}

// TestDateLabelsAreRemembered compares every label of a column, whose days and
// minutes come again in and out of order, with that of its value alone.
func TestDateLabelsAreRemembered(t *testing.T) {
	zone := &arrow.TimestampType{Unit: arrow.Second, TimeZone: "Asia/Tokyo"}
	b := array.NewTimestampBuilder(memory.DefaultAllocator, zone)
	defer b.Release()
	const n = 2000
	for i := range n {
		b.Append(arrow.Timestamp(1_700_000_000 + i*7919%n*47))
	}
	whole := b.NewArray()
	defer whole.Release()
	h := Dates("minute", "hour", "day", "month", "fiscal-year")
	for level := 1; level <= len(h.Levels()); level++ {
		labels, _, err := h.Generalize(whole, level)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			one := array.NewSlice(whole, int64(i), int64(i+1))
			alone, _, err := h.Generalize(one, level)
			one.Release()
			if err != nil || alone[0] != labels[i] {
				t.Fatalf("level %d, value %d: %q in the column, %q alone, %v", level, i, labels[i], alone, err)
			}
		}
	}
}
