package noise

import (
	"math/big"
	"math/bits"
)

// A Gaussian is the discrete Gaussian distribution N_Z(0, σ²), σ² = a/b: for
// every whole number z, P[Z = z] is proportional to e^(-z²/2σ²). With a
// refinement g > 1 what is drawn is ⌊Z/g⌉, the nearest whole number, so that
// the noise is that of a grid g times finer, rounded: σ² counts in the finer
// grid. Rounding noise on a number that is a multiple of g is post-processing.
//
// For example σ² = 4, g = 1 gives 0 with probability 0.199, ±1 with 0.176
// each, ±2 with 0.121 each.
type Gaussian struct {
	proposal Laplace // of scale t = ⌊σ⌋ + 1
	ahi, alo uint64  // a
	tb       uint64  // t·b
	g        uint64  // odd refinement

	// 1/(2abt²) = inverse·2^-exponent, truncated to 64 bits.
	inverse  uint64
	exponent int

	a, divisor *big.Int // a and 2abt², for the comparison of last resort
}

// Limits of the Gaussian's parameters.
const (
	MaxSigmaSquaredBits = 112     // of the numerator of σ²
	MaxSigmaDenominator = 1 << 20 // of σ²
	MaxRefinement       = 1 << 20
)

// NewGaussian is the distribution with σ² = num/den on a grid refined g times,
// g odd. num has at most MaxSigmaSquaredBits bits and is positive,
// 1 ≤ den ≤ MaxSigmaDenominator, 1 ≤ g ≤ MaxRefinement.
func NewGaussian(num *big.Int, den, g uint64) (*Gaussian, error) {
	if num.Sign() <= 0 || num.BitLen() > MaxSigmaSquaredBits || den == 0 || den > MaxSigmaDenominator ||
		g%2 == 0 || g > MaxRefinement {
		return nil, ErrScale
	}
	d := new(big.Int).SetUint64(den)
	t := new(big.Int).Sqrt(new(big.Int).Quo(num, d)) // ⌊√⌊σ²⌋⌋ = ⌊σ⌋
	t.Add(t, big.NewInt(1))
	if new(big.Int).Mul(t, d).BitLen() > 63 {
		return nil, ErrScale
	}
	proposal, err := NewLaplace(t.Uint64(), 1)
	if err != nil {
		return nil, err
	}
	n := &Gaussian{proposal: *proposal, g: g, a: new(big.Int).Set(num), tb: t.Uint64() * den}
	n.alo = new(big.Int).And(num, new(big.Int).SetUint64(^uint64(0))).Uint64()
	n.ahi = new(big.Int).Rsh(num, 64).Uint64()
	n.divisor = new(big.Int).Mul(num, d)
	n.divisor.Mul(n.divisor, t).Mul(n.divisor, t).Lsh(n.divisor, 1)
	n.exponent = n.divisor.BitLen() + 63
	inverse := new(big.Int).Lsh(big.NewInt(1), uint(n.exponent))
	inverse.Quo(inverse, n.divisor)
	if !inverse.IsUint64() { // the divisor is a power of two
		n.exponent--
		inverse.Rsh(inverse, 1)
	}
	n.inverse = inverse.Uint64()
	return n, nil
}

// Draw fills dst with independent draws, saturated at the limits of int64.
func (n *Gaussian) Draw(s *Stream, dst []int64) {
	clear(dst)
	n.Add(s, dst)
}

// Add adds an independent draw to every element of xs, saturating as
// Laplace.Add does.
func (n *Gaussian) Add(s *Stream, xs []int64) {
	if Off {
		return
	}
	s.begin()
	for i := range xs {
		negative, zhi, zlo := n.draw(s)
		xs[i] = addSaturating(xs[i], negative, zhi, zlo)
	}
}

