//go:build unix

package arrowio

import (
	"context"
	"io"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// benchCoded has nine dictionary columns of the sizes of the census table's.
func benchCoded(batches int) *Memory {
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
	for range batches {
		var cols []arrow.Array
		for _, d := range dicts {
			codes := make([]int32, batchRows)
			for i := range codes {
				codes[i] = int32(rng.IntN(d.Len()))
			}
			idx := makeArray(arrow.PrimitiveTypes.Int32, batchRows, 0, []*memory.Buffer{nil, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(codes))})
			cols = append(cols, array.NewDictionaryArray(dt, idx, d))
		}
		recs = append(recs, array.NewRecord(schema, cols, batchRows))
	}
	return NewMemory(schema, recs...)
}

// BenchmarkIPC reads a file of nine dictionary columns here, all columns and
// three of them, and with the Arrow library.
func BenchmarkIPC(b *testing.B) {
	const batches = 8
	path := b.TempDir() + "/bench.arrow"
	if err := WriteFile(context.Background(), path, IPCFormat, benchCoded(batches)); err != nil {
		b.Fatal(err)
	}
	s, err := OpenIPC(path)
	if err != nil {
		b.Fatal(err)
	}
	mapped, err := MapIPC(path)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		s       *IPC
		columns []string
	}{
		{"columns=9/reader=oboro", s, nil},
		{"columns=3/reader=oboro", s, []string{"a", "e", "i"}},
		{"columns=9/reader=oboro,mapped", mapped, nil},
	} {
		s, columns := c.s, c.columns
		b.Run(c.name, func(b *testing.B) {
			defer cpuPer(b, 9*batches*batchRows, "cpu-ns/cell")()
			b.ReportAllocs()
			for b.Loop() {
				r, err := s.Open(context.Background(), columns...)
				if err != nil {
					b.Fatal(err)
				}
				for r.Next() {
				}
				if r.Err() != nil {
					b.Fatal(r.Err())
				}
				r.Release()
			}
		})
	}
	b.Run("columns=9/reader=arrow", func(b *testing.B) {
		defer cpuPer(b, 9*batches*batchRows, "cpu-ns/cell")()
		b.ReportAllocs()
		for b.Loop() {
			f, err := os.Open(path)
			if err != nil {
				b.Fatal(err)
			}
			r, err := ipc.NewFileReader(f)
			if err != nil {
				b.Fatal(err)
			}
			for i := range r.NumRecords() {
				rec, err := r.RecordAt(i)
				if err != nil {
					b.Fatal(err)
				}
				rec.Release()
			}
			f.Close()
		}
	})
}

// BenchmarkFormats writes half a million rows of nine dictionary columns.
func BenchmarkFormats(b *testing.B) {
	src := benchCoded(8)
	for _, f := range []Format{CSVFormat, IPCFormat} {
		b.Run("format="+f.Ext()[1:], func(b *testing.B) {
			defer cpuPer(b, 9*8*batchRows, "cpu-ns/cell")()
			b.ReportAllocs()
			for b.Loop() {
				r, err := src.Open(context.Background())
				if err != nil {
					b.Fatal(err)
				}
				w := &placeWriter{w: io.Discard}
				if err := f.Write(context.Background(), w, r); err != nil {
					b.Fatal(err)
				}
				r.Release()
				b.SetBytes(w.n)
			}
		})
	}
}
