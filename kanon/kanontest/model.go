package kanontest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/oboro-data/oboro/kanon"
)

// Model checks, on random tables with and without people of several rows:
//
//   - String names the model's parameters, and Check accepts them;
//   - the answer for a class depends on the class alone: not on the order of
//     calls, on other goroutines, on what becomes of the argument afterwards, or
//     on the order of the table's rows;
//   - a class of Size 0 passes, unless the model is about a research subset;
//     if it fails, so does one of its parts;
//   - Monotone: a Merging model is satisfied by every merge of satisfied
//     classes that share no people, a Growing model by every class that
//     contains a satisfied one;
//   - SizeBound: no satisfied class has fewer people than MinClassSize;
//   - TableModel: Suppress returns the least number, is consistent after every
//     single suppression, and leaves its argument as it was.
//
// The parameters must be mild enough for some classes of up to two hundred
// rows to satisfy the model.
func Model(t *testing.T, model kanon.PrivacyModel) {
	t.Helper()
	namesParameters(t, model)
	if c, ok := model.(kanon.Checker); ok {
		if err := c.Check(); err != nil {
			t.Fatalf("Check refuses the model: %v", err)
		}
	}
	var s shape
	if m, ok := model.(kanon.NamesColumns); ok {
		s.sensitive = m.SensitiveColumns()
	}
	if m, ok := model.(kanon.NeedsPopulation); ok {
		s.population = m.Population()
	}
	if m, ok := model.(kanon.TableModel); ok {
		suppresses(t, m)
	}
	satisfied := 0
	for seed := range rounds(t) {
		s.people = seed%2 == 1
		tb := newTable(t, seed, s)
		test, err := model.Bind(tb.base)
		if err != nil {
			t.Fatalf("seed %d: Bind: %v", seed, err)
		}
		lower := tb.base.Generalize(tb.nodeAbove(tb.bottom()))
		upper := lower.Generalize(tb.nodeAbove(lower.Node))
		below, above := answers(test, lower), answers(test, upper)
		for _, ok := range below {
			if ok {
				satisfied++
			}
		}
		tb.classAlone(t, model, test, lower, below)
		tb.monotone(t, model, lower, upper, below, above)
		tb.refused(t, lower, upper, below, above)
		for i, c := range classes(lower) {
			if m, ok := model.(kanon.SizeBound); ok && below[i] && c.Size > 0 && c.Size < m.MinClassSize() {
				t.Fatalf("seed %d: a class of %d people satisfies the model, MinClassSize is %d", seed, c.Size, m.MinClassSize())
			}
		}
		empty := kanon.EquivalenceClass{Key: make([]int32, len(tb.columns)), Sensitive: make([]kanon.Distribution, len(s.sensitive)), Population: 3}
		if !test(&empty) && s.population != kanon.ResearchSubset {
			t.Fatalf("seed %d: a class of Size 0 fails", seed)
		}
	}
	if satisfied == 0 {
		t.Fatalf("no class of any random table satisfies %s: choose milder parameters", model)
	}
}

func answers(test func(*kanon.EquivalenceClass) bool, set *kanon.FrequencySet) []bool {
	out := make([]bool, set.Len())
	var c kanon.EquivalenceClass
	for i := range out {
		set.Class(i, &c)
		out[i] = test(&c)
	}
	return out
}

// namesParameters looks for every numeric and text field that is set in String.
func namesParameters(t *testing.T, model kanon.PrivacyModel) {
	t.Helper()
	name := model.String()
	if name == "" {
		t.Fatal("String is empty")
	}
	v := reflect.Indirect(reflect.ValueOf(model))
	if v.Kind() != reflect.Struct {
		return
	}
	for i := range v.NumField() {
		f := v.Field(i)
		if !f.CanInterface() || f.IsZero() || !(f.CanInt() || f.CanUint() || f.CanFloat() || f.Kind() == reflect.String) {
			continue
		}
		if !strings.Contains(name, fmt.Sprint(f.Interface())) {
			t.Errorf("String %q does not name %s", name, v.Type().Field(i).Name)
		}
	}
}

