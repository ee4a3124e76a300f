package kanon

// A PrivacyModel decides for one equivalence class whether it may be
// published. A class that fails is suppressed, if the limit allows it.
type PrivacyModel interface {
	// Bind prepares the model for one table and returns the test of a class.
	// base is the frequency set at the bottom of the lattice; distributions
	// over the whole table come from it. The test is called from several
	// goroutines, does not keep its argument, and its answer depends on the
	// class alone. A model that the table can't serve is an error.
	Bind(base *FrequencySet) (func(*EquivalenceClass) bool, error)
	// String names the model and its parameters, as in the claim:
	// "5-anonymity", "distinct 3-diversity of diagnosis".
	String() string
}

// Monotone is implemented by models that stay satisfied when satisfied classes
// merge: what holds at a node of the lattice then holds at every node above it.
// The search prunes by it.
type Monotone interface {
	PrivacyModel
	monotone()
}

// SizeBound is implemented by models that imply a least class size: a class
// with fewer people certainly fails. The search prunes by it where the model
// itself is not monotone.
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
