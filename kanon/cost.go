package kanon

// A Node is a point of the generalisation lattice: one level per quasi-identifier.
type Node []int

// A Score is what a recoding costs; less is better, and scores are compared
// lexicographically. Every cost but the rank aggregate has one element.
type Score []float64

// A Cost measures what is lost by generalising to a node and suppressing the
// classes that fail.
type Cost interface {
	// Bind prepares the cost for one table.
	Bind(base *FrequencySet) (BoundCost, error)
	// String is the metric's name in the policy: "loss", "discernibility", …
	String() string
}

// A BoundCost scores nodes of one table. It is used by several goroutines.
type BoundCost interface {
	// LowerBound returns a score that is no more than Score(n, …) for any set
	// of suppressed classes. It looks at no class: its cost is that of a
	// look-up per column.
	LowerBound(n Node) Score
	// Score returns the exact score of a node. set is the frequency set at the
	// node; suppressed holds the indices of its classes that fail, in order.
	Score(n Node, set *FrequencySet, suppressed []int32) Score
}

// MonotoneCost is implemented by bound costs whose score at a node is a lower
// bound for the scores of all nodes above it, suppression included. They let
// the search discard everything above a scored node.
type MonotoneCost interface {
	BoundCost
	MonotoneLowerBound(n Node, set *FrequencySet, suppressed []int32) Score
}
