package anon

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// putInPlace renames the finished folder to dir. With replace the two folders
// change places in one step, and work is then the old one; without, a folder
// that has appeared at dir meanwhile is an error. File systems that can do
// neither get plain renames.
func putInPlace(work, dir string, replace bool) error {
	if _, err := os.Lstat(dir); err != nil {
		replace = false // nothing to change places with
	}
	flags := uint(unix.RENAME_NOREPLACE)
	if replace {
		flags = unix.RENAME_EXCHANGE
	}
	err := unix.Renameat2(unix.AT_FDCWD, work, unix.AT_FDCWD, dir, flags)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		return renamePlainly(work, dir, replace)
	}
	return err
}
