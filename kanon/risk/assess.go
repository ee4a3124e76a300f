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
	// Work bounds the time: combinations of columns times classes of the input,
	// and queries times classes, may each be as many; 0 is 50 million, some
	// seconds. What is left out for it is said in Assessment.Notes.
	Work int64
}

// An Assessment is what an input's owner may want to know of it and of its
// release. It describes the input: it is not to be published.
type Assessment struct {
	Input    Reidentification `json:"input"`    // prosecutor risk of the raw rows
	Released Reidentification `json:"released"` // of the released rows; see ReleasedPeople
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
	// IndividualRisk is the mean over people of Individual, each standing for
	// as many of the population; nil where no population is given.
	IndividualRisk *float64 `json:"individual_risk,omitempty"`
	// Combined is the number of columns up to which combinations were looked
	// at: that of the options, or fewer.
	Combined int `json:"combined"`
	// Notes say what was not measured, and why.
	Notes []string `json:"notes,omitempty"`
	// ReleasedPeople is true where Released and ReleasedSizes count people: a
	// class of one global recoding has all its rows, so its people are known.
	// Otherwise every released row counts as a person, which is too many where
	// people have several rows.
	ReleasedPeople bool `json:"released_people"`
	// InputSizes are the people of each class of the raw rows, ReleasedSizes
	// the people or rows of each released class.
	InputSizes    []int64 `json:"-"`
	ReleasedSizes []int64 `json:"-"`
	InputRows     int64   `json:"input_rows"`
	InputPeople   int64   `json:"input_people"` // its rows without a unit
}

// Assess counts the input again as spec says and compares the release with it.
func Assess(ctx context.Context, src arrowio.Source, spec *kanon.Spec, rel *kanon.Release, o Options) (*Assessment, error) {
	o.Threshold = cmp.Or(o.Threshold, 0.2)
	o.Combined = cmp.Or(o.Combined, 3)
	o.Queries = cmp.Or(o.Queries, 1000)
	o.Work = cmp.Or(o.Work, 50_000_000)
	base, err := kanon.Count(ctx, src, spec)
	if err != nil {
		return nil, err
	}
	out := &Assessment{InputSizes: Sizes(base), InputRows: base.Rows, InputPeople: base.People}
	out.Input = Prosecutor(out.InputSizes, o.Threshold)
	if o.Population > 0 {
		if err := out.population(o.Population); err != nil {
			return nil, err
		}
	}
	if err := out.combinations(ctx, base, o); err != nil {
		return nil, err
	}
	classes, err := releasedClasses(ctx, rel, base)
	if err != nil {
		return nil, err
	}
	for _, n := range classes {
		out.ReleasedSizes = append(out.ReleasedSizes, n)
	}
	slices.Sort(out.ReleasedSizes)
	out.Released = Prosecutor(out.ReleasedSizes, o.Threshold)
	if len(rel.Recoding.Rounds) == 0 {
		out.note("utility and query error: rows were generalised class by class, without levels to compare by")
		return out, nil
	}
	parts, err := partsOf(base, rel.Recoding.Rounds, classes)
	if err != nil {
		return nil, err
	}
	if people, ok := peopleOf(parts); ok {
		slices.Sort(people)
		out.ReleasedSizes, out.ReleasedPeople = people, true
		out.Released = Prosecutor(people, o.Threshold)
	}
	if out.Utility, err = Measure(base, parts); err != nil {
		return nil, err
	}
	most := o.Work / int64(max(1, base.Len()))
	if most < 20 {
		out.note("query error: the input has too many classes for it")
		return out, nil
	}
	queries, err := RangeCounts(base, parts, int(min(most, int64(o.Queries))), rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		return nil, err
	}
	out.Queries = &queries
	return out, nil
}

func (a *Assessment) note(text string) { a.Notes = append(a.Notes, text) }

// population estimates what needs the size of the population.
func (a *Assessment) population(people int64) error {
	e, err := Dankar(a.InputSizes, people)
	if err != nil || a.InputPeople == 0 {
		return err
	}
	a.PopulationUniques = &e
	weight, sum := float64(people)/float64(a.InputPeople), 0.0
	known := map[int64]float64{}
	var counted int64
	for _, f := range a.InputSizes {
		if _, ok := known[f]; !ok {
			// Rounding must not bring the weight below f.
			if known[f], err = Individual(f, max(weight, 1)*float64(f)); err != nil {
				return err
			}
		}
		sum += float64(f) * known[f]
		counted += f
	}
	mean := sum / float64(counted)
	a.IndividualRisk = &mean
	return nil
}

// combinations looks for identifying columns, as far as the work allows.
func (a *Assessment) combinations(ctx context.Context, base *kanon.FrequencySet, o Options) error {
	d := len(base.QuasiIdentifiers)
	a.Combined = affordable(d, min(o.Combined, d), o.Work/int64(max(1, base.Len())))
	switch {
	case d > 64 || a.Combined == 0:
		a.Combined = 0
		a.note("identifying combinations and special uniques: there are no quasi-identifiers, more than 64, or too many classes of the input")
		return nil
	case a.Combined < min(o.Combined, d):
		a.note("identifying combinations and special uniques: larger sets of columns are left out, for the input has too many classes")
	}
	var err error
	if a.Identifying, err = Identifying(ctx, base, a.Combined, 0.1); err != nil {
		return err
	}
	a.Identifying = a.Identifying[:min(len(a.Identifying), 20)]
	special, err := SpecialUniques(ctx, base, a.Combined)
	if err != nil {
		return err
	}
	a.SpecialUniques = special.Contributions
	return nil
}

// affordable returns the largest size, up to most, with Σ_{i≤size} C(d,i) ≤ sets.
func affordable(d, most int, sets int64) int {
	c := int64(1)
	for size := range most {
		c = c * int64(d-size) / int64(size+1)
		if c > sets {
			return size
		}
		sets -= c
	}
	return most
}

// peopleOf returns the people of each class, if all rows of each are kept.
func peopleOf(parts []Part) (people []int64, ok bool) {
	for _, p := range parts {
		for j, i := range p.Classes {
			if p.rows(j) != p.Set.ClassRows(int(i)) {
				return nil, false
			}
			people = append(people, p.Set.ClassSize(int(i)))
		}
	}
	return people, true
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
