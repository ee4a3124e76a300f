package code

import (
	"encoding/hex"
	"math"
	"math/big"
	"strconv"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// IsNull reports whether value i is null: by the bitmap, because the column has
// type null, or because the dictionary entry it refers to is null.
func IsNull(arr arrow.Array, i int) bool {
	switch a := arr.(type) {
	case *array.Null:
		return true
	case *array.Dictionary:
		return a.IsNull(i) || IsNull(a.Dictionary(), a.GetValueIndex(i))
	}
	return arr.IsNull(i)
}

// Text returns the canonical text of value i, by which a value meets a
// hierarchy file, a declared order and the levels of a policy. A null has the
// text "". By type:
//
//	integers, decimals      plain decimal: -7, 1.50 (scale digits kept)
//	floats                  the shortest decimal that reads back equal: 0.1, 1e+21, NaN, Inf, -Inf; -0 is 0
//	booleans                true, false
//	text                    as it is
//	binary                  lower-case hexadecimal
//	dates                   2006-01-02
//	timestamps              2006-01-02T15:04:05.5, fraction as long as needed, in the type's zone, with the
//	                        offset (+09:00 or Z) if the type has a zone
//	times of day            15:04:05.5
//	durations               plain decimal, in the type's unit
//
// Text must not be called for types that CheckType refuses.
func Text(arr arrow.Array, i int) string {
	switch a := arr.(type) {
	case *array.String:
		if a.IsNull(i) {
			return ""
		}
		return a.Value(i)
	case *array.LargeString:
		if a.IsNull(i) {
			return ""
		}
		return a.Value(i)
	}
	return string(AppendText(nil, arr, i))
}

// AppendText appends the canonical text of value i to dst.
func AppendText(dst []byte, arr arrow.Array, i int) []byte {
	if IsNull(arr, i) {
		return dst
	}
	switch a := arr.(type) {
	case *array.Dictionary:
		return AppendText(dst, a.Dictionary(), a.GetValueIndex(i))
	case *array.String:
		return append(dst, a.Value(i)...)
	case *array.LargeString:
		return append(dst, a.Value(i)...)
	case *array.StringView:
		return append(dst, a.Value(i)...)
	case *array.Binary:
		return hex.AppendEncode(dst, a.Value(i))
	case *array.LargeBinary:
		return hex.AppendEncode(dst, a.Value(i))
	case *array.BinaryView:
		return hex.AppendEncode(dst, a.Value(i))
	case *array.FixedSizeBinary:
		return hex.AppendEncode(dst, a.Value(i))
	case *array.Boolean:
		return strconv.AppendBool(dst, a.Value(i))
	case *array.Int8:
		return strconv.AppendInt(dst, int64(a.Value(i)), 10)
	case *array.Int16:
		return strconv.AppendInt(dst, int64(a.Value(i)), 10)
	case *array.Int32:
		return strconv.AppendInt(dst, int64(a.Value(i)), 10)
	case *array.Int64:
		return strconv.AppendInt(dst, a.Value(i), 10)
	case *array.Uint8:
		return strconv.AppendUint(dst, uint64(a.Value(i)), 10)
	case *array.Uint16:
		return strconv.AppendUint(dst, uint64(a.Value(i)), 10)
	case *array.Uint32:
		return strconv.AppendUint(dst, uint64(a.Value(i)), 10)
	case *array.Uint64:
		return strconv.AppendUint(dst, a.Value(i), 10)
	case *array.Float16:
		return appendFloat(dst, float64(a.Value(i).Float32()), 32)
	case *array.Float32:
		return appendFloat(dst, float64(a.Value(i)), 32)
	case *array.Float64:
		return appendFloat(dst, a.Value(i), 64)
	case *array.Date32:
		return appendDate(dst, int64(a.Value(i)))
	case *array.Date64:
		return appendDate(dst, floorDiv(int64(a.Value(i)), millisPerDay))
	case *array.Time32:
		return appendClock(dst, int64(a.Value(i)), a.DataType().(*arrow.Time32Type).Unit)
	case *array.Time64:
		return appendClock(dst, int64(a.Value(i)), a.DataType().(*arrow.Time64Type).Unit)
	case *array.Timestamp:
		t := a.DataType().(*arrow.TimestampType)
		return appendTimestamp(dst, int64(a.Value(i)), t)
	case *array.Duration:
		return strconv.AppendInt(dst, int64(a.Value(i)), 10)
	case *array.Decimal128:
		return appendDecimal(dst, a.Value(i).BigInt(), a.DataType().(*arrow.Decimal128Type).Scale)
	case *array.Decimal256:
		return appendDecimal(dst, a.Value(i).BigInt(), a.DataType().(*arrow.Decimal256Type).Scale)
	}
	return dst
}

const millisPerDay = 24 * 60 * 60 * 1000

// floorDiv returns a/b rounded down, for b > 0.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func appendFloat(dst []byte, v float64, bits int) []byte {
	switch abs := math.Abs(v); {
	case v != v:
		return append(dst, "NaN"...)
	case math.IsInf(v, 1):
		return append(dst, "Inf"...)
	case math.IsInf(v, -1):
		return append(dst, "-Inf"...)
	case v == 0:
		return append(dst, '0')
	case abs >= 1e21 || abs < 1e-6:
		return strconv.AppendFloat(dst, v, 'e', -1, bits)
	}
	return strconv.AppendFloat(dst, v, 'f', -1, bits)
}

