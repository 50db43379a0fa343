//go:build !linux

package journal

import "errors"

// Sync is os.File's own, which is F_FULLFSYNC on macOS.
func (f osFile) Sync() error { return f.File.Sync() }

// SyncAll is none: sync(2) of other systems begins to write, and does not wait.
func (osFS) SyncAll(string) error { return errors.ErrUnsupported }
