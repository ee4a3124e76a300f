package ledger_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/oboro-data/oboro/dp"
	"github.com/oboro-data/oboro/dp/ledger"
)

func Example() {
	dir, err := os.MkdirTemp("", "ledger")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "patients.ledger")

	// Once: how much the patients may lose, over everything that is released.
	if err := ledger.Create(file, "patient_id", dp.Approx(1, 1e-6)); err != nil {
		fmt.Println(err)
		return
	}
	// In every run: pay, then draw noise.
	price := dp.Approx(0.6, 1e-8)
	for _, month := range []string{"march", "april"} {
		v, err := ledger.Spend(context.Background(), file, "patient_id", ledger.Payment{Release: month, Budget: price})
		if err != nil {
			fmt.Println(err)
			continue
		}
		// … dp.Run(ctx, source, query, dp.NewAccountant(price), price)
		fmt.Println(v.Spent(), "of", v.Cap())
	}
	// Output:
	// ε=0.6, δ=1e-8 of ε=1, δ=0.000001
	// ledger patients.ledger: "april" needs ε=0.6, δ=1e-8, ε=0.4, δ=9.9e-7 remains of ε=1, δ=0.000001 (entries so far: 1); lower the budget of this run, or decide that these people may lose more
}
