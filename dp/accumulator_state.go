package dp

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/internal/fault"
)

// stateVersion is the version of the record that State writes.
const stateVersion = "2"

// stateSchema is the schema of a plan's partial state, one row for each unit
// and kept group (where rows are units or all rows of a unit are bounded
// together, one for each distinct row of a unit):
//
//	unit    8 or 16 bytes, the hashed unit, big-endian
//	group   the key bytes of the group
//	rows    the unit's rows in the group
//	units   only where rows are units: how many rows are alike
//	input0… a total: decimal of grid steps, null without a value;
//	        a sample: list of {steps, rows}; a set: list of 8 or 16 bytes
//
// Rows are sorted by unit, then group. The metadata hold the version, the
// plan's digest and the key's fingerprint.
func (a *Accumulator) stateSchema() *arrow.Schema {
	fields := []arrow.Field{
		{Name: "unit", Type: &arrow.FixedSizeBinaryType{ByteWidth: 8 * a.layout.unitWords}},
		{Name: "group", Type: arrow.BinaryTypes.Binary},
		{Name: "rows", Type: arrow.PrimitiveTypes.Int64},
	}
	if a.layout.unitIsRow {
		fields = append(fields, arrow.Field{Name: "units", Type: arrow.PrimitiveTypes.Int64})
	}
	for i, in := range a.layout.inputs {
		f := arrow.Field{Name: "input" + string(rune('0'+i/10)) + string(rune('0'+i%10))}
		switch in.kind {
		case totals:
			f.Type, f.Nullable = &arrow.Decimal128Type{Precision: 38}, true
		case samples:
			f.Type = arrow.ListOfNonNullable(arrow.StructOf(
				arrow.Field{Name: "steps", Type: arrow.PrimitiveTypes.Int64},
				arrow.Field{Name: "rows", Type: arrow.PrimitiveTypes.Int64}))
		case sets:
			f.Type = arrow.ListOfNonNullable(&arrow.FixedSizeBinaryType{ByteWidth: 8 * in.words})
		}
		fields = append(fields, f)
	}
	meta := arrow.MetadataFrom(map[string]string{
		"oboro.state": stateVersion, "oboro.plan": hex.EncodeToString(a.plan.digest[:]), "oboro.key": hex.EncodeToString(a.fingerprint[:]),
	})
	return arrow.NewSchema(fields, &meta)
}

// State returns what the accumulator holds as a record that MergeState takes
// back. It holds personal data, as the input did. Equal contents give equal
// bytes: any batching, row order, number of accumulators and merge tree. The
// accumulator can be used further. The caller releases the record.
func (a *Accumulator) State() (arrow.Record, error) {
	if a.used {
		return nil, errUsed
	}
	if _, err := a.condense(0); err != nil {
		return nil, err
	}
	schema := a.stateSchema()
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	rank := a.groups.order()
	for i := range a.buckets {
		for _, r := range a.buckets[i].runs {
			a.appendState(b, r, rank)
		}
	}
	return b.NewRecord(), nil
}

