package exact

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func TestStrings(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"0", "0"}, {"1", "1"}, {"-1", "-1"}, {"0.1", "0.1"}, {"1e-8", "1e-8"}, {"0.00000001", "1e-8"}, {"0.000001", "0.000001"},
		{"1.5e-7", "1.5e-7"}, {"1e20", "100000000000000000000"}, {"1e21", "1e21"}, {"1e22", "1e22"}, {"12.50", "12.5"}, {"1/3", "1/3"}, {"2/6", "1/3"},
		{"0.5/7", "1/14"}, {"-7/2", "-3.5"}, {"+2", "2"}, {".5", "0.5"}, {"5.", "5"}, {"3/1", "3"}, {"1e-300", "1e-300"}, {"0.05", "0.05"},
	} {
		x, err := Parse(c.in)
		if err != nil {
			t.Errorf("%q: %v", c.in, err)
			continue
		}
		if got := x.String(); got != c.want {
			t.Errorf("%q prints as %q, want %q", c.in, got, c.want)
		}
	}
	for _, in := range []string{"", "x", "1/0", "1/0.0", "1//2", "1/2/3", "0x10", "1_000", "inf", "NaN", "1e401", "1e-401", "1e99999999999", "--1", "1.2.3", "e5", "1e", " 1", "1 "} {
		if _, err := Parse(in); err == nil {
			t.Errorf("%q was accepted", in)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"1", "0.1", "1e-8", "1/3", "-2.5e3", "1e400"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		x, err := Parse(s)
		if err != nil {
			return
		}
		y, err := Parse(x.String())
		if err != nil || !x.Equal(y) {
			t.Errorf("%q does not come back from its text", s)
		}
	})
}

func TestFromFloat(t *testing.T) {
	sum := Rat{}
	tenth, _ := FromFloat(0.1)
	for range 3 {
		sum = sum.Add(tenth)
	}
	if want := MustParse("0.3"); !sum.Equal(want) {
		t.Errorf("three tenths are %s", sum)
	}
	for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if _, ok := FromFloat(f); ok {
			t.Errorf("%v was accepted", f)
		}
	}
}

func TestMarshal(t *testing.T) {
	type pair struct{ A, B Rat }
	in := pair{MustParse("1/3"), MustParse("1e-8")}
	text, err := json.Marshal(in)
	if err != nil || string(text) != `{"A":"1/3","B":"1e-8"}` {
		t.Fatalf("%s, %v", text, err)
	}
	var out pair
	if err := json.Unmarshal([]byte(`{"A":"1/3","B":1e-8}`), &out); err != nil || !out.A.Equal(in.A) || !out.B.Equal(in.B) {
		t.Errorf("%v, %v", out, err)
	}
}

// below reports whether a float, which may be infinite, is at most a rational.
func below(f float64, exact *big.Rat) bool {
	if math.IsInf(f, 0) {
		return f < 0
	}
	return new(big.Rat).SetFloat64(f).Cmp(exact) <= 0
}

// What overflows stays between the last finite number and infinity; dividing by
// 0, and infinite operands, are what they are.
func TestDirectedOverflow(t *testing.T) {
	const most = math.MaxFloat64
	inf := math.Inf(1)
	tiny := math.Ldexp(1, -1074)
	for _, c := range []struct {
		name         string
		down, up     float64
		wantDn, want float64
	}{
		{"1/tiny", DivDown(1, tiny), DivUp(1, tiny), most, inf},
		{"-1/tiny", DivDown(-1, tiny), DivUp(-1, tiny), -inf, -most},
		{"most+most", AddDown(most, most), AddUp(most, most), most, inf},
		{"-most-most", SubDown(-most, most), SubUp(-most, most), -inf, -most},
		{"most·2", MulDown(most, 2), MulUp(most, 2), most, inf},
		{"most·-2", MulDown(most, -2), MulUp(most, -2), -inf, -most},
		{"1/0", DivDown(1, 0), DivUp(1, 0), inf, inf},
		{"∞+1", AddDown(inf, 1), AddUp(inf, 1), inf, inf},
		{"∞·2", MulDown(inf, 2), MulUp(inf, 2), inf, inf},
		{"∞/2", DivDown(inf, 2), DivUp(inf, 2), inf, inf},
	} {
		if c.down != c.wantDn || c.up != c.want {
			t.Errorf("%s = [%g, %g], want [%g, %g]", c.name, c.down, c.up, c.wantDn, c.want)
		}
	}
}

