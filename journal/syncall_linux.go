package journal

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

func (osFS) SyncAll(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(d.Fd())), d.Close())
}
