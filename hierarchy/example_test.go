package hierarchy_test

import (
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/hierarchy"
)

// The ages of a table under intervals of ten and twenty years.
func ExampleApply() {
	b := array.NewInt32Builder(memory.DefaultAllocator)
	b.AppendValues([]int32{34, 36, 61}, nil)
	table, err := hierarchy.Apply(hierarchy.Intervals(10, 20), b.NewArray(), hierarchy.Options{Column: "age", Null: -1})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, l := range table.Levels {
		fmt.Println(l.Name, l.Codes, strings.Join(l.Labels, " "), l.Leaves)
	}
	// Output:
	// raw [0 1 2] 34 36 61 [1 1 1]
	// 1 [0 0 1] 30-39 60-69 [2 1]
	// 2 [0 0 1] 20-39 60-79 [2 1]
	// * [0 0 0] * [3]
}

// A hierarchy that gets finer is refused with its file and line.
func ExampleParse() {
	_, err := hierarchy.Parse(strings.NewReader("Nurse;Health;Work\nDoctor;Health;Study\n"), "job.csv")
	fmt.Println(err)
	// Output:
	// hierarchy job.csv, line 2: level 2 is finer than level 1; lines with one label at a level must share their label at the next
}

func ExampleDates() {
	fmt.Println(hierarchy.Dates("week", "month").CheckType(nil))
	// Output:
	// date: unit "month" of level 2 is not made of whole units "week" of level 1; levels must coarsen
}
