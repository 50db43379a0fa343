package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"jitos.dev/journal"
	"jitos.dev/journal/journaltest"
)

// marked is a log of frames of one record in segments of three, with object
// file 1 and a checkpoint at each of the given seqs.
func marked(t *testing.T, disk *journaltest.FaultFS, frames int, at ...uint64) (*journal.Store, []journal.Checkpoint) {
	t.Helper()
	disk.Inject(noReserve)
	s := open(t, "/data", journal.Options{FS: disk, SegmentSize: 3 * frameSize})
	f, err := s.Objects().Begin()
	if err != nil {
		t.Fatal(err)
	}
	var marks []journal.Checkpoint
	for i := range uint64(frames) {
		journaltest.Append(t, s, 1, journaltest.Payload(i, 100))
		if slices.Contains(at, i+1) {
			e := journaltest.Grow(t, f, journaltest.Payload(i, 700))
			marks = append([]journal.Checkpoint{journaltest.Mark(t, s, e, fmt.Sprintf("at %d", i+1))}, marks...)
		}
	}
	disk.Inject(nil)
	return s, marks
}

func segmentOf(seq int) string { return fmt.Sprintf("/data/log/%016x.seg", seq) }

// readOf returns the segments that were read.
func readOf(events []journaltest.Event) map[string]bool {
	read := map[string]bool{}
	for _, e := range events {
		if e.Op == journaltest.OpRead && strings.HasSuffix(e.Name, ".seg") {
			read[e.Name] = true
		}
	}
	return read
}

// With a checkpoint a start reads the segments from it on, and no other; a
// sidecar that is missing or bad costs its segment a reading, once.
func TestStartReadsFromTheCheckpointOn(t *testing.T) {
	for _, tt := range []struct {
		name   string
		damage func(disk *journaltest.FaultFS)
		reads  []int
		again  []int
	}{
		{"all is well", func(*journaltest.FaultFS) {}, []int{7, 10}, []int{7, 10}},
		{"no sidecar", func(d *journaltest.FaultFS) { _ = d.Remove("/data/log/0000000000000001.idx") }, []int{1, 7, 10}, []int{7, 10}},
		{"a bad head of a sidecar", func(d *journaltest.FaultFS) { d.Flip("/data/log/0000000000000004.idx", 20, 1) }, []int{4, 7, 10}, []int{7, 10}},
		{"another hash in a sidecar", func(d *journaltest.FaultFS) { d.Flip("/data/log/0000000000000004.idx", 90, 1) }, []int{4, 7, 10}, []int{7, 10}},
		{"the sidecar of another log", func(d *journaltest.FaultFS) {
			other := journaltest.NewFaultFS(1)
			s := open(t, "/data", journal.Options{FS: other, SegmentSize: 3 * frameSize})
			for range 7 {
				journaltest.Append(t, s, 1, make([]byte, 100))
			}
			b, _ := other.ReadFile("/data/log/0000000000000004.idx")
			d.Plant("/data/log/0000000000000004.idx", b)
		}, []int{4, 7, 10}, []int{7, 10}},
		{"half a sidecar", func(d *journaltest.FaultFS) { d.Plant("/data/log/0000000000000004.idx", []byte("JTI1")) }, []int{4, 7, 10}, []int{7, 10}},
		{"the sidecar of another segment", func(d *journaltest.FaultFS) {
			b, _ := d.ReadFile("/data/log/0000000000000001.idx")
			d.Plant("/data/log/0000000000000004.idx", b)
		}, []int{4, 7, 10}, []int{7, 10}},
		{"no checkpoint", func(d *journaltest.FaultFS) { _ = d.Remove("/data/checkpoints/0000000000000008.ckpt") }, []int{1, 4, 7, 10}, []int{1, 4, 7, 10}},
		{"a damaged checkpoint", func(d *journaltest.FaultFS) { d.Flip("/data/checkpoints/0000000000000008.ckpt", 40, 0) }, []int{1, 4, 7, 10}, []int{1, 4, 7, 10}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			disk := journaltest.NewFaultFS(1)
			s, _ := marked(t, disk, 11, 8)
			want := journaltest.Frames(t, s, 1)
			closeStore(t, s)
			tt.damage(disk)
			for _, reads := range [][]int{tt.reads, tt.again} {
				disk.Events()
				s = open(t, "/data", journal.Options{FS: disk, SegmentSize: 3 * frameSize})
				got := readOf(disk.Events())
				for seq := 1; seq <= 10; seq += 3 {
					if got[segmentOf(seq)] != slices.Contains(reads, seq) {
						t.Errorf("segment %d was read: %v", seq, got[segmentOf(seq)])
					}
				}
				for from := range want {
					journaltest.Same(t, journaltest.Frames(t, s, uint64(from+1)), want[from:])
				}
				disk.Events()
				journaltest.Frames(t, s, 9)
				if got := readOf(disk.Events()); len(got) != 2 {
					t.Errorf("a read from seq 9 on read %v", got)
				}
				closeStore(t, s)
			}
		})
	}
}

