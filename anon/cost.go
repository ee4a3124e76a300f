package anon

import (
	"fmt"
	"slices"

	"github.com/oboro-data/oboro/kanon"
)

// forKanon makes the cost of package kanon.
func (c *Cost) forKanon() (kanon.Cost, error) {
	gs := 0.5
	if c.GSFactor.IsSet() {
		gs, _ = c.GSFactor.Float()
	}
	var weights map[string]float64
	for name, w := range c.Weights {
		if weights == nil {
			weights = map[string]float64{}
		}
		weights[name], _ = w.Float()
	}
	if weighs := []string{"loss", "precision", "precision-monotonic", "height", "non-uniform-entropy", "non-uniform-entropy-monotonic"}; weights != nil && !slices.Contains(weighs, c.Metric) {
		return nil, fmt.Errorf("metric %s looks at classes, not at columns, and has no weights; remove them", c.Metric)
	}
	aggregate := kanon.Aggregate(max(0, slices.Index(aggregateWords, c.Aggregate)))
	switch c.Metric {
	case "discernibility", "discernibility-star":
		return kanon.Discernibility{Star: c.Metric == "discernibility-star"}, nil
	case "average-class-size":
		return kanon.AverageClassSize{GSFactor: gs}, nil
	case "precision", "precision-monotonic":
		return kanon.Precision{Monotonic: c.Metric == "precision-monotonic", GSFactor: gs, Weights: weights}, nil
	case "height":
		return kanon.Height{Weights: weights}, nil
	case "non-uniform-entropy", "non-uniform-entropy-monotonic":
		return kanon.NonUniformEntropy{Monotonic: c.Metric == "non-uniform-entropy-monotonic", GSFactor: gs, Weights: weights}, nil
	case "ambiguity":
		return kanon.Ambiguity{}, nil
	case "kl-divergence":
		return kanon.KLDivergence{}, nil
	case "entropy-based":
		return kanon.EntropyBased{GSFactor: gs}, nil
	}
	return kanon.Loss{GSFactor: gs, Aggregate: aggregate, Weights: weights}, nil
}
