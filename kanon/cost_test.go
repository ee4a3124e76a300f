package kanon_test

import (
	"fmt"
	"testing"

	"github.com/oboro-data/oboro/kanon"
	"github.com/oboro-data/oboro/kanon/kanontest"
)

// TestCosts tries the laws of kanontest on every cost, with several balances of
// generalisation and suppression.
func TestCosts(t *testing.T) {
	costs := []kanon.Cost{
		kanon.Discernibility{}, kanon.Discernibility{Star: true}, kanon.Height{},
		kanon.Height{Weights: map[string]float64{"q0": 3}}, kanon.Ambiguity{}, kanon.KLDivergence{},
	}
	for _, gs := range []float64{0, 0.2, 0.5, 0.9, 1} {
		costs = append(costs, kanon.AverageClassSize{GSFactor: gs}, kanon.EntropyBased{GSFactor: gs})
		weights := map[string]float64{"q0": 0.5}
		costs = append(costs,
			kanon.Precision{GSFactor: gs, Weights: weights}, kanon.Precision{GSFactor: gs, Monotonic: true},
			kanon.NonUniformEntropy{GSFactor: gs, Weights: weights}, kanon.NonUniformEntropy{GSFactor: gs, Monotonic: true})
		for _, a := range []kanon.Aggregate{kanon.GeometricMean, kanon.ArithmeticMean, kanon.Sum, kanon.Maximum, kanon.Rank} {
			costs = append(costs, kanon.Loss{GSFactor: gs, Aggregate: a, Weights: weights})
		}
	}
	for i, c := range costs {
		t.Run(fmt.Sprint(c, i), func(t *testing.T) { kanontest.Cost(t, c) })
	}
}
