package dp

import (
	"math"
	"math/big"

	"github.com/oboro-data/oboro/internal/exact"
	"github.com/oboro-data/oboro/internal/fault"
	"github.com/oboro-data/oboro/internal/pld"
)

// Names of noise in a Query.
const (
	NoiseExact    = "exact"    // discrete Laplace or Gaussian, whichever has the lower error
	NoiseLaplace  = "laplace"  // discrete Laplace
	NoiseGaussian = "gaussian" // discrete Gaussian
	NoiseGoogle   = "google"   // the Laplace noise of Query.Backend
)

// A Need is one statistic of a release as noise sees it: for every group a
// vector of whole numbers, each of which gets its own draw.
type Need struct {
	// Weight is the share of the budget, in proportion to the weights of the
	// other needs; 0 is 1.
	Weight float64
	// L1 is the most by which one unit changes the vector of one group, as the
	// sum of absolute changes, at least 1.
	L1 int64
	// L2Squared is the most by which one unit changes it as the sum of squared
	// changes; nil is L1². For a pair (a, b) that changes by a non-negative
	// vector of sum G, both L1 = G and L2Squared = G² are right.
	L2Squared *big.Int
	// Rows and TotalRows, if Rows is not 0, say that L1 and L2Squared are those
	// of Rows rows of a unit in one group, and less for fewer rows in
	// proportion, and that a unit has at most TotalRows rows in all groups
	// together; see spread.
	Rows, TotalRows int64
	// Numbers is the length of the vector; 0 is 1.
	Numbers int64
	// Choices > 0 asks for so many runs of the exponential mechanism in every
	// group instead of noise. L1 is then the most by which one unit changes the
	// loss of a candidate.
	Choices int64
}

// Select asks for the selection of private groups.
type Select struct {
	// Count is the index of the need that is the number of units: one number
	// that a unit changes by at most 1.
	Count int
	// Unwanted says that the number of units is needed for selection only, so
	// that its own error is of no interest.
	Unwanted bool
	// Floor is a least noised number of units for release, or 0.
	Floor int64
}

// A Calibration is noise for every statistic of a release, and what it costs.
type Calibration struct {
	// Price is what the release costs: the budget given to Calibrate, exactly.
	Price Budget
	// Mechanisms holds one mechanism for every need, nil where the need is for
	// choices.
	Mechanisms []*Mechanism
	// Rates holds for every need with choices the rate of the exponential
	// mechanism: a candidate is chosen with probability in proportion to
	// e^(-loss·rate).
	Rates []Rate
	// Selection is nil for public groups.
	Selection *Selection
	// Joint is true where Gaussian noise is accounted jointly for all
	// statistics, by exact Gaussian composition or by adding ρ.
	Joint bool
}

// A Rate is a positive fraction Num/Den of numbers of at most 62 bits; the zero
// Rate belongs to a need without choices.
type Rate struct{ Num, Den uint64 }

// StdErrors are the standard errors of the mechanisms in whole numbers, 0
// where a need is for choices.
func (c *Calibration) StdErrors() []float64 {
	out := make([]float64, len(c.Mechanisms))
	for i, m := range c.Mechanisms {
		if m != nil {
			out[i] = m.StdError()
		}
	}
	return out
}