// AddWide adds an independent draw to every 128-bit number; see
// Laplace.AddWide.
func (n *Gaussian) AddWide(s *Stream, hi []int64, lo []uint64) {
	if Off {
		return
	}
	s.begin()
	for i := range hi {
		negative, zhi, zlo := n.draw(s)
		hi[i], lo[i] = addWide(hi[i], lo[i], negative, zhi, zlo)
	}
}

// draw returns sign and magnitude of one rounded draw.
func (n *Gaussian) draw(s *Stream) (negative bool, hi, lo uint64) {
	for {
		negative, hi, lo = n.proposal.draw(s)
		if hi > 0 { // 2⁶⁴ or more: at least 128 standard deviations
			if s.word() != 0 || !s.acceptSlow(n, 0, hi, lo) {
				continue
			}
		} else if !n.accept(s, lo) {
			continue
		}
		if n.g > 1 { // to the nearest: g is odd, so there are no ties
			var carry uint64
			lo, carry = bits.Add64(lo, n.g/2, 0)
			hi += carry
			lo, _ = bits.Div64(hi%n.g, lo, n.g)
			hi /= n.g
		}
		return negative, hi, lo
	}
}

// accept is true with probability e^-γ, γ = (y - σ²/t)²/2σ² (CKS algorithm 3).
func (n *Gaussian) accept(s *Stream, y uint64) bool {
	w := s.word()
	low, high := n.bracket(y)
	return w < low || w <= high && s.acceptSlow(n, w, 0, y)
}

// bracket brackets e^-γ as expNeg does.
//
// With σ² = a/b, γ = (y·t·b - a)²/(2abt²). The root y·t·b - a has at most 128
// bits. It is cut to its leading 64, squared, cut again and multiplied by the
// 64-bit inverse of the divisor: four truncations, each of at most 2⁻⁶¹ of the
// value. So γ lies between the product and (1 + 2⁻⁵⁹) times it.
func (n *Gaussian) bracket(y uint64) (low, high uint64) {
	hi, lo := bits.Mul64(y, n.tb)
	var borrow uint64
	lo, borrow = bits.Sub64(lo, n.alo, 0)
	hi, borrow = bits.Sub64(hi, n.ahi, borrow)
	if borrow != 0 { // the magnitude of a negative number
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	if hi|lo == 0 {
		return ^uint64(0), ^uint64(0)
	}
	// root ≈ m·2^e, 2⁶³ ≤ m < 2⁶⁴.
	var m uint64
	var e int
	if hi > 0 {
		z := bits.LeadingZeros64(hi)
		m, e = hi<<z|lo>>(64-z), 64-z // z = 0: lo>>64 is 0
	} else {
		z := bits.LeadingZeros64(lo)
		m, e = lo<<z, -z
	}
	q, _ := bits.Mul64(m, m)         // root² ≈ q·2^(64+2e)
	r, _ := bits.Mul64(q, n.inverse) // γ ≈ r·2^(128+2e-exponent)
	// In units of 2⁻⁶⁴: γ ≈ r·2^shift.
	switch shift := 64 + 128 + 2*e - n.exponent; {
	case shift >= 64: // γ ≥ 2⁶¹
		return 0, 0
	case shift >= 0:
		k := r >> (64 - shift)
		if k >= 64 {
			return 0, 0
		}
		return expNeg(k, r<<shift, 32*(k+1)+2)
	case shift > -64:
		return expNeg(0, r>>-shift, 34)
	default:
		return expNeg(0, 0, 34)
	}
}

// acceptSlow decides accept's comparison for the proposal hi·2⁶⁴ + lo and a
// uniform real whose first 64 bits are w.
func (s *Stream) acceptSlow(n *Gaussian, w, hi, lo uint64) bool {
	root := new(big.Int).SetUint64(hi)
	root.Lsh(root, 64).Add(root, new(big.Int).SetUint64(lo))
	root.Mul(root, new(big.Int).SetUint64(n.tb)).Sub(root, n.a)
	return s.belowExp(w, root.Mul(root, root), n.divisor)
}
