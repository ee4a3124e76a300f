// Package exact computes the parameters of privacy claims without error, or
// with an error whose direction is known.
//
// A Rat is a rational number: budgets, shares and noise scales are Rats, so
// that three thirds of a budget are the budget. Where a transcendental
// function makes a float64 unavoidable, every inexact operation carries its
// direction in its name: DivUp never returns less than the quotient, ExpDown
// never more than the exponential.
package exact
