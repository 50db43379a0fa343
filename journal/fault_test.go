package journal_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"

	"jitos.dev/journal"
	"jitos.dev/journal/journaltest"
)

// onDisk opens a store with frames of 1 record on a disk that can fail. Its
// blobs are files.
func onDisk(t *testing.T, frames int, size int64) (*journaltest.FaultFS, *journal.Store) {
	t.Helper()
	disk := journaltest.NewFaultFS(1)
	disk.Plant("/var/other", nil)
	s := open(t, "/var/data", journal.Options{FS: disk, SegmentSize: size, MaxPacked: -1})
	for range frames {
		journaltest.Append(t, s, 1, []byte("acknowledged"))
	}
	disk.Events()
	return disk, s
}

// noReserve is a fault that leaves no room for the reserve: to write it would be
// most of a test's time.
func noReserve(op journaltest.Op, name string) error {
	if op == journaltest.OpCreate && strings.HasSuffix(name, "/reserve") {
		return syscall.ENOSPC
	}
	return nil
}

func appendNext(t *testing.T, s *journal.Store, payload []byte) error {
	t.Helper()
	last, _ := s.Last()
	return s.Append(t.Context(), journal.Frame{Epoch: s.Epoch(), First: last + 1, Count: 1, Payload: payload})
}

func put(t *testing.T, s *journal.Store, text string) [32]byte {
	t.Helper()
	sum, n, err := s.Blobs().Put(strings.NewReader(text))
	if err != nil || n != int64(len(text)) {
		t.Fatalf("put: %d bytes, %v", n, err)
	}
	return sum
}

// index returns where an event stands, of those from from on, or -1.
func index(events []journaltest.Event, from int, op journaltest.Op, part string) int {
	for i := max(from, 0); i < len(events); i++ {
		if events[i].Op == op && strings.Contains(events[i].Name, part) {
			return i
		}
	}
	return -1
}

// The order in which an append with a blob and a new segment reaches the disk.
func TestAppendOrder(t *testing.T) {
	disk, s := onDisk(t, 1, 1)
	put(t, s, "content")
	journaltest.Append(t, s, 1, nil)
	events := disk.Events()
	at := -1
	for _, step := range []journaltest.Event{
		{Op: journaltest.OpWrite, Name: "blobs/new/"},
		{Op: journaltest.OpSync, Name: "blobs/new/"},
		{Op: journaltest.OpRename, Name: "blobs/ed/"},
		{Op: journaltest.OpSyncDir, Name: "blobs/ed"},
		{Op: journaltest.OpCreate, Name: "log/0000000000000002.seg"},
		{Op: journaltest.OpSyncDir, Name: "/log"},
		{Op: journaltest.OpWrite, Name: "log/0000000000000002.seg"},
		{Op: journaltest.OpSync, Name: "log/0000000000000002.seg"},
	} {
		next := index(events, at+1, step.Op, step.Name)
		if next < 0 {
			t.Fatalf("no %s of %s after %v, of %v", step.Op, step.Name, at, events)
		}
		at = next
	}
	if at != len(events)-1 {
		t.Errorf("after the sync: %v", events[at+1:])
	}
}

// A failed write or sync poisons: the append fails, no sync is tried again, no
// later append writes, and a restart finds all that was acknowledged.
func TestFailurePoisons(t *testing.T) {
	for _, tt := range []struct {
		name string
		op   journaltest.Op
		part string // of the first name on which it fails
		err  error
	}{
		{"sync of the frame", journaltest.OpSync, "0002.seg", syscall.EIO},
		{"sync of the frame, disk full", journaltest.OpSync, "0002.seg", syscall.ENOSPC},
		{"sync of the frame, quota", journaltest.OpSync, "0002.seg", syscall.EDQUOT},
		{"write of the frame", journaltest.OpWrite, "0002.seg", syscall.EIO},
		{"making a segment", journaltest.OpCreate, "0003.seg", syscall.EIO},
		{"sync of a new segment", journaltest.OpSync, "0003.seg", syscall.EIO},
		{"sync of the segment's folder", journaltest.OpSyncDir, "/log", syscall.EIO},
		{"sync of the segment's folder, disk full", journaltest.OpSyncDir, "/log", syscall.ENOSPC},
		{"sync of a blob", journaltest.OpSync, "/blobs/", syscall.EIO},
		{"sync of a blob, disk full", journaltest.OpSync, "/blobs/", syscall.ENOSPC},
		{"naming a blob", journaltest.OpRename, "/blobs/", syscall.EIO},
		{"sync of a blob's folder", journaltest.OpSyncDir, "/blobs/", syscall.EIO},
	} {
		t.Run(tt.name, func(t *testing.T) {
			size := int64(1)
			if tt.part == "0002.seg" {
				size = 1000 // segment 2 takes the frame as well
			}
			disk, s := onDisk(t, 2, 1)
			closeStore(t, s)
			s = open(t, "/var/data", journal.Options{FS: disk, SegmentSize: size, MaxPacked: -1})
			want := journaltest.Frames(t, s, 1)
			put(t, s, "content")
			disk.Inject(journaltest.Once(tt.op, tt.part, tt.err))
			if err := appendNext(t, s, []byte("not acknowledged")); !errors.Is(err, journal.ErrPoisoned) || !errors.Is(err, tt.err) || errors.Is(err, journal.ErrFull) {
				t.Fatalf("append: %v", err)
			}
			disk.Events()
			for range 2 {
				if err := appendNext(t, s, nil); !errors.Is(err, journal.ErrPoisoned) || !errors.Is(err, tt.err) {
					t.Errorf("a later append: %v", err)
				}
			}
			if seq, _ := s.Last(); seq != 2 {
				t.Errorf("last is %d", seq)
			}
			journaltest.Same(t, journaltest.Frames(t, s, 1), want)
			_ = s.Close() // says the error once more, or not
			events := disk.Events()
			for _, op := range []journaltest.Op{journaltest.OpWrite, journaltest.OpSync, journaltest.OpSyncDir, journaltest.OpSyncAll} {
				if i := index(events, 0, op, ""); i >= 0 {
					t.Errorf("after the failure: %v", events[i])
				}
			}
			disk.Kill()
			s = open(t, "/var/data", journal.Options{FS: disk, SegmentSize: 1})
			journaltest.Same(t, journaltest.Frames(t, s, 1)[:2], want)
			journaltest.Append(t, s, 1, nil)
		})
	}
}