func appendDate(dst []byte, days int64) []byte {
	return time.Unix(days*86400, 0).UTC().AppendFormat(dst, "2006-01-02")
}

func unitsPerSecond(u arrow.TimeUnit) int64 {
	switch u {
	case arrow.Second:
		return 1
	case arrow.Millisecond:
		return 1e3
	case arrow.Microsecond:
		return 1e6
	}
	return 1e9
}

// Time returns the instant of a timestamp in its type's zone. A type without a
// zone, or with one that the system does not know, is taken as UTC.
func Time(v int64, t *arrow.TimestampType) time.Time {
	per := unitsPerSecond(t.Unit)
	s := floorDiv(v, per)
	at := time.Unix(s, (v-s*per)*(1e9/per)).UTC()
	if t.TimeZone == "" {
		return at
	}
	loc, err := t.GetZone()
	if err != nil || loc == nil {
		return at
	}
	return at.In(loc)
}

func appendTimestamp(dst []byte, v int64, t *arrow.TimestampType) []byte {
	layout := "2006-01-02T15:04:05.999999999"
	if t.TimeZone != "" {
		layout += "Z07:00"
	}
	return Time(v, t).AppendFormat(dst, layout)
}

func appendClock(dst []byte, v int64, u arrow.TimeUnit) []byte {
	per := unitsPerSecond(u)
	s := floorDiv(v, per)
	return time.Unix(s, (v-s*per)*(1e9/per)).UTC().AppendFormat(dst, "15:04:05.999999999")
}

func appendDecimal(dst []byte, v *big.Int, scale int32) []byte {
	if v.Sign() < 0 {
		dst = append(dst, '-')
		v = new(big.Int).Neg(v)
	}
	digits := v.String()
	switch n := int(scale); {
	case n < 0 && v.Sign() != 0:
		dst = append(dst, digits...)
		for range -n {
			dst = append(dst, '0')
		}
		return dst
	case n <= 0:
		return append(dst, digits...)
	case len(digits) <= n:
		dst = append(dst, "0."...)
		for range n - len(digits) {
			dst = append(dst, '0')
		}
		return append(dst, digits...)
	default:
		dst = append(dst, digits[:len(digits)-n]...)
		dst = append(dst, '.')
		return append(dst, digits[len(digits)-n:]...)
	}
}
