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

// TestAnonymizeLocally checks the cells of locally recoded random tables: each
// is a generalisation of the input's, and every class of the output is large
// enough.
func TestAnonymizeLocally(t *testing.T) {
	rounds := 200
	if testing.Short() {
		rounds = 20
	}
	for seed := range uint64(rounds) {
		r := rand.New(rand.NewPCG(seed, 5))
		src := members(r, 1+r.IntN(120))
		k := 1 + r.IntN(4)
		spec := &kanon.Spec{
			QuasiIdentifiers: []kanon.QuasiIdentifier{{Column: "zip", Hierarchy: hierarchy.Prefix(2, 1)}, {Column: "age", Hierarchy: hierarchy.Intervals(5, 10)}},
			Models:           []kanon.PrivacyModel{kanon.KAnonymity{K: int64(k)}}, MaxSuppression: float64(r.IntN(3)) / 10,
			Recode: "local", RowOrder: kanon.InputOrder, Columns: []string{"fee", "zip", "age"},
		}
		rel, err := kanon.Anonymize(context.Background(), src, spec)
		if errors.Is(err, fault.Data) {
			continue
		}
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		size := map[string]int{}
		out := texts(t, rel)
		if applied := applyBatches(t, src, rel.Recoding, spec.Columns); !sameRows(applied, out) {
			t.Fatalf("seed %d: Apply gives other rows than the release", seed)
		}
		for _, row := range out {
			size[row[1]+row[2]]++
		}
		for _, n := range size {
			if n < k {
				t.Fatalf("seed %d: a class of %d rows, k is %d", seed, n, k)
			}
		}
		// In input order the output is a subsequence of the input.
		in := texts(t, src, "fee", "zip", "age")
		var labels [2][][]string
		for q, qi := range spec.QuasiIdentifiers {
			for level := range len(qi.Hierarchy.Levels()) + 2 {
				labels[q] = append(labels[q], generalized(t, src, qi, level))
			}
		}
		at := 0
		for i := range in {
			if at < len(out) && in[i][0] == out[at][0] && oneOf(labels[0], i, out[at][1]) && oneOf(labels[1], i, out[at][2]) {
				at++
			}
		}
		if at != len(out) || int64(len(in)-at) != rel.SuppressedRows {
			t.Fatalf("seed %d: row %d of the output is no generalised row of the input", seed, at)
		}
	}
}

func oneOf(levels [][]string, i int, label string) bool {
	for _, l := range levels {
		if l[i] == label {
			return true
		}
	}
	return false
}

// TestAnonymizeWildcard releases random tables with nulls as wildcards; the
// recount inside Anonymize and Verify on the table must agree.
func TestAnonymizeWildcard(t *testing.T) {
	released := 0
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 19))
		src := members(r, 10+r.IntN(100))
		spec := &kanon.Spec{
			QuasiIdentifiers: []kanon.QuasiIdentifier{{Column: "zip", Hierarchy: hierarchy.Prefix(2)}, {Column: "age", Hierarchy: hierarchy.Intervals(5, 10)}},
			Models:           []kanon.PrivacyModel{kanon.KAnonymity{K: int64(2 + r.IntN(3))}}, MaxSuppression: 0.3, Nulls: kanon.NullIsWildcard,
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
		got, err := kanon.Verify(context.Background(), rel, kanon.VerifySpec{QuasiIdentifiers: []string{"zip", "age"}, Models: spec.Models, Unit: spec.Unit, Nulls: spec.Nulls})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if spec.Unit == "" && got.SmallestClass != rel.SmallestClass || got.SmallestClass < rel.SmallestClass {
			t.Fatalf("seed %d: smallest class %d, recounted %d", seed, rel.SmallestClass, got.SmallestClass)
		}
	}
	if released < 30 {
		t.Errorf("only %d tables were released", released)
	}
}

// TestAnonymizeMondrian releases random tables by regions: no row is lost, and
// every class is large enough.
func TestAnonymizeMondrian(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 29))
		src := members(r, 5+r.IntN(150))
		spec := &kanon.Spec{
			QuasiIdentifiers: []kanon.QuasiIdentifier{{Column: "zip", Hierarchy: hierarchy.Prefix(2, 1)}, {Column: "age"}, {Column: "job"}},
			Models:           []kanon.PrivacyModel{kanon.KAnonymity{K: int64(2 + r.IntN(4))}}, Search: "mondrian",
		}
		if r.IntN(2) == 0 {
			spec.Unit = "member"
		}
		if r.IntN(2) == 0 {
			spec.Columns = []string{"zip", "age", "job"}
		}
		rel, err := kanon.Anonymize(context.Background(), src, spec)
		if errors.Is(err, fault.Data) {
			continue
		}
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if rel.Rows != src.NumRows() || rel.Recoding.Kind != "mondrian" || rel.Search.Kind != "mondrian" || rel.Recoding.Levels() != nil {
			t.Fatalf("seed %d: %d of %d rows, %v", seed, rel.Rows, src.NumRows(), rel.Recoding)
		}
		if _, err := kanon.Verify(context.Background(), rel, kanon.VerifySpec{QuasiIdentifiers: []string{"zip", "age", "job"}, Models: spec.Models, Unit: spec.Unit}); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

func TestApplyRefuses(t *testing.T) {
	src := members(rand.New(rand.NewPCG(2, 2)), 60)
	spec := &kanon.Spec{QuasiIdentifiers: []kanon.QuasiIdentifier{{Column: "age"}}, Models: []kanon.PrivacyModel{kanon.KAnonymity{K: 2}}, MaxSuppression: 1}
	rr, err := src.Open(context.Background(), "zip")
	if err != nil {
		t.Fatal(err)
	}
	defer rr.Release()
	rr.Next()
	for search, says := range map[string]string{"optimal": "age", "mondrian": "mondrian"} {
		spec.Search = search
		rel, err := kanon.Anonymize(context.Background(), src, spec)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rel.Recoding.Apply(rr.Record()); !errors.Is(err, fault.Plan) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", search, err)
		}
	}
}
