package spill_test

import (
	"fmt"

	"github.com/oboro-data/oboro/internal/spill"
)

func Example() {
	f := spill.New("") // the system's folder for temporary files
	defer f.Close()
	c, err := f.Append([]byte("personal data"))
	if err != nil {
		fmt.Println(err)
		return
	}
	back := make([]byte, c.Size())
	err = c.Read(back)
	fmt.Println(string(back), err)
	// Output: personal data <nil>
}
