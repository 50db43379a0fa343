package journal

import (
	"errors"
	"io/fs"
	"path/filepath"
)

// Size is how many bytes the store keeps on disk, in all its folders. O(files),
// each asked for its size alone; what comes and goes meanwhile may count or not.
func (s *Store) Size() (int64, error) {
	var total int64
	for _, name := range []string{"log", "blobs", "torn", "objects", "checkpoints"} {
		n, err := sizeBelow(s.fs, s.path(name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return total, err
		}
		total += n
	}
	return total, nil
}

// sizeBelow adds up what is in a folder and in those inside it.
func sizeBelow(fsys FS, dir string) (int64, error) {
	names, err := fsys.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	var total int64
	for _, name := range names {
		at := filepath.Join(dir, name)
		n, err := sizeBelow(fsys, at)
		if err != nil {
			n, err = fsys.Stat(at) // no folder, or gone
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return total, err
		}
		total += n
	}
	return total, nil
}
