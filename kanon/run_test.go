package kanon_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/hierarchy"
	"github.com/oboro-data/oboro/internal/corpus"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/kanon"
)

var adultColumns = []string{"sex", "age", "race", "marital-status", "education", "native-country", "workclass", "occupation", "salary-class"}

func adultSource(t testing.TB) *arrowio.Memory {
	t.Helper()
	ctx := context.Background()
	src, err := arrowio.OpenCSV(ctx, corpus.Shared(t, "data/adult/adult.csv"), arrowio.CSVOptions{Delimiter: ';'})
	if err != nil {
		t.Fatal(err)
	}
	r, err := src.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	m, err := arrowio.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func adultQuasi(t testing.TB, columns ...string) []kanon.QuasiIdentifier {
	t.Helper()
	var out []kanon.QuasiIdentifier
	for _, c := range columns {
		h, err := hierarchy.File(corpus.Shared(t, "data/adult/adult_hierarchy_"+c+".csv"))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, kanon.QuasiIdentifier{Column: c, Hierarchy: h})
	}
	return out
}

func TestAnonymizeAdult(t *testing.T) {
	ctx := context.Background()
	src := adultSource(t)
	for _, c := range []struct {
		limit      float64
		node       string
		suppressed int64
		classes    int64
		cost       float64
	}{
		{0, "0,4,1,1,3,2,2,1,0", 0, 24, 0.5731509655590044},
		{0.02, "0,3,0,2,2,1,1,2,0", 506, 222, 0.3137130352819242},
		{1, "0,3,0,0,2,1,1,1,0", 2553, 602, 0.22041192847984292},
	} {
		rel, err := kanon.Anonymize(ctx, src, &kanon.Spec{
			QuasiIdentifiers: adultQuasi(t, adultColumns...), Models: []kanon.PrivacyModel{kanon.KAnonymity{K: 5}}, MaxSuppression: c.limit,
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := rel.Recoding.Rounds[0].Node.String(); got != c.node || rel.SuppressedRows != c.suppressed || rel.Classes != c.classes || math.Abs(rel.Cost[0]-c.cost) > 1e-9*c.cost {
			t.Errorf("limit %v: %s, %d rows suppressed, %d classes, cost %v; want %s, %d, %d, %v", c.limit, got, rel.SuppressedRows, rel.Classes, rel.Cost, c.node, c.suppressed, c.classes, c.cost)
		}
		if rel.SmallestClass < 5 || rel.Claims[0].Checked != "output" || rel.Rows+rel.SuppressedRows != 30162 {
			t.Errorf("limit %v: %+v", c.limit, rel)
		}
	}
}

func BenchmarkAnonymizeAdult2(b *testing.B) {
	src := adultSource(b)
	quasi := adultQuasi(b, adultColumns...)
	b.ReportAllocs()
	for b.Loop() {
		_, err := kanon.Anonymize(context.Background(), src, &kanon.Spec{
			QuasiIdentifiers: quasi, Models: []kanon.PrivacyModel{kanon.KAnonymity{K: 5}}, MaxSuppression: 0.02,
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

var memberSchema = arrow.NewSchema([]arrow.Field{
	{Name: "member", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "zip", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "age", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
	{Name: "job", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}, Nullable: true},
	{Name: "fee", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	{Name: "tags", Type: arrow.ListOf(arrow.BinaryTypes.String), Nullable: true},
	{Name: "paid", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
	{Name: "dept", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}, Nullable: true},
	{Name: "at", Type: arrow.StructOf(arrow.Field{Name: "t", Type: arrow.FixedWidthTypes.Timestamp_us, Nullable: true}), Nullable: true},
	{Name: "illness", Type: arrow.BinaryTypes.String, Nullable: true},
}, nil)

// members makes a table of random members in a few batches, with nulls and,
// under them, bytes that must not show.
func members(r *rand.Rand, rows int) *arrowio.Memory {
	var records []arrow.Record
	for from := 0; from < rows; {
		n := min(rows-from, 1+r.IntN(rows))
		b := array.NewRecordBuilder(memory.DefaultAllocator, memberSchema)
		for range n {
			for c, f := range memberSchema.Fields() {
				v := r.IntN(6)
				fb := b.Field(c)
				if r.IntN(8) == 0 {
					fb.AppendNull()
					continue
				}
				switch f.Name {
				case "member":
					fb.(*array.Int64Builder).Append(int64(r.IntN(rows)))
				case "zip":
					fb.(*array.StringBuilder).Append(fmt.Sprintf("8%d%d", r.IntN(2), v/2))
				case "age":
					fb.(*array.Int32Builder).Append(int32(20 + 3*v))
				case "fee":
					fb.(*array.Float64Builder).Append(float64(v) / 3)
				case "tags":
					lb := fb.(*array.ListBuilder)
					lb.Append(true)
					for range v / 2 {
						lb.ValueBuilder().(*array.StringBuilder).Append(fmt.Sprintf("tag%d", r.IntN(4)))
					}
				case "paid":
					fb.(*array.BooleanBuilder).Append(v > 2)
				case "job", "dept":
					if err := fb.(*array.BinaryDictionaryBuilder).AppendString(f.Name + fmt.Sprint(v)); err != nil {
						panic(err)
					}
				case "at":
					sb := fb.(*array.StructBuilder)
					sb.Append(true)
					sb.FieldBuilder(0).(*array.TimestampBuilder).Append(arrow.Timestamp(v * 1e6))
				case "illness":
					fb.(*array.StringBuilder).Append(fmt.Sprintf("illness%d", v/2))
				}
			}
		}
		records = append(records, b.NewRecord())
		from += n
	}
	return arrowio.NewMemory(memberSchema, records...)
}

// texts reads a table as texts, row by row, null apart from every text.
func texts(t *testing.T, src arrowio.Source, columns ...string) [][]string {
	t.Helper()
	rr, err := src.Open(context.Background(), columns...)
	if err != nil {
		t.Fatal(err)
	}
	defer rr.Release()
	var out [][]string
	for rr.Next() {
		rec := rr.Record()
		for i := range int(rec.NumRows()) {
			row := make([]string, rec.NumCols())
			for c, col := range rec.Columns() {
				row[c] = "null"
				if d, ok := col.(*array.Dictionary); ok && col.IsValid(i) {
					row[c] = "=" + d.Dictionary().ValueStr(d.GetValueIndex(i))
				} else if col.IsValid(i) {
					row[c] = "=" + col.ValueStr(i)
				}
			}
			out = append(out, row)
		}
	}
	if err := rr.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestAnonymizeAgainstPlainRecoding recodes random tables with plain code at
// the node that Anonymize chose, and compares the tables cell by cell.
func TestAnonymizeAgainstPlainRecoding(t *testing.T) {
	rounds := 600
	if testing.Short() {
		rounds = 60
	}
	jobs, err := hierarchy.Inline([]map[string]string{{"job0": "a", "job1": "a", "job2": "a", "job3": "b", "job4": "b", "job5": "b"}})
	if err != nil {
		t.Fatal(err)
	}
	released := 0
	for seed := range uint64(rounds) {
		r := rand.New(rand.NewPCG(seed, 3))
		src := members(r, 1+r.IntN(80))
		k := int64(1 + r.IntN(5))
		spec := &kanon.Spec{
			QuasiIdentifiers: []kanon.QuasiIdentifier{
				{Column: "zip", Hierarchy: hierarchy.Prefix(2)},
				{Column: "age", Hierarchy: hierarchy.Intervals(5, 10)},
				{Column: "job", Hierarchy: jobs},
			},
			Models:         []kanon.PrivacyModel{kanon.KAnonymity{K: k}},
			MaxSuppression: float64(r.IntN(11)) / 10,
			Workers:        1 + r.IntN(3),
			Memory:         []int64{0, 1, 3000, 20000}[r.IntN(4)], // tiny: rows go through the temporary file
		}
		if r.IntN(2) == 0 {
			spec.Unit = "member"
		}
		if r.IntN(3) == 0 {
			spec.Models = append(spec.Models, kanon.LDiversity{L: 2, Column: "illness"})
		}
		switch r.IntN(3) {
		case 0:
			spec.Columns = []string{"zip", "age", "job"}
		case 1:
			spec.Columns = []string{"illness", "job", "dept", "zip", "age"}
		}
		if r.IntN(3) == 0 {
			spec.RowOrder = kanon.InputOrder
		}
		rel, err := kanon.Anonymize(context.Background(), src, spec)
		if errors.Is(err, fault.Data) {
			continue
		}
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		released++
		var columns []string
		for _, f := range rel.Schema().Fields() {
			columns = append(columns, f.Name)
		}
		want := plainRecoding(t, src, spec, rel.Recoding.Rounds[0].Node, k, columns)
		got := texts(t, rel)
		if int64(len(got)) != rel.Rows {
			t.Fatalf("seed %d: %d rows written, %d said", seed, len(got), rel.Rows)
		}
		var parts [][]string
		for _, s := range rel.Splits(3) {
			parts = append(parts, texts(t, s)...)
		}
		if !slices.EqualFunc(parts, got, slices.Equal) {
			t.Fatalf("seed %d: the splits are not the whole", seed)
		}
		if spec.RowOrder == kanon.Shuffled {
			slices.SortFunc(want, slices.Compare[[]string])
			slices.SortFunc(got, slices.Compare[[]string])
		}
		if !slices.EqualFunc(want, got, slices.Equal) {
			t.Fatalf("seed %d: node %v\nwant %v\ngot  %v", seed, rel.Recoding.Rounds[0].Node, want, got)
		}
		checkSilence(t, seed, rel)
		if applied := applyBatches(t, src, rel.Recoding, columns); !sameRows(applied, got) {
			t.Fatalf("seed %d: Apply gives other rows than the release", seed)
		}
		if _, err := kanon.Verify(context.Background(), rel, kanon.VerifySpec{QuasiIdentifiers: []string{"zip", "age", "job"}, Models: spec.Models, Unit: spec.Unit}); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
	if released < rounds/3 {
		t.Errorf("%d of %d tables were released: the test says little", released, rounds)
	}
}

// checkSilence looks for entries of dictionaries that no row has, and bytes
// under nulls.
func checkSilence(t *testing.T, seed uint64, rel *kanon.Release) {
	t.Helper()
	rr, err := rel.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer rr.Release()
	used := map[int]map[int]bool{}
	size := map[int]int{}
	for rr.Next() {
		for c, col := range rr.Record().Columns() {
			if f, ok := col.(*array.Float64); ok {
				for i := range f.Len() {
					if f.IsNull(i) && math.Float64bits(f.Value(i)) != 0 {
						t.Fatalf("seed %d: a value shows under a null", seed)
					}
				}
			}
			d, ok := col.(*array.Dictionary)
			if !ok {
				continue
			}
			if used[c] == nil {
				used[c] = map[int]bool{}
			}
			size[c] = d.Dictionary().Len()
			for i := range d.Len() {
				if d.IsValid(i) {
					used[c][d.GetValueIndex(i)] = true
				}
			}
		}
	}
	for c, n := range size {
		if len(used[c]) != n {
			t.Fatalf("seed %d: column %d: a dictionary of %d values, %d of them written", seed, c, n, len(used[c]))
		}
	}
}

// plainRecoding generalises every row by itself and drops those of failing
// classes.
func plainRecoding(t *testing.T, src arrowio.Source, spec *kanon.Spec, n kanon.Node, k int64, columns []string) [][]string {
	t.Helper()
	rows := texts(t, src, columns...)
	classOf := make([]string, len(rows))
	for q, qi := range spec.QuasiIdentifiers {
		labels := generalized(t, src, qi, n[q])
		at := slices.Index(columns, qi.Column)
		for i := range rows {
			rows[i][at] = labels[i]
			classOf[i] += labels[i] + "\x00"
		}
	}
	size := map[string]int64{}
	members := map[string]bool{}
	var ids [][]string
	if spec.Unit != "" {
		ids = texts(t, src, spec.Unit)
	}
	values := map[string]map[string]bool{}
	for i, s := range texts(t, src, "illness") {
		c := classOf[i]
		if values[c] == nil {
			values[c] = map[string]bool{}
		}
		values[c][s[0]] = true
		if ids == nil {
			size[c]++
		} else if m := c + ids[i][0]; !members[m] {
			members[m] = true
			size[c]++
		}
	}
	var out [][]string
	for i, row := range rows {
		// Two values of one person do not hide that person: diversity asks for
		// as many people.
		if c := classOf[i]; size[c] >= k && (len(spec.Models) == 1 || len(values[c]) >= 2 && size[c] >= 2) {
			out = append(out, row)
		}
	}
	return out
}

// generalized returns the label of every row of a column at a level.
func generalized(t *testing.T, src arrowio.Source, q kanon.QuasiIdentifier, level int) []string {
	t.Helper()
	raw := texts(t, src, q.Column)
	out := make([]string, len(raw))
	names := q.Hierarchy.Levels()
	for i := range raw {
		out[i] = raw[i][0]
	}
	if level > len(names) {
		for i := range out {
			out[i] = "=*"
		}
		return out
	}
	if level == 0 {
		return out
	}
	rr, err := src.Open(context.Background(), q.Column)
	if err != nil {
		t.Fatal(err)
	}
	defer rr.Release()
	at := 0
	for rr.Next() {
		col := rr.Record().Column(0)
		for i := range col.Len() {
			one, j := col, i
			if d, ok := col.(*array.Dictionary); ok && d.IsValid(i) {
				one, j = d.Dictionary(), d.GetValueIndex(i)
			}
			if col.IsValid(i) {
				labels, ok, err := q.Hierarchy.Generalize(array.NewSlice(one, int64(j), int64(j)+1), level)
				if err != nil || !ok[0] {
					t.Fatalf("%v", err)
				}
				out[at] = "=" + labels[0]
			}
			at++
		}
	}
	return out
}

func TestAnonymizeRefuses(t *testing.T) {
	src := members(rand.New(rand.NewPCG(1, 1)), 40)
	ok := func() *kanon.Spec {
		return &kanon.Spec{
			Unit:             "member",
			QuasiIdentifiers: []kanon.QuasiIdentifier{{Column: "zip"}, {Column: "age"}},
			Models:           []kanon.PrivacyModel{kanon.KAnonymity{K: 2}}, MaxSuppression: 1,
		}
	}
	if _, err := kanon.Anonymize(context.Background(), src, ok()); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*kanon.Spec)
		kind   error
		says   string
	}{
		"no quasi-identifier":            {func(s *kanon.Spec) { s.QuasiIdentifiers = nil }, fault.Plan, "quasi-identifier"},
		"no model":                       {func(s *kanon.Spec) { s.Models = nil }, fault.Plan, "model"},
		"a bad model":                    {func(s *kanon.Spec) { s.Models = []kanon.PrivacyModel{kanon.KAnonymity{}} }, fault.Plan, "k"},
		"an unknown column":              {func(s *kanon.Spec) { s.QuasiIdentifiers[0].Column = "postcode" }, fault.Plan, "postcode"},
		"an unknown unit":                {func(s *kanon.Spec) { s.Unit = "who" }, fault.Plan, "who"},
		"the unit as quasi-identifier":   {func(s *kanon.Spec) { s.QuasiIdentifiers[0].Column = "member" }, fault.Plan, "member"},
		"a quasi-identifier twice":       {func(s *kanon.Spec) { s.QuasiIdentifiers[0].Column = "age" }, fault.Plan, "twice"},
		"the unit written":               {func(s *kanon.Spec) { s.Columns = []string{"zip", "age", "member"} }, fault.Plan, "identifies"},
		"a column written twice":         {func(s *kanon.Spec) { s.Columns = []string{"zip", "age", "zip"} }, fault.Plan, "twice"},
		"a quasi-identifier not written": {func(s *kanon.Spec) { s.Columns = []string{"zip"} }, fault.Plan, "age"},
		"a list as quasi-identifier":     {func(s *kanon.Spec) { s.QuasiIdentifiers[0].Column = "tags" }, fault.Plan, "tags"},
		"a level there is not":           {func(s *kanon.Spec) { s.QuasiIdentifiers[0].Level = "decade" }, fault.Plan, "decade"},
		"a limit above 1":                {func(s *kanon.Spec) { s.MaxSuppression = 1.5 }, fault.Plan, "between 0 and 1"},
		"a limit that is no number":      {func(s *kanon.Spec) { s.MaxSuppression = math.NaN() }, fault.Plan, "between 0 and 1"},
		"a search there is not":          {func(s *kanon.Spec) { s.Search = "lucky" }, fault.Plan, "lucky"},
		"mondrian with a fixed level":    {func(s *kanon.Spec) { s.Search, s.QuasiIdentifiers[0].Level = "mondrian", "0" }, fault.Plan, "zip"},
		"mondrian and a table model": {func(s *kanon.Spec) {
			s.Search, s.Models = "mondrian", []kanon.PrivacyModel{kanon.AverageRisk{Threshold: 0.1}}
		}, fault.Plan, "classes"},
		"local and a table model": {func(s *kanon.Spec) {
			s.Recode, s.Models = "local", []kanon.PrivacyModel{kanon.AverageRisk{Threshold: 0.1}}
		}, fault.Plan, "classes"},
		"anytime without deadline": {func(s *kanon.Spec) { s.Search = "anytime" }, fault.Plan, "deadline"},
		"a recoding there is not":  {func(s *kanon.Spec) { s.Recode = "loco" }, fault.Plan, "loco"},
		"a weight for nothing":     {func(s *kanon.Spec) { s.Cost = kanon.Loss{Weights: map[string]float64{"fee": 1}} }, fault.Plan, "fee"},
		"a model over the unit":    {func(s *kanon.Spec) { s.Models = append(s.Models, kanon.LDiversity{L: 2, Column: "member"}) }, fault.Plan, "member"},
		"wildcards and another model": {func(s *kanon.Spec) {
			s.Nulls = kanon.NullIsWildcard
			s.Models = append(s.Models, kanon.LDiversity{L: 2, Column: "illness"})
		}, fault.Plan, "wildcard"},
		"wildcards and local recoding": {func(s *kanon.Spec) { s.Nulls, s.Recode = kanon.NullIsWildcard, "local" }, fault.Plan, "wildcard"},
		"nulls refused":                {func(s *kanon.Spec) { s.Nulls = kanon.NullRejected }, fault.Data, "zip"},
		"too large a k":                {func(s *kanon.Spec) { s.Models = []kanon.PrivacyModel{kanon.KAnonymity{K: 1000}} }, fault.Data, "1000-anonymity"},
		"levels fixed too fine": {func(s *kanon.Spec) {
			s.MaxSuppression = 0
			s.QuasiIdentifiers[0].Level, s.QuasiIdentifiers[1].Level = "0", "raw"
			s.Models = []kanon.PrivacyModel{kanon.KAnonymity{K: 20}}
		}, fault.Data, "20-anonymity"},
	} {
		spec := ok()
		c.change(spec)
		_, err := kanon.Anonymize(context.Background(), src, spec)
		if !errors.Is(err, c.kind) || !strings.Contains(fmt.Sprint(err), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if c.kind == fault.Plan {
			if err := spec.Check(src.Schema()); name != "a weight for nothing" && !errors.Is(err, fault.Plan) {
				t.Errorf("%s: Check says %v", name, err)
			}
		}
	}
}

// TestVerifyFindsUniqueRow turns one row of a release into a unique one.
func TestVerifyFindsUniqueRow(t *testing.T) {
	rel, err := kanon.Anonymize(context.Background(), adultSource(t), &kanon.Spec{
		QuasiIdentifiers: adultQuasi(t, adultColumns...), Models: []kanon.PrivacyModel{kanon.KAnonymity{K: 5}}, MaxSuppression: 0.02,
	})
	if err != nil {
		t.Fatal(err)
	}
	spec := kanon.VerifySpec{QuasiIdentifiers: adultColumns, Models: []kanon.PrivacyModel{kanon.KAnonymity{K: 5}}}
	got, err := kanon.Verify(context.Background(), rel, spec)
	if err != nil || got.Classes != 222 || got.Rows != 29656 || got.SmallestClass != 5 || !slices.Equal(got.Checked, []string{"5-anonymity"}) {
		t.Fatalf("%+v, %v", got, err)
	}
	rows := texts(t, rel)
	for _, edit := range []int{0, 17000, len(rows) - 1} {
		b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(plainFields(adultColumns), nil))
		for i, row := range rows {
			for c, s := range row {
				if i == edit && c == 1 {
					s = "=17"
				}
				b.Field(c).(*array.StringBuilder).Append(strings.TrimPrefix(s, "="))
			}
		}
		rec := b.NewRecord()
		if _, err := kanon.Verify(context.Background(), arrowio.NewMemory(rec.Schema(), rec), spec); !errors.Is(err, fault.Data) {
			t.Errorf("row %d made unique: %v", edit, err)
		}
	}
}

func plainFields(names []string) []arrow.Field {
	var out []arrow.Field
	for _, n := range names {
		out = append(out, arrow.Field{Name: n, Type: arrow.BinaryTypes.String, Nullable: true})
	}
	return out
}

// applyBatches applies a recoding batch by batch, as another machine would.
func applyBatches(t *testing.T, src arrowio.Source, r *kanon.Recoding, columns []string) [][]string {
	t.Helper()
	rr, err := src.Open(context.Background(), columns...)
	if err != nil {
		t.Fatal(err)
	}
	defer rr.Release()
	var out [][]string
	for rr.Next() {
		rec, err := r.Apply(rr.Record())
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, texts(t, arrowio.NewMemory(rec.Schema(), rec))...)
	}
	return out
}

func sameRows(a, b [][]string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.SortFunc(a, slices.Compare[[]string])
	slices.SortFunc(b, slices.Compare[[]string])
	return slices.EqualFunc(a, b, slices.Equal)
}
