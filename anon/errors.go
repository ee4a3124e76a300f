package anon

import (
	"errors"

	"github.com/oboro-data/oboro/internal/fault"
)

// The kinds of error. Test for them with errors.Is.
var (
	// ErrPlan is found before the first row is used: the policy, its
	// hierarchies, the schema, a release that declares no safe plan.
	ErrPlan = fault.Plan
	// ErrData is found in the rows: a guarantee that cannot be met, a value
	// that a hierarchy does not list, a folder that does not verify.
	ErrData = fault.Data
	// ErrInput is an unreadable, damaged or truncated input, or another
	// failure to read or write.
	ErrInput = fault.Input
	// ErrBudget is a spend that does not fit the cap of the policy. Every
	// ErrBudget is an ErrPlan too.
	ErrBudget = fault.Budget
)

// ExitCode returns the exit code of a program that ends with err: 0 for nil,
// 2 for ErrPlan and ErrBudget, 3 for ErrData, and 1 for everything else:
// ErrInput, an interruption, a failure of the system.
func ExitCode(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, ErrPlan):
		return 2
	case errors.Is(err, ErrData):
		return 3
	}
	return 1
}