// The directed functions bound the exact result and are close to it.
func TestDirected(t *testing.T) {
	values := rapid.Custom(func(t *rapid.T) float64 {
		return math.Ldexp(rapid.Float64Range(-1, 1).Draw(t, "mantissa"), rapid.IntRange(-80, 80).Draw(t, "exponent"))
	})
	rapid.Check(t, func(t *rapid.T) {
		x, y := values.Draw(t, "x"), values.Draw(t, "y")
		bx, by := new(big.Rat).SetFloat64(x), new(big.Rat).SetFloat64(y)
		check := func(name string, down, up float64, exact *big.Rat) {
			if !below(down, exact) || !below(-up, new(big.Rat).Neg(exact)) {
				t.Fatalf("%s(%g, %g) = [%g, %g]", name, x, y, down, up)
			}
			if steps := math.Nextafter(math.Nextafter(math.Nextafter(down, up), up), up); steps < up {
				t.Fatalf("%s(%g, %g) = [%g, %g] is wide", name, x, y, down, up)
			}
		}
		check("Add", AddDown(x, y), AddUp(x, y), new(big.Rat).Add(bx, by))
		check("Sub", SubDown(x, y), SubUp(x, y), new(big.Rat).Sub(bx, by))
		check("Mul", MulDown(x, y), MulUp(x, y), new(big.Rat).Mul(bx, by))
		if y != 0 {
			check("Div", DivDown(x, y), DivUp(x, y), new(big.Rat).Quo(bx, by))
		}
		if lo, hi := SqrtDown(math.Abs(x)), SqrtUp(math.Abs(x)); lo > hi {
			t.Fatal("Sqrt")
		} else {
			ax := new(big.Rat).Abs(bx)
			l, h := new(big.Rat).SetFloat64(lo), new(big.Rat).SetFloat64(hi)
			if l.Mul(l, l).Cmp(ax) > 0 || h.Mul(h, h).Cmp(ax) < 0 {
				t.Fatalf("Sqrt(%g) = [%g, %g]", x, lo, hi)
			}
		}
	})
}

// Exponentials and logarithms against 200-bit series.
func TestDirectedTranscendental(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 3000 {
		x := math.Ldexp(r.Float64()*2-1, r.IntN(14)-6)
		e := bigExp(x)
		if lo, hi := ExpDown(x), ExpUp(x); cmp(lo, e) > 0 || cmp(hi, e) < 0 {
			t.Errorf("e^%g is not in [%g, %g]", x, lo, hi)
		}
		one := big.NewFloat(1).SetPrec(200)
		if m := new(big.Float).SetPrec(200).Sub(e, one); cmp(Expm1Down(x), m) > 0 || cmp(Expm1Up(x), m) < 0 {
			t.Errorf("e^%g - 1 is not in [%g, %g]", x, Expm1Down(x), Expm1Up(x))
		}
		// ln y in [lo, hi] iff e^lo ≤ y ≤ e^hi.
		y := math.Exp(x)
		if cmp(y, bigExp(LogDown(y))) < 0 || cmp(y, bigExp(LogUp(y))) > 0 {
			t.Errorf("ln %g is not in [%g, %g]", y, LogDown(y), LogUp(y))
		}
		z := math.Expm1(math.Abs(x) / 16)
		z1 := new(big.Float).SetPrec(200).Add(one, big.NewFloat(z))
		if z1.Cmp(bigExp(Log1pDown(z))) < 0 || z1.Cmp(bigExp(Log1pUp(z))) > 0 {
			t.Errorf("ln(1+%g) is not in [%g, %g]", z, Log1pDown(z), Log1pUp(z))
		}
	}
	// Below the normal range: ln 1e-308 = -709.1962086421660743985..., ln 5e-324 = -744.4400719213812622...
	for _, c := range []struct{ x, ln float64 }{{1e-308, -709.196208642166}, {5e-324, -744.4400719213812}} {
		if lo, hi := LogDown(c.x), LogUp(c.x); lo > c.ln || hi < c.ln || hi-lo > 1e-9 {
			t.Errorf("ln %g in [%v, %v], want %v", c.x, lo, hi, c.ln)
		}
	}
}

