package dp

import "math"

// OptimalKeepProbability is the greatest probability with which any
// (epsilon, delta)-private selection can keep a group of the given number of
// units, where one unit is in at most groups groups and ε and δ are divided
// evenly between them (Desfontaines, Voss, Gipson and Mandayam 2022, theorems
// 1 and 2). It is a yardstick for a plan: no released count can do better. Its
// error is that of float64.
//
// With e = ε/groups and d = δ/groups, π(0) = 0 and
//
//	π(n) = min(e^e·π(n-1) + d, 1 - e^-e·(1 - π(n-1) - d), 1).
//
// The first term is the least up to a crossover n₁, from there on the second.
// With S(a, k) = Σ_{i<k} e^((a+i)e), and m = n - n₁,
//
//	π(n) = d·S(0, n)                            for n ≤ n₁,
//	π(n) = 1 - e^(-me)·(1-π(n₁)) + d·S(-m, m)   above, at most 1.
func OptimalKeepProbability(epsilon, delta float64, groups, units int64) float64 {
	e, d := epsilon/float64(groups), delta/float64(groups)
	cross := firstCrossover(e, d)
	if units <= 0 {
		return 0
	}
	if units <= cross {
		return math.Min(1, d*sumPowers(e, 0, units))
	}
	m := units - cross
	p := d * sumPowers(e, 0, cross)
	return math.Min(1, 1+math.Exp(-float64(m)*e)*(p-1)+d*sumPowers(e, -m, m))
}

// firstCrossover is the n up to which the first term of the recurrence is the
// least: 1 + ⌊ln((1 + e^-e·(2d-1))/(d·(1+e^-e)))/e⌋.
func firstCrossover(e, d float64) int64 {
	q := math.Exp(-e)
	// 1 + q(2d-1) = (1-q) + 2dq, without cancellation.
	n := 1 + math.Floor(math.Log((-math.Expm1(-e)+2*d*q)/(d*(1+q)))/e)
	if !(n < 1<<62) {
		return 1 << 62
	}
	return max(0, int64(n))
}

// sumPowers is Σ e^((a+i)·e) over i = 0 … k-1.
func sumPowers(e float64, a, k int64) float64 {
	if k == 0 {
		return 0
	}
	if k == 1 {
		return math.Exp(float64(a) * e)
	}
	// e^(a·e)·(e^(k·e)-1)/(e^e-1), with the greater power taken out so that
	// nothing overflows before the sum does.
	return math.Exp(float64(a+k-1)*e) * math.Expm1(-float64(k)*e) / math.Expm1(-e)
}
