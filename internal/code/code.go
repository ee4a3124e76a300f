// Package code turns columns into dense codes, and tuples of codes into class
// keys. All that follows (counting, searching, bounding) works on integers.
package code

import (
	"github.com/apache/arrow/go/v17/arrow"

	"github.com/oboro-data/oboro/internal/fault"
)

// ValueType returns the type of a column's values: that of the dictionary's
// values for a dictionary column, the type itself for every other.
func ValueType(dt arrow.DataType) arrow.DataType {
	if d, ok := dt.(*arrow.DictionaryType); ok {
		return d.ValueType
	}
	return dt
}

// CheckType reports whether columns of a type have codes. Lists, structs, maps,
// unions, intervals, run-end encoded and extension types have none, nor has a
// timestamp whose zone is unknown: the error is of kind Plan and names the
// type. The caller adds the column.
func CheckType(dt arrow.DataType) error {
	v := ValueType(dt)
	if t, ok := v.(*arrow.TimestampType); ok {
		if _, err := t.GetZone(); err != nil {
			return fault.Planf("the time zone of type %s is unknown; name one of the tz database or an offset such as +09:00", v)
		}
		return nil
	}
	switch v.ID() {
	case arrow.NULL, arrow.BOOL,
		arrow.INT8, arrow.INT16, arrow.INT32, arrow.INT64,
		arrow.UINT8, arrow.UINT16, arrow.UINT32, arrow.UINT64,
		arrow.FLOAT16, arrow.FLOAT32, arrow.FLOAT64,
		arrow.STRING, arrow.LARGE_STRING, arrow.STRING_VIEW,
		arrow.BINARY, arrow.LARGE_BINARY, arrow.BINARY_VIEW, arrow.FIXED_SIZE_BINARY,
		arrow.DATE32, arrow.DATE64, arrow.TIME32, arrow.TIME64,
		arrow.DURATION, arrow.DECIMAL128, arrow.DECIMAL256:
		return nil
	default:
		return fault.Planf("columns of type %s can't be used; flatten the column or cast it to text", v.Name())
	}
}