// Calibrate finds the noise with which a release of the given needs costs b,
// where one unit is in at most maxGroups groups.
//
// noise is one of NoiseExact (also ""), NoiseLaplace, NoiseGaussian and
// NoiseGoogle, which draws Laplace or Gaussian noise from the backend; backend
// is nil otherwise. With NoiseExact every admissible combination is computed: Laplace for all, with a
// threshold or truncated geometric noise for the count of units; Gaussian for
// all; Gaussian for all but the count. The one of least geometric mean of
// standard errors, weighted like the budget, is taken; where groups are
// private the number of units for release with probability one half counts as
// one more error, of the weight of the count, and stands in the place of the
// count's own where that is unwanted. See docs/accounting.md.
//
// The argument for the price, by currency:
//
//   - Laplace, b in ε: a need of share w is pure (w·ε)-private, as one unit
//     changes all its vectors together by at most maxGroups·L1 in the sum of
//     absolute changes. ε adds. All of δ pays for selection.
//   - Gaussian, b in (ε, δ): all vectors of all needs are one Gaussian
//     mechanism with μ² = Σ maxGroups·L2Squared/σ². A need of share w gets the
//     part w of μ². Selection, if there is one, and noise share δ: see
//     calibrate_delta.go.
//   - Gaussian, b in ρ: a need of share w is (w·ρ)-zCDP with
//     σ² = maxGroups·L2Squared/(2wρ). ρ adds. All of δ pays for selection.
//   - Choices: each of the maxGroups·Choices runs is ε′-private and, as the
//     exponential mechanism is of bounded range, ε′²/8-zCDP (Cesar and Rogers
//     2021). Its rate is ε′/(2·L1).
//   - Where the rows of a unit in all groups together are bounded, maxGroups
//     becomes the lesser factor of spread, in the sum and in the sum of squares.
//     For choices: a group with the share x of the rows is 2·L1·x·rate-private.
//   - NoiseGoogle: every need of share w is (w·ε, w·δ/2)-private on its own;
//     what the library itself leaves unaccounted is listed in
//     dp/googlenoise.
//
// The error is of kind fault.Plan.
func Calibrate(b Budget, maxGroups int64, noise string, backend Backend, needs []Need, sel *Select) (*Calibration, error) {
	p, err := newPlanner(b, maxGroups, needs, sel)
	if err != nil {
		return nil, err
	}
	if p.backend = backend; noise == NoiseGoogle && backend == nil {
		return nil, fault.Planf("noise: google needs a backend (package dp/googlenoise)")
	}
	var best *Calibration
	var last error
	least := math.Inf(1)
	for _, o := range p.options(noise) {
		c, err := p.calibrate(o)
		if err != nil {
			last = err
			continue
		}
		if s := p.score(c); s < least || best == nil {
			best, least = c, s
		}
	}
	if best == nil {
		if last == nil {
			last = fault.Planf("noise must be exact, laplace, gaussian or google")
		}
		return nil, last
	}
	return best, nil
}

// A planner holds what all combinations have in common.
type planner struct {
	budget Budget
	groups exact.Rat
	needs  []Need
	shares []exact.Rat
	sel    *Select

	backend Backend
}

func newPlanner(b Budget, maxGroups int64, needs []Need, sel *Select) (*planner, error) {
	if err := b.Validate(); err != nil {
		return nil, err
	}
	if maxGroups < 1 {
		return nil, errGroups
	}
	if sel != nil && b.delta.Sign() == 0 {
		return nil, errSelectionDelta
	}
	if sel != nil && (sel.Count < 0 || sel.Count >= len(needs) || needs[sel.Count].L1 != 1 || needs[sel.Count].Choices > 0) {
		return nil, fault.Planf("groups are selected by a number of units, which one unit changes by 1")
	}
	weights := make([]float64, len(needs))
	for i, n := range needs {
		if n.L1 < 1 || n.Numbers < 0 || n.Choices < 0 || n.Rows < 0 || n.Rows > 0 && n.TotalRows < 1 || n.L2Squared != nil && n.L2Squared.Sign() <= 0 {
			return nil, fault.Planf("a statistic that nobody changes needs no noise; its range must hold at least one step of its resolution")
		}
		if weights[i] = n.Weight; n.Weight == 0 {
			weights[i] = 1
		}
	}
	shares, err := shares(weights)
	return &planner{budget: b, groups: exact.Int(maxGroups), needs: needs, shares: shares, sel: sel}, err
}

// An option is a family of noise for the statistics and one for the count on
// which selection rests.
type option struct{ family, count string }

