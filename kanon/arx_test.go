package kanon

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/oboro-data/oboro/internal/corpus"
)

// An arxCase is a case of the test suite of ARX, written in the words of the
// policy file: a table, models and a cost, and either the optimum or the costs
// of given nodes.
type arxCase struct {
	ID        string
	Table     string
	QIs       []string `json:"quasi-identifiers"`
	Sensitive *string
	Limit     float64 `json:"suppression-limit"`
	Models    []map[string]arxModel
	Cost      struct {
		Metric    string
		GSFactor  float64 `json:"gs-factor"`
		Aggregate string
	}
	Optimum json.RawMessage // null: no solution
	ByLevel []arxNode       `json:"cost-by-levels"`
}

type arxNode struct {
	Levels Node
	Cost   arxScore
}

// arxScore is a number, or an array of numbers for the rank aggregate.
type arxScore Score

func (s *arxScore) UnmarshalJSON(b []byte) error {
	if b[0] == '[' {
		return json.Unmarshal(b, (*[]float64)(s))
	}
	*s = make(arxScore, 1)
	return json.Unmarshal(b, &(*s)[0])
}

// arxModel holds the parameters of any model.
type arxModel struct {
	K, Population                                int64
	L, C, T, Beta, Delta, Min, Max               float64
	Significance, Threshold                      float64
	Column, Variant, Distance, Estimator, Subset string
}

func (c *arxCase) models(t *testing.T) (models []PrivacyModel, subset string) {
	for _, one := range c.Models {
		for name, p := range one {
			switch name {
			case "k-anonymity":
				models = append(models, KAnonymity{K: p.K})
			case "l-diversity":
				models = append(models, LDiversity{L: p.L, Column: p.Column, Variant: Diversity(p.Variant), C: p.C})
			case "t-closeness":
				models = append(models, TCloseness{T: p.T, Column: p.Column, Distance: Distance(p.Distance)})
			case "beta-likeness":
				models = append(models, BetaLikeness{Beta: p.Beta, Column: p.Column, Variant: Likeness(p.Variant)})
			case "delta-disclosure":
				models = append(models, DeltaDisclosure{Delta: p.Delta, Column: p.Column})
			case "delta-presence":
				models = append(models, DeltaPresence{Min: p.Min, Max: p.Max})
				subset = p.Subset
			case "k-map":
				models = append(models, KMap{K: p.K, PopulationSize: p.Population, Estimator: CellEstimator(p.Estimator), Significance: p.Significance})
			case "average-risk":
				models = append(models, AverageRisk{Threshold: p.Threshold})
			case "sample-uniqueness":
				models = append(models, SampleUniqueness{Threshold: p.Threshold})
			default:
				t.Fatalf("%s: unknown model %q", c.ID, name)
			}
		}
	}
	return models, subset
}

func (c *arxCase) cost(t *testing.T) Cost {
	switch m := c.Cost.Metric; m {
	case "loss":
		a := slices.Index(aggregateNames[:], c.Cost.Aggregate)
		if a < 0 {
			t.Fatalf("%s: unknown aggregate %q", c.ID, c.Cost.Aggregate)
		}
		return Loss{GSFactor: c.Cost.GSFactor, Aggregate: Aggregate(a), Weights: c.weights()}
	case "discernibility", "discernibility-star":
		return Discernibility{Star: m == "discernibility-star"}
	case "average-class-size":
		return AverageClassSize{GSFactor: c.Cost.GSFactor}
	case "precision", "precision-monotonic":
		return Precision{GSFactor: c.Cost.GSFactor, Monotonic: m == "precision-monotonic"}
	case "height":
		return Height{}
	case "non-uniform-entropy", "non-uniform-entropy-monotonic":
		return NonUniformEntropy{GSFactor: c.Cost.GSFactor, Monotonic: m == "non-uniform-entropy-monotonic"}
	}
	t.Fatalf("%s: unknown metric %q", c.ID, c.Cost.Metric)
	return nil
}

// weights returns the weights of the columns. The suite gives the cases of
// UtilityMetricsLoss from 50 on the weights 1, 2, … in the order of the columns
// of the table, which the reference file leaves out.
func (c *arxCase) weights() map[string]float64 {
	var n int
	if _, err := fmt.Sscanf(c.ID, "UtilityMetricsLoss-%d", &n); err != nil || n < 50 {
		return nil
	}
	weights := map[string]float64{}
	for i, name := range adultQIs {
		if slices.Contains(c.QIs, name) {
			weights[name] = float64(i + 1)
		}
	}
	return weights
}

