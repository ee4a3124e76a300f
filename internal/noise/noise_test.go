package noise

import (
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

// falseAlarm is the probability with which one statistical test of this file
// fails by chance: it rejects where a chi-square statistic exceeds its
// quantile of this level. There are fewer than a hundred such tests.
const falseAlarm = 1e-11

// goodness compares counts with expected probabilities; cells expected less
// than 50 times are joined with their neighbours, the rest of the probability
// is a cell of its own.
func goodness(t *testing.T, name string, counts map[int64]int, probability func(z int64) float64, lo, hi int64) {
	t.Helper()
	n := 0
	for _, c := range counts {
		n += c
	}
	statistic, cells, seen, p := 0.0, 0, 0, 0.0
	restN, restP := n, 1.0
	add := func(c int, p float64) {
		d := float64(c) - p*float64(n)
		statistic += d * d / (p * float64(n))
		cells++
	}
	for z := lo; z <= hi; z++ {
		seen, p = seen+counts[z], p+probability(z)
		if p*float64(n) >= 50 {
			add(seen, p)
			restN, restP = restN-seen, restP-p
			seen, p = 0, 0
		}
	}
	if restP*float64(n) >= 50 {
		add(restN, restP)
	} else if float64(restN) > 50+20*math.Sqrt(50) {
		t.Errorf("%s: %d draws of %d fall outside the expected cells", name, restN, n)
	}
	if cells < 2 {
		t.Fatalf("%s: nothing to compare", name)
	}
	if tail := (distuv.ChiSquared{K: float64(cells - 1)}).Survival(statistic); tail < falseAlarm {
		t.Errorf("%s: chi-square %.1f on %d cells, p = %g", name, statistic, cells, tail)
	}
}

func count(draw func(*Stream, []int64), n int, bin func(int64) int64) map[int64]int {
	s := NewStream()
	defer s.Close()
	counts, dst := map[int64]int{}, make([]int64, 4096)
	for done := 0; done < n; done += len(dst) {
		draw(s, dst)
		for _, z := range dst {
			counts[bin(z)]++
		}
	}
	return counts
}

func same(z int64) int64 { return z }

func draws() int {
	if testing.Short() {
		return 200_000
	}
	return 4_000_000
}

func laplaceMass(t float64, z int64) float64 {
	return math.Tanh(1/(2*t)) * math.Exp(-math.Abs(float64(z))/t)
}

func skipIfOff(t *testing.T) {
	if Off {
		t.Skip("noise is switched off in this build")
	}
}

// V14: the samplers have the distribution that they claim.
func TestLaplaceDistribution(t *testing.T) {
	skipIfOff(t)
	for _, c := range []struct{ num, den uint64 }{{1, 3}, {1, 1}, {3, 1}, {10, 3}, {355, 113}, {1000, 7}, {3_000_000_019, 1_000_000_007}} {
		l, err := NewLaplace(c.num, c.den)
		if err != nil {
			t.Fatal(err)
		}
		scale := float64(c.num) / float64(c.den)
		goodness(t, "Laplace", count(l.Draw, draws(), same), func(z int64) float64 { return laplaceMass(scale, z) }, int64(-40*scale)-5, int64(40*scale)+5)
	}
}

func TestLaplaceLargeScales(t *testing.T) {
	skipIfOff(t)
	for _, num := range []uint64{1 << 20, 1<<50 + 1, 1<<58 - 27} {
		l, err := NewLaplace(num, 1)
		if err != nil {
			t.Fatal(err)
		}
		// Cells of a quarter of the scale; the discrete distribution differs from
		// the continuous one by less than 2⁻²⁰.
		quarter := float64(num) / 4
		bin := func(z int64) int64 { return int64(math.Floor(float64(z) / quarter)) }
		cdf := func(x float64) float64 {
			if x < 0 {
				return math.Exp(x/4) / 2
			}
			return 1 - math.Exp(-x/4)/2
		}
		n := min(draws(), 1_000_000)
		goodness(t, "Laplace", count(l.Draw, n, bin), func(z int64) float64 { return cdf(float64(z+1)) - cdf(float64(z)) }, -100, 100)
	}
}

func TestTruncatedDistribution(t *testing.T) {
	skipIfOff(t)
	for _, c := range []struct{ num, den, bound uint64 }{{1, 1, 11}, {10, 3, 30}, {100, 1, 7}, {7, 2, 1}, {1000000, 1, 3}} {
		l, err := NewTruncatedLaplace(c.num, c.den, c.bound)
		if err != nil {
			t.Fatal(err)
		}
		scale, sum, b := float64(c.num)/float64(c.den), 0.0, int64(c.bound)
		for z := -b; z <= b; z++ {
			sum += laplaceMass(scale, z)
		}
		counts := count(l.Draw, draws()/4, same)
		for z := range counts {
			if z < -b || z > b {
				t.Fatalf("draw beyond the bound %d", b)
			}
		}
		goodness(t, "truncated", counts, func(z int64) float64 { return laplaceMass(scale, z) / sum }, -b, b)
	}
}

func TestGaussianDistribution(t *testing.T) {
	skipIfOff(t)
	for _, c := range []struct {
		num    int64
		den, g uint64
	}{{1, 4, 1}, {1, 1, 1}, {4, 1, 1}, {100, 7, 1}, {12345, 1000, 1}, {11002, 1, 27}, {4097, 1, 9}, {10000, 1, 1}} {
		n, err := NewGaussian(big.NewInt(c.num), c.den, c.g)
		if err != nil {
			t.Fatal(err)
		}
		sigma2 := float64(c.num) / float64(c.den)
		reach := int64(12*math.Sqrt(sigma2)) + 10
		sum, mass, g := 0.0, map[int64]float64{}, int64(c.g)
		for z := -reach; z <= reach; z++ {
			p := math.Exp(-float64(z*z) / (2 * sigma2))
			sum += p
			mass[int64(math.Round(float64(z)/float64(g)))] += p
		}
		goodness(t, "Gaussian", count(n.Draw, draws(), same), func(z int64) float64 { return mass[z] / sum }, -reach/g, reach/g)
	}
}

func TestGaussianLargeScales(t *testing.T) {
	skipIfOff(t)
	for _, bitsOf := range []uint{40, 80, 110} {
		sigma2 := new(big.Int).Lsh(big.NewInt(1), bitsOf)
		n, err := NewGaussian(sigma2, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		quarter := math.Exp2(float64(bitsOf)/2) / 4
		bin := func(z int64) int64 { return int64(math.Floor(float64(z) / quarter)) }
		cdf := func(x float64) float64 { return math.Erfc(-x/4/math.Sqrt2) / 2 }
		goodness(t, "Gaussian", count(n.Draw, min(draws(), 1_000_000), bin), func(z int64) float64 { return cdf(float64(z+1)) - cdf(float64(z)) }, -40, 40)
	}
}

// e to 60 digits: e^-1 = 0.367879441171442321595523770161460867445811131031767834507836...
func TestExpBounds(t *testing.T) {
	want, _ := new(big.Float).SetPrec(300).SetString("0.367879441171442321595523770161460867445811131031767834507836801697461495744899803357")
	lo, hi := expBounds(big.NewInt(1), big.NewInt(1), 192)
	scaled, _ := new(big.Float).SetPrec(400).SetMantExp(want, 192).Int(nil)
	if lo.Cmp(scaled) > 0 || hi.Cmp(scaled) < 0 || new(big.Int).Sub(hi, lo).Cmp(big.NewInt(3)) > 0 {
		t.Errorf("e^-1 lies in [%v, %v], want %v", lo, hi, scaled)
	}
	// e^-(a+b) = e^-a · e^-b, for 100 random fractions.
	r := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		a, b, den := r.Int64N(1<<40), r.Int64N(1<<40), r.Int64N(1<<38)+1<<34
		x, _ := expBounds(big.NewInt(a), big.NewInt(den), 256)
		y, _ := expBounds(big.NewInt(b), big.NewInt(den), 256)
		lo, hi := expBounds(big.NewInt(a+b), big.NewInt(den), 192)
		x.Mul(x, y).Rsh(x, 320)
		if x.Cmp(new(big.Int).Sub(lo, big.NewInt(1))) < 0 || x.Cmp(hi) > 0 {
			t.Errorf("the product rule fails for %d, %d over %d", a, b, den)
		}
	}
}

// within checks that a bracket holds e^-(num/den).
func within(t *testing.T, name string, low, high uint64, num, den *big.Int) {
	t.Helper()
	lo, hi := expBounds(num, den, 128)
	unit := func(x uint64) *big.Int { return new(big.Int).Lsh(new(big.Int).SetUint64(x), 64) }
	if unit(low).Cmp(hi) > 0 && low != ^uint64(0) {
		t.Errorf("%s: lower bound %d is above e^-(%v/%v)", name, low, num, den)
	}
	if upper := unit(high); high != ^uint64(0) && upper.Add(upper, unit(1)).Cmp(lo) < 0 {
		t.Errorf("%s: upper bound %d is below e^-(%v/%v)", name, high, num, den)
	}
	if high-low > 4096 {
		t.Errorf("%s: the bracket [%d, %d] is wide", name, low, high)
	}
}

// The brackets that decide nearly every draw hold the exact value.
func TestBrackets(t *testing.T) {
	buildTables()
	n := 20_000
	if testing.Short() {
		n = 2_000
	}
	r := rand.New(rand.NewPCG(3, 4))
	one := new(big.Int).Lsh(big.NewInt(1), 64)
	for i := range n {
		x, k := r.Uint64(), r.Uint64N(50)
		switch i % 4 {
		case 0:
			x >>= r.UintN(64)
		case 1:
			x &^= 1<<r.UintN(64) - 1
		}
		num := new(big.Int).SetUint64(k)
		num.Lsh(num, 64).Add(num, new(big.Int).SetUint64(x))
		lo, hi := expNeg(k, x, 0)
		within(t, "expNeg", lo, hi, num, one)

		l, m, d := r.Uint64()>>r.UintN(64), r.Uint64()>>(2+r.UintN(60))+1, r.Uint64()>>(2+r.UintN(60))+1
		lo, hi = expRatio(l, m, d)
		num.SetUint64(l)
		num.Mul(num, new(big.Int).SetUint64(m))
		within(t, "expRatio", lo, hi, num, new(big.Int).SetUint64(d))
	}
	for range n / 20 {
		a := new(big.Int).SetUint64(r.Uint64())
		a.Lsh(a, 48).Add(a, new(big.Int).SetUint64(r.Uint64()>>16)).Rsh(a, r.UintN(110)).Add(a, big.NewInt(1))
		b := r.Uint64N(1<<10) + 1
		g, err := NewGaussian(a, b, 1)
		if err != nil {
			continue
		}
		for range 20 {
			y := r.Uint64N(g.proposal.num)*r.Uint64N(70) + r.Uint64N(3)
			root := new(big.Int).SetUint64(y)
			root.Mul(root, new(big.Int).SetUint64(g.tb)).Sub(root, g.a)
			lo, hi := g.bracket(y)
			within(t, "Gaussian", lo, hi, root.Mul(root, root), g.divisor)
		}
	}
}

// The comparison of last resort has the right probability: of reals that begin
// with the 64 bits of e^-1, the share below e^-1 is the fraction that follows.
func TestLastResort(t *testing.T) {
	s := NewStream()
	defer s.Close()
	lo, _ := expBounds(big.NewInt(1), big.NewInt(1), 128)
	prefix := new(big.Int).Rsh(lo, 64).Uint64()
	fraction := float64(new(big.Int).And(lo, new(big.Int).SetUint64(^uint64(0))).Uint64()) / (1 << 64)
	const n = 20_000
	below := 0
	for range n {
		if s.belowExp(prefix, big.NewInt(1), big.NewInt(1)) {
			below++
		}
	}
	// Seven standard deviations: by chance less than once in 10¹¹.
	if d := math.Abs(float64(below)-n*fraction) / math.Sqrt(n*fraction*(1-fraction)); d > 7 {
		t.Errorf("%d of %d below, want a share of %g", below, n, fraction)
	}
	if !s.belowExp(prefix-1, big.NewInt(1), big.NewInt(1)) || s.belowExp(prefix+1, big.NewInt(1), big.NewInt(1)) {
		t.Error("a decided comparison is decided wrongly")
	}
}

func TestChoose(t *testing.T) {
	skipIfOff(t)
	s := NewStream()
	defer s.Close()
	for _, c := range []struct {
		loss, width []uint64
		num, den    uint64
	}{
		{[]uint64{0, 1, 2, 3, 4}, nil, 1, 2},
		{[]uint64{1000, 1000, 1001, 1003}, []uint64{1, 0, 7, 1 << 20}, 3, 1},
		{[]uint64{5, 4, 3, 1 << 60, 7}, []uint64{1 << 30, 1, 1 << 20, 9, 1 << 40}, 7, 3},
		{[]uint64{9}, nil, 1, 1},
	} {
		least := ^uint64(0)
		for i, l := range c.loss {
			if c.width == nil || c.width[i] > 0 {
				least = min(least, l)
			}
		}
		weights, sum := make([]float64, len(c.loss)), 0.0
		for i, l := range c.loss {
			weights[i] = math.Exp(-float64(l-least) * float64(c.num) / float64(c.den))
			if c.width != nil {
				weights[i] *= float64(c.width[i])
			}
			sum += weights[i]
		}
		counts := map[int64]int{}
		for range draws() / 8 {
			counts[int64(s.Choose(c.loss, c.width, c.num, c.den))]++
		}
		if len(c.loss) == 1 {
			if len(counts) != 1 {
				t.Error("the only candidate was not chosen")
			}
			continue
		}
		goodness(t, "Choose", counts, func(z int64) float64 { return weights[z] / sum }, 0, int64(len(weights)-1))
	}
	if s.Choose([]uint64{1, 2}, []uint64{0, 0}, 1, 1) != -1 {
		t.Error("a candidate of no width was chosen")
	}
}

func TestUniform(t *testing.T) {
	s := NewStream()
	defer s.Close()
	for _, n := range []uint64{3, 10, 1<<62 + 1<<61, 1<<63 + 12345} {
		counts := map[int64]int{}
		cells := min(n, 12)
		for range draws() / 8 {
			v := s.below(n)
			if v >= n {
				t.Fatal("out of range")
			}
			hi, lo := mul128(v, cells)
			counts[int64(div128(hi, lo, n))]++
		}
		goodness(t, "uniform", counts, func(int64) float64 { return 1 / float64(cells) }, 0, int64(cells-1))
	}
	for range 1000 {
		if hi, lo := s.below128(5, 17); hi > 5 || hi == 5 && lo >= 17 {
			t.Fatal("out of range")
		}
	}
}

func mul128(a, b uint64) (hi, lo uint64) {
	p := new(big.Int).Mul(new(big.Int).SetUint64(a), new(big.Int).SetUint64(b))
	return new(big.Int).Rsh(p, 64).Uint64(), new(big.Int).And(p, new(big.Int).SetUint64(^uint64(0))).Uint64()
}

func div128(hi, lo, n uint64) uint64 {
	p := new(big.Int).SetUint64(hi)
	p.Lsh(p, 64).Add(p, new(big.Int).SetUint64(lo))
	return p.Quo(p, new(big.Int).SetUint64(n)).Uint64()
}

// V4: sums saturate in 64 bits and are exact in 128.
func TestAdd(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 100_000 {
		x, z := int64(r.Uint64()), r.Uint64()>>r.UintN(64)
		zhi := uint64(0)
		if r.UintN(4) == 0 {
			zhi = r.Uint64() >> (2 + r.UintN(62))
		}
		negative := r.UintN(2) == 0
		want := new(big.Int).SetUint64(zhi)
		want.Lsh(want, 64).Add(want, new(big.Int).SetUint64(z))
		if negative {
			want.Neg(want)
		}
		wide := new(big.Int).Set(want)
		want.Add(want, big.NewInt(x))
		clamped := want
		if want.Cmp(big.NewInt(math.MaxInt64)) > 0 {
			clamped = big.NewInt(math.MaxInt64)
		} else if want.Cmp(big.NewInt(math.MinInt64)) < 0 {
			clamped = big.NewInt(math.MinInt64)
		}
		if got := addSaturating(x, negative, zhi, z); got != clamped.Int64() {
			t.Fatalf("%d ± (%d, %d) saturates to %d, want %v", x, zhi, z, got, clamped)
		}
		xhi, xlo := int64(r.Uint64())>>2, r.Uint64()
		base := big.NewInt(xhi)
		base.Lsh(base, 64).Add(base, new(big.Int).SetUint64(xlo)).Add(base, wide)
		hi, lo := addWide(xhi, xlo, negative, zhi, z)
		got := big.NewInt(hi)
		if got.Lsh(got, 64).Add(got, new(big.Int).SetUint64(lo)); got.Cmp(base) != 0 {
			t.Fatalf("wide sum %v, want %v", got, base)
		}
	}
}

func TestAddWideAgreesWithAdd(t *testing.T) {
	skipIfOff(t)
	l, _ := NewLaplace(1<<40, 1)
	s := NewStream()
	defer s.Close()
	hi, lo := make([]int64, 100), make([]uint64, 100)
	for i := range hi {
		hi[i] = -1 << 61
	}
	l.AddWide(s, hi, lo)
	for i := range hi {
		if hi[i] != -1<<61 && hi[i] != -1<<61-1 {
			t.Fatalf("high word %d", hi[i])
		}
	}
}

// V15: streams differ, a copy made by fork does not repeat its parent, and a
// closed stream holds no key.
func TestKeys(t *testing.T) {
	a, b := NewStream(), NewStream()
	if a.word() == b.word() {
		t.Error("two streams agree")
	}
	a.begin()
	child := *a.chacha // what fork copies
	forked := &Stream{chacha: &child, pid: a.pid}
	forked.pid = a.pid + 1 // another process
	forked.begin()
	if forked.word() == a.word() || forked.pid != os.Getpid() {
		t.Error("a forked stream repeats its parent")
	}
	a.Close()
	closed := rand.NewChaCha8([32]byte{})
	if a.chacha.Uint64() != closed.Uint64() {
		t.Error("the key was not erased")
	}
	a.Uint64n(10) // draws a new key
	if a.pid != os.Getpid() {
		t.Error("a closed stream was used under its erased key")
	}
}

// V15: no exported name and no file of a normal build lets a caller choose the key.
func TestNothingSeedable(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		text, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), "Seed("); n > 0 && f.Name() != "stream.go" || n > 2 {
			t.Errorf("%s sets a seed", f.Name())
		}
	}
}

