package pld_test

import (
	"fmt"

	"github.com/oboro-data/oboro/internal/pld"
)

func Example() {
	// Twenty counts with discrete Laplace noise of ε = 0.1 each. Basic
	// composition says 2; their loss distribution knows better at δ = 1e-6.
	one := pld.Discretize(pld.Shift(pld.DiscreteLaplaceNoise{A: 0.1}, 1, true), 1e-3, pld.ConnectDots)
	fmt.Printf("%.2f\n", one.Power(20, 1e-16).EpsilonUp(1e-6))
	// Output: 1.79
}

func ExampleGaussianMuDown() {
	// The least noise for sensitivity 1 at (1, 1e-5).
	fmt.Printf("σ = %.6f\n", 1/pld.GaussianMuDown(1, 1e-5))
	// Output: σ = 3.730632
}