func cmp(x float64, y *big.Float) int { return big.NewFloat(x).Cmp(y) }

// bigExp is e^x to about 180 bits.
func bigExp(x float64) *big.Float {
	const prec = 240
	y := new(big.Float).SetPrec(prec).SetFloat64(math.Abs(x))
	y.SetMantExp(y, -20)
	sum, term := big.NewFloat(1).SetPrec(prec), big.NewFloat(1).SetPrec(prec)
	for i := 1; i < 60; i++ {
		term.Mul(term, y).Quo(term, big.NewFloat(float64(i)).SetPrec(prec))
		sum.Add(sum, term)
	}
	for range 20 {
		sum.Mul(sum, sum)
	}
	if x < 0 {
		sum.Quo(big.NewFloat(1).SetPrec(prec), sum)
	}
	return sum
}

func TestFloats(t *testing.T) {
	third := Frac(1, 3)
	lo, hi := third.FloatDown(), third.FloatUp()
	if !(lo < hi) || math.Nextafter(lo, 1) != hi {
		t.Errorf("1/3 in [%v, %v]", lo, hi)
	}
	if x := MustParse("0.5"); x.FloatDown() != 0.5 || x.FloatUp() != 0.5 {
		t.Error("a half is not exact")
	}
	huge := MustParse("1e400")
	if !math.IsInf(huge.FloatUp(), 1) || huge.FloatDown() != math.MaxFloat64 || huge.Neg().FloatUp() != -math.MaxFloat64 {
		t.Error("beyond the range")
	}
}

func TestRoundUpTo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := Frac(rapid.Int64Range(1, math.MaxInt64).Draw(t, "num"), rapid.Int64Range(1, math.MaxInt64).Draw(t, "den"))
		x = x.Mul(x).Mul(x)
		maxBits := rapid.IntRange(8, 62).Draw(t, "bits")
		y, ok := x.RoundUpTo(maxBits)
		if !ok {
			if x.Ceil().BitLen() <= maxBits {
				t.Fatal("refused")
			}
			return
		}
		if y.Less(x) || y.Num().BitLen() > maxBits || y.Denom().BitLen() > maxBits {
			t.Fatalf("%s rounds to %s", x, y)
		}
		if k := Int(1 << 20); maxBits > 40 && !x.Less(Int(1)) && y.Sub(x).Mul(k).Cmp(x) > 0 {
			t.Fatalf("%s rounds to %s, far above", x, y)
		}
	})
}

func ExampleRat() {
	budget := Int(1)
	share := budget.Quo(Int(3))
	fmt.Println(share, share.Add(share).Add(share))
	fmt.Println(MustParse("0.1").Add(MustParse("0.2")))
	fmt.Println(MustParse("0.00000001"))
	// Output:
	// 1/3 1
	// 0.3
	// 1e-8
}

func ExampleDivUp() {
	sensitivity, epsilon := 1.0, 3.0
	scale := DivUp(sensitivity, epsilon) // more noise, never less
	loss := DivUp(sensitivity, scale)    // claim more loss, never less
	fmt.Println(scale >= 1.0/3, loss <= epsilon)
	// Output: true true
}
