//go:build !linux

package worktree

import "testing"

// smallDisk is not to be had: no process is Private here.
func smallDisk(t *testing.T, _ string) string {
	t.Helper()
	t.Fatal("no process has mounts of its own on this system")
	return ""
}
