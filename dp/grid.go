package dp

import (
	"math"
	"math/big"
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/exact"
	"github.com/oboro-data/oboro/internal/fault"
)

// nullStep stands for "no value here" among grid steps. No value maps to it:
// steps lie in [-maxStep, maxStep].
const nullStep = math.MinInt64

// maxStep is the public limit to which every row is clamped before it is
// added. 2⁶⁴ rows of that size still fit into 128 bits.
const maxStep = 1 << 62

// A grid is the set of multiples of a public step. Rows are rounded to the
// grid one by one and added as whole numbers of steps, so that a sum does not
// depend on the order of rows and one row changes it by at most its own steps.
// Rounding floats as they are added does not have this property: Casacuberta,
// Shoemate, Vadhan and Wagaman 2022 show sums that one row changes by many
// times the declared sensitivity.
//
// With step 0.01 the values 1.5, 0.004 and -2 are the steps 150, 0 and -200.
type grid struct {
	step exact.Rat
	// num/den is the step in lowest terms, where both fit into 62 bits.
	num, den uint64
	fits     bool
	// A value times mulBy, or divided by divBy where mulBy is 0, is in steps.
	mulBy, divBy float64
}

// newGrid makes the grid of multiples of a positive step.
func newGrid(step exact.Rat) grid {
	g := grid{step: step}
	num, den := step.Num(), step.Denom()
	if num.BitLen() <= 62 && den.BitLen() <= 62 {
		g.num, g.den, g.fits = num.Uint64(), den.Uint64(), true
	}
	if inverse := exact.Int(1).Quo(step); inverse.IsInt() {
		g.mulBy = inverse.Float()
	} else {
		g.divBy = step.Float()
	}
	return g
}

// round is the step nearest to a float, ties to even, clamped to ±maxStep;
// NaN has no step.
func (g grid) round(v float64) int64 {
	if g.mulBy != 0 {
		v *= g.mulBy
	} else {
		v /= g.divBy
	}
	switch {
	case v != v:
		return nullStep
	case v >= maxStep:
		return maxStep
	case v <= -maxStep:
		return -maxStep
	}
	return int64(math.RoundToEven(v))
}

// roundInt is the step nearest to a whole number, ties away from 0, clamped.
func (g grid) roundInt(v int64) int64 {
	if g.num == 1 && g.den == 1 {
		return min(max(v, -maxStep), maxStep)
	}
	if !g.fits {
		return g.round(float64(v))
	}
	neg, m := v < 0, uint64(v)
	if neg {
		m = -m
	}
	hi, lo := bits.Mul64(m, g.den) // v / (num/den), plus a half, rounded down
	lo, carry := bits.Add64(lo, g.num/2, 0)
	hi += carry
	if hi >= g.num {
		m = maxStep
	} else {
		m, _ = bits.Div64(hi, lo, g.num)
		m = min(m, maxStep)
	}
	if neg {
		return -int64(m)
	}
	return int64(m)
}

// roundBig is the step nearest to n units, ties away from 0, clamped.
func (g grid) roundBig(n *big.Int, unit exact.Rat) int64 {
	v := new(big.Rat).SetInt(n)
	v.Mul(v, new(big.Rat).SetFrac(unit.Num(), unit.Denom()))
	v.Quo(v, new(big.Rat).SetFrac(g.step.Num(), g.step.Denom()))
	// floor(|v| + 1/2)
	num := new(big.Int).Abs(v.Num())
	num.Lsh(num, 1).Add(num, v.Denom())
	num.Quo(num, new(big.Int).Lsh(v.Denom(), 1))
	m := int64(maxStep)
	if num.IsInt64() {
		m = min(num.Int64(), maxStep)
	}
	if v.Sign() < 0 {
		return -m
	}
	return m
}

// value is the float64 nearest to a number of steps: one rounding. It is never
// negative zero.
func (g grid) value(steps int128) float64 {
	small := steps.hi == int64(steps.lo)>>63
	if n := int64(steps.lo); small && n >= -1<<53 && n <= 1<<53 && g.fits && g.num <= 1<<53 && g.den <= 1<<53 {
		if g.den == 1 {
			if hi, lo := bits.Mul64(uint64(max(n, -n)), g.num); hi == 0 && lo <= 1<<53 {
				return float64(n * int64(g.num))
			}
		} else if g.num == 1 && n != 0 {
			return float64(n) / float64(g.den) // both exact: one rounding
		}
	}
	r := new(big.Rat).SetInt(steps.big())
	f, _ := r.Mul(r, new(big.Rat).SetFrac(g.step.Num(), g.step.Denom())).Float64()
	return f
}

