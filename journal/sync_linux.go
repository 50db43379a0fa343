package journal

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

func (f osFile) Sync() error { return unix.Fdatasync(int(f.Fd())) }

func (osFS) SyncAll(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(d.Fd())), d.Close())
}
