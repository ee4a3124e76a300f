package dp

import (
	"math"

	"github.com/oboro-data/oboro/internal/exact"
	"github.com/oboro-data/oboro/internal/pld"
)

// Selection and Gaussian noise both need δ. Each could get half of it; but the
// same person cannot use both to the full. One who is alone in j groups is
// disclosed with probability e_j = 1-(1-p)^j, p being that of one such group,
// and is then in at most ℓ₀-j groups whose noise can tell something; for a group
// that is withheld says nothing more. So let noise and selection be calibrated
// to all of δ, each by itself, and let G_j(ε) be the δ of the Gaussian noise of
// ℓ₀-j groups. A table D and one, D′, with such a person more:
//
//   - D′ against D: outside the event of a disclosure both withhold the j groups,
//     so that δ_j ≤ e_j + (1-e_j)·G_j(ε);
//   - D against D′: D never releases the j groups, D′ withholds them with
//     probability 1-e_j, so that δ_j ≤ G_j(ε + ln(1-e_j)).
//
// What is pure, Laplace noise and choices, has its own part of ε and changes
// nothing. Both are at most e_j + G_j(ε + ln(1-e_j)), which is at most δ for j =
// 0 and for j = ℓ₀. Between them G_j falls much faster than e_j rises: (ℓ₀-j)/ℓ₀
// is its part of μ². Where that is confirmed for every j, nothing is divided,
// and σ and threshold are those of twice the δ: about 2 % less. Else both get
// half.

// family is the family of noise of a need under an option.
func (p *planner) family(o option, i int) string {
	if p.sel != nil && i == p.sel.Count {
		return o.count
	}
	return o.family
}

// gaussianNeeds lists the needs with discrete Gaussian noise, and the sum of
// their shares.
func (p *planner) gaussianNeeds(o option) (list []int, part exact.Rat) {
	for i, n := range p.needs {
		if n.Choices == 0 && p.family(o, i) == DiscreteGaussian {
			list, part = append(list, i), part.Add(p.shares[i])
		}
	}
	return list, part
}

// coordinates is how many numbers of the needs listed one unit can change.
func (p *planner) coordinates(list []int) exact.Rat {
	n := exact.Rat{}
	for _, i := range list {
		n = n.Add(p.groups.Mul(exact.Int(max(1, p.needs[i].Numbers))))
	}
	return n
}

// splitDelta is the exact part of δ that pays for selection, and for Gaussian
// noise; both are all of it where they are accounted together.
func (p *planner) splitDelta(o option) (selection, noise exact.Rat, err error) {
	isGaussian := func(family string) bool { return family == DiscreteGaussian || family == GoogleGaussian }
	usesNoise := !p.budget.zcdp && (isGaussian(o.family) && (p.sel == nil || len(p.needs) > 1) || isGaussian(o.count) && p.sel != nil)
	delta := p.budget.delta
	switch {
	case p.sel == nil:
		return exact.Rat{}, delta, nil
	case !usesNoise:
		return delta, exact.Rat{}, nil
	}
	if o.count == DiscreteLaplace || o.count == DiscreteGaussian {
		together, err := p.together(o)
		if together || err != nil {
			return delta, delta, err
		}
	}
	half := delta.Quo(exact.Int(2))
	return half, half, nil
}

// together reports whether selection and Gaussian noise, both calibrated to all
// of δ, cost no more than δ for any number of groups in which a unit is alone. It
// takes ranges of j, of 1 towards both ends, and the worse end of each: e_j grows
// and G_j falls with j.
func (p *planner) together(o option) (bool, error) {
	list, part := p.gaussianNeeds(o)
	if len(list) == 0 {
		return false, nil
	}
	delta, n := p.budget.delta, p.groups.Floor().Int64()
	eta := smoothingLoss(p.coordinates(list))
	mu2, err := jointMuSquared(p.budget.loss.Mul(part), delta, p.coordinates(list))
	if err != nil {
		return false, err
	}
	epsilon, most := p.budget.loss.Mul(part).Sub(eta).FloatDown(), delta.Mul(exact.Int(1).Sub(eta)).FloatDown()
	most2 := mu2.FloatUp()
	share := pld.GroupDeltaDown(delta.FloatDown(), n)
	for from, to := int64(0), int64(0); from < n; from = to { // from < j ≤ to
		to = from + max(1, min(from, n-from)/8)
		// e_j ≤ to·p, and -ln(1-e_j) = -j·ln(1-p).
		disclosed := exact.MulUp(float64(to), share)
		less := exact.MulUp(float64(to), -exact.Log1pDown(-share))
		mu := exact.SqrtUp(exact.MulUp(most2, p.remaining(list, n-from-1)))
		if at := exact.SubDown(epsilon, less); at < 0 || exact.AddUp(disclosed, pld.GaussianDeltaUp(mu, at)) > most && mu > 0 {
			return false, nil
		}
	}
	return true, nil
}

// remaining is the part of μ² that is left to a unit in so many groups, rounded
// up.
func (p *planner) remaining(list []int, groups int64) float64 {
	fewer := *p
	fewer.groups = exact.Int(groups)
	part := 0.0
	if groups == 0 {
		return part
	}
	for _, i := range list {
		if p.needs[i].Rows == 0 {
			part = math.Max(part, exact.DivUp(fewer.groups.FloatUp(), p.groups.FloatDown()))
			continue
		}
		_, all := p.spread(i)
		_, some := fewer.spread(i)
		part = math.Max(part, some.Quo(all).FloatUp())
	}
	return part
}

// smoothingLoss is η of jointMuSquared for all coordinates, for both tables.
func smoothingLoss(coordinates exact.Rat) exact.Rat { return coordinates.Mul(exact.MustParse("1e-24")) }