// Segments that are not read at a start still have to have their size.
func TestFullSegmentOfAnotherSize(t *testing.T) {
	for _, change := range []func(b []byte) []byte{
		func(b []byte) []byte { return b[:len(b)-1] },
		func(b []byte) []byte { return append(b, 0, 1) },
	} {
		disk := journaltest.NewFaultFS(1)
		s, _ := marked(t, disk, 11, 8)
		closeStore(t, s)
		b, _ := disk.ReadFile(segmentOf(4))
		disk.Plant(segmentOf(4), change(b))
		if _, err := journal.Open("/data", journal.Options{FS: disk}); !errors.Is(err, journal.ErrCorrupt) || !strings.Contains(err.Error(), segmentOf(4)) {
			t.Errorf("open: %v", err)
		}
	}
}

// A body of a sidecar that is bad is found when it is asked for, and made again.
func TestSidecarIsMadeAgain(t *testing.T) {
	disk := journaltest.NewFaultFS(1)
	s, _ := marked(t, disk, 11, 8)
	want := journaltest.Frames(t, s, 1)
	closeStore(t, s)
	const name = "/data/log/0000000000000004.idx"
	good, _ := disk.ReadFile(name)
	disk.Flip(name, int64(len(good)-1), 2)
	var notices []string
	s = open(t, "/data", journal.Options{FS: disk, Notice: func(n string) { notices = append(notices, n) }})
	if r, err := s.Verify(); err != nil || len(r.Problems) != 1 || !strings.Contains(r.Problems[0], name) {
		t.Errorf("verify: %+v, %v", r, err)
	}
	journaltest.Same(t, journaltest.Frames(t, s, 5), want[4:])
	if len(notices) != 1 || !strings.Contains(notices[0], name) {
		t.Errorf("notices: %q", notices)
	}
	if b, _ := disk.ReadFile(name); !bytes.Equal(b, good) {
		t.Error("the sidecar is not what it was")
	}
	// If the segment is bad as well, that is said.
	closeStore(t, s)
	disk.Flip(name, int64(len(good)-1), 2)
	disk.Flip(segmentOf(4), 100, 2)
	s = open(t, "/data", journal.Options{FS: disk})
	for _, err := range s.Read(5) {
		if !errors.Is(err, journal.ErrCorrupt) || !strings.Contains(err.Error(), segmentOf(4)+" at 0:") {
			t.Errorf("read: %v", err)
		}
	}
}

// A log that ends before its newest checkpoint has lost what was acknowledged:
// it is refused and left as it is, however much it looks like a torn end.
func TestCheckpointBeyondTheLog(t *testing.T) {
	for name, damage := range map[string]func(disk *journaltest.FaultFS, b []byte){
		"the last frame is torn":   func(d *journaltest.FaultFS, b []byte) { d.Plant(segmentOf(7), b[:len(b)-1]) },
		"the last frame is gone":   func(d *journaltest.FaultFS, b []byte) { d.Plant(segmentOf(7), b[:frameSize]) },
		"the last segment is gone": func(d *journaltest.FaultFS, b []byte) { _ = d.Remove(segmentOf(7)) },
		"the log is gone": func(d *journaltest.FaultFS, b []byte) {
			for _, seq := range []int{1, 4, 7} {
				_ = d.Remove(segmentOf(seq))
			}
		},
	} {
		disk := journaltest.NewFaultFS(1)
		s, _ := marked(t, disk, 8, 5, 8)
		closeStore(t, s)
		b, err := disk.ReadFile(segmentOf(7))
		if err != nil {
			t.Fatal(err)
		}
		damage(disk, b)
		before, _ := disk.ReadFile(segmentOf(7))
		for range 2 {
			if _, err := journal.Open("/data", journal.Options{FS: disk}); !errors.Is(err, journal.ErrCorrupt) {
				t.Errorf("%s: open: %v", name, err)
			}
		}
		if after, _ := disk.ReadFile(segmentOf(7)); !bytes.Equal(before, after) {
			t.Errorf("%s: the log was changed", name)
		}
	}
}

