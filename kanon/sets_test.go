package kanon_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/hierarchy"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/kanon"
	"github.com/oboro-data/oboro/kanon/kanontest"
)

func TestKMModel(t *testing.T) { kanontest.Model(t, kanon.KMAnonymity{Column: "hobbies", K: 5, M: 2}) }

// hobbyTable makes rows of id, zip and hobbies, as text or as lists.
func hobbyTable(list bool, rows ...[3]string) *arrowio.Memory {
	var dt arrow.DataType = arrow.BinaryTypes.String
	if list {
		dt = arrow.ListOf(arrow.BinaryTypes.String)
	}
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.BinaryTypes.String}, {Name: "zip", Type: arrow.BinaryTypes.String}, {Name: "hobbies", Type: dt, Nullable: true},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for _, r := range rows {
		b.Field(0).(*array.StringBuilder).Append(r[0])
		b.Field(1).(*array.StringBuilder).Append(r[1])
		if !list {
			b.Field(2).(*array.StringBuilder).Append(r[2])
			continue
		}
		l := b.Field(2).(*array.ListBuilder)
		l.Append(true)
		for tag := range strings.SplitSeq(r[2], "|") {
			if tag != "" {
				l.ValueBuilder().(*array.StringBuilder).Append(tag)
			}
		}
	}
	return arrowio.NewMemory(schema, b.NewRecord())
}

func hobbySpec(unit string, h hierarchy.Hierarchy, list bool, models ...kanon.PrivacyModel) *kanon.Spec {
	separator := "|"
	if list {
		separator = ""
	}
	return &kanon.Spec{
		Unit: unit, Columns: []string{"zip", "hobbies"}, Models: models,
		QuasiIdentifiers: []kanon.QuasiIdentifier{{Column: "zip", Level: "0"}},
		Sets:             []kanon.SetColumn{{Column: "hobbies", Separator: separator, Hierarchy: h}},
	}
}

// TestSets: in class 1 golf is had by one person and chess with go by two;
// with k = 3, m = 2, golf is left out, and so is go, the rarer of the pair. In
// class 2 the same pair is frequent enough.
func TestSets(t *testing.T) {
	rows := [][3]string{
		{"a", "1", "chess|golf"}, {"b", "1", "go|chess"}, {"c", "1", "chess|go"}, {"d", "1", "go"}, {"e", "1", "chess"},
		{"f", "2", "chess|go"}, {"g", "2", "chess|go"}, {"h", "2", "go| chess"},
	}
	want := []string{"1 (null)", "1 chess", "1 chess", "1 chess", "1 chess", "2 chess|go", "2 chess|go", "2 chess|go"}
	rel, err := kanon.Anonymize(context.Background(), hobbyTable(false, rows...), hobbySpec("", nil, false, kanon.KMAnonymity{Column: "hobbies", K: 3, M: 2}))
	if err != nil {
		t.Fatal(err)
	}
	if got := released(t, rel); !slices.Equal(got, want) {
		t.Errorf("released %q", got)
	}
	if rel.Claims[0].Checked != "output" {
		t.Errorf("claim checked on %s", rel.Claims[0].Checked)
	}
	rel, err = kanon.Anonymize(context.Background(), hobbyTable(true, rows[:5]...), hobbySpec("", nil, true, kanon.KMAnonymity{Column: "hobbies", K: 3, M: 2}))
	if err != nil {
		t.Fatal(err)
	}
	if got := released(t, rel); !slices.Equal(got, []string{"1 (null)", `1 ["chess"]`, `1 ["chess"]`, `1 ["chess"]`, `1 ["chess"]`}) {
		t.Errorf("released %q", got)
	}
	// With the games as parent of chess and go, the two become one label.
	games, err := hierarchy.Inline([]map[string]string{{"chess": "games", "go": "games", "golf": "sport"}})
	if err != nil {
		t.Fatal(err)
	}
	rel, err = kanon.Anonymize(context.Background(), hobbyTable(false, rows[:5]...), hobbySpec("", games, false, kanon.KMAnonymity{Column: "hobbies", K: 3, M: 2}))
	if err != nil {
		t.Fatal(err)
	}
	if got := released(t, rel); !slices.Equal(got, []string{"1 games", "1 games", "1 games", "1 games", "1 games"}) {
		t.Errorf("released %q", got)
	}
}

