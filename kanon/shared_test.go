package kanon

import (
	"bufio"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/oboro-data/oboro/hierarchy"
	"github.com/oboro-data/oboro/internal/corpus"
)

var (
	adultQIs  = []string{"sex", "age", "race", "marital-status", "education", "native-country", "workclass", "occupation", "salary-class"}
	adultQIs8 = adultQIs[:8]
	cupQIs    = []string{"ZIP", "AGE", "GENDER", "INCOME", "STATE", "RAMNTALL", "NGIFTALL", "MINRAMNT"}
)

func readLines(t testing.TB, path string) [][]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out [][]string
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		if line := strings.TrimSuffix(sc.Text(), "\r"); line != "" {
			out = append(out, strings.Split(line, ";"))
		}
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// sharedColumns reads the reference hierarchy of each column and applies it to
// the values present, in the order of the text.
func sharedColumns(t testing.TB, dir, stem string, names []string, present map[string][]string) []Column {
	t.Helper()
	var out []Column
	for _, name := range names {
		lines := readLines(t, corpus.Shared(t, "data/"+dir+"/"+stem+"_hierarchy_"+name+".csv"))
		byValue := map[string][]string{}
		for _, l := range lines {
			byValue[l[0]] = l
		}
		col := Column{Name: name, Table: hierarchy.Table{DomainSize: int64(len(lines))}}
		for level := range lines[0] {
			leaves := map[string]int64{}
			for _, l := range lines {
				leaves[l[level]]++
			}
			lv := hierarchy.Level{Null: -1}
			index := map[string]int32{}
			for _, v := range present[name] {
				label := byValue[v][level]
				i, ok := index[label]
				if !ok {
					i = int32(len(lv.Labels))
					index[label] = i
					lv.Labels = append(lv.Labels, label)
					lv.Leaves = append(lv.Leaves, leaves[label])
				}
				lv.Codes = append(lv.Codes, i)
			}
			col.Table.Levels = append(col.Table.Levels, lv)
		}
		out = append(out, col)
	}
	return out
}

// sharedTable counts a reference table by hand: no Counter is involved.
func sharedTable(t testing.TB, path, dir, stem string, qis, sensitive []string) *FrequencySet {
	t.Helper()
	lines := readLines(t, path)
	names := slices.Concat(qis, sensitive)
	at := make([]int, len(names))
	for i, n := range names {
		if at[i] = slices.Index(lines[0], n); at[i] < 0 {
			t.Fatalf("%s has no column %s", path, n)
		}
	}
	present := map[string][]string{}
	codes := make([]map[string]uint32, len(names))
	for i, n := range names {
		seen := map[string]bool{}
		for _, l := range lines[1:] {
			seen[l[at[i]]] = true
		}
		for v := range seen {
			present[n] = append(present[n], v)
		}
		slices.Sort(present[n])
		codes[i] = map[string]uint32{}
		for c, v := range present[n] {
			codes[i][v] = uint32(c)
		}
	}
	rows := make([][]uint32, 0, len(lines)-1)
	for _, l := range lines[1:] {
		row := make([]uint32, len(names))
		for i := range names {
			row[i] = codes[i][l[at[i]]]
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, slices.Compare[[]uint32])
	tp := &tuples{codes: make([][]uint32, len(names)), totalRows: int64(len(rows)), totalPeople: int64(len(rows))}
	for i, row := range rows {
		if i > 0 && slices.Equal(row, rows[i-1]) {
			tp.rows[len(tp.rows)-1]++
			continue
		}
		for c := range names {
			tp.codes[c] = append(tp.codes[c], row[c])
		}
		tp.rows = append(tp.rows, 1)
	}
	tp.settled = tp.rows
	f, err := newFrequencySet(tp, sharedColumns(t, dir, stem, qis, present), sharedColumns(t, dir, stem, sensitive, present), nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func adult(t testing.TB, qis []string, sensitive ...string) *FrequencySet {
	t.Helper()
	return sharedTable(t, corpus.Shared(t, "data/adult/adult.csv"), "adult", "adult", qis, sensitive)
}
