package journaltest_test

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"jitos.dev/journal"
	"jitos.dev/journal/journaltest"
)

// The suite holds on the disk in memory, too; else what the crash tests find
// could be the disk's fault.
func TestSuiteOnFaultFS(t *testing.T) {
	journaltest.TestLog(t, func(t *testing.T) func() journal.Log {
		disk := journaltest.NewFaultFS(1)
		return func() journal.Log {
			s, err := journal.Open("/data", journal.Options{FS: disk, SegmentSize: 256})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	})
}

func TestCheckpointsOnFaultFS(t *testing.T) {
	journaltest.TestCheckpoints(t, func(t *testing.T) func() journaltest.Keeper {
		disk := journaltest.NewFaultFS(1)
		return func() journaltest.Keeper {
			s, err := journal.Open("/data", journal.Options{FS: disk, SegmentSize: 256})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	})
}

func create(t *testing.T, d *journaltest.FaultFS, name, text string) journal.File {
	t.Helper()
	f, err := d.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return f
}

// survives counts in how many of 200 crashes a file is there, whole.
func survives(t *testing.T, text string, do func(d *journaltest.FaultFS)) (whole, there int) {
	t.Helper()
	for seed := range uint64(200) {
		d := journaltest.NewFaultFS(seed)
		do(d)
		d.Crash()
		b, err := d.ReadFile("/f")
		if err == nil {
			there++
			if string(b) == text {
				whole++
			}
		}
	}
	return whole, there
}

// What was not synced is sometimes lost and sometimes not; what was, never.
func TestCrashLosesTheUnsyncedOnly(t *testing.T) {
	const text = "some bytes that may be torn"
	for _, tt := range []struct {
		name                 string
		file, dir            bool
		alwaysWhole, neverIs bool
	}{
		{name: "nothing synced"},
		{name: "only the file", file: true},
		{name: "only the folder", dir: true},
		{name: "both", file: true, dir: true, alwaysWhole: true},
	} {
		whole, there := survives(t, text, func(d *journaltest.FaultFS) {
			f := create(t, d, "/f", text)
			if tt.file {
				_ = f.Sync()
			}
			if tt.dir {
				_ = d.SyncDir("/")
			}
		})
		switch {
		case tt.alwaysWhole && whole != 200:
			t.Errorf("%s: whole %d times of 200", tt.name, whole)
		case !tt.alwaysWhole && (whole == 0 || whole == 200):
			t.Errorf("%s: whole %d times of 200: chance has no say", tt.name, whole)
		case tt.dir != (there == 200):
			t.Errorf("%s: the name is there %d times of 200", tt.name, there)
		case tt.file && whole != there:
			t.Errorf("%s: there %d times, but whole %d", tt.name, there, whole)
		}
	}
}

// After a failed sync a second one says yes and makes nothing durable.
func TestSyncDoesNotForgive(t *testing.T) {
	const text = "some bytes"
	whole, _ := survives(t, text, func(d *journaltest.FaultFS) {
		f := create(t, d, "/f", text)
		_ = d.SyncDir("/")
		d.Inject(journaltest.Once(journaltest.OpSync, "/f", syscall.EIO))
		if err := f.Sync(); !errors.Is(err, syscall.EIO) {
			t.Fatalf("sync: %v", err)
		}
		if err := f.Sync(); err != nil {
			t.Fatalf("second sync: %v", err)
		}
	})
	if whole == 200 {
		t.Error("the second sync wrote the data")
	}
}

func TestKillKeepsWhatWasSeen(t *testing.T) {
	d := journaltest.NewFaultFS(1)
	f := create(t, d, "/f", "text")
	lock, err := d.Lock("/lock")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Lock("/lock"); !errors.Is(err, journal.ErrLocked) {
		t.Fatalf("a second lock: %v", err)
	}
	d.Kill()
	if _, err := f.Write([]byte("x")); !errors.Is(err, journaltest.ErrDown) {
		t.Errorf("a dead file: %v", err)
	}
	if b, err := d.ReadFile("/f"); string(b) != "text" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := d.Lock("/lock"); err != nil {
		t.Errorf("lock after a kill: %v", err)
	}
	_ = lock.Close() // of the dead process: takes nothing away
	if _, err := d.Lock("/lock"); !errors.Is(err, journal.ErrLocked) {
		t.Errorf("the dead process gave the lock back: %v", err)
	}
}

func TestRoom(t *testing.T) {
	d := journaltest.NewFaultFS(1)
	f := create(t, d, "/f", "12345")
	d.SetRoom(3)
	if n, err := f.WriteAt([]byte("abcdef"), 4); n != 4 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%d, %v", n, err)
	}
	if err := d.Remove("/f"); err != nil {
		t.Fatal(err)
	}
	create(t, d, "/g", "12345678")
	if _, err := f.WriteAt([]byte("x"), 0); err != nil {
		t.Errorf("overwriting needs no room: %v", err)
	}
}

func TestStopAfter(t *testing.T) {
	for n := 1; n < 5; n++ {
		d := journaltest.NewFaultFS(uint64(n))
		d.StopAfter(n)
		done := 0
		for ; done < 10; done++ {
			if err := d.MkdirAll("/"+string(rune('a'+done)), 0o700); err != nil {
				if !errors.Is(err, journaltest.ErrDown) {
					t.Error(err)
				}
				break
			}
		}
		if done != n-1 {
			t.Errorf("stop after %d: %d changes went through", n, done)
		}
	}
}
