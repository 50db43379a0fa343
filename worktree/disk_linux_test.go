package worktree

import (
	"testing"

	"golang.org/x/sys/unix"
)

// smallDisk mounts a file system of so many bytes ("256k"), until the test ends. It
// wants a process that is Private.
func smallDisk(t *testing.T, size string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unmount(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