func (p *planner) options(noise string) []option {
	l, g, t := DiscreteLaplace, DiscreteGaussian, TruncatedGeometric
	hasDelta := p.budget.zcdp || p.budget.delta.Sign() > 0
	var all []option
	switch noise {
	case NoiseLaplace:
		return []option{{l, l}}
	case NoiseGaussian:
		return []option{{g, g}}
	case NoiseGoogle:
		all = append(all, option{GoogleLaplace, GoogleLaplace})
		if hasDelta && !p.budget.zcdp {
			all = append(all, option{GoogleGaussian, GoogleGaussian})
		}
	case NoiseExact, "":
		all = append(all, option{l, l})
		if hasDelta {
			all = append(all, option{g, g})
		}
		if p.sel == nil {
			return all
		}
		all = append(all, option{l, t})
		if len(p.needs) > 1 {
			all = append(all, option{g, t}, option{g, l})
		}
	}
	return all
}

// score is the logarithm of the geometric mean that Calibrate minimises.
func (p *planner) score(c *Calibration) float64 {
	s := 0.0
	for i, share := range p.shares {
		w := share.Float()
		if p.sel != nil && i == p.sel.Count {
			s += w * math.Log(float64(c.Selection.UnitsForHalf()))
			if p.sel.Unwanted {
				s += 1e-9 * c.Mechanisms[i].StdError()
				continue
			}
		}
		if m := c.Mechanisms[i]; m != nil {
			s += w * math.Log(m.StdError())
		} else {
			s += w * math.Log(float64(c.Rates[i].Den)/float64(c.Rates[i].Num))
		}
	}
	return s
}