// declined lists the cases whose expected result we do not follow, and why.
// The test shows for each that the reason is the only difference.
var declined = map[string]string{
	"Combinations-1":  emptyClasses,
	"Combinations-53": emptyClasses,
	"Combinations-55": emptyClasses,
	"Combinations-56": emptyClasses,
	"Combinations-80": emptyClasses,
	"Combinations-81": emptyClasses,
	"RiskBased-1":     smallestFirst,
}

const (
	// With a least class size beside δ-presence, ARX does not hold classes
	// without a record of the research subset to δ_min > 0, though an attacker
	// then knows that their members are not in the release.
	emptyClasses = "ARX lets classes without a record of the subset pass a positive δ_min when a class size is asked for too"
	// Of the classes of one size, ARX suppresses the least generalised first
	// and breaks ties by the first row, so that its cost depends on the order
	// of rows. Ours does not, and is not higher here.
	smallestFirst = "ARX chooses among equally small classes by their loss and the order of rows, at a higher cost"
)

// arxTables keeps counted tables, for many cases share one.
type arxTables map[string]*FrequencySet

// table counts the table of a case; with a research subset, rows are those of
// the subset, which lists them by all their values.
func (tables arxTables) table(t *testing.T, c *arxCase, subset string) *FrequencySet {
	key := fmt.Sprint(c.Table, c.QIs, c.Sensitive == nil, subset)
	if c.Sensitive != nil {
		key += *c.Sensitive
	}
	if f, ok := tables[key]; ok {
		return f
	}
	lines := readLines(t, corpus.Shared(t, "data/"+c.Table+"/"+c.Table+".csv"))
	header, lines := lines[0], lines[1:]
	var sensitive []string
	if c.Sensitive != nil {
		sensitive = []string{*c.Sensitive}
	}
	left := map[string]int{} // rows of the subset not yet met
	if subset != "" {
		for _, l := range readLines(t, corpus.Shared(t, "data/"+c.Table+"/"+subset))[1:] {
			left[strings.Join(l, ";")]++
		}
	}
	names := slices.Concat(c.QIs, sensitive)
	present, codes, at := map[string][]string{}, make([]map[string]int32, len(names)), make([]int, len(names))
	for i, name := range names {
		at[i] = slices.Index(header, name)
		codes[i] = map[string]int32{}
		for _, l := range lines {
			codes[i][l[at[i]]] = 0
		}
		for v := range codes[i] {
			present[name] = append(present[name], v)
		}
		slices.Sort(present[name])
		for code, v := range present[name] {
			codes[i][v] = int32(code)
		}
	}
	rows := make([]Row, 0, len(lines))
	for _, l := range lines {
		all := make([]int32, len(names))
		for i := range names {
			all[i] = codes[i][l[at[i]]]
		}
		r := Row{Key: all[:len(c.QIs)], Sensitive: all[len(c.QIs):]}
		if subset != "" {
			r.Population, r.Rows = 1, -1
			if full := strings.Join(l, ";"); left[full] > 0 {
				left[full]--
				r.Rows = 1
			}
		}
		rows = append(rows, r)
	}
	for _, n := range left {
		if n > 0 {
			t.Fatalf("%s: the subset has rows that the table lacks", c.ID)
		}
	}
	dir := c.Table
	f, err := NewFrequencySet(sharedColumns(t, dir, dir, c.QIs, present), sharedColumns(t, dir, dir, sensitive, present), rows)
	if err != nil {
		t.Fatal(err)
	}
	tables[key] = f
	return f
}

// sameScore compares to a relative 1e-9.
func sameScore(a Score, b arxScore) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if math.Abs(a[i]-b[i]) > 1e-9*max(math.Abs(a[i]), math.Abs(b[i])) {
			return false
		}
	}
	return true
}

