package kanontest_test

import (
	"fmt"
	"testing"

	"github.com/oboro-data/oboro/kanon"
	"github.com/oboro-data/oboro/kanon/kanontest"
)

// MostCommon is a model made outside the library: no value of the column may
// have more than half of the people of a class, (α,k)-anonymity with α = ½
// (Wong, Li, Fu, Wang 2006).
type MostCommon struct{ Column string }

func (m MostCommon) Bind(*kanon.FrequencySet) (func(*kanon.EquivalenceClass) bool, error) {
	return func(c *kanon.EquivalenceClass) bool {
		for _, d := range c.Sensitive {
			for _, n := range d.Counts {
				if 2*n > c.Size {
					return false
				}
			}
		}
		return true
	}, nil
}

// If n_1 ≤ c_1/2 and n_2 ≤ c_2/2, then n_1+n_2 ≤ (c_1+c_2)/2.
func (m MostCommon) Monotone() kanon.Monotonicity { return kanon.Merging }
func (m MostCommon) SensitiveColumns() []string   { return []string{m.Column} }
func (m MostCommon) MinClassSize() int64          { return 2 }
func (m MostCommon) String() string               { return "no value of " + m.Column + " for more than half" }

func TestModelFromOutside(t *testing.T) { kanontest.Model(t, MostCommon{"diagnosis"}) }

// Classes is a cost made outside the library: the number of classes lost, none
// being lost at the bottom.
type Classes struct{}

type boundClasses struct{ most int }

func (Classes) Bind(base *kanon.FrequencySet) (kanon.BoundCost, error) {
	return boundClasses{base.Len()}, nil
}
func (Classes) String() string { return "classes lost" }

func (boundClasses) LowerBound(kanon.Node) kanon.Score { return kanon.Score{0} }

func (b boundClasses) Score(_ kanon.Node, set *kanon.FrequencySet, suppressed []int32) kanon.Score {
	return kanon.Score{float64(b.most - set.Len() + len(suppressed))}
}

// Merging never makes classes, and suppressing loses more.
func (b boundClasses) MonotoneLowerBound(n kanon.Node, set *kanon.FrequencySet, _ []int32) kanon.Score {
	return b.Score(n, set, nil)
}

func TestCostFromOutside(t *testing.T) { kanontest.Cost(t, Classes{}) }

func ExampleTable() {
	table := kanontest.Table(4, []int32{0, 0, 1, 1})
	for _, level := range table.Levels {
		fmt.Println(level.Codes, level.Leaves)
	}
	// Output:
	// [0 1 2 3] [1 1 1 1]
	// [0 0 1 1] [2 2]
	// [0 0 0 0] [4]
}