// Checkpoints that cannot be started from are passed over for the one before.
func TestCheckpointsPassedOver(t *testing.T) {
	for _, tt := range []struct {
		name   string
		damage func(d *journaltest.FaultFS)
		left   int
		aside  bool
	}{
		{"a bit of the newest", func(d *journaltest.FaultFS) { d.Flip("/data/checkpoints/0000000000000008.ckpt", 90, 1) }, 1, false},
		{"the newest under an older name", func(d *journaltest.FaultFS) {
			b, _ := d.ReadFile("/data/checkpoints/0000000000000008.ckpt")
			d.Plant("/data/checkpoints/0000000000000007.ckpt", b)
		}, 2, false},
		{"a half written one", func(d *journaltest.FaultFS) { d.Plant("/data/checkpoints/new.tmp", []byte("JTC1")) }, 2, false},
		{"an empty one", func(d *journaltest.FaultFS) { d.Plant("/data/checkpoints/0000000000000008.ckpt", nil) }, 1, false},
		{"a short object file", func(d *journaltest.FaultFS) {
			b, _ := d.ReadFile("/data/objects/0000000000000001.obj")
			d.Plant("/data/objects/0000000000000001.obj", b[:len(b)-1])
		}, 1, true},
		{"no object file", func(d *journaltest.FaultFS) { _ = d.Remove("/data/objects/0000000000000001.obj") }, 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			disk := journaltest.NewFaultFS(1)
			s, marks := marked(t, disk, 9, 5, 8)
			closeStore(t, s)
			tt.damage(disk)
			for range 2 {
				s = open(t, "/data", journal.Options{FS: disk})
				journaltest.Marks(t, s, marks[2-tt.left:]...)
				if r, err := s.Verify(); err != nil || r.Checkpoints != tt.left {
					t.Errorf("verify: %+v, %v", r, err)
				}
				closeStore(t, s)
			}
			if aside, _ := disk.ReadDir("/data/torn"); tt.aside != (len(aside) > 0) {
				t.Errorf("set aside: %q", aside)
			}
			if _, err := disk.Stat("/data/checkpoints/new.tmp"); err == nil {
				t.Error("the temporary file is left")
			}
		})
	}
}

// A checkpoint of another log is not started from, even if its seq is there.
func TestCheckpointOfAnotherLog(t *testing.T) {
	disk := journaltest.NewFaultFS(1)
	s, _ := marked(t, disk, 9, 8)
	closeStore(t, s)
	b, _ := disk.ReadFile("/data/checkpoints/0000000000000008.ckpt")
	other := journaltest.NewFaultFS(1)
	s = open(t, "/data", journal.Options{FS: other, SegmentSize: 3 * frameSize})
	for range 9 {
		journaltest.Append(t, s, 1, []byte("another log"))
	}
	want := journaltest.Frames(t, s, 1)
	closeStore(t, s)
	other.Plant("/data/checkpoints/0000000000000008.ckpt", b)
	// Damage before the segment that it would be trusted from has to be seen.
	s = open(t, "/data", journal.Options{FS: other})
	journaltest.Marks(t, s)
	journaltest.Same(t, journaltest.Frames(t, s, 1), want)
	closeStore(t, s)
	other.Plant("/data/checkpoints/0000000000000008.ckpt", b)
	other.Flip(segmentOf(1), 90, 1)
	if _, err := journal.Open("/data", journal.Options{FS: other}); !errors.Is(err, journal.ErrCorrupt) {
		t.Errorf("open: %v", err)
	}
}

// The order in which a checkpoint reaches the disk.
func TestCheckpointOrder(t *testing.T) {
	disk := journaltest.NewFaultFS(1)
	s, _ := marked(t, disk, 2, 1)
	f, err := s.Objects().Open(1)
	if err != nil {
		t.Fatal(err)
	}
	disk.Events()
	journaltest.Mark(t, s, journaltest.Grow(t, f, []byte("more")), "")
	events, at := disk.Events(), -1
	for _, step := range []journaltest.Event{
		{Op: journaltest.OpWrite, Name: "objects/"},
		{Op: journaltest.OpSync, Name: "objects/"},
		{Op: journaltest.OpCreate, Name: "checkpoints/new.tmp"},
		{Op: journaltest.OpWrite, Name: "checkpoints/new.tmp"},
		{Op: journaltest.OpSync, Name: "checkpoints/new.tmp"},
		{Op: journaltest.OpRename, Name: "checkpoints/0000000000000002.ckpt"},
		{Op: journaltest.OpSyncDir, Name: "checkpoints"},
	} {
		if at = index(events, at+1, step.Op, step.Name); at < 0 {
			t.Fatalf("no %s of %s in its place, of %v", step.Op, step.Name, events)
		}
	}
}

