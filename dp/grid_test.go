package dp

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/internal/exact"
)

// TestGridRoundsExactly compares every way to the grid with rational
// arithmetic.
func TestGridRoundsExactly(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 5))
	for _, text := range []string{"1", "0.01", "0.25", "3", "1/3", "7/2", "1000", "1e-12", "9.5e-7"} {
		step := exact.MustParse(text)
		g := newGrid(step)
		dt := &arrow.Decimal128Type{Precision: 38, Scale: 3}
		b := array.NewDecimal128Builder(memory.DefaultAllocator, dt)
		var units []*big.Int
		for range 2000 {
			v := int64(r.Uint64()) >> r.IntN(64)
			want := roundHalf(exact.Int(v).Quo(step), false)
			if got := g.roundInt(v); got != want {
				t.Fatalf("step %s: %d is step %d, want %d", text, v, got, want)
			}
			wide := new(big.Int).Mul(big.NewInt(v), big.NewInt(1+r.Int64N(1<<40)))
			units = append(units, big.NewInt(v), wide)
			b.Append(decimal128.FromBigInt(big.NewInt(v)))
			b.Append(decimal128.FromBigInt(wide))
		}
		arr := b.NewArray()
		dst := make([]int64, arr.Len())
		g.steps(arr, dst)
		for i, n := range units {
			want := roundHalf(exact.BigInt(n).Quo(exact.Int(1000)).Quo(step), false)
			if dst[i] != want {
				t.Fatalf("step %s: %s thousandths are step %d, want %d", text, n, dst[i], want)
			}
		}
		// One rounding on the way out.
		for range 2000 {
			n := mul(int64(r.Uint64())>>r.IntN(64), 1+r.Int64N(5))
			want, _ := new(big.Rat).SetFrac(new(big.Int).Mul(n.big(), step.Num()), step.Denom()).Float64()
			if got := g.value(n); got != want || math.Signbit(got) && got == 0 {
				t.Fatalf("step %s: %v steps are %v, want %v", text, n, got, want)
			}
		}
	}
}

// TestInt128 compares with big integers.
func TestInt128(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 5))
	number := func() int64 { return int64(r.Uint64()) >> r.IntN(64) }
	for range 20_000 {
		a, b := mul(number(), number()), mul(number(), number())
		p, q := a.big(), b.big()
		if a.add(b).big().Cmp(new(big.Int).Add(p, q)) != 0 && p.BitLen() < 126 && q.BitLen() < 126 {
			t.Fatalf("%s + %s", p, q)
		}
		if a.sub(b).big().Cmp(new(big.Int).Sub(p, q)) != 0 && p.BitLen() < 126 && q.BitLen() < 126 {
			t.Fatalf("%s - %s", p, q)
		}
		if a.less(b) != (p.Cmp(q) < 0) {
			t.Fatalf("%s < %s", p, q)
		}
		if want, _ := new(big.Float).SetInt(p).Float64(); a.float() != want {
			t.Fatalf("%s as a float", p)
		}
		x, y := number(), number()
		if mul(x, y).big().Cmp(new(big.Int).Mul(big.NewInt(x), big.NewInt(y))) != 0 {
			t.Fatalf("%d · %d", x, y)
		}
		lo, hi := min(x, y), max(x, y)
		want := p
		if want.Cmp(big.NewInt(lo)) < 0 {
			want = big.NewInt(lo)
		} else if want.Cmp(big.NewInt(hi)) > 0 {
			want = big.NewInt(hi)
		}
		if a.clamp(lo, hi) != want.Int64() {
			t.Fatalf("%s in [%d, %d]", p, lo, hi)
		}
	}
}
