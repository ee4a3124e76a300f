// Package demo makes the demonstration's input: visits of the synthetic
// members of a Japanese social network, of any number of rows, and the policy
// that releases them. No row is of a real person.
package demo

import (
	"context"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/arrowio"
)

// DefaultRows is the number of visits of the demonstration.
const DefaultRows = 1_000_000

// VisitsPerMember is the mean number of visits.
const VisitsPerMember = 8

const batchRows = 1 << 16

var (
	short  = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}
	micros = &arrow.TimestampType{Unit: arrow.Microsecond}
	schema = arrow.NewSchema([]arrow.Field{
		{Name: "member_id", Type: arrow.PrimitiveTypes.Int64},
		{Name: "birth_date", Type: arrow.FixedWidthTypes.Date32},
		{Name: "sex", Type: short},
		{Name: "postal_code", Type: arrow.BinaryTypes.String},
		{Name: "prefecture", Type: short},
		{Name: "occupation", Type: short},
		{Name: "registered_at", Type: micros},
		{Name: "monthly_fee", Type: arrow.PrimitiveTypes.Int64},
		{Name: "page", Type: short},
		{Name: "visited_at", Type: micros},
		{Name: "stay_seconds", Type: arrow.PrimitiveTypes.Int64},
	}, nil)
)

// A Visits is the table: one row per visit, in the order of time, with the
// member's columns repeated. Rows are made when they are read, always the same
// ones for the same seed and number of rows. It implements arrowio.Splitter.
type Visits struct {
	members  *members
	rows     int64 // of the whole table
	from, to int64 // the part that this source is
}

// NewVisits returns a table of the given number of rows.
func NewVisits(seed uint64, rows int64) *Visits {
	rows = max(rows, 0)
	return &Visits{newMembers(seed, (rows+VisitsPerMember-1)/VisitsPerMember), rows, 0, rows}
}

// Name is how errors call the table.
func (v *Visits) Name() string { return "synthetic members" }

// Schema returns the columns of the table.
func (v *Visits) Schema() *arrow.Schema { return schema }

// Splits returns consecutive parts of about equal size; see arrowio.Splitter.
func (v *Visits) Splits(n int) []arrowio.Source {
	rows := v.to - v.from
	n = int(max(1, min(int64(n), (rows+batchRows-1)/batchRows)))
	out := make([]arrowio.Source, n)
	for i := range out {
		part := *v
		part.from, part.to = v.from+rows*int64(i)/int64(n), v.from+rows*int64(i+1)/int64(n)
		out[i] = &part
	}
	return out
}

// Open starts a read; see arrowio.Source.
func (v *Visits) Open(ctx context.Context, columns ...string) (array.RecordReader, error) {
	projected, indices, err := arrowio.Resolve(v.Name(), schema, columns)
	if err != nil {
		return nil, err
	}
	at := v.from
	next := func() (arrow.Record, error) {
		if at >= v.to {
			return nil, nil
		}
		n := min(batchRows, v.to-at)
		b := batch{v, at, int(n), nil}
		cols := make([]arrow.Array, len(indices))
		for i, c := range indices {
			cols[i] = b.column(c)
		}
		rec := array.NewRecord(projected, cols, n)
		for _, c := range cols {
			c.Release()
		}
		at += n
		return rec, nil
	}
	return arrowio.NewReader(ctx, v.Name(), projected, next, nil), nil
}

// A batch is the rows from row on.
type batch struct {
	v        *Visits
	row      int64
	n        int
	visitors []int64
}

// member returns the member of row i of the batch.
func (b *batch) member(i int) int64 {
	if b.visitors == nil {
		b.visitors = make([]int64, b.n)
		for i := range b.visitors {
			b.visitors[i] = b.v.members.visitor(b.row + int64(i))
		}
	}
	return b.visitors[i]
}

func (b *batch) column(c int) arrow.Array {
	m := b.v.members
	switch schema.Field(c).Name {
	case "member_id":
		return b.integers(func(i int) int64 { return m.id(b.member(i)) })
	case "birth_date":
		days := array.NewDate32Builder(memory.DefaultAllocator)
		defer days.Release()
		days.Reserve(b.n)
		for i := range b.n {
			days.UnsafeAppend(arrow.Date32(m.birthDate(b.member(i))))
		}
		return days.NewArray()
	case "sex":
		return b.choices(sexes, func(i int) int { return m.sex.choose(m.bits(aboutSex, b.member(i))) })
	case "postal_code":
		text := array.NewStringBuilder(memory.DefaultAllocator)
		defer text.Release()
		text.Reserve(b.n)
		text.ReserveData(7 * b.n)
		var code [7]byte
		for i := range b.n {
			m.postalCode(&code, b.member(i))
			text.BinaryBuilder.Append(code[:])
		}
		return text.NewArray()
	case "prefecture":
		return b.choices(prefectureNames, func(i int) int { return m.prefectureOf(b.member(i)) })
	case "occupation":
		return b.choices(occupations, func(i int) int { return m.occupationOf(b.member(i)) })
	case "registered_at":
		return b.times(func(i int) int64 { return m.registeredAt(b.member(i)) })
	case "monthly_fee":
		return b.integers(func(i int) int64 { return fees[m.fee.choose(m.bits(aboutFee, b.member(i)))] })
	case "page":
		return b.choices(pages, func(i int) int { return m.pageOf(b.row + int64(i)) })
	case "visited_at":
		return b.times(func(i int) int64 { return m.visitedAt(b.row+int64(i), b.v.rows) })
	default: // stay_seconds
		return b.integers(func(i int) int64 { return m.stay(b.row + int64(i)) })
	}
}

func (b *batch) integers(value func(i int) int64) arrow.Array {
	ints := array.NewInt64Builder(memory.DefaultAllocator)
	defer ints.Release()
	ints.Reserve(b.n)
	for i := range b.n {
		ints.UnsafeAppend(value(i))
	}
	return ints.NewArray()
}

func (b *batch) times(value func(i int) int64) arrow.Array {
	times := array.NewTimestampBuilder(memory.DefaultAllocator, micros)
	defer times.Release()
	times.Reserve(b.n)
	for i := range b.n {
		times.UnsafeAppend(arrow.Timestamp(value(i)))
	}
	return times.NewArray()
}

func (b *batch) choices(words []string, value func(i int) int) arrow.Array {
	codes := array.NewInt8Builder(memory.DefaultAllocator)
	defer codes.Release()
	codes.Reserve(b.n)
	for i := range b.n {
		codes.UnsafeAppend(int8(value(i)))
	}
	index := codes.NewArray()
	defer index.Release()
	text := array.NewStringBuilder(memory.DefaultAllocator)
	defer text.Release()
	text.AppendValues(words, nil)
	values := text.NewArray()
	defer values.Release()
	return array.NewDictionaryArray(short, index, values)
}

var prefectureNames = func() []string {
	out := make([]string, len(prefectures))
	for i, p := range prefectures {
		out[i] = p.name
	}
	return out
}()