// classAlone asks again: in another order, of copies that are overwritten
// afterwards, from several goroutines, and of a model bound to the same table
// with its rows shuffled.
func (tb *table) classAlone(t *testing.T, model kanon.PrivacyModel, test func(*kanon.EquivalenceClass) bool, set *kanon.FrequencySet, want []bool) {
	t.Helper()
	rows := slices.Clone(tb.rows)
	tb.random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	shuffled, err := kanon.NewFrequencySet(tb.columns, tb.sensitive, rows)
	if err != nil {
		t.Fatalf("seed %d: %v", tb.seed, err)
	}
	again, err := model.Bind(shuffled)
	if err != nil {
		t.Fatalf("seed %d: Bind: %v", tb.seed, err)
	}
	var group sync.WaitGroup
	var mu sync.Mutex
	wrong := 0
	for _, ask := range []func(*kanon.EquivalenceClass) bool{test, test, again} {
		order := tb.random.Perm(set.Len())
		group.Go(func() {
			copies := classes(set)
			for _, i := range order {
				c := &copies[i]
				got := ask(c)
				for _, d := range c.Sensitive {
					clear(d.Counts)
				}
				c.Size, c.Rows, c.Population = 0, 0, 0
				if got != want[i] {
					mu.Lock()
					wrong++
					mu.Unlock()
				}
			}
		})
	}
	group.Wait()
	if wrong > 0 {
		t.Fatalf("seed %d: %d answers changed with the order of calls, the goroutine or the order of rows", tb.seed, wrong)
	}
}

// monotone compares the answers at a node with those at a node above it.
func (tb *table) monotone(t *testing.T, model kanon.PrivacyModel, lower, upper *kanon.FrequencySet, below, above []bool) {
	t.Helper()
	m, ok := model.(kanon.Monotone)
	if !ok || m.Monotone() == kanon.NotMonotone {
		return
	}
	shared := make([]bool, upper.Len()) // some person is in two of the parts
	parts := make([]int64, upper.Len())
	allGood, someGood := make([]bool, upper.Len()), make([]bool, upper.Len())
	for j := range allGood {
		allGood[j] = true
	}
	for i := range lower.Len() {
		j := tb.parent(lower, upper, i)
		parts[j] += lower.ClassSize(i)
		allGood[j] = allGood[j] && below[i]
		someGood[j] = someGood[j] || below[i] && lower.ClassSize(i) > 0
	}
	for j := range shared {
		shared[j] = parts[j] != upper.ClassSize(j)
	}
	for j, good := range above {
		if good {
			continue
		}
		if m.Monotone() == kanon.Growing && someGood[j] {
			t.Fatalf("seed %d: a class contains a satisfied class and fails; the model is not Growing (node %v to %v)", tb.seed, lower.Node, upper.Node)
		}
		if allGood[j] && !shared[j] && !tb.people() {
			t.Fatalf("seed %d: a merge of satisfied classes fails; the model is not Merging (node %v to %v)", tb.seed, lower.Node, upper.Node)
		}
	}
}

// refused looks for a failing part of each failing class of Size 0.
func (tb *table) refused(t *testing.T, lower, upper *kanon.FrequencySet, below, above []bool) {
	t.Helper()
	part := make([]bool, upper.Len())
	for i := range lower.Len() {
		if !below[i] {
			part[tb.parent(lower, upper, i)] = true
		}
	}
	for j := range above {
		if upper.ClassSize(j) == 0 && !above[j] && !part[j] {
			t.Fatalf("seed %d: a class of Size 0 fails and all its parts pass", tb.seed)
		}
	}
}

// people reports whether some person has several rows, so that distributions
// need not add up.
func (tb *table) people() bool {
	return slices.ContainsFunc(tb.rows, func(r kanon.Row) bool { return r.Person != 0 })
}

// suppresses checks a table model on random sizes.
func suppresses(t *testing.T, model kanon.TableModel) {
	t.Helper()
	for seed := range rounds(t) {
		tb := newTable(t, seed, shape{})
		sizes := make([]int64, tb.random.IntN(30))
		for i := range sizes {
			sizes[i] = 1 + tb.random.Int64N(1+tb.random.Int64N(20))
		}
		slices.Sort(sizes)
		before := slices.Clone(sizes)
		n := model.Suppress(sizes)
		if !slices.Equal(before, sizes) {
			t.Fatalf("seed %d: Suppress changed its argument", seed)
		}
		if n < 0 || n > len(sizes) {
			t.Fatalf("seed %d: Suppress of %d classes is %d", seed, len(sizes), n)
		}
		for i := range sizes {
			if got := model.Suppress(sizes[i:]); got != max(n-i, 0) {
				t.Fatalf("seed %d: Suppress(%v) is %d, but %d after suppressing %d", seed, sizes, n, got, i)
			}
		}
	}
}
