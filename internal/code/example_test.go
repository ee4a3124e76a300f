package code_test

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/oboro-data/oboro/internal/code"
)

// A column becomes codes in the order of first sight, and in the end codes in
// the order of the values.
func ExampleEncoder() {
	b := array.NewStringBuilder(memory.DefaultAllocator)
	for _, s := range []string{"flu", "cold", "", "flu"} {
		if s == "" {
			b.AppendNull()
		} else {
			b.Append(s)
		}
	}
	e, err := code.NewEncoder(arrow.BinaryTypes.String)
	if err != nil {
		fmt.Println(err)
		return
	}
	codes, err := e.Encode(nil, b.NewArray())
	fmt.Println(codes, err)
	values, remap, null := e.Finish(nil)
	fmt.Println(values, remap, null)
	// Output:
	// [0 1 2 0] <nil>
	// ["cold" "flu" (null)] [1 0 2] 2
}

// Three tuples of two columns, counted.
func ExampleTally() {
	t := code.NewTally(2)
	t.Add([][]uint32{{0, 1, 0}, {5, 4, 5}}, 3, []int{2, 6})
	codes, rows := t.Sorted(nil, true)
	fmt.Println(codes, rows)
	// Output:
	// [[0 1] [5 4]] [2 1]
}
