//go:build unix

package arrowio

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	acsv "github.com/apache/arrow/go/v17/arrow/csv"
)

// benchCSV makes a table like the workloads: an identifier, a skewed text, a
// short text, an integer, a decimal and a time.
func benchCSV(rows int, quoted bool) []byte {
	rng := rand.New(rand.NewPCG(7, 7))
	var b bytes.Buffer
	b.WriteString("user,region,product,age,amount,time\n")
	for range rows {
		fmt.Fprintf(&b, "%d,region-%02d,product-%04d,%d,%d.%02d,2026-%02d-%02d %02d:%02d:%02d\n",
			rng.IntN(1_000_000), int(50*rng.Float64()*rng.Float64()), rng.IntN(2000), 18+rng.IntN(70), rng.IntN(200), rng.IntN(100),
			1+rng.IntN(12), 1+rng.IntN(28), rng.IntN(24), rng.IntN(60), rng.IntN(60))
	}
	if !quoted {
		return b.Bytes()
	}
	text := bytes.ReplaceAll(b.Bytes(), []byte{','}, []byte(`","`))
	text = bytes.ReplaceAll(bytes.TrimSuffix(text, []byte{'\n'}), []byte{'\n'}, []byte("\"\n\""))
	return append(append([]byte{'"'}, text...), "\"\n"...)
}

// benchNumbers makes a log of three integers: a user of up to ten digits, a
// group and a value of up to four.
func benchNumbers(rows int) []byte {
	rng := rand.New(rand.NewPCG(7, 7))
	var b bytes.Buffer
	b.WriteString("user,part,value\n")
	for range rows {
		fmt.Fprintf(&b, "%d,%d,%d\n", 7919*rng.IntN(200_000), rng.IntN(3000), rng.IntN(2000))
	}
	return b.Bytes()
}

// BenchmarkCSV reads one file with the scanner here and with arrow/csv, in
// turn, so that their ratio is of one run: typed columns without quotes, the
// same with every field in quotes, and integers only. Both give the same types.
func BenchmarkCSV(b *testing.B) {
	const rows = 200_000
	b.Run("text=plain", func(b *testing.B) { benchReaders(b, rows, benchCSV(rows, false)) })
	b.Run("text=quoted", func(b *testing.B) { benchReaders(b, rows, benchCSV(rows, true)) })
	b.Run("text=integers", func(b *testing.B) { benchReaders(b, rows, benchNumbers(rows)) })
}

func benchReaders(b *testing.B, rows int64, text []byte) {
	path := write(b, "bench.csv", string(text))
	drain := func(b *testing.B, next func() bool, rec func() arrow.Record) {
		n := int64(0)
		for next() {
			n += rec().NumRows()
		}
		if n != rows {
			b.Fatalf("%d rows", n)
		}
	}
	src, err := OpenCSV(context.Background(), path, CSVOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("reader=oboro", func(b *testing.B) {
		defer cpuPer(b, int(rows), "cpu-ns/row")()
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			r, err := src.Open(context.Background())
			if err != nil {
				b.Fatal(err)
			}
			drain(b, r.Next, r.Record)
			r.Release()
		}
	})
	b.Run("reader=arrow", func(b *testing.B) {
		defer cpuPer(b, int(rows), "cpu-ns/row")()
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			f, err := os.Open(path)
			if err != nil {
				b.Fatal(err)
			}
			r := acsv.NewReader(f, src.Schema(), acsv.WithHeader(true), acsv.WithChunk(batchRows), acsv.WithNullReader(false, ""))
			drain(b, r.Next, r.Record)
			r.Release()
			f.Close()
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
