package dp

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/oboro-data/oboro/internal/noise"
)

// TestQuantileLoss: one row more or less, anywhere, changes the loss of every
// candidate by at most c = max(num, den-num), the number by which the rate is
// divided. All numbers of rows up to 40, all ranks in tenths.
func TestQuantileLoss(t *testing.T) {
	for _, inside := range []uint64{0, 1, 5, 1000} {
		d := draws{inside: inside}
		for num := uint64(0); num <= 10; num++ {
			q := rank{num, 10}
			c := max(num, 10-num)
			for n := range uint64(40) {
				for below := uint64(0); below <= n; below++ {
					here := absDiff(below*q.den, d.target(q, n))
					for _, then := range []uint64{below, below + 1} {
						if there := absDiff(then*q.den, d.target(q, n+1)); absDiff(here, there) > c {
							t.Fatalf("rank %d/10, %d of %d rows below, then %d: loss %d, then %d", num, below, n, then, here, there)
						}
					}
				}
			}
		}
	}
}

// pmf is the probability of every place of [from, to), from the definition.
func (d *draws) pmf(places []uint64, q rank, from, to uint64) []float64 {
	num, den := scaleDown(d.rate, max(q.num, q.den-q.num))
	p := make([]float64, to-from)
	total := 0.0
	for x := range p {
		below, _ := slices.BinarySearch(places, from+uint64(x))
		loss := absDiff(uint64(below)*q.den, d.target(q, uint64(len(places))))
		p[x] = math.Exp(-float64(loss) * float64(num) / float64(den))
		total += p[x]
	}
	for x := range p {
		p[x] /= total
	}
	return p
}

// TestQuantilePrivacy computes the probabilities of one draw for neighbouring
// rows exactly: they differ by a factor of at most e^(2·rate) for one row.
func TestQuantilePrivacy(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		d := draws{rate: Rate{1 + r.Uint64N(5), 4}, inside: r.Uint64N(4)}
		places := make([]uint64, r.IntN(7))
		for i := range places {
			places[i] = r.Uint64N(12)
		}
		slices.Sort(places)
		more := append(slices.Clone(places), r.Uint64N(12))
		slices.Sort(more)
		q := rank{r.Uint64N(5), 4}
		a, b := d.pmf(places, q, 0, 12), d.pmf(more, q, 0, 12)
		limit := 2 * float64(d.rate.Num) / float64(d.rate.Den)
		for x := range a {
			if ratio := math.Abs(math.Log(a[x] / b[x])); ratio > limit+1e-9 {
				t.Fatalf("place %d: log ratio %v, more than %v", x, ratio, limit)
			}
		}
	}
}

// TestQuantileDraws compares draws with the probabilities. With n draws the
// frequency of each place errs by less than √(ln(2·12/1e-9)/(2n)) but for a
// chance of 1e-9 (Hoeffding's inequality over 12 places): about 0.0109 for
// n = 100,000.
func TestQuantileDraws(t *testing.T) {
	if noise.Off {
		t.Skip("noise is off in this build: nothing is drawn")
	}
	s := noise.NewStream()
	defer s.Close()
	const n = 100_000
	tolerance := math.Sqrt(math.Log(2*12/1e-9) / (2 * n))
	for _, places := range [][]uint64{{}, {0}, {11}, {2, 2, 5, 5, 5, 9}} {
		for _, q := range []rank{{0, 4}, {1, 4}, {2, 4}, {4, 4}} {
			d := draws{stream: s, rate: Rate{1, 2}, inside: 2}
			want := d.pmf(places, q, 0, 12)
			got := make([]float64, 12)
			for range n {
				got[d.one(places, q, 0, 12)] += 1.0 / n
			}
			for x := range got {
				if math.Abs(got[x]-want[x]) > tolerance {
					t.Errorf("places %v rank %d/4: place %d has frequency %.4f, probability %.4f", places, q.num, x, got[x], want[x])
				}
			}
		}
	}
}

// TestQuantilesInOrder: drawn values rise with the ranks and stay in range, for
// any rows.
func TestQuantilesInOrder(t *testing.T) {
	s := noise.NewStream()
	defer s.Close()
	r := rand.New(rand.NewPCG(5, 6))
	ranks := []rank{{0, 10}, {1, 10}, {5, 10}, {9, 10}, {10, 10}}
	for range 2000 {
		places := make([]uint64, r.IntN(20))
		for i := range places {
			places[i] = 5 + r.Uint64N(10)
		}
		slices.Sort(places)
		d := draws{stream: s, rate: Rate{1 + r.Uint64N(9), 3}, inside: r.Uint64N(9)}
		out := make([]uint64, len(ranks))
		d.quantiles(places, ranks, 5, 15, out)
		if !slices.IsSorted(out) || out[0] < 5 || out[4] >= 15 {
			t.Fatalf("drew %v of %v", out, places)
		}
	}
}

