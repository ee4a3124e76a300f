package anon

import (
	"context"
	"encoding/csv"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/oboro-data/oboro/arrowio"
)

// A budget of 10¹² leaves no noise: every scale is below 10⁻⁴ steps, so a draw
// other than 0 has a probability of about e^-10000.
const plainPolicy = `oboro: 1
title: Stays
unit: person
columns:
  person: {role: identifier}
  city: {role: insensitive, hierarchy: {levels: [{Oslo: North, Bergen: North, Rome: South, Nice: South}]}}
  born: {role: quasi-identifier, type: date, hierarchy: {date: [month, year, 10-years]}}
  age: {role: quasi-identifier, type: integer, hierarchy: {intervals: [5, 20], min: 0, max: 99}}
  fee: {role: insensitive, type: decimal}
  page: {role: insensitive}
releases:
  - name: table
    kind: statistics
    group-by: [GROUPBY]
    bounds: {groups-per-unit: 50, rows-per-group: 20}
    aggregates:
      - count-units: {as: people}
      - count: {as: stays, per-unit: 3}
      - sum: {column: fee, as: fees, range: [0, 150], resolution: 0.25}
      - mean: {column: age, as: mean, range: [0, 100]}
      - variance: {column: age, as: variance, range: [0, 100]}
      - histogram: {column: age, as: ages, edges: [0, 18, 65, 100]}
      - count-distinct: {column: page, as: pages, per-unit: 20}
    budget: {epsilon: 1000000000000, delta: 1e-8}
`

// A stay is one row of the table; missing texts are null.
type stay struct{ person, city, born, age, fee, page string }

func stays(rng *rand.Rand) []stay {
	pick := func(texts ...string) string { return texts[rng.IntN(len(texts))] }
	var out []stay
	for p := range 400 {
		born, age := fmt.Sprintf("19%02d-%02d-15", 30+rng.IntN(60), 1+rng.IntN(12)), strconv.Itoa(rng.IntN(100))
		if p%20 == 0 {
			born = pick("", "1990-02-30")
		}
		for range 1 + rng.IntN(8) {
			s := stay{"p" + strconv.Itoa(p), pick("Oslo", "Bergen", "Rome", "Nice", "Atlantis", ""), born, age, pick("", "no fee", "-3.25", "0.25", "20.75", "190.5"), pick("a", "b", "c", "d")}
			if p%33 == 0 {
				s.person = ""
			}
			out = append(out, s)
		}
	}
	return out
}

// plainStatistics computes the table with maps.
func plainStatistics(rows []stay, key func(stay) string) map[string][]float64 {
	type group struct {
		stays, ages map[string][]float64
		fees        map[string]float64
		pages       map[string]bool
	}
	groups := map[string]*group{}
	for _, s := range rows {
		if s.person == "" {
			continue
		}
		g := groups[key(s)]
		if g == nil {
			g = &group{map[string][]float64{}, map[string][]float64{}, map[string]float64{}, map[string]bool{}}
			groups[key(s)] = g
		}
		age, _ := strconv.ParseFloat(s.age, 64)
		g.ages[s.person] = append(g.ages[s.person], age)
		g.pages[s.page] = true
		if fee, err := strconv.ParseFloat(s.fee, 64); err == nil {
			g.fees[s.person] += fee
		}
	}
	out := map[string][]float64{}
	for k, g := range groups {
		if len(g.ages) < 2 {
			continue // one person is never enough for a private group
		}
		var n, stays, fees, sum, squares float64
		bins := make([]float64, 3)
		for p, ages := range g.ages {
			stays += min(float64(len(ages)), 3)
			fees += min(max(g.fees[p], 0), 150)
			for _, a := range ages {
				n, sum, squares = n+1, sum+a, squares+a*a
				switch {
				case a < 18:
					bins[0]++
				case a < 65:
					bins[1]++
				default:
					bins[2]++
				}
			}
		}
		mean := sum / n
		out[k] = []float64{float64(len(g.ages)), stays, fees, mean, squares/n - mean*mean, bins[0], bins[1], bins[2], float64(len(g.pages))}
	}
	return out
}

