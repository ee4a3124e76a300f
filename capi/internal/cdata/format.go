//go:build cgo

// Package cdata reads and writes the Arrow C data and C stream interfaces by
// hand.
//
// Tables that come in are not copied: the arrays point into the producer's
// memory, which is released when the last of them is. Tables that go out are
// copied into C memory, are released by C code alone, and never point into Go
// memory. Everything that a foreign struct says is checked before it is used:
// buffer counts, lengths, offsets, dictionary indices, UTF-8.
package cdata

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/internal/fault"
)

// formats are the types whose format string has no parameter.
var formats = map[string]arrow.DataType{
	"n": arrow.Null, "b": arrow.FixedWidthTypes.Boolean,
	"c": arrow.PrimitiveTypes.Int8, "C": arrow.PrimitiveTypes.Uint8,
	"s": arrow.PrimitiveTypes.Int16, "S": arrow.PrimitiveTypes.Uint16,
	"i": arrow.PrimitiveTypes.Int32, "I": arrow.PrimitiveTypes.Uint32,
	"l": arrow.PrimitiveTypes.Int64, "L": arrow.PrimitiveTypes.Uint64,
	"e": arrow.FixedWidthTypes.Float16, "f": arrow.PrimitiveTypes.Float32, "g": arrow.PrimitiveTypes.Float64,
	"z": arrow.BinaryTypes.Binary, "Z": arrow.BinaryTypes.LargeBinary,
	"u": arrow.BinaryTypes.String, "U": arrow.BinaryTypes.LargeString,
	"vz": arrow.BinaryTypes.BinaryView, "vu": arrow.BinaryTypes.StringView,
	"tdD": arrow.FixedWidthTypes.Date32, "tdm": arrow.FixedWidthTypes.Date64,
	"tts": arrow.FixedWidthTypes.Time32s, "ttm": arrow.FixedWidthTypes.Time32ms,
	"ttu": arrow.FixedWidthTypes.Time64us, "ttn": arrow.FixedWidthTypes.Time64ns,
	"tDs": arrow.FixedWidthTypes.Duration_s, "tDm": arrow.FixedWidthTypes.Duration_ms,
	"tDu": arrow.FixedWidthTypes.Duration_us, "tDn": arrow.FixedWidthTypes.Duration_ns,
}

var timeUnits = map[byte]arrow.TimeUnit{'s': arrow.Second, 'm': arrow.Millisecond, 'u': arrow.Microsecond, 'n': arrow.Nanosecond}

// parseFormat returns the type of a format string; child is the item type of a
// list and nil otherwise.
func parseFormat(f string, child arrow.DataType) (arrow.DataType, error) {
	if dt, ok := formats[f]; ok {
		return dt, nil
	}
	switch {
	case strings.HasPrefix(f, "ts") && len(f) >= 4 && f[3] == ':':
		if u, ok := timeUnits[f[2]]; ok {
			return &arrow.TimestampType{Unit: u, TimeZone: f[4:]}, nil
		}
	case strings.HasPrefix(f, "d:"):
		return parseDecimal(f[2:])
	case strings.HasPrefix(f, "w:"):
		if n, err := strconv.Atoi(f[2:]); err == nil && n > 0 && n <= 1<<20 {
			return &arrow.FixedSizeBinaryType{ByteWidth: n}, nil
		}
	case f == "+l" && child != nil:
		return arrow.ListOf(child), nil
	case f == "+L" && child != nil:
		return arrow.LargeListOf(child), nil
	case strings.HasPrefix(f, "+"):
		return nil, fault.Planf("a nested type other than a list can't be read; flatten the column before it is passed on")
	}
	return nil, fault.Planf("its Arrow format is not one that oboro reads; cast the column before it is passed on")
}

func parseDecimal(s string) (arrow.DataType, error) {
	var n [3]int
	n[2] = 128
	parts := strings.Split(s, ",")
	ok := len(parts) == 2 || len(parts) == 3
	for i := 0; ok && i < len(parts); i++ {
		v, err := strconv.Atoi(parts[i])
		n[i], ok = v, err == nil
	}
	switch {
	case ok && n[2] == 128 && n[0] > 0 && n[0] <= 38 && n[1] >= -38 && n[1] <= 38:
		return &arrow.Decimal128Type{Precision: int32(n[0]), Scale: int32(n[1])}, nil
	case ok && n[2] == 256 && n[0] > 0 && n[0] <= 76 && n[1] >= -76 && n[1] <= 76:
		return &arrow.Decimal256Type{Precision: int32(n[0]), Scale: int32(n[1])}, nil
	}
	return nil, fault.Planf("its decimal format is not one that oboro reads; cast the column to decimal128")
}

// formatOf is the format string of a type that oboro writes.
func formatOf(dt arrow.DataType) (string, error) {
	switch t := dt.(type) {
	case *arrow.TimestampType:
		return "ts" + string("smun"[t.Unit]) + ":" + t.TimeZone, nil
	case *arrow.Decimal128Type:
		return fmt.Sprintf("d:%d,%d", t.Precision, t.Scale), nil
	case *arrow.Decimal256Type:
		return fmt.Sprintf("d:%d,%d,256", t.Precision, t.Scale), nil
	case *arrow.FixedSizeBinaryType:
		return fmt.Sprintf("w:%d", t.ByteWidth), nil
	case *arrow.ListType:
		return "+l", nil
	case *arrow.LargeListType:
		return "+L", nil
	}
	for f, known := range formats {
		if arrow.TypeEqual(known, dt) {
			return f, nil
		}
	}
	return "", fault.Planf("type %s can't be handed out through the C data interface", dt)
}
