package kanon

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/oboro-data/oboro/internal/corpus"
)

// optima are optima of reference tables, k = 5, loss with gs-factor 0.5, from
// an independent implementation of the same definitions.
var optima = []struct {
	table      string
	qis        []string
	limit      float64
	node       string
	suppressed int64
	score      float64
}{
	{"adult", adultQIs, 0, "0,4,1,1,3,2,2,1,0", 0, 0.5731509655590044},
	{"adult", adultQIs, 0.02, "0,3,0,2,2,1,1,2,0", 506, 0.3137130352819242},
	{"adult", adultQIs, 1, "0,3,0,0,2,1,1,1,0", 2553, 0.22041192847984292},
	{"adult", adultQIs8, 0, "0,4,0,2,3,2,2,1", 0, 0.5915849773198221},
	{"adult", adultQIs8, 0.02, "0,3,0,1,2,1,1,2", 552, 0.30334014291297273},
	{"adult", adultQIs8, 1, "0,3,0,0,2,1,0,1", 3049, 0.22004987619069327},
	{"cup", cupQIs, 0, "5,2,1,1,1,4,4,4", 0, 0.7776985288904885},
	{"cup", cupQIs, 0.02, "4,3,0,1,0,1,2,1", 1260, 0.17031341483296392},
	{"cup", cupQIs, 1, "4,3,0,0,0,1,2,1", 2578, 0.13968936091749518},
}

func TestSearchOptima(t *testing.T) {
	for _, c := range optima {
		t.Run(fmt.Sprintf("%s/%d/%v", c.table, len(c.qis), c.limit), func(t *testing.T) {
			if testing.Short() && c.table == "cup" && c.limit == 1 {
				t.Skip("long search: not in short mode")
			}
			f := sharedTable(t, corpus.Shared(t, "data/"+c.table+"/"+c.table+".csv"), c.table, c.table, c.qis, nil)
			r, err := Search(context.Background(), f, []PrivacyModel{KAnonymity{K: 5}}, Loss{GSFactor: 0.5}, SearchOptions{SuppressionLimit: int64(c.limit * float64(f.Rows))})
			if err != nil {
				t.Fatal(err)
			}
			if r.Node.String() != c.node || r.SuppressedRows != c.suppressed || math.Abs(r.Score[0]-c.score) > 1e-9*c.score {
				t.Errorf("found %v, %d rows suppressed, score %v; want %v, %d, %v", r.Node, r.SuppressedRows, r.Score, c.node, c.suppressed, c.score)
			}
			t.Logf("%d of %d nodes checked", r.CheckedNodes, r.LatticeNodes)
		})
	}
}

func benchmarkSearch(b *testing.B, limit float64) {
	f := adult(b, adultQIs)
	b.ReportAllocs()
	for b.Loop() {
		r, err := Search(context.Background(), f, []PrivacyModel{KAnonymity{K: 5}}, Loss{GSFactor: 0.5}, SearchOptions{SuppressionLimit: int64(limit * float64(f.Rows))})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(r.CheckedNodes), "checks/op")
	}
}

func BenchmarkSearchAdult0(b *testing.B)   { benchmarkSearch(b, 0) }
func BenchmarkSearchAdult2(b *testing.B)   { benchmarkSearch(b, 0.02) }
func BenchmarkSearchAdult100(b *testing.B) { benchmarkSearch(b, 1) }

func BenchmarkGeneralize(b *testing.B) {
	f := adult(b, adultQIs)
	b.ReportAllocs()
	for b.Loop() {
		f.Generalize(Node{0, 2, 0, 0, 1, 1, 0, 0, 0})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(f.Len()), "ns/class")
}
