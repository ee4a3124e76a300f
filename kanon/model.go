package kanon

// A PrivacyModel decides for one equivalence class whether it may be
// published. A class that fails is suppressed, if the limit allows it.
//
// What a model is beyond that, it says by the small interfaces below: Checker,
// Monotone, SizeBound, NamesColumns, NeedsPopulation, TableModel. A model that
// implements none of them is still searched exactly, only without pruning.
type PrivacyModel interface {
	// Bind prepares the model for one table and returns the test of a class.
	// base is the frequency set at the bottom of the lattice; distributions
	// over the whole table come from it. The test is called from several
	// goroutines, does not keep its argument, and its answer depends on the
	// class alone. A model that the table can't serve is an error of kind Plan.
	//
	// A class with Size 0 holds people of the population only (see
	// NeedsPopulation). It is not released and can't be suppressed: if the
	// test fails it, the whole node is refused. Every model but δ-presence
	// passes it. A test that fails such a class fails one of its parts too,
	// however it is divided, so that all nodes below are refused as well.
	Bind(base *FrequencySet) (func(*EquivalenceClass) bool, error)
	// String names the model and its parameters, as in the claim:
	// "5-anonymity", "distinct 3-diversity of diagnosis".
	String() string
}

// Checker is implemented by models whose parameters can be wrong. Check is
// called before any row is read; its error is of kind Plan. Bind of an
// unchecked model returns the same error.
type Checker interface {
	PrivacyModel
	Check() error
}

// Monotonicity says what becomes of a satisfied class when it is generalised
// further, that is, merged with others.
type Monotonicity uint8

const (
	// NotMonotone promises nothing.
	NotMonotone Monotonicity = iota
	// Merging: when satisfied classes merge, the merged class is satisfied,
	// provided that their counts add up (no person is in two of them). A node
	// without failing classes then has none above it either; a node that
	// needs suppression proves nothing.
	Merging
	// Growing: a satisfied class stays satisfied whatever joins it, people in
	// both counted once. The rows that a node must suppress then never become
	// more above it.
	Growing
)

// Monotone is implemented by models that a search may prune by.
type Monotone interface {
	PrivacyModel
	Monotone() Monotonicity
}

// SizeBound is implemented by models that imply a least class size: a class
// with fewer people (but not none) certainly fails. The search prunes by it
// where the model itself is not monotone: as k-anonymity, it is Growing.
type SizeBound interface {
	PrivacyModel
	MinClassSize() int64
}

// NamesColumns is implemented by models over sensitive columns; the frequency
// set then carries their distributions.
type NamesColumns interface {
	PrivacyModel
	SensitiveColumns() []string
}

// Population says what a class's Population counts.
type Population uint8

const (
	// NoPopulation: the model compares the table with nothing.
	NoPopulation Population = iota
	// ResearchSubset: the input is the population and a part of its rows, the
	// subset, is what is released. Rows, Size and distributions count the
	// subset, Population counts everybody; classes without a row of the
	// subset are present, with Size 0.
	ResearchSubset
	// PopulationTable: a second table, with the same quasi-identifiers,
	// describes the population from which the people of the input come.
	PopulationTable
)

// NeedsPopulation is implemented by models that compare the release with a
// population.
type NeedsPopulation interface {
	PrivacyModel
	Population() Population
}

// A TableModel is about the release as a whole: it holds or fails for the
// sizes of all classes that are kept. Its class test passes every class.
// Holding must be closed under suppression of the smallest class, so that a
// least number of classes to suppress exists.
type TableModel interface {
	PrivacyModel
	// Suppress returns the least n for which the model holds when the n
	// smallest classes are suppressed too. sizes are the sizes of the classes
	// that every class test passed, in increasing order, all positive; it is
	// not changed. A release without classes satisfies every model, so
	// 0 ≤ n ≤ len(sizes).
	Suppress(sizes []int64) int
}

// An EquivalenceClass is a set of rows that agree in every generalised
// quasi-identifier.
type EquivalenceClass struct {
	Key  []int32 // label index per quasi-identifier, at the node of the set
	Rows int64   // rows in the class
	// Size is the number of distinct people, or Rows without a unit.
	Size int64
	// Population is the number of people of the class in the whole population
	// where the models know one (a research subset, a population table); else
	// it equals Size.
	Population int64
	// Sensitive holds a distribution for each of FrequencySet.SensitiveColumns.
	Sensitive []Distribution
}

// A Distribution counts the values of one sensitive column in one class.
// Counts are people: a person with two values counts once for each. Values are
// codes in increasing order, every count is positive.
type Distribution struct {
	Values []int32
	Counts []int64
}

// total returns the sum of the counts: what shares are taken of.
func (d *Distribution) total() int64 {
	var sum int64
	for _, n := range d.Counts {
		sum += n
	}
	return sum
}
