package noise

import (
	"math/big"
	"testing"
)

// Draws per second and allocations (none) of the batch interface.

func BenchmarkLaplace(b *testing.B) {
	for _, c := range []struct {
		name     string
		num, den uint64
	}{{"scale=3", 3, 1}, {"scale=10:3", 10, 3}, {"scale=2^20", 1 << 20, 1}, {"scale=2^50", 1<<50 + 1, 1}} {
		b.Run(c.name, func(b *testing.B) {
			l, err := NewLaplace(c.num, c.den)
			if err != nil {
				b.Fatal(err)
			}
			bench(b, l.Draw)
		})
	}
}

func BenchmarkGaussian(b *testing.B) {
	for _, c := range []struct {
		name     string
		sigma2   int64
		den, ref uint64
	}{{"sigma=4.2", 357, 20, 1}, {"sigma=4.2/27", 357 * 729 / 20, 1, 27}, {"sigma=2^20", 1 << 40, 1, 1}, {"sigma=2^30", 1 << 60, 1, 1}} {
		b.Run(c.name, func(b *testing.B) {
			n, err := NewGaussian(big.NewInt(c.sigma2), c.den, c.ref)
			if err != nil {
				b.Fatal(err)
			}
			bench(b, n.Draw)
		})
	}
}

func bench(b *testing.B, draw func(*Stream, []int64)) {
	s := NewStream()
	defer s.Close()
	dst := make([]int64, 1024)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		draw(s, dst)
		n += len(dst)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "draws/s")
}
