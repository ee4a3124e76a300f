package risk

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/kanon"
)

// Options say how much Assess looks at. The zero value is good.
type Options struct {
	// Population is the number of people from whom the input is a sample; 0
	// estimates no uniqueness in the population.
	Population int64
	// Threshold is the risk above which a person counts as at risk; 0 is 0.2,
	// a class of fewer than five.
	Threshold float64
	// Combined is the greatest number of columns that an attacker is supposed
	// to know at a time; 0 is 3.
	Combined int
	// Queries is the number of random range counts; 0 is 1000.
	Queries int
}

// An Assessment is what an input's owner may want to know of it and of its
// release. It describes the input: it is not to be published.
type Assessment struct {
	Input    Reidentification `json:"input"`    // prosecutor risk of the raw rows
	Released Reidentification `json:"released"` // of the released rows, each counted as a person
	// PopulationUniques is nil where no population is given.
	PopulationUniques *Estimate `json:"population_uniques,omitempty"`
	// Identifying lists the minimal sets of columns by which at least a tenth
	// of the rows would be left, were one of each class; at most twenty.
	Identifying []Combination `json:"identifying"`
	// SpecialUniques is each column's share in the minimal sets by which rows
	// are unique, in the order of the quasi-identifiers; see SUDA.
	SpecialUniques []float64 `json:"special_uniques"`
	// Utility and Queries are nil for a recoding without levels (Mondrian).
	Utility *Utility    `json:"utility,omitempty"`
	Queries *QueryError `json:"queries,omitempty"`
}

// Assess counts the input again as spec says and compares the release with it.
func Assess(ctx context.Context, src arrowio.Source, spec *kanon.Spec, rel *kanon.Release, o Options) (*Assessment, error) {
	o.Threshold = cmp.Or(o.Threshold, 0.2)
	o.Combined = cmp.Or(o.Combined, 3)
	o.Queries = cmp.Or(o.Queries, 1000)
	base, err := kanon.Count(ctx, src, spec)
	if err != nil {
		return nil, err
	}
	out := &Assessment{Input: Prosecutor(Sizes(base), o.Threshold)}
	if o.Population > 0 {
		e, err := Dankar(Sizes(base), o.Population)
		if err != nil {
			return nil, err
		}
		out.PopulationUniques = &e
	}
	if out.Identifying, err = Identifying(ctx, base, o.Combined, 0.1); err != nil {
		return nil, err
	}
	out.Identifying = out.Identifying[:min(len(out.Identifying), 20)]
	special, err := SpecialUniques(ctx, base, o.Combined)
	if err != nil {
		return nil, err
	}
	out.SpecialUniques = special.Contributions
	classes, err := releasedClasses(ctx, rel, base)
	if err != nil {
		return nil, err
	}
	var sizes []int64
	for _, n := range classes {
		sizes = append(sizes, n)
	}
	out.Released = Prosecutor(sizes, o.Threshold)
	if len(rel.Recoding.Rounds) == 0 {
		return out, nil
	}
	parts, err := partsOf(base, rel.Recoding.Rounds, classes)
	if err != nil {
		return nil, err
	}
	if out.Utility, err = Measure(base, parts); err != nil {
		return nil, err
	}
	queries, err := RangeCounts(base, parts, o.Queries, rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		return nil, err
	}
	out.Queries = &queries
	return out, nil
}

// releasedClasses counts the rows of a release by the labels of its quasi-
// identifiers. Columns that are not written are refused: their labels are lost.
func releasedClasses(ctx context.Context, rel *kanon.Release, base *kanon.FrequencySet) (map[string]int64, error) {
	var names []string
	for c := range base.QuasiIdentifiers {
		name := base.QuasiIdentifiers[c].Name
		if !rel.Schema().HasField(name) {
			return nil, fault.Planf("assessment: column %q is not in the release", name)
		}
		names = append(names, name)
	}
	r, err := rel.Open(ctx, names...)
	if err != nil {
		return nil, err
	}
	defer r.Release()
	out := map[string]int64{}
	texts := make([]string, len(names))
	for r.Next() {
		rec := r.Record()
		for i := range int(rec.NumRows()) {
			for c := range texts {
				if texts[c] = "n"; !code.IsNull(rec.Column(c), i) {
					texts[c] = "v" + code.Text(rec.Column(c), i)
				}
			}
			out[strings.Join(texts, "\x00")]++
		}
	}
	return out, r.Err()
}

// partsOf finds each released class among those of the rounds' nodes, in the
// first that has its labels.
func partsOf(base *kanon.FrequencySet, rounds []kanon.Round, classes map[string]int64) ([]Part, error) {
	var parts []Part
	found := map[string]bool{}
	for _, round := range rounds {
		p := Part{Set: base.Generalize(round.Node), Rows: []int64{}}
		texts := make([]string, len(base.QuasiIdentifiers))
		for i := range p.Set.Len() {
			for c := range texts {
				level := &base.QuasiIdentifiers[c].Table.Levels[round.Node[c]]
				if texts[c] = "n"; p.Set.Label(i, c) != level.Null {
					texts[c] = "v" + level.Labels[p.Set.Label(i, c)]
				}
			}
			key := strings.Join(texts, "\x00")
			if n := classes[key]; n > 0 && !found[key] {
				found[key] = true
				p.Classes, p.Rows = append(p.Classes, int32(i)), append(p.Rows, n)
			}
		}
		parts = append(parts, p)
	}
	if len(found) != len(classes) {
		return nil, fault.Dataf("assessment: the release has classes that its recoding does not make; give the input that it was made of")
	}
	return slices.Clip(parts), nil
}