// TestARX runs the cases of ARX's test suite that are given beside the project.
func TestARX(t *testing.T) {
	raw, err := os.ReadFile(corpus.Shared(t, "golden/arx.json"))
	if err != nil {
		t.Fatal(err)
	}
	var golden struct{ Cases []arxCase }
	if err := json.Unmarshal(raw, &golden); err != nil {
		t.Fatal(err)
	}
	tables := arxTables{}
	passed, nodes, skipped := 0, 0, map[string]int{}
	for i := range golden.Cases {
		c := &golden.Cases[i]
		ok := t.Run(c.ID+"/"+c.Table, func(t *testing.T) {
			skipped[c.Table]++
			if testing.Short() && c.Optimum != nil && (c.Table == "cup" || i%10 > 0) {
				t.Skip("with -short, every tenth optimum of adult is searched")
			}
			models, subset := c.models(t)
			base := tables.table(t, c, subset)
			limit := decimal(c.Limit)
			limit.Mul(limit, decimal(float64(base.Rows)))
			most := new(big.Int).Quo(limit.Num(), limit.Denom()).Int64()
			skipped[c.Table]--
			if c.Optimum == nil {
				nodes += c.checkNodes(t, base, models)
				return
			}
			var want *arxNode
			if err := json.Unmarshal(c.Optimum, &want); err != nil {
				t.Fatal(err)
			}
			c.checkOptimum(t, base, models, most, want)
		})
		if ok {
			passed++
		}
	}
	for table, n := range skipped {
		passed -= n
		t.Logf("%s: %d cases skipped", table, n)
	}
	t.Logf("%d of %d cases pass, of which %d declined; %d costs of given nodes", passed, len(golden.Cases), len(declined), nodes)
}

func (c *arxCase) checkNodes(t *testing.T, base *FrequencySet, models []PrivacyModel) int {
	bound, err := c.cost(t).Bind(base)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range c.ByLevel {
		set := base.Generalize(n.Levels)
		if got := bound.Score(n.Levels, set, failing(t, base, set, models)); !sameScore(got, n.Cost) {
			t.Errorf("node %v: cost %v, want %v", n.Levels, got, n.Cost)
		}
	}
	return len(c.ByLevel)
}

// checkEmptyClasses shows that the node that ARX finds has the expected cost
// and is refused for nothing but a class without rows, and that ours is no
// cheaper.
func (c *arxCase) checkEmptyClasses(t *testing.T, base *FrequencySet, models []PrivacyModel, limit int64, want *arxNode, got *SearchResult) {
	bound, err := c.cost(t).Bind(base)
	if err != nil {
		t.Fatal(err)
	}
	set := base.Generalize(want.Levels)
	suppressed := failing(t, base, set, models)
	var rows int64
	for _, i := range suppressed {
		rows += set.ClassRows(int(i))
	}
	if score := bound.Score(want.Levels, set, suppressed); !sameScore(score, want.Cost) || rows > limit {
		t.Errorf("declined, but node %v costs %v and suppresses %d rows of at most %d, want %v", want.Levels, score, rows, limit, want.Cost)
	}
	j, err := newJudge(base, models, limit)
	if err != nil {
		t.Fatal(err)
	}
	if v := j.judge(set); !v.refused {
		t.Errorf("declined, but node %v is not refused", want.Levels)
	}
	if got.Node == nil || got.Score.Compare(Score(want.Cost)) < 0 {
		t.Errorf("declined, but found %v of cost %v, want at least %v", got.Node, got.Score, want.Cost)
	}
}

// failing returns the classes with rows that fail some model.
func failing(t *testing.T, base, set *FrequencySet, models []PrivacyModel) (out []int32) {
	var tests []func(*EquivalenceClass) bool
	for _, m := range models {
		test, err := m.Bind(base)
		if err != nil {
			t.Fatal(err)
		}
		tests = append(tests, test)
	}
	var class EquivalenceClass
	for i := range set.Len() {
		set.Class(i, &class)
		if class.Rows > 0 && slices.ContainsFunc(tests, func(test func(*EquivalenceClass) bool) bool { return !test(&class) }) {
			out = append(out, int32(i))
		}
	}
	return out
}

func (c *arxCase) checkOptimum(t *testing.T, base *FrequencySet, models []PrivacyModel, limit int64, want *arxNode) {
	got, err := Search(context.Background(), base, models, c.cost(t), SearchOptions{SuppressionLimit: limit})
	if err != nil {
		t.Fatal(err)
	}
	switch why := declined[c.ID]; {
	case why == smallestFirst:
		if got.Node == nil || got.Score.Compare(Score(want.Cost)) >= 0 {
			t.Errorf("declined, but found %v of cost %v, want less than %v", got.Node, got.Score, want.Cost)
		}
	case why == emptyClasses:
		c.checkEmptyClasses(t, base, models, limit, want, got)
	case want == nil && got.Node == nil:
	case want == nil:
		t.Errorf("found %v of cost %v where there is no solution", got.Node, got.Score)
	case got.Node == nil:
		t.Errorf("found no solution, want %v of cost %v", want.Levels, want.Cost)
	case !sameScore(got.Score, want.Cost):
		t.Errorf("found %v of cost %v, want %v of cost %v", got.Node, got.Score, want.Levels, want.Cost)
	}
}
