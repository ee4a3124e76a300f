package noise_test

import (
	"fmt"

	"github.com/oboro-data/oboro/internal/noise"
)

func Example() {
	// Counts that one unit changes by at most 1, at ε = 1/2: scale 2.
	l, err := noise.NewLaplace(2, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	s := noise.NewStream() // one for each worker
	defer s.Close()        // erases the key
	counts := []int64{120, 4, 0}
	l.Add(s, counts)
	fmt.Println(len(counts), "noised counts")
	// Output: 3 noised counts
}
