package dp

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/corpus"
	"github.com/oboro-data/oboro/internal/exact"
)

// smallSchema is that of the random small tables.
func smallSchema(textUnit bool) *arrow.Schema {
	unit := arrow.DataType(arrow.PrimitiveTypes.Int64)
	if textUnit {
		unit = arrow.BinaryTypes.String
	}
	dict := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}
	return arrow.NewSchema([]arrow.Field{
		{Name: "unit", Type: unit, Nullable: true},
		{Name: "k1", Type: dict, Nullable: true},
		{Name: "k2", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		{Name: "x", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		{Name: "y", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
		{Name: "z", Type: &arrow.Decimal128Type{Precision: 10, Scale: 2}, Nullable: true},
		{Name: "page", Type: arrow.BinaryTypes.String, Nullable: true},
	}, nil)
}

// smallTable draws a table of few rows, units, groups and values, with nulls,
// NaN, infinities and values far outside of every range.
func smallTable(r *rand.Rand, schema *arrow.Schema) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	pick := func(texts ...string) string { return texts[r.IntN(len(texts))] }
	add := func(c int, text string) {
		if text == "" {
			b.Field(c).AppendNull()
		} else if err := b.Field(c).AppendValueFromString(text); err != nil {
			panic(err)
		}
	}
	for range r.IntN(24) {
		add(0, pick("1", "2", "3", "3", "4", ""))
		add(1, pick("a", "b", "c", "d", ""))
		add(2, pick("0", "-0", "1.5", "NaN", ""))
		add(3, pick("0", "1", "2.5", "-7.25", "1e300", "-Inf", "+Inf", "NaN", "0.1", ""))
		add(4, pick("0", "1", "2", "5", "-3", "100000", ""))
		add(5, pick("0.01", "-1.50", "3.00", "99999999.99", ""))
		add(6, pick("p", "q", "r", "s", "t", ""))
	}
	return b.NewRecord()
}

// smallQuery draws a query over a small table.
func smallQuery(r *rand.Rand) *Query {
	q := &Query{Unit: "unit", Bounds: ContributionBounds{MaxGroups: 1 + r.Int64N(3), RowsPerGroup: r.Int64N(4)}}
	if r.IntN(3) == 0 {
		if q.Bounds.RowsPerUnit = 1 + r.Int64N(6); r.IntN(2) == 0 {
			q.Bounds.MaxGroups = 0
		}
	}
	if r.IntN(6) == 0 {
		q.Unit, q.UnitIsRow = "", true
	}
	q.GroupBy = [][]string{{}, {"k1"}, {"k1", "k2"}, {"k2", "k1"}}[r.IntN(4)]
	if r.IntN(4) == 0 && len(q.GroupBy) == 1 {
		q.PublicGroups = [][]GroupKey{{{Text: "b"}}, {{Text: "absent"}}, {{Null: true}}}
		if q.GroupBy[0] == "k2" {
			q.PublicGroups = [][]GroupKey{{{Text: "1.5"}}, {{Text: "7"}}, {{Null: true}}}
		}
	}
	all := []Aggregate{
		CountUnits{As: "units"},
		Count{As: "rows", PerUnit: r.Int64N(4)},
		Sum{As: "sx", Column: "x", Lower: -5, Upper: 3, Resolution: 0.25},
		Sum{As: "sx2", Column: "x", Lower: -1, Upper: 1},
		Sum{As: "sy", Column: "y", Lower: 2, Upper: 9},
		Sum{As: "sz", Column: "z", Lower: -10, Upper: 10},
		Mean{As: "my", Column: "y", Lower: 0, Upper: 4},
		Variance{As: "vx", Column: "x", Lower: -2, Upper: 2},
		StdDev{As: "dz", Column: "z", Lower: -2, Upper: 2},
		Quantiles{As: "qy", Column: "y", Lower: 0, Upper: 8, Ranks: []float64{0.5, 0.9, 0}},
		Quantiles{As: "qt", Column: "y", Lower: -20, Upper: 20, Ranks: []float64{0.5}, Tree: true},
		Min{As: "lx", Column: "x", Lower: -1, Upper: 8},
		Histogram{As: "hx", Column: "x", Edges: []float64{-10, 0, 0.1, 2.5}},
		CountDistinct{As: "dp", Column: "page", PerUnit: r.Int64N(3)},
		CountDistinct{As: "dy", Column: "y", PerUnit: 2},
		TopK{As: "t", Column: "page", Values: []string{"q", "p", "zz"}, K: 2},
		VectorSum{As: "v", Columns: []string{"x", "y", "z"}, Norm: 4, Resolution: 0.5},
		Covariance{As: "c", Columns: []string{"y", "z", "x"}, Lower: []float64{0, -1, -1}, Upper: []float64{3, 1, 2}},
		Correlation{As: "r", Columns: []string{"y", "z"}, Lower: []float64{0, -1}, Upper: []float64{3, 1}},
	}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	q.Aggregates = all[:1+r.IntN(6)]
	return q
}

// without returns the rows for which drop is false.
func without(rec arrow.Record, drop func(row int) bool) arrow.Record {
	var rows []int
	for i := range int(rec.NumRows()) {
		if !drop(i) {
			rows = append(rows, i)
		}
	}
	return corpus.Take(rec, rows)
}

// byKey returns the sums and the lists of a tally by group key.
func byKey(a *Accumulator, t *tally) map[string][]int128 {
	out := map[string][]int128{}
	for g := range uint32(a.groups.len()) {
		out[string(a.groups.key(g))] = sumsOf(t, g)
	}
	return out
}

// sumsOf are all sums of a group.
func sumsOf(t *tally, g uint32) []int128 {
	out := []int128{}
	for i := range t.sums {
		out = append(out, t.sums[i].of(g))
	}
	return out
}

func (a int128) abs() *big.Int { return new(big.Int).Abs(a.big()) }

// TestLawBounds: removing any one unit changes the sums of every statistic, in
// at most MaxGroups groups and in each by at most the declared sensitivity in
// the ℓ₁ norm; changes the rows that quantiles see by at most the declared
// number in each group, and never changes what is kept of another unit. Every
// unit of every table is tried; OBORO_PLANS sets the number of plans.
func TestLawBounds(t *testing.T) {
	tables := 2000
	if testing.Short() {
		tables = 150
	}
	tables = envInt(t, "OBORO_PLANS", tables)
	for seed := range uint64(tables) {
		r := rand.New(rand.NewPCG(seed, 7))
		q := smallQuery(r)
		rec := smallTable(r, smallSchema(seed%3 == 0))
		p := planFor(t, q, rec.Schema())
		checkNeighbours(t, p, rec, fmt.Sprint("seed ", seed))
		if t.Failed() {
			return
		}
	}
}

func checkNeighbours(t *testing.T, p *Plan, rec arrow.Record, what string) {
	t.Helper()
	whole := accumulate(t, p, project(rec, p))
	wholeState := stateRows(t, accumulate(t, p, project(rec, p)))
	sums := whole.tallies(1)
	wholeSums := byKey(whole, sums)
	for _, rows := range units(p, rec) {
		rest := accumulate(t, p, project(without(rec, func(i int) bool { return slices.Contains(rows, i) }), p))
		if !p.query.UnitIsRow {
			gone := map[string]bool{}
			for _, row := range stateRows(t, accumulate(t, p, project(corpus.Take(rec, rows), p))) {
				gone[row.unit] = true
			}
			left := slices.DeleteFunc(slices.Clone(wholeState), func(r stateRow) bool { return gone[r.unit] })
			if got := stateRows(t, rest); !slices.Equal(got, left) {
				t.Fatalf("%s: removing one unit changed what is kept of others:\n%v\n%v", what, left, got)
			}
		}
		restTally := rest.tallies(1)
		restSums := byKey(rest, restTally)
		changed := map[string]bool{}
		total := newTotals(p)
		for key, x := range wholeSums {
			y := restSums[key]
			if y == nil {
				y = make([]int128, p.width)
			}
			for i, s := range p.statistics {
				s, ok := s.(additive)
				if !ok {
					continue
				}
				diff, square := new(big.Int), new(big.Int)
				for j := s.first(); j < s.first()+s.width(); j++ {
					d := x[j].sub(y[j]).abs()
					diff.Add(diff, d)
					square.Add(square, d.Mul(d, d))
				}
				if e, ok := s.(euclidean); ok && square.Cmp(e.l2Squared()) > 0 {
					t.Fatalf("%s: %s changed by √%s, more than √%s", what, s.kind(), square, e.l2Squared())
				}
				if diff.Sign() != 0 {
					changed[key] = true
				}
				total.add(i, diff, square)
				if diff.Cmp(big.NewInt(s.sensitivity())) > 0 {
					t.Fatalf("%s: %s changed by %s, more than %d", what, s.kind(), diff, s.sensitivity())
				}
			}
		}
		for i, s := range p.statistics {
			if s, ok := s.(*topK); ok {
				for key, n := range changedRows(whole, sums.lists[i], rest, restTally.lists[i]) {
					changed[key] = true
					if n > int64(len(s.values)) { // 1 for each value
						t.Fatalf("%s: top-k: counts of a group changed by %d", what, n)
					}
				}
				continue
			}
			if s, ok := s.(chooser); ok {
				for key, n := range changedRows(whole, sums.lists[i], rest, restTally.lists[i]) {
					changed[key] = true
					total.add(i, big.NewInt(n), nil)
					if n > s.change() {
						t.Fatalf("%s: %s: %d rows of a group changed, more than %d", what, s.kind(), n, s.change())
					}
				}
			}
		}
		if int64(len(changed)) > p.layout.maxGroups {
			t.Fatalf("%s: %d groups changed, more than %d", what, len(changed), p.layout.maxGroups)
		}
		total.check(t, p, what)
	}
}

// units lists the rows of every unit.
func units(p *Plan, rec arrow.Record) [][]int {
	var out [][]int
	if p.query.UnitIsRow {
		for i := range int(rec.NumRows()) {
			out = append(out, []int{i})
		}
		return out
	}
	byUnit := map[string][]int{}
	col := rec.Column(rec.Schema().FieldIndices(p.query.Unit)[0])
	for i := range int(rec.NumRows()) {
		key := "null"
		if !col.IsNull(i) {
			key = "=" + code.Text(col, i)
		}
		byUnit[key] = append(byUnit[key], i)
	}
	for _, rows := range byUnit {
		out = append(out, rows)
	}
	return out
}

// changedRows counts, by group key, the rows by which two lists of quantiles
// differ.
func changedRows(a *Accumulator, x []uint64, b *Accumulator, y []uint64) map[string]int64 {
	rows := map[string]map[uint64]int64{}
	add := func(acc *Accumulator, list []uint64, sign int64) {
		for ; len(list) > 0; list = list[3:] {
			key := string(acc.groups.key(uint32(list[0])))
			if rows[key] == nil {
				rows[key] = map[uint64]int64{}
			}
			rows[key][list[1]] += sign * int64(list[2])
		}
	}
	add(a, x, 1)
	add(b, y, -1)
	out := map[string]int64{}
	for key, steps := range rows {
		for _, n := range steps {
			if n != 0 {
				out[key] += max(n, -n)
			}
		}
	}
	return out
}

// A stateRow is a row of a state as text.
type stateRow struct{ unit, rest string }

func stateRows(t testing.TB, a *Accumulator) []stateRow {
	t.Helper()
	rec, err := a.State()
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Release()
	var out []stateRow
	for i := range int(rec.NumRows()) {
		s := stateRow{unit: rec.Column(0).ValueStr(i)}
		for _, c := range rec.Columns()[1:] {
			s.rest += " " + c.ValueStr(i)
		}
		out = append(out, s)
	}
	return out
}

// TestAgainstBruteForce compares the sums and lists with a plain computation
// on maps that shares with the accumulator only the keyed hashes.
func TestAgainstBruteForce(t *testing.T) {
	tables := 2000
	if testing.Short() {
		tables = 150
	}
	for seed := range uint64(tables) {
		r := rand.New(rand.NewPCG(seed, 8))
		q := smallQuery(r)
		rec := smallTable(r, smallSchema(seed%3 == 0))
		p := planFor(t, q, rec.Schema())
		acc := accumulate(t, p, project(rec, p))
		want := bruteForce(t, p, acc, rec)
		got := byKey(acc, acc.tallies(1+int(seed%3)))
		for key, x := range got {
			y := want[key]
			if y == nil {
				y = make([]int128, p.width)
			}
			for _, s := range p.statistics {
				switch s.(type) {
				case *vectorSum, *covariance:
					continue // see TestVectorSum, TestCovariance
				}
				if s, ok := s.(additive); ok && !slices.Equal(x[s.first():s.first()+s.width()], y[s.first():s.first()+s.width()]) {
					t.Fatalf("seed %d: group %q: %s is %v, want %v", seed, key, s.kind(), x[s.first():s.first()+s.width()], y[s.first():s.first()+s.width()])
				}
			}
		}
		for key := range want {
			if got[key] == nil {
				t.Fatalf("seed %d: group %q is missing", seed, key)
			}
		}
	}
}

// bruteForce computes the sums of every group from the definition.
func bruteForce(t *testing.T, p *Plan, a *Accumulator, rec arrow.Record) map[string][]int128 {
	column := func(name string) arrow.Array { return rec.Column(rec.Schema().FieldIndices(name)[0]) }
	// Group key bytes of every row, by the encoding that the release is sorted by.
	keys := make([]string, rec.NumRows())
	for i := range keys {
		for c, name := range p.query.GroupBy {
			col := column(name)
			text := code.Text(col, i)
			cell := GroupKey{Text: text, Null: col.IsNull(i) || text == "NaN"}
			if cell.Null {
				cell.Text = ""
			}
			b, ok := appendPublicCell([]byte(keys[i]), cell, p.keyTypes[c], nil)
			if !ok {
				t.Fatalf("no cell for %q", text)
			}
			keys[i] = string(b)
		}
	}
	// Units: the rows of each, by group.
	type member struct {
		words  []uint64
		groups map[string][]int
	}
	members := map[string]*member{}
	for i := range keys {
		name, words := fmt.Sprint("row ", i), []uint64{0}
		if !p.query.UnitIsRow {
			col := column(p.query.Unit)
			if col.IsNull(i) {
				continue
			}
			name = code.Text(col, i)
			words = make([]uint64, p.layout.unitWords)
			id := newUnitReader(p, a.keys.unit)
			id.fill(array.NewSlice(col, int64(i), int64(i)+1), nil, words, make([]bool, 1))
		}
		if p.publicKeys != nil && !slices.ContainsFunc(p.publicKeys, func(k []byte) bool { return string(k) == keys[i] }) {
			continue
		}
		if members[name] == nil {
			members[name] = &member{words, map[string][]int{}}
		}
		members[name].groups[keys[i]] = append(members[name].groups[keys[i]], i)
	}
	sums := map[string][]int128{}
	if p.publicKeys != nil {
		for _, k := range p.publicKeys {
			sums[string(k)] = make([]int128, p.width)
		}
	}
	perGroup := map[string][][]int{} // rows of each unit in a group
	for _, m := range members {
		var kept []string
		for g := range m.groups {
			kept = append(kept, g)
		}
		prefix := a.keys.groups.Prefix(m.words...)
		slices.SortFunc(kept, func(x, y string) int {
			return cmp.Compare(prefix.Sum64(a.groups.wordOf([]byte(x))), prefix.Sum64(a.groups.wordOf([]byte(y))))
		})
		if b := p.query.Bounds; b.RowsPerUnit == 0 || b.MaxGroups < b.RowsPerUnit {
			kept = kept[:min(len(kept), int(b.MaxGroups))]
		}
		keptRows := bruteRows(t, p, a, rec, m.words, m.groups, kept)
		for _, g := range kept {
			rows := keptRows[g]
			if len(rows) == 0 {
				continue
			}
			if sums[g] == nil {
				sums[g] = make([]int128, p.width)
			}
			perGroup[g] = append(perGroup[g], rows)
			for _, s := range p.statistics {
				bruteUnit(p, a, s, rec, rows, m.words, g, sums[g])
			}
		}
	}
	for g, unitRows := range perGroup {
		for i, s := range p.statistics {
			if s, ok := s.(*countDistinct); ok {
				agg := p.query.Aggregates[i].(CountDistinct)
				sums[g][s.at] = int128Of(bruteDistinct(column(agg.Column), unitRows, s.perUnit))
			}
		}
	}
	return sums
}

// bruteUnit adds what one unit contributes to one statistic of a group.
func bruteUnit(p *Plan, a *Accumulator, s statistic, rec arrow.Record, rows []int, words []uint64, group string, sums []int128) {
	switch s := s.(type) {
	case *countUnits:
		sums[s.at] = sums[s.at].add(int128Of(1))
	case *count:
		sums[s.at] = sums[s.at].add(int128Of(min(int64(len(rows)), s.perUnit)))
	case *sum:
		col := rec.Column(rec.Schema().FieldIndices(p.layout.inputs[s.input].column)[0])
		total, any := exact.Rat{}, false
		for _, i := range rows {
			if v, ok := ratAt(col, i); ok {
				// Every row is rounded to the grid first, ties by the type's rule.
				total, any = total.Add(exact.Int(roundHalf(v.Quo(s.grid.step), isFloat(col)))), true
			}
		}
		if any {
			lo, hi := exact.Int(s.lower), exact.Int(s.upper)
			steps := exact.Min(exact.Max(total, lo), hi)
			sums[s.at] = sums[s.at].add(int128Of(steps.Num().Int64()))
		}
	case *moments:
		for _, j := range bruteSample(p, a, s.input, rec, rows, words, group) {
			f := float64(j - s.lower)
			g := float64(s.span())
			b := []float64{g - f, f}
			if s.degree == 2 {
				b = []float64{(g - f) * (g - f), 2 * f * (g - f), f * f}
			}
			for k, v := range b {
				sums[s.at+k] = sums[s.at+k].add(int128Of(int64(v)))
			}
		}
	case *histogram:
		for _, j := range bruteSample(p, a, s.input, rec, rows, words, group) {
			sums[s.at+int(j)] = sums[s.at+int(j)].add(int128Of(1))
		}
	case *quantileTree: // intervals of 1, 16, 256, … steps
		for _, v := range bruteSample(p, a, s.input, rec, rows, words, group) {
			at, size := s.at, int64(1)
			for range s.levels() {
				j := at + int((v-s.lower)/size)
				sums[j] = sums[j].add(int128Of(1))
				at, size = at+int((s.steps+size-1)/size), size*16
			}
		}
	}
}

// bruteSample is the sample of a unit's rows: those of least keyed hash.
func bruteSample(p *Plan, a *Accumulator, input int, rec arrow.Record, rows []int, words []uint64, group string) []int64 {
	in := p.layout.inputs[input]
	col := rec.Column(rec.Schema().FieldIndices(in.column)[0])
	var values []int64
	for _, i := range rows {
		v, ok := ratAt(col, i)
		switch {
		case !ok:
		case in.edges != nil:
			for b := range len(in.edges) - 1 {
				f := v.Float()
				if f >= in.edges[b] && (f < in.edges[b+1] || b == len(in.edges)-2 && f == in.edges[b+1]) {
					values = append(values, int64(b))
				}
			}
		default:
			values = append(values, min(max(roundHalf(v.Quo(in.grid.step), isFloat(col)), in.lower), in.upper))
		}
	}
	prefix := a.keys.rows.Prefix(words...).Append(a.groups.wordOf([]byte(group)))
	slices.SortFunc(values, func(x, y int64) int { return cmp.Compare(prefix.Sum64(uint64(x)), prefix.Sum64(uint64(y))) })
	return values[:min(len(values), int(in.limit))]
}

func isFloat(col arrow.Array) bool { return arrow.IsFloating(col.DataType().ID()) }

// ratAt is the exact value of a cell; infinities are great numbers.
func ratAt(col arrow.Array, i int) (exact.Rat, bool) {
	if col.IsNull(i) {
		return exact.Rat{}, false
	}
	if a, ok := col.(*array.Float64); ok {
		f := a.Value(i)
		if math.IsNaN(f) {
			return exact.Rat{}, false
		}
		r, _ := exact.FromBinary(min(max(f, -math.MaxFloat64), math.MaxFloat64))
		return r, true
	}
	r, err := exact.Parse(code.Text(col, i))
	return r, err == nil
}

// roundHalf rounds to a whole number within ±maxStep; ties to even for floats,
// away from 0 for others.
func roundHalf(x exact.Rat, even bool) int64 {
	limit := exact.Int(maxStep)
	x = exact.Min(exact.Max(x, limit.Neg()), limit)
	down := x.Floor().Int64()
	switch frac := x.Sub(exact.Int(down)); frac.Cmp(exact.Frac(1, 2)) {
	case -1:
		return down
	case 1:
		return down + 1
	}
	if even && down%2 == 0 || !even && x.Sign() < 0 {
		return down
	}
	return down + 1
}

// bruteDistinct is the maximum flow by trying every assignment.
func bruteDistinct(col arrow.Array, unitRows [][]int, perUnit int64) int64 {
	var values []map[string]bool
	all := map[string]bool{}
	for _, rows := range unitRows {
		m := map[string]bool{}
		for _, i := range rows {
			if !col.IsNull(i) {
				m[code.Text(col, i)] = true
				all[code.Text(col, i)] = true
			}
		}
		values = append(values, m)
	}
	var list []string
	for v := range all {
		list = append(list, v)
	}
	load := make([]int64, len(values))
	var best func(i int) int64
	best = func(i int) int64 {
		if i == len(list) {
			return 0
		}
		most := best(i + 1)
		for u, m := range values {
			if m[list[i]] && load[u] < perUnit {
				load[u]++
				most = max(most, 1+best(i+1))
				load[u]--
			}
		}
		return most
	}
	return best(0)
}
