// Package fault is the one table of error kinds. Every error of the library
// that a caller may act on is of one of these kinds; package anon publishes
// them under its own name, the command line turns them into exit codes, the C
// ABI into error codes and the Python package into exception classes.
//
// An error text names the column, the rule that was broken and the remedy. It
// never holds a value of the data.
package fault

import (
	"errors"
	"fmt"
)

// The kinds of error. Test for them with errors.Is.
var (
	// Plan is found before the first row is used: flags, policy,
	// hierarchies, schema, a release that declares no safe plan. Exit code 2.
	Plan = errors.New("plan refused")
	// Data is found in the rows: a guarantee that cannot be met, values a
	// hierarchy does not list, a release that does not verify. Exit code 3.
	Data = errors.New("data refused")
	// Input is an unreadable, damaged or truncated input, or another failure
	// to read or write. Exit code 1.
	Input = errors.New("input or output failed")
	// Budget is a spend that does not fit what remains of a privacy budget.
	// It is a refinement of Plan: errors.Is(err, Plan) holds too.
	Budget = fmt.Errorf("budget exceeded: %w", Plan)
)

// kinded is an error text together with its kind, which the text does not
// repeat.
type kinded struct {
	error
	kind error
}

func (k *kinded) Unwrap() []error { return []error{k.error, k.kind} }

// Planf makes an error of kind Plan. The format may use %w.
func Planf(format string, args ...any) error { return &kinded{fmt.Errorf(format, args...), Plan} }

// Dataf makes an error of kind Data. The format may use %w.
func Dataf(format string, args ...any) error { return &kinded{fmt.Errorf(format, args...), Data} }

// Inputf makes an error of kind Input. The format may use %w.
func Inputf(format string, args ...any) error { return &kinded{fmt.Errorf(format, args...), Input} }

// Budgetf makes an error of kind Budget. The format may use %w.
func Budgetf(format string, args ...any) error { return &kinded{fmt.Errorf(format, args...), Budget} }
