package sandbox

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// diskPart is the part of a sandbox that ends a command which fills the disk.
const diskPart = "disk ceiling"

// What is kept free on a disk for who has to go on, whoever takes the rest: the
// least of a size, a part of the disk, and a part of what was free.
const (
	diskKept       = 1 << 30
	diskKeptOfAll  = 32
	diskKeptOfFree = 2
)

// A walk over what was written begins at the earliest so many times later as the
// last one took; sooner where the disk has lost more than the command may write.
const (
	diskWalk   = 20
	diskWalkIf = 2
)

// diskLag is how far the times of files may be behind the clock: a kernel takes
// them from its last tick.
const diskLag = 20 * time.Millisecond

// diskWatch looks after what a command writes.
type diskWatch struct {
	folders []string
	max     int64 // bytes that what it writes may take; 0 for any number
	begun   time.Time
	disks   []diskLeft
	walked  time.Time // when the last walk ended
	took    time.Duration
}

// diskLeft is the disk that a folder stands on.
type diskLeft struct {
	folder     string
	free, keep int64
}

func watchDisk(folders []string, max int64) *diskWatch {
	w := &diskWatch{folders: folders, max: max, begun: time.Now().Add(-diskLag)}
	seen := map[unix.Fsid]bool{}
	for _, f := range folders {
		var st unix.Statfs_t
		if unix.Statfs(f, &st) != nil || seen[st.Fsid] {
			continue
		}
		seen[st.Fsid] = true
		free := int64(st.Bavail) * st.Bsize
		w.disks = append(w.disks, diskLeft{f, free, min(diskKept, int64(st.Blocks)*st.Bsize/diskKeptOfAll, free/diskKeptOfFree)})
	}
	return w
}

// over says why the command has to end, if it has to.
func (w *diskWatch) over(now time.Time) string {
	lost := int64(0)
	for _, d := range w.disks {
		var st unix.Statfs_t
		if unix.Statfs(d.folder, &st) != nil {
			continue
		}
		free := int64(st.Bavail) * st.Bsize
		if free < d.keep {
			return fmt.Sprintf("disk_kept: %d bytes are free on the disk of %s, %d are kept", free, d.folder, d.keep)
		}
		lost += max(0, d.free-free)
	}
	if w.max <= 0 {
		return ""
	}
	wait := diskWalk * w.took
	if lost > w.max {
		wait = diskWalkIf * w.took
	}
	if now.Sub(w.walked) < wait {
		return ""
	}
	began := time.Now()
	is := w.written()
	w.walked = time.Now()
	w.took = w.walked.Sub(began)
	if is > w.max {
		return fmt.Sprintf("disk_max: what it wrote takes %d bytes, %d are allowed", is, w.max)
	}
	return ""
}

// written is what the files take that were written since the command began, those
// too that have no name any more but are open.
func (w *diskWatch) written() int64 {
	sum := int64(0)
	type file struct{ dev, ino uint64 }
	seen := map[file]bool{}
	count := func(st *unix.Stat_t) {
		switch {
		case st.Mode&unix.S_IFMT != unix.S_IFREG || time.Unix(st.Ctim.Unix()).Before(w.begun):
			return
		case st.Nlink != 1 && seen[file{st.Dev, st.Ino}]:
			return
		case st.Nlink != 1:
			seen[file{st.Dev, st.Ino}] = true
		}
		sum += st.Blocks * 512
	}
	for _, f := range w.folders {
		_ = filepath.WalkDir(f, func(path string, d fs.DirEntry, err error) error {
			var st unix.Stat_t
			if err == nil && d.Type().IsRegular() && unix.Lstat(path, &st) == nil {
				count(&st)
			}
			return nil // what cannot be read is not counted, or went meanwhile
		})
	}
	open, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, path := range open {
		var st unix.Stat_t
		if to, err := os.Readlink(path); err == nil && filepath.IsAbs(to) && unix.Stat(path, &st) == nil && st.Nlink == 0 {
			count(&st)
		}
	}
	return sum
}