func TestRanges(t *testing.T) {
	for _, c := range [][2]uint64{{0, 1}, {1, 0}, {MaxScale + 1, 1}, {1, MaxScale + 1}} {
		if _, err := NewLaplace(c[0], c[1]); err == nil {
			t.Errorf("scale %d/%d was accepted", c[0], c[1])
		}
	}
	for _, c := range []struct {
		num    *big.Int
		den, g uint64
	}{
		{big.NewInt(0), 1, 1}, {big.NewInt(-1), 1, 1}, {big.NewInt(1), 0, 1}, {big.NewInt(1), 1, 2}, {big.NewInt(1), 1, 0},
		{new(big.Int).Lsh(big.NewInt(1), MaxSigmaSquaredBits), 1, 1}, {big.NewInt(1), MaxSigmaDenominator + 1, 1},
		{new(big.Int).Lsh(big.NewInt(1), MaxSigmaSquaredBits-1), MaxSigmaDenominator, 1},
	} {
		if _, err := NewGaussian(c.num, c.den, c.g); err == nil {
			t.Errorf("σ² = %v/%d, refinement %d was accepted", c.num, c.den, c.g)
		}
	}
	if _, err := NewTruncatedLaplace(1, 1, 0); err == nil {
		t.Error("an empty support was accepted")
	}
}

func TestNoAllocation(t *testing.T) {
	l, _ := NewLaplace(10, 3)
	g, _ := NewGaussian(big.NewInt(11002), 1, 27)
	s := NewStream()
	defer s.Close()
	dst, loss := make([]int64, 1000), make([]uint64, 100)
	if n := testing.AllocsPerRun(20, func() { l.Draw(s, dst); g.Draw(s, dst); s.Choose(loss, nil, 1, 3) }); n > 0 {
		t.Errorf("%g allocations in a batch", n)
	}
}

// With noise switched off every sampler returns 0; see the build tag.
func TestOff(t *testing.T) {
	l, _ := NewLaplace(1<<40, 1)
	xs := make([]int64, 64)
	s := NewStream()
	defer s.Close()
	l.Add(s, xs)
	zeros := 0
	for _, x := range xs {
		if x == 0 {
			zeros++
		}
	}
	if Off != (zeros == len(xs)) {
		t.Errorf("Off is %v, but %d of %d draws are 0", Off, zeros, len(xs))
	}
}
