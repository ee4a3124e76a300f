package kanon

import (
	"fmt"
	"math"
	"math/big"

	"github.com/oboro-data/oboro/internal/fault"
)

// A Diversity says how LDiversity measures the variety of a class.
type Diversity string

// The variants of ℓ-diversity. The empty variant is DistinctDiversity.
const (
	DistinctDiversity    Diversity = "distinct"
	EntropyDiversity     Diversity = "entropy"
	GrassbergerDiversity Diversity = "entropy-grassberger"
	RecursiveDiversity   Diversity = "recursive"
)

// LDiversity asks that the sensitive values of every class be varied
// (Machanavajjhala, Kifer, Gehrke, Venkitasubramaniam: ℓ-Diversity, 2007).
// With n_1 ≥ n_2 ≥ … ≥ n_m the counts of the m values in the class, n their
// sum:
//
//	distinct             m ≥ ℓ
//	entropy              ln n - (1/n) Σ n_i ln n_i ≥ ln ℓ         (definition 4.1)
//	entropy-grassberger  m ≥ ℓ and G(n) - (1/n) Σ n_i G(n_i) ≥ ln ℓ
//	recursive            m ≥ ℓ and n_1 < C·(n_ℓ + … + n_m)        (definition 4.2)
//
// G corrects the entropy of small samples (Grassberger: Entropy Estimates from
// Insufficient Samplings, 2003, equation 35), here in both places where the
// logarithm stands; see grassberger.
//
// Distributions count people: with a unit, a person with two values in the
// class counts once for each, and a class must hold ⌈ℓ⌉ people at least: one
// person's values do not hide that person.
//
// Exactness: distinct and recursive are decided in integers. Entropy is
// decided in floating point where its error cannot matter, and else by
// comparing n^n with ℓ^n·Π n_i^n_i in integers, so that a class of exactly ℓ
// equally frequent values passes; where the integers would be too long, a
// class that is within 1e-13 of the bound fails. Grassberger's entropy
// fails within its error.
//
// Distinct diversity is Growing: support only grows. The others are Merging:
// entropy is concave, and for the recursive kind n_1 of a union is at most the
// sum of the parts' n_1 while its tail is at least the sum of their tails.
// Grassberger's estimate is not concave at small counts and so promises
// nothing.
type LDiversity struct {
	L       float64 // ≥ 1; a whole number for distinct and recursive
	Column  string
	Variant Diversity
	C       float64 // recursive only, > 0
}

func (m LDiversity) variant() Diversity {
	if m.Variant == "" {
		return DistinctDiversity
	}
	return m.Variant
}

// Check refuses parameters outside their ranges.
func (m LDiversity) Check() error {
	if err := checkColumn("l-diversity", m.Column); err != nil {
		return err
	}
	if err := checkFinite("l-diversity", "l", m.L); err != nil {
		return err
	}
	switch m.variant() {
	case DistinctDiversity, RecursiveDiversity:
		if m.L != math.Trunc(m.L) {
			return fault.Planf("l-diversity of %q: l must be a whole number for the variant %s", m.Column, m.variant())
		}
	case EntropyDiversity, GrassbergerDiversity:
	default:
		return fault.Planf("l-diversity of %q: unknown variant %q; give distinct, entropy, entropy-grassberger or recursive", m.Column, string(m.Variant))
	}
	if m.L < 1 || m.L > 1<<31 {
		return fault.Planf("l-diversity of %q: l must be from 1 to 2^31", m.Column)
	}
	if m.variant() == RecursiveDiversity && !(m.C > 0 && m.C <= math.MaxInt32) {
		return fault.Planf("l-diversity of %q: the variant recursive needs c > 0", m.Column)
	}
	return nil
}

// Bind returns the test of a class.
func (m LDiversity) Bind(base *FrequencySet) (func(*EquivalenceClass) bool, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	i, err := sensitiveColumn(base, "l-diversity", m.Column)
	if err != nil {
		return nil, err
	}
	least := int(math.Ceil(m.L))
	var varied func(d *Distribution) bool
	switch m.variant() {
	case DistinctDiversity:
		varied = func(*Distribution) bool { return true }
	case EntropyDiversity:
		varied = newEntropyTest(m.L).holds
	case GrassbergerDiversity:
		logL := math.Log(m.L)
		varied = func(d *Distribution) bool { return grassbergerHolds(d, logL) }
	case RecursiveDiversity:
		c := decimal(m.C)
		if !c.Num().IsInt64() || !c.Denom().IsInt64() {
			return nil, fault.Planf("l-diversity of %q: c has too many digits", m.Column)
		}
		num, den := c.Num().Int64(), c.Denom().Int64()
		varied = func(d *Distribution) bool { return recursiveHolds(d, least, num, den) }
	}
	return func(c *EquivalenceClass) bool {
		if c.Size == 0 {
			return true
		}
		d := &c.Sensitive[i]
		return c.Size >= int64(least) && len(d.Values) >= least && varied(d)
	}, nil
}

// Monotone reports Growing, Merging or NotMonotone by variant.
func (m LDiversity) Monotone() Monotonicity {
	switch m.variant() {
	case DistinctDiversity:
		return Growing
	case EntropyDiversity, RecursiveDiversity:
		return Merging
	}
	return NotMonotone
}

