//go:build unix

package parquet

import (
	"context"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	pq "github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
	"golang.org/x/sync/errgroup"

	"github.com/oboro-data/oboro/arrowio"
)

const benchRows = 1 << 20

// benchTable has nine dictionary columns of the sizes of the census table's,
// in random order, or in runs as a release has them.
func benchTable(runs bool) *arrowio.Memory {
	rng := rand.New(rand.NewPCG(9, 9))
	var fields []arrow.Field
	var dicts []arrow.Array
	dt := dictOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int32)
	for i, n := range []int{2, 74, 5, 7, 16, 41, 7, 14, 2} {
		fields = append(fields, arrow.Field{Name: string(rune('a' + i)), Type: dt, Nullable: true})
		b := array.NewStringBuilder(memory.DefaultAllocator)
		for k := range n {
			b.Append("value number " + string(rune('A'+k)))
		}
		dicts = append(dicts, b.NewArray())
	}
	schema := arrow.NewSchema(fields, nil)
	var recs []arrow.Record
	for range benchRows / batchRows {
		var cols []arrow.Array
		for _, d := range dicts {
			codes := make([]int32, batchRows)
			for i := range codes {
				if i > 0 && runs && rng.IntN(20) > 0 {
					codes[i] = codes[i-1]
				} else {
					codes[i] = int32(rng.IntN(d.Len()))
				}
			}
			idx := array.NewInt32Data(array.NewData(arrow.PrimitiveTypes.Int32, batchRows, []*memory.Buffer{nil, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(codes))}, nil, 0, 0))
			cols = append(cols, array.NewDictionaryArray(dt, idx, d))
		}
		recs = append(recs, array.NewRecord(schema, cols, batchRows))
	}
	return arrowio.NewMemory(schema, recs...)
}

// BenchmarkWrite writes a million rows of nine dictionary columns, here and
// with the Arrow library's own writer (buffered, Snappy, no statistics).
func BenchmarkWrite(b *testing.B) {
	for _, runs := range []bool{false, true} {
		src := benchTable(runs)
		name := map[bool]string{false: "rows=random", true: "rows=runs"}[runs]
		each := func(b *testing.B, write func(w io.Writer, r array.RecordReader) error) {
			defer cpuPer(b, 9*benchRows, "cpu-ns/cell")()
			b.ReportAllocs()
			for b.Loop() {
				r, err := src.Open(context.Background())
				if err != nil {
					b.Fatal(err)
				}
				n := &countingWriter{w: io.Discard}
				if err := write(n, r); err != nil {
					b.Fatal(err)
				}
				r.Release()
				b.ReportMetric(float64(n.n)/benchRows, "bytes/row")
			}
		}
		b.Run(name+"/writer=oboro", func(b *testing.B) {
			each(b, func(w io.Writer, r array.RecordReader) error { return Format.Write(context.Background(), w, r) })
		})
		b.Run(name+"/writer=arrow", func(b *testing.B) {
			each(b, func(w io.Writer, r array.RecordReader) error {
				fw, err := pqarrow.NewFileWriter(r.Schema(), struct{ io.Writer }{w}, pq.NewWriterProperties(pq.WithStats(false), pq.WithCompression(compress.Codecs.Snappy)), pqarrow.DefaultWriterProps())
				if err != nil {
					return err
				}
				for r.Next() {
					if err := fw.WriteBuffered(r.Record()); err != nil {
						return err
					}
				}
				return fw.Close()
			})
		})
	}
}

// BenchmarkRead reads what BenchmarkWrite writes, in row groups of 131,072
// rows, here on one and two goroutines and with the Arrow library.
func BenchmarkRead(b *testing.B) {
	src := benchTable(false)
	s := open(b, writeLibrary(b, src, benchRows/8, pq.WithStats(false), pq.WithCompression(compress.Codecs.Snappy)))
	drain := func(r array.RecordReader) error {
		defer r.Release()
		for r.Next() {
		}
		return r.Err()
	}
	b.Run("reader=oboro", func(b *testing.B) {
		defer cpuPer(b, 9*benchRows, "cpu-ns/cell")()
		b.ReportAllocs()
		for b.Loop() {
			r, err := s.Open(context.Background())
			if err != nil {
				b.Fatal(err)
			}
			if err := drain(r); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("reader=oboro-2", func(b *testing.B) {
		defer cpuPer(b, 9*benchRows, "cpu-ns/cell")()
		b.ReportAllocs()
		for b.Loop() {
			var g errgroup.Group
			for _, part := range s.Splits(2) {
				g.Go(func() error {
					r, err := part.Open(context.Background())
					if err != nil {
						return err
					}
					return drain(r)
				})
			}
			if err := g.Wait(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("reader=arrow", func(b *testing.B) {
		defer cpuPer(b, 9*benchRows, "cpu-ns/cell")()
		b.ReportAllocs()
		for b.Loop() {
			f, err := os.Open(filepath.Clean(s.path))
			if err != nil {
				b.Fatal(err)
			}
			pr, err := file.NewParquetReader(f)
			if err != nil {
				b.Fatal(err)
			}
			props := pqarrow.ArrowReadProperties{BatchSize: batchRows}
			for i := range 9 {
				props.SetReadDict(i, true)
			}
			fr, err := pqarrow.NewFileReader(pr, props, memory.DefaultAllocator)
			if err != nil {
				b.Fatal(err)
			}
			r, err := fr.GetRecordReader(context.Background(), nil, nil)
			if err != nil {
				b.Fatal(err)
			}
			for r.Next() {
			}
			r.Release()
			pr.Close()
		}
	})
}

// cpuPer reports the processor time of a benchmark per unit of work: unlike
// wall time it can be compared on a machine that does other work too.
func cpuPer(b *testing.B, units int, name string) func() {
	now := func() int64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	start := now()
	return func() { b.ReportMetric(float64(now()-start)/float64(b.N)/float64(units), name) }
}
