package kanon

import (
	"math"
	"slices"

	"github.com/oboro-data/oboro/internal/fault"
)

// tolerance is by how much of itself a bound may be missed before a recount
// says so. Models decide in integers; the recount, in plain floating point, is
// there to find mistakes, not ties.
const tolerance = 1e-9

// verifyModel checks a model on a recounted table with plain code. checked is
// false where the table does not hold what the model speaks of: the input's
// distribution, an order or hierarchy of the sensitive values, a population, or
// people where only rows are known.
func verifyModel(m PrivacyModel, r *recount) (checked bool, err error) {
	var holds func(c *recounted) bool
	switch m := m.(type) {
	case KAnonymity:
		holds = func(c *recounted) bool { return c.people >= m.K }
	case LDiversity:
		i := r.column(m.Column)
		if i < 0 || !r.exact && m.variant() != DistinctDiversity {
			return false, nil
		}
		holds = func(c *recounted) bool { return verifyDiversity(m, c.people, c.values[i]) }
	case TCloseness:
		i := r.column(m.Column)
		if i < 0 || !r.exact || r.whole == nil || m.distance() != EqualDistance {
			return false, nil
		}
		holds = func(c *recounted) bool { return verifyEqualDistance(c.values[i], r.whole[i]) <= m.T*(1+tolerance) }
	case BetaLikeness:
		i := r.column(m.Column)
		if i < 0 || !r.exact || r.whole == nil {
			return false, nil
		}
		holds = func(c *recounted) bool {
			return everyShare(c.values[i], r.whole[i], func(q, p float64) bool {
				most := m.Beta
				if m.variant() == EnhancedLikeness {
					most = min(most, -math.Log(p))
				}
				return q <= p*(1+most)*(1+tolerance)
			})
		}
	case DeltaDisclosure:
		i := r.column(m.Column)
		if i < 0 || !r.exact || r.whole == nil {
			return false, nil
		}
		holds = func(c *recounted) bool {
			if m.AllValues && len(c.values[i]) < occurring(r.whole[i]) {
				return false
			}
			return everyShare(c.values[i], r.whole[i], func(q, p float64) bool {
				return math.Abs(math.Log2(q/p)) < m.Delta*(1+tolerance)
			})
		}
	case AverageRisk:
		if !r.exact {
			return false, nil
		}
		var people float64
		for _, c := range r.classes {
			people += float64(c.people)
		}
		return true, failsUnless(float64(len(r.classes)) <= m.Threshold*people*(1+tolerance), m)
	case SampleUniqueness:
		if !r.exact {
			return false, nil
		}
		var people, unique float64
		for _, c := range r.classes {
			people += float64(c.people)
			if c.people == 1 {
				unique++
			}
		}
		return true, failsUnless(unique <= m.Threshold*people*(1+tolerance), m)
	default:
		return false, nil
	}
	for _, c := range r.classes {
		if !holds(c) {
			return true, failsUnless(false, m)
		}
	}
	return true, nil
}

func failsUnless(holds bool, m PrivacyModel) error {
	if holds {
		return nil
	}
	return fault.Dataf("%s does not hold: some class breaks it", m)
}

// verifyDiversity recomputes ℓ-diversity from the counts of a class.
func verifyDiversity(m LDiversity, people int64, values map[string]int64) bool {
	var counts []float64
	n := 0.0
	for _, c := range values {
		counts = append(counts, float64(c))
		n += float64(c)
	}
	if float64(len(counts)) < m.L || float64(people) < m.L {
		return false
	}
	switch m.variant() {
	case EntropyDiversity:
		effective := 1.0 // exp of the entropy: Π (n/c)^(c/n)
		for _, c := range counts {
			effective *= math.Pow(n/c, c/n)
		}
		return effective >= m.L*(1-tolerance)
	case GrassbergerDiversity:
		h := verifyG(n)
		for _, c := range counts {
			h -= c / n * verifyG(c)
		}
		return h >= math.Log(m.L)-tolerance
	case RecursiveDiversity:
		slices.Sort(counts)
		slices.Reverse(counts)
		tail := 0.0
		for _, c := range counts[int(m.L)-1:] {
			tail += c
		}
		return counts[0] < m.C*tail*(1+tolerance)
	}
	return true
}

// verifyG sums Grassberger's G from its recurrence, and beyond a thousand terms
// takes the logarithm with the first correction, 1/(6n²).
func verifyG(n float64) float64 {
	n -= math.Mod(n, 2)
	if n > 2000 {
		return math.Log(n) + 1/(6*n*n)
	}
	g := -0.5772156649015329 - math.Ln2
	for j := 1.0; j <= n/2; j++ {
		g += 2 / (2*j - 1)
	}
	return g
}

// verifyEqualDistance is half the sum of the differences of shares.
func verifyEqualDistance(values, whole map[string]int64) float64 {
	q, p := sum(values), sum(whole)
	d := 0.0
	for v, n := range whole {
		d += math.Abs(float64(values[v])/q - float64(n)/p)
	}
	return d / 2
}

// everyShare asks about the shares of each value of a class, there and in the
// whole table.
func everyShare(values, whole map[string]int64, ask func(q, p float64) bool) bool {
	n, all := sum(values), sum(whole)
	for v, c := range values {
		if !ask(float64(c)/n, float64(whole[v])/all) {
			return false
		}
	}
	return true
}

func sum(values map[string]int64) float64 {
	total := 0.0
	for _, n := range values {
		total += float64(n)
	}
	return total
}

// occurring returns the number of values that occur.
func occurring(values map[string]int64) int {
	n := 0
	for _, c := range values {
		if c > 0 {
			n++
		}
	}
	return n
}
