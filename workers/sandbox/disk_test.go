//go:build linux

package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestDiskHasACeiling: what a command writes counts together, named or not, in
// every folder; what it takes away again, and what stood there, does not.
func TestDiskHasACeiling(t *testing.T) {
	needs(t, "full")
	dir, other := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "before"), make([]byte, 30<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	c := Command{Dir: dir, Write: []string{dir, other}, DiskMax: 20 << 20}
	mib := func(n int, to string) string {
		return fmt.Sprintf("dd if=/dev/zero %s bs=1M count=%d 2>/dev/null; ", to, n)
	}
	for name, script := range map[string]string{
		"in two folders":     mib(15, "of=a") + mib(15, "of="+other+"/b") + "sleep 60",
		"with a hard link":   mib(25, "of=a") + "ln a " + other + "/c 2>/dev/null; sleep 60",
		"without a name":     "exec 3>d; rm d; dd if=/dev/zero bs=1M count=30 >&3 2>/dev/null; sleep 60",
		"over what is there": mib(30, "of=before conv=notrunc") + "sleep 60",
	} {
		out := sh(t, c, script)
		if out.Exit != 137 || out.TimedOut || !strings.HasPrefix(out.Over, "disk_max: ") {
			t.Errorf("%s: %+v", name, out)
		}
	}
	if out := sh(t, c, "rm -f a; for i in 1 2 3 4; do "+mib(15, "of=a")+"rm a; done"); out.Exit != 0 || out.Over != "" {
		t.Errorf("15 MiB, again and again: %+v", out)
	}
}

// TestWhatWasWritten counts only what was written since a command began, each file
// once, and only what a file really takes.
func TestWhatWasWritten(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, n int) string {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, make([]byte, n), 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	write("before", 1<<20)
	w := watchDisk([]string{dir, filepath.Join(dir, "none")}, 1)
	w.begun = time.Now().Add(time.Hour)
	if n := w.written(); n != 0 {
		t.Errorf("%d bytes of before count", n)
	}
	w.begun = time.Time{}
	if err := os.Link(write("linked", 1<<20), filepath.Join(dir, "again")); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(write("sparse", 0), 1<<40); err != nil {
		t.Fatal(err)
	}
	if n := w.written(); n < 2<<20 || n > 2<<20+64<<10 {
		t.Errorf("%d bytes, of two files of 1 MiB", n)
	}
}

// TestRoomIsKept ends a command where the disk is nearly full, whoever filled it.
func TestRoomIsKept(t *testing.T) {
	w := watchDisk([]string{t.TempDir()}, 0)
	if len(w.disks) != 1 || w.disks[0].keep <= 0 || w.disks[0].keep > w.disks[0].free/diskKeptOfFree {
		t.Fatalf("%+v", w.disks)
	}
	if why := w.over(time.Now()); why != "" {
		t.Error(why)
	}
	w.disks[0].keep = 1 << 60
	if why := w.over(time.Now()); !strings.HasPrefix(why, "disk_kept: ") {
		t.Errorf("%q", why)
	}
}