// Without room an append is refused with ErrFull and leaves nothing; the log is
// read and stays read-only until there is room for the reserve, too.
func TestFullDisk(t *testing.T) {
	for _, tt := range []struct {
		name string
		size int64
		room int64
	}{
		{"in a frame", 0, 500},
		{"at a frame", 0, 0},
		{"in the first frame of a segment", 1, 500},
	} {
		t.Run(tt.name, func(t *testing.T) {
			disk := journaltest.NewFaultFS(1)
			var notices []string
			opt := journal.Options{FS: disk, SegmentSize: tt.size, Notice: func(n string) { notices = append(notices, n) }}
			s := open(t, "/data", opt)
			for range 3 {
				journaltest.Append(t, s, 1, []byte("acknowledged"))
			}
			want := journaltest.Frames(t, s, 1)
			last, chain := s.Last()
			disk.SetRoom(tt.room)

			big := noise(journal.RoomAhead + 3000) // for which no room was made
			if err := appendNext(t, s, big); !errors.Is(err, journal.ErrFull) || !errors.Is(err, syscall.ENOSPC) || errors.Is(err, journal.ErrPoisoned) {
				t.Fatalf("append: %v", err)
			}
			if seq, c := s.Last(); seq != last || c != chain {
				t.Errorf("last is %d, not %d", seq, last)
			}
			journaltest.Same(t, journaltest.Frames(t, s, 1), want)
			if _, err := disk.Stat("/data/reserve"); err == nil || len(notices) != 1 || !strings.Contains(notices[0], "reserve") {
				t.Errorf("the reserve was not given up: %q", notices)
			}
			// The operator's tools take some of what the reserve and the room ahead gave.
			disk.Plant("/tmp", make([]byte, journal.RoomAhead+1000))
			for range 2 {
				if err := appendNext(t, s, []byte("x")); !errors.Is(err, journal.ErrFull) {
					t.Fatalf("the reserve was written full of frames: %v", err)
				}
				if _, err := disk.Stat("/data/reserve"); err == nil {
					t.Error("half a reserve is left")
				}
			}
			if _, _, err := s.Blobs().Put(strings.NewReader(strings.Repeat("x", journal.ReserveSize))); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("put: %v", err)
			}

			disk.SetRoom(journal.ReserveSize + 2*journal.RoomAhead)
			want = append(want, journaltest.Append(t, s, 1, big))
			if size, err := disk.Stat("/data/reserve"); err != nil || size != journal.ReserveSize {
				t.Errorf("the reserve is not back: %d, %v", size, err)
			}
			disk.Crash()
			s = open(t, "/data", opt)
			journaltest.Same(t, journaltest.Frames(t, s, 1), want)
		})
	}
}

// A crash right after ErrFull: the frame that was refused never shows up.
func TestFullDiskThenCrash(t *testing.T) {
	for seed := range uint64(12) {
		disk := journaltest.NewFaultFS(seed)
		s := open(t, "/data", journal.Options{FS: disk})
		want := []journal.Frame{journaltest.Append(t, s, 1, []byte("acknowledged"))}
		payload := noise(journal.RoomAhead + 3000)
		disk.SetRoom(int64(seed * 250))
		if err := appendNext(t, s, payload); !errors.Is(err, journal.ErrFull) {
			t.Fatal(err)
		}
		disk.Crash()
		disk.SetRoom(-1)
		var notices []string
		s = open(t, "/data", journal.Options{FS: disk, Notice: func(n string) { notices = append(notices, n) }})
		journaltest.Same(t, journaltest.Frames(t, s, 1), want)
		if len(notices) > 0 {
			t.Errorf("seed %d: half the refused frame was left: %q", seed, notices)
		}
	}
}