// appendState appends the entries of a run, sorted. Units that share a bucket
// are sorted by their words, entries of a unit by group, and where rows are
// units, rows of one hash by their contents.
func (a *Accumulator) appendState(b *array.RecordBuilder, r *run, rank []uint32) {
	u := a.layout.unitWords
	order := make([]int, r.len())
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(x, y int) int {
		c := cmp.Or(slices.Compare(r.unit[x*u:x*u+u], r.unit[y*u:y*u+u]), cmp.Compare(rank[r.group[x]], rank[r.group[y]]))
		if c != 0 || !a.layout.byRow() {
			return c
		}
		for j, in := range a.layout.inputs {
			p := &r.inputs[j]
			if in.kind == totals {
				c = cmp.Or(cmp.Compare(btoi(p.has[x]), btoi(p.has[y])), cmp.Compare(int64(p.total[x].lo), int64(p.total[y].lo)))
			} else {
				v, _ := p.values(x, in.width())
				w, _ := p.values(y, in.width())
				c = slices.Compare(v, w)
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
	var word []byte
	for _, i := range order {
		word = bigEndian(word[:0], r.unit[i*u:i*u+u])
		b.Field(0).(*array.FixedSizeBinaryBuilder).Append(word)
		b.Field(1).(*array.BinaryBuilder).Append(a.groups.key(r.group[i]))
		b.Field(2).(*array.Int64Builder).Append(r.rows[i])
		at := 3
		if a.layout.unitIsRow {
			b.Field(3).(*array.Int64Builder).Append(r.units[i])
			at++
		}
		for j, in := range a.layout.inputs {
			p := &r.inputs[j]
			switch f := b.Field(at + j).(type) {
			case *array.Decimal128Builder:
				if p.has[i] {
					f.Append(decimal128.New(p.total[i].hi, p.total[i].lo))
				} else {
					f.AppendNull()
				}
			case *array.ListBuilder:
				f.Append(true)
				values, first := p.values(i, in.width())
				if in.kind == samples {
					item := f.ValueBuilder().(*array.StructBuilder)
					for k, v := range values {
						item.Append(true)
						item.FieldBuilder(0).(*array.Int64Builder).Append(int64(v))
						item.FieldBuilder(1).(*array.Int64Builder).Append(p.count[first+k])
					}
					continue
				}
				item := f.ValueBuilder().(*array.FixedSizeBinaryBuilder)
				for k := 0; k < len(values); k += in.words {
					word = bigEndian(word[:0], values[k:k+in.words])
					item.Append(word)
				}
			}
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func bigEndian(dst []byte, words []uint64) []byte {
	for _, w := range words {
		dst = binary.BigEndian.AppendUint64(dst, w)
	}
	return dst
}

func fromBigEndian(dst []uint64, b []byte) []uint64 {
	for ; len(b) >= 8; b = b[8:] {
		dst = append(dst, binary.BigEndian.Uint64(b))
	}
	return dst
}

var errState = fault.Inputf("the partial state is damaged or was written by another version; make it again with State")

// MergeState takes over a record that State made, here or on another machine.
// A state of another plan or key is an error of kind fault.Plan, a damaged
// record one of kind fault.Input; both leave the accumulator as it was.
func (a *Accumulator) MergeState(rec arrow.Record) error {
	if a.used {
		return errUsed
	}
	want := a.stateSchema()
	meta := rec.Schema().Metadata()
	for _, c := range []struct {
		key string
		err error
	}{{"oboro.state", errState}, {"oboro.plan", errPlan}, {"oboro.key", errKey}} {
		got, ok := meta.GetValue(c.key)
		if need, _ := want.Metadata().GetValue(c.key); !ok || got != need {
			return c.err
		}
	}
	if !want.Equal(rec.Schema()) {
		return errState
	}
	a.leaveOffsets()
	buckets := make([]bucket, len(a.buckets))
	if !a.readState(rec, buckets) {
		return errState
	}
	for i := range buckets {
		for _, r := range buckets[i].runs {
			a.held += r.bytes()
		}
		a.buckets[i].runs = append(a.buckets[i].runs, buckets[i].runs...)
	}
	return a.relieve()
}

// readState turns the rows of a state into runs. It reports false for a record
// that State can't have made. Groups it met stay in the table, unused.
func (a *Accumulator) readState(rec arrow.Record, buckets []bucket) (ok bool) {
	for i, c := range rec.Columns() {
		if c.NullN() > 0 && !rec.Schema().Field(i).Nullable {
			return false
		}
	}
	unit, group, rows := rec.Column(0).(*array.FixedSizeBinary), rec.Column(1).(*array.Binary), rec.Column(2).(*array.Int64)
	at := 3
	var units *array.Int64
	if a.layout.unitIsRow {
		units = rec.Column(3).(*array.Int64)
		at++
	}
	var words []uint64
	var lastUnit, lastGroup []byte
	for i := range int(rec.NumRows()) {
		if !plausible(rows.Value(i)) || units != nil && !plausible(units.Value(i)) || !a.validKey(group.Value(i)) {
			return false
		}
		c := cmp.Or(bytes.Compare(lastUnit, unit.Value(i)), bytes.Compare(lastGroup, group.Value(i)))
		if i > 0 && (c > 0 || c == 0 && !a.layout.byRow()) {
			return false
		}
		lastUnit, lastGroup = unit.Value(i), group.Value(i)
		g := a.groups.find(lastGroup)
		if g == noGroup {
			return false
		}
		words = fromBigEndian(words[:0], lastUnit)
		k := &buckets[words[0]>>(64-bucketBits)]
		if k.runs == nil {
			k.runs = []*run{a.layout.newRun()}
		}
		r := k.runs[0]
		r.unit = append(r.unit, words...)
		r.group = append(r.group, g)
		r.rows = append(r.rows, rows.Value(i))
		if units != nil {
			r.units = append(r.units, units.Value(i))
		}
		for j, in := range a.layout.inputs {
			if !in.readState(rec.Column(at+j), i, &r.inputs[j]) || a.layout.byRow() && !in.isOne(&r.inputs[j]) {
				return false
			}
		}
	}
	return true
}

// plausible reports whether a state can hold a number of rows: sums of many
// stay within 64 bits.
func plausible(rows int64) bool { return rows >= 1 && rows <= 1<<48 }

// validKey reports whether bytes are the cells of this plan's key columns.
func (a *Accumulator) validKey(key []byte) bool {
	for i, dt := range a.plan.keyTypes {
		var ok bool
		if _, _, key, ok = nextCell(key, nil, a.plan.levels[i] == nil && isNumberKey(dt)); !ok {
			return false
		}
	}
	return len(key) == 0
}

// isOne reports whether the last entry of an input is what one row can have: at
// most one value, and a total of one word.
func (in *input) isOne(r *runInput) bool {
	if in.kind == totals {
		t := r.total[len(r.total)-1]
		return t == int128Of(int64(t.lo))
	}
	_, first := r.values(len(r.end)-1, in.width())
	n := int(r.end[len(r.end)-1]) - first
	return n == 0 || n == 1 && (in.kind == sets || r.count[first] == 1)
}

// readState appends row i of an input's column to its part of a run.
func (in *input) readState(col arrow.Array, i int, out *runInput) bool {
	if in.kind == totals {
		c := col.(*array.Decimal128)
		var sum int128
		if !c.IsNull(i) {
			sum = int128{c.Value(i).HighBits(), c.Value(i).LowBits()}
		}
		out.has = append(out.has, !c.IsNull(i))
		out.total = append(out.total, sum)
		return true
	}
	list := col.(*array.List)
	from, to := list.ValueOffsets(i)
	if from > to || from < 0 || to > int64(list.ListValues().Len()) || list.ListValues().NullN() > 0 {
		return false
	}
	rows := int64(0)
	for k := int(from); k < int(to); k++ {
		if in.kind == sets {
			out.value = fromBigEndian(out.value, list.ListValues().(*array.FixedSizeBinary).Value(k))
			if in.candidates != nil && out.value[len(out.value)-1] >= uint64(len(in.candidates)) {
				return false
			}
			continue
		}
		item := list.ListValues().(*array.Struct)
		step, n := item.Field(0).(*array.Int64).Value(k), item.Field(1).(*array.Int64).Value(k)
		if step < in.lower || step > in.upper || n < 1 || n > in.limit-rows {
			return false
		}
		rows += n
		out.value = append(out.value, uint64(step))
		out.count = append(out.count, n)
	}
	out.end = append(out.end, uint32(len(out.value)/in.width()))
	return true
}
