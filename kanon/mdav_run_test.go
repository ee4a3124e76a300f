package kanon_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/oboro-data/oboro/hierarchy"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/kanon"
)

// TestAnonymizeMDAV micro-aggregates random tables, over rows and over people:
// no row is lost, and Verify agrees on what was written.
func TestAnonymizeMDAV(t *testing.T) {
	released := 0
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 37))
		src := members(r, 1+r.IntN(120))
		k := int64(1 + r.IntN(4))
		centres := []kanon.Centre{kanon.DefaultCentre, kanon.MeanCentre, kanon.MedianCentre, kanon.ModeCentre, kanon.IntervalCentre}
		spec := &kanon.Spec{
			QuasiIdentifiers: []kanon.QuasiIdentifier{
				{Column: "zip", Hierarchy: hierarchy.Prefix(2, 1), Centre: []kanon.Centre{kanon.DefaultCentre, kanon.IntervalCentre}[r.IntN(2)]},
				{Column: "age", Centre: centres[r.IntN(5)]}, {Column: "fee", Centre: centres[r.IntN(5)]},
			},
			Models: []kanon.PrivacyModel{kanon.KAnonymity{K: k}}, Search: "mdav", RowOrder: kanon.RowOrder(r.IntN(2)), Columns: []string{"fee", "zip", "age"},
		}
		if r.IntN(2) == 0 {
			spec.Unit = "member"
		}
		rel, err := kanon.Anonymize(context.Background(), src, spec)
		if errors.Is(err, fault.Data) {
			continue
		}
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		released++
		if rel.SuppressedRows != 0 || rel.SmallestClass < k {
			t.Fatalf("seed %d: %d rows lost, smallest class %d", seed, rel.SuppressedRows, rel.SmallestClass)
		}
		if _, err := kanon.Verify(context.Background(), rel, kanon.VerifySpec{QuasiIdentifiers: []string{"zip", "age", "fee"}, Models: spec.Models}); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		size := map[string]int64{}
		for _, row := range texts(t, rel) {
			size[strings.Join(row, "|")]++
		}
		for _, n := range size {
			if n < k {
				t.Fatalf("seed %d: a tuple of %d rows, k is %d", seed, n, k)
			}
		}
	}
	if released < 100 {
		t.Errorf("only %d tables were released", released)
	}
}

// TestMDAVPlan checks what is refused before a row is read.
func TestMDAVPlan(t *testing.T) {
	src := members(rand.New(rand.NewPCG(1, 1)), 10)
	for name, change := range map[string]func(*kanon.Spec){
		"mean of text":   func(s *kanon.Spec) { s.QuasiIdentifiers[0].Centre = kanon.MeanCentre },
		"median of text": func(s *kanon.Spec) { s.QuasiIdentifiers[0].Centre = kanon.MedianCentre },
		"no such centre": func(s *kanon.Spec) { s.QuasiIdentifiers[0].Centre = "middle" },
		"fixed level":    func(s *kanon.Spec) { s.QuasiIdentifiers[0].Level = "0" },
		"wildcard":       func(s *kanon.Spec) { s.Nulls = kanon.NullIsWildcard },
		"local":          func(s *kanon.Spec) { s.Recode = "local" },
		"other search":   func(s *kanon.Spec) { s.Search, s.QuasiIdentifiers[0].Centre = "", kanon.ModeCentre },
	} {
		spec := &kanon.Spec{QuasiIdentifiers: []kanon.QuasiIdentifier{{Column: "zip"}, {Column: "age"}}, Models: []kanon.PrivacyModel{kanon.KAnonymity{K: 2}}, Search: "mdav"}
		if err := spec.Check(src.Schema()); err != nil {
			t.Fatal(err)
		}
		change(spec)
		if err := spec.Check(src.Schema()); !errors.Is(err, fault.Plan) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestMDAVLimit checks that tables too large for it are refused with a remedy.
func TestMDAVLimit(t *testing.T) {
	spec := &kanon.Spec{QuasiIdentifiers: []kanon.QuasiIdentifier{{Column: "person"}}, Models: []kanon.PrivacyModel{kanon.KAnonymity{K: 2}}, Search: "mdav"}
	_, err := kanon.Anonymize(context.Background(), numbered(40_000), spec)
	if !errors.Is(err, fault.Data) || !strings.Contains(err.Error(), "mondrian") {
		t.Errorf("40000 combinations, k 2: %v", err)
	}
}
