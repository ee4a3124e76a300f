package dp

import (
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/internal/fault"
)

// bytesReader hands out bytes, and zeros when they are used up.
type bytesReader []byte

func (r *bytesReader) next(n int) []byte {
	out := make([]byte, n)
	*r = (*r)[copy(out, *r):]
	return out
}

// number is a small number for three first bytes of four, else any of 64 bits.
func (r *bytesReader) number() int64 {
	if kind := r.next(1)[0]; kind%4 > 0 {
		return int64(int8(r.next(1)[0]))
	}
	return int64(binary.BigEndian.Uint64(r.next(8)))
}

// FuzzAdd takes any table of the small schema: whatever its values, it is added
// without an error, and removing a unit changes what is released by no more than
// the plan says and what is kept of others not at all.
func FuzzAdd(f *testing.F) {
	f.Add(uint8(0), []byte{})
	f.Add(uint8(1), []byte("\x01\x01\x01\x00\x01\x02\x01\x03\x01\x04\x01\x05\x01p some rows, or what looks like them"))
	f.Add(uint8(2), []byte("\x00\x80\x00\x00\x00\x00\x00\x00\x00\x01\x02\x00\x7f\xf8\x00\x00\x00\x00\x00\x01\x00\xff\xf0\x00\x00\x00\x00\x00\x00"))
	f.Add(uint8(3), []byte("\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01"))
	f.Fuzz(func(t *testing.T, kind uint8, data []byte) {
		p := fuzzPlan(t, kind)
		b := array.NewRecordBuilder(memory.DefaultAllocator, smallSchema(false))
		defer b.Release()
		in := bytesReader(data)
		for rows := 0; len(in) > 0 && rows < 12; rows++ {
			for _, field := range b.Fields() {
				v := in.number()
				if v == -1 {
					field.AppendNull()
					continue
				}
				switch field := field.(type) {
				case *array.Int64Builder:
					field.Append(v)
				case *array.Int32Builder:
					field.Append(int32(v))
				case *array.Float64Builder:
					if v > -128 && v < 128 {
						field.Append(float64(v) / 4)
					} else {
						field.Append(math.Float64frombits(uint64(v)))
					}
				case *array.Decimal128Builder:
					field.Append(decimal128.FromI64(v % 1e10))
				case *array.StringBuilder:
					field.Append(string(in.next(int(uint64(v) % 3))))
				case *array.BinaryDictionaryBuilder:
					if err := field.AppendString(string([]byte{'a' + byte(uint64(v)%5)})); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		rec := b.NewRecord()
		defer rec.Release()
		checkNeighbours(t, p, rec, "fuzz")
	})
}

// FuzzNewPlan takes any numbers for what a query states: it is refused before
// a row is read, with the kind of error that says so, or its figures are usable.
func FuzzNewPlan(f *testing.F) {
	f.Add(uint8(0), int64(1), int64(1), int64(0), 0.0, 10.0, 1.0, 1.0, 1e-6, 1.0)
	f.Add(uint8(1), int64(math.MaxInt64), int64(math.MaxInt64), int64(math.MaxInt64), -math.MaxFloat64, math.MaxFloat64, 5e-324, 5e-324, 5e-324, 5e-324)
	f.Add(uint8(2), int64(2), int64(1<<62), int64(3), math.NaN(), math.Inf(1), -0.0, 1e308, 0.999, 1e308)
	f.Add(uint8(3), int64(-1), int64(0), int64(-5), 1.0, -1.0, -2.0, -1.0, 2.0, -1.0)
	schema := smallSchema(false)
	f.Fuzz(func(t *testing.T, kind uint8, groups, rows, perUnit int64, lower, upper, resolution, epsilon, delta, weight float64) {
		q := &Query{Unit: "unit", GroupBy: []string{"k1"}, Bounds: ContributionBounds{MaxGroups: groups, RowsPerGroup: rows}, MinUnits: perUnit}
		if kind&1 != 0 {
			q.Bounds.RowsPerUnit = perUnit
		}
		if kind&2 != 0 {
			q.PublicGroups = [][]GroupKey{{{Text: "a"}}, {{Null: true}}}
		}
		q.Aggregates = [][]Aggregate{
			{Count{As: "n", PerUnit: perUnit, Weight: weight}, Sum{As: "s", Column: "x", Lower: lower, Upper: upper, Resolution: resolution}},
			{Mean{As: "m", Column: "x", Lower: lower, Upper: upper, Weight: weight}, Variance{As: "v", Column: "z", Lower: lower, Upper: upper}},
			{Quantiles{As: "q", Column: "y", Lower: lower, Upper: upper, Resolution: resolution, Ranks: []float64{weight}, Tree: kind&64 != 0}},
			{Histogram{As: "h", Column: "x", Edges: []float64{lower, upper}, Weight: weight}, CountDistinct{As: "d", Column: "page", PerUnit: perUnit}},
			{Sum{As: "s", Column: "y", Lower: lower, Upper: upper, Resolution: resolution, Auto: weight}},
			{VectorSum{As: "w", Columns: []string{"x", "y"}, Norm: upper, Resolution: resolution}},
		}[kind>>2%6]
		q.Noise = []string{NoiseExact, NoiseLaplace, NoiseGaussian}[kind>>5%3]
		p, err := NewPlan(q, schema, Approx(epsilon, delta))
		if err != nil {
			if !errors.Is(err, fault.Plan) {
				t.Fatalf("refused with an error of another kind: %v", err)
			}
			return
		}
		for _, a := range p.Figures() {
			if math.IsNaN(a.StdError) || math.IsInf(a.StdError, 0) || a.StdError < 0 || a.Scale == "" {
				t.Errorf("%s: standard error %g at scale %q", a.Kind, a.StdError, a.Scale)
			}
		}
		if s := p.Selection(); s != nil && s.Threshold < 2 {
			t.Errorf("a group of one unit is released for sure: threshold %d", s.Threshold)
		}
		if p.Ranges() != nil {
			return // rows are added to the first read
		}
		if err := accumulate(t, p).Add(project(emptyOf(schema), p)); err != nil {
			t.Error(err)
		}
	})
}

func emptyOf(schema *arrow.Schema) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	return b.NewRecord()
}
