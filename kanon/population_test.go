package kanon_test

import (
	"context"
	"errors"
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

// people makes a table of the text columns id, zip and job from lines of
// their values.
func people(lines ...string) *arrowio.Memory {
	var fields []arrow.Field
	for _, name := range []string{"id", "zip", "job"} {
		fields = append(fields, arrow.Field{Name: name, Type: arrow.BinaryTypes.String, Nullable: true})
	}
	schema := arrow.NewSchema(fields, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for _, l := range lines {
		for c, v := range strings.Fields(l) {
			b.Field(c).(*array.StringBuilder).Append(v)
		}
	}
	return arrowio.NewMemory(schema, b.NewRecord())
}

// released lists the rows of a release, sorted.
func released(t *testing.T, rel *kanon.Release) []string {
	t.Helper()
	r, err := rel.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	var out []string
	for r.Next() {
		rec := r.Record()
		for i := range int(rec.NumRows()) {
			var cells []string
			for _, col := range rec.Columns() {
				cells = append(cells, col.ValueStr(i))
			}
			out = append(out, strings.Join(cells, " "))
		}
	}
	slices.Sort(out)
	return out
}

func mapSpec(unit string, population arrowio.Source, models ...kanon.PrivacyModel) *kanon.Spec {
	return &kanon.Spec{
		Unit: unit, Columns: []string{"zip", "job"}, Population: population, Models: models,
		QuasiIdentifiers: []kanon.QuasiIdentifier{{Column: "zip", Hierarchy: hierarchy.Prefix(3, 2)}},
		Sensitive:        []kanon.QuasiIdentifier{{Column: "job"}},
		MaxSuppression:   0.34,
	}
}

// TestKMapWithPopulation: 11111 is alone in the table but three live there;
// 22222 lives alone, and only with 22233 and 22244, who are not in the table,
// does its prefix have three. What is released shows neither.
func TestKMapWithPopulation(t *testing.T) {
	table := people("a 11111 nurse", "b 22222 clerk")
	population := people("a 11111 x", "b 22222 x", "c 11111 x", "d 11111 x", "e 22233 x", "f 22244 x")
	rel, err := kanon.Anonymize(context.Background(), table, mapSpec("", population, kanon.KMap{K: 3}))
	if err != nil {
		t.Fatal(err)
	}
	if got := released(t, rel); !slices.Equal(got, []string{"111** nurse", "222** clerk"}) {
		t.Errorf("released %v", got)
	}
	// Twice the same person in the population counts once, and one with two
	// keys not at all.
	population = people("a 11111 x", "a 11111 x", "c 11111 x", "d 11112 x", "d 99999 x", "b 22222 x", "e 22233 x", "f 22244 x")
	rel, err = kanon.Anonymize(context.Background(), table, mapSpec("id", population, kanon.KMap{K: 3}))
	if err != nil {
		t.Fatal(err)
	}
	if got := released(t, rel); !slices.Equal(got, []string{"* clerk", "* nurse"}) {
		t.Errorf("released %v", got)
	}
}

func TestPopulationRefusals(t *testing.T) {
	table := people("a 11111 nurse")
	other := arrow.NewSchema([]arrow.Field{{Name: "zip", Type: arrow.PrimitiveTypes.Int64}}, nil)
	for name, c := range map[string]struct {
		spec *kanon.Spec
		kind error
	}{
		"none given":         {mapSpec("", nil, kanon.KMap{K: 3}), fault.Plan},
		"none needed":        {mapSpec("", table, kanon.KAnonymity{K: 1}), fault.Plan},
		"two kinds":          {mapSpec("", table, kanon.KMap{K: 3}, kanon.DeltaPresence{Max: 1}), fault.Plan},
		"another type":       {mapSpec("", arrowio.NewMemory(other), kanon.KMap{K: 3}), fault.Plan},
		"not a part":         {mapSpec("", people("b 22222 x"), kanon.DeltaPresence{Max: 1}), fault.Data},
		"people of two":      {mapSpec("id", people("a 11111 x", "a 11112 x"), kanon.DeltaPresence{Max: 1}), fault.Data},
		"no such k in sight": {mapSpec("", people("a 11111 x"), kanon.KMap{K: 3}), fault.Data},
	} {
		if _, err := kanon.Anonymize(context.Background(), table, c.spec); !errors.Is(err, c.kind) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDeltaPresenceRefusesEmptyClasses: with δ_min > 0 the class of 33333,
// where nobody of the subset lives, must merge with another.
func TestDeltaPresenceRefusesEmptyClasses(t *testing.T) {
	subset := people("a 11111 nurse", "b 22222 clerk")
	population := people("a 11111 x", "b 22222 x", "c 11111 x", "d 22222 x", "e 33333 x")
	for least, want := range map[float64][]string{
		0:   {"11111 nurse", "22222 clerk"},
		0.1: {"* clerk", "* nurse"},
	} {
		rel, err := kanon.Anonymize(context.Background(), subset, mapSpec("", population, kanon.DeltaPresence{Min: least, Max: 0.5}))
		if err != nil {
			t.Fatal(err)
		}
		if got := released(t, rel); !slices.Equal(got, want) {
			t.Errorf("δ_min = %v: released %v", least, got)
		}
	}
}

// TestDeltaPresenceAdult is a case of ARX's test suite from the files on:
// DPresence-0 of the reference file.
func TestDeltaPresenceAdult(t *testing.T) {
	ctx := context.Background()
	subset, err := arrowio.OpenCSV(ctx, corpus.Shared(t, "data/adult/adult_subset.csv"), arrowio.CSVOptions{Delimiter: ';'})
	if err != nil {
		t.Fatal(err)
	}
	quasi := slices.Concat(adultColumns[:7], adultColumns[8:])
	rel, err := kanon.Anonymize(ctx, subset, &kanon.Spec{
		QuasiIdentifiers: adultQuasi(t, quasi...), Models: []kanon.PrivacyModel{kanon.DeltaPresence{Max: 0.2}},
		Cost: kanon.AverageClassSize{GSFactor: 0.5}, Population: adultSource(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := rel.Recoding.Rounds[0].Node.String(); rel.Cost[0] != 52 || rel.Rows != 3016 || rel.SuppressedRows != 0 {
		t.Errorf("node %s, cost %v, %d rows, %d suppressed; want cost 52 at 1,4,1,1,0,2,2,0", got, rel.Cost, rel.Rows, rel.SuppressedRows)
	}
}
