//go:build !linux

package anon

import "os"

// putInPlace renames the finished folder to dir. With replace the old folder
// is renamed away first and put back if the second rename fails.
func putInPlace(work, dir string, replace bool) error {
	if _, err := os.Lstat(dir); err != nil {
		replace = false
	}
	return renamePlainly(work, dir, replace)
}