// With next to no noise every statistic of a policy is that of a
// plain computation: raw and generalised keys, null keys, clamped totals; from
// CSV and IPC; with one worker and with eight.
func TestStatisticsArePlainOnesWithoutNoise(t *testing.T) {
	ctx := context.Background()
	rows := stays(rand.New(rand.NewPCG(61, 62)))
	var b strings.Builder
	b.WriteString("person,city,born,age,fee,page\n")
	for _, s := range rows {
		fmt.Fprintf(&b, "%s,%s,%s,%s,%s,%s\n", s.person, s.city, s.born, s.age, s.fee, s.page)
	}
	side := map[string]string{"Oslo": "North", "Bergen": "North", "Rome": "South", "Nice": "South"} // what is not listed is null
	decade := func(s stay) string {
		if s.born == "" || strings.HasSuffix(s.born, "02-30") {
			return ""
		}
		return s.born[:3] + "0-" + s.born[:3] + "9"
	}
	for by, key := range map[string]func(stay) string{
		"":     func(stay) string { return "" },
		"city": func(s stay) string { return s.city },
		"{column: city, level: 1}, {column: age, level: 2}": func(s stay) string {
			age, _ := strconv.Atoi(s.age)
			return fmt.Sprintf("%s,%d-%d", side[s.city], age/20*20, age/20*20+19)
		},
		"page, {column: born, level: 10-years}": func(s stay) string { return s.page + "," + decade(s) },
	} {
		dir := t.TempDir()
		p, err := LoadPolicy(write(t, dir, "policy.yaml", strings.Replace(plainPolicy, "GROUPBY", by, 1)))
		if err != nil {
			t.Fatal(err)
		}
		fromCSV, err := arrowio.OpenCSV(ctx, write(t, dir, "in.csv", b.String()), p.CSVOptions())
		if err != nil {
			t.Fatal(err)
		}
		if err := arrowio.WriteFile(ctx, filepath.Join(dir, "in.arrow"), arrowio.IPCFormat, arrowio.Lenient(fromCSV)); err != nil {
			t.Fatal(err)
		}
		fromIPC, err := arrowio.OpenIPC(filepath.Join(dir, "in.arrow"))
		if err != nil {
			t.Fatal(err)
		}
		want, keys := plainStatistics(rows, key), len(p.Releases[0].Statistics.GroupBy)
		for name, src := range map[string]arrowio.Source{"CSV": fromCSV, "IPC": fromIPC} {
			for _, workers := range []int{1, 8} {
				plan, err := p.Plan(src.Schema())
				if err != nil {
					t.Fatal(err)
				}
				rel, err := plan.Run(ctx, src, RunOptions{Workers: workers})
				if err != nil {
					t.Fatal(err)
				}
				comparePlain(t, fmt.Sprintf("by [%s] from %s with %d workers", by, name, workers), filepath.Join(folder(t, rel, arrowio.CSVFormat), "table.csv"), keys, want)
				rel.Close()
			}
		}
	}
}

func comparePlain(t *testing.T, what, path string, keys int, want map[string][]float64) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(got)-1 != len(want) {
		t.Errorf("%s: %d groups, want %d", what, len(got)-1, len(want))
	}
	for _, row := range got[1:] {
		key := strings.Join(row[:keys], ",")
		if want[key] == nil {
			t.Errorf("%s: group %q is not one of the table's", what, key)
			continue
		}
		for j, text := range row[keys:] {
			v, err := strconv.ParseFloat(text, 64)
			if w := want[key][j]; err != nil || math.Abs(v-w) > 1e-9*(1+math.Abs(w)) {
				t.Errorf("%s: group %q, %s is %s, want %v", what, key, got[0][keys+j], text, w)
			}
		}
	}
}