// between returns the steps of the grid inside [lower, upper]: the range is
// rounded inwards, so that no total leaves it. ok is false where no step or an
// unusable number of them lies inside.
func (g grid) between(lower, upper exact.Rat) (lo, hi int64, ok bool) {
	l, h := lower.Quo(g.step).Ceil(), upper.Quo(g.step).Floor()
	limit := big.NewInt(maxStep)
	if l.Cmp(h) > 0 || l.CmpAbs(limit) > 0 || h.CmpAbs(limit) > 0 {
		return 0, 0, false
	}
	return l.Int64(), h.Int64(), true
}

// numeric reports whether a column of this type has numbers to add.
func numeric(dt arrow.DataType) bool {
	id := code.ValueType(dt).ID()
	return arrow.IsInteger(id) || arrow.IsFloating(id) || arrow.IsDecimal(id)
}

// checkNumeric refuses columns that are not numbers.
func checkNumeric(column string, dt arrow.DataType) error {
	if numeric(dt) {
		return nil
	}
	return fault.Planf("column %q is of type %s and has no numbers; declare it an integer or decimal column, or leave it to count-distinct", column, code.ValueType(dt))
}

// naturalStep is the step that loses nothing of a column's type: 1 for
// integers, the scale for decimals. Floats have none.
func naturalStep(dt arrow.DataType) (exact.Rat, bool) {
	switch t := code.ValueType(dt).(type) {
	case arrow.DecimalType:
		ten := exact.BigInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(t.GetScale(), -t.GetScale()))), nil))
		if t.GetScale() < 0 {
			return ten, true
		}
		return exact.Int(1).Quo(ten), true
	case *arrow.Float16Type, *arrow.Float32Type, *arrow.Float64Type:
		return exact.Rat{}, false
	}
	return exact.Int(1), true
}

// steps writes the grid step of every row of a numeric column to dst, nullStep
// for null and NaN. The column's type has passed checkNumeric.
func (g grid) steps(arr arrow.Array, dst []int64) {
	switch a := arr.(type) {
	case *array.Dictionary:
		values := make([]int64, a.Dictionary().Len())
		g.steps(a.Dictionary(), values)
		for i := range dst {
			if a.IsNull(i) {
				dst[i] = nullStep
			} else {
				dst[i] = values[a.GetValueIndex(i)]
			}
		}
		return
	case *array.Int8:
		intSteps(g, a.Int8Values(), dst)
	case *array.Int16:
		intSteps(g, a.Int16Values(), dst)
	case *array.Int32:
		intSteps(g, a.Int32Values(), dst)
	case *array.Int64:
		intSteps(g, a.Int64Values(), dst)
	case *array.Uint8:
		intSteps(g, a.Uint8Values(), dst)
	case *array.Uint16:
		intSteps(g, a.Uint16Values(), dst)
	case *array.Uint32:
		intSteps(g, a.Uint32Values(), dst)
	case *array.Uint64:
		for i, v := range a.Uint64Values() {
			if v <= math.MaxInt64 {
				dst[i] = g.roundInt(int64(v))
			} else {
				dst[i] = g.roundBig(new(big.Int).SetUint64(v), exact.Int(1))
			}
		}
	case *array.Float16:
		for i := range dst {
			dst[i] = g.round(float64(a.Value(i).Float32()))
		}
	case *array.Float32:
		for i, v := range a.Float32Values() {
			dst[i] = g.round(float64(v))
		}
	case *array.Float64:
		for i, v := range a.Float64Values() {
			dst[i] = g.round(v)
		}
	case *array.Decimal128:
		// A decimal of 64 bits is a whole number of units of its scale, rounded
		// on the grid whose step is counted in these units.
		own, _ := naturalStep(a.DataType())
		units := newGrid(g.step.Quo(own))
		for i := range dst {
			if v := a.Value(i); v.HighBits() == int64(v.LowBits())>>63 {
				dst[i] = units.roundInt(int64(v.LowBits()))
			} else {
				dst[i] = g.roundBig(v.BigInt(), own)
			}
		}
	case *array.Decimal256:
		own, _ := naturalStep(a.DataType())
		for i := range dst {
			dst[i] = g.roundBig(a.Value(i).BigInt(), own)
		}
	default:
		for i := range dst { // the null type, and nothing else
			dst[i] = nullStep
		}
		return
	}
	if arr.NullN() > 0 {
		for i := range dst {
			if arr.IsNull(i) {
				dst[i] = nullStep
			}
		}
	}
}

func intSteps[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32](g grid, values []T, dst []int64) {
	if g.num == 1 && g.den == 1 {
		for i, v := range values {
			dst[i] = min(max(int64(v), -maxStep), maxStep)
		}
		return
	}
	for i, v := range values {
		dst[i] = g.roundInt(int64(v))
	}
}