// TestSetsCountPeople: one person with three rows is not three people.
func TestSetsCountPeople(t *testing.T) {
	rows := [][3]string{{"a", "1", "chess"}, {"a", "1", "chess"}, {"a", "1", "chess"}, {"b", "1", "go"}, {"c", "1", "go"}, {"b", "1", "go"}}
	rel, err := kanon.Anonymize(context.Background(), hobbyTable(false, rows...), hobbySpec("id", nil, false, kanon.KMAnonymity{Column: "hobbies", K: 2, M: 1}))
	if err != nil {
		t.Fatal(err)
	}
	if got := released(t, rel); !slices.Equal(got, []string{"1 (null)", "1 (null)", "1 (null)", "1 go", "1 go", "1 go"}) {
		t.Errorf("released %q", got)
	}
}

// TestSetsAgainstPlain recounts random releases: no set of up to m tags is had
// by fewer than k people of a class, counted with plain loops.
func TestSetsAgainstPlain(t *testing.T) {
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 5))
		var rows [][3]string
		owner := map[string][]string{} // zip to ids, in row order
		for range 5 + r.IntN(40) {
			var tags []string
			for range r.IntN(5) {
				tags = append(tags, string(rune('a'+min(r.IntN(8), r.IntN(8)))))
			}
			id, zip := fmt.Sprint(r.IntN(30)), fmt.Sprint(r.IntN(2))
			rows = append(rows, [3]string{id, zip, strings.Join(tags, "|")})
			owner[zip] = append(owner[zip], id)
		}
		k, m := int64(1+r.IntN(4)), 1+r.IntN(3)
		spec := hobbySpec("id", nil, false, kanon.KMAnonymity{Column: "hobbies", K: k, M: m})
		spec.RowOrder = kanon.InputOrder
		rel, err := kanon.Anonymize(context.Background(), hobbyTable(false, rows...), spec)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		people := map[string]map[string]bool{} // class and tags to ids
		reader, err := rel.Open(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		i := 0
		for reader.Next() {
			rec := reader.Record()
			for at := range int(rec.NumRows()) {
				var tags []string
				if col := rec.Column(1).(*array.String); !col.IsNull(at) {
					tags = strings.Split(col.Value(at), "|")
				}
				for mask := 1; mask < 1<<len(tags); mask++ {
					set := rows[i][1]
					n := 0
					for b, tag := range tags {
						if mask>>b&1 == 1 {
							set += "," + tag
							n++
						}
					}
					if n <= m {
						if people[set] == nil {
							people[set] = map[string]bool{}
						}
						people[set][rows[i][0]] = true
					}
				}
				i++
			}
		}
		reader.Release()
		for set, ids := range people {
			if int64(len(ids)) < k {
				t.Fatalf("seed %d: k = %d, m = %d: %s is had by %d people", seed, k, m, set, len(ids))
			}
		}
	}
}

func TestSetRefusals(t *testing.T) {
	table := hobbyTable(false, [3]string{"a", "1", "x"})
	km := kanon.KMAnonymity{Column: "hobbies", K: 2, M: 2}
	noSet := hobbySpec("", nil, false, km)
	noSet.Sets = nil
	noSeparator := hobbySpec("", nil, false, km)
	noSeparator.Sets[0].Separator = ""
	unwritten := hobbySpec("", nil, false, km)
	unwritten.Columns = []string{"zip"}
	for name, spec := range map[string]*kanon.Spec{
		"no set": noSet, "no separator": noSeparator, "not written": unwritten,
		"no model":    hobbySpec("", nil, false, kanon.KAnonymity{K: 1}),
		"m too large": hobbySpec("", nil, false, kanon.KMAnonymity{Column: "hobbies", K: 2, M: 5}),
	} {
		if _, err := kanon.Anonymize(context.Background(), table, spec); !errors.Is(err, fault.Plan) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