// Whatever stops WriteCheckpoint, at any step: afterwards the newest is the new
// one or the one before, its objects are what was appended, and at least one is
// there; the log goes on.
func TestCrashesOfCheckpoints(t *testing.T) {
	newer, older := 0, 0
	for seed := range uint64(144) {
		disk := journaltest.NewFaultFS(seed)
		s, marks := marked(t, disk, 6, 2, 4, 6)
		f, err := s.Objects().Open(1)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := disk.ReadFile("/data/objects/0000000000000001.obj")
		more := bytes.Repeat([]byte("more"), 500)
		want = append(want, more...)
		journaltest.Append(t, s, 1, nil)
		seq, chain := s.Last()
		c := journal.Checkpoint{Seq: seq, Chain: chain, Epoch: 1, Objects: journaltest.Grow(t, f, more), Payload: []byte("new")}
		switch {
		case seed%4 == 3:
			op := []journaltest.Op{journaltest.OpSync, journaltest.OpWrite, journaltest.OpRename, journaltest.OpSyncDir, journaltest.OpCreate, journaltest.OpRemove}[seed/4%6]
			part := []string{"checkpoints", "objects"}[seed/24%2]
			disk.Inject(journaltest.Once(op, part, []error{syscall.EIO, syscall.ENOSPC}[seed/48%2]))
		default:
			disk.StopAfter(1 + int(seed%12))
		}
		err = s.WriteCheckpoint(c)
		if err != nil && !errors.Is(err, journaltest.ErrDown) && !errors.Is(err, syscall.EIO) && !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if seed%5 == 0 {
			disk.Kill()
		} else {
			disk.Crash()
		}
		disk.Inject(noReserve)
		s = open(t, "/data", journal.Options{FS: disk, SegmentSize: 3 * frameSize})
		got, cerr := s.Checkpoints()
		switch {
		case cerr != nil || len(got) == 0:
			t.Fatalf("seed %d: after %v there is no checkpoint: %v", seed, err, cerr)
		case journaltest.SameMark(got[0], c):
			newer++
		case err == nil || !journaltest.SameMark(got[0], marks[0]):
			t.Fatalf("seed %d: after %v the newest is %+v", seed, err, got[0])
		default:
			older++
		}
		journaltest.Object(t, s, 1, want[:got[0].Objects.Length])
		if r, err := s.Verify(); err != nil || len(r.Problems) > 0 {
			t.Fatalf("seed %d: verify: %+v, %v", seed, r, err)
		}
		f, err = s.Objects().Open(1)
		if err != nil {
			t.Fatal(err)
		}
		journaltest.Append(t, s, 1, nil)
		journaltest.Mark(t, s, journaltest.Grow(t, f, []byte("goes on")), "")
		disk.Crash()
		s = open(t, "/data", journal.Options{FS: disk})
		if r, err := s.Verify(); err != nil || len(r.Problems) > 0 || r.Checkpoints < 2 {
			t.Fatalf("seed %d: verify: %+v, %v", seed, r, err)
		}
	}
	if newer < 25 || older < 25 {
		t.Errorf("the new one was there %d times, the old one %d times: this tests little", newer, older)
	}
}

// A sync of an object file that failed is not tried again, and no checkpoint
// rests on that file; one of a later generation is taken.
func TestObjectSyncDoesNotForgive(t *testing.T) {
	disk := journaltest.NewFaultFS(1)
	s, marks := marked(t, disk, 4, 3)
	f, err := s.Objects().Open(1)
	if err != nil {
		t.Fatal(err)
	}
	e := journaltest.Grow(t, f, []byte("lost"))
	disk.Inject(journaltest.Once(journaltest.OpSync, "/objects/", syscall.EIO))
	seq, chain := s.Last()
	for range 2 {
		if err := s.WriteCheckpoint(journal.Checkpoint{Seq: seq, Chain: chain, Objects: e}); !errors.Is(err, syscall.EIO) {
			t.Errorf("checkpoint: %v", err)
		}
	}
	journaltest.Marks(t, s, marks...)
	next, err := s.Objects().Begin()
	if err != nil {
		t.Fatal(err)
	}
	c := journaltest.Mark(t, s, journaltest.Grow(t, next, []byte("again")), "")
	journaltest.Append(t, s, 1, nil) // the log is not concerned
	disk.Crash()
	s = open(t, "/data", journal.Options{FS: disk})
	journaltest.Marks(t, s, append([]journal.Checkpoint{c}, marks...)...)
}

// Object bytes that change on disk are found by Verify.
func TestVerifyFindsObjects(t *testing.T) {
	disk := journaltest.NewFaultFS(1)
	s, _ := marked(t, disk, 8, 3, 8)
	disk.Flip("/data/objects/0000000000000001.obj", 900, 3)
	r, err := s.Verify()
	if err != nil || len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "0000000000000001.obj") {
		t.Errorf("verify: %+v, %v", r, err)
	}
	disk.Flip("/data/objects/0000000000000001.obj", 900, 3)
	disk.Flip("/data/checkpoints/0000000000000003.ckpt", 9, 3)
	r, err = s.Verify()
	if err != nil || len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "0000000000000003.ckpt") {
		t.Errorf("verify: %+v, %v", r, err)
	}
}
