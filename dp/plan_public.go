package dp

import (
	"encoding/hex"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/internal/code"
)

// appendPublicCell appends the key bytes of one cell of a public key. It
// reports false for a text that is not the canonical text of a value: such a
// group could never be met in the data.
func appendPublicCell(dst []byte, cell GroupKey, dt arrow.DataType, level *GroupLevel) ([]byte, bool) {
	if cell.Null {
		return append(dst, nullCell...), cell.Text == ""
	}
	if level != nil {
		return appendTextCell(dst, []byte(cell.Text)), true
	}
	value := code.ValueType(dt)
	arr, ok := parseValue(value, cell.Text)
	if !ok {
		return dst, false
	}
	defer arr.Release()
	e, err := code.NewEncoder(value)
	if err != nil {
		return dst, false
	}
	if _, err := e.Encode(nil, arr); err != nil || e.IsNull(0) || code.Text(arr, 0) != cell.Text {
		return dst, false
	}
	if code.FixedKey(value) {
		return e.AppendKey(append(dst, 1), 0), true
	}
	return appendTextCell(dst, e.AppendKey(nil, 0)), true
}

// parseValue makes an array of the one value that a text stands for. It is
// lenient; the caller compares the canonical text of what came out.
func parseValue(dt arrow.DataType, text string) (arrow.Array, bool) {
	b := array.NewBuilder(memory.DefaultAllocator, dt)
	defer b.Release()
	switch b := b.(type) {
	case *array.BinaryBuilder, *array.BinaryViewBuilder, *array.FixedSizeBinaryBuilder:
		if dt.ID() == arrow.STRING || dt.ID() == arrow.LARGE_STRING {
			b.(*array.BinaryBuilder).AppendString(text)
			break
		}
		raw, err := hex.DecodeString(text)
		if w, fixed := dt.(*arrow.FixedSizeBinaryType); err != nil || fixed && len(raw) != w.ByteWidth {
			return nil, false
		}
		b.(interface{ Append([]byte) }).Append(raw)
	case *array.DurationBuilder:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, false
		}
		b.Append(arrow.Duration(n))
	default:
		if err := b.AppendValueFromString(text); err != nil {
			return nil, false
		}
	}
	return b.NewArray(), true
}
