package kanon_test

import (
	"context"
	"math"
	"testing"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/hierarchy"
	"github.com/oboro-data/oboro/internal/corpus"
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
