package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Restore makes a data folder of the backup in src. dst is empty or not there
// (ErrNotEmpty). Half a backup is refused with ErrBackup. Every file is compared
// with the manifest, and the log, the contents and the checkpoint with each
// other; damage is ErrCorrupt. What is in dst can be opened once Restore has
// returned without an error, and not before.
func Restore(ctx context.Context, src, dst string, opt Options) error {
	fsys := opt.FS
	if fsys == nil {
		fsys = osFS{}
	}
	m, err := readManifest(fsys, src)
	if err != nil {
		return err
	}
	w := &writer{ctx: ctx, fs: fsys, dir: filepath.Clean(dst)}
	if err := w.begin(restoringName); err != nil {
		return err
	}
	for _, f := range m.files {
		if err := w.copy(src, f); err != nil {
			return err
		}
	}
	if err := w.sync(); err != nil {
		return err
	}
	if err := proveRestored(dst, opt, m); err != nil {
		return err
	}
	if err := fsys.Remove(filepath.Join(dst, restoringName)); err != nil {
		return err
	}
	return fsys.SyncDir(dst)
}

func readManifest(fsys FS, dir string) (manifest, error) {
	f, err := fsys.OpenFile(filepath.Join(dir, manifestName), os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return manifest{}, fmt.Errorf("%w: %s has no manifest, so it is no whole backup", ErrBackup, dir)
	}
	if err != nil {
		return manifest{}, err
	}
	text, err := io.ReadAll(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return manifest{}, err
	}
	m, err := decodeManifest(text)
	if err != nil {
		err = fmt.Errorf("%w: %s: %w", ErrCorrupt, filepath.Join(dir, manifestName), err)
	}
	return m, err
}

// copy takes a file of a backup over, if it is what the manifest says.
func (w *writer) copy(src string, want copied) error {
	name := filepath.Join(src, filepath.FromSlash(want.name))
	f, err := w.fs.OpenFile(name, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s is missing", ErrCorrupt, name)
	}
	if err != nil {
		return err
	}
	err = w.file(want.name, func(to io.Writer) error {
		_, err := io.Copy(to, onlyReader{f})
		return err
	})
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if got := w.files[len(w.files)-1]; got != want {
		return fmt.Errorf("%w: %s is not what the manifest says", ErrCorrupt, name)
	}
	return nil
}

// proveRestored opens what was restored and reads all of it.
func proveRestored(dir string, opt Options, m manifest) error {
	s, err := open(dir, opt, restoringName)
	if err != nil {
		return err
	}
	r, err := s.Verify()
	seq, chain := s.Last()
	if err = errors.Join(err, s.Close()); err != nil {
		return err
	}
	if seq != m.seq || chain != m.chain || r.Chain != m.chain {
		r.problem("the log ends with seq %d, the manifest with %d, or the chain is another", seq, m.seq)
	}
	if len(r.Problems) > 0 {
		return fmt.Errorf("%w: %s", ErrCorrupt, r.Problems[0])
	}
	return nil
}