// A store opens without room for the reserve, and says so.
func TestOpenWithoutRoom(t *testing.T) {
	disk := journaltest.NewFaultFS(1)
	disk.SetRoom(journal.ReserveSize / 2)
	var notices []string
	s := open(t, "/data", journal.Options{FS: disk, Notice: func(n string) { notices = append(notices, n) }})
	if len(notices) != 1 || !strings.Contains(notices[0], "reserve") {
		t.Errorf("notices: %q", notices)
	}
	journaltest.Append(t, s, 1, nil)
}

// A frame that only the page cache had when the process was killed, or whose
// sync failed, is shown after a restart; then no power cut may take it.
func TestWhatRecoveryShowsIsDurable(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault journaltest.Op
	}{
		{"killed before the sync", ""},
		{"the sync failed", journaltest.OpSync},
	} {
		t.Run(tt.name, func(t *testing.T) {
			shown := 0
			for seed := range uint64(20) {
				disk := journaltest.NewFaultFS(seed)
				s := open(t, "/data", journal.Options{FS: disk})
				if tt.fault != "" {
					journaltest.Append(t, s, 1, nil)
					disk.Inject(journaltest.Once(tt.fault, ".seg", syscall.EIO))
				} else {
					disk.StopAfter(5) // create, sync, sync of the folder, write, sync
				}
				if err := appendNext(t, s, make([]byte, 2000)); err == nil {
					t.Fatal("the append succeeded")
				}
				disk.Kill()
				before, _ := s.Last()
				s = open(t, "/data", journal.Options{FS: disk})
				want := journaltest.Frames(t, s, 1)
				if seq, _ := s.Last(); seq > before {
					shown++
				}
				disk.Crash()
				s = open(t, "/data", journal.Options{FS: disk})
				journaltest.Same(t, journaltest.Frames(t, s, 1), want)
			}
			if shown < 5 {
				t.Errorf("an unsynced frame was shown %d times only: this tests nothing", shown)
			}
		})
	}
}

// An I/O error while reading is no damage: nothing is cut off, and the next
// opening finds all.
func TestUnreadableIsNotTorn(t *testing.T) {
	disk, s := onDisk(t, 3, 0)
	want := journaltest.Frames(t, s, 1)
	closeStore(t, s)
	for _, op := range []journaltest.Op{journaltest.OpRead, journaltest.OpOpen} {
		disk.Inject(journaltest.Once(op, ".seg", syscall.EIO))
		if _, err := journal.Open("/var/data", journal.Options{FS: disk}); !errors.Is(err, syscall.EIO) {
			t.Errorf("open with a failing %s: %v", op, err)
		}
	}
	s = open(t, "/var/data", journal.Options{FS: disk})
	journaltest.Same(t, journaltest.Frames(t, s, 1), want)
}

// Whatever stops recovery while it cuts off a torn end, the end is still in the
// segment or whole aside.
func TestTornEndSurvivesACrash(t *testing.T) {
	const seg = "/data/log/0000000000000001.seg"
	good, _ := journal.EncodeFrame(journal.Frame{Epoch: 1, First: 1, Count: 1, Payload: []byte("good")}, [32]byte{})
	torn := make([]byte, 1500)
	for i := range torn {
		torn[i] = byte(1 + i%250)
	}
	aside := 0
	for seed := range uint64(120) {
		disk := journaltest.NewFaultFS(seed)
		disk.Plant(seg, append(slices.Clone(good), torn...))
		if n := int(seed % 24); n > 0 {
			disk.StopAfter(n)
		}
		if _, err := journal.Open("/data", journal.Options{FS: disk}); err != nil && !errors.Is(err, journaltest.ErrDown) {
			t.Fatal(err)
		}
		disk.Crash()
		b, err := disk.ReadFile(seg)
		if err != nil || !bytes.HasPrefix(b, good) {
			t.Fatalf("seed %d: the good frame is gone: %v", seed, err)
		}
		if bytes.Equal(b[len(good):], torn) {
			continue
		}
		names, err := disk.ReadDir("/data/torn")
		if err != nil || len(names) != 1 {
			t.Fatalf("seed %d: aside: %q, %v", seed, names, err)
		}
		if b, err := disk.ReadFile("/data/torn/" + names[0]); err != nil || !bytes.Equal(b, torn) {
			t.Fatalf("seed %d: %d bytes are aside, %v", seed, len(b), err)
		}
		aside++
	}
	if aside < 10 {
		t.Errorf("cut off %d times only: this tests nothing", aside)
	}
}