// MinClassSize is ⌈L⌉.
func (m LDiversity) MinClassSize() int64 { return int64(math.Ceil(m.L)) }

// SensitiveColumns is the model's column.
func (m LDiversity) SensitiveColumns() []string { return []string{m.Column} }

// String is "distinct 3-diversity of diagnosis".
func (m LDiversity) String() string {
	if m.variant() == RecursiveDiversity {
		return fmt.Sprintf("recursive (%v, %v)-diversity of %s", m.C, m.L, m.Column)
	}
	return fmt.Sprintf("%s %v-diversity of %s", m.variant(), m.L, m.Column)
}

// recursiveHolds decides n_1 < (num/den)·(n_ℓ + … + n_m), m ≥ ℓ: the tail is
// the sum less the ℓ-1 largest counts, which are kept in descending order.
func recursiveHolds(d *Distribution, l int, num, den int64) bool {
	var few [16]int64
	top := few[:0]
	var sum, largest int64
	for _, n := range d.Counts {
		sum += n
		largest = max(largest, n)
		if len(top) < l-1 {
			top = append(top, 0)
		} else if l == 1 || n <= top[l-2] {
			continue
		}
		j := len(top) - 1
		for ; j > 0 && top[j-1] < n; j-- {
			top[j] = top[j-1]
		}
		top[j] = n
	}
	for _, n := range top {
		sum -= n
	}
	return wideMul(largest, den).less(wideMul(num, sum))
}

// An entropyTest decides H ≥ ln ℓ for Shannon's entropy H in nats.
type entropyTest struct {
	logL float64
	l    *big.Rat
}

func newEntropyTest(l float64) *entropyTest { return &entropyTest{math.Log(l), decimal(l)} }

// holds multiplies the inequality by n. Each of the m+1 terms x·ln x is within
// 3 units in the last place, n·ln ℓ too, and no partial sum exceeds n·ln n;
// 8·(m+4)·2^-53·n·ln n bounds the error of the difference generously.
func (t *entropyTest) holds(d *Distribution) bool {
	var sum float64
	var total int64
	for _, n := range d.Counts {
		sum += float64(n) * math.Log(float64(n))
		total += n
	}
	n := float64(total)
	difference := n*math.Log(n) - sum - n*t.logL
	slack := 0x1p-50 * float64(len(d.Counts)+4) * n * (math.Log(n) + t.logL)
	if math.Abs(difference) > slack {
		return difference > 0
	}
	return t.exactly(d.Counts, total)
}

// exactly decides n^n ≥ ℓ^n·Π n_i^n_i. Dividing all counts by their greatest
// common divisor g takes the g-th root of both sides and removes g^n.
func (t *entropyTest) exactly(counts []int64, total int64) bool {
	g := int64(0)
	for _, n := range counts {
		for a, b := g, n; ; a, b = b, a%b {
			if b == 0 {
				g = a
				break
			}
		}
	}
	const longest = 1 << 13
	if total/g > longest {
		return false
	}
	pow := func(x *big.Int, n int64) *big.Int { return new(big.Int).Exp(x, big.NewInt(n), nil) }
	n := total / g
	left := pow(big.NewInt(n), n)
	left.Mul(left, pow(t.l.Denom(), n))
	right := pow(t.l.Num(), n)
	for _, c := range counts {
		right.Mul(right, pow(big.NewInt(c/g), c/g))
	}
	return left.Cmp(right) >= 0
}

// grassbergerHolds decides G(n) - (1/n) Σ n_i G(n_i) ≥ ln ℓ, failing where the
// rounding error could decide.
func grassbergerHolds(d *Distribution, logL float64) bool {
	var sum float64
	var total int64
	for _, n := range d.Counts {
		sum += float64(n) * grassberger(n)
		total += n
	}
	n := float64(total)
	slack := 0x1p-48 * float64(len(d.Counts)+4) * n * (math.Log(n) + logL + 2)
	return n*(grassberger(total)-logL)-sum >= slack
}

// grassberger returns G(n) = ψ(n) + (-1)^n·½·(ψ((n+1)/2) - ψ(n/2)), for which
//
//	G(1) = -γ - ln 2,   G(2k) = G(1) + Σ_{j=1..k} 2/(2j-1),   G(2k+1) = G(2k).
//
// Up to 100 it is summed. Above, with x = 1/k², the digamma series gives
//
//	G(2k) = ln 2k + x/24 - 7x²/960 + 31x³/8064 - O(x⁴),
//
// whose rest at k > 50 is below 1e-15.
func grassberger(n int64) float64 {
	k := n / 2
	if k <= 50 {
		return grassbergerTable[k]
	}
	x := 1 / (float64(k) * float64(k))
	return math.Log(2*float64(k)) + x*(1./24-x*(7./960-x*(31./8064)))
}

// grassbergerTable holds G(2k) for k from 0 to 50, G(0) standing for G(1).
var grassbergerTable = func() (g [51]float64) {
	const eulerGamma = 0.57721566490153286060651209008240243
	g[0] = -eulerGamma - math.Ln2
	for k := 1; k <= 50; k++ {
		g[k] = g[k-1] + 2/float64(2*k-1)
	}
	return g
}()
