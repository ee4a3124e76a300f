package arrow18

import (
	"os/exec"
	"testing"
)

// TestLinks builds and runs linktest: the core, this bridge, and the Parquet
// and C data packages of v18 in one program. It needs a C compiler.
func TestLinks(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: builds a large program")
	}
	if _, err := exec.LookPath("cc"); err != nil {
		t.Skip("no C compiler named cc, which Arrow's C data package needs")
	}
	out, err := exec.Command("go", "run", "./linktest").CombinedOutput()
	if err != nil || string(out) != "true true\n" {
		t.Fatalf("%v\n%s", err, out)
	}
}
