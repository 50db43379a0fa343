//go:build !linux

package journal

import "golang.org/x/sys/unix"

func (osFS) SyncAll(string) error {
	unix.Sync()
	return nil
}
