package risk_test

import (
	"context"
	"testing"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/hierarchy"
	"github.com/oboro-data/oboro/internal/corpus"
	"github.com/oboro-data/oboro/kanon"
	"github.com/oboro-data/oboro/kanon/risk"
)

// TestAssessAdult measures the 5-anonymous optimum of adult with 2 % of rows
// suppressed. The counts of the input are known (30,162 rows, 19,502 classes);
// the release has 222 classes.
func TestAssessAdult(t *testing.T) {
	ctx := context.Background()
	src, err := arrowio.OpenCSV(ctx, corpus.Shared(t, "data/adult/adult.csv"), arrowio.CSVOptions{Delimiter: ';'})
	if err != nil {
		t.Fatal(err)
	}
	spec := &kanon.Spec{Models: []kanon.PrivacyModel{kanon.KAnonymity{K: 5}}, MaxSuppression: 0.02}
	for _, c := range []string{"sex", "age", "race", "marital-status", "education", "native-country", "workclass", "occupation", "salary-class"} {
		h, err := hierarchy.File(corpus.Shared(t, "data/adult/adult_hierarchy_"+c+".csv"))
		if err != nil {
			t.Fatal(err)
		}
		spec.QuasiIdentifiers = append(spec.QuasiIdentifiers, kanon.QuasiIdentifier{Column: c, Hierarchy: h})
	}
	rel, err := kanon.Anonymize(ctx, src, spec)
	if err != nil {
		t.Fatal(err)
	}
	a, err := risk.Assess(ctx, src, spec, rel, risk.Options{Population: 250_000_000, Combined: 2, Queries: 50})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "average risk of the input", a.Input.Average, 19502./30162, 1e-12)
	near(t, "average risk of the release", a.Released.Average, 222./29656, 1e-12)
	near(t, "highest risk of the release", a.Released.Highest, 0.2, 0)
	near(t, "suppressed", a.Utility.Suppressed, 506./30162, 1e-12)
	// Computed by hand from the levels: what ARX reports for this recoding.
	near(t, "granularity", a.Utility.Granularity, 0.604, 0.0005)
	if !a.ReleasedPeople || a.Combined != 2 || len(a.Notes) != 0 || len(a.ReleasedSizes) != 222 {
		t.Errorf("%v, %d columns, %v, %d classes", a.ReleasedPeople, a.Combined, a.Notes, len(a.ReleasedSizes))
	}
	if r := *a.IndividualRisk; r <= 0 || r > 1e-3 {
		t.Errorf("individual risk %v of a sample of 1 in 8,000", r)
	}
	// With work for 45 sets of columns and no query only pairs of nine columns are looked at, with less nothing.
	for work, size := range map[int64]int{19502 * 45: 2, 19502 * 44: 1, 19502 * 8: 0} {
		b, err := risk.Assess(ctx, src, spec, rel, risk.Options{Work: work, Queries: 1})
		if err != nil {
			t.Fatal(err)
		}
		if b.Combined != size || len(b.Notes) == 0 || (b.SpecialUniques == nil) != (size == 0) {
			t.Errorf("work %d: sets of %d columns, want %d; %v", work, b.Combined, size, b.Notes)
		}
	}
	if len(a.Utility.Columns) != 9 {
		t.Errorf("%d columns", len(a.Utility.Columns))
	}
	if !a.PopulationUniques.Valid || a.PopulationUniques.Uniques <= 0 {
		t.Errorf("population uniques %+v", a.PopulationUniques)
	}
	t.Logf("%+v\n%+v\n%+v\n%v", a.Utility, a.Queries, a.PopulationUniques, a.SpecialUniques)
}