func TestScaleDown(t *testing.T) {
	for _, r := range []Rate{{1, 1}, {1, 1 << 30}, {noise.MaxScale, 1}, {noise.MaxScale, noise.MaxScale}, {7, 3}, {1<<31 + 1, 1 << 61}} {
		for _, c := range []uint64{1, 2, 999_999, 1_000_000} {
			num, den := scaleDown(r, c)
			if num < 1 || den < 1 || num > noise.MaxScale || den > noise.MaxScale {
				t.Errorf("%v/%d: %d/%d is out of range", r, c, num, den)
			}
			want := float64(r.Num) / float64(r.Den) / float64(c)
			got := float64(num) / float64(den)
			if got > want*(1+1e-12) {
				t.Errorf("%v/%d: %g is greater than %g", r, c, got, want)
			}
			if got < want*(1-1e-3) {
				t.Errorf("%v/%d: %g is far below %g", r, c, got, want)
			}
		}
	}
}

// joint gives the probability of every outcome of several ranks: the draws of
// the recursion, each with the probabilities of pmf.
func (d *draws) joint(places []uint64, ranks []rank, from, to uint64) map[string]float64 {
	if len(ranks) == 0 {
		return map[string]float64{"": 1}
	}
	mid := len(ranks) / 2
	out := map[string]float64{}
	for i, p := range d.pmf(places, ranks[mid], from, to) {
		x := from + uint64(i)
		below, above, lower, upper := parts(places, ranks, x)
		low := d.joint(below, lower, from, max(x, from+1))
		for l, pl := range low {
			for u, pu := range d.joint(above, upper, x, to) {
				out[fmt.Sprint(l, x, ";", u)] += p * pl * pu
			}
		}
	}
	return out
}

// TestQuantilesJointPrivacy enumerates all outcomes of up to three ranks, zero
// and one among them, on all tables of up to three rows and their neighbours
// with one or two rows more. Every probability changes by a factor of at most
// e^(2·rate) for each row and each of the draws that are paid for.
func TestQuantilesJointPrivacy(t *testing.T) {
	const places = 5
	var tables [][]uint64
	var grow func(table []uint64)
	grow = func(table []uint64) {
		tables = append(tables, slices.Clone(table))
		if len(table) < 3 {
			for x := uint64(0); x < places; x++ {
				if len(table) == 0 || x >= table[len(table)-1] {
					grow(append(table, x))
				}
			}
		}
	}
	grow(nil)
	for _, ranks := range [][]rank{{{0, 4}}, {{4, 4}}, {{0, 4}, {2, 4}}, {{1, 4}, {2, 4}, {4, 4}}, {{0, 4}, {3, 4}, {4, 4}}} {
		paid := float64((&quantiles{ranks: ranks}).choices())
		d := draws{rate: Rate{1, 2}, inside: 1}
		worst := 0.0
		of := map[string]map[string]float64{}
		for _, table := range tables {
			of[fmt.Sprint(table)] = d.joint(table, ranks, 0, places)
		}
		for _, table := range tables {
			for _, more := range tables {
				extra := len(more) - len(table)
				if extra < 1 || extra > 2 || !contains(more, table) {
					continue
				}
				a, b := of[fmt.Sprint(table)], of[fmt.Sprint(more)]
				if len(a) != len(b) {
					t.Fatalf("%v and %v have other outcomes", table, more)
				}
				for x, p := range a {
					worst = max(worst, math.Abs(math.Log(p/b[x]))/float64(extra))
				}
			}
		}
		if limit := paid * 2 * 0.5; worst > limit+1e-9 || worst == 0 {
			t.Errorf("ranks %v: log ratio %v for a row, paid for %v", ranks, worst, limit)
		}
	}
}

// contains reports whether a sorted table holds all rows of another.
func contains(more, table []uint64) bool {
	i := 0
	for _, x := range more {
		if i < len(table) && table[i] == x {
			i++
		}
	}
	return i == len(table)
}
