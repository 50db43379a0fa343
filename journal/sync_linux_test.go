package journal_test

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"jitos.dev/journal"
)

// No test can cut the machine's power, but a device that cannot be synced says
// whether it was asked.
func TestTheMachinesSyncsAreMade(t *testing.T) {
	f, err := journal.OS.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Sync(); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("sync of a device: %v", err)
	}
	if err := journal.OS.SyncDir(os.DevNull); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("sync of a device as a folder: %v", err)
	}
	for name, sync := range map[string]func(string) error{"SyncDir": journal.OS.SyncDir, "SyncAll": journal.OS.SyncAll} {
		if err := sync(t.TempDir()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := sync("/none/such"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s of nothing: %v", name, err)
		}
	}
}
