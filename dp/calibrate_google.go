package dp

import (
	"math/big"

	"github.com/oboro-data/oboro/internal/exact"
	"github.com/oboro-data/oboro/internal/pld"
)

// maxGoogleSensitivity keeps the product of the sensitivities that the Google
// library forms in int64, and converts to float64, exact.
const maxGoogleSensitivity = 1 << 53

// googleLaplace is Laplace noise of the backend with the scale of
// laplaceScale: the sensitivity over all groups, G·L1, at the need's share of ε,
// or L1 at the ε of one group.
func (p *planner) googleLaplace(i int) (*Mechanism, error) {
	scale := p.laplaceScale(i)
	l1 := exact.Int(p.needs[i].L1)
	if sum, _ := p.spread(i); !p.budget.zcdp {
		l1 = exact.BigInt(sum.Mul(l1).Ceil())
	}
	if !l1.Less(exact.Int(maxGoogleSensitivity)) {
		return nil, errNoiseRange
	}
	m := &Mechanism{kind: GoogleLaplace, backend: p.backend, l1: l1.Num().Int64(), epsilon: l1.Quo(scale).FloatDown()}
	return p.googleInRange(m, scale)
}

// googleGaussian is Gaussian noise of the backend at the need's share of ε and
// of delta, with σ of theorem 8 of Balle and Wang 2018.
func (p *planner) googleGaussian(i int, delta exact.Rat) (*Mechanism, error) {
	// The library takes ℓ∞ and a number of groups, and uses ℓ∞·√groups. Where
	// the total is bounded by less, it stands for one group.
	squared := exact.Int(p.needs[i].L1).Mul(exact.Int(p.needs[i].L1))
	if l2 := p.needs[i].L2Squared; l2 != nil {
		squared = exact.BigInt(l2)
	}
	groups := p.groups
	if _, squares := p.spread(i); squares.Less(groups) {
		groups, squared = exact.Int(1), squared.Mul(squares)
	}
	square := squared.Ceil() // ℓ∞ is its root, rounded up
	root := new(big.Int).Sqrt(square)
	if new(big.Int).Mul(root, root).Cmp(square) < 0 {
		root.Add(root, big.NewInt(1))
	}
	if !exact.BigInt(root).Mul(groups).Less(exact.Int(maxGoogleSensitivity)) {
		return nil, errNoiseRange
	}
	linf := root.Int64()
	m := &Mechanism{
		kind: GoogleGaussian, backend: p.backend, l0: groups.Num().Int64(), linf: linf,
		epsilon: p.shares[i].Mul(p.budget.loss).FloatDown(),
		delta:   p.shares[i].Mul(delta).FloatDown(),
	}
	l2 := exact.MulUp(float64(linf), exact.SqrtUp(groups.FloatUp()))
	sigma, ok := exact.FromBinary(exact.DivUp(l2, pld.GaussianMuDown(m.epsilon, m.delta)))
	if !ok {
		return nil, errNoiseRange
	}
	return p.googleInRange(m, sigma)
}

// googleInRange refuses a scale at which the library would give up whole
// numbers: beyond 2⁴⁰ it rounds to multiples of powers of two.
func (p *planner) googleInRange(m *Mechanism, scale exact.Rat) (*Mechanism, error) {
	if !scale.Less(exact.Int(1 << 40)) {
		return nil, errNoiseRange
	}
	m.scale = scale
	return m, nil
}