// calibrate finds the noise of one option.
func (p *planner) calibrate(o option) (*Calibration, error) {
	c := &Calibration{
		Price:      p.budget,
		Mechanisms: make([]*Mechanism, len(p.needs)),
		Rates:      make([]Rate, len(p.needs)),
	}
	selDelta, noiseDelta, err := p.splitDelta(o)
	if err != nil {
		return nil, err
	}
	// The Gaussian needs and their part of the budget.
	gaussian, part := p.gaussianNeeds(o)
	for i, n := range p.needs {
		family := p.family(o, i)
		switch {
		case n.Choices > 0:
			c.Rates[i], err = p.rate(i)
		case family == DiscreteGaussian, family == TruncatedGeometric:
			// Calibrated below, jointly, or with the threshold.
		case family == GoogleLaplace:
			c.Mechanisms[i], err = p.googleLaplace(i)
		case family == GoogleGaussian:
			c.Mechanisms[i], err = p.googleGaussian(i, noiseDelta)
		default:
			c.Mechanisms[i], err = newLaplace(p.laplaceScale(i))
		}
		if err != nil {
			return nil, err
		}
	}
	if len(gaussian) > 0 {
		c.Joint = len(gaussian) > 1 || p.budget.zcdp
		if err := p.gaussians(c, gaussian, part, noiseDelta); err != nil {
			return nil, err
		}
	}
	if p.sel != nil {
		if err := p.selection(c, o, selDelta); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// laplaceScale is t = G·L1/ε′, where ε′ is the need's share of ε. In ρ the
// vectors of all groups are composed: Q·ε″²/2 = w·ρ for the ε″ of one group,
// and t = L1/ε″. G and Q are those of spread.
func (p *planner) laplaceScale(i int) exact.Rat {
	l1, w := exact.Int(p.needs[i].L1), p.shares[i]
	sum, squares := p.spread(i)
	if !p.budget.zcdp {
		return sum.Mul(l1).Quo(w.Mul(p.budget.loss))
	}
	return l1.Quo(sqrtDown(exact.Int(2).Mul(w).Mul(p.budget.loss).Quo(squares)))
}

// spread is the most that one unit changes in all groups together, in multiples
// of what it can change in one: G = Σ x for shares x of L1, and Q = Σ x².
// Without a bound on all rows of a unit both are maxGroups.
//
// With it, let n_g ≤ m be the unit's rows in group g, m = Rows, in at most ℓ₀
// groups, and Σ n_g ≤ R = TotalRows. Then x_g = n_g/m, and Σ n_g is at most
// T = min(ℓ₀·m, R). Σ n_g² is convex, so it is greatest at an extreme point of
// that polytope, where all groups but one have m rows or none:
//
//	G = T/m,  Q = (⌊T/m⌋·m² + (T mod m)²)/m².
//
// With ℓ₀ = 3, m = 4 and R = 10, a unit has at most 4 + 4 + 2 rows: G = 2.5 and
// Q = 2.25, instead of 3 and 3.
func (p *planner) spread(i int) (sum, squares exact.Rat) {
	n := p.needs[i]
	if n.Rows == 0 {
		return p.groups, p.groups
	}
	m := exact.Int(n.Rows)
	sum = exact.Min(p.groups, exact.Int(n.TotalRows).Quo(m))
	whole := exact.BigInt(sum.Floor())
	rest := sum.Sub(whole)
	return sum, whole.Add(rest.Mul(rest))
}

// sqrtDown is a positive rational at most √x and, for x within the range of
// float64, within 1e-15 of it. Below that range it is 1/(⌊√n⌋+1), n = ⌈1/x⌉.
func sqrtDown(x exact.Rat) exact.Rat {
	if r, _ := exact.FromBinary(exact.SqrtDown(x.FloatDown())); r.Sign() > 0 {
		return r
	}
	root := new(big.Int).Sqrt(exact.Int(1).Quo(x).Ceil())
	return exact.Int(1).Quo(exact.BigInt(root.Add(root, big.NewInt(1))))
}

// rate is the rate of a need for choices.
func (p *planner) rate(i int) (Rate, error) {
	n, w := p.needs[i], p.shares[i]
	choices := exact.Int(n.Choices)
	sum, squares := p.spread(i)
	var epsilon exact.Rat
	if p.budget.zcdp {
		epsilon = sqrtDown(exact.Int(8).Mul(w).Mul(p.budget.loss).Quo(squares.Mul(choices)))
	} else {
		epsilon = w.Mul(p.budget.loss).Quo(sum.Mul(choices))
	}
	// 1/rate, rounded up, so that the rate is rounded down.
	_, num, den, err := laplaceScale(exact.Int(2).Mul(exact.Int(n.L1)).Quo(epsilon))
	return Rate{den, num}, err
}

// gaussians calibrates the needs listed, whose shares sum to part.
func (p *planner) gaussians(c *Calibration, list []int, part, delta exact.Rat) error {
	if p.budget.zcdp {
		for _, i := range list {
			s := p.l2(i).Quo(exact.Int(2).Mul(p.shares[i]).Mul(p.budget.loss))
			m, err := newGaussian(s, 1)
			if err != nil {
				return err
			}
			c.Mechanisms[i] = m
		}
		return nil
	}
	if delta.Sign() == 0 {
		return fault.Planf("Gaussian noise needs a delta greater than 0, or a budget in rho")
	}
	mu2, err := jointMuSquared(p.budget.loss.Mul(part), delta, p.coordinates(list))
	if err != nil {
		return err
	}
	for _, i := range list {
		// The need's part of μ² is its share among the Gaussian needs.
		s := p.l2(i).Quo(mu2.Mul(p.shares[i].Quo(part)))
		if c.Mechanisms[i], err = refinedGaussian(s); err != nil {
			return err
		}
	}
	return nil
}

// l2 is the most by which one unit changes the vectors of all groups together,
// as the sum of squares.
func (p *planner) l2(i int) exact.Rat {
	n := p.needs[i]
	_, squares := p.spread(i)
	if n.L2Squared != nil {
		return squares.Mul(exact.BigInt(n.L2Squared))
	}
	return squares.Mul(exact.Int(n.L1)).Mul(exact.Int(n.L1))
}

// selection finds the threshold, and the mechanism of a truncated count.
func (p *planner) selection(c *Calibration, o option, delta exact.Rat) error {
	i := p.sel.Count
	groups := p.groups.Floor().Int64()
	s := &Selection{groups: groups, Delta: Budget{zcdp: p.budget.zcdp, delta: delta}}
	var err error
	if o.count == TruncatedGeometric {
		s.Mechanism, s.Threshold, err = truncatedFor(p.laplaceScale(i), groups, delta)
		c.Mechanisms[i] = s.Mechanism
	} else {
		s.Mechanism = c.Mechanisms[i]
		s.Threshold, err = thresholdFor(s.Mechanism, groups, delta)
	}
	s.Threshold = max(s.Threshold, p.sel.Floor)
	c.Selection = s
	return err
}

// GaussianSigmaFor is a σ² for which discrete Gaussian noise on a vector of
// whole numbers, of which one unit changes at most coordinates, by at most
// l2squared in the sum of squared changes, is (ε, δ)-differentially private.
// It is the lesser of two values, both proved: by way of zCDP (CKS theorem 4
// and corollary 13), and the exact continuous value plus smoothing (see
// jointMuSquared). It is rounded up. The error is of kind fault.Plan.
func GaussianSigmaFor(epsilon, delta float64, l2squared, coordinates int64) (sigmaSquared float64, err error) {
	b := Approx(epsilon, delta)
	if err := b.AcceptLargeDelta().Validate(); err != nil {
		return 0, err
	}
	if delta == 0 || l2squared < 1 || coordinates < 1 {
		return 0, fault.Planf("Gaussian noise needs a delta greater than 0 and a sensitivity of at least 1")
	}
	mu2, err := jointMuSquared(b.loss, b.delta, exact.Int(coordinates))
	if err != nil {
		return 0, err
	}
	d := exact.Int(l2squared)
	direct := d.Quo(mu2).Add(smoothing)
	rho, _ := exact.FromBinary(pld.ZCDPRhoDown(b.loss.FloatDown(), b.delta.FloatDown()))
	return exact.Min(direct, d.Quo(exact.Int(2).Mul(rho))).FloatUp(), nil
}

// smoothing is r² = 3, the variance by which a discrete Gaussian exceeds the
// continuous one that it is compared with.
var smoothing = exact.Int(3)

// jointMuSquared is the μ² that a joint release of discrete Gaussian noise may
// have, Σ Δᵢ²/(σᵢ² - r²) ≤ μ² with r² = 3, to be (ε, δ)-private.
//
// Draw Y from the continuous N(0, σ² - r²), add the data, then replace the sum
// y by a whole number X with probability in proportion to e^(-(X-y)²/2r²).
// This is post-processing, and it commutes with adding whole numbers. The
// normalising sum lies within √(2π)·r·(1 ± κ), κ = 2.1·e^(-2π²r²) < 10⁻²⁵
// (Poisson summation), and without it X would have density e^(-X²/2σ²), by
// convolution of two Gaussians. So the probabilities of X and of a discrete
// Gaussian with parameter σ² agree up to a factor e^±η, η ≤ 3κ, at every
// point, however far out. Take n coordinates in which two neighbouring tables
// differ; the others have the same distribution under both and drop out. If
// the continuous release is (ε′, δ′)-private, the discrete one is
// (ε′ + 2nη, e^(nη)·δ′)-private. Theorem 8 of Balle and Wang 2018, applied to
// the joint μ, does the rest.
//
// On a grid refined so that σ ≥ 64 the loss against continuous noise is
// 3/4096 of the variance.
func jointMuSquared(epsilon, delta, coordinates exact.Rat) (exact.Rat, error) {
	eta := smoothingLoss(coordinates)
	if !eta.Less(exact.MustParse("1e-3")) || !eta.Less(epsilon) {
		return exact.Rat{}, errNoiseRange
	}
	e := epsilon.Sub(eta).FloatDown()
	d := delta.Mul(exact.Int(1).Sub(eta)).FloatDown()
	if d <= 0 {
		return exact.Rat{}, fault.Planf("delta is too small for Gaussian noise; use Laplace noise")
	}
	mu, _ := exact.FromBinary(pld.GaussianMuDown(e, d))
	return mu.Mul(mu), nil
}

// refinedGaussian is discrete Gaussian noise in place of continuous noise of
// variance s, on the coarsest grid 1/g, g a power of three, with σ ≥ 64.
func refinedGaussian(s exact.Rat) (*Mechanism, error) {
	g := int64(1)
	for g < 1<<18 && s.Mul(exact.Int(g*g)).Less(exact.Int(64*64)) {
		g *= 3
	}
	fine := s.Mul(exact.Int(g * g)).Add(smoothing)
	return newGaussian(exact.BigInt(fine.Ceil()), g)
}
