//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd || windows)

package ledger

import (
	"context"
	"errors"
	"os"
)

// lock refuses: without locks two processes could spend the same amount.
func lock(context.Context, *os.File) error {
	return errors.New("files cannot be locked on this system")
}
