package journal

import (
	"errors"
	"io/fs"
	"path/filepath"
)

// Backed is what a backup says of itself.
type Backed struct {
	Seq   uint64 // of its last record
	Chain [32]byte
	Files int
	Bytes int64 // of all of them
}

// ReadBackup reads what a backup holds, from its manifest alone. ErrBackup: dir
// is none, or half of one; ErrCorrupt: the manifest is damaged.
func ReadBackup(dir string, fsys FS) (Backed, error) {
	if fsys == nil {
		fsys = osFS{}
	}
	m, err := readManifest(fsys, dir)
	out := Backed{Seq: m.seq, Chain: m.chain, Files: len(m.files)}
	for _, f := range m.files {
		out.Bytes += f.size
	}
	return out, err
}

// Backed is ReadBackup on the store's own file system.
func (s *Store) Backed(dir string) (Backed, error) { return ReadBackup(dir, s.fs) }

// HalfBackup says whether dir holds what a Backup left that did not come to its end,
// and nothing that could be of use.
func HalfBackup(dir string) bool {
	_, whole := osFS{}.Stat(filepath.Join(dir, manifestName))
	_, begun := osFS{}.Stat(filepath.Join(dir, manifestName+tempExt))
	return errors.Is(whole, fs.ErrNotExist) && begun == nil
}
