package kanon

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/fault"
)

// rowsField is the last column of a state.
var rowsField = arrow.Field{Name: "rows", Type: arrow.PrimitiveTypes.Int64}

// State returns what was counted as a record: a column for each counted column
// and the unit, in that order, as dictionaries, and the number of rows of each
// distinct combination. Lines are sorted by value (declared order first, null
// last), column by column. So counters that saw the same rows, in any batches,
// order, number of workers and tree of merges, have the same state, byte for
// byte. The rows
//
//	zip 81667 81675 81667    age 34 36 34    unit a b c
//
// have the state
//
//	zip 81667 81667 81675    age 34 34 36    unit a c b    rows 1 1 1
//
// The counter is left as it was. The caller releases the record.
func (c *Counter) State() (arrow.Record, error) {
	remap := make([][]uint32, len(c.columns))
	values := make([]arrow.Array, len(c.columns))
	nulls := make([]int, len(c.columns))
	for i, e := range c.encoders {
		values[i], remap[i], nulls[i] = e.Finish(c.columns[i].Order)
	}
	codes, rows := c.tally.Sorted(remap, false)
	fields := make([]arrow.Field, 0, len(c.columns)+1)
	arrays := make([]arrow.Array, 0, len(c.columns)+1)
	for i, col := range c.columns {
		arr := stateColumn(codes[i], values[i], nulls[i])
		fields = append(fields, arrow.Field{Name: col.Name, Type: arr.DataType(), Nullable: true})
		arrays = append(arrays, arr)
	}
	b := array.NewInt64Builder(memory.DefaultAllocator)
	defer b.Release()
	b.AppendValues(rows, nil)
	fields = append(fields, rowsField)
	arrays = append(arrays, b.NewArray())
	rec := array.NewRecord(arrow.NewSchema(fields, nil), arrays, int64(len(rows)))
	for _, a := range arrays {
		a.Release()
	}
	return rec, nil
}

// stateColumn makes a dictionary array of codes into values, the last of which
// is null if null ≥ 0. A column of type null stays as it is.
func stateColumn(codes []uint32, values arrow.Array, null int) arrow.Array {
	defer values.Release()
	if values.DataType().ID() == arrow.NULL {
		return array.NewNull(len(codes))
	}
	n := 0
	valid := make([]byte, bitutil.BytesForBits(int64(len(codes))))
	indices := make([]uint32, len(codes))
	for i, k := range codes {
		if int(k) == null {
			n++
			continue
		}
		indices[i] = k
		bitutil.SetBit(valid, i)
	}
	entries := values
	if null >= 0 {
		entries = array.NewSlice(values, 0, int64(null))
		defer entries.Release()
	}
	data := array.NewData(arrow.PrimitiveTypes.Uint32, len(codes),
		[]*memory.Buffer{memory.NewBufferBytes(valid), memory.NewBufferBytes(arrow.Uint32Traits.CastToBytes(indices))}, nil, n, 0)
	defer data.Release()
	ix := array.NewUint32Data(data)
	defer ix.Release()
	dt := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Uint32, ValueType: values.DataType()}
	return array.NewDictionaryArray(dt, ix, entries)
}

// MergeState takes over the state of a counter of the same columns. A record
// that is no such state is an error of kind Input, and the counter is then not
// to be used again.
func (c *Counter) MergeState(rec arrow.Record) error {
	if int(rec.NumCols()) != len(c.columns)+1 {
		return fault.Inputf("a partial state has %d columns where %d are counted", rec.NumCols()-1, len(c.columns))
	}
	for i, col := range c.columns {
		f := rec.Schema().Field(i)
		if f.Name != col.Name || !arrow.TypeEqual(code.ValueType(f.Type), code.ValueType(col.Type)) {
			return fault.Inputf("a partial state has a column %q of type %s where %q of type %s is counted",
				f.Name, code.ValueType(f.Type), col.Name, code.ValueType(col.Type))
		}
	}
	counts, ok := rec.Column(len(c.columns)).(*array.Int64)
	if !ok || counts.NullN() > 0 {
		return fault.Inputf("a partial state has no row numbers in its last column")
	}
	rows := counts.Int64Values()
	for _, n := range rows {
		if n <= 0 || c.rows+n < 0 {
			return fault.Inputf("a partial state has a number of rows that is not positive or too large")
		}
		c.rows += n
	}
	cols := rec.Columns()[:len(c.columns)]
	for from := 0; from < len(rows); from += blockRows {
		to := min(from+blockRows, len(rows))
		if err := c.encode(cols, from, to); err != nil {
			return err
		}
		c.tally.AddRows(c.block, rows[from:to], c.sizes)
	}
	return nil
}
