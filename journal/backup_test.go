package journal_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"jitos.dev/journal"
	"jitos.dev/journal/journaltest"
)

// whole is a store that has everything: segments, compressed frames, blobs as
// files and in packs, one that was purged, a checkpoint with objects.
type whole struct {
	frames []journal.Frame
	marks  []journal.Checkpoint
	blobs  [][]byte
	purged []byte
}

var wholeOptions = journal.Options{SegmentSize: 900, MaxPacked: 200, PackSize: 700, CompressFrom: 300}

func fillWhole(t *testing.T, s *journal.Store) whole {
	t.Helper()
	w := whole{purged: []byte("to be purged")}
	for i := range 12 {
		w.blobs = append(w.blobs, journaltest.Payload(uint64(i), 40*i))
		journaltest.Put(t, s, w.blobs[i])
		if i == 5 {
			journaltest.Put(t, s, w.purged)
		}
		w.frames = append(w.frames, journaltest.Append(t, s, uint32(1+i%2), journaltest.Payload(uint64(i), 60*i)))
		if i == 8 {
			f, err := s.Objects().Begin()
			if err != nil {
				t.Fatal(err)
			}
			w.marks = append(w.marks, journaltest.Mark(t, s, journaltest.Grow(t, f, journaltest.Payload(9, 800)), "payload"))
		}
	}
	if err := s.Purge(sha256.Sum256(w.purged)); err != nil {
		t.Fatal(err)
	}
	return w
}

// check holds that a store has it all.
func (w whole) check(t *testing.T, s *journal.Store) {
	t.Helper()
	journaltest.Same(t, journaltest.Frames(t, s, 1), w.frames)
	journaltest.Marks(t, s, w.marks...)
	journaltest.Object(t, s, 1, journaltest.Payload(9, 800))
	for _, c := range w.blobs {
		if err := journaltest.Content(s, c); err != nil {
			t.Fatalf("a blob of %d bytes: %v", len(c), err)
		}
	}
	if err := journaltest.Content(s, w.purged); !errors.Is(err, journal.ErrPurged) {
		t.Fatalf("what was purged: %v", err)
	}
	if r, err := s.Verify(); err != nil || len(r.Problems) > 0 || r.Purged != 1 || r.Blobs != len(w.blobs) {
		t.Fatalf("verify: %+v, %v", r, err)
	}
}

