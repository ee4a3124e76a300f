package kanon

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sync/atomic"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/oboro-data/oboro/arrowio"
	"github.com/oboro-data/oboro/internal/code"
	"github.com/oboro-data/oboro/internal/fault"
)

// Sample returns the rows of a random sample of the people of src: each person
// is in it with probability rate, 0 < rate ≤ 1, independently of all others
// (Bernoulli sampling; given its size, a simple random sample). All rows of a
// person are in it or none; all rows of null unit are one person. With unit ""
// every row is a person.
//
// Every read gives the same rows. The choice is that of HMAC-SHA256 with a key
// from the operating system that is kept nowhere else: another call of Sample
// chooses others, and nobody can choose again. The probability is rate to
// within 2^-53. Without a unit rows are told by their number, so the source
// must give them in the same order at every read, and is not read in splits.
//
// Models on the sample count its people only: k-anonymity of the sample is as
// strict as that of the table, and who is known to be in the sample is
// protected by it alone. Who is not known to be in it is in it with probability
// rate. The rate may be published; the key, and who was chosen, must not be. A
// second sample of the same people is a second release.
//
// Columns that can't be copied row by row are an error of kind Plan when they
// are read.
func Sample(src arrowio.Source, unit string, rate float64) (arrowio.Source, error) {
	if !(rate > 0 && rate <= 1) {
		return nil, fault.Planf("the rate of a sample must be above 0 and at most 1")
	}
	schema := src.Schema()
	var names []string
	for _, f := range schema.Fields() {
		names = append(names, f.Name)
	}
	if unit != "" {
		at := schema.FieldIndices(unit)
		if len(at) != 1 {
			return nil, fault.Planf("column %q, the unit of the sample: the input has %d such columns; name one of it", unit, len(at))
		}
		if err := code.CheckType(schema.Field(at[0]).Type); err != nil {
			return nil, fmt.Errorf("column %q, the unit of the sample: %w", unit, err)
		}
	}
	s := &sample{src: src, schema: outputSchema(schema, names, func(string) bool { return false }), unit: unit}
	s.below = uint64(math.Ldexp(rate, 63)) // of 2^63 equally likely numbers
	rand.Read(s.key[:])
	if split, ok := src.(arrowio.Splitter); ok && unit != "" {
		return &splitSample{s, split}, nil
	}
	return s, nil
}

// A sample is a source of some rows of another.
type sample struct {
	src    arrowio.Source
	schema *arrow.Schema
	unit   string
	key    [32]byte
	below  uint64
}

// A splitSample is a sample that can be read in splits: people are told by
// their unit, wherever their rows are.
type splitSample struct {
	*sample
	split arrowio.Splitter
}

func (s *splitSample) Splits(n int) []arrowio.Source {
	var out []arrowio.Source
	for _, part := range s.split.Splits(n) {
		p := *s.sample
		p.src = part
		out = append(out, &p)
	}
	return out
}

func (s *sample) Schema() *arrow.Schema { return s.schema }

func (s *sample) Open(ctx context.Context, columns ...string) (array.RecordReader, error) {
	if len(columns) == 0 {
		for _, f := range s.schema.Fields() {
			columns = append(columns, f.Name)
		}
	}
	r := &sampleReader{s: s, unit: -1}
	var fields []arrow.Field
	for _, name := range columns {
		at := s.schema.FieldIndices(name)
		if len(at) != 1 {
			return nil, fault.Planf("there are %d columns %q in the input; name one of it", len(at), name)
		}
		f := s.schema.Field(at[0])
		if f.Type.ID() != arrow.DICTIONARY {
			if err := checkTake(f.Type); err != nil {
				return nil, fmt.Errorf("column %q: %w", name, err)
			}
		} else if err := code.CheckType(f.Type); err != nil {
			return nil, fmt.Errorf("column %q: %w", name, err)
		}
		fields = append(fields, f)
	}
	r.schema = arrow.NewSchema(fields, nil)
	read := slices.Clone(columns)
	if s.unit != "" {
		if r.unit = slices.Index(columns, s.unit); r.unit < 0 {
			r.unit, read = len(columns), append(read, s.unit)
		}
	}
	in, err := s.src.Open(ctx, read...)
	if err != nil {
		return nil, err
	}
	r.in, r.chosen = in, s.chooser()
	r.refs.Store(1)
	return r, nil
}

// chooser returns a function that tells whether a person or row is in the
// sample, for one goroutine.
func (s *sample) chooser() func(id []byte) bool {
	mac := hmac.New(sha256.New, s.key[:])
	var sum []byte
	return func(id []byte) bool {
		mac.Reset()
		mac.Write(id)
		sum = mac.Sum(sum[:0])
		return binary.LittleEndian.Uint64(sum)>>1 < s.below
	}
}

// A sampleReader reads the rows chosen.
type sampleReader struct {
	s      *sample
	in     array.RecordReader
	schema *arrow.Schema
	unit   int // its column in what is read; -1: none
	row    uint64
	chosen func([]byte) bool
	id     []byte
	rec    arrow.Record
	err    error
	refs   atomic.Int64
}

func (r *sampleReader) Schema() *arrow.Schema { return r.schema }
func (r *sampleReader) Record() arrow.Record  { return r.rec }
func (r *sampleReader) Retain()               { r.refs.Add(1) }

func (r *sampleReader) Release() {
	if r.refs.Add(-1) == 0 {
		r.drop()
		r.in.Release()
	}
}

func (r *sampleReader) drop() {
	if r.rec != nil {
		r.rec.Release()
		r.rec = nil
	}
}

func (r *sampleReader) Err() error {
	if r.err != nil {
		return r.err
	}
	return r.in.Err()
}

func (r *sampleReader) Next() bool {
	r.drop()
	if r.err != nil || !r.in.Next() {
		return false
	}
	r.rec, r.err = r.choose(r.in.Record())
	return r.err == nil
}

// choose makes the batch of the rows of a batch that are in the sample.
func (r *sampleReader) choose(rec arrow.Record) (arrow.Record, error) {
	var cells []cell
	for i := range int(rec.NumRows()) {
		r.id = r.id[:0]
		switch {
		case r.unit < 0:
			r.id = binary.LittleEndian.AppendUint64(r.id, r.row)
			r.row++
		case code.IsNull(rec.Column(r.unit), i):
			r.id = append(r.id, 'n')
		default:
			r.id = code.AppendText(append(r.id, 'v'), rec.Column(r.unit), i)
		}
		if r.chosen(r.id) {
			cells = append(cells, cell{0, uint32(i)})
		}
	}
	cols := make([]arrow.Array, r.schema.NumFields())
	for c, f := range r.schema.Fields() {
		var err error
		if dt, ok := f.Type.(*arrow.DictionaryType); ok {
			cols[c], err = takeDictionary(rec.Column(c), cells, dt)
		} else {
			cols[c], err = take(f.Type, []arrow.Array{rec.Column(c)}, cells)
		}
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", f.Name, err)
		}
		defer cols[c].Release()
	}
	return array.NewRecord(r.schema, cols, int64(len(cells))), nil
}
