package anon

import "os"

// renamePlainly puts work at dir by renames alone. Between the two that
// replacing takes, dir does not exist; if the second fails, the first is undone.
func renamePlainly(work, dir string, replace bool) error {
	if !replace {
		return os.Rename(work, dir)
	}
	old := work + "-old"
	if err := os.Rename(dir, old); err != nil {
		return err
	}
	if err := os.Rename(work, dir); err != nil {
		if back := os.Rename(old, dir); back != nil {
			return back
		}
		return err
	}
	return os.RemoveAll(old)
}