func TestBackupAndRestore(t *testing.T) {
	dir := t.TempDir()
	path := func(n string) string { return filepath.Join(dir, n) }
	s := open(t, path("data"), wholeOptions)
	w := fillWhole(t, s)
	if err := s.Backup(t.Context(), path("a/backup")); err != nil {
		t.Fatalf("backup: %v", err)
	}
	journaltest.Append(t, s, 1, []byte("after the backup"))
	closeStore(t, s)
	if _, err := journal.Open(path("a/backup"), wholeOptions); !errors.Is(err, journal.ErrBackup) {
		t.Errorf("a backup was opened: %v", err)
	}
	if err := journal.Restore(t.Context(), path("a/backup"), path("restored"), wholeOptions); err != nil {
		t.Fatalf("restore: %v", err)
	}
	s = open(t, path("restored"), wholeOptions)
	w.check(t, s)
	journaltest.Append(t, s, 1, []byte("goes on"))

	// Neither goes into what is there.
	for _, dst := range []string{"data", "a/backup", "a"} {
		if err := s.Backup(t.Context(), path(dst)); !errors.Is(err, journal.ErrNotEmpty) {
			t.Errorf("backup into %s: %v", dst, err)
		}
		if err := journal.Restore(t.Context(), path("a/backup"), path(dst), wholeOptions); !errors.Is(err, journal.ErrNotEmpty) {
			t.Errorf("restore into %s: %v", dst, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Backup(ctx, path("cancelled")); !errors.Is(err, context.Canceled) {
		t.Errorf("backup: %v", err)
	}
	if err := journal.Restore(ctx, path("a/backup"), path("also"), wholeOptions); !errors.Is(err, context.Canceled) {
		t.Errorf("restore: %v", err)
	}
	closeStore(t, s)
}

// A backup of an empty store is one.
func TestBackupOfNothing(t *testing.T) {
	disk, s := onDisk(t, 0, 0)
	if err := s.Backup(t.Context(), "/backup"); err != nil {
		t.Fatal(err)
	}
	if err := journal.Restore(t.Context(), "/backup", "/restored", journal.Options{FS: disk}); err != nil {
		t.Fatal(err)
	}
	closeStore(t, open(t, "/restored", journal.Options{FS: disk}))
}

// Beside a writer a backup holds a beginning of the log, and all that it names.
func TestBackupBesideTheWriter(t *testing.T) {
	disk := journaltest.NewFaultFS(1)
	disk.Inject(noReserve)
	opt := wholeOptions
	opt.FS = disk
	s := open(t, "/data", opt)
	w := fillWhole(t, s)
	// One more frame for each file that a backup begins: both go on, and end.
	steps := make(chan struct{})
	disk.Inject(func(op journaltest.Op, name string) error {
		if op == journaltest.OpCreate && strings.HasPrefix(name, "/backup") {
			select {
			case steps <- struct{}{}:
			default: // the writer is at work
			}
		}
		return nil
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		i := 0
		for range steps {
			i++
			sum, _, err := s.Blobs().Put(bytes.NewReader(journaltest.Payload(uint64(i), 20*(i%20))))
			if err == nil {
				last, _ := s.Last()
				err = s.Append(context.Background(), journal.Frame{Epoch: s.Epoch(), First: last + 1, Count: 1, Payload: sum[:]})
			}
			if err != nil {
				t.Error(err)
			}
		}
	})
	for i := range 3 {
		dst := fmt.Sprint("/backup", i)
		if err := s.Backup(t.Context(), dst); err != nil {
			t.Errorf("backup: %v", err)
			break
		}
	}
	disk.Inject(noReserve)
	close(steps)
	wg.Wait()
	closeStore(t, s)
	for i := range 3 {
		dst := fmt.Sprint("/restored", i)
		if err := journal.Restore(t.Context(), fmt.Sprint("/backup", i), dst, opt); err != nil {
			t.Fatalf("restore: %v", err)
		}
		r := open(t, dst, opt)
		all := journaltest.Frames(t, r, 1)
		journaltest.Same(t, all[:len(w.frames)], w.frames)
		for _, f := range all[len(w.frames):] {
			if !r.Blobs().Has([32]byte(f.Payload)) {
				t.Errorf("backup %d: seq %d names a blob that is not there", i, f.First)
			}
		}
		closeStore(t, r)
	}
}

// filesBelow lists every file below a folder.
func filesBelow(disk *journaltest.FaultFS, dir string) []string { return holds(disk, dir, nil) }

// Whatever is damaged in a backup, a restore refuses it, and what is in dst then
// cannot be opened.
func TestDamagedBackup(t *testing.T) {
	disk := journaltest.NewFaultFS(1)
	disk.Inject(noReserve)
	opt := wholeOptions
	opt.FS = disk
	s := open(t, "/data", opt)
	fillWhole(t, s)
	if err := s.Backup(t.Context(), "/backup"); err != nil {
		t.Fatal(err)
	}
	files := filesBelow(disk, "/backup")
	for _, want := range []string{".seg", ".idx", ".ckpt", ".obj", ".pack", "/purged", "/manifest"} {
		if !slices.ContainsFunc(files, func(f string) bool { return strings.HasSuffix(f, want) }) {
			t.Fatalf("no %s is in the backup: %q", want, files)
		}
	}
	n := 0
	for _, name := range files {
		good, err := disk.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, damage := range []func(){
			func() { disk.Flip(name, int64(len(good)/2), 3) },
			func() { disk.Plant(name, good[:len(good)-1]) },
			func() { disk.Plant(name, append(bytes.Clone(good), 0)) },
			func() { _ = disk.Remove(name) },
		} {
			if len(good) == 0 {
				continue
			}
			damage()
			n++
			dst := fmt.Sprint("/restored", n)
			err := journal.Restore(t.Context(), "/backup", dst, opt)
			if !errors.Is(err, journal.ErrCorrupt) && !(strings.HasSuffix(name, "/manifest") && errors.Is(err, journal.ErrBackup)) {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := disk.ReadDir(dst); err == nil {
				if _, err := journal.Open(dst, opt); !errors.Is(err, journal.ErrBackup) {
					t.Errorf("%s: what was half restored was opened: %v", name, err)
				}
			}
			disk.Plant(name, good)
		}
	}
	if err := journal.Restore(t.Context(), "/backup", "/good", opt); err != nil {
		t.Errorf("the backup itself: %v", err)
	}
}

// Damage is not copied into a backup.
func TestBackupOfDamage(t *testing.T) {
	for _, part := range []string{"0000000000000001.seg", ".ckpt", ".obj", ".pack", "/blobs/"} {
		disk := journaltest.NewFaultFS(1)
		disk.Inject(noReserve)
		opt := wholeOptions
		opt.FS = disk
		s := open(t, "/data", opt)
		fillWhole(t, s)
		files := filesBelow(disk, "/data")
		i := slices.IndexFunc(files, func(f string) bool {
			return strings.Contains(f, part) && (part != "/blobs/" || !strings.Contains(f, "packs") && !strings.Contains(f, "purged"))
		})
		b, _ := disk.ReadFile(files[i])
		at := int64(len(b) / 2)
		if part == ".pack" {
			at = 130 // a content, of a batch that others follow
		}
		disk.Flip(files[i], at, 1)
		err := s.Backup(t.Context(), "/backup")
		if part == ".ckpt" {
			// The one in memory is good, and is what is written.
			if err != nil {
				t.Errorf("%s: %v", files[i], err)
			}
			continue
		}
		if !errors.Is(err, journal.ErrCorrupt) || !strings.Contains(err.Error(), filepath.Base(files[i])) {
			t.Errorf("%s: %v", files[i], err)
		}
		if err := journal.Restore(t.Context(), "/backup", "/restored", opt); !errors.Is(err, journal.ErrBackup) {
			t.Errorf("half a backup was restored: %v", err)
		}
	}
}

// Whatever stops a backup, at any step: it is whole, or refused; the store has
// all it had, and goes on if it was not the machine that stopped.
func TestCrashesOfBackup(t *testing.T) {
	good, half := 0, 0
	for seed := range uint64(60) {
		disk := journaltest.NewFaultFS(seed)
		disk.Inject(noReserve)
		opt := wholeOptions
		opt.FS = disk
		s := open(t, "/data", opt)
		w := fillWhole(t, s)
		var err error
		switch seed % 3 {
		case 0:
			disk.SetRoom(int64(seed * 90))
			err = s.Backup(t.Context(), "/backup")
			disk.SetRoom(-1)
			if err != nil && !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("seed %d: %v", seed, err)
			}
			w.check(t, s)
			closeStore(t, s)
			disk.Crash()
		case 1:
			op := []journaltest.Op{journaltest.OpSync, journaltest.OpWrite, journaltest.OpRename, journaltest.OpSyncDir, journaltest.OpCreate}[seed/3%5]
			left := int(seed / 15 * 5)
			disk.Inject(func(o journaltest.Op, name string) error {
				if o == op && strings.HasPrefix(name, "/backup") {
					if left--; left == -1 {
						return syscall.EIO
					}
				}
				return nil
			})
			err = s.Backup(t.Context(), "/backup")
			if err != nil && !errors.Is(err, syscall.EIO) {
				t.Fatalf("seed %d: %v", seed, err)
			}
			w.check(t, s)
			closeStore(t, s)
			disk.Crash()
		default:
			disk.StopAfter(1 + int(seed)*3)
			err = s.Backup(t.Context(), "/backup")
			if err != nil && !errors.Is(err, journaltest.ErrDown) {
				t.Fatalf("seed %d: %v", seed, err)
			}
			disk.Crash()
			s = open(t, "/data", opt)
			w.check(t, s)
			closeStore(t, s)
		}
		rerr := journal.Restore(t.Context(), "/backup", "/restored", opt)
		switch {
		case rerr == nil:
			good++
			s = open(t, "/restored", opt)
			w.check(t, s)
			closeStore(t, s)
		case err == nil || !errors.Is(rerr, journal.ErrBackup):
			t.Fatalf("seed %d: after %v a restore says %v", seed, err, rerr)
		default:
			half++
			if _, err := disk.ReadDir("/restored"); err == nil {
				t.Fatalf("seed %d: half a backup was begun to be restored", seed)
			}
		}
	}
	if good < 6 || half < 20 {
		t.Errorf("%d whole backups, %d half ones: this tests little", good, half)
	}
}

// Whatever stops a restore, at any step, what is there then is whole or cannot
// be opened.
func TestCrashesOfRestore(t *testing.T) {
	good, half := 0, 0
	for seed := range uint64(40) {
		disk := journaltest.NewFaultFS(seed)
		disk.Inject(noReserve)
		opt := wholeOptions
		opt.FS = disk
		s := open(t, "/data", opt)
		w := fillWhole(t, s)
		if err := s.Backup(t.Context(), "/backup"); err != nil {
			t.Fatal(err)
		}
		disk.StopAfter(2 + int(seed)*4)
		err := journal.Restore(t.Context(), "/backup", "/restored", opt)
		if err != nil && !errors.Is(err, journaltest.ErrDown) {
			t.Fatalf("seed %d: %v", seed, err)
		}
		disk.Crash()
		if names, _ := disk.ReadDir("/restored"); len(names) == 0 {
			if err == nil {
				t.Fatalf("seed %d: what was restored is gone", seed)
			}
			continue // an empty folder, or none, is no log that has lost anything
		}
		s, oerr := journal.Open("/restored", opt)
		if oerr == nil {
			good++
			w.check(t, s)
			continue
		}
		half++
		if err == nil || !errors.Is(oerr, journal.ErrBackup) {
			t.Fatalf("seed %d: after %v an open says %v", seed, err, oerr)
		}
	}
	if good < 3 || half < 10 {
		t.Errorf("%d whole ones, %d half ones: this tests little", good, half)
	}
}
